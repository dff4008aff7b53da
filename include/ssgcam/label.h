/* ssgcam/label.h - pixel labels of some images, in memory: what ssgcam_generate_run writes as masks. */
#ifndef SSGCAM_LABEL_H
#define SSGCAM_LABEL_H

#include <stdint.h>

#include <ssgcam/dataset.h>
#include <ssgcam/device.h>
#include <ssgcam/model.h>
#include <ssgcam/recipe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One finished image. Pointers are valid during the call only. */
typedef struct ssgcam_labelling {
    size_t index; /* into the items */
    const ssgcam_item *item;
    const char *failure;   /* why this image has no labels, or NULL */
    const uint8_t *labels; /* height x width: 0 background, c + 1 class c; NULL where it failed */
    size_t height, width;  /* of the image file; of an array: the network's input size */
} ssgcam_labelling;

/* Called once for every image, in the order of the items, on a thread of the library. */
typedef void ssgcam_label_callback(void *context, const ssgcam_labelling *labelling);

typedef struct ssgcam_label_options {
    ssgcam_device *device;
    const ssgcam_model *model;
    const ssgcam_recipe *recipe;
    /* `image` and `labels` of each count; the image is a file, or with `images` a name for messages. Without labels: the class of the highest score.
     */
    const ssgcam_item *items;
    size_t item_count;
    /* NULL, or the items' arrays one after the other, each float32 of the network's input size, C H W or H W C (ssgcam_model_input), fed as it is.
     * They stay the caller's. */
    const float *images;
    const double *scales; /* as ssgcam_generate_options has them; of files only */
    size_t scale_count;
    int flip;
    int batch; /* images per network pass; 0: 4, on a GPU 16, or all if they are fewer */
    ssgcam_precision precision;
    const int *stop; /* polled between batches; nonzero ends with SSGCAM_ERR_INTERRUPTED. May be NULL */
    ssgcam_label_callback *callback;
    void *context;
} ssgcam_label_options;

/* SSGCAM_ERR_PARTIAL if some images failed: the callback was told which and why, and has had the others. A model with more than 253 classes:
 * SSGCAM_ERR_UNSUPPORTED, as labels are bytes. */
SSGCAM_API ssgcam_status ssgcam_label_run(const ssgcam_label_options *options);

#ifdef __cplusplus
}
#endif
#endif
