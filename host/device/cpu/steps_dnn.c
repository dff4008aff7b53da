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

/* One of the ways to make a convolution's primitive. */
typedef ssgcam_status maker(ssg_dnn_primitive **out, const ssg_step *step, const ssg_step_request *r, ssg_placed *input, ssg_placed *output,
                            size_t *scratch_bytes);

static int is_backward(const ssg_step_request *r)
{
    return r->op->kind == SSG_OP_CONV_BACKWARD;
}

static ssgcam_status direct(ssg_dnn_primitive **out, const ssg_step *step, const ssg_step_request *r, ssg_placed *input, ssg_placed *output,
                            size_t *scratch_bytes)
{
    int backward = is_backward(r);
    ssg_precision precision = r->precision == SSG_PRECISION_BF16 ? SSG_PRECISION_BF16 : SSG_PRECISION_F32;
    return ssg_dnn_convolution(out, step->cpu->dnn, r->op, backward, precision, backward ? output : input, backward ? input : output, scratch_bytes);
}

static ssgcam_status winograd(ssg_dnn_primitive **out, const ssg_step *step, const ssg_step_request *r, ssg_placed *input, ssg_placed *output,
                              size_t *scratch_bytes)
{
    return ssg_dnn_winograd(out, step->cpu->dnn, r->op, is_backward(r), input, output, scratch_bytes);
}

/* Whether to take Winograd's transform. Its roundings would decide ties: among neighbours that are equal, as on a flat background, a max pool would
 * take another one, and the gradients of all layers below would differ by far more than a rounding. Nothing hangs on ties of a gradient, so in fp32
 * gradients are made with it too, without being asked for: from the size on where some four images pay for the transform of the weights.
 * Measured, it never pays for few channels or pixels. */
static int takes_winograd(const ssg_step_request *r)
{
    enum { LEAST_CHANNELS = 32, LEAST_PIXELS = 12 * 12, LEAST_PIXELS_UNASKED = 28 * 28 };
    int asked = r->precision == SSG_PRECISION_WINOGRAD;
    if (!asked && !(r->precision == SSG_PRECISION_F32 && is_backward(r))) return 0;
    const ssg_window *w = &r->op->window;
    const int64_t *weights = r->op->weights->shape.dims, *out = r->output.shape.dims;
    for (int i = 0; i < 2; i++)
        if (w->kernel[i] != 3 || w->stride[i] != 1 || w->dilation[i] != 1 || w->pads[i] > 1 || w->pads[2 + i] > 1) return 0;
    return r->op->groups == 1 && weights[0] >= LEAST_CHANNELS && weights[1] >= LEAST_CHANNELS &&
           out[2] * out[3] >= (asked ? LEAST_PIXELS : LEAST_PIXELS_UNASKED);
}

typedef struct images {
    const ssg_step *step;
    const ssg_step_io *io;
    size_t in_bytes, out_bytes;
    ssg_failure *failures; /* per thread: its last one */
} images;

static void run_image(void *context, size_t index, int thread)
{
    const images *call = context;
    ssg_set_library_threads(call->step->library_threads);
    ssgcam_status status =
        ssg_dnn_run(call->step->per_thread[thread], (const char *)call->io->inputs[0] + index * call->in_bytes,
                    (char *)call->io->output + index * call->out_bytes, NULL, (char *)call->io->scratch + (size_t)thread * call->step->scratch_each);
    if (status != SSGCAM_OK) ssg_failure_take(&call->failures[thread], status);
}

static ssgcam_status run_images(const ssg_step *step, const ssg_step_io *io)
{
    size_t rows = (size_t)step->output.shape.dims[0];
    ssgcam_status status = SSGCAM_OK;
    ssg_failure *failures = ssg_calloc((size_t)step->thread_count, sizeof *failures);
    if (!failures) return SSG_OUT_OF_MEMORY;
    images call = {step, io, step->inputs[0].bytes / rows, step->output.bytes / rows, failures};
    ssg_parallel_for(step->thread_count, rows, run_image, &call);
    for (int i = 0; i < step->thread_count && status == SSGCAM_OK; i++) status = ssg_failure_raise(&failures[i]);
    ssg_free(failures);
    return status;
}

/* Image by image, on `threads` threads, each with as many of the library's. */
static ssgcam_status make_images(ssg_step *step, ssg_step_request *r, maker *make, int threads, int library_threads)
{
    step->run = run_images;
    step->per_thread = ssg_calloc((size_t)threads, sizeof *step->per_thread);
    if (!step->per_thread) return SSG_OUT_OF_MEMORY;
    step->thread_count = threads;
    step->library_threads = library_threads;
    ssg_placed input = r->inputs[0], output = r->output;
    ssg_set_library_threads(library_threads);
    for (int i = 0; i < threads; i++) {
        input.shape.dims[0] = output.shape.dims[0] = 1;
        SSG_TRY(make(&step->per_thread[i], step, r, &input, &output, &step->scratch_each));
        if (!step->per_thread[i]) return SSGCAM_OK; /* there is none */
        step->scratch_each = (step->scratch_each + 63) / 64 * 64;
    }
    r->scratch_bytes = step->scratch_each * (size_t)threads;
    ssg_placed_set(&r->inputs[0], input.layout, input.precision);
    ssg_placed_set(&r->output, output.layout, output.precision);
    return SSGCAM_OK;
}

/* Images on threads of their own where there are enough of them, else one after the other with all threads. */
static ssgcam_status make_winograd(ssg_step *step, ssg_step_request *r)
{
    int threads = step->cpu->base.threads, enough = threads <= r->output.shape.dims[0];
    SSG_TRY(make_images(step, r, winograd, enough ? threads : 1, enough ? 1 : threads));
    if (step->per_thread[0]) return SSGCAM_OK;
    ssg_free(step->per_thread);
    step->per_thread = NULL;
    ssg_set_library_threads(threads);
    return SSGCAM_OK;
}

ssgcam_status ssg_step_make_conv(ssg_step *step, ssg_step_request *r)
{
    if (takes_winograd(r)) SSG_TRY(make_winograd(step, r));
    if (step->per_thread) return SSGCAM_OK;
    step->run = run_primitive;
    SSG_TRY(direct(&step->primitive, step, r, &r->inputs[0], &r->output, &r->scratch_bytes));
    if (!ssg_dnn_splits_sums(step->primitive)) return SSGCAM_OK;
    ssg_dnn_primitive_destroy(&step->primitive);
    int threads = step->cpu->base.threads < r->output.shape.dims[0] ? step->cpu->base.threads : (int)r->output.shape.dims[0];
    return make_images(step, r, direct, threads, 1);
}

/* ---- reorder --------------------------------------------------------------------------------------------------------------- */

/* Both ends are given by the planner. */
ssgcam_status ssg_step_make_reorder(ssg_step *step, ssg_step_request *r)
{
    step->run = run_primitive;
    return ssg_dnn_reorder(&step->primitive, step->cpu->dnn, &r->inputs[0], &r->output);
}
