/* smooth.cu - SSG-CAM's smoothing of both orders, fused with the weighted sum over channels.
 *
 *     g1 = G g,  g2 = G (g g)      separable Gaussian, border reflected
 *     W  = relu(g1) g2   or   relu(g1) g1^2 / g2
 *     map = relu(sum_k W_k A_k)    or the mean of W over space, a weight of the channel
 *
 * A block takes a tile of a row's plane (mostly all of it) and a group of channels; small planes lie side by side. Per channel: g comes into shared
 * memory once, with its border reflected, so that no pass asks whether it is at an edge. The horizontal pass makes both orders, as pairs; it writes a
 * line also where the vertical pass will find its reflection. The vertical pass ends in W, takes A from memory once, and adds to a map in shared
 * memory until the group is done. Reads 8 bytes an element (and a tile's border of g again), writes a partial map a group.
 *
 * Shared memory would be the limit if a thread made one output. It makes eight, neighbours along the direction of the pass: an input that has come
 * from shared memory serves all of them, and a tap comes from the kernel's arguments. At sigma 2 an element then costs 16 words of shared memory,
 * where 20 would take as long as its 8 bytes of device memory, and 68 multiplications, which take nearly as long as those. */
#include "kernels/cuda/smooth.cuh"

#include "kernels/cuda/element.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/sums.cuh"
#include "kernels/gaussian.h"

enum : unsigned {
    SSG_RUN = 8,                                  /* outputs that a thread makes at once */
    SSG_SMOOTH_THREADS = 448,                     /* at most: a thread has one run of the vertical pass */
    SSG_TILE_WIDTH = 64,                          /* at most */
    SSG_HALF_TAPS = SSG_GAUSSIAN_MOST_RADIUS + 1, /* the filter is symmetric */
    SSG_SHARED_GOAL = 100 << 10                   /* two blocks a processor */
};

/* ---- how the work is cut ------------------------------------------------------------------------------------------------------------------------
 */

struct ssg_smooth_axis {
    unsigned length, tile, tiles;
    unsigned reach;            /* radius, made a multiple of four */
    float taps[SSG_HALF_TAPS]; /* by distance; zero beyond the radius */
};

struct ssg_smooth_job {
    const void *a, *g; /* elements of the kernel's type */
    const float *h;    /* NULL: g g */
    float *out;        /* [group][row][pixel], or, for channel weights, [row][channel][tile] */
    float scale;       /* of g, if that is half */
    unsigned rows, a_rows, channels, block, groups;
    unsigned side;                      /* planes side by side */
    unsigned source_pitch, lines;       /* floats from line to line of g, lines that come at once */
    unsigned smooth_pitch, smooth_rows; /* pairs from line to line of the smoothed plane, lines of it */
    int coherence, channelwise, relu;
    ssg_smooth_axis x, y;
};

static __host__ __device__ __forceinline__ unsigned ssg_round_up(unsigned n, unsigned multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

static unsigned next_pitch(unsigned least, unsigned modulus, unsigned wanted)
{
    while (least % modulus != wanted) least++;
    return least;
}

/* Taps by distance on an axis of n points. A reflected border repeats after 2 n points, so that a wider filter folds into n of them on either side;
 * what lies at distance n is the same point on both sides, and they share its weight. */
static void fold_taps(ssg_smooth_axis *axis, const float *taps, int radius)
{
    int n = (int)axis->length, period = 2 * n;
    for (int t = -radius; t <= radius; t++) {
        int at = n == 1 ? 0 : (t % period + period) % period; /* beyond n: the other side */
        if (at <= n) axis->taps[at] += at == n ? taps[t + radius] / 2 : taps[t + radius];
    }
    axis->reach = n == 1 ? 0 : ssg_round_up((unsigned)(radius < n ? radius : n), 4);
}

static void cut_axis(ssg_smooth_axis *axis, unsigned most)
{
    unsigned tiles = (axis->length + most - 1) / most;
    axis->tile = tiles == 1 ? axis->length : ssg_round_up((axis->length + tiles - 1) / tiles, SSG_RUN);
    axis->tiles = (axis->length + axis->tile - 1) / axis->tile;
}

/* Lines of a tile's neighbourhood, those outside the plane included. */
static __host__ __device__ __forceinline__ unsigned ssg_span(const ssg_smooth_axis &axis)
{
    return ssg_round_up(axis.tile, SSG_RUN) + 2 * axis.reach;
}

/* Tiles of at most these sizes. Sixteen bytes a lane, eight lanes from line to line, meet all banks if the pitch is an odd number of these. */
static void cut_into(ssg_smooth_job *j, unsigned width, unsigned height)
{
    cut_axis(&j->x, width);
    cut_axis(&j->y, height);
    j->source_pitch = next_pitch(ssg_span(j->x), 8, 4);
    j->smooth_pitch = next_pitch(ssg_round_up(j->x.tile, SSG_RUN), 4, 2);
    j->smooth_rows = ssg_span(j->y);
    j->lines = j->smooth_rows < j->y.length ? j->smooth_rows : j->y.length;
    j->side = 1;
}

static unsigned threads_of(const ssg_smooth_job &j)
{
    unsigned runs = j.x.tile * ((j.y.tile + SSG_RUN - 1) / SSG_RUN);
    return ssg_round_up(j.side * runs, SSG_WARP);
}

static size_t floats_of(const ssg_smooth_job &j)
{
    size_t source = (size_t)j.lines * j.source_pitch, smooth = (size_t)j.smooth_rows * j.smooth_pitch;
    return SSG_RUN * threads_of(j) + j.side * ((j.h ? 2 : 1) * source + 2 * smooth);
}

/* Whether it fits, with g coming a few lines at a time if need be. */
static int fits(ssg_smooth_job *j, size_t bytes, unsigned least_lines)
{
    while (floats_of(*j) * sizeof(float) > bytes) {
        if (j->lines <= least_lines) return 0;
        j->lines = (j->lines + 1) / 2;
    }
    return 1;
}

/* The largest tiles that fit. Rather than tiles that are mostly border a block takes a whole processor; any filter fits into 48 KB. */
static void cut(ssg_smooth_job *j, size_t goal, size_t limit)
{
    const struct {
        size_t bytes;
        unsigned tile, lines;
    } least[] = {{goal, 32, 8}, {limit, 16, 8}, {limit, 8, 1}};
    for (auto &l : least) {
        unsigned width = ssg_round_up(j->x.length < SSG_TILE_WIDTH ? j->x.length : SSG_TILE_WIDTH, SSG_RUN);
        unsigned height = SSG_SMOOTH_THREADS / width * SSG_RUN;
        for (;;) {
            cut_into(j, width, height);
            if (fits(j, l.bytes, l.lines)) return;
            unsigned &larger = height > width ? height : width;
            if (larger <= l.tile) break;
            larger /= 2;
        }
    }
}

/* Several planes, which must follow each other in memory, where a block has room for them. */
static void lay_side_by_side(ssg_smooth_job *j, size_t goal)
{
    unsigned most = (j->channels + j->groups - 1) / j->groups;
    if (j->x.tiles > 1 || j->y.tiles > 1 || j->lines < j->y.length || j->block > 1 || j->channelwise) return;
    do j->side++;
    while (j->side <= most && threads_of(*j) <= SSG_SMOOTH_THREADS && floats_of(*j) * sizeof(float) <= goal);
    j->side--;
}

/* ---- a run: eight outputs of both orders ------------------------------------------------------------------------------------------------ */

/* Four neighbouring inputs of both orders. */
struct ssg_smooth_four {
    float one[4], two[4];
};

struct ssg_smooth_sums {
    float one[SSG_RUN], two[SSG_RUN];
};

/* What four inputs on the right (from 8 + n on) and their mirror images (from -1 - n down, last first) add; `taps` from distance n on. Output r, seen
 * from the right, is reached by input i if r >= i + skip: nearly all, or, at the filter's ends, a triangle. */
template <int skip>
static __device__ __forceinline__ void ssg_add_outward(ssg_smooth_sums *s, const float *taps, const ssg_smooth_four &left,
                                                       const ssg_smooth_four &right)
{
#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int r = 0; r < (int)SSG_RUN; r++) {
            if (r < i + skip) continue;
            float tap = taps[(int)SSG_RUN + i - r];
            s->one[r] = fmaf(tap, right.one[i], s->one[r]);
            s->two[r] = fmaf(tap, right.two[i], s->two[r]);
            s->one[(int)SSG_RUN - 1 - r] = fmaf(tap, left.one[3 - i], s->one[(int)SSG_RUN - 1 - r]);
            s->two[(int)SSG_RUN - 1 - r] = fmaf(tap, left.two[3 - i], s->two[(int)SSG_RUN - 1 - r]);
        }
    }
}

/* Along x: a line of g (and of h). */
template <bool second> struct ssg_line_across {
    const float *g, *h;
    __device__ __forceinline__ ssg_smooth_four four() const
    {
        float4 v = *(const float4 *)g, w = second ? *(const float4 *)h : make_float4(v.x * v.x, v.y * v.y, v.z * v.z, v.w * v.w);
        return {{v.x, v.y, v.z, v.w}, {w.x, w.y, w.z, w.w}};
    }
    __device__ __forceinline__ ssg_line_across moved(int steps) const
    {
        return {g + steps, h + steps};
    }
};

/* Along y: a column of pairs. */
struct ssg_line_down {
    const float2 *pairs;
    int pitch;
    __device__ __forceinline__ ssg_smooth_four four() const
    {
        float2 a = pairs[0], b = pairs[pitch], c = pairs[2 * pitch], d = pairs[3 * pitch];
        return {{a.x, b.x, c.x, d.x}, {a.y, b.y, c.y, d.y}};
    }
    __device__ __forceinline__ ssg_line_down moved(int steps) const
    {
        return {pairs + steps * pitch, pitch};
    }
};

/* From the middle outwards; `line` is at the first output's own place. */
template <typename Line> static __device__ __forceinline__ void ssg_smooth_run(ssg_smooth_sums *s, const ssg_smooth_axis &axis, const Line &line)
{
#pragma unroll
    for (int r = 0; r < (int)SSG_RUN; r++) s->one[r] = 0, s->two[r] = 0;
#pragma unroll
    for (int half = 0; half < (int)SSG_RUN; half += 4) {
        ssg_smooth_four v = line.moved(half).four();
#pragma unroll
        for (int i = half; i < half + 4; i++) {
#pragma unroll
            for (int r = 0; r < (int)SSG_RUN; r++) {
                float tap = axis.taps[i > r ? i - r : r - i];
                s->one[r] = fmaf(tap, v.one[i - half], s->one[r]);
                s->two[r] = fmaf(tap, v.two[i - half], s->two[r]);
            }
        }
    }
    Line left = line.moved(-4), right = line.moved((int)SSG_RUN);
    unsigned n = 0;
    for (; n + 12 <= axis.reach; n += 4, left = left.moved(-4), right = right.moved(4))
        ssg_add_outward<-3>(s, axis.taps + n, left.four(), right.four());
    if (axis.reach >= 8) {
        ssg_add_outward<0>(s, axis.taps + n, left.four(), right.four());
        n += 4, left = left.moved(-4), right = right.moved(4);
    }
    if (axis.reach >= 4) ssg_add_outward<4>(s, axis.taps + n, left.four(), right.four());
}

/* ---- the passes ----------------------------------------------------------------------------------------------------------------------------- */

/* Where a block is. */
struct ssg_smooth_place {
    unsigned row, a_row, group;
    int x0, y0;          /* the tile's first pixel */
    unsigned cols, rows; /* pixels of the tile */
    int left, right;     /* columns of the plane that it reads */
    int from, to;        /* lines */
};

/* What of an axis a tile at `start` and its borders read, reflections included. */
static __device__ __forceinline__ void ssg_reflected_range(const ssg_smooth_axis &axis, int start, int *from, int *to)
{
    int length = (int)axis.length, before = start - (int)axis.reach, behind = before + (int)ssg_span(axis);
    *from = max(0, min(before, 2 * length - behind));
    *to = min(length, max(behind, -before));
}

static __device__ __forceinline__ ssg_smooth_place ssg_smooth_place_of(const ssg_smooth_job &j)
{
    unsigned tiles = j.x.tiles * j.y.tiles, tile = blockIdx.x % tiles;
    ssg_smooth_place p;
    p.group = blockIdx.x / tiles % j.groups;
    p.row = blockIdx.x / tiles / j.groups;
    p.a_row = j.channelwise ? 0 : p.row % j.a_rows;
    p.x0 = (int)(tile % j.x.tiles * j.x.tile);
    p.y0 = (int)(tile / j.x.tiles * j.y.tile);
    p.cols = min(j.x.tile, j.x.length - (unsigned)p.x0);
    p.rows = min(j.y.tile, j.y.length - (unsigned)p.y0);
    ssg_reflected_range(j.x, p.x0, &p.left, &p.right);
    ssg_reflected_range(j.y, p.y0, &p.from, &p.to);
    return p;
}

/* What a thread does in every channel; worked out once, since a channel gives it only a few elements. */
struct ssg_smooth_share {
    unsigned column, first, abreast; /* of g: a column, and lines from `first` on, `abreast` apart */
    unsigned line, x;                /* horizontally: the first line of all planes, and its first output */
};

template <typename V> static __device__ __forceinline__ ssg_smooth_share ssg_smooth_share_of(const ssg_smooth_job &j, const ssg_smooth_place &p)
{
    const unsigned wide = sizeof(V) / sizeof(float);
    unsigned across = min((unsigned)(p.right - p.left) / wide, blockDim.x), lines = j.side * j.lines;
    return {threadIdx.x % across, threadIdx.x / across, blockDim.x / across, threadIdx.x % lines, threadIdx.x / lines * SSG_RUN};
}

static __device__ __forceinline__ float ssg_reversed(float v)
{
    return v;
}
static __device__ __forceinline__ float4 ssg_reversed(float4 v)
{
    return make_float4(v.w, v.z, v.y, v.x);
}

template <typename T> static __device__ __forceinline__ void ssg_fetch(float *v, const T *from)
{
    *v = ssg_read(from);
}
template <typename T> static __device__ __forceinline__ void ssg_fetch(float4 *v, const T *from)
{
    *v = ssg_read_four(from);
}

static __device__ __forceinline__ float ssg_scaled(float v, float scale)
{
    return v * scale;
}
static __device__ __forceinline__ float4 ssg_scaled(float4 v, float scale)
{
    return make_float4(v.x * scale, v.y * scale, v.z * scale, v.w * scale);
}

/* Only gradients in half are too large by a factor. */
template <typename T> struct ssg_is_scaled {
    enum { yes = 0 };
};
template <> struct ssg_is_scaled<ssg_f16> {
    enum { yes = 1 };
};

/* `lines` lines of the planes side by side, from `from` on, each value also to where its reflection lies. V: one value at a time or four. */
template <typename V, typename T>
static __device__ __forceinline__ void ssg_fetch_lines(const ssg_smooth_job &j, const ssg_smooth_place &p, const ssg_smooth_share &share,
                                                       const T *from, float *to, unsigned lines)
{
    if (share.first >= share.abreast) return;
    const int wide = sizeof(V) / sizeof(float);
    int before = p.x0 - (int)j.x.reach;
    unsigned next = share.abreast * j.x.length * j.block, next_cell = share.abreast * j.source_pitch, room = ssg_span(j.x);
    for (int x = p.left + (int)share.column * wide; x < p.right; x += (int)blockDim.x * wide) {
        unsigned own = (unsigned)(x - before), left = (unsigned)(-wide - x - before), right = (unsigned)(2 * (int)j.x.length - wide - x - before);
        unsigned at = (share.first * j.x.length + (unsigned)x) * j.block;
        float *cell = to + share.first * j.source_pitch;
#pragma unroll 2
        for (unsigned line = share.first; line < lines; line += share.abreast, at += next, cell += next_cell) {
            V v;
            ssg_fetch(&v, from + at);
            if (ssg_is_scaled<T>::yes) v = ssg_scaled(v, j.scale);
            V w = ssg_reversed(v);
            if (own < room) *(V *)(cell + own) = v;
            if (left < room) *(V *)(cell + left) = w;
            if (right < room) *(V *)(cell + right) = w;
        }
    }
}

/* Both orders of lines y to y + lines of the planes, smoothed along x, to wherever in the smoothed planes they or their reflections lie. */
template <bool second>
static __device__ __forceinline__ void ssg_smooth_across(const ssg_smooth_job &j, const ssg_smooth_place &p, const ssg_smooth_share &share,
                                                         const float *g, const float *h, float2 *smooth, unsigned side, int y, unsigned lines)
{
    unsigned all = j.side * j.lines; /* neighbours take neighbouring lines, of all planes that there may be */
    int above = p.y0 - (int)j.y.reach, height = (int)j.y.length;
    for (unsigned line = share.line, x = share.x; x < p.cols;) {
        if (line < side * lines) {
            unsigned plane = j.side == 1 ? 0 : line / lines, from = line * j.source_pitch + j.x.reach + x;
            ssg_smooth_sums s;
            ssg_smooth_run(&s, j.x, ssg_line_across<second>{g + from, h + from});
            int row = y + (int)(line - plane * lines), places[] = {row, -1 - row, 2 * height - 1 - row};
#pragma unroll
            for (int place : places) {
                unsigned to_row = (unsigned)(place - above);
                if (to_row >= j.smooth_rows) continue;
                float4 *to = (float4 *)(smooth + (plane * j.smooth_rows + to_row) * j.smooth_pitch + x);
#pragma unroll
                for (int r = 0; r < (int)SSG_RUN / 2; r++) to[r] = make_float4(s.one[2 * r], s.two[2 * r], s.one[2 * r + 1], s.two[2 * r + 1]);
            }
        }
        for (line += blockDim.x; line >= all; line -= all) x += SSG_RUN;
    }
}

/* W, in place of the sums of first order. */
static __device__ __forceinline__ void ssg_weigh(ssg_smooth_sums *s, int coherence)
{
    if (coherence) {
#pragma unroll
        for (unsigned r = 0; r < SSG_RUN; r++) {
            float g1 = s->one[r], g2 = s->two[r];
            s->one[r] = g1 > 0 && g2 > 0 ? g1 * (g1 * g1 / g2) : 0;
        }
    } else {
#pragma unroll
        for (unsigned r = 0; r < SSG_RUN; r++) s->one[r] = s->one[r] > 0 ? s->one[r] * s->two[r] : 0;
    }
}

template <typename T, typename V, bool second>
__global__ void __launch_bounds__(SSG_SMOOTH_THREADS, second ? 1 : 2) ssg_smooth_kernel(ssg_smooth_job j)
{
    const ssg_smooth_place p = ssg_smooth_place_of(j);
    const ssg_smooth_share share = ssg_smooth_share_of<V>(j, p);
    unsigned k0 = j.channels * p.group / j.groups, k1 = j.channels * (p.group + 1) / j.groups; /* at most 64 groups */
    unsigned source_room = j.side * j.lines * j.source_pitch, smooth_room = j.side * j.smooth_rows * j.smooth_pitch;
    float *sums = (float *)ssg_shared, *g = sums + SSG_RUN * blockDim.x, *h = second ? g + source_room : g;
    float2 *smooth = (float2 *)(h + source_room);
    for (float *i = g + threadIdx.x; i < (float *)(smooth + smooth_room); i += blockDim.x) *i = 0; /* what even reflections do not reach stays zero */

    /* A thread's run of the vertical pass, and its part of the map. */
    unsigned per_plane = p.cols * ((p.rows + SSG_RUN - 1) / SSG_RUN), plane = threadIdx.x / per_plane, at = threadIdx.x % per_plane;
    unsigned x = at % p.cols, y = at / p.cols * SSG_RUN, rows = y < p.rows ? p.rows - y : 0, pixels = j.x.length * j.y.length;
    unsigned pixel = ((unsigned)p.y0 + y) * j.x.length + (unsigned)p.x0 + x, next = j.x.length * j.block;
    const ssg_line_down line = {smooth + (plane * j.smooth_rows + j.y.reach + y) * j.smooth_pitch + x, (int)j.smooth_pitch};
    float4 *map = (float4 *)sums + threadIdx.x, *map_below = map + blockDim.x;
    *map = *map_below = make_float4(0, 0, 0, 0);

    for (unsigned k = k0; k < k1; k += j.side) {
        unsigned side = min(j.side, k1 - k);
        float a[SSG_RUN] = {0, 0, 0, 0, 0, 0, 0, 0}; /* asked for early */
        if (!j.channelwise && plane < side) {
            const T *from = (const T *)j.a + ssg_feature_at(p.a_row, k, 0, j.channels, pixels, j.block) + (size_t)(plane * pixels + pixel) * j.block;
            if (rows >= SSG_RUN) {
#pragma unroll
                for (unsigned r = 0; r < SSG_RUN; r++, from += next) a[r] = ssg_read(from);
            } else {
#pragma unroll
                for (unsigned r = 0; r < SSG_RUN; r++, from += next)
                    if (r < rows) a[r] = ssg_read(from);
            }
        }
        for (int from = p.from; from < p.to; from += (int)j.lines) {
            unsigned lines = min(j.lines, (unsigned)(p.to - from));
            size_t start = ssg_feature_at(p.row, k, (unsigned)from * j.x.length, j.channels, pixels, j.block);
            __syncthreads(); /* whoever reads what is overwritten now */
            ssg_fetch_lines<V>(j, p, share, (const T *)j.g + start, g, side * lines);
            if (second) ssg_fetch_lines<V>(j, p, share, j.h + start, h, side * lines);
            __syncthreads();
            ssg_smooth_across<second>(j, p, share, g, h, smooth, side, from, lines);
        }
        __syncthreads();
        ssg_smooth_sums s = {};
        if (plane < side) {
            ssg_smooth_run(&s, j.y, line);
            ssg_weigh(&s, j.coherence);
        }
        if (j.channelwise) {
            float sum = 0;
#pragma unroll
            for (unsigned r = 0; r < SSG_RUN; r++) sum += r < rows ? s.one[r] : 0;
            sum = ssg_block_sum(sum, sums);
            unsigned tiles = j.x.tiles * j.y.tiles;
            if (threadIdx.x == 0) j.out[((size_t)p.row * j.channels + k) * tiles + blockIdx.x % tiles] = sum;
            continue;
        }
        float4 m = *map, n = *map_below;
        *map = make_float4(fmaf(s.one[0], a[0], m.x), fmaf(s.one[1], a[1], m.y), fmaf(s.one[2], a[2], m.z), fmaf(s.one[3], a[3], m.w));
        *map_below = make_float4(fmaf(s.one[4], a[4], n.x), fmaf(s.one[5], a[5], n.y), fmaf(s.one[6], a[6], n.z), fmaf(s.one[7], a[7], n.w));
    }
    if (j.channelwise) return;

    __syncthreads();
    if (plane > 0) return;
    for (unsigned r = 0; r < SSG_RUN && r < rows; r++) { /* the planes' maps, added in order */
        const float *of = sums + r / 4 * 4 * blockDim.x + r % 4;
        float total = of[4 * at];
        for (unsigned s = 1; s < j.side; s++) total += of[4 * (s * per_plane + at)];
        j.out[((size_t)p.group * j.rows + p.row) * pixels + pixel + r * j.x.length] = j.relu && !(total > 0) ? 0 : total;
    }
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

static ssg_smooth_job job_of(const ssg_map_spec *spec, const ssg_features *g, const float *second)
{
    ssg_smooth_job j = {};
    float taps[SSG_GAUSSIAN_MOST_TAPS];
    int radius = ssg_gaussian_taps(taps, spec->sigma);
    j.g = g->data, j.h = second, j.scale = ssg_scale_of(g);
    j.x.length = (unsigned)g->width, j.y.length = (unsigned)g->height;
    fold_taps(&j.x, taps, radius);
    fold_taps(&j.y, taps, radius);
    j.rows = (unsigned)g->rows, j.channels = (unsigned)g->channels, j.block = (unsigned)g->block;
    j.groups = (unsigned)ssg_cuda_groups(g->channels);
    j.coherence = spec->coherence;
    return j;
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

static void launch(const ssg_run *run, ssg_smooth_job *j, ssg_element type)
{
    size_t limit = ((ssg_cuda_stream *)run->stream)->shared_limit, goal = SSG_SHARED_GOAL;
    if (goal > limit) goal = limit;
    cut(j, goal, limit);
    lay_side_by_side(j, goal);
    size_t blocks = (size_t)j->rows * j->groups * j->x.tiles * j->y.tiles;
    uintptr_t low = (uintptr_t)j->g | (uintptr_t)j->h;
    int fours = j->x.length % 4 == 0 && j->block == 1 && low % sizeof(float4) == 0;
    ssg_smooth_function *kernel = fours ? kernel_of<float4>(type, j->h != NULL) : kernel_of<float>(type, j->h != NULL);
    ssg_launch(run, "smooth", kernel, *j, blocks, threads_of(*j), floats_of(*j) * sizeof(float));
}

void ssg_cuda_smooth(const ssg_run *run, const ssg_map_spec *spec, const ssg_features *a, const ssg_features *g, const float *second, float *maps,
                     float *partial)
{
    ssg_smooth_job j = job_of(spec, g, second);
    j.a = a->data, j.a_rows = (unsigned)a->rows;
    j.out = j.groups == 1 ? maps : partial;
    j.relu = j.groups == 1 && !spec->keep_sign;
    launch(run, &j, g->type);
    if (j.groups > 1) ssg_cuda_finish(run, partial, j.groups, g->rows, g->height * g->width, spec->keep_sign, maps);
}

void ssg_cuda_smooth_weights(const ssg_run *run, const ssg_map_spec *spec, const ssg_features *g, const float *second, float *weights, float *sums)
{
    ssg_smooth_job j = job_of(spec, g, second);
    j.out = sums;
    j.channelwise = 1;
    launch(run, &j, g->type);
    ssg_mean_job mean = {sums, weights, (size_t)j.rows * j.channels, (size_t)j.x.tiles * j.y.tiles, g->height * g->width};
    ssg_launch(run, "mean", ssg_mean_kernel, mean, ssg_blocks_for(mean.count, SSG_THREADS), SSG_THREADS, 0);
}
