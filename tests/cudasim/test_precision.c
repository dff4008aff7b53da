/* test_precision.c - bf16 and fp16 on the simulated device: every operator and narrow versions of whole classifiers against PyTorch in float64.
 * PyTorch itself, computing in the same type, says how large an error has to be expected (tests/fixtures/precision.inc); ours may be two and a half
 * times that. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ssgcam/ssgcam.h>

#include "host/net/plan.h"
#include "tests/cudasim/sim.h"
#include "tests/support/cases.h"

typedef struct errors {
    double score, activation, gradient; /* norm of the difference over norm of the reference; the worst tap's */
} errors;

static const struct {
    const char *name;
    double pytorch[6]; /* bf16, then fp16 */
} peers[] = {
#include "tests/fixtures/precision.inc"
};

static const struct {
    const char *name;
    ssg_precision precision;
    double unit; /* what rounding may change, of 1 */
} types[] = {{"bf16", SSG_PRECISION_BF16, 0x1p-8}, {"fp16", SSG_PRECISION_F16, 0x1p-11}};

/* ---- operators and networks ------------------------------------------------------------------------------------------------------------------ */

static double error_of(const sampled *expected, const float *values)
{
    double difference = 0, size = 0;
    for (uint32_t i = 0; i < expected->stored; i++) {
        double d = (double)values[(size_t)i * expected->stride] - expected->values[i];
        difference += d * d;
        size += (double)expected->values[i] * expected->values[i];
    }
    return sqrt(difference / size);
}

static void read_errors(errors *e, ssg_device *device, const operator_case *c, ssg_plan *plan)
{
    float *logits = calloc((size_t)(ssg_plan_class_count(plan) * c->shape[0]), sizeof *logits);
    cr_assert_eq(ssg_plan_scores(plan, logits), SSGCAM_OK);
    *e = (errors){.score = error_of(&c->logits, logits)};
    free(logits);
    for (int i = 0; i < (int)c->tap_count; i++) {
        ssg_tap tap;
        ssg_plan_tap(plan, i, &tap);
        float *activation = cases_plain(device, &tap.activation_placed, tap.activation);
        float *gradient = cases_plain(device, &tap.gradient_placed, tap.gradient);
        e->activation = fmax(e->activation, error_of(&c->taps[i].activation, activation));
        e->gradient = fmax(e->gradient, error_of(&c->taps[i].gradient, gradient));
        free(activation);
        free(gradient);
    }
}

static ssgcam_status run(errors *e, ssg_device *device, const operator_case *c, ssg_precision precision)
{
    ssg_model *model;
    ssg_plan *plan;
    cr_assert_eq(ssg_model_parse(&model, c->model, c->model_bytes, c->name), SSGCAM_OK, "%s", ssgcam_last_error());
    const char **names = calloc(c->tap_count, sizeof *names);
    for (uint32_t i = 0; i < c->tap_count; i++) names[i] = c->taps[i].name;
    ssg_plan_options options = {.input = {4, {c->shape[0], c->shape[1], c->shape[2], c->shape[3]}},
                                .taps = names,
                                .tap_count = (int)c->tap_count,
                                .classes = (int)c->classes,
                                .precision = precision};
    ssgcam_status status = ssg_plan_create(&plan, device, model, &options);
    if (status == SSGCAM_OK) status = ssg_plan_forward(plan, c->image);
    if (status == SSGCAM_OK) status = ssg_plan_backward_classes(plan, c->chosen);
    if (status == SSGCAM_OK) read_errors(e, device, c, plan);
    ssg_plan_destroy(&plan);
    ssg_model_destroy(&model);
    free(names);
    return status;
}

/* A ReLU or a maximum that two roundings decide differently outweighs all rounding in a gradient, there as here: gradients are compared over all
 * cases, and one by one only roughly. */
static void compare_with_pytorch(int type)
{
    size_t count;
    operator_case *cases = cases_load(SSG_FIXTURES "/operators.bin.gz", &count);
    ssg_device *device;
    double logs = 0, unit = types[type].unit;
    int far_off = 0;
    cr_assert_eq(ssg_device_open(&device, TEST_DEVICE, 2), SSGCAM_OK);
    cr_assert_eq(count, sizeof peers / sizeof *peers, "precision.inc is not of these cases");
    for (size_t i = 0; i < count; i++) {
        errors e;
        const char *name = cases[i].name;
        const double *peer = peers[i].pytorch + 3 * type;
        cr_assert_str_eq(name, peers[i].name);
        ssgcam_status status = run(&e, device, &cases[i], types[type].precision);
        cr_expect_eq(status, SSGCAM_OK, "%s: %s", name, ssgcam_last_error());
        if (status != SSGCAM_OK) continue;
        cr_assert(peer[0] > 0 && peer[1] > 0 && peer[2] > 0, "%s has no peer", name);
        cr_expect(e.score <= unit + 2.5 * peer[0], "%s in %s: the score is off by %.2g, PyTorch's by %.2g", name, types[type].name, e.score, peer[0]);
        cr_expect(e.activation <= unit + 2.5 * peer[1], "%s in %s: an activation is off by %.2g, PyTorch's by %.2g", name, types[type].name,
                  e.activation, peer[1]);
        cr_expect(isfinite(e.gradient), "%s in %s: a gradient is no number", name, types[type].name);
        far_off += e.gradient > 8 * peer[2] + unit;
        logs += log(fmax(e.gradient, unit) / fmax(peer[2], unit));
    }
    cr_expect_leq(exp(logs / (double)count), 1.0, "gradients are further off than PyTorch's");
    cr_expect_leq(far_off, 1);
    printf("%s: gradients off by %.2f of what PyTorch's are (geometric mean), far off: %d\n", types[type].name, exp(logs / (double)count), far_off);
    ssg_device_close(&device);
    cases_free(cases, count);
}

Test(precision, bf16_is_as_close_as_pytorch, .timeout = 240)
{
    compare_with_pytorch(0);
}

Test(precision, fp16_is_as_close_as_pytorch, .timeout = 240)
{
    cudasim_set_trace(0); /* the same kernels but for the type */
    compare_with_pytorch(1);
}

/* Where cuDNN has nothing for 16 bits, convolutions run in float and only what lies between them is rounded. */
Test(precision, convolutions_fall_back_to_float)
{
    size_t count;
    operator_case *cases = cases_load(SSG_FIXTURES "/operators.bin.gz", &count);
    ssg_device *device;
    cudasim_set_trace(0);
    cudasim_without_narrow_convolutions(1);
    cr_assert_eq(ssg_device_open(&device, TEST_DEVICE, 2), SSGCAM_OK);
    int seen = 0;
    for (size_t i = 0; i < count; i++) {
        errors e;
        if (strncmp(cases[i].name, "conv_", 5) != 0) continue;
        seen++;
        cr_assert_eq(run(&e, device, &cases[i], SSG_PRECISION_BF16), SSGCAM_OK, "%s", ssgcam_last_error());
        cr_expect_leq(e.activation, 1e-5, "%s: %g", cases[i].name, e.activation);
    }
    cr_expect_gt(seen, 5);
    ssg_device_close(&device);
    cases_free(cases, count);
}

Test(precision, bf16_is_refused_by_a_gpu_without_it)
{
    size_t count;
    errors e;
    operator_case *cases = cases_load(SSG_FIXTURES "/operators.bin.gz", &count);
    ssg_device *device;
    cudasim_set_capability(7, 5);
    cr_assert_eq(ssg_device_open(&device, TEST_DEVICE, 2), SSGCAM_OK);
    cr_expect_eq(run(&e, device, &cases[0], SSG_PRECISION_BF16), SSGCAM_ERR_DEVICE);
    cr_expect(strstr(ssgcam_last_error(), "bf16 needs a GPU of compute capability 8.0 or newer, this one has 7.5"), "%s", ssgcam_last_error());
    cr_expect_eq(run(&e, device, &cases[0], SSG_PRECISION_F16), SSGCAM_OK, "%s", ssgcam_last_error());
    ssg_device_close(&device);
    cases_free(cases, count);
}

/* ---- maps -------------------------------------------------------------------------------------------------------------------------------------- */

enum { MOST_MAPS = 8 };

typedef struct maps {
    float *map[MOST_MAPS];
    size_t count, pixels;
} maps;

static void keep_map(void *context, const ssgcam_explanation *e, const char *files)
{
    (void)files;
    maps *all = context;
    cr_assert_lt(all->count, MOST_MAPS);
    all->pixels = e->height * e->width;
    all->map[all->count] = malloc(all->pixels * sizeof(float));
    memcpy(all->map[all->count++], e->map, all->pixels * sizeof(float));
}

static ssgcam_status explain(maps *all, const char *device_name, ssgcam_precision precision, const ssgcam_method_options *method, float scale)
{
    ssgcam_device *device;
    ssgcam_model *model;
    ssgcam_recipe *recipe;
    ssgcam_preprocess preprocess;
    const char *inputs[] = {SSG_DEMO_IMAGES "/glioma_2499.jpg"}, *classes[] = {"0", "2"};
    ssgcam_preprocess_init(&preprocess);
    if (scale != 0) preprocess.scale = scale;
    *all = (maps){.count = 0};
    cr_assert_eq(ssgcam_device_open(&device, device_name, 2), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(ssgcam_model_load(&model, SSG_FIXTURES "/tiny.onnx", &preprocess), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(ssgcam_recipe_for_model(&recipe, model, method, "all", NULL, 0, 100), SSGCAM_OK, "%s", ssgcam_last_error());
    ssgcam_explain_options o = {.device = device,
                                .model = model,
                                .recipe = recipe,
                                .inputs = inputs,
                                .input_count = 1,
                                .classes = classes,
                                .class_count = 2,
                                .precision = precision,
                                .callback = keep_map,
                                .context = all};
    ssgcam_status status = ssgcam_explain_run(&o, NULL);
    ssgcam_recipe_destroy(&recipe);
    ssgcam_model_destroy(&model);
    ssgcam_device_close(&device);
    return status;
}

static void free_maps(maps *all)
{
    for (size_t i = 0; i < all->count; i++) free(all->map[i]);
}

/* The mean difference of fused maps, which lie between 0 and 1, in roundings of 1. */
static void compare_maps(ssgcam_method_options method, double most)
{
    static const ssgcam_precision precisions[] = {SSGCAM_PRECISION_BF16, SSGCAM_PRECISION_FP16};
    maps right, narrow;
    cr_assert_eq(explain(&right, "cpu", SSGCAM_PRECISION_FP32, &method, 0), SSGCAM_OK, "%s", ssgcam_last_error());
    for (int t = 0; t < 2; t++) {
        cr_assert_eq(explain(&narrow, TEST_DEVICE, precisions[t], &method, 0), SSGCAM_OK, "%s", ssgcam_last_error());
        cr_assert_eq(narrow.count, right.count);
        double sum = 0;
        for (size_t i = 0; i < right.count; i++)
            for (size_t p = 0; p < right.pixels; p++) sum += fabs((double)narrow.map[i][p] - (double)right.map[i][p]);
        double mean = sum / (double)(right.count * right.pixels);
        cr_expect_leq(mean, most * types[t].unit, "%s in %s: %g", ssgcam_method_name(method.method), types[t].name, mean);
        free_maps(&narrow);
    }
    free_maps(&right);
}

Test(precision, maps_of_every_method_are_close, .timeout = 240)
{
    cudasim_set_trace(0);
    for (int m = SSGCAM_METHOD_SSGCAM; m <= SSGCAM_METHOD_SCORECAM; m++) {
        ssgcam_method_options method = ssgcam_method_defaults((ssgcam_method)m);
        method.samples = 2;
        compare_maps(method, 8);
    }
    ssgcam_method_options exact = ssgcam_method_defaults(SSGCAM_METHOD_SSGCAM);
    exact.second_order = SSGCAM_SECOND_ORDER_EXACT;
    exact.target = SSGCAM_TARGET_LOGSOFTMAX;
    exact.probes = 4;
    compare_maps(exact, 16); /* the estimate's noise is large beside the estimate */
}

/* Half ends at 65504. */
Test(precision, an_overflow_is_reported)
{
    maps all;
    ssgcam_method_options method = ssgcam_method_defaults(SSGCAM_METHOD_SSGCAM);
    cudasim_set_trace(0);
    cr_expect_eq(explain(&all, TEST_DEVICE, SSGCAM_PRECISION_FP16, &method, 1e6f), SSGCAM_ERR_INPUT);
    cr_expect(strstr(ssgcam_last_error(), "is not a number; fp16 ends at 65504, try --precision bf16 or fp32"), "%s", ssgcam_last_error());
    free_maps(&all);
    cr_expect_eq(explain(&all, TEST_DEVICE, SSGCAM_PRECISION_BF16, &method, 1e6f), SSGCAM_OK, "%s", ssgcam_last_error());
    free_maps(&all);
}
