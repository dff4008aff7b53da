#include "host/search/fitness.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/philox.h"

enum { WEIGHT_SUM = 127 };

/* NumPy's sum of a contiguous array below 128 items: eight running sums, folded as a tree. The quotients must round alike for equal ties. */
static double numpy_sum(const double *x, size_t count)
{
    double sum = 0;
    size_t i = 0;
    if (count >= 8) {
        double part[8];
        memcpy(part, x, sizeof part);
        for (i = 8; i + 8 <= count; i += 8)
            for (size_t j = 0; j < 8; j++) part[j] += x[i + j];
        sum = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
    }
    for (; i < count; i++) sum += x[i];
    return sum;
}

void ssg_mixture_weights(uint8_t *weight, const double *raw, size_t count)
{
    double x[SSG_SCORE_LAYERS];
    unsigned given = 0;
    for (size_t i = 0; i < count; i++) x[i] = raw[i] > 0 ? raw[i] : 0;
    double sum = numpy_sum(x, count);
    memset(weight, 0, count);
    if (!(sum > 0)) return;
    for (size_t i = 0; i < count; i++) {
        x[i] = x[i] / sum * WEIGHT_SUM;
        weight[i] = (uint8_t)x[i];
        x[i] -= weight[i];
        given += weight[i];
    }
    for (; given < WEIGHT_SUM; given++) {
        size_t most = 0;
        for (size_t i = 1; i < count; i++)
            if (x[i] > x[most]) most = i;
        weight[most]++;
        x[most] = -1;
    }
}

static double mean_from(const ssg_counts *counts, size_t first, size_t labels)
{
    double sum = 0;
    size_t seen = 0;
    for (size_t l = first; l < labels; l++) {
        uint64_t in_all = counts[l].tp + counts[l].fp + counts[l].fn;
        if (in_all) sum += (double)counts[l].tp / (double)in_all, seen++;
    }
    return seen ? sum / (double)seen : 0;
}

double ssg_mean_iou(const ssg_counts *counts, size_t labels)
{
    return mean_from(counts, 0, labels);
}

double ssg_foreground_iou(const ssg_counts *counts, size_t labels)
{
    return mean_from(counts, 1, labels);
}

double ssg_mean_image_iou(const ssg_counts *counts, size_t images, size_t labels)
{
    double sum = 0;
    for (size_t i = 0; i < images; i++) sum += ssg_mean_iou(counts + i * labels, labels);
    return images ? sum / (double)images : 0;
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

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

ssgcam_status ssg_bootstrap_interval(double *low, double *high, const ssg_counts *per_image, size_t images, size_t labels,
                                     double (*measure)(const ssg_counts *, size_t), double level, size_t samples, uint64_t seed)
{
    *low = *high = 0;
    if (images < 1 || images > UINT32_MAX || samples < 1 || !(level > 0 && level < 1))
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "bootstrap: %zu images, %zu samples, level %g", images, samples, level);
    double *value = ssg_calloc(samples, sizeof *value);
    ssg_counts *sum = ssg_calloc(labels, sizeof *sum);
    ssgcam_status status = value && sum ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    if (status != SSGCAM_OK) goto done;
    for (size_t s = 0; s < samples; s++) {
        ssg_draws draws = ssg_draws_named(seed, (uint32_t)s, 0, 0);
        memset(sum, 0, labels * sizeof *sum);
        for (size_t i = 0; i < images; i++) {
            const ssg_counts *drawn = per_image + ssg_draw_below(&draws, (uint32_t)images) * labels;
            for (size_t l = 0; l < labels; l++) sum[l].tp += drawn[l].tp, sum[l].fp += drawn[l].fp, sum[l].fn += drawn[l].fn;
        }
        value[s] = measure(sum, labels);
    }
    qsort(value, samples, sizeof *value, ascending);
    size_t cut = (size_t)((1 - level) / 2 * (double)samples);
    *low = value[cut], *high = value[samples - 1 - cut];
done:
    ssg_free(value);
    ssg_free(sum);
    return status;
}

ssgcam_status ssg_fold_split(uint32_t *fold, size_t images, size_t folds, uint64_t seed)
{
    if (folds < 2 || folds > images || images > UINT32_MAX)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "%zu folds of %zu images: expected 2..images", folds, images);
    ssg_draws draws = ssg_draws_named(seed, 0, 0, 0);
    for (size_t i = 0; i < images; i++) { /* deal in turn, in shuffled order */
        size_t other = ssg_draw_below(&draws, (uint32_t)i + 1);
        fold[i] = fold[other];
        fold[other] = (uint32_t)(i % folds);
    }
    return SSGCAM_OK;
}
