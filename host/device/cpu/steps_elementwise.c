/* Functions of one tensor, sums and products of two, affine maps. All are bound by memory; the loops are plain so that the compiler vectorises them.
 */
#include <math.h>
#include <string.h>

#include "host/device/cpu/cpu.h"
#include "host/device/cpu/multiversion.h"
#include "host/model/geometry.h"

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

/* ---- two tensors -------------------------------------------------------------------------------------------------------------- */

typedef struct binary_call {
    ssg_binary kind;
    const float *a, *b;
    float *y;
    ssg_shape shape; /* of the output, as an array of up to SSG_MAX_RANK axes */
    int64_t a_strides[SSG_MAX_RANK], b_strides[SSG_MAX_RANK];
} binary_call;

#define BINARY_LOOP(expression)             \
    for (size_t i = 0; i < count; i++) {    \
        float u = a[i * as], v = b[i * bs]; \
        y[i] = (expression);                \
    }                                       \
    break

MULTIVERSION static void binary_line(ssg_binary kind, float *y, const float *a, size_t as, const float *b, size_t bs, size_t count)
{
    if (kind == SSG_BINARY_ADD && as == 1 && bs == 1) { /* the residual sum: unit strides known to the compiler */
        for (size_t i = 0; i < count; i++) y[i] = a[i] + b[i];
        return;
    }
    switch (kind) {
    case SSG_BINARY_ADD: BINARY_LOOP(u + v);
    case SSG_BINARY_SUB: BINARY_LOOP(u - v);
    case SSG_BINARY_MUL: BINARY_LOOP(u * v);
    case SSG_BINARY_DIV: BINARY_LOOP(u / v);
    case SSG_BINARY_MAX: BINARY_LOOP(u > v ? u : v);
    case SSG_BINARY_MIN: BINARY_LOOP(u < v ? u : v);
    }
}

static void binary_lines(const void *context, size_t first, size_t last)
{
    const binary_call *call = context;
    ssg_shape outer = call->shape;
    outer.rank--;
    size_t length = (size_t)call->shape.dims[outer.rank];
    for (size_t line = first; line < last; line++)
        binary_line(call->kind, call->y + line * length, call->a + ssg_geometry_strided_index(line, &outer, call->a_strides),
                    (size_t)call->a_strides[outer.rank], call->b + ssg_geometry_strided_index(line, &outer, call->b_strides),
                    (size_t)call->b_strides[outer.rank], length);
}

/* A tensor as an array of axes: rows, then blocks/pixels/block for an image (so that one value per channel broadcasts in any layout), else its own
 * axes. */
static ssg_shape axes_of(const ssg_placed *placed)
{
    if (placed->shape.rank != 4) return placed->shape;
    ssg_view v = ssg_view_of(placed);
    return (ssg_shape){5, {(int64_t)v.rows, (int64_t)v.blocks, placed->shape.dims[2], placed->shape.dims[3], (int64_t)v.block}};
}

/* Strides of an operand when it is repeated to `shape`; along the rows it may repeat as a whole (several classes of the same images). */
static void repeat_strides(int64_t strides[SSG_MAX_RANK], const ssg_shape *own, const ssg_shape *shape)
{
    int64_t dense[SSG_MAX_RANK];
    int shift = shape->rank - own->rank;
    ssg_geometry_strides(dense, own);
    for (int i = 0; i < shape->rank; i++) strides[i] = i < shift || (own->dims[i - shift] == 1 && shape->dims[i] != 1) ? 0 : dense[i - shift];
}

static ssgcam_status run_binary(const ssg_step *step, const ssg_step_io *io)
{
    binary_call call = {.kind = step->op.binary, .shape = axes_of(&step->output)};
    ssg_shape a = axes_of(&step->inputs[0]), b = axes_of(&step->inputs[1]);
    /* Rows that repeat: run once for each stretch of the smaller operand. */
    int same_rank = a.rank == call.shape.rank && b.rank == call.shape.rank;
    int64_t rows = call.shape.dims[0], a_rows = a.rank == call.shape.rank ? a.dims[0] : rows, b_rows = b.rank == call.shape.rank ? b.dims[0] : rows;
    int64_t stretch = rows;
    if (a_rows > 1 && a_rows < stretch) stretch = a_rows;
    if (b_rows > 1 && b_rows < stretch) stretch = b_rows;
    size_t y_row = ssg_shape_count(&call.shape) / (size_t)rows, a_row = a_rows ? ssg_shape_count(&a) / (size_t)a_rows : 0,
           b_row = b_rows ? ssg_shape_count(&b) / (size_t)b_rows : 0;
    call.shape.dims[0] = stretch;
    if (a.rank == call.shape.rank && a.dims[0] > stretch) a.dims[0] = stretch;
    if (b.rank == call.shape.rank && b.dims[0] > stretch) b.dims[0] = stretch;
    repeat_strides(call.a_strides, &a, &call.shape);
    repeat_strides(call.b_strides, &b, &call.shape);
    int flat = same_rank && ssg_shape_equal(&a, &call.shape) && ssg_shape_equal(&b, &call.shape);
    for (int64_t row = 0; row < rows; row += stretch) {
        call.y = (float *)io->output + (size_t)row * y_row;
        call.a = (const float *)io->inputs[0] + (a_rows == rows ? (size_t)row * a_row : 0);
        call.b = (const float *)io->inputs[1] + (b_rows == rows ? (size_t)row * b_row : 0);
        binary_call run = call;
        if (flat) { /* one long line, cut into pieces */
            size_t count = ssg_shape_count(&call.shape), piece = PIECE;
            while (count % piece) piece /= 2;
            run.shape = (ssg_shape){2, {(int64_t)(count / piece), (int64_t)piece}};
            ssg_geometry_strides(run.a_strides, &run.shape);
            ssg_geometry_strides(run.b_strides, &run.shape);
        }
        size_t lines = ssg_shape_count(&run.shape) / (size_t)run.shape.dims[run.shape.rank - 1];
        ssg_cpu_pieces(step->cpu, lines, flat ? 1 : 64, binary_lines, &run);
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_step_make_binary(ssg_step *step, ssg_step_request *r)
{
    step->run = run_binary;
    ssg_placed *a = &r->inputs[0], *b = &r->inputs[1];
    ssg_layout layout = a->layout == SSG_LAYOUT_PLAIN ? b->layout : a->layout;
    /* A blocked layout fits if both are images with the same channels; a division would make NaN of padding. */
    if (a->shape.rank != 4 || b->shape.rank != 4 || a->shape.dims[1] != b->shape.dims[1]) layout = SSG_LAYOUT_PLAIN;
    ssg_placed_set(&r->output, layout, SSG_PRECISION_F32);
    if (r->op->binary == SSG_BINARY_DIV && ssg_placed_padded(&r->output)) layout = SSG_LAYOUT_PLAIN;
    ssg_placed_set(a, layout, SSG_PRECISION_F32);
    ssg_placed_set(b, layout, SSG_PRECISION_F32);
    ssg_placed_set(&r->output, layout, SSG_PRECISION_F32);
    if (ssg_shape_equal(&a->shape, &r->output.shape)) r->in_place = 1;
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

/* Planes are (row, channel block) of an image, with the vectors along the channels. Padding channels become zero. */
static void affine_planes(const void *context, size_t first, size_t last)
{
    const affine_call *call = context;
    const ssg_op *op = &call->step->op;
    ssg_view v = ssg_view_of(&call->step->output);
    for (size_t plane = first; plane < last; plane++) {
        size_t channel = plane % v.blocks * v.block;
        const float *x = call->x + plane * v.pixels * v.block;
        float *y = call->y + plane * v.pixels * v.block;
        for (size_t c = 0; c < v.block; c++) {
            int real = channel + c < v.channels;
            float scale = real ? number(op->weights, channel + c, 1) : 0, shift = real ? number(op->bias, channel + c, 0) : 0;
            for (size_t p = 0; p < v.pixels; p++) y[p * v.block + c] = x[p * v.block + c] * scale + shift;
        }
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
