/* tap_copy.h - an activation or gradient out of device memory, in plain order. */
#ifndef SSG_CAM_TAP_COPY_H
#define SSG_CAM_TAP_COPY_H

#include "host/cam/engine.h"

/* The activation (gradient 0) or gradient of a row's layer for one batch row: values[K][H][W] in fresh memory (ssg_free), dims = {K, H, W}. */
ssgcam_status ssg_tap_copy(float **values, size_t dims[3], ssg_device *device, const ssg_cam *cam, int row, int gradient, size_t batch_row);

#endif
