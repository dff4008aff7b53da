/* net.h - operators of a network that no library has, or not with ONNX's meaning: functions of one tensor, sums of two, movement, sums over axes,
 * pools. C, without CUDA's headers: for host/device/cuda.
 *
 * Tensors are dense, their axes in any order; `type` is that of the elements of all tensors of a call, while bias, scale and shift are float.
 * Backward operators follow host/model/graph.h: rows are class-major, and what the forward pass saved repeats for each class. */
#ifndef SSG_KERNELS_CUDA_NET_H
#define SSG_KERNELS_CUDA_NET_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In the order of ssg_function and ssg_binary of host/model/graph.h; host/device/cuda asserts that they agree. */
enum {
    SSG_NET_NONE,
    SSG_NET_RELU,
    SSG_NET_CLIP,
    SSG_NET_LEAKY_RELU,
    SSG_NET_ELU,
    SSG_NET_SIGMOID,
    SSG_NET_HARDSIGMOID,
    SSG_NET_HARDSWISH,
    SSG_NET_SILU,
    SSG_NET_TANH,
    SSG_NET_SOFTPLUS,
    SSG_NET_ERF,
    SSG_NET_GELU,
    SSG_NET_EXP,
    SSG_NET_LOG,
    SSG_NET_SQRT,
    SSG_NET_RECIPROCAL,
    SSG_NET_ABS,
    SSG_NET_POW
};
enum { SSG_NET_ADD, SSG_NET_SUB, SSG_NET_MUL, SSG_NET_DIV, SSG_NET_MAX, SSG_NET_MIN };

enum { SSG_NET_RANK = 6 };

/* Axes of a walk over elements, and an operand's stride along each (0: repeated). */
typedef struct ssg_net_axes {
    int rank;
    int64_t dims[SSG_NET_RANK];
} ssg_net_axes;
typedef struct ssg_net_strides {
    int64_t along[SSG_NET_RANK];
} ssg_net_strides;

/* ---- net_elementwise.cu ---- */

/* y = function(x); y may be x. */
void ssg_net_unary(const ssg_run *run, ssg_element type, int function, float alpha, float beta, void *y, const void *x, size_t count);

/* dx = dy * slope, computed from v = x or y (as the function wants it), of `saved` elements that repeat. dx may be dy. */
void ssg_net_unary_backward(const ssg_run *run, ssg_element type, int function, float alpha, float beta, void *dx, const void *dy, const void *v,
                            size_t count, size_t saved);

/* float only: out = dy s'(v) t, s being the slope that the backward pass takes from v; dy and v repeat after so many elements. out may be t. */
void ssg_net_unary_second(const ssg_run *run, int function, float alpha, float *out, const float *dy, size_t dy_count, const float *v, size_t v_count,
                          const float *t, size_t count);

/* y = function(y + bias[c]), c = index / inner % extent; bias may be NULL. */
void ssg_net_bias(const ssg_run *run, ssg_element type, int function, float alpha, float beta, void *y, const float *bias, size_t inner,
                  size_t extent, size_t count);

/* y = a op b over the axes, which are in the order of y's memory. The first axis of an operand may be shorter than the walk's: its rows repeat
 * (a_rows, b_rows; 0: they do not). */
void ssg_net_binary(const ssg_run *run, ssg_element type, int kind, void *y, const void *a, const void *b, const ssg_net_axes *axes,
                    const ssg_net_strides *sa, const ssg_net_strides *sb, size_t a_rows, size_t b_rows);

/* y = x * scale[c] + shift[c]; either may be NULL. */
void ssg_net_affine(const ssg_run *run, ssg_element type, void *y, const void *x, const float *scale, const float *shift, size_t inner, size_t extent,
                    size_t count);

/* ---- net_movement.cu ---- */

/* One side of a copy: the address, type and strides of its elements, the first of which is number `first`. */
typedef struct ssg_net_side {
    void *data;
    ssg_element type;
    ssg_net_strides strides;
    size_t first;
} ssg_net_side;

/* to[strided] = factor * from[strided] over the axes, in the order of `to`'s memory. */
void ssg_net_copy(const ssg_run *run, const ssg_net_side *to, const ssg_net_side *from, const ssg_net_axes *axes, float factor);

/* to[b][column][row] = factor * from[b][row][column], both dense: between channels first and channels last. */
typedef struct ssg_net_turn {
    void *to;
    const void *from;
    ssg_element to_type, from_type;
    size_t batch, rows, columns;
    float factor;
} ssg_net_turn;
void ssg_net_turn_run(const ssg_run *run, const ssg_net_turn *turn);

void ssg_net_fill(const ssg_run *run, ssg_element type, void *to, float value, size_t count);

/* ---- net_reduce.cu ---- */

/* to[o] = factor * sum over `summed` of from[o's base + summed's offset]; `kept` are from's strides along the axes of the output. */
void ssg_net_reduce(const ssg_run *run, ssg_element type, void *to, const ssg_net_axes *out, const void *from, const ssg_net_strides *kept,
                    const ssg_net_axes *summed, const ssg_net_strides *along, float factor);

/* to[o] = factor * from[strided]. */
void ssg_net_broadcast(const ssg_run *run, ssg_element type, void *to, const ssg_net_axes *out, const void *from, const ssg_net_strides *strides,
                       float factor);

/* float only: over lines of `extent` elements `inner` apart; `log`: log-softmax. Backward: y of `saved` lines repeats. */
void ssg_net_softmax(const ssg_run *run, float *y, const float *x, size_t lines, size_t extent, size_t inner, int log);
void ssg_net_softmax_backward(const ssg_run *run, float *dx, const float *dy, const float *y, size_t lines, size_t saved, size_t extent, size_t inner,
                              int log);

/* float NCHW only: local response normalisation across channels; images: rows of x, which repeat. dy NULL: forward. */
typedef struct ssg_net_lrn {
    float *out;
    const float *x, *dy;
    size_t rows, images, channels, pixels, size;
    float alpha, beta, k;
} ssg_net_lrn;
void ssg_net_lrn_run(const ssg_run *run, const ssg_net_lrn *lrn);

/* ---- net_pool.cu ---- */

/* large: [planes][H][W][inner], small: [planes][h][w][inner]. NCHW: N C planes and 1 inside; NHWC: N planes and C inside. */
typedef struct ssg_net_pool {
    int64_t H, W, h, w, kernel[2], stride[2], dilation[2], pads[4];
    size_t planes, inner;
    size_t saved_planes; /* max pool: positions (or x, for a tangent) of so many planes repeat */
    int count_include_pad;
} ssg_net_pool;

/* positions (may be NULL): for each output the place y * W + x of its maximum, the first of equals; -1 for a window without one. */
void ssg_net_maxpool(const ssg_run *run, ssg_element type, const ssg_net_pool *pool, void *y, int32_t *positions, const void *x);
void ssg_net_maxpool_backward(const ssg_run *run, ssg_element type, const ssg_net_pool *pool, void *dx, const void *dy, const int32_t *positions);
/* float only: out = t where x (of saved_planes planes, which repeat) has the first maximum of the window. */
void ssg_net_maxpool_tangent(const ssg_run *run, const ssg_net_pool *pool, float *out, const float *t, const float *x);
void ssg_net_avgpool(const ssg_run *run, ssg_element type, const ssg_net_pool *pool, void *y, const void *x);
void ssg_net_avgpool_backward(const ssg_run *run, ssg_element type, const ssg_net_pool *pool, void *dx, const void *dy);

#ifdef __cplusplus
}
#endif
#endif
