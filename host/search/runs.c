#include "host/search/runs.h"

#include <string.h>

#include "host/base/alloc.h"
#include "host/search/folds.h"
#include "host/search/phases.h"

enum { ON_DEVICE = 4 }; /* side by side, where a device scores: the host's steps take longer than the device's */

/* A run that goes beside others. */
typedef struct lane {
    const ssg_runs *runs;
    ssg_session *session;
    size_t run;
    ssg_problem problem; /* on the images that it sees */
    ssg_candidate *start;
    size_t start_count;
    pthread_t thread;
    int has_thread;
    ssgcam_evolve_record last;
    ssg_failure failure;
} lane;

/* ---- where a run starts ---------------------------------------------------------------------------------------------------------------- */

/* The baselines of the run's own images: they are beaten or kept. The last ones are the best: methods' best layers, naive stackings, the pair. At
 * most half of a small population. */
static ssgcam_status take_baselines(lane *l, const ssg_baselines *own)
{
    l->start_count = own->count > 8 ? 8 : own->count;
    if (!(l->start = ssg_calloc(l->start_count, sizeof *l->start))) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < l->start_count; i++) l->start[i] = own->items[own->count - l->start_count + i].candidate;
    l->session->state.rivals[l->run] = ssg_baselines_rivals(own);
    return SSGCAM_OK;
}

/* of_fold: what has been made for the folds. */
static ssgcam_status prepare(lane *l, ssg_baselines *of_fold, int threads)
{
    const ssg_runs *r = l->runs;
    size_t fold = r->fold ? l->run % r->folds : 0;
    SSG_TRY(ssg_folds_outside(&l->problem, r->problem, r->fold, fold));
    if (r->fold && !of_fold[fold].count) SSG_TRY(ssg_baselines_make(&of_fold[fold], &l->problem, r->grid));
    SSG_TRY(take_baselines(l, r->fold ? &of_fold[fold] : r->baselines));
    l->problem.threads = threads;
    return SSGCAM_OK;
}

/* ---- side by side ------------------------------------------------------------------------------------------------------------------------ */

static void *go(void *context)
{
    lane *l = context;
    ssgcam_status status = ssg_phase_evolve(l->session, &l->problem, l->runs->options, l->run, l->runs->count, l->start, l->start_count, &l->last);
    if (status == SSGCAM_OK) return NULL;
    ssg_failure_take(&l->failure, status);
    ssg_session_halt(l->session);
    return NULL;
}

/* The first lane, and those that got no thread, go in the calling one. */
static void go_all(lane *lanes, size_t count)
{
    for (size_t i = 1; i < count; i++) lanes[i].has_thread = pthread_create(&lanes[i].thread, NULL, go, &lanes[i]) == 0;
    for (size_t i = 0; i < count; i++)
        if (!lanes[i].has_thread) go(&lanes[i]);
    for (size_t i = 0; i < count; i++)
        if (lanes[i].has_thread) pthread_join(lanes[i].thread, NULL);
}

/* What went wrong, if anything: rather why one failed than that others were stopped for it. */
static ssgcam_status outcome(const lane *lanes, size_t count)
{
    const ssg_failure *worst = &lanes[0].failure;
    for (size_t i = 1; i < count; i++)
        if (lanes[i].failure.status != SSGCAM_OK && (worst->status == SSGCAM_OK || worst->status == SSGCAM_ERR_INTERRUPTED))
            worst = &lanes[i].failure;
    return ssg_failure_raise(worst);
}

static size_t side_by_side(const ssg_runs *r, const ssg_session *session)
{
    size_t threads = r->problem->threads > 1 ? (size_t)r->problem->threads : 1, left = r->count - (size_t)session->state.phase;
    size_t count = r->problem->bank.device ? ON_DEVICE : threads;
    if (count > SSG_SIDE_BY_SIDE) count = SSG_SIDE_BY_SIDE;
    return count < left ? count : left;
}

static ssgcam_status go_some(const ssg_runs *r, ssg_session *session, lane *lanes, size_t count, ssg_baselines *of_fold)
{
    int threads = r->problem->threads, n = (int)count;
    for (int i = 0; i < n; i++) {
        int own = threads * (i + 1) / n - threads * i / n;
        lanes[i] = (lane){.runs = r, .session = session, .run = (size_t)session->state.phase + (size_t)i};
        SSG_TRY(prepare(&lanes[i], of_fold, own > 1 ? own : 1));
    }
    go_all(lanes, count);
    ssgcam_status status = outcome(lanes, count);
    if (status == SSGCAM_ERR_INTERRUPTED) SSG_TRY(ssg_session_save(session));
    if (status != SSGCAM_OK) return status;
    for (size_t i = 0; i < count; i++) {
        session->state.evaluations += lanes[i].last.evaluations;
        session->state.generations += lanes[i].last.generation;
        session->state.stop = lanes[i].last.stop;
    }
    ssg_session_pass(session, count);
    return ssg_session_save(session);
}

ssgcam_status ssg_runs_go(const ssg_runs *r, ssg_session *session)
{
    ssgcam_status status = SSGCAM_OK;
    ssg_baselines *of_fold = ssg_calloc(r->folds ? r->folds : 1, sizeof *of_fold);
    if (!of_fold) return SSG_OUT_OF_MEMORY;
    while (status == SSGCAM_OK && session->state.phase < r->count) {
        lane lanes[SSG_SIDE_BY_SIDE] = {{.runs = NULL}};
        size_t count = side_by_side(r, session);
        status = go_some(r, session, lanes, count, of_fold);
        for (size_t i = 0; i < count; i++) {
            ssg_folds_release(&lanes[i].problem);
            ssg_free(lanes[i].start);
        }
    }
    for (size_t f = 0; f < r->folds; f++) ssg_baselines_clear(&of_fold[f]);
    ssg_free(of_fold);
    return status;
}
