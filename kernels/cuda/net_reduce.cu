/* net_reduce.cu - sums over axes and their gradient, softmax, local response normalisation. A warp a sum; lanes along what is summed.
 *
 * Moved: a sum reads every element once, its gradient writes every element once; softmax reads a row of logits once, twice more from the
 * cache, and writes it once; LRN reads each element for all channels that it reaches, from the cache. */
#include "kernels/cuda/element.cuh"
#include "kernels/cuda/net.cuh"

/* ---- reduce and broadcast ---------------------------------------------------------------------------------------------------------------------- */

template <typename T> struct ssg_reduce_job {
    T *to;
    const T *from;
    ssg_net_axes out, summed;
    ssg_net_strides kept, along;
    size_t count, terms;
    float factor;
};

template <typename T> __global__ void __launch_bounds__(SSG_THREADS) ssg_reduce_kernel(ssg_reduce_job<T> j)
{
    size_t o = ssg_thread_index() / SSG_WARP, lane = threadIdx.x % SSG_WARP;
    if (o >= j.count) return; /* a whole warp leaves */
    const T *from = j.from + ssg_strided(o, j.out, j.kept);
    double sum = 0;
    for (size_t i = lane; i < j.terms; i += SSG_WARP) sum += ssg_read(from + ssg_strided(i, j.summed, j.along));
    sum = ssg_warp_sum(sum);
    if (lane == 0) ssg_write(j.to + o, (float)(sum * j.factor));
}

void ssg_net_reduce(const ssg_run *run, ssg_element type, void *to, const ssg_net_axes *out, const void *from, const ssg_net_strides *kept,
                    const ssg_net_axes *summed, const ssg_net_strides *along, float factor)
{
    ssg_net_axes outputs = *out, terms = *summed;
    ssg_net_strides of_output = *kept, of_term = *along, *const first[] = {&of_output}, *const second[] = {&of_term};
    ssg_merge_axes(&outputs, first, 1);
    ssg_merge_axes(&terms, second, 1);
    ssg_with_element(type, [&](auto *typed) {
        typedef typename ssg_pointed<decltype(typed)>::type T;
        ssg_reduce_job<T> j = {(T *)to, (const T *)from, outputs, terms, of_output, of_term, ssg_axes_count(*out), ssg_axes_count(*summed), factor};
        ssg_launch(run, "reduce", ssg_reduce_kernel<T>, j, ssg_blocks_for(j.count, SSG_THREADS / SSG_WARP), SSG_THREADS, 0);
    });
}

template <typename T> __global__ void __launch_bounds__(SSG_THREADS) ssg_broadcast_kernel(ssg_reduce_job<T> j)
{
    size_t i = ssg_thread_index();
    if (i < j.count) ssg_write(j.to + i, ssg_read(j.from + ssg_strided(i, j.out, j.kept)) * j.factor);
}

void ssg_net_broadcast(const ssg_run *run, ssg_element type, void *to, const ssg_net_axes *out, const void *from, const ssg_net_strides *strides,
                       float factor)
{
    ssg_net_axes walk = *out;
    ssg_net_strides of_output = *strides, *const operands[] = {&of_output};
    ssg_merge_axes(&walk, operands, 1);
    ssg_with_element(type, [&](auto *typed) {
        typedef typename ssg_pointed<decltype(typed)>::type T;
        ssg_reduce_job<T> j = {(T *)to, (const T *)from, walk, {}, of_output, {}, ssg_axes_count(*out), 0, factor};
        ssg_launch(run, "broadcast", ssg_broadcast_kernel<T>, j, ssg_blocks_for(j.count, SSG_THREADS), SSG_THREADS, 0);
    });
}

/* ---- softmax ---------------------------------------------------------------------------------------------------------------------------- */

struct ssg_softmax_job {
    float *out;
    const float *in, *y; /* backward: in is dy */
    size_t lines, saved, extent, inner;
    int log;
};

static __device__ __forceinline__ size_t ssg_line_base(size_t line, size_t extent, size_t inner)
{
    return line / inner * extent * inner + line % inner;
}

__global__ void __launch_bounds__(SSG_THREADS) ssg_softmax_kernel(ssg_softmax_job j)
{
    size_t line = ssg_thread_index() / SSG_WARP, lane = threadIdx.x % SSG_WARP;
    if (line >= j.lines) return;
    size_t base = ssg_line_base(line, j.extent, j.inner);
    float top = -INFINITY, sum = 0;
    for (size_t i = lane; i < j.extent; i += SSG_WARP) top = fmaxf(top, j.in[base + i * j.inner]);
    for (int l = 16; l > 0; l /= 2) top = fmaxf(top, __shfl_xor_sync(SSG_ALL_LANES, top, l));
    for (size_t i = lane; i < j.extent; i += SSG_WARP) sum += expf(j.in[base + i * j.inner] - top);
    sum = ssg_warp_sum(sum);
    for (size_t i = lane; i < j.extent; i += SSG_WARP) {
        float centred = j.in[base + i * j.inner] - top;
        j.out[base + i * j.inner] = j.log ? centred - logf(sum) : expf(centred) / sum;
    }
}

__global__ void __launch_bounds__(SSG_THREADS) ssg_softmax_backward_kernel(ssg_softmax_job j)
{
    size_t line = ssg_thread_index() / SSG_WARP, lane = threadIdx.x % SSG_WARP;
    if (line >= j.lines) return;
    size_t base = ssg_line_base(line, j.extent, j.inner), from = ssg_line_base(line % j.saved, j.extent, j.inner);
    float sum = 0;
    for (size_t i = lane; i < j.extent; i += SSG_WARP) sum += j.in[base + i * j.inner] * (j.log ? 1 : j.y[from + i * j.inner]);
    sum = ssg_warp_sum(sum);
    for (size_t i = lane; i < j.extent; i += SSG_WARP) {
        float dy = j.in[base + i * j.inner], y = j.y[from + i * j.inner];
        j.out[base + i * j.inner] = j.log ? dy - expf(y) * sum : y * (dy - sum);
    }
}

void ssg_net_softmax(const ssg_run *run, float *y, const float *x, size_t lines, size_t extent, size_t inner, int log)
{
    ssg_softmax_job j = {y, x, NULL, lines, lines, extent, inner, log};
    ssg_launch(run, "softmax", ssg_softmax_kernel, j, ssg_blocks_for(lines, SSG_THREADS / SSG_WARP), SSG_THREADS, 0);
}

void ssg_net_softmax_backward(const ssg_run *run, float *dx, const float *dy, const float *y, size_t lines, size_t saved, size_t extent, size_t inner,
                              int log)
{
    ssg_softmax_job j = {dx, dy, y, lines, saved, extent, inner, log};
    ssg_launch(run, "softmax backward", ssg_softmax_backward_kernel, j, ssg_blocks_for(lines, SSG_THREADS / SSG_WARP), SSG_THREADS, 0);
}

/* ---- local response normalisation ------------------------------------------------------------------------------------------------------- */

/* k + alpha / size * sum over the window of x^2, the window being channels c - (size - 1) / 2 .. c + size / 2. */
static __device__ float ssg_lrn_divisor(const ssg_net_lrn &j, const float *x, long c)
{
    float sum = 0;
    for (long i = c - ((long)j.size - 1) / 2; i <= c + (long)j.size / 2; i++)
        if (i >= 0 && i < (long)j.channels) sum = fmaf(x[(size_t)i * j.pixels], x[(size_t)i * j.pixels], sum);
    return j.k + j.alpha / (float)j.size * sum;
}

__global__ void __launch_bounds__(SSG_THREADS) ssg_lrn_kernel(ssg_net_lrn j)
{
    size_t index = ssg_thread_index(), plane = j.channels * j.pixels;
    if (index >= j.rows * plane) return;
    size_t row = index / plane, at = index % j.pixels;
    long c = (long)(index / j.pixels % j.channels);
    const float *x = j.x + row % j.images * plane + at, *dy = j.dy ? j.dy + row * plane + at : NULL;
    float own = ssg_lrn_divisor(j, x, c), centre = x[(size_t)c * j.pixels];
    if (!dy) {
        j.out[index] = centre * powf(own, -j.beta);
        return;
    }
    float spread = 0; /* over the windows that contain c */
    for (long i = c - (long)j.size / 2; i <= c + ((long)j.size - 1) / 2; i++)
        if (i >= 0 && i < (long)j.channels)
            spread += dy[(size_t)i * j.pixels] * x[(size_t)i * j.pixels] * powf(ssg_lrn_divisor(j, x, i), -j.beta - 1);
    j.out[index] = dy[(size_t)c * j.pixels] * powf(own, -j.beta) - 2 * j.alpha * j.beta / (float)j.size * centre * spread;
}

void ssg_net_lrn_run(const ssg_run *run, const ssg_net_lrn *lrn)
{
    ssg_launch(run, "lrn", ssg_lrn_kernel, *lrn, ssg_blocks_for(lrn->rows * lrn->channels * lrn->pixels, SSG_THREADS), SSG_THREADS, 0);
}
