/* Images and batches change hands. All waiting of the stream's threads for each other is here. */
#include "host/base/log.h"
#include "host/base/stop.h"
#include "host/flow/stream_parts.h"

static batch *place_of(const stream *s, size_t n)
{
    return &s->ring[n % s->ring_size];
}

/* After what concerns all threads. */
static void wake_all(stream *s)
{
    pthread_cond_broadcast(&s->for_readers);
    pthread_cond_broadcast(&s->for_workers);
    pthread_cond_broadcast(&s->for_consumers);
}

/* ---- images ------------------------------------------------------------------------------------------------------------------------------ */

/* Image *next of the ring, if its batch is in the state to begin with, or has been begun already. */
static int claim(stream *s, position *found, size_t *next, batch_state ready, batch_state begun)
{
    size_t size = (size_t)s->batch_size, number = *next / size, index = *next % size;
    batch *b = place_of(s, number);
    if (index == 0 && b->state != ready) return 0;
    if (index == 0) {
        b->state = begun;
        b->number = number;
        b->first = *next;
        b->open = b->count = s->o->count - *next < size ? s->o->count - *next : size;
    }
    ++*next;
    *found = (position){b, index};
    return 1;
}

position ssg_stream_next_to_read(stream *s)
{
    position found = {NULL, 0};
    pthread_mutex_lock(&s->lock);
    while (!s->halted && s->working > 0 && s->unread < s->o->count && !claim(s, &found, &s->unread, BATCH_EMPTY, BATCH_READING))
        pthread_cond_wait(&s->for_readers, &s->lock);
    pthread_mutex_unlock(&s->lock);
    return found;
}

int ssg_stream_has_read(stream *s, batch *b)
{
    pthread_mutex_lock(&s->lock);
    int last = --b->open == 0;
    pthread_mutex_unlock(&s->lock);
    return last;
}

position ssg_stream_next_to_consume(stream *s)
{
    position found = {NULL, 0};
    pthread_mutex_lock(&s->lock);
    while (!s->over && s->unconsumed < s->o->count && !claim(s, &found, &s->unconsumed, BATCH_DONE, BATCH_CONSUMING) && s->working > 0)
        pthread_cond_wait(&s->for_consumers, &s->lock);
    pthread_mutex_unlock(&s->lock);
    return found;
}

ssgcam_status ssg_stream_await_turn(const ssg_stream_image *image)
{
    stream *s = image->stream;
    pthread_mutex_lock(&s->lock);
    while (!s->over && s->turn != image->index) pthread_cond_wait(&s->for_consumers, &s->lock);
    int over = s->over;
    pthread_mutex_unlock(&s->lock);
    return over ? SSGCAM_ERR_INTERRUPTED : SSGCAM_OK;
}

void ssg_stream_has_consumed(stream *s, batch *b, ssgcam_status status)
{
    pthread_mutex_lock(&s->lock);
    s->turn++;
    pthread_cond_broadcast(&s->for_consumers);
    if (--b->open == 0) {
        b->state = BATCH_EMPTY;
        pthread_cond_broadcast(&s->for_readers);
    }
    if (status != SSGCAM_OK && !s->over) {
        ssg_failure_take(&s->consumer_failure, status);
        s->halted = s->over = 1;
        wake_all(s);
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- batches ----------------------------------------------------------------------------------------------------------------------------- */

/* With the calling thread's last error. */
static void fail(stream *s, ssgcam_status status)
{
    s->halted = 1;
    if (s->failure.status == SSGCAM_OK) ssg_failure_take(&s->failure, status);
    wake_all(s);
}

/* The first that no worker has taken, once it is read; else NULL. Later ones wait for it, as the consumers would. */
static batch *first_read(const stream *s)
{
    batch *first = NULL;
    for (size_t i = 0; i < s->ring_size; i++) {
        batch *b = &s->ring[i];
        if ((b->state == BATCH_READ || b->state == BATCH_READING) && (!first || b->number < first->number)) first = b;
    }
    return first && first->state == BATCH_READ ? first : NULL;
}

batch *ssg_stream_take(stream *s, int wait)
{
    batch *b = NULL;
    pthread_mutex_lock(&s->lock);
    if (ssg_stop_asked(s->o->stop)) fail(s, ssg_fail(SSGCAM_ERR_INTERRUPTED, "stopped on request; the same command continues"));
    /* A batch that another worker has begun may yet come back. */
    while (!s->halted && s->done < s->batches && !(b = first_read(s)) && wait) pthread_cond_wait(&s->for_workers, &s->lock);
    if (b) b->state = BATCH_TAKEN;
    pthread_mutex_unlock(&s->lock);
    return b;
}

void ssg_stream_pass_on(stream *s, batch *b, batch_state state)
{
    pthread_mutex_lock(&s->lock);
    b->state = state;
    s->done += state == BATCH_DONE;
    pthread_cond_broadcast(&s->for_workers); /* there is one, or it was the last */
    if (state == BATCH_DONE) pthread_cond_broadcast(&s->for_consumers);
    pthread_mutex_unlock(&s->lock);
}

void ssg_stream_leave(stream *s, const worker *w, ssgcam_status status)
{
    pthread_mutex_lock(&s->lock);
    s->working--;
    int others_may = status == SSGCAM_ERR_DEVICE || status == SSGCAM_ERR_MEMORY;
    if (others_may && s->done == s->batches) /* what it gave back is done already */
        ssg_log(SSG_LOG_NORMAL, "%s: %s; all is done without it", w->device->label, ssgcam_last_error());
    else if (others_may && s->working > 0)
        ssg_log(SSG_LOG_NORMAL, "%s: %s; the other device%s without it", w->device->label, ssgcam_last_error(),
                s->working > 1 ? "s go on" : " goes on");
    else if (status != SSGCAM_OK)
        fail(s, status);
    wake_all(s);
    pthread_mutex_unlock(&s->lock);
}

void ssg_stream_say_short(stream *s, const char *text)
{
    pthread_mutex_lock(&s->lock);
    if (!s->said_short) ssg_log(SSG_LOG_NORMAL, "%s", text);
    s->said_short = 1;
    pthread_mutex_unlock(&s->lock);
}

void ssg_stream_abandon(stream *s)
{
    pthread_mutex_lock(&s->lock);
    s->halted = 1;
    s->working = 0;
    wake_all(s);
    pthread_mutex_unlock(&s->lock);
}
