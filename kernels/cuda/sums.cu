/* sums.cu - sums over channels.
 *
 *     map(p) = sum_k term(A_k(p), g_k(p))      reads A (weighted) or A and g once, writes 4 bytes a pixel and group of channels
 *     w_k    = sum_p f(A_k(p), g_k(p))         reads each element once (GRADCAMPP: A, then g)
 *
 * Threads of a block lie along the pixels of a plane, which are neighbours in memory; where a plane is smaller than a block, several channels lie
 * side by side and are added in shared memory, in order. Partial maps are added in order too: results are the same on every run and every device. */
#include "kernels/cuda/element.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ops.cuh"
#include "kernels/cuda/sums.cuh"

/* Each writes a partial map: with 40 channels, two maps of one launch, and maps of 16 bits, move no more than a twentieth beside what they read. */
size_t ssg_cuda_groups(size_t channels)
{
    size_t groups = channels / 40;
    return groups < 1 ? 1 : groups > 64 ? 64 : groups;
}

/* ---- over channels --------------------------------------------------------------------------------------------------------------------------- */

template <typename T> struct ssg_sum_job {
    const T *a, *g;
    const float *weights;
    float *out, scale; /* [group][row][pixel]; of g */
    size_t rows, a_rows, channels, pixels, block, groups;
    unsigned side_by_side; /* channels that a block handles at once */
    unsigned span;         /* pixels of each */
    int relu;              /* at once: there is one group */
};

template <int term> static __device__ __forceinline__ float ssg_term_of(float a, float g, float w)
{
    if (term == SSG_TERM_WEIGHTED) return w * a;
    if (term == SSG_TERM_LAYERCAM) return g > 0 ? g * a : 0;
    float product = g * a;
    if (term == SSG_TERM_ELEMENTWISE) return product > 0 ? product : 0;
    return product;
}

template <int term, typename T> __global__ void __launch_bounds__(SSG_THREADS, 4) ssg_sum_kernel(ssg_sum_job<T> j)
{
    size_t tiles = (j.pixels + j.span - 1) / j.span, tile = blockIdx.x % tiles, group = blockIdx.x / tiles % j.groups,
           row = blockIdx.x / tiles / j.groups;
    unsigned side = threadIdx.x / j.span;
    size_t pixel = tile * j.span + threadIdx.x % j.span;
    size_t from = j.channels * group / j.groups, to = j.channels * (group + 1) / j.groups;
    bool active = side < j.side_by_side && pixel < j.pixels;
    float sum = 0;
    if (active) {
#pragma unroll 4
        for (size_t k = from + side; k < to; k += j.side_by_side) {
            float a = ssg_read(j.a + ssg_feature_at(row % j.a_rows, k, pixel, j.channels, j.pixels, j.block));
            float g = term == SSG_TERM_WEIGHTED ? 0 : j.scale * ssg_read(j.g + ssg_feature_at(row, k, pixel, j.channels, j.pixels, j.block));
            float w = term == SSG_TERM_WEIGHTED ? j.weights[row * j.channels + k] : 0;
            sum += ssg_term_of<term>(a, g, w);
        }
    }
    if (j.side_by_side > 1) {
        float *sums = (float *)ssg_shared;
        sums[threadIdx.x] = sum;
        __syncthreads();
        if (side == 0)
            for (unsigned s = 1; s < j.side_by_side; s++) sum += sums[s * j.span + threadIdx.x];
    }
    if (active && side == 0) j.out[(group * j.rows + row) * j.pixels + pixel] = j.relu && !(sum > 0) ? 0 : sum;
}

template <int term, typename T> static void launch_sum(const ssg_run *run, const char *name, const ssg_sum_job<T> &j)
{
    size_t blocks = j.rows * j.groups * ssg_blocks_for(j.pixels, j.span), shared = j.side_by_side > 1 ? SSG_THREADS * sizeof(float) : 0;
    ssg_launch(run, name, ssg_sum_kernel<term, T>, j, blocks, SSG_THREADS, shared);
}

void ssg_cuda_sum(const ssg_run *run, ssg_term term, const ssg_features *activation, const ssg_features *gradient, const float *weights, size_t rows,
                  size_t groups, int keep_sign, float *maps, float *partial)
{
    size_t pixels = activation->height * activation->width;
    ssg_with_element(activation->type, [&](auto *typed) {
        typedef typename ssg_pointed<decltype(typed)>::type T;
        ssg_sum_job<T> j = {};
        j.a = (const T *)activation->data, j.weights = weights;
        if (gradient) j.g = (const T *)gradient->data, j.scale = ssg_scale_of(gradient);
        j.out = groups == 1 ? maps : partial;
        j.rows = rows, j.a_rows = activation->rows, j.channels = activation->channels, j.pixels = pixels;
        j.block = activation->block, j.groups = groups;
        j.span = pixels < SSG_THREADS ? (unsigned)pixels : SSG_THREADS;
        j.side_by_side = SSG_THREADS / j.span;
        j.relu = groups == 1 && !keep_sign;
        switch (term) {
        case SSG_TERM_WEIGHTED: launch_sum<SSG_TERM_WEIGHTED>(run, "weighted", j); break;
        case SSG_TERM_LAYERCAM: launch_sum<SSG_TERM_LAYERCAM>(run, "layercam", j); break;
        case SSG_TERM_HIRESCAM: launch_sum<SSG_TERM_HIRESCAM>(run, "hirescam", j); break;
        case SSG_TERM_ELEMENTWISE: launch_sum<SSG_TERM_ELEMENTWISE>(run, "elementwise", j); break;
        }
    });
    if (groups > 1) ssg_cuda_finish(run, partial, groups, rows, pixels, keep_sign, maps);
}

void ssg_cuda_weighted(const ssg_run *run, const ssg_features *activation, const float *weights, size_t rows, int keep_sign, float *maps)
{
    ssg_cuda_sum(run, SSG_TERM_WEIGHTED, activation, NULL, weights, rows, 1, keep_sign, maps, NULL);
}

/* ---- groups -------------------------------------------------------------------------------------------------------------------------------------
 */

struct ssg_finish_job {
    const float *partial;
    float *maps;
    size_t groups, count;
    int keep_sign;
};

__global__ void __launch_bounds__(SSG_THREADS) ssg_finish_kernel(ssg_finish_job j)
{
    size_t i = ssg_thread_index();
    if (i >= j.count) return;
    float sum = 0;
    for (size_t g = 0; g < j.groups; g++) sum += j.partial[g * j.count + i];
    j.maps[i] = j.keep_sign || sum > 0 ? sum : 0;
}

void ssg_cuda_finish(const ssg_run *run, const float *partial, size_t groups, size_t rows, size_t pixels, int keep_sign, float *maps)
{
    ssg_finish_job j = {partial, maps, groups, rows * pixels, keep_sign};
    ssg_launch(run, "finish", ssg_finish_kernel, j, ssg_blocks_for(j.count, SSG_THREADS), SSG_THREADS, 0);
}

/* ---- over pixels ---------------------------------------------------------------------------------------------------------------------------------
 */

template <typename T> struct ssg_weights_job {
    const T *a, *g;
    const float *second, *third; /* SMOOTHGRADCAMPP: g, g^2 and g^3 in the mean over samples */
    float *weights, scale;
    size_t rows, a_rows, channels, pixels, block;
};

/* A warp for each (row, channel). Sums in double: a plane may have fifty thousand pixels of both signs. */
template <int kind, typename T> __global__ void __launch_bounds__(SSG_THREADS) ssg_weights_kernel(ssg_weights_job<T> j)
{
    size_t index = ssg_thread_index() / SSG_WARP, lane = threadIdx.x % SSG_WARP;
    if (index >= j.rows * j.channels) return; /* a whole warp leaves */
    size_t row = index / j.channels, k = index % j.channels;
    double of_a = 0, of_g = 0;
    if (kind != SSG_MAP_GRADCAM) {
        for (size_t p = lane; p < j.pixels; p += SSG_WARP)
            of_a += ssg_read(j.a + ssg_feature_at(row % j.a_rows, k, p, j.channels, j.pixels, j.block));
        of_a = ssg_warp_sum(of_a);
    }
    for (size_t p = lane; p < j.pixels; p += SSG_WARP) {
        double g = j.scale * ssg_read(j.g + ssg_feature_at(row, k, p, j.channels, j.pixels, j.block));
        if (kind == SSG_MAP_GRADCAM) of_g += g;
        if (kind == SSG_MAP_XGRADCAM) of_g += g * ssg_read(j.a + ssg_feature_at(row % j.a_rows, k, p, j.channels, j.pixels, j.block));
        if (kind == SSG_MAP_SMOOTHGRADCAMPP) {
            double d2 = j.second[ssg_feature_at(row, k, p, j.channels, j.pixels, j.block)];
            double d3 = j.third[ssg_feature_at(row, k, p, j.channels, j.pixels, j.block)];
            if (g > 0 && d2 > 0) of_g += g * d2 / (2 * d2 + of_a * d3 + 1e-6);
        }
        if (kind == SSG_MAP_GRADCAMPP && g > 0) of_g += g * g * g / (2 * g * g + of_a * g * g * g + 1e-6);
    }
    of_g = ssg_warp_sum(of_g);
    if (kind == SSG_MAP_GRADCAM) of_g /= (double)j.pixels;
    if (kind == SSG_MAP_XGRADCAM) of_g /= of_a + 1e-7;
    if (lane == 0) j.weights[index] = (float)of_g;
}

static size_t feature_count(const ssg_features *f)
{
    return f->rows * ((f->channels + f->block - 1) / f->block) * f->block * f->height * f->width;
}

template <int kind, typename T> static void launch_weights(const ssg_run *run, const char *name, const ssg_weights_job<T> &j)
{
    ssg_launch(run, name, ssg_weights_kernel<kind, T>, j, ssg_blocks_for(j.rows * j.channels, SSG_THREADS / SSG_WARP), SSG_THREADS, 0);
}

void ssg_cuda_channel_weights(const ssg_run *run, ssg_map_kind kind, const ssg_features *activation, const ssg_features *gradient,
                              const float *second, float *weights)
{
    ssg_with_element(activation->type, [&](auto *typed) {
        typedef typename ssg_pointed<decltype(typed)>::type T;
        ssg_weights_job<T> j = {};
        j.a = (const T *)activation->data, j.g = (const T *)gradient->data, j.weights = weights, j.scale = ssg_scale_of(gradient);
        j.rows = gradient->rows, j.a_rows = activation->rows, j.channels = activation->channels;
        j.pixels = activation->height * activation->width, j.block = activation->block;
        if (kind == SSG_MAP_GRADCAM) launch_weights<SSG_MAP_GRADCAM>(run, "gradcam weights", j);
        if (kind == SSG_MAP_XGRADCAM) launch_weights<SSG_MAP_XGRADCAM>(run, "xgradcam weights", j);
        if (kind == SSG_MAP_GRADCAMPP) launch_weights<SSG_MAP_GRADCAMPP>(run, "gradcampp weights", j);
    });
    if (kind != SSG_MAP_SMOOTHGRADCAMPP) return;
    ssg_weights_job<float> j = {(const float *)activation->data,
                                (const float *)gradient->data,
                                second,
                                second + feature_count(gradient),
                                weights,
                                1,
                                gradient->rows,
                                activation->rows,
                                activation->channels,
                                activation->height * activation->width,
                                activation->block};
    launch_weights<SSG_MAP_SMOOTHGRADCAMPP>(run, "smoothgradcampp weights", j);
}

/* ---- over samples --------------------------------------------------------------------------------------------------------------------------------
 */

struct ssg_moments_job {
    float *sums;
    const float *a, *b; /* moments: a alone */
    size_t groups, repeats, used, row;
    float scale;
};

/* One thread an element of the sums; neighbours read neighbours. Each value is read once. */
__global__ void __launch_bounds__(SSG_THREADS) ssg_moments_kernel(ssg_moments_job j)
{
    size_t i = ssg_thread_index(), apart = j.groups * j.row;
    if (i >= apart) return;
    const float *from = j.a + i / j.row * j.repeats * j.row + i % j.row;
    float first = 0, second = 0, third = 0;
    for (size_t s = 0; s < j.used; s++) {
        float v = from[s * j.row];
        first += v;
        second = fmaf(v, v, second);
        third = fmaf(v * v, v, third);
    }
    j.sums[i] += j.scale * first;
    j.sums[apart + i] += j.scale * second;
    j.sums[2 * apart + i] += j.scale * third;
}

__global__ void __launch_bounds__(SSG_THREADS) ssg_products_kernel(ssg_moments_job j)
{
    size_t i = ssg_thread_index();
    if (i >= j.row) return;
    float sum = 0;
    for (size_t s = 0; s < j.used; s++) sum = fmaf(j.a[s * j.row + i], j.b[s * j.row + i], sum);
    j.sums[i] += j.scale * sum;
}

void ssg_cuda_moments(const ssg_run *run, float *sums, const float *values, size_t groups, size_t repeats, size_t used, size_t row, float scale)
{
    ssg_moments_job j = {sums, values, NULL, groups, repeats, used, row, scale};
    ssg_launch(run, "moments", ssg_moments_kernel, j, ssg_blocks_for(groups * row, SSG_THREADS), SSG_THREADS, 0);
}

void ssg_cuda_products(const ssg_run *run, float *sums, const float *a, const float *b, size_t used, size_t row, float scale)
{
    ssg_moments_job j = {sums, a, b, 1, used, used, row, scale};
    ssg_launch(run, "products", ssg_products_kernel, j, ssg_blocks_for(row, SSG_THREADS), SSG_THREADS, 0);
}
