/* test_search.c - the bank, the search over it, its files: same bytes by every road, and what it says about data it cannot use. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ssgcam/ssgcam.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/base/philox.h"
#include "host/data/atomic_file.h"
#include "host/data/image.h"
#include "host/search/bank.h"
#include "host/search/phases.h"
#include "host/search/sampling.h"
#include "host/search/settle.h"
#include "tests/support/bounds.h"

enum { HEIGHT = 32, WIDTH = 48, IMAGES = 10, SEARCHED = 7 };

static char folder[64];
static ssgcam_device *device;
static ssgcam_model *model;
static ssgcam_dataset *data, *test;

/* ---- a small labelled set on disk ------------------------------------------------------------------------------------------------------ */

static void write_png(const char *name, const ssg_image *image)
{
    uint8_t *bytes;
    size_t size;
    char *path = ssg_path_join(folder, name);
    cr_assert_eq(ssg_image_encode_png(&bytes, &size, image, 0), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(ssg_file_write(path, bytes, size), SSGCAM_OK, "%s", ssgcam_last_error());
    ssg_free(bytes);
    ssg_free(path);
}

/* A coloured blob on noise, and the mask of the blob. value: what marks it; 0 leaves the mask all ignored. */
static void write_pair(int number, int label, int value, int width)
{
    static uint8_t pixels[3 * HEIGHT * WIDTH], marks[HEIGHT * 2 * WIDTH];
    ssg_draws draws = ssg_draws_named(7, (uint32_t)number, 0, 0);
    int cy = 8 + (int)ssg_draw_below(&draws, 16), cx = 10 + (int)ssg_draw_below(&draws, 28), r = 5 + number % 4;
    memset(marks, value ? 0 : 255, sizeof marks);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int inside = (y - cy) * (y - cy) + (x - cx) * (x - cx) < r * r;
            for (int c = 0; c < 3; c++) pixels[3 * (y * WIDTH + x) + c] = (uint8_t)(ssg_draw_below(&draws, 80) + (inside && c == label ? 150 : 20));
            if (inside && value && width == WIDTH) marks[y * WIDTH + x] = (uint8_t)value;
        }
    char name[32];
    snprintf(name, sizeof name, "i%d.png", number);
    write_png(name, &(ssg_image){WIDTH, HEIGHT, 3, pixels});
    snprintf(name, sizeof name, "m%d.png", number);
    write_png(name, &(ssg_image){width, HEIGHT, 1, marks});
}

static ssgcam_dataset *load(const char *text)
{
    ssgcam_dataset *loaded;
    static const char *const names[] = {"red", "green", "blue"};
    char *path = ssg_path_join(folder, "data.csv");
    cr_assert_eq(ssg_file_write(path, text, strlen(text)), SSGCAM_OK);
    cr_assert_eq(ssgcam_dataset_load(&loaded, &(ssgcam_dataset_options){.data = path, .classes = names, .class_count = 3}), SSGCAM_OK, "%s",
                 ssgcam_last_error());
    ssg_free(path);
    return loaded;
}

static ssgcam_dataset *load_range(int first, int end)
{
    char text[1024] = "image,label,mask\n";
    for (int i = first; i < end; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "i%d.png,%s,m%d.png\n", i, (const char *[]){"red", "green", "blue"}[i % 3], i);
    return load(text);
}

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/ssgcam-search-XXXXXX");
    cr_assert(mkdtemp(folder));
    for (int i = 0; i < IMAGES; i++) write_pair(i, i % 3, i % 3 + 1, WIDTH);
    cr_assert_eq(ssgcam_device_open(&device, "cpu", 1), SSGCAM_OK);
    cr_assert_eq(ssgcam_model_load(&model, SSG_FIXTURES "/tiny.onnx", NULL), SSGCAM_OK, "%s", ssgcam_last_error());
    data = load_range(0, SEARCHED);
    test = load_range(SEARCHED, IMAGES);
}

static void tear_down(void)
{
    char command[128];
    ssgcam_dataset_destroy(&data);
    ssgcam_dataset_destroy(&test);
    ssgcam_model_destroy(&model);
    ssgcam_device_close(&device);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(search, .init = set_up, .fini = tear_down);

static ssgcam_search_options options(void)
{
    static const double sigmas[] = {0, 2}, powers[] = {0.5, 1};
    static const ssgcam_method methods[] = {SSGCAM_METHOD_SSGCAM, SSGCAM_METHOD_LAYERCAM};
    return (ssgcam_search_options){.device = device,
                                   .model = model,
                                   .data = data,
                                   .holdout = test,
                                   .layers = "all",
                                   .methods = methods,
                                   .method_count = 2,
                                   .sigmas = sigmas,
                                   .sigma_count = 2,
                                   .powers = powers,
                                   .power_count = 2,
                                   .seed = 3,
                                   .evaluations = 400,
                                   .population = 16};
}

/* The recipe's text after a search that must succeed. Free with ssgcam_text_free. */
static char *recipe_of(const ssgcam_search_options *o)
{
    char *text;
    ssgcam_search_result result;
    cr_assert_eq(ssgcam_search_run(o, &result), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(ssgcam_recipe_print(result.recipe, &text), SSGCAM_OK);
    ssgcam_search_clear(&result);
    return text;
}

static void expect_same(const ssgcam_search_options *o, const char *expected, const char *what)
{
    char *text = recipe_of(o);
    cr_assert_str_eq(text, expected, "%s", what);
    ssgcam_text_free(text);
}

/* ---- one result by every road ------------------------------------------------------------------------------------------------------------ */

Test(search, bank_and_recipe_are_the_same_by_every_road)
{
    ssgcam_search_options o = options();
    char *expected = recipe_of(&o), *cache = ssg_path_join(folder, "cache");
    ssgcam_search_result result;

    o.cache = cache;
    expect_same(&o, expected, "bank kept in a file");
    o.bank_memory = 1000;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK);
    cr_assert(result.bank_cached && result.bank_mapped);
    ssgcam_search_clear(&result);
    expect_same(&o, expected, "bank mapped");
    o.cache = NULL;
    expect_same(&o, expected, "bank in a temporary file, mapped");
    o.bank_memory = 0;

    static const char *const levels[] = {"ref", "avx2", "avx512"};
    o.cache = cache; /* the network's own arithmetic differs with the instruction set, the search over a given bank does not */
    for (int i = 0; i < 3; i++) {
        setenv("SSGCAM_CPU_LEVEL", levels[i], 1);
        expect_same(&o, expected, levels[i]);
    }
    unsetenv("SSGCAM_CPU_LEVEL");

    o.cache = NULL;
    ssgcam_device_close(&device);
    cr_assert_eq(ssgcam_device_open(&device, "cpu", 2), SSGCAM_OK);
    o.device = device;
    expect_same(&o, expected, "two threads");
    o.folds = 3, o.runs = 3;
    ssgcam_text_free(expected);
    expected = recipe_of(&o);
    for (int threads = 1; threads <= 9; threads += 4) {
        ssgcam_device_close(&device);
        cr_assert_eq(ssgcam_device_open(&device, "cpu", threads), SSGCAM_OK);
        o.device = device;
        expect_same(&o, expected, "nine runs, some side by side");
    }
    o.batch = 1;
    expect_same(&o, expected, "one image at a time");
    ssg_free(cache);
    ssgcam_text_free(expected);
}

typedef struct interruption {
    int stop;
    size_t after;
} interruption;

static void count_generation(void *context, size_t run, size_t runs, const ssgcam_evolve_record *record)
{
    (void)run, (void)runs, (void)record;
    interruption *i = context;
    if (i->after && --i->after == 0) i->stop = 1;
}

Test(search, interrupted_and_continued_ends_with_the_same_bytes)
{
    ssgcam_search_options o = options();
    ssgcam_search_result result;
    interruption when = {0};
    o.folds = 2, o.runs = 2;
    char *whole = ssg_path_join(folder, "whole.json"), *broken = ssg_path_join(folder, "broken.json"), *a, *b;
    char *checkpoint = ssg_path_join(folder, "broken.checkpoint"), *log = ssg_path_join(folder, "broken.log.jsonl");
    size_t size_a, size_b, stops = 0;
    o.out = whole;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert(result.has_crossvalidation && result.crossvalidated.mean_iou > 0);
    ssgcam_search_clear(&result);

    o.out = broken;
    o.stop = &when.stop;
    o.on_generation = count_generation;
    o.context = &when;
    for (;; stops++) {
        when = (interruption){0, 5 + stops};
        ssgcam_device_close(&device); /* as many runs side by side as there are threads: they need not be the same ones later */
        cr_assert_eq(ssgcam_device_open(&device, "cpu", (const int[]){1, 3, 8, 2}[stops % 4]), SSGCAM_OK);
        o.device = device;
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
    char *whole_log = ssg_path_join(folder, "whole.log.jsonl"), *log_a;
    cr_assert_eq(ssg_file_read(&log_a, &size_a, whole_log, 1 << 20), SSGCAM_OK);
    cr_assert_eq(ssg_file_read(&b, &size_b, log, 1 << 20), SSGCAM_OK);
    size_t lines[2] = {0};
    for (size_t i = 0; i < size_a; i++) lines[0] += log_a[i] == '\n';
    for (size_t i = 0; i < size_b; i++) lines[1] += b[i] == '\n';
    cr_assert_eq(lines[0], lines[1]);

    /* A checkpoint of other options or data is refused. */
    when = (interruption){0, 3};
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

Test(search, a_bank_is_continued_and_repaired)
{
    ssgcam_search_options o = options();
    ssg_grid grid;
    ssg_bank_store whole, part;
    const ssgcam_item *items[SEARCHED];
    static const int classes[] = {0, 1, 2};
    char *cache = ssg_path_join(folder, "cache"), key[33];
    for (int i = 0; i < SEARCHED; i++) items[i] = &data->items[i];
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
    write_pair(2, 2, 2, WIDTH);
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
    ssgcam_search_options o = options();
    ssgcam_search_result result;
    const ssgcam_dataset *sets[] = {data, test};
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK, "%s", ssgcam_last_error());
    const ssgcam_search_entry *own = &result.entries[result.entry_count - 1];
    for (int s = 0; s < 2; s++) {
        ssg_counts counts[4];
        char *out = ssg_format("%s/out%d", folder, s), text[256] = "\"counts\":[";
        ssgcam_generate_options g = {.device = device, .model = model, .data = sets[s], .recipe = result.recipe, .out = out};
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

static void no_image(void *context, size_t done, size_t total, const char *id, const char *failure)
{
    (void)context, (void)done, (void)total, (void)failure;
    cr_assert_fail("%s went through the network first", id);
}

/* Before the network runs. */
static void refused(const ssgcam_search_options *options, ssgcam_status wanted, const char *sentence)
{
    ssgcam_search_options o = *options;
    ssgcam_search_result result;
    o.on_image = no_image;
    ssgcam_status status = ssgcam_search_run(&o, &result);
    cr_assert_eq(status, wanted, "%s", ssgcam_last_error());
    cr_assert(strstr(ssgcam_last_error(), sentence), "%s", ssgcam_last_error());
    ssgcam_search_clear(&result);
}

Test(search, unusable_data_is_named)
{
    ssgcam_search_options o = options();
    ssgcam_dataset *bad;
    o.holdout = NULL;
    o.data = bad = load_range(0, 1);
    refused(&o, SSGCAM_ERR_INPUT, "1 image to search on");
    ssgcam_dataset_destroy(&bad);
    write_pair(20, 0, 0, WIDTH);
    o.data = bad = load("image,label,mask\ni0.png,red,m0.png\ni20.png,red,m20.png\n");
    refused(&o, SSGCAM_ERR_INPUT, "m20.png: every pixel is marked as ignored");
    ssgcam_dataset_destroy(&bad);
    write_pair(21, 0, 1, WIDTH + 2);
    o.data = bad = load("image,label,mask\ni0.png,red,m0.png\ni21.png,red,m21.png\n");
    refused(&o, SSGCAM_ERR_INPUT, "m21.png: 50x32 pixels, but the image has 48x32");
    ssgcam_dataset_destroy(&bad);
    o.data = bad = load("image,labels,mask\ni0.png,red,m0.png\ni3.png,red;blue,m3.png\n");
    refused(&o, SSGCAM_ERR_INPUT, "class 2 (blue): images are labelled with it, but no mask shows it");
    ssgcam_dataset_destroy(&bad);
    o.data = bad = load("image,labels,mask\ni0.png,red,m0.png\ni3.png,red,m1.png\n");
    refused(&o, SSGCAM_ERR_INPUT, "m1.png: it holds class 1, but no image");
    ssgcam_dataset_destroy(&bad);
    o.data = bad = load("image,labels,mask\ni0.png,red,m0.png\ni3.png,red,\n");
    refused(&o, SSGCAM_ERR_INPUT, "i3.png: this image has no mask");
    ssgcam_dataset_destroy(&bad);
    o.data = bad = load("image,labels,mask\ni0.png,red,m0.png\nnone.png,red,m3.png\n");
    refused(&o, SSGCAM_ERR_NOT_FOUND, "none.png");
    ssgcam_dataset_destroy(&bad);
    o.mask_values = "boxes";
    o.data = bad = load("image,labels,boxes\ni0.png,red,1 1 9 9\ni3.png,red,\n");
    refused(&o, SSGCAM_ERR_INPUT, "i3.png: this image has no box; a search needs boxes for every image");
    ssgcam_dataset_destroy(&bad);
    o.data = bad = load("image,labels,boxes\ni0.png,red,1 1 9 9\ni3.png,red;blue,red 1 1 9 9\n");
    refused(&o, SSGCAM_ERR_INPUT, "class 2 (blue): images are labelled with it, but no box shows it");
    ssgcam_dataset_destroy(&bad);
    o.data = bad = load("image,labels,boxes\ni0.png,red,1 1 9 9\ni3.png,red,green 1 1 9 9\n");
    refused(&o, SSGCAM_ERR_INPUT, "i3.png: it holds class 1, but no image");
    ssgcam_dataset_destroy(&bad);
    o = options();
    o.holdout = data;
    refused(&o, SSGCAM_ERR_INPUT, "is both searched and held out");
}

/* Boxes are searched on as masks are in which they are painted. */
Test(search, boxes_are_filled_masks)
{
    ssgcam_search_options o = options();
    ssgcam_search_result masks, boxes;
    static uint8_t marks[HEIGHT * WIDTH];
    for (int y = 4; y < 20; y++) memset(marks + y * WIDTH + 6, 1, 24);
    for (int y = 10; y < 18; y++) memset(marks + y * WIDTH + 20, 2, 20);
    write_png("box.png", &(ssg_image){WIDTH, HEIGHT, 1, marks});
    ssgcam_dataset *painted = load("image,labels,mask\ni0.png,red;green,box.png\ni1.png,red;green,box.png\n");
    ssgcam_dataset *listed =
        load("image,labels,boxes\ni0.png,red;green,green 20 10 40 18; red 6 4 30 20\ni1.png,red;green,red 6 4 30 20; green 20 10 40 18\n");
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

/* Differences are those of the figures beside them; folds are the default once there are images enough. */
Test(search, gains_are_reported_against_layers_and_naive_stacking)
{
    ssgcam_search_options o = options();
    ssgcam_search_result result;
    ssgcam_dataset *most = load_range(0, 8), *rest = load_range(8, IMAGES);
    o.data = most, o.holdout = rest, o.fitness = SSGCAM_FITNESS_OBJECT, o.evaluations = 100;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert(result.has_crossvalidation);
    const ssgcam_search_entry *naive = NULL, *recipe = &result.entries[result.entry_count - 1];
    for (size_t i = 0; i < result.entry_count; i++) {
        const ssgcam_search_entry *e = &result.entries[i];
        if (strncmp(e->name, "naive ", 6) == 0 && (!naive || e->searched.object_miou > naive->searched.object_miou)) naive = e;
    }
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

/* ---- images that belong together ----------------------------------------------------------------------------------------------------------------
 */

/* Images first..end, of the groups that the letters name; '-': of none. */
static ssgcam_dataset *load_groups(const char *letters, int first, int end)
{
    char text[1024] = "image,label,mask,patient\n";
    for (int i = first; i < end; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "i%d.png,%s,m%d.png,%.*s\n", i, (const char *[]){"red", "green", "blue"}[i % 3], i,
                 letters[i - first] != '-', letters + i - first);
    return load(text);
}

static void search_of(ssgcam_search_result *result, ssgcam_search_options o, const ssgcam_dataset *searched, const ssgcam_dataset *held)
{
    o.data = searched, o.holdout = held, o.evaluations = 100;
    cr_assert_eq(ssgcam_search_run(&o, result), SSGCAM_OK, "%s", ssgcam_last_error());
}

/* The number of groups apart, a search of images that are all of different groups is that of images without groups. */
Test(search, groups_of_one_image_each_change_no_figure)
{
    ssgcam_dataset *sets[] = {load_groups("--------", 0, 8), load_groups("--", 8, IMAGES), load_groups("abcdef-h", 0, 8),
                              load_groups("xy", 8, IMAGES)};
    ssgcam_search_result plain, grouped;
    search_of(&plain, options(), sets[0], sets[1]);
    search_of(&grouped, options(), sets[2], sets[3]);
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
Test(search, groups_stay_whole)
{
    ssgcam_dataset *three = load_groups("aabbbcaa", 0, 8), *one = load_groups("zz", 8, IMAGES), *alike = load_groups("aaaaaaaa", 0, 8);
    ssgcam_search_result result;
    search_of(&result, options(), three, one);
    cr_assert(result.has_crossvalidation && strstr(result.recipe->provenance, "\"folds\":3,") && strstr(result.recipe->provenance, "\"runs\":2,"),
              "%s", result.recipe->provenance);
    cr_assert(result.searched_groups == 3 && result.heldout_groups == 1 && result.interval[0][0] < result.interval[0][1]);
    const ssgcam_search_entry *recipe = &result.entries[result.entry_count - 1];
    cr_assert(result.interval[1][0] == recipe->heldout.mean_iou && result.interval[1][1] == recipe->heldout.mean_iou);
    cr_assert(result.over_naive.low == result.over_naive.difference && result.over_naive.high == result.over_naive.difference);
    ssgcam_search_clear(&result);

    ssgcam_search_options o = options();
    o.data = three, o.holdout = one;
    char *expected = recipe_of(&o);
    ssgcam_device_close(&device);
    cr_assert_eq(ssgcam_device_open(&device, "cpu", 2), SSGCAM_OK);
    o.device = device;
    expect_same(&o, expected, "two threads");
    ssgcam_text_free(expected);

    search_of(&result, o, alike, NULL);
    cr_assert(!result.has_crossvalidation && result.searched_groups == 1 && strstr(result.recipe->provenance, "\"folds\":0"));
    ssgcam_search_clear(&result);
    o.holdout = NULL, o.holdout_fraction = 0.5, o.evaluations = 100;
    search_of(&result, o, three, NULL);
    cr_assert(result.searched + result.heldout == 8 && result.searched_groups + result.heldout_groups == 3);
    ssgcam_search_clear(&result);

    o.data = alike;
    refused(&o, SSGCAM_ERR_ARGUMENT, "the 8 images are in 1 group, and a group stays whole, so that none would be held out");
    o.holdout_fraction = 0.9;
    refused(&o, SSGCAM_ERR_ARGUMENT, "so that all would be held out");
    o.holdout_fraction = 0, o.data = three, o.folds = 4;
    refused(&o, SSGCAM_ERR_ARGUMENT, "4 folds of 8 images in 3 groups, and a group stays whole: give 3 at most");
    ssgcam_dataset_destroy(&three);
    ssgcam_dataset_destroy(&one);
    ssgcam_dataset_destroy(&alike);
}

Test(search, interrupted_with_groups_ends_with_the_same_bytes)
{
    ssgcam_dataset *searched = load_groups("aabbbcaa", 0, 8), *renamed = load_groups("xxyyyzxx", 0, 8), *other = load_groups("aabbccaa", 0, 8);
    ssgcam_dataset *none = load_groups("--------", 0, 8);
    ssgcam_search_options o = options();
    interruption when = {0, 5};
    ssgcam_search_result result;
    char *out = ssg_path_join(folder, "groups.json"), *whole, *continued;
    size_t size[2];
    o.data = searched, o.holdout = NULL, o.out = out;
    ssgcam_text_free(recipe_of(&o));
    cr_assert_eq(ssg_file_read(&whole, &size[0], out, 1 << 20), SSGCAM_OK);
    o.stop = &when.stop, o.on_generation = count_generation, o.context = &when;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_ERR_INTERRUPTED);
    ssgcam_search_clear(&result);
    o.stop = NULL;
    static const char sentence[] = "on other data, another model or another grid";
    o.data = other;
    refused(&o, SSGCAM_ERR_INPUT, sentence);
    o.data = none;
    refused(&o, SSGCAM_ERR_INPUT, sentence);
    o.data = searched;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert(result.resumed);
    ssgcam_search_clear(&result);
    cr_assert_eq(ssg_file_read(&continued, &size[1], out, 1 << 20), SSGCAM_OK);
    cr_assert(size[0] == size[1] && memcmp(whole, continued, size[0]) == 0, "%s\n%s", whole, continued);

    /* The same images belong together: the same search, whatever the groups are called. */
    when = (interruption){0, 5};
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

/* ---- options -------------------------------------------------------------------------------------------------------------------------------------
 */

Test(search, senseless_options_are_refused)
{
    ssgcam_search_options o = options();
    o.population = 3;
    refused(&o, SSGCAM_ERR_ARGUMENT, "population");
    o = options(), o.holdout_fraction = 0.5;
    refused(&o, SSGCAM_ERR_ARGUMENT, "not both");
    o = options(), o.folds = 20;
    refused(&o, SSGCAM_ERR_ARGUMENT, "20 folds of 7 images");
    o = options(), o.folds = 5, o.runs = 20;
    refused(&o, SSGCAM_ERR_ARGUMENT, "20 runs and 5 folds; give at most 64 runs in all");
    o = options(), o.shrink = &(double){1.5};
    refused(&o, SSGCAM_ERR_ARGUMENT, "shrink 1.5; give 0 to 1");
    o = options(), o.layers = "relu9";
    refused(&o, SSGCAM_ERR_NOT_FOUND, "relu9");
    o = options(), o.mask_values = "colours";
    refused(&o, SSGCAM_ERR_ARGUMENT, "colours");
    static const ssgcam_method scorecam[] = {SSGCAM_METHOD_SCORECAM};
    o = options(), o.methods = scorecam, o.method_count = 1;
    refused(&o, SSGCAM_ERR_UNSUPPORTED, "scorecam");
}

Test(search, only_methods_to_mix_are_mixed)
{
    static const ssgcam_method wanted[] = {SSGCAM_METHOD_LAYERCAM}, absent[] = {SSGCAM_METHOD_GRADCAM};
    ssgcam_search_result result;
    ssgcam_search_options o = options();
    o.mixed = wanted, o.mixed_count = 1;
    cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK, "%s", ssgcam_last_error());
    for (size_t i = 0; i < result.recipe->layer_count; i++) cr_assert_eq(result.recipe->layers[i].method.method, SSGCAM_METHOD_LAYERCAM);
    ssgcam_search_clear(&result);
    o.mixed = absent;
    refused(&o, SSGCAM_ERR_ARGUMENT, "none of the methods to mix");
}

Test(search, every_fitness_and_mode_runs)
{
    for (int fitness = 0; fitness < 4; fitness++)
        for (int mode = 0; mode < 2; mode++) {
            ssgcam_search_result result;
            ssgcam_search_options o = options();
            o.fitness = (ssgcam_fitness)fitness, o.threshold = (ssgcam_threshold_mode)mode, o.evaluations = 160, o.runs = 2;
            o.holdout = NULL, o.holdout_fraction = 0.3;
            cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK, "%s", ssgcam_last_error());
            cr_assert_eq(result.heldout, 2);
            cr_assert_eq(result.searched, 5);
            cr_assert_gt(result.entries[result.entry_count - 1].searched.mean_iou, 0.1);
            ssgcam_search_clear(&result);
        }
}

/* ---- on a bank that no network made ----------------------------------------------------------------------------------------------------------- */

enum { PIXELS = 1024, LAYERS = 5, CHOICES = 4, MADE = 6 };

/* Maps that follow the truth more or less, by integer arithmetic alone. */
static ssg_bank make_bank(int with_bounds)
{
    static ssg_score_image images[MADE];
    static uint8_t maps[MADE][LAYERS * CHOICES * PIXELS], truth[MADE][PIXELS], *bounds[MADE];
    static const uint8_t classes[] = {0, 1};
    for (uint32_t i = 0; i < MADE; i++) {
        ssg_draws draws = ssg_draws_named(11, i, 0, 0);
        for (uint32_t p = 0; p < PIXELS; p++) truth[i][p] = (p / 32 + i) % 32 < 12 && p % 32 > 8 ? (uint8_t)(1 + i % 2) : p % 97 == 0 ? 255 : 0;
        for (uint32_t r = 0; r < LAYERS * CHOICES; r++)
            for (uint32_t p = 0; p < PIXELS; p++) {
                uint32_t signal = truth[i][p] != 0 && truth[i][p] != 255 ? 20 + 9 * r : 0;
                maps[i][r * PIXELS + p] = (uint8_t)(ssg_draw_below(&draws, 255 - signal) * (p % 7 + 3) / 9 / 2 + signal / 2);
            }
        free(bounds[i]);
        images[i] = (ssg_score_image){maps[i], truth[i], classes + i % 2, 1, LAYERS * CHOICES, PIXELS, NULL};
        images[i].bounds = bounds[i] = with_bounds ? test_bounds(&images[i]) : NULL;
    }
    return (ssg_bank){.images = images, .image_count = MADE, .class_count = 2};
}

/* Compilers, libraries and processors must agree on this to the bit. Run with SSG_PRINT_GOLDEN=1 to see it after an intended change. */
Test(search_core, trajectory_is_the_recorded_one)
{
    static const char golden[] = "11:13 15:41 19:73 | 184 | 0x1.d6c6375cb04a4p-1";
    ssg_problem problem = {make_bank(1), LAYERS, CHOICES, NULL, 0, SSGCAM_FITNESS_MEAN_IOU, 0, 0, 1};
    ssgcam_search_options o = {.seed = 5, .evaluations = 1500};
    ssg_session session;
    char text[256] = "";
    for (int way = 0; way < 4; way++) {
        problem.threads = 1 + way % 2;
        problem.bank = make_bank(way / 2);
        cr_assert_eq(ssg_session_open(&session, NULL, &(ssg_session_identity){0}, 0), SSGCAM_OK);
        cr_assert_eq(ssg_phase_evolve(&session, &problem, &o, 0, 1, NULL, 0, NULL), SSGCAM_OK, "%s", ssgcam_last_error());
        const ssg_candidate *best = &session.state.best[0];
        text[0] = '\0';
        for (size_t t = 0; t < SSG_SCORE_LAYERS; t++)
            if (best->weight[t]) snprintf(text + strlen(text), sizeof text - strlen(text), "%u:%d ", best->row[t], best->weight[t]);
        snprintf(text + strlen(text), sizeof text - strlen(text), "| %d | %a", best->tau, session.state.fitness[0]);
        ssg_session_close(&session, 1);
        if (getenv("SSG_PRINT_GOLDEN")) printf("%s\n", text);
        cr_assert_str_eq(text, golden);
    }
}

Test(search_core, solved_thresholds_are_the_best_of_all)
{
    ssg_problem problem = {make_bank(1), LAYERS, CHOICES, NULL, 0, SSGCAM_FITNESS_MEAN_IOU, 0, 0, 2};
    ssg_draws draws = ssg_draws_named(1, 0, 0, 0);
    for (int fitness = 0; fitness < 4; fitness++) {
        ssg_candidate one, all[256];
        double genes[2 * LAYERS], solved, given[256];
        size_t best = 0;
        problem.fitness = (ssgcam_fitness)fitness;
        for (size_t l = 0; l < LAYERS; l++) genes[2 * l] = 2 * ssg_draw_unit(&draws) - 1, genes[2 * l + 1] = ssg_draw_below(&draws, CHOICES);
        genes[0] = 0.5;
        ssg_problem_decode(&problem, genes, &one);
        for (int tau = 0; tau < 256; tau++) all[tau] = one, all[tau].tau = (uint8_t)tau;
        cr_assert_eq(ssg_problem_score(&problem, &one, 1, 1, &solved), SSGCAM_OK);
        cr_assert_eq(ssg_problem_score(&problem, all, 256, 0, given), SSGCAM_OK);
        for (size_t tau = 1; tau < 256; tau++)
            if (given[tau] > given[best]) best = tau;
        cr_assert_eq(one.tau, best);
        cr_assert_float_eq(solved, given[best], 1e-15);
    }
}

/* Two runs on each of three folds, and the rivals on the same images. */
typedef struct settled_case {
    ssg_problem problem;
    uint32_t fold[MADE];
    ssg_candidate best[6];
    ssg_rivals rivals[6];
    ssg_settling settling;
} settled_case;

static void make_case(settled_case *c)
{
    static const uint32_t rows[] = {7, 13, 19, 3, 11, 17};
    *c = (settled_case){.problem = {make_bank(1), LAYERS, CHOICES, NULL, 0, SSGCAM_FITNESS_OBJECT, 0, 0, 1}, .fold = {0, 1, 2, 2, 0, 1}};
    for (size_t r = 0; r < 6; r++) {
        c->best[r] = (ssg_candidate){.row = {rows[r], rows[(r + 1) % 6]}, .weight = {90, 37}};
        c->rivals[r].layer = (ssg_candidate){.row = {rows[r]}, .weight = {127}, .tau = 150};
        c->rivals[r].naive = (ssg_candidate){.row = {2, 6, 10, 14, 18}, .weight = {26, 26, 25, 25, 25}, .tau = (uint8_t)(140 + 5 * (r % 3))};
    }
    c->settling = (ssg_settling){&c->problem, 6, 3, c->fold, c->best, c->rivals, c->rivals[0], NULL};
}

Test(search_core, settling_chooses_the_share_that_labels_unseen_images_best)
{
    static const double tried[] = {0, 0.125, 0.25};
    settled_case c;
    ssg_settled own, fixed;
    ssgcam_search_score score;
    double best = -1, wanted = -1;
    make_case(&c);
    cr_assert_eq(ssg_settle(&own, &c.settling), SSGCAM_OK, "%s", ssgcam_last_error());
    for (int k = 0; k < 3; k++) {
        c.settling.shrink = &tried[k];
        cr_assert_eq(ssg_settle(&fixed, &c.settling), SSGCAM_OK);
        ssg_problem_score_of_images(&score, fixed.unseen[SSG_UNSEEN_RECIPE], MADE, 3);
        if (score.object_miou > best) best = score.object_miou, wanted = tried[k];
        if (tried[k] == own.shrink) {
            cr_assert_eq(memcmp(&fixed.recipe, &own.recipe, sizeof own.recipe), 0);
            cr_assert_eq(memcmp(fixed.unseen[0], own.unseen[0], 3 * MADE * sizeof(ssg_counts)), 0);
        }
        ssg_settled_clear(&fixed);
    }
    cr_assert_eq(own.shrink, wanted);

    /* Every image by what was chosen without it: fold f's rival on fold f's images. */
    for (size_t i = 0; i < MADE; i++) {
        ssg_counts counts[3];
        ssg_bank one = {.images = c.problem.bank.images + i, .image_count = 1, .class_count = 2};
        ssg_problem_figures(&one, &c.rivals[c.fold[i]].naive, 1, counts, &score);
        cr_assert_eq(memcmp(counts, own.unseen[SSG_UNSEEN_NAIVE] + 3 * i, sizeof counts), 0);
        ssg_problem_figures(&one, &c.rivals[c.fold[i]].layer, 1, counts, &score);
        cr_assert_eq(memcmp(counts, own.unseen[SSG_UNSEEN_LAYER] + 3 * i, sizeof counts), 0);
    }
    ssg_settled_clear(&own);
}

Test(search_core, all_of_naive_stacking_is_naive_stacking)
{
    static const double whole = 1;
    settled_case c;
    ssg_settled settled;
    make_case(&c);
    c.settling.shrink = &whole;
    cr_assert_eq(ssg_settle(&settled, &c.settling), SSGCAM_OK);
    cr_assert_eq(memcmp(settled.recipe.weight, c.settling.all.naive.weight, sizeof settled.recipe.weight), 0);
    cr_assert_eq(memcmp(settled.recipe.row, c.settling.all.naive.row, sizeof settled.recipe.row), 0);
    ssg_settled_clear(&settled);
    c.settling.fold = NULL, c.settling.folds = 0, c.settling.shrink = NULL; /* nothing to choose it by */
    cr_assert_eq(ssg_settle(&settled, &c.settling), SSGCAM_OK);
    cr_assert(settled.shrink == 0 && !settled.unseen[SSG_UNSEEN_RECIPE]);
    ssg_settled_clear(&settled);
}

Test(search_core, averages_and_pruning_keep_the_sum)
{
    ssg_problem problem = {make_bank(1), LAYERS, CHOICES, NULL, 0, SSGCAM_FITNESS_MEAN_IOU, 0, 0, 1};
    ssg_candidate mean, four[4] = {{.row = {0}, .weight = {127}},
                                   {.row = {5, 0}, .weight = {27, 100}},
                                   {.row = {5, 9}, .weight = {90, 37}},
                                   {.row = {9, 14}, .weight = {10, 117}}};
    double before, after;
    unsigned sum = 0;
    ssg_candidate_average(&mean, four, NULL, 4);
    static const uint32_t rows[] = {0, 5, 9, 14};
    static const uint8_t weights[] = {57, 29, 12, 29}; /* quarters of 227, 117, 47, 117: the largest remainders first */
    for (size_t t = 0; t < 4; t++) {
        cr_assert_eq(mean.row[t], rows[t]);
        cr_assert_eq(mean.weight[t], weights[t], "row %u: %d", mean.row[t], mean.weight[t]);
        sum += mean.weight[t];
    }
    cr_assert_eq(sum, 127);
    ssg_candidate_average(&mean, four, (double[]){0.25, 0.75, 0, 0}, 4);
    cr_assert(mean.row[0] == 0 && mean.weight[0] == 107 && mean.row[1] == 5 && mean.weight[1] == 20 && !mean.weight[2]);
    cr_assert_eq(ssg_problem_score(&problem, &mean, 1, 1, &before), SSGCAM_OK);
    cr_assert_eq(ssg_problem_prune(&problem, &mean, &after), SSGCAM_OK);
    cr_assert_geq(after, before);
    for (size_t t = sum = 0; t < SSG_SCORE_LAYERS; t++) sum += mean.weight[t];
    cr_assert_eq(sum, 127);
    problem.sparsity = 0.5; /* no layer is worth that */
    cr_assert_eq(ssg_problem_prune(&problem, &mean, &after), SSGCAM_OK);
    cr_assert_eq(ssg_candidate_layers(&mean), 1);
}
