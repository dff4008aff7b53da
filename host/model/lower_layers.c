/* Convolutions, matrix products, pools, normalisations, reductions. */
#include <math.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/model/geometry.h"
#include "host/model/lower.h"

/* ---- windows ----------------------------------------------------------------------------------------------------- */

static ssgcam_status pair(const ssg_node *node, const char *name, int64_t otherwise, int64_t out[2])
{
    const ssg_attribute *attribute = ssg_node_attribute(node, name);
    out[0] = out[1] = otherwise;
    if (!attribute) return SSGCAM_OK;
    if (attribute->type != SSG_ATTRIBUTE_INTS || attribute->count != 2)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "attribute %s must have two numbers: only images (two spatial axes) are supported", name);
    for (int i = 0; i < 2; i++) {
        out[i] = attribute->ints[i];
        if (out[i] < 1 || out[i] > 1 << 20) return ssg_fail(SSGCAM_ERR_INPUT, "attribute %s has the value %lld", name, (long long)out[i]);
    }
    return SSGCAM_OK;
}

/* Reads strides, dilations, pads and auto_pad for a kernel whose size is known, and works out the output's height and width. */
static ssgcam_status read_window(const ssg_node *node, const ssg_shape *in, ssg_window *window, int64_t out[2])
{
    SSG_TRY(pair(node, "strides", 1, window->stride));
    SSG_TRY(pair(node, "dilations", 1, window->dilation));
    const ssg_attribute *pads = ssg_node_attribute(node, "pads"), *automatic = ssg_node_attribute(node, "auto_pad");
    const char *mode = automatic && automatic->s ? automatic->s : "NOTSET";
    int same = strncmp(mode, "SAME", 4) == 0, upper = strcmp(mode, "SAME_UPPER") == 0;
    if (pads && (pads->type != SSG_ATTRIBUTE_INTS || pads->count != 4)) return ssg_fail(SSGCAM_ERR_INPUT, "pads must have four numbers");
    int ceil_mode = ssg_node_int(node, "ceil_mode", 0) != 0;
    for (int i = 0; i < 2; i++) {
        int64_t extent = in->dims[2 + i], covered = (window->kernel[i] - 1) * window->dilation[i] + 1, stride = window->stride[i];
        int64_t before = pads && !same ? pads->ints[i] : 0, after = pads && !same ? pads->ints[2 + i] : 0;
        if (before < 0 || after < 0 || before > 1 << 20 || after > 1 << 20)
            return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "pads of %lld and %lld; they must not be negative", (long long)before, (long long)after);
        if (same) {
            out[i] = (extent + stride - 1) / stride;
            int64_t total = (out[i] - 1) * stride + covered - extent;
            if (total < 0) total = 0;
            before = upper ? total / 2 : total - total / 2;
            after = total - before;
        } else {
            int64_t room = extent + before + after - covered;
            if (room < 0)
                return ssg_fail(SSGCAM_ERR_INPUT, "its window (%lld) is larger than its input (%lld): the input image is too small for this network",
                                (long long)covered, (long long)extent);
            out[i] = room / stride + 1;
            /* As PyTorch and ONNX Runtime do: the last window of ceil_mode must start inside the image or its leading pad. */
            if (ceil_mode && room % stride && out[i] * stride < extent + before) out[i]++;
        }
        window->pads[i] = before;
        window->pads[2 + i] = after;
    }
    return SSGCAM_OK;
}

static ssgcam_status image_input(ssg_lowering *l, int *x, ssg_shape *shape)
{
    SSG_TRY(ssg_lower_input(l, 0, x));
    *shape = ssg_lower_shape(l, *x);
    if (shape->rank == 4) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "its input has %d dimensions, not 4: only images are supported", shape->rank);
}

/* ---- convolution and matrix products -------------------------------------------------------------------------------- */

static ssgcam_status bias_of(ssg_lowering *l, int i, int64_t channels, ssg_const **bias)
{
    *bias = NULL;
    if (!ssg_lower_has(l, i)) return SSGCAM_OK;
    SSG_TRY(ssg_lower_weights(l, i, "bias", bias));
    if ((int64_t)ssg_shape_count(&(*bias)->shape) == channels) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_INPUT, "its bias has %zu numbers for %lld channels", ssg_shape_count(&(*bias)->shape), (long long)channels);
}

ssgcam_status ssg_lower_conv(ssg_lowering *l)
{
    int x, y;
    ssg_shape in;
    ssg_op op = {.kind = SSG_OP_CONV, .groups = ssg_node_int(l->node, "group", 1)};
    SSG_TRY(image_input(l, &x, &in));
    SSG_TRY(ssg_lower_weights(l, 1, "weights", &op.weights));
    const ssg_shape *w = &op.weights->shape;
    char text[SSG_SHAPE_TEXT];
    if (w->rank != 4 || ssg_shape_count(w) == 0)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "its weights have shape %s, not 4 dimensions", ssg_shape_format(w, text));
    if (op.groups < 1 || w->dims[0] % op.groups || in.dims[1] % op.groups || in.dims[1] / op.groups != w->dims[1])
        return ssg_fail(SSGCAM_ERR_INPUT, "weights of shape %s in %lld groups do not fit %lld input channels", ssg_shape_format(w, text),
                        (long long)op.groups, (long long)in.dims[1]);
    SSG_TRY(bias_of(l, 2, w->dims[0], &op.bias));
    op.window.kernel[0] = w->dims[2];
    op.window.kernel[1] = w->dims[3];
    ssg_shape out = {4, {in.dims[0], w->dims[0], 0, 0}};
    SSG_TRY(read_window(l->node, &in, &op.window, &out.dims[2]));
    SSG_TRY(ssg_lower_emit(l, op, &x, 1, &out, &y));
    return ssg_lower_result(l, 0, y);
}

static ssgcam_status emit_matmul(ssg_lowering *l, int x, ssg_const *weights, int transposed, ssg_const *bias, int *y)
{
    ssg_shape shape = ssg_lower_shape(l, x);
    int64_t inner = weights->shape.dims[transposed], outer = weights->shape.dims[!transposed];
    if (shape.rank < 2 || shape.dims[shape.rank - 1] != inner) {
        char have[SSG_SHAPE_TEXT];
        return ssg_fail(SSGCAM_ERR_INPUT, "an input of shape %s does not fit a matrix of %lld x %lld", ssg_shape_format(&shape, have),
                        (long long)inner, (long long)outer);
    }
    shape.dims[shape.rank - 1] = outer;
    return ssg_lower_emit(l, (ssg_op){.kind = SSG_OP_MATMUL, .weights = weights, .bias = bias, .transposed = transposed}, &x, 1, &shape, y);
}

static ssgcam_status scaled_copy(ssg_const **out, const ssg_const *from, double scale, int64_t repeat)
{
    ssg_shape shape = repeat ? (ssg_shape){1, {repeat}} : from->shape;
    *out = ssg_const_create(SSG_CONST_F32, &shape);
    if (!*out) return SSG_OUT_OF_MEMORY;
    size_t count = ssg_shape_count(&from->shape);
    for (size_t i = 0; i < ssg_shape_count(&shape); i++) (*out)->f32[i] = (float)(from->f32[count == 1 ? 0 : i] * scale);
    return SSGCAM_OK;
}

ssgcam_status ssg_lower_gemm(ssg_lowering *l)
{
    int x, y;
    ssg_const *weights, *bias = NULL, *scaled = NULL, *scaled_bias = NULL;
    SSG_TRY(ssg_lower_input(l, 0, &x));
    SSG_TRY(ssg_lower_weights(l, 1, "matrix B", &weights));
    if (ssg_node_int(l->node, "transA", 0)) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "transA is not supported");
    if (weights->shape.rank != 2 || ssg_shape_count(&weights->shape) == 0) return ssg_fail(SSGCAM_ERR_INPUT, "matrix B must have two dimensions");
    int transposed = ssg_node_int(l->node, "transB", 0) != 0;
    int64_t outer = weights->shape.dims[!transposed];
    double alpha = ssg_node_float(l->node, "alpha", 1), beta = ssg_node_float(l->node, "beta", 1);
    if (ssg_lower_has(l, 2)) {
        SSG_TRY(ssg_lower_weights(l, 2, "matrix C", &bias));
        int64_t count = (int64_t)ssg_shape_count(&bias->shape);
        if (count != outer && count != 1) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "matrix C must have one row");
    }
    ssgcam_status status = alpha == 1 ? SSGCAM_OK : scaled_copy(&scaled, weights, alpha, 0);
    if (status == SSGCAM_OK && bias) status = scaled_copy(&scaled_bias, bias, beta, outer);
    if (status == SSGCAM_OK) status = emit_matmul(l, x, scaled ? scaled : weights, transposed, scaled_bias, &y);
    ssg_const_release(scaled);
    ssg_const_release(scaled_bias);
    SSG_TRY(status);
    return ssg_lower_result(l, 0, y);
}

ssgcam_status ssg_lower_matmul(ssg_lowering *l)
{
    int x, y;
    ssg_const *weights;
    SSG_TRY(ssg_lower_input(l, 0, &x));
    SSG_TRY(ssg_lower_weights(l, 1, "second matrix", &weights));
    if (weights->shape.rank != 2 || ssg_shape_count(&weights->shape) == 0)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "its second matrix must have two dimensions");
    SSG_TRY(emit_matmul(l, x, weights, 0, NULL, &y));
    return ssg_lower_result(l, 0, y);
}

/* ---- normalisation ---------------------------------------------------------------------------------------------------- */

/* y = (x - mean) / sqrt(var + eps) * scale + bias with constants: an affine map per channel. */
ssgcam_status ssg_lower_batchnorm(ssg_lowering *l)
{
    int x, y;
    ssg_const *in[4];
    static const char *const what[4] = {"scale", "bias", "mean", "variance"};
    SSG_TRY(ssg_lower_input(l, 0, &x));
    ssg_shape shape = ssg_lower_shape(l, x);
    if (shape.rank < 2) return ssg_fail(SSGCAM_ERR_INPUT, "its input has rank %d", shape.rank);
    int64_t channels = shape.dims[1];
    for (int i = 0; i < 4; i++) {
        SSG_TRY(ssg_lower_weights(l, i + 1, what[i], &in[i]));
        if ((int64_t)ssg_shape_count(&in[i]->shape) != channels)
            return ssg_fail(SSGCAM_ERR_INPUT, "its %s has %zu numbers for %lld channels", what[i], ssg_shape_count(&in[i]->shape),
                            (long long)channels);
    }
    double epsilon = ssg_node_float(l->node, "epsilon", 1e-5);
    ssg_const *scale = ssg_const_create(SSG_CONST_F32, &(ssg_shape){1, {channels}}),
              *shift = ssg_const_create(SSG_CONST_F32, &(ssg_shape){1, {channels}});
    ssgcam_status status = scale && shift ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) {
        for (int64_t c = 0; c < channels; c++) {
            double factor = in[0]->f32[c] / sqrt(in[3]->f32[c] + epsilon);
            scale->f32[c] = (float)factor;
            shift->f32[c] = (float)(in[1]->f32[c] - in[2]->f32[c] * factor);
        }
        status = ssg_lower_affine(l, x, scale, shift, 1, &y);
    }
    ssg_const_release(scale);
    ssg_const_release(shift);
    SSG_TRY(status);
    return ssg_lower_result(l, 0, y);
}

/* (x - mean) / sqrt(mean((x - mean)^2) + eps) over the flagged axes. */
static ssgcam_status standardise(ssg_lowering *l, int x, const int axes[SSG_MAX_RANK], double epsilon, int *y)
{
    int mean, centred, squared, variance, deviation;
    SSG_TRY(ssg_lower_reduce(l, x, axes, 1, &mean));
    SSG_TRY(ssg_lower_binary(l, x, mean, SSG_BINARY_SUB, &centred));
    SSG_TRY(ssg_lower_binary(l, centred, centred, SSG_BINARY_MUL, &squared));
    SSG_TRY(ssg_lower_reduce(l, squared, axes, 1, &variance));
    SSG_TRY(ssg_lower_scale(l, variance, 1, epsilon, &variance));
    SSG_TRY(ssg_lower_unary(l, variance, SSG_FUNCTION_SQRT, 0, 0, &deviation));
    return ssg_lower_binary(l, centred, deviation, SSG_BINARY_DIV, y);
}

static ssgcam_status scale_and_shift(ssg_lowering *l, int x, int axis, int *y)
{
    ssg_const *scale = NULL, *shift = NULL;
    ssg_shape shape = ssg_lower_shape(l, x);
    if (ssg_lower_has(l, 1)) SSG_TRY(ssg_lower_weights(l, 1, "scale", &scale));
    if (ssg_lower_has(l, 2)) SSG_TRY(ssg_lower_weights(l, 2, "bias", &shift));
    if ((scale && (int64_t)ssg_shape_count(&scale->shape) != shape.dims[axis]) ||
        (shift && (int64_t)ssg_shape_count(&shift->shape) != shape.dims[axis]))
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "its scale or bias does not run along one axis");
    return ssg_lower_affine(l, x, scale, shift, axis, y);
}

ssgcam_status ssg_lower_instancenorm(ssg_lowering *l)
{
    int x, y;
    ssg_shape shape;
    SSG_TRY(image_input(l, &x, &shape));
    SSG_TRY(standardise(l, x, (int[SSG_MAX_RANK]){0, 0, 1, 1}, ssg_node_float(l->node, "epsilon", 1e-5), &y));
    SSG_TRY(scale_and_shift(l, y, 1, &y));
    return ssg_lower_result(l, 0, y);
}

ssgcam_status ssg_lower_layernorm(ssg_lowering *l)
{
    int x, y, axes[SSG_MAX_RANK] = {0};
    SSG_TRY(ssg_lower_input(l, 0, &x));
    ssg_shape shape = ssg_lower_shape(l, x);
    int64_t axis = ssg_node_int(l->node, "axis", -1);
    if (axis != -1 && axis != shape.rank - 1) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "only the last axis is supported");
    axes[shape.rank - 1] = 1;
    SSG_TRY(standardise(l, x, axes, ssg_node_float(l->node, "epsilon", 1e-5), &y));
    SSG_TRY(scale_and_shift(l, y, shape.rank - 1, &y));
    return ssg_lower_result(l, 0, y);
}

ssgcam_status ssg_lower_lrn(ssg_lowering *l)
{
    int x, y;
    ssg_shape shape;
    SSG_TRY(image_input(l, &x, &shape));
    ssg_op op = {.kind = SSG_OP_LRN,
                 .size = ssg_node_int(l->node, "size", 0),
                 .alpha = (float)ssg_node_float(l->node, "alpha", 1e-4),
                 .beta = (float)ssg_node_float(l->node, "beta", 0.75),
                 .bias_k = (float)ssg_node_float(l->node, "bias", 1)};
    if (op.size < 1 || op.size > 1 << 16) return ssg_fail(SSGCAM_ERR_INPUT, "size is %lld", (long long)op.size);
    SSG_TRY(ssg_lower_emit(l, op, &x, 1, &shape, &y));
    return ssg_lower_result(l, 0, y);
}

/* Before opset 13, Softmax flattens all axes from `axis` on and defaults to 1; since then it works on one axis and defaults to the last. */
ssgcam_status ssg_lower_softmax(ssg_lowering *l)
{
    int x, y;
    SSG_TRY(ssg_lower_input(l, 0, &x));
    ssg_shape shape = ssg_lower_shape(l, x), work = shape;
    int64_t axis = ssg_node_int(l->node, "axis", l->model->opset < 13 ? 1 : -1);
    if (axis < 0) axis += shape.rank;
    if (axis < 1 || axis >= shape.rank) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "axis %lld of a tensor of rank %d", (long long)axis, shape.rank);
    if (l->model->opset < 13 && axis < shape.rank - 1) {
        work.rank = (int)axis + 1;
        for (int i = (int)axis + 1; i < shape.rank; i++) work.dims[axis] *= shape.dims[i];
    }
    SSG_TRY(ssg_lower_reshape(l, x, &work, &x));
    SSG_TRY(ssg_lower_emit(l, (ssg_op){.kind = SSG_OP_SOFTMAX, .axis = (int)axis, .log = strcmp(l->node->op, "LogSoftmax") == 0}, &x, 1, &work, &y));
    SSG_TRY(ssg_lower_reshape(l, y, &shape, &y));
    return ssg_lower_result(l, 0, y);
}

/* ---- pools and reductions -------------------------------------------------------------------------------------------- */

static ssgcam_status lower_pool(ssg_lowering *l, ssg_op_kind kind)
{
    int x, y;
    ssg_shape in;
    ssg_op op = {.kind = kind, .count_include_pad = ssg_node_int(l->node, "count_include_pad", 0) != 0};
    SSG_TRY(image_input(l, &x, &in));
    if (!ssg_node_attribute(l->node, "kernel_shape")) return ssg_fail(SSGCAM_ERR_INPUT, "kernel_shape is missing");
    if (l->node->output_count > 1 && l->node->outputs[1] >= 0 && l->uses[l->node->outputs[1]])
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "its Indices output is used");
    SSG_TRY(pair(l->node, "kernel_shape", 1, op.window.kernel));
    ssg_shape out = {4, {in.dims[0], in.dims[1], 0, 0}};
    SSG_TRY(read_window(l->node, &in, &op.window, &out.dims[2]));
    for (int i = 0; i < 2; i++) /* a window that lies in the padding alone has no maximum */
        if (op.window.pads[i] >= op.window.kernel[i] * op.window.dilation[i])
            return ssg_fail(SSGCAM_ERR_INPUT, "its padding is larger than its window");
    SSG_TRY(ssg_lower_emit(l, op, &x, 1, &out, &y));
    return ssg_lower_result(l, 0, y);
}

ssgcam_status ssg_lower_maxpool(ssg_lowering *l)
{
    return lower_pool(l, SSG_OP_MAXPOOL);
}

ssgcam_status ssg_lower_avgpool(ssg_lowering *l)
{
    return lower_pool(l, SSG_OP_AVGPOOL);
}

ssgcam_status ssg_lower_global_avgpool(ssg_lowering *l)
{
    int x, y;
    ssg_shape shape;
    SSG_TRY(image_input(l, &x, &shape));
    SSG_TRY(ssg_lower_reduce(l, x, (int[SSG_MAX_RANK]){0, 0, 1, 1}, 1, &y));
    return ssg_lower_result(l, 0, y);
}

ssgcam_status ssg_lower_global_maxpool(ssg_lowering *l)
{
    int x, y;
    ssg_shape shape;
    SSG_TRY(image_input(l, &x, &shape));
    ssg_op op = {.kind = SSG_OP_MAXPOOL, .window = {.kernel = {shape.dims[2], shape.dims[3]}, .stride = {1, 1}, .dilation = {1, 1}}};
    shape.dims[2] = shape.dims[3] = 1;
    SSG_TRY(ssg_lower_emit(l, op, &x, 1, &shape, &y));
    return ssg_lower_result(l, 0, y);
}

ssgcam_status ssg_lower_reduction(ssg_lowering *l)
{
    int x, y, axes[SSG_MAX_RANK];
    SSG_TRY(ssg_lower_input(l, 0, &x));
    ssg_shape shape = ssg_lower_shape(l, x), kept = {0};
    if (ssg_lower_has(l, 1) && !ssg_lower_constant(l, 1)) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "its axes are not constant");
    SSG_TRY(ssg_geometry_axes(axes, l->node, shape.rank, ssg_lower_constant(l, 1), !ssg_node_int(l->node, "noop_with_empty_axes", 0)));
    SSG_TRY(ssg_lower_reduce(l, x, axes, strcmp(l->node->op, "ReduceMean") == 0, &y));
    if (!ssg_node_int(l->node, "keepdims", 1)) {
        for (int i = 0; i < shape.rank; i++)
            if (!axes[i]) kept.dims[kept.rank++] = shape.dims[i];
        SSG_TRY(ssg_lower_reshape(l, y, &kept, &y));
    }
    return ssg_lower_result(l, 0, y);
}
