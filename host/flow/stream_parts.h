/* stream_parts.h - inside of a stream: what its files share.
 *
 *     stream.c        set-up, threads, how it ends
 *     ring.c          images and batches change hands
 *     reader.c        decode, preprocess
 *     worker.c        a device: takes batches, cuts them into parts; memory that runs out, a device that is lost
 *     worker_pass.c   a part goes through the network; its maps on the grid
 *     consumer.c      results in the order of the items */
#ifndef SSG_FLOW_STREAM_PARTS_H
#define SSG_FLOW_STREAM_PARTS_H

#include <pthread.h>

#include "host/flow/stream.h"

enum { SSG_STREAM_CLASSES = 32 }; /* at most, of one image */

/* EMPTY -> readers -> READING -> READ -> a worker -> TAKEN -> DONE -> consumers -> CONSUMING -> EMPTY. A worker that fails makes TAKEN READ again. */
typedef enum batch_state { BATCH_EMPTY, BATCH_READING, BATCH_READ, BATCH_TAKEN, BATCH_DONE, BATCH_CONSUMING } batch_state;

/* One image of a batch. */
typedef struct slot {
    const ssgcam_item *item;
    ssg_failure failure;
    int width, height, class_count, classes[SSG_STREAM_CLASSES], ranks[SSG_STREAM_CLASSES];
    void *maps;  /* host memory: int16 [class][view][grid], with keep_rows uint8 [class][row][power][grid] */
    size_t room; /* classes that maps has room for */
} slot;

typedef struct batch {
    batch_state state;
    size_t number, first, count; /* which batch, its first item, how many images */
    size_t open;                 /* READING, CONSUMING: images that are not through yet */
    float *tensor;               /* [view][image] */
    slot *slots;
} batch;

typedef struct stream stream;

/* A view of a part: its way through the network. */
typedef struct pass {
    const float *tensor;
    ssg_cam *engine;
    ssg_lane *images, *scores, *flags; /* flags: [row][class][image] */
    ssg_mark start, network, end;
} pass;

/* Images of a batch that go through the network together, once for every view. */
typedef struct part {
    batch *b;
    slot *slots;
    size_t count;
    int last;    /* of its batch */
    int classes; /* C of the network passes: the most of any image */
    pass passes[SSG_VIEWS_MOST];
    ssg_lane *maps; /* of all images one after the other, as in their slots; NULL where the device works in host memory */
} part;

enum { SSG_STREAM_PARTS = 2 }; /* one computes while the next one's images come and the last one's maps go */

/* A device with what it needs to work. */
typedef struct worker {
    stream *s;
    ssg_device *device;
    pthread_t thread;
    batch *at_hand; /* what is being cut into parts, and how many of its images have begun */
    size_t begun;
    int pass_size; /* images per network pass: the batch, or a divisor of it where memory does not suffice */
    part parts[SSG_STREAM_PARTS];
    ssg_cam *engines[SSG_VIEWS_MOST][SSG_STREAM_CLASSES + 1]; /* views of one size share the first one's */
    int64_t *chosen;
    ssg_place *places; /* of a row's maps */
    ssg_stream_times times;
} worker;

/* A thread that reads or consumes. */
typedef struct hand {
    stream *s;
    pthread_t thread;
    int number;
} hand;

struct stream {
    const ssg_stream_options *o;
    ssg_cam_row *rows;
    float *powers; /* of a recipe: one per row; else every row has each */
    int *weights;
    int row_count, power_count, batch_size, grid_h, grid_w;
    size_t grid_pixels, batches;
    ssg_views views;
    size_t view_floats[SSG_VIEWS_MOST]; /* of an image */
    size_t image_floats;                /* of an image in all views */
    worker *workers;
    int worker_count, reader_count, consumer_count;
    hand readers[SSG_STREAM_READERS], consumers[SSG_STREAM_CONSUMERS];
    ssg_stream_consumer *consume;
    void *context;

    /* Under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t for_readers, for_workers, for_consumers; /* something has changed for them */
    batch *ring;
    size_t ring_size, done;    /* batches that a worker has finished */
    size_t unread, unconsumed; /* the next image that a reader, a consumer takes */
    size_t turn;               /* images that are consumed */
    int working;               /* workers that have not left */
    int halted;                /* no batch is begun any more */
    int over;                  /* nothing is consumed any more: the consumer failed */
    int said_short;            /* that memory is short */
    ssg_failure failure;       /* why the workers stopped */
    ssg_failure consumer_failure;
};

/* Where an image of a batch lies in its tensor. */
static inline size_t ssg_stream_place(const stream *s, size_t view, size_t image)
{
    size_t before = 0;
    for (size_t v = 0; v < view; v++) before += s->view_floats[v];
    return before * (size_t)s->batch_size + image * s->view_floats[view];
}

/* ---- ring.c ------------------------------------------------------------------------------------------------------------------------------ */

/* An image of a batch; no batch: there is none. */
typedef struct position {
    batch *b;
    size_t index;
} position;

/* The next image for a reader, once there is room for it; none if no worker would take it. */
position ssg_stream_next_to_read(stream *s);

/* It is read; whether it was the last of its batch, which is then passed on. */
int ssg_stream_has_read(stream *s, batch *b);

/* The next image for a consumer, once its batch is done; none if that will not happen. */
position ssg_stream_next_to_consume(stream *s);

/* Its turn has come and it is consumed, or failed with the calling thread's last error. */
void ssg_stream_has_consumed(stream *s, batch *b, ssgcam_status status);

/* The first batch that has been read, for a worker; NULL if there is none left or the stream halts, or there is none now and `wait` is 0. */
batch *ssg_stream_take(stream *s, int wait);

void ssg_stream_pass_on(stream *s, batch *b, batch_state state);

/* A worker leaves; `status`: why, with the calling thread's last error. Its device or memory may fail: then the others go on, if there are any. */
void ssg_stream_leave(stream *s, const worker *w, ssgcam_status status);

/* Says `text` once in the life of the stream. */
void ssg_stream_say_short(stream *s, const char *text);

/* No worker will come. */
void ssg_stream_abandon(stream *s);

/* ---- the threads --------------------------------------------------------------------------------------------------------------------------- */

void *ssg_stream_reader(void *hand);
void *ssg_stream_consumer_thread(void *hand);
void *ssg_stream_worker(void *worker);

/* ---- worker_pass.c -------------------------------------------------------------------------------------------------------------------------- */

/* Gives the images of a part (b, slots, tensor, count are set) to the device, which works on while the caller goes on. */
ssgcam_status ssg_stream_begin(worker *w, part *p);

/* Waits for them; their maps are then in their slots. */
ssgcam_status ssg_stream_finish(worker *w, part *p);

/* Gives back the device memory of a part. */
void ssg_stream_clear_part(worker *w, part *p);

#endif
