#include "host/flow/labels.h"

#include <string.h>

#include "host/base/alloc.h"
#include "kernels/ops.h"

/* One thread: the network has the others. */
static const ssg_run run = {.threads = 1};

static ssgcam_status make_room(void *place, size_t *room, size_t count, size_t size)
{
    void **memory = place;
    if (count <= *room) return SSGCAM_OK;
    ssg_free(*memory);
    *room = 0;
    if (!(*memory = ssg_alloc_aligned(count, size))) return SSG_OUT_OF_MEMORY;
    *room = count;
    return SSGCAM_OK;
}

static void place_part(int16_t *to, const int16_t *part, const ssg_region *region, int width)
{
    for (int y = 0; y < region->height; y++)
        memcpy(to + (size_t)(region->y + y) * (size_t)width + (size_t)region->x, part + (size_t)y * (size_t)region->width,
               (size_t)region->width * sizeof *to);
}

ssgcam_status ssg_labeller_resize(ssg_labeller *l, const ssg_stream_image *image)
{
    const ssg_ops *ops = ssg_ops_cpu();
    const ssg_region *region = &image->region;
    size_t pixels = (size_t)image->width * (size_t)image->height, part = (size_t)region->width * (size_t)region->height;
    SSG_TRY(make_room(&l->fused, &l->fused_room, pixels * (size_t)image->class_count, sizeof *l->fused));
    if (part != pixels) SSG_TRY(make_room(&l->part, &l->part_room, part, sizeof *l->part));
    for (int c = 0; c < image->class_count; c++) {
        int16_t *map = l->fused + (size_t)c * pixels, *to = part == pixels ? map : l->part;
        ops->resize_fused(&run, to, (size_t)region->height, (size_t)region->width, image->fused[c], (size_t)image->grid_height,
                          (size_t)image->grid_width);
        if (to != map) {
            memset(map, 0, pixels * sizeof *map);
            place_part(map, to, region, image->width);
        }
        l->maps[c] = map;
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_labeller_label(ssg_labeller *l, const ssg_stream_image *image, int threshold)
{
    size_t pixels = (size_t)image->width * (size_t)image->height;
    SSG_TRY(make_room(&l->labels, &l->label_room, pixels, 1));
    ssg_ops_cpu()->label(&run, l->labels, l->maps, image->classes, (size_t)image->class_count, pixels, threshold);
    return SSGCAM_OK;
}

void ssg_labellers_clear(ssg_labeller *labellers, size_t count)
{
    for (ssg_labeller *l = labellers; l < labellers + count; l++) {
        ssg_free(l->fused);
        ssg_free(l->part);
        ssg_free(l->labels);
        *l = (ssg_labeller){0};
    }
}
