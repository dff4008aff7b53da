/* bounds.h - the bounds of a bank image made by a test; free them. */
#ifndef SSG_TEST_BOUNDS_H
#define SSG_TEST_BOUNDS_H

#include <stdlib.h>

#include "kernels/score_blocks.h"

static inline uint8_t *test_bounds(const ssg_score_image *image)
{
    size_t size = ssg_score_bounds_size(image->stride), rows = image->class_count * image->rows;
    uint8_t *bounds = malloc(rows * size);
    for (size_t r = 0; r < rows; r++) ssg_score_bound_row(bounds + r * size, image->maps + r * image->stride, image->stride);
    return bounds;
}

#endif
