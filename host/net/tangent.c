#include "host/net/tangent.h"

#include "host/base/alloc.h"
#include "host/net/build.h"

typedef struct sweep {
    ssg_graph *graph;
    int64_t rows;          /* of every tangent */
    unsigned char *moves;  /* per tensor: it changes when the taps are moved */
    unsigned char *wanted; /* per tensor: its tangent is needed for a product */
    int *tangents;         /* per tensor: its tangent, -1 if there is none */
} sweep;

static int tangent_of(const sweep *s, int tensor)
{
    return s->tangents[tensor];
}

/* The shape of the tangent of `tensor`: one row per direction, class and image. */
static ssg_shape tangent_shape(const sweep *s, int tensor)
{
    ssg_shape shape = s->graph->tensors[tensor].shape;
    shape.dims[0] = s->rows;
    return shape;
}

static ssgcam_status emit(sweep *s, ssg_op op, const int *inputs, int count, const ssg_shape *shape, int *output)
{
    return ssg_build_op(s->graph, op, inputs, count, shape, output);
}

static ssgcam_status combine(sweep *s, ssg_binary kind, int left, int right, int *output)
{
    return ssg_build_binary(s->graph, kind, left, right, output);
}

/* total += term, where -1 stands for zero. */
static ssgcam_status add(sweep *s, int *total, int term)
{
    if (*total >= 0) return combine(s, SSG_BINARY_ADD, *total, term, total);
    *total = term;
    return SSGCAM_OK;
}

static ssgcam_status subtract(sweep *s, int *total, int term)
{
    if (*total >= 0) return combine(s, SSG_BINARY_SUB, *total, term, total);
    return ssg_build_scale(s->graph, term, -1, total);
}

/* ---- one operator: the tangent of its output from those of its inputs ------------------------------------------------------------ */

/* Linear in its only moving input: the operator itself without its constant part. */
static ssgcam_status linear(sweep *s, ssg_op op, const int *inputs, int count, int *result)
{
    ssg_shape shape = tangent_shape(s, op.output);
    op.bias = NULL;
    op.function = SSG_FUNCTION_NONE;
    if (op.kind == SSG_OP_SCATTER) op.alpha = 0;
    return emit(s, op, inputs, count, &shape, result);
}

static ssgcam_status of_binary(sweep *s, const ssg_op *op, int *result)
{
    int left = op->inputs[0], right = op->inputs[1], u = tangent_of(s, left), v = tangent_of(s, right), term;
    switch (op->binary) {
    case SSG_BINARY_ADD:
        if (u >= 0) SSG_TRY(add(s, result, u));
        if (v >= 0) SSG_TRY(add(s, result, v));
        break;
    case SSG_BINARY_SUB:
        if (u >= 0) SSG_TRY(add(s, result, u));
        if (v >= 0) SSG_TRY(subtract(s, result, v));
        break;
    case SSG_BINARY_MUL:
        if (u >= 0) SSG_TRY(combine(s, SSG_BINARY_MUL, u, right, result));
        if (v < 0) return SSGCAM_OK;
        SSG_TRY(combine(s, SSG_BINARY_MUL, v, left, &term));
        return add(s, result, term);
    case SSG_BINARY_DIV: /* (u - y v) / b */
        if (u >= 0) SSG_TRY(add(s, result, u));
        if (v >= 0) {
            SSG_TRY(combine(s, SSG_BINARY_MUL, v, op->output, &term));
            SSG_TRY(subtract(s, result, term));
        }
        return combine(s, SSG_BINARY_DIV, *result, right, result);
    case SSG_BINARY_MAX:
    case SSG_BINARY_MIN: { /* the tangent of the operand that won, ties to the second, as in the backward pass */
        int winner = op->binary == SSG_BINARY_MAX ? left : right, loser = winner == left ? right : left, lead, part;
        SSG_TRY(combine(s, SSG_BINARY_SUB, winner, loser, &lead));
        ssg_op gate = {.kind = SSG_OP_UNARY_BACKWARD, .function = SSG_FUNCTION_RELU};
        for (int side = 0; side < 2; side++) {
            int t = side ? v : u;
            if (t < 0) continue;
            ssg_shape shape = tangent_shape(s, op->output);
            if (!ssg_shape_equal(&s->graph->tensors[t].shape, &shape)) { /* a repeated operand */
                SSG_TRY(emit(s, (ssg_op){.kind = SSG_OP_BROADCAST, .alpha = 1}, &t, 1, &shape, &t));
            }
            SSG_TRY(emit(s, gate, (int[]){t, lead}, 2, &shape, &part));
            if (side) SSG_TRY(combine(s, SSG_BINARY_SUB, t, part, &part));
            SSG_TRY(add(s, result, part));
        }
        break;
    }
    }
    /* A sum with a larger constant operand: the tangent repeats to the output's shape. */
    ssg_shape shape = tangent_shape(s, op->output);
    if (ssg_shape_equal(&s->graph->tensors[*result].shape, &shape)) return SSGCAM_OK;
    return emit(s, (ssg_op){.kind = SSG_OP_BROADCAST, .alpha = 1}, result, 1, &shape, result);
}

/* Inputs that do not move leave zeros. */
static ssgcam_status of_concat(sweep *s, const ssg_op *op, int *result)
{
    ssg_op place = {.kind = SSG_OP_SCATTER, .steps = {1, 1, 1, 1, 1, 1}};
    ssg_shape shape = tangent_shape(s, op->output);
    int all = 1, part;
    for (int i = 0; i < op->input_count; i++) all &= tangent_of(s, op->inputs[i]) >= 0;
    if (all) {
        int *inputs = ssg_calloc((size_t)op->input_count, sizeof *inputs);
        if (!inputs) return SSG_OUT_OF_MEMORY;
        for (int i = 0; i < op->input_count; i++) inputs[i] = tangent_of(s, op->inputs[i]);
        ssg_op concat = *op;
        concat.inputs = inputs;
        ssgcam_status status = ssg_graph_add_op(s->graph, &concat, &shape, NULL, result);
        ssg_free(inputs);
        return status;
    }
    for (int i = 0; i < op->input_count; i++) {
        int t = tangent_of(s, op->inputs[i]);
        if (t >= 0) {
            SSG_TRY(emit(s, place, &t, 1, &shape, &part));
            SSG_TRY(add(s, result, part));
        }
        place.starts[op->axis] += s->graph->tensors[op->inputs[i]].shape.dims[op->axis];
    }
    return SSGCAM_OK;
}

/* Softmax: y (t - sum y t), the same operator as its gradient since its Jacobian is symmetric. Log-softmax: t - sum e^y t. */
static ssgcam_status of_softmax(sweep *s, const ssg_op *op, int *result)
{
    int t = tangent_of(s, op->inputs[0]), y = op->output, exponential, sum;
    ssg_shape shape = tangent_shape(s, y);
    if (!op->log) {
        ssg_op back = *op;
        back.kind = SSG_OP_SOFTMAX_BACKWARD;
        return emit(s, back, (int[]){t, y}, 2, &shape, result);
    }
    ssg_shape y_shape = s->graph->tensors[y].shape;
    SSG_TRY(emit(s, (ssg_op){.kind = SSG_OP_UNARY, .function = SSG_FUNCTION_EXP}, &y, 1, &y_shape, &exponential));
    SSG_TRY(combine(s, SSG_BINARY_MUL, t, exponential, &sum));
    SSG_TRY(ssg_build_sum(s->graph, sum, op->axis, &sum));
    return combine(s, SSG_BINARY_SUB, t, sum, result);
}

/* dx = y (d - sum y d), with d the incoming gradient: (d' term) + y' (d - sum y d) - y sum y' d. Logarithmic: dx = d - e^y sum d: (d' term) - y' e^y
 * sum d. */
static ssgcam_status of_softmax_backward(sweep *s, const ssg_op *op, int *result)
{
    int d = op->inputs[0], y = op->inputs[1], d_tangent = tangent_of(s, d), y_tangent = tangent_of(s, y), sum, term;
    ssg_shape shape = tangent_shape(s, op->output);
    if (d_tangent >= 0) SSG_TRY(emit(s, *op, (int[]){d_tangent, y}, 2, &shape, result));
    if (y_tangent < 0) return SSGCAM_OK;
    if (op->log) {
        ssg_shape y_shape = s->graph->tensors[y].shape;
        SSG_TRY(ssg_build_sum(s->graph, d, op->axis, &sum));
        SSG_TRY(emit(s, (ssg_op){.kind = SSG_OP_UNARY, .function = SSG_FUNCTION_EXP}, &y, 1, &y_shape, &term));
        SSG_TRY(combine(s, SSG_BINARY_MUL, y_tangent, term, &term));
        SSG_TRY(combine(s, SSG_BINARY_MUL, term, sum, &term));
        return subtract(s, result, term);
    }
    SSG_TRY(combine(s, SSG_BINARY_MUL, d, y, &sum));
    SSG_TRY(ssg_build_sum(s->graph, sum, op->axis, &sum));
    SSG_TRY(combine(s, SSG_BINARY_SUB, d, sum, &term));
    SSG_TRY(combine(s, SSG_BINARY_MUL, y_tangent, term, &term));
    SSG_TRY(add(s, result, term));
    SSG_TRY(combine(s, SSG_BINARY_MUL, y_tangent, d, &term));
    SSG_TRY(ssg_build_sum(s->graph, term, op->axis, &sum));
    SSG_TRY(combine(s, SSG_BINARY_MUL, sum, y, &term));
    return subtract(s, result, term);
}

static ssgcam_status of_unary(sweep *s, const ssg_op *op, int t, int *result)
{
    ssg_op slope = {.kind = SSG_OP_UNARY_BACKWARD, .name = op->name, .function = op->function, .alpha = op->alpha, .beta = op->beta};
    ssg_shape shape = tangent_shape(s, op->output);
    int saved = op->kind != SSG_OP_UNARY || ssg_unary_backward_uses_output(op->function) ? op->output : op->inputs[0];
    return emit(s, slope, (int[]){t, saved}, 2, &shape, result);
}

/* dx = d s(v): d' s(v) + d s'(v) v'. */
static ssgcam_status of_unary_backward(sweep *s, const ssg_op *op, int *result)
{
    int d = op->inputs[0], v = op->inputs[1], d_tangent = tangent_of(s, d), v_tangent = tangent_of(s, v), term;
    ssg_shape shape = tangent_shape(s, op->output);
    if (d_tangent >= 0) SSG_TRY(emit(s, *op, (int[]){d_tangent, v}, 2, &shape, result));
    if (v_tangent < 0 || !ssg_unary_is_curved(op->function)) return SSGCAM_OK;
    ssg_op second = *op;
    second.kind = SSG_OP_UNARY_SECOND;
    SSG_TRY(emit(s, second, (int[]){d, v, v_tangent}, 3, &shape, &term));
    return add(s, result, term);
}

static ssgcam_status of_op(sweep *s, const ssg_op *op, int *result)
{
    int t = tangent_of(s, op->inputs[0]);
    ssg_op gather = *op;
    *result = -1;
    switch (op->kind) {
    case SSG_OP_CONV:
    case SSG_OP_MATMUL: SSG_TRY(linear(s, *op, &t, 1, result)); return op->function ? of_unary(s, op, *result, result) : SSGCAM_OK;
    case SSG_OP_AFFINE:
        if (op->weights) return linear(s, *op, &t, 1, result);
        *result = t;
        return SSGCAM_OK;
    case SSG_OP_CONV_BACKWARD:
    case SSG_OP_MATMUL_BACKWARD:
    case SSG_OP_AVGPOOL:
    case SSG_OP_AVGPOOL_BACKWARD:
    case SSG_OP_REDUCE:
    case SSG_OP_BROADCAST:
    case SSG_OP_SLICE:
    case SSG_OP_SCATTER:
    case SSG_OP_TRANSPOSE:
    case SSG_OP_RESHAPE: return linear(s, *op, &t, 1, result);
    case SSG_OP_MAXPOOL_BACKWARD: return linear(s, *op, (int[]){t, op->inputs[1]}, 2, result);
    case SSG_OP_MAXPOOL: gather.kind = SSG_OP_MAXPOOL_TANGENT; return linear(s, gather, (int[]){t, op->inputs[0]}, 2, result);
    case SSG_OP_UNARY: return of_unary(s, op, t, result);
    case SSG_OP_UNARY_BACKWARD: return of_unary_backward(s, op, result);
    case SSG_OP_BINARY: return of_binary(s, op, result);
    case SSG_OP_CONCAT: return of_concat(s, op, result);
    case SSG_OP_SOFTMAX: return of_softmax(s, op, result);
    case SSG_OP_SOFTMAX_BACKWARD: return of_softmax_backward(s, op, result);
    default: return ssg_fail(SSGCAM_ERR_INTERNAL, "operator kind %d has no tangent", (int)op->kind);
    }
}

/* ---- the sweep ----------------------------------------------------------------------------------------------------------------------- */

/* Whether the output changes to first order when input k does: not through the saved tensor of a slope that is piecewise constant, nor through the
 * positions of maxima. */
static int sees(const ssg_op *op, int k)
{
    if (op->kind == SSG_OP_UNARY_BACKWARD && k == 1) return ssg_unary_is_curved(op->function);
    return op->kind != SSG_OP_MAXPOOL_BACKWARD || k == 0;
}

/* Whether the operator carries a movement on. A tap may move although the operator that makes it does not. */
static int carries(const sweep *s, const ssg_op *op)
{
    for (int k = 0; k < op->input_count; k++)
        if (sees(op, k) && s->moves[op->inputs[k]]) return 1;
    return 0;
}

static void mark(sweep *s, const int *taps, const int *gradients, int tap_count)
{
    const ssg_graph *graph = s->graph;
    for (int i = 0; i < tap_count; i++) {
        s->moves[taps[i]] = 1;
        s->wanted[gradients[i]] = 1;
    }
    for (int i = 0; i < graph->op_count; i++)
        if (carries(s, &graph->ops[i])) s->moves[graph->ops[i].output] = 1;
    for (int i = graph->op_count - 1; i >= 0; i--)
        for (int k = 0; s->wanted[graph->ops[i].output] && k < graph->ops[i].input_count; k++)
            if (sees(&graph->ops[i], k) && s->moves[graph->ops[i].inputs[k]]) s->wanted[graph->ops[i].inputs[k]] = 1;
}

/* The tangent of a tap gets the tap's own direction on top. */
static ssgcam_status add_direction(sweep *s, int tap, int *direction)
{
    ssg_shape shape = tangent_shape(s, tap);
    SSG_TRY(ssg_graph_add_tensor(s->graph, &shape, NULL, direction));
    return add(s, &s->tangents[tap], *direction);
}

static ssgcam_status refuse_zero(const sweep *s, int tap)
{
    const char *name = s->graph->tensors[tap].name;
    return ssg_fail(SSGCAM_ERR_ARGUMENT,
                    "layer '%s': the target is piecewise linear in its activations, so its second derivatives are exactly zero and the map would be "
                    "empty; use --target logsoftmax, softmax or rest, or --second-order square",
                    name ? name : "?");
}

ssgcam_status ssg_tangent_append(ssg_graph *graph, int64_t rows, const int *taps, const int *gradients, int tap_count, int *directions, int *products)
{
    sweep s = {.graph = graph, .rows = rows};
    ssgcam_status status = SSGCAM_OK;
    int ops = graph->op_count, tensors = graph->tensor_count;
    s.moves = ssg_calloc((size_t)tensors, 1);
    s.wanted = ssg_calloc((size_t)tensors, 1);
    s.tangents = ssg_calloc((size_t)tensors, sizeof *s.tangents);
    if (!s.moves || !s.wanted || !s.tangents) {
        status = SSG_OUT_OF_MEMORY;
        goto done;
    }
    for (int t = 0; t < tensors; t++) s.tangents[t] = -1;
    mark(&s, taps, gradients, tap_count);
    for (int i = 0; i < tap_count; i++) {
        directions[i] = -1;
        if (!s.moves[gradients[i]]) {
            status = refuse_zero(&s, taps[i]);
            goto done;
        }
        if (graph->tensors[taps[i]].producer < 0) SSG_TRY_DONE(add_direction(&s, taps[i], &directions[i]));
    }
    for (int i = 0; i < ops; i++) {
        ssg_op op = graph->ops[i]; /* a copy: adding operators moves the array */
        if (s.wanted[op.output] && carries(&s, &op)) SSG_TRY_DONE(of_op(&s, &op, &s.tangents[op.output]));
        for (int k = 0; k < tap_count; k++)
            if (taps[k] == op.output && directions[k] < 0) SSG_TRY_DONE(add_direction(&s, taps[k], &directions[k]));
    }
    for (int i = 0; i < tap_count; i++) products[i] = s.tangents[gradients[i]];
done:
    ssg_free(s.moves);
    ssg_free(s.wanted);
    ssg_free(s.tangents);
    return status;
}
