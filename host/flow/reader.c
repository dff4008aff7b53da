/* The stream's first thread: files become batches of preprocessed images. */
#include <stdio.h>
#include <string.h>

#include "host/data/image.h"
#include "host/flow/stream_parts.h"

static ssgcam_status read_image(const stream *s, slot *to, size_t item, float *tensor)
{
    const ssgcam_model *m = s->o->model;
    ssg_image image;
    if (to->item->label_count > SSG_STREAM_CLASSES)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "%s: %zu labels; at most %d an image", to->item->image, to->item->label_count, SSG_STREAM_CLASSES);
    if (s->o->tensors) {
        to->width = m->width;
        to->height = m->height;
        memcpy(tensor, s->o->tensors + item * s->image_floats, s->image_floats * sizeof *tensor);
        return SSGCAM_OK;
    }
    SSG_TRY(ssg_image_read(&image, to->item->image, m->preprocess.channels == SSGCAM_CHANNELS_GREY ? 1 : 3));
    to->width = image.width;
    to->height = image.height;
    ssgcam_status status = ssg_preprocess_image(tensor, &m->preprocess, &image, m->height, m->width, m->nhwc);
    ssg_image_clear(&image);
    return status == SSGCAM_OK ? status : ssg_fail_prefix(status, "%s", to->item->image);
}

static void read_slot(const stream *s, slot *to, size_t item, float *tensor)
{
    to->item = s->o->items[item];
    to->status = SSGCAM_OK;
    to->class_count = 0;
    ssgcam_status status = read_image(s, to, item, tensor);
    if (status == SSGCAM_OK) return;
    ssg_stream_fail_slot(to, status);
    memset(tensor, 0, s->image_floats * sizeof *tensor);
}

void *ssg_stream_reader(void *context)
{
    stream *s = context;
    batch *b;
    for (size_t n = 0; n < s->batches && (b = ssg_stream_await_empty(s, n)); n++) {
        size_t size = (size_t)s->batch_size;
        b->number = n;
        b->first = n * size;
        b->count = s->o->count - b->first < size ? s->o->count - b->first : size;
        for (size_t i = 0; i < b->count; i++) read_slot(s, &b->slots[i], b->first + i, b->tensor + i * s->image_floats);
        /* The last batch is filled up, so that one plan serves all. */
        memset(b->tensor + b->count * s->image_floats, 0, (size - b->count) * s->image_floats * sizeof *b->tensor);
        ssg_stream_pass_on(s, b, BATCH_READ);
    }
    return NULL;
}
