/* Sums and means over axes and their gradient, softmax, local response normalisation. */
#include "host/device/cuda/cuda.h"

static ssgcam_status run_reduce(const ssg_step *step, const ssg_step_io *io)
{
    const ssg_placed *from = &step->inputs[0], *to = &step->output;
    const ssg_shape *in = &from->shape, *out = &to->shape;
    ssg_net_axes summed = ssg_cuda_axes(in);
    ssg_net_strides along = ssg_cuda_strides(from), kept = along;
    for (int i = 0; i < in->rank; i++) {
        int over = in->dims[i] != out->dims[i];
        summed.dims[i] = over ? in->dims[i] : 1;
        if (over) kept.along[i] = 0;
    }
    float factor = step->op.mean ? (float)((double)ssg_shape_count(out) / (double)ssg_shape_count(in)) : 1;
    ssg_net_axes axes = ssg_cuda_order_axes(ssg_cuda_axes(out), to);
    kept = ssg_cuda_order_strides(kept, to);
    ssg_net_reduce(&step->cuda->base.run, ssg_cuda_element(to), io->output, &axes, io->inputs[0], &kept, &summed, &along, factor);
    return SSGCAM_OK;
}

static ssgcam_status run_broadcast(const ssg_step *step, const ssg_step_io *io)
{
    const ssg_placed *to = &step->output;
    const ssg_shape *in = &step->inputs[0].shape, *out = &to->shape;
    ssg_net_axes axes = ssg_cuda_order_axes(ssg_cuda_axes(out), to);
    ssg_net_strides dense = ssg_cuda_strides(&step->inputs[0]), strides = {{0}};
    int shift = out->rank - in->rank;
    for (int i = shift; i < out->rank; i++) strides.along[i] = in->dims[i - shift] == 1 ? 0 : dense.along[i - shift];
    strides = ssg_cuda_order_strides(strides, to);
    ssg_net_broadcast(&step->cuda->base.run, ssg_cuda_element(to), io->output, &axes, io->inputs[0], &strides, step->op.alpha);
    return SSGCAM_OK;
}

/* A sum stays as its terms are. What it hands back becomes an image as the operators before it will want it. */
ssgcam_status ssg_cuda_make_reduce(ssg_step *step, ssg_step_request *r)
{
    int broadcast = r->op->kind == SSG_OP_BROADCAST;
    step->run = broadcast ? run_broadcast : run_reduce;
    ssg_cuda_place_like(&r->output, &r->inputs[0]);
    if (broadcast && r->output.shape.rank == 4 && ssg_cuda_narrow(r->precision)) ssg_placed_set(&r->output, SSG_LAYOUT_NHWC, r->precision);
    ssg_placed_set(&r->inputs[0], r->inputs[0].layout, r->output.precision);
    return SSGCAM_OK;
}

static ssgcam_status run_softmax(const ssg_step *step, const ssg_step_io *io)
{
    const ssg_shape *shape = &step->output.shape;
    size_t extent = (size_t)shape->dims[step->op.axis], inner = 1, lines = ssg_shape_count(shape) / extent;
    for (int i = step->op.axis + 1; i < shape->rank; i++) inner *= (size_t)shape->dims[i];
    if (step->op.kind == SSG_OP_SOFTMAX)
        ssg_net_softmax(&step->cuda->base.run, io->output, io->inputs[0], lines, extent, inner, step->op.log);
    else
        ssg_net_softmax_backward(&step->cuda->base.run, io->output, io->inputs[0], io->inputs[1], lines, ssg_cuda_count(&step->inputs[1]) / extent,
                                 extent, inner, step->op.log);
    return SSGCAM_OK;
}

ssgcam_status ssg_cuda_make_softmax(ssg_step *step, ssg_step_request *r)
{
    step->run = run_softmax;
    for (int i = 0; i < r->op->input_count; i++) ssg_cuda_place_plain(&r->inputs[i]);
    ssg_cuda_place_plain(&r->output);
    return SSGCAM_OK;
}

static ssgcam_status run_lrn(const ssg_step *step, const ssg_step_io *io)
{
    int backward = step->op.kind == SSG_OP_LRN_BACKWARD;
    const int64_t *d = step->output.shape.dims;
    ssg_net_lrn lrn = {.out = io->output,
                       .x = io->inputs[backward],
                       .dy = backward ? io->inputs[0] : NULL,
                       .rows = (size_t)d[0],
                       .images = (size_t)step->inputs[backward].shape.dims[0],
                       .channels = (size_t)d[1],
                       .pixels = (size_t)(d[2] * d[3]),
                       .size = (size_t)step->op.size,
                       .alpha = step->op.alpha,
                       .beta = step->op.beta,
                       .k = step->op.bias_k};
    ssg_net_lrn_run(&step->cuda->base.run, &lrn);
    return SSGCAM_OK;
}

ssgcam_status ssg_cuda_make_lrn(ssg_step *step, ssg_step_request *r)
{
    step->run = run_lrn;
    for (int i = 0; i < r->op->input_count; i++) ssg_cuda_place_plain(&r->inputs[i]);
    ssg_cuda_place_plain(&r->output);
    return SSGCAM_OK;
}
