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

void ssg_score_fuse_blocks_ref(uint16_t *out, const uint8_t *const *maps, const uint8_t *weight, size_t terms, const uint32_t *blocks, size_t count)
{
    for (size_t b = 0; b < count; b++)
        for (size_t i = 0; i < 64; i++) {
            uint32_t f = 0;
            for (size_t t = 0; t < terms; t++) f += (uint32_t)weight[t] * maps[t][64 * (size_t)blocks[b] + i];
            out[64 * b + i] = (uint16_t)f;
        }
}

void ssg_score_hits_blocks_ref(uint32_t hits[3], const uint8_t *const *maps, const uint8_t *weight, size_t terms, const uint32_t *blocks,
                               size_t count, uint32_t limit, const uint64_t *const truth[3])
{
    uint16_t f[64];
    for (size_t b = 0; b < count; b++) {
        ssg_score_fuse_blocks_ref(f, maps, weight, terms, blocks + b, 1);
        for (size_t i = 0; i < 64; i++)
            for (size_t k = 0; f[i] > limit && k < 3; k++) hits[k] += (uint32_t)(truth[k][blocks[b]] >> i & 1);
    }
}

void ssg_score_quantise_ref(uint16_t *f, uint32_t top, size_t n)
{
    for (size_t i = 0; i < n; i++) f[i] = (uint16_t)((255u * (f[i] < top ? f[i] : top) + top - 1) / top);
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
