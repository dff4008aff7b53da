/* iou.h - from pixel counts to intersection over union. IoU = tp / (tp + fp + fn). */
#ifndef SSG_EVAL_IOU_H
#define SSG_EVAL_IOU_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/measure.h"

/* What one label did: fp = predicted - tp, fn = truth - tp. Label 0 is background, label c + 1 class c. */
typedef struct ssg_counts {
    uint64_t tp, fp, fn;
} ssg_counts;

static inline void ssg_counts_add(ssg_counts *to, const ssg_counts *more)
{
    to->tp += more->tp, to->fp += more->fp, to->fn += more->fn;
}

/* Mean IoU over the labels that occur in truth or prediction; 0 if none does. Foreground: label 0 left out. */
double ssg_mean_iou(const ssg_counts *counts, size_t labels);
double ssg_foreground_iou(const ssg_counts *counts, size_t labels);

/* Background, and all classes as one. */
void ssg_pool_classes(ssg_counts pooled[2], const ssg_counts *counts, size_t labels);

/* The function of a measure. The mean over images is that of no sum of counts: mean IoU stands in for it, which is what it takes the mean of. */
double (*ssg_measure_function(ssg_measure measure))(const ssg_counts *counts, size_t labels);

/* Mean over images of each image's mean IoU. counts: images x labels. */
double ssg_mean_image_iou(const ssg_counts *counts, size_t images, size_t labels);

#endif
