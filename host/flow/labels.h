/* labels.h - from the fused maps of an image on the grid to labels at the image's own size. */
#ifndef SSG_FLOW_LABELS_H
#define SSG_FLOW_LABELS_H

#include "host/flow/stream.h"

enum { SSG_LABELLER_CLASSES = 64 };

/* Memory that is kept from image to image. Start with zeros. */
typedef struct ssg_labeller {
    int16_t *fused; /* [class][pixels] */
    int16_t *part;  /* of the region, where it is not the whole image */
    uint8_t *labels;
    size_t fused_room, part_room, label_room;
    const int16_t *maps[SSG_LABELLER_CLASSES];
} ssg_labeller;

/* Resizes each class's map in fixed point to the part of the image that the network saw; 0 elsewhere. Afterwards labeller->maps[c] has width x height
 * values, until the next call. */
ssgcam_status ssg_labeller_resize(ssg_labeller *labeller, const ssg_stream_image *image);

/* Then: the labels at one threshold, in labeller->labels. */
ssgcam_status ssg_labeller_label(ssg_labeller *labeller, const ssg_stream_image *image, int threshold);

void ssg_labellers_clear(ssg_labeller *labellers, size_t count);

#endif
