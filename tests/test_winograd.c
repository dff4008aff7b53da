/* test_winograd.c - convolutions by Winograd's transform beside direct ones, on networks of channels and sizes that are no multiples of its tiles:
 * close to them, and the same bits for any number of threads and images. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/net/plan.h"
#include "tests/support/cases.h"
#include "tests/support/model_builder.h"

enum { TAPS = 4, HEIGHT = 19, WIDTH = 23, IMAGE = 3 * HEIGHT * WIDTH, MOST_IMAGES = 5, CLASSES = 2 };

static void conv3(model_builder *b, const char *x, const char *y, int64_t in, int64_t out, const int64_t pads[4])
{
    float span = sqrtf(6.0f / (9.0f * (float)in));
    builder_conv3(b, x, y, in, out, -span, span, pads);
}

/* Fused with a ReLU, with a clip, and alone; padded on all sides, on two and on none. */
static ssg_model *make_model(void)
{
    static const int64_t all[] = {1, 1, 1, 1}, two[] = {1, 0, 0, 1}, none[] = {0, 0, 0, 0};
    model_builder *b = builder_create(13);
    builder_input(b, "image", -1, 3, HEIGHT, WIDTH);
    conv3(b, "image", "c1", 3, 40, all);
    builder_node(b, "Relu", "c1", "t1");
    conv3(b, "t1", "c2", 40, 72, all);
    builder_node(b, "Relu", "c2", "t2");
    conv3(b, "t2", "c3", 72, 48, two);
    builder_weights(b, "zero", (int64_t[]){0}, 0, 0);
    builder_weights(b, "six", (int64_t[]){0}, 6, 6);
    builder_node(b, "Clip", "c3 zero six", "t3");
    conv3(b, "t3", "c4", 48, 40, none);
    builder_node(b, "Tanh", "c4", "t4");
    builder_head(b, "t4", 40);
    ssg_model *made = builder_model(b);
    cr_assert_not_null(made, "%s", ssgcam_last_error());
    return made;
}

/* Activations, then gradients, of all taps; gradients class-major. */
typedef struct values {
    float *of[2 * TAPS];
    size_t count[2 * TAPS]; /* of one image and class */
} values;

static ssg_model *model;
static float pictures[MOST_IMAGES * IMAGE];

static void setup(void)
{
    model = make_model();
    cases_fill(pictures, MOST_IMAGES * IMAGE, 1);
}

static void teardown(void)
{
    ssg_model_destroy(&model);
}

TestSuite(winograd, .init = setup, .fini = teardown);

static ssgcam_status run(values *v, int threads, int64_t first, int64_t images, ssg_precision precision)
{
    ssg_device *device;
    ssg_plan *plan;
    const char *names[TAPS] = {"t1", "t2", "t3", "t4"};
    int64_t classes[CLASSES * MOST_IMAGES];
    for (int64_t i = 0; i < CLASSES * images; i++) classes[i] = i < images ? 1 : 3;
    cr_assert_eq(ssgcam_device_open(&device, "cpu", threads), SSGCAM_OK, "%s", ssgcam_last_error());
    ssg_plan_options options = {
        .input = {4, {images, 3, HEIGHT, WIDTH}}, .taps = names, .tap_count = TAPS, .classes = CLASSES, .precision = precision};
    ssgcam_status status = ssg_plan_create(&plan, device, model, &options);
    if (status == SSGCAM_OK) {
        cr_assert_eq(ssg_plan_forward(plan, pictures + first * IMAGE), SSGCAM_OK, "%s", ssgcam_last_error());
        cr_assert_eq(ssg_plan_backward_classes(plan, classes), SSGCAM_OK, "%s", ssgcam_last_error());
        for (int i = 0; i < TAPS; i++) {
            ssg_tap tap;
            ssg_plan_tap(plan, i, &tap);
            v->of[i] = cases_plain(device, &tap.activation_placed, tap.activation);
            v->of[TAPS + i] = cases_plain(device, &tap.gradient_placed, tap.gradient);
            v->count[i] = v->count[TAPS + i] = (size_t)(ssg_shape_count(&tap.activation_placed.shape) / images);
        }
        ssg_plan_destroy(&plan);
    }
    ssgcam_device_close(&device);
    return status;
}

static void clear(values *v)
{
    for (int i = 0; i < 2 * TAPS; i++) free(v->of[i]);
}

/* Otherwise the refusal is what there is to test. */
static int has_winograd(void)
{
    values v;
    if (run(&v, 1, 0, 1, SSG_PRECISION_WINOGRAD) == SSGCAM_OK) {
        clear(&v);
        return 1;
    }
    cr_assert(strstr(ssgcam_last_error(), "Winograd convolutions need a processor with AVX-512 and oneDNN 2.x"), "%s", ssgcam_last_error());
    cr_assert(strstr(ssgcam_last_error(), "use --precision fp32"), "%s", ssgcam_last_error());
    fprintf(stderr, "Winograd convolutions: skipped, there are none for this processor and library\n");
    return 0;
}

Test(winograd, is_close_to_direct_convolution)
{
    if (!has_winograd()) return;
    values direct, ours;
    cr_assert_eq(run(&direct, 2, 0, MOST_IMAGES, SSG_PRECISION_F32), SSGCAM_OK);
    cr_assert_eq(run(&ours, 2, 0, MOST_IMAGES, SSG_PRECISION_WINOGRAD), SSGCAM_OK);
    int other_bits = 0;
    for (int t = 0; t < 2 * TAPS; t++) {
        size_t count = direct.count[t] * (t < TAPS ? MOST_IMAGES : CLASSES * MOST_IMAGES);
        float largest = 0, difference = 0;
        for (size_t i = 0; i < count; i++) {
            largest = fmaxf(largest, fabsf(direct.of[t][i]));
            difference = fmaxf(difference, fabsf(direct.of[t][i] - ours.of[t][i]));
        }
        other_bits += difference > 0;
        cr_expect_gt(largest, 0);
        cr_expect_leq(difference, 1e-5f * largest, "%s of tap %d: off by %.2g of the largest", t < TAPS ? "activation" : "gradient", t % TAPS,
                      (double)(difference / largest));
    }
    cr_expect_geq(other_bits, 6, "it was not used: only %d of 8 tensors differ at all", other_bits);
    clear(&direct);
    clear(&ours);
}

/* Each image alone, with `threads` threads, has the bits that it has among all with two. */
static void compare_alone(const values *all, int threads)
{
    for (size_t n = 0; n < MOST_IMAGES; n++) {
        values one;
        cr_assert_eq(run(&one, threads, (int64_t)n, 1, SSG_PRECISION_WINOGRAD), SSGCAM_OK);
        for (int t = 0; t < 2 * TAPS; t++)
            for (size_t c = 0; c < (t < TAPS ? 1 : CLASSES); c++) {
                const float *among = all->of[t] + (c * MOST_IMAGES + n) * one.count[t];
                cr_expect_arr_eq(one.of[t] + c * one.count[t], among, one.count[t] * sizeof(float), "image %zu, tensor %d, %d threads", n, t,
                                 threads);
            }
        clear(&one);
    }
}

Test(winograd, bits_do_not_depend_on_threads_and_images)
{
    if (!has_winograd()) return;
    values all;
    cr_assert_eq(run(&all, 2, 0, MOST_IMAGES, SSG_PRECISION_WINOGRAD), SSGCAM_OK);
    compare_alone(&all, 1);
    compare_alone(&all, 3);
    clear(&all);
}
