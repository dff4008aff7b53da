/* text.h - captions in pictures, in a fixed-width bitmap font. */
#ifndef SSG_DATA_TEXT_H
#define SSG_DATA_TEXT_H

#include "host/data/image.h"

enum { SSG_TEXT_WIDTH = 9, SSG_TEXT_HEIGHT = 15 }; /* of a character, in pixels */

/* Draws `text` into an RGB image with its top left corner at (x, y), cut off at the image's edges. Bytes that are no printable ASCII become '?', a
 * UTF-8 sequence one of them. */
void ssg_text_draw(ssg_image *image, int x, int y, const char *text, const uint8_t rgb[3]);

#endif
