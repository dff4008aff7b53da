#include "host/fuse/weights.h"

#include <string.h>

/* NumPy's sum of a contiguous array below 128 items: eight running sums, folded as a tree. The quotients must round alike for equal ties. */
static double numpy_sum(const double *x, size_t count)
{
    double sum = 0;
    size_t i = 0;
    if (count >= 8) {
        double part[8];
        memcpy(part, x, sizeof part);
        for (i = 8; i + 8 <= count; i += 8)
            for (size_t j = 0; j < 8; j++) part[j] += x[i + j];
        sum = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
    }
    for (; i < count; i++) sum += x[i];
    return sum;
}

void ssg_mixture_weights(uint8_t *weight, const double *raw, size_t count)
{
    double x[SSG_MIXTURE_MOST];
    unsigned given = 0;
    for (size_t i = 0; i < count; i++) x[i] = raw[i] > 0 ? raw[i] : 0;
    double sum = numpy_sum(x, count);
    memset(weight, 0, count);
    if (!(sum > 0)) return;
    for (size_t i = 0; i < count; i++) {
        x[i] = x[i] / sum * SSG_MIXTURE_SUM;
        weight[i] = (uint8_t)x[i];
        x[i] -= weight[i];
        given += weight[i];
    }
    for (; given < SSG_MIXTURE_SUM; given++) {
        size_t most = 0;
        for (size_t i = 1; i < count; i++)
            if (x[i] > x[most]) most = i;
        weight[most]++;
        x[most] = -1;
    }
}
