/* net_elementwise.cu - functions of one tensor and their slopes, bias, sums and products of two, affine maps. One thread an element, read and written
 * once; all are bound by memory. */
#include "kernels/cuda/element.cuh"
#include "kernels/cuda/net.cuh"

/* ---- functions ---------------------------------------------------------------------------------------------------------------------------- */

static __device__ float ssg_apply(int function, float x, float alpha, float beta)
{
    switch (function) {
    case SSG_NET_RELU: return x < 0 ? 0 : x; /* what is not a number stays so */
    case SSG_NET_CLIP: return x < alpha ? alpha : x > beta ? beta : x;
    case SSG_NET_LEAKY_RELU: return x > 0 ? x : alpha * x;
    case SSG_NET_ELU: return x > 0 ? x : alpha * expm1f(x);
    case SSG_NET_SIGMOID: return 1 / (1 + expf(-x));
    case SSG_NET_HARDSIGMOID: return fminf(fmaxf(alpha * x + beta, 0), 1);
    case SSG_NET_HARDSWISH: return x * fminf(fmaxf(x / 6 + 0.5f, 0), 1);
    case SSG_NET_SILU: return x / (1 + expf(-x));
    case SSG_NET_TANH: return tanhf(x);
    case SSG_NET_SOFTPLUS: return x > 0 ? x + log1pf(expf(-x)) : log1pf(expf(x));
    case SSG_NET_ERF: return erff(x);
    case SSG_NET_GELU: return x * (1 + erff(x * 0.70710678f)) / 2;
    case SSG_NET_EXP: return expf(x);
    case SSG_NET_LOG: return logf(x);
    case SSG_NET_SQRT: return sqrtf(x);
    case SSG_NET_RECIPROCAL: return 1 / x;
    case SSG_NET_ABS: return fabsf(x);
    case SSG_NET_POW: return powf(x, alpha);
    default: return x;
    }
}

static __device__ float ssg_slope(int function, float v, float alpha, float beta)
{
    switch (function) {
    case SSG_NET_RELU: return v > 0;
    case SSG_NET_CLIP: return v > alpha && v < beta;
    case SSG_NET_LEAKY_RELU: return v > 0 ? 1 : alpha;
    case SSG_NET_ELU: return v > 0 ? 1 : v + alpha;
    case SSG_NET_SIGMOID: return v * (1 - v);
    case SSG_NET_HARDSIGMOID: return v > 0 && v < 1 ? alpha : 0;
    case SSG_NET_HARDSWISH: return v <= -3 ? 0 : v >= 3 ? 1 : v / 3 + 0.5f;
    case SSG_NET_SILU: {
        float s = 1 / (1 + expf(-v));
        return s * (1 + v * (1 - s));
    }
    case SSG_NET_TANH: return 1 - v * v;
    case SSG_NET_SOFTPLUS: return 1 / (1 + expf(-v));
    case SSG_NET_ERF: return 1.12837917f * expf(-v * v);
    case SSG_NET_GELU: return (1 + erff(v * 0.70710678f)) / 2 + v * expf(-v * v / 2) * 0.39894228f;
    case SSG_NET_EXP: return v;
    case SSG_NET_LOG: return 1 / v;
    case SSG_NET_SQRT: return 0.5f / v;
    case SSG_NET_RECIPROCAL: return -v * v;
    case SSG_NET_ABS: return (float)((v > 0) - (v < 0));
    case SSG_NET_POW: return alpha * powf(v, alpha - 1);
    default: return 1;
    }
}

/* The derivative of the slope with respect to the v that it is computed from. */
static __device__ float ssg_slope_change(int function, float v, float alpha)
{
    switch (function) {
    case SSG_NET_ELU: return v > 0 ? 0 : 1;
    case SSG_NET_SIGMOID: return 1 - 2 * v;
    case SSG_NET_HARDSWISH: return v > -3 && v < 3 ? 1.0f / 3 : 0;
    case SSG_NET_SILU: {
        float s = 1 / (1 + expf(-v));
        return s * (1 - s) * (2 + v * (1 - 2 * s));
    }
    case SSG_NET_TANH: return -2 * v;
    case SSG_NET_SOFTPLUS: {
        float s = 1 / (1 + expf(-v));
        return s * (1 - s);
    }
    case SSG_NET_ERF: return -2 * v * 1.12837917f * expf(-v * v);
    case SSG_NET_GELU: return (2 - v * v) * expf(-v * v / 2) * 0.39894228f;
    case SSG_NET_EXP: return 1;
    case SSG_NET_LOG: return -1 / (v * v);
    case SSG_NET_SQRT: return -0.5f / (v * v);
    case SSG_NET_RECIPROCAL: return -2 * v;
    case SSG_NET_POW: return alpha * (alpha - 1) * powf(v, alpha - 2);
    default: return 0; /* piecewise linear */
    }
}

template <typename T> struct ssg_unary_job {
    T *y;
    const T *x, *v;
    const float *bias;
    size_t count, saved, inner, extent;
    int function;
    float alpha, beta;
};

template <typename T> __global__ void __launch_bounds__(SSG_THREADS) ssg_unary_kernel(ssg_unary_job<T> j)
{
    size_t i = ssg_thread_index();
    if (i < j.count) ssg_write(j.y + i, ssg_apply(j.function, ssg_read(j.x + i), j.alpha, j.beta));
}

template <typename T> __global__ void __launch_bounds__(SSG_THREADS) ssg_unary_backward_kernel(ssg_unary_job<T> j)
{
    size_t i = ssg_thread_index();
    if (i >= j.count) return;
    float dy = ssg_read(j.x + i);
    ssg_write(j.y + i, dy == 0 ? 0 : dy * ssg_slope(j.function, ssg_read(j.v + (j.saved == j.count ? i : i % j.saved)), j.alpha, j.beta));
}

template <typename T> __global__ void __launch_bounds__(SSG_THREADS) ssg_bias_kernel(ssg_unary_job<T> j)
{
    size_t i = ssg_thread_index();
    if (i >= j.count) return;
    float y = ssg_read(j.y + i);
    if (j.bias) y += j.bias[i / j.inner % j.extent];
    ssg_write(j.y + i, ssg_apply(j.function, y, j.alpha, j.beta));
}

void ssg_net_unary(const ssg_run *run, ssg_element type, int function, float alpha, float beta, void *y, const void *x, size_t count)
{
    ssg_with_element(type, [&](auto *typed) {
        typedef typename ssg_pointed<decltype(typed)>::type T;
        ssg_unary_job<T> j = {(T *)y, (const T *)x, NULL, NULL, count, 0, 1, 1, function, alpha, beta};
        ssg_launch(run, "unary", ssg_unary_kernel<T>, j, ssg_blocks_for(count, SSG_THREADS), SSG_THREADS, 0);
    });
}

void ssg_net_unary_backward(const ssg_run *run, ssg_element type, int function, float alpha, float beta, void *dx, const void *dy, const void *v,
                            size_t count, size_t saved)
{
    ssg_with_element(type, [&](auto *typed) {
        typedef typename ssg_pointed<decltype(typed)>::type T;
        ssg_unary_job<T> j = {(T *)dx, (const T *)dy, (const T *)v, NULL, count, saved, 1, 1, function, alpha, beta};
        ssg_launch(run, "unary backward", ssg_unary_backward_kernel<T>, j, ssg_blocks_for(count, SSG_THREADS), SSG_THREADS, 0);
    });
}

void ssg_net_bias(const ssg_run *run, ssg_element type, int function, float alpha, float beta, void *y, const float *bias, size_t inner,
                  size_t extent, size_t count)
{
    if (!bias && function == SSG_NET_NONE) return;
    ssg_with_element(type, [&](auto *typed) {
        typedef typename ssg_pointed<decltype(typed)>::type T;
        ssg_unary_job<T> j = {(T *)y, NULL, NULL, bias, count, 0, inner, extent, function, alpha, beta};
        ssg_launch(run, "bias", ssg_bias_kernel<T>, j, ssg_blocks_for(count, SSG_THREADS), SSG_THREADS, 0);
    });
}

struct ssg_second_job {
    float *out;
    const float *dy, *v, *t;
    size_t dy_count, v_count, count;
    int function;
    float alpha;
};

__global__ void __launch_bounds__(SSG_THREADS) ssg_unary_second_kernel(ssg_second_job j)
{
    size_t i = ssg_thread_index();
    if (i >= j.count) return;
    float product = j.dy[i % j.dy_count] * j.t[i];
    j.out[i] = product == 0 ? 0 : product * ssg_slope_change(j.function, j.v[i % j.v_count], j.alpha);
}

void ssg_net_unary_second(const ssg_run *run, int function, float alpha, float *out, const float *dy, size_t dy_count, const float *v, size_t v_count,
                          const float *t, size_t count)
{
    ssg_second_job j = {out, dy, v, t, dy_count, v_count, count, function, alpha};
    ssg_launch(run, "unary second", ssg_unary_second_kernel, j, ssg_blocks_for(count, SSG_THREADS), SSG_THREADS, 0);
}

/* ---- two tensors ----------------------------------------------------------------------------------------------------------------------------- */

template <typename T> struct ssg_binary_job {
    T *y;
    const T *a, *b;
    ssg_net_axes axes;
    ssg_net_strides sa, sb;
    size_t count, a_period, b_period; /* periods in elements of the walk, after which an operand repeats; 0: never */
    int kind;
};

template <typename T> __global__ void __launch_bounds__(SSG_THREADS) ssg_binary_kernel(ssg_binary_job<T> j)
{
    size_t i = ssg_thread_index();
    if (i >= j.count) return;
    size_t at[2];
    if (j.a_period || j.b_period) {
        at[0] = ssg_strided(j.a_period ? i % j.a_period : i, j.axes, j.sa);
        at[1] = ssg_strided(j.b_period ? i % j.b_period : i, j.axes, j.sb);
    } else {
        ssg_strided_in_two(at, i, j.axes, j.sa, j.sb);
    }
    float a = ssg_read(j.a + at[0]), b = ssg_read(j.b + at[1]), y = 0;
    switch (j.kind) {
    case SSG_NET_ADD: y = a + b; break;
    case SSG_NET_SUB: y = a - b; break;
    case SSG_NET_MUL: y = a * b; break;
    case SSG_NET_DIV: y = a / b; break;
    case SSG_NET_MAX: y = a > b ? a : b; break;
    case SSG_NET_MIN: y = a < b ? a : b; break;
    }
    ssg_write(j.y + i, y);
}

void ssg_net_binary(const ssg_run *run, ssg_element type, int kind, void *y, const void *a, const void *b, const ssg_net_axes *axes,
                    const ssg_net_strides *sa, const ssg_net_strides *sb, size_t a_rows, size_t b_rows)
{
    size_t count = ssg_axes_count(*axes), row = axes->rank && count ? count / (size_t)axes->dims[0] : count;
    ssg_net_axes walk = *axes;
    ssg_net_strides a_strides = *sa, b_strides = *sb;
    ssg_net_strides *const operands[] = {&a_strides, &b_strides};
    ssg_merge_axes(&walk, operands, 2);
    ssg_with_element(type, [&](auto *typed) {
        typedef typename ssg_pointed<decltype(typed)>::type T;
        ssg_binary_job<T> j = {(T *)y, (const T *)a, (const T *)b, walk, a_strides, b_strides, count, a_rows * row, b_rows * row, kind};
        ssg_launch(run, "binary", ssg_binary_kernel<T>, j, ssg_blocks_for(count, SSG_THREADS), SSG_THREADS, 0);
    });
}

/* ---- affine --------------------------------------------------------------------------------------------------------------------------------------
 */

template <typename T> struct ssg_affine_job {
    T *y;
    const T *x;
    const float *scale, *shift;
    size_t inner, extent, count;
};

template <typename T> __global__ void __launch_bounds__(SSG_THREADS) ssg_affine_kernel(ssg_affine_job<T> j)
{
    size_t i = ssg_thread_index();
    if (i >= j.count) return;
    size_t c = i / j.inner % j.extent;
    ssg_write(j.y + i, ssg_read(j.x + i) * (j.scale ? j.scale[c] : 1) + (j.shift ? j.shift[c] : 0));
}

void ssg_net_affine(const ssg_run *run, ssg_element type, void *y, const void *x, const float *scale, const float *shift, size_t inner, size_t extent,
                    size_t count)
{
    ssg_with_element(type, [&](auto *typed) {
        typedef typename ssg_pointed<decltype(typed)>::type T;
        ssg_affine_job<T> j = {(T *)y, (const T *)x, scale, shift, inner, extent, count};
        ssg_launch(run, "affine", ssg_affine_kernel<T>, j, ssg_blocks_for(count, SSG_THREADS), SSG_THREADS, 0);
    });
}
