/* test_functions.c - every function of one tensor, its slope and the change of its slope, on a device: against the function in double
 * precision and its central differences. */
#include <criterion/criterion.h>
#include <math.h>

#include "kernels/cuda/net.h"
#include "tests/kernelcheck/bodies.h"

#define FUNCTION(name, expression)                          \
    static double name(double x, double alpha, double beta) \
    {                                                       \
        (void)alpha, (void)beta;                            \
        return expression;                                  \
    }
FUNCTION(none, x)
FUNCTION(relu, fmax(x, 0))
FUNCTION(clip, fmin(fmax(x, alpha), beta))
FUNCTION(leaky, x > 0 ? x : alpha * x)
FUNCTION(elu, x > 0 ? x : alpha * expm1(x))
FUNCTION(sigmoid, 1 / (1 + exp(-x)))
FUNCTION(hard_sigmoid, fmin(fmax(alpha *x + beta, 0), 1))
FUNCTION(hard_swish, x *fmin(fmax(x / 6 + 0.5, 0), 1))
FUNCTION(silu, x / (1 + exp(-x)))
FUNCTION(softplus, log1p(exp(x)))
FUNCTION(gelu, x *(1 + erf(x * M_SQRT1_2)) / 2)
FUNCTION(reciprocal, 1 / x)
FUNCTION(power, pow(x, alpha))
FUNCTION(hyperbolic, tanh(x))
FUNCTION(error, erf(x))
FUNCTION(exponential, exp(x))
FUNCTION(logarithm, log(x))
FUNCTION(root, sqrt(x))
FUNCTION(absolute, fabs(x))

static const struct {
    int function, from_output; /* whether the slope is computed from the output */
    double (*f)(double x, double alpha, double beta);
    double alpha, beta;
    int positive; /* defined there only */
} table[] = {
    {SSG_NET_NONE, 0, none, 0, 0, 0},
    {SSG_NET_RELU, 1, relu, 0, 0, 0},
    {SSG_NET_CLIP, 1, clip, -0.7, 1.3, 0},
    {SSG_NET_LEAKY_RELU, 1, leaky, 0.1, 0, 0},
    {SSG_NET_ELU, 1, elu, 0.8, 0, 0},
    {SSG_NET_SIGMOID, 1, sigmoid, 0, 0, 0},
    {SSG_NET_HARDSIGMOID, 1, hard_sigmoid, 0.3, 0.4, 0},
    {SSG_NET_HARDSWISH, 0, hard_swish, 0, 0, 0},
    {SSG_NET_SILU, 0, silu, 0, 0, 0},
    {SSG_NET_TANH, 1, hyperbolic, 0, 0, 0},
    {SSG_NET_SOFTPLUS, 0, softplus, 0, 0, 0},
    {SSG_NET_ERF, 0, error, 0, 0, 0},
    {SSG_NET_GELU, 0, gelu, 0, 0, 0},
    {SSG_NET_EXP, 1, exponential, 0, 0, 0},
    {SSG_NET_LOG, 0, logarithm, 0, 0, 1},
    {SSG_NET_SQRT, 1, root, 0, 0, 1},
    {SSG_NET_RECIPROCAL, 1, reciprocal, 0, 0, 1},
    {SSG_NET_ABS, 0, absolute, 0, 0, 0},
    {SSG_NET_POW, 0, power, 2.5, 0, 1},
};
enum { FUNCTIONS = sizeof table / sizeof *table, POINTS = 9 };

/* None lies at a kink. */
static const float everywhere[POINTS] = {-5.5f, -2.25f, -1.1f, -0.31f, 0.2f, 0.9f, 1.7f, 2.6f, 4.5f};

static double slope_at(size_t i, double x)
{
    const double h = 1e-5;
    return (table[i].f(x + h, table[i].alpha, table[i].beta) - table[i].f(x - h, table[i].alpha, table[i].beta)) / (2 * h);
}

/* Of the slope, for a step of what it is computed from. */
static double change_at(size_t i, double x)
{
    const double h = 1e-4;
    double from = table[i].f(x - h, table[i].alpha, table[i].beta), to = table[i].f(x + h, table[i].alpha, table[i].beta);
    double step = table[i].from_output ? to - from : 2 * h;
    return step == 0 ? 0 : (slope_at(i, x + h) - slope_at(i, x - h)) / step;
}

static void expect(const body *b, const float *memory, const double *expected, size_t i, const char *what)
{
    float got[POINTS];
    b->fetch(b, got, memory, sizeof got);
    for (int p = 0; p < POINTS; p++)
        cr_expect(fabs(got[p] - expected[p]) <= 2e-4 * (1 + fabs(expected[p])), "function %d: %s at point %d is %g, not %g", table[i].function, what,
                  p, (double)got[p], expected[p]);
}

static void check(const body *b, size_t i)
{
    float x[POINTS], v[POINTS], twos[POINTS], alpha = (float)table[i].alpha, beta = (float)table[i].beta;
    double values[POINTS], slopes[POINTS], changes[POINTS];
    for (int p = 0; p < POINTS; p++) {
        x[p] = table[i].positive ? fabsf(everywhere[p]) : everywhere[p];
        values[p] = table[i].f(x[p], table[i].alpha, table[i].beta);
        v[p] = table[i].from_output ? (float)values[p] : x[p];
        slopes[p] = 2 * slope_at(i, x[p]);
        changes[p] = 4 * change_at(i, x[p]);
        twos[p] = 2;
    }
    float *in = b->make(b, x, sizeof x), *saved = b->make(b, v, sizeof v), *factor = b->make(b, twos, sizeof twos), *out = b->make(b, NULL, sizeof x);
    ssg_net_unary(&b->run, SSG_ELEMENT_F32, table[i].function, alpha, beta, out, in, POINTS);
    expect(b, out, values, i, "the value");
    ssg_net_unary_backward(&b->run, SSG_ELEMENT_F32, table[i].function, alpha, beta, out, factor, saved, POINTS, POINTS);
    expect(b, out, slopes, i, "twice the slope");
    ssg_net_unary_second(&b->run, table[i].function, alpha, out, factor, POINTS, saved, POINTS, factor, POINTS);
    expect(b, out, changes, i, "four times the slope's change");
    b->drop(b, in);
    b->drop(b, saved);
    b->drop(b, factor);
    b->drop(b, out);
}

Test(functions, values_slopes_and_their_change)
{
    body b = body_cuda(0);
    for (size_t i = 0; i < FUNCTIONS; i++) check(&b, i);
    body_cuda_close(&b);
}
