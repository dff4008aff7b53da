/* baselines.h - what a search must beat: every layer alone, all layers equally, the best pair. */
#ifndef SSG_SEARCH_BASELINES_H
#define SSG_SEARCH_BASELINES_H

#include "host/search/grid.h"
#include "host/search/problem.h"

typedef struct ssg_baseline {
    char *name;
    ssg_candidate candidate; /* at its best threshold */
    double fitness;
} ssg_baseline;

typedef struct ssg_baselines {
    ssg_baseline *items; /* layers in order, then each method's best layer, each method's naive stacking, the pair */
    size_t count;
} ssg_baselines;

/* Rows, thresholds and the pair are chosen on the problem's images. */
ssgcam_status ssg_baselines_make(ssg_baselines *baselines, const ssg_problem *problem, const ssg_grid *grid);
void ssg_baselines_clear(ssg_baselines *baselines);

#endif
