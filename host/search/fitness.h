/* fitness.h - from counts to one number, and the rules around it. Formulas: mixture_weights and mean_iou of the reference. */
#ifndef SSG_SEARCH_FITNESS_H
#define SSG_SEARCH_FITNESS_H

#include "host/search/objective.h"

/* Non-negative reals (negative and NaN count as 0) to integers that sum to 127: largest remainder, ties to the lower index; all zero stays zero.
 * count <= 64. */
void ssg_mixture_weights(uint8_t *weight, const double *raw, size_t count);

/* Mean IoU over the labels that occur in truth or prediction; 0 if none does. Foreground: label 0 left out. */
double ssg_mean_iou(const ssg_counts *counts, size_t labels);
double ssg_foreground_iou(const ssg_counts *counts, size_t labels);

/* Mean over images of each image's mean IoU. counts: images x labels. */
double ssg_mean_image_iou(const ssg_counts *counts, size_t images, size_t labels);

/* -1, 0, 1 as candidate a is better than, equal to, worse than b: higher fitness, then fewer layers, then the lower genome (rows and weights in layer
 * order, then tau). A fitness is a fixed-order sum of quotients of integers: equal counts give equal bits everywhere, so == is meaningful. */
int ssg_candidate_compare(const ssg_candidate *a, double fitness_a, const ssg_candidate *b, double fitness_b, size_t layers);

/* Percentile interval of a data-set measure over images drawn with replacement. per_image: images x labels. level e.g. 0.95; samples >= 1. */
ssgcam_status ssg_bootstrap_interval(double *low, double *high, const ssg_counts *per_image, size_t images, size_t labels,
                                     double (*measure)(const ssg_counts *, size_t), double level, size_t samples, uint64_t seed);

/* fold[i] in 0..folds-1 for each image: sizes differ by at most one, which image goes where depends on the seed alone. */
ssgcam_status ssg_fold_split(uint32_t *fold, size_t images, size_t folds, uint64_t seed);

#endif
