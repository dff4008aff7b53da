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

/* Chosen blocks in the order in which they are looked at: a stretch of the image, all mixtures, then the next stretch. */
typedef struct ssg_score_place {
    size_t word, mixture;
    uint64_t left; /* blocks of the word */
} ssg_score_place;

typedef struct ssg_score_tour {
    const ssg_score_image *image;
    const ssg_score_scratch *scratch;
    const ssg_score_mixture *mixtures;
    size_t count;
    ssg_score_place at, ahead;
    size_t ahead_winner;
    const uint8_t *maps[SSG_SCORE_LAYERS]; /* of the mixture and winner ahead */
} ssg_score_tour;

/* One that is looked at: of which mixture; sure to be won by `winner`, or SSG_SCORE_OPEN. */
typedef struct ssg_score_stop {
    size_t mixture, block, winner;
} ssg_score_stop;

ssg_score_tour ssg_score_begin_tour(const ssg_score_image *image, const ssg_score_scratch *scratch, const ssg_score_mixture *mixtures, size_t count);
int ssg_score_next_stop(ssg_score_tour *tour, ssg_score_stop *stop); /* 0: no more */
size_t ssg_score_count_stops(const ssg_score_scratch *scratch, size_t mixtures);

#endif
