/* views.h - the sizes, mirrored or not, at which a network looks at each image. */
#ifndef SSG_FLOW_VIEWS_H
#define SSG_FLOW_VIEWS_H

#include "host/flow/network.h"

enum { SSG_VIEWS_MOST = 16 };

typedef struct ssg_view {
    int height, width; /* of the network's input */
    int mirrored;      /* left to right */
} ssg_view;

typedef struct ssg_views {
    ssg_view items[SSG_VIEWS_MOST];
    size_t count;
} ssg_views;

/* The model's own input size times each scale, rounded; with `flip` each of them mirrored as well. The scale nearest to 1 comes first: its view
 * chooses the class of an image that has no label. scale_count 0: the size as it is. SSGCAM_ERR_ARGUMENT for a number that is no scale, a size twice,
 * more than 8 scales, a size that the network does not take. */
ssgcam_status ssg_views_make(ssg_views *views, const ssgcam_model *model, const double *scales, size_t scale_count, int flip);

/* "1,0.5,2 and mirrored": for what must not change between two runs. Owned by the caller, NULL without memory. */
char *ssg_views_describe(const double *scales, size_t scale_count, int flip);

#endif
