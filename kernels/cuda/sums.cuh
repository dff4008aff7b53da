/* sums.cuh - weighted sums over channels, and the weights of channel-weighted methods. */
#ifndef SSG_KERNELS_CUDA_SUMS_CUH
#define SSG_KERNELS_CUDA_SUMS_CUH

#include "kernels/ops.h"

/* What is summed over the channels at a pixel. */
enum ssg_term {
    SSG_TERM_WEIGHTED,   /* w[row][k] a */
    SSG_TERM_LAYERCAM,   /* relu(g) a */
    SSG_TERM_HIRESCAM,   /* g a */
    SSG_TERM_ELEMENTWISE /* relu(g a) */
};

/* How channels are shared out; by shape alone, so that results do not depend on the device. At most K / 32 groups: their partial maps are a few
 * percent of what is read. */
size_t ssg_cuda_groups(size_t channels);

static inline float ssg_scale_of(const ssg_features *features)
{
    return features->scale != 0 ? features->scale : 1;
}

/* partial: groups x rows x pixels of scratch, unless the number of groups is 1. gradient may be NULL for SSG_TERM_WEIGHTED. */
void ssg_cuda_sum(const ssg_run *run, ssg_term term, const ssg_features *activation, const ssg_features *gradient, const float *weights, size_t rows,
                  size_t groups, int keep_sign, float *maps, float *partial);

/* maps = the groups' partial maps added in order, relu'd unless keep_sign. */
void ssg_cuda_finish(const ssg_run *run, const float *partial, size_t groups, size_t rows, size_t pixels, int keep_sign, float *maps);

/* weights[row][k] of GRADCAM (mean g), XGRADCAM (sum g a / (sum a + 1e-7)), GRADCAMPP, or SMOOTHGRADCAMPP (second: the means of g^2 and g^3). */
void ssg_cuda_channel_weights(const ssg_run *run, ssg_map_kind kind, const ssg_features *activation, const ssg_features *gradient,
                              const float *second, float *weights);

#endif
