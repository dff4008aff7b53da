/* The two operators that only second-order sweeps use: how the slope of a function changes, and a maximum pool applied to a tangent. */
#include <math.h>

#include "host/device/cpu/cpu.h"

/* ---- dy s'(v) t ----------------------------------------------------------------------------------------------------------------- */

/* The derivative of the slope with respect to the tensor v that it is computed from: the output or the input, as ssg_unary_backward_uses_output()
 * says. */
static double slope_change(ssg_function function, double v, double alpha)
{
    switch (function) {
    case SSG_FUNCTION_ELU: return v > 0 ? 0 : 1;
    case SSG_FUNCTION_SIGMOID: return 1 - 2 * v;
    case SSG_FUNCTION_HARDSWISH: return v > -3 && v < 3 ? 1.0 / 3 : 0;
    case SSG_FUNCTION_SILU: {
        double s = 1 / (1 + exp(-v));
        return s * (1 - s) * (2 + v * (1 - 2 * s));
    }
    case SSG_FUNCTION_TANH: return -2 * v;
    case SSG_FUNCTION_SOFTPLUS: {
        double s = 1 / (1 + exp(-v));
        return s * (1 - s);
    }
    case SSG_FUNCTION_ERF: return -2 * v * M_2_SQRTPI * exp(-v * v);
    case SSG_FUNCTION_GELU: return (2 - v * v) * exp(-v * v / 2) * (M_2_SQRTPI * M_SQRT1_2 / 2);
    case SSG_FUNCTION_EXP: return 1;
    case SSG_FUNCTION_LOG: return -1 / (v * v);
    case SSG_FUNCTION_SQRT: return -0.5 / (v * v);
    case SSG_FUNCTION_RECIPROCAL: return -2 * v;
    case SSG_FUNCTION_POW: return alpha * (alpha - 1) * pow(v, alpha - 2);
    default: return 0; /* piecewise linear */
    }
}

typedef struct second_call {
    const ssg_op *op;
    const float *dy, *v, *t;
    float *out;
    size_t dy_count, v_count; /* elements after which the rows repeat */
} second_call;

static void second_piece(const void *context, size_t from, size_t to)
{
    const second_call *call = context;
    for (size_t i = from; i < to; i++) {
        double product = (double)call->dy[i % call->dy_count] * call->t[i];
        call->out[i] = (float)(product == 0 ? 0 : product * slope_change(call->op->function, call->v[i % call->v_count], call->op->alpha));
    }
}

static ssgcam_status run_second(const ssg_step *step, const ssg_step_io *io)
{
    enum { PIECE = 1 << 13 };
    second_call call = {.op = &step->op, .dy = io->inputs[0], .v = io->inputs[1], .t = io->inputs[2], .out = io->output};
    call.dy_count = step->inputs[0].bytes / sizeof(float);
    call.v_count = step->inputs[1].bytes / sizeof(float);
    ssg_cpu_pieces(step->cpu, step->output.bytes / sizeof(float), PIECE, second_piece, &call);
    return SSGCAM_OK;
}

ssgcam_status ssg_step_make_second(ssg_step *step, ssg_step_request *r)
{
    step->run = run_second;
    ssg_layout layout = r->inputs[1].layout; /* that of the saved tensor, which is not worth moving */
    for (int i = 0; i < 3; i++) ssg_placed_set(&r->inputs[i], layout, SSG_PRECISION_F32);
    ssg_placed_set(&r->output, layout, SSG_PRECISION_F32);
    r->in_place = 3;
    return SSGCAM_OK;
}

/* ---- max pool --------------------------------------------------------------------------------------------------------------------- */

typedef struct pool_call {
    const ssg_step *step;
    const float *t, *x;
    float *out;
} pool_call;

/* Where the window at (y, x) of one channel has its first maximum: the position that the gradient flows to as well. */
static size_t first_maximum(const ssg_op *op, const float *plane, int64_t height, int64_t width, size_t block, int64_t y, int64_t x)
{
    const ssg_window *w = &op->window;
    size_t best = 0;
    int found = 0;
    for (int64_t ky = 0; ky < w->kernel[0]; ky++) {
        int64_t yy = y * w->stride[0] - w->pads[0] + ky * w->dilation[0];
        if (yy < 0 || yy >= height) continue;
        for (int64_t kx = 0; kx < w->kernel[1]; kx++) {
            int64_t xx = x * w->stride[1] - w->pads[1] + kx * w->dilation[1];
            if (xx < 0 || xx >= width) continue;
            size_t at = (size_t)(yy * width + xx) * block;
            if (found && !(plane[at] > plane[best])) continue;
            best = at;
            found = 1;
        }
    }
    return best;
}

/* Planes are (channel block) of one image; all rows of tangents of that image use the positions once found. */
static void pool_planes(const void *context, size_t first, size_t last)
{
    const pool_call *call = context;
    const ssg_placed *large = &call->step->inputs[1], *small = &call->step->output;
    ssg_view x_view = ssg_view_of(large), out_view = ssg_view_of(small);
    int64_t H = large->shape.dims[2], W = large->shape.dims[3], h = small->shape.dims[2], w = small->shape.dims[3];
    size_t block = x_view.block, planes = x_view.rows * x_view.blocks, repeats = out_view.rows / x_view.rows;
    for (size_t plane = first; plane < last; plane++) {
        const float *x = call->x + plane * x_view.pixels * block;
        for (int64_t at = 0; at < h * w; at++)
            for (size_t c = 0; c < block; c++) {
                size_t from = first_maximum(&call->step->op, x + c, H, W, block, at / w, at % w) + c;
                for (size_t r = 0; r < repeats; r++)
                    call->out[((r * planes + plane) * out_view.pixels + (size_t)at) * block + c] =
                        call->t[(r * planes + plane) * x_view.pixels * block + from];
            }
    }
}

static ssgcam_status run_pool(const ssg_step *step, const ssg_step_io *io)
{
    pool_call call = {step, io->inputs[0], io->inputs[1], io->output};
    ssg_view view = ssg_view_of(&step->inputs[1]);
    ssg_cpu_pieces(step->cpu, view.rows * view.blocks, 1, pool_planes, &call);
    return SSGCAM_OK;
}

ssgcam_status ssg_step_make_maxpool_tangent(ssg_step *step, ssg_step_request *r)
{
    step->run = run_pool;
    ssg_layout layout = r->inputs[1].layout;
    ssg_placed_set(&r->inputs[0], layout, SSG_PRECISION_F32);
    ssg_placed_set(&r->inputs[1], layout, SSG_PRECISION_F32);
    ssg_placed_set(&r->output, layout, SSG_PRECISION_F32);
    return SSGCAM_OK;
}
