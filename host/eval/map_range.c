#include "host/eval/map_range.h"

#include <math.h>

int ssg_map_range(const float *map, size_t pixels, double *least, double *most)
{
    int finite = 1;
    *least = INFINITY, *most = -INFINITY;
    for (size_t i = 0; i < pixels; i++) {
        finite &= isfinite(map[i]) != 0;
        *least = map[i] < *least ? map[i] : *least;
        *most = map[i] > *most ? map[i] : *most;
    }
    return finite && *most > *least;
}
