/* Resizing as Pillow does it: a triangle filter whose support grows when shrinking, coefficients in 22-bit fixed point, two passes with rounding to 8
 * bits between them. */
#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "host/base/alloc.h"
#include "host/base/cpu_level.h"
#include "host/data/image.h"

enum { PRECISION_BITS = 32 - 8 - 2 };

/* For each output position: the first input, how many, and their coefficients (`most` per position). */
typedef struct filter {
    int *first, *count, *coefficients, most;
} filter;

static void filter_clear(filter *f)
{
    ssg_free(f->first);
    ssg_free(f->count);
    ssg_free(f->coefficients);
}

static ssgcam_status filter_make(filter *f, int in, int out)
{
    double scale = (double)in / out, stretch = scale < 1 ? 1 : scale, support = stretch;
    f->most = (int)ceil(support) * 2 + 1;
    f->first = ssg_calloc((size_t)out, sizeof *f->first);
    f->count = ssg_calloc((size_t)out, sizeof *f->count);
    f->coefficients = ssg_calloc((size_t)out * (size_t)f->most, sizeof *f->coefficients);
    double *weights = ssg_calloc((size_t)f->most, sizeof *weights);
    if (!f->first || !f->count || !f->coefficients || !weights) {
        ssg_free(weights);
        return SSG_OUT_OF_MEMORY;
    }
    for (int i = 0; i < out; i++) {
        double centre = (i + 0.5) * scale, sum = 0;
        int low = (int)(centre - support + 0.5), high = (int)(centre + support + 0.5);
        low = low < 0 ? 0 : low;
        high = high > in ? in : high;
        for (int x = low; x < high; x++) {
            double distance = fabs((x - centre + 0.5) * (1.0 / stretch));
            weights[x - low] = distance < 1 ? 1 - distance : 0;
            sum += weights[x - low];
        }
        f->first[i] = low;
        f->count[i] = high - low;
        for (int x = 0; x < high - low; x++) {
            double w = sum != 0 ? weights[x] / sum : weights[x];
            f->coefficients[(size_t)i * (size_t)f->most + (size_t)x] = (int)(w * (1 << PRECISION_BITS) + 0.5);
        }
    }
    ssg_free(weights);
    return SSGCAM_OK;
}

/* ---- one line ---------------------------------------------------------------------------------------------------------------------------- */

enum { HALF = 1 << (PRECISION_BITS - 1) };

static uint8_t clip(int value)
{
    value >>= PRECISION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void resize_colours(uint8_t *out, int width, const uint8_t *in, const filter *f)
{
    for (int x = 0; x < width; x++) {
        const int *k = f->coefficients + (size_t)x * (size_t)f->most;
        const uint8_t *p = in + 3 * f->first[x];
        int r = HALF, g = HALF, b = HALF;
        for (int i = 0; i < f->count[x]; i++) {
            r += p[3 * i] * k[i];
            g += p[3 * i + 1] * k[i];
            b += p[3 * i + 2] * k[i];
        }
        out[3 * x] = clip(r);
        out[3 * x + 1] = clip(g);
        out[3 * x + 2] = clip(b);
    }
}

static void resize_greys(uint8_t *out, int width, const uint8_t *in, const filter *f)
{
    for (int x = 0; x < width; x++) {
        const int *k = f->coefficients + (size_t)x * (size_t)f->most;
        int v = HALF;
        for (int i = 0; i < f->count[x]; i++) v += in[f->first[x] + i] * k[i];
        out[x] = clip(v);
    }
}

/* A loop that the compiler vectorises for whatever it is inlined into. */
static inline __attribute__((always_inline)) void add_lines(uint8_t *out, int *sums, const uint8_t *in, size_t count, const int *k, int lines)
{
    for (size_t x = 0; x < count; x++) sums[x] = HALF;
    for (int i = 0; i < lines; i++)
        for (size_t x = 0; x < count; x++) sums[x] += in[(size_t)i * count + x] * k[i];
    for (size_t x = 0; x < count; x++) out[x] = clip(sums[x]);
}

static void weigh_lines(uint8_t *out, int *sums, const uint8_t *in, size_t count, const int *k, int lines)
{
    add_lines(out, sums, in, count, k, lines);
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))

/* The three channels of a pixel side by side, and a byte of the next one, which is dropped. */
AVX2 static void resize_colours_avx2(uint8_t *out, int width, const uint8_t *in, const filter *f)
{
    for (int x = 0; x < width; x++) {
        const int *k = f->coefficients + (size_t)x * (size_t)f->most;
        const uint8_t *p = in + 3 * f->first[x];
        __m128i sums = _mm_set1_epi32(HALF);
        for (int i = 0; i < f->count[x]; i++) {
            int pixel;
            memcpy(&pixel, p + 3 * i, sizeof pixel);
            sums = _mm_add_epi32(sums, _mm_mullo_epi32(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(pixel)), _mm_set1_epi32(k[i])));
        }
        sums = _mm_srai_epi32(sums, PRECISION_BITS);
        int bytes = _mm_cvtsi128_si32(_mm_packus_epi16(_mm_packus_epi32(sums, sums), sums));
        memcpy(out + 3 * x, &bytes, 3);
    }
}

AVX2 static void weigh_lines_avx2(uint8_t *out, int *sums, const uint8_t *in, size_t count, const int *k, int lines)
{
    add_lines(out, sums, in, count, k, lines);
}
#else
#define resize_colours_avx2 resize_colours
#define weigh_lines_avx2    weigh_lines
#endif

/* ---- both passes --------------------------------------------------------------------------------------------------------------------------- */

/* `line` holds one line of the input, and a byte. wide: with AVX2. */
static void resize_rows(ssg_image *to, const ssg_image *from, const filter *f, uint8_t *line, int wide)
{
    size_t in = (size_t)from->width * (size_t)from->channels, out = (size_t)to->width * (size_t)to->channels;
    for (size_t y = 0; y < (size_t)to->height; y++) {
        memcpy(line, from->pixels + y * in, in);
        (from->channels == 1 ? resize_greys : wide ? resize_colours_avx2 : resize_colours)(to->pixels + y * out, to->width, line, f);
    }
}

/* `sums` holds one line. */
static void resize_columns(ssg_image *to, const ssg_image *from, const filter *f, int *sums, int wide)
{
    size_t line = (size_t)from->width * (size_t)from->channels;
    for (size_t y = 0; y < (size_t)to->height; y++)
        (wide ? weigh_lines_avx2 : weigh_lines)(to->pixels + y * line, sums, from->pixels + (size_t)f->first[y] * line, line,
                                                f->coefficients + y * (size_t)f->most, f->count[y]);
}

ssgcam_status ssg_image_resize(ssg_image *to, const ssg_image *from, int width, int height)
{
    *to = (ssg_image){0};
    if (width < 1 || height < 1 || (int64_t)width * height > SSG_IMAGE_MOST_PIXELS)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "a size of %dx%d pixels", width, height);
    int wide = ssg_cpu_best() >= SSG_CPU_AVX2;
    ssg_image between = {0};
    filter across = {0}, down = {0};
    int *sums = ssg_calloc((size_t)width * (size_t)from->channels, sizeof *sums);
    uint8_t *line = ssg_calloc((size_t)from->width * (size_t)from->channels + 1, 1);
    ssgcam_status status = sums && line ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) status = filter_make(&across, from->width, width);
    if (status == SSGCAM_OK) status = filter_make(&down, from->height, height);
    if (status == SSGCAM_OK) status = ssg_image_make(&between, width, from->height, from->channels);
    if (status == SSGCAM_OK) status = ssg_image_make(to, width, height, from->channels);
    if (status == SSGCAM_OK) {
        /* A pass that changes nothing is left out, as Pillow does. */
        if (width == from->width)
            memcpy(between.pixels, from->pixels, (size_t)width * (size_t)from->height * (size_t)from->channels);
        else
            resize_rows(&between, from, &across, line, wide);
        if (height == from->height)
            memcpy(to->pixels, between.pixels, (size_t)width * (size_t)height * (size_t)from->channels);
        else
            resize_columns(to, &between, &down, sums, wide);
    }
    ssg_image_clear(&between);
    filter_clear(&across);
    filter_clear(&down);
    ssg_free(sums);
    ssg_free(line);
    if (status != SSGCAM_OK) ssg_image_clear(to);
    return status;
}

ssgcam_status ssg_image_resize_nearest(ssg_image *to, const ssg_image *from, int width, int height)
{
    *to = (ssg_image){0};
    if (width < 1 || height < 1 || (int64_t)width * height > SSG_IMAGE_MOST_PIXELS)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "a size of %dx%d pixels", width, height);
    SSG_TRY(ssg_image_make(to, width, height, from->channels));
    size_t channels = (size_t)from->channels;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            /* The input pixel that holds the centre of the output pixel. */
            size_t v = (size_t)((2 * (int64_t)y + 1) * from->height / (2 * (int64_t)height)),
                   u = (size_t)((2 * (int64_t)x + 1) * from->width / (2 * (int64_t)width));
            memcpy(to->pixels + ((size_t)y * (size_t)width + (size_t)x) * channels, from->pixels + (v * (size_t)from->width + u) * channels,
                   channels);
        }
    return SSGCAM_OK;
}
