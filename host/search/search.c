#include <jansson.h>
#include <ssgcam/search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/clock.h"
#include "host/base/digest.h"
#include "host/base/log.h"
#include "host/base/nearest_name.h"
#include "host/device/device.h"
#include "host/search/bank_device.h"
#include "host/search/outcome.h"
#include "host/search/phases.h"
#include "host/search/runs.h"
#include "host/search/settle.h"

enum { DEFAULT_FOLDS = 4, RUNS_OF_FOLD = 2, LEAST_FOR_FOLDS = 8, DEFAULT_EVALUATIONS = 12800 };

typedef struct search {
    ssgcam_search_options o; /* defaults filled in */
    ssgcam_search_result *result;
    ssg_grid grid;
    ssg_labelled labelled;
    ssg_bank_request request;
    ssg_session_identity identity;
    ssg_bank_store store;
    ssg_bank_device *device; /* NULL: the host scores */
    ssg_bank searched, heldout;
    ssg_problem problem;     /* on all searched images */
    size_t runs, folds;      /* run r does not see fold r % folds; 0: every run sees all images */
    uint32_t *fold;          /* of each searched image, or NULL */
    ssg_baselines baselines; /* of all searched images */
    ssg_session session;
    ssg_settled settled;
} search;

/* ---- names --------------------------------------------------------------------------------------------------------------------------- */

static const char *const fitness_names[] = {"miou", "foreground", "object", "image"};

const char *ssgcam_fitness_name(ssgcam_fitness fitness)
{
    return (size_t)fitness < 4 ? fitness_names[fitness] : "unknown";
}

ssgcam_status ssgcam_fitness_parse(const char *name, ssgcam_fitness *fitness)
{
    for (size_t i = 0; i < 4; i++)
        if (strcmp(fitness_names[i], name) == 0) {
            *fitness = (ssgcam_fitness)i;
            return SSGCAM_OK;
        }
    return ssg_fail(SSGCAM_ERR_ARGUMENT, "there is no fitness '%s'; there are: miou, foreground, object, image", name);
}

/* ---- set-up -------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status check(const ssgcam_search_options *o)
{
    if (!o->device || !o->model || !o->data) return ssg_fail(SSGCAM_ERR_ARGUMENT, "a search needs a device, a model and labelled data");
    if ((size_t)o->fitness > SSGCAM_FITNESS_IMAGE_IOU) return ssg_fail(SSGCAM_ERR_ARGUMENT, "fitness number %d does not exist", (int)o->fitness);
    int in_all =
        o->runs < 0 || o->folds < 0 || o->runs > SSG_MOST_RUNS || o->folds > SSG_MOST_RUNS ? 0 : (o->runs ? o->runs : 1) * (o->folds ? o->folds : 1);
    if (in_all < 1 || in_all > SSG_MOST_RUNS)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "%d runs and %d folds; give at most %d runs in all", o->runs, o->folds, SSG_MOST_RUNS);
    if (o->shrink && !(*o->shrink >= 0 && *o->shrink <= 1)) return ssg_fail(SSGCAM_ERR_ARGUMENT, "shrink %g; give 0 to 1", *o->shrink);
    if (!(o->sparsity >= 0 && o->sparsity < 1)) return ssg_fail(SSGCAM_ERR_ARGUMENT, "sparsity %g; give 0 to below 1", o->sparsity);
    if (o->population && (o->population < SSGCAM_EVOLVE_LEAST_POPULATION || o->population > SSGCAM_EVOLVE_MOST_POPULATION))
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "a population of %zu; give %d to %d, or 0 for what the adaptation wants", o->population,
                        SSGCAM_EVOLVE_LEAST_POPULATION, SSGCAM_EVOLVE_MOST_POPULATION);
    if (o->seed > INT64_MAX || o->evaluations > INT64_MAX) return ssg_fail(SSGCAM_ERR_ARGUMENT, "seed or evaluations too large");
    return SSGCAM_OK;
}

/* Four folds where the images allow it and nothing else is asked for; no more than there are groups, for a group stays whole. */
static void plan_folds(search *s)
{
    ssgcam_search_options *o = &s->o;
    const ssg_groups *groups = &s->labelled.searched_groups;
    if (o->folds || o->runs || groups->images < LEAST_FOR_FOLDS) return;
    o->folds = groups->count < DEFAULT_FOLDS ? (int)groups->count : DEFAULT_FOLDS;
    if (groups->count == 1) ssg_log(SSG_LOG_NORMAL, "all images to search on are of one group: no folds, so no cross-validated figures");
    if (groups->count > 1 && groups->count < DEFAULT_FOLDS)
        ssg_log(SSG_LOG_NORMAL, "the images to search on are in %zu groups, which stay whole: %d folds instead of %d", groups->count, o->folds,
                (int)DEFAULT_FOLDS);
}

/* Two runs for each fold. */
static ssgcam_status plan_runs(search *s)
{
    ssgcam_search_options *o = &s->o;
    plan_folds(s);
    s->folds = o->folds > 1 ? (size_t)o->folds : 0;
    o->folds = (int)s->folds;
    if (o->runs == 0) o->runs = s->folds && RUNS_OF_FOLD * s->folds <= SSG_MOST_RUNS ? RUNS_OF_FOLD : 1;
    s->runs = (s->folds ? s->folds : 1) * (size_t)o->runs;
    if (!o->evaluations) o->evaluations = DEFAULT_EVALUATIONS / s->runs;
    if (!s->folds) return SSGCAM_OK;
    if (!(s->fold = ssg_calloc(s->labelled.searched_groups.images, sizeof *s->fold))) return SSG_OUT_OF_MEMORY;
    return ssg_groups_split(s->fold, &s->labelled.searched_groups, s->folds, o->seed);
}

/* Another division into groups is another search of the same maps. Without groups the key is that of the bank. */
static void identify_data(search *s)
{
    const ssg_groups *const sets[] = {&s->labelled.searched_groups, &s->labelled.held_groups};
    memcpy(s->identity.key, s->request.key, sizeof s->identity.key);
    for (uint64_t i = 0; i < 2; i++) {
        if (!sets[i]->of) continue;
        uint64_t before = XXH3_64bits(s->identity.key, sizeof s->identity.key);
        XXH128_hash_t hash = XXH3_128bits_withSeed(sets[i]->of, sets[i]->images * sizeof *sets[i]->of, before + i);
        ssg_digest_text(s->identity.key, hash);
    }
}

/* What is known before the network runs; a checkpoint of another search is refused now rather than after minutes. */
static ssgcam_status identify(search *s)
{
    const ssgcam_search_options *o = &s->o;
    s->request = (ssg_bank_request){.options = &s->o,
                                    .grid = &s->grid,
                                    .items = s->labelled.items,
                                    .count = s->labelled.count,
                                    .classes = s->labelled.classes,
                                    .class_count = s->labelled.class_count,
                                    .truth = s->labelled.truth};
    SSG_TRY(ssg_bank_key(s->request.key, &s->request));
    identify_data(s);
    char *text = ssg_format("2 %d %d %llu %llu %llu %d %zu %d %d %.17g %.17g", o->fitness, o->threshold, (unsigned long long)o->seed,
                            (unsigned long long)o->evaluations, (unsigned long long)o->stagnation, o->adaptation, o->population, o->runs, o->folds,
                            o->sparsity, o->shrink ? *o->shrink : -1.0);
    if (!text) return SSG_OUT_OF_MEMORY;
    XXH128_hash_t a = XXH3_128bits(text, strlen(text)), b = XXH3_128bits(s->labelled.held, s->labelled.count);
    XXH128_hash_t c = XXH3_128bits(s->grid.mixed, s->grid.mixed_count * sizeof *s->grid.mixed);
    ssg_free(text);
    ssg_digest_text(s->identity.options, (XXH128_hash_t){.high64 = a.high64 ^ b.low64, .low64 = a.low64 ^ c.low64});
    return ssg_session_check(o->out, &s->identity, o->fresh);
}

static ssgcam_status open_bank(search *s)
{
    double start = ssg_clock_ms();
    SSG_TRY(ssg_bank_open(&s->store, &s->request));
    s->result->bank_ms = ssg_clock_ms() - start;
    s->result->bank_rows = s->store.rows;
    s->result->bank_bytes = s->store.bytes;
    s->result->bank_cached = s->store.cached;
    s->result->bank_mapped = s->store.mapped;
    SSG_TRY(s->o.device->interface->enter(s->o.device));
    SSG_TRY(ssg_bank_device_create(&s->device, s->o.device, &s->store.bank));
    s->store.bank.device = s->device;
    return SSGCAM_OK;
}

static ssgcam_status divide(search *s)
{
    SSG_TRY(ssg_bank_select(&s->searched, &s->store.bank, s->labelled.held, 0));
    SSG_TRY(ssg_bank_select(&s->heldout, &s->store.bank, s->labelled.held, 1));
    s->result->searched = s->searched.image_count;
    s->result->heldout = s->heldout.image_count;
    s->result->searched_groups = s->labelled.searched_groups.of ? s->labelled.searched_groups.count : 0;
    s->result->heldout_groups = s->labelled.held_groups.of ? s->labelled.held_groups.count : 0;
    s->problem = (ssg_problem){.bank = s->searched,
                               .layers = s->grid.layers,
                               .choices = s->grid.choices,
                               .mixed = s->grid.mixed,
                               .mixed_count = s->grid.mixed_count,
                               .fitness = s->o.fitness,
                               .tau_gene = s->o.threshold == SSGCAM_THRESHOLD_GENE,
                               .sparsity = s->o.sparsity,
                               .threads = s->o.device->threads};
    return SSGCAM_OK;
}

static ssgcam_status open_session(search *s)
{
    memcpy(s->identity.bank, s->store.digest, sizeof s->identity.bank);
    SSG_TRY(ssg_session_open(&s->session, s->o.out, &s->identity, s->o.fresh));
    s->result->resumed = s->session.resumed;
    return SSGCAM_OK;
}

/* ---- runs ---------------------------------------------------------------------------------------------------------------------------- */

/* All runs, then the random search that they are compared with. */
static ssgcam_status run_phases(search *s)
{
    ssg_runs runs = {&s->o, &s->problem, &s->baselines, &s->grid, s->runs, s->folds, s->fold};
    SSG_TRY(ssg_runs_go(&runs, &s->session));
    if (s->session.state.phase > s->runs) return SSGCAM_OK;
    SSG_TRY(ssg_phase_random(&s->session, &s->problem, &s->o, s->runs));
    ssg_session_pass(&s->session, 1);
    return ssg_session_save(&s->session);
}

static ssgcam_status settle(search *s)
{
    ssg_settling settling = {.problem = &s->problem,
                             .runs = s->runs,
                             .folds = s->folds,
                             .fold = s->fold,
                             .best = s->session.state.best,
                             .rivals = s->session.state.rivals,
                             .all = ssg_baselines_rivals(&s->baselines),
                             .shrink = s->o.shrink};
    SSG_TRY(ssg_settle(&s->settled, &settling));
    s->result->shrink = s->settled.shrink;
    return SSGCAM_OK;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status report(search *s)
{
    ssgcam_search_result *r = s->result;
    ssg_outcome_context x = {&s->o, &s->grid, &s->labelled, &s->store, &s->searched, &s->heldout, &s->settled, s->o.device->threads};
    ssg_rivals rivals = ssg_baselines_rivals(&s->baselines);
    for (size_t i = 0; i < s->baselines.count; i++)
        SSG_TRY(ssg_outcome_add(r, &x, ssg_strdup(s->baselines.items[i].name), &s->baselines.items[i].candidate));
    SSG_TRY(ssg_outcome_add(r, &x, ssg_strdup("random search"), &s->session.state.best[s->runs]));
    SSG_TRY(ssg_outcome_add(r, &x, ssg_strdup("recipe"), &s->settled.recipe));
    SSG_TRY(ssg_outcome_gains(r, &x, &rivals, &s->session.state.best[s->runs]));
    SSG_TRY(ssg_outcome_simpler(r, &x, &rivals));
    SSG_TRY(ssg_outcome_recipe(r, &x));
    r->evaluations = s->session.state.evaluations;
    r->generations = s->session.state.generations;
    r->stop = (ssgcam_evolve_stop)s->session.state.stop;
    return s->o.out ? ssgcam_recipe_save(r->recipe, s->o.out) : SSGCAM_OK;
}

static json_t *score_json(const ssgcam_search_score *score)
{
    return json_pack("{s:f,s:f,s:f,s:f,s:f}", "mean_iou", score->mean_iou, "foreground_iou", score->foreground_iou, "image_iou", score->image_iou,
                     "object_miou", score->object_miou, "object_iou", score->object_iou);
}

/* A line of the comparison; the recipe's, the last one, has its bootstrap intervals. */
static ssgcam_status log_entry(search *s, size_t i)
{
    const ssgcam_search_result *r = s->result;
    const ssgcam_search_entry *e = &r->entries[i];
    json_t *line = json_pack("{s:s,s:s,s:I,s:i,s:o}", "entry", e->name, "rows", e->rows, "layers", (json_int_t)e->layers, "threshold", e->threshold,
                             "searched", score_json(&e->searched));
    if (r->heldout) json_object_set_new(line, "heldout", score_json(&e->heldout));
    for (int k = 0; i + 1 == r->entry_count && k < (r->heldout ? 2 : 1); k++)
        json_object_set_new(line, k ? "heldout_interval" : "searched_interval", json_pack("[f,f]", r->interval[k][0], r->interval[k][1]));
    char *text = line ? json_dumps(line, JSON_REAL_PRECISION(6)) : NULL;
    json_decref(line);
    ssgcam_status status = text ? ssg_session_log(&s->session, "%s", text) : ssg_out_of_memory("writing the log");
    free(text);
    return status;
}

static ssgcam_status log_result(search *s)
{
    const ssgcam_search_result *r = s->result;
    for (size_t i = 0; i < r->entry_count; i++) SSG_TRY(log_entry(s, i));
    return ssg_session_log(&s->session, "{\"bank_seconds\": %.3f, \"search_seconds\": %.3f, \"threads\": %d, \"cpu\": \"%s\"}", r->bank_ms / 1000,
                           r->search_ms / 1000, s->o.device->threads, ssg_score_best()->name);
}

static ssgcam_status run(search *s)
{
    SSG_TRY(check(&s->o));
    SSG_TRY(ssg_grid_make(&s->grid, &s->o));
    SSG_TRY(ssg_labelled_gather(&s->labelled, &s->o));
    SSG_TRY(plan_runs(s));
    SSG_TRY(identify(s));
    SSG_TRY(open_bank(s));
    SSG_TRY(divide(s));
    SSG_TRY(open_session(s));
    double start = ssg_clock_ms();
    SSG_TRY(ssg_baselines_make(&s->baselines, &s->problem, &s->grid));
    SSG_TRY(run_phases(s));
    SSG_TRY(settle(s));
    s->result->search_ms = ssg_clock_ms() - start;
    SSG_TRY(report(s));
    return log_result(s);
}

ssgcam_status ssgcam_search_run(const ssgcam_search_options *options, ssgcam_search_result *result)
{
    double start = ssg_clock_ms();
    *result = (ssgcam_search_result){0};
    search s = {.o = *options, .result = result};
    ssgcam_status status = run(&s);
    ssg_session_close(&s.session, status == SSGCAM_OK);
    ssg_settled_clear(&s.settled);
    ssg_baselines_clear(&s.baselines);
    ssg_free(s.fold);
    ssg_free((void *)s.searched.images);
    ssg_free((void *)s.heldout.images);
    ssg_bank_device_destroy(&s.device);
    ssg_bank_close(&s.store);
    ssg_labelled_clear(&s.labelled);
    ssg_grid_clear(&s.grid);
    result->total_ms = ssg_clock_ms() - start;
    return status;
}

void ssgcam_search_clear(ssgcam_search_result *result)
{
    for (size_t i = 0; i < result->entry_count; i++) {
        ssg_free(result->entries[i].name);
        ssg_free(result->entries[i].rows);
    }
    ssg_free(result->entries);
    ssgcam_recipe_destroy(&result->recipe);
    ssgcam_recipe_destroy(&result->simpler);
    *result = (ssgcam_search_result){0};
}
