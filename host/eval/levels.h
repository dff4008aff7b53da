/* levels.h - counts at all 256 thresholds from one pass over the pixels.
 *
 * The class that wins a pixel (the largest f / max f, ties to the lower class) does not depend on the threshold; the pixel is claimed at threshold
 * tau exactly where its level q = ceil(255 f / max f) is above tau. So three histograms over q hold everything. */
#ifndef SSG_EVAL_LEVELS_H
#define SSG_EVAL_LEVELS_H

#include "host/base/status.h"
#include "host/eval/iou.h"

typedef struct ssg_levels {
    size_t class_count;
    uint64_t *hit;      /* [class][256]: pixels of that truth which the class wins, by level */
    uint64_t *won;      /* [class][256]: all pixels that the class wins */
    uint64_t *truth;    /* [label]: pixels of that truth */
    uint64_t bare[256]; /* pixels of truth background, by level */
} ssg_levels;

ssgcam_status ssg_levels_create(ssg_levels *levels, size_t class_count);
void ssg_levels_clear(ssg_levels *levels);

/* Adds an image: fused maps of `count` classes (ascending) and the truth (0, c + 1, 255 ignored), all of `pixels`. */
void ssg_levels_add(ssg_levels *levels, const int16_t *const *fused, const int *classes, size_t count, const uint8_t *truth, size_t pixels);

/* Adds what was counted elsewhere, of as many classes. */
void ssg_levels_merge(ssg_levels *levels, const ssg_levels *others);

/* Counts of background and of "any object": all classes as one. */
void ssg_levels_object_counts(const ssg_levels *levels, int threshold, ssg_counts counts[2]);

/* The counts of every label at one threshold: class_count + 1 entries. */
void ssg_levels_counts(const ssg_levels *levels, int threshold, ssg_counts *counts);

#endif
