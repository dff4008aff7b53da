/* smooth_passes.cuh - what a block of smooth.cu does with a channel: fetch it, smooth it along x, and add W A to its maps. */
#ifndef SSG_KERNELS_CUDA_SMOOTH_PASSES_CUH
#define SSG_KERNELS_CUDA_SMOOTH_PASSES_CUH

#include "kernels/cuda/element.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/smooth_run.cuh"

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

#endif
