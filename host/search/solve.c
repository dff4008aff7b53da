/* solve.c - the best of all 256 thresholds without looking at every pixel.
 *
 * First every block's bounds are counted by level: for each threshold the counts that a candidate can have at most, and has at least. Some thresholds
 * around the one where the middle of both is best are made exact: the blocks that they part are looked at. For the others the bounds say how good
 * each could be at best. While one of them could be better than the best exact one, the thresholds up to it are made exact too. A measure that is
 * monotone in its counts, rounded or not, makes the result that of trying all. Where the caller names the least value that matters to him, thresholds
 * that cannot reach it stay as they are. Images are looked at in parts; a candidate that cannot matter any more after one of them is left alone. */
#include "host/search/objective.h"

#include <math.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/parallel.h"
#include "host/search/bank_device.h"
#include "host/search/by_image.h"
#include "host/search/claims.h"
#include "host/search/mixtures.h"
#include "kernels/score_blocks.h"

enum {
    MARGIN = 20,    /* thresholds to each side of the presumed best one that are made exact in the first place, and in each further step */
    LEAST_PART = 6, /* images after which it may pay to ask who still matters */
    MOST_MIB = 128  /* of counts: more candidates than fit are taken in turns */
};

/* Of ssg_score_curves, per mixture and class, 256 cells each. */
enum { LOW, HIGH, EXACT, SEEN_LOW, SEEN_HIGH, CURVES };

typedef struct solving {
    const ssg_bank *bank;
    const ssg_score_ops *ops;
    const ssg_score_mixture *mixtures;
    ssg_score_range *steps; /* thresholds to make exact next, per mixture */
    size_t count, classes, longest, widest;
    size_t first_image; /* of the part at hand */
    int threads, begun;
    ssg_score_cell *cells; /* per thread: count x classes x CURVES x 256 */
    uint32_t *tops;        /* image x count x classes of the widest image */
    uint64_t *truth;       /* per thread: 256 */
    ssg_claims_measure measure;
    uint64_t *looked;         /* per thread */
    ssg_score_curves *curves; /* per thread: count x classes of the widest image */
    uint8_t *scratch;         /* per thread */
    ssg_claims *claims;       /* per thread */
    double *least;            /* per mixture: the value that it has to reach */
    ssg_solution *solved;     /* per mixture */
} solving;

static ssg_score_cell *curve(const solving *s, int thread, size_t mixture, size_t k, size_t which)
{
    return s->cells + ((((size_t)thread * s->count + mixture) * s->classes + k) * CURVES + which) * SSG_SCORE_LEVELS;
}

/* ---- counting ------------------------------------------------------------------------------------------------------------------------ */

/* Of all mixtures, for the classes of an image. */
static void list_curves(const solving *s, int thread, const ssg_score_image *image, ssg_score_curves *curves)
{
    for (size_t m = 0; m < s->count; m++)
        for (size_t i = 0; i < image->class_count; i++) {
            size_t k = image->classes[i];
            curves[m * image->class_count + i] =
                (ssg_score_curves){curve(s, thread, m, k, LOW), curve(s, thread, m, k, HIGH), curve(s, thread, m, k, EXACT),
                                   curve(s, thread, m, k, SEEN_LOW), curve(s, thread, m, k, SEEN_HIGH)};
        }
}

/* The first time bounds and truth, then the steps. */
static void count_image(void *context, size_t place, int thread)
{
    solving *s = context;
    ssg_score_scratch scratch;
    size_t index = s->first_image + place;
    const ssg_score_image *image = &s->bank->images[index];
    ssg_score_curves *curves = s->curves + (size_t)thread * s->count * s->widest;
    uint32_t *tops = s->tops + index * s->count * s->widest;
    list_curves(s, thread, image, curves);
    ssg_score_scratch_at(&scratch, s->scratch + (size_t)thread * ssg_score_scratch_size(s->longest, s->widest, s->count), image->stride,
                         image->class_count, s->count);
    ssg_score_read_truth(s->ops, image, &scratch);
    if (s->begun) {
        s->looked[thread] += ssg_score_levels_between(s->ops, image, &scratch, s->mixtures, s->count, tops, curves, s->steps);
        return;
    }
    ssg_score_add_truth(s->truth + 256 * (size_t)thread, image, &scratch);
    s->looked[thread] += ssg_score_bound_levels(s->ops, image, &scratch, s->mixtures, s->count, tops, curves);
}

/* A mixture's curves `first` to `last` of all threads in the first one's place. */
static void gather(const solving *s, size_t mixture, size_t first, size_t last)
{
    size_t numbers = (last - first + 1) * SSG_SCORE_LEVELS * SSG_TRUTH_KINDS;
    for (int t = 1; t < s->threads; t++)
        for (size_t k = 0; k < s->classes; k++) {
            uint32_t *to = curve(s, 0, mixture, k, first)->pixels, *from = curve(s, t, mixture, k, first)->pixels;
            for (size_t i = 0; i < numbers; i++) to[i] += from[i];
            memset(from, 0, numbers * sizeof *from);
        }
}

/* ---- thresholds ---------------------------------------------------------------------------------------------------------------------- */

/* From here on LOW and HIGH hold what is above each threshold. */
static void add_up_bounds(const solving *s, size_t mixture)
{
    for (size_t k = 0; k < s->classes; k++)
        for (size_t which = LOW; which <= HIGH; which++) ssg_claims_add_up(curve(s, 0, mixture, k, which), curve(s, 0, mixture, k, which));
}

/* What was looked at is exact at every threshold; of the other blocks bounds say the least and the most. Both are equal at the thresholds whose
 * blocks have all been looked at. */
static void claim(const solving *s, size_t mixture, ssg_claims *c)
{
    ssg_score_cell seen_low[SSG_SCORE_LEVELS], seen_high[SSG_SCORE_LEVELS];
    for (size_t k = 0; k < s->classes; k++) {
        ssg_score_cell *least = c->least + k * SSG_SCORE_LEVELS, *most = c->most + k * SSG_SCORE_LEVELS;
        const ssg_score_cell *low = curve(s, 0, mixture, k, LOW), *high = curve(s, 0, mixture, k, HIGH);
        ssg_claims_add_up(least, curve(s, 0, mixture, k, EXACT));
        ssg_claims_add_up(seen_low, curve(s, 0, mixture, k, SEEN_LOW));
        ssg_claims_add_up(seen_high, curve(s, 0, mixture, k, SEEN_HIGH));
        for (size_t tau = 0; tau < SSG_SCORE_LEVELS; tau++)
            for (size_t i = 0; i < SSG_TRUTH_KINDS; i++) {
                uint32_t exact = least[tau].pixels[i];
                least[tau].pixels[i] = exact + low[tau].pixels[i] - seen_low[tau].pixels[i];
                most[tau].pixels[i] = exact + high[tau].pixels[i] - seen_high[tau].pixels[i];
            }
    }
}

/* Pixels of the blocks that LOW or HIGH has above a threshold. */
static uint64_t pixels_above(const solving *s, size_t mixture, size_t which, uint32_t tau)
{
    uint64_t sum = 0;
    for (size_t k = 0; k < s->classes; k++)
        for (size_t i = 0; i < SSG_TRUTH_KINDS; i++) sum += curve(s, 0, mixture, k, which)[tau].pixels[i];
    return sum;
}

/* What to make exact first: some thresholds around the presumed best one, among those that could reach the least value that matters, if any. Where
 * few blocks lie wholly above them, all higher ones too: it costs little, and no further step is needed for them. */
static ssg_score_range begin(const solving *s, size_t mixture, ssg_claims *c)
{
    claim(s, mixture, c);
    uint32_t from = ssg_claims_lowest_open(c, SSG_SCORE_LEVELS, s->least[mixture]);
    uint32_t to = ssg_claims_end_of_open(c, from, s->least[mixture], -HUGE_VAL);
    if (from == to) return (ssg_score_range){0};
    uint32_t best = ssg_claims_presume(c);
    if (best < from) best = from;
    if (best >= to) best = to - 1;
    if (best > from + MARGIN) from = best - MARGIN;
    if (best + MARGIN < to && 3 * pixels_above(s, mixture, LOW, best + MARGIN - 1) > pixels_above(s, mixture, HIGH, from)) to = best + MARGIN;
    return (ssg_score_range){.from = from, .to = to};
}

/* The best so far; the next step goes to the outermost thresholds that could be better (or, below, as good), or part of the way. */
static ssg_solution judge(const solving *s, size_t mixture, ssg_claims *c, ssg_score_range *next)
{
    uint32_t from = next->from, to = next->to, down = from > MARGIN ? from - MARGIN : 0, up = to + MARGIN;
    claim(s, mixture, c);
    ssg_solution best = ssg_claims_best_exact(c, from, to);
    double least = best.value > s->least[mixture] ? best.value : s->least[mixture];
    uint32_t lowest = ssg_claims_lowest_open(c, from, least), end = ssg_claims_end_of_open(c, to, least, best.value);
    *next = (ssg_score_range){lowest > down ? lowest : down, end < up ? end : up, from, to};
    return best;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------------------------- */

static void clear_mixture(void *context, size_t mixture, int thread)
{
    const solving *s = context;
    (void)thread;
    for (int t = 0; t < s->threads; t++) memset(curve(s, t, mixture, 0, 0), 0, s->classes * CURVES * SSG_SCORE_LEVELS * sizeof *s->cells);
}

/* After the bounds of all images: where to look first. */
static void begin_mixture(void *context, size_t mixture, int thread)
{
    const solving *s = context;
    gather(s, mixture, LOW, HIGH);
    add_up_bounds(s, mixture);
    s->solved[mixture] = (ssg_solution){s->least[mixture] - 1, 0}; /* if it stays at that */
    s->steps[mixture] = begin(s, mixture, &s->claims[thread]);
}

/* After a step. */
static void judge_mixture(void *context, size_t mixture, int thread)
{
    const solving *s = context;
    if (ssg_score_range_is_exact(&s->steps[mixture])) return;
    gather(s, mixture, EXACT, SEEN_HIGH);
    s->solved[mixture] = judge(s, mixture, &s->claims[thread], &s->steps[mixture]);
}

/* After a part of the images: nothing more is exact, but the bounds are closer. */
static void reconsider_mixture(void *context, size_t mixture, int thread)
{
    const solving *s = context;
    ssg_score_range *step = &s->steps[mixture];
    ssg_claims *c = &s->claims[thread];
    if (ssg_score_range_is_exact(step) || s->least[mixture] == -HUGE_VAL) return;
    gather(s, mixture, EXACT, SEEN_HIGH);
    claim(s, mixture, c);
    double best = s->solved[mixture].value, least = best > s->least[mixture] ? best : s->least[mixture];
    if (ssg_claims_lowest_open(c, step->exact_from, least) < step->exact_from) return;
    if (ssg_claims_end_of_open(c, step->exact_to, least, best) > step->exact_to) return;
    step->from = step->exact_from, step->to = step->exact_to;
}

static int any_open(const solving *s)
{
    for (size_t m = 0; m < s->count; m++)
        if (!ssg_score_range_is_exact(&s->steps[m])) return 1;
    return 0;
}

/* An eighth of the images, a quarter, half, all. */
static void look_in_parts(solving *s)
{
    size_t images = s->bank->image_count, part = 8;
    while (part > 1 && images / part < LEAST_PART) part /= 2;
    for (size_t end; part > 0; part /= 2, s->first_image = end) {
        end = images / part;
        ssg_parallel_for(s->threads, end - s->first_image, count_image, s);
        if (part > 1) ssg_parallel_for(s->threads, s->count, reconsider_mixture, s);
    }
    s->first_image = 0;
}

static void solve_steps(solving *s)
{
    ssg_parallel_for(s->threads, s->count, clear_mixture, s);
    ssg_parallel_for(s->threads, s->bank->image_count, count_image, s);
    for (int t = 1; t < s->threads; t++)
        for (size_t l = 0; l < 256; l++) s->truth[l] += s->truth[256 * (size_t)t + l];
    for (size_t l = 0; l < SSG_SCORE_IGNORED; l++) s->measure.kept += s->truth[l];
    s->begun = 1;
    ssg_parallel_for(s->threads, s->count, begin_mixture, s);
    while (any_open(s)) {
        look_in_parts(s);
        ssg_parallel_for(s->threads, s->count, judge_mixture, s);
    }
}

static ssgcam_status make_claims(solving *s)
{
    s->measure.truth = s->truth;
    for (int t = 0; t < s->threads; t++) SSG_TRY(ssg_claims_make(&s->claims[t], &s->measure));
    return SSGCAM_OK;
}

static ssgcam_status solve_some(solving s, uint64_t *looked)
{
    size_t threads = (size_t)s.threads, images = s.bank->image_count;
    s.cells = ssg_alloc_aligned(threads * s.count, s.classes * CURVES * SSG_SCORE_LEVELS * sizeof *s.cells);
    s.tops = ssg_calloc(images, s.count * s.widest * sizeof *s.tops);
    s.truth = ssg_calloc(threads, 256 * sizeof *s.truth);
    s.looked = ssg_calloc(threads, sizeof *s.looked);
    s.steps = ssg_calloc(s.count, sizeof *s.steps);
    s.curves = ssg_calloc(threads, s.count * s.widest * sizeof *s.curves);
    s.scratch = ssg_alloc_aligned(threads, ssg_score_scratch_size(s.longest, s.widest, s.count));
    s.claims = ssg_calloc(threads, sizeof *s.claims);
    ssgcam_status status = SSG_OUT_OF_MEMORY;
    if (s.cells && s.tops && s.truth && s.looked && s.steps && s.curves && s.scratch && s.claims) status = make_claims(&s);
    if (status == SSGCAM_OK) solve_steps(&s);
    for (size_t t = 0; status == SSGCAM_OK && looked && t < threads; t++) *looked += s.looked[t];
    for (size_t t = 0; s.claims && t < threads; t++) ssg_claims_clear(&s.claims[t]);
    ssg_free(s.cells);
    ssg_free(s.tops);
    ssg_free(s.truth);
    ssg_free(s.looked);
    ssg_free(s.curves);
    ssg_free(s.steps);
    ssg_free(s.scratch);
    ssg_free(s.claims);
    return status;
}

/* What each mixture has to reach: the least that any of its candidates has to. */
static void set_least(double *least, const ssg_mixtures *mixtures, const double *wanted, size_t count)
{
    for (size_t m = 0; m < mixtures->count; m++) least[m] = wanted ? HUGE_VAL : -HUGE_VAL;
    for (size_t p = 0; wanted && p < count; p++) {
        double *of = &least[mixtures->of[p]];
        if (!(wanted[p] >= *of)) *of = isnan(wanted[p]) ? -HUGE_VAL : wanted[p];
    }
}

static ssgcam_status solve_bounded(solving s, const ssg_candidate *candidates, const double *wanted, size_t count, size_t layers, ssg_solution *out,
                                   uint64_t *looked)
{
    ssg_mixtures mixtures;
    ssg_solution *solved = ssg_calloc(count, sizeof *solved);
    double *least = ssg_calloc(count, sizeof *least);
    ssgcam_status status = ssg_mixtures_make(&mixtures, s.bank, candidates, count, layers, 0);
    if (status == SSGCAM_OK && !(solved && least)) status = SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) set_least(least, &mixtures, wanted, count);
    size_t each = s.classes * CURVES * SSG_SCORE_LEVELS * sizeof *s.cells * (size_t)s.threads, turn = ((size_t)MOST_MIB << 20) / each;
    if (turn == 0) turn = 1;
    for (size_t at = 0; status == SSGCAM_OK && at < mixtures.count; at += turn) {
        s.mixtures = mixtures.items + at;
        s.count = mixtures.count - at < turn ? mixtures.count - at : turn;
        s.solved = solved + at;
        s.least = least + at;
        status = solve_some(s, looked);
    }
    for (size_t p = 0; status == SSGCAM_OK && p < count; p++) out[p] = solved[mixtures.of[p]];
    ssg_mixtures_clear(&mixtures);
    ssg_free(solved);
    ssg_free(least);
    return status;
}

static ssgcam_status try_all(const solving *s, const ssg_candidate *candidates, size_t count, size_t layers, ssg_solution *out)
{
    size_t labels = s->bank->class_count + 1;
    ssg_counts *counts = ssg_calloc(count * SSG_SCORE_LEVELS, labels * sizeof *counts);
    if (!counts) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = ssg_objective_count_all_taus(counts, s->bank, candidates, count, layers, s->ops, s->threads);
    for (size_t p = 0; status == SSGCAM_OK && p < count; p++)
        for (size_t tau = 0; tau < SSG_SCORE_LEVELS; tau++) {
            double value = s->measure.value_of(counts + (p * SSG_SCORE_LEVELS + tau) * labels, labels);
            if (tau == 0 || value > out[p].value) out[p] = (ssg_solution){value, (uint8_t)tau};
        }
    ssg_free(counts);
    return status;
}

static ssgcam_status solve_on_device(ssg_solution *out, const ssg_bank *bank, const ssg_candidate *candidates, size_t count, size_t layers,
                                     ssg_measure measure)
{
    ssg_mixtures mixtures;
    ssg_solution *solved = ssg_calloc(count, sizeof *solved);
    ssgcam_status status = ssg_mixtures_make(&mixtures, bank, candidates, count, layers, 0);
    if (status == SSGCAM_OK && !solved) status = SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) status = ssg_bank_device_best(bank->device, bank, mixtures.items, mixtures.count, measure, solved);
    for (size_t p = 0; status == SSGCAM_OK && p < count; p++) out[p] = solved[mixtures.of[p]];
    ssg_mixtures_clear(&mixtures);
    ssg_free(solved);
    return status;
}

ssgcam_status ssg_objective_solve(ssg_solution *out, const ssg_bank *bank, const ssg_candidate *candidates, const double *least, size_t count,
                                  size_t layers, ssg_measure measure, const ssg_score_ops *ops, int threads, uint64_t *looked)
{
    if (looked) *looked = 0;
    SSG_TRY(ssg_objective_check(bank, layers));
    if (count == 0) return SSGCAM_OK;
    if (bank->device) return solve_on_device(out, bank, candidates, count, layers, measure);
    if (measure == SSG_MEASURE_IMAGE_IOU) return ssg_by_image_solve(out, bank, candidates, count, layers, ops, threads);
    uint64_t pixels = 0;
    int bounded = 1;
    solving s = {.bank = bank,
                 .ops = ops ? ops : ssg_score_best(),
                 .classes = bank->class_count,
                 .measure = {.classes = bank->class_count, .value_of = ssg_measure_function(measure)},
                 .threads = threads > 1 ? threads : 1,
                 .longest = 64,
                 .widest = 1};
    for (size_t i = 0; i < bank->image_count; i++) {
        bounded = bounded && bank->images[i].bounds != NULL;
        pixels += bank->images[i].stride;
        if (bank->images[i].stride > s.longest) s.longest = bank->images[i].stride;
        if (bank->images[i].class_count > s.widest) s.widest = bank->images[i].class_count;
    }
    if (!bounded || pixels > UINT32_MAX) return try_all(&s, candidates, count, layers, out); /* counts here have 32 bits */
    return solve_bounded(s, candidates, least, count, layers, out, looked);
}
