/* map_file.h - maps that `generate --maps` or another program wrote. */
#ifndef SSG_EVAL_MAP_FILE_H
#define SSG_EVAL_MAP_FILE_H

#include <ssgcam/dataset.h>

#include "host/data/npy.h"

/* FOLDER/ID.CLASS.npy, or FOLDER/ID.npy for an image with one label: an array of two dimensions, (height, width). Clear it with ssg_array_clear. */
ssgcam_status ssg_map_file_read(ssg_array *map, const char *folder, const ssgcam_item *item, int class);

#endif
