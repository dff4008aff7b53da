/* laid_over.h - maps of what the network saw, in colour over the picture that it saw. */
#ifndef SSG_PIPELINE_LAID_OVER_H
#define SSG_PIPELINE_LAID_OVER_H

#include "host/data/tensor_input.h"

/* A colour copy of a grey or colour picture. */
ssgcam_status ssg_picture_in_colour(ssg_image *copy, const ssg_image *picture);

/* A map of height x width, of the part `region` of a picture, in colour over the picture, zero where the network saw nothing; alone where the picture
 * has a size but no pixels. `image` is made. */
ssgcam_status ssg_map_in_colour(ssg_image *image, const float *map, int height, int width, const ssg_image *picture, const ssg_region *region);

#endif
