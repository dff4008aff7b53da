/* config.c - what a search is asked for: checked, its defaults filled in, and what follows from it. */
#include <math.h>

#include "host/base/status.h"
#include "host/evolve/state.h"

enum { MAX_DIMENSIONS = 4096, MAX_ISLANDS = 1024 };

/* ln x for x >= 1 from + - * / alone (the series of artanh after halving), so that the default population of jSO does not depend on a libm. */
static double natural_log(double x)
{
    double log = 0;
    while (x > 1.5) x *= 0.5, log += 0.69314718055994530942;
    double z = (x - 1) / (x + 1), power = z;
    for (int k = 1; k < 40; k += 2, power *= z * z) log += 2 * power / k;
    return log;
}

size_t ssgcam_evolve_default_population(ssgcam_evolve_adaptation adaptation, size_t dimensions)
{
    double d = (double)dimensions, n = 10 * d;
    if (adaptation == SSGCAM_EVOLVE_LSHADE) n = 18 * d;
    if (adaptation == SSGCAM_EVOLVE_JSO) n = floor(25 * sqrt(d) * natural_log(d) + 0.5);
    return n < 8 ? 8 : (size_t)n;
}

ssgcam_status ssg_evolve_check(const ssgcam_evolve_config *config)
{
    if (config->dimensions < 1 || config->dimensions > MAX_DIMENSIONS)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "evolve: dimensions is %zu, expected 1..%d", config->dimensions, MAX_DIMENSIONS);
    if (!config->lower || !config->upper) return ssg_fail(SSGCAM_ERR_ARGUMENT, "evolve: lower and upper bounds are required");
    if (config->max_evaluations < 1) return ssg_fail(SSGCAM_ERR_ARGUMENT, "evolve: max_evaluations is required: the schedules are fractions of it");
    if (config->population && (config->population < SSGCAM_EVOLVE_LEAST_POPULATION || config->population > SSGCAM_EVOLVE_MOST_POPULATION))
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "evolve: population is %zu, expected %d..%d", config->population, SSGCAM_EVOLVE_LEAST_POPULATION,
                        SSGCAM_EVOLVE_MOST_POPULATION);
    if (config->islands > MAX_ISLANDS) return ssg_fail(SSGCAM_ERR_ARGUMENT, "evolve: %zu islands, at most %d", config->islands, MAX_ISLANDS);
    if ((unsigned)config->strategy > SSGCAM_EVOLVE_BEST_1 || (unsigned)config->adaptation > SSGCAM_EVOLVE_FIXED ||
        (unsigned)config->bounds > SSGCAM_EVOLVE_CLIP || (unsigned)config->init > SSGCAM_EVOLVE_RANDOM)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "evolve: strategy, adaptation, bounds or init is not a value of its enum");
    if (!(config->f >= 0 && config->f <= 2) || !(config->cr <= 1)) return ssg_fail(SSGCAM_ERR_ARGUMENT, "evolve: f must be in 0..2 and cr at most 1");
    if (!(config->spread_absolute >= 0) || !(config->spread_relative >= 0))
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "evolve: spread_absolute and spread_relative must not be negative");
    if (config->initial_count && !config->initial) return ssg_fail(SSGCAM_ERR_ARGUMENT, "evolve: initial_count without initial");
    for (size_t j = 0; j < config->dimensions; j++) {
        double low = config->lower[j], high = config->upper[j];
        if (!(low >= -1e100 && low <= high && high <= 1e100))
            return ssg_fail(SSGCAM_ERR_ARGUMENT, "evolve: bounds of gene %zu are [%g, %g], expected finite and in order", j, low, high);
        if (config->integer && config->integer[j] && (low != floor(low) || high != floor(high)))
            return ssg_fail(SSGCAM_ERR_ARGUMENT, "evolve: gene %zu is an integer, but its bounds [%g, %g] are not", j, low, high);
        for (size_t i = 0; i < config->initial_count; i++) {
            double x = config->initial[i * config->dimensions + j];
            if (!(x >= low && x <= high))
                return ssg_fail(SSGCAM_ERR_ARGUMENT, "evolve: initial member %zu: gene %zu is %g, outside [%g, %g]", i, j, x, low, high);
        }
    }
    return SSGCAM_OK;
}

void ssg_evolve_fill_defaults(ssgcam_evolve_config *config)
{
    if (!config->population) config->population = ssgcam_evolve_default_population(config->adaptation, config->dimensions);
    if (!config->islands) config->islands = 1;
    if (!config->migration_interval) config->migration_interval = 20;
    if (!config->migration_count) config->migration_count = 1;
    if (config->f == 0) config->f = 0.5;
    config->cr = config->cr == 0 ? 0.9 : config->cr < 0 ? 0 : config->cr;
}

size_t ssg_evolve_memory(ssgcam_evolve_adaptation adaptation)
{
    return adaptation == SSGCAM_EVOLVE_LSHADE ? 6 : adaptation == SSGCAM_EVOLVE_JSO ? 5 : 0;
}

size_t ssg_evolve_archive(const ssgcam_evolve_config *config, size_t members)
{
    double rate = config->adaptation == SSGCAM_EVOLVE_JSO ? 1.0 : 2.6;
    return config->strategy == SSGCAM_EVOLVE_CURRENT_TO_PBEST_1 ? (size_t)floor(rate * (double)members + 0.5) : 0;
}
