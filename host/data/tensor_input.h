/* tensor_input.h - an image becomes the network's input. */
#ifndef SSG_DATA_TENSOR_INPUT_H
#define SSG_DATA_TENSOR_INPUT_H

#include <ssgcam/preprocess.h>

#include "host/data/image.h"

/* A rectangle of an image, in its pixels. */
typedef struct ssg_region {
    int x, y, width, height;
} ssg_region;

/* The part of a width x height image that the network sees: all of it, or with SSGCAM_RESIZE_CROP its centre. */
ssg_region ssg_preprocess_region(const ssgcam_preprocess *preprocess, int width, int height, int network_height, int network_width);

/* Resizes and crops `image` (of 1 or 3 channels, as preprocess->channels wants) to height x width and writes float32 in C H W order, or H W C if
 * `nhwc`. */
ssgcam_status ssg_preprocess_image(float *tensor, const ssgcam_preprocess *preprocess, const ssg_image *image, int height, int width, int nhwc);

/* Refuses an array with a value that is not finite, and says where: a network may well hide it (the ReLU of what is not a number can be 0). `dims`:
 * the three of one image, in the order of the array. */
ssgcam_status ssg_tensor_check(const float *tensor, const int64_t dims[3]);

/* Turns such a tensor left to right, in place. */
void ssg_preprocess_mirror(float *tensor, int channels, int height, int width, int nhwc);

#endif
