#include <string.h>
#include <xxhash.h>

#include "host/base/alloc.h"
#include "host/data/image.h"
#include "host/flow/stream.h"
#include "host/search/bank.h"

typedef struct build {
    ssg_bank_store *store;
    const ssg_bank_request *r;
    size_t *image_of; /* of the stream's items: their place in the bank */
    size_t done;
    uint8_t *record;
    ssg_bank_place *place;
    void *context;
} build;

/* The model's class number to its place in the list, plus one; 0 if it is not there. */
static uint8_t label_of(const ssg_bank_request *r, int class_number)
{
    for (size_t k = 0; k < r->class_count; k++)
        if (r->classes[k] == class_number) return (uint8_t)(k + 1);
    return 0;
}

static ssgcam_status read_mask(const build *b, const ssgcam_item *item, ssg_image *mask)
{
    const ssg_bank_request *r = b->r;
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

/* The mask on the grid, by nearest neighbour; padded with "ignored". */
static ssgcam_status place_truth(const build *b, const ssg_stream_image *image, uint8_t *truth)
{
    ssg_image mask, sized;
    const ssgcam_item *item = image->item;
    SSG_TRY(read_mask(b, item, &mask));
    ssgcam_status status = SSGCAM_OK;
    if (mask.width != image->width || mask.height != image->height)
        status = ssg_fail(SSGCAM_ERR_INPUT, "%s: %dx%d pixels, but the image has %dx%d; a mask must have its image's size", item->mask, mask.width,
                          mask.height, image->width, image->height);
    if (status == SSGCAM_OK) status = cut(&mask, &image->region);
    if (status == SSGCAM_OK) status = ssg_image_resize_nearest(&sized, &mask, image->grid_width, image->grid_height);
    ssg_image_clear(&mask);
    SSG_TRY(status);
    size_t pixels = (size_t)image->grid_width * (size_t)image->grid_height, kept = 0;
    memset(truth, SSG_SCORE_IGNORED, b->store->stride);
    memcpy(truth, sized.pixels, pixels);
    ssg_image_clear(&sized);
    for (size_t i = 0; i < pixels; i++) kept += truth[i] != SSG_SCORE_IGNORED;
    return kept ? SSGCAM_OK : ssg_fail(SSGCAM_ERR_INPUT, "%s: every pixel is marked as ignored; leave this image out of the data", item->mask);
}

static void place_maps(const build *b, const ssg_stream_image *image, uint8_t *maps)
{
    size_t pixels = (size_t)image->grid_width * (size_t)image->grid_height, stride = b->store->stride;
    size_t count = (size_t)image->class_count * b->store->rows;
    for (size_t m = 0; m < count; m++) {
        memcpy(maps + m * stride, image->rows + m * pixels, pixels);
        memset(maps + m * stride + pixels, 0, stride - pixels);
    }
}

static ssgcam_status consume(void *context, const ssg_stream_image *image)
{
    build *b = context;
    if (image->status != SSGCAM_OK) return ssg_fail(image->status, "%s", image->message);
    size_t at = b->image_of[image->index], size = (1 + (size_t)image->class_count * b->store->rows) * b->store->stride;
    SSG_TRY(place_truth(b, image, b->record));
    place_maps(b, image, b->record + b->store->stride);
    uint64_t checksum = XXH3_64bits(b->record, size);
    SSG_TRY(b->place(b->context, at, b->record, size, checksum ? checksum : 1));
    b->done++;
    if (b->r->options->on_image) b->r->options->on_image(b->r->options->context, b->done, b->r->count, image->item->id, NULL);
    return SSGCAM_OK;
}

static ssgcam_status run(build *b, const ssgcam_item **items)
{
    const ssg_bank_request *r = b->r;
    const ssgcam_search_options *o = r->options;
    size_t todo = 0, widest = 1;
    for (size_t i = 0; i < r->count; i++) {
        if (r->items[i]->label_count > widest) widest = r->items[i]->label_count;
        if (b->store->table[i].checksum) continue;
        b->image_of[todo] = i;
        items[todo++] = r->items[i];
    }
    b->done = r->count - todo;
    if (!(b->record = ssg_alloc_aligned(1 + widest * b->store->rows, b->store->stride))) return SSG_OUT_OF_MEMORY;
    ssg_stream_options stream = {.device = o->device,
                                 .model = o->model,
                                 .rows = r->grid->rows,
                                 .row_count = (int)(r->grid->layers * r->grid->methods),
                                 .powers = r->grid->power,
                                 .power_count = (int)r->grid->powers,
                                 .keep_rows = 1,
                                 .grid = {r->grid->height, r->grid->width},
                                 .items = items,
                                 .count = todo,
                                 .batch = o->batch,
                                 .precision = o->precision == SSGCAM_PRECISION_BF16 ? SSG_PRECISION_BF16 : SSG_PRECISION_F32,
                                 .stop = o->stop};
    return todo ? ssg_stream_run(&stream, consume, b, NULL) : SSGCAM_OK;
}

ssgcam_status ssg_bank_build(ssg_bank_store *store, const ssg_bank_request *request, ssg_bank_place *place, void *context)
{
    build b = {.store = store, .r = request, .place = place, .context = context};
    const ssgcam_item **items = ssg_calloc(request->count, sizeof *items);
    b.image_of = ssg_calloc(request->count, sizeof *b.image_of);
    ssgcam_status status = items && b.image_of ? run(&b, items) : SSG_OUT_OF_MEMORY;
    ssg_free(items);
    ssg_free(b.image_of);
    ssg_free(b.record);
    return status;
}
