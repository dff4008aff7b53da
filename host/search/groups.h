/* groups.h - images that belong together, e.g. slices of one patient: folds, held-out images and bootstrap samples take them whole. Near copies on
 * both sides of a split flatter what is judged there, and a sample that draws them apart takes one patient's luck for many images' agreement. */
#ifndef SSG_SEARCH_GROUPS_H
#define SSG_SEARCH_GROUPS_H

#include <ssgcam/dataset.h>

#include "host/search/objective.h"

typedef struct ssg_groups {
    uint32_t *of; /* the group of each image, numbered as they first occur; NULL: no image names one, each is a group by itself */
    size_t images, count;
} ssg_groups;

/* The groups of those items whose flag in `held` is `value`. */
ssgcam_status ssg_groups_number(ssg_groups *groups, const ssgcam_item *const *items, const unsigned char *held, unsigned char value, size_t count);
void ssg_groups_clear(ssg_groups *groups);

/* fold[i] in 0..folds-1 for each image, the same for all of a group. The larger groups are dealt first, those of one size in an order that depends on
 * the seed alone, each to the fold that has the fewest images so far: in images, folds differ by the largest group at most. Groups of one image each
 * are split as ssg_fold_split splits images. More folds than groups: SSGCAM_ERR_ARGUMENT. */
ssgcam_status ssg_groups_split(uint32_t *fold, const ssg_groups *groups, size_t folds, uint64_t seed);

/* held[i]: whether the image is kept back. Groups in an order that depends on the seed alone, each that brings their number nearer to `wanted`. */
ssgcam_status ssg_groups_hold_out(unsigned char *held, size_t *held_count, const ssg_groups *groups, size_t wanted, uint64_t seed);

/* ssg_bootstrap_interval over whole groups: as many as there are, drawn with replacement, each with all its images. */
ssgcam_status ssg_groups_interval(double *low, double *high, const ssg_groups *groups, const ssg_counts *per_image, const ssg_counts *other,
                                  size_t labels, double (*measure)(const ssg_counts *, size_t), double level, size_t samples, uint64_t seed);

#endif
