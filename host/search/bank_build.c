#include <xxhash.h>

#include "host/base/alloc.h"
#include "host/flow/precision.h"
#include "host/flow/stream.h"
#include "host/search/bank.h"
#include "host/search/bank_order.h"
#include "kernels/score_blocks.h"

typedef struct build {
    ssg_bank_store *store;
    const ssg_bank_request *r;
    size_t *image_of; /* of the stream's items: their place in the bank */
    size_t done;
    size_t record_room;
    uint8_t *records[SSG_STREAM_CONSUMERS]; /* of each thread */
    ssg_bank_place *place;
    void *context;
} build;

static void place_maps(const build *b, const ssg_stream_image *image, uint8_t *maps)
{
    size_t pixels = (size_t)image->grid_width * (size_t)image->grid_height, stride = b->store->stride;
    size_t count = (size_t)image->class_count * b->store->rows, bounds = ssg_score_bounds_size(stride);
    for (size_t m = 0; m < count; m++) {
        ssg_bank_order_map(maps + m * stride, image->rows + m * pixels, image->grid_height, image->grid_width);
        ssg_score_bound_row(maps + count * stride + m * bounds, maps + m * stride, stride);
    }
}

/* On several threads, until an image's turn. */
static ssgcam_status consume(void *context, const ssg_stream_image *image)
{
    build *b = context;
    if (image->status != SSGCAM_OK) return ssg_fail(image->status, "%s", image->message);
    size_t at = b->image_of[image->index], size = ssg_bank_record_size(b->store, (size_t)image->class_count);
    ssg_bank_table_entry entry = b->store->table[at];
    uint8_t **record = &b->records[image->thread];
    if (!*record && !(*record = ssg_alloc_aligned(b->record_room, 1))) return SSG_OUT_OF_MEMORY;
    place_maps(b, image, *record);
    entry.checksum = XXH3_64bits(*record, size);
    if (!entry.checksum) entry.checksum = 1;
    SSG_TRY(b->place(b->context, at, *record, size, &entry));
    SSG_TRY(ssg_stream_await_turn(image));
    b->done++;
    if (b->r->options->on_image) b->r->options->on_image(b->r->options->context, b->done, b->r->count, image->item->id, NULL);
    return SSGCAM_OK;
}

enum { DEFAULT_BATCH = 4 }; /* on every device: all rows of an image are tens of megabytes, and so are their copies */

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
    b->record_room = ssg_bank_record_size(b->store, widest);
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
                                 .batch = o->batch ? o->batch : DEFAULT_BATCH,
                                 .together = 1,
                                 .precision = ssg_precision_of(o->precision),
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
    for (int i = 0; i < SSG_STREAM_CONSUMERS; i++) ssg_free(b.records[i]);
    return status;
}
