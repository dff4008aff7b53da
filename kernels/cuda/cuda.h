/* cuda.h - the device form of ops.h and score.h, and the operators of a network that no library has. C, without CUDA's headers: for host/device/cuda.
 *
 * Launchers put work on a stream and return at once. A launch that fails is remembered in the stream and reported by whoever waits for it. Addresses
 * are device addresses unless a comment says host. */
#ifndef SSG_KERNELS_CUDA_CUDA_H
#define SSG_KERNELS_CUDA_CUDA_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What ssg_run.stream points to on this device. */
typedef struct ssg_cuda_stream {
    void *handle;              /* cudaStream_t */
    unsigned *tops;            /* device memory for SSG_CUDA_TOPS numbers: label()'s maxima */
    size_t shared_limit;       /* bytes of shared memory that a block may ask for */
    int failed;                /* the first cudaError_t of a launch, 0 if there was none */
    const char *failed_kernel; /* and which one it was */
} ssg_cuda_stream;

enum { SSG_CUDA_TOPS = 256 };

const ssg_ops *ssg_ops_cuda(void);

/* Asks for the code of one kernel, for all of them, since all are built for the same GPUs: the cudaError_t, 0 if the device at work has it. */
int ssg_cuda_ask_for_code(void);

#ifdef __cplusplus
}
#endif
#endif
