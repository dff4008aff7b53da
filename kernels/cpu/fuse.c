/* Normalise, resize, mix and label, in loops that the compiler vectorises; the counting is memory-bound and stays as in ref/. */
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

/* ---- resize and quantise ------------------------------------------------------------------------------------------------------ */

typedef struct resize_job {
    float *to;
    uint8_t *bytes; /* instead of `to`: quantised */
    const float *from;
    size_t H, W, h, w;
    float power;
} resize_job;

static void sample(size_t i, size_t N, size_t n, size_t *low, size_t *high, float *fraction)
{
    double at = ((double)i + 0.5) * (double)n / (double)N - 0.5;
    at = at < 0 ? 0 : at > (double)(n - 1) ? (double)(n - 1) : at;
    *low = (size_t)at;
    *high = *low + 1 < n ? *low + 1 : n - 1;
    *fraction = (float)(at - (double)*low);
}

enum { STRIP = 64 };

/* One output line: columns in strips whose positions are worked out once. */
static void resize_line(const resize_job *j, const float *map, size_t y, float *out)
{
    size_t y0, y1;
    float fy;
    sample(y, j->H, j->h, &y0, &y1, &fy);
    const float *top = map + y0 * j->w, *bottom = map + y1 * j->w;
    for (size_t x = 0; x < j->W; x++) {
        size_t x0, x1;
        float fx;
        sample(x, j->W, j->w, &x0, &x1, &fx);
        float upper = top[x0] * (1 - fx) + top[x1] * fx, lower = bottom[x0] * (1 - fx) + bottom[x1] * fx;
        out[x] = upper * (1 - fy) + lower * fy;
    }
}

static void quantise_line(uint8_t *to, const float *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float v = from[i] < 0 ? 0 : from[i] > 1 ? 1 : from[i];
        to[i] = (uint8_t)(v * 255 + 0.5f);
    }
}

static void resize_lines(void *context, size_t index, int thread)
{
    (void)thread;
    const resize_job *j = context;
    size_t row = index / j->H, y = index % j->H;
    const float *map = j->from + row * j->h * j->w;
    if (!j->bytes) {
        resize_line(j, map, y, j->to + index * j->W);
        return;
    }
    float line[4096];
    for (size_t x = 0; x < j->W; x += 4096) { /* a grid is rarely wider than one strip */
        size_t count = j->W - x < 4096 ? j->W - x : 4096;
        size_t y0, y1;
        float fy;
        sample(y, j->H, j->h, &y0, &y1, &fy);
        for (size_t i = 0; i < count; i++) {
            size_t x0, x1;
            float fx;
            sample(x + i, j->W, j->w, &x0, &x1, &fx);
            float upper = map[y0 * j->w + x0] * (1 - fx) + map[y0 * j->w + x1] * fx,
                  lower = map[y1 * j->w + x0] * (1 - fx) + map[y1 * j->w + x1] * fx;
            line[i] = upper * (1 - fy) + lower * fy;
            if (j->power != 1) line[i] = powf(line[i], j->power);
        }
        quantise_line(j->bytes + index * j->W + x, line, count);
    }
}

void ssg_cpu_resize(const ssg_run *run, float *to, size_t H, size_t W, const float *from, size_t h, size_t w, size_t rows)
{
    resize_job j = {to, NULL, from, H, W, h, w, 1};
    ssg_parallel_for(run->threads, rows * H, resize_lines, &j);
}

void ssg_cpu_quantise(const ssg_run *run, uint8_t *to, size_t H, size_t W, const float *from, size_t h, size_t w, size_t rows, float power)
{
    resize_job j = {NULL, to, from, H, W, h, w, power};
    ssg_parallel_for(run->threads, rows * H, resize_lines, &j);
}

void ssg_cpu_accumulate(const ssg_run *run, float *total, const float *from, size_t count, float weight, float power)
{
    (void)run;
    if (power == 1)
        for (size_t i = 0; i < count; i++) total[i] += weight * from[i];
    else
        for (size_t i = 0; i < count; i++) total[i] += weight * powf(from[i], power);
}

/* ---- integers ------------------------------------------------------------------------------------------------------------------- */

void ssg_cpu_mix(const ssg_run *run, int16_t *fused, const uint8_t *row, int weight, size_t pixels)
{
    (void)run;
    for (size_t i = 0; i < pixels; i++) fused[i] = (int16_t)(fused[i] + (int16_t)(weight * row[i]));
}

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
