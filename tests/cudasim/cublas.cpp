/* cublas.cpp - strict stand-ins for the cuBLAS calls that we make. */
#include <cublas_v2.h>

#include <set>

#include "tests/cudasim/elements.h"
#include "tests/cudasim/inside.h"

using namespace cudasim;

namespace
{

struct handle {
    cudaStream_t stream = nullptr;
    int device = current_device();
    cublasMath_t math = CUBLAS_DEFAULT_MATH;
};
registry alive;

cublasStatus_t refuse(const char *why)
{
    fault(CUDASIM_LIBRARY_MISUSE, nullptr, "cublasGemmEx: %s", why);
    return CUBLAS_STATUS_INVALID_VALUE;
}

} // namespace

extern "C" {

const char *cublasGetStatusString(cublasStatus_t status)
{
    return status == CUBLAS_STATUS_SUCCESS        ? "success"
           : status == CUBLAS_STATUS_ALLOC_FAILED ? "the resource allocation failed"
                                                  : "the function failed to launch on the GPU";
}

cublasStatus_t cublasCreate_v2(cublasHandle_t *h)
{
    if (cudaError_t refused = enter("cublasCreate"))
        return refused == cudaErrorMemoryAllocation ? CUBLAS_STATUS_ALLOC_FAILED : CUBLAS_STATUS_NOT_INITIALIZED;
    handle *made = new handle;
    alive.insert(made);
    count_handle(1);
    *h = (cublasHandle_t)made;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t h)
{
    if (!alive.erase(h)) {
        fault(CUDASIM_DOUBLE_FREE, nullptr, "a cuBLAS handle that does not, or no longer, exist");
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    count_handle(-1);
    delete (handle *)h;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t h, cudaStream_t stream)
{
    if (enter("cublasSetStream")) return CUBLAS_STATUS_EXECUTION_FAILED;
    ((handle *)h)->stream = stream;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t h, cublasMath_t math)
{
    if (enter("cublasSetMathMode")) return CUBLAS_STATUS_EXECUTION_FAILED;
    ((handle *)h)->math = math;
    return CUBLAS_STATUS_SUCCESS;
}

/* Of the table of supported combinations, those that add up in float: A and B of one type; C of that type or float. */
static bool combination(cudaDataType_t ab, cudaDataType_t c)
{
    return ab == CUDA_R_32F ? c == CUDA_R_32F : (ab == CUDA_R_16BF || ab == CUDA_R_16F) && (c == ab || c == CUDA_R_32F);
}

static element element_of(cudaDataType_t type)
{
    return type == CUDA_R_32F ? FLOAT : type == CUDA_R_16F ? HALF : BFLOAT16;
}

cublasStatus_t cublasGemmEx(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const void *alpha, const void *a,
                            cudaDataType_t a_type, int lda, const void *b, cudaDataType_t b_type, int ldb, const void *beta, void *c,
                            cudaDataType_t c_type, int ldc, cublasComputeType_t compute, cublasGemmAlgo_t algorithm)
{
    const char *name = "cublasGemmEx";
    if (enter(name)) return CUBLAS_STATUS_EXECUTION_FAILED;
    if (!alive.count(h)) return refuse("the handle does not exist");
    if (((handle *)h)->device != current_device()) return refuse("the handle is of another device");
    if (m < 0 || n < 0 || k < 0) return refuse("a dimension is negative");
    int a_rows = ta == CUBLAS_OP_N ? m : k, b_rows = tb == CUBLAS_OP_N ? k : n;
    if (lda < (a_rows > 1 ? a_rows : 1) || ldb < (b_rows > 1 ? b_rows : 1) || ldc < (m > 1 ? m : 1))
        return refuse("a leading dimension is too small");
    if (compute != CUBLAS_COMPUTE_32F || a_type != b_type || !combination(a_type, c_type))
        return refuse("this combination of types is not supported, or does not add up in float");
    if (a_type != CUDA_R_32F && !(((handle *)h)->math & CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION))
        return refuse("parts of a product may be added up in 16 bits");
    if (algorithm != CUBLAS_GEMM_DEFAULT) return refuse("the simulator knows the default algorithm only");
    if (*(const float *)alpha != 1 || *(const float *)beta != 0) return refuse("the simulator knows alpha 1 and beta 0 only");
    element in = element_of(a_type), out = element_of(c_type);
    if ((uintptr_t)a % element_size(in) || (uintptr_t)b % element_size(in) || (uintptr_t)c % element_size(out))
        return refuse("a matrix is not aligned to its elements");
    cudaError_t refused = enqueue(((handle *)h)->stream, name, [=] {
        size_t a_count = (size_t)lda * (ta == CUBLAS_OP_N ? k : m), b_count = (size_t)ldb * (tb == CUBLAS_OP_N ? n : k), c_count = (size_t)ldc * n;
        if (!device_range(name, a, a_count * element_size(in), true) || !device_range(name, b, b_count * element_size(in), true) ||
            !device_range(name, c, c_count * element_size(out), false))
            return;
        for (int j = 0; j < n; j++)
            for (int i = 0; i < m; i++) {
                double sum = 0;
                for (int l = 0; l < k; l++)
                    sum += (double)element_read(in, a, ta == CUBLAS_OP_N ? (size_t)l * lda + i : (size_t)i * lda + l) *
                           element_read(in, b, tb == CUBLAS_OP_N ? (size_t)j * ldb + l : (size_t)l * ldb + j);
                element_write(out, c, (size_t)j * ldc + i, (float)sum);
            }
        mark_written(c, c_count * element_size(out));
    });
    return refused ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}
}
