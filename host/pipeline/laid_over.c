#include "host/pipeline/laid_over.h"

#include <string.h>

#include "host/base/alloc.h"
#include "host/data/colour_map.h"
#include "kernels/ops.h"

ssgcam_status ssg_picture_in_colour(ssg_image *copy, const ssg_image *picture)
{
    size_t pixels = (size_t)picture->width * (size_t)picture->height;
    *copy = (ssg_image){picture->width, picture->height, 3, ssg_alloc_aligned(pixels, 3)};
    if (!copy->pixels) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < 3 * pixels; i++) copy->pixels[i] = picture->channels == 3 ? picture->pixels[i] : picture->pixels[i / 3];
    return SSGCAM_OK;
}

/* The map at the picture's size. */
static ssgcam_status spread(float **spread_map, const float *map, int height, int width, const ssg_image *picture, const ssg_region *region)
{
    size_t part_pixels = (size_t)region->width * (size_t)region->height;
    float *all = ssg_calloc((size_t)picture->width * (size_t)picture->height, sizeof *all), *part = ssg_alloc_aligned(part_pixels, sizeof *part);
    if (all && part) {
        ssg_ops_cpu()->resize(&(ssg_run){.threads = 1}, part, (size_t)region->height, (size_t)region->width, map, (size_t)height, (size_t)width, 1);
        for (int y = 0; y < region->height; y++)
            memcpy(all + (size_t)(region->y + y) * (size_t)picture->width + (size_t)region->x, part + (size_t)y * (size_t)region->width,
                   (size_t)region->width * sizeof *all);
    }
    ssg_free(part);
    *spread_map = all;
    return all && part ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
}

ssgcam_status ssg_map_in_colour(ssg_image *image, const float *map, int height, int width, const ssg_image *picture, const ssg_region *region)
{
    float *all = NULL;
    *image = (ssg_image){0};
    ssgcam_status status = spread(&all, map, height, width, picture, region);
    if (status == SSGCAM_OK && picture->pixels) {
        status = ssg_picture_in_colour(image, picture);
        if (status == SSGCAM_OK) ssg_colour_overlay(image, all);
    } else if (status == SSGCAM_OK) {
        *image = (ssg_image){picture->width, picture->height, 3, ssg_alloc_aligned((size_t)picture->width * (size_t)picture->height, 3)};
        status = image->pixels ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
        if (status == SSGCAM_OK) ssg_colour_heatmap(image, all);
    }
    ssg_free(all);
    return status;
}
