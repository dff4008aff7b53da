/* smooth.cuh - SSG-CAM's smoothing of both orders, fused with the weighted sum over channels. */
#ifndef SSG_KERNELS_CUDA_SMOOTH_CUH
#define SSG_KERNELS_CUDA_SMOOTH_CUH

#include "kernels/ops.h"

/* Sums of a channel's W that ssg_cuda_smooth_weights may need, at most, for each row and channel: one a tile. */
size_t ssg_cuda_smooth_tiles(const ssg_features *gradient);

/* relu(sum_k W_k A_k) with element-wise W, the ReLU unless specs[i].keep_sign: maps[i] is [rows][H][W]. As many as go together are made from one load
 * of g and A. second: h, or NULL for g g. partial: ssg_cuda_smooth_outputs(count) x ssg_cuda_groups(K) x rows x H x W floats. */
void ssg_cuda_smooth(const ssg_run *run, const ssg_map_spec *specs, size_t count, const ssg_features *activation, const ssg_features *gradient,
                     const float *second, float *const *maps, float *partial);
size_t ssg_cuda_smooth_outputs(size_t count);

/* weights[row][k]: the mean of W over space. sums: rows x K x ssg_cuda_smooth_tiles() floats. */
void ssg_cuda_smooth_weights(const ssg_run *run, const ssg_map_spec *spec, const ssg_features *gradient, const float *second, float *weights,
                             float *sums);

#endif
