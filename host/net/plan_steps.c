/* Versions of tensors and steps between them: each operator's step says which layouts it wants, reorders go where they differ. */
#include <string.h>

#include "host/base/alloc.h"
#include "host/net/plan_parts.h"

/* A version that later operators do not find. */
static ssgcam_status add_loose_version(ssg_plan *plan, int tensor, const ssg_placed *placed, int *index)
{
    if (plan->version_count == plan->version_capacity) {
        int capacity = plan->version_capacity ? 2 * plan->version_capacity : 64;
        SSG_TRY(ssg_grow(&plan->versions, (size_t)capacity, sizeof *plan->versions));
        plan->version_capacity = capacity;
    }
    plan->versions[plan->version_count] = (version){tensor, *placed, -1, -1};
    *index = plan->version_count++;
    return SSGCAM_OK;
}

/* Later versions go behind the first, which stays the producer's. */
static ssgcam_status add_version(ssg_plan *plan, int tensor, const ssg_placed *placed, int *index)
{
    SSG_TRY(add_loose_version(plan, tensor, placed, index));
    int first = plan->first_version[tensor];
    if (first < 0) {
        plan->first_version[tensor] = *index;
    } else {
        plan->versions[*index].next = plan->versions[first].next;
        plan->versions[first].next = *index;
    }
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

/* The step that makes version `to` of version `from`. */
static ssgcam_status add_reorder(ssg_plan *plan, int from, int to, float factor)
{
    ssg_op reorder = {.kind = SSG_OP_REORDER, .name = "reorder", .alpha = factor};
    ssg_step_request request = {
        .op = &reorder, .precision = plan->precision, .inputs = {plan->versions[from].placed}, .output = plan->versions[to].placed};
    ssg_step *step;
    SSG_TRY(plan->device->interface->step_create(plan->device, &request, &step));
    return add_step(plan, step, &from, 1, to, -1, 0);
}

ssgcam_status ssg_plan_version(ssg_plan *plan, int tensor, const ssg_placed *wanted, int *index)
{
    int first = plan->first_version[tensor];
    for (int v = first; v >= 0; v = plan->versions[v].next)
        if (ssg_placed_same(&plan->versions[v].placed, wanted)) {
            *index = v;
            return SSGCAM_OK;
        }
    SSG_TRY(add_version(plan, tensor, wanted, index));
    return add_reorder(plan, first, *index, 1);
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
        status = ssg_plan_version(plan, op->inputs[i], &placed[i], &inputs[i]);
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

ssg_placed ssg_plan_plain(const ssg_shape *shape)
{
    ssg_placed placed = {.shape = *shape};
    ssg_placed_measure(&placed);
    return placed;
}

static ssgcam_status add_plain_version(ssg_plan *plan, int tensor)
{
    int index;
    ssg_placed placed = ssg_plan_plain(&plan->graph->tensors[tensor].shape);
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

/* Where a tensor of tap i lies when it lies like the tap's activation. */
static ssg_placed like_activation(const ssg_plan *plan, int i, int tensor)
{
    ssg_placed placed = plan->versions[plan->taps[i]].placed;
    placed.shape = plan->graph->tensors[tensor].shape;
    ssg_placed_measure(&placed);
    return placed;
}

/* The version of a gradient (or of what is linear in it) that leaves the plan: in float without the factor that kept it in the range of fp16. */
static ssgcam_status leave(ssg_plan *plan, int i, int tensor, int *v)
{
    ssg_placed placed = like_activation(plan, i, tensor);
    if (plan->gradient_scale == 1 || placed.precision == SSG_PRECISION_F16) return ssg_plan_version(plan, tensor, &placed, v);
    SSG_TRY(add_loose_version(plan, tensor, &placed, v));
    return add_reorder(plan, plan->first_version[tensor], *v, 1 / plan->gradient_scale);
}

/* How the map stage gets a tensor. Channels that all lie side by side are far apart from pixel to pixel: what is written anew is put into blocks. */
static ssg_placed for_maps(const ssg_plan *plan, const ssg_placed *from)
{
    ssg_placed to = *from;
    if (!plan->narrow_taps) to.precision = SSG_PRECISION_F32;
    if (to.precision != from->precision && to.layout == SSG_LAYOUT_NHWC) to.layout = SSG_LAYOUT_BLOCK16;
    if (plan->device->interface->plane_maps) to.layout = SSG_LAYOUT_PLAIN;
    ssg_placed_measure(&to);
    return to;
}

ssgcam_status ssg_plan_make_steps(ssg_plan *plan, int forward_ops, int backward_ops)
{
    SSG_TRY(place_constants(plan));
    SSG_TRY(add_plain_version(plan, plan->graph->input));
    for (int i = 0; i < forward_ops; i++) SSG_TRY(plan_op(plan, &plan->graph->ops[i]));
    /* Scores are read in plain float32; the taps' values in the layout that they have or that the map stage wants. */
    int index;
    for (int i = 0; i < 2; i++) {
        int tensor = i ? plan->graph->output : plan->graph->logits;
        ssg_placed placed = ssg_plan_plain(&plan->graph->tensors[tensor].shape);
        SSG_TRY(ssg_plan_version(plan, tensor, &placed, &index));
    }
    for (int i = 0; i < plan->tap_count; i++) {
        ssg_placed placed = for_maps(plan, &plan->versions[plan->first_version[plan->taps[i]]].placed);
        SSG_TRY(ssg_plan_version(plan, plan->taps[i], &placed, &plan->taps[i]));
    }
    plan->forward_steps = plan->step_count;
    if (plan->seeds < 0) return SSGCAM_OK;
    SSG_TRY(add_plain_version(plan, plan->seeds));
    for (int i = forward_ops; i < backward_ops; i++) SSG_TRY(plan_op(plan, &plan->graph->ops[i]));
    for (int i = 0; i < plan->tap_count; i++) SSG_TRY(leave(plan, i, plan->gradients[i], &plan->gradients[i]));
    plan->backward_steps = plan->step_count;
    if (!plan->direction_count) return SSGCAM_OK;
    for (int i = 0; i < plan->tap_count; i++) {
        SSG_TRY(add_plain_version(plan, plan->directions[i]));
        plan->direction_inputs[i] = plan->first_version[plan->directions[i]];
        ssg_placed placed = like_activation(plan, i, plan->directions[i]);
        SSG_TRY(ssg_plan_version(plan, plan->directions[i], &placed, &plan->directions[i]));
    }
    for (int i = backward_ops; i < plan->graph->op_count; i++) SSG_TRY(plan_op(plan, &plan->graph->ops[i]));
    for (int i = 0; i < plan->tap_count; i++) SSG_TRY(leave(plan, i, plan->products[i], &plan->products[i]));
    return SSGCAM_OK;
}
