/* score_blocks.h - the counts of score.h by branch and bound, for images that show one class.
 *
 * 64 pixels in a row of the bank are a block (the search stores pixels so that it is 8 x 8 of the grid). Per row of maps the bank holds each block's
 * least and largest value; mixed with the same weights they bound f: low <= f <= high everywhere in the block. So top      only blocks with high >
 * the largest f so far are looked into; claimed  high <= limit: nothing of the block; low > limit: all of it, counted beforehand by truth; else its
 * pixels are looked at. levels   the level rises with f, so the levels of low and high bound those of the pixels; where they are equal, no pixel is
 * looked at. Every count is that of score.h, exactly. */
#ifndef SSG_KERNELS_SCORE_BLOCKS_H
#define SSG_KERNELS_SCORE_BLOCKS_H

#include "kernels/score.h"

enum { SSG_SCORE_BLOCK = 64 };

/* Pixels by what the truth says of them: the image's class, background, a class that the image is not labelled with, ignored. */
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

/* Whether an image can be scored here: one class, bounds at hand, and counts that cannot overflow. */
static inline int ssg_score_has_blocks(const ssg_score_image *image)
{
    return image->bounds && image->class_count == 1;
}

/* Scratch for one image and up to `count` mixtures at a time, memory of the caller's, 64-byte aligned. */
typedef struct ssg_score_scratch {
    uint16_t *low, *high;  /* of f, then of its level, per block */
    uint64_t *above;       /* a bit per block */
    uint64_t *chosen;      /* per mixture a bit per block: what has to be looked at */
    ssg_score_cell *truth; /* per block */
    uint64_t *bits[3];     /* per block a bit per pixel: the image's class, background, not ignored */
    uint32_t *plain;       /* blocks of nothing but background, then those of anything else that is not ignored */
    size_t plain_count, other_count;
    size_t blocks, width, words;
    ssg_score_cell all;
} ssg_score_scratch;

size_t ssg_score_scratch_size(size_t stride, size_t count);
void ssg_score_scratch_at(ssg_score_scratch *scratch, void *memory, size_t stride, size_t count);

/* Reads the image's truth into the scratch: before anything below. */
void ssg_score_read_truth(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *scratch);

/* Adds the image's pixels by truth. */
void ssg_score_add_truth(uint64_t truth[256], const ssg_score_image *image, const ssg_score_scratch *scratch);

/* Counts at the mixtures' taus, as ssg_score_count: tops is count, scratch; out count x 4. Here and below: all mixtures look at a stretch of the
 * image before the next one, so that what several of them need is read from memory once; returns how many blocks were looked at. */
size_t ssg_score_count_blocks(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *scratch, const ssg_score_mixture *mixtures,
                              size_t count, uint32_t *tops, uint32_t *out);

/* A mixture whose levels are asked for, each array of 256 cells. */
typedef struct ssg_score_curves {
    ssg_score_cell *low, *high; /* all blocks by their lowest and by their highest level: added by ssg_score_bound_levels */
    ssg_score_cell *exact;      /* pixels of the blocks looked at, by level: added by ssg_score_levels_between */
    ssg_score_cell *seen;       /* these blocks by their lowest level: added there too */
    uint32_t from, to;          /* look at blocks whose highest level is above `from` and at most `to`; 256: no limit; equal: at none */
} ssg_score_curves;

/* tops: count, written. */
size_t ssg_score_bound_levels(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *scratch, const ssg_score_mixture *mixtures,
                              size_t count, uint32_t *tops, const ssg_score_curves *curves);

/* tops: read. */
size_t ssg_score_levels_between(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *scratch, const ssg_score_mixture *mixtures,
                                size_t count, const uint32_t *tops, const ssg_score_curves *curves);

/* As ssg_score_levels, for one mixture. */
size_t ssg_score_levels_blocks(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *scratch, const ssg_score_mixture *mixture,
                               uint32_t out[3 * SSG_SCORE_LEVELS]);

#endif
