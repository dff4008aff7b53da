/* Convolution and its data gradient on cuDNN: the heuristics' first deterministic algorithm within the workspace's bound, with the
 * arithmetic that it was offered with.
 *
 * In bf16 and fp16: tensors, filter and (fused) bias of that type in NHWC, sums in float on tensor cores. That is cuDNN's PSEUDO_BFLOAT16_CONFIG or
 * PSEUDO_HALF_CONFIG with filters K R S C, for which its API guide lists IMPLICIT_PRECOMP_GEMM forward and algorithms 0 and 1 backward. Channels are
 * handed over as they are, also the 3 of an image: a multiple of 8 has been no condition for tensor cores since cuDNN 7.6.3, it is only faster. Where
 * cuDNN has no algorithm all the same, the convolution is done in float. */
#include "host/base/alloc.h"
#include "host/base/log.h"
#include "host/device/cuda/cuda.h"

enum { MOST_ALGORITHMS = 16 };

struct ssg_cuda_conv {
    cudnnTensorDescriptor_t x, y, bias;
    cudnnFilterDescriptor_t w;
    cudnnConvolutionDescriptor_t conv;
    cudnnActivationDescriptor_t relu;
    cudnnConvolutionFwdAlgo_t forward;
    cudnnConvolutionBwdDataAlgo_t backward;
    size_t workspace, most_workspace;
    int tensor_cores;  /* allowed */
    int padded;        /* cuDNN pads both sides alike; where that does not do, x is padded by hand */
    int fused;         /* bias and function are part of the convolution */
    ssg_placed inside; /* x as cuDNN sees it */
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

static cudnnDataType_t type_of(ssg_precision precision)
{
    return precision == SSG_PRECISION_BF16 ? CUDNN_DATA_BFLOAT16 : precision == SSG_PRECISION_F16 ? CUDNN_DATA_HALF : CUDNN_DATA_FLOAT;
}

static cudnnTensorFormat_t format_of(ssg_layout layout)
{
    return layout == SSG_LAYOUT_NHWC ? CUDNN_TENSOR_NHWC : CUDNN_TENSOR_NCHW;
}

/* Of a tensor's elements cuDNN takes so many; more are treated like memory that runs out, since fewer images at a time help. */
static ssgcam_status check_size(const ssg_placed *placed)
{
    char text[SSG_SHAPE_TEXT];
    if (ssg_cuda_count(placed) <= INT32_MAX) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_MEMORY,
                    "cuDNN takes no tensor of more than %d elements, and a convolution has one of %s: it needs fewer or smaller images", INT32_MAX,
                    ssg_shape_format(&placed->shape, text));
}

static ssgcam_status describe_tensor(cudnnTensorDescriptor_t *desc, const ssg_placed *placed)
{
    const int64_t *d = placed->shape.dims;
    SSG_TRY(check_size(placed));
    SSG_TRY(ssg_cudnn_check(cudnnCreateTensorDescriptor(desc), "a tensor descriptor"));
    return ssg_cudnn_check(
        cudnnSetTensor4dDescriptor(*desc, format_of(placed->layout), type_of(placed->precision), (int)d[0], (int)d[1], (int)d[2], (int)d[3]),
        "a tensor's shape");
}

static ssgcam_status describe_filter(ssg_cuda_conv *c, const ssg_op *op, const ssg_placed *y)
{
    const int64_t *d = op->weights->shape.dims;
    SSG_TRY(ssg_cudnn_check(cudnnCreateFilterDescriptor(&c->w), "a filter descriptor"));
    return ssg_cudnn_check(cudnnSetFilter4dDescriptor(c->w, type_of(y->precision), format_of(y->layout), (int)d[0], (int)d[1], (int)d[2], (int)d[3]),
                           "a filter's shape");
}

static ssgcam_status set_arithmetic(ssg_cuda_conv *c, cudnnMathType_t math)
{
    return ssg_cudnn_check(cudnnSetConvolutionMathType(c->conv, math), "a convolution's arithmetic");
}

/* A quarter of a gigabyte; or as much as x and y, since tensor cores take planes of float by way of their NHWC form in the workspace. */
static size_t workspace_bound(const ssg_placed *x, const ssg_placed *y)
{
    const size_t least = (size_t)256 << 20;
    return x->bytes + y->bytes > least ? x->bytes + y->bytes : least;
}

static ssgcam_status describe(ssg_cuda_conv *c, const ssg_op *op, const ssg_placed *x, const ssg_placed *y, int tensor_cores)
{
    const ssg_window *w = &op->window;
    c->padded = !symmetric_will_do(w, &x->shape, &y->shape);
    c->inside = *x;
    if (c->padded) c->inside.shape = padded_shape(w, &x->shape, &y->shape);
    ssg_placed_measure(&c->inside);
    c->tensor_cores = tensor_cores;
    c->most_workspace = workspace_bound(&c->inside, y);
    ssg_placed bias = {.shape = {4, {1, y->shape.dims[1], 1, 1}}, .layout = y->layout, .precision = y->precision};
    SSG_TRY(describe_tensor(&c->x, &c->inside));
    SSG_TRY(describe_tensor(&c->y, y));
    SSG_TRY(describe_tensor(&c->bias, &bias));
    SSG_TRY(describe_filter(c, op, y));
    SSG_TRY(ssg_cudnn_check(cudnnCreateConvolutionDescriptor(&c->conv), "a convolution descriptor"));
    SSG_TRY(ssg_cudnn_check(cudnnSetConvolution2dDescriptor(c->conv, c->padded ? 0 : (int)w->pads[0], c->padded ? 0 : (int)w->pads[1],
                                                            (int)w->stride[0], (int)w->stride[1], (int)w->dilation[0], (int)w->dilation[1],
                                                            CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
                            "a convolution's window"));
    SSG_TRY(ssg_cudnn_check(cudnnSetConvolutionGroupCount(c->conv, (int)op->groups), "a convolution's groups"));
    return set_arithmetic(c, tensor_cores ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH);
}

/* ---- algorithms ---------------------------------------------------------------------------------------------------------------------------------
 */

/* What the heuristics offer, forward or backward. All that it says holds with its own arithmetic only, which must be as exact as was asked for: where
 * that is float, CUDNN_DEFAULT_MATH would allow TF32; and conversion means half. */
typedef struct offer {
    int algorithm;
    cudnnStatus_t status;
    cudnnDeterminism_t determinism;
    cudnnMathType_t math;
    size_t memory;
} offer;

#define OFFER_OF(perf) ((offer){(int)(perf).algo, (perf).status, (perf).determinism, (perf).mathType, (perf).memory})

enum { EXACT, RELABELLED, CHOICES };

/* Whether an offer will do. Where no exact one does, float takes the algorithm of one that names another arithmetic, with its own: whether that is
 * possible the workspace's size says. */
static int will_do(const ssg_cuda_conv *c, int choice, const offer *o)
{
    int exact = c->tensor_cores ? o->math != CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION : o->math == CUDNN_FMA_MATH;
    int relabelled = !c->tensor_cores && o->math == CUDNN_DEFAULT_MATH;
    return o->status == CUDNN_STATUS_SUCCESS && o->determinism == CUDNN_DETERMINISTIC && (choice == EXACT ? exact : relabelled) &&
           o->memory <= c->most_workspace;
}

typedef cudnnStatus_t workspace_query(ssg_cuda_conv *c, cudnnHandle_t handle, int algorithm);

/* The first offer that will do: sets the arithmetic and the workspace. `what` is done, for the sentence where there is none. */
static ssgcam_status choose(ssg_cuda_conv *c, cudnnHandle_t handle, const offer *offers, int count, workspace_query *ask, const char *what,
                            int *algorithm)
{
    for (int choice = EXACT; choice < CHOICES; choice++)
        for (int i = 0; i < count; i++) {
            if (!will_do(c, choice, &offers[i])) continue;
            *algorithm = offers[i].algorithm;
            SSG_TRY(set_arithmetic(c, choice == EXACT ? offers[i].math : CUDNN_FMA_MATH));
            cudnnStatus_t status = ask(c, handle, *algorithm);
            if (choice == EXACT) SSG_TRY(ssg_cudnn_check(status, "its workspace"));
            if (status == CUDNN_STATUS_SUCCESS && c->workspace <= c->most_workspace) return SSGCAM_OK;
        }
    return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "cuDNN has no deterministic algorithm for %s", what);
}

static cudnnStatus_t ask_forward(ssg_cuda_conv *c, cudnnHandle_t handle, int algorithm)
{
    return cudnnGetConvolutionForwardWorkspaceSize(handle, c->x, c->w, c->conv, c->y, (cudnnConvolutionFwdAlgo_t)algorithm, &c->workspace);
}

static ssgcam_status choose_forward(ssg_cuda_conv *c, cudnnHandle_t handle)
{
    cudnnConvolutionFwdAlgoPerf_t found[MOST_ALGORITHMS];
    offer offers[MOST_ALGORITHMS];
    int count = 0, algorithm = 0;
    SSG_TRY(ssg_cudnn_check(cudnnGetConvolutionForwardAlgorithm_v7(handle, c->x, c->w, c->conv, c->y, MOST_ALGORITHMS, &count, found),
                            "the choice of a convolution"));
    for (int i = 0; i < count; i++) offers[i] = OFFER_OF(found[i]);
    SSG_TRY(choose(c, handle, offers, count, ask_forward, "this convolution", &algorithm));
    c->forward = (cudnnConvolutionFwdAlgo_t)algorithm;
    return SSGCAM_OK;
}

static cudnnStatus_t ask_backward(ssg_cuda_conv *c, cudnnHandle_t handle, int algorithm)
{
    return cudnnGetConvolutionBackwardDataWorkspaceSize(handle, c->w, c->y, c->conv, c->x, (cudnnConvolutionBwdDataAlgo_t)algorithm, &c->workspace);
}

static ssgcam_status choose_backward(ssg_cuda_conv *c, cudnnHandle_t handle)
{
    cudnnConvolutionBwdDataAlgoPerf_t found[MOST_ALGORITHMS];
    offer offers[MOST_ALGORITHMS];
    int count = 0, algorithm = 0;
    SSG_TRY(ssg_cudnn_check(cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, c->w, c->y, c->conv, c->x, MOST_ALGORITHMS, &count, found),
                            "the choice of a convolution's gradient"));
    for (int i = 0; i < count; i++) offers[i] = OFFER_OF(found[i]);
    SSG_TRY(choose(c, handle, offers, count, ask_backward, "the gradient of this convolution", &algorithm));
    c->backward = (cudnnConvolutionBwdDataAlgo_t)algorithm;
    return SSGCAM_OK;
}

/* cuDNN adds the bias and applies ReLU or nothing; nothing with one algorithm only, says its API guide. Infinity minus infinity must not become 0:
 * where cuDNN does not fuse CUDNN_PROPAGATE_NAN, as the guide has it, the step finds out in its first run. */
static ssgcam_status choose_fusion(ssg_cuda_conv *c, const ssg_op *op)
{
    int relu = op->function == SSG_FUNCTION_RELU;
    c->fused = op->bias && (relu || (op->function == SSG_FUNCTION_NONE && c->forward == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM));
    SSG_TRY(ssg_cudnn_check(cudnnCreateActivationDescriptor(&c->relu), "an activation descriptor"));
    return ssg_cudnn_check(cudnnSetActivationDescriptor(c->relu, relu ? CUDNN_ACTIVATION_RELU : CUDNN_ACTIVATION_IDENTITY, CUDNN_PROPAGATE_NAN, 0),
                           "an activation");
}

/* ---- running ---------------------------------------------------------------------------------------------------------------------------- */

static const float one = 1, zero = 0;

/* Scratch holds the padded x, then cuDNN's workspace. */
static size_t padded_bytes(const ssg_cuda_conv *c)
{
    return c->padded ? (c->inside.bytes + 255) / 256 * 256 : 0;
}

/* x and its padded copy in scratch: the walk is over x. */
static void copy_inside(const ssg_step *step, void *to, const void *from, const ssg_placed *x, int into_padded)
{
    const ssg_cuda_conv *c = step->conv;
    ssg_net_axes axes = ssg_cuda_axes(&x->shape);
    ssg_net_side dense = ssg_cuda_side(x, into_padded ? from : to), padded = ssg_cuda_side(&c->inside, into_padded ? to : from);
    padded.first = (size_t)(step->op.window.pads[0] * padded.strides.along[2] + step->op.window.pads[1] * padded.strides.along[3]);
    ssg_net_copy(&step->cuda->base.run, into_padded ? &padded : &dense, into_padded ? &dense : &padded, &axes, 1);
}

static ssgcam_status run_fused(const ssg_step *step, const void *x, void *workspace, void *y)
{
    const ssg_cuda_conv *c = step->conv;
    const void *w = ssg_cuda_weights_data(step->weights), *bias = ssg_cuda_weights_data(step->fused_bias);
    return ssg_cudnn_check(cudnnConvolutionBiasActivationForward(step->cuda->cudnn, &one, c->x, x, c->w, w, c->conv, c->forward, workspace,
                                                                 c->workspace, &zero, c->y, y, c->bias, bias, c->relu, c->y, y),
                           "a convolution with bias");
}

static ssgcam_status run_forward(const ssg_step *step, const ssg_step_io *io)
{
    ssg_cuda_conv *c = step->conv;
    const ssg_run *run = &step->cuda->base.run;
    const void *x = io->inputs[0], *w = ssg_cuda_weights_data(step->weights);
    char *workspace = io->scratch;
    if (c->padded) {
        ssg_net_fill(run, ssg_cuda_element(&c->inside), io->scratch, 0, ssg_cuda_count(&c->inside));
        copy_inside(step, io->scratch, x, &step->inputs[0], 1);
        x = io->scratch;
        workspace += padded_bytes(c);
    }
    if (c->fused) {
        ssgcam_status status = run_fused(step, x, workspace, io->output);
        if (status != SSGCAM_ERR_UNSUPPORTED) return status;
        ssg_log(SSG_LOG_VERBOSE, "node '%s': %s; bias and function follow it", step->op.name ? step->op.name : "?", ssgcam_last_error());
        c->fused = 0; /* from now on */
    }
    SSG_TRY(ssg_cudnn_check(
        cudnnConvolutionForward(step->cuda->cudnn, &one, c->x, x, c->w, w, c->conv, c->forward, workspace, c->workspace, &zero, c->y, io->output),
        "a convolution"));
    const ssg_placed *y = &step->output;
    ssg_net_bias(run, ssg_cuda_element(y), (int)step->op.function, step->op.alpha, step->op.beta, io->output, ssg_cuda_weights_data(step->bias),
                 (size_t)ssg_cuda_strides(y).along[1], (size_t)y->shape.dims[1], ssg_cuda_count(y));
    return SSGCAM_OK;
}

static ssgcam_status run_backward(const ssg_step *step, const ssg_step_io *io)
{
    const ssg_cuda_conv *c = step->conv;
    void *dx = c->padded ? io->scratch : io->output;
    char *workspace = (char *)io->scratch + padded_bytes(c);
    SSG_TRY(ssg_cudnn_check(cudnnConvolutionBackwardData(step->cuda->cudnn, &one, c->w, ssg_cuda_weights_data(step->weights), c->y, io->inputs[0],
                                                         c->conv, c->backward, workspace, c->workspace, &zero, c->x, dx),
                            "a convolution's gradient"));
    if (c->padded) copy_inside(step, io->output, dx, &step->output, 0);
    return SSGCAM_OK;
}

/* ---- making --------------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status make(ssg_step *step, ssg_step_request *r, ssg_layout layout, ssg_precision precision)
{
    int backward = r->op->kind == SSG_OP_CONV_BACKWARD, narrow = ssg_cuda_narrow(precision);
    ssg_placed_set(&r->inputs[0], layout, precision);
    ssg_placed_set(&r->output, layout, precision);
    step->run = backward ? run_backward : run_forward;
    if (!(step->conv = ssg_calloc(1, sizeof *step->conv))) return SSG_OUT_OF_MEMORY;
    ssg_cuda_conv *c = step->conv;
    SSG_TRY(describe(c, r->op, backward ? &r->output : &r->inputs[0], backward ? &r->inputs[0] : &r->output, narrow || step->tf32));
    SSG_TRY(backward ? choose_backward(c, step->cuda->cudnn) : choose_forward(c, step->cuda->cudnn));
    if (!backward) SSG_TRY(choose_fusion(c, r->op));
    r->scratch_bytes = c->workspace + padded_bytes(c);
    SSG_TRY(ssg_cuda_weights_get(&step->weights, step->cuda, r->op->weights, ssg_shape_count(&r->op->weights->shape), layout, precision));
    if (backward) return SSGCAM_OK;
    size_t channels = (size_t)r->output.shape.dims[1];
    SSG_TRY(ssg_cuda_weights_get(&step->bias, step->cuda, r->op->bias, channels, SSG_LAYOUT_PLAIN, SSG_PRECISION_F32));
    return ssg_cuda_weights_get(&step->fused_bias, step->cuda, c->fused ? r->op->bias : NULL, channels, SSG_LAYOUT_PLAIN, precision);
}

ssgcam_status ssg_cuda_make_conv(ssg_step *step, ssg_step_request *r)
{
    int narrow = ssg_cuda_narrow(r->precision);
    ssgcam_status status = narrow ? make(step, r, SSG_LAYOUT_NHWC, r->precision) : make(step, r, SSG_LAYOUT_PLAIN, SSG_PRECISION_F32);
    if (status != SSGCAM_ERR_UNSUPPORTED || !(narrow || step->tf32)) return status;
    ssg_log(SSG_LOG_VERBOSE, "node '%s': %s; it is done in float", r->op->name ? r->op->name : "?", ssgcam_last_error());
    ssg_cuda_conv_destroy(&step->conv);
    step->tf32 = 0;
    return make(step, r, SSG_LAYOUT_PLAIN, SSG_PRECISION_F32);
}
