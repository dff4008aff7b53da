/* vary.c - mutation, crossover and bounds: from a population to its trials. */
#include <math.h>

#include "host/evolve/state.h"

static void draw_parameters(const ssgcam_evolve *search, size_t island, size_t i, double *f, double *cr)
{
    const ssgcam_evolve_config *config = &search->config;
    const ssg_evolve_island *own = &search->island[island];
    ssg_draws draws = ssg_evolve_draws(search, island, i, SSG_DRAW_PARAMETERS);
    *f = config->f, *cr = config->cr;
    if (config->adaptation == SSGCAM_EVOLVE_DITHER) {
        ssg_draws shared = ssg_evolve_draws(search, island, 0, SSG_DRAW_DITHER);
        *f = 0.5 + 0.5 * ssg_draw_unit(&shared);
    }
    if (config->adaptation == SSGCAM_EVOLVE_JDE) {
        double change_f = ssg_draw_unit(&draws), new_f = ssg_draw_unit(&draws), change_cr = ssg_draw_unit(&draws), new_cr = ssg_draw_unit(&draws);
        *f = change_f < 0.1 ? 0.1 + 0.9 * new_f : own->f[i];
        *cr = change_cr < 0.1 ? new_cr : own->cr[i];
    }
    if (!ssg_evolve_has_memory(search)) return;

    int jso = config->adaptation == SSGCAM_EVOLVE_JSO;
    size_t r = ssg_draw_below(&draws, (uint32_t)search->memory);
    double mean_f = own->memory_f[r], mean_cr = own->memory_cr[r];
    if (jso && r + 1 == search->memory) mean_f = mean_cr = 0.9;
    *cr = 0;
    if (mean_cr >= 0) {
        *cr = mean_cr + 0.1 * ssg_draw_normal(&draws);
        *cr = *cr < 0 ? 0 : *cr > 1 ? 1 : *cr;
    }
    do *f = mean_f + 0.1 * ssg_draw_cauchy(&draws);
    while (*f <= 0);
    if (*f > 1) *f = 1;
    if (!jso) return;
    double progress = ssg_evolve_progress(search);
    if (progress < 0.25 && *cr < 0.7) *cr = 0.7;
    if (progress < 0.5 && *cr < 0.6) *cr = 0.6;
    if (progress < 0.6 && *f > 0.7) *f = 0.7;
}

/* One of `count` indices, different from the `taken` ones; there are more than that. */
static uint32_t draw_other(ssg_draws *draws, size_t count, const uint32_t *taken, int taken_count)
{
    for (;;) {
        uint32_t r = ssg_draw_below(draws, (uint32_t)count);
        int clash = 0;
        for (int t = 0; t < taken_count; t++) clash |= taken[t] == r;
        if (!clash) return r;
    }
}

/* base + weight (toward - base) + f (plus - minus); with toward NULL the middle term is absent. */
typedef struct recipe {
    const double *base, *toward, *plus, *minus;
    double weight;
} recipe;

static recipe choose(const ssgcam_evolve *search, size_t island, size_t i, double f)
{
    const ssg_evolve_island *own = &search->island[island];
    size_t n = ssg_evolve_population_now(search), d = search->config.dimensions;
    ssg_draws draws = ssg_evolve_draws(search, island, i, SSG_DRAW_INDICES);
    uint32_t taken[4] = {(uint32_t)i};
    if (search->config.strategy == SSGCAM_EVOLVE_RAND_1) {
        for (int t = 1; t < 4; t++) taken[t] = draw_other(&draws, n, taken, t);
        return (recipe){.base = own->x + taken[1] * d, .plus = own->x + taken[2] * d, .minus = own->x + taken[3] * d};
    }
    if (search->config.strategy == SSGCAM_EVOLVE_BEST_1) {
        for (int t = 1; t < 3; t++) taken[t] = draw_other(&draws, n, taken, t);
        return (recipe){.base = own->x + own->order[0] * d, .plus = own->x + taken[1] * d, .minus = own->x + taken[2] * d};
    }
    double progress = ssg_evolve_progress(search), p = 0.11, weight = f;
    int jso = search->config.adaptation == SSGCAM_EVOLVE_JSO;
    if (jso) {
        p = 0.25 * (1 - 0.5 * progress);
        weight = f * (progress < 0.2 ? 0.7 : progress < 0.4 ? 0.8 : 1.2);
    }
    size_t elite = (size_t)floor(p * (double)n + 0.5);
    if (elite < 2) elite = 2;
    uint32_t pbest = own->order[ssg_draw_below(&draws, (uint32_t)elite)];
    while (jso && progress < 0.5 && pbest == i) pbest = own->order[ssg_draw_below(&draws, (uint32_t)elite)];
    taken[1] = draw_other(&draws, n, taken, 1);
    uint32_t r2 = draw_other(&draws, n + (size_t)*own->archived, taken, 2);
    const double *x = own->x + i * d, *minus = r2 < n ? own->x + r2 * d : own->archive + (r2 - n) * d;
    return (recipe){.base = x, .toward = own->x + pbest * d, .plus = own->x + taken[1] * d, .minus = minus, .weight = weight};
}

static double mirror(double value, double low, double high)
{
    for (int turn = 0; turn < 8 && (value < low || value > high); turn++) value = value < low ? 2 * low - value : 2 * high - value;
    return value < low ? low : value > high ? high : value;
}

static double keep_inside(const ssgcam_evolve *search, ssg_draws *draws, double value, double parent, double low, double high)
{
    if (value >= low && value <= high) return value;
    switch (search->config.bounds) {
    case SSGCAM_EVOLVE_REFLECT: return mirror(value, low, high);
    case SSGCAM_EVOLVE_RESAMPLE: return low + (high - low) * ssg_draw_unit(draws);
    case SSGCAM_EVOLVE_CLIP: return value < low ? low : high;
    case SSGCAM_EVOLVE_MIDPOINT: break;
    }
    return 0.5 * ((value < low ? low : high) + parent);
}

void ssg_evolve_vary(ssgcam_evolve *search, size_t island)
{
    ssg_evolve_island *own = &search->island[island];
    size_t n = ssg_evolve_population_now(search), d = search->config.dimensions;
    const double *low = search->bounds, *high = search->bounds + d;
    ssg_evolve_sort(own->order, own->cost, n);
    for (size_t i = 0; i < n; i++) {
        double f, cr;
        draw_parameters(search, island, i, &f, &cr);
        recipe r = choose(search, island, i, f);
        ssg_draws draws = ssg_evolve_draws(search, island, i, SSG_DRAW_CROSSOVER);
        size_t always = ssg_draw_below(&draws, (uint32_t)d);
        const double *parent = own->x + i * d;
        double *trial = own->trial + i * d;
        for (size_t j = 0; j < d; j++) {
            trial[j] = parent[j];
            if (!(ssg_draw_unit(&draws) < cr) && j != always) continue;
            double v = r.base[j] + f * (r.plus[j] - r.minus[j]);
            if (r.toward) v = r.base[j] + r.weight * (r.toward[j] - r.base[j]) + f * (r.plus[j] - r.minus[j]);
            trial[j] = keep_inside(search, &draws, v, parent[j], low[j], high[j]);
        }
        own->trial_f[i] = f, own->trial_cr[i] = cr;
    }
}

double ssg_evolve_decode(const ssgcam_evolve *search, size_t j, double gene)
{
    if (!search->integer[j]) return gene;
    double low = search->bounds[j] + 0.5, high = search->bounds[search->config.dimensions + j] - 0.5, whole = floor(gene + 0.5);
    return whole < low ? low : whole > high ? high : whole;
}
