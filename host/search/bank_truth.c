#include <string.h>

#include "host/base/alloc.h"
#include "host/data/image.h"
#include "host/flow/network.h"
#include "host/search/bank.h"
#include "host/search/bank_order.h"

/* The model's class number to its place in the list, plus one; 0 if it is not there. */
static uint8_t label_of(const ssg_bank_request *r, int class_number)
{
    for (size_t k = 0; k < r->class_count; k++)
        if (r->classes[k] == class_number) return (uint8_t)(k + 1);
    return 0;
}

static ssgcam_status read_mask(const ssg_bank_request *r, const ssgcam_item *item, ssg_image *mask)
{
    if (r->masks.values == SSG_MASK_OBJECT) {
        int label = item->label_count == 1 ? label_of(r, item->labels[0]) - 1 : -1;
        return ssg_mask_read(mask, item->mask, &r->masks, label, r->class_count);
    }
    size_t classes = r->options->model->class_count, pixels;
    SSG_TRY(ssg_mask_read(mask, item->mask, &r->masks, -1, classes < 254 ? classes : 254));
    pixels = (size_t)mask->width * (size_t)mask->height;
    for (size_t i = 0; i < pixels; i++) {
        uint8_t *v = &mask->pixels[i];
        if (*v == 0 || *v == SSG_SCORE_IGNORED) continue;
        uint8_t label = label_of(r, *v - 1);
        if (!label) {
            ssgcam_status status =
                ssg_fail(SSGCAM_ERR_INPUT, "%s: it holds class %d, but no image of the data is labelled with that class", item->mask, *v - 1);
            ssg_image_clear(mask);
            return status;
        }
        *v = label;
    }
    return SSGCAM_OK;
}

/* Leaves only what the network saw of the image. */
static ssgcam_status cut(ssg_image *mask, const ssg_region *region)
{
    if (region->width == mask->width && region->height == mask->height) return SSGCAM_OK;
    uint8_t *part = ssg_alloc_aligned((size_t)region->width * (size_t)region->height, 1);
    if (!part) return SSG_OUT_OF_MEMORY;
    for (int y = 0; y < region->height; y++)
        memcpy(part + (size_t)y * (size_t)region->width, mask->pixels + (size_t)(region->y + y) * (size_t)mask->width + (size_t)region->x,
               (size_t)region->width);
    ssg_free(mask->pixels);
    *mask = (ssg_image){region->width, region->height, 1, part};
    return SSGCAM_OK;
}

/* The mask on the grid, by nearest neighbour, in the order of the maps. */
static ssgcam_status place(const ssg_bank_request *r, const ssgcam_item *item, uint8_t *truth, int size[2])
{
    const ssgcam_model *m = r->options->model;
    ssg_image mask, sized;
    SSG_TRY(read_mask(r, item, &mask));
    size[0] = mask.width, size[1] = mask.height;
    ssg_region region = ssg_preprocess_region(&m->preprocess, mask.width, mask.height, m->height, m->width);
    ssgcam_status status = cut(&mask, &region);
    if (status == SSGCAM_OK) status = ssg_image_resize_nearest(&sized, &mask, r->grid->width, r->grid->height);
    ssg_image_clear(&mask);
    SSG_TRY(status);
    size_t pixels = (size_t)r->grid->width * (size_t)r->grid->height, kept = 0;
    for (size_t i = 0; i < pixels; i++) kept += sized.pixels[i] != SSG_SCORE_IGNORED;
    ssg_bank_order_truth(truth, sized.pixels, r->grid->height, r->grid->width);
    ssg_image_clear(&sized);
    return kept ? SSGCAM_OK : ssg_fail(SSGCAM_ERR_INPUT, "%s: every pixel is marked as ignored; leave this image out of the data", item->mask);
}

ssgcam_status ssg_bank_read_truth(ssg_bank_store *store, const ssg_bank_request *request)
{
    for (size_t i = 0; i < request->count; i++)
        SSG_TRY(place(request, request->items[i], store->truth + i * store->stride, store->mask_sizes + 2 * i));
    return SSGCAM_OK;
}
