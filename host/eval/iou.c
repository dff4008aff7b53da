#include "host/eval/iou.h"

static double mean_from(const ssg_counts *counts, size_t first, size_t labels)
{
    double sum = 0;
    size_t seen = 0;
    for (size_t l = first; l < labels; l++) {
        uint64_t in_all = counts[l].tp + counts[l].fp + counts[l].fn;
        if (in_all) sum += (double)counts[l].tp / (double)in_all, seen++;
    }
    return seen ? sum / (double)seen : 0;
}

double ssg_mean_iou(const ssg_counts *counts, size_t labels)
{
    return mean_from(counts, 0, labels);
}

double ssg_foreground_iou(const ssg_counts *counts, size_t labels)
{
    return mean_from(counts, 1, labels);
}

void ssg_pool_classes(ssg_counts pooled[2], const ssg_counts *counts, size_t labels)
{
    pooled[0] = counts[0];
    pooled[1] = (ssg_counts){0};
    for (size_t l = 1; l < labels; l++) ssg_counts_add(&pooled[1], &counts[l]);
}

static double object_iou(const ssg_counts *counts, size_t labels)
{
    ssg_counts pooled[2];
    ssg_pool_classes(pooled, counts, labels);
    return ssg_mean_iou(pooled, 2);
}

double (*ssg_measure_function(ssg_measure measure))(const ssg_counts *counts, size_t labels)
{
    return measure == SSG_MEASURE_FOREGROUND_IOU ? ssg_foreground_iou : measure == SSG_MEASURE_OBJECT_IOU ? object_iou : ssg_mean_iou;
}

double ssg_mean_image_iou(const ssg_counts *counts, size_t images, size_t labels)
{
    double sum = 0;
    for (size_t i = 0; i < images; i++) sum += ssg_mean_iou(counts + i * labels, labels);
    return images ? sum / (double)images : 0;
}
