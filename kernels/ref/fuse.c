/* Normalise, resize, mix, label, count: floating in float64, integers exactly as ops.h states them. */
#include <math.h>
#include <string.h>

#include "kernels/fixed_point.h"
#include "kernels/ref/ref.h"

void ssg_ref_normalise(const ssg_run *run, float *maps, size_t rows, size_t pixels, float epsilon, uint8_t *flags)
{
    (void)run;
    for (size_t row = 0; row < rows; row++) {
        float *map = maps + row * pixels, low = map[0], high = map[0];
        int nan = 0;
        for (size_t i = 0; i < pixels; i++) {
            nan |= isnan(map[i]) || isinf(map[i]);
            low = map[i] < low ? map[i] : low;
            high = map[i] > high ? map[i] : high;
        }
        flags[row] = (uint8_t)(nan ? SSG_MAP_NAN : high > low ? 0 : SSG_MAP_CONSTANT);
        for (size_t i = 0; i < pixels; i++) map[i] = flags[row] ? 0 : (map[i] - low) / ((high - low) + epsilon);
    }
}

/* Sample position of output i of N on an axis of n: the two neighbours and the fraction of the second. */
static void sample(size_t i, size_t N, size_t n, size_t *low, size_t *high, double *fraction)
{
    double at = ((double)i + 0.5) * (double)n / (double)N - 0.5;
    at = at < 0 ? 0 : at > (double)(n - 1) ? (double)(n - 1) : at;
    *low = (size_t)at;
    *high = *low + 1 < n ? *low + 1 : n - 1;
    *fraction = at - (double)*low;
}

static double bilinear(const float *map, size_t h, size_t w, size_t y, size_t x, size_t H, size_t W)
{
    size_t y0, y1, x0, x1;
    double fy, fx;
    sample(y, H, h, &y0, &y1, &fy);
    sample(x, W, w, &x0, &x1, &fx);
    double top = map[y0 * w + x0] * (1 - fx) + map[y0 * w + x1] * fx, bottom = map[y1 * w + x0] * (1 - fx) + map[y1 * w + x1] * fx;
    return top * (1 - fy) + bottom * fy;
}

void ssg_ref_resize(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w)
{
    (void)run;
    for (size_t m = 0; m < count; m++)
        for (size_t i = 0; i < H * W; i++) ((float *)places[m].to)[i] = (float)bilinear(places[m].from, h, w, i / W, i % W, H, W);
}

void ssg_ref_accumulate(const ssg_run *run, float *total, const float *from, size_t count, float weight, float power)
{
    (void)run;
    for (size_t i = 0; i < count; i++) total[i] += weight * (power == 1 ? from[i] : powf(from[i], power));
}

static int level(double value, float power)
{
    return (int)(fmin(fmax(power == 1 ? value : pow(value, power), 0), 1) * 255 + 0.5);
}

void ssg_ref_quantise(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w, const float *powers,
                      size_t power_count)
{
    (void)run;
    for (size_t m = 0; m < count; m++)
        for (size_t i = 0; i < H * W; i++) {
            double value = bilinear(places[m].from, h, w, i / W, i % W, H, W);
            for (size_t p = 0; p < power_count; p++) ((uint8_t *)places[m].to)[p * H * W + i] = (uint8_t)level(value, powers[p]);
        }
}

void ssg_ref_mix(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w, float power, int weight)
{
    (void)run;
    for (size_t m = 0; m < count; m++)
        for (size_t i = 0; i < H * W; i++) {
            int16_t *to = (int16_t *)places[m].to + i;
            *to = (int16_t)(*to + weight * level(bilinear(places[m].from, h, w, i / W, i % W, H, W), power));
        }
}

void ssg_ref_resize_fused(const ssg_run *run, int16_t *to, size_t H, size_t W, const int16_t *from, size_t h, size_t w)
{
    (void)run;
    for (size_t y = 0; y < H; y++)
        for (size_t x = 0; x < W; x++) {
            ssg_fixed_sample v = ssg_fixed_sample_at(y, H, h), u = ssg_fixed_sample_at(x, W, w);
            const int16_t *top = from + v.low * w, *bottom = from + v.high * w;
            to[y * W + x] = ssg_fixed_blend(top[u.low], top[u.high], bottom[u.low], bottom[u.high], u.fraction, v.fraction);
        }
}

void ssg_ref_label(const ssg_run *run, uint8_t *labels, const int16_t *const *fused, const int *classes, size_t class_count, size_t pixels, int tau)
{
    (void)run;
    int32_t tops[256] = {0};
    for (size_t c = 0; c < class_count; c++)
        for (size_t i = 0; i < pixels; i++) tops[c] = fused[c][i] > tops[c] ? fused[c][i] : tops[c];
    for (size_t i = 0; i < pixels; i++) {
        int64_t numerator = 0, denominator = 1;
        labels[i] = 0;
        for (size_t c = 0; c < class_count; c++) {
            int64_t f = fused[c][i], top = tops[c];
            if (top == 0 || 255 * f <= tau * top || f * denominator <= numerator * top) continue;
            labels[i] = (uint8_t)(classes[c] + 1);
            numerator = f;
            denominator = top;
        }
    }
}

void ssg_ref_confusion(const ssg_run *run, uint64_t *counts, const uint8_t *truth, const uint8_t *labels, size_t pixels, size_t n)
{
    (void)run;
    for (size_t i = 0; i < pixels; i++)
        if (truth[i] != 255) counts[(size_t)truth[i] * (n + 1) + labels[i]]++;
}

const ssg_ops *ssg_ops_ref(void)
{
    static const ssg_ops ops = {"ref",          ssg_ref_maps_scratch, ssg_ref_maps,     ssg_ref_weighted, ssg_ref_normalise,
                                ssg_ref_resize, ssg_ref_accumulate,   ssg_ref_quantise, ssg_ref_mix,      ssg_ref_resize_fused,
                                ssg_ref_label,  ssg_ref_confusion,    ssg_ref_moments,  ssg_ref_products};
    return &ops;
}
