/* Sums over samples and probes, a strip of a row at a time: the strip's sums stay in cache while the samples pass. */
#include "host/base/parallel.h"
#include "kernels/cpu/cpu.h"

enum { STRIP = 1 << 12 };

typedef struct job {
    float *sums;
    const float *a, *b; /* moments: a alone */
    size_t groups, repeats, used, row, strips;
    float scale;
} job;

static void add_powers(float *first, float *second, float *third, const float *v, size_t count, float scale)
{
    for (size_t i = 0; i < count; i++) {
        float square = v[i] * v[i];
        first[i] += scale * v[i];
        second[i] += scale * square;
        third[i] += scale * square * v[i];
    }
}

static void add_product(float *sums, const float *a, const float *b, size_t count, float scale)
{
    for (size_t i = 0; i < count; i++) sums[i] += scale * a[i] * b[i];
}

static void run_strip(void *context, size_t unit, int thread)
{
    (void)thread;
    const job *j = context;
    size_t group = unit / j->strips, from = unit % j->strips * STRIP, count = j->row - from < STRIP ? j->row - from : STRIP;
    float *sums = j->sums + group * j->row + from;
    size_t apart = j->groups * j->row; /* between the moments */
    for (size_t s = 0; s < j->used; s++) {
        size_t at = (group * j->repeats + s) * j->row + from;
        if (j->b)
            add_product(sums, j->a + at, j->b + at, count, j->scale);
        else
            add_powers(sums, sums + apart, sums + 2 * apart, j->a + at, count, j->scale);
    }
}

void ssg_cpu_moments(const ssg_run *run, float *sums, const float *values, size_t groups, size_t repeats, size_t used, size_t row, float scale)
{
    job j = {sums, values, NULL, groups, repeats, used, row, (row + STRIP - 1) / STRIP, scale};
    ssg_parallel_for(run->threads, groups * j.strips, run_strip, &j);
}

void ssg_cpu_products(const ssg_run *run, float *sums, const float *a, const float *b, size_t used, size_t row, float scale)
{
    job j = {sums, a, b, 1, used, used, row, (row + STRIP - 1) / STRIP, scale};
    ssg_parallel_for(run->threads, j.strips, run_strip, &j);
}
