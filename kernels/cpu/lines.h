/* lines.h - inside the vectorised maps: eight channels of one line at a time.
 *
 * Eight floats are one AVX2 register. Vectors wider than the machine's registers would be taken apart through memory. */
#ifndef SSG_KERNELS_CPU_LINES_H
#define SSG_KERNELS_CPU_LINES_H

#include "kernels/cpu/cpu.h"

enum { SSG_LANES = 8 };
typedef float ssg_vector __attribute__((vector_size(SSG_LANES * sizeof(float)), aligned(4)));
typedef int ssg_mask __attribute__((vector_size(SSG_LANES * sizeof(int)), aligned(4)));

#define SSG_VECTOR(pointer) (*(const ssg_vector *)(pointer))
#define SSG_WHERE(mask, v)  ((ssg_vector)((mask) & (ssg_mask)(v))) /* v, or 0 where the comparison failed */
#define SSG_POSITIVE(v)     SSG_WHERE((v) > 0, v)

/* Pixel x of a line is the channels at `at + x * step`. */
typedef struct ssg_line {
    const float *at;
    size_t step;
} ssg_line;

/* Line y of `lanes` channels of a row from `first` on (a multiple of lanes), channels beyond K zero: where it lies, or in `buffer` (width x lanes
 * floats). */
ssg_line ssg_line_of(const ssg_features *f, const float *data, size_t row, size_t first, size_t lanes, size_t y, float *buffer);

static inline float ssg_lanes_sum(ssg_vector v)
{
    v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
    v += __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6);
    return v[0];
}

/* Adds eight channels of A, from `first` on, with their weights to the map. `buffer`: one line. */
void ssg_add_weighted_chunk(const ssg_features *a, size_t row, size_t first, const float weights[SSG_LANES], float *buffer, float *map);

#endif
