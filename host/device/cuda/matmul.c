/* Matrix products with constant weights on cuBLAS, which is column-major: y^T = W^T x^T. */
#include "host/device/cuda/cuda.h"

static ssgcam_status run_matmul(const ssg_step *step, const ssg_step_io *io)
{
    static const float one = 1, zero = 0;
    const ssg_shape *in = &step->inputs[0].shape, *w = &step->op.weights->shape;
    int backward = step->op.kind == SSG_OP_MATMUL_BACKWARD;
    /* The matrix as this product uses it: [inner][outer]; in memory it may be the other way round. */
    int turned = step->op.transposed != backward, inner = (int)w->dims[turned], outer = (int)w->dims[!turned];
    int rows = (int)(ssg_shape_count(in) / (size_t)in->dims[in->rank - 1]);
    SSG_TRY(ssg_cublas_check(cublasSetMathMode(step->cuda->cublas, step->tf32 ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH), "its arithmetic"));
    SSG_TRY(
        ssg_cublas_check(cublasSgemm(step->cuda->cublas, turned ? CUBLAS_OP_T : CUBLAS_OP_N, CUBLAS_OP_N, outer, rows, inner, &one,
                                     ssg_cuda_weights_data(step->weights), turned ? inner : outer, io->inputs[0], inner, &zero, io->output, outer),
                         "a matrix product"));
    ssg_net_bias(&step->cuda->base.run, backward ? SSG_NET_NONE : (int)step->op.function, step->op.alpha, step->op.beta, io->output,
                 ssg_cuda_weights_data(step->bias), 1, (size_t)outer, ssg_cuda_count(&step->output));
    return SSGCAM_OK;
}

ssgcam_status ssg_cuda_make_matmul(ssg_step *step, ssg_step_request *r)
{
    int backward = r->op->kind == SSG_OP_MATMUL_BACKWARD;
    const ssg_shape *out = &r->output.shape;
    step->run = run_matmul;
    ssg_cuda_place(&r->inputs[0]);
    ssg_cuda_place(&r->output);
    SSG_TRY(ssg_cuda_weights_get(&step->weights, step->cuda, r->op->weights, ssg_shape_count(&r->op->weights->shape)));
    return ssg_cuda_weights_get(&step->bias, step->cuda, backward ? NULL : r->op->bias, (size_t)out->dims[out->rank - 1]);
}
