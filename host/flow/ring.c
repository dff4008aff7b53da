/* Batches change hands. All waiting of the stream's threads for each other is here. */
#include "host/base/log.h"
#include "host/base/stop.h"
#include "host/flow/stream_parts.h"

static batch *place_of(const stream *s, size_t n)
{
    return &s->ring[n % s->ring_size];
}

batch *ssg_stream_await_empty(stream *s, size_t n)
{
    batch *b = place_of(s, n);
    pthread_mutex_lock(&s->lock);
    while (!s->halted && s->working > 0 && b->state != BATCH_EMPTY) pthread_cond_wait(&s->changed, &s->lock);
    int go = !s->halted && s->working > 0;
    pthread_mutex_unlock(&s->lock);
    return go ? b : NULL;
}

batch *ssg_stream_await_done(stream *s, size_t n)
{
    batch *b = place_of(s, n);
    pthread_mutex_lock(&s->lock);
    while (s->working > 0 && b->state != BATCH_DONE) pthread_cond_wait(&s->changed, &s->lock);
    int go = b->state == BATCH_DONE;
    pthread_mutex_unlock(&s->lock);
    return go ? b : NULL;
}

/* With the calling thread's last error. */
static void fail(stream *s, ssgcam_status status)
{
    s->halted = 1;
    if (s->failure.status == SSGCAM_OK) ssg_failure_take(&s->failure, status);
}

/* NULL if none has been read. */
static batch *first_read(const stream *s)
{
    batch *first = NULL;
    for (size_t i = 0; i < s->ring_size; i++) {
        batch *b = &s->ring[i];
        if (b->state == BATCH_READ && (!first || b->number < first->number)) first = b;
    }
    return first;
}

batch *ssg_stream_take(stream *s, int wait)
{
    batch *b = NULL;
    pthread_mutex_lock(&s->lock);
    if (ssg_stop_asked(s->o->stop)) fail(s, ssg_fail(SSGCAM_ERR_INTERRUPTED, "stopped on request; the same command continues"));
    /* A batch that another worker has begun may yet come back. */
    while (!s->halted && s->done < s->batches && !(b = first_read(s)) && wait) pthread_cond_wait(&s->changed, &s->lock);
    if (b) b->state = BATCH_TAKEN;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return b;
}

void ssg_stream_pass_on(stream *s, batch *b, batch_state state)
{
    pthread_mutex_lock(&s->lock);
    b->state = state;
    s->done += state == BATCH_DONE;
    pthread_cond_broadcast(&s->changed);
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
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void ssg_stream_say_short(stream *s, const char *text)
{
    pthread_mutex_lock(&s->lock);
    if (!s->said_short) ssg_log(SSG_LOG_NORMAL, "%s", text);
    s->said_short = 1;
    pthread_mutex_unlock(&s->lock);
}

void ssg_stream_halt(stream *s)
{
    pthread_mutex_lock(&s->lock);
    s->halted = 1;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}
