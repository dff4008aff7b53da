/* fitness.h - which of two candidates is better, how sure a figure is, and how images are split. */
#ifndef SSG_SEARCH_FITNESS_H
#define SSG_SEARCH_FITNESS_H

#include "host/search/objective.h"

/* -1, 0, 1 as candidate a is better than, equal to, worse than b: higher fitness, then fewer layers, then the lower genome (rows and weights in layer
 * order, then tau). A fitness is a fixed-order sum of quotients of integers: equal counts give equal bits everywhere, so == is meaningful. */
int ssg_candidate_compare(const ssg_candidate *a, double fitness_a, const ssg_candidate *b, double fitness_b, size_t layers);

/* Percentile interval of a data-set measure over images drawn with replacement, or, with `other`, of how far it lies above that of other counts of
 * the same images, drawn together. per_image: images x labels. level e.g. 0.95; samples >= 1. */
ssgcam_status ssg_bootstrap_interval(double *low, double *high, const ssg_counts *per_image, const ssg_counts *other, size_t images, size_t labels,
                                     double (*measure)(const ssg_counts *, size_t), double level, size_t samples, uint64_t seed);

/* fold[i] in 0..folds-1 for each image: sizes differ by at most one, which image goes where depends on the seed alone. */
ssgcam_status ssg_fold_split(uint32_t *fold, size_t images, size_t folds, uint64_t seed);

#endif
