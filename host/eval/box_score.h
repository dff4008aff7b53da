/* box_score.h - do the boxes around a map's level sets find the object? MaxBoxAcc and MaxBoxAccV2 as the usual evaluation has them (Choe et al.,
 * CVPR 2020, github.com/clovaai/wsolevaluation), with its conventions to the pixel:
 *
 * a map, scaled to 0..1 between its least and greatest value and cut to bytes, is compared with a threshold: set where byte > tau, tau = 0..254. The
 * box of the contour of the greatest area (V1; the first of equals), or those of all contours, holes too (V2), are compared with the true boxes. A
 * box reaches one pixel beyond its contour except at the edge of the map; IoU is of pixels, both ends inside; a map without contours has the box
 * 0 0 0 0. A map hits at a threshold where any of these boxes has at least the IoU asked for with any of the true ones. */
#ifndef SSG_EVAL_BOX_SCORE_H
#define SSG_EVAL_BOX_SCORE_H

#include <ssgcam/dataset.h>

#include "host/data/tensor_input.h"
#include "host/eval/contours.h"

enum { SSG_BOX_DELTAS = 3, SSG_BOX_THRESHOLDS = 255 };

/* 30, 50, 70: the least IoU of a hit, in percent. */
extern const int ssg_box_deltas[SSG_BOX_DELTAS];

/* Both ends inside. */
typedef struct ssg_pixel_box {
    int x0, y0, x1, y1;
} ssg_pixel_box;

/* Whether one map hits, at every threshold. */
typedef struct ssg_box_hits {
    uint8_t largest[SSG_BOX_DELTAS][SSG_BOX_THRESHOLDS], any[SSG_BOX_DELTAS][SSG_BOX_THRESHOLDS];
} ssg_box_hits;

/* A box of the image as a box of the map that the network's view of it (`region`) gave: each coordinate scaled and cut to a whole number. 0: the
 * region does not show it. */
int ssg_box_on_map(ssg_pixel_box *on_map, const ssgcam_box *box, const ssg_region *region, int width, int height);

double ssg_box_iou(const ssg_pixel_box *a, const ssg_pixel_box *b);

/* Bytes between the least and the greatest value; zeros for a constant map and one that has NaN. */
void ssg_box_levels(uint8_t *q, const float *map, size_t pixels);

/* Scores one map of the size that `contours` was made for. */
void ssg_box_score(ssg_box_hits *hits, ssg_contours *contours, const uint8_t *q, int width, int height, const ssg_pixel_box *truth, size_t count);

#endif
