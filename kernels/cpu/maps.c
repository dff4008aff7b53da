/* Raw maps, vectorised over channels.
 *
 * Work is cut into (row, group of channels): each unit sums its channels into its own partial map, and the partial maps are added in order, so the
 * result does not depend on the number of threads. Within a unit eight channels at a time ("chunk") pass line by line: A and g are read once. */
#include <string.h>

#include "host/base/parallel.h"
#include "kernels/cpu/lines.h"

enum { GROUPS = 8, MOST_LINES = 4 }; /* lines that a method copies at once */

typedef struct job {
    const ssg_map_spec *spec;
    const ssg_features *a, *g;
    const float *second;
    float *partial;    /* [row][group][pixels] */
    char *thread_area; /* per thread: line buffers */
    size_t area_bytes, groups, chunks;
    ssg_smooth smooth;
} job;

/* Floats in a feature tensor, padding channels included. */
static size_t feature_count(const ssg_features *f)
{
    return f->rows * ((f->channels + f->block - 1) / f->block) * f->block * f->height * f->width;
}

/* ---- methods without smoothing ------------------------------------------------------------------------------------------------ */

static inline ssg_vector element_product(ssg_map_kind kind, ssg_vector a, ssg_vector g)
{
    if (kind == SSG_MAP_LAYERCAM) return SSG_POSITIVE(g) * a;
    ssg_vector product = a * g;
    return kind == SSG_MAP_GRADCAM_ELEMENTWISE ? SSG_POSITIVE(product) : product;
}

/* Element-wise weights: one pass. */
SSG_MULTIVERSION static void element_line(ssg_map_kind kind, ssg_line a, ssg_line g, size_t width, float *map)
{
    for (size_t x = 0; x < width; x++) map[x] += ssg_lanes_sum(element_product(kind, SSG_VECTOR(a.at + x * a.step), SSG_VECTOR(g.at + x * g.step)));
}

/* Sums of a line into doubles, channel by channel. */
SSG_MULTIVERSION static void sum_line(double sums[SSG_LANES], ssg_line a, size_t width)
{
    for (size_t x = 0; x < width; x++)
        for (size_t l = 0; l < SSG_LANES; l++) sums[l] += a.at[x * a.step + l];
}

SSG_MULTIVERSION static void sum_products_line(double sums[SSG_LANES], ssg_line a, ssg_line g, size_t width)
{
    for (size_t x = 0; x < width; x++)
        for (size_t l = 0; l < SSG_LANES; l++) sums[l] += (double)a.at[x * a.step + l] * g.at[x * g.step + l];
}

SSG_MULTIVERSION static void sum_plusplus_line(double sums[SSG_LANES], const double activation_sums[SSG_LANES], ssg_line g, size_t width)
{
    for (size_t x = 0; x < width; x++)
        for (size_t l = 0; l < SSG_LANES; l++) {
            double v = g.at[x * g.step + l], square = v * v;
            double share = v > 0 ? v * square / (2 * square + activation_sums[l] * square * v + 1e-6) : 0;
            sums[l] += share;
        }
}

/* The same from the moments of g over samples. */
SSG_MULTIVERSION static void sum_smooth_line(double sums[SSG_LANES], const double activation_sums[SSG_LANES], ssg_line g, ssg_line second,
                                             ssg_line third, size_t width)
{
    for (size_t x = 0; x < width; x++)
        for (size_t l = 0; l < SSG_LANES; l++) {
            double v = g.at[x * g.step + l], d2 = second.at[x * second.step + l], d3 = third.at[x * third.step + l];
            double share = v > 0 && d2 > 0 ? v * d2 / (2 * d2 + activation_sums[l] * d3 + 1e-6) : 0;
            sums[l] += share;
        }
}

SSG_MULTIVERSION static void weighted_line(const float weights[SSG_LANES], ssg_line a, size_t width, float *map)
{
    ssg_vector w = SSG_VECTOR(weights);
    for (size_t x = 0; x < width; x++) map[x] += ssg_lanes_sum(w * SSG_VECTOR(a.at + x * a.step));
}

void ssg_add_weighted_chunk(const ssg_features *a, size_t row, size_t chunk, const float weights[SSG_LANES], float *buffer, float *map)
{
    for (size_t y = 0; y < a->height; y++) weighted_line(weights, ssg_line_of(a, a->data, row, chunk, y, buffer), a->width, map + y * a->width);
}

static void channel_chunk(const job *j, size_t row, size_t chunk, float *buffers, float *map)
{
    const ssg_features *a = j->a, *g = j->g;
    size_t line = a->width * SSG_LANES;
    float *a_buffer = buffers, *g_buffer = buffers + line, weights[SSG_LANES]; /* and two lines more for moments */
    double activation_sums[SSG_LANES] = {0}, sums[SSG_LANES] = {0};
    size_t a_row = row % a->rows;
    if (j->spec->kind != SSG_MAP_GRADCAM)
        for (size_t y = 0; y < a->height; y++) sum_line(activation_sums, ssg_line_of(a, a->data, a_row, chunk, y, a_buffer), a->width);
    for (size_t y = 0; y < a->height; y++) {
        ssg_line g_line = ssg_line_of(g, g->data, row, chunk, y, g_buffer);
        if (j->spec->kind == SSG_MAP_GRADCAM)
            sum_line(sums, g_line, a->width);
        else if (j->spec->kind == SSG_MAP_XGRADCAM)
            sum_products_line(sums, ssg_line_of(a, a->data, a_row, chunk, y, a_buffer), g_line, a->width);
        else if (j->spec->kind == SSG_MAP_SMOOTHGRADCAMPP)
            sum_smooth_line(sums, activation_sums, g_line, ssg_line_of(g, j->second, row, chunk, y, g_buffer + line),
                            ssg_line_of(g, j->second + feature_count(g), row, chunk, y, g_buffer + 2 * line), a->width);
        else
            sum_plusplus_line(sums, activation_sums, g_line, a->width);
    }
    for (size_t l = 0; l < SSG_LANES; l++) {
        double w = sums[l];
        if (j->spec->kind == SSG_MAP_GRADCAM) w /= (double)(a->height * a->width);
        if (j->spec->kind == SSG_MAP_XGRADCAM) w /= activation_sums[l] + 1e-7;
        weights[l] = chunk * SSG_LANES + l < a->channels ? (float)w : 0;
    }
    ssg_add_weighted_chunk(a, a_row, chunk, weights, a_buffer, map);
}

static void element_chunk(const job *j, size_t row, size_t chunk, float *buffers, float *map)
{
    const ssg_features *a = j->a, *g = j->g;
    float *a_buffer = buffers, *g_buffer = buffers + a->width * SSG_LANES;
    for (size_t y = 0; y < a->height; y++)
        element_line(j->spec->kind, ssg_line_of(a, a->data, row % a->rows, chunk, y, a_buffer), ssg_line_of(g, g->data, row, chunk, y, g_buffer),
                     a->width, map + y * a->width);
}

/* ---- units ------------------------------------------------------------------------------------------------------------------------- */

static void run_unit(void *context, size_t unit, int thread)
{
    const job *j = context;
    size_t row = unit / j->groups, group = unit % j->groups, pixels = j->a->height * j->a->width;
    float *map = j->partial + unit * pixels, *buffers = (float *)(void *)(j->thread_area + (size_t)thread * j->area_bytes);
    memset(map, 0, pixels * sizeof *map);
    for (size_t chunk = group * j->chunks / j->groups; chunk < (group + 1) * j->chunks / j->groups; chunk++) switch (j->spec->kind) {
        case SSG_MAP_SSGCAM: ssg_smooth_chunk(&j->smooth, row, chunk, buffers, map); break;
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

/* Buffers of one thread, whatever the method. */
static size_t area_bytes(const ssg_features *a)
{
    size_t lines = MOST_LINES * a->width * SSG_LANES, smooth = ssg_smooth_area_floats(a);
    return ((lines > smooth ? lines : smooth) * sizeof(float) + 63) / 64 * 64;
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
    if (spec->kind == SSG_MAP_SSGCAM) ssg_smooth_init(&j.smooth, spec, activation, gradient, second);
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
            sum += (double)weights[k] *
                   ((const float *)a->data)[((((row * blocks) + k / a->block) * a->height + y) * a->width + x) * a->block + k % a->block];
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
