/* Operators that move elements: concat, slice, scatter (padding), transpose, reshape, reorder. They keep the type. */
#include <string.h>

#include "host/device/cuda/cuda.h"

static ssgcam_status run_concat(const ssg_step *step, const ssg_step_io *io)
{
    ssg_net_side to = ssg_cuda_side(&step->output, io->output);
    for (int i = 0; i < step->op.input_count; i++) {
        const ssg_placed *part = &step->more_inputs[i];
        ssg_net_side from = ssg_cuda_side(part, io->inputs[i]);
        ssg_net_axes axes = ssg_cuda_axes(&part->shape);
        ssg_net_copy(&step->cuda->base.run, &to, &from, &axes, 1);
        to.first += (size_t)(part->shape.dims[step->op.axis] * to.strides.along[step->op.axis]);
    }
    return SSGCAM_OK;
}

/* The walk is over the smaller tensor; in the larger one it starts at `starts` and goes by `steps`. */
static ssgcam_status run_slice(const ssg_step *step, const ssg_step_io *io)
{
    int scatter = step->op.kind == SSG_OP_SCATTER;
    const ssg_run *run = &step->cuda->base.run;
    ssg_net_side to = ssg_cuda_side(&step->output, io->output), from = ssg_cuda_side(&step->inputs[0], io->inputs[0]);
    ssg_net_side *large = scatter ? &to : &from;
    ssg_net_axes axes = ssg_cuda_axes(scatter ? &step->inputs[0].shape : &step->output.shape);
    int64_t first = 0;
    for (int i = 0; i < axes.rank; i++) {
        first += step->op.starts[i] * large->strides.along[i];
        large->strides.along[i] *= step->op.steps[i];
    }
    if (scatter) ssg_net_fill(run, to.type, io->output, step->op.alpha, ssg_cuda_count(&step->output));
    large->first = (size_t)first;
    ssg_net_copy(run, &to, &from, &axes, 1);
    return SSGCAM_OK;
}

/* Strides of the input along the axes of the output. */
static ssg_net_strides turned(const ssg_op *op, const ssg_placed *input)
{
    ssg_net_strides dense = ssg_cuda_strides(input), strides = {{0}};
    for (int i = 0; i < input->shape.rank; i++) strides.along[i] = dense.along[op->perm[i]];
    return strides;
}

static ssgcam_status run_transpose(const ssg_step *step, const ssg_step_io *io)
{
    ssg_net_side to = ssg_cuda_side(&step->output, io->output), from = ssg_cuda_side(&step->inputs[0], io->inputs[0]);
    ssg_net_axes axes = ssg_cuda_axes(&step->output.shape);
    from.strides = turned(&step->op, &step->inputs[0]);
    ssg_net_copy(&step->cuda->base.run, &to, &from, &axes, 1);
    return SSGCAM_OK;
}

static ssgcam_status run_same(const ssg_step *step, const ssg_step_io *io)
{
    if (io->output == io->inputs[0]) return SSGCAM_OK;
    return ssg_cuda_check(cudaMemcpyAsync(io->output, io->inputs[0], step->output.bytes, cudaMemcpyDeviceToDevice, ssg_cuda_handle(step->cuda)),
                          "a copy on the device");
}

/* Between channels first and channels last it is a matter of names, where the elements lie in NHWC on one side. */
static ssgcam_status make_transpose(ssg_step *step, ssg_step_request *r)
{
    static const int to_first[4] = {0, 3, 1, 2};
    ssg_placed *in = &r->inputs[0];
    int becomes_nhwc = ssg_cuda_narrow(in->precision) && in->layout == SSG_LAYOUT_PLAIN && in->shape.rank == 4 &&
                       memcmp(r->op->perm, to_first, sizeof to_first) == 0;
    ssg_placed_set(&r->output, becomes_nhwc ? SSG_LAYOUT_NHWC : SSG_LAYOUT_PLAIN, in->precision);
    ssg_net_strides from = turned(r->op, in), to = ssg_cuda_strides(&r->output);
    int same = memcmp(&from, &to, sizeof from) == 0;
    step->run = same ? run_same : run_transpose;
    r->in_place = same;
    return SSGCAM_OK;
}

/* Channels of one pixel, or pixels of one channel, lie the same way in NCHW and NHWC. */
static int lies_plain(const ssg_placed *placed)
{
    const int64_t *d = placed->shape.dims;
    return placed->layout == SSG_LAYOUT_PLAIN || d[1] == 1 || d[2] * d[3] == 1;
}

static ssgcam_status make_reshape(ssg_step *step, ssg_step_request *r)
{
    if (!lies_plain(&r->inputs[0])) ssg_placed_set(&r->inputs[0], SSG_LAYOUT_PLAIN, r->inputs[0].precision);
    ssg_placed_set(&r->output, SSG_LAYOUT_PLAIN, r->inputs[0].precision);
    step->run = run_same;
    r->in_place = 1;
    return SSGCAM_OK;
}

/* All parts as the narrowest of them; channels last if one has it so. */
static ssgcam_status make_concat(ssg_step *step, ssg_step_request *r)
{
    ssg_placed wanted = r->more_inputs[0];
    for (int i = 1; i < r->op->input_count; i++) {
        if (r->more_inputs[i].layout == SSG_LAYOUT_NHWC) wanted.layout = SSG_LAYOUT_NHWC;
        if (ssg_cuda_narrow(r->more_inputs[i].precision)) wanted.precision = r->more_inputs[i].precision;
    }
    for (int i = 0; i < r->op->input_count; i++) ssg_cuda_place_like(&r->more_inputs[i], &wanted);
    ssg_cuda_place_like(&r->output, &wanted);
    step->run = run_concat;
    return SSGCAM_OK;
}

ssgcam_status ssg_cuda_make_movement(ssg_step *step, ssg_step_request *r)
{
    switch (r->op->kind) {
    case SSG_OP_CONCAT: return make_concat(step, r);
    case SSG_OP_TRANSPOSE: return make_transpose(step, r);
    case SSG_OP_RESHAPE: return make_reshape(step, r);
    default:
        ssg_cuda_place_like(&r->output, &r->inputs[0]);
        step->run = run_slice;
        return SSGCAM_OK;
    }
}

/* REORDER's alpha is a factor, 0 for none. */
static float factor_of(const ssg_step *step)
{
    return step->op.alpha != 0 ? step->op.alpha : 1;
}

static ssgcam_status run_reorder(const ssg_step *step, const ssg_step_io *io)
{
    ssg_net_side to = ssg_cuda_side(&step->output, io->output), from = ssg_cuda_side(&step->inputs[0], io->inputs[0]);
    ssg_net_axes axes = ssg_cuda_axes(&step->output.shape);
    ssg_net_copy(&step->cuda->base.run, &to, &from, &axes, factor_of(step));
    return SSGCAM_OK;
}

static ssgcam_status run_turn(const ssg_step *step, const ssg_step_io *io)
{
    const ssg_placed *from = &step->inputs[0], *to = &step->output;
    const int64_t *d = to->shape.dims;
    size_t channels = (size_t)d[1], pixels = (size_t)(d[2] * d[3]);
    int was_last = from->layout == SSG_LAYOUT_NHWC;
    ssg_net_turn turn = {.to = io->output,
                         .from = io->inputs[0],
                         .to_type = ssg_cuda_element(to),
                         .from_type = ssg_cuda_element(from),
                         .batch = (size_t)d[0],
                         .rows = was_last ? pixels : channels,
                         .columns = was_last ? channels : pixels,
                         .factor = factor_of(step)};
    ssg_net_turn_run(&step->cuda->base.run, &turn);
    return SSGCAM_OK;
}

ssgcam_status ssg_cuda_make_reorder(ssg_step *step, ssg_step_request *r)
{
    step->run = r->inputs[0].layout == r->output.layout ? run_reorder : run_turn;
    return SSGCAM_OK;
}
