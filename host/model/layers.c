#include "host/model/layers.h"

#include <string.h>

#include "host/base/alloc.h"
#include "host/base/nearest_name.h"

/* ---- listing ------------------------------------------------------------------------------------------------------------- */

static int is_gate(ssg_function function)
{
    return function == SSG_FUNCTION_SIGMOID || function == SSG_FUNCTION_HARDSIGMOID;
}

/* x * sigmoid(x) and its like: a product of a tensor with a gate computed from that very tensor (through an affine map at most). */
static int is_self_gated(const ssg_graph *graph, const ssg_op *op)
{
    if (op->kind != SSG_OP_BINARY || op->binary != SSG_BINARY_MUL) return 0;
    for (int i = 0; i < 2; i++) {
        int gate = graph->tensors[op->inputs[i]].producer;
        if (gate < 0 || graph->ops[gate].kind != SSG_OP_UNARY) continue;
        if (!is_gate(graph->ops[gate].function) && graph->ops[gate].function != SSG_FUNCTION_CLIP && graph->ops[gate].function != SSG_FUNCTION_TANH)
            continue;
        int from = graph->ops[gate].inputs[0], before = graph->tensors[from].producer;
        if (from == op->inputs[1 - i]) return 1;
        if (before >= 0 && graph->ops[before].kind == SSG_OP_AFFINE && graph->ops[before].inputs[0] == op->inputs[1 - i]) return 1;
    }
    return 0;
}

static int is_activation(const ssg_graph *graph, const ssg_op *op)
{
    if (op->kind == SSG_OP_CONV) return op->function != SSG_FUNCTION_NONE;
    if (op->kind == SSG_OP_UNARY) return !is_gate(op->function);
    if (op->kind == SSG_OP_AFFINE) { /* a constant factor behind a self-gated product, as in a decomposed hard swish */
        int before = graph->tensors[op->inputs[0]].producer;
        return before >= 0 && !op->bias && is_self_gated(graph, &graph->ops[before]);
    }
    return is_self_gated(graph, op);
}

static int same_size(const ssg_shape *a, const ssg_shape *b)
{
    return a->dims[2] == b->dims[2] && a->dims[3] == b->dims[3];
}

/* Walks the activations in order; the last of each run of one resolution is a candidate. Single pixels (a squeezed gate) do not count as a
 * resolution. */
static void mark_candidates(ssg_layer *layers, int count)
{
    int last = -1;
    for (int i = 0; i < count; i++) {
        if (!layers[i].activation || layers[i].shape.dims[2] * layers[i].shape.dims[3] == 1) continue;
        if (last >= 0 && !same_size(&layers[last].shape, &layers[i].shape)) layers[last].candidate = 1;
        last = i;
    }
    if (last >= 0) layers[last].candidate = 1;
}

ssgcam_status ssg_layers_list(ssg_layer **out, int *count, const ssg_graph *graph)
{
    *count = 0;
    ssg_layer *layers = *out = ssg_calloc((size_t)graph->op_count, sizeof *layers);
    if (!layers) return SSG_OUT_OF_MEMORY;
    for (int i = 0; i < graph->op_count; i++) {
        const ssg_op *op = &graph->ops[i];
        const ssg_graph_tensor *tensor = &graph->tensors[op->output];
        if (!tensor->name || tensor->shape.rank != 4) continue;
        int value = ssg_model_find_value(graph->model, tensor->name), producer = value < 0 ? -1 : graph->model->values[value].producer;
        if (producer < 0) continue;
        const ssg_node *node = &graph->model->nodes[producer];
        layers[(*count)++] =
            (ssg_layer){.name = tensor->name, .node = node->name, .op = node->op, .shape = tensor->shape, .activation = is_activation(graph, op)};
    }
    mark_candidates(layers, *count);
    return SSGCAM_OK;
}

/* ---- picking --------------------------------------------------------------------------------------------------------------- */

static ssgcam_status find_layer(const ssg_layer *layers, int count, const char *name, int *index)
{
    for (*index = 0; *index < count; ++*index)
        if (strcmp(layers[*index].name, name) == 0) return SSGCAM_OK;
    for (*index = 0; *index < count; ++*index)
        if (strcmp(layers[*index].node, name) == 0) return SSGCAM_OK;
    const char **names = ssg_calloc((size_t)count, sizeof *names);
    if (!names) return SSG_OUT_OF_MEMORY;
    for (int i = 0; i < count; i++) names[i] = layers[i].name;
    const char *nearest = ssg_nearest_name(name, names, (size_t)count);
    ssg_fail(SSGCAM_ERR_NOT_FOUND, "the model has no layer '%s'%s%s%s; `ssgcam inspect` lists the layers", name, nearest ? " (the nearest is '" : "",
             nearest ? nearest : "", nearest ? "')" : "");
    ssg_free(names);
    return SSGCAM_ERR_NOT_FOUND;
}

static int chosen_by_keyword(const ssg_layer *layers, int count, const char *text, unsigned char *chosen)
{
    int automatic = strcmp(text, "auto") == 0, all = strcmp(text, "all") == 0, last = strcmp(text, "last") == 0;
    for (int i = 0; i < count; i++) chosen[i] = (automatic && layers[i].candidate) || (all && layers[i].activation);
    for (int i = count - 1; last && i >= 0; i--)
        if (layers[i].candidate) {
            chosen[i] = 1;
            break;
        }
    return automatic || all || last;
}

ssgcam_status ssg_layers_pick(int **picked, int *count, const ssg_layer *layers, int layer_count, const char *text)
{
    *picked = NULL;
    *count = 0;
    unsigned char *chosen = ssg_calloc((size_t)layer_count, 1);
    char *copy = ssg_strdup(text), *rest = NULL;
    ssgcam_status status = chosen && copy ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK && !chosen_by_keyword(layers, layer_count, text, chosen))
        for (char *name = strtok_r(copy, ",", &rest); name && status == SSGCAM_OK; name = strtok_r(NULL, ",", &rest)) {
            int index;
            status = find_layer(layers, layer_count, name, &index);
            if (status == SSGCAM_OK) chosen[index] = 1;
        }
    if (status == SSGCAM_OK && !(*picked = ssg_calloc((size_t)layer_count, sizeof **picked))) status = SSG_OUT_OF_MEMORY;
    for (int i = 0; status == SSGCAM_OK && i < layer_count; i++)
        if (chosen[i]) (*picked)[(*count)++] = i;
    if (status == SSGCAM_OK && *count == 0) status = ssg_fail(SSGCAM_ERR_NOT_FOUND, "'%s' picks no layer; `ssgcam inspect` lists the layers", text);
    if (status != SSGCAM_OK) {
        ssg_free(*picked);
        *picked = NULL;
        *count = 0;
    }
    ssg_free(copy);
    ssg_free(chosen);
    return status;
}
