/* sampling.h - how sure a figure is, and how images are split into folds. */
#ifndef SSG_SEARCH_SAMPLING_H
#define SSG_SEARCH_SAMPLING_H

#include "host/base/status.h"
#include "host/eval/iou.h"

/* Percentile interval of a data-set measure over images drawn with replacement, or, with `other`, of how far it lies above that of other counts of
 * the same images, drawn together. per_image: images x labels. level e.g. 0.95; samples >= 1. */
ssgcam_status ssg_bootstrap_interval(double *low, double *high, const ssg_counts *per_image, const ssg_counts *other, size_t images, size_t labels,
                                     double (*measure)(const ssg_counts *, size_t), double level, size_t samples, uint64_t seed);

/* fold[i] in 0..folds-1 for each image: sizes differ by at most one, which image goes where depends on the seed alone. */
ssgcam_status ssg_fold_split(uint32_t *fold, size_t images, size_t folds, uint64_t seed);

#endif
