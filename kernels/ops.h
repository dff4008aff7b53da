/* ops.h - every operation of the map stage, stated once. ref/ is the specification in plain C, cpu/ the vectorised form, compiled
 * once for each instruction set, cuda/ the device form; one harness checks all.
 *
 * Rules: raw pointers and sizes in; nothing is allocated, nothing waits, scratch is the caller's. Results do not depend on the number of threads.
 * Integer operations are equal everywhere; floating ones lie within the bound stated at the operation of the float64 reference
 * (tests/fixtures/make_maps.py, from the project's NumPy definitions).
 *
 * Feature maps (activations A and gradients g) are float32, bfloat16 or half (A and g of one call alike; cpu/ takes float32 only; arithmetic is in
 * float) in a blocked layout, [row][ceil(K / block)][H][W][block], channels beyond K zero: block 1
 * is plain NCHW, block K is NHWC. Gradients may have several classes of the same images: row r belongs to the activation row r % A->rows. */
#ifndef SSG_KERNELS_OPS_H
#define SSG_KERNELS_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "host/base/cpu_level.h"

typedef struct ssg_run {
    int threads;  /* CPU */
    void *stream; /* device */
} ssg_run;

typedef enum ssg_element { SSG_ELEMENT_F32, SSG_ELEMENT_BF16, SSG_ELEMENT_F16 } ssg_element; /* in memory; element.h reads them */

typedef struct ssg_features {
    const void *data;
    size_t rows, channels, height, width, block;
    ssg_element type;
    float scale; /* what an element of 1 stands for: fp16 keeps gradients a power of two too large. 0: 1 */
} ssg_features;

typedef enum ssg_map_kind {
    SSG_MAP_SSGCAM,
    SSG_MAP_GRADCAM,
    SSG_MAP_GRADCAMPP,
    SSG_MAP_XGRADCAM,
    SSG_MAP_LAYERCAM,
    SSG_MAP_HIRESCAM,
    SSG_MAP_GRADCAM_ELEMENTWISE,
    SSG_MAP_SMOOTHGRADCAMPP /* gradient: the mean of g over samples; second: the means of g^2, then those of g^3, each in the layout of g */
} ssg_map_kind;

typedef struct ssg_map_spec {
    ssg_map_kind kind;
    double sigma;    /* SSGCAM: 0 to 64 */
    int coherence;   /* SSGCAM: W = relu(g1) g1^2 / g2 rather than relu(g1) g2 */
    int channelwise; /* SSGCAM: the mean of W over space weighs the channel */
    int keep_sign;   /* leave out the final ReLU: the raw signed map */
} ssg_map_spec;

enum { SSG_MAPS_TOGETHER = 16 }; /* specs of one call */

/* A map and where it goes. */
typedef struct ssg_place {
    const float *from;
    void *to;
} ssg_place;

/* What a normalisation met. */
enum { SSG_MAP_CONSTANT = 1, SSG_MAP_NAN = 2 };

typedef struct ssg_ops {
    const char *name;

    /* Bytes of scratch that maps() needs for `count` specs. */
    size_t (*maps_scratch)(const ssg_run *run, const ssg_features *activation, const ssg_features *gradient, size_t count);

    /* Raw maps [g->rows][H][W] of one layer: maps[i] by specs[i], `count` of them, 1 to SSG_MAPS_TOGETHER. What they have in common (a smoothing,
     * what is read) is done once where that pays; each has the bits that it would have alone. `second`: the second derivatives h in the layout of g,
     * NULL for g g (SSGCAM), or as the kind says; with it A and g are float32. Bound: 2e-5 of the map's largest value (signed sums: of the largest
     * partial sum). */
    void (*maps)(const ssg_run *run, const ssg_map_spec *specs, size_t count, const ssg_features *activation, const ssg_features *gradient,
                 const float *second, float *const *maps, void *scratch);

    /* sum_k weights[row][k] A_k, relu'd unless keep_sign: [rows][H][W]; row r uses activation row r % A->rows. Score-CAM and the like. */
    void (*weighted)(const ssg_run *run, const ssg_features *activation, const float *weights, size_t rows, int keep_sign, float *maps);

    /* Min-max to [0, 1] in place, one map of `pixels` after the other; a constant map and one with NaN become zero and are flagged. epsilon: added to
     * the divisor (0, or 1e-7 for the pytorch-grad-cam preset). */
    void (*normalise)(const ssg_run *run, float *maps, size_t rows, size_t pixels, float epsilon, uint8_t *flags);

    /* Bilinear resize, pixel centres at half integers, edges clamped, no antialiasing: maps [h][w] to [H][W], floats. On a
     * device, here and in what follows, twice a side of the grid times the map's is below 2^32. */
    void (*resize)(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w);

    /* total += weight * from^power over `count` values (power 1 is exact). */
    void (*accumulate)(const ssg_run *run, float *total, const float *from, size_t count, float weight, float power);

    /* Normalised layer maps to rows of the integer path: resized, raised to each power, rounded half up to uint8: [h][w] to [power][H][W]. */
    void (*quantise)(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w, const float *powers,
                     size_t power_count);

    /* The same with one power, added up: [h][w] to [H][W], int16_t += weight * level. Weights of a mixture sum to 127, so that is <= 32385. */
    void (*mix)(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w, float power, int weight);

    /* Exact bilinear resize of one fused map [h][w] to [H][W] in integers, as fixed_point.h states it; the identity where the sizes are equal. */
    void (*resize_fused)(const ssg_run *run, int16_t *to, size_t H, size_t W, const int16_t *from, size_t h, size_t w);

    /* Labels of one image from the fused maps of its classes: fused[c] has `pixels` values, classes[c] ascending. Class c claims a pixel where 255 f
     * > tau max f; between classes the larger f / max f wins, ties to the lower class. labels: 0 background, class + 1 otherwise (class numbers below
     * 254). */
    void (*label)(const ssg_run *run, uint8_t *labels, const int16_t *const *fused, const int *classes, size_t class_count, size_t pixels, int tau);

    /* counts[(truth) * (n + 1) + label] += 1 over pixels whose truth is not 255. */
    void (*confusion)(const ssg_run *run, uint64_t *counts, const uint8_t *truth, const uint8_t *labels, size_t pixels, size_t n);

    /* sums[m][group][i] += scale * sum over s < used of values[group][s][i]^(m + 1) for m = 0, 1, 2: moments over samples. values:
     * [groups][repeats][row] floats, sums: [3][groups][row]. */
    void (*moments)(const ssg_run *run, float *sums, const float *values, size_t groups, size_t repeats, size_t used, size_t row, float scale);

    /* sums[i] += scale * sum over s < used of a[s][i] b[s][i], i < row: the mean of v (H v) over probes. */
    void (*products)(const ssg_run *run, float *sums, const float *a, const float *b, size_t used, size_t row, float scale);
} ssg_ops;

/* The specification, and the vectorised form as compiled for an instruction set; NULL where this processor lacks it (never the baseline). */
const ssg_ops *ssg_ops_ref(void);
const ssg_ops *ssg_ops_cpu_at(ssg_cpu_level level);

/* That for this processor, chosen once. */
const ssg_ops *ssg_ops_cpu(void);

#endif
