/* Raw maps, vectorised over channels.
 *
 * Work is cut into (row, group of channels): each unit sums its channels into its own partial map, and the partial maps are added in order, so the
 * result does not depend on the number of threads. Within a unit eight or sixteen channels at a time ("chunk") pass line by line: A and g are read
 * once. */
#include <string.h>

#include "host/base/parallel.h"
#include "kernels/cpu/smooth.h"

enum { GROUPS = 8, MOST_LINES = 4 }; /* lines that a method copies at once */

typedef struct job {
    const ssg_map_spec *spec;
    const ssg_features *a, *g;
    const float *second;
    float *partial;    /* [output][row][group], each a map; one output but for SSGCAM */
    char *thread_area; /* per thread: line buffers */
    size_t area_bytes, groups, chunks;
    ssg_smooth smooth;
    size_t place[SSG_SMOOTH_OUTPUTS]; /* of SSGCAM's outputs among those that are made */
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
static void element_line(ssg_map_kind kind, ssg_line a, ssg_line g, size_t width, float *map)
{
    for (size_t x = 0; x < width; x++) map[x] += ssg_lanes_sum(element_product(kind, SSG_VECTOR(a.at + x * a.step), SSG_VECTOR(g.at + x * g.step)));
}

/* Sums of a line into doubles, channel by channel. */
static void sum_line(double sums[SSG_LANES], ssg_line a, size_t width)
{
    for (size_t x = 0; x < width; x++)
        for (size_t l = 0; l < SSG_LANES; l++) sums[l] += a.at[x * a.step + l];
}

static void sum_products_line(double sums[SSG_LANES], ssg_line a, ssg_line g, size_t width)
{
    for (size_t x = 0; x < width; x++)
        for (size_t l = 0; l < SSG_LANES; l++) sums[l] += (double)a.at[x * a.step + l] * g.at[x * g.step + l];
}

static void sum_plusplus_line(double sums[SSG_LANES], const double activation_sums[SSG_LANES], ssg_line g, size_t width)
{
    for (size_t x = 0; x < width; x++)
        for (size_t l = 0; l < SSG_LANES; l++) {
            double v = g.at[x * g.step + l], square = v * v;
            double share = v > 0 ? v * square / (2 * square + activation_sums[l] * square * v + 1e-6) : 0;
            sums[l] += share;
        }
}

/* The same from the moments of g over samples. */
static void sum_smooth_line(double sums[SSG_LANES], const double activation_sums[SSG_LANES], ssg_line g, ssg_line second, ssg_line third,
                            size_t width)
{
    for (size_t x = 0; x < width; x++)
        for (size_t l = 0; l < SSG_LANES; l++) {
            double v = g.at[x * g.step + l], d2 = second.at[x * second.step + l], d3 = third.at[x * third.step + l];
            double share = v > 0 && d2 > 0 ? v * d2 / (2 * d2 + activation_sums[l] * d3 + 1e-6) : 0;
            sums[l] += share;
        }
}

static void weighted_line(const float weights[SSG_LANES], ssg_line a, size_t width, float *map)
{
    ssg_vector w = SSG_VECTOR(weights);
    for (size_t x = 0; x < width; x++) map[x] += ssg_lanes_sum(w * SSG_VECTOR(a.at + x * a.step));
}

void ssg_add_weighted_chunk(const ssg_features *a, size_t row, size_t first, const float weights[SSG_LANES], float *buffer, float *map)
{
    for (size_t y = 0; y < a->height; y++)
        weighted_line(weights, ssg_line_of(a, a->data, row, first, SSG_LANES, y, buffer), a->width, map + y * a->width);
}

static void channel_chunk(const job *j, size_t row, size_t first, float *buffers, float *map)
{
    const ssg_features *a = j->a, *g = j->g;
    size_t line = a->width * SSG_LANES;
    float *a_buffer = buffers, *g_buffer = buffers + line, weights[SSG_LANES]; /* and two lines more for moments */
    double activation_sums[SSG_LANES] = {0}, sums[SSG_LANES] = {0};
    size_t a_row = row % a->rows;
    if (j->spec->kind != SSG_MAP_GRADCAM)
        for (size_t y = 0; y < a->height; y++) sum_line(activation_sums, ssg_line_of(a, a->data, a_row, first, SSG_LANES, y, a_buffer), a->width);
    for (size_t y = 0; y < a->height; y++) {
        ssg_line g_line = ssg_line_of(g, g->data, row, first, SSG_LANES, y, g_buffer);
        if (j->spec->kind == SSG_MAP_GRADCAM)
            sum_line(sums, g_line, a->width);
        else if (j->spec->kind == SSG_MAP_XGRADCAM)
            sum_products_line(sums, ssg_line_of(a, a->data, a_row, first, SSG_LANES, y, a_buffer), g_line, a->width);
        else if (j->spec->kind == SSG_MAP_SMOOTHGRADCAMPP)
            sum_smooth_line(sums, activation_sums, g_line, ssg_line_of(g, j->second, row, first, SSG_LANES, y, g_buffer + line),
                            ssg_line_of(g, j->second + feature_count(g), row, first, SSG_LANES, y, g_buffer + 2 * line), a->width);
        else
            sum_plusplus_line(sums, activation_sums, g_line, a->width);
    }
    for (size_t l = 0; l < SSG_LANES; l++) {
        double w = sums[l];
        if (j->spec->kind == SSG_MAP_GRADCAM) w /= (double)(a->height * a->width);
        if (j->spec->kind == SSG_MAP_XGRADCAM) w /= activation_sums[l] + 1e-7;
        weights[l] = first + l < a->channels ? (float)w : 0;
    }
    ssg_add_weighted_chunk(a, a_row, first, weights, a_buffer, map);
}

static void element_chunk(const job *j, size_t row, size_t first, float *buffers, float *map)
{
    const ssg_features *a = j->a, *g = j->g;
    float *a_buffer = buffers, *g_buffer = buffers + a->width * SSG_LANES;
    for (size_t y = 0; y < a->height; y++)
        element_line(j->spec->kind, ssg_line_of(a, a->data, row % a->rows, first, SSG_LANES, y, a_buffer),
                     ssg_line_of(g, g->data, row, first, SSG_LANES, y, g_buffer), a->width, map + y * a->width);
}

/* ---- units ------------------------------------------------------------------------------------------------------------------------- */

static void run_unit(void *context, size_t unit, int thread)
{
    const job *j = context;
    size_t row = unit / j->groups, group = unit % j->groups, units = j->g->rows * j->groups, floats = ssg_strips_floats(j->a);
    float *maps[SSG_SMOOTH_OUTPUTS], *buffers = (float *)(void *)(j->thread_area + (size_t)thread * j->area_bytes);
    for (size_t o = 0; o < SSG_SMOOTH_OUTPUTS; o++) {
        maps[o] = j->partial + (j->place[o] * units + unit) * floats;
        if (o == 0 || j->smooth.wanted[o]) memset(maps[o], 0, floats * sizeof(float));
    }
    for (size_t chunk = group * j->chunks / j->groups; chunk < (group + 1) * j->chunks / j->groups; chunk++) switch (j->spec->kind) {
        case SSG_MAP_SSGCAM: ssg_smooth_chunk(&j->smooth, row, chunk, buffers, maps); break;
        case SSG_MAP_GRADCAM:
        case SSG_MAP_GRADCAMPP:
        case SSG_MAP_SMOOTHGRADCAMPP:
        case SSG_MAP_XGRADCAM: channel_chunk(j, row, chunk * SSG_LANES, buffers, maps[0]); break;
        default: element_chunk(j, row, chunk * SSG_LANES, buffers, maps[0]); break;
        }
}

/* ---- partial maps to maps -------------------------------------------------------------------------------------------------------------- */

typedef struct finishing {
    const float *partial; /* of the map's output */
    float *map;
    size_t groups, floats, height, width; /* floats: of a partial map */
    int strips, keep_sign;
} finishing;

static void add_lines(const finishing *f, const float *partial, float *map, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++) {
        double sum = 0;
        for (size_t group = 0; group < f->groups; group++) sum += partial[group * f->floats + i];
        map[i] = (float)(f->keep_sign || sum > 0 ? sum : 0);
    }
}

static void add_strip(const finishing *f, const float *partial, float *map, size_t lines)
{
    for (size_t x = 0; x < f->width; x++) {
        double sum[SSG_STRIP] = {0};
        for (size_t group = 0; group < f->groups; group++)
            for (size_t l = 0; l < SSG_STRIP; l++) sum[l] += partial[group * f->floats + SSG_STRIP * x + l];
        for (size_t l = 0; l < lines; l++) map[l * f->width + x] = (float)(f->keep_sign || sum[l] > 0 ? sum[l] : 0);
    }
}

/* Four lines of a row's map. */
static void finish_part(void *context, size_t index, int thread)
{
    (void)thread;
    const finishing *f = context;
    size_t parts = (f->height + SSG_STRIP - 1) / SSG_STRIP, row = index / parts, y = index % parts * SSG_STRIP;
    size_t lines = f->height - y < SSG_STRIP ? f->height - y : SSG_STRIP;
    const float *partial = f->partial + row * f->groups * f->floats + y * f->width;
    float *map = f->map + (row * f->height + y) * f->width;
    if (f->strips)
        add_strip(f, partial, map, lines);
    else
        add_lines(f, partial, map, lines * f->width);
}

/* ---- maps ------------------------------------------------------------------------------------------------------------------------------ */

static size_t chunk_count(const ssg_features *a, ssg_map_kind kind)
{
    size_t channels = kind == SSG_MAP_SSGCAM ? SSG_SMOOTH_CHANNELS : SSG_LANES;
    return (a->channels + channels - 1) / channels;
}

static size_t group_count(const ssg_features *a, ssg_map_kind kind)
{
    size_t chunks = chunk_count(a, kind);
    return chunks < GROUPS ? chunks : GROUPS;
}

/* Buffers of one thread, whatever the method. */
static size_t area_bytes(const ssg_features *a)
{
    size_t lines = MOST_LINES * a->width * SSG_LANES, smooth = ssg_smooth_area_floats(a);
    return ((lines > smooth ? lines : smooth) * sizeof(float) + 63) / 64 * 64;
}

/* Partial maps of so many outputs, whatever the method. */
static size_t partial_bytes(const ssg_features *a, const ssg_features *g, size_t outputs)
{
    return (outputs * g->rows * GROUPS * ssg_strips_floats(a) * sizeof(float) + 63) / 64 * 64;
}

size_t ssg_cpu_maps_scratch(const ssg_run *run, const ssg_features *activation, const ssg_features *gradient, size_t count)
{
    size_t outputs = count < SSG_SMOOTH_OUTPUTS ? count : SSG_SMOOTH_OUTPUTS;
    return partial_bytes(activation, gradient, outputs) + (size_t)(run->threads > 1 ? run->threads : 1) * area_bytes(activation);
}

static int output_of(const ssg_map_spec *spec)
{
    if (spec->kind != SSG_MAP_SSGCAM) return 0;
    return (spec->channelwise ? SSG_CHANNEL_PRODUCT : SSG_ELEMENT_PRODUCT) + (spec->coherence != 0);
}

/* Whether both are made from one smoothing. */
static int together(const ssg_map_spec *a, const ssg_map_spec *b)
{
    return a->kind == SSG_MAP_SSGCAM && b->kind == SSG_MAP_SSGCAM && a->sigma == b->sigma;
}

/* The first spec, and all later ones that are made from the same smoothing; returns how many outputs that takes. */
static size_t plan_outputs(job *j, const ssg_map_spec *specs, size_t count, const float *second)
{
    size_t outputs = 0;
    if (specs->kind != SSG_MAP_SSGCAM) return 1;
    ssg_smooth_init(&j->smooth, specs->sigma, j->a, j->g, second);
    for (size_t i = 0; i < count; i++) {
        int o = output_of(&specs[i]);
        if (!together(specs, &specs[i]) || j->smooth.wanted[o]) continue;
        j->smooth.wanted[o] = 1;
        j->place[o] = outputs++;
    }
    return outputs;
}

static void make_together(const ssg_run *run, const ssg_map_spec *specs, size_t count, const ssg_features *a, const ssg_features *g,
                          const float *second, float *const *maps, void *scratch)
{
    size_t groups = group_count(a, specs->kind), floats = ssg_strips_floats(a);
    job j = {.spec = specs,
             .a = a,
             .g = g,
             .second = second,
             .partial = scratch,
             .area_bytes = area_bytes(a),
             .groups = groups,
             .chunks = chunk_count(a, specs->kind)};
    j.thread_area = (char *)scratch + partial_bytes(a, g, plan_outputs(&j, specs, count, second));
    ssg_parallel_for(run->threads, g->rows * groups, run_unit, &j);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && !together(specs, &specs[i])) continue;
        int o = output_of(&specs[i]);
        finishing f = {.partial = j.partial + j.place[o] * g->rows * groups * floats,
                       .map = maps[i],
                       .groups = groups,
                       .floats = floats,
                       .height = a->height,
                       .width = a->width,
                       .strips = specs[i].kind == SSG_MAP_SSGCAM && !specs[i].channelwise,
                       .keep_sign = specs[i].keep_sign};
        ssg_parallel_for(run->threads, g->rows * ((a->height + SSG_STRIP - 1) / SSG_STRIP), finish_part, &f);
    }
}

void ssg_cpu_maps(const ssg_run *run, const ssg_map_spec *specs, size_t count, const ssg_features *activation, const ssg_features *gradient,
                  const float *second, float *const *maps, void *scratch)
{
    for (size_t i = 0; i < count; i++) {
        size_t first = 0;
        while (first < i && !together(&specs[first], &specs[i])) first++;
        if (first == i) make_together(run, specs + i, count - i, activation, gradient, second, maps + i, scratch);
    }
}

/* ---- given weights -------------------------------------------------------------------------------------------------------------------- */

typedef struct weighted_job {
    const ssg_features *a;
    const float *weights;
    float *maps;
    int keep_sign;
} weighted_job;

static void weigh_pixels(const ssg_features *a, size_t row, size_t y, const float *weights, float *out)
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
