/* SSG-CAM of eight channels: G * g and G * h by two passes of a separable Gaussian, then W, of one kind or several, and its product with A.
 *
 * The image is cut into tiles of columns, so that the ring of horizontally smoothed lines which the vertical pass reads stays in the cache. Both
 * passes make four outputs at a time from one sweep over their inputs: each input is loaded once for four taps, and eight sums (four outputs of two
 * orders) hide the latency of the additions. For that the taps are padded with three zeros on either side. */
#include <string.h>

#include "kernels/cpu/lines.h"

enum { TILE = 32, AT_ONCE = SSG_STRIP, PAD = AT_ONCE - 1 };

void ssg_smooth_init(ssg_smooth *s, double sigma, const ssg_features *a, const ssg_features *g, const float *second)
{
    *s = (ssg_smooth){.a = a, .g = g, .second = second};
    s->radius = (size_t)ssg_gaussian_taps(s->taps + PAD, sigma);
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

static void copy_reflected(float *out, ssg_line line, size_t width, size_t x0, size_t radius, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        memcpy(out + i * SSG_LANES, line.at + ssg_reflect((long)(x0 + i) - (long)radius, width) * line.step, SSG_LANES * sizeof *out);
}

/* Columns x0 - radius to x0 + tile + radius of a line, reflected at the image's borders; `room` pixels, the rest zero. */
static void extend_tile(float *out, ssg_line line, size_t width, size_t x0, size_t radius, size_t used, size_t room)
{
    size_t end = width - x0 + radius < used ? width - x0 + radius : used, begin = radius > x0 ? radius - x0 : 0; /* of what is inside */
    const float *from = line.at + (x0 + begin - radius) * line.step;
    copy_reflected(out, line, width, x0, radius, 0, begin);
    for (size_t i = begin; i < end; i++, from += line.step) memcpy(out + i * SSG_LANES, from, SSG_LANES * sizeof *out);
    copy_reflected(out, line, width, x0, radius, end, used);
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

static inline ssg_vector product_of(ssg_vector first, ssg_vector second)
{
    return SSG_POSITIVE(first) * second;
}

static inline ssg_vector coherence_of(ssg_vector first, ssg_vector second)
{
    ssg_vector ratio = first * first / second; /* 0 / 0 where nothing was, masked out */
    return SSG_POSITIVE(first) * SSG_WHERE(second > 0, ratio);
}

/* The sums of four vectors' lanes. */
typedef float four_floats __attribute__((vector_size(AT_ONCE * sizeof(float)), aligned(4)));
static inline four_floats sums_of(const ssg_vector v[AT_ONCE])
{
    ssg_vector ab = __builtin_shufflevector(v[0], v[1], 0, 8, 1, 9, 4, 12, 5, 13) + __builtin_shufflevector(v[0], v[1], 2, 10, 3, 11, 6, 14, 7, 15);
    ssg_vector cd = __builtin_shufflevector(v[2], v[3], 0, 8, 1, 9, 4, 12, 5, 13) + __builtin_shufflevector(v[2], v[3], 2, 10, 3, 11, 6, 14, 7, 15);
    ssg_vector all = __builtin_shufflevector(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13) + __builtin_shufflevector(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
    return __builtin_shufflevector(all, all, 0, 1, 2, 3) + __builtin_shufflevector(all, all, 4, 5, 6, 7);
}

/* What the vertical pass of four output lines reads and writes. Lines beyond the last are worked out as well, in room that strips have. */
typedef struct strip {
    const float *lines[SSG_GAUSSIAN_MOST_TAPS + PAD]; /* of first order */
    size_t second;                                    /* how far behind them those of second order are */
    ssg_line a[AT_ONCE];                              /* at the tile's first column */
    float *product, *coherence;                       /* likewise; NULL: not wanted */
    double *product_sums, *coherence_sums;            /* by channel; NULL: not wanted */
    size_t rows, pixels;                              /* real output lines, columns */
} strip;

/* W of four lines, multiplied with A into the maps. */
SSG_MULTIVERSION static void add_elements(const strip *s, const float *taps, size_t radius)
{
    for (size_t x = 0; x < s->pixels; x++) {
        ssg_vector a[AT_ONCE], w[AT_ONCE];
        FOUR_SUMS(s->lines[t] + x * SSG_LANES, s->lines[t] + s->second + x * SSG_LANES, taps, 2 * radius + AT_ONCE)
        for (size_t j = 0; j < AT_ONCE; j++) a[j] = SSG_VECTOR(s->a[j].at + x * s->a[j].step);
        if (s->product) {
            for (size_t j = 0; j < AT_ONCE; j++) w[j] = product_of(first[j], second[j]) * a[j];
            *(four_floats *)(s->product + AT_ONCE * x) += sums_of(w);
        }
        if (s->coherence) {
            for (size_t j = 0; j < AT_ONCE; j++) w[j] = coherence_of(first[j], second[j]) * a[j];
            *(four_floats *)(s->coherence + AT_ONCE * x) += sums_of(w);
        }
    }
}

/* W of four lines, summed by channel. */
SSG_MULTIVERSION static void add_channels(const strip *s, const float *taps, size_t radius)
{
    ssg_vector product = {0}, coherence = {0};
    for (size_t x = 0; x < s->pixels; x++) {
        FOUR_SUMS(s->lines[t] + x * SSG_LANES, s->lines[t] + s->second + x * SSG_LANES, taps, 2 * radius + AT_ONCE)
        for (size_t j = 0; j < s->rows; j++) {
            if (s->product_sums) product += product_of(first[j], second[j]);
            if (s->coherence_sums) coherence += coherence_of(first[j], second[j]);
        }
    }
    for (size_t l = 0; s->product_sums && l < SSG_LANES; l++) s->product_sums[l] += product[l];
    for (size_t l = 0; s->coherence_sums && l < SSG_LANES; l++) s->coherence_sums[l] += coherence[l];
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

/* sums: of the two channel-wise outputs. */
static void run_tile(const ssg_smooth *s, const area *r, size_t row, size_t chunk, size_t x0, float *const maps[SSG_SMOOTH_OUTPUTS],
                     double sums[2][SSG_LANES])
{
    const ssg_features *a = s->a;
    size_t height = a->height, width = a->width, ring = ring_lines(height, s->radius), ready = 0; /* lines in the ring so far */
    strip out = {.pixels = width - x0 < TILE ? width - x0 : TILE, .second = (size_t)(r->ring2 - r->ring1)};
    int elements = s->wanted[SSG_ELEMENT_PRODUCT] || s->wanted[SSG_ELEMENT_COHERENCE];
    if (s->wanted[SSG_CHANNEL_PRODUCT]) out.product_sums = sums[0];
    if (s->wanted[SSG_CHANNEL_COHERENCE]) out.coherence_sums = sums[1];
    for (size_t y = 0; y < height; y += AT_ONCE) {
        for (; ready < height && ready < y + AT_ONCE + s->radius; ready++) fill_ring(s, r, row, chunk, ready, x0, out.pixels, ring);
        for (size_t t = 0; t < 2 * s->radius + AT_ONCE; t++)
            out.lines[t] = r->ring1 + ssg_reflect((long)(y + t) - (long)s->radius, height) % ring * TILE * SSG_LANES;
        out.rows = height - y < AT_ONCE ? height - y : AT_ONCE;
        for (size_t j = 0; j < AT_ONCE && elements; j++) {
            size_t line = j < out.rows ? y + j : height - 1;
            out.a[j] = ssg_line_of(a, a->data, row % a->rows, chunk, line, r->a_lines + j * width * SSG_LANES);
            out.a[j].at += x0 * out.a[j].step;
        }
        if (s->wanted[SSG_ELEMENT_PRODUCT]) out.product = maps[SSG_ELEMENT_PRODUCT] + y * width + AT_ONCE * x0;
        if (s->wanted[SSG_ELEMENT_COHERENCE]) out.coherence = maps[SSG_ELEMENT_COHERENCE] + y * width + AT_ONCE * x0;
        if (elements) add_elements(&out, s->taps, s->radius);
        if (out.product_sums || out.coherence_sums) add_channels(&out, s->taps, s->radius);
    }
}

void ssg_smooth_chunk(const ssg_smooth *s, size_t row, size_t chunk, float *floats, float *const maps[SSG_SMOOTH_OUTPUTS])
{
    const ssg_features *a = s->a;
    const area r = divide(floats, a->width, s->radius, ring_lines(a->height, s->radius));
    double sums[2][SSG_LANES] = {{0}};
    for (size_t x0 = 0; x0 < a->width; x0 += TILE) run_tile(s, &r, row, chunk, x0, maps, sums);
    for (size_t i = 0; i < 2; i++) {
        float weights[SSG_LANES];
        if (!s->wanted[SSG_CHANNEL_PRODUCT + i]) continue;
        for (size_t l = 0; l < SSG_LANES; l++) weights[l] = (float)(sums[i][l] / (double)(a->height * a->width));
        ssg_add_weighted_chunk(a, row % a->rows, chunk, weights, r.a_lines, maps[SSG_CHANNEL_PRODUCT + i]);
    }
}
