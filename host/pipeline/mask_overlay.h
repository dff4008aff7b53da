/* mask_overlay.h - a mask that a person can look at. */
#ifndef SSG_PIPELINE_MASK_OVERLAY_H
#define SSG_PIPELINE_MASK_OVERLAY_H

#include <ssgcam/dataset.h>
#include <stdint.h>

#include "host/base/status.h"

/* Writes FOLDER/overlays/ID.png: the item's image with `labels` (width x height, the image's size) laid over it in the palette's colours. Where the
 * item has a mask, the outline of everything in it that is neither 0 nor 255 is drawn in white. */
ssgcam_status ssg_mask_overlay_write(const char *folder, const ssgcam_item *item, const uint8_t *labels, int width, int height);

#endif
