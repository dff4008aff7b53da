#include "host/eval/tally.h"

#include <pthread.h>

#include "host/base/alloc.h"
#include "host/base/parallel.h"
#include "host/base/stop.h"

void ssg_tally_add(ssg_tally *t, const ssgcam_item *item, const char *failure)
{
    t->done++;
    ++*(failure ? t->failed : t->images);
    if (t->progress) t->progress(t->context, t->done, t->total, item->id, failure);
}

ssgcam_status ssg_tally_judge(ssg_tally *t, const ssgcam_item *item, ssgcam_status status)
{
    if (status == SSGCAM_ERR_MEMORY || status == SSGCAM_ERR_DEVICE) return status;
    ssg_tally_add(t, item, status == SSGCAM_OK ? NULL : ssgcam_last_error());
    return SSGCAM_OK;
}

static ssgcam_status stopped(const ssg_tally *t)
{
    return ssg_fail(SSGCAM_ERR_INTERRUPTED, "stopped on request after %zu of %zu images", t->done, t->total);
}

ssgcam_status ssg_tally_poll(const ssg_tally *t)
{
    return ssg_stop_asked(t->stop) ? stopped(t) : SSGCAM_OK;
}

/* ---- from files ------------------------------------------------------------------------------------------------------------------------- */

/* What became of an item, until its turn comes. No thread waits for that: whoever scores the item whose turn it is judges those after it too. */
typedef struct outcome {
    int known;
    ssg_failure *failure; /* NULL: it is scored */
} outcome;

typedef struct filed {
    ssg_tally *tally;
    const ssgcam_item *const *items;
    ssg_tally_scorer *score;
    void *context;
    pthread_mutex_t lock; /* of the tally and of what follows */
    outcome *outcomes;
    ssg_failure end; /* why nothing is judged any more */
} filed;

static int has_ended(filed *f)
{
    pthread_mutex_lock(&f->lock);
    int ended = f->end.status != SSGCAM_OK;
    pthread_mutex_unlock(&f->lock);
    return ended;
}

/* With the calling thread's last error. */
static ssgcam_status keep(outcome *o, ssgcam_status status)
{
    o->known = 1;
    if (status == SSGCAM_OK) return SSGCAM_OK;
    if (!(o->failure = ssg_calloc(1, sizeof *o->failure))) return SSG_OUT_OF_MEMORY;
    ssg_failure_take(o->failure, status);
    return SSGCAM_OK;
}

static int is_next_known(const filed *f)
{
    return f->tally->done < f->tally->total && f->outcomes[f->tally->done].known;
}

static ssgcam_status judge_next(filed *f)
{
    ssg_tally *t = f->tally;
    ssg_failure **failure = &f->outcomes[t->done].failure;
    SSG_TRY(ssg_tally_judge(t, f->items[t->done], *failure ? ssg_failure_raise(*failure) : SSGCAM_OK));
    ssg_free(*failure);
    *failure = NULL;
    return t->done < t->total ? ssg_tally_poll(t) : SSGCAM_OK;
}

static void score_filed(void *context, size_t index, int thread)
{
    filed *f = context;
    if (has_ended(f)) return;
    ssgcam_status status = f->score(f->context, f->items[index], thread);
    pthread_mutex_lock(&f->lock);
    status = keep(&f->outcomes[index], status);
    while (status == SSGCAM_OK && f->end.status == SSGCAM_OK && is_next_known(f)) status = judge_next(f);
    if (status != SSGCAM_OK && f->end.status == SSGCAM_OK) ssg_failure_take(&f->end, status);
    pthread_mutex_unlock(&f->lock);
}

ssgcam_status ssg_tally_files(ssg_tally *tally, const ssgcam_item *const *items, int threads, ssg_tally_scorer *score, void *context)
{
    filed f = {.tally = tally, .items = items, .score = score, .context = context, .lock = PTHREAD_MUTEX_INITIALIZER};
    SSG_TRY(ssg_threads_choose(&threads, threads));
    SSG_TRY(ssg_tally_poll(tally));
    if (!(f.outcomes = ssg_calloc(tally->total, sizeof *f.outcomes))) return SSG_OUT_OF_MEMORY;
    ssg_parallel_for(threads < SSG_TALLY_THREADS ? threads : SSG_TALLY_THREADS, tally->total, score_filed, &f);
    for (size_t i = tally->done; i < tally->total; i++) ssg_free(f.outcomes[i].failure);
    ssg_free(f.outcomes);
    pthread_mutex_destroy(&f.lock);
    return ssg_failure_raise(&f.end);
}

/* ---- maps made now -------------------------------------------------------------------------------------------------------------------- */

typedef struct streamed {
    ssg_tally *tally;
    ssg_stream_consumer *score;
    void *context;
} streamed;

static ssgcam_status consume(void *context, const ssg_stream_image *image)
{
    const streamed *s = context;
    ssgcam_status status = image->status == SSGCAM_OK ? s->score(s->context, image) : ssg_fail(image->status, "%s", image->message);
    SSG_TRY(ssg_stream_await_turn(image));
    return ssg_tally_judge(s->tally, image->item, status);
}

ssgcam_status ssg_tally_stream(ssg_tally *tally, const ssgcam_item *const *items, const ssg_stream_options *stream, ssg_stream_consumer *score,
                               void *context, ssgcam_generate_result *work)
{
    streamed s = {tally, score, context};
    ssg_stream_options options = *stream;
    ssg_stream_times times = {0};
    options.items = items;
    options.count = tally->total;
    options.together = 1;
    ssgcam_status status = ssg_stream_run(&options, consume, &s, &times);
    work->network_ms = times.network;
    work->maps_ms = times.maps;
    work->total_ms = times.total;
    return status == SSGCAM_ERR_INTERRUPTED ? stopped(tally) : status; /* unlike other users of a stream this one cannot go on later */
}
