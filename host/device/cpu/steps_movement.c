/* Operators that move elements: concat, slice, scatter (padding), transpose, reshape. */
#include <string.h>

#include "host/device/cpu/cpu.h"
#include "host/model/geometry.h"

/* ---- along the channels in a blocked layout: whole blocks move ------------------------------------------------------------- */

static ssgcam_status run_concat_blocks(const ssg_step *step, const ssg_step_io *io)
{
    size_t row_bytes = step->output.bytes / (size_t)step->output.shape.dims[0], at = 0;
    for (int i = 0; i < step->op.input_count; i++) {
        size_t part = step->more_inputs[i].bytes / (size_t)step->more_inputs[i].shape.dims[0];
        for (int64_t row = 0; row < step->output.shape.dims[0]; row++)
            memcpy((char *)io->output + (size_t)row * row_bytes + at, (const char *)io->inputs[i] + (size_t)row * part, part);
        at += part;
    }
    return SSGCAM_OK;
}

/* Slice (from the larger tensor) or scatter (into it): whole blocks of channels of each row. */
static ssgcam_status run_channel_blocks(const ssg_step *step, const ssg_step_io *io)
{
    int scatter = step->op.kind == SSG_OP_SCATTER;
    const ssg_placed *large = scatter ? &step->output : &step->inputs[0], *small = scatter ? &step->inputs[0] : &step->output;
    size_t rows = (size_t)large->shape.dims[0], large_row = large->bytes / rows, small_row = small->bytes / rows;
    ssg_view view = ssg_view_of(large);
    size_t offset = (size_t)step->op.starts[1] / view.block * view.pixels * view.block * sizeof(float);
    if (scatter) memset(io->output, 0, large->bytes);
    for (size_t row = 0; row < rows; row++)
        if (scatter)
            memcpy((char *)io->output + row * large_row + offset, (const char *)io->inputs[0] + row * small_row, small_row);
        else
            memcpy((char *)io->output + row * small_row, (const char *)io->inputs[0] + row * large_row + offset, small_row);
    return SSGCAM_OK;
}

/* Whether a channel range of a tensor in this layout consists of whole blocks (the last one may be padded). */
static int whole_blocks(ssg_layout layout, int64_t channels, int64_t from, int64_t count)
{
    int64_t block = ssg_layout_block(layout, channels);
    if (layout == SSG_LAYOUT_NHWC) return 0;
    return from % block == 0 && (count % block == 0 || from + count == channels);
}

/* Whether a slice or scatter touches the channels alone. */
static int channels_only(const ssg_op *op, const ssg_shape *large, const ssg_shape *small)
{
    if (large->rank != 4) return 0;
    for (int i = 0; i < 4; i++)
        if (op->steps[i] != 1 || (i != 1 && large->dims[i] != small->dims[i])) return 0;
    return op->alpha == 0;
}

/* ---- anything else: strided copies of plain tensors --------------------------------------------------------------------------- */

typedef struct strided {
    const float *from;
    float *to;
    ssg_shape shape; /* that is walked, row-major */
    int64_t from_strides[SSG_MAX_RANK], to_strides[SSG_MAX_RANK];
} strided;

/* Copies lines: all axes but the last are walked by index. */
static void copy_lines(const void *context, size_t first, size_t last)
{
    const strided *s = context;
    ssg_shape outer = s->shape;
    outer.rank--;
    int64_t length = s->shape.dims[outer.rank], from_step = s->from_strides[outer.rank], to_step = s->to_strides[outer.rank];
    for (size_t line = first; line < last; line++) {
        const float *from = s->from + ssg_geometry_strided_index(line, &outer, s->from_strides);
        float *to = s->to + ssg_geometry_strided_index(line, &outer, s->to_strides);
        for (int64_t i = 0; i < length; i++) to[i * to_step] = from[i * from_step];
    }
}

static void copy_strided(const ssg_cpu *cpu, const strided *s)
{
    size_t lines = ssg_shape_count(&s->shape) / (size_t)s->shape.dims[s->shape.rank - 1];
    ssg_cpu_pieces(cpu, lines, 256, copy_lines, s);
}

static ssgcam_status run_concat(const ssg_step *step, const ssg_step_io *io)
{
    int axis = step->op.axis;
    int64_t at = 0;
    for (int i = 0; i < step->op.input_count; i++) {
        strided s = {.from = io->inputs[i], .shape = step->more_inputs[i].shape};
        ssg_geometry_strides(s.from_strides, &s.shape);
        ssg_geometry_strides(s.to_strides, &step->output.shape);
        s.to = (float *)io->output + at * s.to_strides[axis];
        copy_strided(step->cpu, &s);
        at += s.shape.dims[axis];
    }
    return SSGCAM_OK;
}

static ssgcam_status run_slice(const ssg_step *step, const ssg_step_io *io)
{
    int scatter = step->op.kind == SSG_OP_SCATTER;
    const ssg_placed *large = scatter ? &step->output : &step->inputs[0], *small = scatter ? &step->inputs[0] : &step->output;
    strided s = {.from = io->inputs[0], .to = io->output, .shape = small->shape};
    int64_t *in_large = scatter ? s.to_strides : s.from_strides, offset = 0;
    ssg_geometry_strides(scatter ? s.from_strides : s.to_strides, &small->shape);
    ssg_geometry_strides(in_large, &large->shape);
    for (int i = 0; i < large->shape.rank; i++) {
        offset += step->op.starts[i] * in_large[i];
        in_large[i] *= step->op.steps[i];
    }
    if (scatter) {
        float *out = io->output;
        for (size_t i = 0; i < ssg_shape_count(&large->shape); i++) out[i] = step->op.alpha;
        s.to += offset;
    } else {
        s.from += offset;
    }
    copy_strided(step->cpu, &s);
    return SSGCAM_OK;
}

static ssgcam_status run_transpose(const ssg_step *step, const ssg_step_io *io)
{
    strided s = {.from = io->inputs[0], .to = io->output, .shape = step->output.shape};
    int64_t strides[SSG_MAX_RANK];
    ssg_geometry_strides(strides, &step->inputs[0].shape);
    ssg_geometry_strides(s.to_strides, &s.shape);
    for (int i = 0; i < s.shape.rank; i++) s.from_strides[i] = strides[step->op.perm[i]];
    copy_strided(step->cpu, &s);
    return SSGCAM_OK;
}

static ssgcam_status run_reshape(const ssg_step *step, const ssg_step_io *io)
{
    if (io->output != io->inputs[0]) memcpy(io->output, io->inputs[0], step->output.bytes);
    return SSGCAM_OK;
}

/* ---- which ------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status make_concat(ssg_step *step, ssg_step_request *r)
{
    ssg_layout layout = r->more_inputs[0].layout;
    int blocks = r->op->axis == 1 && r->output.shape.rank == 4;
    int64_t at = 0;
    for (int i = 0; i < r->op->input_count && blocks; i++) {
        int64_t channels = r->more_inputs[i].shape.dims[1];
        blocks = whole_blocks(layout, r->output.shape.dims[1], at, channels);
        at += channels;
    }
    if (!blocks) layout = SSG_LAYOUT_PLAIN;
    step->run = blocks ? run_concat_blocks : run_concat;
    for (int i = 0; i < r->op->input_count; i++) ssg_placed_set(&r->more_inputs[i], layout, SSG_PRECISION_F32);
    ssg_placed_set(&r->output, layout, SSG_PRECISION_F32);
    return SSGCAM_OK;
}

ssgcam_status ssg_step_make_movement(ssg_step *step, ssg_step_request *r)
{
    if (r->op->kind == SSG_OP_CONCAT) return make_concat(step, r);
    ssg_layout layout = SSG_LAYOUT_PLAIN;
    switch (r->op->kind) {
    case SSG_OP_SLICE:
    case SSG_OP_SCATTER: {
        int scatter = r->op->kind == SSG_OP_SCATTER;
        const ssg_shape *large = scatter ? &r->output.shape : &r->inputs[0].shape, *small = scatter ? &r->inputs[0].shape : &r->output.shape;
        step->run = run_slice;
        if (channels_only(r->op, large, small) && whole_blocks(r->inputs[0].layout, large->dims[1], r->op->starts[1], small->dims[1])) {
            step->run = run_channel_blocks;
            layout = r->inputs[0].layout;
        }
        break;
    }
    case SSG_OP_TRANSPOSE: step->run = run_transpose; break;
    default:
        step->run = run_reshape;
        r->in_place = 1;
        break;
    }
    ssg_placed_set(&r->inputs[0], layout, SSG_PRECISION_F32);
    ssg_placed_set(&r->output, layout, SSG_PRECISION_F32);
    return SSGCAM_OK;
}
