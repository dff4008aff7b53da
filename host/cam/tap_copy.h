/* tap_copy.h - an activation or gradient out of device memory, in plain order. */
#ifndef SSG_CAM_TAP_COPY_H
#define SSG_CAM_TAP_COPY_H

#include "host/cam/engine.h"

typedef enum ssg_tap_tensor { SSG_TAP_ACTIVATION, SSG_TAP_GRADIENT, SSG_TAP_SECOND } ssg_tap_tensor;

/* A tensor of a row's layer for one batch row: values[K][H][W] in fresh memory (ssg_free), dims = {K, H, W}. NULL where the method has no such
 * tensor: Score-CAM no gradient, only exact second order a diagonal of the Hessian. */
ssgcam_status ssg_tap_copy(float **values, size_t dims[3], ssg_device *device, const ssg_cam *cam, int row, ssg_tap_tensor what, size_t batch_row);

#endif
