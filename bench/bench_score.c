/* bench_score.c - one generation of the search on given maps: bench_score BANK CANDIDATES [REPEAT [THREADS [ONLY]]]
 *
 * BANK: what bench_bank writes. CANDIDATES: count and layers, then per candidate its threshold, rows and weights, 32 bits each. Prints one line per
 * instruction set and mode: median CPU seconds (of all threads together; other work on the machine stretches the clock's), the share of pixels that
 * were looked at, and two numbers to compare with others': true positives and claimed pixels, or the sums of the best thresholds and of their mean
 * IoU. Modes: count at the candidates' thresholds, best of all 256; two-: on images of two classes, each made of two of the bank; -all: without
 * bounds, every pixel. ONLY: one of them, as "avx2 best", for a profiler.
 *
 * bench_score --peak BYTES: what this processor can do at most, on one thread, for comparison: multiply-adds a second of the AVX-512 kernel's
 * instruction on registers, and bytes a second that it loads of so many again and again. Nothing where there is no AVX-512. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/base/alloc.h"
#include "host/search/objective.h"
#include "kernels/score_blocks.h"

enum { MAX_REPEAT = 1000, MAX_CANDIDATES = 128 };

static const char *only = "";
static ssg_bank bank, two; /* one class an image; two */
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

static void bound(ssg_score_image *image)
{
    size_t rows = image->class_count * image->rows, size = ssg_score_bounds_size(image->stride);
    uint8_t *bounds = ssg_alloc_aligned(rows, size);
    if (!bounds) stop("out of memory");
    for (size_t r = 0; r < rows; r++) ssg_score_bound_row(bounds + r * size, image->maps + r * image->stride, image->stride);
    image->bounds = bounds;
}

static void read_bank(const char *path)
{
    static const uint8_t class_zero = 0;
    uint32_t head[3];
    FILE *file = fopen(path, "rb");
    if (!file) stop(path);
    take(file, head, sizeof head);
    size_t rows = head[1], stride = head[2];
    ssg_score_image *images = ssg_calloc(head[0], sizeof *images);
    for (size_t i = 0; i < head[0]; i++) {
        uint8_t *maps = ssg_alloc_aligned(rows, stride), *truth = ssg_alloc_aligned(stride, 1);
        if (!maps || !truth) stop("out of memory");
        take(file, maps, rows * stride);
        take(file, truth, stride);
        images[i] = (ssg_score_image){maps, truth, &class_zero, 1, rows, stride, NULL};
        bound(&images[i]);
    }
    fclose(file);
    bank = (ssg_bank){.images = images, .image_count = head[0], .class_count = 1};
}

/* Every two images become one that shows two classes. */
static void make_two(void)
{
    static const uint8_t classes[] = {0, 1};
    ssg_score_image *images = ssg_calloc(bank.image_count / 2, sizeof *images);
    for (size_t i = 0; i < bank.image_count / 2; i++) {
        const ssg_score_image *from = &bank.images[2 * i];
        size_t stride = from->stride, rows = from->rows;
        uint8_t *maps = ssg_alloc_aligned(2 * rows, stride), *truth = ssg_alloc_aligned(stride, 1);
        if (!maps || !truth) stop("out of memory");
        memcpy(maps, from[0].maps, rows * stride);
        memcpy(maps + rows * stride, from[1].maps, rows * stride);
        for (size_t x = 0; x < stride; x++) truth[x] = from[0].truth[x] ? 1 : from[1].truth[x] ? 2 : 0;
        images[i] = (ssg_score_image){maps, truth, classes, 2, rows, stride, NULL};
        bound(&images[i]);
    }
    two = (ssg_bank){.images = images, .image_count = bank.image_count / 2, .class_count = 2};
}

/* The same images, without their bounds. */
static ssg_bank without_bounds(ssg_bank from)
{
    ssg_score_image *images = ssg_calloc(from.image_count, sizeof *images);
    for (size_t i = 0; i < from.image_count; i++) images[i] = from.images[i], images[i].bounds = NULL;
    from.images = images;
    return from;
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
static double share_counted(const ssg_score_ops *ops, const ssg_bank *of)
{
    static ssg_score_mixture mixtures[MAX_CANDIDATES];
    static uint32_t tops[2 * MAX_CANDIDATES], out[6 * MAX_CANDIDATES];
    ssg_score_scratch scratch;
    uint64_t looked = 0, blocks = 0;
    size_t stride = of->images[0].stride, classes = of->images[0].class_count;
    void *memory = ssg_alloc_aligned(ssg_score_scratch_size(stride, classes, count), 1);
    for (uint32_t p = 0; p < count; p++) {
        mixtures[p] = (ssg_score_mixture){.terms = layers + layers % 2, .tau = candidates[p].tau};
        for (uint32_t l = 0; l < layers; l++) mixtures[p].row[l] = candidates[p].row[l], mixtures[p].weight[l] = candidates[p].weight[l];
    }
    for (size_t i = 0; i < of->image_count; i++) {
        ssg_score_scratch_at(&scratch, memory, stride, classes, count);
        ssg_score_read_truth(ops, &of->images[i], &scratch);
        looked += ssg_score_count_blocks(ops, &of->images[i], &scratch, mixtures, count, tops, out);
        blocks += scratch.blocks * count;
    }
    ssg_free(memory);
    return (double)looked / (double)blocks;
}

static void time_mode(const ssg_score_ops *ops, const char *what, const ssg_bank *of, int best, int repeat, int threads)
{
    static ssg_counts counts[MAX_CANDIDATES * 3];
    static ssg_solution solved[MAX_CANDIDATES];
    static double seconds[MAX_REPEAT];
    char name[32];
    int all = of->images[0].bounds == NULL;
    size_t labels = of->class_count + 1;
    uint64_t looked = 0;
    double first = 0, second = 0, share = 1, blocks = (double)(of->image_count * count * (of->images[0].stride / SSG_SCORE_BLOCK));
    snprintf(name, sizeof name, "%s %s%s%s", ops->name, what, best ? "best" : "count", all ? "-all" : "");
    if (*only && strcmp(only, name) != 0) return;
    for (int r = 0; r < repeat; r++) {
        double start = now();
        ssgcam_status status = best ? ssg_objective_solve(solved, of, candidates, NULL, count, layers, SSG_MEASURE_MEAN_IOU, ops, threads, &looked)
                                    : ssg_objective_count(counts, NULL, of, candidates, count, layers, ops, threads);
        if (status != SSGCAM_OK) stop(ssgcam_last_error());
        seconds[r] = now() - start;
    }
    qsort(seconds, (size_t)repeat, sizeof *seconds, ascending);
    for (uint32_t p = 0; p < count; p++) {
        first += best ? solved[p].tau : 0;
        second += best ? solved[p].value : 0;
        for (size_t l = 1; l < labels && !best; l++) first += (double)counts[labels * p + l].tp;
        for (size_t l = 1; l < labels && !best; l++) second += (double)(counts[labels * p + l].tp + counts[labels * p + l].fp);
    }
    if (!all) share = best ? (double)looked / blocks : share_counted(ops, of);
    printf("%s %.6f %.4f %.0f %.9f\n", name, seconds[repeat / 2], share, first, second);
}

/* ---- what the processor can do ------------------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)
enum { PEAK_ROUNDS = 9, PEAK_STEPS = 2000000, CHAINS = 12, LOADED_MIB = 256 };

/* Chains of their own hide the instruction's latency. The values do not matter. */
#define CHAIN(n) "vpmaddubsw %%zmm31, %%zmm" #n ", %%zmm" #n "\n\t"
__attribute__((target("avx512f,avx512bw"))) static void multiply_add(void)
{
    for (int step = 0; step < PEAK_STEPS; step++)
        __asm__ volatile(CHAIN(0) CHAIN(1) CHAIN(2) CHAIN(3) CHAIN(4) CHAIN(5) CHAIN(6) CHAIN(7) CHAIN(8) CHAIN(9) CHAIN(10) CHAIN(11)::
                             : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11");
}

__attribute__((target("avx512f"))) static void load(const uint8_t *from, size_t bytes)
{
    for (size_t done = 0; done < (size_t)LOADED_MIB << 20; done += bytes)
        for (size_t at = 0; at < bytes; at += 256)
            __asm__ volatile(
                "vmovdqu64 (%0), %%zmm0\n\tvmovdqu64 64(%0), %%zmm1\n\tvmovdqu64 128(%0), %%zmm2\n\tvmovdqu64 192(%0), %%zmm3" ::"r"(from + at)
                : "xmm0", "xmm1", "xmm2", "xmm3");
}

static void print_peak(size_t bytes)
{
    double multiplied = 1e9, loaded = 1e9;
    if (!ssg_score_at(SSG_SCORE_AVX512)) return;
    uint8_t *from = ssg_alloc_aligned(bytes, 1);
    if (!from) stop("out of memory");
    memset(from, 1, bytes);
    for (int r = 0; r < PEAK_ROUNDS; r++) {
        double start = now();
        multiply_add();
        double middle = now(), end;
        load(from, bytes);
        end = now();
        if (middle - start < multiplied) multiplied = middle - start;
        if (end - middle < loaded) loaded = end - middle;
    }
    size_t passes = (((size_t)LOADED_MIB << 20) + bytes - 1) / bytes;
    printf("%.4g %.4g\n", 64.0 * CHAINS * PEAK_STEPS / multiplied, (double)(passes * bytes) / loaded);
    ssg_free(from);
}
#else
static void print_peak(size_t bytes)
{
    (void)bytes;
}
#endif

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--peak") == 0) {
        print_peak((strtoul(argv[2], NULL, 10) + 255) / 256 * 256);
        return 0;
    }
    int repeat = argc > 3 ? atoi(argv[3]) : 9, threads = argc > 4 ? atoi(argv[4]) : 2;
    if (argc < 3 || repeat < 1 || repeat > MAX_REPEAT) return 2;
    if (argc > 5) only = argv[5];
    read_bank(argv[1]);
    read_candidates(argv[2]);
    make_two();
    ssg_bank plain = without_bounds(bank), plain_two = without_bounds(two);
    for (int level = 0; level < SSG_SCORE_LEVEL_COUNT; level++) {
        const ssg_score_ops *ops = ssg_score_at((ssg_score_level)level);
        int seldom = level ? (repeat + 2) / 3 : 1;
        if (!ops) continue;
        for (int best = 0; best < 2; best++) {
            time_mode(ops, "", &bank, best, repeat, threads);
            if (level || !best) time_mode(ops, "", &plain, best, seldom, threads);
            time_mode(ops, "two-", &two, best, level ? repeat : 1, threads);
            if (level) time_mode(ops, "two-", &plain_two, best, seldom, threads);
        }
    }
    return 0;
}
