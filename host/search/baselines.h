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

/* What a search has to beat with the methods that it may mix: the best single layer and the best naive stacking. */
typedef struct ssg_rivals {
    ssg_candidate layer, naive;
} ssg_rivals;

typedef struct ssg_baselines {
    ssg_baseline *items; /* layers in order, then each method's best layer, each method's naive stacking, the pair */
    size_t count;
    size_t layer, naive; /* the rivals among them */
} ssg_baselines;

/* Rows, thresholds and the pair are chosen on the problem's images. */
ssgcam_status ssg_baselines_make(ssg_baselines *baselines, const ssg_problem *problem, const ssg_grid *grid);
ssg_rivals ssg_baselines_rivals(const ssg_baselines *baselines);
void ssg_baselines_clear(ssg_baselines *baselines);

#endif
