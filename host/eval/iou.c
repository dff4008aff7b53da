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

double ssg_mean_image_iou(const ssg_counts *counts, size_t images, size_t labels)
{
    double sum = 0;
    for (size_t i = 0; i < images; i++) sum += ssg_mean_iou(counts + i * labels, labels);
    return images ? sum / (double)images : 0;
}
