/* gaussian.h - the taps of the smoothing filter and its border, for all backends. */
#ifndef SSG_KERNELS_GAUSSIAN_H
#define SSG_KERNELS_GAUSSIAN_H

#include <stddef.h>

enum { SSG_GAUSSIAN_MOST_RADIUS = 256, SSG_GAUSSIAN_MOST_TAPS = 2 * SSG_GAUSSIAN_MOST_RADIUS + 1 };

#ifdef __cplusplus
extern "C" {
#endif

/* w[i] ~ exp(-((i - r) / sigma)^2 / 2), normalised to sum 1, with radius r = floor(4 sigma + 1/2) as scipy.ndimage; sigma 0 (or NaN) gives the single
 * tap 1. Returns r. */
int ssg_gaussian_taps(float taps[SSG_GAUSSIAN_MOST_TAPS], double sigma);

#ifdef __cplusplus
}
#endif

/* Half-sample symmetric border (d c b a | a b c d | d c b a) for any index and any n >= 1. */
static inline size_t ssg_reflect(long i, size_t n)
{
    long period = 2 * (long)n, m = i % period;
    if (m < 0) m += period;
    return (size_t)(m < (long)n ? m : period - 1 - m);
}

#endif
