/* fuse.cu - layer maps become one integer map: normalise, resize, accumulate, quantise, mix.
 *
 *     normalise   (x - min) / (max - min + epsilon)    one block a map: two reads (the second from L2), one write
 *     resize      bilinear, half-pixel centres         one thread an output pixel
 *     quantise    floor(255 clip(resize^power) + 1/2)  the same, a byte out
 *     mix         fused += weight * row                one thread 4 pixels: 4 bytes and 8 bytes in, 8 out
 *
 * Integers are exact; a quantised value may differ from the CPU's by one level where powf does. */
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

/* ---- resize and quantise ----------------------------------------------------------------------------------------------------------------- */

struct ssg_resize_job {
    float *to;
    uint8_t *bytes; /* instead of `to` */
    const float *from;
    size_t H, W, h, w, count;
    float power;
};

/* Output i of N on an axis of n: the two neighbours, and the fraction of the second. Position (2i + 1) n / 2N - 1/2 in whole numbers. */
static __device__ __forceinline__ float ssg_sample(size_t i, size_t N, size_t n, size_t *low, size_t *high)
{
    int64_t at = (int64_t)((2 * i + 1) * n) - (int64_t)N, last = (int64_t)(2 * N * (n - 1));
    at = at < 0 ? 0 : at > last ? last : at;
    *low = (size_t)at / (2 * N);
    *high = *low + 1 < n ? *low + 1 : n - 1;
    return (float)((size_t)at % (2 * N)) / (float)(2 * N);
}

static __device__ __forceinline__ float ssg_bilinear(const ssg_resize_job &j, size_t index)
{
    size_t x0, x1, y0, y1, x = index % j.W, y = index / j.W % j.H, row = index / j.W / j.H;
    float fx = ssg_sample(x, j.W, j.w, &x0, &x1), fy = ssg_sample(y, j.H, j.h, &y0, &y1);
    const float *top = j.from + (row * j.h + y0) * j.w, *bottom = j.from + (row * j.h + y1) * j.w;
    float upper = top[x0] * (1 - fx) + top[x1] * fx, lower = bottom[x0] * (1 - fx) + bottom[x1] * fx;
    return upper * (1 - fy) + lower * fy;
}

__global__ void __launch_bounds__(SSG_THREADS) ssg_resize_kernel(ssg_resize_job j)
{
    size_t i = ssg_thread_index();
    if (i < j.count) j.to[i] = ssg_bilinear(j, i);
}

__global__ void __launch_bounds__(SSG_THREADS) ssg_quantise_kernel(ssg_resize_job j)
{
    size_t i = ssg_thread_index();
    if (i >= j.count) return;
    float v = ssg_bilinear(j, i);
    if (j.power != 1) v = powf(v, j.power);
    v = v < 0 ? 0 : v > 1 ? 1 : v;
    j.bytes[i] = (uint8_t)(v * 255 + 0.5f);
}

void ssg_cuda_resize(const ssg_run *run, float *to, size_t H, size_t W, const float *from, size_t h, size_t w, size_t rows)
{
    ssg_resize_job j = {to, NULL, from, H, W, h, w, rows * H * W, 1};
    ssg_launch(run, "resize", ssg_resize_kernel, j, ssg_blocks_for(j.count, SSG_THREADS), SSG_THREADS, 0);
}

void ssg_cuda_quantise(const ssg_run *run, uint8_t *to, size_t H, size_t W, const float *from, size_t h, size_t w, size_t rows, float power)
{
    ssg_resize_job j = {NULL, to, from, H, W, h, w, rows * H * W, power};
    ssg_launch(run, "quantise", ssg_quantise_kernel, j, ssg_blocks_for(j.count, SSG_THREADS), SSG_THREADS, 0);
}

/* ---- accumulate and mix -------------------------------------------------------------------------------------------------------------------- */

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

struct ssg_mix_job {
    int16_t *fused;
    const uint8_t *row;
    int weight;
    size_t pixels;
};

__global__ void __launch_bounds__(SSG_THREADS) ssg_mix_kernel(ssg_mix_job j)
{
    size_t i = ssg_thread_index() * 4;
    if (i + 4 <= j.pixels && ((uintptr_t)j.fused % 8 | (uintptr_t)j.row % 4) == 0) {
        short4 f = *(const short4 *)(j.fused + i);
        uchar4 r = *(const uchar4 *)(j.row + i);
        f.x = (short)(f.x + j.weight * r.x);
        f.y = (short)(f.y + j.weight * r.y);
        f.z = (short)(f.z + j.weight * r.z);
        f.w = (short)(f.w + j.weight * r.w);
        *(short4 *)(j.fused + i) = f;
        return;
    }
    for (size_t k = i; k < i + 4 && k < j.pixels; k++) j.fused[k] = (int16_t)(j.fused[k] + j.weight * j.row[k]);
}

void ssg_cuda_mix(const ssg_run *run, int16_t *fused, const uint8_t *row, int weight, size_t pixels)
{
    ssg_mix_job j = {fused, row, weight, pixels};
    ssg_launch(run, "mix", ssg_mix_kernel, j, ssg_blocks_for(pixels, 4 * SSG_THREADS), SSG_THREADS, 0);
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
    return (int)cudaFuncGetAttributes(&attributes, (const void *)ssg_mix_kernel);
}
