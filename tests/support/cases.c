#include "tests/support/cases.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/packed.h"

/* ---- the file ------------------------------------------------------------------------------------------------------------ */

static sampled read_sampled(packed_file *file)
{
    sampled s = {.count = packed_u32(file)};
    s.stride = packed_u32(file);
    packed_read(file, &s.largest, sizeof s.largest);
    s.stored = packed_u32(file);
    s.values = packed_bytes(file, s.stored * sizeof *s.values);
    return s;
}

void cases_fill(float *values, size_t count, uint32_t seed)
{
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(seed >> 8) / (float)(1 << 24) * 2 - 1;
    }
}

static void read_case(operator_case *c, packed_file *file)
{
    c->name = packed_block(file, NULL);
    c->model = packed_block(file, &c->model_bytes);
    size_t pixels = 1;
    for (int i = 0; i < 4; i++) {
        packed_read(file, &c->shape[i], sizeof c->shape[i]);
        pixels *= (size_t)c->shape[i];
    }
    c->image = calloc(pixels, sizeof *c->image);
    cases_fill(c->image, pixels, packed_u32(file));
    c->classes = packed_u32(file);
    c->chosen = packed_bytes(file, c->classes * (size_t)c->shape[0] * sizeof *c->chosen);
    c->logits = read_sampled(file);
    c->tap_count = packed_u32(file);
    c->taps = calloc(c->tap_count, sizeof *c->taps);
    for (uint32_t i = 0; i < c->tap_count; i++) {
        c->taps[i].name = packed_block(file, NULL);
        c->taps[i].activation = read_sampled(file);
        c->taps[i].gradient = read_sampled(file);
    }
}

operator_case *cases_load(const char *path, size_t *count)
{
    packed_file *file = packed_open(path);
    char *magic = packed_bytes(file, 8);
    cr_assert_str_eq(magic, "SSGCASE1");
    free(magic);
    *count = packed_u32(file);
    operator_case *cases = calloc(*count, sizeof *cases);
    for (size_t i = 0; i < *count; i++) read_case(&cases[i], file);
    packed_close(file);
    return cases;
}

void cases_free(operator_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (uint32_t t = 0; t < cases[i].tap_count; t++) {
            free(cases[i].taps[t].name);
            free(cases[i].taps[t].activation.values);
            free(cases[i].taps[t].gradient.values);
        }
        free(cases[i].taps);
        free(cases[i].name);
        free(cases[i].model);
        free(cases[i].image);
        free(cases[i].chosen);
        free(cases[i].logits.values);
    }
    free(cases);
}

/* ---- comparing --------------------------------------------------------------------------------------------------------------- */

double cases_error(const sampled *expected, const float *values)
{
    double worst = 0;
    for (uint32_t i = 0; i < expected->stored; i++) {
        double difference = fabs((double)values[(size_t)i * expected->stride] - expected->values[i]);
        worst = difference > worst || isnan(difference) ? difference : worst;
    }
    return worst / expected->largest;
}

float *cases_plain(ssg_device *device, const ssg_placed *placed, const void *memory)
{
    size_t count = ssg_shape_count(&placed->shape), pixels = 1, channels = 1, block = 1;
    float *plain = calloc(count, sizeof *plain);
    cr_assert_eq(placed->precision, SSG_PRECISION_F32);
    if (placed->shape.rank == 4) {
        channels = (size_t)placed->shape.dims[1];
        pixels = (size_t)(placed->shape.dims[2] * placed->shape.dims[3]);
        block = (size_t)ssg_layout_block(placed->layout, placed->shape.dims[1]);
    }
    size_t blocks = (channels + block - 1) / block;
    float *copy = malloc(placed->bytes);
    cr_assert_eq(device->interface->download(device, copy, memory, placed->bytes), SSGCAM_OK, "%s", ssgcam_last_error());
    for (size_t i = 0; i < count; i++) {
        size_t row = i / pixels / channels, c = i / pixels % channels, p = i % pixels;
        plain[i] = copy[((row * blocks + c / block) * pixels + p) * block + c % block];
    }
    free(copy);
    return plain;
}
