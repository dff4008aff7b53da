/* fuse.cu - what stands around the way onto the grid (grid.cu): normalise, accumulate, resize a mixture.
 *
 *     normalise     (x - min) / (max - min + epsilon)  one block a map: two reads (the second from L2), one write
 *     accumulate    total += weight from^power         one thread a value
 *     resize_fused  as fixed_point.h states it         one thread an output pixel */
#include <cub/block/block_reduce.cuh>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ops.cuh"
#include "kernels/fixed_point.h"

/* ---- normalise ------------------------------------------------------------------------------------------------------------------------ */

struct ssg_normalise_job {
    float *maps;
    size_t pixels;
    float epsilon;
    uint8_t *flags;
};

/* Of some values: the least, the largest, and the sum of x - x, which is NaN for NaN and infinities alone. */
struct ssg_range {
    float low, high, suspicion;
};

struct ssg_wider {
    __device__ __forceinline__ ssg_range operator()(const ssg_range &a, const ssg_range &b) const
    {
        return {b.low < a.low ? b.low : a.low, b.high > a.high ? b.high : a.high, a.suspicion + b.suspicion};
    }
};

typedef cub::BlockReduce<ssg_range, SSG_THREADS> ssg_range_of_block;

struct ssg_normalise_room {
    ssg_range_of_block::TempStorage parts;
    ssg_range all;
};

__global__ void __launch_bounds__(SSG_THREADS) ssg_normalise_kernel(ssg_normalise_job j)
{
    ssg_normalise_room *room = (ssg_normalise_room *)ssg_shared;
    float *map = j.maps + (size_t)blockIdx.x * j.pixels;
    ssg_range range = {map[0], map[0], 0};
    for (size_t i = threadIdx.x; i < j.pixels; i += blockDim.x) range = ssg_wider()(range, {map[i], map[i], map[i] - map[i]});
    range = ssg_range_of_block(room->parts).Reduce(range, ssg_wider());
    if (threadIdx.x == 0) room->all = range;
    __syncthreads();
    range = room->all;
    int flag = range.suspicion != 0 ? SSG_MAP_NAN : range.high > range.low ? 0 : SSG_MAP_CONSTANT; /* NaN != 0 */
    float divisor = (range.high - range.low) + j.epsilon;
    for (size_t i = threadIdx.x; i < j.pixels; i += blockDim.x) map[i] = flag ? 0 : (map[i] - range.low) / divisor;
    if (threadIdx.x == 0) j.flags[blockIdx.x] = (uint8_t)flag;
}

void ssg_cuda_normalise(const ssg_run *run, float *maps, size_t rows, size_t pixels, float epsilon, uint8_t *flags)
{
    ssg_normalise_job j = {maps, pixels, epsilon, flags};
    ssg_launch(run, "normalise", ssg_normalise_kernel, j, rows, SSG_THREADS, sizeof(ssg_normalise_room));
}

/* ---- accumulate -------------------------------------------------------------------------------------------------------------------- */

struct ssg_accumulate_job {
    float *total;
    const float *from;
    size_t count;
    float weight, power;
};

__global__ void __launch_bounds__(SSG_THREADS) ssg_accumulate_kernel(ssg_accumulate_job j)
{
    size_t i = ssg_thread_index();
    if (i < j.count) j.total[i] += j.weight * (j.power == 1 ? j.from[i] : powf(j.from[i], j.power));
}

void ssg_cuda_accumulate(const ssg_run *run, float *total, const float *from, size_t count, float weight, float power)
{
    ssg_accumulate_job j = {total, from, count, weight, power};
    ssg_launch(run, "accumulate", ssg_accumulate_kernel, j, ssg_blocks_for(count, SSG_THREADS), SSG_THREADS, 0);
}

/* ---- fused maps to the image's size ---------------------------------------------------------------------------------------------------------- */

struct ssg_resize_fused_job {
    int16_t *to;
    const int16_t *from;
    size_t H, W, h, w;
};

__global__ void __launch_bounds__(SSG_THREADS) ssg_resize_fused_kernel(ssg_resize_fused_job j)
{
    size_t i = ssg_thread_index();
    if (i >= j.H * j.W) return;
    ssg_fixed_sample v = ssg_fixed_sample_at(i / j.W, j.H, j.h), u = ssg_fixed_sample_at(i % j.W, j.W, j.w);
    const int16_t *top = j.from + v.low * j.w, *bottom = j.from + v.high * j.w;
    j.to[i] = ssg_fixed_blend(top[u.low], top[u.high], bottom[u.low], bottom[u.high], u.fraction, v.fraction);
}

void ssg_cuda_resize_fused(const ssg_run *run, int16_t *to, size_t H, size_t W, const int16_t *from, size_t h, size_t w)
{
    ssg_resize_fused_job j = {to, from, H, W, h, w};
    ssg_launch(run, "resize_fused", ssg_resize_fused_kernel, j, ssg_blocks_for(H * W, SSG_THREADS), SSG_THREADS, 0);
}

/* ---- code for this GPU ------------------------------------------------------------------------------------------------------------------- */

int ssg_cuda_ask_for_code(void)
{
    cudaFuncAttributes attributes;
    return (int)cudaFuncGetAttributes(&attributes, (const void *)ssg_accumulate_kernel);
}
