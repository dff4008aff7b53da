/* cuda.h - inside the CUDA backend: the device, what a step is, and who makes which.
 *
 * Everything runs on one stream of the device. Convolutions are cuDNN's and matrix products cuBLAS's, with deterministic algorithms; the rest are the
 * kernels of kernels/cuda/net.h.
 *
 * In fp32 and tf32 all tensors are row-major float. In bf16 and fp16 ("narrow") convolutions take and give NHWC of that type, matrix products take
 * it, pools and elementwise operators follow what they are given, and what needs float's range or precision asks for it: softmax, LRN, powers,
 * roots, exponentials and logarithms (PyTorch's autocast draws the line in the same place). */
#ifndef SSG_DEVICE_CUDA_CUDA_H
#define SSG_DEVICE_CUDA_CUDA_H

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include "host/device/device.h"
#include "kernels/cuda/cuda.h"
#include "kernels/cuda/net.h"

typedef struct ssg_cuda_weights ssg_cuda_weights;
typedef struct ssg_cuda_staging ssg_cuda_staging;
typedef struct ssg_cuda_conv ssg_cuda_conv;

typedef struct ssg_cuda {
    ssg_device base;
    int index;
    int capability[2];      /* major, minor */
    ssg_cuda_stream stream; /* base.run points to it */
    cudaStream_t up, down;  /* copies beside it (lanes.c) */
    cudnnHandle_t cudnn;
    cublasHandle_t cublas;
    ssg_cuda_weights *weights; /* on the device, shared by all plans */
    ssg_cuda_staging *staging;
} ssg_cuda;

typedef struct ssg_step_io {
    const void *const *inputs;
    void *output, *positions, *scratch;
} ssg_step_io;

typedef ssgcam_status ssg_step_function(const ssg_step *step, const ssg_step_io *io);

struct ssg_step {
    ssg_cuda *cuda;
    ssg_step_function *run;
    ssg_op op; /* a shallow copy: the graph outlives its steps */
    ssg_placed inputs[SSG_OP_MAX_INPUTS];
    ssg_placed *more_inputs; /* CONCAT: all of them */
    ssg_placed output;
    ssg_cuda_weights *weights, *bias, *fused_bias; /* the last one of the output's type, for cuDNN */
    ssg_cuda_conv *conv;
    int tf32;
};

/* One maker per family of operators: fills in `run` and answers the request. step->op and cuda are set. */
typedef ssgcam_status ssg_step_maker(ssg_step *step, ssg_step_request *request);
ssg_step_maker ssg_cuda_make_conv;                                              /* conv.c */
ssg_step_maker ssg_cuda_make_matmul;                                            /* matmul.c */
ssg_step_maker ssg_cuda_make_unary, ssg_cuda_make_binary, ssg_cuda_make_affine; /* steps_elementwise.c */
ssg_step_maker ssg_cuda_make_movement, ssg_cuda_make_reorder;                   /* steps_movement.c */
ssg_step_maker ssg_cuda_make_reduce, ssg_cuda_make_softmax, ssg_cuda_make_lrn;  /* steps_reduce.c */
ssg_step_maker ssg_cuda_make_pool;                                              /* steps_pool.c */

void ssg_cuda_conv_destroy(ssg_cuda_conv **conv);

extern const ssg_scoring_interface ssg_cuda_scoring; /* scorer.c */

/* ---- errors: a sentence for each library ------------------------------------------------------------------------------------------ */

ssgcam_status ssg_cuda_check(cudaError_t error, const char *what);
ssgcam_status ssg_cudnn_check(cudnnStatus_t status, const char *what);
ssgcam_status ssg_cublas_check(cublasStatus_t status, const char *what);

/* A kernel that could not be started since the last look. */
ssgcam_status ssg_cuda_pending(ssg_cuda *cuda);

/* ---- gpus.c ----------------------------------------------------------------------------------------------------------------------------- */

/* Fails with what is missing if there is no such GPU. */
ssgcam_status ssg_cuda_find(int index);

/* Fails if the GPU, which is the current one, lacks what no command can do without: asked when it is opened rather than by the first kernel, so that
 * `auto` can still take the CPU. */
ssgcam_status ssg_cuda_check_fitness(const ssg_cuda *cuda);

/* ---- memory.c ------------------------------------------------------------------------------------------------------------------------ */

ssgcam_status ssg_cuda_staging_create(ssg_cuda_staging **out, cudaStream_t stream);
void ssg_cuda_staging_destroy(ssg_cuda_staging **staging);
ssgcam_status ssg_cuda_memory_create(ssg_device *device, size_t bytes, void **memory);
void ssg_cuda_memory_destroy(ssg_device *device, void *memory);
ssgcam_status ssg_cuda_upload(ssg_device *device, void *to, const void *from, size_t bytes);
ssgcam_status ssg_cuda_download(ssg_device *device, void *to, const void *from, size_t bytes);
ssgcam_status ssg_cuda_clear(ssg_device *device, void *memory, size_t bytes);
ssgcam_status ssg_cuda_copy(ssg_device *device, void *to, const void *from, size_t bytes);

/* A constant on the device, made once for all steps that use it: its elements, or one element `count` times. constant NULL gives NULL. A filter
 * (K C R S) in NHWC lies as K R S C. */
ssgcam_status ssg_cuda_weights_get(ssg_cuda_weights **out, ssg_cuda *cuda, ssg_const *constant, size_t count, ssg_layout layout,
                                   ssg_precision precision);
void ssg_cuda_weights_release(ssg_cuda *cuda, ssg_cuda_weights **weights);
const void *ssg_cuda_weights_data(const ssg_cuda_weights *weights); /* NULL for NULL */

/* ---- lanes.c: see device.h ---------------------------------------------------------------------------------------------------------------- */

ssgcam_status ssg_cuda_lane_create(ssg_device *device, size_t bytes, ssg_lane **out);
void ssg_cuda_lane_destroy(ssg_device *device, ssg_lane *lane);
ssgcam_status ssg_cuda_send(ssg_device *device, ssg_lane *lane, const void *from, size_t bytes);
ssgcam_status ssg_cuda_receive(ssg_device *device, ssg_lane *lane, void *to, size_t bytes);
/* `send` and `receive` in parts, for who gathers and uses the bytes in place: pinned memory once it may be filled; the copy into lane->memory; the
 * steps after this find the bytes there; the steps so far are the last that use them. */
ssgcam_status ssg_cuda_lane_fill(ssg_lane *lane, void **pinned);
ssgcam_status ssg_cuda_lane_go(ssg_cuda *cuda, ssg_lane *lane, size_t bytes);
ssgcam_status ssg_cuda_lane_arrived(ssg_cuda *cuda, ssg_lane *lane);
ssgcam_status ssg_cuda_lane_used(ssg_cuda *cuda, ssg_lane *lane);
ssgcam_status ssg_cuda_fetch(ssg_device *device, ssg_lane *lane, size_t bytes);
ssgcam_status ssg_cuda_fetched(ssg_device *device, ssg_lane *lane, const void **bytes);
ssgcam_status ssg_cuda_mark(ssg_device *device, ssg_mark *here);
ssgcam_status ssg_cuda_mark_ms(ssg_device *device, const ssg_mark *from, const ssg_mark *to, double *ms);
void ssg_cuda_mark_clear(ssg_device *device, ssg_mark *here);

/* ---- recording.c: see device.h -------------------------------------------------------------------------------------------------------------- */

ssgcam_status ssg_cuda_record_begin(ssg_device *device);
ssgcam_status ssg_cuda_record_end(ssg_device *device, ssg_recording **out);
ssgcam_status ssg_cuda_play(ssg_device *device, ssg_recording *recording);
void ssg_cuda_recording_destroy(ssg_device *device, ssg_recording *recording);

/* ---- placements ------------------------------------------------------------------------------------------------------------------------ */

static inline cudaStream_t ssg_cuda_handle(const ssg_cuda *cuda)
{
    return cuda->stream.handle;
}

/* Bfloat16 or half. */
static inline int ssg_cuda_narrow(ssg_precision precision)
{
    return precision == SSG_PRECISION_BF16 || precision == SSG_PRECISION_F16;
}

static inline ssg_element ssg_cuda_element(const ssg_placed *placed)
{
    _Static_assert((int)SSG_ELEMENT_BF16 == (int)SSG_PRECISION_BF16 && (int)SSG_ELEMENT_F16 == (int)SSG_PRECISION_F16, "the same numbers");
    return (ssg_element)placed->precision;
}

void ssg_cuda_place_plain(ssg_placed *placed); /* row-major float */
void ssg_cuda_place_like(ssg_placed *placed, const ssg_placed *other);
size_t ssg_cuda_count(const ssg_placed *placed);

/* Axes N C H W, whatever the layout, and the strides along them: for copies, whose walk may take any order. */
ssg_net_axes ssg_cuda_axes(const ssg_shape *shape);
ssg_net_strides ssg_cuda_strides(const ssg_placed *placed);
ssg_net_side ssg_cuda_side(const ssg_placed *placed, const void *data);

/* Axes, and strides along N C H W, put into the order of a tensor's memory: for walks that write it element by element. */
ssg_net_axes ssg_cuda_order_axes(ssg_net_axes axes, const ssg_placed *placed);
ssg_net_strides ssg_cuda_order_strides(ssg_net_strides strides, const ssg_placed *placed);

#endif
