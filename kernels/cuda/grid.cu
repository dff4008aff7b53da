/* grid.cu - layer maps onto the grid: resize, quantise, mix.
 *
 *     resize      v, bilinear, half-pixel centres        4 bytes in a map's pixel, 4 out a grid's pixel
 *     quantise    floor(255 clip(v)^power + 1/2)         the same once, then 1 byte out for every power
 *     mix         fused += weight * that, one power      2 bytes in, 2 out
 *
 * A launch takes as many maps as its arguments have room for. A thread makes the pixels of one column on four lines; a warp's lie side by side.
 * Positions are whole numbers of 32 bits. Integers are exact; a level may differ from the CPU's by one where powf or a fused multiply-add does. */
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ops.cuh"

enum : unsigned { SSG_PLACES = 64, SSG_POWERS = 8, SSG_LINES = 4 };

struct ssg_grid_job {
    ssg_place places[SSG_PLACES];
    float powers[SSG_POWERS];
    uint32_t power_count, H, W, h, w;
    uint32_t blocks; /* of a map */
    int weight;
};

static __host__ __device__ __forceinline__ size_t ssg_least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- four pixels --------------------------------------------------------------------------------------------------------------------------- */

/* Where a thread's pixels are: from `pixel` on, W apart; `lines` of them, 0 beyond the last line. */
struct ssg_column {
    ssg_place place;
    uint32_t x, y, lines;
    size_t pixel;
};

static __device__ __forceinline__ ssg_column ssg_find_column(const ssg_grid_job &j)
{
    uint32_t index = blockIdx.x % j.blocks * SSG_THREADS + threadIdx.x, y = index / j.W * SSG_LINES;
    ssg_column c = {j.places[blockIdx.x / j.blocks], index % j.W, y, 0, 0};
    if (y < j.H) c.lines = (uint32_t)ssg_least(j.H - y, SSG_LINES);
    c.pixel = (size_t)y * j.W + c.x;
    return c;
}

struct ssg_sample {
    uint32_t low, high;
    float fraction; /* of the second */
};

/* Output i of N on an axis of n: position (2i + 1) n / 2N - 1/2. */
static __device__ __forceinline__ ssg_sample ssg_sample_at(uint32_t i, uint32_t N, uint32_t n)
{
    uint32_t at = (2 * i + 1) * n, last = 2 * N * (n - 1);
    at = at < N ? 0 : at - N;
    at = at < last ? at : last;
    uint32_t low = at / (2 * N);
    return {low, low + 1 < n ? low + 1 : low, (float)(at - low * 2 * N) / (float)(2 * N)};
}

static __device__ __forceinline__ void ssg_bilinear(const ssg_grid_job &j, const ssg_column &c, float v[SSG_LINES])
{
    ssg_sample column = ssg_sample_at(c.x, j.W, j.w);
#pragma unroll
    for (uint32_t i = 0; i < SSG_LINES; i++) {
        if (i >= c.lines) break;
        ssg_sample line = ssg_sample_at(c.y + i, j.H, j.h);
        const float *top = c.place.from + (size_t)line.low * j.w, *bottom = c.place.from + (size_t)line.high * j.w;
        float upper = top[column.low] * (1 - column.fraction) + top[column.high] * column.fraction;
        float lower = bottom[column.low] * (1 - column.fraction) + bottom[column.high] * column.fraction;
        v[i] = upper * (1 - line.fraction) + lower * line.fraction;
    }
}

/* Roots as on the CPU: much faster than powf, and the same everywhere. */
static __device__ __forceinline__ float ssg_raise(float v, float power)
{
    if (power == 1) return v;
    if (power == 0.5f) return sqrtf(v);
    if (power == 0.25f) return sqrtf(sqrtf(v));
    return powf(v, power);
}

static __device__ __forceinline__ int ssg_level(float v, float power)
{
    v = ssg_raise(v, power);
    v = v < 0 ? 0 : v > 1 ? 1 : v;
    return (int)(v * 255 + 0.5f);
}

/* ---- kernels ------------------------------------------------------------------------------------------------------------------------------- */

__global__ void __launch_bounds__(SSG_THREADS) ssg_resize_kernel(ssg_grid_job j)
{
    ssg_column c = ssg_find_column(j);
    float v[SSG_LINES], *to = (float *)c.place.to + c.pixel;
    ssg_bilinear(j, c, v);
#pragma unroll
    for (uint32_t i = 0; i < SSG_LINES; i++)
        if (i < c.lines) to[(size_t)i * j.W] = v[i];
}

__global__ void __launch_bounds__(SSG_THREADS) ssg_quantise_kernel(ssg_grid_job j)
{
    ssg_column c = ssg_find_column(j);
    float v[SSG_LINES];
    ssg_bilinear(j, c, v);
    for (uint32_t p = 0; p < j.power_count; p++) {
        uint8_t *to = (uint8_t *)c.place.to + (size_t)p * j.H * j.W + c.pixel;
#pragma unroll
        for (uint32_t i = 0; i < SSG_LINES; i++)
            if (i < c.lines) to[(size_t)i * j.W] = (uint8_t)ssg_level(v[i], j.powers[p]);
    }
}

__global__ void __launch_bounds__(SSG_THREADS) ssg_mix_kernel(ssg_grid_job j)
{
    ssg_column c = ssg_find_column(j);
    float v[SSG_LINES];
    int16_t *to = (int16_t *)c.place.to + c.pixel;
    ssg_bilinear(j, c, v);
#pragma unroll
    for (uint32_t i = 0; i < SSG_LINES; i++)
        if (i < c.lines) to[(size_t)i * j.W] = (int16_t)(to[(size_t)i * j.W] + j.weight * ssg_level(v[i], j.powers[0]));
}

/* ---- the operations ------------------------------------------------------------------------------------------------------------------------ */

static ssg_grid_job ssg_grid_of(size_t H, size_t W, size_t h, size_t w)
{
    ssg_grid_job j = {};
    j.H = (uint32_t)H;
    j.W = (uint32_t)W;
    j.h = (uint32_t)h;
    j.w = (uint32_t)w;
    j.blocks = (uint32_t)ssg_blocks_for(ssg_blocks_for(H, SSG_LINES) * W, SSG_THREADS);
    return j;
}

/* What the job says, for all places. `shift`: bytes to add to where they go. */
static void ssg_launch_on_grid(const ssg_run *run, const char *name, void (*kernel)(ssg_grid_job), ssg_grid_job *j, const ssg_place *places,
                               size_t count, size_t shift)
{
    for (size_t first = 0; first < count; first += SSG_PLACES) {
        size_t used = ssg_least(count - first, SSG_PLACES);
        for (size_t i = 0; i < used; i++) j->places[i] = {places[first + i].from, (char *)places[first + i].to + shift};
        ssg_launch(run, name, kernel, *j, used * j->blocks, SSG_THREADS, 0);
    }
}

void ssg_cuda_resize(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w)
{
    ssg_grid_job j = ssg_grid_of(H, W, h, w);
    ssg_launch_on_grid(run, "resize", ssg_resize_kernel, &j, places, count, 0);
}

void ssg_cuda_quantise(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w, const float *powers,
                       size_t power_count)
{
    ssg_grid_job j = ssg_grid_of(H, W, h, w);
    for (size_t first = 0; first < power_count; first += SSG_POWERS) {
        j.power_count = (uint32_t)ssg_least(power_count - first, SSG_POWERS);
        for (uint32_t p = 0; p < j.power_count; p++) j.powers[p] = powers[first + p];
        ssg_launch_on_grid(run, "quantise", ssg_quantise_kernel, &j, places, count, first * H * W);
    }
}

void ssg_cuda_mix(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w, float power, int weight)
{
    ssg_grid_job j = ssg_grid_of(H, W, h, w);
    j.powers[0] = power;
    j.weight = weight;
    ssg_launch_on_grid(run, "mix", ssg_mix_kernel, &j, places, count, 0);
}
