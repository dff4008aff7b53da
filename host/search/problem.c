#include "host/search/problem.h"

#include <math.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/parallel.h"
#include "host/fuse/weights.h"
#include "host/search/fitness.h"

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

size_t ssg_candidate_layers(const ssg_candidate *candidate)
{
    size_t on = 0;
    for (size_t t = 0; t < SSG_SCORE_LAYERS; t++) on += candidate->weight[t] > 0;
    return on;
}

/* ---- fitness ------------------------------------------------------------------------------------------------------------------------- */

/* Background, and all classes as one. */
static void pool(ssg_counts pooled[2], const ssg_counts *counts, size_t labels)
{
    pooled[0] = counts[0];
    pooled[1] = (ssg_counts){0};
    for (size_t l = 1; l < labels; l++) pooled[1].tp += counts[l].tp, pooled[1].fp += counts[l].fp, pooled[1].fn += counts[l].fn;
}

static double object_miou(const ssg_counts *counts, size_t labels)
{
    ssg_counts pooled[2];
    pool(pooled, counts, labels);
    return ssg_mean_iou(pooled, 2);
}

double (*ssg_problem_measure(ssgcam_fitness fitness))(const ssg_counts *counts, size_t labels)
{
    return fitness == SSGCAM_FITNESS_FOREGROUND_IOU ? ssg_foreground_iou : fitness == SSGCAM_FITNESS_OBJECT ? object_miou : ssg_mean_iou;
}

static double measure(const void *problem, const ssg_counts *counts, size_t labels)
{
    const ssg_problem *p = problem;
    return ssg_problem_measure(p->fitness)(counts, labels);
}

ssgcam_search_score ssg_problem_score_of(const ssg_counts *sum, const ssg_counts *per_image, size_t images, size_t labels)
{
    ssg_counts pooled[2];
    pool(pooled, sum, labels);
    return (ssgcam_search_score){ssg_mean_iou(sum, labels), ssg_foreground_iou(sum, labels), ssg_mean_image_iou(per_image, images, labels),
                                 ssg_mean_iou(pooled, 2), ssg_foreground_iou(pooled, 2)};
}

ssgcam_status ssg_problem_score_of_images(ssgcam_search_score *score, const ssg_counts *per_image, size_t images, size_t labels)
{
    ssg_counts *sum = ssg_calloc(labels, sizeof *sum);
    if (!sum) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < images * labels; i++) {
        ssg_counts *to = &sum[i % labels];
        to->tp += per_image[i].tp, to->fp += per_image[i].fp, to->fn += per_image[i].fn;
    }
    *score = ssg_problem_score_of(sum, per_image, images, labels);
    ssg_free(sum);
    return SSGCAM_OK;
}

double ssg_problem_fitness_of(const ssgcam_search_score *score, ssgcam_fitness fitness)
{
    const double figures[] = {score->mean_iou, score->foreground_iou, score->object_miou, score->image_iou};
    return figures[fitness];
}

/* The mean over images at all thresholds of some candidates: value[candidate][256]. */
typedef struct curves {
    const ssg_problem *p;
    const ssg_candidate *candidates;
    size_t count, labels;
    ssg_counts *counts; /* per thread: count x 256 x labels */
    double *of_image;   /* image x count x 256 */
    ssgcam_status *status;
} curves;

static void image_curve(void *context, size_t image, int thread)
{
    curves *c = context;
    size_t values = c->count * SSG_SCORE_LEVELS;
    ssg_counts *counts = c->counts + (size_t)thread * values * c->labels;
    ssg_bank one = {.images = c->p->bank.images + image, .image_count = 1, .class_count = c->p->bank.class_count};
    c->status[image] = ssg_objective_count_all_taus(counts, &one, c->candidates, c->count, SSG_SCORE_LAYERS, NULL, 1);
    for (size_t v = 0; c->status[image] == SSGCAM_OK && v < values; v++)
        c->of_image[image * values + v] = ssg_mean_iou(counts + v * c->labels, c->labels);
}

/* The mean over images: their curves side by side, added in the order of the images. */
static ssgcam_status image_curves(const ssg_problem *p, const ssg_candidate *candidates, size_t count, double *value)
{
    size_t images = p->bank.image_count, values = count * SSG_SCORE_LEVELS, threads = p->threads > 1 ? (size_t)p->threads : 1;
    curves c = {.p = p, .candidates = candidates, .count = count, .labels = p->bank.class_count + 1};
    c.counts = ssg_calloc(threads * values, c.labels * sizeof *c.counts);
    c.of_image = ssg_calloc(images * values, sizeof *c.of_image);
    c.status = ssg_calloc(images, sizeof *c.status);
    ssgcam_status status = c.counts && c.of_image && c.status ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) ssg_parallel_for(p->threads, images, image_curve, &c);
    memset(value, 0, values * sizeof *value);
    for (size_t i = 0; status == SSGCAM_OK && i < images; i++) {
        status = c.status[i];
        for (size_t v = 0; v < values; v++) value[v] += c.of_image[i * values + v] / (double)images;
    }
    ssg_free(c.counts);
    ssg_free(c.of_image);
    ssg_free(c.status);
    return status;
}

static ssgcam_status solve_by_image(const ssg_problem *p, const ssg_candidate *candidates, size_t count, ssg_solution *solved)
{
    double *value = ssg_calloc(count, SSG_SCORE_LEVELS * sizeof *value);
    if (!value) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = image_curves(p, candidates, count, value);
    for (size_t i = 0; status == SSGCAM_OK && i < count; i++) {
        const double *of = value + i * SSG_SCORE_LEVELS;
        size_t best = 0;
        for (size_t tau = 1; tau < SSG_SCORE_LEVELS; tau++)
            if (of[tau] > of[best]) best = tau;
        solved[i] = (ssg_solution){of[best], (uint8_t)best};
    }
    ssg_free(value);
    return status;
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
        status = p->fitness == SSGCAM_FITNESS_IMAGE_IOU
                     ? solve_by_image(p, candidates, count, solved)
                     : ssg_objective_solve(solved, &p->bank, candidates, least, count, SSG_SCORE_LAYERS, measure, p, NULL, p->threads, NULL);
    for (size_t i = 0; status == SSGCAM_OK && i < count; i++) candidates[i].tau = solved[i].tau, fitness[i] = solved[i].value;
    ssg_free(solved);
    ssg_free(least);
    return status;
}

static ssgcam_status score_given(const ssg_problem *p, const ssg_candidate *candidates, size_t count, double *fitness)
{
    size_t labels = p->bank.class_count + 1, images = p->bank.image_count;
    int of_images = p->fitness == SSGCAM_FITNESS_IMAGE_IOU;
    ssg_counts *counts = ssg_calloc(count, labels * sizeof *counts), *per_image = NULL;
    if (of_images) per_image = ssg_calloc(count * images, labels * sizeof *per_image);
    ssgcam_status status = counts && (per_image || !of_images) ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) status = ssg_objective_count(counts, per_image, &p->bank, candidates, count, SSG_SCORE_LAYERS, NULL, p->threads);
    for (size_t i = 0; status == SSGCAM_OK && i < count; i++)
        fitness[i] = of_images ? ssg_mean_image_iou(per_image + i * images * labels, images, labels) : measure(p, counts + i * labels, labels);
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

void ssg_candidate_average(ssg_candidate *mean, const ssg_candidate *candidates, const double *shares, size_t count)
{
    uint32_t row[SSG_SCORE_LAYERS + 1];
    double sum[SSG_SCORE_LAYERS + 1];
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t t = 0; t < SSG_SCORE_LAYERS; t++) {
            double weight = shares ? shares[i] * candidates[i].weight[t] : candidates[i].weight[t];
            if (weight == 0) continue;
            size_t at = 0;
            while (at < used && row[at] < candidates[i].row[t]) at++;
            if (at == used || row[at] != candidates[i].row[t]) {
                memmove(row + at + 1, row + at, (used - at) * sizeof *row);
                memmove(sum + at + 1, sum + at, (used - at) * sizeof *sum);
                row[at] = candidates[i].row[t], sum[at] = 0, used++;
            }
            sum[at] += weight;
            if (used <= SSG_SCORE_LAYERS) continue;
            size_t least = 0;
            for (size_t k = 1; k < used; k++)
                if (sum[k] < sum[least]) least = k;
            used--;
            memmove(row + least, row + least + 1, (used - least) * sizeof *row);
            memmove(sum + least, sum + least + 1, (used - least) * sizeof *sum);
        }
    *mean = (ssg_candidate){.tau = candidates[0].tau};
    memcpy(mean->row, row, used * sizeof *row);
    ssg_mixture_weights(mean->weight, sum, used);
}
