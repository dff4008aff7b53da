/* test_second_order.c - Hessian-vector products and Hutchinson's estimate against PyTorch's double backward in float64 (make_second.py): the exact
 * diagonal by unit vectors, a random direction, symmetry, and the error of the estimate within its own standard error. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/philox.h"
#include "host/net/plan.h"
#include "tests/support/device.h"

enum { MOST_TAPS = 4, MOST = 1024, SIZE = 3 * 8 * 8 };

typedef struct tap_case {
    char name[64];
    int64_t dims[3];
    size_t count;
    double gradient[MOST], diagonal[MOST], product[MOST];
    float direction[MOST];
} tap_case;

typedef struct net_case {
    char name[64];
    int target, label, tap_count;
    float image[SIZE];
    tap_case taps[MOST_TAPS];
} net_case;

static FILE *fixture;

static void take(void *to, size_t size, size_t count)
{
    cr_assert_eq(fread(to, size, count, fixture), count);
}

static void take_name(char name[64])
{
    int32_t length;
    take(&length, 4, 1);
    cr_assert_lt(length, 64);
    take(name, 1, (size_t)length);
    name[length] = '\0';
}

static int open_fixture(void)
{
    int32_t count;
    fixture = fopen(SSG_FIXTURES "/second.bin", "rb");
    cr_assert_not_null(fixture);
    take(&count, 4, 1);
    return count;
}

static void read_net(net_case *net)
{
    int32_t header[3];
    take_name(net->name);
    take(header, 4, 3);
    net->target = header[0];
    net->label = header[1];
    net->tap_count = header[2];
    take(net->image, 4, SIZE);
    for (int i = 0; i < net->tap_count; i++) {
        tap_case *t = &net->taps[i];
        int32_t dims[3];
        take_name(t->name);
        take(dims, 4, 3);
        t->count = (size_t)dims[0] * (size_t)dims[1] * (size_t)dims[2];
        cr_assert_leq(t->count, MOST);
        for (int k = 0; k < 3; k++) t->dims[k] = dims[k];
        take(t->gradient, 8, t->count);
        take(t->diagonal, 8, t->count);
        take(t->direction, 4, t->count);
        take(t->product, 8, t->count);
    }
}

static ssg_device *device;
static ssg_model *model;

static void open_model(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/second_%s.onnx", SSG_FIXTURES, name);
    cr_assert_eq(ssg_model_load(&model, path), SSGCAM_OK, "%s", ssgcam_last_error());
}

static ssg_plan *make_plan(const net_case *net, int first, int count, int images, int classes, int directions)
{
    const char *taps[MOST_TAPS];
    for (int i = 0; i < count; i++) taps[i] = net->taps[first + i].name;
    ssg_plan *plan;
    ssg_plan_options options = {.input = {4, {images, 3, 8, 8}},
                                .taps = taps,
                                .tap_count = count,
                                .classes = classes,
                                .target = (ssgcam_target)net->target,
                                .directions = directions};
    cr_assert_eq(ssg_plan_create(&plan, device, model, &options), SSGCAM_OK, "%s: %s", net->name, ssgcam_last_error());
    return plan;
}

/* Element i of row `row` of a tap's tensor, in row-major order of its logical shape. */
static double at(const ssg_placed *placed, const void *data, size_t row, size_t i)
{
    size_t channels = (size_t)placed->shape.dims[1], pixels = (size_t)(placed->shape.dims[2] * placed->shape.dims[3]);
    size_t block = (size_t)ssg_layout_block(placed->layout, placed->shape.dims[1]), blocks = (channels + block - 1) / block;
    size_t k = i / pixels, p = i % pixels;
    float value;
    const float *from = (const float *)data + ((row * blocks + k / block) * pixels + p) * block + k % block;
    cr_assert_eq(device->interface->download(device, &value, from, sizeof value), SSGCAM_OK, "%s", ssgcam_last_error());
    return value;
}

static double largest(const double *values, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++) most = fmax(most, fabs(values[i]));
    return most;
}

static double noise(const tap_case *t)
{
    return 2e-5 * largest(t->product, t->count) + 1e-9;
}

/* One tap at a time: unit vectors in batches give the diagonal; two sweeps of one plan. */
static void check_diagonal(const net_case *net, int index)
{
    enum { BATCH = 32 };
    const tap_case *t = &net->taps[index];
    ssg_plan *plan = make_plan(net, index, 1, 1, 1, BATCH);
    float *directions = calloc(BATCH * t->count, sizeof *directions);
    ssg_tap tap;
    cr_assert_eq(ssg_plan_forward(plan, net->image), SSGCAM_OK);
    cr_assert_eq(ssg_plan_backward_classes(plan, (int64_t[]){net->label}), SSGCAM_OK);
    ssg_plan_tap(plan, 0, &tap);
    for (size_t i = 0; i < t->count; i++)
        cr_assert_float_eq(at(&tap.gradient_placed, tap.gradient, 0, i), t->gradient[i], 1e-5 * largest(t->gradient, t->count), "%s %s", net->name,
                           t->name);
    for (size_t from = 0; from < t->count; from += BATCH) {
        memset(directions, 0, BATCH * t->count * sizeof *directions);
        for (size_t k = 0; k < BATCH && from + k < t->count; k++) directions[k * t->count + from + k] = 1;
        cr_assert_eq(ssg_plan_second(plan, (const float *[]){directions}), SSGCAM_OK);
        for (size_t k = 0; k < BATCH && from + k < t->count; k++) {
            double got = at(&tap.product_placed, tap.product, k, from + k), expected = t->diagonal[from + k];
            cr_assert_float_eq(got, expected, noise(t), "%s %s, element %zu: %g, expected %g", net->name, t->name, from + k, got, expected);
        }
    }
    memcpy(directions + 3 * t->count, t->direction, t->count * sizeof *directions);
    cr_assert_eq(ssg_plan_second(plan, (const float *[]){directions}), SSGCAM_OK);
    for (size_t i = 0; i < t->count; i++)
        cr_assert_float_eq(at(&tap.product_placed, tap.product, 3, i), t->product[i], noise(t), "%s %s: Hv", net->name, t->name);
    free(directions);
    ssg_plan_destroy(&plan);
}

Test(second_order, equals_double_backward)
{
    net_case net;
    cr_assert_eq(ssgcam_device_open(&device, TEST_DEVICE, 1), SSGCAM_OK);
    for (int nets = open_fixture(); nets > 0; nets--) {
        read_net(&net);
        open_model(net.name);
        for (int i = 0; i < net.tap_count; i++) check_diagonal(&net, i);
        ssg_model_destroy(&model);
    }
    fclose(fixture);
    ssgcam_device_close(&device);
}

static void fill_signs(float *to, size_t count, uint32_t name)
{
    ssg_draws draws = ssg_draws_named(5, name, 0, 0);
    for (size_t i = 0; i < count; i++) to[i] = ssg_draw_u32(&draws) & 1 ? 1 : -1;
}

/* All taps moved together, two images, two classes: u' H v = v' H u for every pair of gradient rows. */
static void check_symmetry(const net_case *net)
{
    enum { IMAGES = 2, CLASSES = 2, ROWS = IMAGES * CLASSES };
    ssg_plan *plan = make_plan(net, 0, net->tap_count, IMAGES, CLASSES, 2);
    float images[IMAGES * SIZE], *directions[MOST_TAPS];
    memcpy(images, net->image, sizeof net->image);
    for (int i = 0; i < SIZE; i++) images[SIZE + i] = -0.7f * net->image[SIZE - 1 - i];
    for (int i = 0; i < net->tap_count; i++) {
        directions[i] = calloc(2 * ROWS * net->taps[i].count, sizeof *directions[i]);
        fill_signs(directions[i], 2 * ROWS * net->taps[i].count, (uint32_t)i);
    }
    cr_assert_eq(ssg_plan_forward(plan, images), SSGCAM_OK);
    cr_assert_eq(ssg_plan_backward_classes(plan, (int64_t[]){net->label, 0, 1, net->label}), SSGCAM_OK);
    cr_assert_eq(ssg_plan_second(plan, (const float *const *)directions), SSGCAM_OK);
    for (size_t row = 0; row < ROWS; row++) {
        double uhv = 0, vhu = 0, size = 0;
        for (int i = 0; i < net->tap_count; i++) {
            ssg_tap tap;
            ssg_plan_tap(plan, i, &tap);
            for (size_t e = 0; e < net->taps[i].count; e++) {
                double hu = at(&tap.product_placed, tap.product, row, e), hv = at(&tap.product_placed, tap.product, ROWS + row, e);
                double u = at(&tap.product_placed, tap.direction, row, e), v = at(&tap.product_placed, tap.direction, ROWS + row, e);
                uhv += u * hv;
                vhu += v * hu;
                size += fabs(hu) + fabs(hv);
            }
        }
        cr_assert_gt(size, 1e-6);
        cr_assert_float_eq(uhv, vhu, 1e-6 * size, "%s, row %zu: %g and %g", net->name, row, uhv, vhu);
    }
    for (int i = 0; i < net->tap_count; i++) free(directions[i]);
    ssg_plan_destroy(&plan);
}

Test(second_order, is_symmetric_across_layers_images_and_classes)
{
    net_case net;
    cr_assert_eq(ssgcam_device_open(&device, TEST_DEVICE, 1), SSGCAM_OK);
    for (int nets = open_fixture(); nets > 0; nets--) {
        read_net(&net);
        open_model(net.name);
        check_symmetry(&net);
        ssg_model_destroy(&model);
    }
    fclose(fixture);
    ssgcam_device_close(&device);
}

/* The Hessian of a logit of a network of ReLUs is zero: said at once, with what to do instead. */
Test(second_order, of_a_piecewise_linear_target_is_refused)
{
    net_case net;
    cr_assert_eq(ssgcam_device_open(&device, TEST_DEVICE, 1), SSGCAM_OK);
    open_fixture();
    read_net(&net);
    read_net(&net); /* the second: ReLU and max pool */
    open_model(net.name);
    const char *taps[] = {net.taps[0].name};
    ssg_plan *plan;
    ssg_plan_options options = {.input = {4, {1, 3, 8, 8}}, .taps = taps, .tap_count = 1, .classes = 1, .directions = 1};
    cr_assert_eq(ssg_plan_create(&plan, device, model, &options), SSGCAM_ERR_ARGUMENT);
    cr_assert_null(plan);
    cr_assert_not_null(strstr(ssgcam_last_error(), "piecewise linear"), "%s", ssgcam_last_error());
    cr_assert_not_null(strstr(ssgcam_last_error(), "logsoftmax, softmax or rest"), "%s", ssgcam_last_error());
    cr_assert_not_null(strstr(ssgcam_last_error(), net.taps[0].name), "%s", ssgcam_last_error());
    ssg_model_destroy(&model);
    fclose(fixture);
    ssgcam_device_close(&device);
}
