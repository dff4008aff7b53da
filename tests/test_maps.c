/* test_maps.c - the map stage, as specification and vectorised, against the NumPy definitions: every method in every memory layout for several
 * classes and odd sizes; normalisation, resize, quantisation, mixing, labels, counts. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/ops.h"
#include "tests/support/numbers.h"

/* ---- features in a layout ------------------------------------------------------------------------------------------------------- */

/* Plain [rows][K][H][W] in blocks of `block` channels, the last block filled with zeros. */
static ssg_features in_layout(const float *plain, size_t rows, size_t channels, size_t height, size_t width, size_t block)
{
    size_t blocks = (channels + block - 1) / block, pixels = height * width;
    float *data = calloc(rows * blocks * pixels * block, sizeof *data);
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < channels; k++)
            for (size_t p = 0; p < pixels; p++)
                data[((r * blocks + k / block) * pixels + p) * block + k % block] = plain[(r * channels + k) * pixels + p];
    return (ssg_features){.data = data, .rows = rows, .channels = channels, .height = height, .width = width, .block = block};
}

static void free_features(ssg_features *f)
{
    free((void *)f->data);
}

/* ---- one method ------------------------------------------------------------------------------------------------------------------ */

typedef struct feature_case {
    float *a, *g, *h;
    size_t images, classes, channels, height, width;
} feature_case;

static void compare(const float *got, const float *expected, size_t rows, size_t pixels, const char *what, size_t block, const ssg_map_spec *spec)
{
    for (size_t r = 0; r < rows; r++) {
        double scale = 0;
        for (size_t i = 0; i < pixels; i++) scale = fmax(scale, fabs(expected[r * pixels + i]));
        for (size_t i = 0; i < pixels; i++) {
            double error = fabs((double)got[r * pixels + i] - expected[r * pixels + i]);
            cr_assert(error <= 2e-5 * scale + 1e-12, "%s, block %zu, kind %d, sigma %g, row %zu, pixel %zu: %g, expected %g", what, block,
                      (int)spec->kind, spec->sigma, r, i, got[r * pixels + i], expected[r * pixels + i]);
        }
    }
}

static const ssg_ops *vectorised; /* what is compared with the definitions beside the specification */

static void check_map(const feature_case *c, const ssg_map_spec *spec, int with_second, const float *expected)
{
    size_t rows = c->images * c->classes, pixels = c->height * c->width, layouts[] = {1, 8, 16, c->channels};
    const ssg_ops *all[] = {ssg_ops_ref(), vectorised};
    float *maps = calloc(rows * pixels, sizeof *maps), *again = calloc(rows * pixels, sizeof *again);
    for (size_t l = 0; l < 4; l++) {
        ssg_features a = in_layout(c->a, c->images, c->channels, c->height, c->width, layouts[l]);
        ssg_features g = in_layout(c->g, rows, c->channels, c->height, c->width, layouts[l]);
        ssg_features h = in_layout(c->h, rows, c->channels, c->height, c->width, layouts[l]);
        for (size_t o = 0; o < 2; o++) {
            for (int threads = 1; threads <= (o ? 3 : 1); threads += 2) {
                ssg_run run = {.threads = threads};
                void *scratch = malloc(all[o]->maps_scratch(&run, &a, &g, 1));
                all[o]->maps(&run, spec, 1, &a, &g, with_second ? h.data : NULL, threads == 1 ? &maps : &again, scratch);
                free(scratch);
            }
            if (o) cr_assert_arr_eq(again, maps, rows * pixels * sizeof *maps, "the number of threads changes bits");
            compare(maps, expected, rows, pixels, all[o]->name, layouts[l], spec);
        }
        free_features(&a);
        free_features(&g);
        free_features(&h);
    }
    free(maps);
    free(again);
}

/* With given channel weights: those of Grad-CAM give Grad-CAM. */
static void check_weighted(const feature_case *c, const float *expected)
{
    size_t rows = c->images * c->classes, pixels = c->height * c->width;
    float *weights = calloc(rows * c->channels, sizeof *weights), *maps = calloc(rows * pixels, sizeof *maps);
    for (size_t i = 0; i < rows * c->channels; i++) {
        double sum = 0;
        for (size_t p = 0; p < pixels; p++) sum += c->g[i * pixels + p];
        weights[i] = (float)(sum / (double)pixels);
    }
    ssg_run run = {.threads = 2};
    size_t layouts[] = {1, 8, 16, c->channels};
    for (size_t l = 0; l < 4; l++) {
        ssg_features a = in_layout(c->a, c->images, c->channels, c->height, c->width, layouts[l]);
        for (size_t o = 0; o < 2; o++) {
            const ssg_ops *ops = o ? vectorised : ssg_ops_ref();
            ops->weighted(&run, &a, weights, rows, 0, maps);
            compare(maps, expected, rows, pixels, ops->name, layouts[l], &(ssg_map_spec){.kind = SSG_MAP_GRADCAM});
        }
        free_features(&a);
    }
    free(weights);
    free(maps);
}

/* Means over samples, in two chunks of which the second is not full, then the map made from them. */
static void check_smooth(const feature_case *c, const float *gs, size_t samples, const float *expected)
{
    size_t rows = c->images * c->classes, pixels = c->height * c->width, layouts[] = {1, 8, 16, c->channels};
    float *maps = calloc(rows * pixels, sizeof *maps);
    ssg_run run = {.threads = 2};
    for (size_t l = 0; l < 4; l++) {
        ssg_features a = in_layout(c->a, c->images, c->channels, c->height, c->width, layouts[l]);
        ssg_features all = in_layout(gs, rows * samples, c->channels, c->height, c->width, layouts[l]);
        size_t image = (c->channels + layouts[l] - 1) / layouts[l] * layouts[l] * pixels, row = c->images * image;
        float *means = malloc(3 * c->classes * row * sizeof *means);
        for (size_t o = 0; o < 2; o++) {
            const ssg_ops *ops = o ? vectorised : ssg_ops_ref();
            memset(means, 0, 3 * c->classes * row * sizeof *means);
            ops->moments(&run, means, all.data, c->classes, samples, samples - 1, row, 1 / (float)samples);
            for (size_t k = 0; k < c->classes; k++) /* the last sample, class by class */
                for (size_t m = 0; m < 3; m++)
                    for (size_t i = 0; i < row; i++)
                        means[(m * c->classes + k) * row + i] +=
                            powf(((const float *)all.data)[((k + 1) * samples - 1) * row + i], (float)(m + 1)) / (float)samples;
            ssg_features g = {.data = means, .rows = rows, .channels = c->channels, .height = c->height, .width = c->width, .block = layouts[l]};
            ssg_map_spec spec = {.kind = SSG_MAP_SMOOTHGRADCAMPP};
            void *scratch = malloc(ops->maps_scratch(&run, &a, &g, 1));
            ops->maps(&run, &spec, 1, &a, &g, means + c->classes * row, &maps, scratch);
            free(scratch);
            compare(maps, expected, rows, pixels, ops->name, layouts[l], &spec);
        }
        free(means);
        free_features(&a);
        free_features(&all);
    }
    free(maps);
}

static void check_products(const feature_case *c)
{
    size_t count = c->classes * c->channels * c->height * c->width; /* one row per image: samples are images here */
    float *sums = malloc(count * sizeof *sums);
    for (size_t o = 0; o < 2; o++) {
        const ssg_ops *ops = o ? vectorised : ssg_ops_ref();
        memset(sums, 0, count * sizeof *sums);
        ops->products(&(ssg_run){.threads = 2}, sums, c->g, c->h, c->images, count, 0.5f);
        for (size_t i = 0; i < count; i++) {
            double sum = 0;
            for (size_t s = 0; s < c->images; s++) sum += 0.5 * c->g[s * count + i] * c->h[s * count + i];
            cr_assert_float_eq(sums[i], sum, 1e-6, "%s", ops->name);
        }
    }
    free(sums);
}

static void check_feature_case(void)
{
    feature_case c = {.images = (size_t)next_int(), .classes = (size_t)next_int()};
    c.channels = (size_t)next_int();
    c.height = (size_t)next_int();
    c.width = (size_t)next_int();
    size_t pixels = c.height * c.width, rows = c.images * c.classes;
    c.a = next_array(c.images * c.channels * pixels, sizeof(float));
    c.g = next_array(rows * c.channels * pixels, sizeof(float));
    c.h = next_array(rows * c.channels * pixels, sizeof(float));
    for (int maps = next_int(); maps > 0; maps--) {
        ssg_map_spec spec = {.kind = (ssg_map_kind)next_int()};
        spec.coherence = next_int();
        spec.channelwise = next_int();
        int with_second = next_int();
        spec.sigma = next_double();
        spec.keep_sign = next_int();
        float *expected = next_array(rows * pixels, sizeof *expected);
        check_map(&c, &spec, with_second, expected);
        if (spec.kind == SSG_MAP_GRADCAM && !spec.keep_sign) check_weighted(&c, expected);
        free(expected);
    }
    size_t samples = (size_t)next_int();
    float *gs = next_array(rows * samples * c.channels * pixels, sizeof *gs), *smooth = next_array(rows * pixels, sizeof *smooth);
    check_smooth(&c, gs, samples, smooth);
    check_products(&c);
    free(gs);
    free(smooth);
    free(c.a);
    free(c.g);
    free(c.h);
}

/* ---- after the maps ----------------------------------------------------------------------------------------------------------------- */

static void check_normalise(const ssg_ops *ops, const float *map, const float *expected, size_t pixels)
{
    ssg_run run = {.threads = 2};
    float *both = malloc(2 * pixels * sizeof *both);
    uint8_t flags[2];
    memcpy(both, map, pixels * sizeof *both);
    memcpy(both + pixels, map, pixels * sizeof *both);
    both[pixels + pixels / 2] = NAN;
    ops->normalise(&run, both, 2, pixels, 0, flags);
    float low = map[0], high = map[0];
    for (size_t i = 0; i < pixels; i++) {
        low = fminf(low, map[i]);
        high = fmaxf(high, map[i]);
        cr_assert_float_eq(both[i], expected[i], 1e-6, "%s", ops->name);
        cr_assert_eq(both[pixels + i], 0, "%s: a map with NaN becomes zero", ops->name);
    }
    cr_assert_eq(flags[0], high > low ? 0 : SSG_MAP_CONSTANT, "%s", ops->name);
    cr_assert(flags[1] & SSG_MAP_NAN, "%s", ops->name);
    memcpy(both, map, pixels * sizeof *both);
    ops->normalise(&run, both, 1, pixels, 0.5f, flags);
    for (size_t i = 0; i < pixels && high > low; i++) cr_assert_float_eq(both[i], (map[i] - low) / (high - low + 0.5f), 1e-6, "%s", ops->name);
    free(both);
}

/* A level may differ by one where the value lies within float32 rounding of a half. */
static void check_resize(const ssg_ops *ops, size_t h, size_t w, size_t H, size_t W, double power, const float *map, const float *big,
                         const uint8_t *levels)
{
    ssg_run run = {.threads = 2};
    float *out = malloc(H * W * sizeof *out), *sum = calloc(H * W, sizeof *sum);
    uint8_t *bytes = malloc(H * W);
    ops->resize(&run, &(ssg_place){map, out}, 1, H, W, h, w);
    ops->quantise(&run, &(ssg_place){map, bytes}, 1, H, W, h, w, (const float[]){(float)power}, 1);
    ops->accumulate(&run, sum, big, H * W, 0.25f, (float)power);
    for (size_t i = 0; i < H * W; i++) {
        cr_assert_float_eq(out[i], big[i], 2e-6, "%s: resize", ops->name);
        cr_assert_float_eq(sum[i], 0.25 * pow(big[i], power), 1e-6, "%s: accumulate", ops->name);
        double exact = pow(big[i], power) * 255 + 0.5;
        int near = fabs(exact - round(exact)) < 1e-3;
        cr_assert(bytes[i] == levels[i] || (near && abs(bytes[i] - levels[i]) == 1), "%s: quantise gives %d for %d", ops->name, bytes[i], levels[i]);
    }
    free(out);
    free(sum);
    free(bytes);
}

enum { MOST_CLASSES = 8, MOST_ROWS = 8 };

typedef struct label_case {
    size_t pixels;
    int rows, class_count, tau, classes[MOST_CLASSES], weights[MOST_ROWS], n;
    uint8_t *banks[MOST_CLASSES], *label, *truth;
    int16_t *fused[MOST_CLASSES];
    uint64_t *counts;
} label_case;

static void check_labels(const ssg_ops *ops, const label_case *c)
{
    ssg_run run = {.threads = 2};
    int16_t *fused[MOST_CLASSES];
    uint8_t *label = malloc(c->pixels);
    float *map = malloc(c->pixels * sizeof *map);
    for (int k = 0; k < c->class_count; k++) {
        fused[k] = calloc(c->pixels, sizeof *fused[k]);
        for (int r = 0; r < c->rows; r++) {
            for (size_t i = 0; i < c->pixels; i++) map[i] = (float)c->banks[k][(size_t)r * c->pixels + i] / 255;
            ops->mix(&run, &(ssg_place){map, fused[k]}, 1, 1, c->pixels, 1, c->pixels, 1, c->weights[r]);
        }
        cr_assert_arr_eq(fused[k], c->fused[k], c->pixels * sizeof *fused[k], "%s: mix", ops->name);
    }
    ops->label(&run, label, (const int16_t *const *)fused, c->classes, (size_t)c->class_count, c->pixels, c->tau);
    cr_assert_arr_eq(label, c->label, c->pixels, "%s: label", ops->name);
    size_t cells = (size_t)(c->n + 1) * (size_t)(c->n + 1);
    uint64_t *counts = calloc(cells, sizeof *counts);
    ops->confusion(&run, counts, c->truth, label, c->pixels, (size_t)c->n);
    cr_assert_arr_eq(counts, c->counts, cells * sizeof *counts, "%s: confusion", ops->name);
    free(counts);
    free(label);
    free(map);
    for (int k = 0; k < c->class_count; k++) free(fused[k]);
}

static void check_label_case(void)
{
    label_case c = {.pixels = (size_t)next_int()};
    c.pixels *= (size_t)next_int();
    c.rows = next_int();
    c.class_count = next_int();
    c.tau = next_int();
    for (int k = 0; k < c.class_count; k++) c.classes[k] = next_int();
    for (int r = 0; r < c.rows; r++) c.weights[r] = next_int();
    for (int k = 0; k < c.class_count; k++) {
        c.banks[k] = next_array((size_t)c.rows * c.pixels, 1);
        c.fused[k] = next_array(c.pixels, sizeof(int16_t));
    }
    c.label = next_array(c.pixels, 1);
    c.truth = next_array(c.pixels, 1);
    c.n = next_int();
    c.counts = calloc((size_t)(c.n + 1) * (size_t)(c.n + 1), sizeof *c.counts);
    for (int truth = next_int(); truth >= 0; truth = next_int()) {
        int label = next_int();
        c.counts[truth * (c.n + 1) + label] = (uint64_t)next_int();
    }
    check_labels(ssg_ops_ref(), &c);
    check_labels(vectorised, &c);
    for (int k = 0; k < c.class_count; k++) free(c.banks[k]), free(c.fused[k]);
    free(c.label);
    free(c.truth);
    free(c.counts);
}

static void check_fixture(void)
{
    numbers_open(SSG_FIXTURES "/maps.bin");
    const ssg_ops *all[] = {ssg_ops_ref(), vectorised};
    for (int cases = next_int(); cases > 0; cases--) check_feature_case();
    for (int cases = next_int(); cases > 0; cases--) {
        size_t pixels = (size_t)next_int();
        pixels *= (size_t)next_int();
        float *map = next_array(pixels, sizeof *map), *expected = next_array(pixels, sizeof *expected);
        for (int o = 0; o < 2; o++) check_normalise(all[o], map, expected, pixels);
        free(map);
        free(expected);
    }
    for (int cases = next_int(); cases > 0; cases--) {
        size_t h = (size_t)next_int(), w = (size_t)next_int(), H = (size_t)next_int(), W = (size_t)next_int();
        double power = next_double();
        float *map = next_array(h * w, sizeof *map), *big = next_array(H * W, sizeof *big);
        uint8_t *levels = next_array(H * W, 1);
        for (int o = 0; o < 2; o++) check_resize(all[o], h, w, H, W, power, map, big, levels);
        free(map);
        free(big);
        free(levels);
    }
    for (int cases = next_int(); cases > 0; cases--) check_label_case();
    numbers_close();
}

Test(maps, equal_the_definitions)
{
    for (int level = 0; level < SSG_CPU_LEVEL_COUNT; level++) {
        vectorised = ssg_ops_cpu_at((ssg_cpu_level)level);
        if (vectorised) check_fixture();
    }
}

Test(maps, the_form_for_this_processor_is_chosen_once)
{
    setenv("SSGCAM_CPU_LEVEL", "baseline", 1);
    cr_expect_eq(ssg_ops_cpu(), ssg_ops_cpu_at(SSG_CPU_BASELINE));
    unsetenv("SSGCAM_CPU_LEVEL");
    cr_expect_eq(ssg_ops_cpu(), ssg_ops_cpu_at(SSG_CPU_BASELINE));
}

Test(maps, the_form_for_this_processor_can_be_capped)
{
    const ssg_ops *avx2 = ssg_ops_cpu_at(SSG_CPU_AVX2);
    setenv("SSGCAM_CPU_LEVEL", "avx2", 1);
    cr_expect_eq(ssg_ops_cpu(), avx2 ? avx2 : ssg_ops_cpu_at(SSG_CPU_BASELINE));
}

Test(maps, become_masks_with_the_same_bits_in_every_instruction_set)
{
    enum { H = 61, W = 47, PIXELS = H * W, h = 14, w = 9, POWERS = 4 };
    static float small[h * w], big[SSG_CPU_LEVEL_COUNT][PIXELS], sum[SSG_CPU_LEVEL_COUNT][PIXELS];
    static uint8_t bytes[SSG_CPU_LEVEL_COUNT][POWERS][PIXELS];
    static int16_t fused[SSG_CPU_LEVEL_COUNT][PIXELS];
    const float powers[POWERS] = {1, 0.5f, 0.25f, 0.7f};
    const ssg_run run = {.threads = 1};
    for (size_t i = 0; i < h * w; i++) small[i] = (float)(i * 2654435761u % 4093) / 4093;
    for (int level = 0; level < SSG_CPU_LEVEL_COUNT; level++) {
        const ssg_ops *ops = ssg_ops_cpu_at((ssg_cpu_level)level);
        uint8_t flag;
        if (!ops) continue;
        ops->resize(&run, &(ssg_place){small, big[level]}, 1, H, W, h, w);
        for (int i = 0; i < 3; i++) ops->accumulate(&run, sum[level], big[level], PIXELS, 0.3f, i == 2 ? 1.5f : 1);
        ops->normalise(&run, sum[level], 1, PIXELS, 1e-7f, &flag);
        ops->quantise(&run, &(ssg_place){small, bytes[level]}, 1, H, W, h, w, powers, POWERS);
        for (int p = 0; p < POWERS; p++) ops->mix(&run, &(ssg_place){small, fused[level]}, 1, H, W, h, w, powers[p], 31);
        cr_expect_arr_eq(big[level], big[0], sizeof big[0], "%s: resize", ops->name);
        cr_expect_arr_eq(sum[level], sum[0], sizeof sum[0], "%s: accumulate", ops->name);
        cr_expect_arr_eq(bytes[level], bytes[0], sizeof bytes[0], "%s: quantise", ops->name);
        cr_expect_arr_eq(fused[level], fused[0], sizeof fused[0], "%s: mix", ops->name);
    }
}

Test(maps, sixteen_channels_at_a_time_have_the_bits_of_eight)
{
    enum { CHANNELS = 40, H = 13, W = 37, PIXELS = H * W, SPECS = 4 };
    static float a[CHANNELS * PIXELS], g[CHANNELS * PIXELS], map[2][SPECS][PIXELS];
    const ssg_map_spec specs[SPECS] = {{.kind = SSG_MAP_SSGCAM, .sigma = 1.5},
                                       {.kind = SSG_MAP_SSGCAM, .sigma = 1.5, .coherence = 1},
                                       {.kind = SSG_MAP_SSGCAM, .sigma = 1.5, .channelwise = 1},
                                       {.kind = SSG_MAP_SSGCAM, .sigma = 1.5, .coherence = 1, .channelwise = 1}};
    const ssg_ops *const form[2] = {ssg_ops_cpu_at(SSG_CPU_AVX2), ssg_ops_cpu_at(SSG_CPU_AVX512)};
    const size_t layouts[] = {1, 8, 16, CHANNELS};
    const ssg_run run = {.threads = 2};
    if (!form[1]) cr_skip_test("this processor has no AVX-512");
    for (size_t i = 0; i < CHANNELS * PIXELS; i++) {
        a[i] = (float)(i * 2654435761u % 1024) / 1024;
        g[i] = (float)(i * 40503u % 2048) / 1024 - 1;
    }
    for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++) {
        ssg_features fa = in_layout(a, 1, CHANNELS, H, W, layouts[l]), fg = in_layout(g, 1, CHANNELS, H, W, layouts[l]);
        for (int level = 0; level < 2; level++) {
            float *maps[SPECS];
            void *scratch = malloc(form[level]->maps_scratch(&run, &fa, &fg, SPECS));
            for (int i = 0; i < SPECS; i++) maps[i] = map[level][i];
            form[level]->maps(&run, specs, SPECS, &fa, &fg, NULL, maps, scratch);
            free(scratch);
        }
        cr_assert_gt(map[0][0][PIXELS / 2], 0);
        for (int i = 0; i < SPECS; i++) cr_expect_arr_eq(map[0][i], map[1][i], sizeof map[0][i], "block %zu, spec %d", layouts[l], i);
        free_features(&fa);
        free_features(&fg);
    }
}
