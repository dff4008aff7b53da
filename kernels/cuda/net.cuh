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

/* The offset of row-major element `index` of the axes in an operand with these strides. */
static __device__ __forceinline__ size_t ssg_strided(size_t index, const ssg_net_axes &axes, const ssg_net_strides &s)
{
    int64_t offset = 0;
#pragma unroll
    for (int i = SSG_NET_RANK - 1; i >= 0; i--) {
        if (i >= axes.rank) continue;
        size_t dim = (size_t)axes.dims[i];
        offset += (int64_t)(index % dim) * s.along[i];
        index /= dim;
    }
    return (size_t)offset;
}

#endif
