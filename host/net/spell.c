/* Operators whose second derivatives would need operators of their own, written with plain ones. */
#include <string.h>

#include "host/base/alloc.h"
#include "host/net/build.h"
#include "host/net/tangent.h"

/* The window sum across channels as a 1 x 1 convolution: weights[c][j] = alpha / size where channel j lies in the window of c. */
static ssg_const *band(int64_t channels, const ssg_op *lrn)
{
    ssg_const *w = ssg_const_create(SSG_CONST_F32, &(ssg_shape){4, {channels, channels, 1, 1}});
    for (int64_t c = 0; w && c < channels; c++)
        for (int64_t j = 0; j < channels; j++) {
            int inside = j >= c - (lrn->size - 1) / 2 && j <= c + lrn->size / 2;
            w->f32[c * channels + j] = inside ? lrn->alpha / (float)lrn->size : 0;
        }
    return w;
}

static ssg_const *filled(int64_t count, float value)
{
    ssg_const *vector = ssg_const_create(SSG_CONST_F32, &(ssg_shape){1, {count}});
    for (int64_t i = 0; vector && i < count; i++) vector->f32[i] = value;
    return vector;
}

/* y = x (k + alpha / size sum x^2)^-beta, into the tensor that the LRN made. */
static ssgcam_status spell_lrn(ssg_graph *graph, const ssg_op *lrn)
{
    int x = lrn->inputs[0], square, divisor, factor;
    ssg_shape shape = graph->tensors[x].shape;
    ssg_const *weights = band(shape.dims[1], lrn), *bias = filled(shape.dims[1], lrn->bias_k);
    ssgcam_status status = weights && bias ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    ssg_op sums = {.kind = SSG_OP_CONV, .name = lrn->name, .weights = weights, .bias = bias, .groups = 1, .window = {{1, 1}, {1, 1}, {1, 1}, {0}}};
    if (status == SSGCAM_OK) status = ssg_build_binary(graph, SSG_BINARY_MUL, x, x, &square);
    if (status == SSGCAM_OK) status = ssg_build_op(graph, sums, &square, 1, &shape, &divisor);
    ssg_const_release(weights);
    ssg_const_release(bias);
    SSG_TRY(status);
    ssg_op power = {.kind = SSG_OP_UNARY, .name = lrn->name, .function = SSG_FUNCTION_POW, .alpha = -lrn->beta};
    SSG_TRY(ssg_build_op(graph, power, &divisor, 1, &shape, &factor));
    ssg_op product = {.kind = SSG_OP_BINARY, .binary = SSG_BINARY_MUL, .name = lrn->name};
    int made;
    SSG_TRY(ssg_build_op(graph, product, (int[]){x, factor}, 2, &shape, &made));
    graph->ops[graph->op_count - 1].output = lrn->output;
    return SSGCAM_OK;
}

/* Puts the operators appended for each LRN (from `count` on, `LRN_OPS` each) into its place. */
enum { LRN_OPS = 4 };

static ssgcam_status put_in_place(ssg_graph *graph, int count)
{
    size_t capacity = 1; /* as ssg_graph_add_op expects: a power of two */
    while (capacity < (size_t)graph->op_count) capacity *= 2;
    ssg_op *ops = ssg_calloc(capacity, sizeof *ops);
    if (!ops) return SSG_OUT_OF_MEMORY;
    int filled = 0, appended = count;
    for (int i = 0; i < count; i++) {
        if (graph->ops[i].kind != SSG_OP_LRN) {
            ops[filled++] = graph->ops[i];
            continue;
        }
        ssg_free(graph->ops[i].inputs);
        memcpy(ops + filled, graph->ops + appended, LRN_OPS * sizeof *ops);
        filled += LRN_OPS;
        appended += LRN_OPS;
    }
    ssg_free(graph->ops);
    graph->ops = ops;
    graph->op_count = filled;
    for (int i = 0; i < filled; i++) {
        graph->tensors[ops[i].output].producer = i;
        if (ops[i].positions) graph->tensors[ops[i].positions].producer = i;
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_spell_out(ssg_graph *graph)
{
    int count = graph->op_count;
    for (int i = 0; i < count; i++) {
        ssg_op op = graph->ops[i]; /* a copy: adding operators moves the array */
        if (op.kind == SSG_OP_LRN) SSG_TRY(spell_lrn(graph, &op));
    }
    return graph->op_count == count ? SSGCAM_OK : put_in_place(graph, count);
}
