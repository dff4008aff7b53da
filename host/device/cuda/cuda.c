#include "host/device/cuda/cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"

/* ---- errors -------------------------------------------------------------------------------------------------------------------------------- */

ssgcam_status ssg_cuda_check(cudaError_t error, const char *what)
{
    if (error == cudaSuccess) return SSGCAM_OK;
    (void)cudaGetLastError(); /* the error is reported here; later calls start clean */
    return ssg_fail(error == cudaErrorMemoryAllocation ? SSGCAM_ERR_MEMORY : SSGCAM_ERR_DEVICE, "CUDA refused %s: %s", what,
                    cudaGetErrorString(error));
}

/* What cuDNN says beside the code, " (in one line)"; "" where it says nothing. Once read, it is gone. */
static const char *last_words(char text[320])
{
    char said[256] = "";
    cudnnGetLastErrorString(said, sizeof said);
    for (char *at = said; *at; at++)
        if (*at == '\n') *at = ' ';
    snprintf(text, 320, said[0] ? " (%s)" : "%s", said);
    return text;
}

ssgcam_status ssg_cudnn_check(cudnnStatus_t status, const char *what)
{
    char words[320];
    if (status == CUDNN_STATUS_SUCCESS) return SSGCAM_OK;
    int memory = status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED || status == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED;
    int unsupported = CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED;
    return ssg_fail(memory        ? SSGCAM_ERR_MEMORY
                    : unsupported ? SSGCAM_ERR_UNSUPPORTED
                                  : SSGCAM_ERR_DEVICE,
                    "cuDNN refused %s: %s%s", what, cudnnGetErrorString(status), last_words(words));
}

ssgcam_status ssg_cublas_check(cublasStatus_t status, const char *what)
{
    if (status == CUBLAS_STATUS_SUCCESS) return SSGCAM_OK;
    return ssg_fail(status == CUBLAS_STATUS_ALLOC_FAILED ? SSGCAM_ERR_MEMORY : SSGCAM_ERR_DEVICE, "cuBLAS refused %s: %s", what,
                    cublasGetStatusString(status));
}

ssgcam_status ssg_cuda_pending(ssg_cuda *cuda)
{
    int error = cuda->stream.failed;
    if (!error) return SSGCAM_OK;
    cuda->stream.failed = 0;
    /* The first launch of a kernel loads it, for which memory may be short. */
    return ssg_fail(error == cudaErrorMemoryAllocation ? SSGCAM_ERR_MEMORY : SSGCAM_ERR_DEVICE, "CUDA could not start the kernel '%s': %s",
                    cuda->stream.failed_kernel, cudaGetErrorString((cudaError_t)error));
}

/* ---- placements ------------------------------------------------------------------------------------------------------------------------------ */

void ssg_cuda_place_plain(ssg_placed *placed)
{
    ssg_placed_set(placed, SSG_LAYOUT_PLAIN, SSG_PRECISION_F32);
}

void ssg_cuda_place_like(ssg_placed *placed, const ssg_placed *other)
{
    ssg_placed_set(placed, other->layout, other->precision);
}

size_t ssg_cuda_count(const ssg_placed *placed)
{
    return ssg_shape_count(&placed->shape);
}

ssg_net_axes ssg_cuda_axes(const ssg_shape *shape)
{
    _Static_assert((int)SSG_NET_RANK == (int)SSG_MAX_RANK, "the kernels walk tensors of every rank");
    ssg_net_axes axes = {.rank = shape->rank};
    memcpy(axes.dims, shape->dims, sizeof axes.dims);
    return axes;
}

static const int row_major[SSG_MAX_RANK] = {0, 1, 2, 3, 4, 5}, channels_last[SSG_MAX_RANK] = {0, 2, 3, 1, 4, 5};

/* Axes from the outermost in memory to the innermost. */
static const int *memory_order(const ssg_placed *placed)
{
    return placed->layout == SSG_LAYOUT_NHWC ? channels_last : row_major;
}

ssg_net_strides ssg_cuda_strides(const ssg_placed *placed)
{
    const int *order = memory_order(placed);
    ssg_net_strides strides = {{0}};
    int64_t stride = 1;
    for (int i = placed->shape.rank - 1; i >= 0; i--) {
        strides.along[order[i]] = stride;
        stride *= placed->shape.dims[order[i]];
    }
    return strides;
}

ssg_net_side ssg_cuda_side(const ssg_placed *placed, const void *data)
{
    return (ssg_net_side){(void *)data, ssg_cuda_element(placed), ssg_cuda_strides(placed), 0};
}

ssg_net_axes ssg_cuda_order_axes(ssg_net_axes axes, const ssg_placed *placed)
{
    const int *order = memory_order(placed);
    ssg_net_axes ordered = {.rank = axes.rank};
    for (int i = 0; i < axes.rank; i++) ordered.dims[i] = axes.dims[order[i]];
    return ordered;
}

ssg_net_strides ssg_cuda_order_strides(ssg_net_strides strides, const ssg_placed *placed)
{
    const int *order = memory_order(placed);
    ssg_net_strides ordered = {{0}};
    for (int i = 0; i < placed->shape.rank; i++) ordered.along[i] = strides.along[order[i]];
    return ordered;
}

/* ---- steps --------------------------------------------------------------------------------------------------------------------------------------
 */

static ssg_step_maker *maker_of(ssg_op_kind kind)
{
    switch (kind) {
    case SSG_OP_CONV:
    case SSG_OP_CONV_BACKWARD: return ssg_cuda_make_conv;
    case SSG_OP_MATMUL:
    case SSG_OP_MATMUL_BACKWARD: return ssg_cuda_make_matmul;
    case SSG_OP_MAXPOOL:
    case SSG_OP_MAXPOOL_BACKWARD:
    case SSG_OP_MAXPOOL_TANGENT:
    case SSG_OP_AVGPOOL:
    case SSG_OP_AVGPOOL_BACKWARD: return ssg_cuda_make_pool;
    case SSG_OP_UNARY:
    case SSG_OP_UNARY_BACKWARD:
    case SSG_OP_UNARY_SECOND: return ssg_cuda_make_unary;
    case SSG_OP_BINARY: return ssg_cuda_make_binary;
    case SSG_OP_AFFINE: return ssg_cuda_make_affine;
    case SSG_OP_REDUCE:
    case SSG_OP_BROADCAST: return ssg_cuda_make_reduce;
    case SSG_OP_SOFTMAX:
    case SSG_OP_SOFTMAX_BACKWARD: return ssg_cuda_make_softmax;
    case SSG_OP_LRN:
    case SSG_OP_LRN_BACKWARD: return ssg_cuda_make_lrn;
    case SSG_OP_CONCAT:
    case SSG_OP_SLICE:
    case SSG_OP_SCATTER:
    case SSG_OP_TRANSPOSE:
    case SSG_OP_RESHAPE: return ssg_cuda_make_movement;
    case SSG_OP_REORDER: return ssg_cuda_make_reorder;
    }
    return NULL;
}

static void step_destroy(ssg_step *step)
{
    if (!step) return;
    ssg_cuda_conv_destroy(&step->conv);
    ssg_cuda_weights_release(step->cuda, &step->weights);
    ssg_cuda_weights_release(step->cuda, &step->bias);
    ssg_cuda_weights_release(step->cuda, &step->fused_bias);
    ssg_free(step->more_inputs);
    ssg_free(step);
}

static ssgcam_status keep_placements(ssg_step *step, const ssg_step_request *request)
{
    memcpy(step->inputs, request->inputs, sizeof step->inputs);
    step->output = request->output;
    if (!request->more_inputs) return SSGCAM_OK;
    size_t count = (size_t)request->op->input_count;
    step->more_inputs = ssg_calloc(count, sizeof *step->more_inputs);
    if (!step->more_inputs) return SSG_OUT_OF_MEMORY;
    memcpy(step->more_inputs, request->more_inputs, count * sizeof *step->more_inputs);
    return SSGCAM_OK;
}

static ssgcam_status step_create(ssg_device *device, ssg_step_request *request, ssg_step **out)
{
    *out = NULL;
    ssg_step_maker *make = maker_of(request->op->kind);
    if (!make) return ssg_fail(SSGCAM_ERR_INTERNAL, "operator kind %d has no CUDA step", (int)request->op->kind);
    const int *capability = ((ssg_cuda *)device)->capability;
    if (request->precision == SSG_PRECISION_BF16 && capability[0] < 8)
        return ssg_fail(SSGCAM_ERR_DEVICE, "bf16 needs a GPU of compute capability 8.0 or newer, this one has %d.%d; use --precision fp16 or fp32",
                        capability[0], capability[1]);
    if (request->precision == SSG_PRECISION_WINOGRAD)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "on a GPU cuDNN chooses its convolutions; use --precision fp32 or tf32 instead of winograd");
    ssg_step *step = ssg_calloc(1, sizeof *step);
    if (!step) return SSG_OUT_OF_MEMORY;
    step->cuda = (ssg_cuda *)device;
    step->op = *request->op;
    step->tf32 = request->precision == SSG_PRECISION_TF32;
    request->scratch_bytes = 0;
    request->in_place = 0;
    ssgcam_status status = make(step, request);
    if (status == SSGCAM_OK) status = keep_placements(step, request);
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
    return step->run(step, &io);
}

/* ---- the device ------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status wait_done(ssg_device *device)
{
    ssg_cuda *cuda = (ssg_cuda *)device;
    SSG_TRY(ssg_cuda_pending(cuda));
    return ssg_cuda_check(cudaStreamSynchronize(ssg_cuda_handle(cuda)), "the work on the device");
}

static ssgcam_status enter(ssg_device *device)
{
    return ssg_cuda_check(cudaSetDevice(((ssg_cuda *)device)->index), "the device");
}

static void destroy(ssg_device *device)
{
    ssg_cuda *cuda = (ssg_cuda *)device;
    cudaStream_t stream = ssg_cuda_handle(cuda);
    (void)cudaSetDevice(cuda->index);
    if (stream) (void)cudaStreamSynchronize(stream);
    if (cuda->cublas) (void)cublasDestroy(cuda->cublas);
    if (cuda->cudnn) (void)cudnnDestroy(cuda->cudnn);
    ssg_cuda_memory_destroy(device, cuda->stream.tops);
    ssg_cuda_staging_destroy(&cuda->staging);
    if (cuda->up) (void)cudaStreamDestroy(cuda->up);
    if (cuda->down) (void)cudaStreamDestroy(cuda->down);
    if (stream) (void)cudaStreamDestroy(stream);
    ssg_free(cuda);
}

static const ssg_device_interface interface = {.name = "cuda",
                                               .batch = 16,
                                               .plane_maps = 1,
                                               .memory_create = ssg_cuda_memory_create,
                                               .memory_destroy = ssg_cuda_memory_destroy,
                                               .upload = ssg_cuda_upload,
                                               .download = ssg_cuda_download,
                                               .clear = ssg_cuda_clear,
                                               .copy = ssg_cuda_copy,
                                               .lane_create = ssg_cuda_lane_create,
                                               .lane_destroy = ssg_cuda_lane_destroy,
                                               .send = ssg_cuda_send,
                                               .receive = ssg_cuda_receive,
                                               .fetch = ssg_cuda_fetch,
                                               .fetched = ssg_cuda_fetched,
                                               .step_create = step_create,
                                               .step_run = step_run,
                                               .step_destroy = step_destroy,
                                               .record_begin = ssg_cuda_record_begin,
                                               .record_end = ssg_cuda_record_end,
                                               .play = ssg_cuda_play,
                                               .recording_destroy = ssg_cuda_recording_destroy,
                                               .wait = wait_done,
                                               .mark = ssg_cuda_mark,
                                               .mark_ms = ssg_cuda_mark_ms,
                                               .mark_clear = ssg_cuda_mark_clear,
                                               .enter = enter,
                                               .destroy = destroy};

static ssgcam_status open_libraries(ssg_cuda *cuda)
{
    int shared = 0;
    SSG_TRY(enter(&cuda->base));
    SSG_TRY(ssg_cuda_check(cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, cuda->index), "the device's limits"));
    cuda->stream.shared_limit = (size_t)shared;
    SSG_TRY(ssg_cuda_check(cudaDeviceGetAttribute(&cuda->capability[0], cudaDevAttrComputeCapabilityMajor, cuda->index), "the device's age"));
    SSG_TRY(ssg_cuda_check(cudaDeviceGetAttribute(&cuda->capability[1], cudaDevAttrComputeCapabilityMinor, cuda->index), "the device's age"));
    SSG_TRY(ssg_cuda_check_fitness(cuda));
    SSG_TRY(ssg_cuda_check(cudaStreamCreateWithFlags((cudaStream_t *)&cuda->stream.handle, cudaStreamNonBlocking), "a stream"));
    SSG_TRY(ssg_cuda_check(cudaStreamCreateWithFlags(&cuda->up, cudaStreamNonBlocking), "a stream"));
    SSG_TRY(ssg_cuda_check(cudaStreamCreateWithFlags(&cuda->down, cudaStreamNonBlocking), "a stream"));
    SSG_TRY(ssg_cuda_staging_create(&cuda->staging, ssg_cuda_handle(cuda)));
    SSG_TRY(ssg_cuda_memory_create(&cuda->base, SSG_CUDA_TOPS * sizeof(unsigned), (void **)&cuda->stream.tops));
    SSG_TRY(ssg_cudnn_check(cudnnCreate(&cuda->cudnn), "a handle"));
    SSG_TRY(ssg_cudnn_check(cudnnSetStream(cuda->cudnn, ssg_cuda_handle(cuda)), "its stream"));
    SSG_TRY(ssg_cublas_check(cublasCreate(&cuda->cublas), "a handle"));
    return ssg_cublas_check(cublasSetStream(cuda->cublas, ssg_cuda_handle(cuda)), "its stream");
}

/* Off unless asked for: what it gains has not been measured. */
static int wants_graphs(void)
{
    const char *wanted = getenv("SSGCAM_CUDA_GRAPHS");
    return wanted && strcmp(wanted, "1") == 0;
}

ssgcam_status ssg_device_cuda_open(ssg_device **out, int index, int threads)
{
    *out = NULL;
    SSG_TRY(ssg_cuda_find(index));
    ssg_cuda *cuda = ssg_calloc(1, sizeof *cuda);
    if (!cuda) return SSG_OUT_OF_MEMORY;
    cuda->index = index;
    cuda->base = (ssg_device){.interface = &interface,
                              .ops = ssg_ops_cuda(),
                              .run = {.threads = threads, .stream = &cuda->stream},
                              .threads = threads,
                              .records = wants_graphs(),
                              .scoring = &ssg_cuda_scoring};
    snprintf(cuda->base.label, sizeof cuda->base.label, "cuda:%d", index);
    ssgcam_status status = open_libraries(cuda);
    if (status != SSGCAM_OK) {
        destroy(&cuda->base);
        return status;
    }
    *out = &cuda->base;
    return SSGCAM_OK;
}
