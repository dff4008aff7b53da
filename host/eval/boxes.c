#include <ssgcam/eval.h>

#include <string.h>

#include "host/base/alloc.h"
#include "host/data/truth.h"
#include "host/eval/box_score.h"
#include "host/eval/map_file.h"
#include "host/eval/map_view.h"
#include "host/eval/tally.h"
#include "host/flow/precision.h"

_Static_assert((int)SSGCAM_BOX_DELTAS == (int)SSG_BOX_DELTAS && (int)SSGCAM_BOX_THRESHOLDS == (int)SSG_BOX_THRESHOLDS, "the public numbers");

/* What a thread scores a map with. Made for maps of one size, and made anew when it changes. */
typedef struct desk {
    int width, height;
    ssg_contours *contours;
    uint8_t *q;
    float *map;
    ssg_pixel_box *truth;
} desk;

enum { HALF = 1 /* IoU 0.5 among the deltas */ };

/* How many maps were scored, and how many of them hit. Counted by each thread for itself, and merged in any order, they are the same. */
typedef struct counts {
    size_t maps;
    uint64_t largest[SSG_BOX_DELTAS][SSG_BOX_THRESHOLDS], any[SSG_BOX_DELTAS][SSG_BOX_THRESHOLDS];
    uint64_t top1[SSG_BOX_THRESHOLDS], top5[SSG_BOX_THRESHOLDS]; /* of the largest contour at IoU 0.5, where the network answers right as well */
} counts;

typedef struct scoring {
    const ssgcam_boxes_options *o;
    ssgcam_boxes_result *result;
    ssg_tally tally;
    ssg_map_view view; /* of maps made before */
    size_t most_boxes; /* of an image */
    desk desks[SSG_TALLY_THREADS];
    counts counts[SSG_TALLY_THREADS];
} scoring;

static void clear_room(desk *d)
{
    ssg_contours_destroy(&d->contours);
    ssg_free(d->q);
    ssg_free(d->map);
    ssg_free(d->truth);
    *d = (desk){0};
}

static ssgcam_status make_room(const scoring *s, desk *d, int width, int height)
{
    if (width == d->width && height == d->height) return SSGCAM_OK;
    clear_room(d);
    SSG_TRY(ssg_contours_create(&d->contours, width, height));
    d->q = ssg_calloc((size_t)width, (size_t)height);
    d->map = ssg_calloc((size_t)width * (size_t)height, sizeof *d->map);
    d->truth = ssg_calloc(s->most_boxes, sizeof *d->truth);
    if (!d->q || !d->map || !d->truth) return SSG_OUT_OF_MEMORY;
    d->width = width, d->height = height;
    return SSGCAM_OK;
}

/* ---- one map ----------------------------------------------------------------------------------------------------------------------------------- */

/* The boxes of a class, on the map, in d->truth. `seen`: how many the item has, also where the network did not see them. */
static size_t collect_truth(desk *d, const ssgcam_item *item, int class, const ssg_region *region, size_t *seen)
{
    size_t count = 0;
    *seen = 0;
    for (size_t i = 0; i < item->box_count; i++) {
        int of = ssg_box_class(item, &item->boxes[i]);
        if (of != class && !(of < 0 && item->label_count == 0)) continue;
        ++*seen;
        count += (size_t)ssg_box_on_map(&d->truth[count], &item->boxes[i], region, d->width, d->height);
    }
    return count;
}

static void count_hits(counts *c, const ssg_box_hits *hits, int rank)
{
    c->maps++;
    for (int d = 0; d < SSG_BOX_DELTAS; d++)
        for (int tau = 0; tau < SSG_BOX_THRESHOLDS; tau++) {
            c->largest[d][tau] += hits->largest[d][tau];
            c->any[d][tau] += hits->any[d][tau];
        }
    for (int tau = 0; tau < SSG_BOX_THRESHOLDS; tau++) {
        c->top1[tau] += rank < 1 && hits->largest[HALF][tau];
        c->top5[tau] += rank < 5 && hits->largest[HALF][tau];
    }
}

/* What lies on a thread's desk. A class without boxes is not scored. rank: how many classes the network prefers. */
static void score_map(scoring *s, int thread, const ssgcam_item *item, int class, int rank, const ssg_region *region)
{
    desk *d = &s->desks[thread];
    ssg_box_hits hits;
    size_t seen, count = collect_truth(d, item, class, region, &seen);
    if (seen == 0) return;
    ssg_box_levels(d->q, d->map, (size_t)d->width * (size_t)d->height);
    ssg_box_score(&hits, d->contours, d->q, d->width, d->height, d->truth, count);
    count_hits(&s->counts[thread], &hits, rank);
}

/* ---- maps made before ----------------------------------------------------------------------------------------------------------------------------
 */

static ssgcam_status score_file(scoring *s, int thread, const ssgcam_item *item, int class, const ssg_region *region)
{
    desk *d = &s->desks[thread];
    ssg_array array = {0};
    SSG_TRY(ssg_map_file_read(&array, s->o->maps, item, class));
    ssgcam_status status = make_room(s, d, (int)array.dims[1], (int)array.dims[0]);
    if (status == SSGCAM_OK) {
        memcpy(d->map, array.values, array.dims[0] * array.dims[1] * sizeof *d->map);
        score_map(s, thread, item, class, 0, region);
    }
    ssg_array_clear(&array);
    return status;
}

static ssgcam_status score_item(void *context, const ssgcam_item *item, int thread)
{
    scoring *s = context;
    int width, height;
    SSG_TRY(ssg_image_read_size(&width, &height, item->image));
    ssg_region region = ssg_map_view_region(&s->view, width, height);
    if (item->label_count == 0) return ssg_fail(SSGCAM_ERR_INPUT, "%s: no label says whose map the boxes are compared with", item->image);
    counts before = s->counts[thread]; /* an image counts as a whole or not at all */
    ssgcam_status status = SSGCAM_OK;
    for (size_t i = 0; status == SSGCAM_OK && i < item->label_count; i++) status = score_file(s, thread, item, item->labels[i], &region);
    if (status != SSGCAM_OK) s->counts[thread] = before;
    return status;
}

static ssgcam_status score_files(scoring *s, const ssgcam_item *const *items)
{
    return ssg_tally_files(&s->tally, items, s->o->threads, score_item, s);
}

/* ---- maps made now --------------------------------------------------------------------------------------------------------------------------------
 */

static ssgcam_status score_now(void *context, const ssg_stream_image *image)
{
    scoring *s = context;
    desk *d = &s->desks[image->thread];
    size_t pixels = (size_t)image->grid_width * (size_t)image->grid_height;
    SSG_TRY(make_room(s, d, image->grid_width, image->grid_height));
    for (int c = 0; c < image->class_count; c++) {
        for (size_t i = 0; i < pixels; i++) d->map[i] = image->fused[c][i];
        score_map(s, image->thread, image->item, image->classes[c], image->ranks[c], &image->region);
    }
    return SSGCAM_OK;
}

static ssgcam_status score_stream(scoring *s, const ssgcam_item *const *items)
{
    const ssgcam_boxes_options *o = s->o;
    ssg_stream_options stream = {
        .device = o->device, .model = o->model, .recipe = o->recipe, .batch = o->batch, .precision = ssg_precision_of(o->precision), .stop = o->stop};
    return ssg_tally_stream(&s->tally, items, &stream, score_now, s, &s->result->work);
}

/* ---- figures
 * --------------------------------------------------------------------------------------------------------------------------------------- */

static void merge(counts *c, const counts *others)
{
    c->maps += others->maps;
    for (int d = 0; d < SSG_BOX_DELTAS; d++)
        for (int tau = 0; tau < SSG_BOX_THRESHOLDS; tau++) {
            c->largest[d][tau] += others->largest[d][tau];
            c->any[d][tau] += others->any[d][tau];
        }
    for (int tau = 0; tau < SSG_BOX_THRESHOLDS; tau++) {
        c->top1[tau] += others->top1[tau];
        c->top5[tau] += others->top5[tau];
    }
}

static int summarise_curve(double *curve, const uint64_t *hits, size_t maps)
{
    int best = 0;
    for (int tau = 0; tau < SSG_BOX_THRESHOLDS; tau++) {
        curve[tau] = (double)hits[tau] / (double)maps;
        if (hits[tau] > hits[best]) best = tau;
    }
    return best;
}

static ssgcam_status summarise(scoring *s)
{
    ssgcam_boxes_result *r = s->result;
    counts *all = &s->counts[0];
    for (int t = 1; t < SSG_TALLY_THREADS; t++) merge(all, &s->counts[t]);
    r->maps = all->maps;
    if (r->maps == 0) return ssg_fail(SSGCAM_ERR_INPUT, "none of the %zu images could be scored", r->failed + r->images);
    for (int d = 0; d < SSG_BOX_DELTAS; d++) {
        r->best_largest[d] = summarise_curve(r->largest[d], all->largest[d], r->maps);
        r->best_any[d] = summarise_curve(r->any[d], all->any[d], r->maps);
        r->max_box_acc_v2 += r->any[d][r->best_any[d]] / SSG_BOX_DELTAS;
    }
    r->max_box_acc = r->largest[HALF][r->best_largest[HALF]];
    r->best_top1 = summarise_curve(r->top1, all->top1, r->maps);
    r->best_top5 = summarise_curve(r->top5, all->top5, r->maps);
    if (r->failed) return ssg_fail(SSGCAM_ERR_PARTIAL, "%zu of %zu images could not be scored", r->failed, r->failed + r->images);
    return SSGCAM_OK;
}

/* A box of no known class, or of one that its image does not have, would silently not count. */
static ssgcam_status check_boxes(const ssgcam_item *item)
{
    for (size_t i = 0; i < item->box_count; i++) {
        int class = ssg_box_class(item, &item->boxes[i]), known = item->label_count == 0 && class < 0;
        for (size_t l = 0; l < item->label_count; l++) known |= item->labels[l] == class;
        if (!known)
            return ssg_fail(SSGCAM_ERR_INPUT, "%s: box %zu has %s; write it as \"label x0 y0 x1 y1\" with one of the image's labels", item->image,
                            i + 1, class < 0 ? "no label, and the image has several" : "a label that the image does not have");
    }
    return SSGCAM_OK;
}

static ssgcam_status run(scoring *s)
{
    const ssgcam_boxes_options *o = s->o;
    if (!o->maps == !o->recipe || (o->recipe && (!o->model || !o->device)))
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "give either a folder of maps, or a model with a recipe or method");
    if (o->maps) SSG_TRY(ssg_map_folder_check(o->maps, "maps"));
    if (o->maps) SSG_TRY(ssg_map_view_read(&s->view, o->maps));
    s->result->has_answers = o->recipe != NULL;
    const ssgcam_item **items = ssg_calloc(o->data->count, sizeof *items);
    ssgcam_status status = items ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    for (size_t i = 0; status == SSGCAM_OK && i < o->data->count; i++) {
        const ssgcam_item *item = &o->data->items[i];
        if (!item->box_count) continue;
        if (item->box_count > s->most_boxes) s->most_boxes = item->box_count;
        items[s->tally.total++] = item;
        status = check_boxes(item);
    }
    if (status == SSGCAM_OK && s->tally.total == 0)
        status = ssg_fail(SSGCAM_ERR_INPUT, "no image of this data set has a box: there is nothing to score against");
    if (status == SSGCAM_OK) status = o->recipe ? score_stream(s, items) : score_files(s, items);
    ssg_free(items);
    return status == SSGCAM_OK ? summarise(s) : status;
}

ssgcam_status ssgcam_eval_boxes(const ssgcam_boxes_options *options, ssgcam_boxes_result *result)
{
    *result = (ssgcam_boxes_result){0};
    scoring *s = ssg_calloc(1, sizeof *s);
    if (!s) return SSG_OUT_OF_MEMORY;
    s->o = options, s->result = result;
    s->tally = (ssg_tally){
        .progress = options->progress, .context = options->context, .stop = options->stop, .images = &result->images, .failed = &result->failed};
    ssgcam_status status = run(s);
    for (int t = 0; t < SSG_TALLY_THREADS; t++) clear_room(&s->desks[t]);
    ssg_free(s);
    return status;
}
