/* Steps that are one oneDNN primitive: convolution, matrix product, reorder. */
#include <string.h>

#include "host/device/cpu/cpu.h"

static ssgcam_status run_primitive(const ssg_step *step, const ssg_step_io *io)
{
    return ssg_dnn_run(step->primitive, io->inputs[0], io->output, io->positions, io->scratch);
}

ssgcam_status ssg_step_make_conv(ssg_step *step, ssg_step_request *r)
{
    step->run = run_primitive;
    if (r->op->kind == SSG_OP_CONV)
        return ssg_dnn_convolution(&step->primitive, step->cpu->dnn, r->op, 0, r->precision, &r->inputs[0], &r->output, &r->scratch_bytes);
    return ssg_dnn_convolution(&step->primitive, step->cpu->dnn, r->op, 1, r->precision, &r->output, &r->inputs[0], &r->scratch_bytes);
}

ssgcam_status ssg_step_make_matmul(ssg_step *step, ssg_step_request *r)
{
    step->run = run_primitive;
    ssg_placed_set(&r->inputs[0], SSG_LAYOUT_PLAIN, SSG_PRECISION_F32);
    ssg_placed_set(&r->output, SSG_LAYOUT_PLAIN, SSG_PRECISION_F32);
    const ssg_shape *shape = &r->inputs[0].shape;
    int64_t rows = (int64_t)ssg_shape_count(shape) / shape->dims[shape->rank - 1];
    return ssg_dnn_matmul(&step->primitive, step->cpu->dnn, r->op, r->op->kind == SSG_OP_MATMUL_BACKWARD, rows, &r->scratch_bytes);
}

/* Both ends are given by the planner. */
ssgcam_status ssg_step_make_reorder(ssg_step *step, ssg_step_request *r)
{
    step->run = run_primitive;
    return ssg_dnn_reorder(&step->primitive, step->cpu->dnn, &r->inputs[0], &r->output);
}
