/* ssgcam/evolve.h - differential evolution: reproducible, resumable, ask and tell.
 *
 * The one-call way:
 *
 *     ssgcam_evolve_config config = {.dimensions = 2, .lower = lower, .upper = upper, .max_evaluations = 10000, .seed = 1, .minimise = 1};
 *     ssgcam_evolve *search;
 *     if (ssgcam_evolve_create(&search, &config)) puts(ssgcam_last_error());
 *     ssgcam_evolve_run(search, objective, NULL, context);
 *     ssgcam_evolve_best(search, genes, &fitness);
 *     ssgcam_evolve_destroy(&search);
 *
 * The loop in your own hands, for objectives that live on a device or on other machines: ask for a batch, evaluate it in any order, tell.
 *
 * What holds:
 * - The trajectory is a function of the configuration and the fitness values alone. Random draws are named by (seed, island, generation, member,
 * purpose), there is no generator state, and no function of libm takes part: same bits from every compiler, machine and number of threads.
 * - save/load between two generations continues byte by byte as if nothing had happened.
 * - Nothing is allocated by ask and tell, no thread is started. One object must not be used by two threads at once (ssgcam_evolve_interrupt
 * excepted).
 * - A fitness that is NaN or infinite is worse than every finite one: counted, never the best, never part of a mean. Ties replace the parent (so that
 * a plateau can be crossed), but only strict improvements feed the adaptation and the archive.
 * - The budget is never exceeded: the last batch is cut to what is left. */
#ifndef SSGCAM_EVOLVE_H
#define SSGCAM_EVOLVE_H

#include <stddef.h>
#include <stdint.h>

#include <ssgcam/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssgcam_evolve ssgcam_evolve;

typedef enum ssgcam_evolve_strategy {
    SSGCAM_EVOLVE_CURRENT_TO_PBEST_1, /* x_i + F (x_pbest - x_i) + F (x_r1 - x_r2), r2 from population and archive; jSO weighs the first F */
    SSGCAM_EVOLVE_RAND_1,             /* x_r1 + F (x_r2 - x_r3) */
    SSGCAM_EVOLVE_BEST_1              /* x_best + F (x_r1 - x_r2) */
} ssgcam_evolve_strategy;             /* all with binomial crossover */

typedef enum ssgcam_evolve_adaptation {
    SSGCAM_EVOLVE_LSHADE, /* Tanabe, Fukunaga 2014: success memory of F and CR, linear population reduction; 18 D members, memory 6, archive 2.6 N */
    SSGCAM_EVOLVE_JSO,    /* Brest, Maucec, Boskovic 2017: as L-SHADE with a schedule; 25 sqrt(D) ln(D) members, memory 5, archive N */
    SSGCAM_EVOLVE_JDE,    /* Brest et al. 2006: every member carries its own F and CR; 10 D members */
    SSGCAM_EVOLVE_DITHER, /* F uniform in [0.5, 1) once a generation, CR fixed; 10 D members */
    SSGCAM_EVOLVE_FIXED   /* F and CR fixed; 10 D members */
} ssgcam_evolve_adaptation;

/* A coordinate outside its bounds becomes: the midpoint of bound and parent; its mirror image; a fresh uniform draw; the bound. */
typedef enum ssgcam_evolve_bounds { SSGCAM_EVOLVE_MIDPOINT, SSGCAM_EVOLVE_REFLECT, SSGCAM_EVOLVE_RESAMPLE, SSGCAM_EVOLVE_CLIP } ssgcam_evolve_bounds;

typedef enum ssgcam_evolve_init { SSGCAM_EVOLVE_LATIN_HYPERCUBE, SSGCAM_EVOLVE_RANDOM } ssgcam_evolve_init;

typedef enum ssgcam_evolve_stop {
    SSGCAM_EVOLVE_RUNNING,
    SSGCAM_EVOLVE_BUDGET,      /* max_evaluations used up */
    SSGCAM_EVOLVE_GENERATIONS, /* max_generations done */
    SSGCAM_EVOLVE_STAGNATION,  /* stagnation_generations without a better best */
    SSGCAM_EVOLVE_TARGET,      /* the best reached the target */
    SSGCAM_EVOLVE_SPREAD,      /* max - min of the population's fitness at most spread_absolute + spread_relative * |mean| */
    SSGCAM_EVOLVE_CALLBACK,    /* the callback asked for it (run only; running again goes on) */
    SSGCAM_EVOLVE_INTERRUPTED  /* ssgcam_evolve_interrupt (run only; running again goes on) */
} ssgcam_evolve_stop;

enum { SSGCAM_EVOLVE_LEAST_POPULATION = 4, SSGCAM_EVOLVE_MOST_POPULATION = 65536 };

/* Zero means the default wherever one is named. Arrays are copied by create. */
typedef struct ssgcam_evolve_config {
    size_t dimensions;            /* D, 1..4096 */
    const double *lower, *upper;  /* D each, finite, lower <= upper; magnitudes up to 1e100 */
    const unsigned char *integer; /* D, nonzero: the gene takes whole values within the (whole) bounds. NULL: all real */
    uint64_t max_evaluations;     /* required: L-SHADE and jSO schedule by the fraction used. All islands together */
    int minimise;                 /* 0: higher fitness is better; nonzero: lower is better */
    uint64_t seed;
    uint64_t tag; /* a digest of the problem, stored in checkpoints: a checkpoint with another tag is refused */

    ssgcam_evolve_strategy strategy;
    ssgcam_evolve_adaptation adaptation;
    ssgcam_evolve_bounds bounds;
    size_t population; /* members per island, 4..65536 (0: see the adaptation, at least 8) */
    double f, cr;      /* FIXED: F (0: 0.5) and CR (0: 0.9; negative: really 0), DITHER: CR. First values for JDE */

    ssgcam_evolve_init init;
    const double *initial;         /* initial_count x D: these members come first, the others by `init`. Dealt to the islands in turn */
    const double *initial_fitness; /* initial_count values already known (they cost no evaluation), or NULL */
    size_t initial_count;

    size_t islands;            /* 0: 1 */
    size_t migration_interval; /* generations between migrations to the next island of the ring; 0: 20 */
    size_t migration_count;    /* the best m replace the worst m of the neighbour; 0: 1, at most half the population */

    uint64_t max_generations;        /* 0: no limit. The initial population is generation 0 */
    uint64_t stagnation_generations; /* 0: off */
    int use_target;
    double target;
    double spread_absolute, spread_relative; /* both 0: off. Beware of plateaus: a population of ties has no spread */
} ssgcam_evolve_config;

/* The state after a generation, all islands together; fitness as the objective gave it, non-finite values left out of mean, median and spread. */
typedef struct ssgcam_evolve_record {
    uint64_t generation, evaluations, invalid; /* invalid: evaluations so far that gave NaN or an infinity */
    double best, mean, median, spread;         /* NaN while no finite fitness was seen */
    double memory_f, memory_cr;                /* mean of the success memory (SHADE kinds) or of the members' values (JDE); else the fixed values */
    size_t population, archive;                /* members of all islands together */
    ssgcam_evolve_stop stop;
} ssgcam_evolve_record;

/* Members that an adaptation wants for so many dimensions, at least 8: see ssgcam_evolve_adaptation. */
SSGCAM_API size_t ssgcam_evolve_default_population(ssgcam_evolve_adaptation adaptation, size_t dimensions);

SSGCAM_API ssgcam_status ssgcam_evolve_create(ssgcam_evolve **out, const ssgcam_evolve_config *config);
SSGCAM_API void ssgcam_evolve_destroy(ssgcam_evolve **search);

/* The most candidates one ask can return. */
SSGCAM_API size_t ssgcam_evolve_batch_max(const ssgcam_evolve *search);

/* Writes the next candidates into genes (count x D, room for ssgcam_evolve_batch_max rows); count 0: the search has stopped. Asking again gives the
 * same batch. */
SSGCAM_API ssgcam_status ssgcam_evolve_ask(ssgcam_evolve *search, double *genes, size_t *count);

/* What the batch last asked for competes with, in its order: the fitness of the member that each candidate replaces if it is at least as good, NaN
 * where there is none. How much worse it is changes nothing: a candidate that is known to be worse may be told any finite fitness that is. */
SSGCAM_API ssgcam_status ssgcam_evolve_parents(const ssgcam_evolve *search, double *fitness, size_t count);

/* The fitness of the batch last asked for, in its order. */
SSGCAM_API ssgcam_status ssgcam_evolve_tell(ssgcam_evolve *search, const double *fitness, size_t count);

/* The best candidate ever told; not_found while no finite fitness was told. Either pointer may be NULL. Of equal ones the first. */
SSGCAM_API ssgcam_status ssgcam_evolve_best(const ssgcam_evolve *search, double *genes, double *fitness);

SSGCAM_API ssgcam_status ssgcam_evolve_stats(const ssgcam_evolve *search, ssgcam_evolve_record *record);

/* Member `index` of `island` (islands have equal sizes: record.population / islands). Non-finite fitness reads as NaN. */
SSGCAM_API ssgcam_status ssgcam_evolve_member(const ssgcam_evolve *search, size_t island, size_t index, double *genes, double *fitness);

/* Scores count candidates (count x D) into fitness; a failure ends the run with that status. */
typedef ssgcam_status ssgcam_evolve_objective(void *context, const double *genes, size_t count, size_t dimensions, double *fitness);

/* Called after every generation (initial population included); the whole population can be read from `search`. Nonzero stops. */
typedef int ssgcam_evolve_callback(void *context, const ssgcam_evolve *search, const ssgcam_evolve_record *record);

/* ask, objective, tell until a stop. OK on every reason of the enum but INTERRUPTED (that status). `callback` may be NULL. */
SSGCAM_API ssgcam_status ssgcam_evolve_run(ssgcam_evolve *search, ssgcam_evolve_objective *objective, ssgcam_evolve_callback *callback,
                                           void *context);

/* Makes run stop after the generation in progress. May be called from a signal handler or another thread. */
SSGCAM_API void ssgcam_evolve_interrupt(ssgcam_evolve *search);

/* The checkpoint is the state after the last tell, little-endian, of one fixed size for a given configuration. */
SSGCAM_API size_t ssgcam_evolve_save_size(const ssgcam_evolve *search);
SSGCAM_API ssgcam_status ssgcam_evolve_save(const ssgcam_evolve *search, void *bytes, size_t size);

/* Replaces the state of a search created with the same configuration; on failure (damaged, foreign, other configuration) nothing changes. */
SSGCAM_API ssgcam_status ssgcam_evolve_load(ssgcam_evolve *search, const void *bytes, size_t size);

/* A short constant name, e.g. "stagnation"; never NULL. */
SSGCAM_API const char *ssgcam_evolve_stop_name(ssgcam_evolve_stop stop);

/* "lshade", "jso", "jde", "dither", "fixed" and back; SSGCAM_ERR_ARGUMENT for another name. */
SSGCAM_API const char *ssgcam_evolve_adaptation_name(ssgcam_evolve_adaptation adaptation);
SSGCAM_API ssgcam_status ssgcam_evolve_adaptation_parse(const char *name, ssgcam_evolve_adaptation *adaptation);

#ifdef __cplusplus
}
#endif
#endif
