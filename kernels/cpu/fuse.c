/* Normalise, add up and label, in loops that the compiler vectorises; the counting is memory-bound and stays as in ref/. */
#include <math.h>
#include <string.h>

#include "host/base/parallel.h"
#include "kernels/cpu/cpu.h"
#include "kernels/ref/ref.h"

enum { LANES = 16 }; /* accumulators side by side */

/* ---- normalise ------------------------------------------------------------------------------------------------------------- */

typedef struct normalise_job {
    float *maps;
    size_t pixels;
    float epsilon;
    uint8_t *flags;
} normalise_job;

/* x - x is NaN for NaN and infinities alone, and a sum of zeros otherwise. */
static void extremes(const float *map, size_t pixels, float *low, float *high, float *suspicion)
{
    float lows[LANES], highs[LANES], sums[LANES];
    for (int l = 0; l < LANES; l++) lows[l] = highs[l] = map[0], sums[l] = 0;
    size_t whole = pixels / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES)
        for (int l = 0; l < LANES; l++) {
            float v = map[i + (size_t)l];
            lows[l] = v < lows[l] ? v : lows[l];
            highs[l] = v > highs[l] ? v : highs[l];
            sums[l] += v - v;
        }
    for (size_t i = whole; i < pixels; i++) {
        lows[0] = map[i] < lows[0] ? map[i] : lows[0];
        highs[0] = map[i] > highs[0] ? map[i] : highs[0];
        sums[0] += map[i] - map[i];
    }
    for (int l = 1; l < LANES; l++) {
        lows[0] = lows[l] < lows[0] ? lows[l] : lows[0];
        highs[0] = highs[l] > highs[0] ? highs[l] : highs[0];
        sums[0] += sums[l];
    }
    *low = lows[0];
    *high = highs[0];
    *suspicion = sums[0];
}

static void rescale(float *map, size_t pixels, float low, float divisor)
{
    for (size_t i = 0; i < pixels; i++) map[i] = (map[i] - low) / divisor;
}

static void normalise_map(void *context, size_t row, int thread)
{
    (void)thread;
    const normalise_job *j = context;
    float *map = j->maps + row * j->pixels, low, high, suspicion;
    extremes(map, j->pixels, &low, &high, &suspicion);
    j->flags[row] = (uint8_t)(suspicion != 0 || isnan(suspicion) ? SSG_MAP_NAN : high > low ? 0 : SSG_MAP_CONSTANT);
    if (j->flags[row])
        memset(map, 0, j->pixels * sizeof *map);
    else
        rescale(map, j->pixels, low, (high - low) + j->epsilon);
}

void ssg_cpu_normalise(const ssg_run *run, float *maps, size_t rows, size_t pixels, float epsilon, uint8_t *flags)
{
    normalise_job j = {maps, pixels, epsilon, flags};
    ssg_parallel_for(run->threads, rows, normalise_map, &j);
}

/* ---- add up --------------------------------------------------------------------------------------------------------------- */

void ssg_cpu_accumulate(const ssg_run *run, float *total, const float *from, size_t count, float weight, float power)
{
    (void)run;
    if (power == 1)
        for (size_t i = 0; i < count; i++) total[i] += weight * from[i];
    else
        for (size_t i = 0; i < count; i++) total[i] += weight * powf(from[i], power);
}

/* ---- integers ------------------------------------------------------------------------------------------------------------------- */

static int largest(const int16_t *values, size_t count)
{
    int16_t top = 0;
    for (size_t i = 0; i < count; i++) top = values[i] > top ? values[i] : top;
    return top;
}

static void claim(uint8_t *labels, const int16_t *fused, int limit, uint8_t label, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++) labels[i] = fused[i] > limit ? label : 0;
}

enum { PIECE = 512 };

/* Pixels whose label is the best so far, with its f / max f. */
typedef struct claims {
    int32_t label[PIECE], value[PIECE], top[PIECE];
} claims;

/* Pixels where a class claims and is better. Products of two values below 2^15 fit into 32 bits. By itself: gcc would take two classes at a time, one
 * pixel after the other. */
__attribute__((noinline)) static void claim_better(claims *best, const int16_t *fused, int32_t top, int32_t limit, int32_t label, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int32_t f = fused[i], better = (f > limit) & (f * best->top[i] > best->value[i] * top);
        best->label[i] = better ? label : best->label[i];
        best->value[i] = better ? f : best->value[i];
        best->top[i] = better ? top : best->top[i];
    }
}

void ssg_cpu_label(const ssg_run *run, uint8_t *labels, const int16_t *const *fused, const int *classes, size_t class_count, size_t pixels, int tau)
{
    (void)run;
    int tops[256], limits[256]; /* 255 f > tau top is f > floor(tau top / 255) */
    for (size_t c = 0; c < class_count; c++) {
        tops[c] = largest(fused[c], pixels);
        limits[c] = tops[c] ? tau * tops[c] / 255 : INT16_MAX;
    }
    if (class_count == 1) {
        claim(labels, fused[0], limits[0], (uint8_t)(classes[0] + 1), pixels);
        return;
    }
    claims best;
    for (size_t first = 0; first < pixels; first += PIECE) {
        size_t count = pixels - first < PIECE ? pixels - first : PIECE;
        for (size_t i = 0; i < count; i++) best.label[i] = best.value[i] = 0, best.top[i] = 1;
        for (size_t c = 0; c < class_count; c++) claim_better(&best, fused[c] + first, tops[c], limits[c], classes[c] + 1, count);
        for (size_t i = 0; i < count; i++) labels[first + i] = (uint8_t)best.label[i];
    }
}

const ssg_ops ssg_cpu_ops = {"cpu " SSG_SET_NAME, ssg_cpu_maps_scratch, ssg_cpu_maps,     ssg_cpu_weighted, ssg_cpu_normalise,
                             ssg_cpu_resize,      ssg_cpu_accumulate,   ssg_cpu_quantise, ssg_cpu_mix,      ssg_cpu_resize_fused,
                             ssg_cpu_label,       ssg_ref_confusion,    ssg_cpu_moments,  ssg_cpu_products};
