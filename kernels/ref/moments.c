/* Sums over samples and probes. */
#include "kernels/ref/ref.h"

void ssg_ref_moments(const ssg_run *run, float *sums, const float *values, size_t groups, size_t repeats, size_t used, size_t row, float scale)
{
    (void)run;
    for (size_t group = 0; group < groups; group++)
        for (size_t i = 0; i < row; i++) {
            double first = 0, second = 0, third = 0;
            for (size_t s = 0; s < used; s++) {
                double v = values[(group * repeats + s) * row + i];
                first += v;
                second += v * v;
                third += v * v * v;
            }
            sums[group * row + i] += (float)(scale * first);
            sums[(groups + group) * row + i] += (float)(scale * second);
            sums[(2 * groups + group) * row + i] += (float)(scale * third);
        }
}

void ssg_ref_products(const ssg_run *run, float *sums, const float *a, const float *b, size_t used, size_t row, float scale)
{
    (void)run;
    for (size_t i = 0; i < row; i++) {
        double sum = 0;
        for (size_t s = 0; s < used; s++) sum += (double)a[s * row + i] * b[s * row + i];
        sums[i] += (float)(scale * sum);
    }
}
