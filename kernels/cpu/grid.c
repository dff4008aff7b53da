/* Maps of another size: layer maps onto the grid, as floats, as levels of every power, or added to a mixture; mixtures to the image's size.
 *
 * Work is cut into bands of output lines and strips of columns. A source line is brought to the strip's columns once, for all output lines between it
 * and its neighbours; what is left for each of them is a weighted sum of two lines. */
#include <math.h>
#include <string.h>

#include "host/base/parallel.h"
#include "kernels/cpu/cpu.h"
#include "kernels/fixed_point.h"

enum { COLUMNS = 512, BAND = 32 };

typedef struct grid_job {
    const ssg_place *places;
    size_t H, W, h, w;
    void (*put)(const struct grid_job *, void *to, size_t at, const float *values, size_t count); /* pixels from `at` on */
    const float *powers;                                                                          /* quantise: all of them; mix: one */
    size_t power_count;
    int weight;
} grid_job;

/* ---- resizing ------------------------------------------------------------------------------------------------------------------------------ */

/* For some outputs of an axis: the two neighbours, and the fraction of the second. */
typedef struct samples {
    int32_t low[COLUMNS], high[COLUMNS];
    float fraction[COLUMNS];
} samples;

/* Outputs `first` and so on of N on an axis of n. */
static void sample(samples *s, size_t first, size_t count, size_t N, size_t n)
{
    int32_t begin = (int32_t)first, last = (int32_t)n - 1;
    double inputs = (double)n, outputs = (double)N;
    for (int32_t i = 0; i < (int32_t)count; i++) {
        double at = (begin + i + 0.5) * inputs / outputs - 0.5;
        at = at > 0 ? at : 0;
        at = at < last ? at : last;
        s->low[i] = (int32_t)at;
        s->high[i] = s->low[i] < last ? s->low[i] + 1 : last;
        s->fraction[i] = (float)(at - s->low[i]);
    }
}

static void widen(float *out, const float *line, const samples *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) out[i] = line[columns->low[i]] * (1 - columns->fraction[i]) + line[columns->high[i]] * columns->fraction[i];
}

static void blend(float *out, const float *upper, const float *lower, float fraction, size_t count)
{
    for (size_t i = 0; i < count; i++) out[i] = upper[i] * (1 - fraction) + lower[i] * fraction;
}

/* Of the two widened lines that are kept, the one for `wanted`, in the place of what is not `spared`; `fresh`: it has yet to be made. */
static int find_line(int32_t kept[2], int32_t wanted, int32_t spared, int *fresh)
{
    int place = kept[0] == wanted ? 0 : kept[1] == wanted ? 1 : kept[0] == spared;
    *fresh = kept[place] != wanted;
    kept[place] = wanted;
    return place;
}

/* Source lines at the strip's columns; those of the last output line are kept. */
typedef struct widened {
    float lines[2][COLUMNS];
    int32_t of[2]; /* which they are; -1: none */
} widened;

static const float *line_of(widened *kept, int32_t wanted, int32_t spared, const float *map, size_t w, const samples *columns, size_t count)
{
    int fresh, i = find_line(kept->of, wanted, spared, &fresh);
    if (fresh) widen(kept->lines[i], map + (size_t)wanted * w, columns, count);
    return kept->lines[i];
}

static void place_strip(const grid_job *j, const ssg_place *place, const samples *lines, size_t y, size_t height, size_t x, size_t width)
{
    samples columns;
    widened kept = {.of = {-1, -1}};
    float values[COLUMNS];
    sample(&columns, x, width, j->W, j->w);
    for (size_t i = 0; i < height; i++) {
        const float *upper = line_of(&kept, lines->low[i], lines->high[i], place->from, j->w, &columns, width);
        const float *lower = line_of(&kept, lines->high[i], lines->low[i], place->from, j->w, &columns, width);
        blend(values, upper, lower, lines->fraction[i], width);
        j->put(j, place->to, (y + i) * j->W + x, values, width);
    }
}

static void place_band(void *context, size_t index, int thread)
{
    (void)thread;
    const grid_job *j = context;
    size_t bands = (j->H + BAND - 1) / BAND, y = index % bands * BAND, height = j->H - y < BAND ? j->H - y : BAND;
    samples lines;
    sample(&lines, y, height, j->H, j->h);
    for (size_t x = 0; x < j->W; x += COLUMNS)
        place_strip(j, &j->places[index / bands], &lines, y, height, x, j->W - x < COLUMNS ? j->W - x : COLUMNS);
}

static void place_all(const ssg_run *run, const grid_job *j, size_t count)
{
    ssg_parallel_for(run->threads, count * ((j->H + BAND - 1) / BAND), place_band, (void *)j);
}

/* ---- what becomes of a line ---------------------------------------------------------------------------------------------------------------- */

static void put_floats(const grid_job *j, void *to, size_t at, const float *values, size_t count)
{
    (void)j;
    memcpy((float *)to + at, values, count * sizeof *values);
}

static void square_roots(float *to, const float *from, size_t count)
{
    for (size_t i = 0; i < count; i++) to[i] = sqrtf(from[i]);
}

/* values^power; in `room` unless power is 1. Roots are much faster than powf, and the same everywhere. */
static const float *raise(float *room, const float *values, size_t count, float power)
{
    int roots = power == 0.5f ? 1 : power == 0.25f ? 2 : 0;
    if (power == 1) return values;
    for (int r = 0; r < roots; r++) square_roots(room, r ? room : values, count);
    for (size_t i = 0; !roots && i < count; i++) room[i] = powf(values[i], power);
    return room;
}

/* Said so that each half is one instruction. */
static inline int32_t level(float v)
{
    v = v > 0 ? v : 0;
    v = v < 1 ? v : 1;
    return (int32_t)(v * 255 + 0.5f);
}

static void quantise_line(uint8_t *to, const float *from, size_t count)
{
    for (size_t i = 0; i < count; i++) to[i] = (uint8_t)level(from[i]);
}

static void put_levels(const grid_job *j, void *to, size_t at, const float *values, size_t count)
{
    float room[COLUMNS];
    for (size_t p = 0; p < j->power_count; p++) quantise_line((uint8_t *)to + p * j->H * j->W + at, raise(room, values, count, j->powers[p]), count);
}

static void mix_line(int16_t *to, const float *from, int weight, size_t count)
{
    for (size_t i = 0; i < count; i++) to[i] = (int16_t)(to[i] + weight * level(from[i]));
}

static void put_mixture(const grid_job *j, void *to, size_t at, const float *values, size_t count)
{
    float room[COLUMNS];
    mix_line((int16_t *)to + at, raise(room, values, count, j->powers[0]), j->weight, count);
}

/* ---- mixtures, in integers ------------------------------------------------------------------------------------------------------------------- */

typedef struct fused_job {
    int16_t *to;
    const int16_t *from;
    size_t H, W, h, w;
} fused_job;

/* As `samples`; fractions in 1/256. */
typedef struct fused_samples {
    int32_t low[COLUMNS], high[COLUMNS], fraction[COLUMNS];
} fused_samples;

typedef struct fused_widened {
    int32_t lines[2][COLUMNS], of[2];
} fused_widened;

static void sample_fused(fused_samples *s, size_t first, size_t count, size_t N, size_t n)
{
    for (size_t i = 0; i < count; i++) {
        ssg_fixed_sample at = ssg_fixed_sample_at(first + i, N, n);
        s->low[i] = (int32_t)at.low;
        s->high[i] = (int32_t)at.high;
        s->fraction[i] = at.fraction;
    }
}

static void widen_fused(int32_t *out, const int16_t *line, const fused_samples *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) out[i] = line[columns->low[i]] * (256 - columns->fraction[i]) + line[columns->high[i]] * columns->fraction[i];
}

static const int32_t *fused_line_of(fused_widened *kept, int32_t wanted, int32_t spared, const fused_job *j, const fused_samples *columns,
                                    size_t count)
{
    int fresh, i = find_line(kept->of, wanted, spared, &fresh);
    if (fresh) widen_fused(kept->lines[i], j->from + (size_t)wanted * j->w, columns, count);
    return kept->lines[i];
}

static void blend_fused(int16_t *out, const int32_t *upper, const int32_t *lower, int32_t fraction, size_t count)
{
    for (size_t i = 0; i < count; i++) out[i] = ssg_fixed_mean(upper[i], lower[i], fraction);
}

static void resize_fused_strip(const fused_job *j, size_t y, size_t height, size_t x, size_t width)
{
    fused_samples columns;
    fused_widened kept = {.of = {-1, -1}};
    sample_fused(&columns, x, width, j->W, j->w);
    for (size_t line = y; line < y + height; line++) {
        ssg_fixed_sample at = ssg_fixed_sample_at(line, j->H, j->h);
        const int32_t *upper = fused_line_of(&kept, (int32_t)at.low, (int32_t)at.high, j, &columns, width);
        const int32_t *lower = fused_line_of(&kept, (int32_t)at.high, (int32_t)at.low, j, &columns, width);
        blend_fused(j->to + line * j->W + x, upper, lower, at.fraction, width);
    }
}

static void resize_fused_band(void *context, size_t index, int thread)
{
    (void)thread;
    const fused_job *j = context;
    size_t y = index * BAND, height = j->H - y < BAND ? j->H - y : BAND;
    for (size_t x = 0; x < j->W; x += COLUMNS) resize_fused_strip(j, y, height, x, j->W - x < COLUMNS ? j->W - x : COLUMNS);
}

/* ---- the operations -------------------------------------------------------------------------------------------------------------------------- */

void ssg_cpu_resize(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w)
{
    place_all(run, &(grid_job){.places = places, .H = H, .W = W, .h = h, .w = w, .put = put_floats}, count);
}

void ssg_cpu_quantise(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w, const float *powers,
                      size_t power_count)
{
    place_all(run, &(grid_job){.places = places, .H = H, .W = W, .h = h, .w = w, .put = put_levels, .powers = powers, .power_count = power_count},
              count);
}

void ssg_cpu_mix(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w, float power, int weight)
{
    place_all(run, &(grid_job){.places = places, .H = H, .W = W, .h = h, .w = w, .put = put_mixture, .powers = &power, .weight = weight}, count);
}

void ssg_cpu_resize_fused(const ssg_run *run, int16_t *to, size_t H, size_t W, const int16_t *from, size_t h, size_t w)
{
    if (H == h && W == w)
        memcpy(to, from, H * W * sizeof *to);
    else
        ssg_parallel_for(run->threads, (H + BAND - 1) / BAND, resize_fused_band, &(fused_job){to, from, H, W, h, w});
}
