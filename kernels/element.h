/* element.h - reading elements of 16 bits, from the definitions of the types. For plain C; kernels/cuda has its own. */
#ifndef SSG_KERNELS_ELEMENT_H
#define SSG_KERNELS_ELEMENT_H

#include <math.h>
#include <string.h>

#include "kernels/ops.h"

static inline size_t ssg_element_size(ssg_element type)
{
    return type == SSG_ELEMENT_F32 ? 4 : 2;
}

/* Sign, 5 bits of exponent, 10 of fraction. */
static inline float ssg_from_half(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    float size = exponent == 31  ? (fraction ? NAN : INFINITY)
                 : exponent == 0 ? ldexpf((float)fraction, -24)
                                 : ldexpf((float)(1024 + fraction), exponent - 25);
    return bits & 0x8000 ? -size : size;
}

/* The upper half of a float. */
static inline float ssg_from_bfloat16(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static inline float ssg_element_at(const void *data, ssg_element type, size_t i)
{
    switch (type) {
    case SSG_ELEMENT_BF16: return ssg_from_bfloat16(((const uint16_t *)data)[i]);
    case SSG_ELEMENT_F16: return ssg_from_half(((const uint16_t *)data)[i]);
    default: return ((const float *)data)[i];
    }
}

#endif
