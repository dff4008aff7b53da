/* score_bounds.h - what counting at a threshold and counting by level share: bounds of a mixture, tops, blocks to look at. */
#ifndef SSG_KERNELS_CPU_SCORE_BOUNDS_H
#define SSG_KERNELS_CPU_SCORE_BOUNDS_H

#include "kernels/score_blocks.h"

enum { SSG_SCORE_WORD = 64 }; /* blocks of a word of bits: the stretch that all mixtures look at before the next one */

/* Takes the lowest set bit of a word; gives its block. */
static inline size_t ssg_score_take_bit(uint64_t *bits, size_t word)
{
    size_t block = SSG_SCORE_WORD * word + (size_t)__builtin_ctzll(*bits);
    *bits &= *bits - 1;
    return block;
}

static inline void ssg_score_add_cell(ssg_score_cell *to, const ssg_score_cell *from)
{
    for (size_t k = 0; k < SSG_TRUTH_KINDS; k++) to->pixels[k] += from->pixels[k];
}

/* low and high of class k. */
void ssg_score_bound(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *scratch, const ssg_score_mixture *mixture, size_t k);

/* The top of class k, whose bounds are in the scratch; returns how many blocks were looked at. */
size_t ssg_score_find_top(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *scratch, const ssg_score_mixture *mixture,
                          size_t k, uint32_t *top);

/* The largest f that is not above a level, which is what a tau is too. */
static inline uint32_t ssg_score_limit(uint32_t level, uint32_t top)
{
    return level * top / 255;
}

/* A bit per block that any class may reach with a level above this; the scratch has the classes' bounds of f. */
void ssg_score_mark_above(const ssg_score_ops *ops, const ssg_score_scratch *scratch, uint64_t *bits, const uint32_t *tops, size_t classes,
                          uint32_t level);

/* Chosen blocks in the order in which they are looked at: a word of the image, all mixtures, then the next word. A stretch is those of a word and
 * mixture that are sure to be won by one class, or those whose winner is open. */
typedef struct ssg_score_stretch {
    size_t mixture, word, winner;          /* winner: or SSG_SCORE_OPEN */
    uint64_t blocks;                       /* of the word */
    const uint8_t *maps[SSG_SCORE_LAYERS]; /* the winner's */
} ssg_score_stretch;

typedef struct ssg_score_tour {
    const ssg_score_image *image;
    const ssg_score_scratch *scratch;
    const ssg_score_mixture *mixtures;
    size_t count, word, mixture;
    uint64_t left;                /* blocks of this word and mixture */
    ssg_score_stretch stretch[2]; /* the one at hand and the next one */
    int next;
} ssg_score_tour;

void ssg_score_begin_tour(ssg_score_tour *tour, const ssg_score_image *image, const ssg_score_scratch *scratch, const ssg_score_mixture *mixtures,
                          size_t count);
const ssg_score_stretch *ssg_score_next_stretch(ssg_score_tour *tour); /* NULL: no more */
ssg_score_ahead ssg_score_after(const ssg_score_tour *tour);           /* the one after it */
size_t ssg_score_count_chosen(const ssg_score_scratch *scratch, size_t mixtures);

#endif
