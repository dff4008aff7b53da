/* cublas.cpp - strict stand-ins for the cuBLAS calls that we make. */
#include <cublas_v2.h>

#include <set>

#include "tests/cudasim/inside.h"

using namespace cudasim;

namespace
{

struct handle {
    cudaStream_t stream = nullptr;
    cublasMath_t math = CUBLAS_DEFAULT_MATH;
};
std::set<const void *> alive;

cublasStatus_t refuse(const char *why)
{
    fault(CUDASIM_LIBRARY_MISUSE, nullptr, "cublasSgemm: %s", why);
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
    if (enter("cublasCreate")) return CUBLAS_STATUS_ALLOC_FAILED;
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

cublasStatus_t cublasSgemm_v2(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const float *alpha, const float *a,
                              int lda, const float *b, int ldb, const float *beta, float *c, int ldc)
{
    if (enter("cublasSgemm")) return CUBLAS_STATUS_EXECUTION_FAILED;
    if (!alive.count(h)) return refuse("the handle does not exist");
    if (m < 0 || n < 0 || k < 0) return refuse("a dimension is negative");
    int a_rows = ta == CUBLAS_OP_N ? m : k, b_rows = tb == CUBLAS_OP_N ? k : n;
    if (lda < (a_rows > 1 ? a_rows : 1) || ldb < (b_rows > 1 ? b_rows : 1) || ldc < (m > 1 ? m : 1))
        return refuse("a leading dimension is too small");
    if (*alpha != 1 || *beta != 0) return refuse("the simulator knows alpha 1 and beta 0 only");
    enqueue(((handle *)h)->stream, "cublasSgemm", [=] {
        size_t a_count = (size_t)lda * (ta == CUBLAS_OP_N ? k : m), b_count = (size_t)ldb * (tb == CUBLAS_OP_N ? n : k);
        if (!device_range("cublasSgemm", a, a_count * sizeof(float), true) || !device_range("cublasSgemm", b, b_count * sizeof(float), true) ||
            !device_range("cublasSgemm", c, (size_t)ldc * n * sizeof(float), false))
            return;
        for (int j = 0; j < n; j++)
            for (int i = 0; i < m; i++) {
                double sum = 0;
                for (int l = 0; l < k; l++)
                    sum += (double)a[ta == CUBLAS_OP_N ? (size_t)l * lda + i : (size_t)i * lda + l] *
                           b[tb == CUBLAS_OP_N ? (size_t)j * ldb + l : (size_t)l * ldb + j];
                c[(size_t)j * ldc + i] = (float)sum;
            }
        mark_written(c, (size_t)ldc * n * sizeof(float));
    });
    return CUBLAS_STATUS_SUCCESS;
}
}
