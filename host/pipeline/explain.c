#include <ssgcam/explain.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/base/stop.h"
#include "host/cam/tap_copy.h"
#include "host/data/npy.h"
#include "host/flow/network.h"
#include "host/flow/precision.h"
#include "host/flow/scores.h"
#include "host/fuse/float_fusion.h"
#include "host/pipeline/explain_files.h"

/* One input: an image made ready, or an array of several. */
typedef struct input {
    const char *path;
    ssg_image picture; /* empty for an array */
    ssg_region region;
    const float *tensor; /* count x floats */
    float *own;          /* the same where it is the input's to free */
    size_t count, floats;
    int height, width;
} input;

typedef struct job {
    const ssgcam_explain_options *o;
    ssg_cam_row *rows;
    ssg_cam *cam; /* for one image of height x width */
    int height, width;
    size_t *wanted; /* class_count entries; TOP where the highest score is wanted */
    size_t wanted_count;
    float *scores, *fused;
    ssg_fusion_layer *layers; /* one per row of the recipe; the maps are owned */
} job;

static const size_t TOP = SIZE_MAX;

/* ---- inputs -------------------------------------------------------------------------------------------------------------------------- */

static int ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

static void clear_input(input *in)
{
    ssg_image_clear(&in->picture);
    ssg_free(in->own);
}

static ssgcam_status refuse_shape(const ssgcam_model *m, const char *path, const ssg_array *array)
{
    char have[160] = "", want[SSG_SHAPE_TEXT];
    for (int i = 0; i < array->rank; i++) snprintf(have + strlen(have), sizeof have - strlen(have), i ? " x %zu" : "%zu", array->dims[i]);
    return ssg_fail(SSGCAM_ERR_INPUT, "%s: an array of %s; the network's input is %s, or one image without N", path,
                    array->rank ? have : "a single number", ssg_network_input_text(m, want));
}

/* N C H W (or N H W C) like the graph's input, or without the N; numbers that no preprocessing has touched are no such input. */
static ssgcam_status check_array(const ssgcam_model *m, const char *path, const ssg_array *array)
{
    const size_t *dims = array->dims + (array->rank == 4);
    int fits = (array->rank == 3 || array->rank == 4) && dims[m->nhwc ? 2 : 0] == (m->preprocess.channels == SSGCAM_CHANNELS_GREY ? 1 : 3);
    for (int i = 0; fits && i < 3; i++) fits = dims[i] > 0 && dims[i] <= SSGCAM_SIDE_MOST;
    fits = fits && array->dims[0] > 0 && ssg_network_check_size(m, (int)dims[m->nhwc ? 0 : 1], (int)dims[m->nhwc ? 1 : 2]) == SSGCAM_OK;
    if (!fits) return refuse_shape(m, path, array);
    if (!array->whole) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_INPUT,
                    "%s: an array of whole numbers; arrays are fed as they are, so save preprocessed floats, or name the image itself", path);
}

/* An array is fed as it is. */
static ssgcam_status read_array(const ssgcam_model *m, input *in)
{
    ssg_array array = {0};
    SSG_TRY(ssg_npy_read(&array, in->path));
    ssgcam_status status = check_array(m, in->path, &array);
    if (status != SSGCAM_OK) {
        ssg_array_clear(&array);
        return status;
    }
    const size_t *dims = array.dims + (array.rank == 4);
    in->count = array.rank == 4 ? array.dims[0] : 1;
    in->floats = dims[0] * dims[1] * dims[2];
    in->height = (int)dims[m->nhwc ? 0 : 1];
    in->width = (int)dims[m->nhwc ? 1 : 2];
    in->tensor = in->own = array.values;
    return SSGCAM_OK;
}

static ssgcam_status read_picture(const ssgcam_model *m, input *in)
{
    ssg_shape own = ssg_network_input(m, 1, m->height, m->width);
    SSG_TRY(ssg_image_read(&in->picture, in->path, m->preprocess.channels == SSGCAM_CHANNELS_GREY ? 1 : 3));
    in->count = 1;
    in->floats = ssg_shape_count(&own);
    in->height = m->height;
    in->width = m->width;
    in->region = ssg_preprocess_region(&m->preprocess, in->picture.width, in->picture.height, m->height, m->width);
    if (!(in->tensor = in->own = ssg_alloc_aligned(in->floats, sizeof *in->own))) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = ssg_preprocess_image(in->own, &m->preprocess, &in->picture, m->height, m->width, m->nhwc);
    return status == SSGCAM_OK ? status : ssg_fail_prefix(status, "%s", in->path);
}

/* ---- the engine ---------------------------------------------------------------------------------------------------------------------- */

static void clear_engine(job *j)
{
    ssg_cam_destroy(&j->cam);
    ssg_free(j->fused);
    j->fused = NULL;
    for (size_t i = 0; j->layers && i < j->o->recipe->layer_count; i++) {
        ssg_free(j->layers[i].map);
        j->layers[i].map = NULL;
    }
}

static ssgcam_status engine_for(job *j, int height, int width)
{
    const ssgcam_explain_options *o = j->o;
    if (j->cam && j->height == height && j->width == width) return SSGCAM_OK;
    clear_engine(j);
    SSG_TRY(ssg_network_check_size(o->model, height, width));
    ssg_cam_options options = {.input = ssg_network_input(o->model, 1, height, width),
                               .nhwc = o->model->nhwc,
                               .rows = j->rows,
                               .row_count = (int)o->recipe->layer_count,
                               .classes = (int)j->wanted_count,
                               .precision = ssg_precision_of(o->precision),
                               .keep_sign = o->keep_sign};
    SSG_TRY(o->device->interface->enter(o->device));
    SSG_TRY(ssg_cam_create(&j->cam, o->device, o->model->model, &options));
    j->height = height;
    j->width = width;
    for (size_t i = 0; i < o->recipe->layer_count; i++) {
        int h, w;
        ssg_cam_maps(j->cam, (int)i, &h, &w);
        j->layers[i] = (ssg_fusion_layer){ssg_alloc_aligned((size_t)h * (size_t)w, sizeof(float)),
                                          (size_t)h,
                                          (size_t)w,
                                          (float)o->recipe->layers[i].weight,
                                          (float)o->recipe->layers[i].power,
                                          0};
        if (!j->layers[i].map) return SSG_OUT_OF_MEMORY;
    }
    j->fused = ssg_alloc_aligned((size_t)height * (size_t)width, sizeof *j->fused);
    return j->fused ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
}

/* ---- one class of one image -------------------------------------------------------------------------------------------------------------- */

static ssgcam_status write_tensors(const job *j, ssg_explain_files *files, size_t class)
{
    for (size_t i = 0; i < j->o->recipe->layer_count; i++) {
        for (int what = SSG_TAP_ACTIVATION; what <= SSG_TAP_SECOND; what++) {
            static const char *const endings[] = {".A.npy", ".g.npy", ".h.npy"};
            float *values;
            size_t dims[3];
            SSG_TRY(ssg_tap_copy(&values, dims, j->o->device, j->cam, (int)i, (ssg_tap_tensor)what, what == SSG_TAP_ACTIVATION ? 0 : class));
            if (!values) continue;
            ssgcam_status status = ssg_explain_write_array(files, j->rows[i].layer, endings[what], values, 3, dims);
            ssg_free(values);
            SSG_TRY(status);
        }
    }
    return SSGCAM_OK;
}

/* The raw maps of the class come to the host, are saved if asked for, and become one. */
static ssgcam_status fuse_class(job *j, ssg_explain_files *files, size_t class)
{
    const ssg_device_interface *device = j->o->device->interface;
    size_t count = j->o->recipe->layer_count;
    for (size_t i = 0; i < count; i++) {
        ssg_fusion_layer *l = &j->layers[i];
        int h, w;
        const float *maps = ssg_cam_maps(j->cam, (int)i, &h, &w);
        SSG_TRY(device->download(j->o->device, l->map, maps + class * l->height * l->width, l->height * l->width * sizeof *l->map));
        if (j->o->save & SSGCAM_SAVE_LAYERS)
            SSG_TRY(ssg_explain_write_array(files, j->rows[i].layer, ".npy", l->map, 2, (const size_t[]){l->height, l->width}));
    }
    return ssg_float_fusion(j->fused, (size_t)j->height, (size_t)j->width, j->layers, count,
                            j->o->preset == SSGCAM_PRESET_PGC ? SSG_FUSION_PGC : SSG_FUSION_OWN, j->o->device->threads);
}

static float probability_of(const job *j, size_t label)
{
    size_t count = ssgcam_model_class_count(j->o->model);
    const char *head = ssgcam_model_head(j->o->model);
    if (!head || strcmp(head, "Softmax") != 0) return NAN;
    return (float)ssg_scores_probability(j->scores, count, label);
}

static ssgcam_status finish_class(job *j, const input *in, size_t image, size_t class, size_t label)
{
    const ssgcam_explain_options *o = j->o;
    ssg_explain_files files = {.folder = o->out ? o->out : ".", .input = in->path, .label = label, .image = in->count > 1 ? (long)image : -1};
    ssgcam_status status = fuse_class(j, &files, class);
    if (status == SSGCAM_OK && (o->save & SSGCAM_SAVE_TENSORS)) status = write_tensors(j, &files, class);
    if (status == SSGCAM_OK && (o->save & SSGCAM_SAVE_NPY))
        status = ssg_explain_write_array(&files, NULL, ".npy", j->fused, 2, (const size_t[]){(size_t)j->height, (size_t)j->width});
    if (status == SSGCAM_OK)
        status = ssg_explain_write_pictures(&files, o->save, j->fused, j->height, j->width, in->picture.pixels ? &in->picture : NULL, &in->region);
    if (status == SSGCAM_OK && o->callback) {
        ssgcam_explanation e = {.input = in->path,
                                .image = image,
                                .label = label,
                                .label_name = ssgcam_model_class_name(o->model, label),
                                .score = j->scores[label],
                                .probability = probability_of(j, label),
                                .map = j->fused,
                                .height = (size_t)j->height,
                                .width = (size_t)j->width,
                                .constant = 1};
        for (size_t i = 0; i < o->recipe->layer_count; i++) {
            e.constant &= j->layers[i].flags != 0;
            e.not_a_number |= j->layers[i].flags & SSG_MAP_NAN;
        }
        o->callback(o->context, &e, files.list ? files.list : "");
    }
    ssg_free(files.list);
    return status;
}

/* ---- one input ------------------------------------------------------------------------------------------------------------------------------ */

static ssgcam_status check_values(const job *j, const input *in, size_t image)
{
    ssg_shape shape = ssg_network_input(j->o->model, 1, in->height, in->width);
    ssgcam_status status = ssg_tensor_check(in->tensor + image * in->floats, shape.dims + 1);
    return status == SSGCAM_OK ? status : ssg_fail_prefix(status, "%s: image %zu", in->path, image);
}

static ssgcam_status check_scores(const job *j, const input *in)
{
    for (size_t i = 0; i < ssgcam_model_class_count(j->o->model); i++)
        if (!isfinite(j->scores[i]))
            return ssg_fail(SSGCAM_ERR_INPUT, "%s: the network's score of class %zu is not a number%s", in->path, i,
                            ssg_precision_hint(ssg_precision_of(j->o->precision)));
    return SSGCAM_OK;
}

/* The classes of this image, without repeats ("top" may be one that is also named). */
static size_t choose(const job *j, size_t *labels)
{
    size_t count = 0, top = 0;
    for (size_t i = 1; i < ssgcam_model_class_count(j->o->model); i++)
        if (j->scores[i] > j->scores[top]) top = i;
    for (size_t i = 0; i < j->wanted_count; i++) {
        size_t label = j->wanted[i] == TOP ? top : j->wanted[i], k = 0;
        while (k < count && labels[k] != label) k++;
        if (k == count) labels[count++] = label;
    }
    return count;
}

static ssgcam_status explain_input(job *j, input *in)
{
    size_t *labels = ssg_calloc(j->wanted_count, sizeof *labels);
    int64_t *chosen = ssg_calloc(j->wanted_count, sizeof *chosen);
    ssgcam_status status = labels && chosen ? engine_for(j, in->height, in->width) : SSG_OUT_OF_MEMORY;
    for (size_t n = 0; status == SSGCAM_OK && n < in->count; n++) {
        if (n > 0 && ssg_stop_asked(j->o->stop)) status = ssg_fail(SSGCAM_ERR_INTERRUPTED, "%s: stopped on request after %zu images", in->path, n);
        if (status == SSGCAM_OK) status = check_values(j, in, n);
        if (status == SSGCAM_OK) status = ssg_cam_forward(j->cam, in->tensor + n * in->floats, j->scores);
        if (status == SSGCAM_OK) status = check_scores(j, in);
        size_t count = status == SSGCAM_OK ? choose(j, labels) : 0;
        for (size_t c = 0; c < j->wanted_count; c++) chosen[c] = (int64_t)labels[c < count ? c : 0];
        if (status == SSGCAM_OK) status = ssg_cam_backward(j->cam, chosen);
        for (size_t c = 0; status == SSGCAM_OK && c < count; c++) status = finish_class(j, in, n, c, labels[c]);
    }
    ssg_free(labels);
    ssg_free(chosen);
    return status;
}

/* What is wrong with one input does not end the work; a full disk or an operator that has no gradient does. */
static int is_fault_of_input(ssgcam_status status, int was_read)
{
    return status == SSGCAM_ERR_INPUT || (!was_read && (status == SSGCAM_ERR_NOT_FOUND || status == SSGCAM_ERR_UNSUPPORTED));
}

/* ---- the job ------------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status check_names(const ssgcam_explain_options *o)
{
    for (size_t i = 0; i < o->input_count; i++)
        for (size_t k = 0; k < i; k++) {
            size_t a, b;
            const char *one = ssg_path_stem(o->inputs[i], &a), *other = ssg_path_stem(o->inputs[k], &b);
            if (a == b && strncmp(one, other, a) == 0)
                return ssg_fail(SSGCAM_ERR_ARGUMENT, "%s and %s would be written under one name; explain them in two runs with two folders",
                                o->inputs[k], o->inputs[i]);
        }
    return SSGCAM_OK;
}

static ssgcam_status find_classes(job *j)
{
    const ssgcam_explain_options *o = j->o;
    j->wanted_count = o->class_count ? o->class_count : 1;
    if (!(j->wanted = ssg_calloc(j->wanted_count, sizeof *j->wanted))) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < j->wanted_count; i++) {
        j->wanted[i] = TOP;
        if (o->class_count && strcmp(o->classes[i], "top") != 0) SSG_TRY(ssgcam_model_find_class(o->model, o->classes[i], &j->wanted[i]));
    }
    return SSGCAM_OK;
}

static ssgcam_status prepare(job *j)
{
    const ssgcam_explain_options *o = j->o;
    if (o->images && o->input_count) return ssg_fail(SSGCAM_ERR_ARGUMENT, "inputs are either files or arrays, not both");
    if (!(o->images ? o->image_count : o->input_count)) return ssg_fail(SSGCAM_ERR_ARGUMENT, "no input: name an image or a .npy file");
    SSG_TRY(check_names(o));
    SSG_TRY(find_classes(j));
    j->rows = ssg_calloc(o->recipe->layer_count, sizeof *j->rows);
    j->layers = ssg_calloc(o->recipe->layer_count, sizeof *j->layers);
    j->scores = ssg_calloc(ssgcam_model_class_count(o->model), sizeof *j->scores);
    if (!j->rows || !j->layers || !j->scores) return SSG_OUT_OF_MEMORY;
    SSG_TRY(ssg_network_recipe_rows(o->model, o->recipe, j->rows));
    return o->save || o->out ? ssg_folder_make(o->out ? o->out : ".") : SSGCAM_OK;
}

static ssgcam_status run_images(job *j)
{
    const ssgcam_explain_options *o = j->o;
    int height = o->image_size[0] ? o->image_size[0] : o->model->height, width = o->image_size[1] ? o->image_size[1] : o->model->width;
    if (height < 1 || width < 1 || height > SSGCAM_SIDE_MOST || width > SSGCAM_SIDE_MOST)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "images of %d x %d; each side must be of 1 to %d pixels", height, width, SSGCAM_SIDE_MOST);
    ssg_shape shape = ssg_network_input(o->model, 1, height, width);
    input in = {.path = "images", .tensor = o->images, .count = o->image_count, .floats = ssg_shape_count(&shape), .height = height, .width = width};
    return explain_input(j, &in);
}

static ssgcam_status run_files(job *j, ssgcam_progress *failed)
{
    const ssgcam_explain_options *o = j->o;
    size_t failures = 0;
    for (size_t i = 0; i < o->input_count; i++) {
        if (ssg_stop_asked(j->o->stop)) return ssg_fail(SSGCAM_ERR_INTERRUPTED, "stopped on request after %zu inputs", i);
        input in = {.path = o->inputs[i]};
        ssgcam_status status = ends_with(in.path, ".npy") ? read_array(o->model, &in) : read_picture(o->model, &in);
        int was_read = status == SSGCAM_OK;
        if (was_read) status = explain_input(j, &in);
        if (is_fault_of_input(status, was_read)) {
            failures++;
            if (failed) failed(o->context, i + 1, o->input_count, in.path, ssgcam_last_error());
            status = SSGCAM_OK;
        }
        clear_input(&in);
        SSG_TRY(status);
    }
    if (failures == o->input_count) return ssg_fail(SSGCAM_ERR_INPUT, "%s", failures > 1 ? "none of the inputs could be used" : ssgcam_last_error());
    return failures ? ssg_fail(SSGCAM_ERR_PARTIAL, "%zu of %zu inputs could not be used", failures, o->input_count) : SSGCAM_OK;
}

ssgcam_status ssgcam_explain_run(const ssgcam_explain_options *options, ssgcam_progress *failed)
{
    job j = {.o = options};
    ssgcam_status status = prepare(&j);
    if (status == SSGCAM_OK) status = options->images ? run_images(&j) : run_files(&j, failed);
    clear_engine(&j);
    ssg_free(j.layers);
    ssg_free(j.rows);
    ssg_free(j.wanted);
    ssg_free(j.scores);
    return status;
}
