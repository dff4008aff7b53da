#include "kernels/cpu/lines.h"

#include <string.h>

/* Gathers channels that do not lie side by side, or too few of them. */
static void gather(float *buffer, const ssg_features *f, const float *data, size_t row, size_t first, size_t lanes, size_t y)
{
    size_t real = f->channels - first < lanes ? f->channels - first : lanes, blocks = (f->channels + f->block - 1) / f->block;
    if (real < lanes) memset(buffer, 0, f->width * lanes * sizeof *buffer);
    for (size_t c = 0; c < real; c++) {
        size_t k = first + c;
        const float *from = data + ((row * blocks + k / f->block) * f->height + y) * f->width * f->block + k % f->block;
        for (size_t x = 0; x < f->width; x++) buffer[x * lanes + c] = from[x * f->block];
    }
}

ssg_line ssg_line_of(const ssg_features *f, const float *data, size_t row, size_t first, size_t lanes, size_t y, float *buffer)
{
    size_t within = first % f->block, blocks = (f->channels + f->block - 1) / f->block;
    if (within + lanes <= f->block)
        return (ssg_line){data + ((row * blocks + first / f->block) * f->height + y) * f->width * f->block + within, f->block};
    gather(buffer, f, data, row, first, lanes, y);
    return (ssg_line){buffer, lanes};
}
