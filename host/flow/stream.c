#include "host/flow/stream.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/data/tensor_input.h"
#include "host/flow/precision.h"
#include "kernels/ops.h"

enum { RING = 3, DEFAULT_BATCH = 4, MOST_CLASSES = 32 };

typedef enum batch_state { BATCH_EMPTY, BATCH_READ, BATCH_DONE } batch_state;

/* One image of a batch. */
typedef struct slot {
    const ssgcam_item *item;
    ssgcam_status status;
    char message[512];
    int width, height, class_count, classes[MOST_CLASSES];
    void *maps;  /* device memory: int16 [class][grid], with keep_rows uint8 [class][row][power][grid] */
    void *copy;  /* the same in host memory; the very same where the device works in host memory */
    size_t room; /* classes that maps has room for */
} slot;

typedef struct batch {
    batch_state state;
    size_t first, count;
    float *tensor;
    slot *slots;
} batch;

typedef struct stream {
    const ssg_stream_options *o;
    ssg_cam_row *rows;
    double *powers; /* of a recipe: one per row; else every row has each */
    int *weights;
    int row_count, power_count, batch_size, grid_h, grid_w;
    int pass_size; /* images per network pass: the batch, or a divisor of it where memory does not suffice */
    size_t grid_pixels, image_floats;
    batch ring[RING];
    size_t batches;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int ended; /* something failed: all threads leave */
    ssg_cam *engines[MOST_CLASSES + 1];
    float *logits;
    int64_t *chosen;
    uint8_t *flags, *device_flags; /* [row][class][image] */
    uint8_t *quantised;            /* device memory: one row on the grid */
    ssg_stream_consumer *consumer;
    void *context;
    ssgcam_status consumer_status;
    char consumer_message[512];
    ssg_stream_times times;
} stream;

/* ---- hand-over ------------------------------------------------------------------------------------------------------------------- */

/* Waits until the batch that serves number `n` is in `state`; 0 if the stream has ended. */
static int await_state(stream *s, size_t n, batch_state state)
{
    pthread_mutex_lock(&s->lock);
    while (!s->ended && s->ring[n % RING].state != state) pthread_cond_wait(&s->changed, &s->lock);
    int go = !s->ended;
    pthread_mutex_unlock(&s->lock);
    return go;
}

static void set_state(stream *s, size_t n, batch_state state)
{
    pthread_mutex_lock(&s->lock);
    s->ring[n % RING].state = state;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void end(stream *s)
{
    pthread_mutex_lock(&s->lock);
    s->ended = 1;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void fail_slot(slot *to, ssgcam_status status)
{
    to->status = status;
    snprintf(to->message, sizeof to->message, "%s", ssgcam_last_error());
}

/* ---- reader ---------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status read_image(const stream *s, slot *to, float *tensor)
{
    const ssgcam_model *m = s->o->model;
    ssg_image image;
    if (to->item->label_count > MOST_CLASSES)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "%s: %zu labels; at most %d an image", to->item->image, to->item->label_count, MOST_CLASSES);
    SSG_TRY(ssg_image_read(&image, to->item->image, m->preprocess.channels == SSGCAM_CHANNELS_GREY ? 1 : 3));
    to->width = image.width;
    to->height = image.height;
    ssgcam_status status = ssg_preprocess_image(tensor, &m->preprocess, &image, m->height, m->width, m->nhwc);
    ssg_image_clear(&image);
    return status == SSGCAM_OK ? status : ssg_fail_prefix(status, "%s", to->item->image);
}

static void read_slot(const stream *s, slot *to, const ssgcam_item *item, float *tensor)
{
    to->item = item;
    to->status = SSGCAM_OK;
    to->class_count = 0;
    ssgcam_status status = read_image(s, to, tensor);
    if (status != SSGCAM_OK) {
        fail_slot(to, status);
        memset(tensor, 0, s->image_floats * sizeof *tensor);
        return;
    }
    for (size_t i = 0; i < item->label_count; i++) to->classes[to->class_count++] = item->labels[i];
}

static void *reader(void *context)
{
    stream *s = context;
    for (size_t n = 0; n < s->batches && await_state(s, n, BATCH_EMPTY); n++) {
        batch *b = &s->ring[n % RING];
        b->first = n * (size_t)s->batch_size;
        b->count = s->o->count - b->first < (size_t)s->batch_size ? s->o->count - b->first : (size_t)s->batch_size;
        for (size_t i = 0; i < (size_t)s->batch_size; i++)
            if (i < b->count)
                read_slot(s, &b->slots[i], s->o->items[b->first + i], b->tensor + i * s->image_floats);
            else
                memset(b->tensor + i * s->image_floats, 0,
                       s->image_floats * sizeof *b->tensor); /* the last batch is filled up, so that one plan serves all */
        set_state(s, n, BATCH_READ);
    }
    return NULL;
}

/* ---- consumer -------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status consume_slot(stream *s, const slot *from, size_t index)
{
    const int16_t *fused[MOST_CLASSES];
    for (int c = 0; c < from->class_count; c++) fused[c] = (const int16_t *)from->copy + (size_t)c * s->grid_pixels;
    ssg_stream_image image = {.index = index,
                              .item = from->item,
                              .status = from->status,
                              .message = from->message,
                              .width = from->width,
                              .height = from->height,
                              .region =
                                  ssg_preprocess_region(&s->o->model->preprocess, from->width, from->height, s->o->model->height, s->o->model->width),
                              .class_count = from->status == SSGCAM_OK ? from->class_count : 0,
                              .classes = from->classes,
                              .grid_width = s->grid_w,
                              .grid_height = s->grid_h,
                              .fused = s->o->keep_rows ? NULL : fused,
                              .rows = s->o->keep_rows ? from->copy : NULL};
    return s->consumer(s->context, &image);
}

static void *consumer(void *context)
{
    stream *s = context;
    for (size_t n = 0; n < s->batches && await_state(s, n, BATCH_DONE); n++) {
        batch *b = &s->ring[n % RING];
        for (size_t i = 0; i < b->count; i++) {
            s->consumer_status = consume_slot(s, &b->slots[i], b->first + i);
            if (s->consumer_status == SSGCAM_OK) continue;
            snprintf(s->consumer_message, sizeof s->consumer_message, "%s", ssgcam_last_error());
            end(s);
            return NULL;
        }
        set_state(s, n, BATCH_EMPTY);
    }
    return NULL;
}

/* ---- network --------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status engine_for(stream *s, int classes, ssg_cam **engine)
{
    if (!s->engines[classes]) {
        ssg_cam_options options = {.input = ssg_network_input(s->o->model, s->pass_size, s->o->model->height, s->o->model->width),
                                   .nhwc = s->o->model->nhwc,
                                   .rows = s->rows,
                                   .row_count = s->row_count,
                                   .classes = classes,
                                   .precision = s->o->precision};
        SSG_TRY(ssg_cam_create(&s->engines[classes], s->o->device, s->o->model->model, &options));
    }
    *engine = s->engines[classes];
    return SSGCAM_OK;
}

static size_t class_bytes(const stream *s)
{
    return s->grid_pixels * (s->o->keep_rows ? (size_t)s->row_count * (size_t)s->power_count : sizeof(int16_t));
}

static void clear_slot_room(const stream *s, slot *of)
{
    if (of->copy != of->maps) ssg_free(of->copy);
    s->o->device->interface->memory_destroy(s->o->device, of->maps);
    of->maps = of->copy = NULL;
    of->room = 0;
}

static ssgcam_status make_slot_room(const stream *s, slot *to, int classes)
{
    if (to->room >= (size_t)classes) return SSGCAM_OK;
    const ssg_device_interface *interface = s->o->device->interface;
    clear_slot_room(s, to);
    SSG_TRY(interface->memory_create(s->o->device, (size_t)classes * class_bytes(s), &to->maps));
    to->copy = interface->host_memory ? to->maps : ssg_alloc_aligned((size_t)classes, class_bytes(s));
    if (!to->copy) return SSG_OUT_OF_MEMORY;
    to->room = (size_t)classes;
    return SSGCAM_OK;
}

/* Images whose scores are not numbers fail; those without labels get their best class. */
static int choose_classes(stream *s, batch *b)
{
    int most = 1;
    size_t classes = s->o->model->class_count;
    for (size_t i = 0; i < b->count; i++) {
        slot *to = &b->slots[i];
        const float *scores = s->logits + i * classes;
        size_t top = 0;
        for (size_t k = 0; to->status == SSGCAM_OK && k < classes; k++) {
            if (!isfinite(scores[k]))
                fail_slot(to, ssg_fail(SSGCAM_ERR_INPUT, "%s: the network's score of class %zu is not a number%s", to->item->image, k,
                                       ssg_precision_hint(s->o->precision)));
            if (scores[k] > scores[top]) top = k;
        }
        if (to->status == SSGCAM_OK && to->class_count == 0) to->classes[to->class_count++] = (int)top;
        for (int c = 0; to->status == SSGCAM_OK && c < to->class_count; c++)
            if ((size_t)to->classes[c] >= classes)
                fail_slot(
                    to, ssg_fail(SSGCAM_ERR_INPUT, "%s: label %d, but the model has classes 0 to %zu", to->item->image, to->classes[c], classes - 1));
        if (to->status == SSGCAM_OK && to->class_count > most) most = to->class_count;
    }
    return most;
}

/* Normalised, resized, quantised; then kept as a row or mixed with the row's weight. */
static void place_row(stream *s, batch *b, ssg_cam *engine, int row, int classes)
{
    const ssg_device *device = s->o->device;
    const ssg_ops *ops = device->ops;
    int h, w;
    float *maps = ssg_cam_maps(engine, row, &h, &w);
    size_t count = (size_t)(s->pass_size * classes), pixels = (size_t)h * (size_t)w;
    ops->normalise(&device->run, maps, count, pixels, 0, s->device_flags + (size_t)row * count);
    for (size_t i = 0; i < b->count; i++) {
        slot *to = &b->slots[i];
        for (int c = 0; to->status == SSGCAM_OK && c < to->class_count; c++) {
            const float *map = maps + ((size_t)c * (size_t)s->pass_size + i) * pixels;
            size_t H = (size_t)s->grid_h, W = (size_t)s->grid_w, powers = (size_t)s->power_count;
            if (s->o->keep_rows) {
                uint8_t *out = (uint8_t *)to->maps + ((size_t)c * (size_t)s->row_count + (size_t)row) * powers * s->grid_pixels;
                for (size_t p = 0; p < powers; p++)
                    ops->quantise(&device->run, out + p * s->grid_pixels, H, W, map, (size_t)h, (size_t)w, 1, (float)s->powers[p]);
            } else {
                ops->quantise(&device->run, s->quantised, H, W, map, (size_t)h, (size_t)w, 1, (float)s->powers[row]);
                ops->mix(&device->run, (int16_t *)to->maps + (size_t)c * s->grid_pixels, s->quantised, s->weights[row], s->grid_pixels);
            }
        }
    }
}

/* Images with a map that is not a number fail; the others' maps come to the host. */
static ssgcam_status collect(stream *s, batch *b, int classes)
{
    ssg_device *device = s->o->device;
    size_t count = (size_t)(s->pass_size * classes);
    SSG_TRY(device->interface->download(device, s->flags, s->device_flags, (size_t)s->row_count * count));
    for (size_t i = 0; i < b->count; i++) {
        slot *to = &b->slots[i];
        for (int row = 0; row < s->row_count; row++)
            for (int c = 0; to->status == SSGCAM_OK && c < to->class_count; c++)
                if (s->flags[(size_t)row * count + (size_t)c * (size_t)s->pass_size + i] & SSG_MAP_NAN)
                    fail_slot(to, ssg_fail(SSGCAM_ERR_INPUT, "%s: the map of layer '%s' is not a number%s", to->item->image, s->rows[row].layer,
                                           ssg_precision_hint(s->o->precision)));
        if (to->status == SSGCAM_OK && to->copy != to->maps)
            SSG_TRY(device->interface->download(device, to->copy, to->maps, (size_t)to->class_count * class_bytes(s)));
    }
    return SSGCAM_OK;
}

/* Images of a batch that go through the network together. */
static ssgcam_status run_part(stream *s, batch *b)
{
    ssg_cam *engine;
    double start = ssg_clock_ms(), ms[3];
    /* The number of classes is known beforehand, except that an unlabelled image needs one. */
    int expected = 1;
    for (size_t i = 0; i < b->count; i++)
        if (b->slots[i].class_count > expected) expected = b->slots[i].class_count;
    SSG_TRY(engine_for(s, expected, &engine));
    SSG_TRY(ssg_cam_forward(engine, b->tensor, s->logits));
    choose_classes(s, b);
    for (size_t i = 0; i < (size_t)s->pass_size; i++)
        for (int c = 0; c < expected; c++) {
            const slot *from = i < b->count && b->slots[i].status == SSGCAM_OK ? &b->slots[i] : NULL;
            s->chosen[(size_t)c * (size_t)s->pass_size + i] = from && c < from->class_count ? from->classes[c] : 0;
        }
    SSG_TRY(ssg_cam_backward(engine, s->chosen));
    for (size_t i = 0; i < b->count; i++) {
        slot *to = &b->slots[i];
        if (to->status != SSGCAM_OK) continue;
        SSG_TRY(make_slot_room(s, to, to->class_count));
        if (!s->o->keep_rows) SSG_TRY(s->o->device->interface->clear(s->o->device, to->maps, (size_t)to->class_count * class_bytes(s)));
    }
    for (int row = 0; row < s->row_count; row++) place_row(s, b, engine, row, expected);
    SSG_TRY(collect(s, b, expected));
    ssg_cam_times(engine, ms);
    s->times.network += ms[0] + ms[1];
    s->times.maps += ssg_clock_ms() - start - ms[0] - ms[1];
    return SSGCAM_OK;
}

/* Fewer images at once after memory ran out; 0 if it was one already. Said each time: at most a few. */
static int halve(stream *s)
{
    int smaller = s->pass_size / 2;
    while (smaller > 1 && s->batch_size % smaller != 0) smaller--;
    if (smaller < 1) return 0;
    for (int c = 0; c <= MOST_CLASSES; c++) ssg_cam_destroy(&s->engines[c]);
    ssg_log(SSG_LOG_NORMAL, "%s; going on with %d of %d images at a time (--batch)", ssgcam_last_error(), smaller, s->pass_size);
    s->pass_size = smaller;
    return 1;
}

static ssgcam_status run_batch(stream *s, batch *b)
{
    for (size_t first = 0; first < b->count;) {
        size_t left = b->count - first, size = (size_t)s->pass_size;
        batch part = {.slots = b->slots + first, .count = left < size ? left : size, .tensor = b->tensor + first * s->image_floats};
        ssgcam_status status = run_part(s, &part);
        if (status == SSGCAM_ERR_MEMORY && halve(s)) continue;
        if (status != SSGCAM_OK) return status;
        first += size;
    }
    return SSGCAM_OK;
}

static ssgcam_status run_network(stream *s)
{
    for (size_t n = 0; n < s->batches; n++) {
        if (s->o->stop && *(volatile const int *)s->o->stop)
            return ssg_fail(SSGCAM_ERR_INTERRUPTED, "stopped on request; the same command continues");
        if (!await_state(s, n, BATCH_READ)) return s->consumer_status;
        SSG_TRY(run_batch(s, &s->ring[n % RING]));
        set_state(s, n, BATCH_DONE);
    }
    return SSGCAM_OK;
}

/* ---- set-up ---------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status take_rows(stream *s)
{
    const ssg_stream_options *o = s->o;
    s->row_count = o->recipe ? (int)o->recipe->layer_count : o->row_count;
    s->power_count = o->recipe ? s->row_count : o->powers ? o->power_count : 1;
    size_t rows = (size_t)s->row_count;
    s->rows = ssg_calloc(rows, sizeof *s->rows);
    s->powers = ssg_calloc((size_t)s->power_count, sizeof *s->powers);
    s->weights = ssg_calloc(rows, sizeof *s->weights);
    if (!s->rows || !s->powers || !s->weights) return SSG_OUT_OF_MEMORY;
    for (int p = 0; p < s->power_count; p++) s->powers[p] = o->recipe ? o->recipe->layers[p].power : o->powers ? o->powers[p] : 1;
    for (size_t i = 0; o->recipe && i < rows; i++) s->weights[i] = o->recipe->layers[i].weight;
    if (o->recipe) return ssg_network_recipe_rows(o->model, o->recipe, s->rows);
    memcpy(s->rows, o->rows, rows * sizeof *s->rows);
    return SSGCAM_OK;
}

static ssgcam_status make_room(stream *s)
{
    const ssg_stream_options *o = s->o;
    s->batch_size = o->batch > 0 ? o->batch : DEFAULT_BATCH;
    s->pass_size = s->batch_size;
    s->batches = (o->count + (size_t)s->batch_size - 1) / (size_t)s->batch_size;
    s->grid_h = o->grid[0] ? o->grid[0] : o->recipe && o->recipe->grid[0] ? o->recipe->grid[0] : o->model->height;
    s->grid_w = o->grid[1] ? o->grid[1] : o->recipe && o->recipe->grid[1] ? o->recipe->grid[1] : o->model->width;
    s->grid_pixels = (size_t)s->grid_h * (size_t)s->grid_w;
    ssg_shape input = ssg_network_input(o->model, 1, o->model->height, o->model->width);
    s->image_floats = ssg_shape_count(&input);
    size_t images = (size_t)s->batch_size;
    s->logits = ssg_calloc(images * o->model->class_count, sizeof *s->logits);
    s->chosen = ssg_calloc(images * MOST_CLASSES, sizeof *s->chosen);
    size_t flags = images * MOST_CLASSES * (size_t)s->row_count;
    s->flags = ssg_calloc(flags, 1);
    if (!s->logits || !s->chosen || !s->flags) return SSG_OUT_OF_MEMORY;
    SSG_TRY(o->device->interface->memory_create(o->device, flags, (void **)&s->device_flags));
    SSG_TRY(o->device->interface->memory_create(o->device, s->grid_pixels, (void **)&s->quantised));
    for (int i = 0; i < RING; i++) {
        s->ring[i].tensor = ssg_alloc_aligned(images * s->image_floats, sizeof(float));
        s->ring[i].slots = ssg_calloc(images, sizeof *s->ring[i].slots);
        if (!s->ring[i].tensor || !s->ring[i].slots) return SSG_OUT_OF_MEMORY;
    }
    return SSGCAM_OK;
}

static void clear(stream *s)
{
    for (int i = 0; i < RING; i++) {
        for (int k = 0; s->ring[i].slots && k < s->batch_size; k++) clear_slot_room(s, &s->ring[i].slots[k]);
        ssg_free(s->ring[i].slots);
        ssg_free(s->ring[i].tensor);
    }
    for (int c = 0; c <= MOST_CLASSES; c++) ssg_cam_destroy(&s->engines[c]);
    ssg_free(s->rows);
    ssg_free(s->powers);
    ssg_free(s->weights);
    ssg_free(s->logits);
    ssg_free(s->chosen);
    ssg_free(s->flags);
    s->o->device->interface->memory_destroy(s->o->device, s->device_flags);
    s->o->device->interface->memory_destroy(s->o->device, s->quantised);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
}

static ssgcam_status run_threads(stream *s)
{
    pthread_t reading, consuming;
    if (pthread_create(&reading, NULL, reader, s) != 0) return ssg_fail(SSGCAM_ERR_MEMORY, "a thread could not be started");
    if (pthread_create(&consuming, NULL, consumer, s) != 0) {
        end(s);
        pthread_join(reading, NULL);
        return ssg_fail(SSGCAM_ERR_MEMORY, "a thread could not be started");
    }
    ssgcam_status status = run_network(s);
    char message[512];
    snprintf(message, sizeof message, "%s", ssgcam_last_error());
    if (status == SSGCAM_ERR_INTERRUPTED) {
        /* What the network has finished is still consumed: wait for the consumer to catch up. */
        pthread_mutex_lock(&s->lock);
        for (int i = 0; i < RING && !s->ended; i++)
            while (!s->ended && s->ring[i].state == BATCH_DONE) pthread_cond_wait(&s->changed, &s->lock);
        pthread_mutex_unlock(&s->lock);
    }
    if (status != SSGCAM_OK) end(s);
    pthread_join(consuming, NULL);
    end(s);
    pthread_join(reading, NULL);
    if (s->consumer_status != SSGCAM_OK) return ssg_fail(s->consumer_status, "%s", s->consumer_message);
    return status == SSGCAM_OK ? status : ssg_fail(status, "%s", message);
}

ssgcam_status ssg_stream_run(const ssg_stream_options *options, ssg_stream_consumer *consume, void *context, ssg_stream_times *times)
{
    double start = ssg_clock_ms();
    stream s = {.o = options, .consumer = consume, .context = context, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    ssgcam_status status = take_rows(&s);
    if (status == SSGCAM_OK) status = make_room(&s);
    if (status == SSGCAM_OK) status = run_threads(&s);
    clear(&s);
    s.times.total = ssg_clock_ms() - start;
    if (times) *times = s.times;
    return status;
}
