#include "host/net/backward.h"

#include "host/base/alloc.h"
#include "host/net/build.h"

typedef struct backward {
    ssg_graph *graph;
    int64_t classes;
    unsigned char *needed; /* per tensor of the forward graph: a tap lies at it or before it */
    int *gradients;        /* per tensor of the forward graph: its gradient so far, -1 if none */
} backward;

static ssg_shape shape_of(const backward *b, int tensor)
{
    return b->graph->tensors[tensor].shape;
}

/* The shape of the gradient of `tensor`: one row per image and class. */
static ssg_shape gradient_shape(const backward *b, int tensor)
{
    ssg_shape shape = shape_of(b, tensor);
    shape.dims[0] *= b->classes;
    return shape;
}

static ssgcam_status emit(backward *b, ssg_op op, const int *inputs, int count, const ssg_shape *shape, int *output)
{
    return ssg_build_op(b->graph, op, inputs, count, shape, output);
}

static ssgcam_status combine(backward *b, ssg_binary kind, int left, int right, int *output)
{
    return ssg_build_binary(b->graph, kind, left, right, output);
}

/* Adds a contribution to the gradient of `tensor`. */
static ssgcam_status contribute(backward *b, int tensor, int contribution)
{
    if (b->gradients[tensor] < 0) {
        b->gradients[tensor] = contribution;
        return SSGCAM_OK;
    }
    return combine(b, SSG_BINARY_ADD, b->gradients[tensor], contribution, &b->gradients[tensor]);
}

/* A gradient computed at a broadcast shape, summed back to the shape of `tensor`. */
static ssgcam_status contribute_unbroadcast(backward *b, int tensor, int contribution)
{
    ssg_shape wide = shape_of(b, contribution), narrow = gradient_shape(b, tensor), padded = wide;
    ssg_op sum = {.kind = SSG_OP_REDUCE};
    int shift = wide.rank - narrow.rank, sums = 0;
    for (int i = 0; i < wide.rank; i++) {
        int64_t extent = i < shift ? 1 : narrow.dims[i - shift];
        sum.reduced[i] = extent != wide.dims[i];
        sums |= sum.reduced[i];
        padded.dims[i] = extent;
    }
    if (sums) SSG_TRY(emit(b, sum, &contribution, 1, &padded, &contribution));
    if (!ssg_shape_equal(&padded, &narrow)) SSG_TRY(emit(b, (ssg_op){.kind = SSG_OP_RESHAPE}, &contribution, 1, &narrow, &contribution));
    return contribute(b, tensor, contribution);
}

static ssgcam_status negate(backward *b, int x, int *y)
{
    return ssg_build_scale(b->graph, x, -1, y);
}

/* ---- one operator ---------------------------------------------------------------------------------------------------------- */

static ssgcam_status through_binary(backward *b, const ssg_op *op, int dy)
{
    int left = op->inputs[0], right = op->inputs[1], dx;
    switch (op->binary) {
    case SSG_BINARY_ADD:
        if (b->needed[left]) SSG_TRY(contribute_unbroadcast(b, left, dy));
        return b->needed[right] ? contribute_unbroadcast(b, right, dy) : SSGCAM_OK;
    case SSG_BINARY_SUB:
        if (b->needed[left]) SSG_TRY(contribute_unbroadcast(b, left, dy));
        if (!b->needed[right]) return SSGCAM_OK;
        SSG_TRY(negate(b, dy, &dx));
        return contribute_unbroadcast(b, right, dx);
    case SSG_BINARY_MUL:
        if (b->needed[left]) {
            SSG_TRY(combine(b, SSG_BINARY_MUL, dy, right, &dx));
            SSG_TRY(contribute_unbroadcast(b, left, dx));
        }
        if (!b->needed[right]) return SSGCAM_OK;
        SSG_TRY(combine(b, SSG_BINARY_MUL, dy, left, &dx));
        return contribute_unbroadcast(b, right, dx);
    case SSG_BINARY_DIV: /* d(a/b) = da / b - y db / b */
        if (b->needed[left]) {
            SSG_TRY(combine(b, SSG_BINARY_DIV, dy, right, &dx));
            SSG_TRY(contribute_unbroadcast(b, left, dx));
        }
        if (!b->needed[right]) return SSGCAM_OK;
        SSG_TRY(combine(b, SSG_BINARY_MUL, dy, op->output, &dx));
        SSG_TRY(combine(b, SSG_BINARY_DIV, dx, right, &dx));
        SSG_TRY(negate(b, dx, &dx));
        return contribute_unbroadcast(b, right, dx);
    case SSG_BINARY_MAX:
    case SSG_BINARY_MIN: { /* the gradient goes to the operand that won, ties to the second */
        int winner = op->binary == SSG_BINARY_MAX ? left : right, loser = winner == left ? right : left, lead, first, second;
        ssg_shape shape = shape_of(b, dy);
        SSG_TRY(combine(b, SSG_BINARY_SUB, winner, loser, &lead));
        SSG_TRY(emit(b, (ssg_op){.kind = SSG_OP_UNARY_BACKWARD, .function = SSG_FUNCTION_RELU}, (int[]){dy, lead}, 2, &shape, &first));
        if (b->needed[left]) SSG_TRY(contribute_unbroadcast(b, left, first));
        if (!b->needed[right]) return SSGCAM_OK;
        SSG_TRY(combine(b, SSG_BINARY_SUB, dy, first, &second));
        return contribute_unbroadcast(b, right, second);
    }
    }
    return SSGCAM_OK;
}

static ssgcam_status through_concat(backward *b, const ssg_op *op, int dy)
{
    ssg_op slice = {.kind = SSG_OP_SLICE, .steps = {1, 1, 1, 1, 1, 1}};
    for (int i = 0; i < op->input_count; i++) {
        ssg_shape shape = gradient_shape(b, op->inputs[i]);
        int part;
        if (b->needed[op->inputs[i]]) {
            SSG_TRY(emit(b, slice, &dy, 1, &shape, &part));
            SSG_TRY(contribute(b, op->inputs[i], part));
        }
        slice.starts[op->axis] += shape.dims[op->axis];
    }
    return SSGCAM_OK;
}

/* Operators with one data input. `saved` is the forward tensor that the backward operator reads besides dy, -1 for none. */
static ssgcam_status through_single(backward *b, const ssg_op *op, int dy)
{
    ssg_op back = *op;
    int x = op->inputs[0], saved = -1, dx;
    ssg_shape shape = gradient_shape(b, x);
    back.bias = NULL;
    switch (op->kind) {
    case SSG_OP_CONV: back.kind = SSG_OP_CONV_BACKWARD; break;
    case SSG_OP_MATMUL: back.kind = SSG_OP_MATMUL_BACKWARD; break;
    case SSG_OP_AVGPOOL: back.kind = SSG_OP_AVGPOOL_BACKWARD; break;
    case SSG_OP_MAXPOOL:
        back.kind = SSG_OP_MAXPOOL_BACKWARD;
        saved = op->positions;
        break;
    case SSG_OP_UNARY:
        back.kind = SSG_OP_UNARY_BACKWARD;
        saved = ssg_unary_backward_uses_output(op->function) ? op->output : x;
        break;
    case SSG_OP_SOFTMAX:
        back.kind = SSG_OP_SOFTMAX_BACKWARD;
        saved = op->output;
        break;
    case SSG_OP_LRN:
        back.kind = SSG_OP_LRN_BACKWARD;
        saved = x;
        break;
    case SSG_OP_AFFINE:
        if (!op->weights) return contribute(b, x, dy);
        break;
    case SSG_OP_REDUCE:
        back = (ssg_op){.kind = SSG_OP_BROADCAST, .name = op->name, .alpha = 1};
        if (op->mean)
            back.alpha =
                (float)((double)ssg_shape_count(&b->graph->tensors[op->output].shape) / (double)ssg_shape_count(&b->graph->tensors[x].shape));
        break;
    case SSG_OP_BROADCAST: return contribute_unbroadcast(b, x, dy); /* only Expand makes one in a forward pass; its factor is 1 */
    case SSG_OP_SLICE:
        back.kind = SSG_OP_SCATTER;
        back.alpha = 0;
        break;
    case SSG_OP_SCATTER: back.kind = SSG_OP_SLICE; break;
    case SSG_OP_TRANSPOSE:
        for (int i = 0; i < shape.rank; i++) back.perm[op->perm[i]] = i;
        break;
    case SSG_OP_RESHAPE: break;
    default: return ssg_fail(SSGCAM_ERR_INTERNAL, "operator kind %d has no gradient", (int)op->kind);
    }
    SSG_TRY(emit(b, back, (int[]){dy, saved}, saved >= 0 ? 2 : 1, &shape, &dx));
    return contribute(b, x, dx);
}

static ssgcam_status through(backward *b, int index)
{
    ssg_op op = b->graph->ops[index]; /* a copy: adding operators moves the array */
    int dy = b->gradients[op.output];
    if ((op.kind == SSG_OP_CONV || op.kind == SSG_OP_MATMUL) && op.function != SSG_FUNCTION_NONE) {
        ssg_shape shape = shape_of(b, dy);
        ssg_op gate = {.kind = SSG_OP_UNARY_BACKWARD, .function = op.function, .alpha = op.alpha, .beta = op.beta, .name = op.name};
        SSG_TRY(emit(b, gate, (int[]){dy, op.output}, 2, &shape, &dy));
    }
    if (op.kind == SSG_OP_BINARY) return through_binary(b, &op, dy);
    if (op.kind == SSG_OP_CONCAT) return through_concat(b, &op, dy);
    return through_single(b, &op, dy);
}

/* ---- the pass ------------------------------------------------------------------------------------------------------------------ */

static ssgcam_status give_positions(backward *b, int index)
{
    if (b->graph->ops[index].kind != SSG_OP_MAXPOOL || b->graph->ops[index].positions) return SSGCAM_OK;
    int positions;
    ssg_shape shape = shape_of(b, b->graph->ops[index].output);
    SSG_TRY(ssg_graph_add_tensor(b->graph, &shape, NULL, &positions));
    b->graph->tensors[positions].producer = index;
    b->graph->ops[index].positions = positions;
    return SSGCAM_OK;
}

ssgcam_status ssg_backward_append(ssg_graph *graph, int score, int classes, const int *taps, int tap_count, int *seeds, int *gradients)
{
    backward b = {.graph = graph, .classes = classes};
    ssgcam_status status = SSGCAM_OK;
    int ops = graph->op_count, tensors = graph->tensor_count;
    b.needed = ssg_calloc((size_t)tensors, 1);
    b.gradients = ssg_calloc((size_t)tensors, sizeof *b.gradients);
    if (!b.needed || !b.gradients) {
        status = SSG_OUT_OF_MEMORY;
        goto done;
    }
    for (int i = 0; i < tensors; i++) b.gradients[i] = -1;
    for (int i = 0; i < tap_count; i++) b.needed[taps[i]] = 1;
    for (int i = 0; i < ops; i++)
        for (int k = 0; k < graph->ops[i].input_count; k++) b.needed[graph->ops[i].output] |= b.needed[graph->ops[i].inputs[k]];

    ssg_shape seed_shape = gradient_shape(&b, score);
    SSG_TRY_DONE(ssg_graph_add_tensor(graph, &seed_shape, NULL, seeds));
    b.gradients[score] = *seeds;
    for (int i = ops - 1; i >= 0; i--) {
        int below = 0, output = graph->ops[i].output;
        for (int k = 0; k < graph->ops[i].input_count; k++) below |= b.needed[graph->ops[i].inputs[k]];
        if (!below || b.gradients[output] < 0) continue;
        SSG_TRY_DONE(give_positions(&b, i));
        SSG_TRY_DONE(through(&b, i));
    }
    for (int i = 0; i < tap_count; i++) {
        gradients[i] = b.gradients[taps[i]];
        if (gradients[i] >= 0) continue;
        const char *name = graph->tensors[taps[i]].name;
        status = ssg_fail(SSGCAM_ERR_ARGUMENT, "layer '%s': the class score does not depend on it", name ? name : "?");
        goto done;
    }
done:
    ssg_free(b.needed);
    ssg_free(b.gradients);
    return status;
}
