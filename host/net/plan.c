#include "host/net/plan.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/net/backward.h"
#include "host/net/tangent.h"
#include "host/net/target.h"

/* A tensor of the graph in one placement. The first version is what its producer gave; others come from reorders. */
typedef struct version {
    int tensor;
    ssg_placed placed;
    int storage;
    int next; /* another version of the same tensor, -1 at the end */
} version;

/* Memory shared by versions that follow each other in place. */
typedef struct storage {
    size_t bytes, offset;
    int first, last; /* steps during which it must hold */
} storage;

typedef struct planned_step {
    ssg_step *step;
    int *inputs;                        /* versions */
    int input_count, output, positions; /* versions; positions -1 if none */
    int in_place;
} planned_step;

struct ssg_plan {
    ssg_device *device;
    ssg_graph *graph;
    ssg_precision precision;
    planned_step *steps;
    int step_count, step_capacity, forward_steps, backward_steps; /* all; room; up to the end of the first and second pass */
    version *versions;
    int version_count, version_capacity;
    int *first_version; /* per tensor, -1 before it is made */
    storage *storages;
    int storage_count;
    void *memory, *scratch;
    void **constants; /* per tensor: device memory of a constant */
    size_t memory_bytes, scratch_bytes;
    int seeds, score; /* tensors; seeds -1 in a forward-only plan */
    int classes, direction_count;
    int tap_count;
    int *taps, *gradients, *directions, *products; /* tensors, then (after planning) versions */
    int *direction_inputs;                         /* versions that take the directions from host memory */
    float *seed_buffer;
};

enum { FOREVER = 1 << 30 };

/* ---- versions and steps ------------------------------------------------------------------------------------------------------ */

static ssgcam_status add_version(ssg_plan *plan, int tensor, const ssg_placed *placed, int *index)
{
    if (plan->version_count == plan->version_capacity) {
        int capacity = plan->version_capacity ? 2 * plan->version_capacity : 64;
        SSG_TRY(ssg_grow(&plan->versions, (size_t)capacity, sizeof *plan->versions));
        plan->version_capacity = capacity;
    }
    plan->versions[plan->version_count] = (version){tensor, *placed, -1, plan->first_version[tensor]};
    /* Later versions go behind the first, which stays the producer's. */
    int first = plan->first_version[tensor];
    if (first < 0) {
        plan->first_version[tensor] = plan->version_count;
    } else {
        plan->versions[plan->version_count].next = plan->versions[first].next;
        plan->versions[first].next = plan->version_count;
    }
    *index = plan->version_count++;
    return SSGCAM_OK;
}

static ssgcam_status add_step(ssg_plan *plan, ssg_step *step, const int *inputs, int count, int output, int positions, int in_place)
{
    int *copy = ssg_calloc((size_t)count, sizeof *copy);
    ssgcam_status status = copy ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK && plan->step_count == plan->step_capacity) {
        int capacity = plan->step_capacity ? 2 * plan->step_capacity : 64;
        status = ssg_grow(&plan->steps, (size_t)capacity, sizeof *plan->steps);
        if (status == SSGCAM_OK) plan->step_capacity = capacity;
    }
    if (status != SSGCAM_OK) {
        ssg_free(copy);
        plan->device->interface->step_destroy(step);
        return status;
    }
    memcpy(copy, inputs, (size_t)count * sizeof *copy);
    plan->steps[plan->step_count++] = (planned_step){step, copy, count, output, positions, in_place};
    return SSGCAM_OK;
}

/* The version of `tensor` in the wanted placement; a reorder is planned if there is none yet. */
static ssgcam_status version_in(ssg_plan *plan, int tensor, const ssg_placed *wanted, int *index)
{
    int first = plan->first_version[tensor];
    for (int v = first; v >= 0; v = plan->versions[v].next)
        if (ssg_placed_same(&plan->versions[v].placed, wanted)) {
            *index = v;
            return SSGCAM_OK;
        }
    static const ssg_op reorder = {.kind = SSG_OP_REORDER, .name = "reorder"};
    ssg_step_request request = {.op = &reorder, .precision = plan->precision, .inputs = {plan->versions[first].placed}, .output = *wanted};
    ssg_step *step;
    SSG_TRY(plan->device->interface->step_create(plan->device, &request, &step));
    ssgcam_status status = add_version(plan, tensor, wanted, index);
    if (status != SSGCAM_OK) {
        plan->device->interface->step_destroy(step);
        return status;
    }
    return add_step(plan, step, &first, 1, *index, -1, 0);
}

static ssgcam_status plan_op(ssg_plan *plan, const ssg_op *op)
{
    ssg_step_request request = {.op = op, .precision = plan->precision, .with_positions = op->positions != 0};
    ssgcam_status status = SSGCAM_OK;
    ssg_step *step = NULL;
    ssg_placed *more = NULL;
    int *inputs = ssg_calloc((size_t)op->input_count, sizeof *inputs);
    if (!inputs) return SSG_OUT_OF_MEMORY;
    if (op->kind == SSG_OP_CONCAT && !(request.more_inputs = more = ssg_calloc((size_t)op->input_count, sizeof *more))) {
        status = SSG_OUT_OF_MEMORY;
        goto done;
    }
    ssg_placed *placed = more ? more : request.inputs;
    for (int i = 0; i < op->input_count; i++) placed[i] = plan->versions[plan->first_version[op->inputs[i]]].placed;
    request.output = (ssg_placed){.shape = plan->graph->tensors[op->output].shape};
    if (op->kind == SSG_OP_MAXPOOL_BACKWARD) {
        const ssg_op *forward = &plan->graph->ops[plan->graph->tensors[op->inputs[1]].producer];
        request.positions = plan->versions[plan->first_version[forward->output]].placed;
    }
    SSG_TRY_DONE(plan->device->interface->step_create(plan->device, &request, &step));
    for (int i = 0; i < op->input_count; i++) {
        status = version_in(plan, op->inputs[i], &placed[i], &inputs[i]);
        if (status != SSGCAM_OK) break;
    }
    int output = -1, positions = -1;
    if (status == SSGCAM_OK) status = add_version(plan, op->output, &request.output, &output);
    if (status == SSGCAM_OK && op->positions) {
        request.positions.shape = plan->graph->tensors[op->positions].shape;
        status = add_version(plan, op->positions, &request.positions, &positions);
    }
    if (status != SSGCAM_OK) {
        plan->device->interface->step_destroy(step);
        goto done;
    }
    if (request.scratch_bytes > plan->scratch_bytes) plan->scratch_bytes = request.scratch_bytes;
    status = add_step(plan, step, inputs, op->input_count, output, positions, request.in_place);
done:
    if (status != SSGCAM_OK) ssg_fail_prefix(status, "node '%s'", op->name ? op->name : "?");
    ssg_free(inputs);
    ssg_free(more);
    return status;
}

static ssg_placed plain(const ssg_shape *shape)
{
    ssg_placed placed = {.shape = *shape};
    ssg_placed_measure(&placed);
    return placed;
}

static ssgcam_status add_plain_version(ssg_plan *plan, int tensor)
{
    int index;
    ssg_placed placed = plain(&plan->graph->tensors[tensor].shape);
    return add_version(plan, tensor, &placed, &index);
}

/* Constants that operators read as whole tensors live on the device as long as the plan. */
static ssgcam_status place_constants(ssg_plan *plan)
{
    plan->constants = ssg_calloc((size_t)plan->graph->tensor_count, sizeof *plan->constants);
    if (!plan->constants) return SSG_OUT_OF_MEMORY;
    for (int t = 0; t < plan->graph->tensor_count; t++) {
        const ssg_const *constant = plan->graph->tensors[t].constant;
        if (!constant) continue;
        size_t bytes = ssg_shape_count(&constant->shape) * sizeof(float);
        SSG_TRY(add_plain_version(plan, t));
        SSG_TRY(plan->device->interface->memory_create(plan->device, bytes, &plan->constants[t]));
        SSG_TRY(plan->device->interface->upload(plan->device, plan->constants[t], constant->f32, bytes));
    }
    return SSGCAM_OK;
}

/* The version of a tensor of tap i in the layout of the tap's activation. */
static ssgcam_status like_activation(ssg_plan *plan, int i, int tensor, int *v)
{
    ssg_placed placed = plan->versions[plan->taps[i]].placed;
    placed.shape = plan->graph->tensors[tensor].shape;
    ssg_placed_measure(&placed);
    return version_in(plan, tensor, &placed, v);
}

static ssgcam_status plan_steps(ssg_plan *plan, int forward_ops, int backward_ops)
{
    SSG_TRY(place_constants(plan));
    SSG_TRY(add_plain_version(plan, plan->graph->input));
    for (int i = 0; i < forward_ops; i++) SSG_TRY(plan_op(plan, &plan->graph->ops[i]));
    /* Scores are read in plain float32; so are the taps' values, in whatever layout they have. */
    int index;
    for (int i = 0; i < 2; i++) {
        int tensor = i ? plan->graph->output : plan->graph->logits;
        ssg_placed placed = plain(&plan->graph->tensors[tensor].shape);
        SSG_TRY(version_in(plan, tensor, &placed, &index));
    }
    for (int i = 0; i < plan->tap_count; i++) {
        ssg_placed placed = plan->versions[plan->first_version[plan->taps[i]]].placed;
        placed.precision = SSG_PRECISION_F32;
        ssg_placed_measure(&placed);
        SSG_TRY(version_in(plan, plan->taps[i], &placed, &plan->taps[i]));
    }
    plan->forward_steps = plan->step_count;
    if (plan->seeds < 0) return SSGCAM_OK;
    SSG_TRY(add_plain_version(plan, plan->seeds));
    for (int i = forward_ops; i < backward_ops; i++) SSG_TRY(plan_op(plan, &plan->graph->ops[i]));
    for (int i = 0; i < plan->tap_count; i++) SSG_TRY(like_activation(plan, i, plan->gradients[i], &plan->gradients[i]));
    plan->backward_steps = plan->step_count;
    if (!plan->direction_count) return SSGCAM_OK;
    for (int i = 0; i < plan->tap_count; i++) {
        SSG_TRY(add_plain_version(plan, plan->directions[i]));
        plan->direction_inputs[i] = plan->first_version[plan->directions[i]];
        SSG_TRY(like_activation(plan, i, plan->directions[i], &plan->directions[i]));
    }
    for (int i = backward_ops; i < plan->graph->op_count; i++) SSG_TRY(plan_op(plan, &plan->graph->ops[i]));
    for (int i = 0; i < plan->tap_count; i++) SSG_TRY(like_activation(plan, i, plan->products[i], &plan->products[i]));
    return SSGCAM_OK;
}

/* ---- memory -------------------------------------------------------------------------------------------------------------------- */

static void new_storage(ssg_plan *plan, int v, int step)
{
    plan->versions[v].storage = plan->storage_count;
    plan->storages[plan->storage_count++] = (storage){plan->versions[v].placed.bytes, 0, step, step};
}

static void hold(ssg_plan *plan, int v, int last)
{
    storage *s = &plan->storages[plan->versions[v].storage];
    if (s->last < last) s->last = last;
}

/* Steps at which each version is read for the last time. */
static void find_last_reads(const ssg_plan *plan, int *last)
{
    for (int v = 0; v < plan->version_count; v++) last[v] = -1;
    for (int s = 0; s < plan->step_count; s++)
        for (int i = 0; i < plan->steps[s].input_count; i++) last[plan->steps[s].inputs[i]] = s;
    for (int i = 0; i < 2; i++) {
        int tensor = i ? plan->graph->output : plan->graph->logits;
        for (int v = plan->first_version[tensor]; v >= 0; v = plan->versions[v].next) last[v] = FOREVER;
    }
    for (int i = 0; i < plan->tap_count; i++) {
        last[plan->taps[i]] = FOREVER;
        if (plan->seeds >= 0) last[plan->gradients[i]] = FOREVER;
        if (plan->direction_count) last[plan->directions[i]] = last[plan->products[i]] = FOREVER;
    }
    /* The second-order sweep may run again: what it reads of the passes before stays. */
    for (int s = 0; s < plan->backward_steps; s++) {
        int made[2] = {plan->steps[s].output, plan->steps[s].positions};
        for (int k = 0; k < 2; k++)
            if (made[k] >= 0 && last[made[k]] >= plan->backward_steps) last[made[k]] = FOREVER;
    }
    int input = plan->first_version[plan->graph->input];
    if (plan->direction_count && last[input] >= plan->backward_steps) last[input] = FOREVER;
    if (plan->direction_count && last[plan->first_version[plan->seeds]] >= plan->backward_steps) last[plan->first_version[plan->seeds]] = FOREVER;
}

static void assign_storages(ssg_plan *plan, const int *last)
{
    new_storage(plan, plan->first_version[plan->graph->input], -1);
    hold(plan, plan->first_version[plan->graph->input], last[plan->first_version[plan->graph->input]]);
    if (plan->seeds >= 0) {
        new_storage(plan, plan->first_version[plan->seeds], plan->forward_steps - 1);
        hold(plan, plan->first_version[plan->seeds], last[plan->first_version[plan->seeds]]);
    }
    for (int i = 0; plan->direction_count && i < plan->tap_count; i++) {
        new_storage(plan, plan->direction_inputs[i], plan->backward_steps - 1);
        hold(plan, plan->direction_inputs[i], last[plan->direction_inputs[i]]);
    }
    for (int s = 0; s < plan->step_count; s++) {
        planned_step *step = &plan->steps[s];
        int shared = step->in_place ? step->inputs[step->in_place - 1] : -1;
        /* In place only if this is the input's last reader, it owns memory of the same size, and no other operand of the step is the same tensor. */
        int can = shared >= 0 && last[shared] == s && plan->versions[shared].storage >= 0 &&
                  plan->versions[shared].placed.bytes == plan->versions[step->output].placed.bytes;
        for (int i = 0; can && i < step->input_count; i++)
            if (i != step->in_place - 1 && plan->versions[step->inputs[i]].storage == plan->versions[shared].storage) can = 0;
        if (can)
            plan->versions[step->output].storage = plan->versions[shared].storage;
        else
            new_storage(plan, step->output, s);
        hold(plan, step->output, last[step->output] < s ? s : last[step->output]);
        if (step->positions < 0) continue;
        new_storage(plan, step->positions, s);
        hold(plan, step->positions, last[step->positions] < s ? s : last[step->positions]);
    }
}

static int larger_first(const void *a, const void *b)
{
    const storage *x = *(storage *const *)a, *y = *(storage *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y;
}

static int lower_first(const void *a, const void *b)
{
    const storage *x = *(storage *const *)a, *y = *(storage *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Greedy by size: each storage goes into the lowest gap between the already placed ones whose lifetimes touch its own. */
static void place_storages(ssg_plan *plan, storage **order, storage **rivals)
{
    for (int i = 0; i < plan->storage_count; i++) {
        order[i] = &plan->storages[i];
        order[i]->bytes = (order[i]->bytes + 63) / 64 * 64;
    }
    qsort(order, (size_t)plan->storage_count, sizeof *order, larger_first);
    for (int i = 0; i < plan->storage_count; i++) {
        storage *s = order[i];
        int count = 0;
        for (int k = 0; k < i; k++)
            if (order[k]->first <= s->last && s->first <= order[k]->last) rivals[count++] = order[k];
        qsort(rivals, (size_t)count, sizeof *rivals, lower_first);
        size_t offset = 0;
        for (int k = 0; k < count; k++) {
            if (offset + s->bytes <= rivals[k]->offset) break;
            if (rivals[k]->offset + rivals[k]->bytes > offset) offset = rivals[k]->offset + rivals[k]->bytes;
        }
        s->offset = offset;
        if (offset + s->bytes > plan->memory_bytes) plan->memory_bytes = offset + s->bytes;
    }
}

static ssgcam_status plan_memory(ssg_plan *plan)
{
    size_t most = (size_t)plan->version_count;
    ssgcam_status status = SSG_OUT_OF_MEMORY;
    int *last = ssg_calloc(most, sizeof *last);
    storage **order = ssg_calloc(most, sizeof *order), **rivals = ssg_calloc(most, sizeof *rivals);
    plan->storages = ssg_calloc(most, sizeof *plan->storages);
    if (!last || !order || !rivals || !plan->storages) goto done;
    find_last_reads(plan, last);
    assign_storages(plan, last);
    place_storages(plan, order, rivals);
    status = plan->device->interface->memory_create(plan->device, plan->memory_bytes, &plan->memory);
    if (status == SSGCAM_OK && plan->scratch_bytes)
        status = plan->device->interface->memory_create(plan->device, plan->scratch_bytes, &plan->scratch);
done:
    ssg_free(last);
    ssg_free(order);
    ssg_free(rivals);
    return status;
}

static void *address(const ssg_plan *plan, int v)
{
    if (v < 0) return NULL;
    const version *found = &plan->versions[v];
    if (found->storage < 0) return plan->constants[found->tensor];
    return (char *)plan->memory + plan->storages[found->storage].offset;
}

/* ---- creation ------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status find_taps(ssg_plan *plan, const ssg_plan_options *options)
{
    for (int i = 0; i < options->tap_count; i++) {
        plan->taps[i] = ssg_graph_find(plan->graph, options->taps[i]);
        if (plan->taps[i] < 0) return ssg_fail(SSGCAM_ERR_NOT_FOUND, "layer '%s' is not in the model", options->taps[i]);
    }
    return SSGCAM_OK;
}

static ssgcam_status build(ssg_plan *plan, const ssg_model *model, const ssg_plan_options *options)
{
    size_t taps = (size_t)options->tap_count;
    plan->taps = ssg_calloc(taps, sizeof *plan->taps);
    plan->gradients = ssg_calloc(taps, sizeof *plan->gradients);
    plan->directions = ssg_calloc(taps, sizeof *plan->directions);
    plan->direction_inputs = ssg_calloc(taps, sizeof *plan->direction_inputs);
    plan->products = ssg_calloc(taps, sizeof *plan->products);
    if (!plan->taps || !plan->gradients || !plan->directions || !plan->direction_inputs || !plan->products) return SSG_OUT_OF_MEMORY;
    SSG_TRY(ssg_graph_lower(&plan->graph, model, &options->input, options->taps, options->tap_count));
    SSG_TRY(find_taps(plan, options));
    ssg_graph *graph = plan->graph;
    if (options->directions > 0) SSG_TRY(ssg_spell_out(graph));
    plan->score = graph->output;
    if (!options->through_head) SSG_TRY(ssg_target_append(graph, options->target, &plan->score));
    int forward_ops = graph->op_count, backward_ops = forward_ops;
    if (options->classes > 0) {
        SSG_TRY(ssg_backward_append(graph, plan->score, options->classes, plan->taps, plan->tap_count, &plan->seeds, plan->gradients));
        plan->seed_buffer = ssg_calloc(ssg_shape_count(&graph->tensors[plan->seeds].shape), sizeof(float));
        if (!plan->seed_buffer) return SSG_OUT_OF_MEMORY;
        backward_ops = graph->op_count;
    }
    if (options->directions > 0)
        SSG_TRY(ssg_tangent_append(graph, (int64_t)options->directions * graph->tensors[plan->seeds].shape.dims[0], plan->taps, plan->gradients,
                                   plan->tap_count, plan->directions, plan->products));
    plan->first_version = ssg_calloc((size_t)plan->graph->tensor_count, sizeof *plan->first_version);
    if (!plan->first_version) return SSG_OUT_OF_MEMORY;
    for (int i = 0; i < plan->graph->tensor_count; i++) plan->first_version[i] = -1;
    SSG_TRY(plan_steps(plan, forward_ops, backward_ops));
    return plan_memory(plan);
}

ssgcam_status ssg_plan_create(ssg_plan **out, ssg_device *device, const ssg_model *model, const ssg_plan_options *options)
{
    *out = NULL;
    if (options->classes < 0 || options->tap_count < 0 || options->directions < 0 || (options->directions > 0 && options->classes < 1))
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "%d classes, %d taps, %d directions", options->classes, options->tap_count, options->directions);
    ssg_plan *plan = ssg_calloc(1, sizeof *plan);
    if (!plan) return SSG_OUT_OF_MEMORY;
    plan->device = device;
    plan->precision = options->precision;
    plan->classes = options->classes;
    plan->tap_count = options->tap_count;
    plan->direction_count = options->directions;
    plan->seeds = -1;
    ssgcam_status status = build(plan, model, options);
    if (status != SSGCAM_OK) ssg_plan_destroy(&plan);
    *out = plan;
    return status;
}

void ssg_plan_destroy(ssg_plan **plan)
{
    if (!plan || !*plan) return;
    ssg_plan *p = *plan;
    for (int i = 0; i < p->step_count; i++) {
        p->device->interface->step_destroy(p->steps[i].step);
        ssg_free(p->steps[i].inputs);
    }
    for (int t = 0; p->constants && p->graph && t < p->graph->tensor_count; t++) p->device->interface->memory_destroy(p->device, p->constants[t]);
    p->device->interface->memory_destroy(p->device, p->memory);
    p->device->interface->memory_destroy(p->device, p->scratch);
    ssg_graph_destroy(&p->graph);
    ssg_free(p->constants);
    ssg_free(p->steps);
    ssg_free(p->versions);
    ssg_free(p->first_version);
    ssg_free(p->storages);
    ssg_free(p->taps);
    ssg_free(p->gradients);
    ssg_free(p->directions);
    ssg_free(p->direction_inputs);
    ssg_free(p->products);
    ssg_free(p->seed_buffer);
    ssg_free(p);
    *plan = NULL;
}

/* ---- running --------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status run_steps(ssg_plan *plan, int from, int to)
{
    const void *few[16], **inputs = few, **many = NULL;
    ssgcam_status status = SSGCAM_OK;
    for (int s = from; s < to && status == SSGCAM_OK; s++) {
        const planned_step *step = &plan->steps[s];
        if (step->input_count > 16) {
            SSG_TRY_DONE(ssg_grow(&many, (size_t)step->input_count, sizeof *many));
            inputs = many;
        } else {
            inputs = few;
        }
        for (int i = 0; i < step->input_count; i++) inputs[i] = address(plan, step->inputs[i]);
        status = plan->device->interface->step_run(step->step, inputs, address(plan, step->output), address(plan, step->positions), plan->scratch);
    }
done:
    ssg_free(many);
    return status;
}

ssgcam_status ssg_plan_forward(ssg_plan *plan, const float *images)
{
    int v = plan->first_version[plan->graph->input];
    SSG_TRY(plan->device->interface->upload(plan->device, address(plan, v), images, plan->versions[v].placed.bytes));
    return run_steps(plan, 0, plan->forward_steps);
}

static ssgcam_status read_plain(ssg_plan *plan, int tensor, float *to)
{
    ssg_placed wanted = plain(&plan->graph->tensors[tensor].shape);
    int v;
    SSG_TRY(version_in(plan, tensor, &wanted, &v)); /* planned from the start: finds it */
    SSG_TRY(plan->device->interface->wait(plan->device));
    return plan->device->interface->download(plan->device, to, address(plan, v), wanted.bytes);
}

ssgcam_status ssg_plan_scores(ssg_plan *plan, float *logits)
{
    return read_plain(plan, plan->graph->logits, logits);
}

ssgcam_status ssg_plan_output(ssg_plan *plan, float *output)
{
    return read_plain(plan, plan->graph->output, output);
}

ssgcam_status ssg_plan_backward(ssg_plan *plan, const float *seeds)
{
    if (plan->seeds < 0) return ssg_fail(SSGCAM_ERR_ARGUMENT, "this plan was made for the forward pass only");
    int v = plan->first_version[plan->seeds];
    SSG_TRY(plan->device->interface->upload(plan->device, address(plan, v), seeds, plan->versions[v].placed.bytes));
    SSG_TRY(run_steps(plan, plan->forward_steps, plan->backward_steps));
    return plan->device->interface->wait(plan->device);
}

ssgcam_status ssg_plan_check_classes(const ssg_plan *plan, const int64_t *chosen, size_t count)
{
    int64_t classes = ssg_plan_class_count(plan);
    for (size_t i = 0; i < count; i++)
        if (chosen[i] < 0 || chosen[i] >= classes)
            return ssg_fail(SSGCAM_ERR_NOT_FOUND, "class %lld does not exist: the model has classes 0 to %lld", (long long)chosen[i],
                            (long long)classes - 1);
    return SSGCAM_OK;
}

ssgcam_status ssg_plan_backward_classes(ssg_plan *plan, const int64_t *chosen)
{
    if (plan->seeds < 0) return ssg_fail(SSGCAM_ERR_ARGUMENT, "this plan was made for the forward pass only");
    const ssg_shape *shape = &plan->graph->tensors[plan->seeds].shape;
    int64_t rows = shape->dims[0], classes = ssg_plan_class_count(plan);
    SSG_TRY(ssg_plan_check_classes(plan, chosen, (size_t)rows));
    memset(plan->seed_buffer, 0, ssg_shape_count(shape) * sizeof *plan->seed_buffer);
    for (int64_t r = 0; r < rows; r++) plan->seed_buffer[r * classes + chosen[r]] = 1;
    return ssg_plan_backward(plan, plan->seed_buffer);
}

ssgcam_status ssg_plan_second(ssg_plan *plan, const float *const *directions)
{
    if (!plan->direction_count) return ssg_fail(SSGCAM_ERR_ARGUMENT, "this plan was made without second-order sweeps");
    for (int i = 0; i < plan->tap_count; i++) {
        int v = plan->direction_inputs[i];
        SSG_TRY(plan->device->interface->upload(plan->device, address(plan, v), directions[i], plan->versions[v].placed.bytes));
    }
    SSG_TRY(run_steps(plan, plan->backward_steps, plan->step_count));
    return plan->device->interface->wait(plan->device);
}

/* ---- looking ---------------------------------------------------------------------------------------------------------------------- */

int64_t ssg_plan_class_count(const ssg_plan *plan)
{
    const ssg_shape *shape = &plan->graph->tensors[plan->score].shape;
    return (int64_t)ssg_shape_count(shape) / shape->dims[0];
}

void ssg_plan_tap(const ssg_plan *plan, int i, ssg_tap *tap)
{
    const version *activation = &plan->versions[plan->taps[i]];
    *tap = (ssg_tap){
        .name = plan->graph->tensors[activation->tensor].name, .activation_placed = activation->placed, .activation = address(plan, plan->taps[i])};
    if (plan->seeds < 0) return;
    tap->gradient_placed = plan->versions[plan->gradients[i]].placed;
    tap->gradient = address(plan, plan->gradients[i]);
    if (!plan->direction_count) return;
    tap->product_placed = plan->versions[plan->products[i]].placed;
    tap->direction = address(plan, plan->directions[i]);
    tap->product = address(plan, plan->products[i]);
}

size_t ssg_plan_memory(const ssg_plan *plan)
{
    return plan->memory_bytes + plan->scratch_bytes;
}

int ssg_plan_step_count(const ssg_plan *plan)
{
    return plan->step_count;
}
