/* map_view.h - what part of its image a map in a folder shows.
 *
 * A network with a centre crop sees, and its maps show, the centre of each image only. `generate` says so in FOLDER/input.json: the fields `resize`
 * and `size` as in MODEL.json. Without that file the maps of a folder show whole images. */
#ifndef SSG_EVAL_MAP_VIEW_H
#define SSG_EVAL_MAP_VIEW_H

#include "host/data/tensor_input.h"

typedef struct ssg_map_view {
    int told; /* there is such a file */
    ssgcam_resize resize;
    int height, width; /* of the network's input; 0 0 where only SSGCAM_RESIZE_CROP would need them */
} ssg_map_view;

ssgcam_status ssg_map_view_write(const char *folder, const ssgcam_preprocess *preprocess, int network_height, int network_width);

ssgcam_status ssg_map_view_read(ssg_map_view *view, const char *folder);

/* The part of a width x height image. */
ssg_region ssg_map_view_region(const ssg_map_view *view, int width, int height);

/* Refuses maps of a folder that show another part of their images than a network of that size sees. Where nothing is told they are what is wanted. */
ssgcam_status ssg_map_view_check(const ssg_map_view *view, const char *folder, const ssgcam_preprocess *preprocess, int network_height,
                                 int network_width);

#endif
