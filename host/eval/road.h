/* road.h - remove and debias: removed pixels become what their surroundings say, so that a network sees neither them nor the shape of what is gone
 * (noisy linear imputation of Rong et al., A Consistent and Efficient Evaluation Strategy for Attribution Methods, ICML 2022).
 *
 * Each removed pixel x of each channel equals the weighted mean of its eight neighbours, removed ones too: 1/6 for those beside it, 1/12 for those at
 * its corners, those outside the image left out of the sum and of the weights. That is a symmetric positive definite system with as many equations as
 * pixels are removed; conjugate gradients, preconditioned by multigrid, solve it until the residual is 1e-8 of the right side. Then noise is added.
 */
#ifndef SSG_EVAL_ROAD_H
#define SSG_EVAL_ROAD_H

#include "host/base/philox.h"
#include "host/base/status.h"
#include "host/eval/perturb_image.h"

/* Working memory of one thread. */
typedef struct ssg_road ssg_road;

/* For images of this size. */
ssgcam_status ssg_road_create(ssg_road **out, size_t height, size_t width);
void ssg_road_destroy(ssg_road **road);

/* Replaces the `count` pixels of `image` that `removed` names, each once. Where all are removed there is nothing to go by: they become the mean
 * colour. `noise`: its standard deviation, in the image's unit; drawn from `draws` pixel by pixel in reading order. */
void ssg_road_fill(ssg_road *road, float *image, const ssg_image_shape *shape, const uint32_t *removed, size_t count, double noise, ssg_draws *draws);

#endif
