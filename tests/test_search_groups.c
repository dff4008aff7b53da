/* test_search_groups.c - images that belong together in a search: folds, held-out images, intervals, checkpoints. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include <ssgcam/ssgcam.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "tests/support/small_set.h"

TestSuite(search_groups, .init = small_set_up, .fini = small_tear_down);

/* Images first..end, of the groups that the letters name; '-': of none. */
static ssgcam_dataset *load_groups(const char *letters, int first, int end)
{
    char text[1024] = "image,label,mask,patient\n";
    for (int i = first; i < end; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "i%d.png,%s,m%d.png,%.*s\n", i, (const char *[]){"red", "green", "blue"}[i % 3], i,
                 letters[i - first] != '-', letters + i - first);
    return small_load(text);
}

static void search_of(ssgcam_search_result *result, ssgcam_search_options o, const ssgcam_dataset *searched, const ssgcam_dataset *held)
{
    o.data = searched, o.holdout = held, o.evaluations = 100;
    cr_assert_eq(ssgcam_search_run(&o, result), SSGCAM_OK, "%s", ssgcam_last_error());
}

/* The number of groups apart, a search of images that are all of different groups is that of images without groups. */
Test(search_groups, groups_of_one_image_each_change_no_figure)
{
    ssgcam_dataset *sets[] = {load_groups("--------", 0, 8), load_groups("--", 8, IMAGES), load_groups("abcdef-h", 0, 8),
                              load_groups("xy", 8, IMAGES)};
    ssgcam_search_result plain, grouped;
    search_of(&plain, small_options(), sets[0], sets[1]);
    search_of(&grouped, small_options(), sets[2], sets[3]);
    cr_assert(plain.searched_groups == 0 && plain.heldout_groups == 0 && grouped.searched_groups == 8 && grouped.heldout_groups == 2);
    cr_assert(!strstr(plain.recipe->provenance, "groups"), "%s", plain.recipe->provenance);
    cr_assert(strstr(grouped.recipe->provenance, "\"groups\":8,") && strstr(grouped.recipe->provenance, "\"groups\":2,"), "%s",
              grouped.recipe->provenance);
    cr_assert_eq(plain.recipe->layer_count, grouped.recipe->layer_count);
    for (size_t i = 0; i < plain.recipe->layer_count; i++) cr_assert_eq(plain.recipe->layers[i].weight, grouped.recipe->layers[i].weight);
    cr_assert_eq(memcmp(plain.interval, grouped.interval, sizeof plain.interval), 0);
    const ssgcam_search_gain *const gains[][2] = {{&plain.over_layer, &grouped.over_layer},
                                                  {&plain.over_naive, &grouped.over_naive},
                                                  {&plain.crossvalidated_over_layer, &grouped.crossvalidated_over_layer},
                                                  {&plain.crossvalidated_over_naive, &grouped.crossvalidated_over_naive}};
    for (int i = 0; i < 4; i++) cr_assert_eq(memcmp(gains[i][0], gains[i][1], sizeof *gains[i][0]), 0);
    cr_assert_eq(memcmp(&plain.crossvalidated, &grouped.crossvalidated, sizeof plain.crossvalidated), 0);
    ssgcam_search_clear(&plain);
    ssgcam_search_clear(&grouped);
    for (int i = 0; i < 4; i++) ssgcam_dataset_destroy(&sets[i]);
}

/* Samples of one group are all alike, so that its interval is its figure; of two groups both figures bound it. */
Test(search_groups, groups_stay_whole)
{
    ssgcam_dataset *three = load_groups("aabbbcaa", 0, 8), *one = load_groups("zz", 8, IMAGES), *alike = load_groups("aaaaaaaa", 0, 8);
    ssgcam_search_result result;
    search_of(&result, small_options(), three, one);
    cr_assert(result.has_crossvalidation && strstr(result.recipe->provenance, "\"folds\":3,") && strstr(result.recipe->provenance, "\"runs\":2,"),
              "%s", result.recipe->provenance);
    cr_assert(result.searched_groups == 3 && result.heldout_groups == 1 && result.interval[0][0] < result.interval[0][1]);
    const ssgcam_search_entry *recipe = &result.entries[result.entry_count - 1];
    cr_assert(result.interval[1][0] == recipe->heldout.mean_iou && result.interval[1][1] == recipe->heldout.mean_iou);
    cr_assert(result.over_naive.low == result.over_naive.difference && result.over_naive.high == result.over_naive.difference);
    ssgcam_search_clear(&result);

    ssgcam_search_options o = small_options();
    o.data = three, o.holdout = one;
    char *expected = small_recipe_of(&o);
    ssgcam_device_close(&small_device);
    cr_assert_eq(ssgcam_device_open(&small_device, "cpu", 2), SSGCAM_OK);
    o.device = small_device;
    small_expect_same(&o, expected, "two threads");
    ssgcam_text_free(expected);

    search_of(&result, o, alike, NULL);
    cr_assert(!result.has_crossvalidation && result.searched_groups == 1 && strstr(result.recipe->provenance, "\"folds\":0"));
    ssgcam_search_clear(&result);
    o.holdout = NULL, o.holdout_fraction = 0.5, o.evaluations = 100;
    search_of(&result, o, three, NULL);
    cr_assert(result.searched + result.heldout == 8 && result.searched_groups + result.heldout_groups == 3);
    ssgcam_search_clear(&result);

    o.data = alike;
    small_refused(&o, SSGCAM_ERR_ARGUMENT, "the 8 images are in 1 group, and a group stays whole, so that none would be held out");
    o.holdout_fraction = 0.9;
    small_refused(&o, SSGCAM_ERR_ARGUMENT, "so that all would be held out");
    o.holdout_fraction = 0, o.data = three, o.folds = 4;
    small_refused(&o, SSGCAM_ERR_ARGUMENT, "4 folds of 8 images in 3 groups, and a group stays whole: give 3 at most");
    ssgcam_dataset_destroy(&three);
    ssgcam_dataset_destroy(&one);
    ssgcam_dataset_destroy(&alike);
}

Test(search_groups, interrupted_with_groups_ends_with_the_same_bytes)
{
    ssgcam_dataset *searched = load_groups("aabbbcaa", 0, 8), *renamed = load_groups("xxyyyzxx", 0, 8), *other = load_groups("aabbccaa", 0, 8);
    ssgcam_dataset *none = load_groups("--------", 0, 8);
    ssgcam_search_options o = small_options();
    small_interruption when = {0, 5};
    ssgcam_search_result result;
    char *out = ssg_path_join(small_folder, "groups.json"), *whole, *continued;
    size_t size[2];
    o.data = searched, o.holdout = NULL, o.out = out;
    ssgcam_text_free(small_recipe_of(&o));
    cr_assert_eq(ssg_file_read(&whole, &size[0], out, 1 << 20), SSGCAM_OK);
    o.stop = &when.stop, o.on_generation = small_count_generation, o.context = &when;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_ERR_INTERRUPTED);
    ssgcam_search_clear(&result);
    o.stop = NULL;
    static const char sentence[] = "on other data, another model or another grid";
    o.data = other;
    small_refused(&o, SSGCAM_ERR_INPUT, sentence);
    o.data = none;
    small_refused(&o, SSGCAM_ERR_INPUT, sentence);
    o.data = searched;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert(result.resumed);
    ssgcam_search_clear(&result);
    cr_assert_eq(ssg_file_read(&continued, &size[1], out, 1 << 20), SSGCAM_OK);
    cr_assert(size[0] == size[1] && memcmp(whole, continued, size[0]) == 0, "%s\n%s", whole, continued);

    /* The same images belong together: the same search, whatever the groups are called. */
    when = (small_interruption){0, 5};
    o.stop = &when.stop;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_ERR_INTERRUPTED);
    ssgcam_search_clear(&result);
    o.stop = NULL, o.data = renamed;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert(result.resumed);
    ssgcam_search_clear(&result);
    ssg_free(out);
    ssg_free(whole);
    ssg_free(continued);
    ssgcam_dataset_destroy(&searched);
    ssgcam_dataset_destroy(&renamed);
    ssgcam_dataset_destroy(&other);
    ssgcam_dataset_destroy(&none);
}
