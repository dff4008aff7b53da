/* pool_tile.cuh - the part of a plane that a pool's windows cover, in shared memory: how it is cut, filled and walked over. */
#ifndef SSG_KERNELS_CUDA_POOL_TILE_CUH
#define SSG_KERNELS_CUDA_POOL_TILE_CUH

#include "kernels/cuda/element.cuh"
#include "kernels/cuda/net.cuh"

enum : unsigned {
    SSG_POOL_TAPS = 64,         /* at most, of a window in shared memory */
    SSG_POOL_SHARED = 24 << 10, /* bytes of a block at most: an H100's processor takes eight */
    SSG_POOL_SIDE = 4096,       /* so wide are planes, strides and windows at most, and */
    SSG_POOL_ELEMENTS = 16384   /* so much does a block read or write at most, to keep quotients exact */
};

/* For quotients by a number known at launch; exact where the product of both stays below 2^31. */
struct ssg_divisor {
    unsigned by, inverse; /* 2^31 / by, rounded up */
};

static __device__ __forceinline__ unsigned ssg_quotient(unsigned n, const ssg_divisor &d)
{
    return (unsigned)((uint64_t)n * d.inverse >> 31);
}

/* The rectangle of a plane that a block's windows cover, in cells of shared memory. Rows and columns of the same remainder modulo the stride lie
 * together, so that the windows of neighbours begin in neighbouring cells. Axes are rows, columns. */
struct ssg_pool_tile {
    unsigned rows, parts; /* rows that a block writes, blocks of a plane */
    unsigned threads;
    unsigned size[2];          /* rows and columns of the tile */
    int left;                  /* column of the plane that is the tile's first */
    ssg_divisor remainders[2]; /* how many: the stride, or 1 in a gradient, whose windows are what is read */
    unsigned apart[2], pitch;  /* cells from remainder to remainder, from row to row of the same */
    unsigned cells;
    ssg_divisor in_width, out_width, stride[2]; /* of the planes that are read and written, and of the windows */
    unsigned extent[2], taps;                   /* of a window */
    struct {
        unsigned cell; /* from where the window begins */
        int32_t pixel;
    } tap[SSG_POOL_TAPS];
};

/* ---- on the device -------------------------------------------------------------------------------------------------------------------- */

/* What a block writes: rows of a plane. */
struct ssg_pool_part {
    size_t plane;
    unsigned first, rows;
};

static __device__ __forceinline__ ssg_pool_part ssg_part_of(const ssg_pool_tile &t, int64_t height)
{
    unsigned first = blockIdx.x % t.parts * t.rows;
    return {blockIdx.x / t.parts, first, min(t.rows, (unsigned)height - first)};
}

/* Where a thread begins in a walk from `start` on: before it, if need be, so that what a warp takes at a time lies at a multiple of its size. There
 * is nothing to do at negative places. */
template <typename T> static __device__ __forceinline__ int ssg_walk_from(const T *start)
{
    return (int)threadIdx.x - (int)((uintptr_t)start / sizeof(T) % SSG_WARP);
}

static __device__ __forceinline__ unsigned ssg_cell(const ssg_pool_tile &t, unsigned row, unsigned column)
{
    unsigned down = ssg_quotient(row, t.remainders[0]), across = ssg_quotient(column, t.remainders[1]);
    return (row - down * t.remainders[0].by) * t.apart[0] + down * t.pitch + (column - across * t.remainders[1].by) * t.apart[1] + across;
}

/* Fills the tile that begins at row `top` of a plane `height` high: value(pixel, row, column), or `outside` beyond the plane. */
template <typename Cell, typename T, typename Value>
static __device__ __forceinline__ void ssg_stage(const ssg_pool_tile &t, Cell *cells, const T *plane, int64_t height, int top, Cell outside,
                                                 Value value)
{
    int from = max(top, 0), to = max(min(top + (int)t.size[0], (int)height), from), width = (int)t.in_width.by;
    if (top < 0 || to < top + (int)t.size[0] || t.left < 0 || t.left + (int)t.size[1] > width) {
        for (unsigned i = threadIdx.x; i < t.cells; i += blockDim.x) cells[i] = outside;
        __syncthreads();
    }
    int start = from * width, count = (to - from) * width;
#pragma unroll 4
    for (int i = ssg_walk_from(plane + start); i < count; i += (int)blockDim.x) {
        if (i < 0) continue;
        int row = (int)ssg_quotient((unsigned)i, t.in_width), column = i - row * width;
        unsigned across = (unsigned)(column - t.left);
        if (across < t.size[1]) cells[ssg_cell(t, (unsigned)(from + row - top), across)] = value(start + i, from + row, column);
    }
}

/* write(pixel of the plane, row and column within the part) for all that the block writes. */
template <typename T, typename Write>
static __device__ __forceinline__ void ssg_each_output(const ssg_pool_tile &t, const ssg_pool_part &part, const T *plane, Write write)
{
    unsigned start = part.first * t.out_width.by, count = part.rows * t.out_width.by;
    for (int i = ssg_walk_from(plane + start); i < (int)count; i += (int)blockDim.x) {
        if (i < 0) continue;
        unsigned y = ssg_quotient((unsigned)i, t.out_width);
        write(start + (unsigned)i, y, (unsigned)i - y * t.out_width.by);
    }
}

/* Along one axis: the first output whose window ends at or behind input `at`. */
static __host__ __device__ __forceinline__ int ssg_first_reaching(const ssg_net_pool &p, int axis, int at)
{
    int stride = (int)p.stride[axis], low = at + (int)p.pads[axis] - (int)((p.kernel[axis] - 1) * p.dilation[axis]);
    return low > 0 ? (low + stride - 1) / stride : low / stride;
}

/* Rows or columns of a tile. */
struct ssg_pool_range {
    unsigned from, to;
};

/* Those whose windows may hold input `at`, the tile's first being `first`. */
static __device__ __forceinline__ ssg_pool_range ssg_tile_reaching(const ssg_net_pool &p, const ssg_pool_tile &t, int axis, int first, unsigned at)
{
    unsigned low = at + (unsigned)((int)p.pads[axis] - first * (int)t.stride[axis].by) + t.stride[axis].by - t.extent[axis];
    return {ssg_quotient(low, t.stride[axis]), ssg_quotient(low + t.extent[axis], t.stride[axis])};
}

/* ---- cutting a plane into tiles ---------------------------------------------------------------------------------------------------------- */

static inline ssg_divisor ssg_divisor_of(size_t by)
{
    return {(unsigned)by, (unsigned)(((1ull << 31) + by - 1) / by)};
}

/* The next number from `least` on that equals `wanted` modulo the banks of shared memory. */
static inline size_t ssg_to_bank(size_t least, size_t wanted)
{
    return least + (wanted - least) % SSG_WARP;
}

/* Lays out a tile for t->rows rows of output; returns its cells. Neighbours meet different banks where windows are read, also from the end of a line
 * of output to the next, and where the tile is filled, but for ends of lines from one row of windows to the next. */
static inline size_t ssg_lay_out(ssg_pool_tile *t, const ssg_net_pool &p, bool forward)
{
    const size_t written[2] = {t->rows, t->out_width.by};
    size_t lines[2], remainders[2], apart[2];
    for (int axis = 0; axis < 2; axis++) {
        size_t stride = (size_t)p.stride[axis], last = written[axis] - 1;
        size_t size = forward ? last * stride + t->extent[axis] : (last + (size_t)p.pads[axis]) / stride + 1 - (size_t)ssg_first_reaching(p, axis, 0);
        remainders[axis] = forward ? stride : 1;
        lines[axis] = ssg_blocks_for(size, remainders[axis]);
        t->size[axis] = (unsigned)size;
        t->remainders[axis] = ssg_divisor_of(remainders[axis]);
    }
    size_t pitch = ssg_to_bank(lines[1], forward ? written[1] : ssg_blocks_for(written[1], (size_t)p.stride[1]));
    apart[1] = ssg_to_bank(lines[0] * pitch, ssg_blocks_for(SSG_WARP, remainders[1]));
    apart[0] = ssg_to_bank(remainders[1] * apart[1], t->in_width.by / remainders[1]);
    t->pitch = (unsigned)pitch, t->apart[0] = (unsigned)apart[0], t->apart[1] = (unsigned)apart[1];
    t->cells = (unsigned)(remainders[0] * apart[0]);
    return remainders[0] * apart[0];
}

static inline void ssg_list_taps(ssg_pool_tile *t, const ssg_net_pool &p)
{
    for (int64_t ky = 0; ky < p.kernel[0]; ky++)
        for (int64_t kx = 0; kx < p.kernel[1]; kx++) {
            int64_t y = ky * p.dilation[0], x = kx * p.dilation[1];
            int64_t cell = y % p.stride[0] * t->apart[0] + y / p.stride[0] * t->pitch + x % p.stride[1] * t->apart[1] + x / p.stride[1];
            t->tap[t->taps++] = {(unsigned)cell, (int32_t)(y * p.W + x)};
        }
}

/* The largest tiles that fit, as even as they can be. 0: none does, or a plane has too little for a block, or rows that no window needs. */
static inline int ssg_cut(ssg_pool_tile *t, const ssg_net_pool &p, bool forward, size_t bytes)
{
    size_t in_width = (size_t)(forward ? p.W : p.w), height = (size_t)(forward ? p.h : p.H), width = (size_t)(forward ? p.w : p.W);
    if (p.inner > 1 || height * width < SSG_WARP || in_width > SSG_POOL_SIDE || width > SSG_POOL_SIDE) return 0;
    t->in_width = ssg_divisor_of(in_width), t->out_width = ssg_divisor_of(width);
    for (int axis = 0; axis < 2; axis++) {
        int64_t extent = (p.kernel[axis] - 1) * p.dilation[axis] + 1;
        if (extent > SSG_POOL_SIDE || p.stride[axis] > SSG_POOL_SIDE) return 0;
        t->extent[axis] = (unsigned)extent, t->stride[axis] = ssg_divisor_of((size_t)p.stride[axis]);
    }
    if (forward && (p.kernel[0] * p.kernel[1] > SSG_POOL_TAPS || t->extent[0] < t->stride[0].by)) return 0;
    t->left = forward ? -(int)p.pads[1] : ssg_first_reaching(p, 1, 0);
    size_t step = forward ? 1 : t->stride[0].by; /* every part of a gradient begins where a window may */
    for (size_t parts = 1; parts <= height; parts++) {
        t->rows = (unsigned)(ssg_blocks_for(height, parts * step) * step);
        size_t cells = ssg_lay_out(t, p, forward), read = t->size[0] * in_width, written = t->rows * width, most = read > written ? read : written;
        if (cells * bytes > SSG_POOL_SHARED || most > SSG_POOL_ELEMENTS) continue;
        t->threads = min((unsigned)ssg_blocks_for(most, SSG_WARP) * SSG_WARP, (unsigned)SSG_THREADS);
        t->parts = (unsigned)ssg_blocks_for(height, t->rows);
        if (forward) ssg_list_taps(t, p);
        return 1;
    }
    return 0;
}

#endif
