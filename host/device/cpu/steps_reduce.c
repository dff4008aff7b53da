/* Sums and means over axes and their gradient, softmax, local response normalisation. */
#include <math.h>
#include <string.h>

#include "host/device/cpu/cpu.h"
#include "host/device/cpu/multiversion.h"
#include "host/model/geometry.h"

/* ---- reduce and broadcast ---------------------------------------------------------------------------------------------------- */

typedef struct reduce_call {
    const ssg_step *step;
    const float *in;
    float *out;
    double factor;
} reduce_call;

enum { CHANNELS = 16 };

/* The sums of `channels` (at most CHANNELS) neighbouring channels over pixels that lie `block` apart. */
MULTIVERSION static void sum_pixels(double sums[CHANNELS], const float *in, size_t pixels, size_t block, size_t channels)
{
    memset(sums, 0, CHANNELS * sizeof *sums);
    if (block == 1) { /* one channel: four sums that do not wait for each other */
        size_t p = 0;
        for (; p + 4 <= pixels; p += 4)
            for (size_t k = 0; k < 4; k++) sums[k] += in[p + k];
        for (; p < pixels; p++) sums[0] += in[p];
        sums[0] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    } else if (channels == CHANNELS) {
        for (size_t p = 0; p < pixels; p++)
            for (size_t c = 0; c < CHANNELS; c++) sums[c] += in[p * block + c];
    } else {
        for (size_t p = 0; p < pixels; p++)
            for (size_t c = 0; c < channels; c++) sums[c] += in[p * block + c];
    }
}

/* Over height and width, in any layout: planes are (row, channel block). */
static void reduce_planes(const void *context, size_t first, size_t last)
{
    const reduce_call *call = context;
    int spread = call->step->op.kind == SSG_OP_BROADCAST;
    ssg_view v = ssg_view_of(spread ? &call->step->output : &call->step->inputs[0]);
    for (size_t plane = first; plane < last; plane++) {
        const float *in = call->in + plane * v.block * (spread ? 1 : v.pixels);
        float *out = call->out + plane * v.block * (spread ? v.pixels : 1);
        for (size_t c = 0; c < v.block; c += CHANNELS) {
            size_t channels = v.block - c < CHANNELS ? v.block - c : CHANNELS;
            float values[CHANNELS];
            double sums[CHANNELS];
            if (!spread) sum_pixels(sums, in + c, v.pixels, v.block, channels);
            for (size_t k = 0; k < channels; k++) values[k] = (float)((spread ? in[c + k] : sums[k]) * call->factor);
            for (size_t p = 0; p < (spread ? v.pixels : 1); p++) memcpy(out + p * v.block + c, values, channels * sizeof *values);
        }
    }
}

static ssgcam_status run_reduce_pixels(const ssg_step *step, const ssg_step_io *io)
{
    int spread = step->op.kind == SSG_OP_BROADCAST;
    ssg_view v = ssg_view_of(spread ? &step->output : &step->inputs[0]);
    reduce_call call = {step, io->inputs[0], io->output, spread ? step->op.alpha : step->op.mean ? 1.0 / (double)v.pixels : 1};
    ssg_cpu_pieces(step->cpu, v.rows * v.blocks, 8, reduce_planes, &call);
    return SSGCAM_OK;
}

/* Over any axes of plain tensors, one output element at a time. */
static void reduce_elements(const void *context, size_t first, size_t last)
{
    const reduce_call *call = context;
    const ssg_shape *in = &call->step->inputs[0].shape, *out = &call->step->output.shape;
    ssg_shape summed = *in;
    int64_t strides[SSG_MAX_RANK], kept[SSG_MAX_RANK];
    ssg_geometry_strides(strides, in);
    for (int i = 0; i < in->rank; i++) {
        int over = in->dims[i] != out->dims[i];
        summed.dims[i] = over ? in->dims[i] : 1;
        kept[i] = over ? 0 : strides[i];
    }
    size_t count = ssg_shape_count(&summed);
    for (size_t at = first; at < last; at++) {
        size_t base = ssg_geometry_strided_index(at, out, kept);
        double sum = 0;
        for (size_t i = 0; i < count; i++) sum += call->in[base + ssg_geometry_strided_index(i, &summed, strides)];
        call->out[at] = (float)(sum * call->factor);
    }
}

static void spread_elements(const void *context, size_t first, size_t last)
{
    const reduce_call *call = context;
    for (size_t at = first; at < last; at++)
        call->out[at] = (float)(call->in[ssg_geometry_broadcast_index(at, &call->step->output.shape, &call->step->inputs[0].shape)] * call->factor);
}

static ssgcam_status run_reduce(const ssg_step *step, const ssg_step_io *io)
{
    int spread = step->op.kind == SSG_OP_BROADCAST;
    size_t in = ssg_shape_count(&step->inputs[0].shape), out = ssg_shape_count(&step->output.shape);
    reduce_call call = {step, io->inputs[0], io->output, spread ? step->op.alpha : step->op.mean ? (double)out / (double)in : 1};
    ssg_cpu_pieces(step->cpu, out, 256, spread ? spread_elements : reduce_elements, &call);
    return SSGCAM_OK;
}

ssgcam_status ssg_step_make_reduce(ssg_step *step, ssg_step_request *r)
{
    const ssg_shape *in = &r->inputs[0].shape, *out = &r->output.shape;
    const ssg_shape *small = r->op->kind == SSG_OP_BROADCAST ? in : out;
    /* Pixels to one number per channel, or back. */
    int pixels =
        in->rank == 4 && out->rank == 4 && in->dims[0] == out->dims[0] && in->dims[1] == out->dims[1] && small->dims[2] == 1 && small->dims[3] == 1;
    ssg_layout layout = pixels ? r->inputs[0].layout : SSG_LAYOUT_PLAIN;
    step->run = pixels ? run_reduce_pixels : run_reduce;
    ssg_placed_set(&r->inputs[0], layout, SSG_PRECISION_F32);
    ssg_placed_set(&r->output, layout, SSG_PRECISION_F32);
    return SSGCAM_OK;
}

/* ---- softmax --------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status run_softmax(const ssg_step *step, const ssg_step_io *io)
{
    const ssg_shape *shape = &step->output.shape;
    int backward = step->op.kind == SSG_OP_SOFTMAX_BACKWARD, log_form = step->op.log;
    size_t extent = (size_t)shape->dims[step->op.axis], inner = 1;
    for (int i = step->op.axis + 1; i < shape->rank; i++) inner *= (size_t)shape->dims[i];
    size_t lines = ssg_shape_count(shape) / extent, saved = ssg_shape_count(&step->inputs[backward].shape) / extent;
    for (size_t line = 0; line < lines; line++) {
        size_t base = line / inner * extent * inner + line % inner;
        const float *in = (const float *)io->inputs[0] + base;
        float *out = (float *)io->output + base;
        double sum = 0;
        if (!backward) {
            double top = -INFINITY;
            for (size_t i = 0; i < extent; i++) top = fmax(top, in[i * inner]);
            for (size_t i = 0; i < extent; i++) sum += exp(in[i * inner] - top);
            for (size_t i = 0; i < extent; i++) {
                double centred = in[i * inner] - top;
                out[i * inner] = (float)(log_form ? centred - log(sum) : exp(centred) / sum);
            }
        } else { /* softmax: dx = y (dy - sum dy y); log-softmax: dx = dy - e^y sum dy. The saved output repeats for each class. */
            size_t from = line % saved;
            const float *y = (const float *)io->inputs[1] + from / inner * extent * inner + from % inner;
            for (size_t i = 0; i < extent; i++) sum += in[i * inner] * (log_form ? 1.0 : (double)y[i * inner]);
            for (size_t i = 0; i < extent; i++)
                out[i * inner] = (float)(log_form ? in[i * inner] - exp(y[i * inner]) * sum : y[i * inner] * (in[i * inner] - sum));
        }
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_step_make_softmax(ssg_step *step, ssg_step_request *r)
{
    step->run = run_softmax;
    for (int i = 0; i < r->op->input_count; i++) ssg_placed_set(&r->inputs[i], SSG_LAYOUT_PLAIN, SSG_PRECISION_F32);
    ssg_placed_set(&r->output, SSG_LAYOUT_PLAIN, SSG_PRECISION_F32);
    return SSGCAM_OK;
}

/* ---- local response normalisation --------------------------------------------------------------------------------------------------- */

typedef struct lrn_call {
    const ssg_step *step;
    const float *x, *dy;
    float *out;
} lrn_call;

/* d_c = k + alpha/size * sum over the window of x^2, the window being channels c - (size-1)/2 .. c + size/2. */
static double lrn_divisor(const ssg_op *op, const float *x, size_t pixels, int64_t channels, int64_t c)
{
    double sum = 0;
    for (int64_t j = c - (op->size - 1) / 2; j <= c + op->size / 2; j++)
        if (j >= 0 && j < channels) sum += (double)x[(size_t)j * pixels] * x[(size_t)j * pixels];
    return op->bias_k + op->alpha / (double)op->size * sum;
}

/* y_c = x_c d_c^-beta; dx_c = dy_c d_c^-beta - 2 alpha beta / size x_c sum over windows that contain c of dy_j x_j d_j^(-beta-1). */
static void lrn_pixels(const void *context, size_t first, size_t last)
{
    const lrn_call *call = context;
    const ssg_op *op = &call->step->op;
    const ssg_shape *shape = &call->step->output.shape;
    int64_t channels = shape->dims[1], images = call->step->inputs[call->dy != NULL].shape.dims[0];
    size_t pixels = (size_t)(shape->dims[2] * shape->dims[3]);
    for (size_t at = first; at < last; at++) {
        size_t row = at / pixels, image = row % (size_t)images, plane = (size_t)channels * pixels;
        const float *x = call->x + image * plane + at % pixels, *dy = call->dy ? call->dy + row * plane + at % pixels : NULL;
        float *out = call->out + row * plane + at % pixels;
        for (int64_t c = 0; c < channels; c++) {
            double own = lrn_divisor(op, x, pixels, channels, c), centre = x[(size_t)c * pixels];
            if (!dy) {
                out[(size_t)c * pixels] = (float)(centre * pow(own, -op->beta));
                continue;
            }
            double spread = 0;
            for (int64_t j = c - op->size / 2; j <= c + (op->size - 1) / 2; j++)
                if (j >= 0 && j < channels)
                    spread += dy[(size_t)j * pixels] * x[(size_t)j * pixels] * pow(lrn_divisor(op, x, pixels, channels, j), -op->beta - 1);
            out[(size_t)c * pixels] =
                (float)(dy[(size_t)c * pixels] * pow(own, -op->beta) - 2 * op->alpha * op->beta / (double)op->size * centre * spread);
        }
    }
}

static ssgcam_status run_lrn(const ssg_step *step, const ssg_step_io *io)
{
    int backward = step->op.kind == SSG_OP_LRN_BACKWARD;
    const ssg_shape *shape = &step->output.shape;
    lrn_call call = {step, io->inputs[backward], backward ? io->inputs[0] : NULL, io->output};
    ssg_cpu_pieces(step->cpu, (size_t)(shape->dims[0] * shape->dims[2] * shape->dims[3]), 64, lrn_pixels, &call);
    return SSGCAM_OK;
}

ssgcam_status ssg_step_make_lrn(ssg_step *step, ssg_step_request *r)
{
    step->run = run_lrn;
    for (int i = 0; i < r->op->input_count; i++) ssg_placed_set(&r->inputs[i], SSG_LAYOUT_PLAIN, SSG_PRECISION_F32);
    ssg_placed_set(&r->output, SSG_LAYOUT_PLAIN, SSG_PRECISION_F32);
    return SSGCAM_OK;
}
