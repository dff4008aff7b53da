/* Matrix products with few rows: the dense head of a classifier. The weights are read once, where they are, and every sum is made by one thread in
 * one order, so the result does not depend on the number of threads (oneDNN splits long sums between threads). Many rows, as of a layer that works on
 * the channels of every pixel, go to oneDNN. */
#include <string.h>

#include "host/device/cpu/cpu.h"
#include "host/device/cpu/multiversion.h"

enum { MOST_ROWS = 64, LANES = 16, TILE = 4 };

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

typedef struct product {
    const ssg_op *op;
    const float *x, *weights;
    float *y;
    size_t rows, inner, outer, piece;
    int finish; /* add the bias and apply the function */
} product;

static float finished(const product *p, size_t column, float sum)
{
    const ssg_op *op = p->op;
    if (!p->finish) return sum;
    if (op->bias) sum += op->bias->f32[ssg_shape_count(&op->bias->shape) == 1 ? 0 : column];
    if (op->function == SSG_FUNCTION_RELU) return sum > 0 ? sum : 0;
    if (op->function == SSG_FUNCTION_CLIP) return sum < op->alpha ? op->alpha : sum > op->beta ? op->beta : sum;
    return sum;
}

/* y[r] = sum_k x[r * stride + k] w[k] for up to TILE rows: lane sums, then the lanes one after another. */
MULTIVERSION static void dot_rows(float y[TILE], const float *x, size_t stride, const float *w, size_t inner, size_t rows)
{
    lanes sums[TILE];
    memset(sums, 0, sizeof sums);
    size_t whole = inner / LANES * LANES;
    for (size_t k = 0; k < whole; k += LANES) {
        lanes a, b;
        memcpy(&b, w + k, sizeof b);
        for (size_t r = 0; r < rows; r++) {
            memcpy(&a, x + r * stride + k, sizeof a);
            sums[r] += a * b;
        }
    }
    for (size_t r = 0; r < rows; r++) {
        y[r] = 0;
        for (int lane = 0; lane < LANES; lane++) y[r] += sums[r][lane];
        for (size_t k = whole; k < inner; k++) y[r] += x[r * stride + k] * w[k];
    }
}

/* Weights [outer][inner]: columns of y, each a dot product with one row of the weights. */
static void dot_columns(const void *context, size_t first, size_t last)
{
    const product *p = context;
    for (size_t column = first; column < last; column++)
        for (size_t row = 0; row < p->rows; row += TILE) {
            size_t rows = p->rows - row < TILE ? p->rows - row : TILE;
            float sums[TILE];
            dot_rows(sums, p->x + row * p->inner, p->inner, p->weights + column * p->inner, p->inner, rows);
            for (size_t r = 0; r < rows; r++) p->y[(row + r) * p->outer + column] = finished(p, column, sums[r]);
        }
}

/* y += x[0] w[0][...] + x[1] w[1][...] + ... for `count` rows of the weights, four at a time. */
MULTIVERSION static void add_scaled(float *y, const float *x, const float *w, size_t stride, size_t count, size_t width)
{
    size_t k = 0;
    for (; k + 4 <= count; k += 4, w += 4 * stride) {
        const float a = x[k], b = x[k + 1], c = x[k + 2], d = x[k + 3];
        for (size_t i = 0; i < width; i++) y[i] += (a * w[i] + b * w[stride + i]) + (c * w[2 * stride + i] + d * w[3 * stride + i]);
    }
    for (; k < count; k++, w += stride)
        for (size_t i = 0; i < width; i++) y[i] += x[k] * w[i];
}

/* Weights [inner][outer]: a strip of columns of y is summed row by row of the weights; all rows of y take a group of weights while it is in cache. */
static void add_columns(const void *context, size_t first, size_t last)
{
    enum { GROUP = 32 };
    const product *p = context;
    for (size_t strip = first; strip < last; strip++) {
        size_t column = strip * p->piece, width = p->outer - column < p->piece ? p->outer - column : p->piece;
        for (size_t row = 0; row < p->rows; row++) memset(p->y + row * p->outer + column, 0, width * sizeof *p->y);
        for (size_t k = 0; k < p->inner; k += GROUP)
            for (size_t row = 0; row < p->rows; row++)
                add_scaled(p->y + row * p->outer + column, p->x + row * p->inner + k, p->weights + k * p->outer + column, p->outer,
                           p->inner - k < GROUP ? p->inner - k : GROUP, width);
        for (size_t row = 0; row < p->rows; row++)
            for (size_t i = column; i < column + width; i++) p->y[row * p->outer + i] = finished(p, i, p->y[row * p->outer + i]);
    }
}

static ssgcam_status run_few_rows(const ssg_step *step, const ssg_step_io *io)
{
    const ssg_op *op = &step->op;
    int backward = op->kind == SSG_OP_MATMUL_BACKWARD,
        transposed = op->transposed != backward; /* weights as this product sees them: [outer][inner] */
    const ssg_shape *w = &op->weights->shape, *x = &step->inputs[0].shape;
    product p = {op, io->inputs[0], op->weights->f32, io->output, .inner = (size_t)w->dims[transposed], .outer = (size_t)w->dims[!transposed]};
    p.rows = ssg_shape_count(x) / p.inner;
    p.finish = !backward;
    /* Sixteen strips at most, none narrower than a few cache lines: the same on every machine. */
    p.piece = (p.outer / 16 + 31) / 32 * 32;
    if (p.piece < 32) p.piece = 32;
    if (transposed)
        ssg_cpu_pieces(step->cpu, p.outer, 16, dot_columns, &p);
    else
        ssg_cpu_pieces(step->cpu, (p.outer + p.piece - 1) / p.piece, 1, add_columns, &p);
    return SSGCAM_OK;
}

static ssgcam_status run_primitive(const ssg_step *step, const ssg_step_io *io)
{
    return ssg_dnn_run(step->primitive, io->inputs[0], io->output, NULL, io->scratch);
}

ssgcam_status ssg_step_make_matmul(ssg_step *step, ssg_step_request *r)
{
    ssg_placed_set(&r->inputs[0], SSG_LAYOUT_PLAIN, SSG_PRECISION_F32);
    ssg_placed_set(&r->output, SSG_LAYOUT_PLAIN, SSG_PRECISION_F32);
    const ssg_shape *shape = &r->inputs[0].shape;
    int64_t rows = (int64_t)ssg_shape_count(shape) / shape->dims[shape->rank - 1];
    step->run = rows <= MOST_ROWS ? run_few_rows : run_primitive;
    if (rows <= MOST_ROWS) return SSGCAM_OK;
    return ssg_dnn_matmul(&step->primitive, step->cpu->dnn, r->op, r->op->kind == SSG_OP_MATMUL_BACKWARD, rows, &r->scratch_bytes);
}
