/* test_evolve.c - Philox, and the differential evolution built on it. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/philox.h"
#include "host/evolve/checkpoint.h"
#include "host/evolve/state.h"

enum { D = 5 };
static const double lower[D] = {-5, -5, -5, -3, 0}, upper[D] = {5, 5, 5, 4, 9};
static const unsigned char integer[D] = {0, 0, 0, 1, 1};

/* The known answers published with Random123 (kat_vectors, philox4x32 10). */
Test(philox, known_answers)
{
    const uint32_t counter[3][4] = {{0, 0, 0, 0}, {~0u, ~0u, ~0u, ~0u}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}};
    const uint32_t key[3][2] = {{0, 0}, {~0u, ~0u}, {0xa4093822, 0x299f31d0}};
    const uint32_t expected[3][4] = {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
                                     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                                     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        ssg_philox(out, counter[i], key[i]);
        cr_assert_arr_eq(out, expected[i], sizeof out);
    }
}

static double sphere(const double *x)
{
    double sum = 0;
    for (int j = 0; j < D; j++) sum += (x[j] - 1) * (x[j] - 1);
    return sum;
}

static ssgcam_status objective(void *context, const double *genes, size_t count, size_t d, double *fitness)
{
    (void)context;
    for (size_t i = count; i-- > 0;) fitness[i] = sphere(genes + i * d);
    return SSGCAM_OK;
}

static ssgcam_evolve_config base_config(void)
{
    return (ssgcam_evolve_config){
        .dimensions = D, .lower = lower, .upper = upper, .integer = integer, .max_evaluations = 2000, .minimise = 1, .seed = 7, .population = 20};
}

static ssgcam_evolve *create(const ssgcam_evolve_config *config)
{
    ssgcam_evolve *search;
    cr_assert_eq(ssgcam_evolve_create(&search, config), SSGCAM_OK, "%s", ssgcam_last_error());
    return search;
}

/* One generation; `hash` collects genes and fitness. 0 at the end. */
static int step(ssgcam_evolve *search, uint64_t *hash)
{
    static double genes[4096 * D], fitness[4096];
    size_t count;
    cr_assert_eq(ssgcam_evolve_ask(search, genes, &count), SSGCAM_OK);
    if (!count) return 0;
    objective(NULL, genes, count, D, fitness);
    for (size_t i = 0; i < count; i++)
        for (int j = 3; j < D; j++)
            cr_assert(genes[i * D + j] == floor(genes[i * D + j]) && genes[i * D + j] >= lower[j] && genes[i * D + j] <= upper[j]);
    for (size_t i = 0; i < count * D; i++) cr_assert(genes[i] >= lower[i % D] && genes[i] <= upper[i % D]);
    if (hash) *hash = ssg_evolve_checksum(*hash, genes, count * D * sizeof *genes);
    cr_assert_eq(ssgcam_evolve_tell(search, fitness, count), SSGCAM_OK);
    return 1;
}

Test(evolve, adaptations_have_names)
{
    ssgcam_evolve_adaptation back;
    for (int i = SSGCAM_EVOLVE_LSHADE; i <= SSGCAM_EVOLVE_FIXED; i++) {
        cr_assert_eq(ssgcam_evolve_adaptation_parse(ssgcam_evolve_adaptation_name((ssgcam_evolve_adaptation)i), &back), SSGCAM_OK);
        cr_assert_eq((int)back, i);
    }
    cr_assert_str_eq(ssgcam_evolve_adaptation_name((ssgcam_evolve_adaptation)5), "unknown");
    cr_assert_eq(ssgcam_evolve_adaptation_parse("shade", &back), SSGCAM_ERR_ARGUMENT);
    cr_assert_str_eq(ssgcam_last_error(), "adaptation 'shade'; it must be lshade, jso, jde, dither or fixed");
}

/* Every strategy x adaptation, bounds and islands varied along: the trajectories are part of the contract. */
static const uint64_t golden[15] = {
#include "tests/fixtures/evolve_golden.inc"
};

static ssgcam_evolve_config golden_config(int i)
{
    ssgcam_evolve_config config = base_config();
    config.strategy = (ssgcam_evolve_strategy)(i / 5);
    config.adaptation = (ssgcam_evolve_adaptation)(i % 5);
    config.bounds = (ssgcam_evolve_bounds)(i % 4);
    config.init = (ssgcam_evolve_init)(i % 2);
    config.islands = (size_t)(1 + i % 3);
    config.migration_interval = 3;
    config.migration_count = 2;
    return config;
}

Test(evolve, trajectories_are_the_committed_ones)
{
    int print = getenv("SSG_PRINT_GOLDEN") != NULL;
    for (int i = 0; i < 15; i++) {
        ssgcam_evolve_config config = golden_config(i);
        ssgcam_evolve *search = create(&config);
        uint64_t hash = 0;
        while (step(search, &hash)) {
        }
        double best;
        cr_assert_eq(ssgcam_evolve_best(search, NULL, &best), SSGCAM_OK);
        cr_assert_lt(best, 1.0);
        if (print)
            fprintf(stderr, "GOLDEN 0x%016llxu,\n", (unsigned long long)hash);
        else
            cr_assert_eq(hash, golden[i], "case %d", i);
        ssgcam_evolve_destroy(&search);
    }
}

Test(evolve, resumes_at_every_generation_with_equal_bytes)
{
    for (int i = 0; i < 15; i += 2) {
        ssgcam_evolve_config config = golden_config(i);
        config.max_evaluations = 600;
        ssgcam_evolve *straight = create(&config), *hopping = create(&config);
        size_t size = ssgcam_evolve_save_size(straight);
        unsigned char *a = malloc(size), *b = malloc(size);
        int more = 1;
        while (more) {
            more = step(straight, NULL);
            cr_assert_eq(step(hopping, NULL), more);
            ssgcam_evolve_save(straight, a, size);
            ssgcam_evolve_save(hopping, b, size);
            cr_assert_arr_eq(a, b, size);
            ssgcam_evolve_destroy(&hopping);
            hopping = create(&config);
            cr_assert_eq(ssgcam_evolve_load(hopping, b, size), SSGCAM_OK, "%s", ssgcam_last_error());
        }
        ssgcam_evolve_destroy(&straight);
        ssgcam_evolve_destroy(&hopping);
        free(a);
        free(b);
    }
}

/* What competes with a candidate is the member it would replace: how much worse a loser is changes nothing. */
Test(evolve, losers_may_be_told_any_worse_fitness)
{
    for (int kind = 0; kind < 8; kind++) {
        ssgcam_evolve_config config = base_config();
        config.adaptation = (ssgcam_evolve_adaptation)(kind % 4);
        config.minimise = kind < 4;
        config.islands = kind % 2 ? 3 : 1;
        ssgcam_evolve *exact = create(&config), *loose = create(&config);
        size_t most = ssgcam_evolve_batch_max(exact), count, losers = 0;
        double *genes = calloc(most * D, sizeof *genes), *fitness = calloc(most, sizeof *fitness), *parents = calloc(most, sizeof *parents);
        cr_expect_eq(ssgcam_evolve_parents(loose, parents, 1), SSGCAM_ERR_ARGUMENT, "nothing was asked for");
        for (int generation = 0;; generation++) {
            cr_assert_eq(ssgcam_evolve_ask(exact, genes, &count), SSGCAM_OK);
            if (!count) break;
            for (size_t i = 0; i < count; i++) fitness[i] = (config.minimise ? 1 : -1) * sphere(genes + i * D);
            cr_assert_eq(ssgcam_evolve_tell(exact, fitness, count), SSGCAM_OK);
            memset(genes, 0, most * D * sizeof *genes);
            cr_assert_eq(ssgcam_evolve_ask(loose, genes, &count), SSGCAM_OK);
            cr_assert_eq(ssgcam_evolve_parents(loose, parents, count), SSGCAM_OK);
            for (size_t i = 0; i < count; i++) {
                cr_assert_eq(isnan(parents[i]) != 0, generation == 0);
                double own = (config.minimise ? 1 : -1) * sphere(genes + i * D);
                cr_assert_eq(own, fitness[i]);
                if (config.minimise ? own > parents[i] : own < parents[i]) fitness[i] = parents[i] + (config.minimise ? 1000 : -1000), losers++;
            }
            cr_assert_eq(ssgcam_evolve_tell(loose, fitness, count), SSGCAM_OK);
        }
        cr_expect_gt(losers, 500u);
        size_t size = ssgcam_evolve_save_size(exact);
        void *one = calloc(size, 1), *other = calloc(size, 1);
        cr_assert_eq(ssgcam_evolve_save(exact, one, size), SSGCAM_OK);
        cr_assert_eq(ssgcam_evolve_save(loose, other, size), SSGCAM_OK);
        cr_expect_arr_eq(one, other, size, "kind %d", kind);
        free(one), free(other), free(genes), free(fitness), free(parents);
        ssgcam_evolve_destroy(&exact);
        ssgcam_evolve_destroy(&loose);
    }
}

Test(evolve, archive_holds_only_parents_that_lost)
{
    ssgcam_evolve_config config = base_config();
    ssgcam_evolve *search = create(&config);
    static double former[20000 * D];
    size_t known = 0, seen = 0;
    while (step(search, NULL)) {
        const ssg_evolve_island *own = search->island;
        for (size_t a = 0; a < *own->archived; a++, seen++) {
            int found = 0;
            for (size_t k = 0; k < known && !found; k++) found = !memcmp(former + k * D, own->archive + a * D, D * sizeof(double));
            cr_assert(found);
        }
        memcpy(former + known * D, own->x, search->counters[SSG_EVOLVE_POPULATION] * D * sizeof(double));
        known += search->counters[SSG_EVOLVE_POPULATION];
        if (known > 19000) break;
    }
    cr_assert_gt(seen, 100);
    ssgcam_evolve_destroy(&search);
}

Test(evolve, evaluation_order_and_budget)
{
    ssgcam_evolve_config config = base_config();
    config.max_evaluations = 333;
    ssgcam_evolve *search = create(&config);
    cr_assert_eq(ssgcam_evolve_run(search, objective, NULL, NULL), SSGCAM_OK);
    ssgcam_evolve_record record;
    ssgcam_evolve_stats(search, &record);
    cr_assert_eq(record.evaluations, 333);
    cr_assert_eq(record.stop, SSGCAM_EVOLVE_BUDGET);
    cr_assert_eq(record.population, SSGCAM_EVOLVE_LEAST_POPULATION);
    ssgcam_evolve_destroy(&search);
}

static ssgcam_status sometimes_invalid(void *context, const double *genes, size_t count, size_t d, double *fitness)
{
    size_t *invalid = context;
    for (size_t i = 0; i < count; i++) {
        fitness[i] = sphere(genes + i * d);
        if (genes[i * d] > 1.5) fitness[i] = genes[i * d] > 3 ? (double)NAN : -HUGE_VAL, ++*invalid;
    }
    return SSGCAM_OK;
}

Test(evolve, invalid_fitness_is_worst_and_counted)
{
    ssgcam_evolve_config config = base_config();
    ssgcam_evolve *search = create(&config);
    size_t invalid = 0;
    cr_assert_eq(ssgcam_evolve_run(search, sometimes_invalid, NULL, &invalid), SSGCAM_OK);
    ssgcam_evolve_record record;
    ssgcam_evolve_stats(search, &record);
    double genes[D];
    ssgcam_evolve_best(search, genes, NULL);
    cr_assert(invalid > 0 && record.invalid == invalid);
    cr_assert(isfinite(record.best) && isfinite(record.mean) && isfinite(record.memory_f) && genes[0] <= 1.5 && record.best < 1e-3);
    ssgcam_evolve_destroy(&search);
}

static ssgcam_status plateau(void *context, const double *genes, size_t count, size_t d, double *fitness)
{
    (void)context, (void)genes, (void)d;
    for (size_t i = 0; i < count; i++) fitness[i] = 3;
    return SSGCAM_OK;
}

Test(evolve, ties_move_the_population_but_are_no_success)
{
    ssgcam_evolve_config config = base_config();
    config.minimise = 0;
    config.stagnation_generations = 10;
    ssgcam_evolve *search = create(&config);
    double before[D], after[D];
    ssgcam_evolve_member(search, 0, 0, before, NULL);
    ssgcam_evolve_run(search, plateau, NULL, NULL);
    ssgcam_evolve_member(search, 0, 0, after, NULL);
    ssgcam_evolve_record record;
    ssgcam_evolve_stats(search, &record);
    cr_assert(memcmp(before, after, sizeof before) && record.archive == 0 && record.memory_f == 0.5);
    cr_assert(record.stop == SSGCAM_EVOLVE_STAGNATION && record.generation == 10 && record.best == 3 && record.spread == 0);
    ssgcam_evolve_destroy(&search);
}

static int stop_at_three(void *context, const ssgcam_evolve *search, const ssgcam_evolve_record *record)
{
    (void)context, (void)search;
    return record->generation == 3;
}

Test(evolve, every_stop_reason)
{
    ssgcam_evolve_config config = base_config();
    ssgcam_evolve_record record;
    config.use_target = 1, config.target = 0.5;
    config.max_generations = 1000;
    ssgcam_evolve *search = create(&config);
    cr_assert_eq(ssgcam_evolve_run(search, objective, stop_at_three, NULL), SSGCAM_OK);
    ssgcam_evolve_stats(search, &record);
    cr_assert_eq(record.stop, SSGCAM_EVOLVE_CALLBACK);
    ssgcam_evolve_interrupt(search);
    cr_assert_eq(ssgcam_evolve_run(search, objective, NULL, NULL), SSGCAM_ERR_INTERRUPTED);
    cr_assert_eq(ssgcam_evolve_run(search, objective, NULL, NULL), SSGCAM_OK);
    ssgcam_evolve_stats(search, &record);
    cr_assert(record.stop == SSGCAM_EVOLVE_TARGET && record.best <= 0.5);
    ssgcam_evolve_destroy(&search);
    config.use_target = 0, config.max_generations = 4;
    search = create(&config);
    ssgcam_evolve_run(search, objective, NULL, NULL);
    ssgcam_evolve_stats(search, &record);
    cr_assert(record.stop == SSGCAM_EVOLVE_GENERATIONS && record.generation == 4);
    ssgcam_evolve_destroy(&search);
    config.spread_absolute = 1e6;
    search = create(&config);
    ssgcam_evolve_run(search, objective, NULL, NULL);
    ssgcam_evolve_stats(search, &record);
    cr_assert(record.stop == SSGCAM_EVOLVE_SPREAD && record.generation == 0);
    ssgcam_evolve_destroy(&search);
}

Test(evolve, given_members_with_known_fitness_cost_nothing)
{
    double given[2 * D] = {1, 1, 1, 1, 1, 2, 2, 2, 2, 2}, fitness[2] = {0, 5}, genes[20 * D], best;
    ssgcam_evolve_config config = base_config();
    config.initial = given, config.initial_count = 2, config.initial_fitness = fitness;
    ssgcam_evolve *search = create(&config);
    size_t count;
    cr_assert_eq(ssgcam_evolve_best(search, genes, &best), SSGCAM_OK);
    cr_assert(best == 0 && !memcmp(genes, given, D * sizeof(double)));
    ssgcam_evolve_ask(search, genes, &count);
    cr_assert_eq(count, 18);
    ssgcam_evolve_destroy(&search);
}

Test(evolve, ask_and_tell_allocate_nothing)
{
    for (int i = 0; i < 15; i++) {
        ssgcam_evolve_config config = golden_config(i);
        config.spread_absolute = 1e-9; /* every generation is summed up too */
        ssgcam_evolve *search = create(&config);
        ssg_alloc_fail_at(1, 1);
        while (step(search, NULL)) {
        }
        ssg_alloc_fail_at(0, 0);
        ssgcam_evolve_destroy(&search);
    }
}

typedef struct member {
    double fitness, genes[D];
} member;

static void take_members(const ssgcam_evolve *search, size_t island, member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) ssgcam_evolve_member(search, island, i, members[i].genes, &members[i].fitness);
}

static int by_fitness(const void *a, const void *b)
{
    const member *x = a, *y = b;
    return x->fitness != y->fitness ? (x->fitness > y->fitness) - (x->fitness < y->fitness) : memcmp(x->genes, y->genes, sizeof x->genes);
}

/* Beside a search that has not migrated yet: every island has its own members, but the last ones are the best of the island before. */
Test(evolve, the_best_arrive_at_the_next_island)
{
    enum { ISLANDS = 3, N = 20, MIGRANTS = 2 };
    ssgcam_evolve_config config = base_config();
    config.adaptation = SSGCAM_EVOLVE_JDE;
    config.islands = ISLANDS, config.migration_count = MIGRANTS, config.migration_interval = 100;
    ssgcam_evolve *apart = create(&config);
    config.migration_interval = 3;
    ssgcam_evolve *together = create(&config);
    for (int generation = 0; generation < 3; generation++) cr_assert(step(apart, NULL) && step(together, NULL));
    member before[ISLANDS][N], after[N];
    for (size_t k = 0; k < ISLANDS; k++) {
        take_members(apart, k, before[k], N);
        qsort(before[k], N, sizeof *before[k], by_fitness);
    }
    for (size_t k = 0; k < ISLANDS; k++) {
        member expected[N];
        memcpy(expected, before[k], sizeof expected);
        memcpy(expected + N - MIGRANTS, before[(k + ISLANDS - 1) % ISLANDS], MIGRANTS * sizeof *expected);
        qsort(expected, N, sizeof *expected, by_fitness);
        take_members(together, k, after, N);
        qsort(after, N, sizeof *after, by_fitness);
        cr_assert_arr_eq(after, expected, sizeof expected, "island %zu", k);
    }
    ssgcam_evolve_destroy(&apart);
    ssgcam_evolve_destroy(&together);
}

Test(evolve, create_survives_every_failed_allocation)
{
    ssgcam_evolve_config config = base_config();
    ssgcam_evolve *search;
    int n = 1;
    for (;; n++) {
        ssg_alloc_fail_at(n, 0);
        ssgcam_status status = ssgcam_evolve_create(&search, &config);
        ssg_alloc_fail_at(0, 0);
        if (status == SSGCAM_OK) break;
        cr_assert(status == SSGCAM_ERR_MEMORY && !search);
    }
    cr_assert_eq(n, 10);
    ssgcam_evolve_destroy(&search);
}

Test(evolve, refuses_bad_configurations)
{
    ssgcam_evolve *search;
    ssgcam_evolve_config config = base_config();
    config.max_evaluations = 0;
    cr_assert_eq(ssgcam_evolve_create(&search, &config), SSGCAM_ERR_ARGUMENT);
    config = base_config();
    config.lower = upper, config.upper = lower;
    cr_assert_eq(ssgcam_evolve_create(&search, &config), SSGCAM_ERR_ARGUMENT);
    config = base_config();
    config.population = 3;
    cr_assert_eq(ssgcam_evolve_create(&search, &config), SSGCAM_ERR_ARGUMENT);
}

Test(evolve, refuses_damaged_and_foreign_checkpoints)
{
    ssgcam_evolve_config config = base_config();
    ssgcam_evolve *search = create(&config);
    for (int i = 0; i < 3; i++) step(search, NULL);
    size_t size = ssgcam_evolve_save_size(search);
    unsigned char *bytes = malloc(size), *after = malloc(size), *good = malloc(size);
    cr_assert_eq(ssgcam_evolve_save(search, bytes, size - 1), SSGCAM_ERR_ARGUMENT);
    ssgcam_evolve_save(search, good, size);
    memcpy(bytes, good, size);
    for (size_t i = 0; i < size; i += 13) {
        bytes[i] ^= 0x20;
        cr_assert_eq(ssgcam_evolve_load(search, bytes, size), SSGCAM_ERR_INPUT, "byte %zu", i);
        bytes[i] ^= 0x20;
        if (i % 7 == 0) cr_assert_eq(ssgcam_evolve_load(search, bytes, i), SSGCAM_ERR_INPUT);
    }
    ssgcam_evolve_save(search, after, size);
    cr_assert_arr_eq(after, good, size);
    config.seed++;
    ssgcam_evolve *other = create(&config);
    cr_assert_eq(ssgcam_evolve_load(other, good, size), SSGCAM_ERR_INPUT);
    cr_assert(strstr(ssgcam_last_error(), "another problem"));
    ssgcam_evolve_destroy(&search);
    ssgcam_evolve_destroy(&other);
    free(bytes);
    free(after);
    free(good);
}
