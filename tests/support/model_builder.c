#include "tests/support/model_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx/onnx.pb-c.h"

/* Everything is allocated with malloc, so that the proto's own free function releases it. */
struct model_builder {
    Onnx__ModelProto *model;
};

static void *fresh(size_t bytes)
{
    void *memory = calloc(1, bytes ? bytes : 1);
    if (!memory) abort();
    return memory;
}

static char *text_of(const char *text)
{
    return strcpy(fresh(strlen(text) + 1), text);
}

#define APPEND(array, count, item)                                   \
    do {                                                             \
        (array) = realloc((array), ((count) + 1) * sizeof *(array)); \
        (array)[(count)++] = (item);                                 \
    } while (0)

#define NEW(type, init) ((type *)memcpy(fresh(sizeof(type)), &(type)init, sizeof(type)))

model_builder *builder_create(int64_t opset)
{
    model_builder *builder = fresh(sizeof *builder);
    builder->model = NEW(Onnx__ModelProto, ONNX__MODEL_PROTO__INIT);
    builder->model->has_ir_version = 1;
    builder->model->ir_version = 7;
    builder->model->graph = NEW(Onnx__GraphProto, ONNX__GRAPH_PROTO__INIT);
    Onnx__OperatorSetIdProto *set = NEW(Onnx__OperatorSetIdProto, ONNX__OPERATOR_SET_ID_PROTO__INIT);
    set->has_version = 1;
    set->version = opset;
    APPEND(builder->model->opset_import, builder->model->n_opset_import, set);
    return builder;
}

void builder_destroy(model_builder *builder)
{
    onnx__model_proto__free_unpacked(builder->model, NULL);
    free(builder);
}

void *builder_proto(model_builder *builder)
{
    return builder->model;
}

static Onnx__ValueInfoProto *value_info(const char *name, const int64_t *dims, size_t rank)
{
    Onnx__ValueInfoProto *info = NEW(Onnx__ValueInfoProto, ONNX__VALUE_INFO_PROTO__INIT);
    info->name = text_of(name);
    info->type = NEW(Onnx__TypeProto, ONNX__TYPE_PROTO__INIT);
    info->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    info->type->tensor_type = NEW(Onnx__TypeProto__Tensor, ONNX__TYPE_PROTO__TENSOR__INIT);
    info->type->tensor_type->has_elem_type = 1;
    info->type->tensor_type->elem_type = 1;
    Onnx__TensorShapeProto *shape = info->type->tensor_type->shape = NEW(Onnx__TensorShapeProto, ONNX__TENSOR_SHAPE_PROTO__INIT);
    for (size_t i = 0; i < rank; i++) {
        Onnx__TensorShapeProto__Dimension *dim = NEW(Onnx__TensorShapeProto__Dimension, ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT);
        if (dims[i] >= 0) {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dim->dim_value = dims[i];
        } else {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dim->dim_param = text_of("free");
        }
        APPEND(shape->dim, shape->n_dim, dim);
    }
    return info;
}

void builder_input(model_builder *builder, const char *name, int64_t n, int64_t c, int64_t h, int64_t w)
{
    APPEND(builder->model->graph->input, builder->model->graph->n_input, value_info(name, (int64_t[]){n, c, h, w}, 4));
}

void builder_output(model_builder *builder, const char *name)
{
    APPEND(builder->model->graph->output, builder->model->graph->n_output, value_info(name, NULL, 0));
}

void builder_weights(model_builder *builder, const char *name, const int64_t *dims, float low, float high)
{
    Onnx__TensorProto *tensor = NEW(Onnx__TensorProto, ONNX__TENSOR_PROTO__INIT);
    size_t count = 1;
    uint32_t state = 2166136261u;
    for (const char *c = name; *c; c++) state = (state ^ (uint8_t)*c) * 16777619u;
    tensor->name = text_of(name);
    tensor->has_data_type = 1;
    tensor->data_type = 1;
    for (; *dims; dims++) {
        APPEND(tensor->dims, tensor->n_dims, *dims);
        count *= (size_t)*dims;
    }
    tensor->n_float_data = count;
    tensor->float_data = fresh(count * sizeof(float));
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        tensor->float_data[i] = low + (high - low) * (float)(state >> 8) / (float)(1 << 24);
    }
    APPEND(builder->model->graph->initializer, builder->model->graph->n_initializer, tensor);
}

void builder_integers(model_builder *builder, const char *name, const int64_t *values, size_t count)
{
    Onnx__TensorProto *tensor = NEW(Onnx__TensorProto, ONNX__TENSOR_PROTO__INIT);
    tensor->name = text_of(name);
    tensor->has_data_type = 1;
    tensor->data_type = 7;
    APPEND(tensor->dims, tensor->n_dims, (int64_t)count);
    for (size_t i = 0; i < count; i++) APPEND(tensor->int64_data, tensor->n_int64_data, values[i]);
    APPEND(builder->model->graph->initializer, builder->model->graph->n_initializer, tensor);
}

void builder_node(model_builder *builder, const char *op, const char *inputs, const char *outputs)
{
    Onnx__NodeProto *node = NEW(Onnx__NodeProto, ONNX__NODE_PROTO__INIT);
    node->op_type = text_of(op);
    const char *lists[2] = {inputs, outputs};
    for (int k = 0; k < 2; k++) {
        char *copy = text_of(lists[k]), *rest = NULL;
        for (char *name = strtok_r(copy, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
            char *given = text_of(strcmp(name, "-") == 0 ? "" : name); /* "-" leaves an input out */
            if (k == 0)
                APPEND(node->input, node->n_input, given);
            else
                APPEND(node->output, node->n_output, given);
        }
        free(copy);
    }
    APPEND(builder->model->graph->node, builder->model->graph->n_node, node);
}

static Onnx__AttributeProto *attribute(model_builder *builder, const char *name, Onnx__AttributeProto__AttributeType type)
{
    Onnx__NodeProto *node = builder->model->graph->node[builder->model->graph->n_node - 1];
    Onnx__AttributeProto *made = NEW(Onnx__AttributeProto, ONNX__ATTRIBUTE_PROTO__INIT);
    made->name = text_of(name);
    made->has_type = 1;
    made->type = type;
    APPEND(node->attribute, node->n_attribute, made);
    return made;
}

void builder_int(model_builder *builder, const char *name, int64_t value)
{
    Onnx__AttributeProto *made = attribute(builder, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    made->has_i = 1;
    made->i = value;
}

void builder_float(model_builder *builder, const char *name, float value)
{
    Onnx__AttributeProto *made = attribute(builder, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    made->has_f = 1;
    made->f = value;
}

void builder_ints(model_builder *builder, const char *name, const int64_t *values, size_t count)
{
    Onnx__AttributeProto *made = attribute(builder, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    for (size_t i = 0; i < count; i++) APPEND(made->ints, made->n_ints, values[i]);
}

void builder_text(model_builder *builder, const char *name, const char *value)
{
    Onnx__AttributeProto *made = attribute(builder, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    made->has_s = 1;
    made->s.len = strlen(value);
    made->s.data = (uint8_t *)text_of(value);
}

uint8_t *builder_pack(model_builder *builder, size_t *size)
{
    *size = onnx__model_proto__get_packed_size(builder->model);
    uint8_t *bytes = fresh(*size);
    onnx__model_proto__pack(builder->model, bytes);
    return bytes;
}

void builder_conv3(model_builder *builder, const char *input, const char *output, int64_t in, int64_t out, float low, float high,
                   const int64_t pads[4])
{
    char w[32], bias[32], inputs[128];
    snprintf(w, sizeof w, "w_%s", output);
    snprintf(bias, sizeof bias, "b_%s", output);
    snprintf(inputs, sizeof inputs, "%s %s %s", input, w, bias);
    builder_weights(builder, w, (int64_t[]){out, in, 3, 3, 0}, low, high);
    builder_weights(builder, bias, (int64_t[]){out, 0}, -0.1f, 0.2f);
    builder_node(builder, "Conv", inputs, output);
    builder_ints(builder, "pads", pads, 4);
}

void builder_head(model_builder *builder, const char *input, int64_t channels)
{
    builder_node(builder, "GlobalAveragePool", input, "gap");
    builder_node(builder, "Flatten", "gap", "flat");
    builder_weights(builder, "w_fc", (int64_t[]){5, channels, 0}, -1, 1);
    builder_node(builder, "Gemm", "flat w_fc", "logits");
    builder_int(builder, "transB", 1);
    builder_output(builder, "logits");
}

ssg_model *builder_model(model_builder *builder)
{
    size_t size;
    uint8_t *bytes = builder_pack(builder, &size);
    ssg_model *model = NULL;
    ssg_model_parse(&model, bytes, size, "test");
    free(bytes);
    builder_destroy(builder);
    return model;
}
