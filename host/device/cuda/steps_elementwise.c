/* Functions of one tensor, sums and products of two, affine maps. */
#include "host/device/cuda/cuda.h"

_Static_assert((int)SSG_NET_RELU == (int)SSG_FUNCTION_RELU && (int)SSG_NET_GELU == (int)SSG_FUNCTION_GELU &&
                   (int)SSG_NET_POW == (int)SSG_FUNCTION_POW && (int)SSG_NET_MIN == (int)SSG_BINARY_MIN,
               "the kernels' numbers of functions are the graph's");

static ssgcam_status run_unary(const ssg_step *step, const ssg_step_io *io)
{
    ssg_net_unary(&step->cuda->base.run, ssg_cuda_element(&step->output), (int)step->op.function, step->op.alpha, step->op.beta, io->output,
                  io->inputs[0], ssg_cuda_count(&step->output));
    return SSGCAM_OK;
}

static ssgcam_status run_unary_backward(const ssg_step *step, const ssg_step_io *io)
{
    ssg_net_unary_backward(&step->cuda->base.run, ssg_cuda_element(&step->output), (int)step->op.function, step->op.alpha, step->op.beta, io->output,
                           io->inputs[0], io->inputs[1], ssg_cuda_count(&step->output), ssg_cuda_count(&step->inputs[1]));
    return SSGCAM_OK;
}

static ssgcam_status run_unary_second(const ssg_step *step, const ssg_step_io *io)
{
    ssg_net_unary_second(&step->cuda->base.run, (int)step->op.function, step->op.alpha, io->output, io->inputs[0], ssg_cuda_count(&step->inputs[0]),
                         io->inputs[1], ssg_cuda_count(&step->inputs[1]), io->inputs[2], ssg_cuda_count(&step->output));
    return SSGCAM_OK;
}

/* Functions whose result is no good if the argument or the result has few bits, or a small range. */
static int needs_float(ssg_function function)
{
    switch (function) {
    case SSG_FUNCTION_POW:
    case SSG_FUNCTION_EXP:
    case SSG_FUNCTION_LOG:
    case SSG_FUNCTION_SQRT:
    case SSG_FUNCTION_RECIPROCAL: return 1;
    default: return 0;
    }
}

/* A function follows its argument, a gradient what the forward pass saved. */
ssgcam_status ssg_cuda_make_unary(ssg_step *step, ssg_step_request *r)
{
    int second = r->op->kind == SSG_OP_UNARY_SECOND, backward = r->op->kind == SSG_OP_UNARY_BACKWARD;
    step->run = second ? run_unary_second : backward ? run_unary_backward : run_unary;
    ssg_placed wanted = r->inputs[backward];
    if (needs_float(r->op->function)) wanted.precision = SSG_PRECISION_F32;
    if (second) ssg_cuda_place_plain(&wanted);
    for (int i = 0; i < r->op->input_count; i++) ssg_cuda_place_like(&r->inputs[i], &wanted);
    ssg_cuda_place_like(&r->output, &wanted);
    r->in_place = second ? 3 : 1;
    return SSGCAM_OK;
}

/* Strides of an operand along the axes of `shape` when it is repeated to it, NumPy's way; its rows may be fewer and repeat as a whole: then *rows
 * says how many. */
static ssg_net_strides repeated(const ssg_placed *operand, const ssg_shape *shape, size_t *rows)
{
    const ssg_shape *own = &operand->shape;
    ssg_net_strides dense = ssg_cuda_strides(operand), strides = {{0}};
    int shift = shape->rank - own->rank;
    for (int i = shift; i < shape->rank; i++) strides.along[i] = own->dims[i - shift] == 1 && shape->dims[i] != 1 ? 0 : dense.along[i - shift];
    *rows = shift == 0 && shape->rank > 0 && own->dims[0] > 1 && own->dims[0] < shape->dims[0] ? (size_t)own->dims[0] : 0;
    return strides;
}

static ssgcam_status run_binary(const ssg_step *step, const ssg_step_io *io)
{
    size_t a_rows, b_rows;
    const ssg_placed *out = &step->output;
    ssg_net_axes axes = ssg_cuda_order_axes(ssg_cuda_axes(&out->shape), out);
    ssg_net_strides a = ssg_cuda_order_strides(repeated(&step->inputs[0], &out->shape, &a_rows), out);
    ssg_net_strides b = ssg_cuda_order_strides(repeated(&step->inputs[1], &out->shape, &b_rows), out);
    ssg_net_binary(&step->cuda->base.run, ssg_cuda_element(out), (int)step->op.binary, io->output, io->inputs[0], io->inputs[1], &axes, &a, &b,
                   a_rows, b_rows);
    return SSGCAM_OK;
}

/* As large as the output, but for rows that repeat. */
static int is_full(const ssg_placed *operand, const ssg_shape *shape)
{
    if (operand->shape.rank != shape->rank) return 0;
    for (int i = 1; i < shape->rank; i++)
        if (operand->shape.dims[i] != shape->dims[i]) return 0;
    return 1;
}

/* The wider type of the operands as large as the output, channels last if one of them has it so. A smaller operand follows in its type and keeps its
 * layout. */
ssgcam_status ssg_cuda_make_binary(ssg_step *step, ssg_step_request *r)
{
    step->run = run_binary;
    const ssg_shape *shape = &r->output.shape;
    ssg_placed wanted = r->inputs[0];
    int full[2];
    for (int i = 0; i < 2; i++) full[i] = is_full(&r->inputs[i], shape);
    if (full[1] && !full[0]) wanted = r->inputs[1];
    if (full[0] && full[1]) {
        if (r->inputs[1].layout == SSG_LAYOUT_NHWC) wanted.layout = SSG_LAYOUT_NHWC;
        if (r->inputs[1].precision == SSG_PRECISION_F32) wanted.precision = SSG_PRECISION_F32;
    }
    for (int i = 0; i < 2; i++) ssg_placed_set(&r->inputs[i], full[i] ? wanted.layout : r->inputs[i].layout, wanted.precision);
    ssg_cuda_place_like(&r->output, &wanted);
    if (ssg_shape_equal(&r->inputs[0].shape, shape)) r->in_place = 1;
    return SSGCAM_OK;
}

static size_t affine_extent(const ssg_op *op, const ssg_shape *shape)
{
    return op->axis < shape->rank ? (size_t)shape->dims[op->axis] : 1;
}

static ssgcam_status run_affine(const ssg_step *step, const ssg_step_io *io)
{
    const ssg_placed *out = &step->output;
    size_t inner = step->op.axis < out->shape.rank ? (size_t)ssg_cuda_strides(out).along[step->op.axis] : 1;
    ssg_net_affine(&step->cuda->base.run, ssg_cuda_element(out), io->output, io->inputs[0], ssg_cuda_weights_data(step->weights),
                   ssg_cuda_weights_data(step->bias), inner, affine_extent(&step->op, &out->shape), ssg_cuda_count(out));
    return SSGCAM_OK;
}

ssgcam_status ssg_cuda_make_affine(ssg_step *step, ssg_step_request *r)
{
    size_t extent = affine_extent(r->op, &r->output.shape);
    step->run = run_affine;
    ssg_cuda_place_like(&r->output, &r->inputs[0]);
    r->in_place = 1;
    SSG_TRY(ssg_cuda_weights_get(&step->weights, step->cuda, r->op->weights, extent, SSG_LAYOUT_PLAIN, SSG_PRECISION_F32));
    return ssg_cuda_weights_get(&step->bias, step->cuda, r->op->bias, extent, SSG_LAYOUT_PLAIN, SSG_PRECISION_F32);
}
