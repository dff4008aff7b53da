/* Raw maps, vectorised over channels.
 *
 * Work is cut into (row, group of channels): each unit sums its channels into its own partial map, and the partial maps are added in order, so the
 * result does not depend on the number of threads. Within a unit 16 channels at a time ("chunk") pass through line buffers that stay in cache: A and
 * g are read once, smoothed orders are never written out. */
#include <string.h>

#include "host/base/parallel.h"
#include "kernels/cpu/cpu.h"
#include "kernels/gaussian.h"

enum { GROUPS = 8 };

typedef struct job {
    const ssg_map_spec *spec;
    const ssg_features *a, *g;
    const float *second;
    float *partial;    /* [row][group][pixels] */
    char *thread_area; /* per thread: line buffers */
    size_t area_bytes, radius, groups, chunks;
    float taps[SSG_GAUSSIAN_MOST_TAPS];
} job;

/* ---- lines of 16 channels ------------------------------------------------------------------------------------------------- */

/* Line y of chunk `chunk` as [width][16], channels beyond K zero. Returns a pointer into the tensor where it already lies so. */
static const float *line_of(const ssg_features *f, const float *data, size_t row, size_t chunk, size_t y, float *buffer)
{
    size_t first = chunk * SSG_LANES, width = f->width, blocks = (f->channels + f->block - 1) / f->block;
    if (f->block == SSG_LANES) return data + ((row * blocks + chunk) * f->height + y) * width * SSG_LANES;
    size_t real = f->channels - first < SSG_LANES ? f->channels - first : SSG_LANES;
    if (f->block >= f->channels) { /* NHWC */
        const float *from = data + ((row * f->height + y) * width) * f->block + first;
        if (real == SSG_LANES)
            for (size_t x = 0; x < width; x++) memcpy(buffer + x * SSG_LANES, from + x * f->block, SSG_LANES * sizeof(float));
        else
            for (size_t x = 0; x < width; x++)
                for (size_t c = 0; c < SSG_LANES; c++) buffer[x * SSG_LANES + c] = c < real ? from[x * f->block + c] : 0;
        return buffer;
    }
    if (real < SSG_LANES) memset(buffer, 0, width * SSG_LANES * sizeof(float));
    for (size_t c = 0; c < real; c++) { /* plain, or blocks of 8 */
        size_t k = first + c;
        const float *from = data + ((row * blocks + k / f->block) * f->height + y) * width * f->block + k % f->block;
        for (size_t x = 0; x < width; x++) buffer[x * SSG_LANES + c] = from[x * f->block];
    }
    return buffer;
}

#define VECTOR(pointer, i) (*(const ssg_vector *)((pointer) + (i)*SSG_VECTOR_LANES))
typedef int ssg_mask __attribute__((vector_size(SSG_VECTOR_LANES * sizeof(int)), aligned(4)));
#define WHERE(mask, v) ((ssg_vector)((mask) & (ssg_mask)(v))) /* v, or 0 where the comparison failed */
#define POSITIVE(v)    WHERE((v) > 0, v)

/* Floats in a feature tensor, padding channels included. */
static size_t feature_count(const ssg_features *f)
{
    return f->rows * ((f->channels + f->block - 1) / f->block) * f->block * f->height * f->width;
}

static inline float lanes_sum(ssg_vector v)
{
    float s[SSG_VECTOR_LANES];
    memcpy(s, &v, sizeof s);
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

/* ---- methods without smoothing ------------------------------------------------------------------------------------------------ */

static inline ssg_vector element_product(ssg_map_kind kind, ssg_vector a, ssg_vector g)
{
    if (kind == SSG_MAP_LAYERCAM) return POSITIVE(g) * a;
    ssg_vector product = a * g;
    return kind == SSG_MAP_GRADCAM_ELEMENTWISE ? POSITIVE(product) : product;
}

/* Element-wise weights: one pass. */
SSG_MULTIVERSION static void element_line(ssg_map_kind kind, const float *a, const float *g, size_t width, float *map)
{
    for (size_t x = 0; x < width; x++)
        map[x] +=
            lanes_sum(element_product(kind, VECTOR(a, 2 * x), VECTOR(g, 2 * x)) + element_product(kind, VECTOR(a, 2 * x + 1), VECTOR(g, 2 * x + 1)));
}

/* Sums of a line into doubles, channel by channel. */
SSG_MULTIVERSION static void sum_line(double sums[SSG_LANES], const float *a, size_t width)
{
    for (size_t x = 0; x < width; x++)
        for (int l = 0; l < SSG_LANES; l++) sums[l] += a[x * SSG_LANES + l];
}

SSG_MULTIVERSION static void sum_products_line(double sums[SSG_LANES], const float *a, const float *g, size_t width)
{
    for (size_t x = 0; x < width; x++)
        for (int l = 0; l < SSG_LANES; l++) sums[l] += (double)a[x * SSG_LANES + l] * g[x * SSG_LANES + l];
}

SSG_MULTIVERSION static void sum_plusplus_line(double sums[SSG_LANES], const double activation_sums[SSG_LANES], const float *g, size_t width)
{
    for (size_t x = 0; x < width; x++)
        for (int l = 0; l < SSG_LANES; l++) {
            double v = g[x * SSG_LANES + l], square = v * v;
            double share = v > 0 ? v * square / (2 * square + activation_sums[l] * square * v + 1e-6) : 0;
            sums[l] += share;
        }
}

/* The same from the moments of g over samples. */
SSG_MULTIVERSION static void sum_smooth_line(double sums[SSG_LANES], const double activation_sums[SSG_LANES], const float *g, const float *second,
                                             const float *third, size_t width)
{
    for (size_t x = 0; x < width; x++)
        for (int l = 0; l < SSG_LANES; l++) {
            double v = g[x * SSG_LANES + l], d2 = second[x * SSG_LANES + l], d3 = third[x * SSG_LANES + l];
            double share = v > 0 && d2 > 0 ? v * d2 / (2 * d2 + activation_sums[l] * d3 + 1e-6) : 0;
            sums[l] += share;
        }
}

SSG_MULTIVERSION static void weighted_line(const float weights[SSG_LANES], const float *a, size_t width, float *map)
{
    ssg_vector low = VECTOR(weights, 0), high = VECTOR(weights, 1);
    for (size_t x = 0; x < width; x++) map[x] += lanes_sum(low * VECTOR(a, 2 * x) + high * VECTOR(a, 2 * x + 1));
}

/* Adds the channels of a chunk with their weights. */
static void add_weighted_chunk(const ssg_features *a, size_t row, size_t chunk, const float weights[SSG_LANES], float *buffer, float *map)
{
    for (size_t y = 0; y < a->height; y++) weighted_line(weights, line_of(a, a->data, row, chunk, y, buffer), a->width, map + y * a->width);
}

static void channel_chunk(const job *j, size_t row, size_t chunk, float *buffers, float *map)
{
    const ssg_features *a = j->a, *g = j->g;
    size_t line = a->width * SSG_LANES;
    float *a_buffer = buffers, *g_buffer = buffers + line, weights[SSG_LANES]; /* and two lines more for moments */
    double activation_sums[SSG_LANES] = {0}, sums[SSG_LANES] = {0};
    size_t a_row = row % a->rows;
    if (j->spec->kind != SSG_MAP_GRADCAM)
        for (size_t y = 0; y < a->height; y++) sum_line(activation_sums, line_of(a, a->data, a_row, chunk, y, a_buffer), a->width);
    for (size_t y = 0; y < a->height; y++) {
        const float *g_line = line_of(g, g->data, row, chunk, y, g_buffer);
        if (j->spec->kind == SSG_MAP_GRADCAM)
            sum_line(sums, g_line, a->width);
        else if (j->spec->kind == SSG_MAP_XGRADCAM)
            sum_products_line(sums, line_of(a, a->data, a_row, chunk, y, a_buffer), g_line, a->width);
        else if (j->spec->kind == SSG_MAP_SMOOTHGRADCAMPP)
            sum_smooth_line(sums, activation_sums, g_line, line_of(g, j->second, row, chunk, y, g_buffer + line),
                            line_of(g, j->second + feature_count(g), row, chunk, y, g_buffer + 2 * line), a->width);
        else
            sum_plusplus_line(sums, activation_sums, g_line, a->width);
    }
    for (int l = 0; l < SSG_LANES; l++) {
        double w = sums[l];
        if (j->spec->kind == SSG_MAP_GRADCAM) w /= (double)(a->height * a->width);
        if (j->spec->kind == SSG_MAP_XGRADCAM) w /= activation_sums[l] + 1e-7;
        weights[l] = chunk * SSG_LANES + (size_t)l < a->channels ? (float)w : 0;
    }
    add_weighted_chunk(a, a_row, chunk, weights, a_buffer, map);
}

static void element_chunk(const job *j, size_t row, size_t chunk, float *buffers, float *map)
{
    const ssg_features *a = j->a, *g = j->g;
    float *a_buffer = buffers, *g_buffer = buffers + a->width * SSG_LANES;
    for (size_t y = 0; y < a->height; y++)
        element_line(j->spec->kind, line_of(a, a->data, row % a->rows, chunk, y, a_buffer), line_of(g, g->data, row, chunk, y, g_buffer), a->width,
                     map + y * a->width);
}

/* ---- SSG-CAM --------------------------------------------------------------------------------------------------------------------- */

/* A line with its borders reflected on both sides, ready for the horizontal pass. */
static void extend_line(float *out, const float *line, size_t width, size_t radius)
{
    memcpy(out + radius * SSG_LANES, line, width * SSG_LANES * sizeof *out);
    for (size_t t = 1; t <= radius; t++) {
        memcpy(out + (radius - t) * SSG_LANES, line + ssg_reflect(-(long)t, width) * SSG_LANES, SSG_LANES * sizeof *out);
        memcpy(out + (radius + width - 1 + t) * SSG_LANES, line + ssg_reflect((long)(width - 1 + t), width) * SSG_LANES, SSG_LANES * sizeof *out);
    }
}

/* The default second order, where none is given: h = g g. */
SSG_MULTIVERSION static void square_line(float *h, const float *g, size_t floats)
{
    for (size_t i = 0; i < floats; i++) h[i] = g[i] * g[i];
}

/* Horizontal pass of one order. The same channel of the next pixel lies SSG_LANES floats further on. */
SSG_MULTIVERSION static void smooth_line(float *smooth, const float *line, size_t width, const float *taps, size_t count)
{
    size_t x = 0;
    for (; x + 2 <= width; x += 2) { /* two pixels: four chains of additions hide their latency */
        ssg_vector s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
        for (size_t t = 0; t < count; t++) {
            const float *at = line + (x + t) * SSG_LANES;
            s0 += taps[t] * VECTOR(at, 0);
            s1 += taps[t] * VECTOR(at, 1);
            s2 += taps[t] * VECTOR(at, 2);
            s3 += taps[t] * VECTOR(at, 3);
        }
        ssg_vector *to = (ssg_vector *)(smooth + x * SSG_LANES);
        to[0] = s0;
        to[1] = s1;
        to[2] = s2;
        to[3] = s3;
    }
    for (; x < width; x++)
        for (size_t half = 0; half < SSG_VECTORS; half++) {
            ssg_vector sum = {0};
            for (size_t t = 0; t < count; t++) sum += taps[t] * VECTOR(line + (x + t) * SSG_LANES, half);
            ((ssg_vector *)(smooth + x * SSG_LANES))[half] = sum;
        }
}

static inline ssg_vector weight_of(ssg_vector first, ssg_vector second, int coherence)
{
    ssg_vector w = POSITIVE(first);
    if (!coherence) return w * second;
    ssg_vector ratio = first * first / second; /* 0 / 0 where nothing was, masked out */
    return w * WHERE(second > 0, ratio);
}

/* Vertical pass over the ring of smoothed lines, then the weights W of one line, multiplied with A into the map or added up by channel. */
SSG_MULTIVERSION static void combine_line(const float *const *lines1, const float *const *lines2, const float *taps, size_t count, int coherence,
                                          const float *a, size_t width, float *map, double *channel_sums)
{
    for (size_t x = 0; x < width; x++) {
        ssg_vector first0 = {0}, first1 = {0}, second0 = {0}, second1 = {0};
        for (size_t t = 0; t < count; t++) {
            const float *at1 = lines1[t] + x * SSG_LANES, *at2 = lines2[t] + x * SSG_LANES;
            first0 += taps[t] * VECTOR(at1, 0);
            first1 += taps[t] * VECTOR(at1, 1);
            second0 += taps[t] * VECTOR(at2, 0);
            second1 += taps[t] * VECTOR(at2, 1);
        }
        ssg_vector low = weight_of(first0, second0, coherence), high = weight_of(first1, second1, coherence);
        if (channel_sums) {
            for (int l = 0; l < SSG_VECTOR_LANES; l++) {
                channel_sums[l] += low[l];
                channel_sums[SSG_VECTOR_LANES + l] += high[l];
            }
        } else {
            map[x] += lanes_sum(low * VECTOR(a, 2 * x) + high * VECTOR(a, 2 * x + 1));
        }
    }
}

static void ssgcam_chunk(const job *j, size_t row, size_t chunk, float *buffers, float *map)
{
    const ssg_features *a = j->a, *g = j->g;
    size_t height = g->height, width = g->width, radius = j->radius, count = 2 * radius + 1, line = width * SSG_LANES,
           wide = (width + 2 * radius) * SSG_LANES;
    /* A ring that holds every smoothed line the vertical pass can ask for at once. */
    size_t ring = count < height ? count : height;
    float *load = buffers, *extended = load + line, *extended_h = extended + wide, *ring1 = extended_h + wide, *ring2 = ring1 + ring * line;
    const float *lines1[SSG_GAUSSIAN_MOST_TAPS], *lines2[SSG_GAUSSIAN_MOST_TAPS];
    double sums[SSG_LANES] = {0};
    size_t ready = 0; /* lines smoothed so far */
    for (size_t y = 0; y < height; y++) {
        for (size_t until = y + radius + 1 < height ? y + radius + 1 : height; ready < until; ready++) {
            extend_line(extended, line_of(g, g->data, row, chunk, ready, load), width, radius);
            if (j->second)
                extend_line(extended_h, line_of(g, j->second, row, chunk, ready, load), width, radius);
            else
                square_line(extended_h, extended, wide);
            smooth_line(ring1 + ready % ring * line, extended, width, j->taps, count);
            smooth_line(ring2 + ready % ring * line, extended_h, width, j->taps, count);
        }
        for (size_t t = 0; t < count; t++) {
            size_t from = ssg_reflect((long)(y + t) - (long)radius, height) % ring;
            lines1[t] = ring1 + from * line;
            lines2[t] = ring2 + from * line;
        }
        const float *a_line = j->spec->channelwise ? NULL : line_of(a, a->data, row % a->rows, chunk, y, load);
        combine_line(lines1, lines2, j->taps, count, j->spec->coherence, a_line, width, map + y * width, j->spec->channelwise ? sums : NULL);
    }
    if (!j->spec->channelwise) return;
    float weights[SSG_LANES];
    for (int l = 0; l < SSG_LANES; l++) weights[l] = (float)(sums[l] / (double)(height * width));
    add_weighted_chunk(a, row % a->rows, chunk, weights, load, map);
}

/* ---- units ------------------------------------------------------------------------------------------------------------------------- */

static void run_unit(void *context, size_t unit, int thread)
{
    const job *j = context;
    size_t row = unit / j->groups, group = unit % j->groups, pixels = j->a->height * j->a->width;
    float *map = j->partial + unit * pixels, *buffers = (float *)(void *)(j->thread_area + (size_t)thread * j->area_bytes);
    memset(map, 0, pixels * sizeof *map);
    for (size_t chunk = group * j->chunks / j->groups; chunk < (group + 1) * j->chunks / j->groups; chunk++) switch (j->spec->kind) {
        case SSG_MAP_SSGCAM: ssgcam_chunk(j, row, chunk, buffers, map); break;
        case SSG_MAP_GRADCAM:
        case SSG_MAP_GRADCAMPP:
        case SSG_MAP_SMOOTHGRADCAMPP:
        case SSG_MAP_XGRADCAM: channel_chunk(j, row, chunk, buffers, map); break;
        default: element_chunk(j, row, chunk, buffers, map); break;
        }
}

static size_t group_count(const ssg_features *a)
{
    size_t chunks = (a->channels + SSG_LANES - 1) / SSG_LANES;
    return chunks < GROUPS ? chunks : GROUPS;
}

/* Line buffers of one thread for the largest radius: the ring never holds more lines than the map has. */
static size_t area_bytes(const ssg_features *a)
{
    size_t line = a->width * SSG_LANES, wide = (a->width + 2 * SSG_GAUSSIAN_MOST_RADIUS) * SSG_LANES;
    size_t ring = a->height < SSG_GAUSSIAN_MOST_TAPS ? a->height : SSG_GAUSSIAN_MOST_TAPS;
    return ((2 * line + 2 * wide + 2 * ring * line) * sizeof(float) + 63) / 64 * 64;
}

size_t ssg_cpu_maps_scratch(const ssg_run *run, const ssg_features *activation, const ssg_features *gradient)
{
    size_t partial = gradient->rows * group_count(activation) * activation->height * activation->width * sizeof(float);
    return (partial + 63) / 64 * 64 + (size_t)(run->threads > 1 ? run->threads : 1) * area_bytes(activation);
}

SSG_MULTIVERSION static void add_partials(float *map, const float *partial, size_t groups, size_t pixels, int keep_sign)
{
    for (size_t i = 0; i < pixels; i++) {
        double sum = 0;
        for (size_t group = 0; group < groups; group++) sum += partial[group * pixels + i];
        map[i] = (float)(keep_sign || sum > 0 ? sum : 0);
    }
}

void ssg_cpu_maps(const ssg_run *run, const ssg_map_spec *spec, const ssg_features *activation, const ssg_features *gradient, const float *second,
                  float *maps, void *scratch)
{
    size_t pixels = activation->height * activation->width, groups = group_count(activation);
    size_t partial_bytes = (gradient->rows * groups * pixels * sizeof(float) + 63) / 64 * 64;
    job j = {.spec = spec,
             .a = activation,
             .g = gradient,
             .second = second,
             .partial = scratch,
             .thread_area = (char *)scratch + partial_bytes,
             .area_bytes = area_bytes(activation),
             .groups = groups,
             .chunks = (activation->channels + SSG_LANES - 1) / SSG_LANES};
    if (spec->kind == SSG_MAP_SSGCAM) j.radius = (size_t)ssg_gaussian_taps(j.taps, spec->sigma);
    ssg_parallel_for(run->threads, gradient->rows * groups, run_unit, &j);
    for (size_t row = 0; row < gradient->rows; row++)
        add_partials(maps + row * pixels, j.partial + row * groups * pixels, groups, pixels, spec->keep_sign);
}

/* ---- given weights -------------------------------------------------------------------------------------------------------------------- */

typedef struct weighted_job {
    const ssg_features *a;
    const float *weights;
    float *maps;
    int keep_sign;
} weighted_job;

SSG_MULTIVERSION static void weigh_pixels(const ssg_features *a, size_t row, size_t y, const float *weights, float *out)
{
    size_t blocks = (a->channels + a->block - 1) / a->block;
    for (size_t x = 0; x < a->width; x++) {
        double sum = 0;
        for (size_t k = 0; k < a->channels; k++)
            sum += (double)weights[k] * a->data[((((row * blocks) + k / a->block) * a->height + y) * a->width + x) * a->block + k % a->block];
        out[x] = (float)sum;
    }
}

static void weighted_row(void *context, size_t index, int thread)
{
    (void)thread;
    const weighted_job *j = context;
    size_t row = index / j->a->height, y = index % j->a->height;
    float *out = j->maps + index * j->a->width;
    weigh_pixels(j->a, row % j->a->rows, y, j->weights + row * j->a->channels, out);
    for (size_t x = 0; !j->keep_sign && x < j->a->width; x++) out[x] = out[x] > 0 ? out[x] : 0;
}

void ssg_cpu_weighted(const ssg_run *run, const ssg_features *activation, const float *weights, size_t rows, int keep_sign, float *maps)
{
    weighted_job j = {activation, weights, maps, keep_sign};
    ssg_parallel_for(run->threads, rows * activation->height, weighted_row, &j);
}
