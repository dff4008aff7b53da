#include "host/eval/road.h"

#include <string.h>

#include "host/base/alloc.h"

enum { LANES = 4, NEIGHBOURS = 8, BESIDE = 4, NOT_REMOVED = UINT32_MAX };

static const double tolerance = 1e-8;

/* Where the neighbours are: four beside, four at the corners. */
static const int offsets[NEIGHBOURS][2] = {{-1, 0}, {0, -1}, {0, 1}, {1, 0}, {-1, -1}, {-1, 1}, {1, -1}, {1, 1}};
static const double weights[NEIGHBOURS] = {1. / 6, 1. / 6, 1. / 6, 1. / 6, 1. / 12, 1. / 12, 1. / 12, 1. / 12};

/* Four channels at a time: the systems differ only in their right sides. */
typedef struct lanes {
    double at[LANES];
} lanes;

/* Unknown u is the pixel pixel[u]. Neighbours that are not removed are unknown `count`, which is always zero. */
struct ssg_road {
    uint32_t *unknown, *pixel, (*neighbour)[NEIGHBOURS];
    double *diagonal;
    lanes *solution, *residual, *direction, *product;
};

ssgcam_status ssg_road_create(ssg_road **out, size_t pixels)
{
    ssg_road *r = *out = ssg_calloc(1, sizeof *r);
    if (!r) return SSG_OUT_OF_MEMORY;
    r->unknown = ssg_calloc(pixels, sizeof *r->unknown);
    r->pixel = ssg_calloc(pixels, sizeof *r->pixel);
    r->neighbour = ssg_calloc(pixels, sizeof *r->neighbour);
    r->diagonal = ssg_calloc(pixels, sizeof *r->diagonal);
    r->solution = ssg_alloc_aligned(pixels, sizeof *r->solution);
    r->residual = ssg_alloc_aligned(pixels, sizeof *r->residual);
    r->direction = ssg_alloc_aligned(pixels + 1, sizeof *r->direction);
    r->product = ssg_alloc_aligned(pixels, sizeof *r->product);
    if (r->unknown && r->pixel && r->neighbour && r->diagonal && r->solution && r->residual && r->direction && r->product) return SSGCAM_OK;
    ssg_road_destroy(out);
    return SSG_OUT_OF_MEMORY;
}

void ssg_road_destroy(ssg_road **road)
{
    ssg_road *r = *road;
    if (!r) return;
    ssg_free(r->unknown);
    ssg_free(r->pixel);
    ssg_free(r->neighbour);
    ssg_free(r->diagonal);
    ssg_free(r->solution);
    ssg_free(r->residual);
    ssg_free(r->direction);
    ssg_free(r->product);
    ssg_free(r);
    *road = NULL;
}

/* ---- the system -------------------------------------------------------------------------------------------------------------------------------- */

static void number_unknowns(ssg_road *r, size_t pixels, const uint32_t *removed, size_t count)
{
    memset(r->unknown, 0xff, pixels * sizeof *r->unknown);
    for (size_t i = 0; i < count; i++) r->unknown[removed[i]] = 0;
    for (size_t i = 0, next = 0; i < pixels; i++) {
        if (r->unknown[i] == NOT_REMOVED) continue;
        r->pixel[next] = (uint32_t)i;
        r->unknown[i] = (uint32_t)next++;
    }
}

/* What stands where in memory: channel c of a pixel is at c * plane + pixel * step. */
typedef struct layout {
    size_t plane, step;
} layout;

/* The equation of one unknown: its diagonal and neighbours, and the right side in `residual`, from `channels` channels of the image. */
static void set_up_equation(ssg_road *r, size_t u, size_t count, const float *image, const ssg_image_shape *s, layout at, size_t channels)
{
    long y = (long)(r->pixel[u] / s->width), x = (long)(r->pixel[u] % s->width);
    lanes right = {{0}};
    double sum = 0;
    for (size_t n = 0; n < NEIGHBOURS; n++) {
        long ny = y + offsets[n][0], nx = x + offsets[n][1];
        r->neighbour[u][n] = (uint32_t)count;
        if (ny < 0 || nx < 0 || ny >= (long)s->height || nx >= (long)s->width) continue;
        size_t pixel = (size_t)ny * s->width + (size_t)nx;
        sum += weights[n];
        if (r->unknown[pixel] != NOT_REMOVED)
            r->neighbour[u][n] = r->unknown[pixel];
        else
            for (size_t c = 0; c < channels; c++) right.at[c] += weights[n] * (double)image[c * at.plane + pixel * at.step];
    }
    r->diagonal[u] = sum;
    r->residual[u] = right;
}

/* ---- conjugate gradients (Hestenes and Stiefel 1952), every channel with its own steps ----------------------------------------------------- */

static lanes dot(const lanes *a, const lanes *b, size_t count)
{
    lanes sum = {{0}};
    for (size_t u = 0; u < count; u++)
        for (int l = 0; l < LANES; l++) sum.at[l] += a[u].at[l] * b[u].at[l];
    return sum;
}

/* product = A direction; returns their inner product. */
static lanes multiply(ssg_road *r, size_t count)
{
    lanes sum = {{0}};
    for (size_t u = 0; u < count; u++) {
        const uint32_t *neighbour = r->neighbour[u];
        lanes beside = {{0}}, corner = {{0}};
        for (int n = 0; n < BESIDE; n++)
            for (int l = 0; l < LANES; l++) {
                beside.at[l] += r->direction[neighbour[n]].at[l];
                corner.at[l] += r->direction[neighbour[n + BESIDE]].at[l];
            }
        for (int l = 0; l < LANES; l++) {
            double own = r->direction[u].at[l], value = r->diagonal[u] * own - beside.at[l] * weights[0] - corner.at[l] * weights[BESIDE];
            r->product[u].at[l] = value;
            sum.at[l] += own * value;
        }
    }
    return sum;
}

/* a / b; a lane that has nothing left to do stands still. */
static lanes ratio(lanes a, lanes b)
{
    lanes q;
    for (int l = 0; l < LANES; l++) q.at[l] = b.at[l] > 0 ? a.at[l] / b.at[l] : 0;
    return q;
}

static int all_below(const lanes *a, const lanes *limit)
{
    int below = 1;
    for (int l = 0; l < LANES; l++) below &= a->at[l] <= limit->at[l];
    return below;
}

/* The solution of the system whose right side is in `residual`. In exact arithmetic it takes `count` steps at most. */
static void solve(ssg_road *r, size_t count)
{
    lanes left = dot(r->residual, r->residual, count), enough = left;
    for (int l = 0; l < LANES; l++) enough.at[l] *= tolerance * tolerance;
    memset(r->solution, 0, count * sizeof *r->solution);
    memcpy(r->direction, r->residual, count * sizeof *r->direction);
    r->direction[count] = (lanes){{0}};
    for (size_t step = 0; step < count && !all_below(&left, &enough); step++) {
        lanes length = ratio(left, multiply(r, count)), before = left;
        left = (lanes){{0}};
        for (size_t u = 0; u < count; u++)
            for (int l = 0; l < LANES; l++) {
                r->solution[u].at[l] += length.at[l] * r->direction[u].at[l];
                r->residual[u].at[l] -= length.at[l] * r->product[u].at[l];
                left.at[l] += r->residual[u].at[l] * r->residual[u].at[l];
            }
        lanes turn = ratio(left, before);
        for (size_t u = 0; u < count; u++)
            for (int l = 0; l < LANES; l++) r->direction[u].at[l] = r->residual[u].at[l] + turn.at[l] * r->direction[u].at[l];
    }
}

/* ---- an image -----------------------------------------------------------------------------------------------------------------------------------
 */

static void fill_mean(float *channel, size_t pixels, size_t step)
{
    double sum = 0;
    for (size_t i = 0; i < pixels; i++) sum += (double)channel[i * step];
    for (size_t i = 0; i < pixels; i++) channel[i * step] = (float)(sum / (double)pixels);
}

void ssg_road_fill(ssg_road *r, float *image, const ssg_image_shape *s, const uint32_t *removed, size_t count, double noise, ssg_draws *draws)
{
    size_t pixels = s->height * s->width;
    layout at = {s->nhwc ? 1 : pixels, s->nhwc ? s->channels : 1};
    number_unknowns(r, pixels, removed, count);
    for (size_t c = 0; c < s->channels && count == pixels; c++) fill_mean(image + c * at.plane, pixels, at.step);
    for (size_t first = 0; first < s->channels && count < pixels; first += LANES) {
        size_t channels = s->channels - first < LANES ? s->channels - first : LANES;
        float *from = image + first * at.plane;
        for (size_t u = 0; u < count; u++) set_up_equation(r, u, count, from, s, at, channels);
        solve(r, count);
        for (size_t u = 0; u < count; u++)
            for (size_t c = 0; c < channels; c++) from[c * at.plane + r->pixel[u] * at.step] = (float)r->solution[u].at[c];
    }
    for (size_t u = 0; u < count && noise > 0; u++)
        for (size_t c = 0; c < s->channels; c++) image[c * at.plane + r->pixel[u] * at.step] += (float)(noise * ssg_draw_normal(draws));
}
