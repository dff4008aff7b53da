/* The steps of a sweep, one by one or as one piece. */
#include "host/base/alloc.h"
#include "host/base/log.h"
#include "host/net/plan_parts.h"

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
        for (int i = 0; i < step->input_count; i++) inputs[i] = ssg_plan_address(plan, step->inputs[i]);
        status = plan->device->interface->step_run(step->step, inputs, ssg_plan_address(plan, step->output), ssg_plan_address(plan, step->positions),
                                                   plan->scratch);
    }
done:
    ssg_free(many);
    return status;
}

/* On a device that records, a sweep's second run is taken down (the libraries have made their choices in the first one) and played from then on: a
 * plan's memory stays where it is, so the addresses are the same every time. */
static ssgcam_status record(ssg_plan *plan, int from, int to, ssg_recording **recording)
{
    const ssg_device_interface *interface = plan->device->interface;
    SSG_TRY(interface->record_begin(plan->device));
    ssgcam_status status = run_steps(plan, from, to), ended = interface->record_end(plan->device, recording);
    if (status == SSGCAM_OK || !*recording) return status == SSGCAM_OK ? ended : status;
    interface->recording_destroy(plan->device, *recording);
    *recording = NULL;
    return status;
}

ssgcam_status ssg_plan_run(ssg_plan *plan, sweep_kind kind)
{
    const int ends[] = {0, plan->forward_steps, plan->backward_steps, plan->step_count};
    sweep *s = &plan->sweeps[kind];
    int again = s->ran;
    s->ran = 1;
    if (!plan->device->records || !again || s->refused) return run_steps(plan, ends[kind], ends[kind + 1]);
    if (!s->recording && record(plan, ends[kind], ends[kind + 1], &s->recording) != SSGCAM_OK) {
        s->refused = 1;
        ssg_log(SSG_LOG_VERBOSE, "%s; the steps run one by one", ssgcam_last_error());
        return run_steps(plan, ends[kind], ends[kind + 1]);
    }
    return plan->device->interface->play(plan->device, s->recording);
}
