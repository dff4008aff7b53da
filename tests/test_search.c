/* test_search.c - the bank, the search over it, its files: same bytes by every road, and what it says about data it cannot use. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ssgcam/ssgcam.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/data/image.h"
#include "host/search/bank.h"
#include "kernels/score_blocks.h"
#include "tests/support/small_set.h"

TestSuite(search, .init = small_set_up, .fini = small_tear_down);

/* ---- one result by every road ------------------------------------------------------------------------------------------------------------ */

Test(search, bank_and_recipe_are_the_same_by_every_road)
{
    ssgcam_search_options o = small_options();
    char *expected = small_recipe_of(&o), *cache = ssg_path_join(small_folder, "cache");
    ssgcam_search_result result;

    o.cache = cache;
    small_expect_same(&o, expected, "bank kept in a file");
    o.bank_memory = 1000;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK);
    cr_assert(result.bank_cached && result.bank_mapped);
    ssgcam_search_clear(&result);
    small_expect_same(&o, expected, "bank mapped");
    o.cache = NULL;
    small_expect_same(&o, expected, "bank in a temporary file, mapped");
    o.bank_memory = 0;

    static const char *const levels[] = {"ref", "avx2", "avx512"};
    o.cache = cache; /* the network's own arithmetic differs with the instruction set, the search over a given bank does not */
    for (int i = 0; i < 3; i++) {
        setenv("SSGCAM_CPU_LEVEL", levels[i], 1);
        small_expect_same(&o, expected, levels[i]);
    }
    unsetenv("SSGCAM_CPU_LEVEL");

    o.cache = NULL;
    ssgcam_device_close(&small_device);
    cr_assert_eq(ssgcam_device_open(&small_device, "cpu", 2), SSGCAM_OK);
    o.device = small_device;
    small_expect_same(&o, expected, "two threads");
    o.folds = 3, o.runs = 3;
    ssgcam_text_free(expected);
    expected = small_recipe_of(&o);
    for (int threads = 1; threads <= 9; threads += 4) {
        ssgcam_device_close(&small_device);
        cr_assert_eq(ssgcam_device_open(&small_device, "cpu", threads), SSGCAM_OK);
        o.device = small_device;
        small_expect_same(&o, expected, "nine runs, some side by side");
    }
    o.batch = 1;
    small_expect_same(&o, expected, "one image at a time");
    ssg_free(cache);
    ssgcam_text_free(expected);
}

Test(search, interrupted_and_continued_ends_with_the_same_bytes)
{
    ssgcam_search_options o = small_options();
    ssgcam_search_result result;
    small_interruption when = {0};
    o.folds = 2, o.runs = 2;
    char *whole = ssg_path_join(small_folder, "whole.json"), *broken = ssg_path_join(small_folder, "broken.json"), *a, *b;
    char *checkpoint = ssg_path_join(small_folder, "broken.checkpoint"), *log = ssg_path_join(small_folder, "broken.log.jsonl");
    size_t size_a, size_b, stops = 0;
    o.out = whole;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert(result.has_crossvalidation && result.crossvalidated.mean_iou > 0);
    ssgcam_search_clear(&result);

    o.out = broken;
    o.stop = &when.stop;
    o.on_generation = small_count_generation;
    o.context = &when;
    for (;; stops++) {
        when = (small_interruption){0, 5 + stops};
        ssgcam_device_close(&small_device); /* as many runs side by side as there are threads: they need not be the same ones later */
        cr_assert_eq(ssgcam_device_open(&small_device, "cpu", (const int[]){1, 3, 8, 2}[stops % 4]), SSGCAM_OK);
        o.device = small_device;
        ssgcam_status status = ssgcam_search_run(&o, &result);
        int resumed = result.resumed;
        ssgcam_search_clear(&result);
        if (status == SSGCAM_OK) break;
        cr_assert_eq(status, SSGCAM_ERR_INTERRUPTED, "%s", ssgcam_last_error());
        cr_assert_eq(resumed, stops > 0);
        cr_assert_eq(access(checkpoint, F_OK), 0);
    }
    cr_assert_gt(stops, 2);
    cr_assert_neq(access(checkpoint, F_OK), 0, "the checkpoint stays behind");
    cr_assert_eq(ssg_file_read(&a, &size_a, whole, 1 << 20), SSGCAM_OK);
    cr_assert_eq(ssg_file_read(&b, &size_b, broken, 1 << 20), SSGCAM_OK);
    cr_assert(size_a == size_b && memcmp(a, b, size_a) == 0, "%s\n%s", a, b);
    ssg_free(b);

    /* Every generation once in the log, whatever the interruptions. */
    char *whole_log = ssg_path_join(small_folder, "whole.log.jsonl"), *log_a;
    cr_assert_eq(ssg_file_read(&log_a, &size_a, whole_log, 1 << 20), SSGCAM_OK);
    cr_assert_eq(ssg_file_read(&b, &size_b, log, 1 << 20), SSGCAM_OK);
    size_t lines[2] = {0};
    for (size_t i = 0; i < size_a; i++) lines[0] += log_a[i] == '\n';
    for (size_t i = 0; i < size_b; i++) lines[1] += b[i] == '\n';
    cr_assert_eq(lines[0], lines[1]);

    /* A checkpoint of other options or data is refused. */
    when = (small_interruption){0, 3};
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_ERR_INTERRUPTED);
    o.stop = NULL;
    o.seed = 4;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_ERR_INPUT);
    cr_assert(strstr(ssgcam_last_error(), "other options"), "%s", ssgcam_last_error());
    o.seed = 3, o.holdout = NULL;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_ERR_INPUT);
    cr_assert(strstr(ssgcam_last_error(), "other data"), "%s", ssgcam_last_error());
    o.fresh = 1;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK, "%s", ssgcam_last_error());
    ssgcam_search_clear(&result);
    char *const owned[] = {whole, broken, checkpoint, log, whole_log, a, b, log_a};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) ssg_free(owned[i]);
}

/* As many candidates as all runs scored, the same ones whatever the runs; stopped after every step it ends with the same bytes. */
Test(search, random_search_draws_as_many_as_all_runs)
{
    ssgcam_search_options o = small_options();
    ssgcam_search_result one, two;
    small_interruption when = {0};
    char *cache = ssg_path_join(small_folder, "cache");
    o.cache = cache, o.evaluations = 400; /* a bank that is only read does not stop */
    cr_assert_eq(ssgcam_search_run(&o, &one), SSGCAM_OK, "%s", ssgcam_last_error());
    o.runs = 2, o.evaluations = 200;
    cr_assert_eq(ssgcam_search_run(&o, &two), SSGCAM_OK, "%s", ssgcam_last_error());
    const ssgcam_search_entry *random = &one.entries[one.entry_count - 2], *again = &two.entries[two.entry_count - 2];
    cr_assert_str_eq(random->name, "random search");
    cr_assert_str_eq(random->rows, again->rows);
    cr_assert_eq(random->searched.mean_iou, again->searched.mean_iou);
    cr_assert_float_eq(two.over_random.difference, again[1].heldout.mean_iou - again->heldout.mean_iou, 1e-12);
    cr_assert(two.over_random.low <= two.over_random.difference && two.over_random.difference <= two.over_random.high);
    when.after = (size_t)two.generations + 2; /* and the first members of both */
    char *whole;
    cr_assert_eq(ssgcam_recipe_print(two.recipe, &whole), SSGCAM_OK);
    ssgcam_search_clear(&one);
    ssgcam_search_clear(&two);

    char *out = ssg_path_join(small_folder, "random.json"), *broken;
    size_t stops = 0;
    o.out = out, o.stop = &when.stop, o.on_generation = small_count_generation, o.context = &when;
    cr_assert_eq(ssgcam_search_run(&o, &two), SSGCAM_ERR_INTERRUPTED, "stopped after the last generation");
    while (ssgcam_search_run(&o, &two) == SSGCAM_ERR_INTERRUPTED && ++stops < 100) cr_assert(!two.recipe);
    cr_assert_eq(stops, 2, "stopped %zu times: after 256 of 400 candidates, and after all", stops);
    cr_assert_eq(ssgcam_recipe_print(two.recipe, &broken), SSGCAM_OK);
    cr_assert_str_eq(broken, whole);
    ssgcam_search_clear(&two);
    ssgcam_text_free(whole);
    ssgcam_text_free(broken);
    ssg_free(out);
    ssg_free(cache);
}

Test(search, a_bank_is_continued_and_repaired)
{
    ssgcam_search_options o = small_options();
    ssg_grid grid;
    ssg_bank_store whole, part;
    const ssgcam_item *items[SEARCHED];
    static const int classes[] = {0, 1, 2};
    char *cache = ssg_path_join(small_folder, "cache"), key[33];
    for (int i = 0; i < SEARCHED; i++) items[i] = &small_data->items[i];
    cr_assert_eq(ssg_grid_make(&grid, &o), SSGCAM_OK);
    ssg_bank_request request = {&o, &grid, items, SEARCHED, classes, 3, {SSG_TRUTH_CLASSES, 1}, {0}};
    cr_assert_eq(ssg_bank_open(&whole, &request), SSGCAM_OK, "%s", ssgcam_last_error());

    o.cache = cache;
    cr_assert_eq(ssg_bank_key(key, &request), SSGCAM_OK);
    cr_assert_eq(ssg_bank_open(&part, &request), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_str_eq(part.digest, whole.digest);
    size_t damaged = part.table[2].offset + 100;
    ssg_bank_close(&part);
    char *path = ssg_format("%s/%s.bank", cache, key);
    FILE *file = fopen(path, "r+b");
    fseek(file, (long)damaged, SEEK_SET);
    fputc(99, file);
    fclose(file);
    cr_assert_eq(ssg_bank_open(&part, &request), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(part.cached, 0);
    cr_assert_str_eq(part.digest, whole.digest);
    ssg_bank_close(&part);

    /* Cut off in the middle, as by a kill. */
    char *unfinished = ssg_format("%s.part", path);
    cr_assert_eq(rename(path, unfinished), 0);
    cr_assert_eq(truncate(unfinished, (off_t)damaged), 0);
    cr_assert_eq(ssg_bank_open(&part, &request), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_str_eq(part.digest, whole.digest);
    for (size_t i = 0; i < SEARCHED; i++)
        cr_assert_eq(memcmp(part.images[i].maps, whole.images[i].maps,
                            part.images[i].class_count * part.rows * (part.stride + ssg_score_bounds_size(part.stride))),
                     0);
    ssg_bank_close(&part);
    char whole_digest[33];
    memcpy(whole_digest, whole.digest, sizeof whole_digest);
    ssg_bank_close(&whole);

    /* Another mask: the same maps, another bank. */
    small_write_pair(2, 2, 2, WIDTH);
    cr_assert_eq(ssg_bank_open(&part, &request), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(part.cached, 1);
    cr_assert_str_neq(part.digest, whole_digest);
    ssg_bank_close(&part);
    ssg_grid_clear(&grid);
    ssg_free(cache);
    ssg_free(path);
    ssg_free(unfinished);
}

/* ---- generate does what search promised ---------------------------------------------------------------------------------------------------- */

static void count_masks(const char *masks, const ssgcam_dataset *of, ssg_counts counts[4])
{
    memset(counts, 0, 4 * sizeof *counts);
    for (size_t i = 0; i < of->count; i++) {
        ssg_image truth, made;
        char *path = ssg_format("%s/masks/%s.png", masks, of->items[i].id);
        cr_assert_eq(ssg_image_read_indices(&truth, of->items[i].mask), SSGCAM_OK);
        cr_assert_eq(ssg_image_read_indices(&made, path), SSGCAM_OK, "%s", ssgcam_last_error());
        for (int p = 0; p < HEIGHT * WIDTH; p++) {
            int t = truth.pixels[p], m = made.pixels[p];
            if (t == m) counts[t].tp++;
            if (t != m) counts[m].fp++, counts[t].fn++;
        }
        ssg_image_clear(&truth);
        ssg_image_clear(&made);
        ssg_free(path);
    }
}

Test(search, generate_on_the_grid_reproduces_the_counts)
{
    ssgcam_search_options o = small_options();
    ssgcam_search_result result;
    const ssgcam_dataset *sets[] = {small_data, small_test};
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK, "%s", ssgcam_last_error());
    const ssgcam_search_entry *own = &result.entries[result.entry_count - 1];
    for (int s = 0; s < 2; s++) {
        ssg_counts counts[4];
        char *out = ssg_format("%s/out%d", small_folder, s), text[256] = "\"counts\":[";
        ssgcam_generate_options g = {.device = small_device, .model = small_model, .data = sets[s], .recipe = result.recipe, .out = out};
        cr_assert_eq(ssgcam_generate_run(&g, NULL), SSGCAM_OK, "%s", ssgcam_last_error());
        count_masks(out, sets[s], counts);
        for (int l = 0; l < 4; l++)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s[%d,%d,%d]", l ? "," : "", (int)counts[l].tp, (int)counts[l].fp,
                     (int)counts[l].fn);
        cr_assert(strstr(result.recipe->provenance, text), "%s is not in %s", text, result.recipe->provenance);
        cr_assert_eq(ssg_mean_iou(counts, 4), (s ? own->heldout : own->searched).mean_iou);
        ssg_free(out);
    }
    for (size_t i = 0; i + 2 < result.entry_count; i++) cr_assert_leq(result.entries[i].searched.mean_iou, own->searched.mean_iou);
    cr_assert(result.interval[0][0] <= own->searched.mean_iou && own->searched.mean_iou <= result.interval[0][1]);
    ssgcam_search_clear(&result);
}

/* ---- input that cannot be searched --------------------------------------------------------------------------------------------------------- */

Test(search, unusable_data_is_named)
{
    ssgcam_search_options o = small_options();
    ssgcam_dataset *bad;
    o.holdout = NULL;
    o.data = bad = small_load_range(0, 1);
    small_refused(&o, SSGCAM_ERR_INPUT, "1 image to search on");
    ssgcam_dataset_destroy(&bad);
    small_write_pair(20, 0, 0, WIDTH);
    o.data = bad = small_load("image,label,mask\ni0.png,red,m0.png\ni20.png,red,m20.png\n");
    small_refused(&o, SSGCAM_ERR_INPUT, "m20.png: every pixel is marked as ignored");
    ssgcam_dataset_destroy(&bad);
    small_write_pair(21, 0, 1, WIDTH + 2);
    o.data = bad = small_load("image,label,mask\ni0.png,red,m0.png\ni21.png,red,m21.png\n");
    small_refused(&o, SSGCAM_ERR_INPUT, "m21.png: 50x32 pixels, but the image has 48x32");
    ssgcam_dataset_destroy(&bad);
    o.data = bad = small_load("image,labels,mask\ni0.png,red,m0.png\ni3.png,red;blue,m3.png\n");
    small_refused(&o, SSGCAM_ERR_INPUT, "class 2 (blue): images are labelled with it, but no mask shows it");
    ssgcam_dataset_destroy(&bad);
    o.data = bad = small_load("image,labels,mask\ni0.png,red,m0.png\ni3.png,red,m1.png\n");
    small_refused(&o, SSGCAM_ERR_INPUT, "m1.png: it holds class 1, but no image");
    ssgcam_dataset_destroy(&bad);
    o.data = bad = small_load("image,labels,mask\ni0.png,red,m0.png\ni3.png,red,\n");
    small_refused(&o, SSGCAM_ERR_INPUT, "i3.png: this image has no mask");
    ssgcam_dataset_destroy(&bad);
    o.data = bad = small_load("image,labels,mask\ni0.png,red,m0.png\nnone.png,red,m3.png\n");
    small_refused(&o, SSGCAM_ERR_NOT_FOUND, "none.png");
    ssgcam_dataset_destroy(&bad);
    o.mask_values = "boxes";
    o.data = bad = small_load("image,labels,boxes\ni0.png,red,1 1 9 9\ni3.png,red,\n");
    small_refused(&o, SSGCAM_ERR_INPUT, "i3.png: this image has no box; a search needs boxes for every image");
    ssgcam_dataset_destroy(&bad);
    o.data = bad = small_load("image,labels,boxes\ni0.png,red,1 1 9 9\ni3.png,red;blue,red 1 1 9 9\n");
    small_refused(&o, SSGCAM_ERR_INPUT, "class 2 (blue): images are labelled with it, but no box shows it");
    ssgcam_dataset_destroy(&bad);
    o.data = bad = small_load("image,labels,boxes\ni0.png,red,1 1 9 9\ni3.png,red,green 1 1 9 9\n");
    small_refused(&o, SSGCAM_ERR_INPUT, "i3.png: it holds class 1, but no image");
    ssgcam_dataset_destroy(&bad);
    o = small_options();
    o.holdout = small_data;
    small_refused(&o, SSGCAM_ERR_INPUT, "is both searched and held out");
}

/* Boxes are searched on as masks are in which they are painted. */
Test(search, boxes_are_filled_masks)
{
    ssgcam_search_options o = small_options();
    ssgcam_search_result masks, boxes;
    static uint8_t marks[HEIGHT * WIDTH];
    for (int y = 4; y < 20; y++) memset(marks + y * WIDTH + 6, 1, 24);
    for (int y = 10; y < 18; y++) memset(marks + y * WIDTH + 20, 2, 20);
    small_write_png("box.png", &(ssg_image){WIDTH, HEIGHT, 1, marks});
    ssgcam_dataset *painted = small_load("image,labels,mask\ni0.png,red;green,box.png\ni1.png,red;green,box.png\n");
    ssgcam_dataset *listed =
        small_load("image,labels,boxes\ni0.png,red;green,green 20 10 40 18; red 6 4 30 20\ni1.png,red;green,red 6 4 30 20; green 20 10 40 18\n");
    o.holdout = NULL, o.evaluations = 60;
    o.data = painted;
    cr_assert_eq(ssgcam_search_run(&o, &masks), SSGCAM_OK, "%s", ssgcam_last_error());
    o.data = listed, o.mask_values = "boxes";
    cr_assert_eq(ssgcam_search_run(&o, &boxes), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(masks.entry_count, boxes.entry_count);
    cr_assert_gt(masks.entries[masks.entry_count - 1].searched.mean_iou, 0.2);
    for (size_t i = 0; i < masks.entry_count; i++) {
        cr_assert_str_eq(masks.entries[i].rows, boxes.entries[i].rows);
        cr_assert_eq(masks.entries[i].searched.mean_iou, boxes.entries[i].searched.mean_iou);
    }
    ssgcam_search_clear(&masks);
    ssgcam_search_clear(&boxes);
    ssgcam_dataset_destroy(&painted);
    ssgcam_dataset_destroy(&listed);
}

/* Of the lines whose names begin so. */
static const ssgcam_search_entry *best_of(const ssgcam_search_result *result, const char *beginning)
{
    const ssgcam_search_entry *best = NULL;
    for (size_t i = 0; i < result->entry_count; i++) {
        const ssgcam_search_entry *e = &result->entries[i];
        if (strncmp(e->name, beginning, strlen(beginning)) == 0 && (!best || e->searched.object_miou > best->searched.object_miou)) best = e;
    }
    return best;
}

/* Differences are those of the figures beside them; folds are the default once there are images enough. */
Test(search, gains_are_reported_against_layers_and_naive_stacking)
{
    ssgcam_search_options o = small_options();
    ssgcam_search_result result;
    ssgcam_dataset *most = small_load_range(0, 8), *rest = small_load_range(8, IMAGES);
    o.data = most, o.holdout = rest, o.fitness = SSGCAM_FITNESS_OBJECT, o.evaluations = 100;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert(result.has_crossvalidation);
    const ssgcam_search_entry *naive = best_of(&result, "naive "), *recipe = &result.entries[result.entry_count - 1];
    const ssgcam_search_gain *gain = &result.over_naive;
    cr_assert_float_eq(gain->difference, recipe->heldout.object_miou - naive->heldout.object_miou, 1e-12);
    cr_assert(gain->low <= gain->difference && gain->difference <= gain->high, "%g %g %g", gain->low, gain->difference, gain->high);
    cr_assert(strstr(result.recipe->provenance, "\"crossvalidated\":{") && strstr(result.recipe->provenance, "\"folds\":4") &&
              strstr(result.recipe->provenance, "\"runs\":2"));
    ssgcam_search_clear(&result);

    o.folds = 1;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert(!result.has_crossvalidation && strstr(result.recipe->provenance, "\"folds\":0"));
    ssgcam_search_clear(&result);
    ssgcam_dataset_destroy(&most);
    ssgcam_dataset_destroy(&rest);
}

/* The mean of the folds' searches need not be as good as what they began with; where it is not, that is named. */
Test(search, what_the_recipe_is_not_ahead_of_is_named)
{
    int seen[3] = {0}; /* nothing, the best single layer, naive stacking */
    static const double all = 1;
    ssgcam_dataset *most = small_load_range(0, 8);
    for (int variant = 0; variant < 12; variant++) {
        ssgcam_search_options o = small_options();
        ssgcam_search_result r;
        o.data = most, o.holdout = NULL, o.fitness = SSGCAM_FITNESS_OBJECT, o.evaluations = 40, o.seed = (uint64_t)variant;
        o.method_count = variant % 2 ? 1 : 2;
        o.shrink = variant == 0 ? &all : NULL;
        cr_assert_eq(ssgcam_search_run(&o, &r), SSGCAM_OK, "%s", ssgcam_last_error());
        const ssgcam_search_entry *recipe = &r.entries[r.entry_count - 1], *layer = best_of(&r, "best s"), *naive = best_of(&r, "naive ");
        const ssgcam_search_entry *other = best_of(&r, "best l");
        if (other && other->searched.object_miou > layer->searched.object_miou) layer = other;
        double over_layer = r.crossvalidated_over_layer.difference, over_naive = r.crossvalidated_over_naive.difference;
        if (fmin(over_layer, over_naive) > 0) {
            over_layer = recipe->searched.object_miou - layer->searched.object_miou;
            over_naive = recipe->searched.object_miou - naive->searched.object_miou;
        }
        int named = over_layer > 0 && over_naive > 0 ? 0 : over_layer <= over_naive ? 1 : 2;
        if (recipe->layers == 1 || r.shrink == 1) named = 0; /* it is one of them */
        cr_assert_eq(r.simpler != NULL, named != 0, "variant %d: %g %g", variant, over_layer, over_naive);
        if (named) cr_assert_eq(r.simpler->layer_count, named == 1 ? 1 : naive->layers);
        if (named) cr_assert_eq(r.simpler->threshold, named == 1 ? layer->threshold : naive->threshold);
        seen[named]++;
        ssgcam_search_clear(&r);
    }
    cr_assert(seen[0] && seen[1] && seen[2], "%d %d %d", seen[0], seen[1], seen[2]);
    ssgcam_dataset_destroy(&most);
}

/* ---- options -------------------------------------------------------------------------------------------------------------------------------------
 */

Test(search, senseless_options_are_refused)
{
    ssgcam_search_options o = small_options();
    o.population = 3;
    small_refused(&o, SSGCAM_ERR_ARGUMENT, "population");
    o = small_options(), o.holdout_fraction = 0.5;
    small_refused(&o, SSGCAM_ERR_ARGUMENT, "not both");
    o = small_options(), o.folds = 20;
    small_refused(&o, SSGCAM_ERR_ARGUMENT, "20 folds of 7 images");
    o = small_options(), o.folds = 5, o.runs = 20;
    small_refused(&o, SSGCAM_ERR_ARGUMENT, "20 runs and 5 folds; give at most 64 runs in all");
    o = small_options(), o.shrink = &(double){1.5};
    small_refused(&o, SSGCAM_ERR_ARGUMENT, "shrink 1.5; give 0 to 1");
    o = small_options(), o.layers = "relu9";
    small_refused(&o, SSGCAM_ERR_NOT_FOUND, "relu9");
    o = small_options(), o.mask_values = "colours";
    small_refused(&o, SSGCAM_ERR_ARGUMENT, "colours");
    static const ssgcam_method scorecam[] = {SSGCAM_METHOD_SCORECAM};
    o = small_options(), o.methods = scorecam, o.method_count = 1;
    small_refused(&o, SSGCAM_ERR_ARGUMENT, "scorecam");
}

Test(search, only_methods_to_mix_are_mixed)
{
    static const ssgcam_method wanted[] = {SSGCAM_METHOD_LAYERCAM}, absent[] = {SSGCAM_METHOD_GRADCAM};
    ssgcam_search_result result;
    ssgcam_search_options o = small_options();
    o.mixed = wanted, o.mixed_count = 1;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK, "%s", ssgcam_last_error());
    for (size_t i = 0; i < result.recipe->layer_count; i++) cr_assert_eq(result.recipe->layers[i].method.method, SSGCAM_METHOD_LAYERCAM);
    ssgcam_search_clear(&result);
    o.mixed = absent;
    small_refused(&o, SSGCAM_ERR_ARGUMENT, "none of the methods to mix");
}

Test(search, every_fitness_and_mode_runs)
{
    for (int fitness = 0; fitness < 4; fitness++)
        for (int mode = 0; mode < 2; mode++) {
            ssgcam_search_result result;
            ssgcam_search_options o = small_options();
            o.fitness = (ssgcam_fitness)fitness, o.threshold = (ssgcam_threshold_mode)mode, o.evaluations = 160, o.runs = 2;
            o.holdout = NULL, o.holdout_fraction = 0.3;
            cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK, "%s", ssgcam_last_error());
            cr_assert_eq(result.heldout, 2);
            cr_assert_eq(result.searched, 5);
            cr_assert_gt(result.entries[result.entry_count - 1].searched.mean_iou, 0.1);
            ssgcam_search_clear(&result);
        }
}
