#include <string.h>

#include "host/base/alloc.h"
#include "host/base/digest.h"
#include "host/base/files.h"
#include "host/model/model.h"
#include "host/model/name_table.h"
#include "host/model/onnx_tensor.h"
#include "host/model/order_nodes.h"
#include "host/model/proto_check.h"

enum { MOST_NODES = 20000, MOST_INITIALISERS = 40000 };
static const size_t most_bytes = ((size_t)1 << 31) - 1; /* protobuf's own limit */

/* ---- unpacking into our structures ---------------------------------------------------------------------------- */

typedef struct loader {
    ssg_model *model;
    const Onnx__GraphProto *graph;
    ssg_name_table names; /* value name -> index */
    const char *path;     /* of the model, NULL when parsed from memory without one */
} loader;

static ssgcam_status value_of(loader *l, const char *name, int *index)
{
    *index = ssg_name_table_find(&l->names, name);
    if (*index >= 0) return SSGCAM_OK;
    ssg_model *model = l->model;
    SSG_TRY(ssg_grow(&model->values, (size_t)model->value_count + 1, sizeof *model->values));
    char *copy = ssg_strdup(name);
    if (!copy) return SSG_OUT_OF_MEMORY;
    model->values[model->value_count] = (ssg_value){.name = copy, .producer = -1};
    *index = model->value_count++;
    return ssg_name_table_add(&l->names, copy, *index);
}

static char *copy_bytes(const ProtobufCBinaryData *data)
{
    char *text = ssg_calloc(data->len + 1, 1);
    if (text && data->len) memcpy(text, data->data, data->len);
    return text;
}

static ssgcam_status load_attribute(ssg_attribute *out, const Onnx__AttributeProto *proto, const char *path)
{
    out->type = SSG_ATTRIBUTE_OTHER;
    if (!(out->name = ssg_strdup(proto->name ? proto->name : ""))) return SSG_OUT_OF_MEMORY;
    /* Old files leave `type` out; then the field that is present decides. */
    int type = proto->has_type ? (int)proto->type : 0;
    if (type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT || (!type && proto->has_i)) {
        out->type = SSG_ATTRIBUTE_INT;
        out->i = proto->i;
    } else if (type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT || (!type && proto->has_f)) {
        out->type = SSG_ATTRIBUTE_FLOAT;
        out->f = proto->f;
    } else if (type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING || (!type && proto->has_s)) {
        out->type = SSG_ATTRIBUTE_STRING;
        if (!(out->s = copy_bytes(&proto->s))) return SSG_OUT_OF_MEMORY;
    } else if (type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS || (!type && proto->n_ints)) {
        out->type = SSG_ATTRIBUTE_INTS;
        out->count = proto->n_ints;
        if (!(out->ints = ssg_calloc(proto->n_ints, sizeof *out->ints))) return SSG_OUT_OF_MEMORY;
        if (proto->n_ints) memcpy(out->ints, proto->ints, proto->n_ints * sizeof *out->ints);
    } else if (type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS || (!type && proto->n_floats)) {
        out->type = SSG_ATTRIBUTE_FLOATS;
        out->count = proto->n_floats;
        if (!(out->floats = ssg_calloc(proto->n_floats, sizeof *out->floats))) return SSG_OUT_OF_MEMORY;
        if (proto->n_floats) memcpy(out->floats, proto->floats, proto->n_floats * sizeof *out->floats);
    } else if (proto->t) {
        out->type = SSG_ATTRIBUTE_TENSOR;
        SSG_TRY(ssg_onnx_tensor_decode(&out->tensor, proto->t, path));
    }
    return SSGCAM_OK;
}

static ssgcam_status load_values(loader *l, int **indices, int *count, char *const *names, size_t name_count)
{
    *indices = ssg_calloc(name_count, sizeof **indices);
    if (!*indices) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < name_count; i++) {
        (*indices)[i] = -1;
        if (names[i][0]) SSG_TRY(value_of(l, names[i], &(*indices)[i]));
    }
    *count = (int)name_count;
    return SSGCAM_OK;
}

static ssgcam_status load_node(loader *l, int position, const Onnx__NodeProto *proto)
{
    ssg_node *node = &l->model->nodes[position];
    const char *domain = proto->domain ? proto->domain : "";
    int standard = domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0;
    const char *op = proto->op_type ? proto->op_type : "";
    node->op = standard ? ssg_strdup(op) : ssg_format("%s:%s", domain, op);
    node->name = proto->name && proto->name[0] ? ssg_strdup(proto->name) : ssg_format("%s_%d", op, position);
    if (!node->op || !node->name) return SSG_OUT_OF_MEMORY;
    SSG_TRY(load_values(l, &node->inputs, &node->input_count, proto->input, proto->n_input));
    SSG_TRY(load_values(l, &node->outputs, &node->output_count, proto->output, proto->n_output));
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] < 0) continue;
        ssg_value *value = &l->model->values[node->outputs[i]];
        if (value->producer >= 0 || value->constant)
            return ssg_fail(SSGCAM_ERR_INPUT, "node '%s': its output '%s' is already made elsewhere", node->name, value->name);
        value->producer = position;
    }
    if (!(node->attributes = ssg_calloc(proto->n_attribute, sizeof *node->attributes))) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < proto->n_attribute; i++) {
        node->attribute_count++;
        ssgcam_status status = load_attribute(&node->attributes[i], proto->attribute[i], l->path);
        if (status != SSGCAM_OK) return ssg_fail_prefix(status, "node '%s'", node->name);
    }
    return SSGCAM_OK;
}

static ssgcam_status load_initialisers(loader *l)
{
    for (size_t i = 0; i < l->graph->n_initializer; i++) {
        const Onnx__TensorProto *proto = l->graph->initializer[i];
        int index;
        SSG_TRY(value_of(l, proto->name ? proto->name : "", &index));
        ssg_const *constant;
        SSG_TRY(ssg_onnx_tensor_decode(&constant, proto, l->path));
        if (l->model->values[index].constant) {
            ssg_const_release(constant);
            return ssg_fail(SSGCAM_ERR_INPUT, "initialiser '%s' appears twice", l->model->values[index].name);
        }
        l->model->values[index].constant = constant;
    }
    if (l->graph->n_sparse_initializer)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "sparse initialisers are not supported; save the model with dense weights");
    return SSGCAM_OK;
}

/* Declared extents of a graph input; a symbolic or missing one is -1. Shapes are judged only when the graph is lowered. */
static ssg_shape declared_shape(const Onnx__ValueInfoProto *info)
{
    ssg_shape shape = {0};
    const Onnx__TypeProto__Tensor *type = info->type ? info->type->tensor_type : NULL;
    if (!type || !type->shape || type->shape->n_dim > SSG_MAX_RANK) return shape;
    shape.rank = (int)type->shape->n_dim;
    for (int i = 0; i < shape.rank; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = type->shape->dim[i];
        shape.dims[i] = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && dim->dim_value > 0 ? dim->dim_value : -1;
    }
    return shape;
}

static ssgcam_status find_input(loader *l)
{
    ssg_model *model = l->model;
    model->input = -1;
    for (size_t i = 0; i < l->graph->n_input; i++) {
        const Onnx__ValueInfoProto *info = l->graph->input[i];
        int index;
        SSG_TRY(value_of(l, info->name ? info->name : "", &index));
        if (model->values[index].constant) continue; /* IR version 3 lists initialisers among the inputs */
        if (model->input >= 0)
            return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "the model has several inputs ('%s', '%s'); exactly one image input is supported",
                            model->values[model->input].name, model->values[index].name);
        if (model->values[index].producer >= 0)
            return ssg_fail(SSGCAM_ERR_INPUT, "input '%s' is also the output of a node", model->values[index].name);
        model->input = index;
        model->input_shape = declared_shape(info);
    }
    if (model->input < 0) return ssg_fail(SSGCAM_ERR_INPUT, "the model has no input");
    if (model->input_shape.rank != 4) {
        char text[SSG_SHAPE_TEXT];
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "input '%s' has shape %s; an image input has four dimensions", model->values[model->input].name,
                        ssg_shape_format(&model->input_shape, text));
    }
    return SSGCAM_OK;
}

static ssgcam_status load_graph(loader *l)
{
    ssg_model *model = l->model;
    const Onnx__GraphProto *graph = l->graph;
    /* Ten times what the largest classifiers have. Lowering looks through all values once for each fused node, so a hostile file must not be longer.
     */
    if (graph->n_node > MOST_NODES || graph->n_initializer > MOST_INITIALISERS)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "%zu nodes and %zu initialisers; at most %d and %d are supported", graph->n_node,
                        graph->n_initializer, MOST_NODES, MOST_INITIALISERS);
    SSG_TRY(load_initialisers(l));
    if (!(model->nodes = ssg_calloc(graph->n_node, sizeof *model->nodes))) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < graph->n_node; i++) {
        model->node_count++;
        SSG_TRY(load_node(l, (int)i, graph->node[i]));
    }
    SSG_TRY(find_input(l));
    if (graph->n_output == 0) return ssg_fail(SSGCAM_ERR_INPUT, "the model has no output");
    const char *output = graph->output[0]->name ? graph->output[0]->name : "";
    model->output = ssg_name_table_find(&l->names, output);
    if (model->output < 0 || model->values[model->output].producer < 0)
        return ssg_fail(SSGCAM_ERR_INPUT, "output '%s' is not made by any node", output);
    return SSGCAM_OK;
}

/* ---- entry points ----------------------------------------------------------------------------------------------- */

static int64_t standard_opset(const Onnx__ModelProto *proto)
{
    int64_t version = 1;
    for (size_t i = 0; i < proto->n_opset_import; i++) {
        const char *domain = proto->opset_import[i]->domain;
        if (!domain || !domain[0] || strcmp(domain, "ai.onnx") == 0) version = proto->opset_import[i]->version;
    }
    return version;
}

static ssgcam_status parse(ssg_model *model, const uint8_t *bytes, size_t size, const char *path)
{
    loader l = {.model = model, .path = path};
    SSG_TRY(ssg_proto_check_depth(&onnx__model_proto__descriptor, bytes, size));
    Onnx__ModelProto *proto = onnx__model_proto__unpack(NULL, size, bytes);
    if (!proto || !proto->graph) {
        if (proto) onnx__model_proto__free_unpacked(proto, NULL);
        return ssg_fail(SSGCAM_ERR_INPUT, "not an ONNX file, or a truncated one (%zu bytes)", size);
    }
    l.graph = proto->graph;
    model->opset = standard_opset(proto);
    ssgcam_status status = load_graph(&l);
    if (status == SSGCAM_OK) status = ssg_model_order_nodes(model);
    ssg_name_table_clear(&l.names);
    onnx__model_proto__free_unpacked(proto, NULL);
    return status;
}

static void digest(ssg_model *model, const void *bytes, size_t size)
{
    XXH3_state_t state;
    ssg_digest_begin(&state);
    XXH3_128bits_update(&state, bytes, size);
    for (int i = 0; i < model->value_count; i++) { /* external weights are not among the bytes */
        const ssg_const *constant = model->values[i].constant;
        if (constant && constant->type == SSG_CONST_F32)
            XXH3_128bits_update(&state, constant->f32, ssg_shape_count(&constant->shape) * sizeof(float));
    }
    ssg_digest_end(model->digest, &state);
}

ssgcam_status ssg_model_parse(ssg_model **out, const void *bytes, size_t size, const char *path)
{
    *out = NULL;
    ssg_model *model = ssg_calloc(1, sizeof *model);
    if (!model) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = SSG_OUT_OF_MEMORY;
    if ((model->path = ssg_strdup(path ? path : "model"))) status = parse(model, bytes, size, path);
    if (status != SSGCAM_OK) {
        ssg_fail_prefix(status, "%s", path ? path : "model");
        ssg_model_destroy(&model);
        return status;
    }
    digest(model, bytes, size);
    *out = model;
    return SSGCAM_OK;
}

ssgcam_status ssg_model_load(ssg_model **out, const char *path)
{
    *out = NULL;
    char *bytes;
    size_t size;
    ssgcam_status status = ssg_file_read(&bytes, &size, path, most_bytes);
    if (status == SSGCAM_OK) status = ssg_model_parse(out, bytes, size, path);
    ssg_free(bytes);
    if (size > most_bytes) return ssg_fail(status, "%s: larger than 2 GiB; keep the weights in an external data file", path);
    return status;
}

/* ---- clean-up and look-up --------------------------------------------------------------------------------------- */

static void clear_node(ssg_node *node)
{
    for (int i = 0; i < node->attribute_count; i++) {
        ssg_attribute *attribute = &node->attributes[i];
        ssg_free(attribute->name);
        ssg_free(attribute->s);
        ssg_free(attribute->ints);
        ssg_free(attribute->floats);
        ssg_const_release(attribute->tensor);
    }
    ssg_free(node->attributes);
    ssg_free(node->name);
    ssg_free(node->op);
    ssg_free(node->inputs);
    ssg_free(node->outputs);
}

void ssg_model_destroy(ssg_model **model)
{
    if (!model || !*model) return;
    ssg_model *m = *model;
    for (int i = 0; i < m->node_count + m->unused_node_count; i++) clear_node(&m->nodes[i]);
    for (int i = 0; i < m->value_count; i++) {
        ssg_free(m->values[i].name);
        ssg_const_release(m->values[i].constant);
    }
    ssg_free(m->nodes);
    ssg_free(m->values);
    ssg_free(m->path);
    ssg_free(m);
    *model = NULL;
}

const ssg_attribute *ssg_node_attribute(const ssg_node *node, const char *name)
{
    for (int i = 0; i < node->attribute_count; i++)
        if (strcmp(node->attributes[i].name, name) == 0) return &node->attributes[i];
    return NULL;
}

int64_t ssg_node_int(const ssg_node *node, const char *name, int64_t otherwise)
{
    const ssg_attribute *attribute = ssg_node_attribute(node, name);
    return attribute && attribute->type == SSG_ATTRIBUTE_INT ? attribute->i : otherwise;
}

double ssg_node_float(const ssg_node *node, const char *name, double otherwise)
{
    const ssg_attribute *attribute = ssg_node_attribute(node, name);
    return attribute && attribute->type == SSG_ATTRIBUTE_FLOAT ? (double)attribute->f : otherwise;
}

int ssg_model_find_value(const ssg_model *model, const char *name)
{
    for (int i = 0; i < model->value_count; i++)
        if (strcmp(model->values[i].name, name) == 0) return i;
    return -1;
}
