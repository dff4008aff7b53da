/* test_methods.c - what must hold between methods and between ways to ask: identities, several classes and layers against separate runs, batches
 * against single images, any chunks; the estimate of the second order within its own error. Networks: those of make_second.py. */
#include <criterion/criterion.h>
#include <math.h>
#include <ssgcam/recipe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/cam/engine.h"
#include "host/cam/tap_copy.h"

enum { SIDE = 8, FLOATS = 3 * SIDE * SIDE, IMAGES = 2, MOST_ROWS = 32, MOST_PIXELS = 64 };

static ssg_device *device;
static ssg_model *model;
static float images[IMAGES * FLOATS];

static void open_model(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/second_%s.onnx", SSG_FIXTURES, name);
    cr_assert_eq(ssgcam_device_open(&device, "cpu", 2), SSGCAM_OK);
    cr_assert_eq(ssg_model_load(&model, path), SSGCAM_OK, "%s", ssgcam_last_error());
    for (int i = 0; i < IMAGES * FLOATS; i++)
        images[i] = sinf(0.37f * (float)(i % FLOATS)) + 0.3f * cosf((float)(i * i % 89) * (i < FLOATS ? 1.0f : 0.7f));
}

static void close_model(void)
{
    ssg_model_destroy(&model);
    ssgcam_device_close(&device);
}

static ssg_cam *engine_of(const ssg_cam_row *rows, int row_count, int batch, int classes, size_t chunk_bytes)
{
    ssg_cam *cam;
    ssg_cam_options options = {
        .input = {4, {batch, 3, SIDE, SIDE}}, .rows = rows, .row_count = row_count, .classes = classes, .keep_sign = 1, .chunk_bytes = chunk_bytes};
    cr_assert_eq(ssg_cam_create(&cam, device, model, &options), SSGCAM_OK, "%s", ssgcam_last_error());
    return cam;
}

static void run(ssg_cam *cam, const float *input, const int64_t *chosen)
{
    cr_assert_eq(ssg_cam_forward(cam, input, NULL), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(ssg_cam_backward(cam, chosen), SSGCAM_OK, "%s", ssgcam_last_error());
}

/* The raw map of a row for one batch row; gives its number of pixels. */
static size_t map_of(const ssg_cam *cam, int row, size_t batch_row, const float **map)
{
    int h, w;
    const float *maps = ssg_cam_maps(cam, row, &h, &w);
    size_t pixels = (size_t)h * (size_t)w;
    *map = maps + batch_row * pixels;
    return pixels;
}

static double distance(const ssg_cam *a, int a_row, size_t a_batch, const ssg_cam *b, int b_row, size_t b_batch)
{
    const float *one, *other;
    size_t pixels = map_of(a, a_row, a_batch, &one);
    double worst = 0, largest = 0;
    cr_assert_eq(map_of(b, b_row, b_batch, &other), pixels);
    for (size_t i = 0; i < pixels; i++) {
        worst = fmax(worst, fabs((double)one[i] - other[i]));
        largest = fmax(largest, fabs(other[i]));
    }
    cr_assert_gt(largest, 0, "an empty map proves nothing");
    return worst / largest;
}

/* Every method once, on every layer given. The estimate of the exact second order has noise that depends on which layers are moved together, so that
 * it is asked for on one layer only. */
static int all_methods(ssg_cam_row *rows, const char *const *layers, int layer_count)
{
    int count = 0;
    for (int m = SSGCAM_METHOD_SSGCAM; m <= SSGCAM_METHOD_SCORECAM; m++)
        for (int l = 0; l < layer_count; l++) {
            rows[count] = (ssg_cam_row){layers[l], ssgcam_method_defaults((ssgcam_method)m)};
            rows[count].method.samples = 3;
            rows[count++].method.seed = 5;
        }
    rows[count] = (ssg_cam_row){layers[0], ssgcam_method_defaults(SSGCAM_METHOD_SSGCAM)};
    rows[count].method.second_order = SSGCAM_SECOND_ORDER_EXACT;
    rows[count].method.target = SSGCAM_TARGET_LOGSOFTMAX;
    rows[count++].method.probes = 5;
    return count;
}

static const char *const SMOOTH_LAYERS[] = {"/Mul_1_output_0", "/HardSwish_output_0", "/Mul_5_output_0"};

Test(methods, several_classes_layers_and_images_equal_separate_runs)
{
    open_model("smooth");
    ssg_cam_row rows[MOST_ROWS];
    int count = all_methods(rows, SMOOTH_LAYERS, 2);
    const int64_t chosen[] = {2, 0, 1, 3, 0, 2}; /* three classes of two images */
    ssg_cam *together = engine_of(rows, count, IMAGES, 3, 0);
    run(together, images, chosen);
    for (int r = 0; r < count; r++) {
        ssg_cam *alone = engine_of(&rows[r], 1, 1, 1, 0);
        for (size_t row = 0; row < 3 * IMAGES; row++) {
            run(alone, images + row % IMAGES * FLOATS, &chosen[row]);
            double error = distance(together, r, row, alone, 0, 0);
            cr_assert_leq(error, 1e-6, "%s on %s, row %zu: %.2g", ssgcam_method_name(rows[r].method.method), rows[r].layer, row, error);
        }
        ssg_cam_destroy(&alone);
    }
    ssg_cam_destroy(&together);
    close_model();
}

/* One byte of budget: one sample, probe or mask at a time. Reversed rows: other layers first. */
Test(methods, chunks_and_the_order_of_rows_change_nothing)
{
    open_model("smooth");
    ssg_cam_row rows[MOST_ROWS], reversed[MOST_ROWS];
    int count = all_methods(rows, SMOOTH_LAYERS, 3);
    for (int i = 0; i < count; i++) reversed[i] = rows[count - 1 - i];
    const int64_t chosen[] = {2, 1};
    ssg_cam *whole = engine_of(rows, count, IMAGES, 1, 0), *bits = engine_of(reversed, count, IMAGES, 1, 1);
    run(whole, images, chosen);
    run(bits, images, chosen);
    for (int i = 0; i < count; i++)
        for (size_t row = 0; row < IMAGES; row++)
            cr_assert_leq(distance(whole, i, row, bits, count - 1 - i, row), 1e-6, "%s on %s", ssgcam_method_name(rows[i].method.method),
                          rows[i].layer);
    run(whole, images, chosen); /* and again on the same engine */
    for (int i = 0; i < count; i++) cr_assert_leq(distance(whole, i, 0, bits, count - 1 - i, 0), 1e-6);
    ssg_cam_destroy(&whole);
    ssg_cam_destroy(&bits);
    close_model();
}

/* Before a global average and a linear layer, Grad-CAM, XGrad-CAM and HiResCAM are the plain CAM; and the sum of HiResCAM is the score less the bias.
 */
Test(methods, agree_where_theory_says_so)
{
    open_model("smooth");
    static const ssgcam_method same[] = {SSGCAM_METHOD_GRADCAM, SSGCAM_METHOD_XGRADCAM, SSGCAM_METHOD_HIRESCAM};
    ssg_cam_row rows[3];
    for (int i = 0; i < 3; i++) rows[i] = (ssg_cam_row){SMOOTH_LAYERS[2], ssgcam_method_defaults(same[i])};
    ssg_cam *cam = engine_of(rows, 3, IMAGES, 1, 0);
    float logits[2][IMAGES][4], zeros[IMAGES][4];
    cr_assert_eq(ssg_cam_forward(cam, images, logits[0][0]), SSGCAM_OK);
    cr_assert_eq(ssg_cam_backward(cam, (const int64_t[]){1, 3}), SSGCAM_OK);
    for (size_t row = 0; row < IMAGES; row++) {
        cr_assert_leq(distance(cam, 1, row, cam, 0, row), 1e-5, "XGrad-CAM");
        cr_assert_leq(distance(cam, 2, row, cam, 0, row), 1e-5, "HiResCAM");
    }
    /* The bias by another road: scores less sums have to be the same number for both images of a class. */
    memcpy(zeros, logits[0], sizeof zeros);
    for (int label = 0; label < 4; label++) {
        double bias[IMAGES];
        run(cam, images, (const int64_t[]){label, label});
        for (size_t row = 0; row < IMAGES; row++) {
            const float *map;
            double sum = 0;
            for (size_t i = map_of(cam, 2, row, &map); i > 0; i--) sum += map[i - 1];
            bias[row] = zeros[row][label] - sum;
        }
        cr_assert_float_eq(bias[0], bias[1], 1e-5, "class %d: %g and %g", label, bias[0], bias[1]);
    }
    ssg_cam_destroy(&cam);
    close_model();
}

Test(methods, smoothgradcampp_without_noise_is_gradcampp)
{
    open_model("plain");
    const char *layer = "/MaxPool_output_0";
    ssg_cam_row rows[] = {{layer, ssgcam_method_defaults(SSGCAM_METHOD_GRADCAMPP)},
                          {layer, ssgcam_method_defaults(SSGCAM_METHOD_SMOOTHGRADCAMPP)},
                          {layer, ssgcam_method_defaults(SSGCAM_METHOD_SMOOTHGRADCAMPP)},
                          {layer, ssgcam_method_defaults(SSGCAM_METHOD_SMOOTHGRADCAMPP)}};
    rows[1].method.noise = 0;
    rows[3].method.seed = 1;
    ssg_cam *cam = engine_of(rows, 4, IMAGES, 1, 0);
    run(cam, images, (const int64_t[]){4, 1});
    cr_assert_leq(distance(cam, 1, 0, cam, 0, 0), 1e-5);
    cr_assert_leq(distance(cam, 1, 1, cam, 0, 1), 1e-5);
    cr_assert_gt(distance(cam, 2, 0, cam, 0, 0), 1e-3, "noise makes a difference");
    cr_assert_gt(distance(cam, 3, 0, cam, 2, 0), 1e-3, "so does the seed");
    ssg_cam_destroy(&cam);
    close_model();
}

/* Recipes hold 31 bits of it: a greater one would be written and then not be read. */
Test(methods, seeds_that_a_recipe_can_hold)
{
    ssgcam_method_options method = ssgcam_method_defaults(SSGCAM_METHOD_SMOOTHGRADCAMPP);
    const char *layer = "relu1";
    ssgcam_recipe *recipe, *again;
    char *text;
    method.seed = INT32_MAX;
    cr_assert_eq(ssgcam_recipe_create(&recipe, &method, &layer, NULL, 1, 96), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(ssgcam_recipe_print(recipe, &text), SSGCAM_OK);
    cr_assert_eq(ssgcam_recipe_parse(&again, text, strlen(text), "r.json"), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(again->layers[0].method.seed, INT32_MAX);
    ssgcam_text_free(text);
    ssgcam_recipe_destroy(&recipe);
    ssgcam_recipe_destroy(&again);
    method.seed++;
    cr_assert_eq(ssgcam_recipe_create(&recipe, &method, &layer, NULL, 1, 96), SSGCAM_ERR_ARGUMENT);
    cr_assert_str_eq(ssgcam_last_error(), "seed 2147483648; it must be 0 to 2147483647");
}

Test(methods, exact_second_order_of_a_logit_of_relus_is_refused)
{
    open_model("plain");
    ssg_cam_row row = {"/MaxPool_output_0", ssgcam_method_defaults(SSGCAM_METHOD_SSGCAM)};
    row.method.second_order = SSGCAM_SECOND_ORDER_EXACT;
    ssg_cam *cam;
    ssg_cam_options options = {.input = {4, {1, 3, SIDE, SIDE}}, .rows = &row, .row_count = 1, .classes = 1};
    cr_assert_eq(ssg_cam_create(&cam, device, model, &options), SSGCAM_ERR_ARGUMENT);
    cr_assert_not_null(strstr(ssgcam_last_error(), "--target logsoftmax"), "%s", ssgcam_last_error());
    close_model();
}

/* ---- the estimate ---------------------------------------------------------------------------------------------------------------------- */

/* The diagonal of a layer from second.bin (make_second.py), the first tap of network "smooth", and its input. */
static void read_diagonal(double *diagonal, size_t count, float image[FLOATS])
{
    FILE *file = fopen(SSG_FIXTURES "/second.bin", "rb");
    char text[64];
    int32_t n[4];
    cr_assert_not_null(file);
    cr_assert_eq(fread(n, 4, 2, file), 2); /* networks, length of the name */
    cr_assert_eq(fread(text, 1, (size_t)n[1], file), (size_t)n[1]);
    cr_assert_eq(fread(n, 4, 3, file), 3); /* target, class, taps */
    cr_assert_eq(fread(image, 4, FLOATS, file), FLOATS);
    cr_assert_eq(fread(n, 4, 1, file), 1);
    cr_assert_eq(fread(text, 1, (size_t)n[0], file), (size_t)n[0]);
    cr_assert_eq(fread(n, 4, 3, file), 3);
    cr_assert_eq((size_t)(n[0] * n[1] * n[2]), count);
    cr_assert_eq(fseek(file, (long)(count * sizeof(double)), SEEK_CUR), 0); /* the gradient */
    cr_assert_eq(fread(diagonal, 8, count, file), count);
    fclose(file);
}

/* 64 seeds of 4 probes with all three layers moved at once: the mean of the estimates lies within a few of its own standard errors of the truth. */
Test(methods, second_order_is_estimated_without_bias)
{
    enum { RUNS = 64, COUNT = 8 * SIDE * SIDE };
    static double diagonal[COUNT], sums[COUNT], squares[COUNT];
    float image[FLOATS];
    open_model("smooth");
    read_diagonal(diagonal, COUNT, image);
    for (int s = 0; s < RUNS; s++) {
        ssg_cam_row rows[3];
        for (int l = 0; l < 3; l++) {
            rows[l] = (ssg_cam_row){SMOOTH_LAYERS[l], ssgcam_method_defaults(SSGCAM_METHOD_SSGCAM)};
            rows[l].method.second_order = SSGCAM_SECOND_ORDER_EXACT;
            rows[l].method.target = SSGCAM_TARGET_LOGSOFTMAX;
            rows[l].method.probes = 4;
            rows[l].method.seed = (uint64_t)s;
        }
        ssg_cam *cam = engine_of(rows, 3, 1, 1, 0);
        run(cam, image, (const int64_t[]){2});
        float *h;
        size_t dims[3];
        cr_assert_eq(ssg_tap_copy(&h, dims, device, cam, 0, SSG_TAP_SECOND, 0), SSGCAM_OK);
        for (int i = 0; i < COUNT; i++) {
            sums[i] += h[i];
            squares[i] += (double)h[i] * h[i];
        }
        ssg_free(h);
        ssg_cam_destroy(&cam);
    }
    double total = 0;
    for (int i = 0; i < COUNT; i++) {
        double mean = sums[i] / RUNS, error = sqrt((squares[i] / RUNS - mean * mean) / (RUNS - 1)), z = (mean - diagonal[i]) / error;
        cr_assert_lt(fabs(z), 5, "element %d: %g +- %g, expected %g", i, mean, error, diagonal[i]);
        total += z * z;
    }
    cr_assert_lt(total / COUNT, 1.5, "%g", total / COUNT); /* 1 if the errors are what they claim to be */
    close_model();
}
