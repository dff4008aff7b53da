/* precision.h - how far a narrow type takes scores, activations, gradients and maps from what they should be, on the device of the test. */
#ifndef TESTS_SUPPORT_PRECISION_H
#define TESTS_SUPPORT_PRECISION_H

#include <ssgcam/ssgcam.h>

#include "host/net/plan.h"
#include "tests/support/cases.h"

typedef struct precision_type {
    const char *name;
    ssg_precision precision;
    ssgcam_precision public_precision;
    double unit; /* what rounding may change, of 1 */
} precision_type;

enum { PRECISION_BF16, PRECISION_FP16 };
extern const precision_type precision_types[2];

typedef struct precision_errors {
    double score, activation, gradient; /* norm of the difference over norm of the reference in float64; the worst tap's */
} precision_errors;

ssgcam_status precision_run(precision_errors *errors, ssg_device *device, const operator_case *c, ssg_precision precision);

/* Whether the device of the test computes in that type. Otherwise it must say so with this sentence, which is then all there is to test. */
int precision_is_here(ssg_precision precision, const char *refusal);

/* Every operator and narrow versions of whole classifiers against PyTorch in float64. PyTorch itself, computing in the same type, says how large an
 * error has to be expected (tests/fixtures/precision.inc); ours may be two and a half times that. */
void precision_compare_with_pytorch(int type);

/* One image, two classes, all layers of a tiny network. scale: of its preprocessing; 0: the model's own. */
enum { PRECISION_MOST_MAPS = 8 };
typedef struct precision_maps {
    float *map[PRECISION_MOST_MAPS];
    size_t count, pixels;
} precision_maps;
ssgcam_status precision_explain(precision_maps *all, const char *device, ssgcam_precision precision, const ssgcam_method_options *method,
                                float scale);
void precision_free_maps(precision_maps *all);

/* The mean difference from the CPU's maps in fp32, which lie between 0 and 1, in roundings of 1. */
void precision_compare_maps(int type, ssgcam_method_options method, double most);

/* All methods, and exact second order. */
void precision_compare_methods(int type);

#endif
