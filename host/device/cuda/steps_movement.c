/* Operators that move elements: concat, slice, scatter (padding), transpose, reshape, reorder. */
#include "host/device/cuda/cuda.h"

static ssgcam_status run_concat(const ssg_step *step, const ssg_step_io *io)
{
    ssg_net_strides to = ssg_cuda_strides(&step->output.shape);
    int64_t at = 0;
    for (int i = 0; i < step->op.input_count; i++) {
        const ssg_shape *part = &step->more_inputs[i].shape;
        ssg_net_axes axes = ssg_cuda_axes(part);
        ssg_net_strides from = ssg_cuda_strides(part);
        ssg_net_copy(&step->cuda->base.run, (float *)io->output + at * to.along[step->op.axis], &to, io->inputs[i], &from, &axes);
        at += part->dims[step->op.axis];
    }
    return SSGCAM_OK;
}

/* The walk is over the smaller tensor; in the larger one it starts at `starts` and goes by `steps`. */
static ssgcam_status run_slice(const ssg_step *step, const ssg_step_io *io)
{
    int scatter = step->op.kind == SSG_OP_SCATTER;
    const ssg_run *run = &step->cuda->base.run;
    const ssg_placed *large = scatter ? &step->output : &step->inputs[0], *small = scatter ? &step->inputs[0] : &step->output;
    ssg_net_axes axes = ssg_cuda_axes(&small->shape);
    ssg_net_strides dense = ssg_cuda_strides(&small->shape), spread = ssg_cuda_strides(&large->shape);
    int64_t offset = 0;
    for (int i = 0; i < large->shape.rank; i++) {
        offset += step->op.starts[i] * spread.along[i];
        spread.along[i] *= step->op.steps[i];
    }
    if (scatter) {
        ssg_net_fill(run, io->output, step->op.alpha, ssg_cuda_count(large));
        ssg_net_copy(run, (float *)io->output + offset, &spread, io->inputs[0], &dense, &axes);
    } else {
        ssg_net_copy(run, io->output, &dense, (const float *)io->inputs[0] + offset, &spread, &axes);
    }
    return SSGCAM_OK;
}

static ssgcam_status run_transpose(const ssg_step *step, const ssg_step_io *io)
{
    ssg_net_axes axes = ssg_cuda_axes(&step->output.shape);
    ssg_net_strides to = ssg_cuda_strides(&step->output.shape), dense = ssg_cuda_strides(&step->inputs[0].shape), from = {{0}};
    for (int i = 0; i < axes.rank; i++) from.along[i] = dense.along[step->op.perm[i]];
    ssg_net_copy(&step->cuda->base.run, io->output, &to, io->inputs[0], &from, &axes);
    return SSGCAM_OK;
}

static ssgcam_status run_same(const ssg_step *step, const ssg_step_io *io)
{
    if (io->output == io->inputs[0]) return SSGCAM_OK;
    return ssg_cuda_check(cudaMemcpyAsync(io->output, io->inputs[0], step->output.bytes, cudaMemcpyDeviceToDevice, ssg_cuda_handle(step->cuda)),
                          "a copy on the device");
}

ssgcam_status ssg_cuda_make_movement(ssg_step *step, ssg_step_request *r)
{
    ssg_placed *inputs = r->more_inputs ? r->more_inputs : r->inputs;
    for (int i = 0; i < r->op->input_count; i++) ssg_cuda_place(&inputs[i]);
    ssg_cuda_place(&r->output);
    switch (r->op->kind) {
    case SSG_OP_CONCAT: step->run = run_concat; break;
    case SSG_OP_SLICE:
    case SSG_OP_SCATTER: step->run = run_slice; break;
    case SSG_OP_TRANSPOSE: step->run = run_transpose; break;
    default:
        step->run = run_same;
        r->in_place = 1;
        break;
    }
    return SSGCAM_OK;
}

/* All tensors of this backend are plain float32, so there is nothing to turn. */
ssgcam_status ssg_cuda_make_reorder(ssg_step *step, ssg_step_request *r)
{
    step->run = run_same;
    if (ssg_placed_same(&r->inputs[0], &r->output)) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_INTERNAL, "the CUDA backend was asked for another memory layout than its own");
}
