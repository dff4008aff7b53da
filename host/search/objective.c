#include "host/search/objective.h"

#include <string.h>

#include "host/base/alloc.h"
#include "host/base/parallel.h"
#include "host/search/bank_device.h"
#include "host/search/mixtures.h"
#include "kernels/score_blocks.h"

typedef struct job {
    const ssg_bank *bank;
    const ssg_score_ops *ops;
    ssg_mixtures mixtures;
    size_t unique, labels, slots, widest, longest;
    int threads, all_taus;
    uint32_t *tops, *raw;   /* per thread: what the kernels write */
    uint8_t *scratch;       /* per thread: of score_blocks.h */
    uint64_t *sums, *truth; /* per thread: unique x slots x {tp, predicted}; slots = labels or 256 x labels. truth: per label */
    ssg_counts *per_image;
    uint32_t *image_cells; /* per image: unique x labels x {tp, predicted}, only with per_image */
} job;

static void add_levels(job *own, const ssg_score_image *image, const uint32_t *raw, const uint64_t *truth, uint64_t *sums)
{
    size_t classes = image->class_count, one = (1 + 2 * classes) * SSG_SCORE_LEVELS;
    uint64_t kept = 0;
    for (size_t l = 0; l < SSG_SCORE_IGNORED; l++) kept += truth[l];
    for (size_t u = 0; u < own->unique; u++) {
        const uint32_t *histogram = raw + u * one;
        uint64_t *to = sums + u * own->slots * 2, of_none = 0, claimed = 0;
        uint64_t tp[SSG_SCORE_CLASSES] = {0}, predicted[SSG_SCORE_CLASSES] = {0};
        for (size_t tau = SSG_SCORE_LEVELS; tau-- > 0;) { /* claimed at tau: levels above it */
            uint64_t *cell = to + tau * own->labels * 2;
            if (tau + 1 < SSG_SCORE_LEVELS) {
                of_none += histogram[tau + 1];
                for (size_t k = 0; k < classes; k++) {
                    tp[k] += histogram[(2 * k + 1) * SSG_SCORE_LEVELS + tau + 1];
                    predicted[k] += histogram[(2 * k + 2) * SSG_SCORE_LEVELS + tau + 1];
                    claimed += histogram[(2 * k + 2) * SSG_SCORE_LEVELS + tau + 1];
                }
            }
            cell[0] += truth[0] - of_none;
            cell[1] += kept - claimed;
            for (size_t k = 0; k < classes; k++) cell[2 * (image->classes[k] + 1)] += tp[k], cell[2 * (image->classes[k] + 1) + 1] += predicted[k];
        }
    }
}

static void score_blocks(job *own, const ssg_score_image *image, int thread, uint32_t *tops, uint32_t *raw, uint64_t *truth)
{
    ssg_score_scratch scratch;
    ssg_score_scratch_at(&scratch, own->scratch + (size_t)thread * ssg_score_scratch_size(own->longest, own->widest, own->unique), image->stride,
                         image->class_count, own->unique);
    ssg_score_read_truth(own->ops, image, &scratch);
    ssg_score_add_truth(truth, image, &scratch);
    if (!own->all_taus) ssg_score_count_blocks(own->ops, image, &scratch, own->mixtures.items, own->unique, tops, raw);
    for (size_t u = 0; own->all_taus && u < own->unique; u++)
        ssg_score_levels_blocks(own->ops, image, &scratch, &own->mixtures.items[u], tops, raw + u * (1 + 2 * image->class_count) * SSG_SCORE_LEVELS);
}

static void score_image(void *context, size_t index, int thread)
{
    job *own = context;
    const ssg_score_image *image = &own->bank->images[index];
    size_t classes = image->class_count, raw_size = own->unique * (own->all_taus ? (1 + 2 * own->widest) * SSG_SCORE_LEVELS : 2 * (1 + own->widest));
    uint32_t *tops = own->tops + (size_t)thread * own->unique * own->widest, *raw = own->raw + (size_t)thread * raw_size;
    uint64_t *sums = own->sums + (size_t)thread * own->unique * own->slots * 2, *truth = own->truth + index * 256;
    for (size_t i = 0; !image->bounds && i < image->stride; i++) truth[image->truth[i]]++;
    if (image->bounds)
        score_blocks(own, image, thread, tops, raw, truth);
    else if (own->all_taus)
        ssg_score_levels(own->ops, image, own->mixtures.items, own->unique, tops, raw);
    else
        ssg_score_count(own->ops, image, own->mixtures.items, own->unique, tops, raw);
    if (own->all_taus) {
        add_levels(own, image, raw, truth, sums);
        return;
    }
    for (size_t u = 0; u < own->unique; u++)
        for (size_t k = 0; k <= classes; k++)
            for (size_t side = 0; side < 2; side++) {
                size_t label = k ? image->classes[k - 1] + 1u : 0;
                uint32_t value = raw[2 * (u * (1 + classes) + k) + side];
                sums[2 * (u * own->slots + label) + side] += value;
                if (own->image_cells) own->image_cells[2 * ((index * own->unique + u) * own->labels + label) + side] = value;
            }
}

static ssg_counts to_counts(uint64_t tp, uint64_t predicted, uint64_t truth)
{
    return (ssg_counts){tp, predicted - tp, truth - tp};
}

static void collect(job *own, ssg_counts *out, size_t count)
{
    size_t images = own->bank->image_count, labels = own->labels;
    for (int t = 1; t < own->threads; t++)
        for (size_t i = 0; i < own->unique * own->slots * 2; i++) own->sums[i] += own->sums[(size_t)t * own->unique * own->slots * 2 + i];
    uint64_t total[256] = {0};
    for (size_t i = 0; i < images; i++)
        for (size_t l = 0; l < labels; l++) total[l] += own->truth[i * 256 + l];
    for (size_t p = 0; p < count; p++) {
        size_t u = own->mixtures.of[p];
        const uint64_t *from = own->sums + u * own->slots * 2;
        for (size_t s = 0; s < own->slots; s++) out[p * own->slots + s] = to_counts(from[2 * s], from[2 * s + 1], total[s % labels]);
        for (size_t i = 0; own->per_image && i < images; i++)
            for (size_t l = 0; l < labels; l++) {
                const uint32_t *cell = own->image_cells + 2 * ((i * own->unique + u) * labels + l);
                own->per_image[(p * images + i) * labels + l] = to_counts(cell[0], cell[1], own->truth[i * 256 + l]);
            }
    }
}

ssgcam_status ssg_objective_check(const ssg_bank *bank, size_t layers)
{
    if (layers < 1 || layers > SSG_SCORE_LAYERS)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "objective: %zu layers, expected 1..%d", layers, SSG_SCORE_LAYERS);
    if (bank->class_count > SSG_SCORE_CLASSES)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "objective: %zu classes, at most %d", bank->class_count, SSG_SCORE_CLASSES);
    for (size_t i = 0; i < bank->image_count; i++) {
        const ssg_score_image *image = &bank->images[i];
        if (image->stride % 64 || image->stride > UINT32_MAX / 2)
            return ssg_fail(SSGCAM_ERR_ARGUMENT, "objective: image %zu: stride %zu", i, image->stride);
        for (size_t k = 0; k < image->class_count; k++)
            if (image->classes[k] >= bank->class_count || (k && image->classes[k] <= image->classes[k - 1]))
                return ssg_fail(SSGCAM_ERR_ARGUMENT, "objective: image %zu: classes are not ascending numbers below %zu", i, bank->class_count);
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_bank_select(ssg_bank *subset, const ssg_bank *bank, const unsigned char *keep, unsigned char value)
{
    ssg_score_image *images = ssg_calloc(bank->image_count, sizeof *images);
    if (!images) return SSG_OUT_OF_MEMORY;
    *subset = (ssg_bank){.images = images, .class_count = bank->class_count, .device = bank->device};
    for (size_t i = 0; i < bank->image_count; i++)
        if (keep[i] == value) images[subset->image_count++] = bank->images[i];
    return SSGCAM_OK;
}

/* ---- on a device ------------------------------------------------------------------------------------------------------------------------- */

/* The device's counts, added up over the images already, or (with per_image) those of each image. */
static void take_counts(job *own, const uint32_t *raw)
{
    size_t labels = own->labels, numbers = 2 * labels;
    for (size_t i = 0; i < (own->image_cells ? own->bank->image_count : 1); i++)
        for (size_t n = 0; n < numbers; n++)
            for (size_t u = 0; u < own->unique; u++) {
                uint32_t value = raw[(i * numbers + n) * own->unique + u];
                own->sums[2 * u * own->slots + n] += value;
                if (own->image_cells) own->image_cells[2 * (i * own->unique + u) * labels + n] = value;
            }
}

static ssgcam_status score_on_device(job *own)
{
    const ssg_bank *bank = own->bank;
    ssg_scoring what = own->image_cells ? SSG_SCORING_IMAGE_COUNTS : SSG_SCORING_COUNTS;
    size_t copies = own->image_cells ? bank->image_count : 1;
    for (size_t i = 0; i < bank->image_count; i++)
        memcpy(own->truth + 256 * i, ssg_bank_device_truth(bank->device, &bank->images[i]), 256 * sizeof *own->truth);
    uint32_t *raw = ssg_calloc(copies * 2 * own->labels, own->unique * sizeof *raw);
    if (!raw) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = ssg_bank_device_run(bank->device, bank, own->mixtures.items, own->unique, what, raw);
    if (status == SSGCAM_OK) take_counts(own, raw);
    ssg_free(raw);
    return status;
}

/* ---- both ------------------------------------------------------------------------------------------------------------------------------------ */

static ssgcam_status run(job *own, ssg_counts *out, const ssg_candidate *candidates, size_t count, size_t layers)
{
    SSG_TRY(ssg_objective_check(own->bank, layers));
    if (count == 0) return SSGCAM_OK;
    own->labels = own->bank->class_count + 1;
    own->slots = own->labels * (own->all_taus ? SSG_SCORE_LEVELS : 1);
    if (!own->ops) own->ops = ssg_score_best();
    int on_device = own->bank->device && !own->all_taus;
    if (own->threads < 1 || on_device) own->threads = 1;
    size_t images = own->bank->image_count, threads = (size_t)own->threads;
    own->widest = own->longest = 1;
    for (size_t i = 0; i < images; i++) {
        const ssg_score_image *image = &own->bank->images[i];
        if (image->class_count > own->widest) own->widest = image->class_count;
        if (image->stride > own->longest) own->longest = image->stride;
    }
    SSG_TRY(ssg_mixtures_make(&own->mixtures, own->bank, candidates, count, layers, !own->all_taus));
    own->unique = own->mixtures.count;

    size_t raw = own->all_taus ? (1 + 2 * own->widest) * SSG_SCORE_LEVELS : 2 * (1 + own->widest);
    own->tops = ssg_calloc(threads * own->unique, own->widest * sizeof *own->tops);
    own->raw = ssg_calloc(threads * own->unique, raw * sizeof *own->raw);
    own->sums = ssg_calloc(threads * own->unique, own->slots * 2 * sizeof *own->sums);
    own->truth = ssg_calloc(images, 256 * sizeof *own->truth);
    own->scratch = ssg_alloc_aligned(threads, ssg_score_scratch_size(own->longest, own->widest, own->unique));
    if (own->per_image) own->image_cells = ssg_calloc(images * own->unique, own->labels * 2 * sizeof *own->image_cells);
    if (!own->tops || !own->raw || !own->sums || !own->truth || !own->scratch || (own->per_image && !own->image_cells)) return SSG_OUT_OF_MEMORY;
    if (on_device)
        SSG_TRY(score_on_device(own));
    else
        ssg_parallel_for(own->threads, images, score_image, own);
    collect(own, out, count);
    return SSGCAM_OK;
}

static ssgcam_status run_and_free(job own, ssg_counts *out, const ssg_candidate *candidates, size_t count, size_t layers)
{
    ssgcam_status status = run(&own, out, candidates, count, layers);
    ssg_mixtures_clear(&own.mixtures);
    ssg_free(own.scratch);
    ssg_free(own.tops);
    ssg_free(own.raw);
    ssg_free(own.sums);
    ssg_free(own.truth);
    ssg_free(own.image_cells);
    return status;
}

ssgcam_status ssg_objective_count(ssg_counts *out, ssg_counts *per_image, const ssg_bank *bank, const ssg_candidate *candidates, size_t count,
                                  size_t layers, const ssg_score_ops *ops, int threads)
{
    return run_and_free((job){.bank = bank, .ops = ops, .threads = threads, .per_image = per_image}, out, candidates, count, layers);
}

ssgcam_status ssg_objective_count_all_taus(ssg_counts *out, const ssg_bank *bank, const ssg_candidate *candidates, size_t count, size_t layers,
                                           const ssg_score_ops *ops, int threads)
{
    return run_and_free((job){.bank = bank, .ops = ops, .threads = threads, .all_taus = 1}, out, candidates, count, layers);
}
