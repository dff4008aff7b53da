#include "host/model/lower.h"

#include <string.h>

#include "host/base/alloc.h"
#include "host/model/fold.h"

/* Every supported ONNX operator that works on runtime tensors. docs/operators.md and the README's table list the same. */
static const struct {
    const char *op;
    ssg_lower_function *lower;
} lowerings[] = {
    {"Abs", ssg_lower_activation},
    {"Add", ssg_lower_arithmetic},
    {"AveragePool", ssg_lower_avgpool},
    {"BatchNormalization", ssg_lower_batchnorm},
    {"Cast", ssg_lower_identity},
    {"Clip", ssg_lower_clip},
    {"Concat", ssg_lower_concat},
    {"Conv", ssg_lower_conv},
    {"Div", ssg_lower_arithmetic},
    {"Dropout", ssg_lower_identity},
    {"Elu", ssg_lower_activation},
    {"Erf", ssg_lower_activation},
    {"Exp", ssg_lower_activation},
    {"Expand", ssg_lower_expand},
    {"Flatten", ssg_lower_reshape_node},
    {"Gather", ssg_lower_gather},
    {"Gelu", ssg_lower_gelu},
    {"Gemm", ssg_lower_gemm},
    {"GlobalAveragePool", ssg_lower_global_avgpool},
    {"GlobalMaxPool", ssg_lower_global_maxpool},
    {"HardSigmoid", ssg_lower_activation},
    {"HardSwish", ssg_lower_activation},
    {"Identity", ssg_lower_identity},
    {"InstanceNormalization", ssg_lower_instancenorm},
    {"LRN", ssg_lower_lrn},
    {"LayerNormalization", ssg_lower_layernorm},
    {"LeakyRelu", ssg_lower_activation},
    {"Log", ssg_lower_activation},
    {"LogSoftmax", ssg_lower_softmax},
    {"MatMul", ssg_lower_matmul},
    {"Max", ssg_lower_variadic},
    {"MaxPool", ssg_lower_maxpool},
    {"Mean", ssg_lower_variadic},
    {"Min", ssg_lower_variadic},
    {"Mish", ssg_lower_activation},
    {"Mul", ssg_lower_arithmetic},
    {"Neg", ssg_lower_activation},
    {"PRelu", ssg_lower_prelu},
    {"Pad", ssg_lower_pad},
    {"Pow", ssg_lower_pow},
    {"Reciprocal", ssg_lower_activation},
    {"ReduceMean", ssg_lower_reduction},
    {"ReduceSum", ssg_lower_reduction},
    {"Relu", ssg_lower_activation},
    {"Reshape", ssg_lower_reshape_node},
    {"Resize", ssg_lower_resize},
    {"Selu", ssg_lower_activation},
    {"Shape", ssg_lower_shape_of},
    {"Sigmoid", ssg_lower_activation},
    {"Size", ssg_lower_size_of},
    {"Slice", ssg_lower_slice},
    {"Softmax", ssg_lower_softmax},
    {"Softplus", ssg_lower_activation},
    {"Split", ssg_lower_split},
    {"Sqrt", ssg_lower_activation},
    {"Squeeze", ssg_lower_reshape_node},
    {"Sub", ssg_lower_arithmetic},
    {"Sum", ssg_lower_variadic},
    {"Tanh", ssg_lower_activation},
    {"Transpose", ssg_lower_transpose},
    {"Unsqueeze", ssg_lower_reshape_node},
    {"Upsample", ssg_lower_resize},
};

/* ---- reading the current node ------------------------------------------------------------------------------------ */

int ssg_lower_has(const ssg_lowering *l, int i)
{
    return i < l->node->input_count && l->node->inputs[i] >= 0;
}

ssg_const *ssg_lower_constant(const ssg_lowering *l, int i)
{
    return ssg_lower_has(l, i) ? l->values[l->node->inputs[i]].constant : NULL;
}

ssgcam_status ssg_lower_input(ssg_lowering *l, int i, int *tensor)
{
    if (!ssg_lower_has(l, i)) return ssg_fail(SSGCAM_ERR_INPUT, "input %d is missing", i);
    ssg_lowered *value = &l->values[l->node->inputs[i]];
    if (value->tensor < 0) {
        if (value->constant->type != SSG_CONST_F32) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "input %d is a constant of integers", i);
        SSG_TRY(ssg_graph_add_tensor(l->graph, &value->constant->shape, l->model->values[l->node->inputs[i]].name, &value->tensor));
        l->graph->tensors[value->tensor].constant = ssg_const_retain(value->constant);
    }
    *tensor = value->tensor;
    return SSGCAM_OK;
}

ssgcam_status ssg_lower_weights(ssg_lowering *l, int i, const char *what, ssg_const **weights)
{
    *weights = ssg_lower_constant(l, i);
    if (*weights && (*weights)->type == SSG_CONST_F32) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "its %s must be a float constant (an initialiser)", what);
}

ssg_shape ssg_lower_shape(const ssg_lowering *l, int tensor)
{
    return l->graph->tensors[tensor].shape;
}

/* ---- making the node's output ------------------------------------------------------------------------------------ */

ssgcam_status ssg_lower_emit(ssg_lowering *l, ssg_op op, const int *inputs, int count, const ssg_shape *shape, int *output)
{
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] < 1)
            return ssg_fail(SSGCAM_ERR_INPUT, "its output would be empty (dimension %d is %lld): the input image is too small for this network", i,
                            (long long)shape->dims[i]);
    if (shape->rank < 1 || shape->dims[0] != l->batch)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "it mixes the images of a batch (output dimension 0 is %lld for %lld images)",
                        (long long)(shape->rank ? shape->dims[0] : 0), (long long)l->batch);
    op.name = l->node->name;
    int copy[SSG_OP_MAX_INPUTS];
    op.inputs = copy;
    op.input_count = count;
    if (op.kind == SSG_OP_CONCAT)
        op.inputs = (int *)inputs; /* any number; only read */
    else
        memcpy(copy, inputs, (size_t)count * sizeof *copy);
    return ssg_graph_add_op(l->graph, &op, shape, NULL, output);
}

ssgcam_status ssg_lower_result(ssg_lowering *l, int i, int tensor)
{
    if (i >= l->node->output_count || l->node->outputs[i] < 0) return ssg_fail(SSGCAM_ERR_INPUT, "output %d is missing", i);
    int value = l->node->outputs[i];
    l->values[value].tensor = tensor;
    l->graph->carriers[value] = tensor;
    if (!l->graph->tensors[tensor].name) l->graph->tensors[tensor].name = l->model->values[value].name;
    return SSGCAM_OK;
}

ssgcam_status ssg_lower_unary(ssg_lowering *l, int x, ssg_function function, double alpha, double beta, int *output)
{
    ssg_shape shape = ssg_lower_shape(l, x);
    ssg_op op = {.kind = SSG_OP_UNARY, .function = function, .alpha = (float)alpha, .beta = (float)beta};
    return ssg_lower_emit(l, op, &x, 1, &shape, output);
}

ssgcam_status ssg_lower_binary(ssg_lowering *l, int a, int b, ssg_binary kind, int *output)
{
    ssg_shape left = ssg_lower_shape(l, a), right = ssg_lower_shape(l, b), shape;
    SSG_TRY(ssg_shape_broadcast(&left, &right, &shape));
    return ssg_lower_emit(l, (ssg_op){.kind = SSG_OP_BINARY, .binary = kind}, (int[]){a, b}, 2, &shape, output);
}

static ssg_const *single(double value)
{
    ssg_const *constant = ssg_const_create(SSG_CONST_F32, &(ssg_shape){1, {1}});
    if (constant) constant->f32[0] = (float)value;
    return constant;
}

ssgcam_status ssg_lower_scale(ssg_lowering *l, int x, double scale, double shift, int *output)
{
    ssg_const *a = single(scale), *b = single(shift);
    ssgcam_status status = a && b ? ssg_lower_affine(l, x, a, b, 1, output) : SSG_OUT_OF_MEMORY;
    ssg_const_release(a);
    ssg_const_release(b);
    return status;
}

ssg_op *ssg_lower_open_producer(ssg_lowering *l, int x)
{
    int producer = l->graph->tensors[x].producer;
    if (producer < 0) return NULL;
    ssg_op *op = &l->graph->ops[producer];
    if ((op->kind != SSG_OP_CONV && op->kind != SSG_OP_MATMUL) || op->function != SSG_FUNCTION_NONE) return NULL;
    /* Nothing else may see the value, under any of its names (Identity and the like give it several): not another node, not the output, not a tap. */
    for (int i = 0; i < l->model->value_count; i++)
        if (l->graph->carriers[i] == x && (l->uses[i] != 1 || l->kept[i])) return NULL;
    return op;
}

void ssg_lower_hide(ssg_lowering *l, int tensor)
{
    for (int i = 0; i < l->model->value_count; i++)
        if (l->graph->carriers[i] == tensor) l->graph->carriers[i] = -1;
    l->graph->tensors[tensor].name = NULL;
}

static float vector_at(const ssg_const *vector, size_t i, float otherwise)
{
    if (!vector) return otherwise;
    return vector->f32[ssg_shape_count(&vector->shape) == 1 ? 0 : i];
}

/* conv(x) * scale + shift = conv'(x): each output channel's weights and bias change. New constants, since the old ones may be shared. */
static ssgcam_status rescale(ssg_op *op, const ssg_const *scale, const ssg_const *shift, size_t channels)
{
    ssg_const *weights = NULL, *bias = ssg_const_create(SSG_CONST_F32, &(ssg_shape){1, {(int64_t)channels}});
    if (!bias) return SSG_OUT_OF_MEMORY;
    if (scale) {
        weights = ssg_const_create(SSG_CONST_F32, &op->weights->shape);
        if (!weights) {
            ssg_const_release(bias);
            return SSG_OUT_OF_MEMORY;
        }
        size_t total = ssg_shape_count(&weights->shape), each = total / channels;
        int channel_first = op->kind == SSG_OP_CONV || op->transposed;
        for (size_t i = 0; i < total; i++) weights->f32[i] = op->weights->f32[i] * vector_at(scale, channel_first ? i / each : i % channels, 1);
        ssg_const_release(op->weights);
        op->weights = weights;
    }
    for (size_t c = 0; c < channels; c++) bias->f32[c] = vector_at(op->bias, c, 0) * vector_at(scale, c, 1) + vector_at(shift, c, 0);
    ssg_const_release(op->bias);
    op->bias = bias;
    return SSGCAM_OK;
}

ssgcam_status ssg_lower_affine(ssg_lowering *l, int x, ssg_const *scale, ssg_const *shift, int axis, int *output)
{
    ssg_shape shape = ssg_lower_shape(l, x);
    ssg_op *producer = ssg_lower_open_producer(l, x);
    int channel_axis = producer && producer->kind == SSG_OP_CONV ? 1 : shape.rank - 1;
    int scalar = (!scale || ssg_shape_count(&scale->shape) == 1) && (!shift || ssg_shape_count(&shift->shape) == 1);
    if (producer && (scalar || axis == channel_axis)) {
        SSG_TRY(rescale(producer, scale, shift, (size_t)shape.dims[channel_axis]));
        ssg_lower_hide(l, x);
        *output = x;
        return SSGCAM_OK;
    }
    return ssg_lower_emit(l, (ssg_op){.kind = SSG_OP_AFFINE, .weights = scale, .bias = shift, .axis = axis}, &x, 1, &shape, output);
}

ssgcam_status ssg_lower_reduce(ssg_lowering *l, int x, const int axes[SSG_MAX_RANK], int mean, int *output)
{
    ssg_op op = {.kind = SSG_OP_REDUCE, .mean = mean};
    ssg_shape shape = ssg_lower_shape(l, x);
    if (axes[0]) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "it reduces over the batch");
    for (int i = 0; i < shape.rank; i++) {
        op.reduced[i] = axes[i];
        if (axes[i]) shape.dims[i] = 1;
    }
    return ssg_lower_emit(l, op, &x, 1, &shape, output);
}

ssgcam_status ssg_lower_reshape(ssg_lowering *l, int x, const ssg_shape *shape, int *output)
{
    ssg_shape old = ssg_lower_shape(l, x);
    *output = x;
    if (ssg_shape_equal(&old, shape)) return SSGCAM_OK;
    return ssg_lower_emit(l, (ssg_op){.kind = SSG_OP_RESHAPE}, &x, 1, shape, output);
}

/* ---- the driver ------------------------------------------------------------------------------------------------------ */

/* Folds the node if all its inputs are constants. `folded` says whether it was. */
static ssgcam_status try_fold(ssg_lowering *l, int *folded)
{
    const ssg_node *node = l->node;
    ssg_const *inputs[64];
    *folded = 0;
    if (node->output_count < 1 || node->outputs[0] < 0 || node->input_count > 64 || !ssg_fold_supports(node->op)) return SSGCAM_OK;
    for (int i = 0; i < node->input_count; i++) {
        inputs[i] = ssg_lower_constant(l, i);
        if (ssg_lower_has(l, i) && !inputs[i]) return SSGCAM_OK;
    }
    SSG_TRY(ssg_fold(&l->values[node->outputs[0]].constant, node, inputs, l->model->opset));
    *folded = 1;
    /* Each constant is bounded; many together could still take all memory. */
    l->folded += ssg_shape_count(&l->values[node->outputs[0]].constant->shape);
    if (l->folded > (size_t)1 << 29) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "the constants computed inside this model have more than 2^29 elements");
    return SSGCAM_OK;
}

static ssgcam_status lower_node(ssg_lowering *l)
{
    int folded;
    SSG_TRY(try_fold(l, &folded));
    if (folded) return SSGCAM_OK;
    for (size_t i = 0; i < sizeof lowerings / sizeof *lowerings; i++)
        if (strcmp(lowerings[i].op, l->node->op) == 0) return lowerings[i].lower(l);
    return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "this operator is not supported; docs/operators.md lists those that are");
}

static void count_uses(ssg_lowering *l)
{
    for (int i = 0; i < l->model->node_count; i++)
        for (int k = 0; k < l->model->nodes[i].input_count; k++)
            if (l->model->nodes[i].inputs[k] >= 0) l->uses[l->model->nodes[i].inputs[k]]++;
    l->uses[l->model->output]++;
}

/* S_c is the input of a final Softmax or Sigmoid; reshapes behind it do not matter. */
static void find_logits(ssg_graph *graph)
{
    int tensor = graph->output;
    while (graph->tensors[tensor].producer >= 0 && graph->ops[graph->tensors[tensor].producer].kind == SSG_OP_RESHAPE)
        tensor = graph->ops[graph->tensors[tensor].producer].inputs[0];
    graph->logits = graph->output;
    if (graph->tensors[tensor].producer < 0) return;
    const ssg_op *last = &graph->ops[graph->tensors[tensor].producer];
    if (last->kind == SSG_OP_SOFTMAX)
        graph->head = last->log ? "LogSoftmax" : "Softmax";
    else if (last->kind == SSG_OP_UNARY && last->function == SSG_FUNCTION_SIGMOID)
        graph->head = "Sigmoid";
    else
        return;
    graph->logits = last->inputs[0];
}

static ssgcam_status lower(ssg_lowering *l, const ssg_shape *input)
{
    const ssg_model *model = l->model;
    char have[SSG_SHAPE_TEXT];
    SSG_TRY(ssg_shape_check(input, "the input"));
    /* A height and width that the file declares are often only those of its export: the nodes show which others they take. */
    if (input->rank != 4 || ssg_shape_count(input) == 0)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "an input of shape %s is no batch of images", ssg_shape_format(input, have));
    count_uses(l);
    for (int i = 0; i < model->value_count; i++) l->values[i] = (ssg_lowered){ssg_const_retain(model->values[i].constant), -1};
    SSG_TRY(ssg_graph_add_tensor(l->graph, input, model->values[model->input].name, &l->graph->input));
    l->values[model->input].tensor = l->graph->carriers[model->input] = l->graph->input;
    for (int i = 0; i < model->node_count; i++) {
        l->node = &model->nodes[i];
        ssgcam_status status = lower_node(l);
        if (status != SSGCAM_OK) return ssg_fail_prefix(status, "node '%s' (%s)", l->node->name, l->node->op);
    }
    l->graph->output = l->values[model->output].tensor;
    if (l->graph->output < 0) return ssg_fail(SSGCAM_ERR_INPUT, "the output '%s' does not depend on the input", model->values[model->output].name);
    find_logits(l->graph);
    return SSGCAM_OK;
}

ssgcam_status ssg_graph_lower(ssg_graph **out, const ssg_model *model, const ssg_shape *input, const char *const *keep, int keep_count)
{
    *out = NULL;
    size_t values = (size_t)model->value_count;
    ssg_lowering l = {.model = model, .batch = input->dims[0], .declared_batch = model->input_shape.dims[0]};
    ssgcam_status status = SSGCAM_OK;
    l.graph = ssg_calloc(1, sizeof *l.graph);
    l.values = ssg_calloc(values, sizeof *l.values);
    l.uses = ssg_calloc(values, sizeof *l.uses);
    l.kept = ssg_calloc(values, 1);
    if (l.graph) l.graph->carriers = ssg_calloc(values, sizeof *l.graph->carriers);
    if (!l.graph || !l.values || !l.uses || !l.kept || !l.graph->carriers) {
        status = SSG_OUT_OF_MEMORY;
        goto done;
    }
    l.graph->model = model;
    for (size_t i = 0; i < values; i++) l.graph->carriers[i] = -1;
    for (int i = 0; i < keep_count; i++) {
        int value = ssg_model_find_value(model, keep[i]);
        if (value >= 0) l.kept[value] = 1;
    }
    status = lower(&l, input);
    if (status != SSGCAM_OK) ssg_fail_prefix(status, "%s", model->path);
done:
    for (size_t i = 0; l.values && i < values; i++) ssg_const_release(l.values[i].constant);
    ssg_free(l.values);
    ssg_free(l.uses);
    ssg_free(l.kept);
    if (status != SSGCAM_OK) ssg_graph_destroy(&l.graph);
    *out = l.graph;
    return status;
}
