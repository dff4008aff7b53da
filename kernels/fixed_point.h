/* fixed_point.h - bilinear sampling in integers, so that every machine places the same pixel. Shared by all backends. */
#ifndef SSG_KERNELS_FIXED_POINT_H
#define SSG_KERNELS_FIXED_POINT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __CUDACC__
#define SSG_HOST_DEVICE __host__ __device__
#else
#define SSG_HOST_DEVICE
#endif

/* Two neighbours on an axis and the weight of the second in 1/256. */
typedef struct ssg_fixed_sample {
    size_t low, high;
    int fraction;
} ssg_fixed_sample;

/* Output i of N on an axis of n samples: position ((2 i + 1) n / N - 1) / 2 in 1/65536, rounded down, clamped to [0, n - 1]; sizes up to 2^20. */
static inline SSG_HOST_DEVICE ssg_fixed_sample ssg_fixed_sample_at(size_t i, size_t N, size_t n)
{
    int64_t at = ((int64_t)(2 * i + 1) * (int64_t)n * 32768) / (int64_t)N - 32768, last = (int64_t)(n - 1) * 65536;
    at = at < 0 ? 0 : at > last ? last : at;
    ssg_fixed_sample s = {(size_t)(at >> 16), (size_t)(at >> 16), (int)((at & 65535) >> 8)};
    if (s.high + 1 < n) s.high++;
    return s;
}

/* Values on two lines, each in 1/256 of an int16_t: their mean with weights that sum to 256, rounded half up. 32 bits hold it. */
static inline SSG_HOST_DEVICE int16_t ssg_fixed_mean(int top, int bottom, int fraction)
{
    return (int16_t)((top * (256 - fraction) + bottom * fraction + 32768) >> 16);
}

/* The weighted mean of four neighbours. */
static inline SSG_HOST_DEVICE int16_t ssg_fixed_blend(int top_left, int top_right, int bottom_left, int bottom_right, int fx, int fy)
{
    return ssg_fixed_mean(top_left * (256 - fx) + top_right * fx, bottom_left * (256 - fx) + bottom_right * fx, fy);
}

#endif
