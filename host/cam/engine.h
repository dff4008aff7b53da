/* engine.h - raw class activation maps of a batch of images: network passes, then one map per (method row, class, image).
 *
 * A row is a layer with a method. Rows that want the same network passes share them (pass.h): all methods that are formulas of activation and
 * gradient need one forward and one backward pass together. */
#ifndef SSG_CAM_ENGINE_H
#define SSG_CAM_ENGINE_H

#include <ssgcam/method.h>

#include "host/net/plan.h"

typedef struct ssg_cam_row {
    const char *layer; /* ONNX value name; borrowed, must outlive the engine */
    ssgcam_method_options method;
} ssg_cam_row;

typedef struct ssg_cam_options {
    ssg_shape input;         /* concrete; dims[0] is the batch N */
    int nhwc;                /* the input's order */
    const ssg_cam_row *rows; /* copied */
    int row_count;
    int classes; /* C per image */
    ssg_precision precision;
    int keep_sign;      /* raw signed maps */
    size_t chunk_bytes; /* device memory that samples, probes or masks may take at once; 0: 512 MiB. Changes no result */
} ssg_cam_options;

typedef struct ssg_cam ssg_cam;

ssgcam_status ssg_cam_create(ssg_cam **out, ssg_device *device, const ssg_model *model, const ssg_cam_options *options);
void ssg_cam_destroy(ssg_cam **cam);

/* Forward pass; `logits` (may be NULL) receives [N][class count]. */
ssgcam_status ssg_cam_forward(ssg_cam *cam, const float *images, float *logits);

/* The same for images that are on their way to the device (ssg_device_interface.send) as well as in host memory. The logits go to device memory, so
 * that nothing waits. */
ssgcam_status ssg_cam_forward_sent(ssg_cam *cam, ssg_lane *sent, const float *images, void *logits);

/* Backward pass for chosen[c * N + n] and all maps. Follows ssg_cam_forward on the same images. */
ssgcam_status ssg_cam_backward(ssg_cam *cam, const int64_t *chosen);

/* The raw maps of a row in device memory: [C * N][height][width], class-major; overwritten by the next pass. The caller may normalise them in place,
 * and downloads what it wants to look at. */
float *ssg_cam_maps(const ssg_cam *cam, int row, int *height, int *width);

/* The tap (activation and gradient) behind a row, for saving tensors. */
void ssg_cam_tap(const ssg_cam *cam, int row, ssg_tap *tap);

/* Waits for the last passes and gives their milliseconds: forward, backward, maps. */
ssgcam_status ssg_cam_times(const ssg_cam *cam, double ms[3]);

/* Bytes of device memory in use by the plan and the maps. */
size_t ssg_cam_memory(const ssg_cam *cam);

#endif
