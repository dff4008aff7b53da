#include <ssgcam/eval.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/base/log.h"
#include "host/data/truth.h"
#include "host/eval/map_file.h"
#include "host/eval/map_view.h"
#include "host/eval/mask_counts.h"
#include "host/eval/tally.h"
#include "host/flow/labels.h"
#include "host/flow/precision.h"
#include "host/flow/spread.h"
#include "kernels/ops.h"

_Static_assert((int)SSGCAM_PIXEL_THRESHOLDS == (int)SSG_PIXEL_BINS, "the public number");

/* What a thread scores with, and what it has counted. */
typedef struct desk {
    ssg_labeller labeller;
    float *values; /* a map at the image's size */
    size_t room;   /* for as many */
    ssg_mask_counts counts;
} desk;

typedef struct scoring {
    const ssgcam_eval_options *o;
    ssg_truth_setting setting;
    ssg_map_view view; /* of maps made before */
    ssgcam_eval_result *result;
    ssg_tally tally;
    desk desks[SSG_TALLY_THREADS]; /* each made where its thread begins */
    ssg_mask_counts counts;        /* of all threads, in the end */
} scoring;

static ssgcam_status open_desk(desk **out, scoring *s, int thread)
{
    desk *d = *out = &s->desks[thread];
    return d->counts.confusion ? SSGCAM_OK : ssg_mask_counts_create(&d->counts, s->result->class_count);
}

static void clear_desk(desk *d)
{
    ssg_labellers_clear(&d->labeller, 1);
    ssg_mask_counts_clear(&d->counts);
    ssg_free(d->values);
}

/* What each pixel is, and what it was taken for. */
static void count_labels(desk *d, const ssg_image *truth, const uint8_t *labels)
{
    size_t pixels = (size_t)truth->width * (size_t)truth->height;
    ssg_ops_cpu()->confusion(&(ssg_run){.threads = 1}, d->counts.confusion, truth->pixels, labels, pixels, d->counts.class_count);
}

/* ---- masks made before ------------------------------------------------------------------------------------------------------------------ */

/* The truth of an image, whose size the predicted mask must have. The image itself is needed only where the truth is made of its boxes. */
static ssgcam_status read_truth(const scoring *s, const ssgcam_item *item, const ssg_image *prediction, const char *path, ssg_image *truth)
{
    int width = 0, height = 0;
    if (ssg_truth_is_boxes(&s->setting)) SSG_TRY(ssg_image_read_size(&width, &height, item->image));
    SSG_TRY(ssg_truth_read(truth, item, &s->setting, width, height, s->result->class_count));
    if (prediction->width == truth->width && prediction->height == truth->height) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_INPUT, "%s: %dx%d pixels, but %s has %dx%d; a predicted mask must have its image's size", path, prediction->width,
                    prediction->height, ssg_truth_name(item, &s->setting), truth->width, truth->height);
}

static ssgcam_status check_decided(const ssg_image *prediction, const char *path)
{
    size_t pixels = (size_t)prediction->width * (size_t)prediction->height;
    if (!memchr(prediction->pixels, 255, pixels)) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_INPUT, "%s: value 255 (ignored) in a predicted mask; every pixel must be decided", path);
}

static ssgcam_status score_mask(const scoring *s, desk *d, const ssgcam_item *item)
{
    ssg_image prediction = {0}, truth = {0};
    char *name = ssg_format("%s.png", item->id), *path = name ? ssg_path_join(s->o->predictions, name) : NULL;
    ssgcam_status status = path ? ssg_truth_read_mask(&prediction, path, s->result->class_count) : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) status = read_truth(s, item, &prediction, path, &truth);
    if (status == SSGCAM_OK) status = check_decided(&prediction, path);
    if (status == SSGCAM_OK) count_labels(d, &truth, prediction.pixels);
    ssg_image_clear(&prediction);
    ssg_image_clear(&truth);
    ssg_free(name);
    ssg_free(path);
    return status;
}

/* ---- maps ---------------------------------------------------------------------------------------------------------------------------------------
 */

static ssgcam_status make_room(desk *d, size_t pixels)
{
    if (pixels <= d->room) return SSGCAM_OK;
    ssg_free(d->values);
    d->room = 0;
    if (!(d->values = ssg_alloc_aligned(pixels, sizeof *d->values))) return SSG_OUT_OF_MEMORY;
    d->room = pixels;
    return SSGCAM_OK;
}

/* `maps`: those of the classes as they were read, or NULL: the integers that were made from the fused ones. */
static ssgcam_status count_pixels(desk *d, const ssg_stream_image *image, const ssg_array *maps, const uint8_t *truth)
{
    size_t pixels = (size_t)image->width * (size_t)image->height;
    SSG_TRY(make_room(d, pixels));
    for (int c = 0; c < image->class_count; c++) {
        const ssg_array *map = maps ? &maps[c] : NULL;
        if (map) SSG_TRY(ssg_map_spread(d->values, image->height, image->width, &image->region, map->values, map->dims[0], map->dims[1]));
        for (size_t i = 0; !maps && i < pixels; i++) d->values[i] = d->labeller.maps[c][i];
        ssg_pixel_ap_add(&d->counts.pixel_ap, d->values, truth, (uint8_t)(image->classes[c] + 1), pixels);
    }
    return SSGCAM_OK;
}

/* `maps`: as for count_pixels. */
static ssgcam_status score_image(const scoring *s, desk *d, const ssg_stream_image *image, const ssg_array *maps)
{
    ssg_labeller *labeller = &d->labeller;
    ssg_image truth;
    SSG_TRY(ssg_labeller_resize(labeller, image));
    SSG_TRY(ssg_labeller_label(labeller, image, s->result->threshold));
    SSG_TRY(ssg_truth_read(&truth, image->item, &s->setting, image->width, image->height, s->result->class_count));
    ssgcam_status status = count_pixels(d, image, maps, truth.pixels);
    if (status == SSGCAM_OK) {
        size_t pixels = (size_t)truth.width * (size_t)truth.height;
        ssg_levels_add(&d->counts.levels, labeller->maps, image->classes, (size_t)image->class_count, truth.pixels, pixels);
        count_labels(d, &truth, labeller->labels);
    }
    ssg_image_clear(&truth);
    return status;
}

/* ---- maps made before ----------------------------------------------------------------------------------------------------------------------- */

/* An image's maps, as they were read and as integers on one grid. */
typedef struct map_files {
    ssg_array maps[SSG_LABELLER_CLASSES];
    int16_t *fused;
    const int16_t *of_class[SSG_LABELLER_CLASSES];
} map_files;

/* 0..32385 for 0..1; maps that go beyond 1 for 0 to their greatest value. Only the ratio to that matters for labels. */
static ssgcam_status to_integers(int16_t *fused, const ssg_array *map, const ssgcam_item *item, int class)
{
    size_t pixels = map->dims[0] * map->dims[1];
    float most = 1;
    for (size_t i = 0; i < pixels; i++) {
        if (!isfinite(map->values[i]))
            return ssg_fail(SSGCAM_ERR_INPUT, "%s: the map of class %d has a value that is not a number, row %zu, column %zu; make the map again",
                            item->id, class, i / map->dims[1], i % map->dims[1]);
        if (map->values[i] > most) most = map->values[i];
    }
    for (size_t i = 0; i < pixels; i++) fused[i] = map->values[i] > 0 ? (int16_t)(map->values[i] / most * 32385 + 0.5f) : 0;
    return SSGCAM_OK;
}

static ssgcam_status read_maps(const scoring *s, map_files *files, const ssgcam_item *item)
{
    size_t count = item->label_count;
    if (count == 0) return ssg_fail(SSGCAM_ERR_INPUT, "%s: no label says whose maps the mask is compared with", item->image);
    if (count > SSG_LABELLER_CLASSES) return ssg_fail(SSGCAM_ERR_INPUT, "%s: %zu labels; at most %d", item->image, count, SSG_LABELLER_CLASSES);
    for (size_t c = 0; c < count; c++)
        if ((size_t)item->labels[c] >= s->result->class_count)
            return ssg_fail(SSGCAM_ERR_INPUT, "%s: label %d, but there are %zu classes", item->image, item->labels[c], s->result->class_count);
    for (size_t c = 0; c < count; c++) SSG_TRY(ssg_map_file_read(&files->maps[c], s->o->maps, item, item->labels[c]));
    size_t height = files->maps[0].dims[0], width = files->maps[0].dims[1];
    if (!(files->fused = ssg_calloc(count * height * width, sizeof *files->fused))) return SSG_OUT_OF_MEMORY;
    for (size_t c = 0; c < count; c++) {
        const ssg_array *map = &files->maps[c];
        int16_t *fused = files->fused + c * height * width;
        if (map->dims[0] != height || map->dims[1] != width)
            return ssg_fail(SSGCAM_ERR_INPUT,
                            "%s: the map of class %d has %zux%zu values, that of class %d %zux%zu; the maps of an image must have one size", item->id,
                            item->labels[c], map->dims[1], map->dims[0], item->labels[0], width, height);
        SSG_TRY(to_integers(fused, map, item, item->labels[c]));
        files->of_class[c] = fused;
    }
    return SSGCAM_OK;
}

static ssgcam_status score_maps(const scoring *s, desk *d, const ssgcam_item *item)
{
    map_files files = {0};
    ssg_stream_image image = {.item = item, .class_count = (int)item->label_count, .classes = item->labels, .fused = files.of_class};
    SSG_TRY(ssg_image_read_size(&image.width, &image.height, item->image));
    ssgcam_status status = read_maps(s, &files, item);
    if (status == SSGCAM_OK) {
        image.region = ssg_map_view_region(&s->view, image.width, image.height);
        image.grid_height = (int)files.maps[0].dims[0], image.grid_width = (int)files.maps[0].dims[1];
        status = score_image(s, d, &image, files.maps);
    }
    for (size_t c = 0; c < SSG_LABELLER_CLASSES; c++) ssg_array_clear(&files.maps[c]);
    ssg_free(files.fused);
    return status;
}

/* ---- either, from files --------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status score_item(void *context, const ssgcam_item *item, int thread)
{
    scoring *s = context;
    desk *d;
    SSG_TRY(open_desk(&d, s, thread));
    return s->o->predictions ? score_mask(s, d, item) : score_maps(s, d, item);
}

static ssgcam_status score_files(scoring *s, const ssgcam_item *const *items)
{
    return ssg_tally_files(&s->tally, items, s->o->threads, score_item, s);
}

/* ---- maps made now -------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status score_now(void *context, const ssg_stream_image *image)
{
    scoring *s = context;
    desk *d;
    SSG_TRY(open_desk(&d, s, image->thread));
    return score_image(s, d, image, NULL);
}

static ssgcam_status score_stream(scoring *s, const ssgcam_item *const *items)
{
    const ssgcam_eval_options *o = s->o;
    ssg_stream_options stream = {
        .device = o->device, .model = o->model, .recipe = o->recipe, .batch = o->batch, .precision = ssg_precision_of(o->precision), .stop = o->stop};
    return ssg_tally_stream(&s->tally, items, &stream, score_now, s, &s->result->work);
}

/* ---- figures --------------------------------------------------------------------------------------------------------------------------------- */

/* What the threads have counted. */
static void gather(scoring *s)
{
    for (int t = 0; t < SSG_TALLY_THREADS; t++)
        if (s->desks[t].counts.confusion) ssg_mask_counts_merge(&s->counts, &s->desks[t].counts);
    s->result->confusion = s->counts.confusion;
    s->counts.confusion = NULL; /* the result's from here on */
}

static ssgcam_status summarise(scoring *s)
{
    ssgcam_eval_result *r = s->result;
    size_t labels = r->class_count + 1;
    ssg_counts *counts = ssg_calloc(labels, sizeof *counts);
    if (!counts) return SSG_OUT_OF_MEMORY;
    for (size_t t = 0; t < labels; t++)
        for (size_t p = 0; p < labels; p++) {
            uint64_t n = r->confusion[t * labels + p];
            if (t == p)
                counts[t].tp += n;
            else
                counts[t].fn += n, counts[p].fp += n;
        }
    ssg_counts object[2] = {counts[0], {.fp = counts[0].fn, .fn = counts[0].fp}};
    for (size_t i = 0; i < labels * labels; i++) object[1].tp += i >= labels && i % labels ? r->confusion[i] : 0;
    r->object_iou = ssg_foreground_iou(object, 2);
    r->object_mean = ssg_mean_iou(object, 2);
    r->mean_iou = ssg_mean_iou(counts, labels);
    r->foreground_iou = ssg_foreground_iou(counts, labels);
    for (size_t l = 0; l < labels; l++) {
        uint64_t all = counts[l].tp + counts[l].fp + counts[l].fn;
        r->iou[l] = all ? (double)counts[l].tp / (double)all : NAN;
    }
    for (int tau = 0; r->has_curve && tau < SSGCAM_THRESHOLDS; tau++) {
        ssg_levels_counts(&s->counts.levels, tau, counts);
        r->curve_mean[tau] = ssg_mean_iou(counts, labels);
        r->curve_foreground[tau] = ssg_foreground_iou(counts, labels);
        ssg_levels_object_counts(&s->counts.levels, tau, object);
        r->curve_object_mean[tau] = ssg_mean_iou(object, 2);
        if (r->curve_mean[tau] > r->curve_mean[r->best_threshold]) r->best_threshold = tau;
    }
    r->px_ap = ssg_pixel_ap_curve(&s->counts.pixel_ap, r->px_precision, r->px_recall);
    ssg_free(counts);
    return SSGCAM_OK;
}

/* Those with a truth; the others are left out, which is said. */
static ssgcam_status choose_items(scoring *s, const ssgcam_item **items)
{
    const ssgcam_dataset *data = s->o->data;
    const char *what = ssg_truth_is_boxes(&s->setting) ? "box" : "mask";
    for (size_t i = 0; i < data->count; i++)
        if (ssg_truth_given(&data->items[i], &s->setting)) items[s->tally.total++] = &data->items[i];
    if (s->tally.total == 0) return ssg_fail(SSGCAM_ERR_INPUT, "no image of this data set has a %s: there is nothing to score against", what);
    if (s->tally.total < data->count)
        ssg_log(SSG_LOG_NORMAL, "%zu of %zu images have no %s and are left out", data->count - s->tally.total, data->count, what);
    return SSGCAM_OK;
}

/* Masks that mark objects without their class, read as classes, score nothing without being wrong anywhere. */
static void remark_unseen(const scoring *s, const ssgcam_item *const *items)
{
    size_t labels = s->result->class_count + 1;
    if (s->setting.source != SSG_TRUTH_CLASSES) return;
    for (size_t i = 0; i < s->tally.total; i++)
        for (size_t l = 0; l < items[i]->label_count; l++) {
            size_t class = (size_t)items[i]->labels[l], seen = 0;
            for (size_t p = 0; class + 1 < labels && p < labels; p++) seen += s->result->confusion[(class + 1) * labels + p] > 0;
            if (seen || class + 1 >= labels) continue;
            ssg_log(SSG_LOG_NORMAL,
                    "images are labelled with class %zu, but no mask shows it; if the masks mark objects without their class, say "
                    "--mask-values object",
                    class);
            return;
        }
}

static ssgcam_status run(scoring *s)
{
    const ssgcam_eval_options *o = s->o;
    ssgcam_eval_result *r = s->result;
    if (!!o->predictions + !!o->maps + !!o->recipe != 1 || (o->recipe && (!o->model || !o->device)))
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "give either a folder of predicted masks or of maps, or a model with a recipe or method");
    if (o->predictions) SSG_TRY(ssg_map_folder_check(o->predictions, "masks"));
    if (o->maps) SSG_TRY(ssg_map_folder_check(o->maps, "maps"));
    if (o->maps) SSG_TRY(ssg_map_view_read(&s->view, o->maps));
    if (o->maps && (o->threshold < 0 || o->threshold > 255)) return ssg_fail(SSGCAM_ERR_ARGUMENT, "threshold %d; 0 to 255", o->threshold);
    SSG_TRY(ssg_truth_setting_parse(&s->setting, o->mask_values ? o->mask_values : "classes"));
    r->class_count = o->data->class_count ? o->data->class_count : o->model ? ssgcam_model_class_count(o->model) : 0;
    if (r->class_count < 1 || r->class_count > SSG_MASK_CLASSES_MOST)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "%zu classes; a mask file can tell 1 to 253 apart: name them in classes.txt or MODEL.json",
                        r->class_count);
    r->iou = ssg_calloc(r->class_count + 1, sizeof *r->iou);
    const ssgcam_item **items = ssg_calloc(o->data->count, sizeof *items);
    ssgcam_status status = r->iou && items ? ssg_mask_counts_create(&s->counts, r->class_count) : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) status = choose_items(s, items);
    r->threshold = o->recipe ? o->recipe->threshold : o->maps ? o->threshold : -1;
    r->has_curve = !o->predictions;
    if (status == SSGCAM_OK) status = o->recipe ? score_stream(s, items) : score_files(s, items);
    if (status == SSGCAM_OK) gather(s);
    if (status == SSGCAM_OK && s->result->images) remark_unseen(s, items);
    ssg_free(items);
    return status == SSGCAM_OK ? summarise(s) : status;
}

ssgcam_status ssgcam_eval_masks(const ssgcam_eval_options *options, ssgcam_eval_result *result)
{
    *result = (ssgcam_eval_result){0};
    scoring *s = ssg_calloc(1, sizeof *s);
    if (!s) return SSG_OUT_OF_MEMORY;
    s->o = options, s->result = result;
    s->tally = (ssg_tally){
        .progress = options->progress, .context = options->context, .stop = options->stop, .images = &result->images, .failed = &result->failed};
    ssgcam_status status = run(s);
    for (int t = 0; t < SSG_TALLY_THREADS; t++) clear_desk(&s->desks[t]);
    ssg_mask_counts_clear(&s->counts);
    ssg_free(s);
    if (status == SSGCAM_OK && result->images == 0) return ssg_fail(SSGCAM_ERR_INPUT, "none of the %zu images could be scored", result->failed);
    if (status == SSGCAM_OK && result->failed)
        return ssg_fail(SSGCAM_ERR_PARTIAL, "%zu of %zu images could not be scored", result->failed, result->failed + result->images);
    return status;
}

void ssgcam_eval_clear(ssgcam_eval_result *result)
{
    ssg_free(result->confusion);
    ssg_free(result->iou);
    *result = (ssgcam_eval_result){0};
}
