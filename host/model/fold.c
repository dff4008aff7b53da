#include "host/model/fold.h"

#include <math.h>
#include <string.h>

#include "host/model/geometry.h"

typedef struct fold_call {
    const ssg_node *node;
    ssg_const *const *inputs;
    int64_t opset;
} fold_call;

static ssg_const *input(const fold_call *call, int i)
{
    return i < call->node->input_count ? call->inputs[i] : NULL;
}

static ssgcam_status need(const fold_call *call, int count)
{
    for (int i = 0; i < count; i++)
        if (!input(call, i)) return ssg_fail(SSGCAM_ERR_INPUT, "input %d is missing", i);
    return SSGCAM_OK;
}

static ssgcam_status create(ssg_const **out, ssg_const_type type, const ssg_shape *shape)
{
    SSG_TRY(ssg_shape_check(shape, "a constant"));
    /* Only shape arithmetic and weights are folded; a larger constant is a hostile ConstantOfShape or Expand. */
    if (ssg_shape_count(shape) > (size_t)1 << 28) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "a constant of more than 2^28 elements");
    *out = ssg_const_create(type, shape);
    return *out ? SSGCAM_OK : SSGCAM_ERR_MEMORY;
}

static void set_number(ssg_const *constant, size_t i, double value)
{
    if (constant->type == SSG_CONST_F32)
        constant->f32[i] = (float)value;
    else if (value >= 9.2e18 || value <= -9.2e18 || isnan(value))
        constant->i64[i] = value > 0 ? INT64_MAX : INT64_MIN;
    else
        constant->i64[i] = (int64_t)value;
}

static void copy_element(ssg_const *to, size_t i, const ssg_const *from, size_t j)
{
    if (to->type == SSG_CONST_F32)
        to->f32[i] = from->f32[j];
    else
        to->i64[i] = from->i64[j];
}

/* ---- sources of constants --------------------------------------------------------------------------------------- */

static ssgcam_status fold_constant(ssg_const **out, const fold_call *call)
{
    static const ssg_shape scalar = {0};
    const ssg_attribute *value;
    if ((value = ssg_node_attribute(call->node, "value")) && value->tensor) {
        *out = ssg_const_retain(value->tensor);
    } else if ((value = ssg_node_attribute(call->node, "value_float"))) {
        SSG_TRY(create(out, SSG_CONST_F32, &scalar));
        (*out)->f32[0] = value->f;
    } else if ((value = ssg_node_attribute(call->node, "value_int"))) {
        SSG_TRY(create(out, SSG_CONST_I64, &scalar));
        (*out)->i64[0] = value->i;
    } else if ((value = ssg_node_attribute(call->node, "value_ints")) && value->type == SSG_ATTRIBUTE_INTS) {
        SSG_TRY(create(out, SSG_CONST_I64, &(ssg_shape){1, {(int64_t)value->count}}));
        if (value->count) memcpy((*out)->i64, value->ints, value->count * sizeof(int64_t));
    } else if ((value = ssg_node_attribute(call->node, "value_floats")) && value->type == SSG_ATTRIBUTE_FLOATS) {
        SSG_TRY(create(out, SSG_CONST_F32, &(ssg_shape){1, {(int64_t)value->count}}));
        if (value->count) memcpy((*out)->f32, value->floats, value->count * sizeof(float));
    } else {
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "a Constant without a numeric value");
    }
    return SSGCAM_OK;
}

static ssgcam_status fold_constant_of_shape(ssg_const **out, const fold_call *call)
{
    SSG_TRY(need(call, 1));
    ssg_shape shape;
    SSG_TRY(ssg_geometry_shape_from(&shape, input(call, 0)));
    const ssg_attribute *value = ssg_node_attribute(call->node, "value");
    const ssg_const *fill = value && value->tensor && ssg_shape_count(&value->tensor->shape) == 1 ? value->tensor : NULL;
    SSG_TRY(create(out, fill ? fill->type : SSG_CONST_F32, &shape));
    const size_t count = ssg_shape_count(&shape);
    const double number = fill ? ssg_const_number(fill, 0) : 0;
    for (size_t i = 0; i < count; i++) set_number(*out, i, number);
    return SSGCAM_OK;
}

static ssgcam_status fold_range(ssg_const **out, const fold_call *call)
{
    SSG_TRY(need(call, 3));
    for (int i = 0; i < 3; i++)
        if (ssg_shape_count(&input(call, i)->shape) != 1) return ssg_fail(SSGCAM_ERR_INPUT, "Range needs three scalars");
    double start = ssg_const_number(input(call, 0), 0), limit = ssg_const_number(input(call, 1), 0), delta = ssg_const_number(input(call, 2), 0);
    double length = delta != 0 ? ceil((limit - start) / delta) : -1;
    if (!(length >= 0 && length < 1e9)) return ssg_fail(SSGCAM_ERR_INPUT, "Range from %g to %g by %g", start, limit, delta);
    SSG_TRY(create(out, input(call, 0)->type, &(ssg_shape){1, {(int64_t)length}}));
    for (size_t i = 0; i < (size_t)length; i++) set_number(*out, i, start + (double)i * delta);
    return SSGCAM_OK;
}

/* ---- arithmetic ---------------------------------------------------------------------------------------------------- */

static ssgcam_status fold_cast(ssg_const **out, const fold_call *call)
{
    SSG_TRY(need(call, 1));
    int64_t to = ssg_node_int(call->node, "to", 0);
    ssg_const_type type = to == 1 || to == 10 || to == 11 || to == 16 ? SSG_CONST_F32 : SSG_CONST_I64;
    SSG_TRY(create(out, type, &input(call, 0)->shape));
    for (size_t i = 0; i < ssg_shape_count(&(*out)->shape); i++) {
        double value = ssg_const_number(input(call, 0), i);
        set_number(*out, i, to == 9 ? value != 0 : value);
    }
    return SSGCAM_OK;
}

static double apply_unary(const char *op, double x)
{
    if (strcmp(op, "Sqrt") == 0) return sqrt(x);
    if (strcmp(op, "Neg") == 0) return -x;
    if (strcmp(op, "Exp") == 0) return exp(x);
    if (strcmp(op, "Log") == 0) return log(x);
    if (strcmp(op, "Reciprocal") == 0) return 1 / x;
    if (strcmp(op, "Floor") == 0) return floor(x);
    if (strcmp(op, "Ceil") == 0) return ceil(x);
    if (strcmp(op, "Abs") == 0) return fabs(x);
    if (strcmp(op, "Not") == 0) return x == 0;
    if (strcmp(op, "Relu") == 0) return x > 0 ? x : 0;
    return x; /* Identity, Dropout */
}

static ssgcam_status fold_unary(ssg_const **out, const fold_call *call)
{
    SSG_TRY(need(call, 1));
    SSG_TRY(create(out, input(call, 0)->type, &input(call, 0)->shape));
    for (size_t i = 0; i < ssg_shape_count(&(*out)->shape); i++)
        set_number(*out, i, apply_unary(call->node->op, ssg_const_number(input(call, 0), i)));
    return SSGCAM_OK;
}

static double apply_binary(const char *op, double a, double b, int integers)
{
    if (strcmp(op, "Add") == 0) return a + b;
    if (strcmp(op, "Sub") == 0) return a - b;
    if (strcmp(op, "Mul") == 0) return a * b;
    if (strcmp(op, "Div") == 0) return integers ? (b != 0 ? trunc(a / b) : 0) : a / b;
    if (strcmp(op, "Mod") == 0) return b != 0 ? a - b * floor(a / b) : 0;
    if (strcmp(op, "Pow") == 0) return pow(a, b);
    if (strcmp(op, "Min") == 0) return a < b ? a : b;
    if (strcmp(op, "Max") == 0) return a > b ? a : b;
    if (strcmp(op, "Equal") == 0) return a == b;
    if (strcmp(op, "Greater") == 0) return a > b;
    if (strcmp(op, "Less") == 0) return a < b;
    if (strcmp(op, "And") == 0) return a != 0 && b != 0;
    return a != 0 || b != 0; /* Or */
}

static int is_comparison(const char *op)
{
    return strcmp(op, "Equal") == 0 || strcmp(op, "Greater") == 0 || strcmp(op, "Less") == 0 || strcmp(op, "And") == 0 || strcmp(op, "Or") == 0;
}

static ssgcam_status fold_binary(ssg_const **out, const fold_call *call)
{
    SSG_TRY(need(call, 2));
    const ssg_const *a = input(call, 0), *b = input(call, 1);
    ssg_shape shape;
    SSG_TRY(ssg_shape_broadcast(&a->shape, &b->shape, &shape));
    SSG_TRY(create(out, is_comparison(call->node->op) ? SSG_CONST_I64 : a->type, &shape));
    int integers = a->type == SSG_CONST_I64;
    for (size_t i = 0; i < ssg_shape_count(&shape); i++)
        set_number(*out, i,
                   apply_binary(call->node->op, ssg_const_number(a, ssg_geometry_broadcast_index(i, &shape, &a->shape)),
                                ssg_const_number(b, ssg_geometry_broadcast_index(i, &shape, &b->shape)), integers));
    return SSGCAM_OK;
}

static ssgcam_status fold_where(ssg_const **out, const fold_call *call)
{
    SSG_TRY(need(call, 3));
    ssg_shape shape;
    SSG_TRY(ssg_shape_broadcast(&input(call, 0)->shape, &input(call, 1)->shape, &shape));
    SSG_TRY(ssg_shape_broadcast(&shape, &input(call, 2)->shape, &shape));
    SSG_TRY(create(out, input(call, 1)->type, &shape));
    for (size_t i = 0; i < ssg_shape_count(&shape); i++) {
        int chosen = ssg_const_number(input(call, 0), ssg_geometry_broadcast_index(i, &shape, &input(call, 0)->shape)) != 0 ? 1 : 2;
        set_number(*out, i, ssg_const_number(input(call, chosen), ssg_geometry_broadcast_index(i, &shape, &input(call, chosen)->shape)));
    }
    return SSGCAM_OK;
}

static ssgcam_status fold_reduce_prod(ssg_const **out, const fold_call *call)
{
    SSG_TRY(need(call, 1));
    const ssg_const *x = input(call, 0);
    if (x->shape.rank > 1) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "ReduceProd of a constant of rank %d", x->shape.rank);
    ssg_shape shape = {.rank = ssg_node_int(call->node, "keepdims", 1) ? x->shape.rank : 0, .dims = {1}};
    SSG_TRY(create(out, x->type, &shape));
    double product = 1;
    for (size_t i = 0; i < ssg_shape_count(&x->shape); i++) product *= ssg_const_number(x, i);
    set_number(*out, 0, product);
    return SSGCAM_OK;
}

/* ---- moving elements ------------------------------------------------------------------------------------------------- */

static ssgcam_status with_shape(ssg_const **out, const ssg_const *x, const ssg_shape *shape)
{
    if (ssg_shape_count(shape) != ssg_shape_count(&x->shape)) return ssg_fail(SSGCAM_ERR_INPUT, "a reshape changes the number of elements");
    SSG_TRY(create(out, x->type, shape));
    memcpy((*out)->data, x->data, ssg_shape_count(shape) * (x->type == SSG_CONST_F32 ? sizeof(float) : sizeof(int64_t)));
    return SSGCAM_OK;
}

static ssgcam_status fold_reshape(ssg_const **out, const fold_call *call)
{
    SSG_TRY(need(call, 1));
    ssg_shape shape;
    SSG_TRY(ssg_geometry_reshape(&shape, call->node, &input(call, 0)->shape, input(call, 1)));
    return with_shape(out, input(call, 0), &shape);
}

static ssgcam_status fold_squeeze(ssg_const **out, const fold_call *call)
{
    SSG_TRY(need(call, 1));
    ssg_shape shape;
    if (strcmp(call->node->op, "Squeeze") == 0)
        SSG_TRY(ssg_geometry_squeeze(&shape, call->node, &input(call, 0)->shape, input(call, 1)));
    else
        SSG_TRY(ssg_geometry_unsqueeze(&shape, call->node, &input(call, 0)->shape, input(call, 1)));
    return with_shape(out, input(call, 0), &shape);
}

static ssgcam_status fold_flatten(ssg_const **out, const fold_call *call)
{
    SSG_TRY(need(call, 1));
    ssg_shape shape;
    SSG_TRY(ssg_geometry_flatten(&shape, call->node, &input(call, 0)->shape));
    return with_shape(out, input(call, 0), &shape);
}

static ssgcam_status fold_transpose(ssg_const **out, const fold_call *call)
{
    SSG_TRY(need(call, 1));
    const ssg_const *x = input(call, 0);
    int perm[SSG_MAX_RANK];
    ssg_shape shape;
    SSG_TRY(ssg_geometry_transpose(&shape, perm, call->node, &x->shape));
    SSG_TRY(create(out, x->type, &shape));
    int64_t strides[SSG_MAX_RANK], moved[SSG_MAX_RANK];
    ssg_geometry_strides(strides, &x->shape);
    for (int i = 0; i < shape.rank; i++) moved[i] = strides[perm[i]];
    for (size_t i = 0; i < ssg_shape_count(&shape); i++) copy_element(*out, i, x, ssg_geometry_strided_index(i, &shape, moved));
    return SSGCAM_OK;
}

static ssgcam_status fold_expand(ssg_const **out, const fold_call *call)
{
    SSG_TRY(need(call, 2));
    const ssg_const *x = input(call, 0);
    ssg_shape target, shape;
    SSG_TRY(ssg_geometry_shape_from(&target, input(call, 1)));
    SSG_TRY(ssg_shape_broadcast(&x->shape, &target, &shape));
    SSG_TRY(create(out, x->type, &shape));
    for (size_t i = 0; i < ssg_shape_count(&shape); i++) copy_element(*out, i, x, ssg_geometry_broadcast_index(i, &shape, &x->shape));
    return SSGCAM_OK;
}

static ssgcam_status fold_gather(ssg_const **out, const fold_call *call)
{
    SSG_TRY(need(call, 2));
    const ssg_const *x = input(call, 0), *indices = input(call, 1);
    int64_t axis = ssg_node_int(call->node, "axis", 0);
    if (axis < 0) axis += x->shape.rank;
    if (axis < 0 || axis >= x->shape.rank || x->shape.rank - 1 + indices->shape.rank > SSG_MAX_RANK)
        return ssg_fail(SSGCAM_ERR_INPUT, "Gather along axis %lld of a rank %d constant", (long long)axis, x->shape.rank);
    ssg_shape shape = {.rank = x->shape.rank - 1 + indices->shape.rank};
    size_t outer = 1, inner = 1, extent = (size_t)x->shape.dims[axis], taken = ssg_shape_count(&indices->shape);
    for (int i = 0, at = 0; i < x->shape.rank; i++) {
        if (i == axis)
            for (int j = 0; j < indices->shape.rank; j++) shape.dims[at++] = indices->shape.dims[j];
        else
            shape.dims[at++] = x->shape.dims[i];
        if (i < axis) outer *= (size_t)x->shape.dims[i];
        if (i > axis) inner *= (size_t)x->shape.dims[i];
    }
    SSG_TRY(create(out, x->type, &shape));
    for (size_t o = 0; o < outer; o++)
        for (size_t t = 0; t < taken; t++) {
            double wanted = ssg_const_number(indices, t);
            if (wanted < 0) wanted += (double)extent;
            if (!(wanted >= 0 && wanted < (double)extent)) return ssg_fail(SSGCAM_ERR_INPUT, "Gather index %g is outside 0..%zu", wanted, extent);
            for (size_t k = 0; k < inner; k++) copy_element(*out, (o * taken + t) * inner + k, x, (o * extent + (size_t)wanted) * inner + k);
        }
    return SSGCAM_OK;
}

static ssgcam_status fold_concat(ssg_const **out, const fold_call *call)
{
    SSG_TRY(need(call, call->node->input_count > 0 ? call->node->input_count : 1));
    const ssg_const *first = input(call, 0);
    int64_t axis = ssg_node_int(call->node, "axis", 0);
    if (axis < 0) axis += first->shape.rank;
    if (axis < 0 || axis >= first->shape.rank)
        return ssg_fail(SSGCAM_ERR_INPUT, "Concat along axis %lld of a rank %d constant", (long long)axis, first->shape.rank);
    ssg_shape shape = first->shape;
    shape.dims[axis] = 0;
    for (int i = 0; i < call->node->input_count; i++) {
        const ssg_shape *part = &input(call, i)->shape;
        for (int d = 0; d < shape.rank; d++)
            if (part->rank != shape.rank || input(call, i)->type != first->type || (d != axis && part->dims[d] != shape.dims[d]))
                return ssg_fail(SSGCAM_ERR_INPUT, "Concat of constants of different shapes or types");
        shape.dims[axis] += part->dims[axis];
    }
    SSG_TRY(create(out, first->type, &shape));
    size_t inner = 1, outer = 1, total = (size_t)shape.dims[axis], at = 0;
    for (int i = 0; i < shape.rank; i++) {
        if (i < axis) outer *= (size_t)shape.dims[i];
        if (i > axis) inner *= (size_t)shape.dims[i];
    }
    for (int i = 0; i < call->node->input_count; i++) {
        size_t extent = (size_t)input(call, i)->shape.dims[axis];
        for (size_t o = 0; o < outer; o++)
            for (size_t k = 0; k < extent * inner; k++) copy_element(*out, (o * total + at) * inner + k, input(call, i), o * extent * inner + k);
        at += extent;
    }
    return SSGCAM_OK;
}

static ssgcam_status fold_slice(ssg_const **out, const fold_call *call)
{
    SSG_TRY(need(call, 1));
    const ssg_const *x = input(call, 0);
    ssg_shape shape;
    int64_t starts[SSG_MAX_RANK], steps[SSG_MAX_RANK], strides[SSG_MAX_RANK], stepped[SSG_MAX_RANK];
    SSG_TRY(ssg_geometry_slice(&shape, starts, steps, call->node, &x->shape, input(call, 1), input(call, 2), input(call, 3), input(call, 4)));
    SSG_TRY(create(out, x->type, &shape));
    ssg_geometry_strides(strides, &x->shape);
    size_t base = 0;
    for (int i = 0; i < shape.rank; i++) {
        base += (size_t)(starts[i] * strides[i]);
        stepped[i] = steps[i] * strides[i];
    }
    for (size_t i = 0; i < ssg_shape_count(&shape); i++) copy_element(*out, i, x, base + ssg_geometry_strided_index(i, &shape, stepped));
    return SSGCAM_OK;
}

/* ---- the table ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *op;
    ssgcam_status (*fold)(ssg_const **, const fold_call *);
} folds[] = {
    {"Constant", fold_constant},
    {"ConstantOfShape", fold_constant_of_shape},
    {"Range", fold_range},
    {"Cast", fold_cast},
    {"Sqrt", fold_unary},
    {"Neg", fold_unary},
    {"Exp", fold_unary},
    {"Log", fold_unary},
    {"Reciprocal", fold_unary},
    {"Floor", fold_unary},
    {"Ceil", fold_unary},
    {"Abs", fold_unary},
    {"Not", fold_unary},
    {"Relu", fold_unary},
    {"Identity", fold_unary},
    {"Dropout", fold_unary},
    {"Add", fold_binary},
    {"Sub", fold_binary},
    {"Mul", fold_binary},
    {"Div", fold_binary},
    {"Mod", fold_binary},
    {"Pow", fold_binary},
    {"Min", fold_binary},
    {"Max", fold_binary},
    {"Equal", fold_binary},
    {"Greater", fold_binary},
    {"Less", fold_binary},
    {"And", fold_binary},
    {"Or", fold_binary},
    {"Where", fold_where},
    {"ReduceProd", fold_reduce_prod},
    {"Reshape", fold_reshape},
    {"Squeeze", fold_squeeze},
    {"Unsqueeze", fold_squeeze},
    {"Flatten", fold_flatten},
    {"Transpose", fold_transpose},
    {"Expand", fold_expand},
    {"Gather", fold_gather},
    {"Concat", fold_concat},
    {"Slice", fold_slice},
};

int ssg_fold_supports(const char *op)
{
    for (size_t i = 0; i < sizeof folds / sizeof *folds; i++)
        if (strcmp(folds[i].op, op) == 0) return 1;
    return 0;
}

ssgcam_status ssg_fold(ssg_const **output, const ssg_node *node, ssg_const *const *inputs, int64_t opset)
{
    *output = NULL;
    fold_call call = {node, inputs, opset};
    for (size_t i = 0; i < sizeof folds / sizeof *folds; i++) {
        if (strcmp(folds[i].op, node->op) != 0) continue;
        ssgcam_status status = folds[i].fold(output, &call);
        if (status != SSGCAM_OK) {
            ssg_const_release(*output);
            *output = NULL;
        }
        return status;
    }
    return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "not supported on constants");
}
