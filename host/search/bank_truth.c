#include <string.h>

#include "host/data/tensor_input.h"
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

/* Classes become places in the list. */
static ssgcam_status number_labels(const ssg_bank_request *r, const ssgcam_item *item, ssg_image *truth)
{
    size_t pixels = (size_t)truth->width * (size_t)truth->height;
    for (size_t i = 0; i < pixels; i++) {
        uint8_t *v = &truth->pixels[i], label;
        if (*v == 0 || *v == SSG_SCORE_IGNORED) continue;
        if (!(label = label_of(r, *v - 1)))
            return ssg_fail(SSGCAM_ERR_INPUT, "%s: it holds class %d, but no image of the data is labelled with that class",
                            ssg_truth_name(item, &r->truth), *v - 1);
        *v = label;
    }
    return SSGCAM_OK;
}

/* Leaves only what the network saw of the image. */
static ssgcam_status cut(ssg_image *truth, const ssg_region *region)
{
    if (region->width == truth->width && region->height == truth->height) return SSGCAM_OK;
    ssg_image part;
    SSG_TRY(ssg_image_make(&part, region->width, region->height, 1));
    for (int y = 0; y < region->height; y++)
        memcpy(part.pixels + (size_t)y * (size_t)region->width, truth->pixels + (size_t)(region->y + y) * (size_t)truth->width + (size_t)region->x,
               (size_t)region->width);
    ssg_image_clear(truth);
    *truth = part;
    return SSGCAM_OK;
}

/* The truth on the grid, by nearest neighbour. */
static ssgcam_status read_on_grid(const ssg_bank_request *r, const ssgcam_item *item, ssg_image *sized)
{
    const ssgcam_model *m = r->options->model;
    size_t classes = m->class_count < SSG_MASK_CLASSES_MOST ? m->class_count : SSG_MASK_CLASSES_MOST;
    int width, height;
    ssg_image truth;
    SSG_TRY(ssg_image_read_size(&width, &height, item->image));
    SSG_TRY(ssg_truth_read(&truth, item, &r->truth, width, height, classes));
    ssg_region region = ssg_preprocess_region(&m->preprocess, width, height, m->height, m->width);
    ssgcam_status status = number_labels(r, item, &truth);
    if (status == SSGCAM_OK) status = cut(&truth, &region);
    if (status == SSGCAM_OK) status = ssg_image_resize_nearest(sized, &truth, r->grid->width, r->grid->height);
    ssg_image_clear(&truth);
    return status;
}

/* In the order of the maps. `pixels`: of each label in all images so far. */
static ssgcam_status place(const ssg_bank_request *r, const ssgcam_item *item, uint8_t *truth, size_t pixels[256])
{
    ssg_image sized;
    SSG_TRY(read_on_grid(r, item, &sized));
    size_t count = (size_t)r->grid->width * (size_t)r->grid->height, kept = 0;
    for (size_t i = 0; i < count; i++) {
        pixels[sized.pixels[i]]++;
        kept += sized.pixels[i] != SSG_SCORE_IGNORED;
    }
    ssg_bank_order_truth(truth, sized.pixels, r->grid->height, r->grid->width);
    ssg_image_clear(&sized);
    if (kept) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_INPUT, "%s: every pixel is marked as ignored; leave this image out of the data", ssg_truth_name(item, &r->truth));
}

static ssgcam_status check_shown(const ssg_bank_request *r, const size_t pixels[256])
{
    for (size_t k = 0; k < r->class_count; k++) {
        const char *name = ssgcam_model_class_name(r->options->model, (size_t)r->classes[k]);
        if (pixels[k + 1]) continue;
        return ssg_fail(SSGCAM_ERR_INPUT, "class %d%s%s%s: images are labelled with it, but no %s shows it; leave these images out, correct the %s",
                        r->classes[k], name ? " (" : "", name ? name : "", name ? ")" : "", ssg_truth_is_boxes(&r->truth) ? "box" : "mask",
                        ssg_truth_is_boxes(&r->truth) ? "boxes, or read masks (--mask-values)"
                                                      : "masks, or, if they mark objects without their class, read them with --mask-values object");
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_bank_read_truth(ssg_bank_store *store, const ssg_bank_request *request)
{
    size_t pixels[256] = {0};
    for (size_t i = 0; i < request->count; i++) SSG_TRY(place(request, request->items[i], store->truth + i * store->stride, pixels));
    return check_shown(request, pixels);
}
