#include "host/model/geometry.h"

#include <string.h>

ssgcam_status ssg_geometry_shape_from(ssg_shape *shape, const ssg_const *numbers)
{
    if (numbers->type != SSG_CONST_I64 || numbers->shape.rank > 1) return ssg_fail(SSGCAM_ERR_INPUT, "a shape must be a list of integers");
    size_t count = ssg_shape_count(&numbers->shape);
    if (count > SSG_MAX_RANK) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "a shape of %zu dimensions; at most %d are supported", count, SSG_MAX_RANK);
    *shape = (ssg_shape){.rank = (int)count};
    for (size_t i = 0; i < count; i++) shape->dims[i] = numbers->i64[i];
    return SSGCAM_OK;
}

void ssg_geometry_strides(int64_t strides[SSG_MAX_RANK], const ssg_shape *shape)
{
    int64_t stride = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= shape->dims[i];
    }
}

size_t ssg_geometry_strided_index(size_t index, const ssg_shape *shape, const int64_t strides[SSG_MAX_RANK])
{
    int64_t at = 0;
    for (int i = shape->rank - 1; i >= 0; i--) {
        at += (int64_t)(index % (size_t)shape->dims[i]) * strides[i];
        index /= (size_t)shape->dims[i];
    }
    return (size_t)at;
}

size_t ssg_geometry_broadcast_index(size_t index, const ssg_shape *shape, const ssg_shape *from)
{
    int64_t own[SSG_MAX_RANK], strides[SSG_MAX_RANK];
    int shift = shape->rank - from->rank;
    ssg_geometry_strides(own, from);
    for (int i = 0; i < shape->rank; i++) strides[i] = i < shift || from->dims[i - shift] == 1 ? 0 : own[i - shift];
    return ssg_geometry_strided_index(index, shape, strides);
}

ssgcam_status ssg_geometry_reshape(ssg_shape *out, const ssg_node *node, const ssg_shape *in, const ssg_const *target)
{
    const ssg_attribute *attribute = ssg_node_attribute(node, "shape");
    if (target) {
        SSG_TRY(ssg_geometry_shape_from(out, target));
    } else if (attribute && attribute->type == SSG_ATTRIBUTE_INTS && attribute->count <= SSG_MAX_RANK) {
        *out = (ssg_shape){.rank = (int)attribute->count};
        memcpy(out->dims, attribute->ints, attribute->count * sizeof *out->dims);
    } else {
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "the target shape is not constant, or has more than %d dimensions", SSG_MAX_RANK);
    }
    int64_t known = 1;
    int free_axis = -1, allow_zero = (int)ssg_node_int(node, "allowzero", 0);
    for (int i = 0; i < out->rank; i++) {
        if (out->dims[i] == 0 && !allow_zero) {
            if (i >= in->rank) return ssg_fail(SSGCAM_ERR_INPUT, "the target shape copies dimension %d, which the input lacks", i);
            out->dims[i] = in->dims[i];
        }
        if (out->dims[i] == -1) {
            if (free_axis >= 0) return ssg_fail(SSGCAM_ERR_INPUT, "the target shape leaves two dimensions open");
            free_axis = i;
        } else if (out->dims[i] < 0 || __builtin_mul_overflow(known, out->dims[i], &known)) {
            return ssg_fail(SSGCAM_ERR_INPUT, "the target shape has dimension %lld", (long long)out->dims[i]);
        }
    }
    int64_t count = (int64_t)ssg_shape_count(in);
    if (free_axis >= 0 && known > 0) out->dims[free_axis] = count / known;
    int64_t made = free_axis >= 0 ? (known > 0 ? known * out->dims[free_axis] : -1) : known;
    if (made == count) return SSGCAM_OK;
    char from[SSG_SHAPE_TEXT], to[SSG_SHAPE_TEXT];
    return ssg_fail(SSGCAM_ERR_INPUT, "a tensor of shape %s cannot become %s", ssg_shape_format(in, from), ssg_shape_format(out, to));
}

ssgcam_status ssg_geometry_flatten(ssg_shape *out, const ssg_node *node, const ssg_shape *in)
{
    int64_t axis = ssg_node_int(node, "axis", 1);
    if (axis < 0) axis += in->rank;
    if (axis < 0 || axis > in->rank) return ssg_fail(SSGCAM_ERR_INPUT, "axis %lld of a tensor of rank %d", (long long)axis, in->rank);
    *out = (ssg_shape){.rank = 2, .dims = {1, 1}};
    for (int i = 0; i < in->rank; i++) out->dims[i < axis ? 0 : 1] *= in->dims[i];
    return SSGCAM_OK;
}

ssgcam_status ssg_geometry_axes(int flags[SSG_MAX_RANK], const ssg_node *node, int rank, const ssg_const *axes_input, int none_means_all)
{
    const ssg_attribute *attribute = ssg_node_attribute(node, "axes");
    const int64_t *axes = NULL;
    size_t count = 0;
    if (axes_input && axes_input->type == SSG_CONST_I64) {
        axes = axes_input->i64;
        count = ssg_shape_count(&axes_input->shape);
    } else if (attribute && attribute->type == SSG_ATTRIBUTE_INTS) {
        axes = attribute->ints;
        count = attribute->count;
    }
    for (int i = 0; i < SSG_MAX_RANK; i++) flags[i] = count == 0 && none_means_all && i < rank;
    for (size_t i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        if (axis < 0 || axis >= rank || flags[axis])
            return ssg_fail(SSGCAM_ERR_INPUT, "axis %lld is out of range or named twice", (long long)axes[i]);
        flags[axis] = 1;
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_geometry_squeeze(ssg_shape *out, const ssg_node *node, const ssg_shape *in, const ssg_const *axes)
{
    int dropped[SSG_MAX_RANK];
    int named = axes || ssg_node_attribute(node, "axes");
    SSG_TRY(ssg_geometry_axes(dropped, node, in->rank, axes, 0));
    *out = (ssg_shape){0};
    for (int i = 0; i < in->rank; i++) {
        int drop = named ? dropped[i] : in->dims[i] == 1;
        if (drop && in->dims[i] != 1) return ssg_fail(SSGCAM_ERR_INPUT, "axis %d has extent %lld and cannot be squeezed", i, (long long)in->dims[i]);
        if (!drop) out->dims[out->rank++] = in->dims[i];
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_geometry_unsqueeze(ssg_shape *out, const ssg_node *node, const ssg_shape *in, const ssg_const *axes)
{
    const ssg_attribute *attribute = ssg_node_attribute(node, "axes");
    size_t count = axes ? ssg_shape_count(&axes->shape) : attribute ? attribute->count : 0;
    if (count > SSG_MAX_RANK || in->rank + (int)count > SSG_MAX_RANK)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "more than %d dimensions", SSG_MAX_RANK);
    int added[SSG_MAX_RANK];
    *out = (ssg_shape){.rank = in->rank + (int)count};
    SSG_TRY(ssg_geometry_axes(added, node, out->rank, axes, 0));
    for (int i = 0, from = 0; i < out->rank; i++) out->dims[i] = added[i] ? 1 : in->dims[from++];
    return SSGCAM_OK;
}

ssgcam_status ssg_geometry_transpose(ssg_shape *out, int perm[SSG_MAX_RANK], const ssg_node *node, const ssg_shape *in)
{
    const ssg_attribute *attribute = ssg_node_attribute(node, "perm");
    int used[SSG_MAX_RANK] = {0};
    if (attribute && (attribute->type != SSG_ATTRIBUTE_INTS || attribute->count != (size_t)in->rank))
        return ssg_fail(SSGCAM_ERR_INPUT, "perm does not fit a tensor of rank %d", in->rank);
    *out = (ssg_shape){.rank = in->rank};
    for (int i = 0; i < in->rank; i++) {
        int64_t axis = attribute ? attribute->ints[i] : in->rank - 1 - i;
        if (axis < 0 || axis >= in->rank || used[axis]) return ssg_fail(SSGCAM_ERR_INPUT, "perm is not a permutation");
        used[axis] = 1;
        perm[i] = (int)axis;
        out->dims[i] = in->dims[axis];
    }
    return SSGCAM_OK;
}

/* The numbers of a Slice argument: from its input if there is one, else from the attribute of the old form. */
static size_t slice_numbers(const int64_t **numbers, const ssg_node *node, const ssg_const *from_input, const char *attribute_name)
{
    const ssg_attribute *attribute = ssg_node_attribute(node, attribute_name);
    *numbers = NULL;
    if (from_input && from_input->type == SSG_CONST_I64) {
        *numbers = from_input->i64;
        return ssg_shape_count(&from_input->shape);
    }
    if (!attribute || attribute->type != SSG_ATTRIBUTE_INTS) return 0;
    *numbers = attribute->ints;
    return attribute->count;
}

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

ssgcam_status ssg_geometry_slice(ssg_shape *out, int64_t starts[SSG_MAX_RANK], int64_t steps[SSG_MAX_RANK], const ssg_node *node, const ssg_shape *in,
                                 const ssg_const *start_input, const ssg_const *end_input, const ssg_const *axes_input, const ssg_const *step_input)
{
    const int64_t *start, *end, *axes, *step;
    size_t count = slice_numbers(&start, node, start_input, "starts");
    size_t ends = slice_numbers(&end, node, end_input, "ends");
    size_t axis_count = slice_numbers(&axes, node, axes_input, "axes");
    size_t step_count = slice_numbers(&step, node, step_input, "steps");
    if (count == 0 || ends != count || (axes && axis_count != count) || (step && step_count != count) || count > (size_t)in->rank)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "starts, ends, axes and steps must be constants of one length, at most the rank");
    *out = *in;
    for (int i = 0; i < in->rank; i++) {
        starts[i] = 0;
        steps[i] = 1;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t axis = axes ? axes[i] : (int64_t)i, by = step ? step[i] : 1;
        if (axis < 0) axis += in->rank;
        if (axis < 0 || axis >= in->rank || by == 0 || by == INT64_MIN)
            return ssg_fail(SSGCAM_ERR_INPUT, "axis %lld or step %lld is out of range", (long long)axis, (long long)by);
        int64_t extent = in->dims[axis];
        int64_t from = start[i] < 0 ? clamp(start[i], -extent - 1, 0) + extent : start[i],
                to = end[i] < 0 ? clamp(end[i], -extent - 1, 0) + extent : end[i];
        from = by > 0 ? clamp(from, 0, extent) : clamp(from, 0, extent - 1);
        to = by > 0 ? clamp(to, 0, extent) : clamp(to, -1, extent - 1);
        int64_t span = by > 0 ? to - from : from - to;
        int64_t length = span > 0 ? (span - 1) / (by > 0 ? by : -by) + 1 : 0;
        starts[axis] = from;
        steps[axis] = by;
        out->dims[axis] = length;
    }
    return SSGCAM_OK;
}
