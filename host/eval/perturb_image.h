/* perturb_image.h - takes from an image what a map points at, or gives it nothing else. */
#ifndef SSG_EVAL_PERTURB_IMAGE_H
#define SSG_EVAL_PERTURB_IMAGE_H

#include <ssgcam/eval.h>

/* How a preprocessed image lies in memory: C H W, or H W C. */
typedef struct ssg_image_shape {
    size_t channels, height, width;
    int nhwc;
} ssg_image_shape;

/* The pixels of a map from the greatest value to the least; equal ones in reading order. NaN comes last. `keys`: scratch for as many. */
void ssg_pixel_order(uint32_t *order, uint64_t *keys, const float *map, size_t pixels);

/* What pixels are replaced by: each channel smoothed by a Gaussian (border reflected, 4 sigma as scipy.ndimage), its mean, or zero. `scratch` has the
 * size of the image. SSGCAM_PERTURB_ROAD depends on which pixels (road.h): nothing happens here. */
void ssg_perturb_fill(float *fill, const float *image, const ssg_image_shape *shape, ssgcam_perturb_fill kind, double sigma, float *scratch);

/* to = image where a pixel is not among the first `count` of `order`, else fill. */
void ssg_perturb_image(float *to, const float *image, const float *fill, const ssg_image_shape *shape, const uint32_t *order, size_t count);

/* to = image * map in every channel, the map scaled to 0..1 between its least and greatest value; one that is the same everywhere, or has NaN, gives
 * zeros. */
void ssg_perturb_explained(float *to, const float *image, const float *map, const ssg_image_shape *shape);

#endif
