/* score.cu - fuse bank rows with integer weights, threshold, count.
 *
 * A block takes a tile of one image: its rows come into shared memory once, whatever the number of candidates. A warp takes a candidate at a time,
 * lanes along the pixels, four to a word; four layers of a pixel are brought together by byte permutation and multiplied by one dp4a. A generation
 * reads the bank twice, for the maxima and for the counts.
 *
 *     dp4a and permutes     3/4 of an instruction a pixel and layer
 *     shared memory         one word for four pixels of a layer, without conflicts
 *     winners               by cross-multiplication: f, top < 2^15
 *     levels                counted in shared memory, a histogram a warp, which goes to the candidate's on the device once a tile and class: one
 *                           atomic addition there for each level that occurs, neighbours side by side, not two or three for each pixel */
#include "kernels/cuda/score.h"

#include <type_traits>

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

/* What a warp's candidate wins of its tile for one class, by what the truth says and by level. */
enum { SSG_TRUTH_NONE, SSG_TRUTH_OWN, SSG_TRUTH_OTHER, SSG_TRUTH_KINDS, SSG_TRUTH_IGNORED = SSG_TRUTH_KINDS };
struct ssg_histogram {
    uint32_t pixels[SSG_TRUTH_KINDS][SSG_SCORE_LEVELS];
};
enum : size_t { SSG_HISTOGRAMS = SSG_THREADS / SSG_WARP * sizeof(ssg_histogram) };

ssg_cuda_tiling ssg_cuda_score_tiling(const ssg_run *run, size_t rows, size_t most_classes)
{
    size_t limit = ((const ssg_cuda_stream *)run->stream)->shared_limit, goal = limit < 100 << 10 ? limit : 100 << 10; /* two blocks a processor */
    for (uint32_t pixels = 4 * SSG_SCORE_STRIDE; pixels >= SSG_SCORE_STRIDE; pixels /= 2)
        if ((rows * most_classes + 1) * pixels + SSG_HISTOGRAMS <= goal) return {pixels, 1};
    return {4 * SSG_SCORE_STRIDE, 0};
}

/* ---- pieces ----------------------------------------------------------------------------------------------------------------------------- */

/* A tile's rows: in shared memory, or where the bank is. Known to the compiler, which then has loads of its own for them and short addresses. */
template <bool STAGED> struct ssg_score_tile {
    const uint8_t *maps, *truth;
    std::conditional_t<STAGED, uint32_t, size_t> stride; /* from row to row */
    uint32_t left;                                       /* pixels of the tile that exist, a multiple of 64; staged ones all do */
};

/* Of shared memory, for the rows of all classes of an image and its truth. */
static __host__ __device__ __forceinline__ uint32_t ssg_tile_bytes(const ssg_cuda_score &j)
{
    return j.tiling.staged ? (j.rows * j.most_classes + 1) * j.tiling.pixels : 0;
}

/* Brings a tile of `pixels` into shared memory, 16 bytes at a time; what lies behind the image reads as nothing, ignored. */
template <bool STAGED> static __device__ ssg_score_tile<STAGED> ssg_stage(const ssg_cuda_score &j, const ssg_cuda_score_image &image, uint32_t at)
{
    const uint8_t *maps = image.maps + at, *truth = image.truth + at;
    uint32_t left = min(image.stride - at, j.tiling.pixels);
    if constexpr (!STAGED) {
        return {maps, truth, image.stride, left};
    } else {
        uint32_t lines = image.class_count * j.rows + 1, words = j.tiling.pixels / 16;
        for (uint32_t i = threadIdx.x; i < lines * words; i += blockDim.x) {
            uint32_t line = i / words, word = i % words;
            const uint8_t *from = line + 1 < lines ? maps + (size_t)line * image.stride : truth;
            uint4 value = line + 1 < lines ? make_uint4(0, 0, 0, 0) : make_uint4(~0u, ~0u, ~0u, ~0u);
            if (word * 16 < left) value = *(const uint4 *)(from + word * 16);
            *(uint4 *)(ssg_shared + (size_t)i * 16) = value;
        }
        __syncthreads();
        return {ssg_shared, ssg_shared + (lines - 1) * j.tiling.pixels, j.tiling.pixels, j.tiling.pixels};
    }
}

/* f of STEPS x 4 pixels of class k: pixel s * 128 + lane * 4 + i in f[4 s + i]. */
template <int STEPS, bool STAGED>
static __device__ __forceinline__ void ssg_fuse(uint32_t f[4 * STEPS], const ssg_cuda_score &j, const ssg_score_tile<STAGED> &t,
                                                const ssg_cuda_mixture &m, uint32_t k)
{
    uint32_t lane = threadIdx.x % SSG_WARP;
#pragma unroll
    for (int i = 0; i < 4 * STEPS; i++) f[i] = 0;
    for (uint32_t four = 0; four < m.fours; four++) {
        uint32_t weights = m.weights[four];
        const uint8_t *rows[4];
#pragma unroll
        for (int r = 0; r < 4; r++) rows[r] = t.maps + (k * j.rows + m.row[4 * four + r]) * t.stride + lane * 4;
#pragma unroll
        for (int s = 0; s < STEPS; s++) {
            if (!STAGED && s * SSG_SCORE_STRIDE + lane * 4 >= t.left) continue;
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

template <int STEPS, bool STAGED>
static __device__ __forceinline__ void ssg_find_winners(ssg_winners<STEPS> *best, const ssg_cuda_score &j, const ssg_cuda_score_image &image,
                                                        const ssg_score_tile<STAGED> &t, uint32_t p)
{
    bool alone = true; /* the first that claims anything is compared with nothing */
#pragma unroll
    for (int i = 0; i < 4 * STEPS; i++) best->index[i] = 0, best->f[i] = 0, best->top[i] = 1;
    for (uint32_t k = 0; k < image.class_count; k++) {
        uint32_t top = j.tops[(size_t)(image.first_top + k) * j.count + p], f[4 * STEPS];
        if (top == 0) continue;
        ssg_fuse<STEPS>(f, j, t, j.mixtures[p], k);
        if (alone) {
            alone = false;
#pragma unroll
            for (int i = 0; i < 4 * STEPS; i++) best->index[i] = f[i] ? k + 1 : 0, best->f[i] = f[i], best->top[i] = top;
            continue;
        }
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
template <int STEPS, bool STAGED, typename Tally> static __device__ __forceinline__ void ssg_each_candidate(const ssg_cuda_score &j, Tally tally)
{
    ssg_cuda_tile tile = j.tiles[blockIdx.x];
    const ssg_cuda_score_image &image = j.images[tile.image];
    ssg_score_tile<STAGED> t = ssg_stage<STAGED>(j, image, tile.at);
    uint32_t truth[STEPS], lane = threadIdx.x % SSG_WARP;
#pragma unroll
    for (int s = 0; s < STEPS; s++)
        truth[s] = s * SSG_SCORE_STRIDE + lane * 4 < t.left ? *(const uint32_t *)(t.truth + s * SSG_SCORE_STRIDE + lane * 4) : ~0u;
    const uint32_t warp = threadIdx.x / SSG_WARP, warps = SSG_THREADS / SSG_WARP;
    uint32_t p = (warp + blockIdx.x) % j.count; /* blocks begin apart, so that they do not all add to the same candidate's numbers */
    for (uint32_t i = warp; i < j.count; i += warps, p += p + warps < j.count ? warps : warps - j.count) {
        ssg_winners<STEPS> best;
        ssg_find_winners<STEPS>(&best, j, image, t, p);
        tally(image, truth, best, p);
    }
}

/* ---- kernels ------------------------------------------------------------------------------------------------------------------------------ */

template <int STEPS, bool STAGED> __global__ void __launch_bounds__(SSG_THREADS) ssg_score_tops_kernel(ssg_cuda_score j)
{
    ssg_cuda_tile tile = j.tiles[blockIdx.x];
    const ssg_cuda_score_image &image = j.images[tile.image];
    ssg_score_tile<STAGED> t = ssg_stage<STAGED>(j, image, tile.at);
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

template <int STEPS, bool STAGED> __global__ void __launch_bounds__(SSG_THREADS) ssg_score_count_kernel(ssg_cuda_score j)
{
    ssg_each_candidate<STEPS, STAGED>(j, [&](const ssg_cuda_score_image &image, const uint32_t *truth, ssg_winners<STEPS> &best, uint32_t p) {
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

/* ceil(255 f / top) by one multiplication: with top 2^a in (2^14, 2^15] it is floor(n / (top 2^a)), n = (255 f + top - 1) 2^a < 2^23. `factor`
 * exceeds 2^39 / (top 2^a) by at most 2 (the quotient is rounded to an even number), so that n factor / 2^39 exceeds the true quotient by less than
 * 2^a / (top 2^a), the least that it is below the next whole number. */
struct ssg_divisor {
    uint32_t times, plus, factor;
};

static __device__ __forceinline__ ssg_divisor ssg_divide_by(uint32_t top)
{
    uint32_t a = (uint32_t)__clz((int)(top - 1)) - 17;
    return {255u << a, (top - 1) << a, (uint32_t)(0x1p39f / (float)(top << a)) + 1};
}

static __device__ __forceinline__ uint32_t ssg_level(uint32_t f, const ssg_divisor &by)
{
    return __umulhi(f * by.times + by.plus, by.factor) >> 7;
}

/* What the truth says of a lane's pixels, seen from a label: a kind a byte. */
template <int STEPS> static __device__ __forceinline__ void ssg_see(uint32_t kinds[STEPS], const uint32_t truth[STEPS], uint32_t label)
{
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
        kinds[s] = 0;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            uint32_t is = ssg_truth_at(truth, 4 * s + i);
            uint32_t kind = is == 0 ? SSG_TRUTH_NONE : is == label ? SSG_TRUTH_OWN : is == SSG_SCORE_IGNORED ? SSG_TRUTH_IGNORED : SSG_TRUTH_OTHER;
            kinds[s] |= kind << 8 * i;
        }
    }
}

/* Whether class k of the image wins any pixel of the warp's. */
template <int STEPS> static __device__ __forceinline__ bool ssg_wins(const ssg_winners<STEPS> &best, uint32_t k)
{
    bool wins = false;
#pragma unroll
    for (int i = 0; i < 4 * STEPS; i++) wins |= best.index[i] == k;
    return __any_sync(SSG_ALL_LANES, wins);
}

/* Adds what class k of the image wins. Additions of 1 that fall on one bin are one to the hardware, however many lanes they come from. */
template <int STEPS>
static __device__ __forceinline__ void ssg_add_levels(ssg_histogram *h, const ssg_winners<STEPS> &best, uint32_t k, const uint32_t *kinds,
                                                      const ssg_divisor &by)
{
#pragma unroll
    for (int i = 0; i < 4 * STEPS; i++) {
        uint32_t row = __byte_perm(kinds[i / 4], 0, 0x4404 | i % 4 << 4); /* the kind, times 256 */
        if (best.index[i] == k && row < SSG_TRUTH_IGNORED << 8) atomicAdd(h->pixels[0] + row + ssg_level(best.f[i], by), 1u);
    }
}

/* The histogram goes to `levels`, as number 0 and two others, and is empty again. */
static __device__ __forceinline__ void ssg_flush(ssg_histogram *h, uint32_t *none, uint32_t *own, uint32_t *won)
{
    for (uint32_t q = threadIdx.x % SSG_WARP; q < SSG_SCORE_LEVELS; q += SSG_WARP) {
        uint32_t of_none = h->pixels[SSG_TRUTH_NONE][q], of_own = h->pixels[SSG_TRUTH_OWN][q];
        uint32_t all = of_none + of_own + h->pixels[SSG_TRUTH_OTHER][q];
        if (all == 0) continue;
        h->pixels[SSG_TRUTH_NONE][q] = h->pixels[SSG_TRUTH_OWN][q] = h->pixels[SSG_TRUTH_OTHER][q] = 0;
        if (of_none) atomicAdd(none + q, of_none);
        if (of_own) atomicAdd(own + q, of_own);
        atomicAdd(won + q, all);
    }
}

/* The warp's histogram, empty. */
static __device__ __forceinline__ ssg_histogram *ssg_open_histogram(const ssg_cuda_score &j)
{
    ssg_histogram *h = (ssg_histogram *)(ssg_shared + ssg_tile_bytes(j)) + threadIdx.x / SSG_WARP;
    for (uint32_t i = threadIdx.x % SSG_WARP; i < SSG_TRUTH_KINDS * SSG_SCORE_LEVELS; i += SSG_WARP) h->pixels[0][i] = 0;
    __syncwarp();
    return h;
}

template <int STEPS, bool STAGED> __global__ void __launch_bounds__(SSG_THREADS) ssg_score_levels_kernel(ssg_cuda_score j)
{
    ssg_histogram *h = ssg_open_histogram(j);
    uint32_t kinds[STEPS], seen_from = 0; /* with one class in the image the same for all candidates */
    ssg_each_candidate<STEPS, STAGED>(j, [&](const ssg_cuda_score_image &image, const uint32_t *truth, const ssg_winners<STEPS> &best, uint32_t p) {
        size_t number = (size_t)j.count * SSG_SCORE_LEVELS; /* from one to the next */
        uint32_t *none = j.levels + image.first * number + (size_t)p * SSG_SCORE_LEVELS;
        for (uint32_t k = 0; k < image.class_count; k++) {
            uint32_t label = image.label[k], top = j.tops[(size_t)(image.first_top + k) * j.count + p];
            if (!ssg_wins<STEPS>(best, k + 1)) continue; /* as where top is 0 */
            if (label != seen_from) ssg_see<STEPS>(kinds, truth, label), seen_from = label;
            ssg_add_levels<STEPS>(h, best, k + 1, kinds, ssg_divide_by(top));
            __syncwarp();
            ssg_flush(h, none, none + (2 * label - 1) * number, none + 2 * label * number);
            __syncwarp();
        }
    });
}

typedef void ssg_score_function(ssg_cuda_score);

/* The kernel for staged tiles of 4, 2 or 1 steps, or for others; `more` shared memory than the tile. */
static void launch(const ssg_run *run, const char *name, ssg_score_function *const forms[4], const ssg_cuda_score &j, size_t more)
{
    size_t steps = j.tiling.pixels / SSG_SCORE_STRIDE;
    ssg_launch(run, name, forms[!j.tiling.staged ? 3 : 2 - steps / 2], j, j.tile_count, SSG_THREADS, ssg_tile_bytes(j) + more);
}
#define FORMS(kernel)                                                       \
    {                                                                       \
        kernel<4, true>, kernel<2, true>, kernel<1, true>, kernel<4, false> \
    }

void ssg_cuda_score_tops(const ssg_run *run, const ssg_cuda_score *score)
{
    static ssg_score_function *const tops[] = FORMS(ssg_score_tops_kernel);
    launch(run, "score tops", tops, *score, 0);
}

void ssg_cuda_score_claims(const ssg_run *run, const ssg_cuda_score *score)
{
    static ssg_score_function *const counts[] = FORMS(ssg_score_count_kernel), *const levels[] = FORMS(ssg_score_levels_kernel);
    if (score->levels)
        launch(run, "score levels", levels, *score, SSG_HISTOGRAMS);
    else
        launch(run, "score counts", counts, *score, 0);
}
