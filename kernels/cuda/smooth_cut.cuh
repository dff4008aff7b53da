/* smooth_cut.cuh - how a launch of smooth.cu is cut into blocks: filters, tiles, planes side by side, shared memory. */
#ifndef SSG_KERNELS_CUDA_SMOOTH_CUT_CUH
#define SSG_KERNELS_CUDA_SMOOTH_CUT_CUH

#include "kernels/cuda/cuda.h"
#include "kernels/gaussian.h"
#include "kernels/ops.h"

enum : unsigned {
    SSG_RUN = 8,                                  /* outputs that a thread makes at once */
    SSG_SMOOTH_THREADS = 448,                     /* at most: a thread has one run of the vertical pass */
    SSG_TILE_WIDTH = 64,                          /* at most */
    SSG_HALF_TAPS = SSG_GAUSSIAN_MOST_RADIUS + 1, /* the filter is symmetric */
    SSG_FILTERS = 4,                              /* run over a channel while it is in shared memory */
    SSG_SMOOTH_MAPS = 2 * SSG_FILTERS,            /* each of both combinations */
    SSG_NO_MAP = SSG_SMOOTH_MAPS
};

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

/* Lines of a tile's neighbourhood, those outside the plane included. */
static __host__ __device__ __forceinline__ unsigned ssg_span(const ssg_smooth_axis &axis)
{
    return ssg_round_up(axis.tile, SSG_RUN) + 2 * axis.reach;
}

/* A's planes one after the other, and what the last run of the last one reads beyond it. */
static __host__ __device__ __forceinline__ unsigned ssg_room_of_a(const ssg_smooth_job &j)
{
    unsigned runs = (j.y.tile + SSG_RUN - 1) / SSG_RUN;
    return j.channelwise ? 0 : ssg_round_up((j.side * j.y.tile + SSG_RUN) * j.a_pitch + runs * j.a_shift, 4);
}

/* A job for g (and h, or NULL for g g): of one row of blocks a group of channels, no filter yet. */
ssg_smooth_job ssg_smooth_begin(const ssg_features *g, const float *second);

/* Runs one more filter over every channel, for a map of each combination that is not SSG_NO_MAP; 0 where its taps do not fit beside the others'. */
int ssg_smooth_add_filter(ssg_smooth_job *job, double sigma, unsigned product, unsigned coherence);

/* Cuts the job into blocks of a device that lets one have so many bytes of shared memory, at least 48 KB: any single filter fits; 0: several do not.
 */
int ssg_smooth_cut(ssg_smooth_job *job, size_t shared_limit);

/* Of a job that has been cut. */
size_t ssg_smooth_blocks(const ssg_smooth_job &job);
unsigned ssg_smooth_threads(const ssg_smooth_job &job);
size_t ssg_smooth_shared_bytes(const ssg_smooth_job &job);

#endif
