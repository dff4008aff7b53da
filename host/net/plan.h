/* plan.h - a network made ready for one input shape on one device: steps in order, layouts settled, memory placed by lifetime.
 *
 *     ssg_plan_create(&plan, device, model, &options);
 *     ssg_plan_forward(plan, images);             class scores can be read
 *     ssg_plan_backward_classes(plan, classes);   activations and gradients at the taps can be read
 *     ssg_plan_second(plan, directions);          Hessian-vector products can be read (plans made for them; as often as wanted)
 *
 * A plan is used by one thread at a time. Plans of one device share packed weights. Only what brings bytes to the host waits for the device. */
#ifndef SSG_NET_PLAN_H
#define SSG_NET_PLAN_H

#include <ssgcam/method.h>

#include "host/device/device.h"

typedef struct ssg_plan ssg_plan;

typedef struct ssg_plan_options {
    ssg_shape input;         /* concrete, in the model's own order (NCHW or NHWC); dims[0] is the batch N */
    const char *const *taps; /* names of ONNX values whose activations and gradients are wanted */
    int tap_count;
    int classes; /* C: gradients for that many classes of each image in one batch; 0: forward only */
    ssg_precision precision;
    ssgcam_target target; /* the function of the logits that is differentiated */
    int narrow_taps;      /* taps in 16 bits may stay so, where the device's map stage reads them */
    int directions;       /* P: Hessian-vector products for that many directions of each gradient in one sweep; 0: none */
} ssg_plan_options;

ssgcam_status ssg_plan_create(ssg_plan **out, ssg_device *device, const ssg_model *model, const ssg_plan_options *options);
void ssg_plan_destroy(ssg_plan **plan);

/* The number of class scores per image (all non-batch dimensions of the logits). */
int64_t ssg_plan_class_count(const ssg_plan *plan);

/* Runs the forward pass on float32 images of the input shape, in host memory. */
ssgcam_status ssg_plan_forward(ssg_plan *plan, const float *images);

/* The same for images that are on their way to the device (ssg_device_interface.send). */
ssgcam_status ssg_plan_forward_sent(ssg_plan *plan, ssg_lane *images);

/* Copies the logits [N][classes] of the last forward pass, or the model's own output, to host memory. */
ssgcam_status ssg_plan_scores(ssg_plan *plan, float *logits);
ssgcam_status ssg_plan_output(ssg_plan *plan, float *output);

/* The logits to device memory, in order with the steps. */
ssgcam_status ssg_plan_keep_scores(ssg_plan *plan, void *logits);

/* Runs the backward pass. seeds: [C * N][classes], class-major (row c * N + n): the gradient of the wanted quantity with respect to the target. At
 * most one backward pass may follow each forward pass: it reuses the memory of activations that it has read for the last time. */
ssgcam_status ssg_plan_backward(ssg_plan *plan, const float *seeds);

/* The same for class scores themselves: chosen[c * N + n] is the c-th class of image n (one-hot seeds). */
ssgcam_status ssg_plan_backward_classes(ssg_plan *plan, const int64_t *chosen);

/* Fails with a sentence if one of the classes does not exist. */
ssgcam_status ssg_plan_check_classes(const ssg_plan *plan, const int64_t *chosen, size_t count);

/* Moves all taps along directions[tap], each [P * C * N][K][H][W] in host memory (row (p * C + c) * N + n), and works out how the gradients change:
 * products of the Hessian of the target in all taps together (host/net/tangent.h). Follows a backward pass; may be called again with other
 * directions. */
ssgcam_status ssg_plan_second(ssg_plan *plan, const float *const *directions);

/* Tap i after the passes, in device memory, all in the same layout and float32 (or that of plan_options.narrow_taps): activation of N rows, gradient
 * of C * N rows, direction and product of P * C * N rows. */
typedef struct ssg_tap {
    const char *name;
    ssg_placed activation_placed, gradient_placed, product_placed;
    const void *activation, *gradient; /* gradient NULL for a forward-only plan */
    float gradient_scale;              /* what a gradient of 1 stands for; 1 unless it is fp16 */
    const void *direction, *product;   /* NULL without directions */
    const void *second;                /* not the plan's: the estimated diagonal second derivatives, like the gradient; NULL where there are none */
} ssg_tap;
void ssg_plan_tap(const ssg_plan *plan, int i, ssg_tap *tap);

/* Bytes of device memory that the plan's tensors take (weights not counted). */
size_t ssg_plan_memory(const ssg_plan *plan);

#endif
