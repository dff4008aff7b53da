/* score.h - the search's objective: fuse bank rows with integer weights, threshold, count. Integers throughout, so every path gives equal counts.
 *
 *     f(pixel)  = sum of w_t * map_t(pixel)          w_t in 0..127 with sum <= 127, maps uint8: f <= 32385, exact in 16 bits at every step
 *     top       = max over the map of f              0: the class claims nothing
 *     claimed   : 255 f > tau top, that is f > floor(tau top / 255)
 *     winner    : of several classes the larger f / top, by cross-multiplication, ties to the lower class
 *
 * The winner does not depend on tau: the class with the largest f / top claims whenever any class does. So one histogram of the winner's level
 * q = ceil(255 f / top), split by truth, holds the counts at all 256 thresholds: claimed at tau exactly where q > tau.
 *
 * Maps and truth are rows of pixels in one order, whichever, padded to `stride`, a multiple of 64: truth with 255 (ignored), maps with 0 or with what
 * the same pixel of the image has in all rows, so that no padding raises a top. Kernels never allocate.
 *
 * Counts over a whole image rarely need all of its pixels: the least and the largest value that each row has among 64 pixels bound f there
 * (score_blocks.h). The functions at the end of this file go through every pixel: they are the specification. */
#ifndef SSG_KERNELS_SCORE_H
#define SSG_KERNELS_SCORE_H

#include <stddef.h>
#include <stdint.h>

enum { SSG_SCORE_LAYERS = 64, SSG_SCORE_CLASSES = 254, SSG_SCORE_TILE = 4096, SSG_SCORE_LEVELS = 256, SSG_SCORE_IGNORED = 255 };

/* A candidate's mixture: only layers of positive weight; `terms` even (an odd one repeats a row with weight 0), at least 2. */
typedef struct ssg_score_mixture {
    uint32_t terms;
    uint8_t tau;
    uint8_t weight[SSG_SCORE_LAYERS];
    uint32_t row[SSG_SCORE_LAYERS];
} ssg_score_mixture;

/* One image of a bank. maps: class_count x rows x stride; classes ascending. bounds, or NULL: per row of maps ssg_score_bounds_size(stride) bytes, as
 * ssg_score_bound_row writes them. */
typedef struct ssg_score_image {
    const uint8_t *maps, *truth, *classes;
    size_t class_count, rows, stride;
    const uint8_t *bounds;
} ssg_score_image;

/* Slots: plain C fills them all, an instruction set overwrites what it does better. Pixels `at` to at + n of the maps; both are multiples of 64, n at
 * most SSG_SCORE_TILE. */
typedef void ssg_score_fuse_fn(uint16_t *out, const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, size_t n);
typedef uint32_t ssg_score_top_fn(const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, size_t n);
/* Adds to hits[0] the pixels with f > limit and their bit in `truth` set, to hits[1] those with their bit in `kept` set. 64 pixels a word from pixel
 * `at` on, first pixel lowest. */
typedef void ssg_score_hits_fn(uint32_t hits[2], const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, size_t n, uint32_t limit,
                               const uint64_t *truth, const uint64_t *kept);
/* What will be looked at next, to be loaded meanwhile: those of the 64 times 64 pixels from `at` on whose bit is set in `blocks`. No processor
 * foresees the order, and more than a few lines at a time make it wait. */
typedef struct ssg_score_ahead {
    const uint8_t *const *maps;
    size_t terms, at;
    uint64_t blocks;
} ssg_score_ahead;

/* Starts to load the next block of it, if there is one: into the second-level cache, which keeps more loads under way than the first (a whole stretch
 * into the first takes three times as long on a Zen 4). */
static inline void ssg_score_load(ssg_score_ahead *ahead)
{
    if (!ahead->blocks) return;
    size_t at = ahead->at + 64 * (size_t)__builtin_ctzll(ahead->blocks);
    ahead->blocks &= ahead->blocks - 1;
    for (size_t t = 0; t < ahead->terms; t++) __builtin_prefetch(ahead->maps[t] + at, 0, 2);
}

static inline void ssg_score_load_rest(ssg_score_ahead *ahead)
{
    while (ahead->blocks) ssg_score_load(ahead);
}

/* The hits of those of the 64 times 64 pixels from `at` on whose bit is set in `blocks`, for three kinds of truth; a word each for 64 pixels. */
typedef struct ssg_score_truth_bits {
    const uint64_t *own, *none, *kept;
} ssg_score_truth_bits;
typedef void ssg_score_hits_blocks_fn(uint32_t hits[3], const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, uint64_t blocks,
                                      uint32_t limit, const ssg_score_truth_bits *truth, ssg_score_ahead ahead);

/* q = ceil(255 f / top), top >= 1. */
typedef void ssg_score_level_fn(uint8_t *q, const uint16_t *f, uint32_t top, size_t n);

/* Levels in place: ceil(255 min(f, top) / top). */
typedef struct ssg_score_divisor {
    uint32_t top, shift, factor; /* top >= 1; 2^15 <= top 2^shift < 2^16; ceil(255 2^16 / (top 2^shift)) */
} ssg_score_divisor;
ssg_score_divisor ssg_score_divide_by(uint32_t top);
typedef void ssg_score_quantise_fn(uint16_t *f, ssg_score_divisor by, size_t n);
/* The levels of 64 pixels: fuse, then quantise. */
typedef void ssg_score_levels_block_fn(uint16_t *q, const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, ssg_score_divisor by);
/* A bit per value, 64 a word, first lowest: f > limit; byte = value. */
typedef void ssg_score_above_fn(uint64_t *bits, const uint16_t *f, uint32_t limit, size_t n);
typedef void ssg_score_equal_fn(uint64_t *bits, const uint8_t *bytes, uint8_t value, size_t n);

typedef struct ssg_score_ops {
    const char *name;
    ssg_score_fuse_fn *fuse;
    ssg_score_top_fn *top;
    ssg_score_hits_fn *hits;
    ssg_score_level_fn *level;
    ssg_score_hits_blocks_fn *hits_blocks;
    ssg_score_quantise_fn *quantise;
    ssg_score_levels_block_fn *levels_block;
    ssg_score_above_fn *above;
    ssg_score_equal_fn *equal;
} ssg_score_ops;

typedef enum ssg_score_level { SSG_SCORE_REF, SSG_SCORE_AVX2, SSG_SCORE_AVX512, SSG_SCORE_LEVEL_COUNT } ssg_score_level;

extern const ssg_score_ops ssg_score_ref, ssg_score_avx2, ssg_score_avx512;

/* Plain C, for ssg_score_ref; and what serves AVX-512 too, since a few per cent of the time go there. */
ssg_score_quantise_fn ssg_score_quantise_ref, ssg_score_quantise_avx2;
ssg_score_above_fn ssg_score_above_ref, ssg_score_above_avx2;
ssg_score_equal_fn ssg_score_equal_ref, ssg_score_equal_avx2;
ssg_score_level_fn ssg_score_level_avx2;

/* The operations of a level, or NULL where this processor or build lacks it. */
const ssg_score_ops *ssg_score_at(ssg_score_level level);

/* The best level here; SSGCAM_CPU_LEVEL = ref | baseline | avx2 | avx512 caps it. */
const ssg_score_ops *ssg_score_best(void);

/* Where a mixture's maps of the image's k-th class are. */
static inline void ssg_score_point(const uint8_t **maps, const ssg_score_image *image, const ssg_score_mixture *mixture, size_t k)
{
    for (size_t t = 0; t < mixture->terms; t++) maps[t] = image->maps + (k * image->rows + mixture->row[t]) * image->stride;
}

/* Winner (1 + its index among the image's classes, 0 none) with its f and top for n pixels from `at` on, as for fuse. tops: of the classes. */
typedef struct ssg_score_winners {
    uint8_t index[SSG_SCORE_TILE];
    uint16_t f[SSG_SCORE_TILE];
    uint32_t top[SSG_SCORE_TILE];
} ssg_score_winners;
void ssg_score_find_winners(ssg_score_winners *winners, const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_mixture *mixture,
                            const uint32_t *tops, size_t at, size_t n);

/* Counts at each mixture's tau. tops: count x class_count scratch; out: count x (1 + class_count) x {true positives, predicted}, background first.
 * The bank is read tile by tile with all candidates inside: twice from memory, whatever their number. */
void ssg_score_count(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_mixture *mixtures, size_t count, uint32_t *tops,
                     uint32_t *out);

/* Histograms of the winner's level. out: count x (1 + 2 class_count) x 256, zeroed here: first pixels of truth 0, then for each class pixels whose
 * truth it is, and all kept pixels it wins. */
void ssg_score_levels(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_mixture *mixtures, size_t count, uint32_t *tops,
                      uint32_t *out);

#endif
