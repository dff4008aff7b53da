#include "host/eval/mask_counts.h"

#include "host/base/alloc.h"

ssgcam_status ssg_mask_counts_create(ssg_mask_counts *counts, size_t class_count)
{
    size_t labels = class_count + 1;
    *counts = (ssg_mask_counts){.class_count = class_count};
    if (!(counts->confusion = ssg_calloc(labels * labels, sizeof *counts->confusion))) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = ssg_levels_create(&counts->levels, class_count);
    if (status != SSGCAM_OK) ssg_mask_counts_clear(counts);
    return status;
}

void ssg_mask_counts_clear(ssg_mask_counts *counts)
{
    ssg_free(counts->confusion);
    ssg_levels_clear(&counts->levels);
    *counts = (ssg_mask_counts){0};
}

void ssg_mask_counts_merge(ssg_mask_counts *counts, const ssg_mask_counts *others)
{
    size_t labels = counts->class_count + 1;
    for (size_t i = 0; i < labels * labels; i++) counts->confusion[i] += others->confusion[i];
    ssg_levels_merge(&counts->levels, &others->levels);
    ssg_pixel_ap_merge(&counts->pixel_ap, &others->pixel_ap);
}
