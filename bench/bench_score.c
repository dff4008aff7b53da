/* bench_score.c - one generation of the search on given maps: bench_score BANK CANDIDATES [REPEAT [THREADS [ONLY]]]
 *
 * BANK: what bench_bank writes. CANDIDATES: count and layers, then per candidate its threshold, rows and weights, 32 bits each. Prints one line per
 * instruction set and mode: median CPU seconds (of all threads together; other work on the machine stretches the clock's), the share of pixels that
 * were looked at, and two numbers to compare with others': true positives and claimed pixels, or the sums of the best thresholds and of their mean
 * IoU. Modes: count at the candidates' thresholds, best of all 256; -all: without bounds, every pixel. ONLY: one of them, as "avx2 best", for a
 * profiler. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/base/alloc.h"
#include "host/search/objective.h"
#include "kernels/score_blocks.h"

enum { MAX_REPEAT = 1000, MAX_CANDIDATES = 128 };

static const char *only = "";
static ssg_bank bank, plain;
static ssg_candidate candidates[MAX_CANDIDATES];
static uint32_t count, layers;

static void stop(const char *why)
{
    fprintf(stderr, "bench_score: %s\n", why);
    exit(3);
}

static void take(FILE *file, void *to, size_t size)
{
    if (fread(to, size, 1, file) != 1) stop("a file ends early");
}

static void read_bank(const char *path)
{
    static const uint8_t class_zero = 0;
    uint32_t head[3];
    FILE *file = fopen(path, "rb");
    if (!file) stop(path);
    take(file, head, sizeof head);
    size_t rows = head[1], stride = head[2], size = ssg_score_bounds_size(stride);
    ssg_score_image *bounded = ssg_calloc(head[0], sizeof *bounded), *images = ssg_calloc(head[0], sizeof *images);
    for (size_t i = 0; i < head[0]; i++) {
        uint8_t *maps = ssg_alloc_aligned(rows, stride), *truth = ssg_alloc_aligned(stride, 1), *bounds = ssg_alloc_aligned(rows, size);
        if (!maps || !truth || !bounds) stop("out of memory");
        take(file, maps, rows * stride);
        take(file, truth, stride);
        for (size_t r = 0; r < rows; r++) ssg_score_bound_row(bounds + r * size, maps + r * stride, stride);
        bounded[i] = images[i] = (ssg_score_image){maps, truth, &class_zero, 1, rows, stride, NULL};
        bounded[i].bounds = bounds;
    }
    fclose(file);
    bank = (ssg_bank){.images = bounded, .image_count = head[0], .class_count = 1};
    plain = bank;
    plain.images = images;
}

static void read_candidates(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) stop(path);
    take(file, &count, sizeof count);
    take(file, &layers, sizeof layers);
    if (count > MAX_CANDIDATES || layers > SSG_SCORE_LAYERS) stop("too many candidates");
    for (uint32_t p = 0; p < count; p++) {
        uint32_t number;
        take(file, &number, sizeof number);
        candidates[p].tau = (uint8_t)number;
        take(file, candidates[p].row, layers * sizeof number);
        for (uint32_t l = 0; l < layers; l++) take(file, &number, sizeof number), candidates[p].weight[l] = (uint8_t)number;
    }
    fclose(file);
}

static double mean_iou(const void *context, const ssg_counts *counts, size_t labels)
{
    (void)context;
    return ssg_mean_iou(counts, labels);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The share of blocks that counting looks at. */
static double share_counted(const ssg_score_ops *ops)
{
    static ssg_score_mixture mixtures[MAX_CANDIDATES];
    static uint32_t tops[MAX_CANDIDATES], out[4 * MAX_CANDIDATES];
    ssg_score_scratch scratch;
    uint64_t looked = 0, blocks = 0;
    void *memory = ssg_alloc_aligned(ssg_score_scratch_size(bank.images[0].stride, count), 1);
    for (uint32_t p = 0; p < count; p++) {
        mixtures[p] = (ssg_score_mixture){.terms = layers + layers % 2, .tau = candidates[p].tau};
        for (uint32_t l = 0; l < layers; l++) mixtures[p].row[l] = candidates[p].row[l], mixtures[p].weight[l] = candidates[p].weight[l];
    }
    for (size_t i = 0; i < bank.image_count; i++) {
        ssg_score_scratch_at(&scratch, memory, bank.images[i].stride, count);
        ssg_score_read_truth(ops, &bank.images[i], &scratch);
        looked += ssg_score_count_blocks(ops, &bank.images[i], &scratch, mixtures, count, tops, out);
        blocks += scratch.blocks * count;
    }
    ssg_free(memory);
    return (double)looked / (double)blocks;
}

static void time_mode(const ssg_score_ops *ops, const ssg_bank *of, int best, int repeat, int threads)
{
    char name[32];
    snprintf(name, sizeof name, "%s %s%s", ops->name, best ? "best" : "count", of == &bank ? "" : "-all");
    if (*only && strcmp(only, name) != 0) return;
    static ssg_counts counts[MAX_CANDIDATES * 2];
    static ssg_solution solved[MAX_CANDIDATES];
    static double seconds[MAX_REPEAT];
    uint64_t looked = 0;
    double first = 0, second = 0, share = 1, blocks = (double)(of->image_count * count * (of->images[0].stride / SSG_SCORE_BLOCK));
    for (int r = 0; r < repeat; r++) {
        double start = now();
        ssgcam_status status = best ? ssg_objective_solve(solved, of, candidates, count, layers, mean_iou, NULL, ops, threads, &looked)
                                    : ssg_objective_count(counts, NULL, of, candidates, count, layers, ops, threads);
        if (status != SSGCAM_OK) stop(ssgcam_last_error());
        seconds[r] = now() - start;
    }
    qsort(seconds, (size_t)repeat, sizeof *seconds, ascending);
    for (uint32_t p = 0; p < count; p++) {
        first += best ? solved[p].tau : (double)counts[2 * p + 1].tp;
        second += best ? solved[p].value : (double)(counts[2 * p + 1].tp + counts[2 * p + 1].fp);
    }
    if (of == &bank) share = best ? (double)looked / blocks : share_counted(ops);
    printf("%s %.6f %.4f %.0f %.9f\n", name, seconds[repeat / 2], share, first, second);
}

int main(int argc, char **argv)
{
    int repeat = argc > 3 ? atoi(argv[3]) : 9, threads = argc > 4 ? atoi(argv[4]) : 2;
    if (argc < 3 || repeat < 1 || repeat > MAX_REPEAT) return 2;
    if (argc > 5) only = argv[5];
    read_bank(argv[1]);
    read_candidates(argv[2]);
    for (int level = 0; level < SSG_SCORE_LEVEL_COUNT; level++) {
        const ssg_score_ops *ops = ssg_score_at((ssg_score_level)level);
        if (!ops) continue;
        for (int best = 0; best < 2; best++) {
            time_mode(ops, &bank, best, repeat, threads);
            if (level || !best) time_mode(ops, &plain, best, level ? (repeat + 2) / 3 : 1, threads);
        }
    }
    return 0;
}
