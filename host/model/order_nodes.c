#include "host/model/order_nodes.h"

#include <string.h>

#include "host/base/alloc.h"

typedef struct ordering {
    ssg_model *model;
    unsigned char *state; /* of each node: NEW, OPEN, DONE */
    int *stack, *next;    /* nodes that are open; of each node: the input to look at next */
    int *order, *place;   /* the old number of the i-th node, the new one of an old one */
    ssg_node *sorted;
    int ordered, depth;
} ordering;

enum { NEW, OPEN, DONE };

static void open_node(ordering *o, int index)
{
    o->state[index] = OPEN;
    o->stack[o->depth++] = index;
}

/* Opens the node that makes an input, unless it is done or there is none to be made. A node met again while it is open closes a cycle. */
static ssgcam_status visit(ordering *o, const ssg_node *node, int input)
{
    const ssg_model *m = o->model;
    if (input < 0 || input == m->input || m->values[input].constant) return SSGCAM_OK;
    int producer = m->values[input].producer;
    if (producer < 0)
        return ssg_fail(SSGCAM_ERR_INPUT, "node '%s' (%s) reads '%s', which nothing makes: an initialiser is missing", node->name, node->op,
                        m->values[input].name);
    if (o->state[producer] == OPEN)
        return ssg_fail(SSGCAM_ERR_INPUT, "nodes '%s' and '%s' depend on each other: the graph has a cycle", node->name, m->nodes[producer].name);
    if (o->state[producer] == NEW) open_node(o, producer);
    return SSGCAM_OK;
}

/* Depth-first from the output with an explicit stack, so that a long chain cannot overflow ours. */
static ssgcam_status walk(ordering *o)
{
    open_node(o, o->model->values[o->model->output].producer);
    while (o->depth > 0) {
        int index = o->stack[o->depth - 1];
        const ssg_node *node = &o->model->nodes[index];
        if (o->next[index] < node->input_count) {
            SSG_TRY(visit(o, node, node->inputs[o->next[index]++]));
            continue;
        }
        o->state[index] = DONE;
        o->order[o->ordered++] = index;
        o->depth--;
    }
    return SSGCAM_OK;
}

/* Nodes that the walk did not reach go to the end and are freed with the rest. */
static void rearrange(ordering *o)
{
    ssg_model *m = o->model;
    int at = o->ordered;
    for (int i = 0; i < m->node_count; i++)
        if (o->state[i] != DONE) o->order[at++] = i;
    for (int i = 0; i < m->node_count; i++) {
        o->sorted[i] = m->nodes[o->order[i]];
        o->place[o->order[i]] = i;
    }
    memcpy(m->nodes, o->sorted, (size_t)m->node_count * sizeof *m->nodes);
    for (int i = 0; i < m->value_count; i++)
        if (m->values[i].producer >= 0) m->values[i].producer = o->place[m->values[i].producer];
    m->unused_node_count = m->node_count - o->ordered;
    m->node_count = o->ordered;
}

ssgcam_status ssg_model_order_nodes(ssg_model *model)
{
    size_t count = (size_t)model->node_count;
    ordering o = {.model = model,
                  .state = ssg_calloc(count, 1),
                  .stack = ssg_calloc(count, sizeof *o.stack),
                  .next = ssg_calloc(count, sizeof *o.next),
                  .order = ssg_calloc(count, sizeof *o.order),
                  .place = ssg_calloc(count, sizeof *o.place),
                  .sorted = ssg_calloc(count, sizeof *o.sorted)};
    ssgcam_status status = o.state && o.stack && o.next && o.order && o.place && o.sorted ? walk(&o) : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) rearrange(&o);
    ssg_free(o.state);
    ssg_free(o.stack);
    ssg_free(o.next);
    ssg_free(o.order);
    ssg_free(o.place);
    ssg_free(o.sorted);
    return status;
}
