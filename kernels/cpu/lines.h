/* lines.h - inside the vectorised maps: eight channels of one line at a time.
 *
 * Eight floats are one AVX2 register. Vectors wider than the machine's registers would be taken apart through memory. */
#ifndef SSG_KERNELS_CPU_LINES_H
#define SSG_KERNELS_CPU_LINES_H

#include "kernels/cpu/cpu.h"
#include "kernels/gaussian.h"

enum { SSG_LANES = 8 };
typedef float ssg_vector __attribute__((vector_size(SSG_LANES * sizeof(float)), aligned(4)));
typedef int ssg_mask __attribute__((vector_size(SSG_LANES * sizeof(int)), aligned(4)));

#define SSG_VECTOR(pointer) (*(const ssg_vector *)(pointer))
#define SSG_WHERE(mask, v)  ((ssg_vector)((mask) & (ssg_mask)(v))) /* v, or 0 where the comparison failed */
#define SSG_POSITIVE(v)     SSG_WHERE((v) > 0, v)

/* Pixel x of a line is the eight floats at `at + x * step`. */
typedef struct ssg_line {
    const float *at;
    size_t step;
} ssg_line;

/* Line y of the chunk-th eight channels of a row, channels beyond K zero: where it lies, or in `buffer` (width x 8 floats). */
ssg_line ssg_line_of(const ssg_features *f, const float *data, size_t row, size_t chunk, size_t y, float *buffer);

static inline float ssg_lanes_sum(ssg_vector v)
{
    v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
    v += __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6);
    return v[0];
}

/* Adds eight channels of A with their weights to the map. `buffer`: one line. */
void ssg_add_weighted_chunk(const ssg_features *a, size_t row, size_t chunk, const float weights[SSG_LANES], float *buffer, float *map);

/* What is made from one smoothing (ssgcam.c): element-wise weights give a map as strips of four lines, [strip][x][line]; channel-wise weights give it
 * line by line. */
enum { SSG_STRIP = 4 };
enum { SSG_ELEMENT_PRODUCT, SSG_ELEMENT_COHERENCE, SSG_CHANNEL_PRODUCT, SSG_CHANNEL_COHERENCE, SSG_SMOOTH_OUTPUTS };

typedef struct ssg_smooth {
    const ssg_features *a, *g;
    const float *second; /* NULL: h = g g */
    int wanted[SSG_SMOOTH_OUTPUTS];
    size_t radius;
    float taps[SSG_GAUSSIAN_MOST_TAPS + 6]; /* three zeros before and behind */
} ssg_smooth;

static inline size_t ssg_strips_floats(const ssg_features *a)
{
    return (a->height + SSG_STRIP - 1) / SSG_STRIP * SSG_STRIP * a->width;
}

void ssg_smooth_init(ssg_smooth *smooth, double sigma, const ssg_features *a, const ssg_features *g, const float *second);

/* Adds eight channels to the maps that are wanted. `area`: ssg_smooth_area_floats of memory. */
size_t ssg_smooth_area_floats(const ssg_features *a);
void ssg_smooth_chunk(const ssg_smooth *smooth, size_t row, size_t chunk, float *area, float *const maps[SSG_SMOOTH_OUTPUTS]);

#endif
