/* Removed pixels filled from their surroundings, ROAD, average drop and increase, against pytorch-grad-cam, SciPy and onnxruntime
 * (tests/fixtures/make_road.py). */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/data/atomic_file.h"
#include "host/data/image.h"
#include "host/data/npy.h"
#include "host/eval/road.h"
#include "tests/support/packed.h"

enum { IMAGES = 3 };

static void check_filled(packed_file *file, uint32_t number)
{
    uint32_t height = packed_u32(file), width = packed_u32(file), channels = packed_u32(file), nhwc = packed_u32(file), count = packed_u32(file);
    size_t floats = (size_t)height * width * channels;
    uint32_t *removed = packed_bytes(file, count * sizeof *removed);
    float *image = packed_bytes(file, floats * sizeof *image), *expected = packed_bytes(file, floats * sizeof *expected);
    ssg_image_shape shape = {channels, height, width, (int)nhwc};
    ssg_road *road;
    cr_assert_eq(ssg_road_create(&road, height, width), SSGCAM_OK);
    for (int again = 0; again < 2; again++) { /* the working memory serves many images */
        float *got = malloc(floats * sizeof *got);
        ssg_draws draws = ssg_draws_named(1, 2, 3, 4);
        memcpy(got, image, floats * sizeof *got);
        ssg_road_fill(road, got, &shape, removed, count, 0, &draws);
        for (size_t i = 0; i < floats; i++)
            cr_assert(fabsf(got[i] - expected[i]) <= 2e-6f, "case %u, value %zu: %g, expected %g", number, i, (double)got[i], (double)expected[i]);
        free(got);
    }
    ssg_road_destroy(&road);
    free(removed), free(image), free(expected);
}

static packed_file *open_cases(int check)
{
    packed_file *file = packed_open(SSG_FIXTURES "/road.bin.gz");
    for (uint32_t cases = packed_u32(file), i = 0; i < cases; i++) {
        if (check) {
            check_filled(file, i);
            continue;
        }
        uint32_t height = packed_u32(file), width = packed_u32(file), channels = packed_u32(file);
        packed_u32(file);
        free(packed_bytes(file, packed_u32(file) * sizeof(uint32_t)));
        free(packed_bytes(file, (size_t)2 * height * width * channels * sizeof(float)));
    }
    return file;
}

Test(road, equal_to_spsolve)
{
    packed_close(open_cases(1));
}

Test(road, noise)
{
    enum { SIDE = 40 };
    static float image[SIDE * SIDE], again[SIDE * SIDE];
    static uint32_t removed[SIDE * SIDE / 2];
    ssg_image_shape shape = {1, SIDE, SIDE, 0};
    ssg_road *road;
    double sum = 0, squares = 0, count = sizeof removed / sizeof *removed;
    cr_assert_eq(ssg_road_create(&road, SIDE, SIDE), SSGCAM_OK);
    for (uint32_t i = 0; i < SIDE * SIDE; i++) image[i] = 3, again[i] = 3;
    for (uint32_t i = 0; i < SIDE * SIDE / 2; i++) removed[i] = 2 * i + 1;
    ssg_draws draws = ssg_draws_named(5, 0, 0, 0), same = draws;
    ssg_road_fill(road, image, &shape, removed, SIDE * SIDE / 2, 0.5, &draws);
    for (uint32_t i = 0; i < SIDE * SIDE / 4; i++) { /* the order of the pixels plays no part */
        uint32_t swap = removed[i];
        removed[i] = removed[SIDE * SIDE / 2 - 1 - i];
        removed[SIDE * SIDE / 2 - 1 - i] = swap;
    }
    ssg_road_fill(road, again, &shape, removed, SIDE * SIDE / 2, 0.5, &same);
    cr_assert_eq(memcmp(image, again, sizeof image), 0);
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        if (i % 2 == 0) cr_assert_eq(image[i], 3, "a pixel that was kept");
        sum += (double)image[i] - 3;
        squares += ((double)image[i] - 3) * ((double)image[i] - 3);
    }
    cr_assert_lt(fabs(sum / count), 0.08);
    cr_assert_lt(fabs(sqrt(squares / count) - 0.5), 0.05);
    ssg_road_destroy(&road);
}

/* ---- the whole evaluation -----------------------------------------------------------------------------------------------------------------------
 */

typedef struct set {
    uint32_t height, width, steps;
    char folder[40], ids[IMAGES][8], paths[IMAGES][80];
    int labels[IMAGES];
    ssgcam_item items[IMAGES];
    ssgcam_dataset data;
} set;

static void write_picture(const char *path, const ssg_image *image)
{
    uint8_t *png;
    size_t size;
    cr_assert_eq(ssg_image_encode_png(&png, &size, image, 0), SSGCAM_OK);
    cr_assert_eq(ssg_file_write(path, png, size), SSGCAM_OK);
    ssg_free(png);
}

static void make_set(set *s, packed_file *file)
{
    s->height = packed_u32(file), s->width = packed_u32(file), s->steps = packed_u32(file);
    cr_assert_eq(packed_u32(file), IMAGES);
    strcpy(s->folder, "/tmp/ssgcam-road-XXXXXX");
    cr_assert_not_null(mkdtemp(s->folder));
    for (int i = 0; i < IMAGES; i++) {
        size_t pixels = (size_t)s->height * s->width;
        char map[80];
        s->labels[i] = (int)packed_u32(file);
        uint8_t *rgb = packed_bytes(file, 3 * pixels);
        float *values = packed_bytes(file, pixels * sizeof *values);
        snprintf(s->ids[i], sizeof s->ids[i], "%d", i);
        snprintf(s->paths[i], sizeof s->paths[i], "%s/%d.png", s->folder, i);
        snprintf(map, sizeof map, "%s/%d.npy", s->folder, i);
        write_picture(s->paths[i], &(ssg_image){(int)s->width, (int)s->height, 3, rgb});
        cr_assert_eq(ssg_npy_write(map, values, 2, (size_t[]){s->height, s->width}), SSGCAM_OK);
        s->items[i] = (ssgcam_item){.id = s->ids[i], .image = s->paths[i], .labels = &s->labels[i], .label_count = 1};
        free(rgb), free(values);
    }
    s->data = (ssgcam_dataset){.items = s->items, .count = IMAGES};
}

static void remove_set(const set *s)
{
    char command[80];
    snprintf(command, sizeof command, "rm -r %s", s->folder);
    cr_assert_eq(system(command), 0);
}

static ssgcam_status evaluate(const set *s, ssgcam_device *device, double noise, uint64_t seed, ssgcam_perturb_result *result)
{
    ssgcam_model *model = NULL;
    ssgcam_status status = ssgcam_model_load(&model, SSG_FIXTURES "/tiny.onnx", NULL);
    ssgcam_perturb_options o = {.data = &s->data,
                                .maps = s->folder,
                                .device = device,
                                .model = model,
                                .fill = SSGCAM_PERTURB_ROAD,
                                .noise = noise,
                                .steps = (int)s->steps,
                                .seed = seed};
    if (status == SSGCAM_OK) status = ssgcam_eval_perturb(&o, result);
    ssgcam_model_destroy(&model);
    return status;
}

Test(road, equal_to_pytorch_grad_cam)
{
    packed_file *file = open_cases(0);
    set s = {0};
    ssgcam_device *device;
    ssgcam_perturb_result r;
    make_set(&s, file);
    cr_assert_eq(ssgcam_device_open(&device, "cpu", 2), SSGCAM_OK);
    cr_assert_eq(evaluate(&s, device, -1, 0, &r), SSGCAM_OK, "%s", ssgcam_last_error());
    for (uint32_t i = 1; i < s.steps; i++) {
        float expected[2];
        packed_read(file, expected, sizeof expected);
        cr_assert_lt(fabs(r.deletion.probability[i] - (double)expected[0]), 1e-6, "part %u: %g, expected %g", i, r.deletion.probability[i],
                     (double)expected[0]);
        cr_assert_lt(fabs(r.insertion.probability[i] - (double)expected[1]), 1e-6, "part %u: %g, expected %g", i, r.insertion.probability[i],
                     (double)expected[1]);
    }
    double expected[3], got[] = {r.road, r.average_drop, r.average_increase};
    packed_read(file, expected, sizeof expected);
    for (int i = 0; i < 3; i++) cr_assert_lt(fabs(got[i] - expected[i]), 1e-6, "figure %d: %g, expected %g", i, got[i], expected[i]);
    ssgcam_device_close(&device);
    remove_set(&s);
    packed_close(file);
}

Test(road, noise_by_seed_whatever_the_threads)
{
    packed_file *file = open_cases(0);
    set s = {0};
    ssgcam_device *devices[2];
    ssgcam_perturb_result one, two, other;
    make_set(&s, file);
    cr_assert_eq(ssgcam_device_open(&devices[0], "cpu", 1), SSGCAM_OK);
    cr_assert_eq(ssgcam_device_open(&devices[1], "cpu", 3), SSGCAM_OK);
    cr_assert_eq(evaluate(&s, devices[0], 0.2, 7, &one), SSGCAM_OK);
    cr_assert_eq(evaluate(&s, devices[1], 0.2, 7, &two), SSGCAM_OK);
    cr_assert_eq(evaluate(&s, devices[1], 0.2, 8, &other), SSGCAM_OK);
    cr_assert_eq(memcmp(&one.deletion, &two.deletion, sizeof one.deletion), 0);
    cr_assert_eq(memcmp(&one.insertion, &two.insertion, sizeof one.insertion), 0);
    cr_assert_neq(one.road, other.road);
    for (int i = 0; i < 2; i++) ssgcam_device_close(&devices[i]);
    remove_set(&s);
    packed_close(file);
}

Test(road, failing_allocations)
{
    packed_file *file = open_cases(0);
    set s = {0};
    ssgcam_device *device;
    ssgcam_perturb_result r;
    ssgcam_status status = SSGCAM_ERR_MEMORY;
    make_set(&s, file);
    cr_assert_eq(ssgcam_device_open(&device, "cpu", 2), SSGCAM_OK);
    long n = 0;
    while (status == SSGCAM_ERR_MEMORY) {
        ssg_alloc_fail_at(++n, 0);
        status = evaluate(&s, device, 0, 0, &r);
        ssg_alloc_fail_at(0, 0);
    }
    cr_assert_eq(status, SSGCAM_OK, "allocation %ld: %s", n, ssgcam_last_error());
    cr_assert_gt(n, 50);
    ssgcam_device_close(&device);
    remove_set(&s);
    packed_close(file);
}
