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
 * Maps and truth are rows of `pixels` bytes padded to `stride`, a multiple of 64: maps with 0, truth with 255 (ignored). Kernels never allocate. */
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

/* One image of a bank. maps: class_count x rows x stride; classes ascending. */
typedef struct ssg_score_image {
    const uint8_t *maps, *truth, *classes;
    size_t class_count, rows, stride;
} ssg_score_image;

/* Slots: plain C fills them all, an instruction set overwrites what it does better. n is a multiple of 64, at most SSG_SCORE_TILE. */
typedef void ssg_score_fuse_fn(uint16_t *out, const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t n);
typedef uint32_t ssg_score_top_fn(const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t n);
/* Adds to hits[0] the pixels with f > limit and their bit in `truth` set, to hits[1] those with their bit in `kept` set. 64 pixels a word, first
 * pixel lowest. */
typedef void ssg_score_hits_fn(uint32_t hits[2], const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t n, uint32_t limit,
                               const uint64_t *truth, const uint64_t *kept);

/* q = ceil(255 f / top), top >= 1. */
typedef void ssg_score_level_fn(uint8_t *q, const uint16_t *f, uint32_t top, size_t n);

typedef struct ssg_score_ops {
    const char *name;
    ssg_score_fuse_fn *fuse;
    ssg_score_top_fn *top;
    ssg_score_hits_fn *hits;
    ssg_score_level_fn *level;
} ssg_score_ops;

typedef enum ssg_score_level { SSG_SCORE_REF, SSG_SCORE_AVX2, SSG_SCORE_AVX512, SSG_SCORE_LEVEL_COUNT } ssg_score_level;

extern const ssg_score_ops ssg_score_ref, ssg_score_avx2, ssg_score_avx512;
ssg_score_level_fn ssg_score_level_avx2; /* serves AVX-512 too: the histogram behind it is what takes the time */

/* The operations of a level, or NULL where this processor or build lacks it. */
const ssg_score_ops *ssg_score_at(ssg_score_level level);

/* The best level here; SSGCAM_CPU_LEVEL = ref | baseline | avx2 | avx512 caps it. */
const ssg_score_ops *ssg_score_best(void);

/* Counts at each mixture's tau. tops: count x class_count scratch; out: count x (1 + class_count) x {true positives, predicted}, background first.
 * The bank is read tile by tile with all candidates inside: twice from memory, whatever their number. */
void ssg_score_count(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_mixture *mixtures, size_t count, uint32_t *tops,
                     uint32_t *out);

/* Histograms of the winner's level. out: count x (1 + 2 class_count) x 256, zeroed here: first pixels of truth 0, then for each class pixels whose
 * truth it is, and all kept pixels it wins. */
void ssg_score_levels(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_mixture *mixtures, size_t count, uint32_t *tops,
                      uint32_t *out);

#endif
