/* runs.h - a search's runs of differential evolution, some of them side by side.
 *
 * Runs know nothing of each other, so that how many go side by side changes no result. What it gains: a run's own steps (making candidates, judging
 * them) are one thread's work, which the others fill with theirs; and a device that scores one run's candidates does so while others are made. */
#ifndef SSG_SEARCH_RUNS_H
#define SSG_SEARCH_RUNS_H

#include "host/search/baselines.h"
#include "host/search/session.h"

typedef struct ssg_runs {
    const ssgcam_search_options *options;
    const ssg_problem *problem;     /* on all searched images */
    const ssg_baselines *baselines; /* of these */
    const ssg_grid *grid;
    size_t count, folds;  /* run r does not see fold r % folds; 0: every run sees all images */
    const uint32_t *fold; /* of each searched image, or NULL */
} ssg_runs;

/* From where the session is until all are done, each run's best candidate and its rivals in session->state. */
ssgcam_status ssg_runs_go(const ssg_runs *runs, ssg_session *session);

#endif
