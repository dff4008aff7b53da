/* colour_map.h - maps in colour. */
#ifndef SSG_DATA_COLOUR_MAP_H
#define SSG_DATA_COLOUR_MAP_H

#include "host/data/image.h"

/* r, g, b of a value in [0, 1]. */
const uint8_t *ssg_colour_of(float value);

/* Lays a map of the image's size over an RGB image, in place. */
void ssg_colour_overlay(ssg_image *image, const float *map);

/* Replaces an RGB image by the map in colour. */
void ssg_colour_heatmap(ssg_image *image, const float *map);

#endif
