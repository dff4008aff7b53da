/* stream.h - images in, fused maps out: decoding, network and consumption overlap, memory does not grow with the number of images.
 *
 *     reader threads         decode, preprocess          into a ring of batches
 *     a thread a device      network, maps, quantise, mix; a batch is taken by whichever device is free (the first works in the calling thread)
 *     consumer threads       your callback, in the order of the items
 *
 * One thread decodes some hundred images a second, and a GPU may want thousands: there are as many readers and consumers as the device has threads of
 * the host, but no more than 32 and 16. They wait where there is nothing to do.
 *
 * Which device takes a batch changes no byte: the batches are the same, whatever their number. A device that fails leaves its batches to the others.
 */
#ifndef SSG_FLOW_STREAM_H
#define SSG_FLOW_STREAM_H

#include <ssgcam/dataset.h>

#include "host/data/tensor_input.h"
#include "host/flow/views.h"

enum { SSG_STREAM_READERS = 32, SSG_STREAM_CONSUMERS = 16 }; /* threads at most */

/* What the consumer sees of one image. All pointers are valid during the call only. */
typedef struct ssg_stream_image {
    size_t index; /* into the items */
    int thread;   /* which of the consumer's threads this is, 0 to SSG_STREAM_CONSUMERS - 1 */
    struct stream *stream;
    const ssgcam_item *item;
    ssgcam_status status; /* not OK: this image failed, `message` says why, the rest is empty */
    const char *message;
    int width, height; /* of the image itself */
    ssg_region region; /* the part of it that the network saw */
    int class_count;
    const int *classes;          /* ascending */
    const int *ranks;            /* how many classes the network prefers to each of these; 0: its answer */
    int grid_width, grid_height; /* of the integer maps */
    const int16_t *const *fused; /* per class: the mixture on the grid, 0..32385, the mean of all views; NULL if rows are asked for */
    const uint8_t *rows;         /* with keep_rows: [class][row][power][grid pixels] */
} ssg_stream_image;

/* A failure ends the stream with that status, once the images before it are consumed. */
typedef ssgcam_status ssg_stream_consumer(void *context, const ssg_stream_image *image);

/* For a consumer on several threads: returns when all images before this one are consumed. Not OK: the stream has ended at one of them; the consumer
 * returns at once. */
ssgcam_status ssg_stream_await_turn(const ssg_stream_image *image);

typedef struct ssg_stream_options {
    ssg_device *device; /* and those opened with it (device->next) */
    const ssgcam_model *model;
    /* Either a recipe, or rows (keep_rows): each row quantised on the grid once with every power, row-major. */
    const ssgcam_recipe *recipe;
    const ssg_cam_row *rows;
    const double *powers; /* NULL: only 1 */
    int row_count, power_count, keep_rows;
    int grid[2];            /* height, width; 0 0: the recipe's, else the network's input */
    const ssg_views *views; /* of a recipe and files; NULL: the network's input size as it is */
    const ssgcam_item *const *items;
    const float *tensors; /* instead of the items' files: their arrays one after the other, each of the network's input; NULL: files */
    size_t count;
    int batch;    /* images per network pass; 0: what suits the device */
    int together; /* the consumer may be called on several threads at once, and does what must be in order after ssg_stream_await_turn */
    ssg_precision precision;
    const int *stop; /* polled between batches; nonzero ends the stream with SSGCAM_ERR_INTERRUPTED. May be NULL */
} ssg_stream_options;

/* Times spent in the network and map stages, added up over the devices, and altogether, in milliseconds. */
typedef struct ssg_stream_times {
    double network, maps, total;
} ssg_stream_times;

/* An image without labels gets the class of the highest score. `times` may be NULL. */
ssgcam_status ssg_stream_run(const ssg_stream_options *options, ssg_stream_consumer *consumer, void *context, ssg_stream_times *times);

#endif
