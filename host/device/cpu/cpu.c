#include "host/device/cpu/cpu.h"

#include <string.h>

#include "host/base/alloc.h"
#include "host/base/clock.h"
#include "host/base/parallel.h"

/* ---- views and pieces ---------------------------------------------------------------------------------------------------- */

ssg_view ssg_view_of(const ssg_placed *placed)
{
    const ssg_shape *shape = &placed->shape;
    size_t rows = shape->rank ? (size_t)shape->dims[0] : 1, count = ssg_shape_count(shape);
    if (shape->rank != 4) return (ssg_view){rows, 1, 1, count / rows, count / rows};
    size_t channels = (size_t)shape->dims[1], block = (size_t)ssg_layout_block(placed->layout, shape->dims[1]);
    return (ssg_view){rows, (channels + block - 1) / block, (size_t)(shape->dims[2] * shape->dims[3]), block, channels};
}

int ssg_placed_padded(const ssg_placed *placed)
{
    ssg_view view = ssg_view_of(placed);
    return view.blocks * view.block != view.channels;
}

typedef struct pieces {
    size_t count, piece;
    ssg_piece_body *body;
    const void *context;
} pieces;

static void run_piece(void *context, size_t index, int thread)
{
    (void)thread;
    const pieces *p = context;
    size_t from = index * p->piece, to = from + p->piece;
    p->body(p->context, from, to < p->count ? to : p->count);
}

void ssg_cpu_pieces(const ssg_cpu *cpu, size_t count, size_t piece, ssg_piece_body *body, const void *context)
{
    pieces p = {count, piece, body, context};
    ssg_parallel_for(cpu->base.threads, (count + piece - 1) / piece, run_piece, &p);
}

/* ---- memory -------------------------------------------------------------------------------------------------------------- */

static ssgcam_status memory_create(ssg_device *device, size_t bytes, void **memory)
{
    (void)device;
    *memory = ssg_alloc_aligned(bytes, 1);
    return *memory ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
}

static void memory_destroy(ssg_device *device, void *memory)
{
    (void)device;
    ssg_free(memory);
}

static ssgcam_status copy(ssg_device *device, void *to, const void *from, size_t bytes)
{
    (void)device;
    memcpy(to, from, bytes);
    return SSGCAM_OK;
}

static ssgcam_status clear(ssg_device *device, void *memory, size_t bytes)
{
    (void)device;
    memset(memory, 0, bytes);
    return SSGCAM_OK;
}

/* ---- lanes: nothing runs beside anything, so every copy is made at once ---------------------------------------------------------- */

static void lane_destroy(ssg_device *device, ssg_lane *lane)
{
    (void)device;
    if (lane) ssg_free(lane->memory);
    ssg_free(lane);
}

static ssgcam_status lane_create(ssg_device *device, size_t bytes, ssg_lane **out)
{
    *out = NULL;
    ssg_lane *lane = ssg_calloc(1, sizeof *lane);
    if (!lane) return SSG_OUT_OF_MEMORY;
    lane->bytes = bytes;
    ssgcam_status status = memory_create(device, bytes, &lane->memory);
    if (status != SSGCAM_OK) {
        lane_destroy(device, lane);
        return status;
    }
    *out = lane;
    return SSGCAM_OK;
}

static ssgcam_status send(ssg_device *device, ssg_lane *lane, const void *from, size_t bytes)
{
    return copy(device, lane->memory, from, bytes);
}

static ssgcam_status receive(ssg_device *device, ssg_lane *lane, void *to, size_t bytes)
{
    return copy(device, to, lane->memory, bytes);
}

static ssgcam_status fetch(ssg_device *device, ssg_lane *lane, size_t bytes)
{
    (void)device, (void)lane, (void)bytes;
    return SSGCAM_OK;
}

static ssgcam_status fetched(ssg_device *device, ssg_lane *lane, const void **bytes)
{
    (void)device;
    *bytes = lane->memory;
    return SSGCAM_OK;
}

/* ---- steps --------------------------------------------------------------------------------------------------------------- */

static ssg_step_maker *maker_of(ssg_op_kind kind)
{
    switch (kind) {
    case SSG_OP_CONV:
    case SSG_OP_CONV_BACKWARD: return ssg_step_make_conv;
    case SSG_OP_MATMUL:
    case SSG_OP_MATMUL_BACKWARD: return ssg_step_make_matmul;
    case SSG_OP_MAXPOOL:
    case SSG_OP_MAXPOOL_BACKWARD: return ssg_step_make_maxpool;
    case SSG_OP_AVGPOOL:
    case SSG_OP_AVGPOOL_BACKWARD: return ssg_step_make_avgpool;
    case SSG_OP_MAXPOOL_TANGENT: return ssg_step_make_maxpool_tangent;
    case SSG_OP_UNARY:
    case SSG_OP_UNARY_BACKWARD: return ssg_step_make_unary;
    case SSG_OP_UNARY_SECOND: return ssg_step_make_second;
    case SSG_OP_BINARY: return ssg_step_make_binary;
    case SSG_OP_AFFINE: return ssg_step_make_affine;
    case SSG_OP_REDUCE:
    case SSG_OP_BROADCAST: return ssg_step_make_reduce;
    case SSG_OP_SOFTMAX:
    case SSG_OP_SOFTMAX_BACKWARD: return ssg_step_make_softmax;
    case SSG_OP_LRN:
    case SSG_OP_LRN_BACKWARD: return ssg_step_make_lrn;
    case SSG_OP_CONCAT:
    case SSG_OP_SLICE:
    case SSG_OP_SCATTER:
    case SSG_OP_TRANSPOSE:
    case SSG_OP_RESHAPE: return ssg_step_make_movement;
    case SSG_OP_REORDER: return ssg_step_make_reorder;
    }
    return NULL;
}

static void step_destroy(ssg_step *step)
{
    if (!step) return;
    ssg_dnn_primitive_destroy(&step->primitive);
    for (int i = 0; step->per_thread && i < step->thread_count; i++) ssg_dnn_primitive_destroy(&step->per_thread[i]);
    ssg_free(step->per_thread);
    ssg_free(step->more_inputs);
    ssg_free(step);
}

static ssgcam_status check_precision(const ssg_cpu *cpu, ssg_precision precision)
{
    if (precision == SSG_PRECISION_F16 || precision == SSG_PRECISION_TF32)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "the CPU computes in fp32 or bf16, not in %s; use --precision fp32",
                        precision == SSG_PRECISION_F16 ? "fp16" : "tf32");
    if (precision == SSG_PRECISION_WINOGRAD && !ssg_dnn_has_winograd(cpu->dnn)) {
        char version[32];
        return ssg_fail(SSGCAM_ERR_DEVICE, "Winograd convolutions need a processor with AVX-512 and oneDNN 2.x (here: %s); use --precision fp32",
                        ssg_dnn_version(version));
    }
    return SSGCAM_OK;
}

static ssgcam_status step_create(ssg_device *device, ssg_step_request *request, ssg_step **out)
{
    *out = NULL;
    ssg_step_maker *make = maker_of(request->op->kind);
    if (!make) return ssg_fail(SSGCAM_ERR_INTERNAL, "operator kind %d has no CPU step", (int)request->op->kind);
    SSG_TRY(check_precision((ssg_cpu *)device, request->precision));
    ssg_step *step = ssg_calloc(1, sizeof *step);
    if (!step) return SSG_OUT_OF_MEMORY;
    step->cpu = (ssg_cpu *)device;
    step->op = *request->op;
    ssg_set_library_threads(device->threads);
    request->scratch_bytes = 0;
    request->in_place = 0;
    ssgcam_status status = make(step, request);
    memcpy(step->inputs, request->inputs, sizeof step->inputs);
    step->output = request->output;
    if (status == SSGCAM_OK && request->more_inputs) {
        step->more_inputs = ssg_calloc((size_t)request->op->input_count, sizeof *step->more_inputs);
        if (step->more_inputs)
            memcpy(step->more_inputs, request->more_inputs, (size_t)request->op->input_count * sizeof *step->more_inputs);
        else
            status = SSG_OUT_OF_MEMORY;
    }
    if (status != SSGCAM_OK) {
        step_destroy(step);
        return status;
    }
    *out = step;
    return SSGCAM_OK;
}

static ssgcam_status step_run(ssg_step *step, const void *const *inputs, void *output, void *positions, void *scratch)
{
    ssg_step_io io = {inputs, output, positions, scratch};
    ssg_set_library_threads(step->cpu->base.threads);
    return step->run(step, &io);
}

static ssgcam_status nothing(ssg_device *device)
{
    (void)device;
    return SSGCAM_OK;
}

static ssgcam_status mark(ssg_device *device, ssg_mark *here)
{
    (void)device;
    here->ms = ssg_clock_ms();
    return SSGCAM_OK;
}

static ssgcam_status mark_ms(ssg_device *device, const ssg_mark *from, const ssg_mark *to, double *ms)
{
    (void)device;
    *ms = from->ms > 0 && to->ms > 0 ? to->ms - from->ms : 0;
    return SSGCAM_OK;
}

static void mark_clear(ssg_device *device, ssg_mark *here)
{
    (void)device;
    here->ms = 0;
}

static void destroy(ssg_device *device)
{
    ssg_cpu *cpu = (ssg_cpu *)device;
    ssg_dnn_destroy(&cpu->dnn);
    ssg_free(cpu);
}

static const ssg_device_interface interface = {.name = "cpu",
                                               .batch = 4,
                                               .host_memory = 1,
                                               .memory_create = memory_create,
                                               .memory_destroy = memory_destroy,
                                               .upload = copy,
                                               .download = copy,
                                               .clear = clear,
                                               .copy = copy,
                                               .lane_create = lane_create,
                                               .lane_destroy = lane_destroy,
                                               .send = send,
                                               .receive = receive,
                                               .fetch = fetch,
                                               .fetched = fetched,
                                               .step_create = step_create,
                                               .step_run = step_run,
                                               .step_destroy = step_destroy,
                                               .wait = nothing,
                                               .mark = mark,
                                               .mark_ms = mark_ms,
                                               .mark_clear = mark_clear,
                                               .enter = nothing,
                                               .destroy = destroy};

ssgcam_status ssg_device_cpu_open(ssg_device **out, int threads)
{
    *out = NULL;
    ssg_cpu *cpu = ssg_calloc(1, sizeof *cpu);
    if (!cpu) return SSG_OUT_OF_MEMORY;
    cpu->base = (ssg_device){.interface = &interface, .ops = ssg_ops_cpu(), .run = {.threads = threads}, .threads = threads, .label = "cpu"};
    ssgcam_status status = ssg_dnn_create(&cpu->dnn);
    if (status != SSGCAM_OK) {
        ssg_free(cpu);
        return status;
    }
    *out = &cpu->base;
    return SSGCAM_OK;
}

int ssg_device_cpu_has_winograd(void)
{
    ssg_dnn *dnn;
    if (ssg_dnn_create(&dnn) != SSGCAM_OK) return 0;
    int has = ssg_dnn_has_winograd(dnn);
    ssg_dnn_destroy(&dnn);
    return has;
}

void ssg_device_library_version(char text[32])
{
    ssg_dnn_version(text);
}
