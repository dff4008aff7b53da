#include "tests/support/precision.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/device.h"

static const struct {
    const char *name;
    double pytorch[6]; /* bf16, then fp16 */
} peers[] = {
#include "tests/fixtures/precision.inc"
};

const precision_type precision_types[2] = {{"bf16", SSG_PRECISION_BF16, SSGCAM_PRECISION_BF16, 0x1p-8},
                                           {"fp16", SSG_PRECISION_F16, SSGCAM_PRECISION_FP16, 0x1p-11}};

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

static void read_errors(precision_errors *e, ssg_device *device, const operator_case *c, ssg_plan *plan)
{
    float *logits = calloc((size_t)(ssg_plan_class_count(plan) * c->shape[0]), sizeof *logits);
    cr_assert_eq(ssg_plan_scores(plan, logits), SSGCAM_OK);
    *e = (precision_errors){.score = error_of(&c->logits, logits)};
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

ssgcam_status precision_run(precision_errors *e, ssg_device *device, const operator_case *c, ssg_precision precision)
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

int precision_is_here(ssg_precision precision, const char *refusal)
{
    size_t count;
    precision_errors e;
    ssg_device *device;
    operator_case *cases = cases_load(SSG_FIXTURES "/operators.bin.gz", &count);
    cr_assert_eq(ssgcam_device_open(&device, TEST_DEVICE, 2), SSGCAM_OK, "%s", ssgcam_last_error());
    ssgcam_status status = precision_run(&e, device, &cases[0], precision);
    if (status != SSGCAM_OK) {
        cr_assert(strstr(ssgcam_last_error(), refusal), "%s", ssgcam_last_error());
        fprintf(stderr, "skipped: %s\n", ssgcam_last_error());
    }
    ssgcam_device_close(&device);
    cases_free(cases, count);
    return status == SSGCAM_OK;
}

/* A ReLU or a maximum that two roundings decide differently outweighs all rounding in a gradient, there as here: gradients are compared over all
 * cases, and one by one only roughly. */
void precision_compare_with_pytorch(int type)
{
    const precision_type *narrow = &precision_types[type];
    size_t count;
    operator_case *cases = cases_load(SSG_FIXTURES "/operators.bin.gz", &count);
    ssg_device *device;
    double logs = 0, unit = narrow->unit;
    int far_off = 0;
    cr_assert_eq(ssgcam_device_open(&device, TEST_DEVICE, 2), SSGCAM_OK);
    cr_assert_eq(count, sizeof peers / sizeof *peers, "precision.inc is not of these cases");
    for (size_t i = 0; i < count; i++) {
        precision_errors e;
        const char *name = cases[i].name;
        const double *peer = peers[i].pytorch + 3 * type;
        cr_assert_str_eq(name, peers[i].name);
        ssgcam_status status = precision_run(&e, device, &cases[i], narrow->precision);
        cr_expect_eq(status, SSGCAM_OK, "%s: %s", name, ssgcam_last_error());
        if (status != SSGCAM_OK) continue;
        cr_assert(peer[0] > 0 && peer[1] > 0 && peer[2] > 0, "%s has no peer", name);
        cr_expect(e.score <= unit + 2.5 * peer[0], "%s in %s: the score is off by %.2g, PyTorch's by %.2g", name, narrow->name, e.score, peer[0]);
        cr_expect(e.activation <= unit + 2.5 * peer[1], "%s in %s: an activation is off by %.2g, PyTorch's by %.2g", name, narrow->name, e.activation,
                  peer[1]);
        cr_expect(isfinite(e.gradient), "%s in %s: a gradient is no number", name, narrow->name);
        far_off += e.gradient > 8 * peer[2] + unit;
        logs += log(fmax(e.gradient, unit) / fmax(peer[2], unit));
    }
    cr_expect_leq(exp(logs / (double)count), 1.0, "gradients are further off than PyTorch's");
    cr_expect_leq(far_off, 1);
    printf("%s: gradients off by %.2f of what PyTorch's are (geometric mean), far off: %d\n", narrow->name, exp(logs / (double)count), far_off);
    ssgcam_device_close(&device);
    cases_free(cases, count);
}

/* ---- maps -------------------------------------------------------------------------------------------------------------------------------------- */

static void keep_map(void *context, const ssgcam_explanation *e, const char *files)
{
    (void)files;
    precision_maps *all = context;
    cr_assert_lt(all->count, PRECISION_MOST_MAPS);
    all->pixels = e->height * e->width;
    all->map[all->count] = malloc(all->pixels * sizeof(float));
    memcpy(all->map[all->count++], e->map, all->pixels * sizeof(float));
}

ssgcam_status precision_explain(precision_maps *all, const char *device_name, ssgcam_precision precision, const ssgcam_method_options *method,
                                float scale)
{
    ssgcam_device *device;
    ssgcam_model *model;
    ssgcam_recipe *recipe;
    ssgcam_preprocess preprocess;
    const char *inputs[] = {SSG_DEMO_IMAGES "/glioma_2499.jpg"}, *classes[] = {"0", "2"};
    ssgcam_preprocess_init(&preprocess);
    if (scale != 0) preprocess.scale = scale;
    *all = (precision_maps){.count = 0};
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

void precision_free_maps(precision_maps *all)
{
    for (size_t i = 0; i < all->count; i++) free(all->map[i]);
}

void precision_compare_maps(int type, ssgcam_method_options method, double most)
{
    const precision_type *t = &precision_types[type];
    precision_maps right, narrow;
    cr_assert_eq(precision_explain(&right, "cpu", SSGCAM_PRECISION_FP32, &method, 0), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(precision_explain(&narrow, TEST_DEVICE, t->public_precision, &method, 0), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(narrow.count, right.count);
    double sum = 0;
    for (size_t i = 0; i < right.count; i++)
        for (size_t p = 0; p < right.pixels; p++) sum += fabs((double)narrow.map[i][p] - (double)right.map[i][p]);
    double mean = sum / (double)(right.count * right.pixels);
    cr_expect_leq(mean, most * t->unit, "%s in %s: %g", ssgcam_method_name(method.method), t->name, mean);
    precision_free_maps(&narrow);
    precision_free_maps(&right);
}

void precision_compare_methods(int type)
{
    for (int m = SSGCAM_METHOD_SSGCAM; m <= SSGCAM_METHOD_SCORECAM; m++) {
        ssgcam_method_options method = ssgcam_method_defaults((ssgcam_method)m);
        method.samples = 2;
        precision_compare_maps(type, method, 8);
    }
    ssgcam_method_options exact = ssgcam_method_defaults(SSGCAM_METHOD_SSGCAM);
    exact.second_order = SSGCAM_SECOND_ORDER_EXACT;
    exact.target = SSGCAM_TARGET_LOGSOFTMAX;
    exact.probes = 4;
    precision_compare_maps(type, exact, 16); /* the estimate's noise is large beside the estimate */
}
