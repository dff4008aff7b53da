/* mask_counts.h - what is counted of masks and of the maps behind them. All of it are numbers of pixels: counted on several threads, each by itself,
 * and merged in any order, they are the same. */
#ifndef SSG_EVAL_MASK_COUNTS_H
#define SSG_EVAL_MASK_COUNTS_H

#include "host/eval/levels.h"
#include "host/eval/pixel_ap.h"

typedef struct ssg_mask_counts {
    size_t class_count;
    uint64_t *confusion; /* [truth][prediction], labels 0 and c + 1 */
    ssg_levels levels;   /* of maps, as the next */
    ssg_pixel_ap pixel_ap;
} ssg_mask_counts;

ssgcam_status ssg_mask_counts_create(ssg_mask_counts *counts, size_t class_count);
void ssg_mask_counts_clear(ssg_mask_counts *counts);

/* Adds what was counted elsewhere, of as many classes. */
void ssg_mask_counts_merge(ssg_mask_counts *counts, const ssg_mask_counts *others);

#endif
