/* label.cu - labels of one image from its fused maps, and confusion counts. Integers throughout: equal to the CPU's in any order.
 *
 *     top[c]     = max f_c                            a launch of one block for a stretch of one map; maxima meet by atomicMax
 *     label      = the class that claims (255 f > tau top) with the largest f / top, by cross-multiplication; ties to the lower class
 *     confusion  counts[truth][label] += 1            in shared memory where it fits, then added once a block */
#include <cub/block/block_reduce.cuh>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ops.cuh"

enum { SSG_LABEL_CLASSES = 254, SSG_LABEL_STRETCH = 4096, SSG_CONFUSION_STRETCH = 8192 };

struct ssg_label_job {
    uint8_t *labels;
    unsigned *tops;
    size_t pixels, class_count;
    int tau;
    const int16_t *fused[SSG_LABEL_CLASSES];
    uint8_t label_of[SSG_LABEL_CLASSES + 2];
};

__global__ void __launch_bounds__(SSG_THREADS) ssg_clear_tops_kernel(ssg_label_job j)
{
    j.tops[threadIdx.x] = 0;
}

struct ssg_larger {
    __device__ __forceinline__ int operator()(int a, int b) const
    {
        return b > a ? b : a;
    }
};

typedef cub::BlockReduce<int, SSG_THREADS> ssg_top_of_block;

__global__ void __launch_bounds__(SSG_THREADS) ssg_tops_kernel(ssg_label_job j)
{
    size_t stretches = (j.pixels + SSG_LABEL_STRETCH - 1) / SSG_LABEL_STRETCH, map = blockIdx.x / stretches;
    size_t from = blockIdx.x % stretches * SSG_LABEL_STRETCH, to = from + SSG_LABEL_STRETCH < j.pixels ? from + SSG_LABEL_STRETCH : j.pixels;
    int top = 0;
    for (size_t i = from + threadIdx.x; i < to; i += blockDim.x) top = j.fused[map][i] > top ? j.fused[map][i] : top;
    top = ssg_top_of_block(*(ssg_top_of_block::TempStorage *)ssg_shared).Reduce(top, ssg_larger());
    if (threadIdx.x == 0) atomicMax(&j.tops[map], (unsigned)top);
}

__global__ void __launch_bounds__(SSG_THREADS) ssg_label_kernel(ssg_label_job j)
{
    size_t i = ssg_thread_index();
    if (i >= j.pixels) return;
    unsigned numerator = 0, denominator = 1, label = 0;
    for (size_t c = 0; c < j.class_count; c++) {
        int value = j.fused[c][i];
        unsigned f = value > 0 ? (unsigned)value : 0, top = j.tops[c]; /* f, top < 2^15: products stay below 2^30 */
        if (top == 0 || 255 * f <= (unsigned)j.tau * top || f * denominator <= numerator * top) continue;
        label = j.label_of[c];
        numerator = f;
        denominator = top;
    }
    j.labels[i] = (uint8_t)label;
}

void ssg_cuda_label(const ssg_run *run, uint8_t *labels, const int16_t *const *fused, const int *classes, size_t class_count, size_t pixels, int tau)
{
    ssg_label_job j = {labels, ((ssg_cuda_stream *)run->stream)->tops, pixels, class_count, tau, {}, {}};
    for (size_t c = 0; c < class_count; c++) {
        j.fused[c] = fused[c];
        j.label_of[c] = (uint8_t)(classes[c] + 1);
    }
    ssg_launch(run, "clear_tops", ssg_clear_tops_kernel, j, 1, SSG_CUDA_TOPS, 0);
    ssg_launch(run, "tops", ssg_tops_kernel, j, class_count * ssg_blocks_for(pixels, SSG_LABEL_STRETCH), SSG_THREADS,
               sizeof(ssg_top_of_block::TempStorage));
    ssg_launch(run, "label", ssg_label_kernel, j, ssg_blocks_for(pixels, SSG_THREADS), SSG_THREADS, 0);
}

/* ---- confusion ------------------------------------------------------------------------------------------------------------------------------ */

struct ssg_confusion_job {
    unsigned long long *counts;
    const uint8_t *truth, *labels;
    size_t pixels, cells, width;
    int shared;
};

__global__ void __launch_bounds__(SSG_THREADS) ssg_confusion_kernel(ssg_confusion_job j)
{
    unsigned *own = (unsigned *)ssg_shared;
    if (j.shared) {
        for (size_t c = threadIdx.x; c < j.cells; c += blockDim.x) own[c] = 0;
        __syncthreads();
    }
    size_t from = (size_t)blockIdx.x * SSG_CONFUSION_STRETCH, to = from + SSG_CONFUSION_STRETCH < j.pixels ? from + SSG_CONFUSION_STRETCH : j.pixels;
    for (size_t i = from + threadIdx.x; i < to; i += blockDim.x) {
        if (j.truth[i] == 255) continue;
        size_t cell = (size_t)j.truth[i] * j.width + j.labels[i];
        if (j.shared)
            atomicAdd(&own[cell], 1u);
        else
            atomicAdd(&j.counts[cell], 1ull);
    }
    if (!j.shared) return;
    __syncthreads();
    for (size_t c = threadIdx.x; c < j.cells; c += blockDim.x)
        if (own[c]) atomicAdd(&j.counts[c], (unsigned long long)own[c]);
}

void ssg_cuda_confusion(const ssg_run *run, uint64_t *counts, const uint8_t *truth, const uint8_t *labels, size_t pixels, size_t n)
{
    static_assert(sizeof(uint64_t) == sizeof(unsigned long long), "atomicAdd has no other 64-bit form");
    size_t cells = (n + 1) * (n + 1), bytes = cells * sizeof(unsigned);
    ssg_confusion_job j = {(unsigned long long *)counts, truth, labels, pixels, cells, n + 1, bytes <= 48 << 10};
    ssg_launch(run, "confusion", ssg_confusion_kernel, j, ssg_blocks_for(pixels, SSG_CONFUSION_STRETCH), SSG_THREADS, j.shared ? bytes : 0);
}
