#include "host/fuse/float_fusion.h"

#include <string.h>

#include "host/base/alloc.h"

static const float pgc_epsilon = 1e-7F;

ssgcam_status ssg_float_fusion(float *fused, size_t H, size_t W, ssg_fusion_layer *layers, size_t count, ssg_fusion_order order, int threads)
{
    const ssg_ops *ops = ssg_ops_cpu();
    const ssg_run run = {.threads = threads};
    const int pgc = order == SSG_FUSION_PGC;
    const float epsilon = pgc ? pgc_epsilon : 0;
    float total = 0, *resized = ssg_alloc_aligned(H * W, sizeof *resized);
    uint8_t flags;
    if (!resized) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++) total += layers[i].weight;
    memset(fused, 0, H * W * sizeof *fused);
    for (size_t i = 0; i < count; i++) {
        ssg_fusion_layer *l = &layers[i];
        for (size_t k = 0; k < l->height * l->width; k++) l->map[k] = l->map[k] < 0 ? 0 : l->map[k]; /* a kept sign; NaN stays */
        ops->normalise(&run, l->map, 1, l->height * l->width, epsilon, &l->flags);
        ops->resize(&run, &(ssg_place){l->map, resized}, 1, H, W, l->height, l->width);
        ops->accumulate(&run, fused, resized, H * W, pgc ? 1 / (float)count : l->weight / total, pgc ? 1 : l->power);
    }
    ops->normalise(&run, fused, 1, H * W, epsilon, &flags);
    ssg_free(resized);
    return SSGCAM_OK;
}
