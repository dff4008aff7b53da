#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/cuda/cuda.h"
#include "tests/kernelcheck/bodies.h"

static void must(cudaError_t error, const char *what)
{
    if (error == cudaSuccess) return;
    fprintf(stderr, "kernelcheck: %s: %s\n", what, cudaGetErrorString(error));
    exit(1);
}

static ssg_cuda_stream *stream_of(const body *b)
{
    return b->run.stream;
}

static void *make(const body *b, const void *from, size_t bytes)
{
    void *memory = NULL;
    must(cudaMallocAsync(&memory, bytes ? bytes : 1, stream_of(b)->handle), "allocation");
    if (from) must(cudaMemcpyAsync(memory, from, bytes, cudaMemcpyHostToDevice, stream_of(b)->handle), "copy");
    return memory;
}

static void fetch(const body *b, void *to, const void *from, size_t bytes)
{
    must((cudaError_t)stream_of(b)->failed, stream_of(b)->failed_kernel);
    must(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_of(b)->handle), "copy back");
    must(cudaStreamSynchronize(stream_of(b)->handle), "kernel");
}

static void drop(const body *b, void *memory)
{
    must(cudaFreeAsync(memory, stream_of(b)->handle), "release");
}

body body_cuda(size_t shared_limit)
{
    int count = 0, most = 0;
    body none = {0};
    if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) return none;
    must(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0), "attribute");
    ssg_cuda_stream *stream = calloc(1, sizeof *stream);
    must(cudaStreamCreateWithFlags((cudaStream_t *)&stream->handle, cudaStreamNonBlocking), "stream");
    must(cudaMallocAsync((void **)&stream->tops, SSG_CUDA_TOPS * sizeof *stream->tops, stream->handle), "allocation");
    stream->shared_limit = shared_limit ? shared_limit : (size_t)most;
    return (body){"cuda", ssg_ops_cuda(), {.threads = 1, .stream = stream}, make, fetch, drop};
}

void body_cuda_close(body *b)
{
    ssg_cuda_stream *stream = b->run.stream;
    cudaFreeAsync(stream->tops, stream->handle);
    cudaStreamDestroy(stream->handle);
    free(stream);
}
