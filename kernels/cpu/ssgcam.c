/* SSG-CAM of eight channels: G * g and G * h by two passes of a separable Gaussian, then W and its product with A.
 *
 * The image is cut into tiles of columns, so that the ring of horizontally smoothed lines which the vertical pass reads stays in the cache. Both
 * passes make four outputs at a time from one sweep over their inputs: each input is loaded once for four taps, and eight sums (four outputs of two
 * orders) hide the latency of the additions. For that the taps are padded with three zeros on either side. */
#include <string.h>

#include "kernels/cpu/lines.h"

enum { TILE = 64, AT_ONCE = 4, PAD = AT_ONCE - 1 };

void ssg_smooth_init(ssg_smooth *s, const ssg_map_spec *spec, const ssg_features *a, const ssg_features *g, const float *second)
{
    *s = (ssg_smooth){.spec = spec, .a = a, .g = g, .second = second};
    s->radius = (size_t)ssg_gaussian_taps(s->taps + PAD, spec->sigma);
}

/* Lines that the ring must hold at once for four outputs of radius r. */
static size_t ring_lines(size_t height, size_t radius)
{
    size_t window = 2 * radius + AT_ONCE;
    return window < height ? window : height;
}

/* For the largest radius: buffers for six lines (g, h, and A for four outputs), two extended tile lines, two rings. */
size_t ssg_smooth_area_floats(const ssg_features *a)
{
    size_t extended = TILE + 2 * SSG_GAUSSIAN_MOST_RADIUS, ring = ring_lines(a->height, SSG_GAUSSIAN_MOST_RADIUS) * TILE;
    return ((2 + AT_ONCE) * a->width + 2 * extended + 2 * ring) * SSG_LANES;
}

/* Columns x0 - radius to x0 + tile + radius of a line, reflected at the image's borders; `room` pixels, the rest zero. */
static void extend_tile(float *out, ssg_line line, size_t width, size_t x0, size_t radius, size_t used, size_t room)
{
    for (size_t i = 0; i < used; i++)
        memcpy(out + i * SSG_LANES, line.at + ssg_reflect((long)(x0 + i) - (long)radius, width) * line.step, SSG_LANES * sizeof *out);
    memset(out + used * SSG_LANES, 0, (room - used) * SSG_LANES * sizeof *out);
}

/* The default second order, where none is given: h = g g. */
SSG_MULTIVERSION static void square(float *h, const float *g, size_t floats)
{
    for (size_t i = 0; i < floats; i++) h[i] = g[i] * g[i];
}

/* Four sums of each order, from `count` inputs that follow each other as at1[t], at2[t]. taps: padded, beginning with the first zero. */
#define FOUR_SUMS(at1, at2, taps, count)                                                                                                    \
    ssg_vector first[AT_ONCE], second[AT_ONCE];                                                                                             \
    for (size_t j = 0; j < AT_ONCE; j++) first[j] = second[j] = (ssg_vector){0}; /* in registers; an initialiser would go through memory */ \
    for (size_t t = 0; t < (count); t++) {                                                                                                  \
        const ssg_vector v = SSG_VECTOR(at1), u = SSG_VECTOR(at2);                                                                          \
        for (size_t j = 0; j < AT_ONCE; j++) {                                                                                              \
            const float tap = (taps)[t + PAD - j];                                                                                          \
            first[j] += tap * v;                                                                                                            \
            second[j] += tap * u;                                                                                                           \
        }                                                                                                                                   \
    }

/* Horizontal pass over a tile, `pixels` of it (a multiple of four). */
SSG_MULTIVERSION static void smooth_horizontally(float *smooth1, float *smooth2, const float *extended1, const float *extended2, size_t pixels,
                                                 const float *taps, size_t radius)
{
    for (size_t x = 0; x < pixels; x += AT_ONCE) {
        const float *from1 = extended1 + x * SSG_LANES, *from2 = extended2 + x * SSG_LANES;
        FOUR_SUMS(from1 + t * SSG_LANES, from2 + t * SSG_LANES, taps, 2 * radius + AT_ONCE)
        memcpy(smooth1 + x * SSG_LANES, first, sizeof first);
        memcpy(smooth2 + x * SSG_LANES, second, sizeof second);
    }
}

static inline ssg_vector weight_of(ssg_vector first, ssg_vector second, int coherence)
{
    ssg_vector w = SSG_POSITIVE(first);
    if (!coherence) return w * second;
    ssg_vector ratio = first * first / second; /* 0 / 0 where nothing was, masked out */
    return w * SSG_WHERE(second > 0, ratio);
}

/* What the vertical pass of four output lines reads and writes. */
typedef struct strip {
    const float *lines1[SSG_GAUSSIAN_MOST_TAPS + PAD], *lines2[SSG_GAUSSIAN_MOST_TAPS + PAD];
    ssg_line a[AT_ONCE]; /* at the tile's first column */
    float *map[AT_ONCE]; /* likewise */
    size_t rows, pixels; /* real output lines, columns */
} strip;

/* W of four lines, multiplied with A into the map. */
SSG_MULTIVERSION static void add_elements(const strip *s, const float *taps, size_t radius, int coherence)
{
    for (size_t x = 0; x < s->pixels; x++) {
        FOUR_SUMS(s->lines1[t] + x * SSG_LANES, s->lines2[t] + x * SSG_LANES, taps, 2 * radius + AT_ONCE)
        for (size_t j = 0; j < s->rows; j++)
            s->map[j][x] += ssg_lanes_sum(weight_of(first[j], second[j], coherence) * SSG_VECTOR(s->a[j].at + x * s->a[j].step));
    }
}

/* W of four lines, summed by channel. */
SSG_MULTIVERSION static void add_channels(const strip *s, const float *taps, size_t radius, int coherence, double sums[SSG_LANES])
{
    ssg_vector total = {0};
    for (size_t x = 0; x < s->pixels; x++) {
        FOUR_SUMS(s->lines1[t] + x * SSG_LANES, s->lines2[t] + x * SSG_LANES, taps, 2 * radius + AT_ONCE)
        for (size_t j = 0; j < s->rows; j++) total += weight_of(first[j], second[j], coherence);
    }
    for (size_t l = 0; l < SSG_LANES; l++) sums[l] += total[l];
}

/* Buffers within a thread's area. */
typedef struct area {
    float *g_line, *h_line, *a_lines, *extended1, *extended2, *ring1, *ring2;
} area;

static area divide(float *floats, size_t width, size_t radius, size_t ring)
{
    size_t line = width * SSG_LANES, extended = (TILE + 2 * radius) * SSG_LANES;
    area r = {.g_line = floats, .h_line = floats + line, .a_lines = floats + 2 * line, .extended1 = floats + (2 + AT_ONCE) * line};
    r.extended2 = r.extended1 + extended;
    r.ring1 = r.extended2 + extended;
    r.ring2 = r.ring1 + ring * TILE * SSG_LANES;
    return r;
}

/* Line y of the tile, smoothed horizontally, into its place in the rings. */
static void fill_ring(const ssg_smooth *s, const area *r, size_t row, size_t chunk, size_t y, size_t x0, size_t pixels, size_t ring)
{
    const ssg_features *g = s->g;
    size_t used = pixels + 2 * s->radius, whole = (pixels + PAD) / AT_ONCE * AT_ONCE, room = whole + 2 * s->radius;
    size_t place = y % ring * TILE * SSG_LANES;
    extend_tile(r->extended1, ssg_line_of(g, g->data, row, chunk, y, r->g_line), g->width, x0, s->radius, used, room);
    if (s->second)
        extend_tile(r->extended2, ssg_line_of(g, s->second, row, chunk, y, r->h_line), g->width, x0, s->radius, used, room);
    else
        square(r->extended2, r->extended1, room * SSG_LANES);
    smooth_horizontally(r->ring1 + place, r->ring2 + place, r->extended1, r->extended2, whole, s->taps, s->radius);
}

static void run_tile(const ssg_smooth *s, const area *r, size_t row, size_t chunk, size_t x0, float *map, double sums[SSG_LANES])
{
    const ssg_features *a = s->a;
    size_t height = a->height, width = a->width, ring = ring_lines(height, s->radius), ready = 0; /* lines in the ring so far */
    strip out = {.pixels = width - x0 < TILE ? width - x0 : TILE};
    for (size_t y = 0; y < height; y += AT_ONCE) {
        for (; ready < height && ready < y + AT_ONCE + s->radius; ready++) fill_ring(s, r, row, chunk, ready, x0, out.pixels, ring);
        for (size_t t = 0; t < 2 * s->radius + AT_ONCE; t++) {
            size_t place = ssg_reflect((long)(y + t) - (long)s->radius, height) % ring * TILE * SSG_LANES;
            out.lines1[t] = r->ring1 + place;
            out.lines2[t] = r->ring2 + place;
        }
        out.rows = height - y < AT_ONCE ? height - y : AT_ONCE;
        for (size_t j = 0; j < out.rows && !s->spec->channelwise; j++) {
            out.a[j] = ssg_line_of(a, a->data, row % a->rows, chunk, y + j, r->a_lines + j * width * SSG_LANES);
            out.a[j].at += x0 * out.a[j].step;
            out.map[j] = map + (y + j) * width + x0;
        }
        if (s->spec->channelwise)
            add_channels(&out, s->taps, s->radius, s->spec->coherence, sums);
        else
            add_elements(&out, s->taps, s->radius, s->spec->coherence);
    }
}

void ssg_smooth_chunk(const ssg_smooth *s, size_t row, size_t chunk, float *floats, float *map)
{
    const ssg_features *a = s->a;
    const area r = divide(floats, a->width, s->radius, ring_lines(a->height, s->radius));
    double sums[SSG_LANES] = {0};
    for (size_t x0 = 0; x0 < a->width; x0 += TILE) run_tile(s, &r, row, chunk, x0, map, sums);
    if (!s->spec->channelwise) return;
    float weights[SSG_LANES];
    for (size_t l = 0; l < SSG_LANES; l++) weights[l] = (float)(sums[l] / (double)(a->height * a->width));
    ssg_add_weighted_chunk(a, row % a->rows, chunk, weights, r.a_lines, map);
}
