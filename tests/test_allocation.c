/* test_allocation.c - every allocation fails once, from reading a model to its gradients and in the readers of files and the report on them: each
 * time a clean "memory" error, never a crash, and (with AddressSanitizer) never a leak. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <ssgcam/dataset.h>
#include <ssgcam/preprocess.h>
#include <ssgcam/recipe.h>
#include <ssgcam/report.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/data/atomic_file.h"
#include "host/data/image.h"
#include "host/data/npy.h"
#include "host/data/tensor_input.h"
#include "host/net/plan.h"
#include "host/pipeline/journal.h"
#include "tests/support/cases.h"

/* Calls `attempt` with its 1st, 2nd, ... allocation failing until it succeeds; says how many failed. */
static int fail_each(const char *name, ssgcam_status (*attempt)(const void *), const void *context)
{
    for (int n = 1; n < 20000; n++) {
        ssg_alloc_fail_at(n, 0);
        ssgcam_status status = attempt(context);
        ssg_alloc_fail_at(0, 0);
        if (status == SSGCAM_OK) return n - 1;
        cr_assert_eq(status, SSGCAM_ERR_MEMORY, "%s, allocation %d: %s", name, n, ssgcam_last_error());
        cr_assert_not_null(strstr(ssgcam_last_error(), "memory"), "%s, allocation %d: %s", name, n, ssgcam_last_error());
    }
    cr_assert_fail("%s never succeeds", name);
    return 0;
}

static ssgcam_status run_model(const void *context)
{
    const operator_case *c = context;
    ssg_model *model = NULL;
    ssg_device *device = NULL;
    ssg_plan *plan = NULL;
    const char *taps[] = {c->taps[0].name, c->taps[c->tap_count - 1].name};
    ssg_plan_options options = {
        .input = {4, {c->shape[0], c->shape[1], c->shape[2], c->shape[3]}}, .taps = taps, .tap_count = 2, .classes = (int)c->classes};
    ssgcam_status status = ssg_model_parse(&model, c->model, c->model_bytes, c->name);
    if (status == SSGCAM_OK) status = ssgcam_device_open(&device, "cpu", 1);
    if (status == SSGCAM_OK) status = ssg_plan_create(&plan, device, model, &options);
    if (status == SSGCAM_OK) status = ssg_plan_forward(plan, c->image);
    if (status == SSGCAM_OK) status = ssg_plan_backward_classes(plan, c->chosen);
    ssg_plan_destroy(&plan);
    ssgcam_device_close(&device);
    ssg_model_destroy(&model);
    return status;
}

Test(allocation, model_plan_forward_backward)
{
    static const char *const names[] = {"conv_grouped",    "batchnorm_before_conv",
                                        "maxpool_ceil",    "concat_odd_channels",
                                        "channel_shuffle", "shape_arithmetic",
                                        "softmax_inside",  "layer_normalisation_channels_last",
                                        "split_input",     "tf2onnx_vgg"};
    size_t count, checked = 0;
    operator_case *cases = cases_load(SSG_FIXTURES "/operators.bin.gz", &count);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            if (strcmp(cases[i].name, names[k]) != 0) continue;
            cr_expect_gt(fail_each(names[k], run_model, &cases[i]), 50, "%s", names[k]);
            checked++;
        }
    cr_assert_eq(checked, sizeof names / sizeof *names);
    cases_free(cases, count);
}

/* ---- readers and writers ------------------------------------------------------------------------------------------------------------------ */

static ssgcam_status pictures(const void *context)
{
    (void)context;
    uint8_t pixels[12 * 9 * 3] = {1, 2, 3}, *png = NULL;
    size_t size;
    float tensor[5 * 7 * 3];
    ssg_image image = {12, 9, 3, pixels}, back = {0}, small = {0};
    ssgcam_preprocess preprocess;
    ssgcam_preprocess_init(&preprocess);
    preprocess.resize = SSGCAM_RESIZE_CROP;
    ssgcam_status status = ssg_image_encode_png(&png, &size, &image, 0);
    for (int channels = 1; channels <= 3 && status == SSGCAM_OK; channels += 2) {
        status = ssg_image_decode(&back, png, size, "memory", channels);
        if (status == SSGCAM_OK) status = ssg_image_resize(&small, &back, 5, 7);
        if (status == SSGCAM_OK) status = ssg_preprocess_image(tensor, &preprocess, &back, 7, 5, 0);
        ssg_image_clear(&back);
        ssg_image_clear(&small);
    }
    ssg_free(png);
    return status;
}

static ssgcam_status arrays(const void *path)
{
    ssg_array array;
    ssgcam_status status = ssg_npy_write(path, (float[]){1, 2, 3}, 1, (size_t[]){3});
    if (status == SSGCAM_OK) status = ssg_npy_read(&array, path);
    if (status == SSGCAM_OK) ssg_array_clear(&array);
    return status;
}

static ssgcam_status settings(const void *context)
{
    (void)context;
    static const char
        json[] = "{\"size\": 224, \"classes\": [\"a\", \"b\"]}",
        text[] =
            "{\"ssgcam_recipe\": 1, \"threshold\": 9, \"layers\": [{\"name\": \"a\", \"weight\": 100, \"method\": \"ssgcam\"}, {\"name\": \"b\", "
            "\"weight\": 27, \"method\": \"layercam\"}], \"search\": {\"seed\": 3}}";
    ssgcam_preprocess preprocess;
    ssgcam_recipe *recipe = NULL;
    char *printed = NULL;
    ssgcam_preprocess_init(&preprocess);
    ssgcam_status status = ssgcam_preprocess_parse(&preprocess, json, sizeof json - 1, "m.json");
    if (status == SSGCAM_OK) status = ssgcam_recipe_parse(&recipe, text, sizeof text - 1, "r.json");
    if (status == SSGCAM_OK) status = ssgcam_recipe_print(recipe, &printed);
    ssgcam_text_free(printed);
    ssgcam_recipe_destroy(&recipe);
    ssgcam_preprocess_clear(&preprocess);
    return status;
}

static ssgcam_status table(const void *path)
{
    ssgcam_dataset *d;
    static const char *const classes[] = {"cat", "dog"};
    ssgcam_dataset_options options = {.data = path, .classes = classes, .class_count = 2};
    ssgcam_status status = ssgcam_dataset_load(&d, &options);
    if (status == SSGCAM_OK) ssgcam_dataset_destroy(&d);
    return status;
}

Test(allocation, files)
{
    char folder[] = "/tmp/ssgcam-allocation-XXXXXX", npy[64], csv[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(npy, sizeof npy, "%s/a.npy", folder);
    snprintf(csv, sizeof csv, "%s/data.csv", folder);
    static const char rows[] = "image,labels,mask,boxes,group\n1.jpg,cat;dog,1.png,1 2 3 4;dog 0 0 1 1,a\n2.jpg,1,,,\n";
    cr_assert_eq(ssg_file_write(csv, rows, sizeof rows - 1), SSGCAM_OK);
    cr_expect_gt(fail_each("pictures", pictures, NULL), 10);
    cr_expect_gt(fail_each("arrays", arrays, npy), 1);
    cr_expect_gt(fail_each("settings", settings, NULL), 5);
    cr_expect_gt(fail_each("table", table, csv), 10);
    unlink(npy);
    unlink(csv);
    cr_assert_eq(rmdir(folder), 0, "something is left behind in %s", folder);
}

/* ---- the report: one run of each kind ------------------------------------------------------------------------------------------------------------
 */

typedef struct report_file {
    const char *name, *text;
} report_file;

/* The first run of the folder has an overlay, the second has none, the third failed. */
static const report_file report_files[] = {
    {"recipe.json",
     "{\"ssgcam_recipe\": 1, \"threshold\": 77, \"layers\": [{\"name\": \"a\", \"weight\": 100, \"method\": \"ssgcam\"}, {\"name\": \"b\", "
     "\"weight\": "
     "27, \"method\": \"layercam\"}], \"search\": {\"fitness\": \"miou\", \"seed\": 3, \"sigmas\": [1, 2], \"searched\": {\"mean_iou\": 0.5, "
     "\"foreground_iou\": 0.25}, \"heldout\": {\"mean_iou\": 0.4, \"foreground_iou\": 0.2, \"gain\": {\"layer\": [0.1, 0.05, 0.15]}}}}"},
    {"recipe.log.jsonl",
     "{\"run\": 0, \"generation\": 1, \"evaluations\": 10, \"best\": 0.3, \"median\": 0.2}\n{\"run\": 0, \"generation\": 2, \"evaluations\": 20, "
     "\"best\": 0.5, \"median\": 0.3}\n{\"entry\": \"recipe\", \"rows\": \"a, b\", \"layers\": 2, \"threshold\": 77, \"searched\": {\"mean_iou\": "
     "0.5, "
     "\"foreground_iou\": 0.25}, \"heldout\": {\"mean_iou\": 0.4, \"foreground_iou\": 0.2}}\n{\"search_seconds\": 1}\n"},
    {"alone.json", "{\"ssgcam_recipe\": 1, \"threshold\": 9, \"layers\": [{\"name\": \"a\", \"weight\": 127}]}"},
    {"masks.json",
     "{\"images\": 2, \"failed\": 1, \"mean_iou\": 0.5, \"foreground_iou\": 0.4, \"object_iou\": 0.4, \"object_mean_iou\": 0.5, \"px_ap\": 0.6, "
     "\"threshold\": -1, \"labels\": [\"background\", \"cat\"], \"iou\": [0.6, null], \"confusion\": [[5, 1], [2, 4]], \"curve_mean_iou\": []}"},
    {"boxes.json",
     "{\"images\": 2, \"maps\": 2, \"max_box_acc\": 0.5, \"max_box_acc_v2\": 0.4, \"largest_contour\": [{\"iou\": \"0.5\", \"accuracy\": 0.5, "
     "\"threshold\": 9}], \"any_contour\": [{\"iou\": \"0.5\", \"accuracy\": 0.5, \"threshold\": 9}]}"},
    {"perturb.json", "{\"images\": 2, \"maps\": 2, \"steps\": 1, \"average_drop\": 0.5, \"average_increase\": 0.1, \"deletion\": {\"area\": 0.3, "
                     "\"probability\": [1, 0], "
                     "\"accuracy\": [1, 0]}, \"insertion\": {\"area\": 0.6, \"probability\": [0, 1], \"accuracy\": [0, 1]}}"},
    {"curve.csv", "threshold,mean_iou,foreground_iou\n0,0.1,0.2\n1,0.3,0.1\n"},
    {"run/journal.jsonl",
     "{\"ssgcam_journal\": 1, \"size\": \"4x3\"}\n{\"id\": \"x\", \"file\": \"masks/x.png\"}\n{\"id\": \"y\", \"file\": \"masks/y.png\"}\n{\"id\": "
     "\"z\", \"failed\": \"not an image\"}\n"}};
enum { REPORT_FILES = sizeof report_files / sizeof *report_files };

static void report_picture(const char *folder, const char *name, int channels)
{
    char path[96];
    uint8_t *png, pixels[300 * 2 * 3] = {0};
    size_t size;
    snprintf(path, sizeof path, "%s/run/%s", folder, name);
    cr_assert_eq(ssg_image_encode_png(&png, &size, &(ssg_image){300, 2, channels, pixels}, channels == 1), SSGCAM_OK); /* wide enough to shrink */
    cr_assert_eq(ssg_file_write(path, png, size), SSGCAM_OK);
    ssg_free(png);
}

static ssgcam_status report(const void *context)
{
    const char *folder = context, *runs[REPORT_FILES];
    char paths[REPORT_FILES][96], out[96];
    size_t count = 0;
    for (size_t i = 0; i < REPORT_FILES; i++) {
        const char *name = report_files[i].name;
        if (strcmp(name, "recipe.log.jsonl") == 0) continue; /* is read with its recipe */
        snprintf(paths[i], sizeof paths[i], "%s/%.*s", folder, (int)strcspn(name, "/"), name);
        runs[count++] = paths[i];
    }
    snprintf(out, sizeof out, "%s/page.html", folder);
    size_t bytes = 0;
    ssgcam_status status = ssgcam_report_write(&(ssgcam_report_options){.runs = runs, .run_count = count, .out = out}, &bytes);
    cr_assert_eq(access(out, F_OK) == 0, status == SSGCAM_OK, "a page appears exactly when it is whole");
    cr_assert_eq(bytes > 0, status == SSGCAM_OK);
    return status;
}

Test(allocation, report)
{
    static const char *const folders[] = {"run", "run/masks", "run/overlays"};
    char folder[] = "/tmp/ssgcam-allocation-XXXXXX", path[96], command[64];
    cr_assert_not_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, folders[i]);
        cr_assert_eq(ssg_folder_make(path), SSGCAM_OK);
    }
    for (size_t i = 0; i < REPORT_FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, report_files[i].name);
        cr_assert_eq(ssg_file_write(path, report_files[i].text, strlen(report_files[i].text)), SSGCAM_OK);
    }
    report_picture(folder, "masks/x.png", 1);
    report_picture(folder, "masks/y.png", 1);
    report_picture(folder, "overlays/x.png", 3);
    cr_expect_gt(fail_each("report", report, folder), 50);
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
}

/* ---- another library's allocator ------------------------------------------------------------------------------------------------------------------
 */

static long json_countdown, json_failed;

static void *json_malloc(size_t size)
{
    if (--json_countdown != 0) return malloc(size);
    json_failed++;
    return NULL;
}

static ssgcam_status keep_journal(const char *folder)
{
    const ssg_journal_setting settings[] = {{"size", "4x3"}, {"recipe", "r"}};
    ssg_journal *journal;
    SSG_TRY(ssg_journal_open(&journal, folder, "journal.jsonl", settings, 2, 1));
    ssgcam_status status = ssg_journal_add(journal, "x", "masks/x.png", (const uint8_t *)"bytes", 5, (const int[]){0}, 1);
    if (status == SSGCAM_OK) status = ssg_journal_fail(journal, "y", "not an image");
    ssg_journal_close(&journal);
    return status;
}

/* Each time the sentence of this failure, not one that was said before. Only writing: jansson's reader asserts. */
Test(allocation, jansson_writing_a_journal)
{
    char folder[] = "/tmp/ssgcam-allocation-XXXXXX", command[64];
    cr_assert_not_null(mkdtemp(folder));
    json_set_alloc_funcs(json_malloc, free);
    int failures = 0;
    for (long n = 1, reached = 1; reached; n++) {
        ssg_fail(SSGCAM_ERR_INPUT, "what failed before");
        json_countdown = n, json_failed = 0;
        ssgcam_status status = keep_journal(folder);
        reached = json_failed;
        json_countdown = 0;
        if (status == SSGCAM_OK) continue; /* some that it can do without */
        cr_expect_eq(status, SSGCAM_ERR_MEMORY, "allocation %ld: %s", n, ssgcam_last_error());
        cr_expect(strstr(ssgcam_last_error(), "out of memory while"), "allocation %ld: %s", n, ssgcam_last_error());
        failures++;
    }
    cr_expect_gt(failures, 20);
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
}
