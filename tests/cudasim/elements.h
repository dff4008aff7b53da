/* elements.h - what the stand-ins for libraries read and write: float, bfloat16 and half, from their definitions rather than CUDA's headers. */
#ifndef CUDASIM_ELEMENTS_H
#define CUDASIM_ELEMENTS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

namespace cudasim
{

enum element { FLOAT, BFLOAT16, HALF };

inline size_t element_size(element type)
{
    return type == FLOAT ? 4 : 2;
}

inline float from_half(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    float size = exponent == 31  ? (fraction ? NAN : INFINITY)
                 : exponent == 0 ? ldexpf((float)fraction, -24)
                                 : ldexpf((float)(1024 + fraction), exponent - 25);
    return bits & 0x8000 ? -size : size;
}

/* Rounds to nearest, ties to even (the mode that nearbyint is in). */
inline uint16_t to_half(float value)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    float size = fabsf(value);
    if (size != size) return 0x7fff;
    if (size >= 65520) return sign | 0x7c00;
    int exponent = size < 0x1p-14f ? -14 : ilogbf(size);
    return (uint16_t)(sign | (((exponent + 15) << 10) + (int)nearbyintf(ldexpf(size, 10 - exponent)) - 1024));
}

inline float from_bfloat16(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

inline uint16_t to_bfloat16(float value)
{
    if (value != value) return 0x7fff;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float element_read(element type, const void *data, size_t i)
{
    if (type == FLOAT) return ((const float *)data)[i];
    uint16_t bits = ((const uint16_t *)data)[i];
    return type == HALF ? from_half(bits) : from_bfloat16(bits);
}

inline void element_write(element type, void *data, size_t i, float value)
{
    if (type == FLOAT)
        ((float *)data)[i] = value;
    else
        ((uint16_t *)data)[i] = type == HALF ? to_half(value) : to_bfloat16(value);
}

} // namespace cudasim

#endif
