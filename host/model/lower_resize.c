/* Resize and Upsample, for what classifiers use: nearest neighbour by whole factors, which only repeats pixels. */
#include <math.h>
#include <string.h>

#include "host/model/lower.h"

static int attribute_is(const ssg_node *node, const char *name, const char *otherwise, const char *wanted)
{
    const ssg_attribute *attribute = ssg_node_attribute(node, name);
    return strcmp(attribute && attribute->s ? attribute->s : otherwise, wanted) == 0;
}

/* How often each row and column is repeated: from sizes, scales (the last inputs given), or the attribute of old Upsample. */
static ssgcam_status read_factors(const ssg_lowering *l, const ssg_shape *in, int64_t factors[2])
{
    int resize = strcmp(l->node->op, "Resize") == 0 && l->model->opset >= 11;
    const ssg_const *scales = ssg_lower_constant(l, resize ? 2 : 1), *sizes = resize ? ssg_lower_constant(l, 3) : NULL;
    const ssg_attribute *attribute = ssg_node_attribute(l->node, "scales");
    for (int i = 0; i < 4; i++) {
        double factor = -1;
        if (sizes && ssg_shape_count(&sizes->shape) == 4)
            factor = ssg_const_number(sizes, (size_t)i) / (double)in->dims[i];
        else if (scales && ssg_shape_count(&scales->shape) == 4)
            factor = ssg_const_number(scales, (size_t)i);
        else if (attribute && attribute->type == SSG_ATTRIBUTE_FLOATS && attribute->count == 4)
            factor = attribute->floats[i];
        if (!(factor >= 1 && factor <= 64) || factor != floor(factor) || (i < 2 && factor != 1))
            return ssg_fail(SSGCAM_ERR_UNSUPPORTED,
                            "it scales axis %d by %g; only height and width, by constant whole factors of 1 to 64, are supported", i, factor);
        if (i >= 2) factors[i - 2] = (int64_t)factor;
    }
    return SSGCAM_OK;
}

/* N C H W -> N C H 1 W 1 -> repeated -> N C fH gW. With whole factors every rule of rounding but one picks the same pixels. */
ssgcam_status ssg_lower_resize(ssg_lowering *l)
{
    int x, y;
    int64_t factors[2];
    SSG_TRY(ssg_lower_input(l, 0, &x));
    ssg_shape in = ssg_lower_shape(l, x);
    if (in.rank != 4) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "its input has %d dimensions, not 4: only images are supported", in.rank);
    if (!attribute_is(l->node, "mode", "nearest", "nearest")) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "only mode 'nearest' is supported");
    int asymmetric = attribute_is(l->node, "coordinate_transformation_mode", l->model->opset < 11 ? "asymmetric" : "half_pixel", "asymmetric");
    int floored = attribute_is(l->node, "nearest_mode", l->model->opset < 11 ? "floor" : "round_prefer_floor", "floor");
    int half_pixel = attribute_is(l->node, "coordinate_transformation_mode", "half_pixel", "half_pixel");
    if (!(asymmetric && floored) && !(half_pixel && !attribute_is(l->node, "nearest_mode", "round_prefer_floor", "ceil") && !floored))
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "only coordinates 'asymmetric' with 'floor', or 'half_pixel' with rounding, are supported");
    SSG_TRY(read_factors(l, &in, factors));
    ssg_shape apart = {6, {in.dims[0], in.dims[1], in.dims[2], 1, in.dims[3], 1}}, repeated = apart, out = in;
    for (int i = 0; i < 2; i++) {
        repeated.dims[3 + 2 * i] = factors[i];
        out.dims[2 + i] *= factors[i];
    }
    SSG_TRY(ssg_lower_reshape(l, x, &apart, &y));
    if (!ssg_shape_equal(&apart, &repeated)) SSG_TRY(ssg_lower_emit(l, (ssg_op){.kind = SSG_OP_BROADCAST, .alpha = 1}, &y, 1, &repeated, &y));
    SSG_TRY(ssg_lower_reshape(l, y, &out, &y));
    return ssg_lower_result(l, 0, y);
}
