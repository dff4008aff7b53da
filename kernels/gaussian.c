#include "kernels/gaussian.h"

#include <math.h>

int ssg_gaussian_taps(float taps[SSG_GAUSSIAN_MOST_TAPS], double sigma)
{
    taps[0] = 1;
    if (!(sigma > 0)) return 0;
    int radius = (int)(4 * sigma + 0.5);
    if (radius > SSG_GAUSSIAN_MOST_RADIUS) radius = SSG_GAUSSIAN_MOST_RADIUS;
    double sum = 0;
    for (int i = -radius; i <= radius; i++) sum += exp(-0.5 * (i / sigma) * (i / sigma));
    for (int i = -radius; i <= radius; i++) taps[i + radius] = (float)(exp(-0.5 * (i / sigma) * (i / sigma)) / sum);
    return radius;
}
