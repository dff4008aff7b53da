/* outcome.h - what a search says at its end: the comparison, the recipe, how sure the figures are. */
#ifndef SSG_SEARCH_OUTCOME_H
#define SSG_SEARCH_OUTCOME_H

#include "host/search/bank.h"
#include "host/search/baselines.h"
#include "host/search/labelled.h"
#include "host/search/settle.h"

typedef struct ssg_outcome_context {
    const ssgcam_search_options *options;
    const ssg_grid *grid;
    const ssg_labelled *labelled;
    const ssg_bank_store *store;
    const ssg_bank *searched, *heldout;
    const ssg_settled *settled;
    int threads;
} ssg_outcome_context;

/* Adds a line with its figures on both sets. Takes `name` (may be NULL after a failed allocation). */
ssgcam_status ssg_outcome_add(ssgcam_search_result *result, const ssg_outcome_context *context, char *name, const ssg_candidate *candidate);

/* The cross-validated score, and how far the recipe lies above its rivals and the random search's best candidate. */
ssgcam_status ssg_outcome_gains(ssgcam_search_result *result, const ssg_outcome_context *context, const ssg_rivals *rivals,
                                const ssg_candidate *random);

/* Whether a rival is to be preferred. After the lines and the gains. */
ssgcam_status ssg_outcome_simpler(ssgcam_search_result *result, const ssg_outcome_context *context, const ssg_rivals *rivals);

/* The recipe with its provenance, and the bootstrap intervals. After the gains. */
ssgcam_status ssg_outcome_recipe(ssgcam_search_result *result, const ssg_outcome_context *context);

#endif
