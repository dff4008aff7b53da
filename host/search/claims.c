#include "host/search/claims.h"

#include "host/base/alloc.h"

enum { GROUP = 8 /* thresholds ruled out together */ };

ssgcam_status ssg_claims_make(ssg_claims *c, const ssg_claims_measure *measure)
{
    size_t cells = measure->classes * SSG_SCORE_LEVELS;
    *c = (ssg_claims){measure, ssg_calloc(cells, sizeof *c->least), ssg_calloc(cells, sizeof *c->most),
                      ssg_calloc(measure->classes + 1, sizeof *c->counts)};
    return c->least && c->most && c->counts ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
}

void ssg_claims_clear(ssg_claims *c)
{
    ssg_free(c->least);
    ssg_free(c->most);
    ssg_free(c->counts);
    *c = (ssg_claims){0};
}

void ssg_claims_add_up(ssg_score_cell *above, const ssg_score_cell *levels)
{
    ssg_score_cell sum = {{0}};
    for (size_t tau = SSG_SCORE_LEVELS; tau-- > 0;) {
        ssg_score_cell here = levels[tau];
        above[tau] = sum;
        for (size_t k = 0; k < SSG_TRUTH_KINDS; k++) sum.pixels[k] += here.pixels[k];
    }
}

/* The measure where `gain` is claimed of what is right to claim, and `loss` of what is not. */
static double value_between(const ssg_claims *c, const ssg_score_cell *gain, const ssg_score_cell *loss)
{
    const ssg_claims_measure *m = c->measure;
    ssg_counts *counts = c->counts;
    uint64_t none = 0, found = 0;
    for (size_t k = 0; k < m->classes; k++) {
        const uint32_t *right = gain[k * SSG_SCORE_LEVELS].pixels, *wrong = loss[k * SSG_SCORE_LEVELS].pixels;
        counts[k + 1] = (ssg_counts){right[SSG_TRUTH_OWN], wrong[SSG_TRUTH_NONE] + wrong[SSG_TRUTH_OTHER], m->truth[k + 1] - right[SSG_TRUTH_OWN]};
        none += wrong[SSG_TRUTH_NONE];
        found += right[SSG_TRUTH_OWN] + right[SSG_TRUTH_OTHER];
    }
    if (found > m->kept - m->truth[0]) found = m->kept - m->truth[0]; /* what several classes may win was counted for each */
    counts[0] = (ssg_counts){m->truth[0] - none, m->kept - m->truth[0] - found, none};
    return m->value_of(counts, m->classes + 1);
}

/* No threshold of first..last is better than this: the claims at the first include those at the others, the claims at the last are in all. */
static double best_among(const ssg_claims *c, size_t first, size_t last)
{
    return value_between(c, c->most + first, c->least + last);
}

uint32_t ssg_claims_lowest_open(const ssg_claims *c, uint32_t end, double value)
{
    for (uint32_t first = 0; first < end; first += GROUP) {
        uint32_t next = first + GROUP < end ? first + GROUP : end;
        if (best_among(c, first, next - 1) < value) continue;
        for (uint32_t tau = first; tau < next; tau++)
            if (best_among(c, tau, tau) >= value) return tau;
    }
    return end;
}

uint32_t ssg_claims_end_of_open(const ssg_claims *c, uint32_t from, double value, double best)
{
    for (uint32_t end = SSG_SCORE_LEVELS, first; end > from; end = first) {
        first = end > from + GROUP ? end - GROUP : from;
        double most = best_among(c, first, end - 1);
        if (most < value || most <= best) continue;
        for (uint32_t tau = end; tau-- > first;) {
            most = best_among(c, tau, tau);
            if (most >= value && most > best) return tau + 1;
        }
    }
    return from;
}

uint32_t ssg_claims_presume(ssg_claims *c)
{
    size_t best = 0;
    double most = 0;
    for (size_t i = 0; i < c->measure->classes * SSG_SCORE_LEVELS; i++)
        for (size_t k = 0; k < SSG_TRUTH_KINDS; k++)
            c->most[i].pixels[k] = c->least[i].pixels[k] + (c->most[i].pixels[k] - c->least[i].pixels[k]) / 2;
    for (size_t tau = 0; tau < SSG_SCORE_LEVELS; tau += 4) {
        double value = value_between(c, c->most + tau, c->most + tau);
        if (tau == 0 || value > most) best = tau, most = value;
    }
    return (uint32_t)best;
}

/* Groups that cannot hold a better one are passed over. */
ssg_solution ssg_claims_best_exact(const ssg_claims *c, size_t from, size_t to)
{
    ssg_solution best = {best_among(c, from, from), (uint8_t)from};
    for (size_t first = from + 1; first < to; first += GROUP) {
        size_t end = first + GROUP < to ? first + GROUP : to;
        if (best_among(c, first, end - 1) <= best.value) continue;
        for (size_t tau = first; tau < end; tau++) {
            double value = best_among(c, tau, tau);
            if (value > best.value) best = (ssg_solution){value, (uint8_t)tau};
        }
    }
    return best;
}
