/* measure.h - what thresholds are judged by, and the best of them. Formulas: host/eval/iou.h. */
#ifndef SSG_KERNELS_MEASURE_H
#define SSG_KERNELS_MEASURE_H

#include <stdint.h>

/* A figure of the counts of all labels. None falls when a label's true positives grow, or its false positives shrink, while its truth stays. */
typedef enum ssg_measure {
    SSG_MEASURE_MEAN_IOU,       /* over the labels that occur, background among them */
    SSG_MEASURE_FOREGROUND_IOU, /* over those of the classes */
    SSG_MEASURE_OBJECT_IOU,     /* over background, and all classes as one */
    SSG_MEASURE_IMAGE_IOU       /* the mean over images of each one's mean IoU */
} ssg_measure;

/* The best of all 256 thresholds by a measure, the lowest of equal ones. */
typedef struct ssg_solution {
    double value;
    uint8_t tau;
} ssg_solution;

#endif
