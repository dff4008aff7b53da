/* bench_cuda.h - what bench_cuda.c measures: the shapes, the memory that the cases share, and the cases themselves. */
#ifndef SSG_BENCH_CUDA_H
#define SSG_BENCH_CUDA_H

#include "kernels/cuda/score.h"
#include "tests/kernelcheck/bodies.h"

#ifdef BENCH_SIMULATED
enum { SIZE = 56, CHANNELS = 256, ROWS = 1, GRID = 112, BANK_ROWS = 24, POPULATION = 64, BANK_PIXELS = 8192 };
#else
enum { SIZE = 56, CHANNELS = 256, ROWS = 40, GRID = 224, BANK_ROWS = 96, POPULATION = 256, BANK_PIXELS = 64 * 224 * 224 };
#endif
/* Of an image of several classes in the bank. Rows and candidates of both sizes are as 3 to 8, so that what comes with a tile has its share. */
enum { CLASSES = 3 };
enum { FEATURES = ROWS * CHANNELS * SIZE * SIZE, LOGITS = 1000 };

typedef struct memory {
    body b;
    ssg_features a, g;
    float *maps, *big, *third; /* third: as large as the features */
    int32_t *positions;        /* as many as a quarter of the features */
    void *scratch;
    uint8_t *flags, *levels, *truth, *labels;
    int16_t *fused, *large;
    uint64_t *counts;
    ssg_cuda_score score, several; /* of images of one class, and of CLASSES */
    ssg_cuda_thresholds thresholds;
    ssg_solution *solved;
} memory;

typedef struct bench_case {
    const char *name, *kernels[3]; /* parts of the names of the kernels that it starts */
    void (*run)(memory *);
    double least; /* bytes that must be read and written */
} bench_case;

/* Of a network: bench_cuda_net.c. */
extern const bench_case net_cases[];
extern const size_t net_case_count;

#endif
