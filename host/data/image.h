/* image.h - 8-bit images in memory, read from JPEG and PNG, written as PNG. */
#ifndef SSG_DATA_IMAGE_H
#define SSG_DATA_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "host/base/status.h"

typedef struct ssg_image {
    int width, height, channels; /* channels: 1 grey, 3 RGB; interleaved, rows without padding */
    uint8_t *pixels;             /* owned; NULL in an empty image */
} ssg_image;

/* The most pixels an image may have: larger ones are refused from their header, before memory is asked for. */
enum { SSG_IMAGE_MOST_PIXELS = 64 << 20 };

/* An image whose pixels are not set; empty if there is no memory. */
ssgcam_status ssg_image_make(ssg_image *image, int width, int height, int channels);

void ssg_image_clear(ssg_image *image); /* frees the pixels, leaves an empty image */

/* Reads a JPEG (grey or colour; EXIF orientation applied; CMYK refused) or a PNG (any type; 16 bits cut to 8, alpha dropped, palette expanded: what
 * Pillow's convert("RGB") or ("L") gives) as `channels` 1 or 3 channels. The type is told from the contents. Errors name the file, what is wrong and
 * what to do: not an image, truncated, too large. Thread-safe. */
ssgcam_status ssg_image_read(ssg_image *image, const char *path, int channels);

/* Only the width and height that ssg_image_read would give, from the header: a file that is damaged further on is not noticed. */
ssgcam_status ssg_image_read_size(int *width, int *height, const char *path);
ssgcam_status ssg_image_decode_size(int *width, int *height, const uint8_t *bytes, size_t size, const char *name);

/* ssg_image_read from memory; `name` is used in messages. */
ssgcam_status ssg_image_decode(ssg_image *image, const uint8_t *bytes, size_t size, const char *name, int channels);

/* Reads a label mask: an 8-bit (or less) grey or palette PNG whose values (palette indices, not colours) are kept as they are. */
ssgcam_status ssg_image_read_indices(ssg_image *image, const char *path);
ssgcam_status ssg_image_decode_indices(ssg_image *image, const uint8_t *bytes, size_t size, const char *name);

/* As Pillow's Image.resize(BILINEAR): triangle filter widened when shrinking (antialiased), fixed-point in two passes; within one grey level of it.
 * `to` is made. */
ssgcam_status ssg_image_resize(ssg_image *to, const ssg_image *from, int width, int height);

/* Nearest neighbour, sampled at pixel centres, as Pillow's NEAREST: for masks. */
ssgcam_status ssg_image_resize_nearest(ssg_image *to, const ssg_image *from, int width, int height);

/* The colour of a label in PASCAL VOC's palette; 255 is 224 224 192. */
void ssg_palette_colour(uint8_t rgb[3], uint8_t label);

/* PNG bytes of an image (owned by the caller, ssg_free): grey, RGB, or with `palette` a palette image in VOC's colours. */
ssgcam_status ssg_image_encode_png(uint8_t **bytes, size_t *size, const ssg_image *image, int palette);

#endif
