/* test_groups.c - images that belong together: who belongs to whom, folds and held-out images of whole groups, intervals over whole groups. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/philox.h"
#include "host/search/groups.h"
#include "host/search/sampling.h"

enum { MOST = 300 };

/* ---- who belongs to whom ------------------------------------------------------------------------------------------------------------------ */

Test(groups, are_numbered_as_they_occur)
{
    static const char *const names[] = {"b", NULL, "a", "b", NULL, "c", "a", "b"};
    static const unsigned char held[] = {0, 0, 1, 0, 1, 0, 1, 1}, none[8] = {0};
    ssgcam_item item[8];
    const ssgcam_item *items[8];
    ssg_groups groups;
    for (int i = 0; i < 8; i++) item[i] = (ssgcam_item){.group = (char *)names[i]}, items[i] = &item[i];

    static const uint32_t all[] = {0, 1, 2, 0, 3, 4, 2, 0}, searched[] = {0, 1, 0, 2}, kept[] = {0, 1, 0, 2};
    cr_assert_eq(ssg_groups_number(&groups, items, none, 0, 8), SSGCAM_OK);
    cr_assert(groups.images == 8 && groups.count == 5 && memcmp(groups.of, all, sizeof all) == 0);
    ssg_groups_clear(&groups);
    cr_assert_eq(ssg_groups_number(&groups, items, held, 0, 8), SSGCAM_OK);
    cr_assert(groups.images == 4 && groups.count == 3 && memcmp(groups.of, searched, sizeof searched) == 0);
    ssg_groups_clear(&groups);
    cr_assert_eq(ssg_groups_number(&groups, items, held, 1, 8), SSGCAM_OK);
    cr_assert(groups.images == 4 && groups.count == 3 && memcmp(groups.of, kept, sizeof kept) == 0);
    ssg_groups_clear(&groups);

    for (int i = 0; i < 8; i++) item[i].group = NULL;
    cr_assert_eq(ssg_groups_number(&groups, items, none, 0, 8), SSGCAM_OK);
    cr_assert(groups.images == 8 && groups.count == 8 && !groups.of);
    cr_assert_eq(ssg_groups_number(&groups, items, none, 1, 8), SSGCAM_OK);
    cr_assert(groups.images == 0 && groups.count == 0 && !groups.of);
}

/* ---- folds ---------------------------------------------------------------------------------------------------------------------------------- */

/* Groups of 1 to `largest` images, their images mixed among each other. */
static size_t draw_groups(uint32_t of[MOST], size_t groups, uint32_t largest, uint64_t seed)
{
    ssg_draws draws = ssg_draws_named(seed, 1, 0, 0);
    size_t images = 0;
    for (size_t g = 0; g < groups; g++)
        for (uint32_t left = 1 + ssg_draw_below(&draws, largest); left && images < MOST; left--) {
            size_t other = ssg_draw_below(&draws, (uint32_t)images + 1);
            of[images++] = of[other];
            of[other] = (uint32_t)g;
        }
    return images;
}

Test(groups, stay_whole_in_folds_of_nearly_one_size)
{
    uint32_t of[MOST], fold[MOST], again[MOST];
    int seeds_differ = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        size_t count = 6 + seed % 20, folds = 2 + seed % 5, sizes[6] = {0}, largest = 0, least = MOST, most = 0, images_of[26] = {0};
        ssg_groups groups = {of, draw_groups(of, count, 1 + (uint32_t)(seed % 11), seed), count};
        for (size_t i = 0; i < groups.images; i++) images_of[of[i]]++;
        for (size_t g = 0; g < count; g++) largest = images_of[g] > largest ? images_of[g] : largest;
        cr_assert_eq(ssg_groups_split(fold, &groups, folds, seed), SSGCAM_OK, "%s", ssgcam_last_error());
        for (size_t i = 0; i < groups.images; i++) {
            cr_assert_lt(fold[i], folds);
            sizes[fold[i]]++;
            for (size_t j = 0; j < i; j++) cr_assert(of[i] != of[j] || fold[i] == fold[j], "seed %d: group %u is split", (int)seed, of[i]);
        }
        for (size_t f = 0; f < folds; f++) least = sizes[f] < least ? sizes[f] : least, most = sizes[f] > most ? sizes[f] : most;
        cr_assert(least > 0 && most - least <= largest, "seed %d: folds of %zu to %zu images, largest group %zu", (int)seed, least, most, largest);
        ssg_groups_split(again, &groups, folds, seed);
        cr_assert_eq(memcmp(again, fold, groups.images * sizeof *fold), 0);
        ssg_groups_split(again, &groups, folds, seed + 1);
        seeds_differ += memcmp(again, fold, groups.images * sizeof *fold) != 0;
    }
    cr_assert_gt(seeds_differ, 50);
}

/* Sizes 7, 4, 3, 3, 2, 1: dealt by size they fill two folds with ten images each. */
Test(groups, fill_folds_evenly_where_they_can)
{
    uint32_t of[20], fold[20];
    static const int sizes[] = {1, 3, 7, 2, 4, 3};
    size_t images = 0, first = 0;
    for (uint32_t g = 0; g < 6; g++)
        for (int i = 0; i < sizes[g]; i++) of[images++] = g;
    ssg_groups groups = {of, images, 6};
    for (uint64_t seed = 0; seed < 5; seed++) {
        cr_assert_eq(ssg_groups_split(fold, &groups, 2, seed), SSGCAM_OK);
        first = 0;
        for (size_t i = 0; i < images; i++) first += fold[i] == 0;
        cr_assert_eq(first, 10);
    }
}

/* As they were split before there were groups; and images that are groups of their own are split the same way. */
Test(groups, of_one_image_each_are_split_as_images)
{
    static const uint32_t before[] = {2, 1, 4, 0, 1, 0, 1, 3, 0, 0, 3, 2, 2, 2, 4, 4, 3, 0, 3, 1, 2, 1, 4};
    uint32_t of[23], fold[23], plain[23];
    for (uint32_t i = 0; i < 23; i++) of[i] = i;
    ssg_groups named = {of, 23, 23}, unnamed = {NULL, 23, 23};
    cr_assert_eq(ssg_groups_split(fold, &unnamed, 5, 9), SSGCAM_OK);
    cr_assert_eq(memcmp(fold, before, sizeof before), 0);
    for (uint64_t seed = 0; seed < 20; seed++) {
        ssg_fold_split(plain, 23, 5, seed);
        cr_assert_eq(ssg_groups_split(fold, &unnamed, 5, seed), SSGCAM_OK);
        cr_assert_eq(memcmp(fold, plain, sizeof plain), 0);
        cr_assert_eq(ssg_groups_split(fold, &named, 5, seed), SSGCAM_OK);
        cr_assert_eq(memcmp(fold, plain, sizeof plain), 0);
    }
}

Test(groups, fewer_than_folds_are_refused)
{
    uint32_t of[] = {0, 1, 1, 0, 2, 2}, one[6] = {0}, fold[6];
    cr_assert_eq(ssg_groups_split(fold, &(ssg_groups){of, 6, 3}, 3, 1), SSGCAM_OK);
    cr_assert_eq(ssg_groups_split(fold, &(ssg_groups){of, 6, 3}, 4, 1), SSGCAM_ERR_ARGUMENT);
    cr_assert(strstr(ssgcam_last_error(), "4 folds of 6 images in 3 groups, and a group stays whole: give 3 at most"), "%s", ssgcam_last_error());
    cr_assert_eq(ssg_groups_split(fold, &(ssg_groups){one, 6, 1}, 2, 1), SSGCAM_ERR_ARGUMENT);
    cr_assert(strstr(ssgcam_last_error(), "in 1 group, and"), "%s", ssgcam_last_error());
}

/* ---- held out ------------------------------------------------------------------------------------------------------------------------------- */

Test(groups, are_held_out_whole_and_near_the_share)
{
    uint32_t of[MOST], place[MOST];
    unsigned char held[MOST];
    size_t count, marked = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        ssg_groups groups = {of, draw_groups(of, 20, 8, seed), 20};
        size_t wanted = groups.images * (1 + seed % 9) / 10;
        cr_assert_eq(ssg_groups_hold_out(held, &count, &groups, wanted, seed), SSGCAM_OK);
        for (size_t i = marked = 0; i < groups.images; i++) {
            marked += held[i];
            for (size_t j = 0; j < i; j++) cr_assert(of[i] != of[j] || held[i] == held[j], "seed %d: group %u is split", (int)seed, of[i]);
        }
        cr_assert_eq(marked, count);
        cr_assert(count + 4 >= wanted && count <= wanted + 4, "seed %d: %zu of %zu held out, not %zu", (int)seed, count, groups.images, wanted);

        ssg_groups single = {NULL, groups.images, groups.images}; /* the first of the shuffle, as before there were groups */
        cr_assert_eq(ssg_groups_hold_out(held, &count, &single, wanted, seed), SSGCAM_OK);
        ssg_fold_split(place, groups.images, groups.images, seed);
        cr_assert_eq(count, wanted);
        for (size_t i = 0; i < groups.images; i++) cr_assert_eq(held[i], place[i] < wanted);
    }
    uint32_t halves[] = {0, 0, 0, 1, 1, 1}, all[6] = {0};
    cr_assert_eq(ssg_groups_hold_out(held, &count, &(ssg_groups){halves, 6, 2}, 1, 3), SSGCAM_OK);
    cr_assert_eq(count, 0); /* none is nearer to one image than half of them */
    cr_assert_eq(ssg_groups_hold_out(held, &count, &(ssg_groups){halves, 6, 2}, 2, 3), SSGCAM_OK);
    cr_assert_eq(count, 3);
    cr_assert_eq(ssg_groups_hold_out(held, &count, &(ssg_groups){all, 6, 1}, 2, 3), SSGCAM_OK);
    cr_assert_eq(count, 0);
}

/* ---- intervals -------------------------------------------------------------------------------------------------------------------------------- */

/* The share of pixels that are right: easy to add up by hand. */
static double share(const ssg_counts *counts, size_t labels)
{
    (void)labels;
    return (double)counts[0].tp / (double)(counts[0].tp + counts[0].fp);
}

/* Four images of ten pixels: one group has 10, 8 and 9 right, the other one 1. Of two drawn groups a quarter of the samples is the first one twice
 * (27 of 30), a quarter the other one twice (1 of 10), half both (28 of 40). */
Test(groups, intervals_draw_whole_groups)
{
    static const ssg_counts right[] = {{.tp = 10}, {.tp = 1, .fp = 9}, {.tp = 8, .fp = 2}, {.tp = 9, .fp = 1}};
    uint32_t of[] = {0, 1, 0, 0};
    ssg_groups groups = {of, 4, 2};
    double low, high;
    cr_assert_eq(ssg_groups_interval(&low, &high, &groups, right, NULL, 1, share, 0.6, 4000, 1), SSGCAM_OK);
    cr_assert(low == 0.1 && high == 0.9, "%g %g", low, high); /* a fifth is cut on each side, less than a quarter */
    cr_assert_eq(ssg_groups_interval(&low, &high, &groups, right, NULL, 1, share, 0.4, 4000, 1), SSGCAM_OK);
    cr_assert(low == 0.7 && high == 0.7, "%g %g", low, high); /* three tenths, more than a quarter */
    static const ssg_counts other[] = {{.tp = 4, .fp = 6}, {.tp = 0, .fp = 10}, {.tp = 7, .fp = 3}, {.tp = 7, .fp = 3}};
    cr_assert_eq(ssg_groups_interval(&low, &high, &groups, right, other, 1, share, 0.6, 4000, 1), SSGCAM_OK);
    cr_assert(low == 0.1 && high == 0.9 - 0.6, "%g %g", low, high); /* both sides on the same groups: 1 less 0, 27 less 18 of 30 */
    cr_assert_eq(ssg_groups_interval(&low, &high, &groups, right, right, 1, share, 0.95, 500, 1), SSGCAM_OK);
    cr_assert(low == 0 && high == 0);
}

/* Every sample of four groups, each as likely as another, against drawn ones. */
Test(groups, intervals_are_those_of_all_samples)
{
    enum { IMAGES = 11, GROUPS = 4, SAMPLES = 256 };
    static uint32_t of[IMAGES] = {0, 1, 1, 2, 0, 3, 1, 3, 3, 3, 2};
    ssg_counts counts[IMAGES][2], per_group[GROUPS][2] = {0};
    ssg_draws draws = ssg_draws_named(5, 0, 0, 0);
    double value[SAMPLES];
    for (int i = 0; i < IMAGES; i++)
        for (int l = 0; l < 2; l++) {
            ssg_counts *c = &counts[i][l], *sum = &per_group[of[i]][l];
            *c = (ssg_counts){50 + ssg_draw_below(&draws, 200), ssg_draw_below(&draws, 90 * (1 + of[i])), ssg_draw_below(&draws, 100)};
            sum->tp += c->tp, sum->fp += c->fp, sum->fn += c->fn;
        }
    for (int s = 0; s < SAMPLES; s++) {
        ssg_counts sum[2] = {0};
        for (int k = 0; k < GROUPS; k++)
            for (int l = 0; l < 2; l++) {
                const ssg_counts *c = &per_group[s >> 2 * k & 3][l];
                sum[l].tp += c->tp, sum[l].fp += c->fp, sum[l].fn += c->fn;
            }
        value[s] = ssg_mean_iou(sum, 2);
    }
    for (int s = 1; s < SAMPLES; s++)
        for (int k = s; k > 0 && value[k] < value[k - 1]; k--) {
            double larger = value[k - 1];
            value[k - 1] = value[k], value[k] = larger;
        }
    static const double levels[] = {0.95, 0.8, 0.5};
    for (int k = 0; k < 3; k++) { /* a sample's rank among all is known to 1 %, three deviations of 20000 draws */
        double cut = (1 - levels[k]) / 2, low, high;
        cr_assert_eq(ssg_groups_interval(&low, &high, &(ssg_groups){of, IMAGES, GROUPS}, &counts[0][0], NULL, 2, ssg_mean_iou, levels[k], 20000, 2),
                     SSGCAM_OK);
        cr_expect(value[(int)((cut - 0.01) * SAMPLES)] <= low && low <= value[(int)((cut + 0.01) * SAMPLES) + 1], "%g of %g", low, levels[k]);
        cr_expect(value[(int)((1 - cut - 0.01) * SAMPLES) - 1] <= high && high <= value[(int)((1 - cut + 0.01) * SAMPLES)], "%g of %g", high,
                  levels[k]);
    }
}

/* Images that name no group, and those that are groups of their own: the same samples, bit by bit. */
Test(groups, of_one_image_each_have_the_intervals_of_images)
{
    ssg_counts counts[9];
    uint32_t of[9];
    double expected[2], low, high;
    ssg_draws draws = ssg_draws_named(6, 0, 0, 0);
    for (uint32_t i = 0; i < 9; i++) of[i] = i, counts[i] = (ssg_counts){.tp = 1 + ssg_draw_below(&draws, 50), .fp = ssg_draw_below(&draws, 50)};
    cr_assert_eq(ssg_bootstrap_interval(&expected[0], &expected[1], counts, NULL, 9, 1, share, 0.95, 300, 4), SSGCAM_OK);
    for (int named = 0; named < 2; named++) {
        cr_assert_eq(ssg_groups_interval(&low, &high, &(ssg_groups){named ? of : NULL, 9, 9}, counts, NULL, 1, share, 0.95, 300, 4), SSGCAM_OK);
        cr_assert(low == expected[0] && high == expected[1]);
    }
}

/* ---- memory --------------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status everything(void)
{
    static const ssg_counts counts[6] = {{.tp = 1}, {.tp = 2}, {.tp = 3}, {.fp = 1}, {.fp = 2}, {.tp = 1}};
    static const unsigned char none[6] = {0};
    ssgcam_item item[6];
    const ssgcam_item *items[6];
    uint32_t fold[6];
    unsigned char held[6];
    size_t count;
    double low, high;
    for (int i = 0; i < 6; i++) item[i] = (ssgcam_item){.group = (char *)(i % 2 ? "odd" : i ? "even" : NULL)}, items[i] = &item[i];
    ssg_groups groups;
    SSG_TRY(ssg_groups_number(&groups, items, none, 0, 6));
    ssgcam_status status = ssg_groups_split(fold, &groups, 3, 1);
    if (status == SSGCAM_OK) status = ssg_groups_hold_out(held, &count, &groups, 2, 1);
    if (status == SSGCAM_OK) status = ssg_groups_interval(&low, &high, &groups, counts, counts, 1, share, 0.9, 20, 1);
    ssg_groups_clear(&groups);
    return status;
}

Test(groups, survive_any_failed_allocation)
{
    int n = 1;
    for (;; n++) {
        ssg_alloc_fail_at(n, 0);
        ssgcam_status status = everything();
        ssg_alloc_fail_at(0, 0);
        if (status == SSGCAM_OK) break;
        cr_assert_eq(status, SSGCAM_ERR_MEMORY);
    }
    cr_assert_gt(n, 10);
}
