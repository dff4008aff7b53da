/* The stream's first threads: files become batches of preprocessed images. */
#include <string.h>

#include "host/data/image.h"
#include "host/flow/stream_parts.h"

static ssgcam_status preprocess(const stream *s, const ssg_image *image, float *tensor, size_t place)
{
    const ssgcam_model *m = s->o->model;
    for (size_t v = 0; v < s->views.count; v++) {
        const ssg_view *view = &s->views.items[v];
        float *to = tensor + ssg_stream_place(s, v, place);
        SSG_TRY(ssg_preprocess_image(to, &m->preprocess, image, view->height, view->width, m->nhwc));
        if (view->mirrored) ssg_preprocess_mirror(to, image->channels, view->height, view->width, m->nhwc);
    }
    return SSGCAM_OK;
}

static ssgcam_status read_image(const stream *s, batch *b, size_t index)
{
    const ssgcam_model *m = s->o->model;
    slot *to = &b->slots[index];
    ssg_image image;
    if (to->item->label_count > SSG_STREAM_CLASSES)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "%s: %zu labels; at most %d an image", to->item->image, to->item->label_count, SSG_STREAM_CLASSES);
    if (s->o->tensors) {
        to->width = m->width;
        to->height = m->height;
        const float *from = s->o->tensors + (b->first + index) * s->image_floats;
        ssg_shape shape = ssg_network_input(m, 1, m->height, m->width);
        memcpy(b->tensor + ssg_stream_place(s, 0, index), from, s->image_floats * sizeof *from);
        ssgcam_status status = ssg_tensor_check(from, shape.dims + 1);
        return status == SSGCAM_OK ? status : ssg_fail_prefix(status, "%s", to->item->image);
    }
    SSG_TRY(ssg_image_read(&image, to->item->image, m->preprocess.channels == SSGCAM_CHANNELS_GREY ? 1 : 3));
    to->width = image.width;
    to->height = image.height;
    ssgcam_status status = preprocess(s, &image, b->tensor, index);
    ssg_image_clear(&image);
    return status == SSGCAM_OK ? status : ssg_fail_prefix(status, "%s", to->item->image);
}

/* The network sees zeros. */
static void leave_empty(const stream *s, batch *b, size_t index)
{
    for (size_t v = 0; v < s->views.count; v++) memset(b->tensor + ssg_stream_place(s, v, index), 0, s->view_floats[v] * sizeof *b->tensor);
}

static void read_slot(const stream *s, batch *b, size_t index)
{
    slot *to = &b->slots[index];
    to->item = s->o->items[b->first + index];
    to->failure.status = SSGCAM_OK;
    to->class_count = 0;
    ssgcam_status status = read_image(s, b, index);
    if (status == SSGCAM_OK) return;
    ssg_failure_take(&to->failure, status);
    leave_empty(s, b, index);
}

void *ssg_stream_reader(void *context)
{
    stream *s = ((hand *)context)->s;
    for (position at = ssg_stream_next_to_read(s); at.b; at = ssg_stream_next_to_read(s)) {
        read_slot(s, at.b, at.index);
        if (!ssg_stream_has_read(s, at.b)) continue;
        for (size_t i = at.b->count; i < (size_t)s->batch_size; i++) leave_empty(s, at.b, i); /* so that one plan serves the last batch too */
        ssg_stream_pass_on(s, at.b, BATCH_READ);
    }
    return NULL;
}
