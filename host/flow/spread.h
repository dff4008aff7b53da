/* spread.h - a map in float at the size of its image. */
#ifndef SSG_FLOW_SPREAD_H
#define SSG_FLOW_SPREAD_H

#include "host/data/tensor_input.h"

/* Resizes a map of height x width to the part `region` of an image, and puts it there in `to`, of image_height x image_width; 0 elsewhere. */
ssgcam_status ssg_map_spread(float *to, int image_height, int image_width, const ssg_region *region, const float *map, size_t height, size_t width);

#endif
