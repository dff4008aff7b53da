#include "host/net/plan.h"

#include <string.h>

#include "host/base/alloc.h"
#include "host/net/backward.h"
#include "host/net/plan_parts.h"
#include "host/net/tangent.h"
#include "host/net/target.h"

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
    SSG_TRY(ssg_target_append(graph, options->target, &plan->score));
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
    SSG_TRY(ssg_plan_make_steps(plan, forward_ops, backward_ops));
    return ssg_plan_place(plan);
}

/* Gradients of a class score are mostly below 6e-5, where half loses bits. With this factor those from 6e-8 to 64 keep all of theirs; it is less than
 * training uses since a score is differentiated, not the mean of a loss. */
static float scale_for(ssg_precision precision)
{
    return precision == SSG_PRECISION_F16 ? 1024.0f : 1.0f;
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
    plan->gradient_scale = scale_for(options->precision);
    plan->narrow_taps = options->narrow_taps && device->interface->plane_maps;
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
    for (int i = 0; i < SWEEPS; i++)
        if (p->sweeps[i].recording) p->device->interface->recording_destroy(p->device, p->sweeps[i].recording);
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

ssgcam_status ssg_plan_forward(ssg_plan *plan, const float *images)
{
    int v = plan->first_version[plan->graph->input];
    SSG_TRY(plan->device->interface->upload(plan->device, ssg_plan_address(plan, v), images, plan->versions[v].placed.bytes));
    return ssg_plan_run(plan, SWEEP_FORWARD);
}

ssgcam_status ssg_plan_forward_sent(ssg_plan *plan, ssg_lane *images)
{
    int v = plan->first_version[plan->graph->input];
    SSG_TRY(plan->device->interface->receive(plan->device, images, ssg_plan_address(plan, v), plan->versions[v].placed.bytes));
    return ssg_plan_run(plan, SWEEP_FORWARD);
}

typedef ssgcam_status copy_function(ssg_device *, void *to, const void *from, size_t bytes);

static ssgcam_status copy_plain(ssg_plan *plan, int tensor, void *to, copy_function *copy)
{
    ssg_placed wanted = ssg_plan_plain(&plan->graph->tensors[tensor].shape);
    int v;
    SSG_TRY(ssg_plan_version(plan, tensor, &wanted, &v)); /* planned from the start: finds it */
    return copy(plan->device, to, ssg_plan_address(plan, v), wanted.bytes);
}

ssgcam_status ssg_plan_scores(ssg_plan *plan, float *logits)
{
    return copy_plain(plan, plan->graph->logits, logits, plan->device->interface->download);
}

ssgcam_status ssg_plan_output(ssg_plan *plan, float *output)
{
    return copy_plain(plan, plan->graph->output, output, plan->device->interface->download);
}

ssgcam_status ssg_plan_keep_scores(ssg_plan *plan, void *logits)
{
    return copy_plain(plan, plan->graph->logits, logits, plan->device->interface->copy);
}

ssgcam_status ssg_plan_backward(ssg_plan *plan, const float *seeds)
{
    if (plan->seeds < 0) return ssg_fail(SSGCAM_ERR_ARGUMENT, "this plan was made for the forward pass only");
    int v = plan->first_version[plan->seeds];
    if (plan->gradient_scale != 1) {
        size_t count = ssg_shape_count(&plan->versions[v].placed.shape);
        for (size_t i = 0; i < count; i++) plan->seed_buffer[i] = seeds[i] * plan->gradient_scale;
        seeds = plan->seed_buffer;
    }
    SSG_TRY(plan->device->interface->upload(plan->device, ssg_plan_address(plan, v), seeds, plan->versions[v].placed.bytes));
    return ssg_plan_run(plan, SWEEP_BACKWARD);
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
        SSG_TRY(plan->device->interface->upload(plan->device, ssg_plan_address(plan, v), directions[i], plan->versions[v].placed.bytes));
    }
    return ssg_plan_run(plan, SWEEP_SECOND);
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
    *tap = (ssg_tap){.name = plan->graph->tensors[activation->tensor].name,
                     .activation_placed = activation->placed,
                     .activation = ssg_plan_address(plan, plan->taps[i]),
                     .gradient_scale = 1};
    if (plan->seeds < 0) return;
    tap->gradient_placed = plan->versions[plan->gradients[i]].placed;
    tap->gradient = ssg_plan_address(plan, plan->gradients[i]);
    tap->gradient_scale = tap->gradient_placed.precision == SSG_PRECISION_F16 ? 1 / plan->gradient_scale : 1;
    if (!plan->direction_count) return;
    tap->product_placed = plan->versions[plan->products[i]].placed;
    tap->direction = ssg_plan_address(plan, plan->directions[i]);
    tap->product = ssg_plan_address(plan, plan->products[i]);
}

size_t ssg_plan_memory(const ssg_plan *plan)
{
    return plan->memory_bytes + plan->scratch_bytes;
}
