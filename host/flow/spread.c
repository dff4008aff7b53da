#include "host/flow/spread.h"

#include <string.h>

#include "host/base/alloc.h"
#include "kernels/ops.h"

ssgcam_status ssg_map_spread(float *to, int image_height, int image_width, const ssg_region *region, const float *map, size_t height, size_t width)
{
    const ssg_run run = {.threads = 1};
    size_t rows = (size_t)region->height, columns = (size_t)region->width, stride = (size_t)image_width, pixels = (size_t)image_height * stride;
    if (rows * columns == pixels) {
        ssg_ops_cpu()->resize(&run, &(ssg_place){map, to}, 1, rows, columns, height, width);
        return SSGCAM_OK;
    }
    float *part = ssg_alloc_aligned(rows * columns, sizeof *part);
    if (!part) return SSG_OUT_OF_MEMORY;
    ssg_ops_cpu()->resize(&run, &(ssg_place){map, part}, 1, rows, columns, height, width);
    memset(to, 0, pixels * sizeof *to);
    for (size_t y = 0; y < rows; y++) memcpy(to + ((size_t)region->y + y) * stride + (size_t)region->x, part + y * columns, columns * sizeof *to);
    ssg_free(part);
    return SSGCAM_OK;
}
