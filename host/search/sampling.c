#include "host/search/sampling.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/philox.h"

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The measure of the images that a sample draws. sum: labels. */
static double of_sample(const ssg_counts *per_image, size_t images, size_t labels, double (*measure)(const ssg_counts *, size_t), uint64_t seed,
                        size_t sample, ssg_counts *sum)
{
    ssg_draws draws = ssg_draws_named(seed, (uint32_t)sample, 0, 0);
    memset(sum, 0, labels * sizeof *sum);
    for (size_t i = 0; i < images; i++) {
        const ssg_counts *drawn = per_image + ssg_draw_below(&draws, (uint32_t)images) * labels;
        for (size_t l = 0; l < labels; l++) ssg_counts_add(&sum[l], &drawn[l]);
    }
    return measure(sum, labels);
}

ssgcam_status ssg_bootstrap_interval(double *low, double *high, const ssg_counts *per_image, const ssg_counts *other, size_t images, size_t labels,
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
        value[s] = of_sample(per_image, images, labels, measure, seed, s, sum);
        if (other) value[s] -= of_sample(other, images, labels, measure, seed, s, sum);
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
