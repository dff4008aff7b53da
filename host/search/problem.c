#include "host/search/problem.h"

#include <math.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/fuse/weights.h"

enum { CHUNK = 128 };

/* ---- genes --------------------------------------------------------------------------------------------------------------------------- */

size_t ssg_problem_genes(const ssg_problem *p)
{
    return 2 * p->layers + (p->tau_gene ? 1 : 0);
}

static size_t choice_count(const ssg_problem *p)
{
    return p->mixed ? p->mixed_count : p->choices;
}

void ssg_problem_bounds(const ssg_problem *p, double *lower, double *upper, unsigned char *integer)
{
    for (size_t l = 0; l < p->layers; l++) {
        lower[2 * l] = -1, upper[2 * l] = 1, integer[2 * l] = 0;
        lower[2 * l + 1] = 0, upper[2 * l + 1] = (double)(choice_count(p) - 1), integer[2 * l + 1] = 1;
    }
    if (p->tau_gene) lower[2 * p->layers] = 0, upper[2 * p->layers] = 255, integer[2 * p->layers] = 1;
}

void ssg_problem_decode(const ssg_problem *p, const double *genes, ssg_candidate *candidate)
{
    double raw[SSG_SCORE_LAYERS];
    memset(candidate, 0, sizeof *candidate);
    for (size_t l = 0; l < p->layers; l++) {
        raw[l] = genes[2 * l];
        size_t choice = (size_t)genes[2 * l + 1];
        candidate->row[l] = (uint32_t)(l * p->choices + (p->mixed ? p->mixed[choice] : choice));
    }
    ssg_mixture_weights(candidate->weight, raw, p->layers);
    if (p->tau_gene) candidate->tau = (uint8_t)genes[2 * p->layers];
}

int ssg_problem_encode(const ssg_problem *p, const ssg_candidate *candidate, double *genes)
{
    for (size_t l = 0; l < p->layers; l++) genes[2 * l] = -0.5, genes[2 * l + 1] = 0;
    for (size_t t = 0; t < SSG_SCORE_LAYERS; t++) {
        if (!candidate->weight[t]) continue;
        size_t layer = candidate->row[t] / p->choices, choice = 0;
        while (choice < choice_count(p) && (p->mixed ? p->mixed[choice] : choice) != candidate->row[t] % p->choices) choice++;
        if (choice == choice_count(p)) return 0;
        genes[2 * layer] = candidate->weight[t] / (double)SSG_MIXTURE_SUM;
        genes[2 * layer + 1] = (double)choice;
    }
    if (p->tau_gene) genes[2 * p->layers] = candidate->tau;
    return 1;
}

/* ---- fitness ------------------------------------------------------------------------------------------------------------------------- */

ssg_measure ssg_problem_measure(ssgcam_fitness fitness)
{
    static const ssg_measure measures[] = {[SSGCAM_FITNESS_MEAN_IOU] = SSG_MEASURE_MEAN_IOU,
                                           [SSGCAM_FITNESS_FOREGROUND_IOU] = SSG_MEASURE_FOREGROUND_IOU,
                                           [SSGCAM_FITNESS_OBJECT] = SSG_MEASURE_OBJECT_IOU,
                                           [SSGCAM_FITNESS_IMAGE_IOU] = SSG_MEASURE_IMAGE_IOU};
    return measures[fitness];
}

ssgcam_search_score ssg_problem_score_of(const ssg_counts *sum, const ssg_counts *per_image, size_t images, size_t labels)
{
    ssg_counts pooled[2];
    ssg_pool_classes(pooled, sum, labels);
    return (ssgcam_search_score){ssg_mean_iou(sum, labels), ssg_foreground_iou(sum, labels), ssg_mean_image_iou(per_image, images, labels),
                                 ssg_mean_iou(pooled, 2), ssg_foreground_iou(pooled, 2)};
}

ssgcam_status ssg_problem_score_of_images(ssgcam_search_score *score, const ssg_counts *per_image, size_t images, size_t labels)
{
    ssg_counts *sum = ssg_calloc(labels, sizeof *sum);
    if (!sum) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < images * labels; i++) ssg_counts_add(&sum[i % labels], &per_image[i]);
    *score = ssg_problem_score_of(sum, per_image, images, labels);
    ssg_free(sum);
    return SSGCAM_OK;
}

double ssg_problem_fitness_of(const ssgcam_search_score *score, ssgcam_fitness fitness)
{
    const double figures[] = {score->mean_iou, score->foreground_iou, score->object_miou, score->image_iou};
    return figures[fitness];
}

/* What a candidate's value has to reach for its fitness to reach its rival's; a little less, whatever is rounded. */
static double least_value(const ssg_problem *p, const ssg_candidate *candidate, double rival)
{
    return rival + p->sparsity * (double)ssg_candidate_layers(candidate) - 1e-9;
}

static ssgcam_status score_solved(const ssg_problem *p, ssg_candidate *candidates, const double *rivals, size_t count, double *fitness)
{
    ssg_solution *solved = ssg_calloc(count, sizeof *solved);
    double *least = ssg_calloc(count, sizeof *least);
    ssgcam_status status = solved && least ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    for (size_t i = 0; least && i < count; i++) least[i] = rivals ? least_value(p, &candidates[i], rivals[i]) : NAN;
    if (status == SSGCAM_OK)
        status = ssg_objective_solve(solved, &p->bank, candidates, least, count, SSG_SCORE_LAYERS, ssg_problem_measure(p->fitness), NULL, p->threads,
                                     NULL);
    for (size_t i = 0; status == SSGCAM_OK && i < count; i++) candidates[i].tau = solved[i].tau, fitness[i] = solved[i].value;
    ssg_free(solved);
    ssg_free(least);
    return status;
}

static ssgcam_status score_given(const ssg_problem *p, const ssg_candidate *candidates, size_t count, double *fitness)
{
    size_t labels = p->bank.class_count + 1, images = p->bank.image_count;
    int of_images = p->fitness == SSGCAM_FITNESS_IMAGE_IOU;
    double (*value_of)(const ssg_counts *, size_t) = ssg_measure_function(ssg_problem_measure(p->fitness));
    ssg_counts *counts = ssg_calloc(count, labels * sizeof *counts), *per_image = NULL;
    if (of_images) per_image = ssg_calloc(count * images, labels * sizeof *per_image);
    ssgcam_status status = counts && (per_image || !of_images) ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) status = ssg_objective_count(counts, per_image, &p->bank, candidates, count, SSG_SCORE_LAYERS, NULL, p->threads);
    for (size_t i = 0; status == SSGCAM_OK && i < count; i++)
        fitness[i] = of_images ? ssg_mean_image_iou(per_image + i * images * labels, images, labels) : value_of(counts + i * labels, labels);
    ssg_free(counts);
    ssg_free(per_image);
    return status;
}

static ssgcam_status score(const ssg_problem *p, ssg_candidate *candidates, const double *rivals, size_t count, int solve, double *fitness)
{
    for (size_t at = 0; at < count; at += CHUNK) { /* bounds the memory of the thresholds' counts */
        size_t n = count - at < CHUNK ? count - at : CHUNK;
        SSG_TRY(solve ? score_solved(p, candidates + at, rivals ? rivals + at : NULL, n, fitness + at)
                      : score_given(p, candidates + at, n, fitness + at));
    }
    for (size_t i = 0; i < count; i++) {
        size_t layers = ssg_candidate_layers(&candidates[i]);
        fitness[i] = layers ? fitness[i] - p->sparsity * (double)layers : -1; /* labelling nothing may tie with a mixture, but is no recipe */
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_problem_score(const ssg_problem *p, ssg_candidate *candidates, size_t count, int solve, double *fitness)
{
    return score(p, candidates, NULL, count, solve, fitness);
}

ssgcam_status ssg_problem_compete(const ssg_problem *p, ssg_candidate *candidates, const double *rivals, size_t count, double *fitness)
{
    return score(p, candidates, rivals, count, 1, fitness);
}

ssgcam_status ssg_problem_figures(const ssg_bank *bank, const ssg_candidate *candidate, int threads, ssg_counts *per_image,
                                  ssgcam_search_score *score)
{
    size_t labels = bank->class_count + 1;
    *score = (ssgcam_search_score){0};
    if (bank->image_count == 0) return SSGCAM_OK;
    ssg_counts *own = per_image ? NULL : ssg_calloc(bank->image_count, labels * sizeof *own), *total = ssg_calloc(labels, sizeof *total);
    ssg_counts *counts = per_image ? per_image : own;
    ssgcam_status status = counts && total ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) status = ssg_objective_count(total, counts, bank, candidate, 1, SSG_SCORE_LAYERS, NULL, threads);
    if (status == SSGCAM_OK) *score = ssg_problem_score_of(total, counts, bank->image_count, labels);
    ssg_free(own);
    ssg_free(total);
    return status;
}

/* ---- shaping ------------------------------------------------------------------------------------------------------------------------- */

static ssg_candidate without(const ssg_candidate *from, size_t term)
{
    ssg_candidate to = *from;
    double raw[SSG_SCORE_LAYERS];
    for (size_t t = 0; t < SSG_SCORE_LAYERS; t++) raw[t] = t == term ? 0 : from->weight[t];
    ssg_mixture_weights(to.weight, raw, SSG_SCORE_LAYERS);
    return to;
}

ssgcam_status ssg_problem_prune(const ssg_problem *p, ssg_candidate *candidate, double *fitness)
{
    SSG_TRY(ssg_problem_score(p, candidate, 1, 1, fitness));
    while (ssg_candidate_layers(candidate) > 1) {
        ssg_candidate tried[SSG_SCORE_LAYERS];
        double value[SSG_SCORE_LAYERS];
        size_t count = 0, best = 0;
        for (size_t t = 0; t < SSG_SCORE_LAYERS; t++)
            if (candidate->weight[t]) tried[count++] = without(candidate, t);
        SSG_TRY(ssg_problem_score(p, tried, count, 1, value));
        for (size_t i = 1; i < count; i++)
            if (ssg_candidate_compare(&tried[i], value[i], &tried[best], value[best], SSG_SCORE_LAYERS) < 0) best = i;
        if (value[best] < *fitness) break;
        *candidate = tried[best];
        *fitness = value[best];
    }
    return SSGCAM_OK;
}
