/* score_blocks.c - what kernels/score_blocks.h asks of an instruction set, in plain C. */
#include "kernels/score_blocks.h"

void ssg_score_bound_row(uint8_t *bounds, const uint8_t *map, size_t stride)
{
    size_t width = ssg_score_bounds_width(stride);
    for (size_t b = 0; b < width; b++) {
        uint8_t least = 255, largest = 0;
        for (size_t i = 64 * b; i < 64 * (b + 1) && i < stride; i++) {
            least = map[i] < least ? map[i] : least;
            largest = map[i] > largest ? map[i] : largest;
        }
        bounds[b] = 64 * b < stride ? least : 0;
        bounds[width + b] = largest;
    }
}

ssg_score_divisor ssg_score_divide_by(uint32_t top)
{
    uint32_t shift = 0;
    while (top << shift < 1u << 15) shift++;
    return (ssg_score_divisor){top, shift, (255u * 65536u + (top << shift) - 1) / (top << shift)};
}

void ssg_score_quantise_ref(uint16_t *f, ssg_score_divisor by, size_t n)
{
    for (size_t i = 0; i < n; i++) f[i] = (uint16_t)((255u * (f[i] < by.top ? f[i] : by.top) + by.top - 1) / by.top);
}

void ssg_score_above_ref(uint64_t *bits, const uint16_t *f, uint32_t limit, size_t n)
{
    for (size_t w = 0; w < n / 64; w++) {
        bits[w] = 0;
        for (size_t i = 0; i < 64; i++) bits[w] |= (uint64_t)(f[64 * w + i] > limit) << i;
    }
}

void ssg_score_equal_ref(uint64_t *bits, const uint8_t *bytes, uint8_t value, size_t n)
{
    for (size_t w = 0; w < n / 64; w++) {
        bits[w] = 0;
        for (size_t i = 0; i < 64; i++) bits[w] |= (uint64_t)(bytes[64 * w + i] == value) << i;
    }
}
