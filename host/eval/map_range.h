/* map_range.h - between which values a map lies. */
#ifndef SSG_EVAL_MAP_RANGE_H
#define SSG_EVAL_MAP_RANGE_H

#include <stddef.h>

/* The least and the largest value. 0: there is nothing to scale by, as the map is the same everywhere or has a value that is not finite. */
int ssg_map_range(const float *map, size_t pixels, double *least, double *most);

#endif
