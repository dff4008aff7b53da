/* Sums, products and the like of two tensors, with broadcasting in any layout. Bound by memory; the loops are plain so that the compiler vectorises
 * them. */
#include <string.h>

#include "host/device/cpu/cpu.h"
#include "host/device/cpu/multiversion.h"
#include "host/model/geometry.h"

enum { PIECE = 1 << 14 };

typedef struct binary_call {
    ssg_binary kind;
    const float *a, *b;
    float *y;
    ssg_shape shape; /* of the output, as an array of up to SSG_MAX_RANK axes */
    int64_t a_strides[SSG_MAX_RANK], b_strides[SSG_MAX_RANK];
} binary_call;

#define BINARY_LOOP(expression)             \
    for (size_t i = 0; i < count; i++) {    \
        float u = a[i * as], v = b[i * bs]; \
        y[i] = (expression);                \
    }                                       \
    break

MULTIVERSION static void binary_line(ssg_binary kind, float *y, const float *a, size_t as, const float *b, size_t bs, size_t count)
{
    if (kind == SSG_BINARY_ADD && as == 1 && bs == 1) { /* the residual sum: unit strides known to the compiler */
        for (size_t i = 0; i < count; i++) y[i] = a[i] + b[i];
        return;
    }
    switch (kind) {
    case SSG_BINARY_ADD: BINARY_LOOP(u + v);
    case SSG_BINARY_SUB: BINARY_LOOP(u - v);
    case SSG_BINARY_MUL: BINARY_LOOP(u * v);
    case SSG_BINARY_DIV: BINARY_LOOP(u / v);
    case SSG_BINARY_MAX: BINARY_LOOP(u > v ? u : v);
    case SSG_BINARY_MIN: BINARY_LOOP(u < v ? u : v);
    }
}

/* Lines run along the last axis; where they start is worked out once for each stretch along the axis before it. */
static void binary_lines(const void *context, size_t first, size_t last)
{
    const binary_call *call = context;
    int rank = call->shape.rank;
    ssg_shape outer = call->shape;
    outer.rank -= 2;
    size_t length = (size_t)call->shape.dims[rank - 1], stretch = (size_t)call->shape.dims[rank - 2];
    size_t a_step = (size_t)call->a_strides[rank - 1], b_step = (size_t)call->b_strides[rank - 1];
    while (first < last) {
        size_t within = first % stretch, count = stretch - within < last - first ? stretch - within : last - first;
        const float *a = call->a + ssg_geometry_strided_index(first / stretch, &outer, call->a_strides) + within * (size_t)call->a_strides[rank - 2];
        const float *b = call->b + ssg_geometry_strided_index(first / stretch, &outer, call->b_strides) + within * (size_t)call->b_strides[rank - 2];
        for (size_t i = 0; i < count; i++)
            binary_line(call->kind, call->y + (first + i) * length, a + i * (size_t)call->a_strides[rank - 2], a_step,
                        b + i * (size_t)call->b_strides[rank - 2], b_step, length);
        first += count;
    }
}

/* Two tensors of the output's very shape: one long line. */
static void binary_elements(const void *context, size_t from, size_t to)
{
    const binary_call *call = context;
    binary_line(call->kind, call->y + from, call->a + from, 1, call->b + from, 1, to - from);
}

/* Axes along which both operands go on as they would within the next axis become one with it, so that lines are as long as can be. */
static void merge_axes(binary_call *call)
{
    int rank = 0;
    for (int i = 0; i < call->shape.rank; i++) {
        int64_t extent = call->shape.dims[i];
        if (extent == 1) continue;
        int64_t *dims = call->shape.dims, *as = call->a_strides, *bs = call->b_strides;
        if (rank > 0 && as[rank - 1] == as[i] * extent && bs[rank - 1] == bs[i] * extent)
            dims[rank - 1] *= extent;
        else
            dims[rank++] = extent;
        as[rank - 1] = as[i];
        bs[rank - 1] = bs[i];
    }
    for (; rank < 2; rank++) { /* at least a line along an axis */
        memmove(call->shape.dims + 1, call->shape.dims, (size_t)rank * sizeof *call->shape.dims);
        memmove(call->a_strides + 1, call->a_strides, (size_t)rank * sizeof *call->a_strides);
        memmove(call->b_strides + 1, call->b_strides, (size_t)rank * sizeof *call->b_strides);
        call->shape.dims[0] = 1;
        call->a_strides[0] = call->b_strides[0] = 0;
    }
    call->shape.rank = rank;
}

/* A tensor as an array of axes: rows, then blocks/pixels/block for an image (so that one value per channel broadcasts in any layout), else its own
 * axes. */
static ssg_shape axes_of(const ssg_placed *placed)
{
    if (placed->shape.rank != 4) return placed->shape;
    ssg_view v = ssg_view_of(placed);
    return (ssg_shape){5, {(int64_t)v.rows, (int64_t)v.blocks, placed->shape.dims[2], placed->shape.dims[3], (int64_t)v.block}};
}

/* Strides of an operand when it is repeated to `shape`; along the rows it may repeat as a whole (several classes of the same images). */
static void repeat_strides(int64_t strides[SSG_MAX_RANK], const ssg_shape *own, const ssg_shape *shape)
{
    int64_t dense[SSG_MAX_RANK];
    int shift = shape->rank - own->rank;
    ssg_geometry_strides(dense, own);
    for (int i = 0; i < shape->rank; i++) strides[i] = i < shift || (own->dims[i - shift] == 1 && shape->dims[i] != 1) ? 0 : dense[i - shift];
}

static ssgcam_status run_binary(const ssg_step *step, const ssg_step_io *io)
{
    binary_call call = {.kind = step->op.binary, .shape = axes_of(&step->output)};
    ssg_shape a = axes_of(&step->inputs[0]), b = axes_of(&step->inputs[1]);
    /* Rows that repeat: run once for each stretch of the smaller operand. */
    int same_rank = a.rank == call.shape.rank && b.rank == call.shape.rank;
    int64_t rows = call.shape.dims[0], a_rows = a.rank == call.shape.rank ? a.dims[0] : rows, b_rows = b.rank == call.shape.rank ? b.dims[0] : rows;
    int64_t stretch = rows;
    if (a_rows > 1 && a_rows < stretch) stretch = a_rows;
    if (b_rows > 1 && b_rows < stretch) stretch = b_rows;
    size_t y_row = ssg_shape_count(&call.shape) / (size_t)rows, a_row = a_rows ? ssg_shape_count(&a) / (size_t)a_rows : 0,
           b_row = b_rows ? ssg_shape_count(&b) / (size_t)b_rows : 0;
    call.shape.dims[0] = stretch;
    if (a.rank == call.shape.rank && a.dims[0] > stretch) a.dims[0] = stretch;
    if (b.rank == call.shape.rank && b.dims[0] > stretch) b.dims[0] = stretch;
    repeat_strides(call.a_strides, &a, &call.shape);
    repeat_strides(call.b_strides, &b, &call.shape);
    int flat = same_rank && ssg_shape_equal(&a, &call.shape) && ssg_shape_equal(&b, &call.shape);
    size_t count = ssg_shape_count(&call.shape);
    if (!flat) merge_axes(&call);
    size_t length = (size_t)call.shape.dims[call.shape.rank - 1];
    for (int64_t row = 0; row < rows; row += stretch) {
        call.y = (float *)io->output + (size_t)row * y_row;
        call.a = (const float *)io->inputs[0] + (a_rows == rows ? (size_t)row * a_row : 0);
        call.b = (const float *)io->inputs[1] + (b_rows == rows ? (size_t)row * b_row : 0);
        if (flat)
            ssg_cpu_pieces(step->cpu, count, PIECE, binary_elements, &call);
        else
            ssg_cpu_pieces(step->cpu, count / length, PIECE / (length < PIECE ? length : PIECE), binary_lines, &call);
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_step_make_binary(ssg_step *step, ssg_step_request *r)
{
    step->run = run_binary;
    ssg_placed *a = &r->inputs[0], *b = &r->inputs[1];
    ssg_layout layout = a->layout == SSG_LAYOUT_PLAIN ? b->layout : a->layout;
    /* A blocked layout fits if both are images with the same channels; a division would make NaN of padding. */
    if (a->shape.rank != 4 || b->shape.rank != 4 || a->shape.dims[1] != b->shape.dims[1]) layout = SSG_LAYOUT_PLAIN;
    ssg_placed_set(&r->output, layout, SSG_PRECISION_F32);
    if (r->op->binary == SSG_BINARY_DIV && ssg_placed_padded(&r->output)) layout = SSG_LAYOUT_PLAIN;
    ssg_placed_set(a, layout, SSG_PRECISION_F32);
    ssg_placed_set(b, layout, SSG_PRECISION_F32);
    ssg_placed_set(&r->output, layout, SSG_PRECISION_F32);
    if (ssg_shape_equal(&a->shape, &r->output.shape)) r->in_place = 1;
    return SSGCAM_OK;
}
