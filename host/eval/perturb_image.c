#include "host/eval/perturb_image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/eval/map_range.h"
#include "kernels/gaussian.h"

/* ---- order ----------------------------------------------------------------------------------------------------------------------------------------
 */

/* Greater floats, as greater unsigned numbers; NaN is the least. */
static uint32_t sortable(float value)
{
    uint32_t bits;
    if (isnan(value)) return 0;
    memcpy(&bits, &value, sizeof bits);
    if (bits == 0x80000000u) bits = 0; /* -0 is 0 */
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static int descending(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x < y) - (x > y);
}

void ssg_pixel_order(uint32_t *order, uint64_t *keys, const float *map, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++) keys[i] = (uint64_t)sortable(map[i]) << 32 | (uint32_t) ~(uint32_t)i;
    qsort(keys, pixels, sizeof *keys, descending);
    for (size_t i = 0; i < pixels; i++) order[i] = ~(uint32_t)keys[i];
}

/* ---- what comes instead
 * ---------------------------------------------------------------------------------------------------------------------------- */

/* `count` values, `step` apart, smoothed. */
static void blur_line(float *to, const float *from, size_t count, size_t step, const float *taps, int radius)
{
    for (size_t i = 0; i < count; i++) {
        float sum = 0;
        for (int t = -radius; t <= radius; t++) sum += taps[t + radius] * from[step * ssg_reflect((long)i + t, count)];
        to[step * i] = sum;
    }
}

static void blur(float *to, const float *image, const ssg_image_shape *s, double sigma, float *scratch)
{
    float taps[SSG_GAUSSIAN_MOST_TAPS];
    int radius = ssg_gaussian_taps(taps, sigma);
    size_t pixel = s->nhwc ? s->channels : 1, plane = s->nhwc ? 1 : s->height * s->width;
    for (size_t c = 0; c < s->channels; c++) {
        for (size_t y = 0; y < s->height; y++)
            blur_line(scratch + c * plane + y * s->width * pixel, image + c * plane + y * s->width * pixel, s->width, pixel, taps, radius);
        for (size_t x = 0; x < s->width; x++)
            blur_line(to + c * plane + x * pixel, scratch + c * plane + x * pixel, s->height, pixel * s->width, taps, radius);
    }
}

static void mean(float *to, const float *image, const ssg_image_shape *s)
{
    size_t pixels = s->height * s->width, pixel = s->nhwc ? s->channels : 1, plane = s->nhwc ? 1 : pixels;
    for (size_t c = 0; c < s->channels; c++) {
        double sum = 0;
        for (size_t i = 0; i < pixels; i++) sum += image[c * plane + i * pixel];
        for (size_t i = 0; i < pixels; i++) to[c * plane + i * pixel] = (float)(sum / (double)pixels);
    }
}

void ssg_perturb_fill(float *fill, const float *image, const ssg_image_shape *shape, ssgcam_perturb_fill kind, double sigma, float *scratch)
{
    switch (kind) {
    case SSGCAM_PERTURB_BLUR: blur(fill, image, shape, sigma, scratch); return;
    case SSGCAM_PERTURB_MEAN: mean(fill, image, shape); return;
    case SSGCAM_PERTURB_ZERO: memset(fill, 0, shape->channels * shape->height * shape->width * sizeof *fill); return;
    case SSGCAM_PERTURB_ROAD: return;
    }
}

void ssg_perturb_image(float *to, const float *image, const float *fill, const ssg_image_shape *s, const uint32_t *order, size_t count)
{
    size_t pixels = s->height * s->width, pixel = s->nhwc ? s->channels : 1, plane = s->nhwc ? 1 : pixels;
    memcpy(to, image, s->channels * pixels * sizeof *to);
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < s->channels; c++) {
            size_t at = c * plane + order[i] * pixel;
            to[at] = fill[at];
        }
}

/* ---- the image as the map shows it ------------------------------------------------------------------------------------------------------------- */

void ssg_perturb_explained(float *to, const float *image, const float *map, const ssg_image_shape *s)
{
    size_t pixels = s->height * s->width, pixel = s->nhwc ? s->channels : 1, plane = s->nhwc ? 1 : pixels;
    double least, most;
    int varies = ssg_map_range(map, pixels, &least, &most);
    float low = (float)least, range = (float)most - low;
    for (size_t i = 0; i < pixels; i++) {
        float weight = varies ? (map[i] - low) / range : 0;
        for (size_t c = 0; c < s->channels; c++) to[c * plane + i * pixel] = image[c * plane + i * pixel] * weight;
    }
}
