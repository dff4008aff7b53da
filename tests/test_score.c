/* test_score.c - the search objective: every path against the NumPy definition and against plain C. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/philox.h"
#include "host/fuse/weights.h"
#include "host/search/bank_device.h"
#include "host/search/by_image.h"
#include "host/search/sampling.h"
#include "tests/support/bounds.h"
#include "tests/support/device.h"
#include "tests/support/numbers.h"

static void read_image(ssg_score_image *image, size_t pixels, size_t rows)
{
    size_t stride = (pixels + 63) / 64 * 64, classes = (size_t)next_int();
    uint8_t *names = calloc(classes, 1), *maps = calloc(classes * rows, stride), *truth = malloc(stride);
    for (size_t k = 0; k < classes; k++) names[k] = (uint8_t)next_int();
    for (size_t r = 0; r < classes * rows; r++) next_values(maps + r * stride, pixels, 1);
    memset(truth, SSG_SCORE_IGNORED, stride);
    next_values(truth, pixels, 1);
    *image = (ssg_score_image){maps, truth, names, classes, rows, stride, NULL};
    image->bounds = test_bounds(image);
}

static void free_images(ssg_score_image *images, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((void *)images[i].maps);
        free((void *)images[i].truth);
        free((void *)images[i].classes);
        free((void *)images[i].bounds);
    }
}

/* The bank on the test's device; NULL where that is the CPU. */
static void open_on_device(ssg_device **device, ssg_bank_device **on_device, const ssg_bank *bank)
{
    cr_assert_eq(ssgcam_device_open(device, TEST_DEVICE, 1), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(ssg_bank_device_create(on_device, *device, bank), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(*on_device != NULL, strcmp(TEST_DEVICE, "cpu") != 0);
}

/* The images of a bank without bounds: every pixel is looked at, which is the specification. The caller frees what is at images. */
static ssg_bank without_bounds(const ssg_bank *bank)
{
    ssg_bank plain = *bank;
    ssg_score_image *images = calloc(bank->image_count, sizeof *images);
    for (size_t i = 0; i < bank->image_count; i++) images[i] = bank->images[i], images[i].bounds = NULL;
    plain.images = images;
    return plain;
}

/* The ways to score in turn: the instruction sets, without bounds and with them, then the device. NULL for one that there is not. */
enum { WAYS = 2 * SSG_SCORE_LEVEL_COUNT + 1 };

static const ssg_score_ops *way_at(int way, ssg_bank *to, const ssg_bank *bounded, const ssg_bank *plain, ssg_bank_device *on_device)
{
    *to = way < SSG_SCORE_LEVEL_COUNT ? *plain : *bounded;
    if (way + 1 < WAYS) return ssg_score_at((ssg_score_level)(way % SSG_SCORE_LEVEL_COUNT));
    to->device = on_device;
    return on_device ? &ssg_score_ref : NULL;
}

static const ssg_measure measures[] = {SSG_MEASURE_MEAN_IOU, SSG_MEASURE_FOREGROUND_IOU, SSG_MEASURE_OBJECT_IOU};

/* Where a least value is named: the same for what reaches it, anything below for what does not. */
static void check_competition(const ssg_bank *bank, const ssg_candidate *candidates, size_t count, size_t layers, ssg_measure measure,
                              const ssg_score_ops *ops, int threads, const ssg_solution *exact)
{
    static const double offsets[] = {0, 1e-9, -1e-9, 0.01, -0.02, 0.2};
    ssg_solution solved[128];
    double least[128];
    for (size_t p = 0; p < count; p++) least[p] = p % 7 == 6 ? NAN : exact[p].value + offsets[p % 6];
    cr_assert_eq(ssg_objective_solve(solved, bank, candidates, least, count, layers, measure, ops, threads, NULL), SSGCAM_OK);
    for (size_t p = 0; p < count; p++)
        if (exact[p].value < least[p] && !bank->device)
            cr_assert_lt(solved[p].value, least[p], "%s: below %.17g", ops->name, least[p]);
        else
            cr_assert(solved[p].value == exact[p].value && solved[p].tau == exact[p].tau, "%s: %.17g at %d, not %.17g at %d", ops->name,
                      solved[p].value, solved[p].tau, exact[p].value, exact[p].tau);
}

/* Every candidate's best threshold by every measure: what trying all 256 in `all` gives. */
static void check_solution(const ssg_bank *bank, const ssg_candidate *candidates, size_t count, size_t layers, const ssg_score_ops *ops, int threads,
                           const ssg_counts *all)
{
    ssg_solution solved[128];
    size_t labels = bank->class_count + 1;
    for (size_t m = 0; m < sizeof measures / sizeof *measures; m++) {
        double (*value_of)(const ssg_counts *, size_t) = ssg_measure_function(measures[m]);
        cr_assert_eq(ssg_objective_solve(solved, bank, candidates, NULL, count, layers, measures[m], ops, threads, NULL), SSGCAM_OK, "%s",
                     ssgcam_last_error());
        for (size_t p = 0; p < count; p++) {
            size_t best = 0;
            double most = -1;
            for (size_t tau = 0; tau < 256; tau++) {
                double value = value_of(all + (p * 256 + tau) * labels, labels);
                if (value > most) best = tau, most = value;
            }
            cr_assert(solved[p].value == most && solved[p].tau == best, "%s, measure %zu: %.17g at %d, not %.17g at %zu", ops->name, m,
                      solved[p].value, solved[p].tau, most, best);
        }
        check_competition(bank, candidates, count, layers, measures[m], ops, threads, solved);
    }
}

/* The same by the mean over images, of each image's counts at all thresholds. */
static void check_solution_by_image(const ssg_bank *bank, const ssg_bank *plain, const ssg_candidate *candidates, size_t count, size_t layers,
                                    const ssg_score_ops *ops, int threads)
{
    ssg_solution solved[128];
    size_t labels = bank->class_count + 1, images = bank->image_count;
    ssg_counts *of_image = calloc(count * 256 * labels, sizeof *of_image);
    double *value = calloc(count * 256, sizeof *value);
    for (size_t i = 0; i < images; i++) {
        ssg_bank one = {.images = plain->images + i, .image_count = 1, .class_count = bank->class_count};
        cr_assert_eq(ssg_objective_count_all_taus(of_image, &one, candidates, count, layers, &ssg_score_ref, 1), SSGCAM_OK);
        for (size_t v = 0; v < count * 256; v++) value[v] += ssg_mean_iou(of_image + v * labels, labels) / (double)images;
    }
    cr_assert_eq(ssg_objective_solve(solved, bank, candidates, NULL, count, layers, SSG_MEASURE_IMAGE_IOU, ops, threads, NULL), SSGCAM_OK, "%s",
                 ssgcam_last_error());
    for (size_t p = 0; p < count; p++) {
        size_t best = 0;
        for (size_t tau = 1; tau < 256; tau++)
            if (value[256 * p + tau] > value[256 * p + best]) best = tau;
        cr_assert(solved[p].value == value[256 * p + best] && solved[p].tau == best, "%s: %.17g at %d, not %.17g at %zu", ops->name, solved[p].value,
                  solved[p].tau, value[256 * p + best], best);
    }
    free(of_image);
    free(value);
}

static void check_case(void)
{
    size_t height = (size_t)next_int(), width = (size_t)next_int(), classes = (size_t)next_int(), images = (size_t)next_int();
    size_t rows = (size_t)next_int(), layers = (size_t)next_int(), count = (size_t)next_int(), labels = classes + 1;
    ssg_candidate candidates[8];
    ssg_score_image image[8];
    memset(candidates, 0, sizeof candidates);
    for (size_t p = 0; p < count; p++) {
        for (size_t l = 0; l < layers; l++) candidates[p].row[l] = (uint32_t)next_int();
        for (size_t l = 0; l < layers; l++) candidates[p].weight[l] = (uint8_t)next_int();
        candidates[p].tau = (uint8_t)next_int();
    }
    for (size_t i = 0; i < images; i++) read_image(&image[i], height * width, rows);
    ssg_bank bank = {.images = image, .image_count = images, .class_count = classes};
    ssg_counts *expected = calloc(count * 256 * labels, sizeof *expected), *all = calloc(count * 256 * labels, sizeof *all);
    ssg_counts *one = calloc(count * labels, sizeof *one), *each = calloc(count * images * labels, sizeof *each);
    double fitness[8];
    for (size_t p = 0; p < count; p++) {
        for (size_t s = 0; s < 256 * labels; s++) {
            ssg_counts *cell = &expected[p * 256 * labels + s];
            cell->tp = (uint64_t)next_int(), cell->fp = (uint64_t)next_int(), cell->fn = (uint64_t)next_int();
        }
        fitness[p] = next_double();
    }
    ssg_device *device;
    ssg_bank_device *on_device;
    open_on_device(&device, &on_device, &bank);
    ssg_bank bounded = bank, plain = without_bounds(&bank);
    for (int way = 0; way < WAYS; way++) {
        const ssg_score_ops *ops = way_at(way, &bank, &bounded, &plain, on_device);
        if (!ops) continue;
        for (int threads = 1; threads <= (bank.device ? 1 : 3); threads++) {
            cr_assert_eq(ssg_objective_count_all_taus(all, &bank, candidates, count, layers, ops, threads), SSGCAM_OK, "%s", ssgcam_last_error());
            cr_assert_arr_eq(all, expected, count * 256 * labels * sizeof *all, "%s", ops->name);
            check_solution(&bank, candidates, count, layers, ops, threads, expected);
            check_solution_by_image(&bank, &plain, candidates, count, layers, ops, threads);
            cr_assert_eq(ssg_objective_count(one, each, &bank, candidates, count, layers, ops, threads), SSGCAM_OK);
            for (size_t p = 0; p < count; p++) {
                cr_assert_arr_eq(one + p * labels, expected + (p * 256 + candidates[p].tau) * labels, labels * sizeof *one, "%s", ops->name);
                cr_assert_float_eq(ssg_mean_iou(one + p * labels, labels), fitness[p], 1e-15);
                for (size_t l = 0; l < labels; l++) {
                    uint64_t tp = 0;
                    for (size_t i = 0; i < images; i++) tp += each[(p * images + i) * labels + l].tp;
                    cr_assert_eq(tp, one[p * labels + l].tp);
                }
            }
        }
    }
    ssg_bank_device_destroy(&on_device);
    ssgcam_device_close(&device);
    free((void *)plain.images);
    free_images(image, images);
    free(expected);
    free(all);
    free(one);
    free(each);
}

Test(score, equals_the_reference)
{
    numbers_open(SSG_FIXTURES "/score.bin");
    for (int cases = next_int(); cases > 0; cases--) check_case();
    for (int vectors = next_int(); vectors > 0; vectors--) {
        double raw[64];
        uint8_t weight[64];
        size_t n = (size_t)next_int();
        for (size_t i = 0; i < n; i++) raw[i] = next_double();
        ssg_mixture_weights(weight, raw, n);
        for (size_t i = 0; i < n; i++) cr_assert_eq(weight[i], next_int());
    }
    numbers_close();
}

/* Odd sizes up to several tiles, banks of so many rows that a tile has to be smaller or cannot be staged at all on a device, 1..64 layers, 1..65
 * candidates, duplicates, classes absent from the bank in the truth. */
Test(score, every_level_and_mode_agrees)
{
    for (uint32_t round = 0; round < 12; round++) {
        ssg_draws draws = ssg_draws_named(11, round, 0, 0);
        size_t pixels = round % 3 ? 1 + ssg_draw_below(&draws, 700) : 4097, layers = round == 0 ? 64 : 1 + ssg_draw_below(&draws, 20);
        size_t count = round == 1 ? 65 : 1 + ssg_draw_below(&draws, 9), stride = (pixels + 63) / 64 * 64, rows = round > 8 ? 100 * (round - 8) : 5,
               classes = 3, images = 2, labels = 4;
        ssg_score_image image[2];
        for (size_t i = 0; i < images; i++) {
            size_t present = i == 0 ? 1 : 3;
            uint8_t *names = calloc(3, 1), *maps = calloc(present * rows, stride), *truth = malloc(stride);
            memset(truth, SSG_SCORE_IGNORED, stride);
            for (size_t k = 0; k < present; k++) names[k] = (uint8_t)(present == 1 ? 1 : k);
            for (size_t r = 0; r < present * rows; r++)
                for (size_t x = 0; x < pixels; x++) maps[r * stride + x] = (uint8_t)((x * (r + 3) / 2 + ssg_draw_below(&draws, 40)) % 256);
            for (size_t x = 0; x < pixels; x++) truth[x] = (uint8_t)(x % 11 == 0 ? 255 : x / 50 % 4);
            image[i] = (ssg_score_image){maps, truth, names, present, rows, stride, NULL};
            image[i].bounds = test_bounds(&image[i]);
        }
        ssg_bank bank = {.images = image, .image_count = images, .class_count = classes};
        ssg_candidate *candidates = calloc(count, sizeof *candidates);
        for (size_t p = 0; p < count; p++) {
            double raw[64];
            for (size_t l = 0; l < layers; l++) raw[l] = ssg_draw_unit(&draws) - 0.3, candidates[p].row[l] = ssg_draw_below(&draws, (uint32_t)rows);
            ssg_mixture_weights(candidates[p].weight, raw, layers);
            candidates[p].tau = (uint8_t)ssg_draw_u32(&draws);
            if (p % 4 == 3) candidates[p] = candidates[p - 1];
        }
        ssg_counts *expected = calloc(count * labels, sizeof *expected), *got = calloc(count * labels, sizeof *got),
                   *all = calloc(count * 256 * labels, sizeof *all);
        ssg_bank bounded = bank, plain = without_bounds(&bank);
        ssg_objective_count(expected, NULL, &plain, candidates, count, layers, &ssg_score_ref, 1);
        cr_assert_gt(expected[0].tp + expected[0].fp + expected[0].fn, 0);
        ssg_device *device;
        ssg_bank_device *on_device;
        open_on_device(&device, &on_device, &bank);
        for (int way = 0; way < WAYS; way++) {
            const ssg_score_ops *ops = way_at(way, &bank, &bounded, &plain, on_device);
            if (!ops) continue;
            cr_assert_eq(ssg_objective_count(got, NULL, &bank, candidates, count, layers, ops, 2), SSGCAM_OK);
            cr_assert_arr_eq(got, expected, count * labels * sizeof *got, "%s, round %u", ops->name, round);
            cr_assert_eq(ssg_objective_count_all_taus(all, &bank, candidates, count, layers, ops, 2), SSGCAM_OK);
            for (size_t p = 0; p < count; p++)
                cr_assert_arr_eq(all + (p * 256 + candidates[p].tau) * labels, expected + p * labels, labels * sizeof *all, "%s, round %u", ops->name,
                                 round);
            check_solution(&bank, candidates, count, layers, ops, 2, all);
            check_solution_by_image(&bank, &plain, candidates, count, layers, ops, 2);
        }
        ssg_bank_device_destroy(&on_device);
        ssgcam_device_close(&device);
        free((void *)plain.images);
        free_images(image, images);
        free(candidates);
        free(expected);
        free(got);
        free(all);
    }
}

/* One value of a map, by kind: what a bound could get wrong. */
static uint8_t value_of(int kind, size_t row, size_t x, ssg_draws *draws)
{
    switch (kind) {
    case 0: return 0;                                                        /* nothing anywhere */
    case 1: return 200;                                                      /* all equal: the top everywhere */
    case 2: return x == 5 || x == 70 + row ? 255 : 0;                        /* single pixels */
    case 3: return (uint8_t)(x / 64 % 2 ? 255 : 0);                          /* whole blocks, ties of the top */
    case 4: return (uint8_t)ssg_draw_u32(draws);                             /* noise: bounds are worth nothing */
    case 5: return (uint8_t)((x / 64 * (row + 3) + x % 64 / 16) % 256);      /* smooth */
    case 6: return (uint8_t)(x / 64 * 3 % 256);                              /* blocks of one level */
    default: return (uint8_t)(x < 640 ? 255 - x / 3 : x % 64 == 9 ? 90 : 1); /* an object, and a floor with specks */
    }
}

static uint8_t truth_of(int kind, size_t x, ssg_draws *draws)
{
    switch (kind) {
    case 0: return SSG_SCORE_IGNORED;
    case 1: return 2;
    case 2: return 0;
    case 3: return x < 400 ? 2 : 0;
    case 4: return (uint8_t)(ssg_draw_below(draws, 5) == 4 ? SSG_SCORE_IGNORED : ssg_draw_below(draws, 4));
    default: return x / 64 % 5 == 1 ? 2 : x / 64 % 5 == 2 ? 1 : x % 640 < 30 ? SSG_SCORE_IGNORED : 0;
    }
}

/* Bounds against every pixel, where the bounds are at their best and at their worst: an image of one class, and one of none to three. */
Test(score, bounds_change_nothing)
{
    enum { ROWS = 4, STRIDE = 70 * 64, COUNT = 24, LAYERS_ON = 3, LABELS = 4, MOST = 3 };
    static uint8_t maps[2][MOST * ROWS * STRIDE], truth[2][STRIDE];
    static const uint8_t names[] = {0, 1, 2};
    static ssg_counts expected[COUNT * 256 * LABELS], all[COUNT * 256 * LABELS], at_tau[COUNT * LABELS], got[COUNT * LABELS];
    for (int round = 0; round < 48; round++) {
        ssg_draws draws = ssg_draws_named(5, (uint32_t)round, 0, 0);
        ssg_score_image image[2];
        for (size_t i = 0; i < 2; i++) {
            size_t stride = i ? STRIDE : 64 * (1 + ssg_draw_below(&draws, 70)), present = i ? (size_t)(round % (MOST + 1)) : 1;
            for (size_t r = 0; r < present * ROWS; r++)
                for (size_t x = 0; x < stride; x++) maps[i][r * stride + x] = value_of((round + (int)(i * r)) % 8, r, x, &draws);
            for (size_t x = 0; x < stride; x++) truth[i][x] = truth_of((round / 4 + (int)i) % 6, x, &draws);
            image[i] = (ssg_score_image){maps[i], truth[i], names + (present == 1), present, ROWS, stride, NULL};
            image[i].bounds = test_bounds(&image[i]);
        }
        ssg_bank bounded = {.images = image, .image_count = 2, .class_count = 3}, plain = without_bounds(&bounded);
        ssg_candidate candidates[COUNT] = {0};
        for (size_t p = 0; p < COUNT; p++) {
            double raw[LAYERS_ON];
            for (size_t l = 0; l < LAYERS_ON; l++) raw[l] = ssg_draw_unit(&draws) - 0.2, candidates[p].row[l] = ssg_draw_below(&draws, ROWS);
            if (p) ssg_mixture_weights(candidates[p].weight, raw, LAYERS_ON); /* the first one claims nothing */
            candidates[p].tau = (uint8_t)(p % 3 == 0 ? 0 : p % 3 == 1 ? 255 : ssg_draw_below(&draws, 256));
        }
        cr_assert_eq(ssg_objective_count_all_taus(expected, &plain, candidates, COUNT, LAYERS_ON, &ssg_score_ref, 1), SSGCAM_OK);
        cr_assert_eq(ssg_objective_count(at_tau, NULL, &plain, candidates, COUNT, LAYERS_ON, &ssg_score_ref, 1), SSGCAM_OK);
        for (int level = 0; level < SSG_SCORE_LEVEL_COUNT; level++) {
            const ssg_score_ops *ops = ssg_score_at((ssg_score_level)level);
            if (!ops) continue;
            cr_assert_eq(ssg_objective_count_all_taus(all, &bounded, candidates, COUNT, LAYERS_ON, ops, 1), SSGCAM_OK);
            cr_assert_arr_eq(all, expected, sizeof all, "%s, round %d", ops->name, round);
            cr_assert_eq(ssg_objective_count(got, NULL, &bounded, candidates, COUNT, LAYERS_ON, ops, 2), SSGCAM_OK);
            cr_assert_arr_eq(got, at_tau, sizeof got, "%s, round %d", ops->name, round);
            check_solution(&bounded, candidates, COUNT, LAYERS_ON, ops, 1 + level, expected);
        }
        for (size_t i = 0; i < 2; i++) free((void *)image[i].bounds);
        free((void *)plain.images);
    }
}

/* An image of two classes where bounds leave the winner open: by block, the largest values of both, how much they vary inside, and the truth. */
typedef struct open_block {
    uint8_t first, second, spread, truth;
} open_block;

static void check_open_blocks(const char *what, const open_block *block, size_t blocks)
{
    enum { MOST = 40 * 64 };
    static uint8_t maps[2 * MOST], truth[MOST];
    static const uint8_t names[] = {0, 1};
    size_t stride = 64 * blocks;
    for (size_t x = 0; x < stride; x++) {
        const open_block *b = &block[x / 64];
        maps[x] = (uint8_t)(b->first ? b->first - x * 5 % (b->spread + 1u) : 0);
        maps[stride + x] = (uint8_t)(b->second ? b->second - (x * 7 + 3) % (b->spread + 1u) : 0);
        truth[x] = b->truth;
    }
    ssg_score_image image = {maps, truth, names, 2, 1, stride, NULL};
    uint8_t *bounds = test_bounds(&image);
    ssg_candidate candidate = {.weight = {127}};
    ssg_counts expected[256 * 4];
    ssg_bank bank = {.images = &image, .image_count = 1, .class_count = 3};
    cr_assert_eq(ssg_objective_count_all_taus(expected, &bank, &candidate, 1, 1, &ssg_score_ref, 1), SSGCAM_OK);
    image.bounds = bounds;
    check_solution(&bank, &candidate, 1, 1, &ssg_score_ref, 1, expected);
    size_t best = 0;
    for (size_t tau = 1; tau < 256; tau++)
        if (ssg_mean_iou(expected + 4 * tau, 4) > ssg_mean_iou(expected + 4 * best, 4)) best = tau;
    cr_assert_lt(best, 100, "%s: the best threshold is %zu, too high to need any bound", what, best);
    free(bounds);
}

Test(score, open_winners_leave_room)
{
    open_block counted_for_both[40] = {{255, 0, 0, 1}, {150, 0, 0, 0}, {95, 95, 35, 3}, {41, 0, 41, 1}};
    open_block same_level[40] = {{254, 0, 0, 1}, {0, 255, 0, 2}, {0, 150, 0, 0}, {99, 100, 0, 2}};
    for (size_t b = 30; b < 40; b++) counted_for_both[b] = (open_block){0, 255, 0, 2};
    check_open_blocks("truth of a third class where either may win", counted_for_both, 40);
    check_open_blocks("two classes of one level", same_level, 40);
}

/* Every top and every value: levels in 16 bits, comparisons, bits of bytes. */
Test(score, parts_of_every_level_agree)
{
    static uint16_t f[1024], expected[1024], got[1024];
    static uint8_t bytes[1024];
    uint64_t bits[16], wanted[16];
    for (int level = 1; level < SSG_SCORE_LEVEL_COUNT; level++) {
        const ssg_score_ops *ops = ssg_score_at((ssg_score_level)level);
        if (!ops) continue;
        for (uint32_t top = 1; top <= 32385; top += top < 300 || top > 32300 ? 1 : 197) {
            ssg_draws draws = ssg_draws_named(top, 0, 0, 0);
            for (uint32_t i = 0; i < 1024; i++)
                f[i] = (uint16_t)(i < 256 ? (i * top + 254) / 255 : i < 512 ? (i - 256) * top / 255 : ssg_draw_below(&draws, 32386));
            memcpy(expected, f, sizeof f);
            memcpy(got, f, sizeof f);
            ssg_score_ref.quantise(expected, ssg_score_divide_by(top), 1024);
            ops->quantise(got, ssg_score_divide_by(top), 1024);
            cr_assert_arr_eq(got, expected, sizeof got, "%s, top %u", ops->name, top);
            const uint8_t *maps[2] = {(const uint8_t *)f, (const uint8_t *)f + 64}, weight[2] = {(uint8_t)(top % 100), 27};
            ssg_score_ref.levels_block(expected, maps, weight, 2, 64, ssg_score_divide_by(top));
            ops->levels_block(got, maps, weight, 2, 64, ssg_score_divide_by(top));
            cr_assert_arr_eq(got, expected, 64 * sizeof *got, "%s, block of top %u", ops->name, top);
            ssg_score_ref.above(wanted, f, top, 1024);
            ops->above(bits, f, top, 1024);
            cr_assert_arr_eq(bits, wanted, sizeof bits, "%s, limit %u", ops->name, top);
            for (size_t i = 0; i < 1024; i++) bytes[i] = (uint8_t)f[i];
            ssg_score_ref.equal(wanted, bytes, (uint8_t)top, 1024);
            ops->equal(bits, bytes, (uint8_t)top, 1024);
            cr_assert_arr_eq(bits, wanted, sizeof bits, "%s, value %u", ops->name, top);
        }
    }
}

Test(score, the_level_can_be_capped)
{
    setenv("SSGCAM_CPU_LEVEL", "ref", 1);
    cr_assert_str_eq(ssg_score_best()->name, "ref");
    setenv("SSGCAM_CPU_LEVEL", "avx2", 1);
    cr_assert_str_neq(ssg_score_best()->name, "avx512");
}

Test(score, refuses_what_does_not_fit)
{
    uint8_t maps[64] = {0}, truth[64] = {0}, name = 0;
    ssg_score_image image = {maps, truth, &name, 1, 1, 64, NULL};
    ssg_bank bank = {.images = &image, .image_count = 1, .class_count = 1};
    ssg_candidate heavy = {.weight = {100, 28}}, far = {.weight = {127}, .row = {1}}, fine = {.weight = {127}};
    ssg_counts counts[2];
    cr_assert_eq(ssg_objective_count(counts, NULL, &bank, &heavy, 1, 2, NULL, 1), SSGCAM_ERR_ARGUMENT);
    cr_assert_eq(ssg_objective_count(counts, NULL, &bank, &far, 1, 2, NULL, 1), SSGCAM_ERR_ARGUMENT);
    cr_assert_eq(ssg_objective_count(counts, NULL, &bank, &fine, 1, 65, NULL, 1), SSGCAM_ERR_ARGUMENT);
    for (int n = 1;; n++) {
        ssg_alloc_fail_at(n, 0);
        ssgcam_status status = ssg_objective_count(counts, counts, &bank, &fine, 1, 1, NULL, 1);
        ssg_alloc_fail_at(0, 0);
        if (status == SSGCAM_OK) break;
        cr_assert_eq(status, SSGCAM_ERR_MEMORY);
        cr_assert_lt(n, 20);
    }
}

/* What a thread of the loop over images lacked is what the caller is told. */
Test(score, by_image_without_memory)
{
    uint8_t maps[64] = {0}, truth[64] = {0}, name = 0;
    ssg_score_image images[8];
    for (size_t i = 0; i < 8; i++) images[i] = (ssg_score_image){maps, truth, &name, 1, 1, 64, NULL};
    ssg_bank bank = {.images = images, .image_count = 8, .class_count = 1};
    ssg_candidate candidate = {.weight = {127}};
    ssg_solution solution;
    int failures = 0;
    for (ssgcam_status status = SSGCAM_ERR_MEMORY; status != SSGCAM_OK; failures++) {
        ssg_fail(SSGCAM_ERR_INPUT, "what failed before");
        ssg_alloc_fail_at(failures + 1, 0);
        status = ssg_by_image_solve(&solution, &bank, &candidate, 1, 1, NULL, 2);
        ssg_alloc_fail_at(0, 0);
        cr_assert(status == SSGCAM_OK || (status == SSGCAM_ERR_MEMORY && strstr(ssgcam_last_error(), "out of memory")), "allocation %d: %s",
                  failures + 1, ssgcam_last_error());
    }
    cr_assert_gt(failures, 30);
}

Test(fitness, order_folds_and_bootstrap)
{
    ssg_candidate a = {.weight = {127}}, b = {.weight = {100, 27}}, c = {.weight = {127}, .tau = 1};
    cr_assert(ssg_candidate_compare(&a, 0.5, &b, 0.6, 2) == 1 && ssg_candidate_compare(&a, 0.5, &b, 0.5, 2) == -1);
    cr_assert(ssg_candidate_compare(&a, 0.5, &c, 0.5, 2) == -1 && ssg_candidate_compare(&a, 0.5, &a, 0.5, 2) == 0);
    ssg_counts image[4][2] = {{{10, 0, 0}, {10, 0, 0}}, {{5, 5, 5}, {0, 5, 5}}, {{5, 5, 5}, {5, 5, 5}}, {{0, 0, 0}, {0, 0, 0}}};
    cr_assert_float_eq(ssg_mean_image_iou(&image[0][0], 4, 2), (1 + (1. / 3 + 0) / 2 + 1. / 3 + 0) / 4, 1e-15);
    cr_assert_float_eq(ssg_foreground_iou(image[1], 2), 0, 0);
    double low, high, again;
    cr_assert_eq(ssg_bootstrap_interval(&low, &high, &image[0][0], NULL, 3, 2, ssg_mean_iou, 0.9, 500, 3), SSGCAM_OK);
    ssg_counts sum[2] = {{20, 10, 10}, {15, 10, 10}};
    cr_assert(low < ssg_mean_iou(sum, 2) && ssg_mean_iou(sum, 2) < high && low >= 0 && high <= 1);
    ssg_bootstrap_interval(&again, &high, &image[0][0], NULL, 3, 2, ssg_mean_iou, 0.9, 500, 3);
    cr_assert(again == low);
    cr_assert_eq(ssg_bootstrap_interval(&low, &high, &image[0][0], &image[0][0], 3, 2, ssg_mean_iou, 0.9, 500, 3), SSGCAM_OK);
    cr_assert(low == 0 && high == 0); /* paired: the same images on both sides */
    ssg_counts better[3][2] = {{{10, 0, 0}, {10, 0, 0}}, {{5, 0, 0}, {5, 0, 0}}, {{10, 0, 0}, {10, 0, 0}}};
    ssg_bootstrap_interval(&low, &high, &better[0][0], &image[0][0], 3, 2, ssg_mean_iou, 0.9, 500, 3);
    cr_assert(low >= 0 && high > 0.4 && high <= 1, "%g %g", low, high);
    uint32_t fold[23], size[5] = {0};
    cr_assert_eq(ssg_fold_split(fold, 23, 5, 9), SSGCAM_OK);
    for (int i = 0; i < 23; i++) size[fold[i]]++;
    for (int f = 0; f < 5; f++) cr_assert_eq(size[f], f < 3 ? 5 : 4);
    cr_assert_eq(ssg_fold_split(fold, 3, 5, 9), SSGCAM_ERR_ARGUMENT);
}
