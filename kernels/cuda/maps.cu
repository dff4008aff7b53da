/* maps.cu - the raw maps of one layer; SSG-CAM's smoothing of both orders, fused with the weighted sum over channels.
 *
 *     g1 = G g,  g2 = G (g g)      separable Gaussian, border reflected
 *     W  = relu(g1) g2   or   relu(g1) g1^2 / g2
 *     map = relu(sum_k W_k A_k)    or with W averaged over space
 *
 * A block takes a strip of a row's plane and a group of channels; small planes lie side by side. Per channel: g comes into shared memory once, the
 * horizontal pass makes both orders from it, the vertical pass ends in W and takes A from memory once; the strip's map stays in shared memory until
 * the group is done. Reads 8 bytes an element (and the strip's border of g again), writes a partial map a group.
 *
 * The border is folded into the taps: output x is a sum over `taps` neighbours from first(x) on, with weights of its own, so that no pass asks
 * whether it is at an edge, and a filter wider than the plane costs no more than the plane. Where not even a strip fits into shared memory (a plane
 * of 1000 x 1000 with sigma 64), the same kernel works on planes in the caller's scratch. */
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ops.cuh"
#include "kernels/cuda/sums.cuh"
#include "kernels/gaussian.h"

/* ---- how the work is cut ------------------------------------------------------------------------------------------------------------------------
 */

enum : size_t { SSG_SHARED_GOAL = 64 << 10, SSG_SIDE_MOST = 16, SSG_FALLBACK_PLANES = 3 };

struct ssg_axis {
    size_t length, taps, radius;
};

static ssg_axis axis_of(size_t length, int radius)
{
    size_t width = 2 * (size_t)radius + 1;
    return {length, width < length ? width : length, (size_t)radius};
}

/* The first of the neighbours that make up output i. */
static __host__ __device__ __forceinline__ size_t ssg_first(const ssg_axis &axis, size_t i)
{
    size_t from = i > axis.radius ? i - axis.radius : 0, last = axis.length - axis.taps;
    return from < last ? from : last;
}

struct ssg_smooth_job {
    const float *a, *g, *h;             /* h NULL: g g */
    const float *weights_x, *weights_y; /* [tap][output] */
    float *out;                         /* [group][row][pixel], or, for channel weights, [row][channel][strip] */
    float *planes;                      /* scratch in global memory; NULL: shared */
    ssg_axis x, y;
    size_t rows, a_rows, channels, block, groups, strips, strip_rows, side, source_rows; /* source_rows: most that a strip reads */
    unsigned pitch;                                                                      /* floats from row to row of a plane */
    int coherence, channelwise, relu;
};

/* Floats of working memory for a block: planes of g (and h) and of both horizontal results, the strip's map, the taps, a block's sum. */
static size_t working_floats(const ssg_smooth_job &j)
{
    size_t source = j.side * j.source_rows * j.pitch, strip = j.side * j.strip_rows * j.x.length;
    return (j.h ? 4 : 3) * source + (j.channelwise ? 0 : strip) + SSG_WARP;
}

static size_t taps_floats(const ssg_smooth_job &j)
{
    return j.x.taps * j.x.length + j.y.taps * j.y.length;
}

static void cut_into(ssg_smooth_job *j, size_t strip_rows)
{
    j->strip_rows = strip_rows;
    j->strips = (j->y.length + strip_rows - 1) / strip_rows;
    size_t source = strip_rows + j->y.taps;
    j->source_rows = source < j->y.length ? source : j->y.length;
}

/* Whole planes if they fit, several of them where they are small; else the tallest strips that fit; else (planes stay 0) no shared memory. */
static int cut(ssg_smooth_job *j, size_t limit)
{
    size_t quads = (j->y.length + 3) / 4 * j->x.length, goal = limit < SSG_SHARED_GOAL ? limit : SSG_SHARED_GOAL;
    j->side = 1;
    /* A warp's lanes that go on in the next four rows shall find the banks behind those of the row's end. */
    j->pitch = (unsigned)j->x.length;
    while (j->pitch % 8 != (j->x.length + 3) / 4 % 8) j->pitch++;
    if (!j->channelwise)
        while (j->side < SSG_SIDE_MOST && (j->side + 1) * quads <= SSG_THREADS && j->side < j->channels) j->side++;
    for (int pass = 0; pass < 2; pass++, goal = limit) { /* first where two or three blocks share a processor, then with all of it */
        for (size_t rows = j->y.length; rows >= 1; rows = rows > 8 ? rows - rows / 8 : rows - 1) {
            cut_into(j, rows);
            if (rows < j->y.length && rows < j->y.taps && rows < 16) break; /* mostly border: not worth it */
            if ((working_floats(*j) + taps_floats(*j)) * sizeof(float) <= goal) return 1;
        }
    }
    cut_into(j, j->y.length);
    return 0;
}

/* ---- taps ------------------------------------------------------------------------------------------------------------------------------- */

struct ssg_taps_job {
    float *weights; /* [tap][output] */
    ssg_axis axis;
    float taps[SSG_GAUSSIAN_MOST_TAPS];
};

static __device__ __forceinline__ size_t ssg_reflected(long i, long n)
{
    long period = 2 * n, m = i % period;
    if (m < 0) m += period;
    return (size_t)(m < n ? m : period - 1 - m);
}

__global__ void __launch_bounds__(SSG_THREADS) ssg_taps_kernel(ssg_taps_job j)
{
    size_t i = ssg_thread_index(), output = i % j.axis.length, source = ssg_first(j.axis, output) + i / j.axis.length;
    if (i >= j.axis.taps * j.axis.length) return;
    float sum = 0;
    for (long t = -(long)j.axis.radius; t <= (long)j.axis.radius; t++)
        if (ssg_reflected((long)output + t, (long)j.axis.length) == source) sum += j.taps[t + (long)j.axis.radius];
    j.weights[i] = sum;
}

static void fold_taps(const ssg_run *run, float *weights, const ssg_axis &axis, const float *taps)
{
    ssg_taps_job j = {weights, axis, {}};
    for (size_t t = 0; t < 2 * axis.radius + 1; t++) j.taps[t] = taps[t];
    ssg_launch(run, "taps", ssg_taps_kernel, j, ssg_blocks_for(axis.taps * axis.length, SSG_THREADS), SSG_THREADS, 0);
}

/* ---- smoothing and the sum -------------------------------------------------------------------------------------------------------------- */

static __device__ __forceinline__ float ssg_weight(float g1, float g2, int coherence)
{
    if (!(g1 > 0)) return 0;
    if (!coherence) return g1 * g2;
    return g2 > 0 ? g1 * (g1 * g1 / g2) : 0;
}

/* Four rows at one x, of one of the planes side by side: what a thread smooths at a time, so that a weight or a value that has come from shared
 * memory serves several outputs. */
enum : unsigned { SSG_QUAD = 4 };
struct ssg_quad {
    unsigned x, y, plane, rows; /* rows: fewer than four at the end */
};

static __device__ __forceinline__ ssg_quad ssg_quad_at(unsigned index, unsigned width, unsigned quads, unsigned rows)
{
    unsigned y = index / width % quads * SSG_QUAD, left = rows - y;
    return {index % width, y, index / width / quads, left < SSG_QUAD ? left : (unsigned)SSG_QUAD};
}

/* Horizontal: both orders of a quad; the pointers are to its first element. */
static __device__ __forceinline__ void ssg_smooth_across(const ssg_smooth_job &j, const ssg_quad &at, const float *taps, const float *g,
                                                         const float *h, float *first, float *second)
{
    unsigned width = (unsigned)j.x.length;
    long start = (long)ssg_first(j.x, at.x) - (long)at.x;
    float one[SSG_QUAD] = {0, 0, 0, 0}, two[SSG_QUAD] = {0, 0, 0, 0};
    for (unsigned t = 0; t < j.x.taps; t++) {
        float w = taps[t * width + at.x];
#pragma unroll
        for (unsigned r = 0; r < SSG_QUAD; r++) {
            if (r >= at.rows) continue;
            float v = g[start + r * j.pitch + t];
            one[r] = fmaf(w, v, one[r]);
            two[r] = fmaf(w, h ? h[start + r * j.pitch + t] : v * v, two[r]);
        }
    }
#pragma unroll
    for (unsigned r = 0; r < SSG_QUAD; r++) {
        if (r >= at.rows) continue;
        first[r * j.pitch] = one[r];
        second[r * j.pitch] = two[r];
    }
}

/* Vertical: `y` is the quad's first row in the plane, the pointers are to the strip's first source row (s0) at its x. Each source row is read once
 * for all four outputs; away from the border they share their weights, shifted by one. */
static __device__ __forceinline__ void ssg_smooth_down(const ssg_smooth_job &j, const ssg_quad &at, unsigned y, unsigned s0, const float *taps,
                                                       const float *first, const float *second, float one[SSG_QUAD], float two[SSG_QUAD])
{
    unsigned height = (unsigned)j.y.length, radius = (unsigned)j.y.radius, taps_y = (unsigned)j.y.taps;
    unsigned top = (unsigned)ssg_first(j.y, y), bottom = (unsigned)ssg_first(j.y, y + at.rows - 1) + taps_y;
    if (at.rows == SSG_QUAD && y >= radius && y + SSG_QUAD - 1 + radius < height) {
        float w0 = 0, w1 = 0, w2 = 0, w3 = 0;
        for (unsigned u = top; u < bottom; u++) {
            w3 = w2, w2 = w1, w1 = w0;
            w0 = u - top < taps_y ? taps[(u - top) * height + y] : 0;
            float v = first[(u - s0) * j.pitch], v2 = second[(u - s0) * j.pitch];
            one[0] = fmaf(w0, v, one[0]), two[0] = fmaf(w0, v2, two[0]);
            one[1] = fmaf(w1, v, one[1]), two[1] = fmaf(w1, v2, two[1]);
            one[2] = fmaf(w2, v, one[2]), two[2] = fmaf(w2, v2, two[2]);
            one[3] = fmaf(w3, v, one[3]), two[3] = fmaf(w3, v2, two[3]);
        }
        return;
    }
    for (unsigned u = top; u < bottom; u++) {
        float v = first[(u - s0) * j.pitch], v2 = second[(u - s0) * j.pitch];
#pragma unroll
        for (unsigned r = 0; r < SSG_QUAD; r++) {
            unsigned t = u - (unsigned)ssg_first(j.y, y + r); /* wraps around where the window has not begun */
            if (r >= at.rows || t >= taps_y) continue;
            float w = taps[t * height + y + r];
            one[r] = fmaf(w, v, one[r]), two[r] = fmaf(w, v2, two[r]);
        }
    }
}

__global__ void __launch_bounds__(SSG_THREADS, 2) ssg_smooth_kernel(ssg_smooth_job j)
{
    unsigned width = (unsigned)j.x.length, threads = blockDim.x;
    size_t strip = blockIdx.x % j.strips, group = blockIdx.x / j.strips % j.groups, row = blockIdx.x / j.strips / j.groups,
           pixels = j.x.length * j.y.length;
    size_t y0 = strip * j.strip_rows, y1 = y0 + j.strip_rows < j.y.length ? y0 + j.strip_rows : j.y.length;
    size_t s0 = ssg_first(j.y, y0), s1 = ssg_first(j.y, y1 - 1) + j.y.taps;
    unsigned rows_in = (unsigned)(s1 - s0), rows_out = (unsigned)(y1 - y0), source = rows_in * j.pitch, out = rows_out * width; /* of one plane */
    unsigned quads_in = (rows_in + SSG_QUAD - 1) / SSG_QUAD, quads_out = (rows_out + SSG_QUAD - 1) / SSG_QUAD;
    size_t plane_room = j.side * j.source_rows * j.pitch;

    float *room = (float *)ssg_shared, *at = room + SSG_WARP;
    const float *taps_x = j.weights_x, *taps_y = j.weights_y;
    if (j.planes) {
        at = j.planes + (size_t)blockIdx.x * ((j.h ? 4 : 3) * plane_room + (j.channelwise ? 0 : j.side * j.strip_rows * j.x.length));
    } else {
        for (size_t i = threadIdx.x; i < j.x.taps * j.x.length; i += threads) at[i] = j.weights_x[i];
        taps_x = at, at += j.x.taps * j.x.length;
        for (size_t i = threadIdx.x; i < j.y.taps * j.y.length; i += threads) at[i] = j.weights_y[i];
        taps_y = at, at += j.y.taps * j.y.length;
    }
    float *g = at, *first = (at += plane_room), *second = (at += plane_room), *h = NULL;
    if (j.h) h = (at += plane_room);
    float *sum = at + plane_room;

    if (!j.channelwise)
        for (unsigned i = threadIdx.x; i < j.side * out; i += threads) sum[i] = 0; /* each by the thread that adds to it */

    size_t k0 = j.channels * group / j.groups, k1 = j.channels * (group + 1) / j.groups;
    for (size_t k = k0; k < k1; k += j.side) {
        unsigned side = (unsigned)(k1 - k < j.side ? k1 - k : j.side);
        for (unsigned i = threadIdx.x; i < side * rows_in * width; i += threads) {
            unsigned at = i / width * j.pitch + i % width;
            size_t from = ssg_feature_at(row, k + i / (rows_in * width), s0 * width + i % (rows_in * width), j.channels, pixels, j.block);
            g[at] = j.g[from];
            if (h) h[at] = j.h[from];
        }
        __syncthreads();
        for (unsigned q = threadIdx.x; q < side * quads_in * width; q += threads) {
            ssg_quad at = ssg_quad_at(q, width, quads_in, rows_in);
            unsigned from = at.plane * source + at.y * j.pitch + at.x;
            ssg_smooth_across(j, at, taps_x, g + from, h ? h + from : NULL, first + from, second + from);
        }
        __syncthreads();
        float channel = 0;
        for (unsigned q = threadIdx.x; q < side * quads_out * width; q += threads) {
            ssg_quad at = ssg_quad_at(q, width, quads_out, rows_out);
            float one[SSG_QUAD] = {0, 0, 0, 0}, two[SSG_QUAD] = {0, 0, 0, 0};
            ssg_smooth_down(j, at, (unsigned)y0 + at.y, (unsigned)s0, taps_y, first + at.plane * source + at.x, second + at.plane * source + at.x,
                            one, two);
#pragma unroll
            for (unsigned r = 0; r < SSG_QUAD; r++) {
                if (r >= at.rows) continue;
                float weight = ssg_weight(one[r], two[r], j.coherence);
                unsigned i = at.plane * out + (at.y + r) * width + at.x;
                if (j.channelwise)
                    channel += weight;
                else
                    sum[i] =
                        fmaf(weight, j.a[ssg_feature_at(row % j.a_rows, k + at.plane, y0 * width + i % out, j.channels, pixels, j.block)], sum[i]);
            }
        }
        if (j.channelwise) {
            channel = ssg_block_sum(channel, room);
            if (threadIdx.x == 0) j.out[(row * j.channels + k) * j.strips + strip] = channel;
        }
    }
    if (j.channelwise) return;
    __syncthreads();
    for (unsigned i = threadIdx.x; i < out; i += threads) {
        float total = sum[i];
        for (unsigned s = 1; s < j.side; s++) total += sum[s * out + i];
        j.out[(group * j.rows + row) * pixels + y0 * width + i] = j.relu && !(total > 0) ? 0 : total;
    }
}

struct ssg_mean_job {
    const float *sums; /* [count][strips] */
    float *weights;
    size_t count, strips, pixels;
};

__global__ void __launch_bounds__(SSG_THREADS) ssg_mean_kernel(ssg_mean_job j)
{
    size_t i = ssg_thread_index();
    if (i >= j.count) return;
    float sum = 0;
    for (size_t s = 0; s < j.strips; s++) sum += j.sums[i * j.strips + s];
    j.weights[i] = sum / (float)j.pixels;
}

/* ---- the operation ---------------------------------------------------------------------------------------------------------------------- */

/* Scratch: partial maps; channel weights; sums of strips; taps; planes of last resort. Sized for the widest filter, since the method is not known. */
struct ssg_layout_of {
    size_t partial, weights, sums, taps, planes, total;
};

static size_t fallback_floats(const ssg_features *g)
{
    return g->rows * (SSG_FALLBACK_PLANES + 2) * g->height * (g->width + 7); /* one group: a block a row; rows of a plane may lie further apart */
}

static ssg_layout_of layout_of(const ssg_features *g)
{
    size_t pixels = g->height * g->width, most = SSG_GAUSSIAN_MOST_TAPS;
    ssg_layout_of l = {};
    l.weights = l.partial + ssg_cuda_groups(g->channels) * g->rows * pixels;
    l.sums = l.weights + g->rows * g->channels;
    l.taps = l.sums + g->rows * g->channels * g->height;
    l.planes = l.taps + (g->width < most ? g->width : most) * g->width + (g->height < most ? g->height : most) * g->height;
    /* Planes that fit into shared memory with any filter need no others; the least of any device's limits decides. */
    int small = (5 * g->height * (g->width + 7) + SSG_WARP) * sizeof(float) + (l.planes - l.taps) * sizeof(float) <= 48 << 10;
    l.total = l.planes + (small ? 0 : fallback_floats(g));
    return l;
}

size_t ssg_cuda_maps_scratch(const ssg_run *, const ssg_features *, const ssg_features *gradient)
{
    return layout_of(gradient).total * sizeof(float);
}

static void smooth(const ssg_run *run, const ssg_map_spec *spec, const ssg_features *a, const ssg_features *g, const float *second, float *maps,
                   float *scratch)
{
    ssg_layout_of l = layout_of(g);
    float taps[SSG_GAUSSIAN_MOST_TAPS];
    int radius = ssg_gaussian_taps(taps, spec->sigma);
    ssg_smooth_job j = {};
    j.a = a->data, j.g = g->data, j.h = second;
    j.x = axis_of(g->width, radius), j.y = axis_of(g->height, radius);
    j.rows = g->rows, j.a_rows = a->rows, j.channels = g->channels, j.block = g->block;
    j.coherence = spec->coherence, j.channelwise = spec->channelwise;
    j.weights_x = scratch + l.taps, j.weights_y = j.weights_x + j.x.taps * j.x.length;
    j.groups = ssg_cuda_groups(g->channels);
    size_t shared = SSG_WARP;
    if (cut(&j, ((ssg_cuda_stream *)run->stream)->shared_limit)) {
        shared = working_floats(j) + taps_floats(j);
    } else {
        j.side = 1;
        j.groups = 1;
        j.planes = scratch + l.planes;
    }
    fold_taps(run, scratch + l.taps, j.x, taps);
    fold_taps(run, scratch + l.taps + j.x.taps * j.x.length, j.y, taps);
    size_t blocks = j.rows * j.groups * j.strips;
    if (j.channelwise) {
        j.out = scratch + l.sums;
        ssg_launch(run, "smooth", ssg_smooth_kernel, j, blocks, SSG_THREADS, shared * sizeof(float));
        ssg_mean_job mean = {scratch + l.sums, scratch + l.weights, j.rows * j.channels, j.strips, g->height * g->width};
        ssg_launch(run, "mean", ssg_mean_kernel, mean, ssg_blocks_for(mean.count, SSG_THREADS), SSG_THREADS, 0);
        ssg_cuda_sum(run, SSG_TERM_WEIGHTED, a, NULL, scratch + l.weights, g->rows, ssg_cuda_groups(g->channels), spec->keep_sign, maps,
                     scratch + l.partial);
        return;
    }
    j.out = j.groups == 1 ? maps : scratch + l.partial;
    j.relu = j.groups == 1 && !spec->keep_sign;
    ssg_launch(run, "smooth", ssg_smooth_kernel, j, blocks, SSG_THREADS, shared * sizeof(float));
    if (j.groups > 1) ssg_cuda_finish(run, scratch + l.partial, j.groups, g->rows, g->height * g->width, spec->keep_sign, maps);
}

void ssg_cuda_maps(const ssg_run *run, const ssg_map_spec *spec, const ssg_features *activation, const ssg_features *gradient, const float *second,
                   float *maps, void *scratch)
{
    ssg_layout_of l = layout_of(gradient);
    float *room = (float *)scratch;
    size_t groups = ssg_cuda_groups(gradient->channels);
    const float *g = gradient->data;
    switch (spec->kind) {
    case SSG_MAP_SSGCAM: smooth(run, spec, activation, gradient, second, maps, room); return;
    case SSG_MAP_LAYERCAM: ssg_cuda_sum(run, SSG_TERM_LAYERCAM, activation, g, NULL, gradient->rows, groups, spec->keep_sign, maps, room); return;
    case SSG_MAP_HIRESCAM: ssg_cuda_sum(run, SSG_TERM_HIRESCAM, activation, g, NULL, gradient->rows, groups, spec->keep_sign, maps, room); return;
    case SSG_MAP_GRADCAM_ELEMENTWISE:
        ssg_cuda_sum(run, SSG_TERM_ELEMENTWISE, activation, g, NULL, gradient->rows, groups, spec->keep_sign, maps, room);
        return;
    case SSG_MAP_GRADCAM:
    case SSG_MAP_XGRADCAM:
    case SSG_MAP_GRADCAMPP:
    case SSG_MAP_SMOOTHGRADCAMPP:
        ssg_cuda_channel_weights(run, spec->kind, activation, gradient, second, room + l.weights);
        ssg_cuda_sum(run, SSG_TERM_WEIGHTED, activation, NULL, room + l.weights, gradient->rows, groups, spec->keep_sign, maps, room + l.partial);
        return;
    }
}

const ssg_ops *ssg_ops_cuda(void)
{
    static const ssg_ops ops = {"cuda",          ssg_cuda_maps_scratch, ssg_cuda_maps,     ssg_cuda_weighted, ssg_cuda_normalise,
                                ssg_cuda_resize, ssg_cuda_accumulate,   ssg_cuda_quantise, ssg_cuda_mix,      ssg_cuda_resize_fused,
                                ssg_cuda_label,  ssg_cuda_confusion,    ssg_cuda_moments,  ssg_cuda_products};
    return &ops;
}
