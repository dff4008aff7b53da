#include "host/flow/stream.h"

#include <string.h>

#include "host/base/alloc.h"
#include "host/base/clock.h"
#include "host/flow/stream_parts.h"

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
    for (int p = 0; p < s->power_count; p++) s->powers[p] = (float)(o->recipe ? o->recipe->layers[p].power : o->powers ? o->powers[p] : 1);
    for (size_t i = 0; o->recipe && i < rows; i++) s->weights[i] = o->recipe->layers[i].weight;
    if (o->recipe) return ssg_network_recipe_rows(o->model, o->recipe, s->rows);
    memcpy(s->rows, o->rows, rows * sizeof *s->rows);
    return SSGCAM_OK;
}

static size_t batches_of(const stream *s, size_t images)
{
    return (images + (size_t)s->batch_size - 1) / (size_t)s->batch_size;
}

static void measure(stream *s)
{
    const ssg_stream_options *o = s->o;
    s->batch_size = ssg_device_batch(o->device, o->batch);
    /* Room for images that do not come. On a GPU the batch may decide about algorithms, and so about the last bits: it stays what was asked for. */
    if (o->device->interface->host_memory && o->count > 0 && (size_t)s->batch_size > o->count) s->batch_size = (int)o->count;
    s->batches = batches_of(s, o->count);
    s->grid_h = o->grid[0] ? o->grid[0] : o->recipe && o->recipe->grid[0] ? o->recipe->grid[0] : o->model->height;
    s->grid_w = o->grid[1] ? o->grid[1] : o->recipe && o->recipe->grid[1] ? o->recipe->grid[1] : o->model->width;
    s->grid_pixels = (size_t)s->grid_h * (size_t)s->grid_w;
    s->views = o->views ? *o->views : (ssg_views){{{o->model->height, o->model->width, 0}}, 1};
    for (size_t v = 0; v < s->views.count; v++) {
        ssg_shape input = ssg_network_input(o->model, 1, s->views.items[v].height, s->views.items[v].width);
        s->image_floats += s->view_floats[v] = ssg_shape_count(&input);
    }
}

/* One for each device; no more than there are batches. */
static ssgcam_status make_workers(stream *s)
{
    size_t devices = 0, next = 0;
    for (const ssg_device *d = s->o->device; d; d = d->next) devices++;
    if (devices > s->batches) devices = s->batches > 1 ? s->batches : 1;
    if (!(s->workers = ssg_calloc(devices, sizeof *s->workers))) return SSG_OUT_OF_MEMORY;
    for (ssg_device *d = s->o->device; next < devices; d = d->next) s->workers[next++] = (worker){.s = s, .device = d};
    s->worker_count = (int)devices;
    return SSGCAM_OK;
}

static int at_most(int threads, size_t images, int most)
{
    if (threads > most) threads = most;
    if ((size_t)threads > images) threads = (int)images;
    return threads > 1 ? threads : 1;
}

/* They compete with a network on the CPU for its threads, but for no more time than one would. Rows of a bank are tens of megabytes an image: no more
 * batches are held for them than with one reader and one consumer. */
static void count_hands(stream *s)
{
    int threads = 1;
    size_t images = s->o->keep_rows ? (size_t)s->batch_size : s->o->count;
    for (const ssg_device *d = s->o->device; d; d = d->next) threads = d->threads > threads ? d->threads : threads;
    s->reader_count = at_most(threads, images, SSG_STREAM_READERS);
    s->consumer_count = s->o->together ? at_most(threads, images, SSG_STREAM_CONSUMERS) : 1;
}

/* Each worker holds as many batches as it has parts under way; besides there is an image for every reader and every consumer. */
static ssgcam_status make_ring(stream *s)
{
    size_t images = (size_t)s->batch_size, held = s->o->device->interface->host_memory ? 1 : SSG_STREAM_PARTS;
    s->ring_size = held * (size_t)s->worker_count + batches_of(s, (size_t)s->reader_count) + batches_of(s, (size_t)s->consumer_count);
    if (!(s->ring = ssg_calloc(s->ring_size, sizeof *s->ring))) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < s->ring_size; i++) {
        s->ring[i].tensor = ssg_alloc_aligned(images * s->image_floats, sizeof(float));
        s->ring[i].slots = ssg_calloc(images, sizeof *s->ring[i].slots);
        if (!s->ring[i].tensor || !s->ring[i].slots) return SSG_OUT_OF_MEMORY;
    }
    return SSGCAM_OK;
}

static void clear(stream *s)
{
    for (size_t i = 0; s->ring && i < s->ring_size; i++) {
        for (int k = 0; s->ring[i].slots && k < s->batch_size; k++) ssg_free(s->ring[i].slots[k].maps);
        ssg_free(s->ring[i].slots);
        ssg_free(s->ring[i].tensor);
    }
    ssg_free(s->ring);
    ssg_free(s->workers);
    ssg_free(s->rows);
    ssg_free(s->powers);
    ssg_free(s->weights);
    pthread_cond_destroy(&s->for_readers);
    pthread_cond_destroy(&s->for_workers);
    pthread_cond_destroy(&s->for_consumers);
    pthread_mutex_destroy(&s->lock);
}

/* ---- threads ----------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status no_thread(void)
{
    return ssg_fail(SSGCAM_ERR_MEMORY, "a thread could not be started");
}

/* The first device works in the calling thread. */
static void run_workers(stream *s)
{
    int started = 1;
    for (; started < s->worker_count; started++)
        if (pthread_create(&s->workers[started].thread, NULL, ssg_stream_worker, &s->workers[started]) != 0) break;
    for (int i = started; i < s->worker_count; i++) ssg_stream_leave(s, &s->workers[i], no_thread());
    ssg_stream_worker(&s->workers[0]);
    for (int i = 1; i < started; i++) pthread_join(s->workers[i].thread, NULL);
}

/* Gives how many could be started. */
static int start(stream *s, hand *hands, int count, void *(*run)(void *))
{
    for (int i = 0; i < count; i++) {
        hands[i] = (hand){.s = s, .number = i};
        if (pthread_create(&hands[i].thread, NULL, run, &hands[i]) != 0) return i;
    }
    return count;
}

static ssgcam_status run_threads(stream *s)
{
    s->working = s->worker_count;
    int reading = start(s, s->readers, s->reader_count, ssg_stream_reader);
    int consuming = start(s, s->consumers, s->consumer_count, ssg_stream_consumer_thread);
    if (reading && consuming)
        run_workers(s);
    else
        ssg_stream_abandon(s);
    for (int i = 0; i < reading; i++) pthread_join(s->readers[i].thread, NULL);
    for (int i = 0; i < consuming; i++) pthread_join(s->consumers[i].thread, NULL); /* what is done is still consumed, whatever stopped the workers */
    if (!reading || !consuming) return no_thread();
    SSG_TRY(ssg_failure_raise(&s->consumer_failure));
    return ssg_failure_raise(&s->failure);
}

ssgcam_status ssg_stream_run(const ssg_stream_options *options, ssg_stream_consumer *consume, void *context, ssg_stream_times *times)
{
    double start = ssg_clock_ms();
    stream s = {.o = options,
                .consume = consume,
                .context = context,
                .lock = PTHREAD_MUTEX_INITIALIZER,
                .for_readers = PTHREAD_COND_INITIALIZER,
                .for_workers = PTHREAD_COND_INITIALIZER,
                .for_consumers = PTHREAD_COND_INITIALIZER};
    ssgcam_status status = take_rows(&s);
    measure(&s);
    if (status == SSGCAM_OK) status = make_workers(&s);
    count_hands(&s);
    if (status == SSGCAM_OK) status = make_ring(&s);
    if (status == SSGCAM_OK) status = run_threads(&s);
    ssg_stream_times all = {.total = ssg_clock_ms() - start};
    for (int i = 0; i < s.worker_count; i++) all.network += s.workers[i].times.network, all.maps += s.workers[i].times.maps;
    if (times) *times = all;
    clear(&s);
    return status;
}
