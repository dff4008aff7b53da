/* bench_cuda_net.c - the kernels of a network that are ours, on features of ROWS x CHANNELS x SIZE x SIZE. */
#include "bench/bench_cuda.h"
#include "kernels/cuda/net.h"

static void bias(memory *m)
{
    ssg_net_bias(&m->b.run, SSG_ELEMENT_F32, SSG_NET_RELU, 0, 0, m->third, m->maps, SIZE * SIZE, CHANNELS, FEATURES);
}

static void relu_backward(memory *m)
{
    ssg_net_unary_backward(&m->b.run, SSG_ELEMENT_F32, SSG_NET_RELU, 0, 0, m->third, m->g.data, m->a.data, FEATURES, FEATURES);
}

static void sum(memory *m)
{
    ssg_net_axes axes = {4, {ROWS, CHANNELS, SIZE, SIZE}}; /* as a network's shortcut has them */
    ssg_net_strides dense = {{(int64_t)CHANNELS * SIZE * SIZE, SIZE * SIZE, SIZE, 1}};
    ssg_net_binary(&m->b.run, SSG_ELEMENT_F32, SSG_NET_ADD, m->third, m->a.data, m->g.data, &axes, &dense, &dense, 0, 0);
}

/* Channels last to rows of planes: what a layer of the NHWC network goes through before its map is made. */
static void to_planes(memory *m)
{
    ssg_net_turn turn = {.to = m->third,
                         .from = m->a.data,
                         .to_type = SSG_ELEMENT_F32,
                         .from_type = SSG_ELEMENT_F32,
                         .batch = ROWS,
                         .rows = SIZE * SIZE,
                         .columns = CHANNELS,
                         .factor = 1};
    ssg_net_turn_run(&m->b.run, &turn);
}

/* The same as a Transpose of the model, which may have any axes. */
static void transpose(memory *m)
{
    ssg_net_axes axes = {4, {ROWS, CHANNELS, SIZE, SIZE}};
    ssg_net_side to = {m->third, SSG_ELEMENT_F32, {{(int64_t)CHANNELS * SIZE * SIZE, SIZE * SIZE, SIZE, 1}}, 0};
    ssg_net_side from = {(void *)m->a.data, SSG_ELEMENT_F32, {{(int64_t)CHANNELS * SIZE * SIZE, 1, (int64_t)SIZE * CHANNELS, CHANNELS}}, 0};
    ssg_net_copy(&m->b.run, &to, &from, &axes, 1);
}

static void mean(memory *m)
{
    ssg_net_axes out = {1, {ROWS * CHANNELS}}, summed = {1, {SIZE * SIZE}};
    ssg_net_strides kept = {{SIZE * SIZE}}, along = {{1}};
    ssg_net_reduce(&m->b.run, SSG_ELEMENT_F32, m->third, &out, m->a.data, &kept, &summed, &along, 1.0f / (SIZE * SIZE));
}

static const ssg_net_pool halving = {.H = SIZE,
                                     .W = SIZE,
                                     .h = SIZE / 2,
                                     .w = SIZE / 2,
                                     .kernel = {2, 2},
                                     .stride = {2, 2},
                                     .dilation = {1, 1},
                                     .planes = ROWS * CHANNELS,
                                     .inner = 1,
                                     .saved_planes = ROWS * CHANNELS};
static const ssg_net_pool smoothing = {.H = SIZE,
                                       .W = SIZE,
                                       .h = SIZE,
                                       .w = SIZE,
                                       .kernel = {3, 3},
                                       .stride = {1, 1},
                                       .dilation = {1, 1},
                                       .pads = {1, 1, 1, 1},
                                       .planes = ROWS * CHANNELS,
                                       .inner = 1};

static void max_pool(memory *m)
{
    ssg_net_maxpool(&m->b.run, SSG_ELEMENT_F32, &halving, m->third, m->positions, m->a.data);
}

static void max_pool_backward(memory *m)
{
    ssg_net_maxpool_backward(&m->b.run, SSG_ELEMENT_F32, &halving, m->third, m->g.data, m->positions);
}

static void average_pool(memory *m)
{
    ssg_net_avgpool(&m->b.run, SSG_ELEMENT_F32, &smoothing, m->third, m->a.data);
}

static void average_pool_backward(memory *m)
{
    ssg_net_avgpool_backward(&m->b.run, SSG_ELEMENT_F32, &smoothing, m->third, m->g.data);
}

static void softmax(memory *m)
{
    ssg_net_softmax(&m->b.run, m->third, m->a.data, ROWS, LOGITS, 1, 0);
}

static void softmax_backward(memory *m)
{
    ssg_net_softmax_backward(&m->b.run, m->third, m->g.data, m->a.data, ROWS, ROWS, LOGITS, 1, 0);
}

const bench_case net_cases[] = {{"bias and ReLU", {"ssg_bias_kernel<float>"}, bias, 8.0 * FEATURES},
                                {"ReLU, gradient", {"ssg_unary_backward_kernel<float>"}, relu_backward, 12.0 * FEATURES},
                                {"sum of two", {"ssg_binary_kernel<float>"}, sum, 12.0 * FEATURES},
                                {"NHWC to planes", {"ssg_turn_kernel<float, float>"}, to_planes, 8.0 * FEATURES},
                                {"strided copy", {"ssg_copy_kernel<float, float>"}, transpose, 8.0 * FEATURES},
                                {"mean over a plane", {"ssg_reduce_kernel<float>"}, mean, 4.0 * FEATURES},
                                {"max pool 2", {"ssg_maxpool_staged_kernel<float>"}, max_pool, 6.0 * FEATURES},
                                {"max pool 2, gradient", {"ssg_maxpool_backward_staged_kernel<float>"}, max_pool_backward, 6.0 * FEATURES},
                                {"average pool 3", {"ssg_avgpool_staged_kernel<float>"}, average_pool, 8.0 * FEATURES},
                                {"average pool 3, gradient", {"ssg_avgpool_backward_staged_kernel<float>"}, average_pool_backward, 8.0 * FEATURES},
                                {"softmax", {"ssg_softmax_kernel"}, softmax, 8.0 * ROWS *LOGITS},
                                {"softmax, gradient", {"ssg_softmax_backward_kernel"}, softmax_backward, 12.0 * ROWS *LOGITS}};
const size_t net_case_count = sizeof net_cases / sizeof *net_cases;
