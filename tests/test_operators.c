/* test_operators.c - every operator, and narrow versions of whole classifiers, forward and backward against PyTorch in float64.
 *
 * Each case runs twice: with the input as the only tap, so that everything that can be fused is fused, and with all its taps, which keeps the
 * operators around them apart. SSG_CASE=NAME runs one case. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/net/plan.h"
#include "tests/support/cases.h"
#include "tests/support/device.h"

/* Of the largest reference value of the same tensor. Sums of a few thousand float32 products differ by less; the project's goal is 1e-4. */
static const double TOLERANCE = 2e-5;

static double worst_of_all;

static void compare(const operator_case *c, const char *what, const char *tap, const sampled *expected, size_t count, const float *values, int fused)
{
    cr_assert_eq(count, expected->count, "%s: %s of %s has %zu elements, not %u", c->name, what, tap, count, expected->count);
    double error = cases_error(expected, values);
    if (error > worst_of_all) worst_of_all = error;
    cr_expect(error <= TOLERANCE, "%s (%s): %s of %s is off by %.2g of its largest value", c->name, fused ? "fused" : "taps kept", what, tap, error);
}

/* A plan for the case on the device, run forward and backward; NULL (and a failed expectation) if that is not possible. */
static ssg_plan *run(ssg_device *device, const ssg_model *model, const operator_case *c, int taps)
{
    const char **names = calloc(c->tap_count, sizeof *names);
    for (uint32_t i = 0; i < c->tap_count; i++) names[i] = c->taps[i].name;
    ssg_plan *plan;
    ssg_plan_options options = {
        .input = {4, {c->shape[0], c->shape[1], c->shape[2], c->shape[3]}}, .taps = names, .tap_count = taps, .classes = (int)c->classes};
    ssgcam_status status = ssg_plan_create(&plan, device, model, &options);
    if (status == SSGCAM_OK) status = ssg_plan_forward(plan, c->image);
    if (status == SSGCAM_OK) status = ssg_plan_backward_classes(plan, c->chosen);
    cr_expect_eq(status, SSGCAM_OK, "%s", ssgcam_last_error());
    if (status != SSGCAM_OK) ssg_plan_destroy(&plan);
    free(names);
    return plan;
}

static void check(ssg_device *device, const operator_case *c, int fused)
{
    ssg_model *model;
    ssgcam_status status = ssg_model_parse(&model, c->model, c->model_bytes, c->name);
    cr_expect_eq(status, SSGCAM_OK, "%s", ssgcam_last_error());
    if (status != SSGCAM_OK) return;
    int taps = fused ? 1 : (int)c->tap_count;
    ssg_plan *plan = run(device, model, c, taps);
    if (plan) {
        size_t scores = (size_t)(ssg_plan_class_count(plan) * c->shape[0]);
        float *logits = calloc(scores, sizeof *logits);
        ssg_plan_scores(plan, logits);
        compare(c, "score", "the model", &c->logits, scores, logits, fused);
        free(logits);
        for (int i = 0; i < taps; i++) {
            ssg_tap tap;
            ssg_plan_tap(plan, i, &tap);
            float *activation = cases_plain(device, &tap.activation_placed, tap.activation);
            float *gradient = cases_plain(device, &tap.gradient_placed, tap.gradient);
            compare(c, "activation", tap.name, &c->taps[i].activation, ssg_shape_count(&tap.activation_placed.shape), activation, fused);
            compare(c, "gradient", tap.name, &c->taps[i].gradient, ssg_shape_count(&tap.gradient_placed.shape), gradient, fused);
            free(activation);
            free(gradient);
        }
    }
    ssg_plan_destroy(&plan);
    ssg_model_destroy(&model);
}

Test(operators, agree_with_pytorch)
{
    size_t count;
    operator_case *cases = cases_load(SSG_FIXTURES "/operators.bin.gz", &count);
    const char *only = getenv("SSG_CASE");
    ssg_device *device;
    cr_assert_eq(ssgcam_device_open(&device, TEST_DEVICE, 2), SSGCAM_OK);
    cr_assert_gt(count, 100);
    for (size_t i = 0; i < count; i++)
        for (int fused = 0; fused < 2; fused++)
            if (!only || strcmp(only, cases[i].name) == 0) check(device, &cases[i], fused);
    ssgcam_device_close(&device);
    printf("%zu cases, largest error %.2g\n", count, worst_of_all);
    cases_free(cases, count);
}
/* The same bits for one, two and three threads: a bank of maps must not depend on the machine's number of processors. */
Test(operators, do_not_depend_on_the_number_of_threads)
{
    size_t count;
    operator_case *cases = cases_load(SSG_FIXTURES "/operators.bin.gz", &count);
    ssg_device *devices[3];
    for (int d = 0; d < 3; d++) cr_assert_eq(ssgcam_device_open(&devices[d], "cpu", d + 1), SSGCAM_OK);
    for (size_t i = 0; i < count; i++) {
        ssg_model *model;
        if (ssg_model_parse(&model, cases[i].model, cases[i].model_bytes, cases[i].name) != SSGCAM_OK) continue;
        ssg_plan *plans[3];
        for (int d = 0; d < 3; d++) plans[d] = run(devices[d], model, &cases[i], (int)cases[i].tap_count);
        for (int d = 1; d < 3 && plans[0] && plans[d]; d++)
            for (int t = 0; t < (int)cases[i].tap_count; t++) {
                ssg_tap one, many;
                ssg_plan_tap(plans[0], t, &one);
                ssg_plan_tap(plans[d], t, &many);
                cr_expect(ssg_placed_same(&one.activation_placed, &many.activation_placed));
                cr_expect_eq(memcmp(one.activation, many.activation, one.activation_placed.bytes), 0, "%s: activation of %s with %d threads",
                             cases[i].name, one.name, d + 1);
                cr_expect_eq(memcmp(one.gradient, many.gradient, one.gradient_placed.bytes), 0, "%s: gradient of %s with %d threads", cases[i].name,
                             one.name, d + 1);
            }
        for (int d = 0; d < 3; d++) ssg_plan_destroy(&plans[d]);
        ssg_model_destroy(&model);
    }
    for (int d = 0; d < 3; d++) ssgcam_device_close(&devices[d]);
    cases_free(cases, count);
}
