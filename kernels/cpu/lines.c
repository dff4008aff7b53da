#include "kernels/cpu/lines.h"

#include <string.h>

/* Gathers channels that do not lie side by side, or too few of them. */
static void gather(float *buffer, const ssg_features *f, const float *data, size_t row, size_t first, size_t y)
{
    size_t real = f->channels - first < SSG_LANES ? f->channels - first : SSG_LANES, blocks = (f->channels + f->block - 1) / f->block;
    if (real < SSG_LANES) memset(buffer, 0, f->width * SSG_LANES * sizeof *buffer);
    for (size_t c = 0; c < real; c++) {
        size_t k = first + c;
        const float *from = data + ((row * blocks + k / f->block) * f->height + y) * f->width * f->block + k % f->block;
        for (size_t x = 0; x < f->width; x++) buffer[x * SSG_LANES + c] = from[x * f->block];
    }
}

ssg_line ssg_line_of(const ssg_features *f, const float *data, size_t row, size_t chunk, size_t y, float *buffer)
{
    size_t first = chunk * SSG_LANES, within = first % f->block, blocks = (f->channels + f->block - 1) / f->block;
    if (within + SSG_LANES <= f->block)
        return (ssg_line){data + ((row * blocks + first / f->block) * f->height + y) * f->width * f->block + within, f->block};
    gather(buffer, f, data, row, first, y);
    return (ssg_line){buffer, SSG_LANES};
}
