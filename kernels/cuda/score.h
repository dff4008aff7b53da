/* score.h - the search's objective on the device: a whole population over all images of a bank in two launches, its thresholds judged in two more.
 * kernels/score.h states the counts; integers throughout, so they are equal to the CPU's in any order. C, without CUDA's headers: for
 * host/device/cuda. */
#ifndef SSG_KERNELS_CUDA_SCORE_H
#define SSG_KERNELS_CUDA_SCORE_H

#include "kernels/measure.h"
#include "kernels/ops.h"
#include "kernels/score.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A mixture as the kernel reads it: terms in fours, weights four to a word. */
typedef struct ssg_cuda_mixture {
    uint32_t fours, tau;
    uint32_t weights[SSG_SCORE_LAYERS / 4];
    uint16_t row[SSG_SCORE_LAYERS];
} ssg_cuda_mixture;

void ssg_cuda_mixture_pack(ssg_cuda_mixture *to, const ssg_score_mixture *from);

/* An image of the bank, all addresses the device's. Its maxima start at `first_top`. Its counts start at number `first`: 0 where all images add up in
 * the same numbers, else each image's own. */
typedef struct ssg_cuda_score_image {
    const uint8_t *maps, *truth; /* 16-byte aligned, rows of `stride` bytes (a multiple of 64) */
    uint32_t class_count, stride, first_top, first;
    uint8_t label[SSG_SCORE_CLASSES + 2]; /* class + 1 of each, ascending */
} ssg_cuda_score_image;

/* A stretch of an image's pixels: what one block takes. */
typedef struct ssg_cuda_tile {
    uint32_t image, at;
} ssg_cuda_tile;

/* Pixels of a tile, and whether its rows (of all classes of an image) are staged in shared memory; else they are read through the cache. */
typedef struct ssg_cuda_tiling {
    uint32_t pixels;
    int staged;
} ssg_cuda_tiling;
ssg_cuda_tiling ssg_cuda_score_tiling(const ssg_run *run, size_t rows, size_t most_classes);

typedef struct ssg_cuda_score {
    const ssg_cuda_score_image *images;
    const ssg_cuda_tile *tiles;
    const ssg_cuda_mixture *mixtures;
    uint32_t *tops;   /* [class of an image][candidate]: zeroed by the caller */
    uint32_t *counts; /* [number][candidate], zeroed; of label l: true positives in number 2 l, predicted in 2 l + 1; background is label 0 */
    uint32_t *levels; /* instead: [number][candidate][256], zeroed: winner's levels by what the truth says, pixels of truth 0 in number 0, for label
                         l >= 1 those whose truth it is in number 2 l - 1, all that it wins in number 2 l */
    uint32_t tile_count, count, rows, most_classes;
    ssg_cuda_tiling tiling;
} ssg_cuda_score;

/* Of all candidates on all tiles: first the tops, then, from them, counts (or levels). */
void ssg_cuda_score_tops(const ssg_run *run, const ssg_cuda_score *score);
void ssg_cuda_score_claims(const ssg_run *run, const ssg_cuda_score *score);

/* What thresholds are worth (best.cu). A part is what has levels of its own: all images of a bank, or one. */
typedef struct ssg_cuda_thresholds {
    const uint32_t *levels; /* [part][number][candidate][256] */
    const uint32_t *truth;  /* [part][label], then all pixels of the part that are not ignored */
    double *values;         /* [candidate][256]: to each the mean over all parts is added, part by part */
    uint32_t parts, count, labels;
    double whole; /* parts, those of other calls among them */
    ssg_measure measure;
} ssg_cuda_thresholds;
void ssg_cuda_score_values(const ssg_run *run, const ssg_cuda_thresholds *thresholds);

/* Of each candidate's 256 values the largest and its threshold, the lowest of equal ones. */
void ssg_cuda_score_best(const ssg_run *run, ssg_solution *out, const double *values, size_t count);

#ifdef __cplusplus
}
#endif
#endif
