#include "host/model/graph.h"

#include <string.h>

#include "host/base/alloc.h"

ssgcam_status ssg_graph_add_tensor(ssg_graph *graph, const ssg_shape *shape, const char *name, int *index)
{
    SSG_TRY(ssg_shape_check(shape, name ? name : "an intermediate tensor"));
    /* Capacity grows in powers of two: reallocate only when the count reaches one. */
    if ((graph->tensor_count & (graph->tensor_count - 1)) == 0)
        SSG_TRY(ssg_grow(&graph->tensors, graph->tensor_count ? 2 * (size_t)graph->tensor_count : 1, sizeof *graph->tensors));
    graph->tensors[graph->tensor_count] = (ssg_graph_tensor){.shape = *shape, .name = name, .producer = -1};
    *index = graph->tensor_count++;
    return SSGCAM_OK;
}

ssgcam_status ssg_graph_add_op(ssg_graph *graph, const ssg_op *op, const ssg_shape *output_shape, const char *output_name, int *output)
{
    SSG_TRY(ssg_graph_add_tensor(graph, output_shape, output_name, output));
    if ((graph->op_count & (graph->op_count - 1)) == 0)
        SSG_TRY(ssg_grow(&graph->ops, graph->op_count ? 2 * (size_t)graph->op_count : 1, sizeof *graph->ops));
    ssg_op copy = *op;
    copy.inputs = ssg_calloc((size_t)op->input_count, sizeof *copy.inputs);
    if (!copy.inputs) return SSG_OUT_OF_MEMORY;
    memcpy(copy.inputs, op->inputs, (size_t)op->input_count * sizeof *copy.inputs);
    ssg_const_retain(copy.weights);
    ssg_const_retain(copy.bias);
    copy.output = *output;
    graph->tensors[*output].producer = graph->op_count;
    graph->ops[graph->op_count++] = copy;
    return SSGCAM_OK;
}

int ssg_graph_find(const ssg_graph *graph, const char *name)
{
    int value = ssg_model_find_value(graph->model, name);
    return value < 0 ? -1 : graph->carriers[value];
}

void ssg_graph_destroy(ssg_graph **graph)
{
    if (!graph || !*graph) return;
    ssg_graph *g = *graph;
    for (int i = 0; i < g->op_count; i++) {
        ssg_free(g->ops[i].inputs);
        ssg_const_release(g->ops[i].weights);
        ssg_const_release(g->ops[i].bias);
    }
    for (int i = 0; i < g->tensor_count; i++) ssg_const_release(g->tensors[i].constant);
    ssg_free(g->ops);
    ssg_free(g->tensors);
    ssg_free(g->carriers);
    ssg_free(g);
    *graph = NULL;
}

int ssg_unary_backward_uses_output(ssg_function function)
{
    switch (function) {
    case SSG_FUNCTION_RELU:
    case SSG_FUNCTION_CLIP:
    case SSG_FUNCTION_LEAKY_RELU:
    case SSG_FUNCTION_ELU:
    case SSG_FUNCTION_SIGMOID:
    case SSG_FUNCTION_HARDSIGMOID:
    case SSG_FUNCTION_TANH:
    case SSG_FUNCTION_EXP:
    case SSG_FUNCTION_SQRT:
    case SSG_FUNCTION_RECIPROCAL: return 1;
    default: return 0;
    }
}

int ssg_unary_is_curved(ssg_function function)
{
    switch (function) {
    case SSG_FUNCTION_NONE:
    case SSG_FUNCTION_RELU:
    case SSG_FUNCTION_CLIP:
    case SSG_FUNCTION_LEAKY_RELU:
    case SSG_FUNCTION_HARDSIGMOID:
    case SSG_FUNCTION_ABS: return 0;
    default: return 1;
    }
}
