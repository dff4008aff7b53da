/* Functions of one tensor, sums and products of two, affine maps. */
#include "host/device/cuda/cuda.h"

_Static_assert((int)SSG_NET_RELU == (int)SSG_FUNCTION_RELU && (int)SSG_NET_GELU == (int)SSG_FUNCTION_GELU &&
                   (int)SSG_NET_POW == (int)SSG_FUNCTION_POW && (int)SSG_NET_MIN == (int)SSG_BINARY_MIN,
               "the kernels' numbers of functions are the graph's");

static ssgcam_status run_unary(const ssg_step *step, const ssg_step_io *io)
{
    ssg_net_unary(&step->cuda->base.run, (int)step->op.function, step->op.alpha, step->op.beta, io->output, io->inputs[0],
                  ssg_cuda_count(&step->output));
    return SSGCAM_OK;
}

static ssgcam_status run_unary_backward(const ssg_step *step, const ssg_step_io *io)
{
    ssg_net_unary_backward(&step->cuda->base.run, (int)step->op.function, step->op.alpha, step->op.beta, io->output, io->inputs[0], io->inputs[1],
                           ssg_cuda_count(&step->output), ssg_cuda_count(&step->inputs[1]));
    return SSGCAM_OK;
}

static ssgcam_status run_unary_second(const ssg_step *step, const ssg_step_io *io)
{
    ssg_net_unary_second(&step->cuda->base.run, (int)step->op.function, step->op.alpha, io->output, io->inputs[0], ssg_cuda_count(&step->inputs[0]),
                         io->inputs[1], ssg_cuda_count(&step->inputs[1]), io->inputs[2], ssg_cuda_count(&step->output));
    return SSGCAM_OK;
}

ssgcam_status ssg_cuda_make_unary(ssg_step *step, ssg_step_request *r)
{
    int second = r->op->kind == SSG_OP_UNARY_SECOND;
    step->run = second ? run_unary_second : r->op->kind == SSG_OP_UNARY_BACKWARD ? run_unary_backward : run_unary;
    for (int i = 0; i < r->op->input_count; i++) ssg_cuda_place(&r->inputs[i]);
    ssg_cuda_place(&r->output);
    r->in_place = second ? 3 : 1;
    return SSGCAM_OK;
}

/* Strides of an operand when it is repeated to `shape`, NumPy's way; its rows may be fewer and repeat as a whole: then *rows says how many. */
static ssg_net_strides repeated(const ssg_shape *own, const ssg_shape *shape, size_t *rows)
{
    ssg_net_strides dense = ssg_cuda_strides(own), strides = {{0}};
    int shift = shape->rank - own->rank;
    for (int i = shift; i < shape->rank; i++) strides.along[i] = own->dims[i - shift] == 1 && shape->dims[i] != 1 ? 0 : dense.along[i - shift];
    *rows = shift == 0 && shape->rank > 0 && own->dims[0] > 1 && own->dims[0] < shape->dims[0] ? (size_t)own->dims[0] : 0;
    return strides;
}

static ssgcam_status run_binary(const ssg_step *step, const ssg_step_io *io)
{
    size_t a_rows, b_rows;
    const ssg_shape *shape = &step->output.shape;
    ssg_net_axes axes = ssg_cuda_axes(shape);
    ssg_net_strides a = repeated(&step->inputs[0].shape, shape, &a_rows), b = repeated(&step->inputs[1].shape, shape, &b_rows);
    ssg_net_binary(&step->cuda->base.run, (int)step->op.binary, io->output, io->inputs[0], io->inputs[1], &axes, &a, &b, a_rows, b_rows);
    return SSGCAM_OK;
}

ssgcam_status ssg_cuda_make_binary(ssg_step *step, ssg_step_request *r)
{
    step->run = run_binary;
    ssg_cuda_place(&r->inputs[0]);
    ssg_cuda_place(&r->inputs[1]);
    ssg_cuda_place(&r->output);
    if (ssg_shape_equal(&r->inputs[0].shape, &r->output.shape)) r->in_place = 1;
    return SSGCAM_OK;
}

static size_t affine_extent(const ssg_op *op, const ssg_shape *shape)
{
    return op->axis < shape->rank ? (size_t)shape->dims[op->axis] : 1;
}

static ssgcam_status run_affine(const ssg_step *step, const ssg_step_io *io)
{
    const ssg_shape *shape = &step->output.shape;
    size_t inner = 1;
    for (int i = step->op.axis + 1; i < shape->rank; i++) inner *= (size_t)shape->dims[i];
    ssg_net_affine(&step->cuda->base.run, io->output, io->inputs[0], ssg_cuda_weights_data(step->weights), ssg_cuda_weights_data(step->bias), inner,
                   affine_extent(&step->op, shape), ssg_cuda_count(&step->output));
    return SSGCAM_OK;
}

ssgcam_status ssg_cuda_make_affine(ssg_step *step, ssg_step_request *r)
{
    size_t extent = affine_extent(r->op, &r->output.shape);
    step->run = run_affine;
    ssg_cuda_place(&r->inputs[0]);
    ssg_cuda_place(&r->output);
    r->in_place = 1;
    SSG_TRY(ssg_cuda_weights_get(&step->weights, step->cuda, r->op->weights, extent));
    return ssg_cuda_weights_get(&step->bias, step->cuda, r->op->bias, extent);
}
