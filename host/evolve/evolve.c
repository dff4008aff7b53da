/* evolve.c - the search object: creation, ask, tell, run. */
#include <math.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/evolve/checkpoint.h"
#include "host/evolve/state.h"

static ssgcam_status allocate(ssgcam_evolve *search)
{
    size_t d = search->config.dimensions, n = search->population, k = search->config.islands, h = search->memory, a = search->archive_max;
    search->counter_count = SSG_EVOLVE_COUNTERS + 2 * k;
    search->value_count = k * (n * (d + 3) + a * d + 2 * h) + d + 1;
    search->bounds = ssg_calloc(2 * d, sizeof(double));
    search->integer = ssg_calloc(d, 1);
    search->counters = ssg_calloc(search->counter_count, sizeof(uint64_t));
    search->values = ssg_calloc(search->value_count, sizeof(double));
    search->scratch = ssg_calloc(k * n * (d + 3), sizeof(double));
    search->all_costs = ssg_calloc(k * n, sizeof(double));
    search->order = ssg_calloc(2 * k * n, sizeof(uint32_t));
    search->island = ssg_calloc(k, sizeof *search->island);
    if (!search->bounds || !search->integer || !search->counters || !search->values || !search->scratch || !search->all_costs || !search->order ||
        !search->island)
        return SSG_OUT_OF_MEMORY;

    double *value = search->values, *scratch = search->scratch;
    for (size_t i = 0; i < k; i++) {
        ssg_evolve_island *own = &search->island[i];
        own->x = value, value += n * d;
        own->cost = value, value += n;
        own->f = value, value += n;
        own->cr = value, value += n;
        own->archive = value, value += a * d;
        own->memory_f = value, value += h;
        own->memory_cr = value, value += h;
        own->archived = search->counters + SSG_EVOLVE_COUNTERS + 2 * i;
        own->slot = own->archived + 1;
        own->trial = scratch, scratch += n * d;
        own->trial_f = scratch, scratch += n;
        own->trial_cr = scratch, scratch += n;
        own->spare = scratch, scratch += n;
        own->order = search->order + i * n;
    }
    search->best = value;
    search->best_cost = value + d;
    return SSGCAM_OK;
}

ssg_draws ssg_evolve_draws(const ssgcam_evolve *search, size_t island, size_t member, ssg_evolve_purpose purpose)
{
    uint32_t generation = (uint32_t)search->counters[SSG_EVOLVE_GENERATION];
    return ssg_draws_named(search->config.seed, generation, (uint32_t)member, (uint32_t)island << 8 | (uint32_t)purpose);
}

static void init_members(ssgcam_evolve *search, size_t island)
{
    ssg_evolve_island *own = &search->island[island];
    size_t d = search->config.dimensions, n = search->population;
    for (size_t j = 0; j < d; j++) {
        ssg_draws draws = ssg_evolve_draws(search, island, j, SSG_DRAW_INIT);
        uint32_t *cell = own->order;
        for (size_t i = 0; i < n; i++) { /* an inside-out shuffle */
            size_t other = ssg_draw_below(&draws, (uint32_t)i + 1);
            cell[i] = cell[other];
            cell[other] = (uint32_t)i;
        }
        double low = search->bounds[j], high = search->bounds[d + j];
        for (size_t i = 0; i < n; i++) {
            double u = ssg_draw_unit(&draws);
            if (search->config.init == SSGCAM_EVOLVE_LATIN_HYPERCUBE) u = (cell[i] + u) / (double)n;
            double x = low + (high - low) * u;
            own->x[i * d + j] = x > high ? high : x;
        }
    }
    for (size_t i = 0; i < n; i++) own->cost[i] = HUGE_VAL, own->f[i] = search->config.f, own->cr[i] = search->config.cr;
    for (size_t r = 0; r < search->memory; r++) {
        own->memory_f[r] = search->config.adaptation == SSGCAM_EVOLVE_JSO ? 0.3 : 0.5;
        own->memory_cr[r] = search->config.adaptation == SSGCAM_EVOLVE_JSO ? 0.8 : 0.5;
    }
}

/* +infinity for what is not finite, so that one comparison orders everything. */
static double cost_of(const ssgcam_evolve *search, double fitness)
{
    if (!isfinite(fitness)) return HUGE_VAL;
    return search->config.minimise ? fitness : -fitness;
}

static double fitness_of(const ssgcam_evolve *search, double cost)
{
    if (!isfinite(cost)) return (double)NAN;
    return search->config.minimise ? cost : 0 - cost;
}

static void note_best(ssgcam_evolve *search, const double *genes, double cost)
{
    if (!(cost < *search->best_cost)) return;
    *search->best_cost = cost;
    for (size_t j = 0; j < search->config.dimensions; j++) search->best[j] = ssg_evolve_decode(search, j, genes[j]);
    search->counters[SSG_EVOLVE_IMPROVED] = search->counters[SSG_EVOLVE_GENERATION];
}

/* Given members are dealt to the islands in turn: member i goes to island i % K, place i / K. */
static void place_given(ssgcam_evolve *search, const ssgcam_evolve_config *given)
{
    size_t d = search->config.dimensions, k = search->config.islands, room = k * search->population;
    size_t count = given->initial_count < room ? given->initial_count : room;
    for (size_t i = 0; i < count; i++) {
        ssg_evolve_island *own = &search->island[i % k];
        double *x = own->x + i / k * d;
        memcpy(x, given->initial + i * d, d * sizeof(double));
        if (!given->initial_fitness) continue;
        own->cost[i / k] = cost_of(search, given->initial_fitness[i]);
        note_best(search, x, own->cost[i / k]);
    }
    search->known = given->initial_fitness ? count : 0;
}

/* Which member the b-th of a batch is. Later generations: island by island. The first: in the order of dealing, after the known ones. */
static double *candidate(const ssgcam_evolve *search, size_t b, double **cost)
{
    size_t n = ssg_evolve_population_now(search), d = search->config.dimensions, k = search->config.islands;
    if (search->counters[SSG_EVOLVE_GENERATION] == 0) {
        size_t i = search->known + b;
        *cost = &search->island[i % k].cost[i / k];
        return search->island[i % k].x + i / k * d;
    }
    *cost = NULL;
    return search->island[b / n].trial + b % n * d;
}

static size_t batch_size(const ssgcam_evolve *search)
{
    size_t all = ssg_evolve_population_now(search) * search->config.islands;
    if (search->counters[SSG_EVOLVE_GENERATION] == 0) all -= search->known;
    uint64_t left = search->config.max_evaluations - search->counters[SSG_EVOLVE_EVALUATIONS];
    return all < left ? all : (size_t)left;
}

/* Mean, median and range of the finite costs of all islands. */
static size_t summarise(const ssgcam_evolve *search, double *mean, double *median, double *spread)
{
    size_t n = ssg_evolve_population_now(search), islands = search->config.islands, total = n * islands, finite = 0;
    double *cost = search->all_costs, sum = 0;
    for (size_t k = 0; k < islands; k++) memcpy(cost + k * n, search->island[k].cost, n * sizeof(double));
    uint32_t *order = search->order + islands * search->population;
    ssg_evolve_sort(order, cost, total);
    while (finite < total && isfinite(cost[order[finite]])) finite++;
    *mean = *median = *spread = (double)NAN;
    if (finite == 0) return 0;
    for (size_t i = 0; i < finite; i++) sum += cost[order[i]] / (double)finite;
    *mean = sum;
    *median = 0.5 * cost[order[(finite - 1) / 2]] + 0.5 * cost[order[finite / 2]];
    *spread = cost[order[finite - 1]] - cost[order[0]];
    return finite;
}

static ssgcam_evolve_stop reason_to_stop(const ssgcam_evolve *search)
{
    const ssgcam_evolve_config *config = &search->config;
    const uint64_t *counters = search->counters;
    if (config->use_target && *search->best_cost <= cost_of(search, config->target)) return SSGCAM_EVOLVE_TARGET;
    if (counters[SSG_EVOLVE_EVALUATIONS] >= config->max_evaluations) return SSGCAM_EVOLVE_BUDGET;
    if (config->max_generations && counters[SSG_EVOLVE_GENERATION] > config->max_generations) return SSGCAM_EVOLVE_GENERATIONS;
    if (config->stagnation_generations && counters[SSG_EVOLVE_GENERATION] - 1 - counters[SSG_EVOLVE_IMPROVED] >= config->stagnation_generations)
        return SSGCAM_EVOLVE_STAGNATION;
    if (config->spread_absolute > 0 || config->spread_relative > 0) {
        double mean, median, spread;
        size_t finite = summarise(search, &mean, &median, &spread);
        if (finite == ssg_evolve_population_now(search) * config->islands &&
            spread <= config->spread_absolute + config->spread_relative * (mean < 0 ? -mean : mean))
            return SSGCAM_EVOLVE_SPREAD;
    }
    return SSGCAM_EVOLVE_RUNNING;
}

/* `generation` counts the generations told, so it is also the number of the one being made. */
static void end_generation(ssgcam_evolve *search)
{
    search->counters[SSG_EVOLVE_GENERATION]++;
    ssg_evolve_reduce(search);
    ssg_evolve_migrate(search);
    search->asked = 0;
    search->counters[SSG_EVOLVE_STOP] = reason_to_stop(search);
}

ssgcam_status ssgcam_evolve_create(ssgcam_evolve **out, const ssgcam_evolve_config *config)
{
    *out = NULL;
    SSG_TRY(ssg_evolve_check(config));
    ssgcam_evolve *search = ssg_calloc(1, sizeof *search);
    if (!search) return SSG_OUT_OF_MEMORY;
    search->config = *config;
    ssg_evolve_fill_defaults(&search->config);
    search->population = search->config.population;
    search->memory = ssg_evolve_memory(config->adaptation);
    search->archive_max = ssg_evolve_archive(config, search->population);
    ssgcam_status status = SSGCAM_OK;
    SSG_TRY_DONE(allocate(search));

    size_t d = config->dimensions;
    for (size_t j = 0; j < d; j++) {
        search->integer[j] = config->integer && config->integer[j];
        search->bounds[j] = config->lower[j] - (search->integer[j] ? 0.5 : 0);
        search->bounds[d + j] = config->upper[j] + (search->integer[j] ? 0.5 : 0);
    }
    search->config.lower = search->bounds, search->config.upper = search->bounds + d, search->config.integer = search->integer;
    search->config.initial = search->config.initial_fitness = NULL;
    search->counters[SSG_EVOLVE_POPULATION] = search->population;
    *search->best_cost = HUGE_VAL;
    for (size_t k = 0; k < search->config.islands; k++) init_members(search, k);
    place_given(search, config);
    search->digest = ssg_evolve_digest(search);
    if (batch_size(search) == 0) end_generation(search);
done:
    if (status != SSGCAM_OK) ssgcam_evolve_destroy(&search);
    *out = search;
    return status;
}

void ssgcam_evolve_destroy(ssgcam_evolve **search)
{
    ssgcam_evolve *own = *search;
    *search = NULL;
    if (!own) return;
    ssg_free(own->bounds);
    ssg_free(own->integer);
    ssg_free(own->counters);
    ssg_free(own->values);
    ssg_free(own->scratch);
    ssg_free(own->all_costs);
    ssg_free(own->order);
    ssg_free(own->island);
    ssg_free(own);
}

size_t ssgcam_evolve_batch_max(const ssgcam_evolve *search)
{
    return search->population * search->config.islands;
}

ssgcam_status ssgcam_evolve_ask(ssgcam_evolve *search, double *genes, size_t *count)
{
    size_t d = search->config.dimensions;
    *count = search->asked = 0;
    if (search->counters[SSG_EVOLVE_STOP] != SSGCAM_EVOLVE_RUNNING) return SSGCAM_OK;
    if (search->counters[SSG_EVOLVE_GENERATION] > 0)
        for (size_t k = 0; k < search->config.islands; k++) ssg_evolve_vary(search, k);
    *count = search->asked = batch_size(search);
    for (size_t b = 0; b < search->asked; b++) {
        double *cost;
        const double *from = candidate(search, b, &cost);
        for (size_t j = 0; j < d; j++) genes[b * d + j] = ssg_evolve_decode(search, j, from[j]);
    }
    return SSGCAM_OK;
}

ssgcam_status ssgcam_evolve_parents(const ssgcam_evolve *search, double *fitness, size_t count)
{
    size_t n = ssg_evolve_population_now(search);
    if (search->asked == 0 || count != search->asked)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "evolve: parents of %zu candidates, but %zu were asked for", count, search->asked);
    for (size_t b = 0; b < count; b++)
        fitness[b] = search->counters[SSG_EVOLVE_GENERATION] ? fitness_of(search, search->island[b / n].cost[b % n]) : (double)NAN;
    return SSGCAM_OK;
}

ssgcam_status ssgcam_evolve_tell(ssgcam_evolve *search, const double *fitness, size_t count)
{
    if (search->asked == 0 || count != search->asked)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "evolve: told %zu fitness values, but %zu were asked for", count, search->asked);
    double *told = search->all_costs;
    for (size_t b = 0; b < count; b++) {
        double *cost;
        const double *genes = candidate(search, b, &cost);
        told[b] = cost_of(search, fitness[b]);
        if (!isfinite(told[b])) search->counters[SSG_EVOLVE_INVALID]++;
        if (cost) *cost = told[b];
        note_best(search, genes, told[b]);
    }
    search->counters[SSG_EVOLVE_EVALUATIONS] += count;
    if (search->counters[SSG_EVOLVE_GENERATION] > 0) ssg_evolve_select(search, told);
    end_generation(search);
    return SSGCAM_OK;
}

ssgcam_status ssgcam_evolve_best(const ssgcam_evolve *search, double *genes, double *fitness)
{
    if (!isfinite(*search->best_cost)) return ssg_fail(SSGCAM_ERR_NOT_FOUND, "evolve: no candidate had a finite fitness");
    if (genes) memcpy(genes, search->best, search->config.dimensions * sizeof(double));
    if (fitness) *fitness = fitness_of(search, *search->best_cost);
    return SSGCAM_OK;
}

ssgcam_status ssgcam_evolve_member(const ssgcam_evolve *search, size_t island, size_t index, double *genes, double *fitness)
{
    if (island >= search->config.islands || index >= ssg_evolve_population_now(search))
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "evolve: no member %zu on island %zu", index, island);
    const ssg_evolve_island *own = &search->island[island];
    size_t d = search->config.dimensions;
    for (size_t j = 0; genes && j < d; j++) genes[j] = ssg_evolve_decode(search, j, own->x[index * d + j]);
    if (fitness) *fitness = fitness_of(search, own->cost[index]);
    return SSGCAM_OK;
}

static double mean_or(const ssgcam_evolve *search, size_t count, int cr, int member, double otherwise)
{
    double sum = 0;
    for (size_t k = 0; k < search->config.islands; k++) {
        const ssg_evolve_island *own = &search->island[k];
        const double *values = member ? (cr ? own->cr : own->f) : (cr ? own->memory_cr : own->memory_f);
        for (size_t i = 0; i < count; i++) sum += values[i] < 0 ? 0 : values[i]; /* a terminal CR reads as the 0 it stands for */
    }
    return count ? sum / (double)(count * search->config.islands) : otherwise;
}

ssgcam_status ssgcam_evolve_stats(const ssgcam_evolve *search, ssgcam_evolve_record *record)
{
    const uint64_t *counters = search->counters;
    uint64_t told = counters[SSG_EVOLVE_GENERATION];
    double mean, median, spread;
    summarise(search, &mean, &median, &spread);
    int jde = search->config.adaptation == SSGCAM_EVOLVE_JDE;
    size_t averaged = jde ? ssg_evolve_population_now(search) : search->memory;
    *record = (ssgcam_evolve_record){.generation = told ? told - 1 : 0,
                                     .evaluations = counters[SSG_EVOLVE_EVALUATIONS],
                                     .invalid = counters[SSG_EVOLVE_INVALID],
                                     .best = fitness_of(search, *search->best_cost),
                                     .mean = fitness_of(search, mean),
                                     .median = fitness_of(search, median),
                                     .spread = spread,
                                     .memory_f = mean_or(search, averaged, 0, jde, search->config.f),
                                     .memory_cr = mean_or(search, averaged, 1, jde, search->config.cr),
                                     .population = ssg_evolve_population_now(search) * search->config.islands,
                                     .stop = (ssgcam_evolve_stop)counters[SSG_EVOLVE_STOP]};
    for (size_t k = 0; k < search->config.islands; k++) record->archive += (size_t)*search->island[k].archived;
    if (record->stop == SSGCAM_EVOLVE_RUNNING) record->stop = search->run_stop;
    return SSGCAM_OK;
}

ssgcam_status ssgcam_evolve_run(ssgcam_evolve *search, ssgcam_evolve_objective *objective, ssgcam_evolve_callback *callback, void *context)
{
    size_t rows = ssgcam_evolve_batch_max(search), d = search->config.dimensions, count;
    double *genes = ssg_calloc(rows, d * sizeof(double)), *fitness = ssg_calloc(rows, sizeof(double));
    ssgcam_status status = genes && fitness ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    search->run_stop = SSGCAM_EVOLVE_RUNNING;
    while (status == SSGCAM_OK && search->run_stop == SSGCAM_EVOLVE_RUNNING) {
        SSG_TRY_DONE(ssgcam_evolve_ask(search, genes, &count));
        if (count == 0) break;
        SSG_TRY_DONE(objective(context, genes, count, d, fitness));
        SSG_TRY_DONE(ssgcam_evolve_tell(search, fitness, count));
        ssgcam_evolve_record record;
        SSG_TRY_DONE(ssgcam_evolve_stats(search, &record));
        if (callback && callback(context, search, &record)) search->run_stop = SSGCAM_EVOLVE_CALLBACK;
        if (atomic_exchange(&search->interrupted, 0)) {
            search->run_stop = SSGCAM_EVOLVE_INTERRUPTED;
            status = ssg_fail(SSGCAM_ERR_INTERRUPTED, "evolve: interrupted after generation %llu", (unsigned long long)record.generation);
        }
    }
done:
    ssg_free(genes);
    ssg_free(fitness);
    return status;
}

void ssgcam_evolve_interrupt(ssgcam_evolve *search)
{
    atomic_store(&search->interrupted, 1);
}

const char *ssgcam_evolve_stop_name(ssgcam_evolve_stop stop)
{
    static const char *const names[] = {"running", "budget", "generations", "stagnation", "target", "spread", "callback", "interrupted"};
    return (unsigned)stop < sizeof names / sizeof *names ? names[stop] : "unknown";
}

static const char *const adaptations[] = {[SSGCAM_EVOLVE_LSHADE] = "lshade",
                                          [SSGCAM_EVOLVE_JSO] = "jso",
                                          [SSGCAM_EVOLVE_JDE] = "jde",
                                          [SSGCAM_EVOLVE_DITHER] = "dither",
                                          [SSGCAM_EVOLVE_FIXED] = "fixed"};
enum { ADAPTATIONS = sizeof adaptations / sizeof *adaptations };

const char *ssgcam_evolve_adaptation_name(ssgcam_evolve_adaptation adaptation)
{
    return (unsigned)adaptation < ADAPTATIONS ? adaptations[adaptation] : "unknown";
}

ssgcam_status ssgcam_evolve_adaptation_parse(const char *name, ssgcam_evolve_adaptation *adaptation)
{
    for (int i = 0; i < ADAPTATIONS; i++)
        if (strcmp(adaptations[i], name) == 0) {
            *adaptation = (ssgcam_evolve_adaptation)i;
            return SSGCAM_OK;
        }
    return ssg_fail(SSGCAM_ERR_ARGUMENT, "adaptation '%s'; it must be lshade, jso, jde, dither or fixed", name);
}
