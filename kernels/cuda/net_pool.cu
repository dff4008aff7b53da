/* net_pool.cu - max and average pools with ONNX's meaning: dilations, ceil_mode, the three conventions of an average's divisor, the first of equal
 * maxima. A gradient gathers what reaches it, so no sum depends on an order. One thread an element written.
 *
 * Each (but the tangent, which only the second order asks for) has two forms with the same bits. Where channels lie side by side, what a warp reads
 * is contiguous whatever the window, and comes from device memory. In planes it would ask for sectors again and again, since windows overlap, skip
 * columns and begin between sectors: there a block brings the part of a plane that its windows cover into shared memory once, in the order of memory.
 *
 * Moved: the input once and the output once; a maximum's position (4 bytes) too, which its gradient reads with the slope. */
#include "kernels/cuda/element.cuh"
#include "kernels/cuda/pool_tile.cuh"

template <typename T> struct ssg_pool_job {
    ssg_net_pool p;
    T *out;
    const T *in;
    int32_t *positions;
    const int32_t *from_positions;
    const T *x;
    ssg_pool_tile tile;
};

/* ---- from device memory ------------------------------------------------------------------------------------------------------------------- */

/* Element `index` of tensors of planes of height x width. */
struct ssg_pool_place {
    int64_t x, y;
    size_t plane, inside; /* which of the elements that lie side by side */
};

static __device__ __forceinline__ ssg_pool_place ssg_place_of(size_t index, size_t inner, int64_t height, int64_t width)
{
    size_t pixel = index / inner;
    return {(int64_t)(pixel % (size_t)width), (int64_t)(pixel / (size_t)width % (size_t)height), pixel / (size_t)(height * width), index % inner};
}

/* Where the window of output (y, x) has its first maximum, -1 if no part of it lies inside. `in`: the element of pixel 0. */
template <typename T> static __device__ __forceinline__ int32_t ssg_first_maximum(const ssg_net_pool &p, const T *in, int64_t y, int64_t x)
{
    float most = 0;
    int32_t position = -1;
    for (int64_t ky = 0; ky < p.kernel[0]; ky++)
        for (int64_t kx = 0; kx < p.kernel[1]; kx++) {
            int64_t yy = y * p.stride[0] - p.pads[0] + ky * p.dilation[0], xx = x * p.stride[1] - p.pads[1] + kx * p.dilation[1];
            if (yy < 0 || yy >= p.H || xx < 0 || xx >= p.W) continue;
            float v = ssg_read(in + (size_t)(yy * p.W + xx) * p.inner);
            if (position >= 0 && !(v > most) && v == v) continue; /* what is not a number stays so */
            most = v;
            position = (int32_t)(yy * p.W + xx);
        }
    return position;
}

template <typename T> __global__ void __launch_bounds__(SSG_THREADS) ssg_maxpool_kernel(ssg_pool_job<T> j)
{
    const ssg_net_pool &p = j.p;
    size_t i = ssg_thread_index();
    if (i >= p.planes * (size_t)(p.h * p.w) * p.inner) return;
    ssg_pool_place at = ssg_place_of(i, p.inner, p.h, p.w);
    const T *in = j.in + at.plane * (size_t)(p.H * p.W) * p.inner + at.inside;
    int32_t position = ssg_first_maximum(p, in, at.y, at.x);
    ssg_write(j.out + i, position < 0 ? -INFINITY : ssg_read(in + (size_t)position * p.inner));
    if (j.positions) j.positions[i] = position;
}

__global__ void __launch_bounds__(SSG_THREADS) ssg_maxpool_tangent_kernel(ssg_pool_job<float> j)
{
    const ssg_net_pool &p = j.p;
    size_t i = ssg_thread_index(), large = (size_t)(p.H * p.W) * p.inner;
    if (i >= p.planes * (size_t)(p.h * p.w) * p.inner) return;
    ssg_pool_place at = ssg_place_of(i, p.inner, p.h, p.w);
    int32_t position = ssg_first_maximum(p, j.x + at.plane % p.saved_planes * large + at.inside, at.y, at.x);
    j.out[i] = position < 0 ? 0 : j.in[at.plane * large + (size_t)position * p.inner + at.inside];
}

/* The outputs along one axis whose windows may hold input position `at`. */
static __device__ __forceinline__ void ssg_reaching(const ssg_net_pool &p, int axis, int64_t at, int64_t outputs, int64_t *from, int64_t *to)
{
    int64_t reach = (p.kernel[axis] - 1) * p.dilation[axis], low = at + p.pads[axis] - reach;
    *from = low > 0 ? (low + p.stride[axis] - 1) / p.stride[axis] : 0;
    *to = (at + p.pads[axis]) / p.stride[axis];
    if (*to > outputs - 1) *to = outputs - 1;
}

template <typename T> __global__ void __launch_bounds__(SSG_THREADS) ssg_maxpool_backward_kernel(ssg_pool_job<T> j)
{
    const ssg_net_pool &p = j.p;
    size_t i = ssg_thread_index(), small = (size_t)(p.h * p.w) * p.inner;
    if (i >= p.planes * (size_t)(p.H * p.W) * p.inner) return;
    ssg_pool_place at = ssg_place_of(i, p.inner, p.H, p.W);
    int64_t y0, y1, x0, x1;
    ssg_reaching(p, 0, at.y, p.h, &y0, &y1);
    ssg_reaching(p, 1, at.x, p.w, &x0, &x1);
    const int32_t *positions = j.from_positions + at.plane % p.saved_planes * small + at.inside;
    const T *dy = j.in + at.plane * small + at.inside;
    float sum = 0;
    for (int64_t oy = y0; oy <= y1; oy++)
        for (int64_t ox = x0; ox <= x1; ox++) {
            size_t from = (size_t)(oy * p.w + ox) * p.inner;
            if (positions[from] == (int32_t)(at.y * p.W + at.x)) sum += ssg_read(dy + from);
        }
    ssg_write(j.out + i, sum);
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

template <typename T> __global__ void __launch_bounds__(SSG_THREADS) ssg_avgpool_kernel(ssg_pool_job<T> j)
{
    const ssg_net_pool &p = j.p;
    size_t i = ssg_thread_index();
    if (i >= p.planes * (size_t)(p.h * p.w) * p.inner) return;
    ssg_pool_place at = ssg_place_of(i, p.inner, p.h, p.w);
    int64_t y0, y1, x0, x1, rows, columns;
    ssg_span(p, 0, at.y, p.H, &y0, &y1, &rows);
    ssg_span(p, 1, at.x, p.W, &x0, &x1, &columns);
    const T *in = j.in + at.plane * (size_t)(p.H * p.W) * p.inner + at.inside;
    float sum = 0;
    for (int64_t yy = y0; yy < y1; yy++)
        for (int64_t xx = x0; xx < x1; xx++) sum += ssg_read(in + (size_t)(yy * p.W + xx) * p.inner);
    ssg_write(j.out + i, sum / (float)(rows * columns));
}

template <typename T> __global__ void __launch_bounds__(SSG_THREADS) ssg_avgpool_backward_kernel(ssg_pool_job<T> j)
{
    const ssg_net_pool &p = j.p;
    size_t i = ssg_thread_index();
    if (i >= p.planes * (size_t)(p.H * p.W) * p.inner) return;
    ssg_pool_place at = ssg_place_of(i, p.inner, p.H, p.W);
    int64_t y0, y1, x0, x1;
    ssg_reaching(p, 0, at.y, p.h, &y0, &y1);
    ssg_reaching(p, 1, at.x, p.w, &x0, &x1);
    const T *dy = j.in + at.plane * (size_t)(p.h * p.w) * p.inner + at.inside;
    float sum = 0;
    for (int64_t oy = y0; oy <= y1; oy++) {
        int64_t a, b, rows, columns;
        ssg_span(p, 0, oy, p.H, &a, &b, &rows);
        for (int64_t ox = x0; ox <= x1; ox++) {
            ssg_span(p, 1, ox, p.W, &a, &b, &columns);
            sum += ssg_read(dy + (size_t)(oy * p.w + ox) * p.inner) / (float)(rows * columns);
        }
    }
    ssg_write(j.out + i, sum);
}

/* ---- from shared memory ------------------------------------------------------------------------------------------------------------------- */

/* Brings what the windows of the block cover into shared memory, `outside` beyond the plane `in`; gives the row of the plane that is the tile's
 * first. */
template <typename T>
static __device__ __forceinline__ int ssg_stage_windows(const ssg_pool_job<T> &j, const ssg_pool_part &part, const T *in, float outside)
{
    const ssg_net_pool &p = j.p;
    int top = (int)part.first * (int)p.stride[0] - (int)p.pads[0];
    ssg_stage(j.tile, (float *)ssg_shared, in, p.H, top, outside, [&](int i, int, int) { return ssg_read(in + i); });
    __syncthreads();
    return top;
}

template <typename T> __global__ void __launch_bounds__(SSG_THREADS) ssg_maxpool_staged_kernel(ssg_pool_job<T> j)
{
    const ssg_net_pool &p = j.p;
    const ssg_pool_tile &t = j.tile;
    const ssg_pool_part part = ssg_part_of(t, p.h);
    const T *in = j.in + part.plane * (size_t)(p.H * p.W);
    int top = ssg_stage_windows(j, part, in, -INFINITY);
    size_t small = (size_t)(p.h * p.w);
    T *out = j.out + part.plane * small;
    ssg_each_output(t, part, out, [&](unsigned pixel, unsigned y, unsigned x) {
        const float *window = (const float *)ssg_shared + y * t.pitch + x;
        float most = -INFINITY;
        int32_t position = -1;
        for (unsigned i = 0; i < t.taps; i++) {
            float v = window[t.tap[i].cell];
            if (!(v > most) && v == v) continue;
            most = v;
            position = t.tap[i].pixel;
        }
        ssg_write(out + pixel, most);
        if (!j.positions) return;
        if (position >= 0)
            position += (top + (int)(y * t.stride[0].by)) * (int)p.W + t.left + (int)(x * t.stride[1].by);
        else /* nothing above what lies outside */
            position = ssg_first_maximum(p, in, part.first + y, x);
        j.positions[part.plane * small + pixel] = position;
    });
}

template <typename T> __global__ void __launch_bounds__(SSG_THREADS) ssg_avgpool_staged_kernel(ssg_pool_job<T> j)
{
    const ssg_net_pool &p = j.p;
    const ssg_pool_tile &t = j.tile;
    const ssg_pool_part part = ssg_part_of(t, p.h);
    ssg_stage_windows(j, part, j.in + part.plane * (size_t)(p.H * p.W), 0.0f);
    T *out = j.out + part.plane * (size_t)(p.h * p.w);
    ssg_each_output(t, part, out, [&](unsigned pixel, unsigned y, unsigned x) {
        const float *window = (const float *)ssg_shared + y * t.pitch + x;
        float sum = 0; /* what lies outside adds a zero, which changes no bit */
        for (unsigned i = 0; i < t.taps; i++) sum += window[t.tap[i].cell];
        int64_t a, b, rows, columns;
        ssg_span(p, 0, part.first + y, p.H, &a, &b, &rows);
        ssg_span(p, 1, x, p.W, &a, &b, &columns);
        ssg_write(out + pixel, sum / (float)(rows * columns));
    });
}

/* Writes the gradient of each input of the block: take(sum, cell, pixel) for the staged outputs whose windows may hold it. `top`: the tile's first
 * row. */
template <typename T, typename Cell, typename Take>
static __device__ __forceinline__ void ssg_gather(const ssg_pool_job<T> &j, const ssg_pool_part &part, const Cell *cells, int top, Take take)
{
    const ssg_net_pool &p = j.p;
    const ssg_pool_tile &t = j.tile;
    T *out = j.out + part.plane * (size_t)(p.H * p.W);
    ssg_each_output(t, part, out, [&](unsigned pixel, unsigned y, unsigned x) {
        ssg_pool_range down = ssg_tile_reaching(p, t, 0, top, part.first + y), across = ssg_tile_reaching(p, t, 1, t.left, x);
        float sum = 0;
        for (unsigned row = down.from; row < down.to; row++)
            for (unsigned column = across.from; column < across.to; column++) take(&sum, cells[row * t.pitch + column], pixel);
        ssg_write(out + pixel, sum);
    });
}

/* The gradient of an output, and the one input that gets it. */
struct alignas(8) ssg_pool_share {
    float dy;
    int32_t position;
};

template <typename T> __global__ void __launch_bounds__(SSG_THREADS) ssg_maxpool_backward_staged_kernel(ssg_pool_job<T> j)
{
    const ssg_net_pool &p = j.p;
    const ssg_pool_tile &t = j.tile;
    const ssg_pool_part part = ssg_part_of(t, p.H);
    size_t small = (size_t)(p.h * p.w);
    const T *dy = j.in + part.plane * small;
    const int32_t *positions = j.from_positions + part.plane % p.saved_planes * small;
    ssg_pool_share *shares = (ssg_pool_share *)ssg_shared;
    int top = ssg_first_reaching(p, 0, (int)part.first);
    ssg_stage(t, shares, dy, p.h, top, {0, -1}, [&](int i, int, int) { return ssg_pool_share{ssg_read(dy + i), positions[i]}; });
    __syncthreads();
    ssg_gather(j, part, shares, top, [](float *sum, ssg_pool_share share, unsigned pixel) { /* as a whole: one access */
                                                                                            if (share.position == (int32_t)pixel) *sum += share.dy;
    });
}

template <typename T> __global__ void __launch_bounds__(SSG_THREADS) ssg_avgpool_backward_staged_kernel(ssg_pool_job<T> j)
{
    const ssg_net_pool &p = j.p;
    const ssg_pool_tile &t = j.tile;
    const ssg_pool_part part = ssg_part_of(t, p.H);
    const T *dy = j.in + part.plane * (size_t)(p.h * p.w);
    float *shares = (float *)ssg_shared; /* of each output, what its inputs get; nothing beyond the outputs */
    int top = ssg_first_reaching(p, 0, (int)part.first);
    ssg_stage(t, shares, dy, p.h, top, 0.0f, [&](int i, int y, int x) {
        int64_t a, b, rows, columns;
        ssg_span(p, 0, y, p.H, &a, &b, &rows);
        ssg_span(p, 1, x, p.W, &a, &b, &columns);
        return ssg_read(dy + i) / (float)(rows * columns);
    });
    __syncthreads();
    ssg_gather(j, part, shares, top, [](float *sum, float share, unsigned) { *sum += share; });
}

/* ---- launching ------------------------------------------------------------------------------------------------------------------------------ */

/* Forward, or a gradient; `bytes`: of a cell. */
template <typename T>
static void launch(const ssg_run *run, const char *name, ssg_pool_job<T> j, bool forward, size_t bytes, void (*direct)(ssg_pool_job<T>),
                   void (*staged)(ssg_pool_job<T>))
{
    const ssg_net_pool &p = j.p;
    size_t pixels = (size_t)(forward ? p.h * p.w : p.H * p.W);
    if (ssg_cut(&j.tile, p, forward, bytes))
        ssg_launch(run, name, staged, j, p.planes * j.tile.parts, j.tile.threads, j.tile.cells * bytes);
    else
        ssg_launch(run, name, direct, j, ssg_blocks_for(p.planes * pixels * p.inner, SSG_THREADS), SSG_THREADS, 0);
}

void ssg_net_maxpool(const ssg_run *run, ssg_element type, const ssg_net_pool *pool, void *y, int32_t *positions, const void *x)
{
    ssg_with_element(type, [&](auto *typed) {
        typedef typename ssg_pointed<decltype(typed)>::type T;
        ssg_pool_job<T> j = {*pool, (T *)y, (const T *)x, positions, NULL, NULL, {}};
        launch(run, "maxpool", j, true, sizeof(float), ssg_maxpool_kernel<T>, ssg_maxpool_staged_kernel<T>);
    });
}

void ssg_net_maxpool_backward(const ssg_run *run, ssg_element type, const ssg_net_pool *pool, void *dx, const void *dy, const int32_t *positions)
{
    ssg_with_element(type, [&](auto *typed) {
        typedef typename ssg_pointed<decltype(typed)>::type T;
        ssg_pool_job<T> j = {*pool, (T *)dx, (const T *)dy, NULL, positions, NULL, {}};
        launch(run, "maxpool backward", j, false, sizeof(ssg_pool_share), ssg_maxpool_backward_kernel<T>, ssg_maxpool_backward_staged_kernel<T>);
    });
}

void ssg_net_maxpool_tangent(const ssg_run *run, const ssg_net_pool *pool, float *out, const float *t, const float *x)
{
    ssg_pool_job<float> j = {*pool, out, t, NULL, NULL, x, {}};
    size_t count = pool->planes * (size_t)(pool->h * pool->w) * pool->inner;
    ssg_launch(run, "maxpool tangent", ssg_maxpool_tangent_kernel, j, ssg_blocks_for(count, SSG_THREADS), SSG_THREADS, 0);
}

void ssg_net_avgpool(const ssg_run *run, ssg_element type, const ssg_net_pool *pool, void *y, const void *x)
{
    ssg_with_element(type, [&](auto *typed) {
        typedef typename ssg_pointed<decltype(typed)>::type T;
        ssg_pool_job<T> j = {*pool, (T *)y, (const T *)x, NULL, NULL, NULL, {}};
        launch(run, "avgpool", j, true, sizeof(float), ssg_avgpool_kernel<T>, ssg_avgpool_staged_kernel<T>);
    });
}

void ssg_net_avgpool_backward(const ssg_run *run, ssg_element type, const ssg_net_pool *pool, void *dx, const void *dy)
{
    ssg_with_element(type, [&](auto *typed) {
        typedef typename ssg_pointed<decltype(typed)>::type T;
        ssg_pool_job<T> j = {*pool, (T *)dx, (const T *)dy, NULL, NULL, NULL, {}};
        launch(run, "avgpool backward", j, false, sizeof(float), ssg_avgpool_backward_kernel<T>, ssg_avgpool_backward_staged_kernel<T>);
    });
}
