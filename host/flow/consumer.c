/* The stream's last threads: results go to the caller in the order of the items, whichever device they come from. */
#include "host/flow/stream_parts.h"

/* The mean of a class's views [view][grid], mirrored ones turned back, in the place of the first, which is upright. */
static void average_views(const stream *s, int16_t *maps)
{
    size_t views = s->views.count, width = (size_t)s->grid_w;
    for (size_t at = 0; views > 1 && at < s->grid_pixels; at++) {
        size_t turned = at - at % width + (width - 1 - at % width), sum = 0;
        for (size_t v = 0; v < views; v++) sum += (size_t)maps[v * s->grid_pixels + (s->views.items[v].mirrored ? turned : at)];
        maps[at] = (int16_t)((2 * sum + views) / (2 * views));
    }
}

static ssgcam_status consume_slot(const hand *h, const slot *from, size_t index)
{
    stream *s = h->s;
    const ssgcam_model *m = s->o->model;
    const int16_t *fused[SSG_STREAM_CLASSES];
    for (int c = 0; c < from->class_count && !s->o->keep_rows; c++) {
        int16_t *maps = (int16_t *)from->maps + (size_t)c * s->views.count * s->grid_pixels;
        if (from->failure.status == SSGCAM_OK) average_views(s, maps);
        fused[c] = maps;
    }
    ssg_stream_image image = {.index = index,
                              .thread = h->number,
                              .stream = s,
                              .item = from->item,
                              .status = from->failure.status,
                              .message = from->failure.message,
                              .width = from->width,
                              .height = from->height,
                              .region = ssg_preprocess_region(&m->preprocess, from->width, from->height, m->height, m->width),
                              .class_count = from->failure.status == SSGCAM_OK ? from->class_count : 0,
                              .classes = from->classes,
                              .ranks = from->ranks,
                              .grid_width = s->grid_w,
                              .grid_height = s->grid_h,
                              .fused = s->o->keep_rows ? NULL : fused,
                              .rows = s->o->keep_rows ? from->maps : NULL};
    ssgcam_status status = s->consume(s->context, &image);
    return ssg_stream_await_turn(&image) == SSGCAM_OK ? status : SSGCAM_ERR_INTERRUPTED;
}

void *ssg_stream_consumer_thread(void *context)
{
    const hand *h = context;
    stream *s = h->s;
    for (position at = ssg_stream_next_to_consume(s); at.b; at = ssg_stream_next_to_consume(s))
        ssg_stream_has_consumed(s, at.b, consume_slot(h, &at.b->slots[at.index], at.b->first + at.index));
    return NULL;
}
