/* truth.h - the class of every pixel of an image, from its mask or its boxes. */
#ifndef SSG_DATA_TRUTH_H
#define SSG_DATA_TRUTH_H

#include <ssgcam/dataset.h>

#include "host/data/image.h"

typedef enum ssg_truth_source {
    SSG_TRUTH_CLASSES, /* a mask: 0 background, c + 1 class c, 255 ignored */
    SSG_TRUTH_OBJECT,  /* a mask: `from`..254 marks the object of the image's one label, lower values background, 255 ignored */
    SSG_TRUTH_BOXES,   /* every pixel of a box is of its class; where boxes overlap the smaller one counts, of equal ones the later */
    SSG_TRUTH_ELLIPSES /* the same with the ellipse that fits into the box */
} ssg_truth_source;

typedef struct ssg_truth_setting {
    ssg_truth_source source;
    int from; /* SSG_TRUTH_OBJECT: the lowest value that counts, 1 to 254 */
} ssg_truth_setting;

enum { SSG_MASK_CLASSES_MOST = 253 }; /* class c is the byte c + 1, and 255 is taken */

/* "classes", "object", "object>=N", "boxes", or "ellipses". */
ssgcam_status ssg_truth_setting_parse(ssg_truth_setting *setting, const char *text);

/* Whether the truth is made of boxes, not masks. */
int ssg_truth_is_boxes(const ssg_truth_setting *setting);

/* Whether the data set has it for this image. */
int ssg_truth_given(const ssgcam_item *item, const ssg_truth_setting *setting);

/* The file or the image that a message about the truth should name. */
const char *ssg_truth_name(const ssgcam_item *item, const ssg_truth_setting *setting);

/* The class of a box: its own, or that of an image with one label; else -1. */
int ssg_box_class(const ssgcam_item *item, const ssgcam_box *box);

/* Labels 0, c + 1 and 255 for an image of width x height pixels, which a mask must have as well (0: a mask may have any size). What it has of a class
 * from class_count on, or of none that is told, is refused with its place. */
ssgcam_status ssg_truth_read(ssg_image *labels, const ssgcam_item *item, const ssg_truth_setting *setting, int width, int height, size_t class_count);

/* A mask file of classes by itself, of any size. */
ssgcam_status ssg_truth_read_mask(ssg_image *labels, const char *path, size_t class_count);

#endif
