/* cudnn.cpp - strict stand-ins for the cuDNN calls that we make: arguments are checked as its documentation has them, convolutions are plain loops in
 * float over elements that are widened and rounded. NCHW float (FLOAT_CONFIG), and NHWC in bfloat16 or half with sums in float
 * (PSEUDO_BFLOAT16_CONFIG, PSEUDO_HALF_CONFIG); NHWC filters go with IMPLICIT_PRECOMP_GEMM forward.
 * The heuristics offer first what a careful caller must pass over: an algorithm that is not deterministic, one with too large a workspace, one whose
 * arithmetic was not asked for. Each algorithm runs with the arithmetic that it was offered with, and no other. */
#include <cudnn.h>
#include <string.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <vector>

#include "tests/cudasim/elements.h"
#include "tests/cudasim/inside.h"

using namespace cudasim;

namespace
{

struct tensor {
    int dims[4] = {0, 0, 0, 0};
    cudnnTensorFormat_t format = CUDNN_TENSOR_NCHW;
    element type = FLOAT;
    size_t count() const
    {
        return (size_t)dims[0] * dims[1] * dims[2] * dims[3];
    }
    size_t bytes() const
    {
        return count() * element_size(type);
    }
    size_t place(size_t i) const /* in memory, of element i of N C H W */
    {
        if (format == CUDNN_TENSOR_NCHW) return i;
        size_t pixels = (size_t)dims[2] * dims[3], channels = dims[1];
        return (i / pixels / channels * pixels + i % pixels) * channels + i / pixels % channels;
    }
    std::vector<float> read(const void *data) const
    {
        std::vector<float> values(count());
        for (size_t i = 0; i < values.size(); i++) values[i] = element_read(type, data, place(i));
        return values;
    }
    void write(void *data, const std::vector<float> &values) const
    {
        for (size_t i = 0; i < values.size(); i++) element_write(type, data, place(i), values[i]);
        mark_written(data, bytes());
    }
};
struct convolution {
    int pad[2], stride[2], dilation[2], groups = 1;
    cudnnMathType_t math = CUDNN_DEFAULT_MATH;
    bool set = false;
};
struct activation {
    int mode = -1;
};
struct handle {
    cudaStream_t stream = nullptr;
    int device = current_device();
};

std::mutex lock;
registry alive;
thread_local std::string last_words; /* of the last error; whoever reads them takes them */

template <typename T, typename Public> cudnnStatus_t create(Public *out, const char *name)
{
    if (cudaError_t refused = enter(name)) {
        last_words = std::string("told to fail:\n") + name;
        return refused == cudaErrorMemoryAllocation ? CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED : CUDNN_STATUS_EXECUTION_FAILED;
    }
    std::lock_guard<std::mutex> hold(lock);
    T *made = new T;
    alive.insert(made);
    count_handle(1);
    *out = (Public)made;
    return CUDNN_STATUS_SUCCESS;
}

template <typename T> cudnnStatus_t destroy(const void *p)
{
    std::lock_guard<std::mutex> hold(lock);
    if (!alive.erase(p)) {
        fault(CUDASIM_DOUBLE_FREE, nullptr, "a cuDNN object that does not, or no longer, exist");
        return CUDNN_STATUS_BAD_PARAM;
    }
    count_handle(-1);
    delete (T *)p;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t refuse(const char *call, const char *why)
{
    fault(CUDASIM_LIBRARY_MISUSE, nullptr, "%s: %s", call, why);
    last_words = why;
    return CUDNN_STATUS_BAD_PARAM;
}

/* What makes a set of descriptors a convolution. */
const char *mismatch(const tensor *x, const tensor *w, const convolution *c, const tensor *y)
{
    if (!alive.count(x) || !alive.count(w) || !alive.count(c) || !alive.count(y)) return "a descriptor does not exist";
    if (!x->dims[0] || !w->dims[0] || !y->dims[0] || !c->set) return "a descriptor was never filled in";
    if (x->type != w->type || x->type != y->type) return "x, the filter and y are not of one type";
    if (x->format != w->format || x->format != y->format) return "x, the filter and y are not in one layout";
    if ((x->type == FLOAT) != (x->format == CUDNN_TENSOR_NCHW)) return "the simulator knows float in NCHW, bfloat16 and half in NHWC";
    if (x->type != FLOAT && c->math == CUDNN_FMA_MATH) return "16-bit elements, and tensor cores are not allowed";
    if (x->dims[1] != w->dims[1] * c->groups) return "channels of x are not those of the filter times the groups";
    if (w->dims[0] % c->groups) return "filters cannot be shared out to the groups";
    if (y->dims[0] != x->dims[0] || y->dims[1] != w->dims[0]) return "y has other rows or channels";
    for (int i = 0; i < 2; i++) {
        int span = (w->dims[2 + i] - 1) * c->dilation[i] + 1, padded = x->dims[2 + i] + 2 * c->pad[i];
        if (padded < span) return "the filter is larger than the padded image";
        if ((padded - span) / c->stride[i] + 1 != y->dims[2 + i]) return "y has not the size that this convolution gives";
    }
    return nullptr;
}

enum : size_t { WORKSPACE = 4096, TOO_MUCH = (size_t)8 << 30 };

std::atomic<int> without_tensor_cores{0};
std::atomic<int> without_fused{0};
std::atomic<int> relabelled{0};

bool refused(const convolution *c)
{
    return without_tensor_cores && c->math != CUDNN_FMA_MATH;
}

/* An algorithm with its arithmetic, as the heuristics offer it. */
struct offer {
    int algorithm;
    cudnnMathType_t math;
    size_t memory, takes; /* workspace: what they say, and what it is */
    cudnnStatus_t status = CUDNN_STATUS_SUCCESS;
    cudnnDeterminism_t determinism = CUDNN_DETERMINISTIC;
};

/* Tensor cores take NHWC: planes of float are turned over in the workspace. */
size_t room_for(const tensor &x, cudnnMathType_t math)
{
    return x.type == FLOAT && math != CUDNN_FMA_MATH ? std::max((size_t)WORKSPACE, x.bytes()) : (size_t)WORKSPACE;
}

std::vector<offer> offers(const tensor &x, const convolution &c, bool backward)
{
    int fft = backward ? (int)CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT : (int)CUDNN_CONVOLUTION_FWD_ALGO_FFT;
    int other = backward ? (int)CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD_NONFUSED : (int)CUDNN_CONVOLUTION_FWD_ALGO_GEMM;
    int direct = backward ? (int)CUDNN_CONVOLUTION_BWD_DATA_ALGO_1 : (int)CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
    bool plain = c.math == CUDNN_FMA_MATH;
    cudnnMathType_t math = plain ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH;
    std::vector<offer> all;
    auto add = [&](int algorithm, cudnnMathType_t with, size_t memory) -> offer & {
        all.push_back({algorithm, with, memory, memory});
        return all.back();
    };
    if (backward)
        add(CUDNN_CONVOLUTION_BWD_DATA_ALGO_0, c.math, 0).determinism = CUDNN_NON_DETERMINISTIC;
    else
        add(CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD, c.math, 0).status = CUDNN_STATUS_NOT_SUPPORTED;
    add(fft, CUDNN_FMA_MATH, TOO_MUCH);
    if (x.type == FLOAT) add(other, CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION, 0); /* by way of half */
    if (plain)
        add(other, CUDNN_DEFAULT_MATH, 0); /* TF32, and float was asked for */
    else
        add(other, CUDNN_TENSOR_OP_MATH, 0).takes = TOO_MUCH;
    add(direct, math, room_for(x, math));
    return all;
}

/* What an algorithm takes with the arithmetic that the descriptor has now; false if it was never offered with that. */
bool workspace_of(size_t *bytes, const tensor &x, const convolution &c, int algorithm, bool backward)
{
    for (const offer &o : offers(x, c, backward))
        if (o.algorithm == algorithm && o.math == c.math && o.status == CUDNN_STATUS_SUCCESS) {
            *bytes = o.takes;
            return true;
        }
    return false;
}

template <typename Algorithm, typename Perf> void give_offers(const std::vector<offer> &all, int room, int *count, Perf *found)
{
    *count = 0;
    for (const offer &o : all)
        if (*count < room)
            found[(*count)++] = {(Algorithm)o.algorithm,
                                 o.status,
                                 o.status ? -1.0f : 1.0f,
                                 o.memory,
                                 o.determinism,
                                 relabelled ? CUDNN_DEFAULT_MATH : o.math,
                                 {0, 0, 0}};
}

cudnnStatus_t give_workspace(const char *name, const tensor *x, const convolution *c, int algorithm, bool backward, size_t *bytes)
{
    if (enter(name)) return CUDNN_STATUS_EXECUTION_FAILED;
    if (workspace_of(bytes, *x, *c, algorithm, backward)) return CUDNN_STATUS_SUCCESS;
    return relabelled ? CUDNN_STATUS_NOT_SUPPORTED : refuse(name, "the algorithm was not offered with this arithmetic");
}

/* y = x * w, or dx from dy; what comes out is all zero before. */
void convolve(const tensor &x, float *xs, const tensor &w, const float *ws, const convolution &c, const tensor &y, float *ys, bool backward)
{
    int H = x.dims[2], W = x.dims[3], h = y.dims[2], v = y.dims[3], in = w.dims[1], out = w.dims[0] / c.groups;
    for (int n = 0; n < y.dims[0]; n++)
        for (int k = 0; k < w.dims[0]; k++)
            for (int i = 0; i < in; i++) {
                float *plane = xs + ((size_t)n * x.dims[1] + (size_t)(k / out * in + i)) * H * W, *to = ys + ((size_t)n * w.dims[0] + k) * h * v;
                for (int ky = 0; ky < w.dims[2]; ky++)
                    for (int kx = 0; kx < w.dims[3]; kx++) {
                        float weight = ws[(((size_t)k * in + i) * w.dims[2] + ky) * w.dims[3] + kx];
                        int shift = kx * c.dilation[1] - c.pad[1], first = shift < 0 ? (-shift + c.stride[1] - 1) / c.stride[1] : 0;
                        for (int oy = 0; oy < h; oy++) {
                            int yy = oy * c.stride[0] - c.pad[0] + ky * c.dilation[0];
                            if (yy < 0 || yy >= H) continue;
                            float *line = plane + yy * W + shift, *result = to + oy * v;
                            int last = W - shift <= 0 ? 0 : (W - shift - 1) / c.stride[1] + 1;
                            if (last > v) last = v;
                            if (backward)
                                for (int ox = first; ox < last; ox++) line[ox * c.stride[1]] += weight * result[ox];
                            else
                                for (int ox = first; ox < last; ox++) result[ox] += weight * line[ox * c.stride[1]];
                        }
                    }
            }
}

struct call {
    const char *name;
    const handle *h;
    tensor x, w, y;
    convolution c;
    int algorithm;
    void *workspace;
    size_t workspace_bytes;
    bool backward;
    size_t need; /* of the workspace */
};

const char *check(call &k, const tensor *x, const tensor *w, const convolution *c, const tensor *y, const void *alpha, const void *beta)
{
    if (!alive.count(k.h)) return "the handle does not exist";
    if (!k.h->stream) return "the handle was given no stream";
    if (k.h->device != current_device() || k.h->device != device_of(k.h->stream, k.name)) return "the handle is of another device";
    if (const char *why = mismatch(x, w, c, y)) return why;
    if (*(const float *)alpha != 1 || *(const float *)beta != 0) return "the simulator knows alpha 1 and beta 0 only";
    if (!workspace_of(&k.need, *x, *c, k.algorithm, k.backward))
        return "the algorithm was not offered with the arithmetic that the descriptor asks for";
    if (k.workspace_bytes < k.need) return "the workspace is smaller than the algorithm asks for";
    return nullptr;
}

/* Tensor cores read 16 bytes at a time. */
bool aligned(const call &k, const void *p)
{
    return k.x.type == FLOAT || (uintptr_t)p % 16 == 0;
}

bool memory_ready(const call &k, const void *in, size_t in_bytes, const void *weights, const void *out, size_t out_bytes)
{
    if (!aligned(k, in) || !aligned(k, weights) || !aligned(k, out)) {
        refuse(k.name, "16-bit tensors must begin at a multiple of 16 bytes");
        return false;
    }
    if (k.need && !device_range(k.name, k.workspace, k.need, false)) return false;
    if (k.need) memset(k.workspace, 0x5A, k.need), mark_written(k.workspace, k.need);
    return device_range(k.name, in, in_bytes, true) && device_range(k.name, weights, k.w.bytes(), true) &&
           device_range(k.name, out, out_bytes, false);
}

} // namespace

extern "C" {

void cudasim_without_tensor_cores(int on)
{
    without_tensor_cores = on;
}

void cudasim_without_fused_convolutions(int on)
{
    without_fused = on;
}

void cudasim_relabel_offers(int on)
{
    relabelled = on;
}

size_t cudnnGetVersion(void)
{
    return CUDNN_VERSION;
}

const char *cudnnGetErrorString(cudnnStatus_t status)
{
    return status == CUDNN_STATUS_SUCCESS            ? "CUDNN_STATUS_SUCCESS"
           : status == CUDNN_STATUS_EXECUTION_FAILED ? "CUDNN_STATUS_EXECUTION_FAILED"
           : status == CUDNN_STATUS_NOT_SUPPORTED    ? "CUDNN_STATUS_NOT_SUPPORTED"
                                                     : "CUDNN_STATUS_INTERNAL_ERROR";
}

void cudnnGetLastErrorString(char *message, size_t size)
{
    snprintf(message, size, "%s", last_words.c_str());
    last_words.clear();
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *h)
{
    return create<handle>(h, "cudnnCreate");
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t h)
{
    return destroy<handle>(h);
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t h, cudaStream_t stream)
{
    if (enter("cudnnSetStream")) return CUDNN_STATUS_EXECUTION_FAILED;
    ((handle *)h)->stream = stream;
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t *d)
{
    return create<tensor>(d, "cudnnCreateTensorDescriptor");
}
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t d)
{
    return destroy<tensor>(d);
}
cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t *d)
{
    return create<tensor>(d, "cudnnCreateFilterDescriptor");
}
cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t d)
{
    return destroy<tensor>(d);
}
cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t *d)
{
    return create<convolution>(d, "cudnnCreateConvolutionDescriptor");
}
cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t d)
{
    return destroy<convolution>(d);
}
cudnnStatus_t cudnnCreateActivationDescriptor(cudnnActivationDescriptor_t *d)
{
    return create<activation>(d, "cudnnCreateActivationDescriptor");
}
cudnnStatus_t cudnnDestroyActivationDescriptor(cudnnActivationDescriptor_t d)
{
    return destroy<activation>(d);
}

static cudnnStatus_t set_dims(void *d, const char *name, cudnnTensorFormat_t format, cudnnDataType_t type, int a, int b, int c, int e)
{
    if (enter(name)) return CUDNN_STATUS_EXECUTION_FAILED;
    if (!alive.count(d)) return refuse(name, "the descriptor does not exist");
    if (format != CUDNN_TENSOR_NCHW && format != CUDNN_TENSOR_NHWC) return refuse(name, "the simulator knows NCHW and NHWC only");
    if (type != CUDNN_DATA_FLOAT && type != CUDNN_DATA_BFLOAT16 && type != CUDNN_DATA_HALF)
        return refuse(name, "the simulator knows float, bfloat16 and half only");
    if (a < 1 || b < 1 || c < 1 || e < 1) return refuse(name, "a dimension is not positive");
    if ((double)a * b * c * e > INT32_MAX) return CUDNN_STATUS_NOT_SUPPORTED; /* as cuDNN 9.19 does, without a word */
    *(tensor *)d = tensor{{a, b, c, e}, format, type == CUDNN_DATA_FLOAT ? FLOAT : type == CUDNN_DATA_HALF ? HALF : BFLOAT16};
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t d, cudnnTensorFormat_t format, cudnnDataType_t type, int n, int c, int h, int w)
{
    return set_dims(d, "cudnnSetTensor4dDescriptor", format, type, n, c, h, w);
}
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t d, cudnnDataType_t type, cudnnTensorFormat_t format, int k, int c, int h, int w)
{
    return set_dims(d, "cudnnSetFilter4dDescriptor", format, type, k, c, h, w);
}
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t d, int pad_h, int pad_w, int u, int v, int dilation_h, int dilation_w,
                                              cudnnConvolutionMode_t mode, cudnnDataType_t type)
{
    const char *name = "cudnnSetConvolution2dDescriptor";
    if (enter(name)) return CUDNN_STATUS_EXECUTION_FAILED;
    if (!alive.count(d)) return refuse(name, "the descriptor does not exist");
    if (pad_h < 0 || pad_w < 0) return refuse(name, "padding is negative");
    if (u < 1 || v < 1 || dilation_h < 1 || dilation_w < 1) return refuse(name, "a stride or dilation is not positive");
    if (mode != CUDNN_CROSS_CORRELATION || type != CUDNN_DATA_FLOAT) return refuse(name, "the simulator knows float cross-correlation only");
    convolution *c = (convolution *)d;
    *c = {{pad_h, pad_w}, {u, v}, {dilation_h, dilation_w}, 1, CUDNN_DEFAULT_MATH, true};
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t d, int groups)
{
    if (enter("cudnnSetConvolutionGroupCount")) return CUDNN_STATUS_EXECUTION_FAILED;
    if (groups < 1) return refuse("cudnnSetConvolutionGroupCount", "no groups");
    ((convolution *)d)->groups = groups;
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t d, cudnnMathType_t math)
{
    if (enter("cudnnSetConvolutionMathType")) return CUDNN_STATUS_EXECUTION_FAILED;
    ((convolution *)d)->math = math;
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetActivationDescriptor(cudnnActivationDescriptor_t d, cudnnActivationMode_t mode, cudnnNanPropagation_t nan, double)
{
    if (enter("cudnnSetActivationDescriptor")) return CUDNN_STATUS_EXECUTION_FAILED;
    if (nan != CUDNN_PROPAGATE_NAN) return refuse("cudnnSetActivationDescriptor", "what is not a number would become 0 and pass for one");
    ((activation *)d)->mode = mode;
    return CUDNN_STATUS_SUCCESS;
}

/* ---- algorithms ---- */

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t h, const cudnnTensorDescriptor_t x, const cudnnFilterDescriptor_t w,
                                                     const cudnnConvolutionDescriptor_t c, const cudnnTensorDescriptor_t y, const int room,
                                                     int *count, cudnnConvolutionFwdAlgoPerf_t *found)
{
    const char *name = "cudnnGetConvolutionForwardAlgorithm_v7";
    if (enter(name)) return CUDNN_STATUS_EXECUTION_FAILED;
    if (const char *why = mismatch((tensor *)x, (tensor *)w, (convolution *)c, (tensor *)y)) return refuse(name, why);
    (void)h;
    if (refused((convolution *)c)) return CUDNN_STATUS_NOT_SUPPORTED;
    give_offers<cudnnConvolutionFwdAlgo_t>(offers(*(tensor *)x, *(convolution *)c, false), room, count, found);
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t h, const cudnnFilterDescriptor_t w, const cudnnTensorDescriptor_t y,
                                                          const cudnnConvolutionDescriptor_t c, const cudnnTensorDescriptor_t x, const int room,
                                                          int *count, cudnnConvolutionBwdDataAlgoPerf_t *found)
{
    const char *name = "cudnnGetConvolutionBackwardDataAlgorithm_v7";
    if (enter(name)) return CUDNN_STATUS_EXECUTION_FAILED;
    if (const char *why = mismatch((tensor *)x, (tensor *)w, (convolution *)c, (tensor *)y)) return refuse(name, why);
    (void)h;
    if (refused((convolution *)c)) return CUDNN_STATUS_NOT_SUPPORTED;
    give_offers<cudnnConvolutionBwdDataAlgo_t>(offers(*(tensor *)x, *(convolution *)c, true), room, count, found);
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t, const cudnnTensorDescriptor_t x, const cudnnFilterDescriptor_t,
                                                      const cudnnConvolutionDescriptor_t c, const cudnnTensorDescriptor_t,
                                                      cudnnConvolutionFwdAlgo_t algorithm, size_t *bytes)
{
    return give_workspace("cudnnGetConvolutionForwardWorkspaceSize", (tensor *)x, (convolution *)c, algorithm, false, bytes);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(cudnnHandle_t, const cudnnFilterDescriptor_t, const cudnnTensorDescriptor_t,
                                                           const cudnnConvolutionDescriptor_t c, const cudnnTensorDescriptor_t x,
                                                           cudnnConvolutionBwdDataAlgo_t algorithm, size_t *bytes)
{
    return give_workspace("cudnnGetConvolutionBackwardDataWorkspaceSize", (tensor *)x, (convolution *)c, algorithm, true, bytes);
}

/* ---- work ---- */

static cudnnStatus_t forward(const call &k, const void *xs, const void *ws, void *ys, const void *bias, bool relu)
{
    if (k.x.type != FLOAT && k.algorithm != CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM)
        return refuse(k.name, "filters in NHWC go with IMPLICIT_PRECOMP_GEMM only");
    cudaError_t broken = enqueue(k.h->stream, k.name, [=] {
        if (!memory_ready(k, xs, k.x.bytes(), ws, ys, k.y.bytes())) return;
        if (bias && !device_range(k.name, bias, (size_t)k.y.dims[1] * element_size(k.y.type), true)) return;
        std::vector<float> x = k.x.read(xs), w = k.w.read(ws), y(k.y.count());
        convolve(k.x, x.data(), k.w, w.data(), k.c, k.y, y.data(), false);
        size_t pixels = (size_t)k.y.dims[2] * k.y.dims[3];
        for (size_t i = 0; bias && i < y.size(); i++) y[i] += element_read(k.y.type, bias, i / pixels % (size_t)k.y.dims[1]);
        for (size_t i = 0; relu && i < y.size(); i++) y[i] = y[i] < 0 ? 0 : y[i];
        k.y.write(ys, y);
    });
    return broken ? CUDNN_STATUS_EXECUTION_FAILED : CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t h, const void *alpha, const cudnnTensorDescriptor_t xd, const void *x,
                                      const cudnnFilterDescriptor_t wd, const void *w, const cudnnConvolutionDescriptor_t cd,
                                      cudnnConvolutionFwdAlgo_t algorithm, void *workspace, size_t bytes, const void *beta,
                                      const cudnnTensorDescriptor_t yd, void *y)
{
    call k = {"cudnnConvolutionForward", (handle *)h, {}, {}, {}, {}, algorithm, workspace, bytes, false, 0};
    if (enter(k.name)) return CUDNN_STATUS_EXECUTION_FAILED;
    if (const char *why = check(k, (tensor *)xd, (tensor *)wd, (convolution *)cd, (tensor *)yd, alpha, beta)) return refuse(k.name, why);
    k.x = *(tensor *)xd, k.w = *(tensor *)wd, k.y = *(tensor *)yd, k.c = *(convolution *)cd;
    return forward(k, x, w, y, nullptr, false);
}

cudnnStatus_t cudnnConvolutionBiasActivationForward(cudnnHandle_t h, const void *alpha, const cudnnTensorDescriptor_t xd, const void *x,
                                                    const cudnnFilterDescriptor_t wd, const void *w, const cudnnConvolutionDescriptor_t cd,
                                                    cudnnConvolutionFwdAlgo_t algorithm, void *workspace, size_t bytes, const void *alpha2,
                                                    const cudnnTensorDescriptor_t zd, const void *z, const cudnnTensorDescriptor_t bd,
                                                    const void *bias, const cudnnActivationDescriptor_t ad, const cudnnTensorDescriptor_t yd, void *y)
{
    call k = {"cudnnConvolutionBiasActivationForward", (handle *)h, {}, {}, {}, {}, algorithm, workspace, bytes, false, 0};
    if (enter(k.name)) return CUDNN_STATUS_EXECUTION_FAILED;
    if (const char *why = check(k, (tensor *)xd, (tensor *)wd, (convolution *)cd, (tensor *)yd, alpha, alpha2)) return refuse(k.name, why);
    k.x = *(tensor *)xd, k.w = *(tensor *)wd, k.y = *(tensor *)yd, k.c = *(convolution *)cd;
    const tensor *b = (tensor *)bd;
    int mode = ((activation *)ad)->mode;
    if (!alive.count(bd) || b->dims[0] != 1 || b->dims[1] != k.y.dims[1] || b->dims[2] != 1 || b->dims[3] != 1)
        return refuse(k.name, "the bias is not 1 K 1 1");
    if (b->type != k.y.type) return refuse(k.name, "the bias is not of y's type");
    if (!alive.count(zd) || memcmp(((tensor *)zd)->dims, k.y.dims, sizeof k.y.dims) || !z) return refuse(k.name, "z has not the shape of y");
    if (((tensor *)zd)->type != k.y.type || ((tensor *)zd)->format != k.y.format) return refuse(k.name, "z has not the type and layout of y");
    if (mode != CUDNN_ACTIVATION_RELU && mode != CUDNN_ACTIVATION_IDENTITY) return refuse(k.name, "the activation is neither ReLU nor identity");
    if (mode == CUDNN_ACTIVATION_IDENTITY && algorithm != CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM)
        return refuse(k.name, "the identity goes with IMPLICIT_PRECOMP_GEMM only");
    if (without_fused) return CUDNN_STATUS_NOT_SUPPORTED;
    return forward(k, x, w, y, bias, mode == CUDNN_ACTIVATION_RELU);
}

cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t h, const void *alpha, const cudnnFilterDescriptor_t wd, const void *w,
                                           const cudnnTensorDescriptor_t yd, const void *dy, const cudnnConvolutionDescriptor_t cd,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void *workspace, size_t bytes, const void *beta,
                                           const cudnnTensorDescriptor_t xd, void *dx)
{
    call k = {"cudnnConvolutionBackwardData", (handle *)h, {}, {}, {}, {}, algorithm, workspace, bytes, true, 0};
    if (enter(k.name)) return CUDNN_STATUS_EXECUTION_FAILED;
    if (const char *why = check(k, (tensor *)xd, (tensor *)wd, (convolution *)cd, (tensor *)yd, alpha, beta)) return refuse(k.name, why);
    if (algorithm == CUDNN_CONVOLUTION_BWD_DATA_ALGO_0) return refuse(k.name, "algorithm 0 adds in any order: results would differ from run to run");
    k.x = *(tensor *)xd, k.w = *(tensor *)wd, k.y = *(tensor *)yd, k.c = *(convolution *)cd;
    cudaError_t broken = enqueue(k.h->stream, k.name, [=] {
        if (!memory_ready(k, dy, k.y.bytes(), w, dx, k.x.bytes())) return;
        std::vector<float> x(k.x.count()), filter = k.w.read(w), y = k.y.read(dy);
        convolve(k.x, x.data(), k.w, filter.data(), k.c, k.y, y.data(), true);
        k.x.write(dx, x);
    });
    return broken ? CUDNN_STATUS_EXECUTION_FAILED : CUDNN_STATUS_SUCCESS;
}
}
