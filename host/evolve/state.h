/* state.h - what a search remembers between two generations, and what it needs only during one.
 *
 * Everything remembered is in two flat arrays (`counters`, `values`), so that a checkpoint is those arrays and nothing can be forgotten in it.
 * Costs are minimised throughout: cost = fitness or -fitness, +infinity for a fitness that is not finite. Genes of integer kind are kept as reals
 * in [lower - 1/2, upper + 1/2] and rounded when handed out, so that small differences add up as they do for real genes. */
#ifndef SSG_EVOLVE_STATE_H
#define SSG_EVOLVE_STATE_H

#include <stdatomic.h>

#include <ssgcam/evolve.h>

#include "host/base/philox.h"

/* Indices into `counters`; after them two per island: archive size, next memory slot. */
enum {
    SSG_EVOLVE_GENERATION,
    SSG_EVOLVE_EVALUATIONS,
    SSG_EVOLVE_INVALID,
    SSG_EVOLVE_POPULATION,
    SSG_EVOLVE_IMPROVED,
    SSG_EVOLVE_STOP,
    SSG_EVOLVE_COUNTERS
};

/* What a draw is for: the last word of its name. */
typedef enum ssg_evolve_purpose {
    SSG_DRAW_INIT,
    SSG_DRAW_PARAMETERS,
    SSG_DRAW_INDICES,
    SSG_DRAW_CROSSOVER,
    SSG_DRAW_EVICT,
    SSG_DRAW_DITHER
} ssg_evolve_purpose;

typedef struct ssg_evolve_island {
    double *x, *cost;             /* N0 x D, N0 */
    double *f, *cr;               /* N0: what each member carries (JDE) */
    double *archive;              /* capacity x D */
    double *memory_f, *memory_cr; /* H; memory_cr -1: terminal, CR is 0 from then on */
    uint64_t *archived, *slot;
    double *trial, *trial_f, *trial_cr; /* of this generation */
    double *spare;                      /* N0: what a step of selection or migration notes of each member */
    uint32_t *order;                    /* members from best to worst */
} ssg_evolve_island;

struct ssgcam_evolve {
    ssgcam_evolve_config config; /* defaults filled in; array pointers into `bounds` and `integer` */
    double *bounds;
    unsigned char *integer;
    size_t population, memory, archive_max, known; /* N0, H, archive rows an island has room for, members with known fitness */
    uint64_t *counters;
    double *values;
    size_t counter_count, value_count;
    double *best, *best_cost; /* into values */
    double *scratch;          /* trials, their parameters, what is noted of members */
    double *all_costs;        /* of all islands one after the other: as they are told, and to summarise them */
    uint32_t *order;          /* order of every island, then room to sort all members */
    size_t asked;             /* size of the batch handed out, 0: none */
    uint64_t digest;          /* of the configuration */
    ssg_evolve_island *island;
    atomic_int interrupted;
    ssgcam_evolve_stop run_stop; /* CALLBACK, INTERRUPTED: reasons that do not end the search for good */
};

/* config.c. Rows that the archive of so many members holds; entries of the success memory, 0: the adaptation has none. */
ssgcam_status ssg_evolve_check(const ssgcam_evolve_config *config);
void ssg_evolve_fill_defaults(ssgcam_evolve_config *config);
size_t ssg_evolve_archive(const ssgcam_evolve_config *config, size_t members);
size_t ssg_evolve_memory(ssgcam_evolve_adaptation adaptation);

/* The draws of (island, member, purpose) in the generation being made. */
ssg_draws ssg_evolve_draws(const ssgcam_evolve *search, size_t island, size_t member, ssg_evolve_purpose purpose);

/* order[0..count) becomes the indices 0..count sorted by cost, equal costs by index. In place, no allocation. */
void ssg_evolve_sort(uint32_t *order, const double *cost, size_t count);

/* vary.c: all trials of an island, with the F and CR they were made with. */
void ssg_evolve_vary(ssgcam_evolve *search, size_t island);

/* vary.c: the value handed out for gene j. */
double ssg_evolve_decode(const ssgcam_evolve *search, size_t j, double gene);

/* adapt.c: after selection. `improved[i]` = cost decrease of member i's trial, 0 for none (or from a parent without finite cost). */
void ssg_evolve_adapt(ssgcam_evolve *search, size_t island, const double *improved);

/* select.c: takes the costs of the batch told, `cost[b]` for batch index b = island * N + member. */
void ssg_evolve_select(ssgcam_evolve *search, const double *cost);
void ssg_evolve_reduce(ssgcam_evolve *search);
void ssg_evolve_migrate(ssgcam_evolve *search);

static inline size_t ssg_evolve_population_now(const ssgcam_evolve *search)
{
    return (size_t)search->counters[SSG_EVOLVE_POPULATION];
}

/* The fraction of the budget used, as the schedules of L-SHADE and jSO read it. */
static inline double ssg_evolve_progress(const ssgcam_evolve *search)
{
    return (double)search->counters[SSG_EVOLVE_EVALUATIONS] / (double)search->config.max_evaluations;
}

static inline int ssg_evolve_has_memory(const ssgcam_evolve *search)
{
    return search->memory > 0;
}

#endif
