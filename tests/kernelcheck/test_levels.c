/* test_levels.c - the histograms that the device leaves for the thresholds of a search, bin by bin as kernels/score.h has them; banks in tiles of
 * every size, and read where they are. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/philox.h"
#include "kernels/cuda/cuda.h"
#include "kernels/cuda/score.h"
#include "tests/kernelcheck/bodies.h"

/* More candidates than the warps of a block; labels of the bank, background among them; an image lacks some. */
enum { IMAGES = 3, MOST = 3, LABELS = 6, ROWS = 9, CANDIDATES = 21, STRIDE = 19 * 64, NUMBERS = 2 * LABELS - 1 };
enum { BINS = NUMBERS * CANDIDATES * SSG_SCORE_LEVELS };

typedef struct bank {
    ssg_score_image image[IMAGES];
    ssg_score_mixture mixture[CANDIDATES];
} bank;

/* Hills, flat pieces and noise; the first map of an image reaches only 1, where a candidate of a single weight of 1 has its least top. */
static uint8_t value_of(ssg_draws *draws, size_t row, size_t x)
{
    if (row == 0) return (uint8_t)(x % 3 == 0);
    if (row == 1) return 0;
    if (row % 2) return (uint8_t)ssg_draw_below(draws, 256);
    return (uint8_t)(x * row / 7 % 256);
}

static void make_bank(bank *b)
{
    static const uint8_t names[IMAGES][MOST] = {{2}, {0, 4}, {0, 1, 3}};
    ssg_draws draws = ssg_draws_named(7, 0, 0, 0);
    for (size_t i = 0; i < IMAGES; i++) {
        size_t stride = STRIDE - 64 * i, lines = (i + 1) * ROWS;
        uint8_t *maps = malloc(lines * stride), *truth = malloc(stride);
        for (size_t r = 0; r < lines; r++)
            for (size_t x = 0; x < stride; x++) maps[r * stride + x] = value_of(&draws, r % ROWS, x + 100 * (r / ROWS));
        for (size_t x = 0; x < stride; x++) truth[x] = (uint8_t)(x + 30 > stride || x % 17 == 0 ? SSG_SCORE_IGNORED : x / 90 % LABELS);
        b->image[i] = (ssg_score_image){.maps = maps, .truth = truth, .classes = names[i], .class_count = i + 1, .rows = ROWS, .stride = stride};
    }
    for (size_t p = 0; p < CANDIDATES; p++) {
        ssg_score_mixture *m = &b->mixture[p];
        *m = (ssg_score_mixture){.terms = p % 2 ? 2 : 6};
        for (size_t t = 0; t < m->terms; t++) m->row[t] = ssg_draw_below(&draws, ROWS), m->weight[t] = (uint8_t)ssg_draw_below(&draws, 21);
    }
    b->mixture[0] = (ssg_score_mixture){.terms = 2, .weight = {1, 0}, .row = {0, 0}};   /* top 1 */
    b->mixture[1] = (ssg_score_mixture){.terms = 2, .weight = {127, 0}, .row = {3, 0}}; /* the largest one */
    b->mixture[2] = (ssg_score_mixture){.terms = 2, .weight = {5, 0}, .row = {1, 0}};   /* none */
}

/* What the specification says, the images of the bank together. */
static void expect(uint32_t *levels, const bank *b)
{
    uint32_t tops[CANDIDATES * MOST];
    static uint32_t of_image[CANDIDATES * (1 + 2 * MOST) * SSG_SCORE_LEVELS];
    for (size_t i = 0; i < IMAGES; i++) {
        const ssg_score_image *image = &b->image[i];
        ssg_score_levels(&ssg_score_ref, image, b->mixture, CANDIDATES, tops, of_image);
        const uint32_t *from = of_image;
        for (size_t p = 0; p < CANDIDATES; p++)
            for (size_t n = 0; n < 1 + 2 * image->class_count; n++, from += SSG_SCORE_LEVELS) {
                size_t number = n ? 2 * image->classes[(n - 1) / 2] + 1 + (n - 1) % 2 : 0;
                for (size_t q = 0; q < SSG_SCORE_LEVELS; q++) levels[(number * CANDIDATES + p) * SSG_SCORE_LEVELS + q] += from[q];
            }
    }
}

static void *place(const body *b, ssg_cuda_score_image *to, const ssg_score_image *from, uint32_t first_top)
{
    size_t maps = from->class_count * from->rows * from->stride;
    uint8_t *both = malloc(maps + from->stride);
    memcpy(both, from->maps, maps);
    memcpy(both + maps, from->truth, from->stride);
    uint8_t *memory = b->make(b, both, maps + from->stride);
    *to = (ssg_cuda_score_image){memory, memory + maps, (uint32_t)from->class_count, (uint32_t)from->stride, first_top, 0, {0}};
    for (size_t k = 0; k < from->class_count; k++) to->label[k] = (uint8_t)(from->classes[k] + 1);
    free(both);
    return memory;
}

static void check(const body *b, const bank *from, const uint32_t *expected, ssg_cuda_tiling tiling)
{
    static uint32_t got[BINS];
    ssg_cuda_score_image images[IMAGES];
    ssg_cuda_tile tiles[IMAGES * STRIDE / 128 + IMAGES];
    ssg_cuda_mixture packed[CANDIDATES];
    void *maps[IMAGES];
    uint32_t count = 0, tops = 0;
    for (uint32_t i = 0; i < IMAGES; i++) {
        maps[i] = place(b, &images[i], &from->image[i], tops);
        tops += images[i].class_count;
        for (uint32_t at = 0; at < images[i].stride; at += tiling.pixels) tiles[count++] = (ssg_cuda_tile){i, at};
    }
    for (size_t p = 0; p < CANDIDATES; p++) ssg_cuda_mixture_pack(&packed[p], &from->mixture[p]);
    uint32_t *zeros = calloc(BINS, sizeof *zeros);
    void *memory[] = {b->make(b, images, sizeof images), b->make(b, tiles, count * sizeof *tiles), b->make(b, packed, sizeof packed),
                      b->make(b, zeros, tops * CANDIDATES * sizeof *zeros), b->make(b, zeros, BINS * sizeof *zeros)};
    ssg_cuda_score score = {.images = memory[0],
                            .tiles = memory[1],
                            .mixtures = memory[2],
                            .tops = memory[3],
                            .levels = memory[4],
                            .tile_count = count,
                            .count = CANDIDATES,
                            .rows = ROWS,
                            .most_classes = MOST,
                            .tiling = tiling};
    ssg_cuda_score_tops(&b->run, &score);
    ssg_cuda_score_claims(&b->run, &score);
    b->fetch(b, got, score.levels, sizeof got);
    for (size_t i = 0; i < BINS; i++)
        cr_assert_eq(got[i], expected[i], "tiles of %u%s, number %zu, candidate %zu, level %zu: %u, not %u", tiling.pixels,
                     tiling.staged ? "" : " where they are", i / SSG_SCORE_LEVELS / CANDIDATES, i / SSG_SCORE_LEVELS % CANDIDATES,
                     i % SSG_SCORE_LEVELS, got[i], expected[i]);
    for (size_t m = 0; m < sizeof memory / sizeof *memory; m++) b->drop(b, memory[m]);
    for (size_t i = 0; i < IMAGES; i++) b->drop(b, maps[i]);
    free(zeros);
}

Test(levels, are_those_of_the_specification, .timeout = 120)
{
    static uint32_t expected[BINS];
    bank from;
    body b = body_cuda(0);
    make_bank(&from);
    expect(expected, &from);
    for (uint32_t pixels = 512; pixels >= 128; pixels /= 2) check(&b, &from, expected, (ssg_cuda_tiling){pixels, 1});
    check(&b, &from, expected, (ssg_cuda_tiling){512, 0});
    for (size_t i = 0; i < IMAGES; i++) free((void *)from.image[i].maps), free((void *)from.image[i].truth);
    body_cuda_close(&b);
}

/* Histograms have their share of shared memory: what a tile and they take together is there. */
Test(levels, tiles_leave_room_for_histograms)
{
    ssg_cuda_stream stream = {.shared_limit = 0};
    ssg_run run = {.threads = 1, .stream = &stream};
    for (size_t limit = 64 << 10; limit <= 228 << 10; limit += 4 << 10)
        for (size_t rows = 1; rows < 400; rows++) {
            stream.shared_limit = limit;
            ssg_cuda_tiling tiling = ssg_cuda_score_tiling(&run, rows, 1);
            if (tiling.staged) cr_assert_leq((rows + 1) * tiling.pixels + (24 << 10), limit);
        }
}
