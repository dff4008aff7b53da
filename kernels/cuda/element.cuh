/* element.cuh - elements in memory. A 16-bit one is widened when it is read, which is exact, and rounded to nearest even when it is written; beyond
 * the range of half it becomes infinite. */
#ifndef SSG_KERNELS_CUDA_ELEMENT_CUH
#define SSG_KERNELS_CUDA_ELEMENT_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "kernels/ops.h"

struct ssg_bf16 {
    unsigned short bits;
};
struct ssg_f16 {
    unsigned short bits;
};

static __device__ __forceinline__ float ssg_read(const float *p)
{
    return *p;
}
static __device__ __forceinline__ float ssg_read(const ssg_bf16 *p)
{
    return __bfloat162float(__ushort_as_bfloat16(p->bits));
}
static __device__ __forceinline__ float ssg_read(const ssg_f16 *p)
{
    return __half2float(__ushort_as_half(p->bits));
}

/* Four neighbours, of which the first lies at a multiple of their size. */
static __device__ __forceinline__ float4 ssg_read_four(const float *p)
{
    return *(const float4 *)p;
}
template <typename T> static __device__ __forceinline__ float4 ssg_read_four(const T *p)
{
    ushort4 v = *(const ushort4 *)p;
    T four[4] = {{v.x}, {v.y}, {v.z}, {v.w}};
    return make_float4(ssg_read(four), ssg_read(four + 1), ssg_read(four + 2), ssg_read(four + 3));
}

static __device__ __forceinline__ void ssg_write(float *p, float v)
{
    *p = v;
}
static __device__ __forceinline__ void ssg_write(ssg_bf16 *p, float v)
{
    p->bits = __bfloat16_as_ushort(__float2bfloat16_rn(v));
}
static __device__ __forceinline__ void ssg_write(ssg_f16 *p, float v)
{
    p->bits = __half_as_ushort(__float2half_rn(v));
}

/* call(T *) with the C++ type of the elements. */
template <typename Call> static void ssg_with_element(ssg_element type, Call call)
{
    switch (type) {
    case SSG_ELEMENT_BF16: call((ssg_bf16 *)NULL); break;
    case SSG_ELEMENT_F16: call((ssg_f16 *)NULL); break;
    default: call((float *)NULL); break;
    }
}

/* The type behind the pointer that ssg_with_element gives. */
template <typename T> struct ssg_pointed;
template <typename T> struct ssg_pointed<T *> {
    typedef T type;
};

#endif
