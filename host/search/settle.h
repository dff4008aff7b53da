/* settle.h - what becomes of the runs' best mixtures: one recipe, their mean, drawn towards naive stacking as far as the folds say.
 *
 * A search overfits where images are few and objects small; all layers equally, with one row for all, is the mixture with the fewest choices. A share
 * of it in the recipe costs little on the searched images and narrows the spread on others. The share is chosen among 0, 1/8 and 1/4 by
 * cross-validation: every image is labelled by a mixture of the runs that did not see it. */
#ifndef SSG_SEARCH_SETTLE_H
#define SSG_SEARCH_SETTLE_H

#include "host/search/baselines.h"
#include "host/search/problem.h"

/* Every run's best mixture, and what it must beat on the same images. Run r has not seen fold r % folds; without folds it has seen all. */
typedef struct ssg_settling {
    const ssg_problem *problem; /* on all searched images */
    size_t runs, folds;
    const uint32_t *fold; /* of each image, or NULL */
    const ssg_candidate *best;
    const ssg_rivals *rivals; /* of each run's images */
    ssg_rivals all;           /* of all images */
    const double *shrink;     /* the share of naive stacking; NULL: as the folds say, 0 without folds */
} ssg_settling;

enum { SSG_UNSEEN_RECIPE, SSG_UNSEEN_LAYER, SSG_UNSEEN_NAIVE, SSG_UNSEEN_COUNT };

typedef struct ssg_settled {
    ssg_candidate recipe;
    double shrink;
    ssg_counts *unseen[SSG_UNSEEN_COUNT]; /* of each image (images x labels), by what was chosen without it; NULL without folds */
} ssg_settled;

ssgcam_status ssg_settle(ssg_settled *settled, const ssg_settling *settling);
void ssg_settled_clear(ssg_settled *settled);

#endif
