/* float_fusion.h - the raw maps of several layers become one float map, in host memory. */
#ifndef SSG_FUSE_FLOAT_FUSION_H
#define SSG_FUSE_FLOAT_FUSION_H

#include "host/base/status.h"
#include "kernels/ops.h"

typedef enum ssg_fusion_order {
    SSG_FUSION_OWN, /* normalise each layer, resize, raise to its power, mix with its weight, normalise */
    SSG_FUSION_PGC  /* pytorch-grad-cam: relu, min-max, resize, plain mean, min-max; 1e-7 in both divisors */
} ssg_fusion_order;

typedef struct ssg_fusion_layer {
    float *map; /* raw, height x width; overwritten by its normalised form */
    size_t height, width;
    float weight, power; /* not read by SSG_FUSION_PGC */
    uint8_t flags;       /* out: SSG_MAP_CONSTANT, SSG_MAP_NAN; such a layer adds nothing */
} ssg_fusion_layer;

/* fused: H x W, in [0, 1]; all zero if no layer varies. */
ssgcam_status ssg_float_fusion(float *fused, size_t H, size_t W, ssg_fusion_layer *layers, size_t count, ssg_fusion_order order, int threads);

#endif
