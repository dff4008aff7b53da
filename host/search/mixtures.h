/* mixtures.h - candidates as the kernels read them: layers that are on, equal ones once. */
#ifndef SSG_SEARCH_MIXTURES_H
#define SSG_SEARCH_MIXTURES_H

#include "host/search/objective.h"

typedef struct ssg_mixtures {
    ssg_score_mixture *items;
    size_t *of; /* per candidate: its mixture */
    size_t count;
} ssg_mixtures;

/* with_tau 0: mixtures that differ only in tau are one. Candidates that do not fit the bank are SSGCAM_ERR_ARGUMENT; clear it in any case. */
ssgcam_status ssg_mixtures_make(ssg_mixtures *mixtures, const ssg_bank *bank, const ssg_candidate *candidates, size_t count, size_t layers,
                                int with_tau);
void ssg_mixtures_clear(ssg_mixtures *mixtures);

#endif
