/* Raw maps of one layer, formula by formula, in float64. One channel at a time: scratch holds the planes of one channel. */
#include <math.h>
#include <string.h>

#include "kernels/element.h"
#include "kernels/gaussian.h"
#include "kernels/ref/ref.h"

static double value_at(const ssg_features *f, size_t row, size_t k, size_t y, size_t x)
{
    size_t blocks = (f->channels + f->block - 1) / f->block;
    size_t i = (((row * blocks + k / f->block) * f->height + y) * f->width + x) * f->block + k % f->block;
    return (double)ssg_element_at(f->data, f->type, i) * (f->scale != 0 ? f->scale : 1);
}

/* One channel of A, g, h and third moments as planes of float64, and room for a filter pass. */
typedef struct planes {
    double *a, *g, *h, *pass, *sum, *third;
} planes;

static planes carve(void *scratch, size_t pixels)
{
    double *at = scratch;
    return (planes){at, at + pixels, at + 2 * pixels, at + 3 * pixels, at + 4 * pixels, at + 5 * pixels};
}

size_t ssg_ref_maps_scratch(const ssg_run *run, const ssg_features *activation, const ssg_features *gradient, size_t count)
{
    (void)run, (void)gradient, (void)count;
    return 6 * activation->height * activation->width * sizeof(double);
}

static void load(const ssg_features *f, size_t row, size_t k, double *plane)
{
    for (size_t y = 0; y < f->height; y++)
        for (size_t x = 0; x < f->width; x++) plane[y * f->width + x] = value_at(f, row, k, y, x);
}

/* Floats in a feature tensor, padding channels included. */
static size_t feature_count(const ssg_features *f)
{
    return f->rows * ((f->channels + f->block - 1) / f->block) * f->block * f->height * f->width;
}

/* A tensor of floats in the layout of g. */
static ssg_features like(const ssg_features *g, const float *data)
{
    ssg_features f = *g;
    f.data = data, f.type = SSG_ELEMENT_F32, f.scale = 0;
    return f;
}

static void smooth(double *plane, double *pass, size_t height, size_t width, double sigma)
{
    float taps[SSG_GAUSSIAN_MOST_TAPS];
    int radius = ssg_gaussian_taps(taps, sigma);
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++) {
            double sum = 0;
            for (int t = -radius; t <= radius; t++) sum += taps[t + radius] * plane[ssg_reflect((long)y + t, height) * width + x];
            pass[y * width + x] = sum;
        }
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++) {
            double sum = 0;
            for (int t = -radius; t <= radius; t++) sum += taps[t + radius] * pass[y * width + ssg_reflect((long)x + t, width)];
            plane[y * width + x] = sum;
        }
}

static double positive(double x)
{
    return x > 0 ? x : 0;
}

static double total(const double *plane, size_t pixels)
{
    double sum = 0;
    for (size_t i = 0; i < pixels; i++) sum += plane[i];
    return sum;
}

/* The weight of pixel i of the channel; for channel-wise methods the mean (or sum) of these is the channel's weight. */
static double weight_at(const ssg_map_spec *spec, const planes *p, size_t i, double activation_sum)
{
    double a = p->a[i], g = p->g[i], h = p->h[i];
    switch (spec->kind) {
    case SSG_MAP_SSGCAM: return spec->coherence ? (h > 0 ? positive(g) * g * g / h : 0) : positive(g) * h;
    case SSG_MAP_GRADCAM:
    case SSG_MAP_HIRESCAM: return g;
    case SSG_MAP_LAYERCAM: return positive(g);
    case SSG_MAP_GRADCAM_ELEMENTWISE: return g * a > 0 ? g : 0;
    case SSG_MAP_XGRADCAM: return g * a / (activation_sum + 1e-7);
    case SSG_MAP_GRADCAMPP: return g != 0 ? positive(g) * g * g / (2 * g * g + activation_sum * g * g * g + 1e-6) : 0;
    case SSG_MAP_SMOOTHGRADCAMPP: return h != 0 ? positive(g) * h / (2 * h + activation_sum * p->third[i] + 1e-6) : 0;
    }
    return 0;
}

static int is_channelwise(const ssg_map_spec *spec)
{
    return spec->kind == SSG_MAP_GRADCAM || spec->kind == SSG_MAP_XGRADCAM || spec->kind == SSG_MAP_GRADCAMPP ||
           spec->kind == SSG_MAP_SMOOTHGRADCAMPP || (spec->kind == SSG_MAP_SSGCAM && spec->channelwise);
}

static void map_by(const ssg_map_spec *spec, const ssg_features *activation, const ssg_features *gradient, const float *second, float *maps,
                   void *scratch)
{
    size_t pixels = activation->height * activation->width;
    planes p = carve(scratch, pixels);
    int mean = spec->kind == SSG_MAP_GRADCAM || spec->kind == SSG_MAP_SSGCAM;
    ssg_features h = like(gradient, second), third = like(gradient, second ? second + feature_count(gradient) : NULL);
    for (size_t row = 0; row < gradient->rows; row++) {
        memset(p.sum, 0, pixels * sizeof *p.sum);
        for (size_t k = 0; k < activation->channels; k++) {
            load(activation, row % activation->rows, k, p.a);
            load(gradient, row, k, p.g);
            if (spec->kind == SSG_MAP_SSGCAM) {
                for (size_t i = 0; i < pixels; i++) p.h[i] = p.g[i] * p.g[i];
                if (second) load(&h, row, k, p.h);
                smooth(p.g, p.pass, activation->height, activation->width, spec->sigma);
                smooth(p.h, p.pass, activation->height, activation->width, spec->sigma);
            }
            if (spec->kind == SSG_MAP_SMOOTHGRADCAMPP) {
                load(&h, row, k, p.h);
                load(&third, row, k, p.third);
            }
            double activation_sum = total(p.a, pixels), channel = 0;
            if (is_channelwise(spec)) {
                for (size_t i = 0; i < pixels; i++) channel += weight_at(spec, &p, i, activation_sum);
                if (mean) channel /= (double)pixels;
            }
            for (size_t i = 0; i < pixels; i++) p.sum[i] += (is_channelwise(spec) ? channel : weight_at(spec, &p, i, activation_sum)) * p.a[i];
        }
        for (size_t i = 0; i < pixels; i++) maps[row * pixels + i] = (float)(spec->keep_sign ? p.sum[i] : positive(p.sum[i]));
    }
}

void ssg_ref_maps(const ssg_run *run, const ssg_map_spec *specs, size_t count, const ssg_features *activation, const ssg_features *gradient,
                  const float *second, float *const *maps, void *scratch)
{
    (void)run;
    for (size_t i = 0; i < count; i++) map_by(&specs[i], activation, gradient, second, maps[i], scratch);
}

void ssg_ref_weighted(const ssg_run *run, const ssg_features *activation, const float *weights, size_t rows, int keep_sign, float *maps)
{
    (void)run;
    for (size_t row = 0; row < rows; row++)
        for (size_t y = 0; y < activation->height; y++)
            for (size_t x = 0; x < activation->width; x++) {
                double sum = 0;
                for (size_t k = 0; k < activation->channels; k++)
                    sum += weights[row * activation->channels + k] * value_at(activation, row % activation->rows, k, y, x);
                maps[(row * activation->height + y) * activation->width + x] = (float)(keep_sign ? sum : positive(sum));
            }
}
