/* ssgcam/dataset.h - which images there are, with labels and perhaps masks and boxes. The images themselves are not opened. */
#ifndef SSGCAM_DATASET_H
#define SSGCAM_DATASET_H

#include <stddef.h>

#include <ssgcam/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Half-open pixel box: x0 <= x < x1. */
typedef struct ssgcam_box {
    int label; /* class index, -1 where the file names none */
    int x0, y0, x1, y1;
} ssgcam_box;

typedef struct ssgcam_item {
    char *id;    /* the image's file name without folder and suffix; unique in the data set: names of outputs */
    char *image; /* path */
    int *labels; /* class indices, ascending, without repeats */
    size_t label_count;
    char *mask; /* path, or NULL */
    ssgcam_box *boxes;
    size_t box_count;
    char *group; /* the same text for images that belong together, e.g. the patient's number; NULL: the image is by itself */
} ssgcam_item;

typedef struct ssgcam_dataset {
    ssgcam_item *items;
    size_t count;
    char **classes; /* names in the order of their indices */
    size_t class_count;
    char digest[33]; /* of the table and the class names (not of the images); groups are in it where an image has one */
} ssgcam_dataset;

typedef struct ssgcam_dataset_options {
    const char *data;           /* a folder with data.csv, or the path of such a csv file; unless `classes` is given, classes.txt beside it */
    const char *images;         /* instead: a folder of images ... */
    const char *labels;         /* ... with this csv (`image,labels`); NULL: no labels */
    const char *voc;            /* instead: the root of a data set in VOC's layout */
    const char *split;          /* only rows whose `split` is this (VOC: ImageSets/Main or Segmentation/SPLIT.txt); NULL: all */
    const char *const *classes; /* the model's class names; NULL: classes.txt of the data decides */
    size_t class_count;         /* of names, or, without names, the number of classes that a numeric label may reach (0: any) */
} ssgcam_dataset_options;

/* data.csv has the columns image, labels (or label) and optionally mask, boxes, split, group (or patient), in any order; labels and boxes are
 * separated by ';', a label is a class name or number, a box is "x0 y0 x1 y1" or "label x0 y0 x1 y1". Images with the same text in `group` belong
 * together; an empty one is none. Paths are relative to the csv file. A missing column, a label that is no class, an unreadable line, two images of
 * one id, both group and patient: SSGCAM_ERR_INPUT with file and line. VOC's layout has no groups. */
SSGCAM_API ssgcam_status ssgcam_dataset_load(ssgcam_dataset **out, const ssgcam_dataset_options *options);

/* Keeps only the first `count` items. */
SSGCAM_API void ssgcam_dataset_truncate(ssgcam_dataset *dataset, size_t count);

SSGCAM_API void ssgcam_dataset_destroy(ssgcam_dataset **dataset);

#ifdef __cplusplus
}
#endif
#endif
