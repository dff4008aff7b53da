/* bench_score.c - one generation of the search: 64 candidates x 8 layers on a bank of 96 rows, 224 x 224, one class per image.
 * usage: bench_score [REPEAT [IMAGES [THREADS]]]; prints level, mode and median CPU seconds (of all threads together), one line each. CPU time, since
 * other work on the machine stretches the clock's. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "host/base/alloc.h"
#include "host/base/philox.h"
#include "host/fuse/weights.h"
#include "host/search/fitness.h"

enum { CANDIDATES = 64, LAYERS = 8, ROWS = 96, PIXELS = 224 * 224, MAX_IMAGES = 64, MAX_REPEAT = 1000 };

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

static double median_seconds(const ssg_bank *bank, const ssg_candidate *candidates, const ssg_score_ops *ops, int threads, int repeat, int all_taus)
{
    static ssg_counts counts[CANDIDATES * 256 * 2];
    static double seconds[MAX_REPEAT];
    for (int r = 0; r < repeat; r++) {
        double start = now();
        ssgcam_status status = all_taus ? ssg_objective_count_all_taus(counts, bank, candidates, CANDIDATES, LAYERS, ops, threads)
                                        : ssg_objective_count(counts, NULL, bank, candidates, CANDIDATES, LAYERS, ops, threads);
        if (status != SSGCAM_OK) exit(1);
        seconds[r] = now() - start;
    }
    qsort(seconds, (size_t)repeat, sizeof *seconds, ascending);
    return seconds[repeat / 2];
}

int main(int argc, char **argv)
{
    int repeat = argc > 1 ? atoi(argv[1]) : 9, images = argc > 2 ? atoi(argv[2]) : 12, threads = argc > 3 ? atoi(argv[3]) : 2;
    if (repeat < 1 || repeat > MAX_REPEAT || images < 1 || images > MAX_IMAGES) return 2;
    static ssg_score_image image[MAX_IMAGES];
    static ssg_candidate candidates[CANDIDATES];
    static const uint8_t class_zero = 0;
    ssg_draws draws = ssg_draws_named(1, 0, 0, 0);
    for (int i = 0; i < images; i++) {
        uint8_t *maps = ssg_alloc_aligned(ROWS, PIXELS), *truth = ssg_alloc_aligned(1, PIXELS);
        if (!maps || !truth) return 1;
        for (size_t x = 0; x < (size_t)ROWS * PIXELS; x++) maps[x] = (uint8_t)(x * 2654435761u >> 21 ^ x / 224);
        for (size_t x = 0; x < PIXELS; x++) truth[x] = x / 224 % 224 > 100 && x % 224 > 90;
        image[i] = (ssg_score_image){maps, truth, &class_zero, 1, ROWS, PIXELS};
    }
    for (size_t p = 0; p < CANDIDATES; p++) {
        double raw[LAYERS];
        for (size_t l = 0; l < LAYERS; l++)
            raw[l] = 0.1 + ssg_draw_unit(&draws), candidates[p].row[l] = (uint32_t)(l * 12) + ssg_draw_below(&draws, 12);
        ssg_mixture_weights(candidates[p].weight, raw, LAYERS);
        candidates[p].tau = (uint8_t)(64 + p);
    }
    ssg_bank bank = {.images = image, .image_count = (size_t)images, .class_count = 1};
    for (int level = 0; level < SSG_SCORE_LEVEL_COUNT; level++) {
        const ssg_score_ops *ops = ssg_score_at((ssg_score_level)level);
        if (!ops) continue;
        printf("%s count %.6f\n", ops->name, median_seconds(&bank, candidates, ops, threads, level ? repeat : 1, 0));
        if (level) printf("%s all-taus %.6f\n", ops->name, median_seconds(&bank, candidates, ops, threads, repeat > 3 ? 3 : repeat, 1));
    }
    for (int i = 0; i < images; i++) ssg_free((void *)image[i].maps), ssg_free((void *)image[i].truth);
    return 0;
}
