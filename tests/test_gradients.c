/* test_gradients.c - the executor's data gradients against central differences on small random graphs, for one and for several classes, and batches
 * equal to single images. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/net/plan_parts.h"
#include "tests/support/model_builder.h"

static const int64_t PADS1[] = {1, 1, 1, 1}, TWO[] = {2, 2}, THREE[] = {3, 3};

static void conv3(model_builder *b, const char *x, const char *y, int64_t in, int64_t out)
{
    builder_conv3(b, x, y, in, out, -0.4f, 0.5f, PADS1);
}

/* Each graph ends in 5 logits and starts from a 3-channel image. */
enum { GRAPHS = 7 };
static model_builder *graph(int which)
{
    model_builder *b = builder_create(13);
    builder_input(b, "image", -1, 3, -1, -1);
    conv3(b, "image", "c1", 3, 12);
    switch (which) {
    case 0: /* residual with smooth activations */
        builder_node(b, "Sigmoid", "c1", "s1");
        builder_node(b, "Mul", "c1 s1", "a1");
        conv3(b, "a1", "c2", 12, 12);
        builder_node(b, "Add", "c2 a1", "sum");
        builder_node(b, "Tanh", "sum", "last");
        break;
    case 1: /* squeeze and excite */
        builder_node(b, "HardSwish", "c1", "a1");
        builder_node(b, "GlobalAveragePool", "a1", "g1");
        builder_weights(b, "w_se", (int64_t[]){12, 12, 1, 1, 0}, -1, 1);
        builder_node(b, "Conv", "g1 w_se", "se");
        builder_node(b, "HardSigmoid", "se", "gate");
        builder_node(b, "Mul", "a1 gate", "last");
        break;
    case 2: /* dense concat, average pool */
        builder_node(b, "Softplus", "c1", "a1");
        conv3(b, "a1", "c2", 12, 8);
        builder_node(b, "Concat", "a1 c2 image", "cat");
        builder_int(b, "axis", 1);
        builder_node(b, "AveragePool", "cat", "pool");
        builder_ints(b, "kernel_shape", THREE, 2);
        builder_ints(b, "strides", TWO, 2);
        builder_ints(b, "pads", PADS1, 4);
        conv3(b, "pool", "last", 23, 12);
        break;
    case 3: /* a tensor used three times, subtraction and division */
        builder_node(b, "Sigmoid", "c1", "a1");
        builder_node(b, "Sub", "c1 a1", "d1");
        builder_node(b, "Add", "d1 a1", "d2");
        builder_node(b, "Exp", "a1", "e1");
        builder_node(b, "Div", "d2 e1", "last");
        break;
    case 4: /* normalisation over channels and over pixels */
        builder_node(b, "Elu", "c1", "a1");
        builder_weights(b, "in_s", (int64_t[]){12, 0}, 0.5f, 1.5f);
        builder_weights(b, "in_b", (int64_t[]){12, 0}, -1, 1);
        builder_node(b, "InstanceNormalization", "a1 in_s in_b", "n1");
        builder_node(b, "LRN", "n1", "last");
        builder_int(b, "size", 5);
        builder_float(b, "alpha", 0.5f);
        break;
    case 5: /* padding, slicing, shuffling */
        builder_node(b, "Tanh", "c1", "a1");
        builder_integers(b, "pads", (int64_t[]){0, 2, 1, 1, 0, 2, 0, 1}, 8);
        builder_node(b, "Pad", "a1 pads", "p1");
        builder_integers(b, "starts", (int64_t[]){1, 0}, 2);
        builder_integers(b, "ends", (int64_t[]){15, 100}, 2);
        builder_integers(b, "axes", (int64_t[]){1, 3}, 2);
        builder_integers(b, "steps", (int64_t[]){1, 2}, 2);
        builder_node(b, "Slice", "p1 starts ends axes steps", "s1");
        builder_node(b, "Transpose", "s1", "t1");
        builder_ints(b, "perm", (int64_t[]){0, 2, 3, 1}, 4);
        builder_node(b, "Transpose", "t1", "t2");
        builder_ints(b, "perm", (int64_t[]){0, 3, 2, 1}, 4);
        conv3(b, "t2", "last", 14, 12);
        break;
    default: /* layer normalisation and GELU, spelled out */
        builder_node(b, "Erf", "c1", "erf");
        builder_node(b, "Mul", "erf c1", "a1");
        builder_node(b, "ReduceMean", "a1", "mean");
        builder_ints(b, "axes", (int64_t[]){1}, 1);
        builder_node(b, "Sub", "a1 mean", "centred");
        builder_weights(b, "two", (int64_t[]){1, 0}, 2, 2);
        builder_node(b, "Pow", "centred two", "square");
        builder_node(b, "ReduceMean", "square", "variance");
        builder_ints(b, "axes", (int64_t[]){1}, 1);
        builder_weights(b, "eps", (int64_t[]){1, 0}, 0.1f, 0.1f);
        builder_node(b, "Add", "variance eps", "variance2");
        builder_node(b, "Sqrt", "variance2", "deviation");
        builder_node(b, "Div", "centred deviation", "last");
        break;
    }
    builder_head(b, "last", 12);
    return b;
}

static ssg_model *model_of(int which)
{
    ssg_model *model = builder_model(graph(which));
    cr_assert_not_null(model, "%s", ssgcam_last_error());
    return model;
}

enum { H = 7, W = 6, PIXELS = 3 * H * W };

static void fill(float *x, size_t count, unsigned seed)
{
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / (float)(1 << 24) * 2 - 1;
    }
}

static double score(ssg_plan *plan, const float *image, int class)
{
    float logits[5];
    cr_assert_eq(ssg_plan_forward(plan, image), SSGCAM_OK, "%s", ssgcam_last_error());
    ssg_plan_scores(plan, logits);
    return logits[class];
}

Test(gradients, equal_central_differences)
{
    ssg_device *device;
    cr_assert_eq(ssgcam_device_open(&device, "cpu", 2), SSGCAM_OK);
    const char *taps[] = {"image"};
    for (int which = 0; which < GRAPHS; which++) {
        ssg_model *model = model_of(which);
        ssg_plan *plan;
        ssg_plan_options options = {.input = {4, {1, 3, H, W}}, .taps = taps, .tap_count = 1, .classes = 2};
        cr_assert_eq(ssg_plan_create(&plan, device, model, &options), SSGCAM_OK, "graph %d: %s", which, ssgcam_last_error());
        float image[PIXELS];
        fill(image, PIXELS, 7u + (unsigned)which);
        score(plan, image, 0);
        cr_assert_eq(ssg_plan_backward_classes(plan, (int64_t[]){3, 1}), SSGCAM_OK);
        ssg_tap tap;
        ssg_plan_tap(plan, 0, &tap);
        float gradient[2 * PIXELS];
        memcpy(gradient, tap.gradient, sizeof gradient);
        double largest = 0;
        for (int i = 0; i < 2 * PIXELS; i++) largest = fmax(largest, fabs(gradient[i]));
        cr_assert_gt(largest, 1e-3, "graph %d: a vanishing gradient proves nothing", which);
        for (int c = 0; c < 2; c++)
            for (int i = c; i < PIXELS; i += 5) {
                const float step = 0.02f, saved = image[i];
                image[i] = saved + step;
                double up = score(plan, image, c ? 1 : 3);
                image[i] = saved - step;
                double down = score(plan, image, c ? 1 : 3);
                image[i] = saved;
                cr_assert_float_eq((up - down) / (2 * step), gradient[c * PIXELS + i], 0.01 * largest,
                                   "graph %d, class slot %d, element %d: %g, expected %g", which, c, i, gradient[c * PIXELS + i],
                                   (up - down) / (2 * step));
            }
        ssg_plan_destroy(&plan);
        ssg_model_destroy(&model);
    }
    ssgcam_device_close(&device);
}

static int backward_steps(ssg_device *device, const ssg_model *model, const char *const *taps, int count)
{
    ssg_plan *plan;
    ssg_plan_options options = {.input = {4, {1, 3, H, W}}, .taps = taps, .tap_count = count, .classes = 1};
    cr_assert_eq(ssg_plan_create(&plan, device, model, &options), SSGCAM_OK, "%s", ssgcam_last_error());
    int steps = plan->backward_steps - plan->forward_steps;
    ssg_plan_destroy(&plan);
    return steps;
}

/* What a recipe saves that leaves the shallow layers out. */
Test(gradients, backward_goes_no_lower_than_the_lowest_tap)
{
    ssg_device *device;
    ssg_model *model = model_of(0);
    const char *taps[] = {"c2", "a1", "c1"};
    cr_assert_eq(ssgcam_device_open(&device, "cpu", 2), SSGCAM_OK);
    int deep = backward_steps(device, model, taps, 1), middle = backward_steps(device, model, taps + 1, 1);
    int shallow = backward_steps(device, model, taps + 2, 1);
    cr_assert(0 < deep && deep < middle && middle < shallow, "%d, %d, %d steps", deep, middle, shallow);
    ssg_model_destroy(&model);
    ssgcam_device_close(&device);
}

/* Images of a batch do not see each other, and a class's gradient does not depend on which others are asked for. */
Test(gradients, a_batch_equals_its_images)
{
    ssg_device *device;
    cr_assert_eq(ssgcam_device_open(&device, "cpu", 2), SSGCAM_OK);
    const char *taps[] = {"image", "last"};
    for (int which = 0; which < GRAPHS; which++) {
        ssg_model *model = model_of(which);
        ssg_plan *batch, *one;
        ssg_plan_options options = {.input = {4, {3, 3, H, W}}, .taps = taps, .tap_count = 2, .classes = 2};
        cr_assert_eq(ssg_plan_create(&batch, device, model, &options), SSGCAM_OK, "graph %d: %s", which, ssgcam_last_error());
        options.input.dims[0] = options.classes = 1;
        cr_assert_eq(ssg_plan_create(&one, device, model, &options), SSGCAM_OK);
        float images[3 * PIXELS];
        fill(images, 3 * PIXELS, 99);
        cr_assert_eq(ssg_plan_forward(batch, images), SSGCAM_OK);
        cr_assert_eq(ssg_plan_backward_classes(batch, (int64_t[]){0, 1, 2, 4, 4, 0}), SSGCAM_OK);
        for (int row = 0; row < 6; row++) {
            static const int64_t chosen[] = {0, 1, 2, 4, 4, 0};
            score(one, images + (row % 3) * PIXELS, 0);
            cr_assert_eq(ssg_plan_backward_classes(one, &chosen[row]), SSGCAM_OK);
            ssg_tap whole, single;
            ssg_plan_tap(batch, 0, &whole);
            ssg_plan_tap(one, 0, &single);
            for (int i = 0; i < PIXELS; i++)
                cr_assert_float_eq(((const float *)whole.gradient)[row * PIXELS + i], ((const float *)single.gradient)[i], 1e-5, "graph %d, row %d",
                                   which, row);
        }
        ssg_plan_destroy(&batch);
        ssg_plan_destroy(&one);
        ssg_model_destroy(&model);
    }
    ssgcam_device_close(&device);
}
