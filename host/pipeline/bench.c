#include <ssgcam/bench.h>

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "host/base/alloc.h"
#include "host/base/philox.h"
#include "host/flow/network.h"
#include "host/flow/precision.h"

enum { WARM_UP = 2, STAGES = 4 };

typedef struct bench {
    const ssgcam_bench_options *o;
    int batch, classes, repeat;
    ssg_cam_row *rows;
    ssg_cam *cam;
    float *images;
    int64_t *chosen;
    double *ms[STAGES]; /* forward, backward, maps, all: one value per repeat */
} bench;

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_per_image(const bench *b, double *values)
{
    qsort(values, (size_t)b->repeat, sizeof *values, by_size);
    double middle = b->repeat % 2 ? values[b->repeat / 2] : (values[b->repeat / 2 - 1] + values[b->repeat / 2]) / 2;
    return middle / b->batch;
}

static ssgcam_status prepare(bench *b)
{
    const ssgcam_bench_options *o = b->o;
    ssg_shape input = ssg_network_input(o->model, b->batch, o->model->height, o->model->width);
    size_t floats = ssg_shape_count(&input) * (size_t)b->batch;
    b->rows = ssg_calloc(o->recipe->layer_count, sizeof *b->rows);
    b->images = ssg_alloc_aligned(floats, sizeof *b->images);
    b->chosen = ssg_calloc((size_t)(b->batch * b->classes), sizeof *b->chosen);
    for (int i = 0; i < STAGES; i++)
        if (!(b->ms[i] = ssg_calloc((size_t)b->repeat, sizeof **b->ms))) return SSG_OUT_OF_MEMORY;
    if (!b->rows || !b->images || !b->chosen) return SSG_OUT_OF_MEMORY;
    ssg_draws draws = ssg_draws_named(0, 0, 0, 0);
    for (size_t i = 0; i < floats; i++) b->images[i] = (float)ssg_draw_unit(&draws);
    for (int i = 0; i < b->batch * b->classes; i++) b->chosen[i] = (i / b->batch) % (int64_t)o->model->class_count;
    SSG_TRY(ssg_network_recipe_rows(o->model, o->recipe, b->rows));
    ssg_cam_options options = {.input = input,
                               .nhwc = o->model->nhwc,
                               .rows = b->rows,
                               .row_count = (int)o->recipe->layer_count,
                               .classes = b->classes,
                               .precision = ssg_precision_of(o->precision)};
    SSG_TRY(o->device->interface->enter(o->device));
    return ssg_cam_create(&b->cam, o->device, o->model->model, &options);
}

static ssgcam_status measure(bench *b)
{
    for (int i = -WARM_UP; i < b->repeat; i++) {
        double ms[3];
        SSG_TRY(ssg_cam_forward(b->cam, b->images, NULL));
        SSG_TRY(ssg_cam_backward(b->cam, b->chosen));
        SSG_TRY(ssg_cam_times(b->cam, ms));
        for (int k = 0; i >= 0 && k < 3; k++) b->ms[k][i] = ms[k];
        if (i >= 0) b->ms[3][i] = ms[0] + ms[1] + ms[2];
    }
    return SSGCAM_OK;
}

ssgcam_status ssgcam_bench_run(const ssgcam_bench_options *options, ssgcam_bench_result *result)
{
    bench b = {.o = options,
               .batch = ssg_device_batch(options->device, options->batch),
               .classes = options->classes > 0 ? options->classes : 1,
               .repeat = options->repeat > 0 ? options->repeat : 10};
    *result = (ssgcam_bench_result){0};
    ssgcam_status status = prepare(&b);
    if (status == SSGCAM_OK) status = measure(&b);
    if (status == SSGCAM_OK) {
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        *result = (ssgcam_bench_result){.forward_ms = median_per_image(&b, b.ms[0]),
                                        .backward_ms = median_per_image(&b, b.ms[1]),
                                        .maps_ms = median_per_image(&b, b.ms[2]),
                                        .total_ms = median_per_image(&b, b.ms[3]),
                                        .memory = ssg_cam_memory(b.cam),
                                        .peak_memory = (size_t)usage.ru_maxrss * 1024};
    }
    ssg_cam_destroy(&b.cam);
    for (int i = 0; i < STAGES; i++) ssg_free(b.ms[i]);
    ssg_free(b.chosen);
    ssg_free(b.images);
    ssg_free(b.rows);
    return status;
}
