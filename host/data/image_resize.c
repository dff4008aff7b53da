/* Resizing as Pillow does it: a triangle filter whose support grows when shrinking, coefficients in 22-bit fixed point, two passes with rounding to 8
 * bits between them. */
#include <math.h>
#include <string.h>

#include "host/base/alloc.h"
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

static uint8_t clip(int value)
{
    value >>= PRECISION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void resize_rows(ssg_image *to, const ssg_image *from, const filter *f)
{
    int channels = from->channels;
    for (int y = 0; y < to->height; y++) {
        const uint8_t *in = from->pixels + (size_t)y * (size_t)(from->width * channels);
        uint8_t *out = to->pixels + (size_t)y * (size_t)(to->width * channels);
        for (int x = 0; x < to->width; x++) {
            const int *k = f->coefficients + (size_t)x * (size_t)f->most;
            const uint8_t *p = in + (size_t)(f->first[x] * channels);
            if (channels == 3) {
                int r = 1 << (PRECISION_BITS - 1), g = r, b = r;
                for (int i = 0; i < f->count[x]; i++) {
                    r += p[3 * i] * k[i];
                    g += p[3 * i + 1] * k[i];
                    b += p[3 * i + 2] * k[i];
                }
                out[3 * x] = clip(r);
                out[3 * x + 1] = clip(g);
                out[3 * x + 2] = clip(b);
            } else {
                int v = 1 << (PRECISION_BITS - 1);
                for (int i = 0; i < f->count[x]; i++) v += p[i] * k[i];
                out[x] = clip(v);
            }
        }
    }
}

/* Whole lines at a time, so that the compiler vectorises along them; `sums` holds one line. */
static void resize_columns(ssg_image *to, const ssg_image *from, const filter *f, int *sums)
{
    int line = from->width * from->channels;
    for (int y = 0; y < to->height; y++) {
        const int *k = f->coefficients + (size_t)y * (size_t)f->most;
        for (int x = 0; x < line; x++) sums[x] = 1 << (PRECISION_BITS - 1);
        for (int i = 0; i < f->count[y]; i++) {
            const uint8_t *in = from->pixels + (size_t)(f->first[y] + i) * (size_t)line;
            int factor = k[i];
            for (int x = 0; x < line; x++) sums[x] += in[x] * factor;
        }
        for (int x = 0; x < line; x++) to->pixels[(size_t)y * (size_t)line + (size_t)x] = clip(sums[x]);
    }
}

ssgcam_status ssg_image_resize(ssg_image *to, const ssg_image *from, int width, int height)
{
    *to = (ssg_image){0};
    if (width < 1 || height < 1 || (int64_t)width * height > SSG_IMAGE_MOST_PIXELS)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "a size of %dx%d pixels", width, height);
    ssg_image between = {0};
    filter across = {0}, down = {0};
    int *sums = ssg_calloc((size_t)(width * from->channels), sizeof *sums);
    ssgcam_status status = sums ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) status = filter_make(&across, from->width, width);
    if (status == SSGCAM_OK) status = filter_make(&down, from->height, height);
    if (status == SSGCAM_OK) status = ssg_image_make(&between, width, from->height, from->channels);
    if (status == SSGCAM_OK) status = ssg_image_make(to, width, height, from->channels);
    if (status == SSGCAM_OK) {
        /* A pass that changes nothing is left out, as Pillow does. */
        if (width == from->width)
            memcpy(between.pixels, from->pixels, (size_t)width * (size_t)from->height * (size_t)from->channels);
        else
            resize_rows(&between, from, &across);
        if (height == from->height)
            memcpy(to->pixels, between.pixels, (size_t)width * (size_t)height * (size_t)from->channels);
        else
            resize_columns(to, &between, &down, sums);
    }
    ssg_image_clear(&between);
    filter_clear(&across);
    filter_clear(&down);
    ssg_free(sums);
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
