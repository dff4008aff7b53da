/* Memory by lifetime: what is not needed at the same time may lie in the same place. */
#include <stdlib.h>

#include "host/base/alloc.h"
#include "host/net/plan_parts.h"

enum { FOREVER = 1 << 30 };

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

ssgcam_status ssg_plan_place(ssg_plan *plan)
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

void *ssg_plan_address(const ssg_plan *plan, int v)
{
    if (v < 0) return NULL;
    const version *found = &plan->versions[v];
    if (found->storage < 0) return plan->constants[found->tensor];
    return (char *)plan->memory + plan->storages[found->storage].offset;
}
