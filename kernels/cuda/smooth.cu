/* smooth.cu - SSG-CAM's smoothing of both orders, fused with the weighted sum over channels.
 *
 *     g1 = G g,  g2 = G (g g)      separable Gaussian, border reflected
 *     W  = relu(g1) g2   or   relu(g1) g1^2 / g2
 *     map = relu(sum_k W_k A_k)    or the mean of W over space, a weight of the channel
 *
 * A block takes a tile of a row's plane (mostly all of it) and a group of channels; small planes lie side by side. Per channel: g comes into shared
 * memory once, with its border reflected, so that no pass asks whether it is at an edge. The horizontal pass makes both orders, as pairs; it writes a
 * line also where the vertical pass will find its reflection. The vertical pass ends in W, takes A, which came beside g, and adds to a map in shared
 * memory until the group is done. Reads 8 bytes an element (and a tile's border of g again), writes a partial map a group.
 *
 * Several filters are run over a channel while it is there, and the smoothed plane of each gives W of one combination or both: one map each. Filters
 * that reach at most twice as far as one another go together; a wide one would make the tiles of all small. Channels are added one after the other,
 * however many planes lie side by side: a map has the same bits alone, beside others, and on a device with more or less shared memory.
 *
 * Shared memory would be the limit if a thread made one output. It makes eight, neighbours along the direction of the pass: an input that has come
 * from shared memory serves all of them, and a tap comes from the kernel's arguments. At sigma 2 an element then costs 16 words of shared memory,
 * where 20 would take as long as its 8 bytes of device memory, and 68 multiplications, which take nearly as long as those. */
#include "kernels/cuda/smooth.cuh"

#include "kernels/cuda/smooth_passes.cuh"
#include "kernels/cuda/sums.cuh"

/* The block's shared memory, in this order. */
struct ssg_smooth_rooms {
    float *maps, *products; /* products: of planes side by side, or NULL */
    float *a, *g, *h;
    float2 *smooth;
    unsigned map; /* floats of one map */
};

template <bool second> static __device__ __forceinline__ ssg_smooth_rooms ssg_smooth_rooms_of(const ssg_smooth_job &j)
{
    unsigned source = j.side * j.lines * j.source_pitch, smooth = j.side * j.smooth_rows * j.smooth_pitch;
    ssg_smooth_rooms o;
    o.map = SSG_RUN * ssg_round_up(blockDim.x / j.side, SSG_WARP);
    o.maps = (float *)ssg_shared;
    o.products = j.side > 1 ? o.maps + j.maps * o.map : NULL;
    o.a = o.maps + j.maps * o.map + (o.products ? SSG_RUN * blockDim.x : 0);
    o.g = o.a + ssg_room_of_a(j);
    o.h = second ? o.g + source : o.g;
    o.smooth = (float2 *)(o.h + source);
    for (float *i = o.maps + threadIdx.x; i < (float *)(o.smooth + smooth); i += blockDim.x) *i = 0; /* what even reflections do not reach stays so */
    return o;
}

/* The sum of a channel's W over the tile. */
static __device__ __forceinline__ void ssg_write_weight(const ssg_smooth_job &j, const ssg_smooth_place &p, const ssg_smooth_filter &filter,
                                                        const ssg_smooth_sums &s, unsigned first, unsigned k, float *room)
{
    float sum = 0;
#pragma unroll
    for (unsigned r = 0; r < SSG_RUN; r++) {
        float w = filter.coherence == SSG_NO_MAP ? ssg_product_of(s.one[r], s.two[r]) : ssg_coherence_of(s.one[r], s.two[r]);
        sum += first + r < p.rows ? w : 0;
    }
    sum = ssg_block_sum(sum, room);
    unsigned tiles = j.x.tiles * j.y.tiles;
    if (threadIdx.x == 0) j.out[0][((size_t)p.row * j.channels + k) * tiles + blockIdx.x % tiles] = sum;
}

/* W of each combination that is wanted, times A. */
static __device__ __forceinline__ void ssg_add_to_maps(const ssg_smooth_job &j, const ssg_smooth_filter &filter, const ssg_smooth_rooms &o,
                                                       const ssg_smooth_sums &s, const ssg_smooth_mine &m, unsigned side)
{
    float w[SSG_RUN];
    if (filter.product != SSG_NO_MAP) {
#pragma unroll
        for (unsigned r = 0; r < SSG_RUN; r++) w[r] = ssg_product_of(s.one[r], s.two[r]);
        ssg_add_to_map(j, o.maps + filter.product * o.map, o.products, w, m, side);
    }
    if (filter.coherence != SSG_NO_MAP) {
#pragma unroll
        for (unsigned r = 0; r < SSG_RUN; r++) w[r] = ssg_coherence_of(s.one[r], s.two[r]);
        ssg_add_to_map(j, o.maps + filter.coherence * o.map, o.products, w, m, side);
    }
}

static __device__ __forceinline__ void ssg_write_maps(const ssg_smooth_job &j, const ssg_smooth_place &p, const ssg_smooth_rooms &o,
                                                      const ssg_smooth_mine &m, unsigned first, unsigned x)
{
    unsigned pixels = j.x.length * j.y.length;
    for (unsigned map = 0; map < j.maps; map++)
        for (unsigned r = 0; r < SSG_RUN && first + r < p.rows; r++) {
            float total = o.maps[map * o.map + (r / 4 * m.per_plane + m.at) * 4 + r % 4];
            size_t pixel = ((size_t)p.y0 + first + r) * j.x.length + (unsigned)p.x0 + x;
            j.out[map][((size_t)p.group * j.rows + p.row) * pixels + pixel] = j.relu && !(total > 0) ? 0 : total;
        }
}

template <typename T, typename V, bool second>
__global__ void __launch_bounds__(SSG_SMOOTH_THREADS, second ? 1 : 2) ssg_smooth_kernel(ssg_smooth_job j)
{
    const ssg_smooth_place p = ssg_smooth_place_of(j);
    const ssg_smooth_share share = ssg_smooth_share_of<V>(j, p);
    const ssg_smooth_rooms o = ssg_smooth_rooms_of<second>(j);
    unsigned k0 = j.channels * p.group / j.groups, k1 = j.channels * (p.group + 1) / j.groups; /* at most 64 groups */

    ssg_smooth_mine m;
    m.per_plane = p.cols * ((p.rows + SSG_RUN - 1) / SSG_RUN), m.plane = threadIdx.x / m.per_plane, m.at = threadIdx.x % m.per_plane;
    unsigned x = m.at % p.cols, run = m.at / p.cols, first = run * SSG_RUN, pixels = j.x.length * j.y.length;
    m.a = o.a + ((m.plane < j.side ? m.plane : 0) * j.y.tile + first) * j.a_pitch + run * j.a_shift + x;
    const ssg_line_down line = {o.smooth + (m.plane * j.smooth_rows + j.y.reach + first) * j.smooth_pitch + x, (int)j.smooth_pitch};

    for (unsigned k = k0; k < k1; k += j.side) {
        unsigned side = min(j.side, k1 - k);
        for (unsigned f = 0; f < j.filters; f++) {
            const ssg_smooth_filter &filter = j.filter[f];
            for (int from = p.from; from < p.to; from += (int)j.lines) { /* several filters: all lines at once */
                unsigned lines = min(j.lines, (unsigned)(p.to - from));
                __syncthreads(); /* whoever reads what is overwritten now */
                if (f == 0) {
                    size_t start = ssg_feature_at(p.row, k, (unsigned)from * j.x.length, j.channels, pixels, j.block);
                    if (from == p.from && !j.channelwise)
                        ssg_fetch_activation<V>(
                            j, p, (const T *)j.a + ssg_feature_at(p.a_row, k, (unsigned)(p.y0 * (int)j.x.length + p.x0), j.channels, pixels, j.block),
                            o.a, side);
                    ssg_fetch_lines<V>(j, p, share, (const T *)j.g + start, o.g, side * lines);
                    if (second) ssg_fetch_lines<V>(j, p, share, j.h + start, o.h, side * lines);
                    __syncthreads();
                }
                ssg_smooth_across<second>(j, filter, p, share, o.g, o.h, o.smooth, side, from, lines);
            }
            __syncthreads();
            ssg_smooth_sums s = {};
            if (m.plane < side) ssg_smooth_run(&s, j.taps + filter.y_taps, filter.y_reach, line);
            if (j.channelwise)
                ssg_write_weight(j, p, filter, s, first, k, o.maps);
            else if (o.products || m.plane < side) /* not threads beyond the tile's runs */
                ssg_add_to_maps(j, filter, o, s, m, side);
        }
    }
    if (!j.channelwise && m.plane == 0) ssg_write_maps(j, p, o, m, first, x);
}

struct ssg_mean_job {
    const float *sums; /* [count][tiles] */
    float *weights;
    size_t count, tiles, pixels;
};

__global__ void __launch_bounds__(SSG_THREADS) ssg_mean_kernel(ssg_mean_job j)
{
    size_t i = ssg_thread_index();
    if (i >= j.count) return;
    float sum = 0;
    for (size_t t = 0; t < j.tiles; t++) sum += j.sums[i * j.tiles + t];
    j.weights[i] = sum / (float)j.pixels;
}

/* ---- launching ------------------------------------------------------------------------------------------------------------------------------ */

size_t ssg_cuda_smooth_tiles(const ssg_features *g)
{
    return ((g->width + SSG_RUN - 1) / SSG_RUN) * ((g->height + SSG_RUN - 1) / SSG_RUN); /* none is smaller */
}

typedef void ssg_smooth_function(ssg_smooth_job);

/* Four values at a time where lines of all tensors begin at multiples of four; V is then float4. */
template <typename V> static ssg_smooth_function *kernel_of(ssg_element type, int second)
{
    if (second) return ssg_smooth_kernel<float, V, true>;
    switch (type) {
    case SSG_ELEMENT_BF16: return ssg_smooth_kernel<ssg_bf16, V, false>;
    case SSG_ELEMENT_F16: return ssg_smooth_kernel<ssg_f16, V, false>;
    default: return ssg_smooth_kernel<float, V, false>;
    }
}

static size_t shared_limit(const ssg_run *run)
{
    return ((const ssg_cuda_stream *)run->stream)->shared_limit;
}

static void launch(const ssg_run *run, ssg_smooth_job j, ssg_element type)
{
    uintptr_t low = (uintptr_t)j.a | (uintptr_t)j.g | (uintptr_t)j.h;
    int fours = j.x.length % 4 == 0 && j.block == 1 && low % sizeof(float4) == 0;
    j.a_runs = (unsigned)(((1ull << 32) + SSG_RUN * j.x.tile / (fours ? 4 : 1) - 1) / (SSG_RUN * j.x.tile / (fours ? 4 : 1)));
    ssg_smooth_function *kernel = fours ? kernel_of<float4>(type, j.h != NULL) : kernel_of<float>(type, j.h != NULL);
    ssg_launch(run, "smooth", kernel, j, ssg_smooth_blocks(j), ssg_smooth_threads(j), ssg_smooth_shared_bytes(j));
}

/* ---- which maps a launch makes ---------------------------------------------------------------------------------------------------------------- */

/* The maps of one sigma, once each. */
struct ssg_smoothing {
    double sigma;
    int wanted[2]; /* product, coherence */
};

/* Ascending, without repetitions; returns how many. */
static size_t list_smoothings(ssg_smoothing *list, const ssg_map_spec *specs, size_t count)
{
    size_t smoothings = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < smoothings && list[at].sigma < specs[i].sigma) at++;
        if (at == smoothings || list[at].sigma != specs[i].sigma) {
            for (size_t k = smoothings++; k > at; k--) list[k] = list[k - 1];
            list[at] = {specs[i].sigma, {0, 0}};
        }
        list[at].wanted[specs[i].coherence != 0] = 1;
    }
    return smoothings;
}

/* A job for the first smoothings of the list, as many as go together; returns how many. */
static size_t gather(const ssg_run *run, ssg_smooth_job *job, const ssg_smoothing *list, size_t count)
{
    size_t taken = 0;
    ssg_smooth_job next = *job;
    while (taken < count) {
        unsigned maps = next.maps, product = list[taken].wanted[0] ? maps++ : (unsigned)SSG_NO_MAP;
        unsigned coherence = list[taken].wanted[1] ? maps++ : (unsigned)SSG_NO_MAP, least = next.filter[0].x_reach;
        if (!ssg_smooth_add_filter(&next, list[taken].sigma, product, coherence)) break;
        next.maps = maps;
        if (taken > 0 && next.x.reach > 2 * (least > 4 ? least : 4)) break;
        ssg_smooth_job whole = next;
        if (!ssg_smooth_cut(&whole, shared_limit(run))) break;
        *job = whole;
        taken++;
    }
    return taken;
}

/* What of a job's maps a spec is. */
static int map_of(const ssg_smooth_job &j, const ssg_smoothing *list, size_t taken, const ssg_map_spec &spec)
{
    for (size_t f = 0; f < taken; f++)
        if (list[f].sigma == spec.sigma) return (int)(spec.coherence ? j.filter[f].coherence : j.filter[f].product);
    return -1;
}

void ssg_cuda_smooth(const ssg_run *run, const ssg_map_spec *specs, size_t count, const ssg_features *a, const ssg_features *g, const float *second,
                     float *const *maps, float *partial)
{
    ssg_smoothing list[SSG_MAPS_TOGETHER];
    size_t smoothings = list_smoothings(list, specs, count), pixels = g->height * g->width;
    for (size_t at = 0, taken; at < smoothings; at += taken) {
        ssg_smooth_job j = ssg_smooth_begin(g, second);
        j.a = a->data, j.a_rows = (unsigned)a->rows;
        taken = gather(run, &j, list + at, smoothings - at);
        int direct = count == 1 && j.groups == 1;
        for (unsigned m = 0; m < j.maps; m++) j.out[m] = direct ? maps[0] : partial + m * j.groups * g->rows * pixels;
        j.relu = direct && !specs->keep_sign;
        launch(run, j, g->type);
        for (size_t i = 0; i < count && !direct; i++) {
            int m = map_of(j, list + at, taken, specs[i]);
            if (m >= 0) ssg_cuda_finish(run, j.out[m], j.groups, g->rows, pixels, specs[i].keep_sign, maps[i]);
        }
    }
}

size_t ssg_cuda_smooth_outputs(size_t count)
{
    return count < SSG_SMOOTH_MAPS ? count : (size_t)SSG_SMOOTH_MAPS;
}

void ssg_cuda_smooth_weights(const ssg_run *run, const ssg_map_spec *spec, const ssg_features *g, const float *second, float *weights, float *sums)
{
    ssg_smooth_job j = ssg_smooth_begin(g, second);
    ssg_smooth_add_filter(&j, spec->sigma, spec->coherence ? (unsigned)SSG_NO_MAP : 0, spec->coherence ? 0 : (unsigned)SSG_NO_MAP);
    j.maps = 1; /* its room serves the sums over the block */
    j.out[0] = sums;
    j.channelwise = 1;
    ssg_smooth_cut(&j, shared_limit(run));
    launch(run, j, g->type);
    ssg_mean_job mean = {sums, weights, (size_t)j.rows * j.channels, (size_t)j.x.tiles * j.y.tiles, g->height * g->width};
    ssg_launch(run, "mean", ssg_mean_kernel, mean, ssg_blocks_for(mean.count, SSG_THREADS), SSG_THREADS, 0);
}
