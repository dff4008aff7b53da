#include <ssgcam/generate.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/data/atomic_file.h"
#include "host/data/image.h"
#include "host/data/npy.h"
#include "host/data/preprocess.h"
#include "host/eval/map_view.h"
#include "host/flow/labels.h"
#include "host/flow/precision.h"
#include "host/flow/views.h"
#include "host/pipeline/journal.h"
#include "host/pipeline/mask_overlay.h"

typedef struct job {
    const ssgcam_generate_options *o;
    ssg_journal *journal;
    ssgcam_generate_result result;
    ssg_labeller labellers[SSG_STREAM_CONSUMERS]; /* of each thread */
    ssg_views views;
} job;

/* ---- one image --------------------------------------------------------------------------------------------------------------------- */

static char *map_path(const ssgcam_generate_options *o, const char *id, int class)
{
    return ssg_format("%s/maps/%s.%d.npy", o->out, id, class);
}

static ssgcam_status write_maps(const job *j, const ssg_stream_image *image)
{
    size_t dims[2] = {(size_t)image->grid_height, (size_t)image->grid_width}, pixels = dims[0] * dims[1];
    float *values = ssg_alloc_aligned(pixels, sizeof *values);
    ssgcam_status status = values ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    for (int c = 0; status == SSGCAM_OK && c < image->class_count; c++) {
        int top = 1;
        for (size_t i = 0; i < pixels; i++) top = image->fused[c][i] > top ? image->fused[c][i] : top;
        for (size_t i = 0; i < pixels; i++) values[i] = (float)image->fused[c][i] / (float)top;
        char *path = map_path(j->o, image->item->id, image->classes[c]);
        status = path ? ssg_npy_write(path, values, 2, dims) : SSG_OUT_OF_MEMORY;
        ssg_free(path);
    }
    ssg_free(values);
    return status;
}

/* The journal's entry comes last, and in the order of the data. */
static ssgcam_status write_image(job *j, const ssg_stream_image *image)
{
    ssg_labeller *labeller = &j->labellers[image->thread];
    uint8_t *bytes = NULL;
    size_t size;
    char *name = ssg_format("masks/%s.png", image->item->id), *path = name ? ssg_path_join(j->o->out, name) : NULL;
    ssgcam_status status = path ? ssg_labeller_resize(labeller, image) : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) status = ssg_labeller_label(labeller, image, j->o->recipe->threshold);
    if (status == SSGCAM_OK && j->o->maps) status = write_maps(j, image);
    if (status == SSGCAM_OK && j->o->overlays) status = ssg_mask_overlay_write(j->o->out, image->item, labeller->labels, image->width, image->height);
    if (status == SSGCAM_OK) status = ssg_image_encode_png(&bytes, &size, &(ssg_image){image->width, image->height, 1, labeller->labels}, 1);
    if (status == SSGCAM_OK) status = ssg_file_write(path, bytes, size);
    if (status == SSGCAM_OK) status = ssg_stream_await_turn(image);
    if (status == SSGCAM_OK) status = ssg_journal_add(j->journal, image->item->id, name, bytes, size, image->classes, image->class_count);
    ssg_free(bytes);
    ssg_free(name);
    ssg_free(path);
    return status;
}

/* On several threads, until an image's turn. */
static ssgcam_status consume(void *context, const ssg_stream_image *image)
{
    job *j = context;
    const char *failure = NULL;
    if (image->status == SSGCAM_OK) {
        SSG_TRY(write_image(j, image)); /* a disk that cannot be written ends the job */
        j->result.written++;
    } else {
        failure = image->message;
        SSG_TRY(ssg_stream_await_turn(image));
        SSG_TRY(ssg_journal_fail(j->journal, image->item->id, failure));
        j->result.failed++;
    }
    if (j->o->progress)
        j->o->progress(j->o->context, j->result.kept + j->result.written + j->result.failed, j->result.total, image->item->id, failure);
    return SSGCAM_OK;
}

/* ---- the job ------------------------------------------------------------------------------------------------------------------------ */

static ssgcam_status open_journal(job *j)
{
    const ssgcam_generate_options *o = j->o;
    char recipe_digest[17], name[64] = "journal.jsonl", shard[32], *text;
    SSG_TRY(ssgcam_recipe_print(o->recipe, &text));
    snprintf(recipe_digest, sizeof recipe_digest, "%016llx", (unsigned long long)XXH3_64bits(text, strlen(text)));
    ssgcam_text_free(text);
    if (o->shards > 1) snprintf(name, sizeof name, "journal.%d-of-%d.jsonl", o->shard, o->shards);
    snprintf(shard, sizeof shard, "%d/%d", o->shards > 1 ? o->shard : 1, o->shards > 1 ? o->shards : 1);
    char *scales = ssg_views_describe(o->scales, o->scale_count, o->flip);
    char *preprocessing = ssg_preprocess_describe(&o->model->preprocess, o->model->height, o->model->width);
    const ssg_journal_setting settings[] = {{"model", ssgcam_model_digest(o->model)},
                                            {"recipe", recipe_digest},
                                            {"data", o->data->digest},
                                            {"precision", ssgcam_precision_name(o->precision)},
                                            {"preprocessing", preprocessing},
                                            {"scale", scales},
                                            {"shard", shard}};
    ssgcam_status status = SSG_OUT_OF_MEMORY;
    if (scales && preprocessing) status = ssg_journal_open(&j->journal, o->out, name, settings, sizeof settings / sizeof *settings, o->fresh);
    ssg_free(scales);
    ssg_free(preprocessing);
    return status;
}

static ssgcam_status make_folders(const ssgcam_generate_options *o)
{
    const char *const names[] = {"masks", o->maps ? "maps" : NULL, o->overlays ? "overlays" : NULL};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!names[i]) continue;
        char *path = ssg_path_join(o->out, names[i]);
        ssgcam_status status = path ? ssg_folder_make(path) : SSG_OUT_OF_MEMORY;
        ssg_free(path);
        SSG_TRY(status);
    }
    return SSGCAM_OK;
}

/* What eval has to know of the maps beside them. */
static ssgcam_status describe_maps(const ssgcam_generate_options *o)
{
    char *folder = ssg_path_join(o->out, "maps");
    ssgcam_status status = folder ? ssg_map_view_write(folder, &o->model->preprocess, o->model->height, o->model->width) : SSG_OUT_OF_MEMORY;
    ssg_free(folder);
    return status;
}

/* Takes the path, NULL where memory ran out. */
static ssgcam_status find_file(char *path, int *found)
{
    if (!path) return SSG_OUT_OF_MEMORY;
    *found = access(path, F_OK) == 0;
    ssg_free(path);
    return SSGCAM_OK;
}

/* Whether what this run asks for beside the mask is there: an earlier one may have asked for less. Files appear whole or not at all. */
static ssgcam_status has_company(const job *j, const char *id, int *found)
{
    const ssgcam_generate_options *o = j->o;
    int classes[SSG_LABELLER_CLASSES], count = ssg_journal_classes(j->journal, id, classes, SSG_LABELLER_CLASSES);
    *found = count <= SSG_LABELLER_CLASSES && (count > 0 || !o->maps);
    for (int c = 0; o->maps && *found && c < count; c++) SSG_TRY(find_file(map_path(o, id, classes[c]), found));
    return o->overlays && *found ? find_file(ssg_format("%s/overlays/%s.png", o->out, id), found) : SSGCAM_OK;
}

static ssgcam_status is_finished(const job *j, const char *id, int *finished)
{
    char *name = ssg_format("masks/%s.png", id);
    if (!name) return SSG_OUT_OF_MEMORY;
    *finished = ssg_journal_has(j->journal, id, name);
    ssg_free(name);
    return *finished ? has_company(j, id, finished) : SSGCAM_OK;
}

/* The items of this shard that are not finished yet. */
static ssgcam_status choose_items(job *j, const ssgcam_item ***items, size_t *count)
{
    const ssgcam_dataset *d = j->o->data;
    size_t shards = j->o->shards > 1 ? (size_t)j->o->shards : 1, shard = j->o->shards > 1 ? (size_t)j->o->shard - 1 : 0;
    *count = 0;
    if (!(*items = ssg_calloc(d->count, sizeof **items))) return SSG_OUT_OF_MEMORY;
    for (size_t i = shard; i < d->count; i += shards) {
        int finished;
        SSG_TRY(is_finished(j, d->items[i].id, &finished));
        j->result.total++;
        if (finished)
            j->result.kept++;
        else
            (*items)[(*count)++] = &d->items[i];
    }
    return SSGCAM_OK;
}

/* A recipe that the model cannot follow must not leave a folder that belongs to it. */
static ssgcam_status check_recipe(const ssgcam_generate_options *o)
{
    ssg_cam_row *rows = ssg_calloc(o->recipe->layer_count, sizeof *rows);
    ssgcam_status status = rows ? ssg_network_recipe_rows(o->model, o->recipe, rows) : SSG_OUT_OF_MEMORY;
    ssg_free(rows);
    return status;
}

static ssgcam_status run(job *j)
{
    const ssgcam_generate_options *o = j->o;
    if (o->shards < 0 || (o->shards > 1 && (o->shard < 1 || o->shard > o->shards)))
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "shard %d of %d; shards are numbered from 1", o->shard, o->shards);
    SSG_TRY(ssg_views_make(&j->views, o->model, o->scales, o->scale_count, o->flip));
    SSG_TRY(check_recipe(o));
    SSG_TRY(make_folders(o));
    SSG_TRY(open_journal(j));
    if (o->maps) SSG_TRY(describe_maps(o));
    const ssgcam_item **items = NULL;
    size_t count;
    ssg_stream_times times = {0};
    ssgcam_status status = choose_items(j, &items, &count);
    if (status == SSGCAM_OK && count) {
        ssg_stream_options stream = {.device = o->device,
                                     .model = o->model,
                                     .recipe = o->recipe,
                                     .views = &j->views,
                                     .items = items,
                                     .count = count,
                                     .batch = o->batch,
                                     .together = 1,
                                     .precision = ssg_precision_of(o->precision),
                                     .stop = o->stop};
        status = ssg_stream_run(&stream, consume, j, &times);
    }
    ssg_free(items);
    j->result.network_ms = times.network;
    j->result.maps_ms = times.maps;
    j->result.total_ms = times.total;
    return status;
}

ssgcam_status ssgcam_generate_run(const ssgcam_generate_options *options, ssgcam_generate_result *result)
{
    job j = {.o = options};
    ssgcam_status status = run(&j);
    ssg_journal_close(&j.journal);
    ssg_labellers_clear(j.labellers, SSG_STREAM_CONSUMERS);
    if (result) *result = j.result;
    if (status == SSGCAM_OK && j.result.failed)
        return ssg_fail(SSGCAM_ERR_PARTIAL, "%zu of %zu images failed; the masks of the others are complete in %s", j.result.failed, j.result.total,
                        options->out);
    return status;
}
