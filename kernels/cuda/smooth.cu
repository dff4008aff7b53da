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

#include "kernels/cuda/element.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/sums.cuh"
#include "kernels/gaussian.h"

enum : unsigned {
    SSG_RUN = 8,                                  /* outputs that a thread makes at once */
    SSG_SMOOTH_THREADS = 448,                     /* at most: a thread has one run of the vertical pass */
    SSG_TILE_WIDTH = 64,                          /* at most */
    SSG_HALF_TAPS = SSG_GAUSSIAN_MOST_RADIUS + 1, /* the filter is symmetric */
    SSG_FILTERS = 4,                              /* run over a channel while it is in shared memory */
    SSG_SMOOTH_MAPS = 2 * SSG_FILTERS,            /* each of both combinations */
    SSG_NO_MAP = SSG_SMOOTH_MAPS,
    SSG_SHARED_GOAL = 100 << 10 /* two blocks a processor */
};

/* ---- how the work is cut ------------------------------------------------------------------------------------------------------------------------
 */

struct ssg_smooth_axis {
    unsigned length, tile, tiles;
    unsigned reach; /* of the widest filter */
};

struct ssg_smooth_filter {
    unsigned x_taps, y_taps, x_reach, y_reach; /* where its taps begin; radius, made a multiple of four */
    unsigned product, coherence;               /* which map, or SSG_NO_MAP */
};

struct ssg_smooth_job {
    const void *a, *g;           /* elements of the kernel's type */
    const float *h;              /* NULL: g g */
    float *out[SSG_SMOOTH_MAPS]; /* of each map [group][row][pixel], or, for channel weights, [row][channel][tile] */
    float scale;                 /* of g, if that is half */
    unsigned rows, a_rows, channels, block, groups;
    unsigned side;                      /* planes side by side */
    unsigned source_pitch, lines;       /* floats from line to line of g, lines that come at once */
    unsigned smooth_pitch, smooth_rows; /* pairs from line to line of the smoothed plane, lines of it */
    unsigned a_pitch, a_shift;          /* floats from line to line of A's tile, and more from run to run below it */
    unsigned a_runs;                    /* 2^32 / values of such a run, rounded up */
    int channelwise, relu;
    ssg_smooth_axis x, y;
    unsigned filters, maps;
    ssg_smooth_filter filter[SSG_FILTERS];
    float taps[2 * SSG_HALF_TAPS]; /* of all filters, by distance; zero beyond the radius */
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

/* Taps by distance on an axis of n points, returns the reach. A reflected border repeats after 2 n points, so that a wider filter folds into n of
 * them on either side; what lies at distance n is the same point on both sides, and they share its weight. */
static unsigned fold_taps(float *folded, unsigned length, const float *taps, int radius)
{
    int n = (int)length, period = 2 * n;
    for (int t = -radius; t <= radius; t++) {
        int at = n == 1 ? 0 : (t % period + period) % period; /* beyond n: the other side */
        if (at <= n) folded[at] += at == n ? taps[t + radius] / 2 : taps[t + radius];
    }
    return n == 1 ? 0 : ssg_round_up((unsigned)(radius < n ? radius : n), 4);
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
    j->a_pitch = j->x.tile;
    j->a_shift = j->x.tiles > 1 || j->block > 1
                     ? 0
                     : (j->x.tile - SSG_RUN * j->a_pitch) % SSG_WARP; /* a warp that goes on in the next run meets all banks once */
}

static unsigned threads_of(const ssg_smooth_job &j)
{
    unsigned runs = j.x.tile * ((j.y.tile + SSG_RUN - 1) / SSG_RUN);
    return ssg_round_up(j.side * runs, SSG_WARP);
}

/* A's planes one after the other, and what the last run of the last one reads beyond it. */
static __host__ __device__ __forceinline__ unsigned ssg_room_of_a(const ssg_smooth_job &j)
{
    unsigned runs = (j.y.tile + SSG_RUN - 1) / SSG_RUN;
    return j.channelwise ? 0 : ssg_round_up((j.side * j.y.tile + SSG_RUN) * j.a_pitch + runs * j.a_shift, 4);
}

/* The maps, products of planes side by side, A, g (and h), the smoothed planes. */
static size_t floats_of(const ssg_smooth_job &j)
{
    size_t source = (size_t)j.lines * j.source_pitch, smooth = (size_t)j.smooth_rows * j.smooth_pitch;
    size_t map = SSG_RUN * ssg_round_up(threads_of(j) / j.side, SSG_WARP), products = j.side > 1 ? SSG_RUN * threads_of(j) : 0;
    return j.maps * map + products + ssg_room_of_a(j) + j.side * ((j.h ? 2 : 1) * source + 2 * smooth);
}

/* Whether it fits, with g coming a few lines at a time if need be; all at once where several filters look at them. */
static int fits(ssg_smooth_job *j, size_t bytes, unsigned least_lines)
{
    while (floats_of(*j) * sizeof(float) > bytes) {
        if (j->filters > 1 || j->lines <= least_lines) return 0;
        j->lines = (j->lines + 1) / 2;
    }
    return 1;
}

/* The largest tiles that fit. Rather than tiles that are mostly border a block takes a whole processor. Any filter fits into 48 KB; 0: several do
 * not. */
static int cut(ssg_smooth_job *j, size_t goal, size_t limit)
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
            if (fits(j, l.bytes, l.lines)) return 1;
            unsigned &larger = height > width ? height : width;
            if (larger <= l.tile) break;
            larger /= 2;
        }
    }
    return 0;
}

/* Several planes, which must follow each other in memory, where a block has room for them. */
static void lay_side_by_side(ssg_smooth_job *j, size_t goal)
{
    unsigned most = (j->channels + j->groups - 1) / j->groups;
    if (j->x.tiles > 1 || j->y.tiles > 1 || j->lines < j->y.length || j->block > 1 || j->channelwise) return;
    j->a_shift = 0; /* runs of a plane need not be whole */
    do j->side++;
    while (j->side <= most && threads_of(*j) <= SSG_SMOOTH_THREADS && floats_of(*j) * sizeof(float) <= goal);
    if (--j->side == 1) cut_into(j, j->x.tile, j->y.tile);
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
template <typename Line>
static __device__ __forceinline__ void ssg_smooth_run(ssg_smooth_sums *s, const float *taps, unsigned reach, const Line &line)
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
                float tap = taps[i > r ? i - r : r - i];
                s->one[r] = fmaf(tap, v.one[i - half], s->one[r]);
                s->two[r] = fmaf(tap, v.two[i - half], s->two[r]);
            }
        }
    }
    Line left = line.moved(-4), right = line.moved((int)SSG_RUN);
    unsigned n = 0;
    for (; n + 12 <= reach; n += 4, left = left.moved(-4), right = right.moved(4)) ssg_add_outward<-3>(s, taps + n, left.four(), right.four());
    if (reach >= 8) {
        ssg_add_outward<0>(s, taps + n, left.four(), right.four());
        n += 4, left = left.moved(-4), right = right.moved(4);
    }
    if (reach >= 4) ssg_add_outward<4>(s, taps + n, left.four(), right.four());
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

/* The tile of A, of all planes side by side: these are whole, so that their lines follow each other. */
template <typename V, typename T>
static __device__ __forceinline__ void ssg_fetch_activation(const ssg_smooth_job &j, const ssg_smooth_place &p, const T *from, float *to,
                                                            unsigned side)
{
    const unsigned wide = sizeof(V) / sizeof(float), across = p.cols / wide;
    int whole = j.x.tiles == 1 && j.block == 1;
    for (unsigned i = threadIdx.x; i < side * p.rows * across; i += blockDim.x) {
        unsigned at = i * wide, cell = at + (unsigned)((uint64_t)i * j.a_runs >> 32) * j.a_shift;
        if (!whole) {
            unsigned line = i / across, x = i % across * wide;
            at = (line * j.x.length + x) * j.block, cell = line * j.a_pitch + x;
        }
        V v;
        ssg_fetch(&v, from + at);
        *(V *)(to + cell) = v;
    }
}

/* Both orders of lines y to y + lines of the planes, smoothed along x, to wherever in the smoothed planes they or their reflections lie. */
template <bool second>
static __device__ __forceinline__ void ssg_smooth_across(const ssg_smooth_job &j, const ssg_smooth_filter &filter, const ssg_smooth_place &p,
                                                         const ssg_smooth_share &share, const float *g, const float *h, float2 *smooth, unsigned side,
                                                         int y, unsigned lines)
{
    unsigned all = j.side * j.lines; /* neighbours take neighbouring lines, of all planes that there may be */
    int above = p.y0 - (int)j.y.reach, height = (int)j.y.length;
    for (unsigned line = share.line, x = share.x; x < p.cols;) {
        if (line < side * lines) {
            unsigned plane = j.side == 1 ? 0 : line / lines, from = line * j.source_pitch + j.x.reach + x;
            ssg_smooth_sums s;
            ssg_smooth_run(&s, j.taps + filter.x_taps, filter.x_reach, ssg_line_across<second>{g + from, h + from});
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

/* W of both combinations, from sums of both orders. */
static __device__ __forceinline__ float ssg_product_of(float g1, float g2)
{
    return g1 > 0 ? g1 * g2 : 0;
}
static __device__ __forceinline__ float ssg_coherence_of(float g1, float g2)
{
    return g1 > 0 && g2 > 0 ? g1 * (g1 * g1 / g2) : 0;
}

/* Where a thread's run of the vertical pass is. */
struct ssg_smooth_mine {
    unsigned per_plane, plane, at; /* runs of a plane; which plane, which run of it */
    const float *a;                /* A where it begins */
};

/* Adds W A of a channel, or of those side by side one after the other, to the map. */
static __device__ __forceinline__ void ssg_add_to_map(const ssg_smooth_job &j, float *map, float *products, const float w[SSG_RUN],
                                                      const ssg_smooth_mine &m, unsigned side)
{
    float v[SSG_RUN];
#pragma unroll
    for (unsigned r = 0; r < SSG_RUN; r++) v[r] = w[r] * m.a[r * j.a_pitch];
    if (!products) {
        float4 *upper = (float4 *)map + m.at, *lower = upper + m.per_plane, x = *upper, y = *lower;
        *upper = make_float4(x.x + v[0], x.y + v[1], x.z + v[2], x.w + v[3]);
        *lower = make_float4(y.x + v[4], y.y + v[5], y.z + v[6], y.w + v[7]);
        return;
    }
    float4 *upper = (float4 *)products + threadIdx.x, *lower = upper + blockDim.x;
    *upper = make_float4(v[0], v[1], v[2], v[3]);
    *lower = make_float4(v[4], v[5], v[6], v[7]);
    __syncthreads();
    unsigned floats = 4 * m.per_plane;
    for (unsigned half = 0; half < 2; half++)
        for (unsigned i = threadIdx.x; i < floats; i += blockDim.x) {
            const float *of = products + half * 4 * blockDim.x + i;
            float sum = map[half * floats + i];
            for (unsigned plane = 0; plane < side; plane++) sum += of[plane * floats];
            map[half * floats + i] = sum;
        }
    __syncthreads();
}

template <typename T, typename V, bool second>
__global__ void __launch_bounds__(SSG_SMOOTH_THREADS, second ? 1 : 2) ssg_smooth_kernel(ssg_smooth_job j)
{
    const ssg_smooth_place p = ssg_smooth_place_of(j);
    const ssg_smooth_share share = ssg_smooth_share_of<V>(j, p);
    unsigned k0 = j.channels * p.group / j.groups, k1 = j.channels * (p.group + 1) / j.groups; /* at most 64 groups */
    unsigned source_room = j.side * j.lines * j.source_pitch, smooth_room = j.side * j.smooth_rows * j.smooth_pitch;
    unsigned map_room = SSG_RUN * ssg_round_up(blockDim.x / j.side, SSG_WARP);
    float *maps = (float *)ssg_shared, *products = j.side > 1 ? maps + j.maps * map_room : NULL;
    float *a = maps + j.maps * map_room + (products ? SSG_RUN * blockDim.x : 0), *g = a + ssg_room_of_a(j), *h = second ? g + source_room : g;
    float2 *smooth = (float2 *)(h + source_room);
    for (float *i = maps + threadIdx.x; i < (float *)(smooth + smooth_room); i += blockDim.x)
        *i = 0; /* what even reflections do not reach stays so */

    ssg_smooth_mine m;
    m.per_plane = p.cols * ((p.rows + SSG_RUN - 1) / SSG_RUN), m.plane = threadIdx.x / m.per_plane, m.at = threadIdx.x % m.per_plane;
    unsigned x = m.at % p.cols, run = m.at / p.cols, pixels = j.x.length * j.y.length;
    m.a = a + ((m.plane < j.side ? m.plane : 0) * j.y.tile + run * SSG_RUN) * j.a_pitch + run * j.a_shift + x;
    const ssg_line_down line = {smooth + (m.plane * j.smooth_rows + j.y.reach + run * SSG_RUN) * j.smooth_pitch + x, (int)j.smooth_pitch};

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
                            a, side);
                    ssg_fetch_lines<V>(j, p, share, (const T *)j.g + start, g, side * lines);
                    if (second) ssg_fetch_lines<V>(j, p, share, j.h + start, h, side * lines);
                    __syncthreads();
                }
                ssg_smooth_across<second>(j, filter, p, share, g, h, smooth, side, from, lines);
            }
            __syncthreads();
            ssg_smooth_sums s = {};
            if (m.plane < side) ssg_smooth_run(&s, j.taps + filter.y_taps, filter.y_reach, line);
            float w[SSG_RUN];
            if (j.channelwise) {
                float sum = 0;
#pragma unroll
                for (unsigned r = 0; r < SSG_RUN; r++) {
                    w[r] = filter.coherence == SSG_NO_MAP ? ssg_product_of(s.one[r], s.two[r]) : ssg_coherence_of(s.one[r], s.two[r]);
                    sum += run * SSG_RUN + r < p.rows ? w[r] : 0;
                }
                sum = ssg_block_sum(sum, maps);
                unsigned tiles = j.x.tiles * j.y.tiles;
                if (threadIdx.x == 0) j.out[0][((size_t)p.row * j.channels + k) * tiles + blockIdx.x % tiles] = sum;
                continue;
            }
            if (!products && m.plane >= side) continue; /* threads beyond the tile's runs */
            if (filter.product != SSG_NO_MAP) {
#pragma unroll
                for (unsigned r = 0; r < SSG_RUN; r++) w[r] = ssg_product_of(s.one[r], s.two[r]);
                ssg_add_to_map(j, maps + filter.product * map_room, products, w, m, side);
            }
            if (filter.coherence != SSG_NO_MAP) {
#pragma unroll
                for (unsigned r = 0; r < SSG_RUN; r++) w[r] = ssg_coherence_of(s.one[r], s.two[r]);
                ssg_add_to_map(j, maps + filter.coherence * map_room, products, w, m, side);
            }
        }
    }
    if (j.channelwise || m.plane > 0) return;
    for (unsigned map = 0; map < j.maps; map++)
        for (unsigned r = 0; r < SSG_RUN && run * SSG_RUN + r < p.rows; r++) {
            float total = maps[map * map_room + (r / 4 * m.per_plane + m.at) * 4 + r % 4];
            size_t pixel = ((size_t)p.y0 + run * SSG_RUN + r) * j.x.length + (unsigned)p.x0 + x;
            j.out[map][((size_t)p.group * j.rows + p.row) * pixels + pixel] = j.relu && !(total > 0) ? 0 : total;
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

static ssg_smooth_job job_of(const ssg_features *g, const float *second)
{
    ssg_smooth_job j = {};
    j.g = g->data, j.h = second, j.scale = ssg_scale_of(g);
    j.x.length = (unsigned)g->width, j.y.length = (unsigned)g->height;
    j.rows = (unsigned)g->rows, j.channels = (unsigned)g->channels, j.block = (unsigned)g->block;
    j.groups = (unsigned)ssg_cuda_groups(g->channels);
    return j;
}

/* Room for a reach of taps, also for the eight that a run looks at in any case. */
static unsigned taps_for(unsigned reach)
{
    return reach < SSG_RUN ? (unsigned)SSG_RUN : reach + 1;
}

/* Adds a filter; 0 where its taps do not fit beside the others'. */
static int add_filter(ssg_smooth_job *j, double sigma, unsigned product, unsigned coherence)
{
    float taps[SSG_GAUSSIAN_MOST_TAPS], x[SSG_HALF_TAPS] = {}, y[SSG_HALF_TAPS] = {};
    int radius = ssg_gaussian_taps(taps, sigma);
    unsigned used = 0;
    if (j->filters == SSG_FILTERS) return 0;
    for (unsigned f = 0; f < j->filters; f++) used += taps_for(j->filter[f].x_reach) + taps_for(j->filter[f].y_reach);
    ssg_smooth_filter n = {used, 0, fold_taps(x, j->x.length, taps, radius), fold_taps(y, j->y.length, taps, radius), product, coherence};
    n.y_taps = used + taps_for(n.x_reach);
    if (n.y_taps + taps_for(n.y_reach) > 2 * SSG_HALF_TAPS) return 0;
    for (unsigned t = 0; t < taps_for(n.x_reach); t++) j->taps[n.x_taps + t] = t < SSG_HALF_TAPS ? x[t] : 0;
    for (unsigned t = 0; t < taps_for(n.y_reach); t++) j->taps[n.y_taps + t] = t < SSG_HALF_TAPS ? y[t] : 0;
    j->filter[j->filters++] = n;
    if (n.x_reach > j->x.reach) j->x.reach = n.x_reach;
    if (n.y_reach > j->y.reach) j->y.reach = n.y_reach;
    return 1;
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

/* 0: several filters do not fit. */
static int lay_out(const ssg_run *run, ssg_smooth_job *j)
{
    size_t limit = ((const ssg_cuda_stream *)run->stream)->shared_limit, goal = SSG_SHARED_GOAL;
    if (goal > limit) goal = limit;
    if (!cut(j, goal, limit)) return 0;
    lay_side_by_side(j, goal);
    return 1;
}

static void launch(const ssg_run *run, ssg_smooth_job j, ssg_element type)
{
    size_t blocks = (size_t)j.rows * j.groups * j.x.tiles * j.y.tiles;
    uintptr_t low = (uintptr_t)j.a | (uintptr_t)j.g | (uintptr_t)j.h;
    int fours = j.x.length % 4 == 0 && j.block == 1 && low % sizeof(float4) == 0;
    j.a_runs = (unsigned)(((1ull << 32) + SSG_RUN * j.x.tile / (fours ? 4 : 1) - 1) / (SSG_RUN * j.x.tile / (fours ? 4 : 1)));
    ssg_smooth_function *kernel = fours ? kernel_of<float4>(type, j.h != NULL) : kernel_of<float>(type, j.h != NULL);
    ssg_launch(run, "smooth", kernel, j, blocks, threads_of(j), floats_of(j) * sizeof(float));
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
        if (!add_filter(&next, list[taken].sigma, product, coherence)) break;
        next.maps = maps;
        if (taken > 0 && next.x.reach > 2 * (least > 4 ? least : 4)) break;
        ssg_smooth_job whole = next;
        if (!lay_out(run, &whole)) break;
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
        ssg_smooth_job j = job_of(g, second);
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
    ssg_smooth_job j = job_of(g, second);
    add_filter(&j, spec->sigma, spec->coherence ? (unsigned)SSG_NO_MAP : 0, spec->coherence ? 0 : (unsigned)SSG_NO_MAP);
    j.maps = 1; /* its room serves the sums over the block */
    j.out[0] = sums;
    j.channelwise = 1;
    lay_out(run, &j);
    launch(run, j, g->type);
    ssg_mean_job mean = {sums, weights, (size_t)j.rows * j.channels, (size_t)j.x.tiles * j.y.tiles, g->height * g->width};
    ssg_launch(run, "mean", ssg_mean_kernel, mean, ssg_blocks_for(mean.count, SSG_THREADS), SSG_THREADS, 0);
}
