/* dataset_build.h - shared by the readers of data sets: labels, items, uniqueness. */
#ifndef SSG_DATA_DATASET_BUILD_H
#define SSG_DATA_DATASET_BUILD_H

#include <ssgcam/dataset.h>

#include "host/base/status.h"

typedef struct ssg_dataset_builder {
    ssgcam_dataset *dataset;
    const ssgcam_dataset_options *options;
    size_t capacity;
} ssg_dataset_builder;

/* A fresh item at the end, its image path and id set. A name that is not UTF-8 is refused as found at `where` ("FILE:LINE", or the path). */
ssgcam_status ssg_dataset_add(ssg_dataset_builder *b, const char *image_path, const char *where, ssgcam_item **item);

/* The class that a name or number means, or an error that names `where` ("FILE:LINE"), the label and the nearest class. */
ssgcam_status ssg_dataset_class(const ssg_dataset_builder *b, const char *text, const char *where, int *label);

/* Adds a label to an item, in order, once. */
ssgcam_status ssg_item_add_label(ssgcam_item *item, int label);
ssgcam_status ssg_item_add_box(ssgcam_item *item, const ssgcam_box *box);

/* The readers. */
ssgcam_status ssg_dataset_read_csv(ssg_dataset_builder *b, const char *path, const char *folder);
ssgcam_status ssg_dataset_read_voc(ssg_dataset_builder *b, const char *root, const char *split);

#endif
