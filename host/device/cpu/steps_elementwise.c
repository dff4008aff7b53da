/* Functions of one tensor and affine maps. All are bound by memory; the loops are plain so that the compiler vectorises them. */
#include <math.h>
#include <string.h>

#include "host/device/cpu/cpu.h"
#include "host/device/cpu/multiversion.h"

enum { PIECE = 1 << 14 };

/* ---- functions -------------------------------------------------------------------------------------------------------------- */

static double apply(ssg_function function, double x, double alpha, double beta)
{
    switch (function) {
    case SSG_FUNCTION_NONE: return x;
    case SSG_FUNCTION_RELU: return x > 0 ? x : 0;
    case SSG_FUNCTION_CLIP: return x < alpha ? alpha : x > beta ? beta : x;
    case SSG_FUNCTION_LEAKY_RELU: return x > 0 ? x : alpha * x;
    case SSG_FUNCTION_ELU: return x > 0 ? x : alpha * expm1(x);
    case SSG_FUNCTION_SIGMOID: return 1 / (1 + exp(-x));
    case SSG_FUNCTION_HARDSIGMOID: return fmin(fmax(alpha * x + beta, 0), 1);
    case SSG_FUNCTION_HARDSWISH: return x * fmin(fmax(x / 6 + 0.5, 0), 1);
    case SSG_FUNCTION_SILU: return x / (1 + exp(-x));
    case SSG_FUNCTION_TANH: return tanh(x);
    case SSG_FUNCTION_SOFTPLUS: return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
    case SSG_FUNCTION_ERF: return erf(x);
    case SSG_FUNCTION_GELU: return x * (1 + erf(x * M_SQRT1_2)) / 2;
    case SSG_FUNCTION_EXP: return exp(x);
    case SSG_FUNCTION_LOG: return log(x);
    case SSG_FUNCTION_SQRT: return sqrt(x);
    case SSG_FUNCTION_RECIPROCAL: return 1 / x;
    case SSG_FUNCTION_ABS: return fabs(x);
    case SSG_FUNCTION_POW: return pow(x, alpha);
    }
    return x;
}

/* The derivative, from the output y or the input x as ssg_unary_backward_uses_output() says. */
static double slope(ssg_function function, double v, double alpha, double beta)
{
    switch (function) {
    case SSG_FUNCTION_NONE: return 1;
    case SSG_FUNCTION_RELU: return v > 0;
    case SSG_FUNCTION_CLIP: return v > alpha && v < beta;
    case SSG_FUNCTION_LEAKY_RELU: return v > 0 ? 1 : alpha;
    case SSG_FUNCTION_ELU: return v > 0 ? 1 : v + alpha;
    case SSG_FUNCTION_SIGMOID: return v * (1 - v);
    case SSG_FUNCTION_HARDSIGMOID: return v > 0 && v < 1 ? alpha : 0;
    case SSG_FUNCTION_HARDSWISH: return v <= -3 ? 0 : v >= 3 ? 1 : v / 3 + 0.5;
    case SSG_FUNCTION_SILU: {
        double s = 1 / (1 + exp(-v));
        return s * (1 + v * (1 - s));
    }
    case SSG_FUNCTION_TANH: return 1 - v * v;
    case SSG_FUNCTION_SOFTPLUS: return 1 / (1 + exp(-v));
    case SSG_FUNCTION_ERF: return M_2_SQRTPI * exp(-v * v);
    case SSG_FUNCTION_GELU: return (1 + erf(v * M_SQRT1_2)) / 2 + v * exp(-v * v / 2) * (M_2_SQRTPI * M_SQRT1_2 / 2);
    case SSG_FUNCTION_EXP: return v;
    case SSG_FUNCTION_LOG: return 1 / v;
    case SSG_FUNCTION_SQRT: return 0.5 / v;
    case SSG_FUNCTION_RECIPROCAL: return -v * v;
    case SSG_FUNCTION_ABS: return (v > 0) - (v < 0);
    case SSG_FUNCTION_POW: return alpha * pow(v, alpha - 1);
    }
    return 1;
}

typedef struct unary_call {
    const ssg_op *op;
    const float *x, *dy; /* backward: x is what the slope is computed from, of `saved` elements that repeat for each class */
    float *y;
    size_t saved;
} unary_call;

MULTIVERSION static void clip_pieces(float *y, const float *x, size_t count, float low, float high)
{
    for (size_t i = 0; i < count; i++) {
        float v = x[i] < low ? low : x[i];
        y[i] = v > high ? high : v;
    }
}

MULTIVERSION static void hardswish_pieces(float *y, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float gate = x[i] * (1.0f / 6) + 0.5f;
        gate = gate < 0 ? 0 : gate;
        y[i] = x[i] * (gate > 1 ? 1 : gate);
    }
}

static void unary_piece(const void *context, size_t from, size_t to)
{
    const unary_call *call = context;
    const ssg_op *op = call->op;
    if (op->function == SSG_FUNCTION_RELU)
        clip_pieces(call->y + from, call->x + from, to - from, 0, INFINITY);
    else if (op->function == SSG_FUNCTION_CLIP)
        clip_pieces(call->y + from, call->x + from, to - from, op->alpha, op->beta);
    else if (op->function == SSG_FUNCTION_HARDSWISH)
        hardswish_pieces(call->y + from, call->x + from, to - from);
    else if (op->function == SSG_FUNCTION_SIGMOID)
        for (size_t i = from; i < to; i++) call->y[i] = 1 / (1 + expf(-call->x[i]));
    else
        for (size_t i = from; i < to; i++) call->y[i] = (float)apply(op->function, call->x[i], op->alpha, op->beta);
}

MULTIVERSION static void gate_pieces(float *dx, const float *dy, const float *y, size_t count, float low, float high)
{
    for (size_t i = 0; i < count; i++) dx[i] = y[i] > low && y[i] < high ? dy[i] : 0;
}

/* bf16 keeps the sign and order of the float it was cut from, so a ReLU's gate needs no conversion. */
MULTIVERSION static void relu_gate_bf16(uint16_t *dx, const uint16_t *dy, const uint16_t *y, size_t count)
{
    for (size_t i = 0; i < count; i++) dx[i] = (int16_t)y[i] > 0 ? dy[i] : 0;
}

static void unary_backward_piece(const void *context, size_t from, size_t to)
{
    const unary_call *call = context;
    const ssg_op *op = call->op;
    while (from < to) { /* stretches within one class */
        size_t at = from % call->saved, count = to - from < call->saved - at ? to - from : call->saved - at;
        const float *v = call->x + at, *dy = call->dy + from;
        float *dx = call->y + from;
        if (op->function == SSG_FUNCTION_RELU)
            gate_pieces(dx, dy, v, count, 0, INFINITY);
        else if (op->function == SSG_FUNCTION_CLIP)
            gate_pieces(dx, dy, v, count, op->alpha, op->beta);
        else
            for (size_t i = 0; i < count; i++) dx[i] = (float)(dy[i] == 0 ? 0 : dy[i] * slope(op->function, v[i], op->alpha, op->beta));
        from += count;
    }
}

static void unary_backward_piece_bf16(const void *context, size_t from, size_t to)
{
    const unary_call *call = context;
    while (from < to) {
        size_t at = from % call->saved, count = to - from < call->saved - at ? to - from : call->saved - at;
        relu_gate_bf16((uint16_t *)call->y + from, (const uint16_t *)call->dy + from, (const uint16_t *)call->x + at, count);
        from += count;
    }
}

static ssgcam_status run_unary(const ssg_step *step, const ssg_step_io *io)
{
    unary_call call = {&step->op, io->inputs[0], NULL, io->output, 0};
    ssg_cpu_pieces(step->cpu, step->output.bytes / sizeof(float), PIECE, unary_piece, &call);
    return SSGCAM_OK;
}

static ssgcam_status run_unary_backward(const ssg_step *step, const ssg_step_io *io)
{
    int half = step->output.precision == SSG_PRECISION_BF16;
    size_t width = half ? 2 : 4;
    unary_call call = {&step->op, io->inputs[1], io->inputs[0], io->output, step->inputs[1].bytes / width};
    ssg_cpu_pieces(step->cpu, step->output.bytes / width, PIECE, half ? unary_backward_piece_bf16 : unary_backward_piece, &call);
    return SSGCAM_OK;
}

/* Padding channels hold zeros and must stay zero. */
static int keeps_zero(const ssg_op *op)
{
    if (op->function == SSG_FUNCTION_POW) return op->alpha > 0;
    return apply(op->function, 0, op->alpha, op->beta) == 0;
}

ssgcam_status ssg_step_make_unary(ssg_step *step, ssg_step_request *r)
{
    int backward = r->op->kind == SSG_OP_UNARY_BACKWARD;
    ssg_layout layout = r->inputs[backward].layout; /* backward: that of the saved tensor, which is not worth moving */
    ssg_precision precision = SSG_PRECISION_F32;
    step->run = backward ? run_unary_backward : run_unary;
    if (!backward) {
        ssg_placed_set(&r->inputs[0], layout, precision);
        if (ssg_placed_padded(&r->inputs[0]) && !keeps_zero(r->op)) layout = SSG_LAYOUT_PLAIN;
    } else if (r->op->function == SSG_FUNCTION_RELU && r->inputs[1].precision == SSG_PRECISION_BF16) {
        precision = SSG_PRECISION_BF16;
    }
    ssg_placed_set(&r->inputs[0], layout, precision);
    if (backward) ssg_placed_set(&r->inputs[1], layout, precision);
    ssg_placed_set(&r->output, layout, precision);
    r->in_place = 1;
    return SSGCAM_OK;
}

/* ---- affine --------------------------------------------------------------------------------------------------------------------- */

typedef struct affine_call {
    const ssg_step *step;
    const float *x;
    float *y;
} affine_call;

static float number(const ssg_const *vector, size_t i, float otherwise)
{
    if (!vector) return otherwise;
    return vector->f32[ssg_shape_count(&vector->shape) == 1 ? 0 : i];
}

enum { CHANNELS = 16 };

/* y = x * scale + shift for `channels` (at most CHANNELS) neighbouring channels over pixels that lie `block` apart. */
MULTIVERSION static void affine_pixels(float *y, const float *x, size_t pixels, size_t block, size_t channels, const float *scale, const float *shift)
{
    if (block == 1)
        for (size_t p = 0; p < pixels; p++) y[p] = x[p] * scale[0] + shift[0];
    else if (block == 8)
        for (size_t p = 0; p < pixels; p++)
            for (size_t c = 0; c < 8; c++) y[p * 8 + c] = x[p * 8 + c] * scale[c] + shift[c];
    else
        for (size_t p = 0; p < pixels; p++)
            for (size_t c = 0; c < channels; c++) y[p * block + c] = x[p * block + c] * scale[c] + shift[c];
}

/* Planes are (row, channel block) of an image, with the vectors along the channels. Padding channels become zero. */
static void affine_planes(const void *context, size_t first, size_t last)
{
    const affine_call *call = context;
    const ssg_op *op = &call->step->op;
    ssg_view v = ssg_view_of(&call->step->output);
    for (size_t plane = first; plane < last; plane++)
        for (size_t c = 0; c < v.block; c += CHANNELS) {
            size_t channel = plane % v.blocks * v.block + c, count = v.block - c < CHANNELS ? v.block - c : CHANNELS;
            float scale[CHANNELS], shift[CHANNELS];
            for (size_t k = 0; k < count; k++) {
                int real = channel + k < v.channels;
                scale[k] = real ? number(op->weights, channel + k, 1) : 0;
                shift[k] = real ? number(op->bias, channel + k, 0) : 0;
            }
            size_t at = plane * v.pixels * v.block + c;
            affine_pixels(call->y + at, call->x + at, v.pixels, v.block, count, scale, shift);
        }
}

static ssgcam_status run_affine_image(const ssg_step *step, const ssg_step_io *io)
{
    affine_call call = {step, io->inputs[0], io->output};
    ssg_view v = ssg_view_of(&step->output);
    ssg_cpu_pieces(step->cpu, v.rows * v.blocks, 1, affine_planes, &call);
    return SSGCAM_OK;
}

static ssgcam_status run_affine(const ssg_step *step, const ssg_step_io *io)
{
    const ssg_shape *shape = &step->output.shape;
    const float *x = io->inputs[0];
    float *y = io->output;
    size_t inner = 1, extent = step->op.axis < shape->rank ? (size_t)shape->dims[step->op.axis] : 1;
    for (int i = step->op.axis + 1; i < shape->rank; i++) inner *= (size_t)shape->dims[i];
    for (size_t i = 0; i < ssg_shape_count(shape); i++) {
        size_t at = i / inner % extent;
        y[i] = x[i] * number(step->op.weights, at, 1) + number(step->op.bias, at, 0);
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_step_make_affine(ssg_step *step, ssg_step_request *r)
{
    int image = r->output.shape.rank == 4 && r->op->axis == 1;
    ssg_layout layout = image ? r->inputs[0].layout : SSG_LAYOUT_PLAIN;
    step->run = image ? run_affine_image : run_affine;
    ssg_placed_set(&r->inputs[0], layout, SSG_PRECISION_F32);
    ssg_placed_set(&r->output, layout, SSG_PRECISION_F32);
    r->in_place = 1;
    return SSGCAM_OK;
}
