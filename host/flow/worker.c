/* A device at work: batches, cut into parts where memory is short. Where copies run beside the work, two parts are under way: while one computes, the
 * images of the next come and the maps of the last go. What a device cannot finish goes back to the others. */
#include <stdio.h>

#include "host/base/alloc.h"
#include "host/flow/stream_parts.h"

/* ---- memory ------------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status make_room(worker *w)
{
    size_t images = (size_t)w->s->batch_size;
    w->pass_size = w->s->batch_size;
    w->chosen = ssg_calloc(images * SSG_STREAM_CLASSES, sizeof *w->chosen);
    w->places = ssg_calloc(images * SSG_STREAM_CLASSES, sizeof *w->places);
    return w->chosen && w->places ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
}

/* What depends on how many images go together. */
static void clear_passes(worker *w)
{
    for (size_t v = 0; v < SSG_VIEWS_MOST; v++)
        for (int c = 0; c <= SSG_STREAM_CLASSES; c++) ssg_cam_destroy(&w->engines[v][c]);
    for (int i = 0; i < SSG_STREAM_PARTS; i++) ssg_stream_clear_part(w, &w->parts[i]);
}

static void clear(worker *w)
{
    clear_passes(w);
    ssg_free(w->places);
    ssg_free(w->chosen);
}

/* Fewer images at once after memory ran out; 0 if it was one already. */
static int halve(worker *w, const char *why)
{
    char text[SSG_MESSAGE_BYTES + 80];
    int smaller = w->pass_size / 2;
    while (smaller > 1 && w->s->batch_size % smaller != 0) smaller--;
    if (smaller < 1) return 0;
    snprintf(text, sizeof text, "%s; going on with fewer than %d images at a time (--batch)", why, w->pass_size);
    ssg_stream_say_short(w->s, text);
    clear_passes(w);
    w->pass_size = smaller;
    return 1;
}

/* ---- parts -------------------------------------------------------------------------------------------------------------------------------- */

/* The next images to begin; 0 if there are none. */
static int next_part(worker *w, part *p, int wait)
{
    if (!w->at_hand) {
        w->at_hand = ssg_stream_take(w->s, wait);
        w->begun = 0;
    }
    if (!w->at_hand) return 0;
    size_t left = w->at_hand->count - w->begun, size = (size_t)w->pass_size;
    p->b = w->at_hand;
    p->slots = p->b->slots + w->begun;
    for (size_t v = 0; v < w->s->views.count; v++) p->passes[v].tensor = p->b->tensor + ssg_stream_place(w->s, v, w->begun);
    p->count = left < size ? left : size;
    p->last = p->count == left;
    return 1;
}

static void count_begun(worker *w, const part *p)
{
    w->begun += p->count;
    if (p->last) w->at_hand = NULL;
}

static ssgcam_status finish(worker *w, part *p)
{
    SSG_TRY(ssg_stream_finish(w, p));
    if (p->last) ssg_stream_pass_on(w->s, p->b, BATCH_DONE);
    p->b = NULL;
    return SSGCAM_OK;
}

/* All that has begun and is not done; once it is given back, another worker may have it. */
static void give_back(worker *w)
{
    batch *mine[SSG_STREAM_PARTS + 1] = {w->at_hand};
    for (int i = 0; i < SSG_STREAM_PARTS; i++) {
        mine[i + 1] = w->parts[i].b;
        for (int k = 0; k <= i; k++)
            if (mine[k] == mine[i + 1]) mine[i + 1] = NULL;
    }
    for (int i = 0; i <= SSG_STREAM_PARTS; i++)
        if (mine[i]) ssg_stream_pass_on(w->s, mine[i], BATCH_READ);
}

/* ---- the thread ----------------------------------------------------------------------------------------------------------------------------- */

/* Begins a part after what is under way; in smaller pieces if memory does not suffice. *under_way: what is to be finished next, NULL if nothing. */
static ssgcam_status advance(worker *w, part *p, part **under_way)
{
    ssgcam_status status = ssg_stream_begin(w, p);
    if (status == SSGCAM_ERR_MEMORY) {
        ssg_failure why;
        ssg_failure_take(&why, status);
        p->b = NULL; /* it is still at hand */
        if (*under_way) SSG_TRY(finish(w, *under_way));
        *under_way = NULL;
        return halve(w, why.message) ? SSGCAM_OK : ssg_failure_raise(&why);
    }
    SSG_TRY(status);
    count_begun(w, p);
    part *before = *under_way;
    *under_way = p;
    return before ? finish(w, before) : SSGCAM_OK;
}

static ssgcam_status work(worker *w)
{
    int beside = !w->device->interface->host_memory; /* a device that works while the host goes on */
    part *under_way = NULL;
    SSG_TRY(w->device->interface->enter(w->device));
    SSG_TRY(make_room(w));
    for (;;) {
        part *p = under_way == &w->parts[0] ? &w->parts[1] : &w->parts[0];
        int more = next_part(w, p, !under_way);
        if (!more && !under_way) return SSGCAM_OK;
        if (more) SSG_TRY(advance(w, p, &under_way));
        if (under_way && !(more && beside)) {
            SSG_TRY(finish(w, under_way));
            under_way = NULL;
        }
    }
}

void *ssg_stream_worker(void *context)
{
    worker *w = context;
    ssgcam_status status = work(w);
    if (status != SSGCAM_OK) give_back(w);
    ssg_stream_leave(w->s, w, status);
    clear(w);
    return NULL;
}
