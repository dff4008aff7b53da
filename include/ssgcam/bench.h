/* ssgcam/bench.h - how long the stages take on this machine. */
#ifndef SSGCAM_BENCH_H
#define SSGCAM_BENCH_H

#include <ssgcam/device.h>
#include <ssgcam/generate.h>
#include <ssgcam/model.h>
#include <ssgcam/recipe.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssgcam_bench_options {
    ssgcam_device *device;
    const ssgcam_model *model;
    const ssgcam_recipe *recipe; /* layers and methods */
    ssgcam_precision precision;
    int classes; /* per image; 0: 1 */
    int batch;   /* images per pass; 0: 4, on a GPU 16 */
    int repeat;  /* measured passes behind two that warm up; 0: 10 */
} ssgcam_bench_options;

/* Medians over the repeats, in milliseconds for one image (batch time / batch). */
typedef struct ssgcam_bench_result {
    double forward_ms, backward_ms, maps_ms, total_ms;
    size_t memory;      /* bytes reserved on the device for tensors, maps and scratch (weights not counted) */
    size_t peak_memory; /* bytes that the process held in the host's memory at most: program, weights, and of what a CPU reserves the part that was
                           written. Scratch is reserved for the method that needs most, so that this may be the smaller number */
} ssgcam_bench_result;

/* Images are seeded noise: the time does not depend on what they show. */
SSGCAM_API ssgcam_status ssgcam_bench_run(const ssgcam_bench_options *options, ssgcam_bench_result *result);

#ifdef __cplusplus
}
#endif
#endif
