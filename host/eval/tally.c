#include "host/eval/tally.h"

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
