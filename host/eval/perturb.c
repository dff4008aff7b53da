#include <math.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/parallel.h"
#include "host/base/philox.h"
#include "host/data/tensor_input.h"
#include "host/eval/map_file.h"
#include "host/eval/map_view.h"
#include "host/eval/perturb_image.h"
#include "host/eval/road.h"
#include "host/eval/tally.h"
#include "host/flow/network.h"
#include "host/flow/precision.h"
#include "host/flow/scores.h"
#include "host/net/plan.h"
#include "kernels/ops.h"

enum { DEFAULT_STEPS = 10, BATCH = 4, ORDER_STREAM = 0x6f726472, NOISE_STREAM = 0x726f6164 };
static const double default_blur = 10, default_noise = 0.01;

/* Inputs of a map: all steps of deletion, then all of insertion, then the image times the map, then whatever fills the last batch. */
typedef struct job {
    const ssgcam_perturb_options *o;
    ssgcam_perturb_result *result;
    ssg_image_shape shape;
    size_t pixels, floats, classes, steps, batches; /* floats: of an image */
    size_t explained, count;                        /* the input that is image times map; how many inputs a map has */
    ssg_plan *plan;
    float *image, *fill, *scratch, *map, *inputs, *scores;
    uint32_t *order;
    uint64_t *keys;
    ssg_road **roads; /* one a thread; NULL without SSGCAM_PERTURB_ROAD */
    int threads;
    ssg_tally tally;
} job;

/* ---- one map
 * --------------------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status read_map(job *j, const ssgcam_item *item, int class)
{
    ssg_array map = {0};
    SSG_TRY(ssg_map_file_read(&map, j->o->maps, item, class));
    ssg_ops_cpu()->resize(&(ssg_run){.threads = 1}, &(ssg_place){map.values, j->map}, 1, j->shape.height, j->shape.width, map.dims[0], map.dims[1]);
    ssg_array_clear(&map);
    return SSGCAM_OK;
}

static void order_pixels(job *j, size_t number)
{
    if (j->o->order == SSGCAM_PERTURB_RANDOM) {
        ssg_draws draws = ssg_draws_named(j->o->seed, (uint32_t)number, 0, ORDER_STREAM);
        for (size_t i = 0; i < j->pixels; i++) j->map[i] = (float)ssg_draw_unit(&draws);
    }
    if (j->o->order == SSGCAM_PERTURB_LEAST_FIRST)
        for (size_t i = 0; i < j->pixels; i++) j->map[i] = -j->map[i];
    ssg_pixel_order(j->order, j->keys, j->map, j->pixels);
}

/* How many pixels a step replaces or keeps: rounded. */
static size_t pixels_of_step(const job *j, size_t step)
{
    return (2 * j->pixels * step + j->steps) / (2 * j->steps);
}

static void replace(const job *j)
{
    for (size_t i = 0; i <= j->steps; i++) {
        size_t count = pixels_of_step(j, i);
        ssg_perturb_image(j->inputs + i * j->floats, j->image, j->fill, &j->shape, j->order, count);
        ssg_perturb_image(j->inputs + (j->steps + 1 + i) * j->floats, j->fill, j->image, &j->shape, j->order, count);
    }
}

/* One input of deletion or insertion; what is removed is the beginning or the end of the order. */
static void debias(void *context, size_t index, int thread)
{
    const job *j = context;
    size_t inserted = index > j->steps, count = pixels_of_step(j, index - inserted * (j->steps + 1));
    float *to = j->inputs + index * j->floats;
    ssg_draws draws = ssg_draws_named(j->o->seed, (uint32_t)j->result->maps, (uint32_t)index, NOISE_STREAM);
    memcpy(to, j->image, j->floats * sizeof *to);
    ssg_road_fill(j->roads[thread], to, &j->shape, j->order + (inserted ? count : 0), inserted ? j->pixels - count : count, j->result->noise, &draws);
}

static void make_inputs(job *j)
{
    if (j->roads)
        ssg_parallel_for(j->threads, 2 * (j->steps + 1), debias, j);
    else
        replace(j);
}

static ssgcam_status check_scores(const job *j, const ssgcam_item *item)
{
    for (size_t i = 0; i < j->count * j->classes; i++)
        if (!isfinite(j->scores[i])) return ssg_fail(SSGCAM_ERR_INPUT, "%s: a score of the network is not a number", item->image);
    return SSGCAM_OK;
}

static void take_scores(const job *j, ssgcam_perturb_curve *curve, const float *scores, size_t class)
{
    for (size_t i = 0; i <= j->steps; i++, scores += j->classes) {
        curve->probability[i] += ssg_scores_probability(scores, j->classes, class);
        curve->accuracy[i] += ssg_scores_rank(scores, j->classes, class) == 0;
    }
}

/* The first input of deletion is the image itself. */
static void take_explained(job *j, size_t class)
{
    double before = ssg_scores_probability(j->scores, j->classes, class);
    double after = ssg_scores_probability(j->scores + j->explained * j->classes, j->classes, class);
    if (after < before) j->result->average_drop += (before - after) / before;
    j->result->average_increase += after > before;
}

static ssgcam_status score_map(job *j, const ssgcam_item *item, int class)
{
    if ((size_t) class >= j->classes)
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: label %d, but the model has classes 0 to %zu", item->image, class, j->classes - 1);
    SSG_TRY(read_map(j, item, class));
    ssg_perturb_explained(j->inputs + j->explained * j->floats, j->image, j->map, &j->shape);
    order_pixels(j, j->result->maps);
    make_inputs(j);
    for (size_t b = 0; b < j->batches; b++) {
        SSG_TRY(ssg_plan_forward(j->plan, j->inputs + b * BATCH * j->floats));
        SSG_TRY(ssg_plan_scores(j->plan, j->scores + b * BATCH * j->classes));
    }
    SSG_TRY(check_scores(j, item));
    take_scores(j, &j->result->deletion, j->scores, (size_t) class);
    take_scores(j, &j->result->insertion, j->scores + (j->steps + 1) * j->classes, (size_t) class);
    take_explained(j, (size_t) class);
    j->result->maps++;
    return SSGCAM_OK;
}

static ssgcam_status score_image(job *j, const ssgcam_item *item)
{
    const ssgcam_model *m = j->o->model;
    ssg_image image;
    SSG_TRY(ssg_image_read(&image, item->image, m->preprocess.channels == SSGCAM_CHANNELS_GREY ? 1 : 3));
    ssgcam_status status = ssg_preprocess_image(j->image, &m->preprocess, &image, m->height, m->width, m->nhwc);
    ssg_image_clear(&image);
    if (status != SSGCAM_OK) return ssg_fail_prefix(status, "%s", item->image);
    ssg_perturb_fill(j->fill, j->image, &j->shape, j->o->fill, j->result->blur, j->scratch);
    for (size_t i = 0; i < item->label_count; i++) SSG_TRY(score_map(j, item, item->labels[i]));
    return SSGCAM_OK;
}

/* ---- all
 * -------------------------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status check_options(const ssgcam_perturb_options *o)
{
    int least = o->fill == SSGCAM_PERTURB_ROAD ? 2 : 1;
    if (!o->model || !o->device || !o->maps) return ssg_fail(SSGCAM_ERR_ARGUMENT, "give a model and a folder of maps");
    ssg_map_view view;
    SSG_TRY(ssg_map_folder_check(o->maps, "maps"));
    SSG_TRY(ssg_map_view_read(&view, o->maps));
    SSG_TRY(ssg_map_view_check(&view, o->maps, &o->model->preprocess, o->model->height, o->model->width));
    if (o->steps && (o->steps < least || o->steps > SSGCAM_PERTURB_STEPS_MOST))
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "%d steps; %d to %d", o->steps, least, SSGCAM_PERTURB_STEPS_MOST);
    if (!(o->blur >= 0 && o->blur <= 64)) return ssg_fail(SSGCAM_ERR_ARGUMENT, "blur %g; a sigma above 0, at most 64 pixels", o->blur);
    if (!(o->noise <= 100)) return ssg_fail(SSGCAM_ERR_ARGUMENT, "noise %g; a standard deviation of at most 100", o->noise);
    return SSGCAM_OK;
}

/* The settings in force, for whoever compares results. */
static void settle(job *j)
{
    const ssgcam_perturb_options *o = j->o;
    ssgcam_perturb_result *r = j->result;
    j->steps = o->steps ? (size_t)o->steps : DEFAULT_STEPS;
    r->steps = (int)j->steps;
    r->fill = o->fill;
    r->order = o->order;
    r->seed = o->seed;
    if (o->fill == SSGCAM_PERTURB_BLUR) r->blur = o->blur > 0 ? o->blur : default_blur;
    if (o->fill == SSGCAM_PERTURB_ROAD) r->noise = o->noise == 0 ? default_noise : fmax(o->noise, 0);
}

static ssgcam_status make_roads(job *j)
{
    j->threads = j->o->device->threads > 1 ? j->o->device->threads : 1;
    if (!(j->roads = ssg_calloc((size_t)j->threads, sizeof *j->roads))) return SSG_OUT_OF_MEMORY;
    for (int t = 0; t < j->threads; t++) SSG_TRY(ssg_road_create(&j->roads[t], j->shape.height, j->shape.width));
    return SSGCAM_OK;
}

static ssgcam_status set_up(job *j)
{
    const ssgcam_perturb_options *o = j->o;
    const ssgcam_model *m = o->model;
    SSG_TRY(check_options(o));
    settle(j);
    j->explained = 2 * (j->steps + 1);
    j->count = j->explained + 1;
    j->batches = (j->count + BATCH - 1) / BATCH;
    ssg_shape input = ssg_network_input(m, BATCH, m->height, m->width);
    j->shape = (ssg_image_shape){(size_t)input.dims[m->nhwc ? 3 : 1], (size_t)m->height, (size_t)m->width, m->nhwc};
    j->pixels = j->shape.height * j->shape.width;
    j->floats = j->pixels * j->shape.channels;
    SSG_TRY(ssg_plan_create(&j->plan, o->device, m->model, &(ssg_plan_options){.input = input, .precision = ssg_precision_of(o->precision)}));
    j->classes = (size_t)ssg_plan_class_count(j->plan);
    j->image = ssg_alloc_aligned(j->floats, sizeof *j->image);
    j->fill = ssg_alloc_aligned(j->floats, sizeof *j->fill);
    j->scratch = ssg_alloc_aligned(j->floats, sizeof *j->scratch);
    j->map = ssg_alloc_aligned(j->pixels, sizeof *j->map);
    j->inputs = ssg_calloc(j->batches * BATCH * j->floats, sizeof *j->inputs);
    j->scores = ssg_calloc(j->batches * BATCH * j->classes, sizeof *j->scores);
    j->order = ssg_calloc(j->pixels, sizeof *j->order);
    j->keys = ssg_calloc(j->pixels, sizeof *j->keys);
    int all = j->image && j->fill && j->scratch && j->map && j->inputs && j->scores && j->order && j->keys;
    if (!all) return SSG_OUT_OF_MEMORY;
    return o->fill == SSGCAM_PERTURB_ROAD ? make_roads(j) : SSGCAM_OK;
}

static void clear(job *j)
{
    ssg_plan_destroy(&j->plan);
    ssg_free(j->image);
    ssg_free(j->fill);
    ssg_free(j->scratch);
    ssg_free(j->map);
    ssg_free(j->inputs);
    ssg_free(j->scores);
    ssg_free(j->order);
    ssg_free(j->keys);
    for (int t = 0; j->roads && t < j->threads; t++) ssg_road_destroy(&j->roads[t]);
    ssg_free(j->roads);
}

static void summarise_curve(const job *j, ssgcam_perturb_curve *curve)
{
    for (size_t i = 0; i <= j->steps; i++) {
        curve->probability[i] /= (double)j->result->maps;
        curve->accuracy[i] /= (double)j->result->maps;
        if (i) curve->area += (curve->probability[i - 1] + curve->probability[i]) / (2 * (double)j->steps);
    }
}

static void summarise(const job *j)
{
    ssgcam_perturb_result *r = j->result;
    summarise_curve(j, &r->deletion);
    summarise_curve(j, &r->insertion);
    r->average_drop /= (double)r->maps;
    r->average_increase /= (double)r->maps;
    for (size_t i = 1; j->roads && i < j->steps; i++)
        r->road += (r->insertion.probability[i] - r->deletion.probability[i]) / (2 * (double)(j->steps - 1));
}

static ssgcam_status run(job *j)
{
    const ssgcam_dataset *data = j->o->data;
    for (size_t i = 0; i < data->count; i++) j->tally.total += data->items[i].label_count > 0;
    if (j->tally.total == 0) return ssg_fail(SSGCAM_ERR_INPUT, "no image of this data set has a label: there is no class to look at");
    SSG_TRY(set_up(j));
    for (size_t i = 0; i < data->count; i++) {
        const ssgcam_item *item = &data->items[i];
        if (item->label_count == 0) continue;
        SSG_TRY(ssg_tally_poll(&j->tally));
        SSG_TRY(ssg_tally_judge(&j->tally, item, score_image(j, item)));
    }
    if (j->result->maps == 0) return ssg_fail(SSGCAM_ERR_INPUT, "none of the %zu images could be scored", j->result->failed);
    summarise(j);
    if (j->result->failed == 0) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_PARTIAL, "%zu of %zu images could not be scored", j->result->failed, j->tally.total);
}

ssgcam_status ssgcam_eval_perturb(const ssgcam_perturb_options *options, ssgcam_perturb_result *result)
{
    job j = {
        .o = options,
        .result = result,
        .tally = {
            .progress = options->progress, .context = options->context, .stop = options->stop, .images = &result->images, .failed = &result->failed}};
    *result = (ssgcam_perturb_result){0};
    ssgcam_status status = run(&j);
    clear(&j);
    return status;
}
