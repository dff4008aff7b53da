#include "host/search/by_image.h"

#include <string.h>

#include "host/base/alloc.h"
#include "host/base/parallel.h"

/* The mean over images at all thresholds of some candidates: value[candidate][256]. */
typedef struct curves {
    const ssg_bank *bank;
    const ssg_candidate *candidates;
    const ssg_score_ops *ops;
    size_t count, layers, labels;
    ssg_counts *counts;   /* per thread: count x 256 x labels */
    ssg_failure *failure; /* per thread: its last one */
    double *of_image;     /* image x count x 256 */
} curves;

static void image_curve(void *context, size_t image, int thread)
{
    curves *c = context;
    size_t values = c->count * SSG_SCORE_LEVELS;
    ssg_counts *counts = c->counts + (size_t)thread * values * c->labels;
    ssg_bank one = {.images = c->bank->images + image, .image_count = 1, .class_count = c->bank->class_count};
    ssgcam_status status = ssg_objective_count_all_taus(counts, &one, c->candidates, c->count, c->layers, c->ops, 1);
    if (status != SSGCAM_OK) ssg_failure_take(&c->failure[thread], status);
    for (size_t v = 0; status == SSGCAM_OK && v < values; v++) c->of_image[image * values + v] = ssg_mean_iou(counts + v * c->labels, c->labels);
}

/* Their curves side by side, added in the order of the images. */
static ssgcam_status mean_curves(curves c, int threads, double *value)
{
    size_t images = c.bank->image_count, values = c.count * SSG_SCORE_LEVELS;
    c.counts = ssg_calloc((size_t)threads * values, c.labels * sizeof *c.counts);
    c.of_image = ssg_calloc(images * values, sizeof *c.of_image);
    c.failure = ssg_calloc((size_t)threads, sizeof *c.failure);
    ssgcam_status status = c.counts && c.of_image && c.failure ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) ssg_parallel_for(threads, images, image_curve, &c);
    for (int t = 0; status == SSGCAM_OK && t < threads; t++) status = ssg_failure_raise(&c.failure[t]);
    memset(value, 0, values * sizeof *value);
    for (size_t i = 0; status == SSGCAM_OK && i < images; i++)
        for (size_t v = 0; v < values; v++) value[v] += c.of_image[i * values + v] / (double)images;
    ssg_free(c.counts);
    ssg_free(c.of_image);
    ssg_free(c.failure);
    return status;
}

ssgcam_status ssg_by_image_solve(ssg_solution *out, const ssg_bank *bank, const ssg_candidate *candidates, size_t count, size_t layers,
                                 const ssg_score_ops *ops, int threads)
{
    double *value = ssg_calloc(count, SSG_SCORE_LEVELS * sizeof *value);
    if (!value) return SSG_OUT_OF_MEMORY;
    curves c = {.bank = bank, .candidates = candidates, .ops = ops, .count = count, .layers = layers, .labels = bank->class_count + 1};
    ssgcam_status status = mean_curves(c, threads > 1 ? threads : 1, value);
    for (size_t i = 0; status == SSGCAM_OK && i < count; i++) {
        const double *of = value + i * SSG_SCORE_LEVELS;
        size_t best = 0;
        for (size_t tau = 1; tau < SSG_SCORE_LEVELS; tau++)
            if (of[tau] > of[best]) best = tau;
        out[i] = (ssg_solution){of[best], (uint8_t)best};
    }
    ssg_free(value);
    return status;
}
