#include "host/search/phases.h"

#include <math.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/clock.h"
#include "host/base/parallel.h"
#include "host/base/philox.h"
#include "host/base/stop.h"

enum { MOST_MEMBERS = 128, LEAST_MEMBERS = 16, RANDOM_PART = 64, PARTS_OF_THREAD = 4, RANDOM_STREAM = 0x72616e64 };

/* Room for a batch of candidates, and the box their genes come from. */
typedef struct workshop {
    double *genes, *fitness, *rivals, *lower, *upper;
    unsigned char *integer;
    ssg_candidate *candidates;
} workshop;

static ssgcam_status open_workshop(workshop *w, const ssg_problem *p, size_t batch)
{
    size_t genes = ssg_problem_genes(p);
    *w = (workshop){ssg_calloc(batch, genes * sizeof(double)), ssg_calloc(batch, sizeof(double)), ssg_calloc(batch, sizeof(double)),
                    ssg_calloc(genes, sizeof(double)),         ssg_calloc(genes, sizeof(double)), ssg_calloc(genes, 1),
                    ssg_calloc(batch, sizeof(ssg_candidate))};
    if (!w->genes || !w->fitness || !w->rivals || !w->lower || !w->upper || !w->integer || !w->candidates) return SSG_OUT_OF_MEMORY;
    ssg_problem_bounds(p, w->lower, w->upper, w->integer);
    return SSGCAM_OK;
}

static void close_workshop(workshop *w)
{
    ssg_free(w->genes);
    ssg_free(w->fitness);
    ssg_free(w->rivals);
    ssg_free(w->lower);
    ssg_free(w->upper);
    ssg_free(w->integer);
    ssg_free(w->candidates);
}

/* Before a phase's first candidates: whatever they are, one of them is the best. */
static void forget_best(ssg_session *s, size_t phase)
{
    pthread_mutex_lock(&s->lock);
    s->state.fitness[phase] = -HUGE_VAL;
    pthread_mutex_unlock(&s->lock);
}

/* Decodes and scores a batch against its rivals, none of which is better than the phase's best; that is kept by the tie rule. */
static ssgcam_status score_batch(ssg_session *s, const ssg_problem *p, const workshop *w, size_t count, size_t phase)
{
    size_t genes = ssg_problem_genes(p);
    for (size_t i = 0; i < count; i++) ssg_problem_decode(p, w->genes + i * genes, &w->candidates[i]);
    SSG_TRY(p->tau_gene ? ssg_problem_score(p, w->candidates, count, 0, w->fitness)
                        : ssg_problem_compete(p, w->candidates, w->rivals, count, w->fitness));
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < count; i++) {
        if (ssg_candidate_compare(&w->candidates[i], w->fitness[i], &s->state.best[phase], s->state.fitness[phase], SSG_SCORE_LAYERS) >= 0) continue;
        s->state.best[phase] = w->candidates[i];
        s->state.fitness[phase] = w->fitness[i];
    }
    pthread_mutex_unlock(&s->lock);
    return SSGCAM_OK;
}

static ssgcam_status interrupted(void)
{
    return ssg_fail(SSGCAM_ERR_INTERRUPTED, "stopped on request; the same command continues");
}

/* ---- differential evolution ---------------------------------------------------------------------------------------------------------- */

/* What the adaptation wants, but few enough for some twenty generations. */
static size_t population_of(const ssgcam_search_options *o, size_t genes)
{
    if (o->population) return o->population;
    size_t members = ssgcam_evolve_default_population(o->adaptation, genes);
    uint64_t affordable = o->evaluations / 20;
    if (members > MOST_MEMBERS) members = MOST_MEMBERS;
    if (members > affordable) members = (size_t)affordable;
    return members < LEAST_MEMBERS ? LEAST_MEMBERS : members;
}

static ssgcam_status create_search(ssgcam_evolve **search, const ssg_problem *p, const ssgcam_search_options *o, size_t run,
                                   const ssg_candidate *start, size_t start_count)
{
    workshop w;
    size_t genes = ssg_problem_genes(p), known = 0;
    ssgcam_status status = open_workshop(&w, p, start_count ? start_count : 1);
    for (size_t i = 0; status == SSGCAM_OK && i < start_count; i++) known += (size_t)ssg_problem_encode(p, &start[i], w.genes + known * genes);
    if (status == SSGCAM_OK)
        status = ssgcam_evolve_create(search, &(ssgcam_evolve_config){.dimensions = genes,
                                                                      .lower = w.lower,
                                                                      .upper = w.upper,
                                                                      .integer = w.integer,
                                                                      .max_evaluations = o->evaluations,
                                                                      .seed = o->seed + run * 0x9e3779b97f4a7c15u,
                                                                      .adaptation = o->adaptation,
                                                                      .population = population_of(o, genes),
                                                                      .initial = w.genes,
                                                                      .initial_count = known,
                                                                      .stagnation_generations = o->stagnation});
    close_workshop(&w);
    return status;
}

static ssgcam_status log_generation(ssg_session *s, const ssgcam_evolve_record *r, size_t run)
{
    return ssg_session_log(
        s,
        "{\"run\": %zu, \"generation\": %llu, \"evaluations\": %llu, \"best\": %.6f, \"mean\": %.6f, \"median\": %.6f, \"layers\": "
        "%zu, \"threshold\": %d, \"population\": %zu, \"seconds\": %.3f}",
        run, (unsigned long long)r->generation, (unsigned long long)r->evaluations, r->best, r->mean, r->median,
        ssg_candidate_layers(&s->state.best[run]), s->state.best[run].tau, r->population, (ssg_clock_ms() - s->started_ms) / 1000);
}

/* Under the session's lock. */
static ssgcam_status end_generation(ssg_session *s, const ssgcam_evolve *search, const ssgcam_search_options *o, const ssgcam_evolve_record *record,
                                    size_t run, size_t runs)
{
    SSG_TRY(log_generation(s, record, run));
    SSG_TRY(ssg_session_keep(s, run, search));
    if (o->on_generation) o->on_generation(o->context, run, runs, record);
    if (s->halted || ssg_stop_asked(o->stop)) return interrupted();
    return ssg_session_save_sometimes(s);
}

static ssgcam_status evolve(ssg_session *s, ssgcam_evolve *search, const ssg_problem *p, const ssgcam_search_options *o, workshop *w, size_t run,
                            size_t runs, ssgcam_evolve_record *record)
{
    for (size_t count;;) {
        SSG_TRY(ssgcam_evolve_stats(search, record));
        SSG_TRY(ssgcam_evolve_ask(search, w->genes, &count));
        if (count == 0) return SSGCAM_OK;
        SSG_TRY(ssgcam_evolve_parents(search, w->rivals, count));
        if (record->evaluations == 0) forget_best(s, run);
        SSG_TRY(score_batch(s, p, w, count, run));
        SSG_TRY(ssgcam_evolve_tell(search, w->fitness, count));
        SSG_TRY(ssgcam_evolve_stats(search, record));
        pthread_mutex_lock(&s->lock);
        ssgcam_status status = end_generation(s, search, o, record, run, runs);
        pthread_mutex_unlock(&s->lock);
        SSG_TRY(status);
    }
}

ssgcam_status ssg_phase_evolve(ssg_session *session, const ssg_problem *problem, const ssgcam_search_options *options, size_t run, size_t runs,
                               const ssg_candidate *start, size_t start_count, ssgcam_evolve_record *last)
{
    ssgcam_evolve *search = NULL;
    ssgcam_evolve_record record;
    workshop w = {0};
    const ssg_session_run *before = ssg_session_run_of(session, run);
    ssgcam_status status = create_search(&search, problem, options, run, start, start_count);
    if (status == SSGCAM_OK) status = open_workshop(&w, problem, ssgcam_evolve_batch_max(search));
    if (status == SSGCAM_OK && before) status = ssgcam_evolve_load(search, before->evolve, before->size);
    if (status == SSGCAM_OK) status = evolve(session, search, problem, options, &w, run, runs, last ? last : &record);
    close_workshop(&w);
    ssgcam_evolve_destroy(&search);
    return status;
}

/* ---- random search ------------------------------------------------------------------------------------------------------------------- */

static void draw(const workshop *w, double *genes, size_t count, uint64_t seed, uint64_t number)
{
    ssg_draws draws = ssg_draws_named(seed, (uint32_t)number, (uint32_t)(number >> 32), RANDOM_STREAM);
    for (size_t j = 0; j < count; j++) {
        double span = w->upper[j] - w->lower[j];
        genes[j] = w->integer[j] ? w->lower[j] + ssg_draw_below(&draws, (uint32_t)span + 1) : w->lower[j] + span * ssg_draw_unit(&draws);
    }
}

/* A step: parts on threads of their own, which is quicker than all threads on each. A device takes one part at a time. */
typedef struct step {
    ssg_session *session;
    ssg_problem problem; /* as one thread scores it */
    const workshop *room;
    uint64_t seed, drawn; /* drawn: before the step */
    size_t genes, count, phase;
    ssg_failure *failure; /* per thread: its last one */
} step;

static void draw_part(void *context, size_t part, int thread)
{
    step *t = context;
    size_t at = part * RANDOM_PART, count = t->count - at < RANDOM_PART ? t->count - at : RANDOM_PART;
    workshop w = *t->room;
    w.genes += at * t->genes, w.fitness += at, w.rivals += at, w.candidates += at;
    for (size_t i = 0; i < count; i++) draw(&w, w.genes + i * t->genes, t->genes, t->seed, t->drawn + at + i);
    ssgcam_status status = score_batch(t->session, &t->problem, &w, count, t->phase);
    if (status != SSGCAM_OK) ssg_failure_take(&t->failure[thread], status);
}

/* The rival of all is the best of the steps before. */
static ssgcam_status draw_step(step *t, int threads)
{
    for (size_t i = 0; i < t->count; i++) t->room->rivals[i] = t->session->state.fitness[t->phase];
    ssg_parallel_for(threads, (t->count + RANDOM_PART - 1) / RANDOM_PART, draw_part, t);
    for (int i = 0; i < threads; i++) SSG_TRY(ssg_failure_raise(&t->failure[i]));
    return SSGCAM_OK;
}

static ssgcam_status draw_steps(step *t, int threads, const ssgcam_search_options *o)
{
    ssg_session *s = t->session;
    size_t most = (size_t)threads * PARTS_OF_THREAD * RANDOM_PART;
    while (s->state.drawn < s->state.evaluations) {
        uint64_t left = s->state.evaluations - s->state.drawn;
        t->drawn = s->state.drawn;
        t->count = left < most ? (size_t)left : most;
        SSG_TRY(draw_step(t, threads));
        s->state.drawn += t->count;
        if (!ssg_stop_asked(o->stop)) {
            SSG_TRY(ssg_session_save_sometimes(s));
            continue;
        }
        SSG_TRY(ssg_session_save(s));
        return interrupted();
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_phase_random(ssg_session *s, const ssg_problem *p, const ssgcam_search_options *o, size_t phase)
{
    int threads = p->threads > 1 && !p->bank.device ? p->threads : 1;
    workshop w;
    step t = {.session = s, .problem = *p, .room = &w, .seed = o->seed, .genes = ssg_problem_genes(p), .phase = phase};
    t.problem.threads = 1;
    t.failure = ssg_calloc((size_t)threads, sizeof *t.failure);
    ssgcam_status status = open_workshop(&w, p, (size_t)threads * PARTS_OF_THREAD * RANDOM_PART);
    if (!t.failure) status = SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK && s->state.drawn == 0) forget_best(s, phase);
    if (status == SSGCAM_OK) status = draw_steps(&t, threads, o);
    close_workshop(&w);
    ssg_free(t.failure);
    return status;
}
