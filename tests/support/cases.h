/* cases.h - reads tests/fixtures/operators.bin.gz: small ONNX graphs with what PyTorch says in float64 (make_operators.py describes the format). */
#ifndef TESTS_SUPPORT_CASES_H
#define TESTS_SUPPORT_CASES_H

#include <stddef.h>
#include <stdint.h>

#include "host/device/device.h"

/* Every stride-th element of an array of `count` elements. */
typedef struct sampled {
    uint32_t count, stride;
    float largest; /* magnitude in the whole array */
    uint32_t stored;
    float *values;
} sampled;

typedef struct case_tap {
    char *name;
    sampled activation, gradient; /* N rows; C * N rows, class-major */
} case_tap;

typedef struct operator_case {
    char *name;
    uint8_t *model;
    uint32_t model_bytes;
    int64_t shape[4]; /* of the input, in the model's own order */
    float *image;
    uint32_t classes; /* C: gradients of that many classes of each image */
    int64_t *chosen;  /* C * N */
    sampled logits;
    uint32_t tap_count; /* the first is the input */
    case_tap *taps;
} operator_case;

/* All cases of the file; the test fails if it cannot be read. */
operator_case *cases_load(const char *path, size_t *count);
void cases_free(operator_case *cases, size_t count);

/* Pseudo-random numbers in [-1, 1), as make_operators.py's picture(). */
void cases_fill(float *values, size_t count, uint32_t seed);

/* The largest difference between `values` and what is stored, divided by the array's largest magnitude. */
double cases_error(const sampled *expected, const float *values);

/* A tensor as it lies in CPU memory, in row-major order; the result is the caller's to free(). */
float *cases_plain(ssg_device *device, const ssg_placed *placed, const void *memory);

#endif
