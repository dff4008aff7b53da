#include "host/pipeline/laid_over.h"

#include "host/base/alloc.h"
#include "host/data/colour_map.h"
#include "host/flow/spread.h"

ssgcam_status ssg_picture_in_colour(ssg_image *copy, const ssg_image *picture)
{
    size_t pixels = (size_t)picture->width * (size_t)picture->height;
    SSG_TRY(ssg_image_make(copy, picture->width, picture->height, 3));
    for (size_t i = 0; i < 3 * pixels; i++) copy->pixels[i] = picture->channels == 3 ? picture->pixels[i] : picture->pixels[i / 3];
    return SSGCAM_OK;
}

ssgcam_status ssg_map_in_colour(ssg_image *image, const float *map, int height, int width, const ssg_image *picture, const ssg_region *region)
{
    float *all = ssg_alloc_aligned((size_t)picture->width * (size_t)picture->height, sizeof *all);
    *image = (ssg_image){0};
    ssgcam_status status = all ? ssg_map_spread(all, picture->height, picture->width, region, map, (size_t)height, (size_t)width) : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK && picture->pixels) {
        status = ssg_picture_in_colour(image, picture);
        if (status == SSGCAM_OK) ssg_colour_overlay(image, all);
    } else if (status == SSGCAM_OK) {
        status = ssg_image_make(image, picture->width, picture->height, 3);
        if (status == SSGCAM_OK) ssg_colour_heatmap(image, all);
    }
    ssg_free(all);
    return status;
}
