/* Convolution and its data gradient on cuDNN: the heuristics' first deterministic algorithm within the workspace's bound. */
#include "host/base/alloc.h"
#include "host/device/cuda/cuda.h"

static const size_t most_workspace = (size_t)256 << 20;
enum { MOST_ALGORITHMS = 16 };

struct ssg_cuda_conv {
    cudnnTensorDescriptor_t x, y, bias;
    cudnnFilterDescriptor_t w;
    cudnnConvolutionDescriptor_t conv;
    cudnnActivationDescriptor_t relu;
    cudnnConvolutionFwdAlgo_t forward;
    cudnnConvolutionBwdDataAlgo_t backward;
    size_t workspace;
    int padded; /* cuDNN pads both sides alike; where that does not do, x is padded by hand */
    ssg_shape x_shape;
};

void ssg_cuda_conv_destroy(ssg_cuda_conv **conv)
{
    if (!*conv) return;
    if ((*conv)->x) cudnnDestroyTensorDescriptor((*conv)->x);
    if ((*conv)->y) cudnnDestroyTensorDescriptor((*conv)->y);
    if ((*conv)->bias) cudnnDestroyTensorDescriptor((*conv)->bias);
    if ((*conv)->w) cudnnDestroyFilterDescriptor((*conv)->w);
    if ((*conv)->conv) cudnnDestroyConvolutionDescriptor((*conv)->conv);
    if ((*conv)->relu) cudnnDestroyActivationDescriptor((*conv)->relu);
    ssg_free(*conv);
    *conv = NULL;
}

/* ---- description ------------------------------------------------------------------------------------------------------------------------------ */

/* Input extent that the outputs of one axis read, and what cuDNN would make of symmetric padding. */
static int64_t span(const ssg_window *w, int axis, int64_t outputs)
{
    return (outputs - 1) * w->stride[axis] + (w->kernel[axis] - 1) * w->dilation[axis] + 1;
}

static int symmetric_will_do(const ssg_window *w, const ssg_shape *x, const ssg_shape *y)
{
    for (int axis = 0; axis < 2; axis++) {
        int64_t padded = x->dims[2 + axis] + 2 * w->pads[axis] - (w->kernel[axis] - 1) * w->dilation[axis] - 1;
        if (padded < 0 || padded / w->stride[axis] + 1 != y->dims[2 + axis]) return 0;
    }
    return 1;
}

/* The shape that cuDNN sees: x itself, or x with its padding in place. */
static ssg_shape padded_shape(const ssg_window *w, const ssg_shape *x, const ssg_shape *y)
{
    ssg_shape shape = *x;
    for (int axis = 0; axis < 2; axis++) {
        int64_t needed = span(w, axis, y->dims[2 + axis]), inside = w->pads[axis] + x->dims[2 + axis];
        shape.dims[2 + axis] = needed > inside ? needed : inside;
    }
    return shape;
}

static ssgcam_status describe_tensor(cudnnTensorDescriptor_t *desc, const ssg_shape *shape)
{
    const int64_t *d = shape->dims;
    SSG_TRY(ssg_cudnn_check(cudnnCreateTensorDescriptor(desc), "a tensor descriptor"));
    return ssg_cudnn_check(cudnnSetTensor4dDescriptor(*desc, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, (int)d[0], (int)d[1], (int)d[2], (int)d[3]),
                           "a tensor's shape");
}

static ssgcam_status describe(ssg_cuda_conv *c, const ssg_op *op, const ssg_shape *x, const ssg_shape *y, int tf32)
{
    const ssg_window *w = &op->window;
    const int64_t *filter = op->weights->shape.dims;
    c->padded = !symmetric_will_do(w, x, y);
    c->x_shape = c->padded ? padded_shape(w, x, y) : *x;
    SSG_TRY(describe_tensor(&c->x, &c->x_shape));
    SSG_TRY(describe_tensor(&c->y, y));
    SSG_TRY(describe_tensor(&c->bias, &(ssg_shape){4, {1, y->dims[1], 1, 1}}));
    SSG_TRY(ssg_cudnn_check(cudnnCreateFilterDescriptor(&c->w), "a filter descriptor"));
    SSG_TRY(ssg_cudnn_check(
        cudnnSetFilter4dDescriptor(c->w, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NCHW, (int)filter[0], (int)filter[1], (int)filter[2], (int)filter[3]),
        "a filter's shape"));
    SSG_TRY(ssg_cudnn_check(cudnnCreateConvolutionDescriptor(&c->conv), "a convolution descriptor"));
    SSG_TRY(ssg_cudnn_check(cudnnSetConvolution2dDescriptor(c->conv, c->padded ? 0 : (int)w->pads[0], c->padded ? 0 : (int)w->pads[1],
                                                            (int)w->stride[0], (int)w->stride[1], (int)w->dilation[0], (int)w->dilation[1],
                                                            CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
                            "a convolution's window"));
    SSG_TRY(ssg_cudnn_check(cudnnSetConvolutionGroupCount(c->conv, (int)op->groups), "a convolution's groups"));
    SSG_TRY(ssg_cudnn_check(cudnnSetConvolutionMathType(c->conv, tf32 ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH), "a convolution's arithmetic"));
    SSG_TRY(ssg_cudnn_check(cudnnCreateActivationDescriptor(&c->relu), "an activation descriptor"));
    return ssg_cudnn_check(cudnnSetActivationDescriptor(c->relu, CUDNN_ACTIVATION_RELU, CUDNN_NOT_PROPAGATE_NAN, 0), "an activation");
}

/* ---- algorithms ---------------------------------------------------------------------------------------------------------------------------------
 */

static ssgcam_status choose_forward(ssg_cuda_conv *c, cudnnHandle_t handle)
{
    cudnnConvolutionFwdAlgoPerf_t found[MOST_ALGORITHMS];
    int count = 0;
    SSG_TRY(ssg_cudnn_check(cudnnGetConvolutionForwardAlgorithm_v7(handle, c->x, c->w, c->conv, c->y, MOST_ALGORITHMS, &count, found),
                            "the choice of a convolution"));
    for (int i = 0; i < count; i++) {
        if (found[i].status != CUDNN_STATUS_SUCCESS || found[i].determinism != CUDNN_DETERMINISTIC || found[i].memory > most_workspace) continue;
        c->forward = found[i].algo;
        return ssg_cudnn_check(cudnnGetConvolutionForwardWorkspaceSize(handle, c->x, c->w, c->conv, c->y, c->forward, &c->workspace),
                               "its workspace");
    }
    return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "cuDNN has no deterministic algorithm for this convolution");
}

static ssgcam_status choose_backward(ssg_cuda_conv *c, cudnnHandle_t handle)
{
    cudnnConvolutionBwdDataAlgoPerf_t found[MOST_ALGORITHMS];
    int count = 0;
    SSG_TRY(ssg_cudnn_check(cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, c->w, c->y, c->conv, c->x, MOST_ALGORITHMS, &count, found),
                            "the choice of a convolution's gradient"));
    for (int i = 0; i < count; i++) {
        if (found[i].status != CUDNN_STATUS_SUCCESS || found[i].determinism != CUDNN_DETERMINISTIC || found[i].memory > most_workspace) continue;
        c->backward = found[i].algo;
        return ssg_cudnn_check(cudnnGetConvolutionBackwardDataWorkspaceSize(handle, c->w, c->y, c->conv, c->x, c->backward, &c->workspace),
                               "its workspace");
    }
    return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "cuDNN has no deterministic algorithm for the gradient of this convolution");
}

/* ---- running ---------------------------------------------------------------------------------------------------------------------------- */

static const float one = 1, zero = 0;

/* x and its padded copy in scratch: the walk is over x. */
static void copy_inside(const ssg_step *step, float *to, const float *from, const ssg_shape *x, int into_padded)
{
    const ssg_cuda_conv *c = step->conv;
    ssg_net_axes axes = ssg_cuda_axes(x);
    ssg_net_strides plain = ssg_cuda_strides(x), padded = ssg_cuda_strides(&c->x_shape);
    size_t corner = (size_t)(step->op.window.pads[0] * padded.along[2] + step->op.window.pads[1] * padded.along[3]);
    if (into_padded)
        ssg_net_copy(&step->cuda->base.run, to + corner, &padded, from, &plain, &axes);
    else
        ssg_net_copy(&step->cuda->base.run, to, &plain, from + corner, &padded, &axes);
}

static ssgcam_status run_forward(const ssg_step *step, const ssg_step_io *io)
{
    const ssg_cuda_conv *c = step->conv;
    const ssg_run *run = &step->cuda->base.run;
    const float *x = io->inputs[0], *w = ssg_cuda_weights_data(step->weights), *bias = ssg_cuda_weights_data(step->bias);
    char *workspace = io->scratch;
    if (c->padded) {
        size_t count = ssg_shape_count(&c->x_shape);
        ssg_net_fill(run, io->scratch, 0, count);
        copy_inside(step, io->scratch, x, &step->inputs[0].shape, 1);
        x = io->scratch;
        workspace += count * sizeof(float);
    }
    if (bias && step->op.function == SSG_FUNCTION_RELU)
        return ssg_cudnn_check(cudnnConvolutionBiasActivationForward(step->cuda->cudnn, &one, c->x, x, c->w, w, c->conv, c->forward, workspace,
                                                                     c->workspace, &zero, c->y, io->output, c->bias, bias, c->relu, c->y, io->output),
                               "a convolution with bias and ReLU");
    SSG_TRY(ssg_cudnn_check(
        cudnnConvolutionForward(step->cuda->cudnn, &one, c->x, x, c->w, w, c->conv, c->forward, workspace, c->workspace, &zero, c->y, io->output),
        "a convolution"));
    const int64_t *d = step->output.shape.dims;
    ssg_net_bias(run, (int)step->op.function, step->op.alpha, step->op.beta, io->output, bias, (size_t)(d[2] * d[3]), (size_t)d[1],
                 ssg_cuda_count(&step->output));
    return SSGCAM_OK;
}

static ssgcam_status run_backward(const ssg_step *step, const ssg_step_io *io)
{
    const ssg_cuda_conv *c = step->conv;
    float *dx = io->output;
    char *workspace = io->scratch;
    if (c->padded) {
        dx = io->scratch;
        workspace += ssg_shape_count(&c->x_shape) * sizeof(float);
    }
    SSG_TRY(ssg_cudnn_check(cudnnConvolutionBackwardData(step->cuda->cudnn, &one, c->w, ssg_cuda_weights_data(step->weights), c->y, io->inputs[0],
                                                         c->conv, c->backward, workspace, c->workspace, &zero, c->x, dx),
                            "a convolution's gradient"));
    if (c->padded) copy_inside(step, io->output, dx, &step->output.shape, 0);
    return SSGCAM_OK;
}

ssgcam_status ssg_cuda_make_conv(ssg_step *step, ssg_step_request *r)
{
    int backward = r->op->kind == SSG_OP_CONV_BACKWARD;
    ssg_cuda_place(&r->inputs[0]);
    ssg_cuda_place(&r->output);
    step->run = backward ? run_backward : run_forward;
    if (!(step->conv = ssg_calloc(1, sizeof *step->conv))) return SSG_OUT_OF_MEMORY;
    const ssg_shape *x = backward ? &r->output.shape : &r->inputs[0].shape, *y = backward ? &r->inputs[0].shape : &r->output.shape;
    SSG_TRY(describe(step->conv, r->op, x, y, step->tf32));
    SSG_TRY(backward ? choose_backward(step->conv, step->cuda->cudnn) : choose_forward(step->conv, step->cuda->cudnn));
    r->scratch_bytes = step->conv->workspace + (step->conv->padded ? ssg_shape_count(&step->conv->x_shape) * sizeof(float) : 0);
    SSG_TRY(ssg_cuda_weights_get(&step->weights, step->cuda, r->op->weights, ssg_shape_count(&r->op->weights->shape)));
    return ssg_cuda_weights_get(&step->bias, step->cuda, backward ? NULL : r->op->bias, (size_t)y->dims[1]);
}
