/* launch.cuh - what every kernel file needs: launching through a function, indices, sums over warps and blocks.
 *
 * Kernels take one structure by value, never allocate and never wait. Float arithmetic is written out (fmaf where a fused multiply-add is meant) and
 * compiled without contraction, so that the same source gives the same bits wherever it runs. */
#ifndef SSG_KERNELS_CUDA_LAUNCH_CUH
#define SSG_KERNELS_CUDA_LAUNCH_CUH

#include <cuda_runtime.h>
#include <math.h>
#include <stdint.h>

#include "kernels/cuda/cuda.h"

enum : unsigned { SSG_WARP = 32, SSG_THREADS = 256, SSG_ALL_LANES = 0xffffffffu };

extern __shared__ unsigned char ssg_shared[]; /* asked for at launch; carved by the kernel */

/* The stream comes last in CUDA's own order of arguments; here it comes with the run. */
template <typename Job>
static void ssg_launch(const ssg_run *run, const char *name, void (*kernel)(Job), const Job &job, size_t blocks, unsigned threads, size_t shared)
{
    ssg_cuda_stream *stream = (ssg_cuda_stream *)run->stream;
    if (stream->failed || blocks == 0) return;
    cudaError_t error = blocks > 0x7fffffff ? cudaErrorInvalidConfiguration : cudaSuccess;
    if (error == cudaSuccess && shared > 48 << 10)
        error = cudaFuncSetAttribute((const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared);
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3((unsigned)blocks);
    config.blockDim = dim3(threads);
    config.dynamicSmemBytes = shared;
    config.stream = (cudaStream_t)stream->handle;
    if (error == cudaSuccess) error = cudaLaunchKernelEx(&config, kernel, job);
    if (error == cudaSuccess) return;
    (void)cudaGetLastError(); /* reported through the stream, not by some later call */
    stream->failed = (int)error;
    stream->failed_kernel = name;
}

static inline size_t ssg_blocks_for(size_t count, size_t per_block)
{
    return (count + per_block - 1) / per_block;
}

/* ---- in kernels --------------------------------------------------------------------------------------------------------------------- */

static __device__ __forceinline__ size_t ssg_thread_index()
{
    return (size_t)blockIdx.x * blockDim.x + threadIdx.x;
}

/* Element (row, k, pixel) of a feature tensor in blocks of channels. */
static __device__ __forceinline__ size_t ssg_feature_at(size_t row, size_t k, size_t pixel, size_t channels, size_t pixels, size_t block)
{
    if (block == 1) return (row * channels + k) * pixels + pixel;
    size_t blocks = (channels + block - 1) / block;
    return ((row * blocks + k / block) * pixels + pixel) * block + k % block;
}

template <typename T> static __device__ __forceinline__ T ssg_warp_sum(T v)
{
    for (int lane = 16; lane > 0; lane /= 2) v += __shfl_xor_sync(SSG_ALL_LANES, v, lane);
    return v;
}

/* The sum over a block of whole warps, given to every thread. `room`: shared memory for 32 values; free again after the call's second barrier. */
template <typename T> static __device__ __forceinline__ T ssg_block_sum(T v, T *room)
{
    v = ssg_warp_sum(v);
    if (threadIdx.x % SSG_WARP == 0) room[threadIdx.x / SSG_WARP] = v;
    __syncthreads();
    T sum = 0;
    for (unsigned w = 0; w < blockDim.x / SSG_WARP; w++) sum += room[w];
    __syncthreads();
    return sum;
}

#endif
