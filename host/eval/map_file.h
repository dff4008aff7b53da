/* map_file.h - masks and maps that `generate` or another program wrote. */
#ifndef SSG_EVAL_MAP_FILE_H
#define SSG_EVAL_MAP_FILE_H

#include <ssgcam/dataset.h>

#include "host/data/npy.h"

/* Refuses a folder that is not there, and one that only holds the folder `inner` where `generate` writes: before every image of it fails. */
ssgcam_status ssg_map_folder_check(const char *folder, const char *inner);

/* FOLDER/ID.CLASS.npy, or FOLDER/ID.npy for an image with one label: an array of two dimensions, (height, width). Clear it with ssg_array_clear. */
ssgcam_status ssg_map_file_read(ssg_array *map, const char *folder, const ssgcam_item *item, int class);

#endif
