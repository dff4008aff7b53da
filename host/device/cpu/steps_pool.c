/* Max pool on oneDNN; average pool as plain loops, because its divisor has three conventions of which oneDNN knows two. */
#include <string.h>

#include "host/device/cpu/cpu.h"

/* ---- max ---------------------------------------------------------------------------------------------------------------- */

static ssgcam_status run_maxpool(const ssg_step *step, const ssg_step_io *io)
{
    return ssg_dnn_run(step->primitive, io->inputs[0], io->output, io->positions, NULL);
}

/* The positions belong to N images; the gradients may have a multiple of N rows, class by class. */
static ssgcam_status run_maxpool_backward(const ssg_step *step, const ssg_step_io *io)
{
    size_t classes = (size_t)(step->inputs[0].shape.dims[0] / step->inputs[1].shape.dims[0]);
    size_t in_bytes = step->inputs[0].bytes / classes, out_bytes = step->output.bytes / classes;
    for (size_t c = 0; c < classes; c++)
        SSG_TRY(ssg_dnn_run(step->primitive, (const char *)io->inputs[0] + c * in_bytes, (char *)io->output + c * out_bytes, (void *)io->inputs[1],
                            NULL));
    return SSGCAM_OK;
}

/* Inputs of the backward step: the gradient, and the positions (of the forward output's shape). */
ssgcam_status ssg_step_make_maxpool(ssg_step *step, ssg_step_request *r)
{
    if (r->op->kind == SSG_OP_MAXPOOL) {
        step->run = run_maxpool;
        return ssg_dnn_maxpool(&step->primitive, step->cpu->dnn, r->op, r->with_positions, &r->inputs[0], &r->output, &r->positions);
    }
    step->run = run_maxpool_backward;
    /* oneDNN reads its positions in the layout in which it wrote them: that of the forward pass. */
    ssg_placed_set(&r->inputs[0], r->positions.layout, r->positions.precision);
    ssg_placed_set(&r->output, r->positions.layout, r->positions.precision);
    ssg_placed small = r->inputs[0], large = r->output;
    small.shape.dims[0] = large.shape.dims[0] = r->inputs[1].shape.dims[0];
    ssg_placed_measure(&small);
    ssg_placed_measure(&large);
    return ssg_dnn_maxpool_backward(&step->primitive, step->cpu->dnn, r->op, &large, &small);
}

/* ---- average ------------------------------------------------------------------------------------------------------------- */

typedef struct average {
    const ssg_step *step;
    const float *in;
    float *out;
    const ssg_placed *large, *small;
} average;

/* The part of the window at output position `at` that lies inside the image, and the number it divides by along this axis. */
static void window_span(const ssg_op *op, int axis, int64_t at, int64_t extent, int64_t *from, int64_t *to, int64_t *counted)
{
    const ssg_window *w = &op->window;
    int64_t start = at * w->stride[axis] - w->pads[axis], end = start + w->kernel[axis];
    int64_t padded_end = extent + w->pads[2 + axis]; /* what ceil_mode reaches beyond the padding never counts */
    *counted = (end < padded_end ? end : padded_end) - start;
    *from = start > 0 ? start : 0;
    *to = end < extent ? end : extent;
    if (!op->count_include_pad) *counted = *to - *from;
}

/* Planes are (row, channel block); each is [height][width][block]. */
static void average_planes(const void *context, size_t first, size_t last)
{
    const average *a = context;
    const ssg_op *op = &a->step->op;
    int backward = op->kind == SSG_OP_AVGPOOL_BACKWARD;
    ssg_view large = ssg_view_of(a->large), small = ssg_view_of(a->small);
    int64_t H = a->large->shape.dims[2], W = a->large->shape.dims[3], h = a->small->shape.dims[2], w = a->small->shape.dims[3];
    size_t block = large.block;
    for (size_t plane = first; plane < last; plane++) {
        const float *in = a->in + plane * (backward ? small : large).pixels * block;
        float *out = a->out + plane * (backward ? large : small).pixels * block;
        memset(out, 0, (backward ? large : small).pixels * block * sizeof *out);
        for (int64_t y = 0; y < h; y++)
            for (int64_t x = 0; x < w; x++) {
                int64_t y0, y1, x0, x1, rows, columns;
                window_span(op, 0, y, H, &y0, &y1, &rows);
                window_span(op, 1, x, W, &x0, &x1, &columns);
                float share = 1.0f / (float)(rows * columns);
                const float *from_small = in + (size_t)(y * w + x) * block;
                float *to_small = out + (size_t)(y * w + x) * block;
                for (int64_t yy = y0; yy < y1; yy++)
                    for (int64_t xx = x0; xx < x1; xx++)
                        if (backward)
                            for (size_t c = 0; c < block; c++) out[(size_t)(yy * W + xx) * block + c] += from_small[c] * share;
                        else
                            for (size_t c = 0; c < block; c++) to_small[c] += in[(size_t)(yy * W + xx) * block + c] * share;
            }
    }
}

static ssgcam_status run_average(const ssg_step *step, const ssg_step_io *io)
{
    int backward = step->op.kind == SSG_OP_AVGPOOL_BACKWARD;
    average a = {step, io->inputs[0], io->output, backward ? &step->output : &step->inputs[0], backward ? &step->inputs[0] : &step->output};
    ssg_view view = ssg_view_of(a.large);
    ssg_cpu_pieces(step->cpu, view.rows * view.blocks, 1, average_planes, &a);
    return SSGCAM_OK;
}

ssgcam_status ssg_step_make_avgpool(ssg_step *step, ssg_step_request *r)
{
    step->run = run_average;
    ssg_placed_set(&r->inputs[0], r->inputs[0].layout, SSG_PRECISION_F32);
    ssg_placed_set(&r->output, r->inputs[0].layout, SSG_PRECISION_F32);
    if (r->op->window.dilation[0] == 1 && r->op->window.dilation[1] == 1) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "an average pool with dilations");
}
