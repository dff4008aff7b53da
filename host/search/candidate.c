#include "host/search/candidate.h"

#include <string.h>

#include "host/fuse/weights.h"

size_t ssg_candidate_layers(const ssg_candidate *candidate)
{
    size_t on = 0;
    for (size_t t = 0; t < SSG_SCORE_LAYERS; t++) on += candidate->weight[t] > 0;
    return on;
}

int ssg_candidate_compare(const ssg_candidate *a, double fitness_a, const ssg_candidate *b, double fitness_b, size_t layers)
{
    size_t on_a = 0, on_b = 0;
    if (fitness_a != fitness_b) return fitness_a > fitness_b ? -1 : 1;
    for (size_t l = 0; l < layers; l++) on_a += a->weight[l] > 0, on_b += b->weight[l] > 0;
    if (on_a != on_b) return on_a < on_b ? -1 : 1;
    for (size_t l = 0; l < layers; l++) {
        if (a->weight[l] != b->weight[l]) return a->weight[l] < b->weight[l] ? -1 : 1;
        if (a->weight[l] && a->row[l] != b->row[l]) return a->row[l] < b->row[l] ? -1 : 1; /* the row of a layer that is off means nothing */
    }
    return a->tau == b->tau ? 0 : a->tau < b->tau ? -1 : 1;
}

/* The rows of a mixture in the making, ascending; room for one more than it may have. */
typedef struct sums {
    uint32_t row[SSG_SCORE_LAYERS + 1];
    double weight[SSG_SCORE_LAYERS + 1];
    size_t used;
} sums;

static void add_row(sums *s, uint32_t row, double weight)
{
    size_t at = 0;
    while (at < s->used && s->row[at] < row) at++;
    if (at == s->used || s->row[at] != row) {
        memmove(s->row + at + 1, s->row + at, (s->used - at) * sizeof *s->row);
        memmove(s->weight + at + 1, s->weight + at, (s->used - at) * sizeof *s->weight);
        s->row[at] = row, s->weight[at] = 0, s->used++;
    }
    s->weight[at] += weight;
}

static void drop_lightest(sums *s)
{
    size_t least = 0;
    for (size_t k = 1; k < s->used; k++)
        if (s->weight[k] < s->weight[least]) least = k;
    s->used--;
    memmove(s->row + least, s->row + least + 1, (s->used - least) * sizeof *s->row);
    memmove(s->weight + least, s->weight + least + 1, (s->used - least) * sizeof *s->weight);
}

void ssg_candidate_average(ssg_candidate *mean, const ssg_candidate *candidates, const double *shares, size_t count)
{
    sums s = {.used = 0};
    for (size_t i = 0; i < count; i++)
        for (size_t t = 0; t < SSG_SCORE_LAYERS; t++) {
            double weight = shares ? shares[i] * candidates[i].weight[t] : candidates[i].weight[t];
            if (weight == 0) continue;
            add_row(&s, candidates[i].row[t], weight);
            if (s.used > SSG_SCORE_LAYERS) drop_lightest(&s);
        }
    *mean = (ssg_candidate){.tau = candidates[0].tau};
    memcpy(mean->row, s.row, s.used * sizeof *s.row);
    ssg_mixture_weights(mean->weight, s.weight, s.used);
}
