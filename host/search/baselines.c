#include "host/search/baselines.h"

#include "host/base/alloc.h"
#include "host/fuse/weights.h"

typedef struct scored {
    ssg_candidate *candidates;
    double *fitness;
    size_t count;
} scored;

static ssgcam_status scored_make(scored *s, size_t count)
{
    *s = (scored){ssg_calloc(count, sizeof *s->candidates), ssg_calloc(count, sizeof *s->fitness), count};
    return s->candidates && s->fitness ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
}

static void scored_clear(scored *s)
{
    ssg_free(s->candidates);
    ssg_free(s->fitness);
}

static int better(const scored *s, size_t a, size_t b)
{
    return ssg_candidate_compare(&s->candidates[a], s->fitness[a], &s->candidates[b], s->fitness[b], SSG_SCORE_LAYERS) < 0;
}

static ssgcam_status add(ssg_baselines *b, char *name, const scored *s, size_t index)
{
    if (!name) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = ssg_grow(&b->items, b->count + 1, sizeof *b->items);
    if (status != SSGCAM_OK) {
        ssg_free(name);
        return status;
    }
    b->items[b->count] = (ssg_baseline){name, s->candidates[index], s->fitness[index]};
    b->count++;
    return SSGCAM_OK;
}

static ssgcam_method method_of(const ssg_grid *grid, size_t row)
{
    return ssg_grid_method(grid, row)->method;
}

/* Whether choice c is the first of its method in the grid. */
static int first_of_method(const ssg_grid *grid, size_t choice)
{
    for (size_t c = 0; c < choice; c++)
        if (method_of(grid, c) == method_of(grid, choice)) return 0;
    return 1;
}

/* Whether a recipe may use the method of choice c. */
static int may_mix(const ssg_grid *grid, size_t choice)
{
    for (size_t m = 0; m < grid->mixed_count; m++)
        if (method_of(grid, grid->mixed[m]) == method_of(grid, choice)) return 1;
    return 0;
}

/* The last item takes the place of a rival that it beats; place 0, a layer's, is nobody's yet. */
static void challenge(const ssg_baselines *b, size_t *rival)
{
    const ssg_baseline *last = &b->items[b->count - 1], *old = &b->items[*rival];
    if (!*rival || ssg_candidate_compare(&last->candidate, last->fitness, &old->candidate, old->fitness, SSG_SCORE_LAYERS) < 0) *rival = b->count - 1;
}

/* Every row alone: the best of each layer, then the best of each method. */
static ssgcam_status add_singles(ssg_baselines *b, const ssg_grid *grid, const scored *rows)
{
    for (size_t l = 0; l < grid->layers; l++) {
        size_t best = l * grid->choices;
        for (size_t r = best + 1; r < (l + 1) * grid->choices; r++)
            if (better(rows, r, best)) best = r;
        SSG_TRY(add(b, ssg_format("layer %s", grid->layer[l]), rows, best));
    }
    for (size_t c = 0; c < grid->choices; c++) {
        if (!first_of_method(grid, c)) continue;
        size_t best = c;
        for (size_t r = 0; r < rows->count; r++)
            if (method_of(grid, r) == method_of(grid, c) && better(rows, r, best)) best = r;
        SSG_TRY(add(b, ssg_format("best %s layer", ssgcam_method_name(method_of(grid, c))), rows, best));
        if (may_mix(grid, c)) challenge(b, &b->layer);
    }
    return SSGCAM_OK;
}

/* All layers equally with one choice; of each method the best choice. */
static ssgcam_status add_naive(ssg_baselines *b, const ssg_problem *p, const ssg_grid *grid)
{
    scored naive;
    double ones[SSG_SCORE_LAYERS];
    for (size_t l = 0; l < grid->layers; l++) ones[l] = 1;
    ssgcam_status status = scored_make(&naive, grid->choices);
    for (size_t c = 0; status == SSGCAM_OK && c < grid->choices; c++) {
        for (size_t l = 0; l < grid->layers; l++) naive.candidates[c].row[l] = (uint32_t)(l * grid->choices + c);
        ssg_mixture_weights(naive.candidates[c].weight, ones, grid->layers);
    }
    if (status == SSGCAM_OK) status = ssg_problem_score(p, naive.candidates, naive.count, 1, naive.fitness);
    for (size_t c = 0; status == SSGCAM_OK && c < grid->choices; c++) {
        if (!first_of_method(grid, c)) continue;
        size_t best = c;
        for (size_t other = 0; other < grid->choices; other++)
            if (method_of(grid, other) == method_of(grid, c) && better(&naive, other, best)) best = other;
        status = add(b, ssg_format("naive %s, all layers", ssgcam_method_name(method_of(grid, c))), &naive, best);
        if (status == SSGCAM_OK && may_mix(grid, c)) challenge(b, &b->naive);
    }
    scored_clear(&naive);
    return status;
}

/* Two layers with their best rows, 1:1, 1:2 or 2:1. The layers' entries come first in the list. */
static ssgcam_status add_pair(ssg_baselines *b, const ssg_problem *p, const ssg_grid *grid)
{
    static const double mixes[][2] = {{1, 1}, {1, 2}, {2, 1}};
    scored pairs;
    size_t layers = grid->layers, n = 0, best = 0;
    if (layers < 2) return SSGCAM_OK;
    ssgcam_status status = scored_make(&pairs, layers * (layers - 1) / 2 * 3);
    for (size_t i = 0; status == SSGCAM_OK && i < layers; i++)
        for (size_t j = i + 1; j < layers; j++)
            for (size_t m = 0; m < 3; m++, n++) {
                pairs.candidates[n].row[0] = b->items[i].candidate.row[0];
                pairs.candidates[n].row[1] = b->items[j].candidate.row[0];
                ssg_mixture_weights(pairs.candidates[n].weight, mixes[m], 2);
            }
    if (status == SSGCAM_OK) status = ssg_problem_score(p, pairs.candidates, pairs.count, 1, pairs.fitness);
    for (size_t i = 1; status == SSGCAM_OK && i < pairs.count; i++)
        if (better(&pairs, i, best)) best = i;
    if (status == SSGCAM_OK) status = add(b, ssg_format("best pair"), &pairs, best);
    scored_clear(&pairs);
    return status;
}

ssgcam_status ssg_baselines_make(ssg_baselines *baselines, const ssg_problem *problem, const ssg_grid *grid)
{
    scored rows;
    *baselines = (ssg_baselines){0};
    ssgcam_status status = scored_make(&rows, grid->layers * grid->choices);
    for (size_t r = 0; status == SSGCAM_OK && r < rows.count; r++)
        rows.candidates[r].row[0] = (uint32_t)r, rows.candidates[r].weight[0] = SSG_MIXTURE_SUM;
    if (status == SSGCAM_OK) status = ssg_problem_score(problem, rows.candidates, rows.count, 1, rows.fitness);
    if (status == SSGCAM_OK) status = add_singles(baselines, grid, &rows);
    if (status == SSGCAM_OK) status = add_naive(baselines, problem, grid);
    if (status == SSGCAM_OK) status = add_pair(baselines, problem, grid);
    scored_clear(&rows);
    if (status != SSGCAM_OK) ssg_baselines_clear(baselines);
    return status;
}

ssg_rivals ssg_baselines_rivals(const ssg_baselines *b)
{
    return (ssg_rivals){b->items[b->layer].candidate, b->items[b->naive].candidate};
}

void ssg_baselines_clear(ssg_baselines *baselines)
{
    for (size_t i = 0; i < baselines->count; i++) ssg_free(baselines->items[i].name);
    ssg_free(baselines->items);
    *baselines = (ssg_baselines){0};
}
