/* candidate.h - a mixture of bank rows that may become the recipe: its order, its mean with others. */
#ifndef SSG_SEARCH_CANDIDATE_H
#define SSG_SEARCH_CANDIDATE_H

#include "kernels/score.h"

typedef struct ssg_candidate {
    uint32_t row[SSG_SCORE_LAYERS];   /* a bank row per layer */
    uint8_t weight[SSG_SCORE_LAYERS]; /* 0: the layer is off; the sum at most 127 */
    uint8_t tau;
} ssg_candidate;

size_t ssg_candidate_layers(const ssg_candidate *candidate);

/* -1, 0, 1 as candidate a is better than, equal to, worse than b: higher fitness, then fewer layers, then the lower genome (rows and weights in layer
 * order, then tau). A fitness is a fixed-order sum of quotients of integers: equal counts give equal bits everywhere, so == is meaningful. */
int ssg_candidate_compare(const ssg_candidate *a, double fitness_a, const ssg_candidate *b, double fitness_b, size_t layers);

/* The mean of several mixtures as one, by their shares (NULL: equally), its rows ascending; beyond 64 rows the lightest are left out. The threshold
 * is the first one's. */
void ssg_candidate_average(ssg_candidate *mean, const ssg_candidate *candidates, const double *shares, size_t count);

#endif
