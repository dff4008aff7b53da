/* Activations and arithmetic. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/model/lower.h"

/* ReLU and Clip right behind a convolution or matrix product run inside it; their derivative needs only their output. */
static ssgcam_status activate(ssg_lowering *l, int x, ssg_function function, double alpha, double beta, int *y)
{
    ssg_op *producer = function == SSG_FUNCTION_RELU || function == SSG_FUNCTION_CLIP ? ssg_lower_open_producer(l, x) : NULL;
    if (!producer) return ssg_lower_unary(l, x, function, alpha, beta, y);
    producer->function = function;
    producer->alpha = (float)alpha;
    producer->beta = (float)beta;
    ssg_lower_hide(l, x);
    *y = x;
    return SSGCAM_OK;
}

ssgcam_status ssg_lower_activation(ssg_lowering *l)
{
    static const struct {
        const char *op;
        ssg_function function;
        double alpha, beta; /* defaults of the attributes */
    } table[] = {{"Abs", SSG_FUNCTION_ABS, 0, 0},
                 {"Elu", SSG_FUNCTION_ELU, 1, 0},
                 {"Erf", SSG_FUNCTION_ERF, 0, 0},
                 {"Exp", SSG_FUNCTION_EXP, 0, 0},
                 {"HardSigmoid", SSG_FUNCTION_HARDSIGMOID, 0.2, 0.5},
                 {"HardSwish", SSG_FUNCTION_HARDSWISH, 0, 0},
                 {"LeakyRelu", SSG_FUNCTION_LEAKY_RELU, 0.01, 0},
                 {"Log", SSG_FUNCTION_LOG, 0, 0},
                 {"Reciprocal", SSG_FUNCTION_RECIPROCAL, 0, 0},
                 {"Relu", SSG_FUNCTION_RELU, 0, 0},
                 {"Sigmoid", SSG_FUNCTION_SIGMOID, 0, 0},
                 {"Softplus", SSG_FUNCTION_SOFTPLUS, 0, 0},
                 {"Sqrt", SSG_FUNCTION_SQRT, 0, 0},
                 {"Tanh", SSG_FUNCTION_TANH, 0, 0}};
    int x, y;
    SSG_TRY(ssg_lower_input(l, 0, &x));
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].op, l->node->op) == 0) {
            SSG_TRY(activate(l, x, table[i].function, ssg_node_float(l->node, "alpha", table[i].alpha),
                             ssg_node_float(l->node, "beta", table[i].beta), &y));
            return ssg_lower_result(l, 0, y);
        }
    if (strcmp(l->node->op, "Neg") == 0) {
        SSG_TRY(ssg_lower_scale(l, x, -1, 0, &y));
    } else if (strcmp(l->node->op, "Selu") == 0) { /* gamma * elu(x) */
        SSG_TRY(ssg_lower_unary(l, x, SSG_FUNCTION_ELU, ssg_node_float(l->node, "alpha", 1.67326319217681884765625), 0, &y));
        SSG_TRY(ssg_lower_scale(l, y, ssg_node_float(l->node, "gamma", 1.05070102214813232421875), 0, &y));
    } else { /* Mish: x tanh(softplus(x)) */
        SSG_TRY(ssg_lower_unary(l, x, SSG_FUNCTION_SOFTPLUS, 0, 0, &y));
        SSG_TRY(ssg_lower_unary(l, y, SSG_FUNCTION_TANH, 0, 0, &y));
        SSG_TRY(ssg_lower_binary(l, x, y, SSG_BINARY_MUL, &y));
    }
    return ssg_lower_result(l, 0, y);
}

ssgcam_status ssg_lower_gelu(ssg_lowering *l)
{
    int x, y;
    const ssg_attribute *approximate = ssg_node_attribute(l->node, "approximate");
    const char *form = approximate && approximate->s ? approximate->s : "none";
    SSG_TRY(ssg_lower_input(l, 0, &x));
    if (strcmp(form, "none") == 0) {
        SSG_TRY(ssg_lower_unary(l, x, SSG_FUNCTION_GELU, 0, 0, &y));
    } else if (strcmp(form, "tanh") == 0) { /* x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2 */
        SSG_TRY(ssg_lower_binary(l, x, x, SSG_BINARY_MUL, &y));
        SSG_TRY(ssg_lower_scale(l, y, 0.044715, 1, &y));
        SSG_TRY(ssg_lower_binary(l, x, y, SSG_BINARY_MUL, &y));
        SSG_TRY(ssg_lower_scale(l, y, sqrt(M_2_PI), 0, &y));
        SSG_TRY(ssg_lower_unary(l, y, SSG_FUNCTION_TANH, 0, 0, &y));
        SSG_TRY(ssg_lower_scale(l, y, 0.5, 0.5, &y));
        SSG_TRY(ssg_lower_binary(l, x, y, SSG_BINARY_MUL, &y));
    } else {
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "approximate is '%s'; 'none' and 'tanh' are supported", form);
    }
    return ssg_lower_result(l, 0, y);
}

static ssgcam_status limit(ssg_lowering *l, int input, const char *attribute, double otherwise, double *value)
{
    *value = ssg_node_float(l->node, attribute, otherwise);
    if (!ssg_lower_has(l, input)) return SSGCAM_OK;
    ssg_const *constant;
    SSG_TRY(ssg_lower_weights(l, input, "limit", &constant));
    if (ssg_shape_count(&constant->shape) != 1) return ssg_fail(SSGCAM_ERR_INPUT, "its limits must be scalars");
    *value = constant->f32[0];
    return SSGCAM_OK;
}

ssgcam_status ssg_lower_clip(ssg_lowering *l)
{
    int x, y;
    double low, high;
    SSG_TRY(ssg_lower_input(l, 0, &x));
    SSG_TRY(limit(l, 1, "min", -FLT_MAX, &low));
    SSG_TRY(limit(l, 2, "max", FLT_MAX, &high));
    SSG_TRY(activate(l, x, low == 0 && high >= FLT_MAX ? SSG_FUNCTION_RELU : SSG_FUNCTION_CLIP, low, high, &y));
    return ssg_lower_result(l, 0, y);
}

/* The one axis of `shape` along which a constant varies when broadcast: -1 if it is a single number, -2 if it varies along several (or along the
 * batch). */
static int vector_axis(const ssg_const *constant, const ssg_shape *shape)
{
    const ssg_shape *own = &constant->shape;
    int axis = -1, shift = shape->rank - own->rank;
    if (ssg_shape_count(own) == 1 && shift >= 0) return -1;
    if (shift < 0) return -2;
    for (int i = 0; i < own->rank; i++) {
        if (own->dims[i] == 1) continue;
        if (axis >= 0 || own->dims[i] != shape->dims[i + shift] || i + shift == 0) return -2;
        axis = i + shift;
    }
    return axis;
}

/* PRelu(x) = relu(x) - slope * relu(-x). */
ssgcam_status ssg_lower_prelu(ssg_lowering *l)
{
    int x, positive, negative, y;
    ssg_const *slope;
    SSG_TRY(ssg_lower_input(l, 0, &x));
    SSG_TRY(ssg_lower_weights(l, 1, "slope", &slope));
    ssg_shape shape = ssg_lower_shape(l, x);
    int axis = vector_axis(slope, &shape);
    if (axis == -2) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "its slope must be one number or one per channel");
    SSG_TRY(ssg_lower_unary(l, x, SSG_FUNCTION_RELU, 0, 0, &positive));
    SSG_TRY(ssg_lower_emit(l, (ssg_op){.kind = SSG_OP_UNARY, .function = SSG_FUNCTION_CLIP, .alpha = -FLT_MAX, .beta = 0}, &x, 1, &shape, &negative));
    SSG_TRY(ssg_lower_affine(l, negative, slope, NULL, axis < 0 ? 1 : axis, &negative));
    SSG_TRY(ssg_lower_binary(l, positive, negative, SSG_BINARY_ADD, &y));
    return ssg_lower_result(l, 0, y);
}

static ssgcam_status mapped(ssg_const **out, const ssg_const *from, int reciprocal, double factor)
{
    *out = ssg_const_create(SSG_CONST_F32, &(ssg_shape){1, {(int64_t)ssg_shape_count(&from->shape)}});
    if (!*out) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < ssg_shape_count(&(*out)->shape); i++) (*out)->f32[i] = (float)(reciprocal ? factor / from->f32[i] : factor * from->f32[i]);
    return SSGCAM_OK;
}

/* x op constant and constant op x, where the constant runs along one axis. */
static ssgcam_status with_constant(ssg_lowering *l, int x, const ssg_const *constant, int axis, ssg_binary kind, int constant_first, int *y)
{
    ssg_const *vector = NULL, *minus = NULL;
    ssgcam_status status = SSGCAM_OK;
    if (axis < 0) axis = 1;
    if (kind == SSG_BINARY_DIV && constant_first) SSG_TRY(ssg_lower_unary(l, x, SSG_FUNCTION_RECIPROCAL, 0, 0, &x));
    int reciprocal = kind == SSG_BINARY_DIV && !constant_first;
    SSG_TRY_DONE(mapped(&vector, constant, reciprocal, kind == SSG_BINARY_SUB && !constant_first ? -1 : 1));
    if (kind == SSG_BINARY_MUL || kind == SSG_BINARY_DIV) {
        status = ssg_lower_affine(l, x, vector, NULL, axis, y);
    } else if (kind == SSG_BINARY_SUB && constant_first) {
        minus = ssg_const_create(SSG_CONST_F32, &(ssg_shape){1, {1}});
        if (minus) minus->f32[0] = -1;
        status = minus ? ssg_lower_affine(l, x, minus, vector, axis, y) : SSG_OUT_OF_MEMORY;
    } else {
        status = ssg_lower_affine(l, x, NULL, vector, axis, y);
    }
done:
    ssg_const_release(vector);
    ssg_const_release(minus);
    return status;
}

ssgcam_status ssg_lower_arithmetic(ssg_lowering *l)
{
    const char *op = l->node->op;
    ssg_binary kind = strcmp(op, "Add") == 0   ? SSG_BINARY_ADD
                      : strcmp(op, "Sub") == 0 ? SSG_BINARY_SUB
                      : strcmp(op, "Mul") == 0 ? SSG_BINARY_MUL
                                               : SSG_BINARY_DIV;
    int y;
    for (int i = 0; i < 2; i++) {
        ssg_const *constant = ssg_lower_constant(l, i);
        if (!constant || constant->type != SSG_CONST_F32) continue;
        int x;
        SSG_TRY(ssg_lower_input(l, 1 - i, &x));
        ssg_shape shape = ssg_lower_shape(l, x), broadcast;
        SSG_TRY(ssg_shape_broadcast(&shape, &constant->shape, &broadcast));
        int axis = vector_axis(constant, &shape);
        if (!ssg_shape_equal(&shape, &broadcast) || axis == -2) continue;
        SSG_TRY(with_constant(l, x, constant, axis, kind, i == 0, &y));
        return ssg_lower_result(l, 0, y);
    }
    int a, b;
    SSG_TRY(ssg_lower_input(l, 0, &a));
    SSG_TRY(ssg_lower_input(l, 1, &b));
    SSG_TRY(ssg_lower_binary(l, a, b, kind, &y));
    return ssg_lower_result(l, 0, y);
}

ssgcam_status ssg_lower_pow(ssg_lowering *l)
{
    int x, y;
    SSG_TRY(ssg_lower_input(l, 0, &x));
    ssg_const *exponent = ssg_lower_constant(l, 1);
    if (!exponent || ssg_shape_count(&exponent->shape) != 1) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "its exponent must be one constant number");
    double power = ssg_const_number(exponent, 0);
    if (power == 2)
        SSG_TRY(ssg_lower_binary(l, x, x, SSG_BINARY_MUL, &y));
    else
        SSG_TRY(ssg_lower_unary(l, x, power == 0.5 ? SSG_FUNCTION_SQRT : SSG_FUNCTION_POW, power, 0, &y));
    return ssg_lower_result(l, 0, y);
}

/* Sum, Mean, Max and Min of any number of tensors, pair by pair. */
ssgcam_status ssg_lower_variadic(ssg_lowering *l)
{
    const char *op = l->node->op;
    ssg_binary kind = strcmp(op, "Max") == 0 ? SSG_BINARY_MAX : strcmp(op, "Min") == 0 ? SSG_BINARY_MIN : SSG_BINARY_ADD;
    int y;
    SSG_TRY(ssg_lower_input(l, 0, &y));
    for (int i = 1; i < l->node->input_count; i++) {
        int x;
        SSG_TRY(ssg_lower_input(l, i, &x));
        SSG_TRY(ssg_lower_binary(l, y, x, kind, &y));
    }
    if (strcmp(op, "Mean") == 0) SSG_TRY(ssg_lower_scale(l, y, 1.0 / l->node->input_count, 0, &y));
    return ssg_lower_result(l, 0, y);
}
