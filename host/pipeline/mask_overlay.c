#include "host/pipeline/mask_overlay.h"

#include <stddef.h>

#include "host/base/alloc.h"
#include "host/data/atomic_file.h"
#include "host/data/image.h"

/* Half image, half colour. */
static void lay_colours(ssg_image *image, const uint8_t *labels)
{
    size_t pixels = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < pixels; i++) {
        uint8_t rgb[3];
        if (!labels[i]) continue;
        ssg_palette_colour(rgb, labels[i]);
        for (size_t c = 0; c < 3; c++) image->pixels[3 * i + c] = (uint8_t)((image->pixels[3 * i + c] + rgb[c] + 1) / 2);
    }
}

static int inside(const ssg_image *mask, int x, int y)
{
    if (x < 0 || y < 0 || x >= mask->width || y >= mask->height) return 0;
    uint8_t value = mask->pixels[(size_t)y * (size_t)mask->width + (size_t)x];
    return value != 0 && value != 255;
}

/* Pixels outside the true object that touch it. */
static void draw_outline(ssg_image *image, const ssg_image *mask)
{
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            if (inside(mask, x, y)) continue;
            if (inside(mask, x - 1, y) || inside(mask, x + 1, y) || inside(mask, x, y - 1) || inside(mask, x, y + 1))
                for (size_t c = 0; c < 3; c++) image->pixels[3 * ((size_t)y * (size_t)image->width + (size_t)x) + c] = 255;
        }
}

ssgcam_status ssg_mask_overlay_write(const char *folder, const ssgcam_item *item, const uint8_t *labels, int width, int height)
{
    ssg_image image = {0}, mask = {0};
    uint8_t *bytes = NULL;
    size_t size;
    char *path = ssg_format("%s/overlays/%s.png", folder, item->id);
    ssgcam_status status = path ? ssg_image_read(&image, item->image, 3) : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK && (image.width != width || image.height != height))
        status = ssg_fail(SSGCAM_ERR_INPUT, "%s: changed while it was being read", item->image);
    if (status == SSGCAM_OK) lay_colours(&image, labels);
    /* A mask that cannot be read is the concern of eval, not of a picture to look at. */
    if (status == SSGCAM_OK && item->mask && ssg_image_read_indices(&mask, item->mask) == SSGCAM_OK && mask.width == width && mask.height == height)
        draw_outline(&image, &mask);
    if (status == SSGCAM_OK) status = ssg_image_encode_png(&bytes, &size, &image, 0);
    if (status == SSGCAM_OK) status = ssg_file_write(path, bytes, size);
    ssg_free(bytes);
    ssg_free(path);
    ssg_image_clear(&image);
    ssg_image_clear(&mask);
    return status;
}
