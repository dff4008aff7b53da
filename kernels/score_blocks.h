/* score_blocks.h - the counts of score.h by branch and bound.
 *
 * 64 pixels in a row of the bank are a block (the search stores pixels so that it is 8 x 8 of the grid). Per row of maps the bank holds each block's
 * least and largest value; mixed with the same weights they bound f: low <= f <= high everywhere in the block. So
 *     top      only blocks with high > the largest f so far are looked into;
 *     winner   a class whose low / top exceeds the others' high / top wins all pixels of the block, one whose high / top is below another's low / top
 *              wins none; elsewhere the winner is open;
 *     claimed  all classes' high <= limit: nothing of the block; the sure winner's low > limit: all of it, counted beforehand by truth; else its
 *              pixels are looked at, in the winner's maps, or in those of all classes;
 *     levels   the level rises with f, so the levels of low and high bound those of the pixels. A threshold parts a block where it lies between them,
 * or where it is below the highest level of an open one: only then its pixels are looked at. Every count is that of score.h, exactly. */
#ifndef SSG_KERNELS_SCORE_BLOCKS_H
#define SSG_KERNELS_SCORE_BLOCKS_H

#include "kernels/score.h"

enum { SSG_SCORE_BLOCK = 64 };

/* Pixels by what the truth says of them, seen from a class: this class, background, another class, ignored. */
enum { SSG_TRUTH_OWN, SSG_TRUTH_NONE, SSG_TRUTH_OTHER, SSG_TRUTH_IGNORED, SSG_TRUTH_KINDS };
typedef struct ssg_score_cell {
    uint32_t pixels[SSG_TRUTH_KINDS];
} ssg_score_cell;

/* Blocks of a row of `stride` bytes, rounded up to 64; and the bytes of its bounds: least values, then largest ones; 0 beyond the last block. */
static inline size_t ssg_score_bounds_width(size_t stride)
{
    return (stride / SSG_SCORE_BLOCK + 63) / 64 * 64;
}

static inline size_t ssg_score_bounds_size(size_t stride)
{
    return 2 * ssg_score_bounds_width(stride);
}

void ssg_score_bound_row(uint8_t *bounds, const uint8_t *map, size_t stride);

/* Scratch for images of up to `stride` pixels and `classes` classes, and up to `count` mixtures at a time: memory of the caller's, 64-byte aligned.
 */
typedef struct ssg_score_scratch {
    uint16_t *low, *high;  /* [class][block]: of f, then of its level, of the mixture at hand */
    uint64_t *above;       /* a bit per block */
    uint64_t *chosen;      /* [mixture] a bit per block: what has to be looked at */
    uint8_t *winner;       /* [mixture][block], where there are several classes and the block is chosen: the sure winner, or SSG_SCORE_OPEN */
    ssg_score_cell *truth; /* [class][block] */
    uint64_t *own;         /* [class][block] a bit per pixel: the truth is this class */
    uint64_t *none, *kept; /* [block] the same: background, not ignored */
    uint32_t *plain;       /* blocks of nothing but background, then those of anything else that is not ignored */
    size_t plain_count, other_count;
    size_t blocks, width, words;
    ssg_score_cell *all; /* [class] the whole image */
    uint32_t all_none, all_kept;
    ssg_score_cell *levels; /* [class][5][256], for ssg_score_levels_blocks */
} ssg_score_scratch;

enum { SSG_SCORE_OPEN = 255 };

size_t ssg_score_scratch_size(size_t stride, size_t classes, size_t count);
void ssg_score_scratch_at(ssg_score_scratch *scratch, void *memory, size_t stride, size_t classes, size_t count);

/* Reads the image's truth into the scratch: before anything below. */
void ssg_score_read_truth(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *scratch);

/* Adds the image's pixels by truth. */
void ssg_score_add_truth(uint64_t truth[256], const ssg_score_image *image, const ssg_score_scratch *scratch);

/* Counts at the mixtures' taus: tops and out as ssg_score_count. Here and below: all mixtures look at a stretch of the image before the next one, so
 * that what several of them need is read from memory once; returns how many blocks were looked at. */
size_t ssg_score_count_blocks(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *scratch, const ssg_score_mixture *mixtures,
                              size_t count, uint32_t *tops, uint32_t *out);

/* What a mixture claims for a class, by level, each array of 256 cells. */
typedef struct ssg_score_curves {
    ssg_score_cell *low, *high;           /* blocks by bounds: surely its own by their lowest, possibly its own by their highest level */
    ssg_score_cell *exact;                /* pixels of the blocks looked at that it wins */
    ssg_score_cell *seen_low, *seen_high; /* the blocks looked at, as in low and high */
} ssg_score_curves;

/* Look at the blocks that a threshold of from..to - 1 parts, but for those that one of exact_from..exact_to - 1 (inside; or none) parts: they have
 * been looked at. */
typedef struct ssg_score_range {
    uint32_t from, to, exact_from, exact_to;
} ssg_score_range;

static inline int ssg_score_range_is_exact(const ssg_score_range *range)
{
    return range->from == range->exact_from && range->to == range->exact_to;
}

/* Adds to `low` and `high` of curves[mixture][class of the image]; tops as ssg_score_count. */
size_t ssg_score_bound_levels(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *scratch, const ssg_score_mixture *mixtures,
                              size_t count, uint32_t *tops, const ssg_score_curves *curves);

/* Adds to the other curves; ranges: one a mixture; reads tops. */
size_t ssg_score_levels_between(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *scratch, const ssg_score_mixture *mixtures,
                                size_t count, const uint32_t *tops, const ssg_score_curves *curves, const ssg_score_range *ranges);

/* As ssg_score_levels, for one mixture. */
size_t ssg_score_levels_blocks(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *scratch, const ssg_score_mixture *mixture,
                               uint32_t *tops, uint32_t *out);

#endif
