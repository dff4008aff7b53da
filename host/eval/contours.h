/* contours.h - the outlines of every level set of a map: outer ones of its components (joined over corners too), and those of the holes in them.
 *
 * What OpenCV's findContours (tree mode) gives at each threshold, in its order, here for all thresholds in time that goes with the length of the
 * outlines. A contour is a polygon through the centres of the pixels of its border: a single pixel or a line one pixel wide has area 0, a hole's
 * contour runs over the pixels around it. Border following after Suzuki and Abe, CVGIP 30, 32-46, 1985 (algorithm 1). */
#ifndef SSG_EVAL_CONTOURS_H
#define SSG_EVAL_CONTOURS_H

#include <stddef.h>
#include <stdint.h>

#include "host/base/status.h"

typedef struct ssg_contour {
    int x0, y0, x1, y1; /* its pixels, both ends inside */
    int64_t area2;      /* twice the polygon's area */
    int hole;
} ssg_contour;

/* The level sets {q > tau} for tau = low..high, which are the same set, have these contours: each before those that lie in it, among neighbours the
 * one that starts last in reading order first. */
typedef void ssg_contour_visitor(void *context, int low, int high, const ssg_contour *contours, size_t count);

/* Working memory for maps of one size (up to 32,766 pixels a side), some 100 bytes a pixel. */
typedef struct ssg_contours ssg_contours;
ssgcam_status ssg_contours_create(ssg_contours **out, int width, int height);
void ssg_contours_destroy(ssg_contours **contours);

/* Visits every tau of 0..255 once, from high to low. `q` has height rows of `width` levels. */
void ssg_contours_visit(ssg_contours *contours, const uint8_t *q, ssg_contour_visitor *visit, void *context);

#endif
