#include "host/data/image.h"

#include "host/base/alloc.h"

ssgcam_status ssg_image_make(ssg_image *image, int width, int height, int channels)
{
    uint8_t *pixels = ssg_alloc_aligned((size_t)width * (size_t)height, (size_t)channels);
    *image = pixels ? (ssg_image){width, height, channels, pixels} : (ssg_image){0};
    return pixels ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
}

void ssg_image_clear(ssg_image *image)
{
    ssg_free(image->pixels);
    *image = (ssg_image){0};
}
