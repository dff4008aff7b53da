#include "tests/kernelcheck/checks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/element.h"

/* ---- drawing ------------------------------------------------------------------------------------------------------------------------ */

static uint32_t state;

static uint32_t draw(void)
{
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static float draw_float(void) /* in [-1, 1) */
{
    return (float)draw() / 8388608.0f - 1;
}

static float *draw_floats(size_t count, int relu)
{
    float *values = malloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++) {
        values[i] = draw_float();
        if (relu && values[i] < 0) values[i] = 0;
    }
    return values;
}

/* Where two results differ by more than bound * the largest expected value (of the row), -1 if nowhere. */
static long differs(const float *got, const float *expected, size_t rows, size_t pixels, double bound)
{
    for (size_t r = 0; r < rows; r++) {
        double scale = 0;
        for (size_t i = 0; i < pixels; i++) scale = fmax(scale, fabs((double)expected[r * pixels + i]));
        for (size_t i = r * pixels; i < (r + 1) * pixels; i++)
            if (!(fabs((double)got[i] - expected[i]) <= bound * scale + 1e-12)) return (long)i;
    }
    return -1;
}

/* ---- maps ------------------------------------------------------------------------------------------------------------------------------ */

typedef struct shape {
    size_t images, classes, channels, height, width, block;
} shape;

static size_t feature_count(const shape *s, size_t rows)
{
    return rows * ((s->channels + s->block - 1) / s->block) * s->block * s->height * s->width;
}

/* Features in the shape's layout; channels beyond K are zero. */
static float *draw_features(const shape *s, size_t rows, int relu)
{
    size_t count = feature_count(s, rows), blocks = (s->channels + s->block - 1) / s->block, pixels = s->height * s->width;
    float *values = draw_floats(count, relu);
    for (size_t i = 0; i < count; i++)
        if (i / (pixels * s->block) % blocks * s->block + i % s->block >= s->channels) values[i] = 0;
    return values;
}

/* In memory as `type`, cut off rather than rounded: any number of the type will do. Values lie between -1 and 1; tiny ones become 0 in half. */
static void *narrowed(const float *values, size_t count, ssg_element type)
{
    void *made = malloc(count * sizeof *values);
    if (type == SSG_ELEMENT_F32) return memcpy(made, values, count * sizeof *values);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        uint32_t sign = bits >> 16 & 0x8000, exponent = bits >> 23 & 255, half = exponent < 113 ? 0 : (exponent - 112) << 10 | (bits >> 13 & 1023);
        ((uint16_t *)made)[i] = (uint16_t)(type == SSG_ELEMENT_F16 ? sign | half : bits >> 16);
    }
    return made;
}

static int check_map_in(const body *b, const shape *s, const ssg_map_spec *spec, int with_second, ssg_element type)
{
    size_t rows = s->images * s->classes, pixels = s->height * s->width;
    state = (uint32_t)(spec->kind * 77 + s->channels * 31 + s->height);
    float *a = draw_features(s, s->images, 1), *g = draw_features(s, rows, 0),
          *h = draw_features(s, 2 * rows, 1); /* SMOOTHGRADCAMPP takes two tensors more */
    float *expected = malloc(rows * pixels * sizeof *expected), *got = malloc(rows * pixels * sizeof *got);
    size_t size = ssg_element_size(type);
    void *a_bits = narrowed(a, feature_count(s, s->images), type), *g_bits = narrowed(g, feature_count(s, rows), type);
    ssg_features fa = {
        .data = a_bits, .rows = s->images, .channels = s->channels, .height = s->height, .width = s->width, .block = s->block, .type = type};
    ssg_features fg = fa;
    fg.data = g_bits, fg.rows = rows, fg.scale = type == SSG_ELEMENT_F16 ? 0.125f : 0;
    ssg_run plain = {.threads = 1};
    void *scratch = malloc(ssg_ops_ref()->maps_scratch(&plain, &fa, &fg, 1));
    ssg_ops_ref()->maps(&plain, spec, 1, &fa, &fg, with_second ? h : NULL, &expected, scratch);
    free(scratch);
    fa.data = b->make(b, a_bits, feature_count(s, s->images) * size);
    fg.data = b->make(b, g_bits, feature_count(s, rows) * size);
    float *second = b->make(b, h, feature_count(s, 2 * rows) * sizeof *h), *maps = b->make(b, NULL, rows * pixels * sizeof *maps);
    scratch = b->make(b, NULL, b->ops->maps_scratch(&b->run, &fa, &fg, 1));
    b->ops->maps(&b->run, spec, 1, &fa, &fg, with_second ? second : NULL, &maps, scratch);
    b->fetch(b, got, maps, rows * pixels * sizeof *got);
    long at = differs(got, expected, rows, pixels, 2e-5);
    if (at >= 0)
        printf("%s maps: type %d %zu images %zu classes K %zu %zux%zu block %zu, kind %d sigma %g coherence %d channelwise %d second %d: [%ld] is "
               "%g, not "
               "%g\n",
               b->name, (int)type, s->images, s->classes, s->channels, s->height, s->width, s->block, (int)spec->kind, spec->sigma, spec->coherence,
               spec->channelwise, with_second, at, (double)got[at], (double)expected[at]);
    b->drop(b, (void *)fa.data);
    b->drop(b, (void *)fg.data);
    b->drop(b, second);
    b->drop(b, maps);
    b->drop(b, scratch);
    free(a), free(g), free(h), free(a_bits), free(g_bits), free(expected), free(got);
    return at >= 0;
}

static int check_map(const body *b, const shape *s, const ssg_map_spec *spec, int with_second)
{
    return check_map_in(b, s, spec, with_second, SSG_ELEMENT_F32);
}

static const ssg_map_spec specs[] = {{.kind = SSG_MAP_SSGCAM, .sigma = 2},
                                     {.kind = SSG_MAP_SSGCAM, .sigma = 1, .coherence = 1},
                                     {.kind = SSG_MAP_SSGCAM, .sigma = 0},
                                     {.kind = SSG_MAP_SSGCAM, .sigma = 2, .channelwise = 1},
                                     {.kind = SSG_MAP_SSGCAM, .sigma = 9, .keep_sign = 1},
                                     {.kind = SSG_MAP_GRADCAM},
                                     {.kind = SSG_MAP_GRADCAM, .keep_sign = 1},
                                     {.kind = SSG_MAP_GRADCAMPP},
                                     {.kind = SSG_MAP_XGRADCAM},
                                     {.kind = SSG_MAP_LAYERCAM},
                                     {.kind = SSG_MAP_HIRESCAM, .keep_sign = 1},
                                     {.kind = SSG_MAP_GRADCAM_ELEMENTWISE}};
enum { SPECS = sizeof specs / sizeof *specs };

int check_maps(const body *b, int *cases)
{
    static const shape shapes[] = {{2, 2, 5, 7, 7, 1},    {1, 1, 1, 1, 1, 1},   {1, 3, 40, 1, 1, 1},  {2, 1, 66, 5, 3, 1},
                                   {1, 2, 33, 14, 13, 1}, {1, 1, 20, 9, 8, 16}, {1, 2, 18, 6, 5, 18}, {1, 1, 9, 4, 4, 8},
                                   {1, 1, 3, 23, 31, 1},  {1, 1, 1, 2, 90, 1},  {1, 1, 2, 70, 72, 1}};
    int bad = 0;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t i = 0; i < SPECS; i++, ++*cases) bad += check_map(b, &shapes[s], &specs[i], 0);
    static const shape many = {1, 1, 4096, 2, 1, 1};
    for (size_t i = 0; i < SPECS; i++, ++*cases) bad += check_map(b, &many, &specs[i], 0);
    static const shape seconds[] = {{1, 2, 4, 9, 11, 1}, {1, 1, 3, 12, 12, 1}};
    for (size_t i = 0; i < 10; i++, ++*cases) bad += check_map(b, &seconds[i % 2], &specs[i / 2], 1);
    static const ssg_map_spec smooth = {.kind = SSG_MAP_SMOOTHGRADCAMPP};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++, ++*cases) bad += check_map(b, &shapes[s], &smooth, 1);
    return bad;
}

/* Several maps of one layer at once: the bits that each has alone. Smoothings of several widths, both combinations, channel weights, other methods,
 * one spec twice. */
static int check_together(const body *b, const shape *s, ssg_element type, int with_second)
{
    static const ssg_map_spec list[] = {{.kind = SSG_MAP_SSGCAM, .sigma = 2},
                                        {.kind = SSG_MAP_SSGCAM, .sigma = 2, .coherence = 1},
                                        {.kind = SSG_MAP_LAYERCAM},
                                        {.kind = SSG_MAP_SSGCAM, .sigma = 1, .coherence = 1},
                                        {.kind = SSG_MAP_SSGCAM, .sigma = 2, .keep_sign = 1},
                                        {.kind = SSG_MAP_SSGCAM, .sigma = 2, .channelwise = 1},
                                        {.kind = SSG_MAP_SSGCAM, .sigma = 8},
                                        {.kind = SSG_MAP_GRADCAM},
                                        {.kind = SSG_MAP_SSGCAM, .sigma = 2, .channelwise = 1, .coherence = 1},
                                        {.kind = SSG_MAP_SSGCAM, .sigma = 0},
                                        {.kind = SSG_MAP_SSGCAM, .sigma = 8, .coherence = 1},
                                        {.kind = SSG_MAP_SSGCAM, .sigma = 1},
                                        {.kind = SSG_MAP_SSGCAM, .sigma = 4, .coherence = 1},
                                        {.kind = SSG_MAP_SSGCAM, .sigma = 4},
                                        {.kind = SSG_MAP_SSGCAM, .sigma = 2},
                                        {.kind = SSG_MAP_SSGCAM, .sigma = 20}};
    enum { COUNT = sizeof list / sizeof *list };
    size_t rows = s->images * s->classes, pixels = s->height * s->width, size = ssg_element_size(type);
    float *a = draw_features(s, s->images, 1), *g = draw_features(s, rows, 0), *h = draw_features(s, rows, 1), *maps[COUNT];
    float *alone = malloc(rows * pixels * sizeof *alone), *got = malloc(rows * pixels * sizeof *got);
    void *a_bits = narrowed(a, feature_count(s, s->images), type), *g_bits = narrowed(g, feature_count(s, rows), type);
    ssg_features fa = {.rows = s->images, .channels = s->channels, .height = s->height, .width = s->width, .block = s->block, .type = type}, fg = fa;
    fg.rows = rows, fg.scale = type == SSG_ELEMENT_F16 ? 0.125f : 0;
    fa.data = b->make(b, a_bits, feature_count(s, s->images) * size);
    fg.data = b->make(b, g_bits, feature_count(s, rows) * size);
    float *second = b->make(b, h, feature_count(s, rows) * sizeof *h), *one = b->make(b, NULL, rows * pixels * sizeof *one);
    for (size_t i = 0; i < COUNT; i++) maps[i] = b->make(b, NULL, rows * pixels * sizeof **maps);
    void *scratch = b->make(b, NULL, b->ops->maps_scratch(&b->run, &fa, &fg, COUNT));
    b->ops->maps(&b->run, list, COUNT, &fa, &fg, with_second ? second : NULL, maps, scratch);
    int bad = 0;
    for (size_t i = 0; i < COUNT; i++) {
        b->fetch(b, got, maps[i], rows * pixels * sizeof *got);
        b->ops->maps(&b->run, &list[i], 1, &fa, &fg, with_second ? second : NULL, &one, scratch);
        b->fetch(b, alone, one, rows * pixels * sizeof *alone);
        if (memcmp(got, alone, rows * pixels * sizeof *got) == 0) continue;
        printf("%s maps together: type %d K %zu %zux%zu block %zu second %d: spec %zu has other bits than alone\n", b->name, (int)type, s->channels,
               s->height, s->width, s->block, with_second, i);
        bad++;
    }
    for (size_t i = 0; i < COUNT; i++) b->drop(b, maps[i]);
    b->drop(b, (void *)fa.data);
    b->drop(b, (void *)fg.data);
    b->drop(b, second);
    b->drop(b, one);
    b->drop(b, scratch);
    free(a), free(g), free(h), free(a_bits), free(g_bits), free(alone), free(got);
    return bad;
}

int check_narrow_maps(const body *b, int *cases)
{
    static const shape shapes[] = {{2, 2, 5, 7, 7, 1},   {1, 3, 40, 1, 1, 1}, {1, 2, 33, 14, 12, 1},
                                   {1, 2, 18, 6, 5, 18}, {1, 1, 9, 4, 4, 8},  {1, 1, 2, 70, 72, 1}};
    int bad = 0;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t i = 0; i < SPECS; i++, *cases += 2) {
            bad += check_map_in(b, &shapes[s], &specs[i], 0, SSG_ELEMENT_BF16);
            bad += check_map_in(b, &shapes[s], &specs[i], 0, SSG_ELEMENT_F16);
        }
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s += 2, *cases += 2)
        bad += check_together(b, &shapes[s], SSG_ELEMENT_BF16, 0) + check_together(b, &shapes[s], SSG_ELEMENT_F16, 0);
    return bad;
}

int check_maps_together(const body *b, int *cases)
{
    static const shape shapes[] = {{2, 2, 19, 7, 7, 1},  {1, 1, 40, 1, 1, 1},  {1, 2, 33, 14, 13, 1}, {1, 2, 40, 14, 12, 1},
                                   {1, 1, 20, 9, 8, 16}, {1, 2, 18, 6, 5, 18}, {1, 1, 11, 28, 28, 1}, {1, 1, 3, 70, 72, 1}};
    int bad = 0;
    state = 11;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++, *cases += 2)
        bad += check_together(b, &shapes[s], SSG_ELEMENT_F32, 0) + check_together(b, &shapes[s], SSG_ELEMENT_F32, 1);
    return bad;
}

int check_smoothing_without_room(const body *b, int *cases)
{
    static const shape one = {1, 1, 2, 61, 47, 1}, tiles = {1, 1, 2, 70, 66, 1}, flat = {1, 1, 1, 9, 270, 1}, tall = {1, 1, 1, 270, 9, 1};
    static const ssg_map_spec mean = {.kind = SSG_MAP_SSGCAM, .sigma = 2, .channelwise = 1}, wide = {.kind = SSG_MAP_SSGCAM, .sigma = 8},
                              wide_mean = {.kind = SSG_MAP_SSGCAM, .sigma = 8, .channelwise = 1}, widest = {.kind = SSG_MAP_SSGCAM, .sigma = 64};
    *cases += 7;
    return check_map(b, &one, &specs[0], 0) + check_map(b, &one, &mean, 0) + check_map(b, &one, &specs[1], 1) + check_map(b, &tiles, &wide, 0) +
           check_map(b, &tiles, &wide_mean, 1) + check_map(b, &flat, &widest, 0) + check_map(b, &tall, &widest, 0);
}

int check_large_layer(const body *b, int *cases)
{
    static const shape large = {1, 1, 1, 1000, 1000, 1};
    static const int which[] = {0, 3, 5, 9}; /* SSG-CAM by element and by channel, Grad-CAM, LayerCAM */
    int bad = 0;
    for (size_t i = 0; i < sizeof which / sizeof *which; i++, ++*cases) bad += check_map(b, &large, &specs[which[i]], 0);
    return bad;
}

int check_weighted(const body *b, int *cases)
{
    static const shape shapes[] = {{2, 3, 11, 7, 5, 1}, {1, 1, 1, 1, 1, 1}, {1, 2, 70, 3, 3, 16}, {1, 1, 3, 17, 19, 3}};
    int bad = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++, ++*cases) {
        const shape *s = &shapes[i];
        size_t rows = s->images * s->classes, pixels = s->height * s->width;
        state = 5;
        float *a = draw_features(s, s->images, 1), *w = draw_floats(rows * s->channels, 0);
        float *expected = malloc(rows * pixels * sizeof *expected), *got = malloc(rows * pixels * sizeof *got);
        ssg_features fa = {.data = a, .rows = s->images, .channels = s->channels, .height = s->height, .width = s->width, .block = s->block};
        int keep_sign = (int)i % 2;
        ssg_ops_ref()->weighted(&(ssg_run){.threads = 1}, &fa, w, rows, keep_sign, expected);
        fa.data = b->make(b, a, feature_count(s, s->images) * sizeof *a);
        float *weights = b->make(b, w, rows * s->channels * sizeof *w), *maps = b->make(b, NULL, rows * pixels * sizeof *maps);
        b->ops->weighted(&b->run, &fa, weights, rows, keep_sign, maps);
        b->fetch(b, got, maps, rows * pixels * sizeof *got);
        long at = differs(got, expected, rows, pixels, 2e-5);
        if (at >= 0) printf("%s weighted: case %zu: [%ld] is %g, not %g\n", b->name, i, at, (double)got[at], (double)expected[at]);
        bad += at >= 0;
        b->drop(b, (void *)fa.data);
        b->drop(b, weights);
        b->drop(b, maps);
        free(a), free(w), free(expected), free(got);
    }
    return bad;
}

/* ---- samples and probes -------------------------------------------------------------------------------------------------------------------------
 */

static int check_sums(const body *b, int products, size_t groups, size_t repeats, size_t used, size_t row)
{
    size_t count = groups * repeats * row, out = (products ? 1 : 3 * groups) * row;
    state = 21;
    float *x = draw_floats(count, 0), *y = draw_floats(count, 0), *sums = draw_floats(out, 0), *got = malloc(out * sizeof *got);
    float *a = b->make(b, x, count * sizeof *x), *c = b->make(b, y, count * sizeof *y), *memory = b->make(b, sums, out * sizeof *sums);
    ssg_run plain = {.threads = 1};
    if (products) {
        ssg_ops_ref()->products(&plain, sums, x, y, used, row, 0.5f);
        b->ops->products(&b->run, memory, a, c, used, row, 0.5f);
    } else {
        ssg_ops_ref()->moments(&plain, sums, x, groups, repeats, used, row, 0.5f);
        b->ops->moments(&b->run, memory, a, groups, repeats, used, row, 0.5f);
    }
    b->fetch(b, got, memory, out * sizeof *got);
    long at = differs(got, sums, 1, out, 2e-6);
    if (at >= 0)
        printf("%s %s: %zu groups %zu of %zu, row %zu: differs at %ld\n", b->name, products ? "products" : "moments", groups, used, repeats, row, at);
    b->drop(b, a);
    b->drop(b, c);
    b->drop(b, memory);
    free(x), free(y), free(sums), free(got);
    return at >= 0;
}

int check_samples(const body *b, int *cases)
{
    *cases += 4;
    return check_sums(b, 0, 3, 5, 4, 37) + check_sums(b, 0, 1, 1, 1, 1) + check_sums(b, 1, 1, 6, 6, 301) + check_sums(b, 1, 1, 1, 1, 1);
}

/* ---- from maps to integers ---------------------------------------------------------------------------------------------------------------- */

int check_normalise(const body *b, int *cases)
{
    enum { ROWS = 6 };
    static const size_t sizes[] = {1, 31, 49, 300, 1500};
    int bad = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++, ++*cases) {
        size_t pixels = sizes[i], count = ROWS * pixels;
        state = 3;
        float *maps = draw_floats(count, 0), *got = malloc(count * sizeof *got), epsilon = i % 2 ? 1e-7f : 0;
        for (size_t p = 0; p < pixels; p++) maps[pixels + p] = 0.25f; /* constant */
        maps[2 * pixels + pixels / 2] = NAN;
        maps[3 * pixels + pixels - 1] = INFINITY;
        maps[4 * pixels] = -INFINITY;
        uint8_t flags[ROWS], got_flags[ROWS];
        float *memory = b->make(b, maps, count * sizeof *maps);
        uint8_t *flag_memory = b->make(b, NULL, ROWS);
        ssg_ops_ref()->normalise(&(ssg_run){.threads = 1}, maps, ROWS, pixels, epsilon, flags);
        b->ops->normalise(&b->run, memory, ROWS, pixels, epsilon, flag_memory);
        b->fetch(b, got, memory, count * sizeof *got);
        b->fetch(b, got_flags, flag_memory, ROWS);
        long at = differs(got, maps, ROWS, pixels, 1e-6);
        int wrong = at >= 0 || memcmp(flags, got_flags, ROWS) != 0;
        if (wrong) printf("%s normalise: %zu pixels: differs at %ld\n", b->name, pixels, at);
        bad += wrong;
        b->drop(b, memory);
        b->drop(b, flag_memory);
        free(maps), free(got);
    }
    return bad;
}

/* `maps` of h x w onto H x W; their places lie `gap` elements further apart than they must. */
typedef struct resizing {
    size_t h, w, H, W, maps, gap, power_count;
    float powers[12];
} resizing;

/* The number `got` may be one off where the exact level lies within float32 rounding of a half. */
static int level_differs(long got, long expected, float exact, float power, int weight)
{
    double value = pow(exact, power) * 255 + 0.5;
    return got != expected && !(fabs(value - round(value)) < 1e-3 && labs(got - expected) == weight);
}

/* Places one after the other in the body's memory, `bytes` each. */
static void spread_places(ssg_place *places, const resizing *r, float *from, void *to, size_t bytes)
{
    for (size_t m = 0; m < r->maps; m++) places[m] = (ssg_place){from + m * r->h * r->w, (char *)to + m * bytes};
}

enum { MOST_MAPS = 150, MIXED_WEIGHT = 93, MIXED_BEFORE = 7 };

typedef void grid_operation(const ssg_ops *ops, const ssg_run *run, const ssg_place *places, const resizing *r);

static void resize_maps(const ssg_ops *ops, const ssg_run *run, const ssg_place *places, const resizing *r)
{
    ops->resize(run, places, r->maps, r->H, r->W, r->h, r->w);
}

static void quantise_maps(const ssg_ops *ops, const ssg_run *run, const ssg_place *places, const resizing *r)
{
    ops->quantise(run, places, r->maps, r->H, r->W, r->h, r->w, r->powers, r->power_count);
}

static void mix_maps(const ssg_ops *ops, const ssg_run *run, const ssg_place *places, const resizing *r)
{
    ops->mix(run, places, r->maps, r->H, r->W, r->h, r->w, r->powers[0], MIXED_WEIGHT);
}

/* What the specification and the body make of the maps, `bytes` for each, in memory that held `before`. */
static void run_both(const body *b, grid_operation *run, const resizing *r, float *from, float *memory, size_t bytes, int before, void *expected,
                     void *got)
{
    ssg_place places[MOST_MAPS];
    memset(expected, before, r->maps * bytes);
    void *to = b->make(b, expected, r->maps * bytes);
    spread_places(places, r, from, expected, bytes);
    run(ssg_ops_ref(), &(ssg_run){.threads = 1}, places, r);
    spread_places(places, r, memory, to, bytes);
    run(b->ops, &b->run, places, r);
    b->fetch(b, got, to, r->maps * bytes);
    b->drop(b, to);
}

/* 1 resize, 2 quantise, 4 mix, 8 accumulate; what lies between the places must stay. */
static int check_places(const body *b, const resizing *r)
{
    size_t in = r->maps * r->h * r->w, out = r->H * r->W, wide = (out + r->gap) * sizeof(float);
    size_t levels_bytes = r->power_count * out + r->gap, mixed = (out + r->gap) * sizeof(int16_t);
    size_t room = r->maps * (wide > levels_bytes ? wide : levels_bytes);
    float *from = draw_floats(in, 1), *memory = b->make(b, from, in * sizeof *from), *exact = malloc(r->maps * wide), *sums = calloc(r->maps, wide);
    char *expected = malloc(room), *got = malloc(room);
    int bad = 0;
    run_both(b, resize_maps, r, from, memory, wide, 0, exact, got);
    bad |= differs((float *)(void *)got, exact, 1, r->maps * wide / sizeof(float), 2e-6) >= 0 ? 1 : 0;
    run_both(b, quantise_maps, r, from, memory, levels_bytes, 77, expected, got);
    for (size_t i = 0; i < r->maps * levels_bytes; i++) {
        size_t map = i / levels_bytes, at = i % levels_bytes;
        const float *v = exact + map * wide / sizeof *v + at % out;
        if (at >= r->power_count * out ? got[i] != 77 : level_differs((uint8_t)got[i], (uint8_t)expected[i], *v, r->powers[at / out], 1)) bad |= 2;
    }
    run_both(b, mix_maps, r, from, memory, mixed, MIXED_BEFORE, expected, got);
    for (size_t i = 0; i < r->maps * mixed / sizeof(int16_t); i++) {
        size_t map = i / (mixed / sizeof(int16_t)), at = i % (mixed / sizeof(int16_t));
        int16_t is = ((int16_t *)(void *)got)[i], should = ((int16_t *)(void *)expected)[i];
        if (at >= out ? is != should : level_differs(is, should, exact[map * wide / sizeof(float) + at], r->powers[0], MIXED_WEIGHT)) bad |= 4;
    }
    size_t count = r->maps * wide / sizeof(float);
    float *total = b->make(b, sums, count * sizeof *sums), *big = b->make(b, exact, count * sizeof *exact);
    ssg_ops_ref()->accumulate(&(ssg_run){.threads = 1}, sums, exact, count, 0.25f, r->powers[0]);
    b->ops->accumulate(&b->run, total, big, count, 0.25f, r->powers[0]);
    b->fetch(b, got, total, count * sizeof *sums);
    bad |= differs((float *)(void *)got, sums, 1, count, 2e-6) >= 0 ? 8 : 0;
    b->drop(b, memory);
    b->drop(b, total);
    b->drop(b, big);
    free(from), free(exact), free(sums), free(expected), free(got);
    return bad;
}

int check_resize(const body *b, int *cases)
{
    static const resizing all[] = {{7, 7, 30, 29, 2, 0, 1, {1}},
                                   {1, 1, 5, 7, 3, 1, 2, {2, 1}},
                                   {14, 9, 14, 9, 1, 0, 3, {0.5f, 0.25f, 1}},
                                   {14, 9, 24, 16, 3, 0, 4, {0.25f, 0.5f, 1, 0.75f}}, /* whole fours of lines */
                                   {40, 33, 11, 13, 1, 0, 1, {1}},
                                   {1, 40, 9, 40, 2, 3, 1, {1.5f}},
                                   {3, 1, 300, 2, 1, 0, 1, {1}},
                                   {5, 600, 3, 1100, 2, 2, 2, {1, 0.5f}}, /* several strips of columns */
                                   {2, 2, 4, 4, 150, 5, 1, {1}},          /* more maps and powers than one launch takes */
                                   {4, 4, 6, 8, 2, 0, 12, {1, 0.9f, 0.8f, 0.7f, 0.6f, 0.5f, 0.4f, 0.3f, 0.25f, 0.2f, 2, 3}}};
    int bad = 0;
    state = 11;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++, ++*cases) {
        int wrong = check_places(b, &all[i]);
        if (wrong) printf("%s resize: case %zu: wrong in %d (1 resize, 2 quantise, 4 mix, 8 accumulate)\n", b->name, i, wrong);
        bad += wrong != 0;
    }
    return bad;
}

/* ---- integers -------------------------------------------------------------------------------------------------------------------------------- */

/* Mixed maps of some classes, resized, labelled and counted; every step equal. `shift`: elements by which the body's arrays are out of alignment. */
static int check_chain(const body *b, size_t h, size_t w, size_t H, size_t W, size_t class_count, int tau, int n, size_t shift)
{
    enum { MOST = 40 };
    size_t small = h * w, large = H * W, cells = (size_t)(n + 1) * (size_t)(n + 1);
    int16_t *fused[MOST], *device_big[MOST], *big[MOST];
    void *kept[MOST][3];
    int classes[MOST], bad = 0;
    ssg_run plain = {.threads = 1};
    state = (uint32_t)(h * 7 + class_count);
    int16_t *got = malloc((small + large) * sizeof *got);
    for (size_t c = 0; c < class_count; c++) {
        classes[c] = (int)c * n / (int)class_count;
        fused[c] = calloc(small, sizeof *fused[c]);
        big[c] = malloc(large * sizeof *big[c]);
        char *mixed = kept[c][0] = b->make(b, NULL, (small + shift) * sizeof(int16_t));
        int16_t *device_fused = (int16_t *)mixed + shift;
        int16_t *zeros = calloc(small + shift, sizeof *zeros);
        b->drop(b, mixed);
        mixed = kept[c][0] = b->make(b, zeros, (small + shift) * sizeof(int16_t));
        device_fused = (int16_t *)mixed + shift;
        free(zeros);
        for (int row = 0; row < 3; row++) {
            float *map = malloc(small * sizeof *map);
            for (size_t i = 0; i < small; i++) map[i] = (float)(c == 1 ? 0 : draw() % (row ? 256 : 40)) / 255; /* class 1 has no evidence at all */
            float *device_map = b->make(b, map, small * sizeof *map);
            ssg_ops_ref()->mix(&plain, &(ssg_place){map, fused[c]}, 1, h, w, h, w, 1, 42 + row);
            b->ops->mix(&b->run, &(ssg_place){device_map, device_fused}, 1, h, w, h, w, 1, 42 + row);
            b->drop(b, device_map);
            free(map);
        }
        device_big[c] = kept[c][1] = b->make(b, NULL, large * sizeof(int16_t));
        ssg_ops_ref()->resize_fused(&plain, big[c], H, W, fused[c], h, w);
        b->ops->resize_fused(&b->run, device_big[c], H, W, device_fused, h, w);
        b->fetch(b, got, device_fused, small * sizeof *got);
        bad |= memcmp(got, fused[c], small * sizeof *got) ? 1 : 0;
        b->fetch(b, got, device_big[c], large * sizeof *got);
        bad |= memcmp(got, big[c], large * sizeof *got) ? 2 : 0;
    }
    uint8_t *labels = malloc(large), *got_labels = malloc(large), *truth = malloc(large);
    uint64_t *counts = calloc(cells, sizeof *counts), *got_counts = calloc(cells, sizeof *got_counts);
    for (size_t i = 0; i < large; i++) truth[i] = (uint8_t)(draw() % 5 == 0 ? 255 : draw() % (uint32_t)(n + 1));
    uint8_t *device_labels = b->make(b, NULL, large), *device_truth = b->make(b, truth, large);
    uint64_t *device_counts = b->make(b, counts, cells * sizeof *counts);
    ssg_ops_ref()->label(&plain, labels, (const int16_t *const *)big, classes, class_count, large, tau);
    ssg_ops_ref()->confusion(&plain, counts, truth, labels, large, (size_t)n);
    b->ops->label(&b->run, device_labels, (const int16_t *const *)device_big, classes, class_count, large, tau);
    b->ops->confusion(&b->run, device_counts, device_truth, device_labels, large, (size_t)n);
    b->fetch(b, got_labels, device_labels, large);
    b->fetch(b, got_counts, device_counts, cells * sizeof *counts);
    bad |= memcmp(got_labels, labels, large) ? 4 : 0;
    bad |= memcmp(got_counts, counts, cells * sizeof *counts) ? 8 : 0;
    if (bad)
        printf("%s integers: %zux%zu to %zux%zu, %zu classes, tau %d: wrong in %d (1 mix, 2 resize_fused, 4 label, 8 confusion)\n", b->name, h, w, H,
               W, class_count, tau, bad);
    for (size_t c = 0; c < class_count; c++) {
        b->drop(b, kept[c][0]);
        b->drop(b, kept[c][1]);
        free(fused[c]), free(big[c]);
    }
    b->drop(b, device_labels);
    b->drop(b, device_truth);
    b->drop(b, device_counts);
    free(got), free(labels), free(got_labels), free(truth), free(counts), free(got_counts);
    return bad != 0;
}

int check_integers(const body *b, int *cases)
{
    *cases += 8;
    return check_chain(b, 14, 13, 40, 31, 1, 100, 3, 0) + check_chain(b, 14, 13, 40, 31, 3, 100, 20, 1) + check_chain(b, 16, 16, 16, 16, 2, 0, 2, 0) +
           check_chain(b, 16, 16, 9, 30, 2, 255, 2, 0) + check_chain(b, 1, 1, 1, 1, 1, 128, 1, 0) + check_chain(b, 70, 70, 75, 70, 4, 60, 120, 0) +
           check_chain(b, 5, 3, 8, 8, 40, 30, 253, 3) + check_chain(b, 3, 700, 7, 1100, 2, 90, 2, 0); /* strips of columns */
}
