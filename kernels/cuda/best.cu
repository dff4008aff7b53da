/* best.cu - the best of all 256 thresholds of every candidate, from the histograms that score.cu leaves on the device.
 *
 *     claimed(tau)  = pixels of levels above tau           a scan over the block: threads are thresholds, from the highest to the lowest
 *     value(tau)    = mean over labels of tp / (tp + fp + fn)
 *     best          = the largest value, of equal ones the lowest threshold
 *
 * A block a candidate, in two launches: values of many images may come in turns. Quotients of integers, added in the order of labels and images by
 * one thread: the bits of host/eval/iou.h. */
#include <cub/block/block_reduce.cuh>
#include <cub/block/block_scan.cuh>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/score.h"

static_assert((int)SSG_SCORE_LEVELS == (int)SSG_THREADS, "a thread is a threshold");

/* ---- values ------------------------------------------------------------------------------------------------------------------------------- */

typedef cub::BlockScan<unsigned long long, SSG_THREADS> ssg_scan;

struct ssg_claims {
    unsigned long long right, all;
};

static __device__ __forceinline__ unsigned ssg_threshold()
{
    return SSG_SCORE_LEVELS - 1 - threadIdx.x;
}

/* What lies above the thread's threshold, where `right` and `all` lie at it. Both sums have 32 bits, as all pixels together: one scan makes them. */
static __device__ __forceinline__ ssg_claims ssg_above(uint32_t right, uint32_t all)
{
    unsigned long long above;
    ssg_scan(*(ssg_scan::TempStorage *)ssg_shared).ExclusiveSum((unsigned long long)right << 32 | all, above);
    __syncthreads();
    return {above >> 32, above & 0xffffffff};
}

/* The mean over the labels that occur. */
struct ssg_mean {
    double sum;
    uint32_t seen;
};

static __device__ __forceinline__ void ssg_take(ssg_mean *mean, unsigned long long right, unsigned long long claimed, unsigned long long truth)
{
    unsigned long long in_all = claimed + truth - right;
    if (in_all == 0) return;
    mean->sum += (double)right / (double)in_all;
    mean->seen++;
}

/* By the histograms (at the thread's level) and the truth of one part. */
static __device__ __forceinline__ double ssg_value(const ssg_cuda_thresholds &j, const uint32_t *levels, const uint32_t *truth)
{
    size_t further = (size_t)j.count * SSG_SCORE_LEVELS; /* to the next number */
    ssg_mean mean = {0, 0};
    if (j.measure != SSG_MEASURE_FOREGROUND_IOU) {
        uint32_t won = 0;
        for (uint32_t l = 1; l < j.labels; l++) won += levels[2 * l * further];
        ssg_claims lost = ssg_above(levels[0], won);
        ssg_take(&mean, truth[0] - lost.right, truth[j.labels] - lost.all, truth[0]);
    }
    for (uint32_t first = 1, end; first < j.labels; first = end) {
        uint32_t right = 0, all = 0, is = 0;
        end = j.measure == SSG_MEASURE_OBJECT_IOU ? j.labels : first + 1;
        for (uint32_t l = first; l < end; l++) right += levels[(2 * l - 1) * further], all += levels[2 * l * further], is += truth[l];
        ssg_claims claims = ssg_above(right, all);
        ssg_take(&mean, claims.right, claims.all, is);
    }
    return mean.seen ? mean.sum / (double)mean.seen : 0;
}

__global__ void __launch_bounds__(SSG_THREADS) ssg_score_values_kernel(ssg_cuda_thresholds j)
{
    size_t at = (size_t)blockIdx.x * SSG_SCORE_LEVELS + ssg_threshold(), part = (2 * (size_t)j.labels - 1) * j.count * SSG_SCORE_LEVELS;
    double value = j.values[at];
    for (size_t p = 0; p < j.parts; p++) value += ssg_value(j, j.levels + p * part + at, j.truth + p * (j.labels + 1)) / j.whole;
    j.values[at] = value;
}

void ssg_cuda_score_values(const ssg_run *run, const ssg_cuda_thresholds *thresholds)
{
    ssg_launch(run, "score values", ssg_score_values_kernel, *thresholds, thresholds->count, SSG_THREADS, sizeof(ssg_scan::TempStorage));
}

/* ---- the best ------------------------------------------------------------------------------------------------------------------------------- */

struct ssg_best_job {
    ssg_solution *out;
    const double *values;
};

struct ssg_valued {
    double value;
    uint32_t tau;
};

struct ssg_better {
    __device__ __forceinline__ ssg_valued operator()(const ssg_valued &a, const ssg_valued &b) const
    {
        return b.value > a.value || (b.value == a.value && b.tau < a.tau) ? b : a;
    }
};

typedef cub::BlockReduce<ssg_valued, SSG_THREADS> ssg_best_of_block;

__global__ void __launch_bounds__(SSG_THREADS) ssg_score_best_kernel(ssg_best_job j)
{
    ssg_valued own = {j.values[(size_t)blockIdx.x * SSG_SCORE_LEVELS + threadIdx.x], threadIdx.x};
    ssg_valued best = ssg_best_of_block(*(ssg_best_of_block::TempStorage *)ssg_shared).Reduce(own, ssg_better());
    if (threadIdx.x > 0) return;
    j.out[blockIdx.x].value = best.value;
    j.out[blockIdx.x].tau = (uint8_t)best.tau;
}

void ssg_cuda_score_best(const ssg_run *run, ssg_solution *out, const double *values, size_t count)
{
    ssg_launch(run, "score best", ssg_score_best_kernel, ssg_best_job{out, values}, count, SSG_THREADS, sizeof(ssg_best_of_block::TempStorage));
}
