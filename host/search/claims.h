/* claims.h - what a candidate claims at each of the 256 thresholds, known exactly or between bounds, and which thresholds may still be the best. */
#ifndef SSG_SEARCH_CLAIMS_H
#define SSG_SEARCH_CLAIMS_H

#include "host/base/status.h"
#include "host/eval/iou.h"
#include "kernels/score_blocks.h"

/* How counts become a value. It grows with what is claimed rightly and falls with what is claimed wrongly. */
typedef struct ssg_claims_measure {
    size_t classes;
    const uint64_t *truth; /* pixels of each label */
    uint64_t kept;         /* pixels that are not ignored */
    double (*value_of)(const ssg_counts *counts, size_t labels);
} ssg_claims_measure;

typedef struct ssg_claims {
    const ssg_claims_measure *measure;
    ssg_score_cell *least, *most; /* [class][256]: claimed at a threshold at least, and at most; equal where it is exact */
    ssg_counts *counts;           /* room for the measure */
} ssg_claims;

ssgcam_status ssg_claims_make(ssg_claims *claims, const ssg_claims_measure *measure);
void ssg_claims_clear(ssg_claims *claims);

/* Cells of the levels above each threshold; may be in place. */
void ssg_claims_add_up(ssg_score_cell *above, const ssg_score_cell *levels);

/* The lowest threshold below `end` that could be as good as `value`, or `end`. */
uint32_t ssg_claims_lowest_open(const ssg_claims *claims, uint32_t end, double value);

/* The end of the thresholds from `from` on that could be as good as `value` and better than `best`, or `from`. */
uint32_t ssg_claims_end_of_open(const ssg_claims *claims, uint32_t from, double value, double best);

/* The threshold where the middle of the bounds is best: a guess, any start gives the same result. Overwrites `most`. */
uint32_t ssg_claims_presume(ssg_claims *claims);

/* The best of the thresholds from..to - 1, which are exact; the lowest of equal ones. */
ssg_solution ssg_claims_best_exact(const ssg_claims *claims, size_t from, size_t to);

#endif
