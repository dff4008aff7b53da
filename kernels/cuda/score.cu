/* score.cu - fuse bank rows with integer weights, threshold, count.
 *
 * A block takes a tile of one image: its rows come into shared memory once, whatever the number of candidates. A warp takes a candidate at a time,
 * lanes along the pixels, four to a word; four layers of a pixel are brought together by byte permutation and multiplied by one dp4a. A generation
 * reads the bank twice, for the maxima and for the counts.
 *
 *     dp4a and permutes     3/4 of an instruction a pixel and layer
 *     shared memory         one word for four pixels of a layer, without conflicts
 *     winners               by cross-multiplication: f, top < 2^15 */
#include "kernels/cuda/score.h"

#include "kernels/cuda/launch.cuh"

enum : unsigned { SSG_SCORE_STRIDE = 4 * SSG_WARP }; /* pixels that a warp takes at once */

void ssg_cuda_mixture_pack(ssg_cuda_mixture *to, const ssg_score_mixture *from)
{
    *to = ssg_cuda_mixture{};
    to->fours = (from->terms + 3) / 4;
    to->tau = from->tau;
    for (uint32_t t = 0; t < from->terms; t++) {
        to->weights[t / 4] |= (uint32_t)from->weight[t] << 8 * (t % 4);
        to->row[t] = (uint16_t)from->row[t];
    }
}

ssg_cuda_tiling ssg_cuda_score_tiling(const ssg_run *run, size_t rows, size_t most_classes)
{
    size_t limit = ((const ssg_cuda_stream *)run->stream)->shared_limit, goal = limit < 100 << 10 ? limit : 100 << 10; /* two blocks a processor */
    for (uint32_t pixels = 4 * SSG_SCORE_STRIDE; pixels >= SSG_SCORE_STRIDE; pixels /= 2)
        if ((rows * most_classes + 1) * pixels <= goal) return {pixels, 1};
    return {4 * SSG_SCORE_STRIDE, 0};
}

/* ---- pieces ----------------------------------------------------------------------------------------------------------------------------- */

struct ssg_score_tile {
    const uint8_t *maps, *truth; /* of the tile: shared or global */
    size_t stride;               /* from row to row */
    uint32_t left;               /* pixels of the tile that exist, a multiple of 64 */
};

/* Brings a tile of `pixels` into shared memory, 16 bytes at a time; what lies behind the image reads as nothing, ignored. */
static __device__ ssg_score_tile ssg_stage(const ssg_cuda_score &j, const ssg_cuda_score_image &image, uint32_t at)
{
    ssg_score_tile t = {image.maps + at, image.truth + at, image.stride, image.stride - at};
    if (t.left > j.tiling.pixels) t.left = j.tiling.pixels;
    if (!j.tiling.staged) return t;
    uint32_t lines = image.class_count * j.rows + 1, words = j.tiling.pixels / 16;
    for (uint32_t i = threadIdx.x; i < lines * words; i += blockDim.x) {
        uint32_t line = i / words, word = i % words;
        const uint8_t *from = line + 1 < lines ? t.maps + (size_t)line * t.stride : t.truth;
        uint4 value = line + 1 < lines ? make_uint4(0, 0, 0, 0) : make_uint4(~0u, ~0u, ~0u, ~0u);
        if (word * 16 < t.left) value = *(const uint4 *)(from + word * 16);
        *(uint4 *)(ssg_shared + (size_t)i * 16) = value;
    }
    __syncthreads();
    return {ssg_shared, ssg_shared + (size_t)(lines - 1) * j.tiling.pixels, j.tiling.pixels, j.tiling.pixels};
}

/* f of STEPS x 4 pixels of class k: pixel s * 128 + lane * 4 + i in f[4 s + i]. */
template <int STEPS>
static __device__ __forceinline__ void ssg_fuse(uint32_t f[4 * STEPS], const ssg_cuda_score &j, const ssg_score_tile &t, const ssg_cuda_mixture &m,
                                                uint32_t k)
{
    uint32_t lane = threadIdx.x % SSG_WARP;
#pragma unroll
    for (int i = 0; i < 4 * STEPS; i++) f[i] = 0;
    for (uint32_t four = 0; four < m.fours; four++) {
        uint32_t weights = m.weights[four];
        const uint8_t *rows[4];
#pragma unroll
        for (int r = 0; r < 4; r++) rows[r] = t.maps + ((size_t)k * j.rows + m.row[4 * four + r]) * t.stride + lane * 4;
#pragma unroll
        for (int s = 0; s < STEPS; s++) {
            if (s * SSG_SCORE_STRIDE + lane * 4 >= t.left) continue;
            uint32_t a = *(const uint32_t *)(rows[0] + s * SSG_SCORE_STRIDE), b = *(const uint32_t *)(rows[1] + s * SSG_SCORE_STRIDE);
            uint32_t c = *(const uint32_t *)(rows[2] + s * SSG_SCORE_STRIDE), d = *(const uint32_t *)(rows[3] + s * SSG_SCORE_STRIDE);
            /* Four layers by four pixels, turned: byte r of the i-th word is pixel i of row r. */
            uint32_t ab_low = __byte_perm(a, b, 0x5140), ab_high = __byte_perm(a, b, 0x7362);
            uint32_t cd_low = __byte_perm(c, d, 0x5140), cd_high = __byte_perm(c, d, 0x7362);
            f[4 * s] = __dp4a(__byte_perm(ab_low, cd_low, 0x5410), weights, f[4 * s]);
            f[4 * s + 1] = __dp4a(__byte_perm(ab_low, cd_low, 0x7632), weights, f[4 * s + 1]);
            f[4 * s + 2] = __dp4a(__byte_perm(ab_high, cd_high, 0x5410), weights, f[4 * s + 2]);
            f[4 * s + 3] = __dp4a(__byte_perm(ab_high, cd_high, 0x7632), weights, f[4 * s + 3]);
        }
    }
}

/* The winning class (1 + its index in the image, 0 none) of each pixel, with its f and top. */
template <int STEPS> struct ssg_winners {
    uint32_t index[4 * STEPS], f[4 * STEPS], top[4 * STEPS];
};

template <int STEPS>
static __device__ __forceinline__ void ssg_find_winners(ssg_winners<STEPS> *best, const ssg_cuda_score &j, const ssg_cuda_score_image &image,
                                                        const ssg_score_tile &t, uint32_t p)
{
#pragma unroll
    for (int i = 0; i < 4 * STEPS; i++) best->index[i] = 0, best->f[i] = 0, best->top[i] = 1;
    for (uint32_t k = 0; k < image.class_count; k++) {
        uint32_t top = j.tops[(size_t)(image.first_top + k) * j.count + p], f[4 * STEPS];
        if (top == 0) continue;
        ssg_fuse<STEPS>(f, j, t, j.mixtures[p], k);
#pragma unroll
        for (int i = 0; i < 4 * STEPS; i++) {
            if (f[i] * best->top[i] <= best->f[i] * top) continue;
            best->index[i] = k + 1, best->f[i] = f[i], best->top[i] = top;
        }
    }
}

/* The truth of a lane's pixel i, of the words that ssg_each_candidate() reads. */
static __device__ __forceinline__ uint32_t ssg_truth_at(const uint32_t *truth, int i)
{
    return truth[i / 4] >> 8 * (i % 4) & 255;
}

/* tally(image, truth, winners, candidate), once for each candidate, a warp at a time. Truth is ignored where there are no pixels. */
template <int STEPS, typename Tally> static __device__ __forceinline__ void ssg_each_candidate(const ssg_cuda_score &j, Tally tally)
{
    ssg_cuda_tile tile = j.tiles[blockIdx.x];
    const ssg_cuda_score_image &image = j.images[tile.image];
    ssg_score_tile t = ssg_stage(j, image, tile.at);
    uint32_t truth[STEPS], lane = threadIdx.x % SSG_WARP;
#pragma unroll
    for (int s = 0; s < STEPS; s++)
        truth[s] = s * SSG_SCORE_STRIDE + lane * 4 < t.left ? *(const uint32_t *)(t.truth + s * SSG_SCORE_STRIDE + lane * 4) : ~0u;
    for (uint32_t p = threadIdx.x / SSG_WARP; p < j.count; p += SSG_THREADS / SSG_WARP) {
        ssg_winners<STEPS> best;
        ssg_find_winners<STEPS>(&best, j, image, t, p);
        tally(image, truth, best, p);
    }
}

/* ---- kernels ------------------------------------------------------------------------------------------------------------------------------ */

template <int STEPS> __global__ void __launch_bounds__(SSG_THREADS) ssg_score_tops_kernel(ssg_cuda_score j)
{
    ssg_cuda_tile tile = j.tiles[blockIdx.x];
    const ssg_cuda_score_image &image = j.images[tile.image];
    ssg_score_tile t = ssg_stage(j, image, tile.at);
    for (uint32_t p = threadIdx.x / SSG_WARP; p < j.count; p += SSG_THREADS / SSG_WARP)
        for (uint32_t k = 0; k < image.class_count; k++) {
            uint32_t f[4 * STEPS], top = 0;
            ssg_fuse<STEPS>(f, j, t, j.mixtures[p], k);
#pragma unroll
            for (int i = 0; i < 4 * STEPS; i++) top = f[i] > top ? f[i] : top;
            for (int lane = 16; lane > 0; lane /= 2) {
                uint32_t other = __shfl_xor_sync(SSG_ALL_LANES, top, lane);
                top = other > top ? other : top;
            }
            if (threadIdx.x % SSG_WARP == 0 && top) atomicMax(&j.tops[(size_t)(image.first_top + k) * j.count + p], top);
        }
}

template <int STEPS> __global__ void __launch_bounds__(SSG_THREADS) ssg_score_count_kernel(ssg_cuda_score j)
{
    ssg_each_candidate<STEPS>(j, [&](const ssg_cuda_score_image &image, const uint32_t *truth, ssg_winners<STEPS> &best, uint32_t p) {
        uint32_t tau = j.mixtures[p].tau;
#pragma unroll
        for (int i = 0; i < 4 * STEPS; i++)
            if (255 * best.f[i] <= tau * best.top[i]) best.index[i] = 0;
        for (uint32_t k = 0; k <= image.class_count; k++) {
            uint32_t label = k ? image.label[k - 1] : 0, both = 0; /* true positives above, predicted below; at most 16 each a lane */
#pragma unroll
            for (int i = 0; i < 4 * STEPS; i++) {
                uint32_t is = ssg_truth_at(truth, i);
                if (best.index[i] == k && is != SSG_SCORE_IGNORED) both += 1u + ((uint32_t)(is == label) << 16);
            }
            both = ssg_warp_sum(both);
            uint32_t *cell = j.counts + (size_t)(image.first + 2 * label) * j.count + p;
            if (threadIdx.x % SSG_WARP == 0 && both) {
                if (both >> 16) atomicAdd(cell, both >> 16);
                atomicAdd(cell + j.count, both & 0xffff);
            }
        }
    });
}

template <int STEPS> __global__ void __launch_bounds__(SSG_THREADS) ssg_score_levels_kernel(ssg_cuda_score j)
{
    ssg_each_candidate<STEPS>(j, [&](const ssg_cuda_score_image &image, const uint32_t *truth, const ssg_winners<STEPS> &best, uint32_t p) {
#pragma unroll
        for (int i = 0; i < 4 * STEPS; i++) {
            uint32_t is = ssg_truth_at(truth, i), k = best.index[i];
            if (k == 0 || is == SSG_SCORE_IGNORED) continue;
            uint32_t q = (255 * best.f[i] + best.top[i] - 1) / best.top[i];
            uint32_t *all = j.levels + ((size_t)image.first * j.count + p) * SSG_SCORE_LEVELS + q, label = image.label[k - 1];
            size_t further = (size_t)j.count * SSG_SCORE_LEVELS; /* to the next number */
            if (is == 0) atomicAdd(all, 1u);
            if (is == label) atomicAdd(all + (2 * label - 1) * further, 1u);
            atomicAdd(all + 2 * label * further, 1u);
        }
    });
}

typedef void ssg_score_function(ssg_cuda_score);

/* The kernel for tiles of 4, 2 or 1 steps. */
static void launch(const ssg_run *run, const char *name, ssg_score_function *four, ssg_score_function *two, ssg_score_function *one,
                   const ssg_cuda_score &j)
{
    size_t shared = j.tiling.staged ? ((size_t)j.rows * j.most_classes + 1) * j.tiling.pixels : 0, steps = j.tiling.pixels / SSG_SCORE_STRIDE;
    ssg_launch(run, name, steps == 4 ? four : steps == 2 ? two : one, j, j.tile_count, SSG_THREADS, shared);
}

void ssg_cuda_score_tops(const ssg_run *run, const ssg_cuda_score *score)
{
    launch(run, "score tops", ssg_score_tops_kernel<4>, ssg_score_tops_kernel<2>, ssg_score_tops_kernel<1>, *score);
}

void ssg_cuda_score_claims(const ssg_run *run, const ssg_cuda_score *score)
{
    if (score->levels)
        launch(run, "score levels", ssg_score_levels_kernel<4>, ssg_score_levels_kernel<2>, ssg_score_levels_kernel<1>, *score);
    else
        launch(run, "score counts", ssg_score_count_kernel<4>, ssg_score_count_kernel<2>, ssg_score_count_kernel<1>, *score);
}
