/* phases.h - the parts of a search that take time: the runs of differential evolution and the random search they are compared with. Each is a
 * function of the problem and the options; each can be stopped and taken up again. */
#ifndef SSG_SEARCH_PHASES_H
#define SSG_SEARCH_PHASES_H

#include "host/search/baselines.h"
#include "host/search/session.h"

/* One run on the problem's images into session->state.best[run], perhaps beside others. start: candidates the population begins with. *last (may be
 * NULL): how it ended. */
ssgcam_status ssg_phase_evolve(ssg_session *session, const ssg_problem *problem, const ssgcam_search_options *options, size_t run, size_t runs,
                               const ssg_candidate *start, size_t start_count, ssgcam_evolve_record *last);

/* After all runs: candidates drawn uniformly from the same genes, as many as the runs scored together, into session->state.best[phase]. */
ssgcam_status ssg_phase_random(ssg_session *session, const ssg_problem *problem, const ssgcam_search_options *options, size_t phase);

#endif
