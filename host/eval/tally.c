#include "host/eval/tally.h"

void ssg_tally_add(ssg_tally *t, const ssgcam_item *item, const char *failure)
{
    t->done++;
    ++*(failure ? t->failed : t->images);
    if (t->progress) t->progress(t->context, t->done, t->total, item->id, failure);
}

ssgcam_status ssg_tally_judge(ssg_tally *t, const ssgcam_item *item, ssgcam_status status)
{
    if (status == SSGCAM_ERR_MEMORY) return status;
    ssg_tally_add(t, item, status == SSGCAM_OK ? NULL : ssgcam_last_error());
    return SSGCAM_OK;
}

ssgcam_status ssg_eval_stream(const ssg_stream_options *options, ssg_stream_consumer *consume, void *context, ssgcam_generate_result *work)
{
    ssg_stream_times times = {0};
    ssgcam_status status = ssg_stream_run(options, consume, context, &times);
    work->network_ms = times.network;
    work->maps_ms = times.maps;
    work->total_ms = times.total;
    return status;
}
