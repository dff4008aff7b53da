/* objective.h - a population scored over all images of a bank, on several threads. */
#ifndef SSG_SEARCH_OBJECTIVE_H
#define SSG_SEARCH_OBJECTIVE_H

#include "host/base/status.h"
#include "host/eval/iou.h"
#include "host/search/candidate.h"

typedef struct ssg_bank_device ssg_bank_device; /* bank_device.h */

typedef struct ssg_bank {
    const ssg_score_image *images;
    size_t image_count, class_count; /* class_count: of the data set; truth holds 0..class_count or 255 */
    ssg_bank_device *device;         /* scores these images instead of the host; NULL: the host does */
} ssg_bank;

/* The images whose `keep` flag is `value`, as a bank of their own; free subset->images with ssg_free. */
ssgcam_status ssg_bank_select(ssg_bank *subset, const ssg_bank *bank, const unsigned char *keep, unsigned char value);

/* Counts of each candidate at its tau, added up over the images: out is count x (classes + 1). per_image: count x images x (classes + 1), or NULL.
 * Equal candidates are scored once, layers of weight 0 cost nothing; equal results for any number of threads. ops NULL: ssg_score_best(). */
ssgcam_status ssg_objective_count(ssg_counts *out, ssg_counts *per_image, const ssg_bank *bank, const ssg_candidate *candidates, size_t count,
                                  size_t layers, const ssg_score_ops *ops, int threads);

/* The same at all 256 thresholds (the candidates' own tau is not read), by the host: out is count x 256 x (classes + 1). */
ssgcam_status ssg_objective_count_all_taus(ssg_counts *out, const ssg_bank *bank, const ssg_candidate *candidates, size_t count, size_t layers,
                                           const ssg_score_ops *ops, int threads);

/* solve.c: each candidate's best threshold of the 256 by that measure, the lowest of equal ones. The very result of ssg_objective_count_all_taus,
 * but where the counts of all images are added up pixels are looked at only where bounds leave room for a better threshold: `looked`, if not NULL,
 * gets the number of blocks (0 where all pixels of all images were). `least`, or NULL: for each candidate the value from which on it matters (NaN:
 * any does); one that does not reach it may get another value that does not, and no threshold. */
ssgcam_status ssg_objective_solve(ssg_solution *out, const ssg_bank *bank, const ssg_candidate *candidates, const double *least, size_t count,
                                  size_t layers, ssg_measure measure, const ssg_score_ops *ops, int threads, uint64_t *looked);

/* SSGCAM_ERR_ARGUMENT for a bank or a number of layers that cannot be scored. */
ssgcam_status ssg_objective_check(const ssg_bank *bank, size_t layers);

#endif
