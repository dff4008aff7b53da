#include "host/flow/network.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/nearest_name.h"

enum { DEFAULT_SIZE = 224 };

/* ---- loading ----------------------------------------------------------------------------------------------------------------- */

/* Fields that the caller changed win over the file's. */
static ssgcam_status override(ssgcam_preprocess *to, const ssgcam_preprocess *from)
{
    ssgcam_preprocess plain;
    ssgcam_preprocess_init(&plain);
    if (memcmp(from->size, plain.size, sizeof plain.size)) memcpy(to->size, from->size, sizeof to->size);
    if (from->resize != plain.resize) to->resize = from->resize;
    if (from->channels != plain.channels) to->channels = from->channels;
    if (from->scale != plain.scale) to->scale = from->scale;
    if (memcmp(from->mean, plain.mean, sizeof plain.mean)) memcpy(to->mean, from->mean, sizeof to->mean);
    if (memcmp(from->std, plain.std, sizeof plain.std)) memcpy(to->std, from->std, sizeof to->std);
    if (!from->class_count) return SSGCAM_OK;
    char **names = ssg_calloc(from->class_count, sizeof *names);
    if (!names) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < to->class_count; i++) ssg_free(to->classes[i]);
    ssg_free(to->classes);
    to->classes = names;
    to->class_count = from->class_count;
    for (size_t i = 0; i < from->class_count; i++)
        if (!(names[i] = ssg_strdup(from->classes[i]))) return SSG_OUT_OF_MEMORY;
    return SSGCAM_OK;
}

/* Which axis holds the channels, and the size: what the file or flags say, else what the graph declares, else 224. */
static ssgcam_status settle_input(ssgcam_model *m)
{
    const int64_t *dims = m->model->input_shape.dims;
    int64_t channels = m->preprocess.channels == SSGCAM_CHANNELS_GREY ? 1 : 3;
    m->nhwc = dims[1] != channels && dims[3] == channels;
    if (!m->nhwc && dims[1] > 0 && dims[1] != channels) {
        char declared[SSG_SHAPE_TEXT];
        return ssg_fail(SSGCAM_ERR_INPUT,
                        "%s: the input has the shape %s (-1 is free): neither axis 1 nor axis 3 has %lld channel%s, which preprocessing gives; set "
                        "`channels` in MODEL.json or --channels",
                        m->model->path, ssg_shape_format(&m->model->input_shape, declared), (long long)channels, channels == 1 ? "" : "s");
    }
    int64_t declared[2] = {dims[m->nhwc ? 1 : 2], dims[m->nhwc ? 2 : 3]};
    int *size[2] = {&m->height, &m->width};
    for (int i = 0; i < 2; i++) {
        int wanted = m->preprocess.size[i];
        if (wanted > 0 && declared[i] > 0 && wanted != declared[i])
            return ssg_fail(SSGCAM_ERR_INPUT, "%s: the network wants %lld pixels where the preprocessing gives %d; correct `size`", m->model->path,
                            (long long)declared[i], wanted);
        *size[i] = wanted > 0 ? wanted : declared[i] > 0 && declared[i] <= SSGCAM_SIDE_MOST ? (int)declared[i] : DEFAULT_SIZE;
    }
    return SSGCAM_OK;
}

/* Lowers the graph once for one image, to learn its layers, classes and head. */
static ssgcam_status look_inside(ssgcam_model *m)
{
    ssg_shape input = ssg_network_input(m, 1, m->height, m->width);
    ssg_graph *graph;
    ssg_layer *layers = NULL;
    int count = 0;
    SSG_TRY(ssg_graph_lower(&graph, m->model, &input, NULL, 0));
    ssgcam_status status = ssg_layers_list(&layers, &count, graph);
    if (status == SSGCAM_OK) {
        m->class_count = ssg_shape_count(&graph->tensors[graph->logits].shape);
        if (graph->head && !(m->head = ssg_strdup(graph->head))) status = SSG_OUT_OF_MEMORY;
        if (!(m->layers = ssg_calloc((size_t)count, sizeof *m->layers))) status = SSG_OUT_OF_MEMORY;
    }
    for (int i = 0; status == SSGCAM_OK && i < count; i++) {
        const int64_t *dims = layers[i].shape.dims;
        if (dims[1] > INT32_MAX || dims[2] > INT32_MAX || dims[3] > INT32_MAX) continue;
        m->layers[m->layer_count++] = (ssgcam_layer){layers[i].name, layers[i].node, layers[i].op,         (int)dims[1],
                                                     (int)dims[2],   (int)dims[3],   layers[i].activation, layers[i].candidate};
    }
    ssg_free(layers);
    ssg_graph_destroy(&graph);
    if (status == SSGCAM_OK && m->preprocess.class_count && m->preprocess.class_count != m->class_count)
        status = ssg_fail(SSGCAM_ERR_INPUT, "%s: %zu class names for %zu class scores; correct `classes` in MODEL.json", m->model->path,
                          m->preprocess.class_count, m->class_count);
    return status;
}

ssgcam_status ssgcam_model_load(ssgcam_model **out, const char *path, const ssgcam_preprocess *preprocess)
{
    *out = NULL;
    ssgcam_model *m = ssg_calloc(1, sizeof *m);
    if (!m) return SSG_OUT_OF_MEMORY;
    ssgcam_preprocess_init(&m->preprocess);
    ssgcam_status status = ssg_model_load(&m->model, path);
    if (status == SSGCAM_OK) status = ssgcam_preprocess_load(&m->preprocess, path);
    if (status == SSGCAM_OK && preprocess) status = override(&m->preprocess, preprocess);
    if (status == SSGCAM_OK) status = settle_input(m);
    if (status == SSGCAM_OK) status = look_inside(m);
    if (status != SSGCAM_OK) ssgcam_model_destroy(&m);
    *out = m;
    return status;
}

void ssgcam_model_destroy(ssgcam_model **model)
{
    if (!model || !*model) return;
    ssgcam_preprocess_clear(&(*model)->preprocess);
    ssg_model_destroy(&(*model)->model);
    ssg_free((*model)->layers);
    ssg_free((*model)->head);
    ssg_free(*model);
    *model = NULL;
}

/* ---- looking ------------------------------------------------------------------------------------------------------------------- */

const ssgcam_preprocess *ssgcam_model_preprocess(const ssgcam_model *model)
{
    return &model->preprocess;
}

void ssgcam_model_input(const ssgcam_model *model, int *height, int *width, int *nhwc)
{
    *height = model->height;
    *width = model->width;
    *nhwc = model->nhwc;
}

size_t ssgcam_model_layer_count(const ssgcam_model *model)
{
    return model->layer_count;
}

const ssgcam_layer *ssgcam_model_layer(const ssgcam_model *model, size_t index)
{
    return index < model->layer_count ? &model->layers[index] : NULL;
}

size_t ssgcam_model_class_count(const ssgcam_model *model)
{
    return model->class_count;
}

const char *ssgcam_model_class_name(const ssgcam_model *model, size_t index)
{
    return index < model->preprocess.class_count ? model->preprocess.classes[index] : NULL;
}

/* " Its classes: a, b" where that is a short list, else where to find it. */
static void tell_classes(char *text, size_t room, const ssgcam_preprocess *p)
{
    size_t used = (size_t)snprintf(text, room, " Its classes: ");
    for (size_t i = 0; i < p->class_count && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%s", i ? ", " : "", p->classes[i]);
    if (used >= room) snprintf(text, room, " `ssgcam inspect MODEL --json` lists all %zu.", p->class_count);
}

ssgcam_status ssgcam_model_find_class(const ssgcam_model *model, const char *text, size_t *index)
{
    const ssgcam_preprocess *p = &model->preprocess;
    for (*index = 0; *index < p->class_count; ++*index)
        if (strcmp(p->classes[*index], text) == 0) return SSGCAM_OK;
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (end != text && *end == '\0' && text[0] != '-') {
        *index = number;
        if (number < model->class_count) return SSGCAM_OK;
        return ssg_fail(SSGCAM_ERR_NOT_FOUND, "class %s does not exist: the model has classes 0 to %zu", text, model->class_count - 1);
    }
    if (!p->class_count)
        return ssg_fail(SSGCAM_ERR_NOT_FOUND, "class '%s': the model has no class names; give a number from 0 to %zu, or `classes` in MODEL.json",
                        text, model->class_count - 1);
    const char *nearest = ssg_nearest_name(text, (const char *const *)p->classes, p->class_count);
    char classes[160];
    tell_classes(classes, sizeof classes, p);
    return ssg_fail(SSGCAM_ERR_NOT_FOUND, "the model has no class '%s'%s%s%s.%s", text, nearest ? "; the nearest is '" : "", nearest ? nearest : "",
                    nearest ? "'" : "", classes);
}

const char *ssgcam_model_head(const ssgcam_model *model)
{
    return model->head;
}

const char *ssgcam_model_digest(const ssgcam_model *model)
{
    return model->model->digest;
}

ssgcam_status ssgcam_model_describe(const ssgcam_model *m, char **json)
{
    const ssgcam_preprocess *p = &m->preprocess;
    json_t *layers = json_array(), *classes = json_array();
    for (size_t i = 0; i < m->layer_count; i++) {
        const ssgcam_layer *l = &m->layers[i];
        json_array_append_new(layers, json_pack("{s:s,s:s,s:s,s:[i,i,i],s:b,s:b}", "name", l->name, "node", l->node, "operator", l->op, "shape",
                                                l->channels, l->height, l->width, "activation", l->activation, "candidate", l->candidate));
    }
    for (size_t i = 0; i < p->class_count; i++) json_array_append_new(classes, json_string(p->classes[i]));
    json_t *root = json_pack("{s:s,s:s,s:[i,i],s:s,s:I,s:o,s:s?,s:o,s:{s:s,s:s,s:f,s:[f,f,f],s:[f,f,f]}}", "model", m->model->path, "digest",
                             m->model->digest, "input", m->height, m->width, "layout", m->nhwc ? "NHWC" : "NCHW", "class_count",
                             (json_int_t)m->class_count, "classes", classes, "head", m->head, "layers", layers, "preprocess", "resize",
                             ssgcam_resize_name(p->resize), "channels", ssgcam_channels_name(p->channels), "scale", p->scale, "mean", p->mean[0],
                             p->mean[1], p->mean[2], "std", p->std[0], p->std[1], p->std[2]);
    *json = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(10)) : NULL;
    json_decref(root);
    return *json ? SSGCAM_OK : ssg_out_of_memory("describing the model");
}

/* ---- for the rest of the library ------------------------------------------------------------------------------------------------- */

ssg_shape ssg_network_input(const ssgcam_model *model, int batch, int height, int width)
{
    int64_t channels = model->preprocess.channels == SSGCAM_CHANNELS_GREY ? 1 : 3;
    if (model->nhwc) return (ssg_shape){4, {batch, height, width, channels}};
    return (ssg_shape){4, {batch, channels, height, width}};
}

const char *ssg_network_input_text(const ssgcam_model *model, char text[SSG_SHAPE_TEXT])
{
    const int64_t *declared = model->model->input_shape.dims;
    ssg_shape own = ssg_network_input(model, 1, model->height, model->width);
    int channel_axis = model->nhwc ? 3 : 1, used = snprintf(text, SSG_SHAPE_TEXT, "N");
    for (int i = 1; i < 4; i++) {
        if (declared[i] > 0 || i == channel_axis)
            used += snprintf(text + used, (size_t)(SSG_SHAPE_TEXT - used), " x %lld", (long long)own.dims[i]);
        else
            used += snprintf(text + used, (size_t)(SSG_SHAPE_TEXT - used), " x %s", i == (model->nhwc ? 1 : 2) ? "H" : "W");
    }
    return text;
}

ssgcam_status ssg_network_check_size(const ssgcam_model *model, int height, int width)
{
    const ssg_shape *declared = &model->model->input_shape, input = ssg_network_input(model, 1, height, width);
    char want[SSG_SHAPE_TEXT];
    for (int i = 1; i < 4; i++)
        if (declared->dims[i] > 0 && declared->dims[i] != input.dims[i])
            return ssg_fail(SSGCAM_ERR_ARGUMENT, "images of %d x %d pixels do not fit %s, whose input is %s", height, width, model->model->path,
                            ssg_network_input_text(model, want));
    return SSGCAM_OK;
}

static const ssgcam_layer *find_layer(const ssgcam_model *model, const char *name)
{
    for (size_t i = 0; i < model->layer_count; i++)
        if (strcmp(model->layers[i].name, name) == 0) return &model->layers[i];
    for (size_t i = 0; i < model->layer_count; i++)
        if (strcmp(model->layers[i].node, name) == 0) return &model->layers[i];
    return NULL;
}

/* A layer has several rows in many a recipe, and is named once. */
static int is_repeated(const ssgcam_recipe *recipe, size_t row)
{
    for (size_t k = 0; k < row; k++)
        if (strcmp(recipe->layers[k].name, recipe->layers[row].name) == 0) return 1;
    return 0;
}

ssgcam_status ssg_network_recipe_rows(const ssgcam_model *model, const ssgcam_recipe *recipe, ssg_cam_row *rows)
{
    char missing[512] = "";
    size_t count = 0;
    for (size_t i = 0; i < recipe->layer_count; i++) {
        const ssgcam_layer *layer = find_layer(model, recipe->layers[i].name);
        if (layer) {
            rows[i] = (ssg_cam_row){layer->name, recipe->layers[i].method};
            continue;
        }
        if (is_repeated(recipe, i)) continue;
        if (count++) strncat(missing, ", ", sizeof missing - strlen(missing) - 1);
        strncat(missing, recipe->layers[i].name, sizeof missing - strlen(missing) - 1);
    }
    if (!count) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_INPUT, "%s has no layer%s %s%s", model->model->path, count > 1 ? "s" : "", missing,
                    recipe->model_digest[0] && strcmp(recipe->model_digest, model->model->digest)
                        ? "; the recipe was searched on another model"
                        : "; `ssgcam inspect --layers all` lists what it has");
}

ssgcam_status ssg_network_pick(const ssgcam_model *model, const char *text, size_t *picked, size_t *count)
{
    ssg_layer *layers = ssg_calloc(model->layer_count, sizeof *layers);
    int *chosen = NULL, chosen_count = 0;
    if (!layers) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < model->layer_count; i++) {
        const ssgcam_layer *l = &model->layers[i];
        layers[i] = (ssg_layer){.name = l->name, .node = l->node, .op = l->op, .activation = l->activation, .candidate = l->candidate};
    }
    ssgcam_status status = ssg_layers_pick(&chosen, &chosen_count, layers, (int)model->layer_count, text);
    for (int i = 0; i < chosen_count; i++) picked[i] = (size_t)chosen[i];
    *count = (size_t)chosen_count;
    ssg_free(layers);
    ssg_free(chosen);
    return status;
}

ssgcam_status ssgcam_recipe_for_model(ssgcam_recipe **out, const ssgcam_model *model, const ssgcam_method_options *method, const char *layers,
                                      const double *weights, size_t weight_count, int threshold)
{
    *out = NULL;
    size_t count, *picked = ssg_calloc(model->layer_count, sizeof *picked);
    const char **names = ssg_calloc(model->layer_count, sizeof *names);
    ssgcam_status status = picked && names ? ssg_network_pick(model, layers, picked, &count) : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK && weights && weight_count != count)
        status = ssg_fail(SSGCAM_ERR_ARGUMENT, "%zu weights for %zu layers; give one weight per layer", weight_count, count);
    for (size_t i = 0; status == SSGCAM_OK && i < count; i++) names[i] = model->layers[picked[i]].name;
    if (status == SSGCAM_OK) status = ssgcam_recipe_create(out, method, names, weights, count, threshold);
    ssg_free(picked);
    ssg_free(names);
    return status;
}
