/* test_models.c - whole models with outputs that others computed: the nine light models of the Python package onnx (in fixtures/light.bin.gz), and
 * the real ones of ../shared/data/models with the logits of onnxruntime, where that folder is (SSGCAM_SHARED names another place for it). */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/net/plan.h"
#include "tests/support/packed.h"

static double largest_difference(const float *a, const float *b, size_t count)
{
    double worst = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        worst = fmax(worst, isnan(a[i]) ? INFINITY : fabs((double)a[i] - b[i]));
        largest = fmax(largest, fabs(b[i]));
    }
    return worst / largest;
}

/* The model's own output (softmax and all) for one input. */
static float *output_of(ssg_device *device, const ssg_model *model, const ssg_shape *shape, const float *image, size_t count)
{
    ssg_plan *plan;
    ssg_plan_options options = {.input = *shape};
    cr_assert_eq(ssg_plan_create(&plan, device, model, &options), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq((size_t)ssg_plan_class_count(plan), count);
    float *output = calloc(count, sizeof *output);
    cr_assert_eq(ssg_plan_forward(plan, image), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(ssg_plan_output(plan, output), SSGCAM_OK);
    ssg_plan_destroy(&plan);
    return output;
}

/* ---- the light models --------------------------------------------------------------------------------------------------------- */

Test(models, light_models_of_onnx)
{
    enum { PIXELS = 3 * 224 * 224 };
    float *image = calloc(PIXELS, sizeof *image);
    for (int i = 0; i < PIXELS; i++) image[i] = (float)((double)i / PIXELS);
    packed_file *file = packed_open(SSG_FIXTURES "/light.bin.gz");
    uint32_t count = packed_u32(file), bytes, model_bytes;
    cr_assert_eq(count, 9);
    for (uint32_t i = 0; i < count; i++) {
        char *name = packed_block(file, &bytes);
        uint8_t *packed = packed_block(file, &model_bytes);
        float *expected = packed_block(file, &bytes);
        ssg_device *device; /* one for each, so that its weights go when it is done: VGG19's are half a gigabyte */
        ssg_model *model;
        cr_assert_eq(ssgcam_device_open(&device, "cpu", 2), SSGCAM_OK);
        cr_assert_eq(ssg_model_parse(&model, packed, model_bytes, name), SSGCAM_OK, "%s", ssgcam_last_error());
        float *output = output_of(device, model, &(ssg_shape){4, {1, 3, 224, 224}}, image, bytes / 4);
        cr_expect_leq(largest_difference(output, expected, bytes / 4), 1e-4, "%s", name);
        free(output);
        ssg_model_destroy(&model);
        ssgcam_device_close(&device);
        free(name);
        free(packed);
        free(expected);
    }
    packed_close(file);
    free(image);
}

/* ---- real models --------------------------------------------------------------------------------------------------------------- */

static float *read_floats(const char *path, size_t count)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    float *values = calloc(count, sizeof *values);
    cr_assert_eq(fread(values, sizeof *values, count, file), count, "%s is cut short", path);
    fclose(file);
    return values;
}

Test(models, real_models_against_onnxruntime)
{
    static const struct {
        const char *name;
        int64_t side;
        size_t classes;
    } models[] = {{"squeezenet1.1", 227, 1000},
                  {"mobilenet_v2_1.0_224", 224, 1001},
                  {"mobilenet_v1_0.25_128", 128, 1001},
                  {"resnet20_cifar10", 32, 10},
                  {"resnet56_cifar10", 32, 10}};
    const char *shared = getenv("SSGCAM_SHARED");
    if (!shared) shared = SSG_FIXTURES "/../../../shared";
    char path[4096];
    snprintf(path, sizeof path, "%s/data/models", shared);
    if (access(path, R_OK) != 0) cr_skip_test("%s is not here", path);
    ssg_device *device;
    cr_assert_eq(ssgcam_device_open(&device, "cpu", 2), SSGCAM_OK);
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        ssg_model *model;
        snprintf(path, sizeof path, "%s/data/models/%s.onnx", shared, models[i].name);
        cr_assert_eq(ssg_model_load(&model, path), SSGCAM_OK, "%s", ssgcam_last_error());
        snprintf(path, sizeof path, "%s/data/models/reference/%s_input.f32", shared, models[i].name);
        float *image = read_floats(path, (size_t)(3 * models[i].side * models[i].side));
        snprintf(path, sizeof path, "%s/data/models/reference/%s_logits.f32", shared, models[i].name);
        float *expected = read_floats(path, models[i].classes);
        float *logits = output_of(device, model, &(ssg_shape){4, {1, 3, models[i].side, models[i].side}}, image, models[i].classes);
        double error = largest_difference(logits, expected, models[i].classes);
        printf("%s: %.2g\n", models[i].name, error);
        cr_expect_leq(error, 1e-5, "%s: %g", models[i].name, error);
        free(image);
        free(expected);
        free(logits);
        ssg_model_destroy(&model);
    }
    ssgcam_device_close(&device);
}
