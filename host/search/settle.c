#include "host/search/settle.h"

#include <string.h>

#include "host/base/alloc.h"
#include "host/search/folds.h"
#include "host/search/session.h"

/* Larger shares won by chance rather than by merit where it was tried: docs/search.md. */
static const double shares_tried[] = {0, 0.125, 0.25};
enum { SHARES = sizeof shares_tried / sizeof *shares_tried };

typedef struct settler {
    const ssg_settling *in;
    ssg_settled *out;
    ssg_candidate pruned[SSG_MOST_RUNS];
    const double *shares;
    size_t share_count, labels;
    ssg_counts *unseen[SHARES]; /* of each share */
} settler;

/* The mean of the runs that left out `fold` (folds: of all runs), with a share of naive stacking. */
static void blend(const settler *s, size_t fold, const ssg_candidate *naive, double share, ssg_candidate *mixture)
{
    ssg_candidate parts[SSG_MOST_RUNS + 1];
    double shares[SSG_MOST_RUNS + 1];
    size_t count = 0;
    for (size_t r = 0; r < s->in->runs; r++)
        if (fold == s->in->folds || r % s->in->folds == fold) parts[count++] = s->pruned[r];
    for (size_t i = 0; i < count; i++) shares[i] = (1 - share) / (double)count;
    parts[count] = *naive, shares[count] = share;
    ssg_candidate_average(mixture, parts, shares, count + 1);
}

/* Counts of the images inside, each put where all images' counts are kept. */
static ssgcam_status count_inside(const settler *s, const ssg_problem *inside, size_t fold, const ssg_candidate *candidate, ssg_counts *unseen)
{
    ssgcam_search_score score;
    size_t row = s->labels * sizeof *unseen, next = 0;
    ssg_counts *counts = ssg_calloc(inside->bank.image_count, row);
    if (!counts) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = ssg_problem_figures(&inside->bank, candidate, inside->threads, counts, &score);
    for (size_t i = 0; status == SSGCAM_OK && i < s->in->problem->bank.image_count; i++)
        if (s->in->fold[i] == fold) memcpy(unseen + i * s->labels, counts + next++ * s->labels, row);
    ssg_free(counts);
    return status;
}

static ssgcam_status validate_fold(settler *s, const ssg_problem *outside, const ssg_problem *inside, size_t fold)
{
    const ssg_rivals *rivals = &s->in->rivals[fold];
    double fitness;
    for (size_t k = 0; k < s->share_count; k++) {
        ssg_candidate mixture;
        blend(s, fold, &rivals->naive, s->shares[k], &mixture);
        SSG_TRY(ssg_problem_score(outside, &mixture, 1, 1, &fitness));
        SSG_TRY(count_inside(s, inside, fold, &mixture, s->unseen[k]));
    }
    SSG_TRY(count_inside(s, inside, fold, &rivals->layer, s->out->unseen[SSG_UNSEEN_LAYER]));
    return count_inside(s, inside, fold, &rivals->naive, s->out->unseen[SSG_UNSEEN_NAIVE]);
}

static ssgcam_status validate(settler *s, size_t fold)
{
    ssg_problem outside, inside = {0};
    SSG_TRY(ssg_folds_outside(&outside, s->in->problem, s->in->fold, fold));
    ssgcam_status status = ssg_folds_inside(&inside, s->in->problem, s->in->fold, fold);
    if (status == SSGCAM_OK) status = validate_fold(s, &outside, &inside, fold);
    ssg_folds_release(&outside);
    ssg_folds_release(&inside);
    return status;
}

/* The share whose mixtures label unseen images best, the smallest among equals. */
static ssgcam_status choose_share(settler *s, size_t *chosen)
{
    const ssg_problem *p = s->in->problem;
    double best = -1;
    for (size_t k = 0; k < s->share_count; k++) {
        ssgcam_search_score score;
        SSG_TRY(ssg_problem_score_of_images(&score, s->unseen[k], p->bank.image_count, s->labels));
        double fitness = ssg_problem_fitness_of(&score, p->fitness);
        if (fitness > best) best = fitness, *chosen = k;
    }
    return SSGCAM_OK;
}

static ssgcam_status crossvalidate(settler *s)
{
    size_t cells = s->in->problem->bank.image_count * s->labels, chosen = 0;
    for (size_t k = 0; k < s->share_count; k++)
        if (!(s->unseen[k] = ssg_calloc(cells, sizeof *s->unseen[k]))) return SSG_OUT_OF_MEMORY;
    for (int k = SSG_UNSEEN_LAYER; k < SSG_UNSEEN_COUNT; k++)
        if (!(s->out->unseen[k] = ssg_calloc(cells, sizeof *s->out->unseen[k]))) return SSG_OUT_OF_MEMORY;
    for (size_t fold = 0; fold < s->in->folds; fold++) SSG_TRY(validate(s, fold));
    SSG_TRY(choose_share(s, &chosen));
    s->out->shrink = s->shares[chosen];
    s->out->unseen[SSG_UNSEEN_RECIPE] = s->unseen[chosen];
    s->unseen[chosen] = NULL;
    return SSGCAM_OK;
}

/* Each on the images that its run saw. */
static ssgcam_status prune_runs(settler *s)
{
    for (size_t r = 0; r < s->in->runs; r++) {
        ssg_problem seen;
        double fitness;
        s->pruned[r] = s->in->best[r];
        SSG_TRY(ssg_folds_outside(&seen, s->in->problem, s->in->fold, s->in->fold ? r % s->in->folds : 0));
        ssgcam_status status = ssg_problem_prune(&seen, &s->pruned[r], &fitness);
        ssg_folds_release(&seen);
        SSG_TRY(status);
    }
    return SSGCAM_OK;
}

/* The mean is not pruned unless sparsity is asked for: rows worth nothing on the searched images can be worth something on others. */
static ssgcam_status settle(settler *s)
{
    double fitness;
    SSG_TRY(prune_runs(s));
    s->out->shrink = s->in->shrink ? *s->in->shrink : 0;
    if (s->in->fold) SSG_TRY(crossvalidate(s));
    blend(s, s->in->folds, &s->in->all.naive, s->out->shrink, &s->out->recipe);
    if (s->in->problem->sparsity > 0) return ssg_problem_prune(s->in->problem, &s->out->recipe, &fitness);
    return ssg_problem_score(s->in->problem, &s->out->recipe, 1, 1, &fitness);
}

ssgcam_status ssg_settle(ssg_settled *settled, const ssg_settling *settling)
{
    *settled = (ssg_settled){0};
    settler s = {.in = settling,
                 .out = settled,
                 .shares = settling->shrink ? settling->shrink : shares_tried,
                 .share_count = settling->shrink ? 1 : SHARES,
                 .labels = settling->problem->bank.class_count + 1};
    ssgcam_status status = settle(&s);
    for (size_t k = 0; k < SHARES; k++) ssg_free(s.unseen[k]);
    if (status != SSGCAM_OK) ssg_settled_clear(settled);
    return status;
}

void ssg_settled_clear(ssg_settled *settled)
{
    for (int k = 0; k < SSG_UNSEEN_COUNT; k++) ssg_free(settled->unseen[k]);
    *settled = (ssg_settled){0};
}
