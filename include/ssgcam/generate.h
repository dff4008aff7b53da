/* ssgcam/generate.h - the main job: masks for a whole data set.
 *
 * Writes OUT/masks/ID.png (8-bit palette PNG at the image's own size: 0 background, c + 1 class c) and OUT/journal.jsonl. A mask appears only when it
 * is complete; run again with the same settings, the job continues where it stopped and ends with the same bytes. */
#ifndef SSGCAM_GENERATE_H
#define SSGCAM_GENERATE_H

#include <ssgcam/dataset.h>
#include <ssgcam/device.h>
#include <ssgcam/model.h>
#include <ssgcam/recipe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Called after every image, in the order of the data and one call at a time, on a thread of the library; `failure` is NULL or says what went wrong
 * with this image. */
typedef void ssgcam_progress(void *context, size_t done, size_t total, const char *id, const char *failure);

typedef struct ssgcam_generate_options {
    ssgcam_device *device;
    const ssgcam_model *model;
    const ssgcam_dataset *data;
    const ssgcam_recipe *recipe;
    const char *out; /* folder; made if missing */
    int batch;       /* images per network pass; 0: 4, on a GPU 16 */
    ssgcam_precision precision;
    /* Each image is looked at in the model's input size times every scale, with `flip` also mirrored left to right, and the fused maps are averaged
     * on the grid. At most 8 scales, none twice; scale_count 0: only 1. An image without labels gets its class at the scale nearest to 1. */
    const double *scales;
    size_t scale_count;
    int flip;
    int shard, shards; /* this process takes item i where i % shards == shard - 1; 0 0: all */
    int maps;          /* also write OUT/maps/ID.CLASS.npy: the fused map in [0, 1] on the grid, of the part of the image that the network saw:
                          OUT/maps/input.json */
    int overlays; /* also write OUT/overlays/ID.png: labels in colour over the image, and the outline of the true mask, where there is one, in white
                   */
    int fresh;    /* forget an earlier journal instead of continuing it */
    /* Polled; nonzero: finish what is under way and return SSGCAM_ERR_INTERRUPTED. May be NULL. Here and in all other options a signal handler or
     * another thread may set it; it is read atomically, so that a store may be atomic too. */
    const int *stop;
    ssgcam_progress *progress;
    void *context;
} ssgcam_generate_options;

typedef struct ssgcam_generate_result {
    size_t total, written, kept, failed; /* kept: complete from an earlier run */
    double network_ms, maps_ms, total_ms;
} ssgcam_generate_result;

/* SSGCAM_ERR_PARTIAL if some images failed (the others are complete), SSGCAM_ERR_INTERRUPTED if stopped, SSGCAM_ERR_INPUT if OUT holds a journal of
 * other settings (the sentence names the difference), SSGCAM_ERR_IO if writing failed, SSGCAM_ERR_ARGUMENT for scales that the model does not take.
 * `result` (may be NULL) is filled in all cases. */
SSGCAM_API ssgcam_status ssgcam_generate_run(const ssgcam_generate_options *options, ssgcam_generate_result *result);

#ifdef __cplusplus
}
#endif
#endif
