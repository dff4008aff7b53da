#include <ssgcam/label.h>

#include "host/base/alloc.h"
#include "host/data/truth.h"
#include "host/device/device.h"
#include "host/flow/labels.h"
#include "host/flow/precision.h"
#include "host/flow/views.h"

typedef struct job {
    const ssgcam_label_options *o;
    size_t failed;
    ssg_labeller labellers[SSG_STREAM_CONSUMERS]; /* of each thread */
} job;

/* On several threads, until an image's turn. */
static ssgcam_status consume(void *context, const ssg_stream_image *image)
{
    job *j = context;
    ssg_labeller *labeller = &j->labellers[image->thread];
    ssgcam_labelling labelling = {.index = image->index, .item = image->item};
    if (image->status == SSGCAM_OK) {
        SSG_TRY(ssg_labeller_resize(labeller, image));
        SSG_TRY(ssg_labeller_label(labeller, image, j->o->recipe->threshold));
        labelling.labels = labeller->labels;
        labelling.height = (size_t)image->height;
        labelling.width = (size_t)image->width;
    } else
        labelling.failure = image->message;
    SSG_TRY(ssg_stream_await_turn(image));
    j->failed += labelling.failure != NULL;
    j->o->callback(j->o->context, &labelling);
    return SSGCAM_OK;
}

static ssgcam_status run(job *j, const ssgcam_item **items)
{
    const ssgcam_label_options *o = j->o;
    ssg_views views;
    size_t batch = (size_t)ssg_device_batch(o->device, o->batch); /* a GPU would work on images that do not come */
    SSG_TRY(ssg_views_make(&views, o->model, o->scales, o->scale_count, o->flip));
    for (size_t i = 0; i < o->item_count; i++) items[i] = &o->items[i];
    ssg_stream_options stream = {.device = o->device,
                                 .model = o->model,
                                 .recipe = o->recipe,
                                 .views = &views,
                                 .items = items,
                                 .tensors = o->images,
                                 .count = o->item_count,
                                 .batch = (int)(batch < o->item_count ? batch : o->item_count),
                                 .together = 1,
                                 .precision = ssg_precision_of(o->precision),
                                 .stop = o->stop};
    SSG_TRY(ssg_stream_run(&stream, consume, j, NULL));
    return j->failed ? ssg_fail(SSGCAM_ERR_PARTIAL, "%zu of %zu images failed", j->failed, o->item_count) : SSGCAM_OK;
}

ssgcam_status ssgcam_label_run(const ssgcam_label_options *options)
{
    job j = {.o = options};
    size_t classes = ssgcam_model_class_count(options->model);
    if (!options->item_count || !options->callback) return ssg_fail(SSGCAM_ERR_ARGUMENT, "no images to label, or nowhere to give the labels");
    if (options->images && (options->scale_count || options->flip))
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "arrays are fed as they are; other scales and mirrored views are of image files");
    if (classes > SSG_MASK_CLASSES_MOST)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "the model has %zu classes; labels are bytes and hold %d", classes, SSG_MASK_CLASSES_MOST);
    const ssgcam_item **items = ssg_calloc(options->item_count, sizeof *items);
    ssgcam_status status = items ? run(&j, items) : SSG_OUT_OF_MEMORY;
    ssg_labellers_clear(j.labellers, SSG_STREAM_CONSUMERS);
    ssg_free(items);
    return status;
}
