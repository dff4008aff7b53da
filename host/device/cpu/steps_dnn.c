/* Steps that are one oneDNN primitive: convolution, reorder. */
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/parallel.h"
#include "host/device/cpu/cpu.h"

static ssgcam_status run_primitive(const ssg_step *step, const ssg_step_io *io)
{
    return ssg_dnn_run(step->primitive, io->inputs[0], io->output, io->positions, io->scratch);
}

/* ---- convolution --------------------------------------------------------------------------------------------------------- */

static ssgcam_status convolution(ssg_dnn_primitive **out, const ssg_step *step, const ssg_step_request *r, ssg_placed *input, ssg_placed *output,
                                 size_t *scratch_bytes)
{
    int backward = r->op->kind == SSG_OP_CONV_BACKWARD;
    return ssg_dnn_convolution(out, step->cpu->dnn, r->op, backward, r->precision, backward ? output : input, backward ? input : output,
                               scratch_bytes);
}

typedef struct images {
    const ssg_step *step;
    const ssg_step_io *io;
    size_t in_bytes, out_bytes;
    ssgcam_status *statuses; /* per image */
} images;

static void run_image(void *context, size_t index, int thread)
{
    const images *call = context;
    ssg_set_library_threads(1);
    call->statuses[index] =
        ssg_dnn_run(call->step->per_thread[thread], (const char *)call->io->inputs[0] + index * call->in_bytes,
                    (char *)call->io->output + index * call->out_bytes, NULL, (char *)call->io->scratch + (size_t)thread * call->step->scratch_each);
}

static ssgcam_status run_images(const ssg_step *step, const ssg_step_io *io)
{
    size_t rows = (size_t)step->output.shape.dims[0];
    ssgcam_status status = SSGCAM_OK, *statuses = ssg_calloc(rows, sizeof *statuses);
    if (!statuses) return SSG_OUT_OF_MEMORY;
    images call = {step, io, step->inputs[0].bytes / rows, step->output.bytes / rows, statuses};
    ssg_parallel_for(step->thread_count, rows, run_image, &call);
    for (size_t i = 0; i < rows && status == SSGCAM_OK; i++) status = statuses[i];
    ssg_free(statuses);
    return status;
}

/* Image by image, each on one thread: for convolutions whose sums oneDNN would split between threads. */
static ssgcam_status make_images(ssg_step *step, ssg_step_request *r)
{
    int64_t rows = r->output.shape.dims[0];
    int threads = step->cpu->base.threads < rows ? step->cpu->base.threads : (int)rows;
    step->run = run_images;
    step->per_thread = ssg_calloc((size_t)threads, sizeof *step->per_thread);
    if (!step->per_thread) return SSG_OUT_OF_MEMORY;
    step->thread_count = threads;
    ssg_placed input = r->inputs[0], output = r->output;
    ssg_set_library_threads(1);
    for (int i = 0; i < threads; i++) {
        input.shape.dims[0] = output.shape.dims[0] = 1;
        SSG_TRY(convolution(&step->per_thread[i], step, r, &input, &output, &step->scratch_each));
        step->scratch_each = (step->scratch_each + 63) / 64 * 64;
    }
    r->scratch_bytes = step->scratch_each * (size_t)threads;
    ssg_placed_set(&r->inputs[0], input.layout, input.precision);
    ssg_placed_set(&r->output, output.layout, output.precision);
    return SSGCAM_OK;
}

ssgcam_status ssg_step_make_conv(ssg_step *step, ssg_step_request *r)
{
    step->run = run_primitive;
    SSG_TRY(convolution(&step->primitive, step, r, &r->inputs[0], &r->output, &r->scratch_bytes));
    if (!ssg_dnn_splits_sums(step->primitive)) return SSGCAM_OK;
    ssg_dnn_primitive_destroy(&step->primitive);
    return make_images(step, r);
}

/* ---- reorder --------------------------------------------------------------------------------------------------------------- */

/* Both ends are given by the planner. */
ssgcam_status ssg_step_make_reorder(ssg_step *step, ssg_step_request *r)
{
    step->run = run_primitive;
    return ssg_dnn_reorder(&step->primitive, step->cpu->dnn, &r->inputs[0], &r->output);
}
