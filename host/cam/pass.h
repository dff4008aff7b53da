/* pass.h - one way to get from images to maps. Rows that want the same network passes share a pass; the engine runs them one after the other.
 *
 *     gradient_pass.c      one forward, one backward: the methods that are a formula of A and g
 *     second_order.c       and Hessian-vector products: SSG-CAM with exact second order
 *     smoothgradcampp.c    gradients of noisy inputs
 *     scorecam.c           scores of masked inputs */
#ifndef SSG_CAM_PASS_H
#define SSG_CAM_PASS_H

#include <ssgcam/method.h>

#include "host/net/plan.h"
#include "kernels/ops.h"

typedef struct ssg_pass ssg_pass;

typedef struct ssg_pass_setup {
    ssg_device *device;
    const ssg_model *model;
    ssg_shape input; /* dims[0] is the batch N */
    int nhwc, classes, keep_sign, narrow_taps;
    size_t chunk_bytes; /* device memory that samples, probes or masks may take at once */
    ssg_precision precision;
    const char *const *layers; /* distinct; borrowed during creation */
    int layer_count;
    ssgcam_method_options method; /* its target, probes, samples, noise and seed hold for all rows of the pass */
} ssg_pass_setup;

typedef struct ssg_pass_kind {
    size_t size;      /* of the struct that begins with an ssg_pass */
    int needs_images; /* run() reads the images */
    int narrow_taps;  /* maps() takes activations and gradients in 16 bits */

    /* Makes pass->plan and whatever else; setup is pass->setup. */
    ssgcam_status (*create)(ssg_pass *pass);

    /* What is needed before maps(), after the forward pass of pass->plan: chosen[c * N + n] is the c-th class of image n. */
    ssgcam_status (*run)(ssg_pass *pass, const float *images, const int64_t *chosen);

    /* The raw maps [C * N][height][width] of one layer by some methods of this pass, at most SSG_MAPS_TOGETHER. */
    void (*maps)(ssg_pass *pass, int layer, const ssgcam_method_options *const *methods, size_t count, float *const *maps, void *scratch);

    /* Activation and gradient of a layer; the gradient NULL where the method has none. */
    void (*tap)(const ssg_pass *pass, int layer, ssg_tap *tap);

    /* Frees what create() made, except the plan. */
    void (*clear)(ssg_pass *pass);
} ssg_pass_kind;

struct ssg_pass {
    const ssg_pass_kind *kind;
    ssg_pass_setup setup;
    ssg_plan *plan; /* on the images as they are */
    size_t memory;  /* bytes besides the plan's */
};

extern const ssg_pass_kind ssg_gradient_pass, ssg_second_order_pass, ssg_smoothgradcampp_pass, ssg_scorecam_pass;

/* ---- what passes share ----------------------------------------------------------------------------------------------------------- */

ssg_features ssg_pass_features(const ssg_placed *placed, const void *data);

/* Floats of one input image. */
size_t ssg_pass_image_floats(const ssg_pass_setup *setup);

/* Makes the plan on the pass's own layers; classes 0: forward only. */
ssgcam_status ssg_pass_plan(ssg_plan **plan, const ssg_pass_setup *setup, int images, int classes, int directions);

/* How many of `count` things to take at once if each needs `bytes` of device memory: as few chunks as chunk_bytes allows, all of about the same size.
 */
int ssg_pass_chunk(const ssg_pass_setup *setup, int count, size_t bytes);

ssg_map_spec ssg_pass_spec(const ssg_pass *pass, ssg_map_kind kind, const ssgcam_method_options *method);

/* Zeroed device memory that counts in pass->memory. */
ssgcam_status ssg_pass_room(ssg_pass *pass, size_t bytes, float **memory);

#endif
