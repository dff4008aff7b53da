/* Normalise, add up, resize mixtures and label, in loops that the compiler vectorises; the counting is memory-bound and stays as in ref/. */
#include <math.h>
#include <string.h>

#include "host/base/parallel.h"
#include "kernels/cpu/cpu.h"
#include "kernels/fixed_point.h"
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

typedef struct fused_job {
    int16_t *to;
    const int16_t *from;
    size_t H, W, h, w;
} fused_job;

static void resize_fused_line(void *context, size_t y, int thread)
{
    (void)thread;
    const fused_job *j = context;
    ssg_fixed_sample v = ssg_fixed_sample_at(y, j->H, j->h);
    const int16_t *top = j->from + v.low * j->w, *bottom = j->from + v.high * j->w;
    for (size_t x = 0; x < j->W; x++) {
        ssg_fixed_sample u = ssg_fixed_sample_at(x, j->W, j->w);
        j->to[y * j->W + x] = ssg_fixed_blend(top[u.low], top[u.high], bottom[u.low], bottom[u.high], u.fraction, v.fraction);
    }
}

void ssg_cpu_resize_fused(const ssg_run *run, int16_t *to, size_t H, size_t W, const int16_t *from, size_t h, size_t w)
{
    fused_job j = {to, from, H, W, h, w};
    if (H == h && W == w)
        memcpy(to, from, H * W * sizeof *to);
    else
        ssg_parallel_for(run->threads, H, resize_fused_line, &j);
}

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

void ssg_cpu_label(const ssg_run *run, uint8_t *labels, const int16_t *const *fused, const int *classes, size_t class_count, size_t pixels, int tau)
{
    if (class_count != 1) {
        ssg_ref_label(run, labels, fused, classes, class_count, pixels, tau);
        return;
    }
    int top = largest(fused[0], pixels); /* one class: 255 f > tau top is f > floor(tau top / 255) */
    claim(labels, fused[0], top ? tau * top / 255 : INT16_MAX, (uint8_t)(classes[0] + 1), pixels);
}

const ssg_ops ssg_cpu_ops = {"cpu " SSG_SET_NAME, ssg_cpu_maps_scratch, ssg_cpu_maps,     ssg_cpu_weighted, ssg_cpu_normalise,
                             ssg_cpu_resize,      ssg_cpu_accumulate,   ssg_cpu_quantise, ssg_cpu_mix,      ssg_cpu_resize_fused,
                             ssg_cpu_label,       ssg_ref_confusion,    ssg_cpu_moments,  ssg_cpu_products};
