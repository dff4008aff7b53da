/* Max and average pools. Ours rather than cuDNN's: an average's divisor has three conventions of which cuDNN knows two, neither knows dilations, and
 * the gradient of a maximum needs only where it stood, not the tensors on both sides. */
#include <string.h>

#include "host/device/cuda/cuda.h"

static ssg_net_pool pool_of(const ssg_op *op, const ssg_shape *large, const ssg_shape *small, ssg_layout layout)
{
    int last = layout == SSG_LAYOUT_NHWC;
    ssg_net_pool p = {.H = large->dims[2],
                      .W = large->dims[3],
                      .h = small->dims[2],
                      .w = small->dims[3],
                      .planes = (size_t)(large->dims[0] * (last ? 1 : large->dims[1])),
                      .inner = (size_t)(last ? large->dims[1] : 1),
                      .count_include_pad = op->count_include_pad};
    memcpy(p.kernel, op->window.kernel, sizeof p.kernel);
    memcpy(p.stride, op->window.stride, sizeof p.stride);
    memcpy(p.dilation, op->window.dilation, sizeof p.dilation);
    memcpy(p.pads, op->window.pads, sizeof p.pads);
    p.saved_planes = p.planes;
    return p;
}

static ssgcam_status run_pool(const ssg_step *step, const ssg_step_io *io)
{
    const ssg_run *run = &step->cuda->base.run;
    const ssg_shape *in = &step->inputs[0].shape, *out = &step->output.shape;
    int forward = step->op.kind != SSG_OP_MAXPOOL_BACKWARD && step->op.kind != SSG_OP_AVGPOOL_BACKWARD;
    ssg_net_pool p = pool_of(&step->op, forward ? in : out, forward ? out : in, step->output.layout);
    ssg_element type = ssg_cuda_element(&step->output);
    if (step->op.input_count == 2) p.saved_planes = p.planes / (size_t)out->dims[0] * (size_t)step->inputs[1].shape.dims[0];
    switch (step->op.kind) {
    case SSG_OP_MAXPOOL_TANGENT: ssg_net_maxpool_tangent(run, &p, io->output, io->inputs[0], io->inputs[1]); break;
    case SSG_OP_MAXPOOL: ssg_net_maxpool(run, type, &p, io->output, io->positions, io->inputs[0]); break;
    case SSG_OP_AVGPOOL: ssg_net_avgpool(run, type, &p, io->output, io->inputs[0]); break;
    case SSG_OP_AVGPOOL_BACKWARD: ssg_net_avgpool_backward(run, type, &p, io->output, io->inputs[0]); break;
    default: ssg_net_maxpool_backward(run, type, &p, io->output, io->inputs[0], io->inputs[1]); break;
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_cuda_make_pool(ssg_step *step, ssg_step_request *r)
{
    int average = r->op->kind == SSG_OP_AVGPOOL || r->op->kind == SSG_OP_AVGPOOL_BACKWARD;
    if (average && (r->op->window.dilation[0] != 1 || r->op->window.dilation[1] != 1))
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "an average pool with dilations");
    step->run = run_pool;
    switch (r->op->kind) {
    case SSG_OP_MAXPOOL_BACKWARD: ssg_cuda_place_like(&r->inputs[0], &r->positions); break; /* as the forward pass had it */
    case SSG_OP_AVGPOOL_BACKWARD:                                                           /* as the operators before it will want it */
        if (ssg_cuda_narrow(r->precision)) ssg_placed_set(&r->inputs[0], SSG_LAYOUT_NHWC, r->precision);
        break;
    case SSG_OP_MAXPOOL_TANGENT:
        ssg_cuda_place_plain(&r->inputs[0]);
        ssg_cuda_place_plain(&r->inputs[1]);
        break;
    default: break;
    }
    ssg_cuda_place_like(&r->output, &r->inputs[0]);
    if (r->op->kind == SSG_OP_MAXPOOL)
        r->positions = (ssg_placed){.layout = SSG_LAYOUT_PRIVATE, .bytes = r->with_positions ? ssg_cuda_count(&r->output) * sizeof(int32_t) : 0};
    return SSGCAM_OK;
}
