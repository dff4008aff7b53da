/* net.cuh - indices of strided walks. */
#ifndef SSG_KERNELS_CUDA_NET_CUH
#define SSG_KERNELS_CUDA_NET_CUH

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/net.h"

static inline size_t ssg_axes_count(const ssg_net_axes &axes)
{
    size_t count = 1;
    for (int i = 0; i < axes.rank; i++) count *= (size_t)axes.dims[i];
    return count;
}

/* Leaves out axes of one element and takes neighbours as one that all operands go along in even steps: of tensors without gaps or repetitions one
 * axis is left, for which a thread divides nothing. Elements keep their numbers. */
static inline void ssg_merge_axes(ssg_net_axes *axes, ssg_net_strides *const *operands, int count)
{
    int rank = 0;
    for (int i = 0; i < axes->rank; i++) {
        int64_t dim = axes->dims[i];
        if (dim == 1) continue;
        int joins = rank > 0;
        for (int o = 0; o < count; o++) joins = joins && operands[o]->along[rank - 1] == operands[o]->along[i] * dim;
        if (!joins) axes->dims[rank++] = 1;
        axes->dims[rank - 1] *= dim;
        for (int o = 0; o < count; o++) operands[o]->along[rank - 1] = operands[o]->along[i];
    }
    axes->rank = rank;
}

/* The offset of row-major element `index` of the axes in an operand with these strides. */
static __device__ __forceinline__ size_t ssg_strided(size_t index, const ssg_net_axes &axes, const ssg_net_strides &s)
{
    int64_t offset = 0;
#pragma unroll
    for (int i = SSG_NET_RANK - 1; i > 0; i--) {
        if (i >= axes.rank) continue;
        size_t dim = (size_t)axes.dims[i], outer = index / dim;
        offset += (int64_t)(index - outer * dim) * s.along[i];
        index = outer;
    }
    return (size_t)(offset + (int64_t)index * s.along[0]);
}

/* The same in two operands. */
static __device__ __forceinline__ void ssg_strided_in_two(size_t at[2], size_t index, const ssg_net_axes &axes, const ssg_net_strides &s,
                                                          const ssg_net_strides &t)
{
    int64_t offset[2] = {0, 0};
#pragma unroll
    for (int i = SSG_NET_RANK - 1; i > 0; i--) {
        if (i >= axes.rank) continue;
        size_t dim = (size_t)axes.dims[i], outer = index / dim;
        offset[0] += (int64_t)(index - outer * dim) * s.along[i];
        offset[1] += (int64_t)(index - outer * dim) * t.along[i];
        index = outer;
    }
    at[0] = (size_t)(offset[0] + (int64_t)index * s.along[0]);
    at[1] = (size_t)(offset[1] + (int64_t)index * t.along[0]);
}

#endif
