/* Matrix products with constant weights on cuBLAS, which is column-major: y^T = W^T x^T. Narrow ones take x and W in 16 bits and add up in float. */
#include "host/device/cuda/cuda.h"

static cudaDataType_t type_of(ssg_precision precision)
{
    return precision == SSG_PRECISION_BF16 ? CUDA_R_16BF : precision == SSG_PRECISION_F16 ? CUDA_R_16F : CUDA_R_32F;
}

static ssgcam_status multiply(const ssg_step *step, const ssg_step_io *io, int turned, int inner, int outer)
{
    static const float one = 1, zero = 0;
    const ssg_shape *in = &step->inputs[0].shape;
    int rows = (int)(ssg_shape_count(in) / (size_t)in->dims[in->rank - 1]);
    cudaDataType_t type = type_of(step->inputs[0].precision);
    /* Where a product is cut into parts, these are added up in float too. */
    cublasMath_t math = type != CUDA_R_32F ? CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION
                        : step->tf32       ? CUBLAS_TF32_TENSOR_OP_MATH
                                           : CUBLAS_DEFAULT_MATH;
    SSG_TRY(ssg_cublas_check(cublasSetMathMode(step->cuda->cublas, math), "its arithmetic"));
    return ssg_cublas_check(cublasGemmEx(step->cuda->cublas, turned ? CUBLAS_OP_T : CUBLAS_OP_N, CUBLAS_OP_N, outer, rows, inner, &one,
                                         ssg_cuda_weights_data(step->weights), type, turned ? inner : outer, io->inputs[0], type, inner, &zero,
                                         io->output, type_of(step->output.precision), outer, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
                            "a matrix product");
}

static ssgcam_status run_matmul(const ssg_step *step, const ssg_step_io *io)
{
    const ssg_shape *w = &step->op.weights->shape;
    int backward = step->op.kind == SSG_OP_MATMUL_BACKWARD;
    /* The matrix as this product uses it: [inner][outer]; in memory it may be the other way round. */
    int turned = step->op.transposed != backward, inner = (int)w->dims[turned], outer = (int)w->dims[!turned];
    SSG_TRY(multiply(step, io, turned, inner, outer));
    ssg_net_bias(&step->cuda->base.run, ssg_cuda_element(&step->output), backward ? SSG_NET_NONE : (int)step->op.function, step->op.alpha,
                 step->op.beta, io->output, ssg_cuda_weights_data(step->bias), 1, (size_t)outer, ssg_cuda_count(&step->output));
    return SSGCAM_OK;
}

/* Of rank 2 it is part of a classifier's head: few numbers, and the scores among them, so the result stays in float. */
ssgcam_status ssg_cuda_make_matmul(ssg_step *step, ssg_step_request *r)
{
    int backward = r->op->kind == SSG_OP_MATMUL_BACKWARD;
    const ssg_shape *out = &r->output.shape;
    ssg_precision narrow = ssg_cuda_narrow(r->precision) ? r->precision : SSG_PRECISION_F32;
    step->run = run_matmul;
    ssg_placed_set(&r->inputs[0], SSG_LAYOUT_PLAIN, narrow);
    ssg_placed_set(&r->output, SSG_LAYOUT_PLAIN, out->rank == 2 ? SSG_PRECISION_F32 : narrow);
    SSG_TRY(ssg_cuda_weights_get(&step->weights, step->cuda, r->op->weights, ssg_shape_count(&r->op->weights->shape), SSG_LAYOUT_PLAIN, narrow));
    return ssg_cuda_weights_get(&step->bias, step->cuda, backward ? NULL : r->op->bias, (size_t)out->dims[out->rank - 1], SSG_LAYOUT_PLAIN,
                                SSG_PRECISION_F32);
}
