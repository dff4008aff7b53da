/* test_winograd.c - convolutions by Winograd's transform beside direct ones and plain loops, on networks of channels and sizes that are no multiples
 * of its tiles: close to them, and the same bits for any number of threads and images. In fp32 too, where only gradients are made with it. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/net/plan.h"
#include "tests/support/cases.h"
#include "tests/support/model_builder.h"

/* Large enough for fp32 to take it. */
enum { TAPS = 4, HEIGHT = 31, WIDTH = 33, IMAGE = 3 * HEIGHT * WIDTH, MOST_IMAGES = 3, CLASSES = 2 };

/* The convolution before each tap: padding at the top and at the left, channels and pixels of what it gives. */
static const struct {
    const char *weights;
    int64_t top, left, channels, height, width;
} layer_of[TAPS] = {{"w_c1", 1, 1, 64, 31, 33}, {"w_c2", 1, 1, 128, 31, 33}, {"w_c3", 1, 0, 72, 30, 32}, {"w_c4", 0, 0, 40, 28, 30}};

static void conv3(model_builder *b, const char *x, const char *y, int64_t in, int64_t out, const int64_t pads[4])
{
    float span = sqrtf(6.0f / (9.0f * (float)in));
    builder_conv3(b, x, y, in, out, -span, span, pads);
}

/* Fused with a ReLU, with a clip, and alone; padded on all sides, on two and on none; with oneDNN's tiles of 4 x 4 pixels (128 channels) and 2 x 2.
 */
static ssg_model *make_model(void)
{
    static const int64_t all[] = {1, 1, 1, 1}, two[] = {1, 0, 0, 1}, none[] = {0, 0, 0, 0};
    model_builder *b = builder_create(13);
    builder_input(b, "image", -1, 3, HEIGHT, WIDTH);
    conv3(b, "image", "c1", 3, 64, all);
    builder_node(b, "Relu", "c1", "t1");
    conv3(b, "t1", "c2", 64, 128, all);
    builder_node(b, "Relu", "c2", "t2");
    conv3(b, "t2", "c3", 128, 72, two);
    builder_weights(b, "zero", (int64_t[]){0}, 0, 0);
    builder_weights(b, "six", (int64_t[]){0}, 6, 6);
    builder_node(b, "Clip", "c3 zero six", "t3");
    conv3(b, "t3", "c4", 72, 40, none);
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

static ssgcam_status run_on(values *v, int threads, const float *images_of, int64_t images, ssg_precision precision)
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
        cr_assert_eq(ssg_plan_forward(plan, images_of), SSGCAM_OK, "%s", ssgcam_last_error());
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

static ssgcam_status run(values *v, int threads, int64_t first, int64_t images, ssg_precision precision)
{
    return run_on(v, threads, pictures + first * IMAGE, images, precision);
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

Test(winograd, activations_are_close_to_those_of_direct_convolution)
{
    if (!has_winograd()) return;
    values fp32, ours;
    cr_assert_eq(run(&fp32, 2, 0, MOST_IMAGES, SSG_PRECISION_F32), SSGCAM_OK);
    cr_assert_eq(run(&ours, 2, 0, MOST_IMAGES, SSG_PRECISION_WINOGRAD), SSGCAM_OK);
    int other_bits = 0;
    for (int t = 0; t < TAPS; t++) {
        float largest = 0, difference = 0;
        for (size_t i = 0; i < fp32.count[t] * MOST_IMAGES; i++) {
            largest = fmaxf(largest, fabsf(fp32.of[t][i]));
            difference = fmaxf(difference, fabsf(fp32.of[t][i] - ours.of[t][i]));
        }
        other_bits += difference > 0;
        cr_expect_gt(largest, 0);
        cr_expect_leq(difference, 1e-5f * largest, "tap %d: off by %.2g of the largest", t, (double)(difference / largest));
    }
    cr_expect_eq(other_bits, 3, "%d activations differ; those of all convolutions but the first should, in their last bits", other_bits);
    clear(&fp32);
    clear(&ours);
}

/* ---- gradients beside plain loops -------------------------------------------------------------------------------------------- */

/* Of a tap's function, from what it gave. */
static double slope(int tap, float y)
{
    if (tap == 3) return 1 - (double)y * y;
    return y > 0 && (tap < 2 || y < 6);
}

/* The gradient before the convolution of `tap`, from the one behind it; of one image and class. */
static void turn_back(double *before, int tap, const float *activation, const float *gradient)
{
    const int64_t K = layer_of[tap].channels, H = layer_of[tap].height, W = layer_of[tap].width;
    const int64_t k = layer_of[tap - 1].channels, h = layer_of[tap - 1].height, w = layer_of[tap - 1].width;
    const float *weights = model->values[ssg_model_find_value(model, layer_of[tap].weights)].constant->f32;
    memset(before, 0, (size_t)(k * h * w) * sizeof *before);
    for (int64_t at = 0; at < K * H * W; at++) {
        const int64_t o = at / (H * W), y = at / W % H - layer_of[tap].top, x = at % W - layer_of[tap].left;
        const double behind = (double)gradient[at] * slope(tap, activation[at]);
        for (int64_t i = 0; i < k && behind != 0; i++)
            for (int64_t t = 0; t < 9; t++) {
                int64_t at_y = y + t / 3, at_x = x + t % 3;
                if (at_y < 0 || at_y >= h || at_x < 0 || at_x >= w) continue;
                before[(i * h + at_y) * w + at_x] += (double)weights[(o * k + i) * 9 + t] * behind;
            }
    }
}

static void check_gradients(ssg_precision precision)
{
    values v;
    cr_assert_eq(run(&v, 2, 0, 1, precision), SSGCAM_OK, "%s", ssgcam_last_error());
    for (int t = 1; t < TAPS; t++)
        for (int c = 0; c < CLASSES; c++) {
            size_t count = v.count[t - 1];
            double *expected = malloc(count * sizeof *expected), largest = 0, difference = 0;
            turn_back(expected, t, v.of[t], v.of[TAPS + t] + (size_t)c * v.count[t]);
            for (size_t i = 0; i < count; i++) {
                largest = fmax(largest, fabs(expected[i]));
                difference = fmax(difference, fabs(expected[i] - (double)v.of[TAPS + t - 1][(size_t)c * count + i]));
            }
            cr_expect_gt(largest, 0);
            cr_expect_leq(difference, 5e-6 * largest, "gradient of tap %d, class %d: off by %.2g of the largest", t - 1, c, difference / largest);
            free(expected);
        }
    clear(&v);
}

Test(winograd, gradients_are_those_of_plain_loops)
{
    check_gradients(SSG_PRECISION_F32);
    if (has_winograd()) check_gradients(SSG_PRECISION_WINOGRAD);
}

/* What a max pool chooses on a flat background is no matter of rounding in fp32: pixels that see nothing else are equal to the bit, even beside
 * something (whose rounding Winograd's tiles would spread over their other pixels). */
Test(winograd, fp32_keeps_equal_neighbours_equal)
{
    enum { MARGIN = TAPS, THING = 12 };
    float picture[IMAGE];
    values v;
    memcpy(picture, pictures, sizeof picture);
    for (int i = 0; i < IMAGE; i++)
        if (i % WIDTH >= THING) picture[i] = 0.3f;
    cr_assert_eq(run_on(&v, 2, picture, 1, SSG_PRECISION_F32), SSGCAM_OK, "%s", ssgcam_last_error());
    for (int t = 0; t < TAPS; t++)
        for (int64_t c = 0; c < layer_of[t].channels; c++) {
            const int64_t h = layer_of[t].height, w = layer_of[t].width, flat_from = THING + t + 1;
            const float *plane = v.of[t] + c * h * w;
            int differ = 0;
            for (int64_t y = MARGIN; y < h - MARGIN; y++)
                for (int64_t x = flat_from; x < w - MARGIN; x++) differ += plane[y * w + x] != plane[MARGIN * w + flat_from];
            cr_expect_eq(differ, 0, "tap %d, channel %d: %d pixels", t, (int)c, differ);
        }
    clear(&v);
}

/* ---- the same bits -------------------------------------------------------------------------------------------------------------- */

/* Each image alone, with `threads` threads, has the bits that it has among all with two. */
static void compare_alone(const values *all, int threads, ssg_precision precision)
{
    for (size_t n = 0; n < MOST_IMAGES; n++) {
        values one;
        cr_assert_eq(run(&one, threads, (int64_t)n, 1, precision), SSGCAM_OK);
        for (int t = 0; t < 2 * TAPS; t++)
            for (size_t c = 0; c < (t < TAPS ? 1 : CLASSES); c++) {
                const float *among = all->of[t] + (c * MOST_IMAGES + n) * one.count[t];
                cr_expect_arr_eq(one.of[t] + c * one.count[t], among, one.count[t] * sizeof(float), "image %zu, tensor %d, %d threads", n, t,
                                 threads);
            }
        clear(&one);
    }
}

static void check_bits(ssg_precision precision)
{
    values all;
    cr_assert_eq(run(&all, 2, 0, MOST_IMAGES, precision), SSGCAM_OK);
    compare_alone(&all, 1, precision);
    compare_alone(&all, 3, precision);
    clear(&all);
}

Test(winograd, bits_do_not_depend_on_threads_and_images)
{
    check_bits(SSG_PRECISION_F32);
    if (has_winograd()) check_bits(SSG_PRECISION_WINOGRAD);
}
