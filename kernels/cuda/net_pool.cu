/* net_pool.cu - max and average pools with ONNX's meaning: dilations, ceil_mode, the three conventions of an average's divisor, the first of equal
 * maxima. A gradient gathers what reaches it, so no sum depends on an order. One thread an element written. */
#include "kernels/cuda/net.cuh"

struct ssg_pool_job {
    ssg_net_pool p;
    float *out;
    const float *in;
    int32_t *positions;
    const int32_t *from_positions;
    const float *x;
};

/* Where output i's window has its first maximum, -1 if no part of it lies inside. */
static __device__ __forceinline__ int32_t ssg_first_maximum(const ssg_net_pool &p, const float *in, int64_t y, int64_t x)
{
    float most = 0;
    int32_t position = -1;
    for (int64_t ky = 0; ky < p.kernel[0]; ky++)
        for (int64_t kx = 0; kx < p.kernel[1]; kx++) {
            int64_t yy = y * p.stride[0] - p.pads[0] + ky * p.dilation[0], xx = x * p.stride[1] - p.pads[1] + kx * p.dilation[1];
            if (yy < 0 || yy >= p.H || xx < 0 || xx >= p.W) continue;
            float v = in[yy * p.W + xx];
            if (position >= 0 && !(v > most)) continue;
            most = v;
            position = (int32_t)(yy * p.W + xx);
        }
    return position;
}

__global__ void __launch_bounds__(SSG_THREADS) ssg_maxpool_kernel(ssg_pool_job j)
{
    const ssg_net_pool &p = j.p;
    size_t i = ssg_thread_index();
    if (i >= p.planes * (size_t)(p.h * p.w)) return;
    const float *in = j.in + i / (size_t)(p.h * p.w) * (size_t)(p.H * p.W);
    int32_t position = ssg_first_maximum(p, in, (int64_t)(i / (size_t)p.w % (size_t)p.h), (int64_t)(i % (size_t)p.w));
    j.out[i] = position < 0 ? -INFINITY : in[position];
    if (j.positions) j.positions[i] = position;
}

__global__ void __launch_bounds__(SSG_THREADS) ssg_maxpool_tangent_kernel(ssg_pool_job j)
{
    const ssg_net_pool &p = j.p;
    size_t i = ssg_thread_index(), plane = i / (size_t)(p.h * p.w), large = (size_t)(p.H * p.W);
    if (i >= p.planes * (size_t)(p.h * p.w)) return;
    int32_t position =
        ssg_first_maximum(p, j.x + plane % p.saved_planes * large, (int64_t)(i / (size_t)p.w % (size_t)p.h), (int64_t)(i % (size_t)p.w));
    j.out[i] = position < 0 ? 0 : j.in[plane * large + (size_t)position];
}

/* The outputs along one axis whose windows may hold input position `at`. */
static __device__ __forceinline__ void ssg_reaching(const ssg_net_pool &p, int axis, int64_t at, int64_t outputs, int64_t *from, int64_t *to)
{
    int64_t reach = (p.kernel[axis] - 1) * p.dilation[axis], low = at + p.pads[axis] - reach;
    *from = low > 0 ? (low + p.stride[axis] - 1) / p.stride[axis] : 0;
    *to = (at + p.pads[axis]) / p.stride[axis];
    if (*to > outputs - 1) *to = outputs - 1;
}

__global__ void __launch_bounds__(SSG_THREADS) ssg_maxpool_backward_kernel(ssg_pool_job j)
{
    const ssg_net_pool &p = j.p;
    size_t i = ssg_thread_index(), small = (size_t)(p.h * p.w), large = (size_t)(p.H * p.W), plane = i / large;
    if (i >= p.planes * large) return;
    int64_t x = (int64_t)(i % (size_t)p.W), y = (int64_t)(i / (size_t)p.W % (size_t)p.H), y0, y1, x0, x1;
    ssg_reaching(p, 0, y, p.h, &y0, &y1);
    ssg_reaching(p, 1, x, p.w, &x0, &x1);
    const int32_t *positions = j.from_positions + plane % p.saved_planes * small;
    float sum = 0;
    for (int64_t oy = y0; oy <= y1; oy++)
        for (int64_t ox = x0; ox <= x1; ox++)
            if (positions[oy * p.w + ox] == (int32_t)(y * p.W + x)) sum += j.in[plane * small + (size_t)(oy * p.w + ox)];
    j.out[i] = sum;
}

/* The part of a window inside the image along one axis, and the number that it divides by. */
static __device__ __forceinline__ void ssg_span(const ssg_net_pool &p, int axis, int64_t at, int64_t extent, int64_t *from, int64_t *to,
                                                int64_t *counted)
{
    int64_t start = at * p.stride[axis] - p.pads[axis], end = start + p.kernel[axis];
    int64_t padded_end = extent + p.pads[2 + axis]; /* what ceil_mode reaches beyond the padding never counts */
    *counted = (end < padded_end ? end : padded_end) - start;
    *from = start > 0 ? start : 0;
    *to = end < extent ? end : extent;
    if (!p.count_include_pad) *counted = *to - *from;
}

__global__ void __launch_bounds__(SSG_THREADS) ssg_avgpool_kernel(ssg_pool_job j)
{
    const ssg_net_pool &p = j.p;
    size_t i = ssg_thread_index();
    if (i >= p.planes * (size_t)(p.h * p.w)) return;
    int64_t x = (int64_t)(i % (size_t)p.w), y = (int64_t)(i / (size_t)p.w % (size_t)p.h), y0, y1, x0, x1, rows, columns;
    ssg_span(p, 0, y, p.H, &y0, &y1, &rows);
    ssg_span(p, 1, x, p.W, &x0, &x1, &columns);
    const float *in = j.in + i / (size_t)(p.h * p.w) * (size_t)(p.H * p.W);
    float sum = 0;
    for (int64_t yy = y0; yy < y1; yy++)
        for (int64_t xx = x0; xx < x1; xx++) sum += in[yy * p.W + xx];
    j.out[i] = sum / (float)(rows * columns);
}

__global__ void __launch_bounds__(SSG_THREADS) ssg_avgpool_backward_kernel(ssg_pool_job j)
{
    const ssg_net_pool &p = j.p;
    size_t i = ssg_thread_index(), small = (size_t)(p.h * p.w), large = (size_t)(p.H * p.W);
    if (i >= p.planes * large) return;
    int64_t x = (int64_t)(i % (size_t)p.W), y = (int64_t)(i / (size_t)p.W % (size_t)p.H), y0, y1, x0, x1;
    ssg_reaching(p, 0, y, p.h, &y0, &y1);
    ssg_reaching(p, 1, x, p.w, &x0, &x1);
    float sum = 0;
    for (int64_t oy = y0; oy <= y1; oy++)
        for (int64_t ox = x0; ox <= x1; ox++) {
            int64_t a, b, rows, columns;
            ssg_span(p, 0, oy, p.H, &a, &b, &rows);
            ssg_span(p, 1, ox, p.W, &a, &b, &columns);
            sum += j.in[i / large * small + (size_t)(oy * p.w + ox)] / (float)(rows * columns);
        }
    j.out[i] = sum;
}

void ssg_net_maxpool(const ssg_run *run, const ssg_net_pool *pool, float *y, int32_t *positions, const float *x)
{
    ssg_pool_job j = {*pool, y, x, positions, NULL, NULL};
    ssg_launch(run, "maxpool", ssg_maxpool_kernel, j, ssg_blocks_for(pool->planes * (size_t)(pool->h * pool->w), SSG_THREADS), SSG_THREADS, 0);
}

void ssg_net_maxpool_backward(const ssg_run *run, const ssg_net_pool *pool, float *dx, const float *dy, const int32_t *positions)
{
    ssg_pool_job j = {*pool, dx, dy, NULL, positions, NULL};
    ssg_launch(run, "maxpool backward", ssg_maxpool_backward_kernel, j, ssg_blocks_for(pool->planes * (size_t)(pool->H * pool->W), SSG_THREADS),
               SSG_THREADS, 0);
}

void ssg_net_maxpool_tangent(const ssg_run *run, const ssg_net_pool *pool, float *out, const float *t, const float *x)
{
    ssg_pool_job j = {*pool, out, t, NULL, NULL, x};
    ssg_launch(run, "maxpool tangent", ssg_maxpool_tangent_kernel, j, ssg_blocks_for(pool->planes * (size_t)(pool->h * pool->w), SSG_THREADS),
               SSG_THREADS, 0);
}

void ssg_net_avgpool(const ssg_run *run, const ssg_net_pool *pool, float *y, const float *x)
{
    ssg_pool_job j = {*pool, y, x, NULL, NULL, NULL};
    ssg_launch(run, "avgpool", ssg_avgpool_kernel, j, ssg_blocks_for(pool->planes * (size_t)(pool->h * pool->w), SSG_THREADS), SSG_THREADS, 0);
}

void ssg_net_avgpool_backward(const ssg_run *run, const ssg_net_pool *pool, float *dx, const float *dy)
{
    ssg_pool_job j = {*pool, dx, dy, NULL, NULL, NULL};
    ssg_launch(run, "avgpool backward", ssg_avgpool_backward_kernel, j, ssg_blocks_for(pool->planes * (size_t)(pool->H * pool->W), SSG_THREADS),
               SSG_THREADS, 0);
}
