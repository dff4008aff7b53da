/* Operators that move elements without computing on them. */
#include <string.h>

#include "host/base/alloc.h"
#include "host/model/geometry.h"
#include "host/model/lower.h"

ssgcam_status ssg_lower_identity(ssg_lowering *l)
{
    int x;
    if (strcmp(l->node->op, "Cast") == 0) {
        int64_t to = ssg_node_int(l->node, "to", 1);
        if (to != 1 && to != 10 && to != 11 && to != 16)
            return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "a cast of computed values to element type %lld", (long long)to);
    }
    SSG_TRY(ssg_lower_input(l, 0, &x));
    return ssg_lower_result(l, 0, x);
}

static ssgcam_status integers(ssg_lowering *l, const ssg_shape *shape, const int64_t *values)
{
    ssg_const *constant = ssg_const_create(SSG_CONST_I64, shape);
    if (!constant) return SSG_OUT_OF_MEMORY;
    memcpy(constant->i64, values, ssg_shape_count(shape) * sizeof *values);
    l->values[l->node->outputs[0]].constant = constant;
    return SSGCAM_OK;
}

/* All shapes are known, so Shape is a constant, of a constant too. */
static ssgcam_status shape_of_input(ssg_lowering *l, ssg_shape *shape)
{
    if (!ssg_lower_has(l, 0) || l->node->output_count < 1 || l->node->outputs[0] < 0)
        return ssg_fail(SSGCAM_ERR_INPUT, "its input or output is missing");
    const ssg_const *constant = ssg_lower_constant(l, 0);
    *shape = constant ? constant->shape : ssg_lower_shape(l, l->values[l->node->inputs[0]].tensor);
    return SSGCAM_OK;
}

ssgcam_status ssg_lower_shape_of(ssg_lowering *l)
{
    ssg_shape shape;
    SSG_TRY(shape_of_input(l, &shape));
    int64_t start = ssg_node_int(l->node, "start", 0), end = ssg_node_int(l->node, "end", shape.rank);
    if (start < 0) start += shape.rank;
    if (end < 0) end += shape.rank;
    if (end > shape.rank) end = shape.rank;
    if (start < 0 || start > end) return ssg_fail(SSGCAM_ERR_INPUT, "start and end are out of range");
    return integers(l, &(ssg_shape){1, {end - start}}, shape.dims + start);
}

ssgcam_status ssg_lower_size_of(ssg_lowering *l)
{
    ssg_shape shape;
    SSG_TRY(shape_of_input(l, &shape));
    int64_t count = (int64_t)ssg_shape_count(&shape);
    return integers(l, &(ssg_shape){0}, &count);
}

/* A file with a fixed batch size often has it inside the target shape of a Reshape: such a leading number means "the batch". */
static ssgcam_status reshape_target(ssg_lowering *l, const ssg_shape *in, const ssg_const *target, ssg_shape *out)
{
    if (target && target->type == SSG_CONST_I64 && l->declared_batch > 0 && l->declared_batch != l->batch && ssg_shape_count(&target->shape) > 0 &&
        target->i64[0] == l->declared_batch) {
        ssg_const *patched = ssg_const_create(SSG_CONST_I64, &target->shape);
        if (!patched) return SSG_OUT_OF_MEMORY;
        memcpy(patched->i64, target->i64, ssg_shape_count(&target->shape) * sizeof *patched->i64);
        patched->i64[0] = l->batch;
        ssgcam_status status = ssg_geometry_reshape(out, l->node, in, patched);
        ssg_const_release(patched);
        return status;
    }
    return ssg_geometry_reshape(out, l->node, in, target);
}

ssgcam_status ssg_lower_reshape_node(ssg_lowering *l)
{
    int x, y;
    const char *op = l->node->op;
    SSG_TRY(ssg_lower_input(l, 0, &x));
    ssg_shape in = ssg_lower_shape(l, x), out;
    ssg_const *second = ssg_lower_constant(l, 1);
    if (ssg_lower_has(l, 1) && !second) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "its shape or axes are computed from the image");
    if (strcmp(op, "Reshape") == 0)
        SSG_TRY(reshape_target(l, &in, second, &out));
    else if (strcmp(op, "Flatten") == 0)
        SSG_TRY(ssg_geometry_flatten(&out, l->node, &in));
    else if (strcmp(op, "Squeeze") == 0)
        SSG_TRY(ssg_geometry_squeeze(&out, l->node, &in, second));
    else
        SSG_TRY(ssg_geometry_unsqueeze(&out, l->node, &in, second));
    SSG_TRY(ssg_lower_reshape(l, x, &out, &y));
    return ssg_lower_result(l, 0, y);
}

ssgcam_status ssg_lower_transpose(ssg_lowering *l)
{
    int x, y;
    SSG_TRY(ssg_lower_input(l, 0, &x));
    ssg_shape in = ssg_lower_shape(l, x), out;
    ssg_op op = {.kind = SSG_OP_TRANSPOSE};
    SSG_TRY(ssg_geometry_transpose(&out, op.perm, l->node, &in));
    if (op.perm[0] != 0) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "it moves the batch axis");
    SSG_TRY(ssg_lower_emit(l, op, &x, 1, &out, &y));
    return ssg_lower_result(l, 0, y);
}

ssgcam_status ssg_lower_concat(ssg_lowering *l)
{
    int first, y, count = l->node->input_count;
    SSG_TRY(ssg_lower_input(l, 0, &first));
    ssg_shape shape = ssg_lower_shape(l, first);
    int64_t axis = ssg_node_int(l->node, "axis", 1);
    if (axis < 0) axis += shape.rank;
    if (axis < 1 || axis >= shape.rank) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "axis %lld of tensors of rank %d", (long long)axis, shape.rank);
    int *inputs = ssg_calloc((size_t)count, sizeof *inputs);
    if (!inputs) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = SSGCAM_OK;
    int64_t extent = 0;
    for (int i = 0; i < count; i++) {
        SSG_TRY_DONE(ssg_lower_input(l, i, &inputs[i]));
        ssg_shape part = ssg_lower_shape(l, inputs[i]);
        for (int d = 0; d < shape.rank; d++)
            if (part.rank != shape.rank || (d != axis && part.dims[d] != shape.dims[d])) {
                char left[SSG_SHAPE_TEXT], right[SSG_SHAPE_TEXT];
                status = ssg_fail(SSGCAM_ERR_INPUT, "shapes %s and %s do not fit together", ssg_shape_format(&shape, left),
                                  ssg_shape_format(&part, right));
                goto done;
            }
        extent += part.dims[axis];
    }
    shape.dims[axis] = extent;
    SSG_TRY_DONE(ssg_lower_emit(l, (ssg_op){.kind = SSG_OP_CONCAT, .axis = (int)axis}, inputs, count, &shape, &y));
    status = ssg_lower_result(l, 0, y);
done:
    ssg_free(inputs);
    return status;
}

static ssgcam_status emit_slice(ssg_lowering *l, int x, ssg_op op, const ssg_shape *out, int *y)
{
    ssg_shape in = ssg_lower_shape(l, x);
    *y = x;
    for (int i = 0; i < in.rank; i++)
        if (op.steps[i] < 1 || (i == 0 && out->dims[0] != in.dims[0]))
            return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "slices of the batch or with negative steps");
    if (ssg_shape_equal(&in, out)) return SSGCAM_OK;
    op.kind = SSG_OP_SLICE;
    return ssg_lower_emit(l, op, &x, 1, out, y);
}

ssgcam_status ssg_lower_slice(ssg_lowering *l)
{
    int x, y;
    SSG_TRY(ssg_lower_input(l, 0, &x));
    for (int i = 1; i < 5; i++)
        if (ssg_lower_has(l, i) && !ssg_lower_constant(l, i)) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "its limits are computed from the image");
    ssg_shape in = ssg_lower_shape(l, x), out;
    ssg_op op = {0};
    SSG_TRY(ssg_geometry_slice(&out, op.starts, op.steps, l->node, &in, ssg_lower_constant(l, 1), ssg_lower_constant(l, 2), ssg_lower_constant(l, 3),
                               ssg_lower_constant(l, 4)));
    SSG_TRY(emit_slice(l, x, op, &out, &y));
    return ssg_lower_result(l, 0, y);
}

/* Gather with one constant index: a slice of extent 1, the axis dropped if the index is a scalar. */
ssgcam_status ssg_lower_gather(ssg_lowering *l)
{
    int x, y;
    SSG_TRY(ssg_lower_input(l, 0, &x));
    ssg_shape in = ssg_lower_shape(l, x), out = in, squeezed = {0};
    const ssg_const *index = ssg_lower_constant(l, 1);
    int64_t axis = ssg_node_int(l->node, "axis", 0);
    if (axis < 0) axis += in.rank;
    if (!index || ssg_shape_count(&index->shape) != 1 || axis < 1 || axis >= in.rank)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "only one constant index along a spatial or channel axis is supported on computed values");
    ssg_op op = {.steps = {1, 1, 1, 1, 1, 1}};
    double wanted = ssg_const_number(index, 0);
    if (wanted < 0) wanted += (double)in.dims[axis];
    if (!(wanted >= 0 && wanted < (double)in.dims[axis])) return ssg_fail(SSGCAM_ERR_INPUT, "index %g is out of range", wanted);
    op.starts[axis] = (int64_t)wanted;
    out.dims[axis] = 1;
    SSG_TRY(emit_slice(l, x, op, &out, &y));
    for (int i = 0; i < in.rank; i++)
        if (i != axis || index->shape.rank > 0) squeezed.dims[squeezed.rank++] = out.dims[i];
    SSG_TRY(ssg_lower_reshape(l, y, &squeezed, &y));
    return ssg_lower_result(l, 0, y);
}

ssgcam_status ssg_lower_split(ssg_lowering *l)
{
    int x, y, parts = l->node->output_count;
    SSG_TRY(ssg_lower_input(l, 0, &x));
    ssg_shape in = ssg_lower_shape(l, x);
    int64_t axis = ssg_node_int(l->node, "axis", 0), at = 0;
    if (axis < 0) axis += in.rank;
    if (axis < 1 || axis >= in.rank) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "axis %lld of a tensor of rank %d", (long long)axis, in.rank);
    const ssg_attribute *attribute = ssg_node_attribute(l->node, "split");
    const ssg_const *sizes = ssg_lower_constant(l, 1);
    if ((ssg_lower_has(l, 1) && !sizes) || (sizes && (sizes->type != SSG_CONST_I64 || (int)ssg_shape_count(&sizes->shape) != parts)) ||
        (attribute && (attribute->type != SSG_ATTRIBUTE_INTS || (int)attribute->count != parts)))
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "its sizes must be %d constants", parts);
    int64_t even = (in.dims[axis] + parts - 1) / parts;
    for (int i = 0; i < parts; i++) {
        int64_t rest = in.dims[axis] - at, size = sizes ? sizes->i64[i] : attribute ? attribute->ints[i] : even < rest ? even : rest;
        if (size < 1 || size > rest) return ssg_fail(SSGCAM_ERR_INPUT, "parts of %lld of %lld", (long long)size, (long long)in.dims[axis]);
        ssg_op op = {.steps = {1, 1, 1, 1, 1, 1}};
        ssg_shape out = in;
        op.starts[axis] = at;
        out.dims[axis] = size;
        at += size;
        if (l->node->outputs[i] < 0) continue;
        SSG_TRY(emit_slice(l, x, op, &out, &y));
        SSG_TRY(ssg_lower_result(l, i, y));
    }
    return SSGCAM_OK;
}

/* The leading and trailing pad of every axis, from the input or the attribute, for all axes or those that the axes input names. */
static ssgcam_status read_pads(const ssg_lowering *l, const ssg_shape *in, int64_t before[SSG_MAX_RANK], int64_t after[SSG_MAX_RANK])
{
    const ssg_attribute *attribute = ssg_node_attribute(l->node, "pads");
    const ssg_const *constant = ssg_lower_constant(l, 1), *axes = ssg_lower_constant(l, 3);
    const int64_t *pads = constant && constant->type == SSG_CONST_I64          ? constant->i64
                          : attribute && attribute->type == SSG_ATTRIBUTE_INTS ? attribute->ints
                                                                               : NULL;
    size_t count = constant ? ssg_shape_count(&constant->shape) : attribute ? attribute->count : 0;
    if (ssg_lower_has(l, 3) && (!axes || axes->type != SSG_CONST_I64)) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "its axes are not constant integers");
    size_t named = axes ? ssg_shape_count(&axes->shape) : (size_t)in->rank;
    if (!pads || count != 2 * named) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "pads must be %zu constants", 2 * named);
    for (int i = 0; i < in->rank; i++) before[i] = after[i] = 0;
    for (size_t i = 0; i < named; i++) {
        int64_t axis = axes ? axes->i64[i] : (int64_t)i;
        if (axis < 0) axis += in->rank;
        if (axis < 0 || axis >= in->rank) return ssg_fail(SSGCAM_ERR_INPUT, "axis %lld is out of range", (long long)axis);
        before[axis] = pads[i];
        after[axis] = pads[i + named];
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_lower_pad(ssg_lowering *l)
{
    int x, y;
    SSG_TRY(ssg_lower_input(l, 0, &x));
    ssg_shape in = ssg_lower_shape(l, x), out = in;
    const ssg_attribute *mode = ssg_node_attribute(l->node, "mode");
    const ssg_const *fill = ssg_lower_constant(l, 2);
    if (mode && mode->s && strcmp(mode->s, "constant") != 0)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "mode %s; only constant padding is supported", mode->s);
    int64_t before[SSG_MAX_RANK], after[SSG_MAX_RANK];
    SSG_TRY(read_pads(l, &in, before, after));
    ssg_op op = {.kind = SSG_OP_SCATTER, .steps = {1, 1, 1, 1, 1, 1}, .alpha = (float)ssg_node_float(l->node, "value", 0)};
    if (fill && fill->type == SSG_CONST_F32 && ssg_shape_count(&fill->shape) == 1) op.alpha = fill->f32[0];
    for (int i = 0; i < in.rank; i++) {
        if (before[i] < 0 || after[i] < 0 || before[i] > 1 << 20 || after[i] > 1 << 20 || (i == 0 && before[i] + after[i] > 0))
            return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "pads of %lld and %lld along axis %d; negative pads and pads of the batch are not supported",
                            (long long)before[i], (long long)after[i], i);
        op.starts[i] = before[i];
        out.dims[i] += before[i] + after[i];
    }
    y = x;
    if (!ssg_shape_equal(&in, &out)) SSG_TRY(ssg_lower_emit(l, op, &x, 1, &out, &y));
    return ssg_lower_result(l, 0, y);
}

ssgcam_status ssg_lower_expand(ssg_lowering *l)
{
    int x, y;
    SSG_TRY(ssg_lower_input(l, 0, &x));
    const ssg_const *target = ssg_lower_constant(l, 1);
    ssg_shape in = ssg_lower_shape(l, x), wanted, out;
    if (!target) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "its shape is computed from the image");
    SSG_TRY(ssg_geometry_shape_from(&wanted, target));
    SSG_TRY(ssg_shape_broadcast(&in, &wanted, &out));
    if (out.rank != in.rank) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "it adds dimensions");
    y = x;
    if (!ssg_shape_equal(&in, &out)) SSG_TRY(ssg_lower_emit(l, (ssg_op){.kind = SSG_OP_BROADCAST, .alpha = 1}, &x, 1, &out, &y));
    return ssg_lower_result(l, 0, y);
}
