/* planted.cu - small programs with one fault each; compiled like the library's kernels. */
#include "tests/cudasim/planted.h"

#include <cub/block/block_reduce.cuh>
#include <cub/block/block_scan.cuh>
#include <cuda_runtime.h>

#include <utility>
#include <vector>

extern __shared__ unsigned char ssg_shared[];

namespace planted_kernels
{

enum { N = 64 };

struct job {
    int *data;
    int n, faulty;
};

/* A stream and a filled array of N integers, for the length of one program. */
struct bench {
    cudaStream_t stream = nullptr;
    int *data = nullptr;
    bench()
    {
        cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
        cudaMallocAsync((void **)&data, N * sizeof(int), stream);
        cudaMemsetAsync(data, 0, N * sizeof(int), stream);
    }
    ~bench()
    {
        cudaFreeAsync(data, stream);
        cudaStreamDestroy(stream);
    }
    void launch(void (*kernel)(job), int faulty, unsigned blocks = 1, unsigned threads = N, size_t shared = N * sizeof(int))
    {
        cudaLaunchConfig_t c = {};
        c.gridDim = dim3(blocks);
        c.blockDim = dim3(threads);
        c.dynamicSmemBytes = shared;
        c.stream = stream;
        cudaLaunchKernelEx(&c, kernel, job{data, N, faulty});
        cudaStreamSynchronize(stream);
    }
};

__global__ void read_beyond(job j)
{
    int i = threadIdx.x + (j.faulty ? 1 : 0);
    if (i <= j.n - !j.faulty) ((volatile int *)j.data)[i];
}
__global__ void write_beyond(job j)
{
    int i = threadIdx.x;
    j.data[i == j.n - 1 && j.faulty ? j.n : i] = i;
}
__global__ void shared_beyond(job j)
{
    int *s = (int *)ssg_shared;
    s[threadIdx.x + (j.faulty ? 1 : 0)] = 1;
}
__global__ void shared_unwritten(job j)
{
    int *s = (int *)ssg_shared;
    if (threadIdx.x > 0 || !j.faulty) s[threadIdx.x] = 1;
    __syncthreads();
    j.data[threadIdx.x] = s[j.n - 1 - threadIdx.x];
}
__global__ void copy_first(job j)
{
    if (threadIdx.x == 0) j.data[1] = j.data[0];
}
__global__ void missing_barrier(job j)
{
    int *s = (int *)ssg_shared;
    s[threadIdx.x] = threadIdx.x;
    if (!j.faulty) __syncthreads();
    if (threadIdx.x < 32) j.data[threadIdx.x] = s[threadIdx.x + (j.faulty ? 0 : 32)];
    if (j.faulty && threadIdx.x == 0) s[40] = 1;
}
struct plus {
    int operator()(int a, int b) const
    {
        return a + b;
    }
};
typedef cub::BlockReduce<int, N> sum_of_block;
__global__ void storage_used_again(job j)
{
    sum_of_block::TempStorage &storage = *(sum_of_block::TempStorage *)ssg_shared;
    int sum = sum_of_block(storage).Reduce(1, plus());
    if (!j.faulty) __syncthreads();
    sum += sum_of_block(storage).Reduce(2, plus());
    if (threadIdx.x == 0) j.data[0] = sum;
}
__global__ void size_of_another_block(job j)
{
    typedef cub::BlockReduce<int, N / 2> half;
    int sum;
    if (j.faulty)
        sum = half(*(half::TempStorage *)ssg_shared).Reduce(1, plus());
    else
        sum = sum_of_block(*(sum_of_block::TempStorage *)ssg_shared).Reduce(1, plus());
    if (threadIdx.x == 0) j.data[0] = sum;
}
typedef cub::BlockScan<int, N> sums_of_block;
__global__ void scan_storage_used_again(job j)
{
    sums_of_block::TempStorage &storage = *(sums_of_block::TempStorage *)ssg_shared;
    int before, before_that;
    sums_of_block(storage).ExclusiveSum((int)threadIdx.x, before);
    if (!j.faulty) __syncthreads();
    sums_of_block(storage).ExclusiveSum(before, before_that);
    j.data[threadIdx.x] = before_that;
}
__global__ void scan_of_another_block(job j)
{
    typedef cub::BlockScan<int, N / 2> half;
    int sum;
    if (j.faulty)
        half(*(half::TempStorage *)ssg_shared).ExclusiveSum(1, sum);
    else
        sums_of_block(*(sums_of_block::TempStorage *)ssg_shared).ExclusiveSum(1, sum);
    if (threadIdx.x == 0) j.data[0] = sum;
}
__global__ void missing_warp_barrier(job j)
{
    int *s = (int *)ssg_shared;
    s[threadIdx.x] = threadIdx.x;
    if (!j.faulty) __syncwarp();
    j.data[threadIdx.x] = s[threadIdx.x ^ 1];
}
__global__ void blocks_collide(job j)
{
    if (threadIdx.x == 0) {
        if (j.faulty)
            j.data[0] = (int)blockIdx.x;
        else
            atomicAdd(&j.data[0], 1);
    }
}
__global__ void plain_beside_atomic(job j)
{
    if (threadIdx.x != 0) return;
    if (blockIdx.x == 0 || !j.faulty)
        atomicAdd(&j.data[0], 1);
    else
        j.data[0] = 5;
}
__global__ void bytes_collide(job j)
{
    unsigned char *bytes = (unsigned char *)j.data;
    bytes[j.faulty ? threadIdx.x / 2 : threadIdx.x] = 1;
}
__global__ void divergent_barrier(job j)
{
    int *s = (int *)ssg_shared;
    s[threadIdx.x] = 1;
    if (threadIdx.x < 32 && j.faulty) {
        __syncthreads();
        j.data[threadIdx.x] = s[threadIdx.x];
    } else {
        __syncthreads();
        j.data[threadIdx.x] = s[threadIdx.x] + 1;
    }
}
__global__ void early_exit(job j)
{
    if (threadIdx.x >= 40 && j.faulty) return;
    __syncthreads();
    j.data[threadIdx.x] = 1;
}
__global__ void absent_lane(job j)
{
    unsigned mask = j.faulty ? 0xffffffffu : 0xffffu;
    if (threadIdx.x < 16) j.data[threadIdx.x] = __shfl_xor_sync(mask, (int)threadIdx.x, 1);
}
__global__ void foreign_lane(job j)
{
    if (threadIdx.x < 16) j.data[threadIdx.x] = __shfl_xor_sync(0xffffu, (int)threadIdx.x, j.faulty ? 16 : 8);
}
__global__ void odd_address(job j)
{
    const char *at = (const char *)j.data + (j.faulty ? 4 : 8);
    if (threadIdx.x == 0) j.data[20] = (int)*(const long long *)at;
}
__global__ void touch(job j)
{
    if (threadIdx.x == 0) j.data[0] = 1;
}
__global__ void nothing(job)
{
}

template <void (*kernel)(job)> void one(int faulty)
{
    bench().launch(kernel, faulty);
}
template <void (*kernel)(job)> void two_blocks(int faulty)
{
    bench().launch(kernel, faulty, 2);
}
void one_warp(int faulty)
{
    bench().launch(missing_warp_barrier, faulty, 1, 32);
}
void global_unwritten(int faulty)
{
    bench b;
    int *fresh;
    cudaMallocAsync((void **)&fresh, N * sizeof(int), b.stream);
    if (!faulty) cudaMemsetAsync(fresh, 0, N * sizeof(int), b.stream);
    int *kept = b.data;
    b.data = fresh;
    b.launch(copy_first, faulty);
    b.data = kept;
    cudaFreeAsync(fresh, b.stream);
}
void freed(int faulty)
{
    bench b;
    int *kept = b.data, *other;
    cudaMallocAsync((void **)&other, N * sizeof(int), b.stream);
    if (faulty) cudaFreeAsync(other, b.stream);
    b.data = other;
    b.launch(touch, faulty);
    b.data = kept;
    if (!faulty) cudaFreeAsync(other, b.stream);
}
void host_pointer(int faulty)
{
    std::vector<int> on_the_host(N);
    bench b;
    int *kept = b.data;
    if (faulty) b.data = on_the_host.data();
    b.launch(touch, faulty);
    cudaStreamSynchronize(b.stream);
    b.data = kept;
}
void wrong_kind(int faulty)
{
    static int on_the_host[N];
    bench b;
    cudaMemcpyAsync(faulty ? on_the_host : b.data, on_the_host, sizeof on_the_host, cudaMemcpyHostToDevice, b.stream);
    cudaStreamSynchronize(b.stream);
}
void copy_too_long(int faulty)
{
    static int on_the_host[N + 1];
    bench b;
    cudaMemcpyAsync(b.data, on_the_host, (size_t)(N + (faulty ? 1 : 0)) * sizeof(int), cudaMemcpyHostToDevice, b.stream);
    cudaStreamSynchronize(b.stream);
}
void too_many_threads(int faulty)
{
    bench().launch(nothing, faulty, 1, faulty ? 1025 : 1024);
}
void too_much_shared(int faulty)
{
    bench().launch(nothing, faulty, 1, N, faulty ? (48 << 10) + 1 : 48 << 10);
}
void freed_twice(int faulty)
{
    bench b;
    void *p;
    cudaMallocAsync(&p, 64, b.stream);
    cudaFreeAsync(p, b.stream);
    if (faulty) cudaFreeAsync(p, b.stream);
    cudaStreamSynchronize(b.stream);
}
void leaked(int faulty)
{
    bench *b = new bench;
    if (!faulty) delete b;
    cudasim_check_leaks();
}
void default_stream(int faulty)
{
    bench b;
    cudaMemsetAsync(b.data, 0, sizeof(int), faulty ? nullptr : b.stream);
    cudaDeviceSynchronize();
}

/* ---- several streams, several devices ------------------------------------------------------------------------------------------------------ */

struct two {
    bench first, second;
    cudaEvent_t event;
    two()
    {
        cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
    }
    ~two()
    {
        cudaStreamSynchronize(first.stream);
        cudaStreamSynchronize(second.stream);
        cudaEventDestroy(event);
    }
    /* What the second stream does from now on comes after what the first one has done so far. */
    void order()
    {
        cudaEventRecord(event, first.stream);
        cudaStreamWaitEvent(second.stream, event, 0);
    }
};
__global__ void fill(job j)
{
    j.data[threadIdx.x] = 1;
}
void copy_without_event(int faulty)
{
    two t;
    cudaMemsetAsync(t.first.data, 1, N * sizeof(int), t.first.stream);
    if (!faulty) t.order();
    cudaMemcpyAsync(t.second.data, t.first.data, N * sizeof(int), cudaMemcpyDeviceToDevice, t.second.stream);
}
void kernel_without_event(int faulty)
{
    two t;
    cudaMemsetAsync(t.first.data, 1, N * sizeof(int), t.first.stream);
    t.order();
    if (faulty) cudaMemsetAsync(t.first.data, 2, N * sizeof(int), t.first.stream); /* after the event */
    std::swap(t.second.data, t.first.data);
    t.second.launch(fill, 0);
    std::swap(t.second.data, t.first.data);
}
void allocated_without_event(int faulty)
{
    two t;
    int *memory;
    cudaMallocAsync((void **)&memory, N * sizeof(int), t.first.stream);
    if (!faulty) t.order();
    cudaMemsetAsync(memory, 0, N * sizeof(int), t.second.stream);
    cudaStreamSynchronize(t.second.stream);
    cudaFreeAsync(memory, t.first.stream);
}
void stream_of_another_device(int faulty)
{
    cudasim_set_machine(2, CUDART_VERSION, (size_t)1 << 30);
    bench b;
    cudaSetDevice(faulty);
    b.launch(fill, 0);
    cudaSetDevice(0);
}
void memory_of_another_device(int faulty)
{
    cudasim_set_machine(2, CUDART_VERSION, (size_t)1 << 30);
    bench b;
    cudaSetDevice(faulty);
    {
        bench other;
        cudaStreamSynchronize(b.stream);
        std::swap(b.data, other.data);
        other.launch(fill, 0);
        cudaStreamSynchronize(other.stream);
        std::swap(b.data, other.data);
    }
    cudaSetDevice(0);
}
void event_of_another_device(int faulty)
{
    cudasim_set_machine(2, CUDART_VERSION, (size_t)1 << 30);
    bench b;
    cudaEvent_t event;
    cudaSetDevice(faulty);
    cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
    cudaEventRecord(event, b.stream);
    cudaStreamSynchronize(b.stream);
    cudaEventDestroy(event);
    cudaSetDevice(0);
}

/* A kernel taken down and run twice; faulty: something else is done meanwhile that a recording cannot hold. */
void recorded(bench &b, void (*meanwhile)(bench &))
{
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    cudaStreamBeginCapture(b.stream, cudaStreamCaptureModeThreadLocal);
    cudaMemsetAsync(b.data, 1, N * sizeof(int), b.stream);
    if (meanwhile) meanwhile(b);
    if (cudaStreamEndCapture(b.stream, &graph) != cudaSuccess) return;
    if (cudaGraphInstantiateWithFlags(&exec, graph, 0) == cudaSuccess) {
        cudaGraphLaunch(exec, b.stream);
        cudaGraphLaunch(exec, b.stream);
        cudaGraphExecDestroy(exec);
    }
    cudaGraphDestroy(graph);
}
void waiting_in_a_recording(int faulty)
{
    bench b;
    recorded(b, faulty ? [](bench &x) { cudaStreamSynchronize(x.stream); } : (void (*)(bench &)) nullptr);
}
void allocation_in_a_recording(int faulty)
{
    bench b;
    recorded(b, faulty ? [](bench &x) {
        void *memory;
        cudaMallocAsync(&memory, 64, x.stream);
    } : (void (*)(bench &)) nullptr);
}

/* ---- clean programs with known answers ------------------------------------------------------------------------------------------------- */

struct walk {
    const float *from;
    float *to;
    int stride;
};
__global__ void walk_global(walk w)
{
    w.to[threadIdx.x] = w.from[threadIdx.x * w.stride];
}
__global__ void walk_shared(walk w)
{
    float *s = (float *)ssg_shared;
    s[threadIdx.x * w.stride] = 1;
}
__global__ void block_sum(job j)
{
    int value = (int)threadIdx.x, *s = (int *)ssg_shared;
    for (int lane = 16; lane; lane /= 2) value += __shfl_xor_sync(0xffffffffu, value, lane);
    if (threadIdx.x % 32 == 0) s[threadIdx.x / 32] = value;
    __syncthreads();
    if (threadIdx.x == 0) {
        int sum = 0;
        for (int w = 0; w < 8; w++) sum += s[w];
        j.data[0] = sum;
    }
}

__global__ void count_up(job j)
{
    j.data[0]++;
}

template <typename Argument> void launch_one(cudaStream_t stream, void (*kernel)(Argument), Argument argument, unsigned threads, size_t shared)
{
    cudaLaunchConfig_t c = {};
    c.gridDim = dim3(1);
    c.blockDim = dim3(threads);
    c.dynamicSmemBytes = shared;
    c.stream = stream;
    cudaLaunchKernelEx(&c, kernel, argument);
}

} // namespace planted_kernels

using namespace planted_kernels;

extern "C" {

const planted planted_faults[] = {{"a read behind the end", CUDASIM_GLOBAL_BOUNDS, one<read_beyond>},
                                  {"a write behind the end", CUDASIM_GLOBAL_BOUNDS, one<write_beyond>},
                                  {"shared memory behind the end", CUDASIM_SHARED_BOUNDS, one<shared_beyond>},
                                  {"shared memory before it is written", CUDASIM_UNINITIALISED, one<shared_unwritten>},
                                  {"global memory before it is written", CUDASIM_UNINITIALISED, global_unwritten},
                                  {"a missing barrier", CUDASIM_RACE, one<missing_barrier>},
                                  {"a missing barrier of a warp", CUDASIM_RACE, one_warp},
                                  {"the storage of CUB used again without a barrier", CUDASIM_RACE, one<storage_used_again>},
                                  {"CUB for a block of another size", CUDASIM_LIBRARY_MISUSE, one<size_of_another_block>},
                                  {"the storage of CUB's sums used again without a barrier", CUDASIM_RACE, one<scan_storage_used_again>},
                                  {"CUB's sums for a block of another size", CUDASIM_LIBRARY_MISUSE, one<scan_of_another_block>},
                                  {"two blocks writing one word", CUDASIM_RACE, two_blocks<blocks_collide>},
                                  {"a plain write beside atomics", CUDASIM_RACE, two_blocks<plain_beside_atomic>},
                                  {"two threads writing one byte", CUDASIM_RACE, one<bytes_collide>},
                                  {"a barrier in two branches", CUDASIM_DIVERGENT_BARRIER, one<divergent_barrier>},
                                  {"threads that leave before a barrier", CUDASIM_EXITED_AT_BARRIER, one<early_exit>},
                                  {"a mask with absent lanes", CUDASIM_WARP_MISUSE, one<absent_lane>},
                                  {"a shuffle from outside the mask", CUDASIM_WARP_MISUSE, one<foreign_lane>},
                                  {"eight bytes at a multiple of four", CUDASIM_MISALIGNED, one<odd_address>},
                                  {"memory after its release", CUDASIM_FREED, freed},
                                  {"host memory in a kernel", CUDASIM_HOST_POINTER, host_pointer},
                                  {"a copy to the wrong side", CUDASIM_POINTER_KIND, wrong_kind},
                                  {"a copy longer than its target", CUDASIM_POINTER_KIND, copy_too_long},
                                  {"a block of 1025 threads", CUDASIM_BAD_LAUNCH, too_many_threads},
                                  {"more shared memory than was asked for", CUDASIM_BAD_LAUNCH, too_much_shared},
                                  {"memory released twice", CUDASIM_DOUBLE_FREE, freed_twice},
                                  {"memory never released", CUDASIM_LEAK, leaked},
                                  {"work on the default stream", CUDASIM_DEFAULT_STREAM, default_stream},
                                  {"a copy that waits for no event", CUDASIM_STREAM_RACE, copy_without_event},
                                  {"a kernel beside a write after the event", CUDASIM_STREAM_RACE, kernel_without_event},
                                  {"memory used before the stream that allocates it", CUDASIM_STREAM_RACE, allocated_without_event},
                                  {"a kernel on a stream of another device", CUDASIM_WRONG_DEVICE, stream_of_another_device},
                                  {"a kernel on memory of another device", CUDASIM_WRONG_DEVICE, memory_of_another_device},
                                  {"an event of another device", CUDASIM_WRONG_DEVICE, event_of_another_device},
                                  {"waiting for a stream whose work is taken down", CUDASIM_CAPTURE_MISUSE, waiting_in_a_recording},
                                  {"an allocation while work is taken down", CUDASIM_CAPTURE_MISUSE, allocation_in_a_recording}};
const size_t planted_count = sizeof planted_faults / sizeof *planted_faults;

void planted_traffic(int stride)
{
    cudaStream_t stream;
    float *memory;
    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    cudaMallocAsync((void **)&memory, 2048 * sizeof(float), stream);
    cudaMemsetAsync(memory, 0, 2048 * sizeof(float), stream);
    walk w = {memory + 64, memory, stride};
    launch_one(stream, walk_global, w, 32, 0);
    launch_one(stream, walk_shared, w, 32, 32 * 32 * sizeof(float));
    cudaFreeAsync(memory, stream);
    cudaStreamDestroy(stream);
}

int planted_sum(void)
{
    bench b;
    int sum = 0;
    launch_one(b.stream, block_sum, job{b.data, N, 0}, 256, 64);
    cudaMemcpyAsync(&sum, b.data, sizeof sum, cudaMemcpyDeviceToHost, b.stream);
    cudaStreamSynchronize(b.stream);
    return sum;
}

int planted_scan(void)
{
    bench b;
    int sums[N], right = 0;
    b.launch(scan_storage_used_again, 0);
    cudaMemcpyAsync(sums, b.data, sizeof sums, cudaMemcpyDeviceToHost, b.stream);
    cudaStreamSynchronize(b.stream);
    for (int t = 0; t < N; t++) right += sums[t] == t * (t - 1) * (t - 2) / 6;
    return right;
}

int planted_early_read(int wait)
{
    bench b;
    int *pinned, result;
    cudaMallocHost((void **)&pinned, sizeof *pinned);
    *pinned = 7;
    cudaMemcpyAsync(b.data, pinned, sizeof(int), cudaMemcpyHostToDevice, b.stream);
    cudaStreamSynchronize(b.stream);
    cudaMemcpyAsync(pinned, b.data, sizeof(int), cudaMemcpyDeviceToHost, b.stream);
    if (wait) cudaStreamSynchronize(b.stream);
    result = *pinned;
    cudaStreamSynchronize(b.stream);
    cudaFreeHost(pinned);
    return result;
}

int planted_round_trip(void)
{
    bench b;
    int *pinned, result;
    cudaMallocHost((void **)&pinned, sizeof *pinned);
    *pinned = 7;
    cudaMemcpyAsync(b.data, pinned, sizeof(int), cudaMemcpyHostToDevice, b.stream);
    cudaMemcpyAsync(pinned, b.data, sizeof(int), cudaMemcpyDeviceToHost, b.stream);
    cudaStreamSynchronize(b.stream);
    result = *pinned;
    cudaFreeHost(pinned);
    return result;
}

int planted_replay(int times)
{
    bench b;
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    int sum = 0;
    cudaStreamBeginCapture(b.stream, cudaStreamCaptureModeThreadLocal);
    launch_one(b.stream, count_up, job{b.data, N, 0}, 1, 0);
    cudaStreamEndCapture(b.stream, &graph);
    cudaGraphInstantiateWithFlags(&exec, graph, 0);
    cudaGraphDestroy(graph);
    for (int i = 0; i < times; i++) cudaGraphLaunch(exec, b.stream);
    cudaMemcpyAsync(&sum, b.data, sizeof sum, cudaMemcpyDeviceToHost, b.stream);
    cudaStreamSynchronize(b.stream);
    cudaGraphExecDestroy(exec);
    return sum;
}

int planted_broken_recording(int n)
{
    bench b;
    cudaGraph_t graph;
    int taken = 0;
    cudasim_break_recordings(n);
    cudaStreamBeginCapture(b.stream, cudaStreamCaptureModeThreadLocal);
    for (int i = 0; i < 4; i++) taken += cudaMemsetAsync(b.data, 1, N * sizeof(int), b.stream) == cudaSuccess;
    bool refused = cudaStreamEndCapture(b.stream, &graph) == cudaErrorStreamCaptureInvalidated;
    cudasim_break_recordings(0);
    return refused && cudaMemsetAsync(b.data, 1, N * sizeof(int), b.stream) == cudaSuccess ? taken : -1;
}

int planted_early_reuse(int wait)
{
    bench b;
    int *pinned, result;
    cudaMallocHost((void **)&pinned, sizeof *pinned);
    *pinned = 7;
    cudaMemcpyAsync(b.data, pinned, sizeof(int), cudaMemcpyHostToDevice, b.stream);
    if (wait) cudaStreamSynchronize(b.stream);
    *pinned = 8;
    cudaMemcpyAsync(&result, b.data, sizeof(int), cudaMemcpyDeviceToHost, b.stream);
    cudaStreamSynchronize(b.stream);
    cudaFreeHost(pinned);
    return result;
}
}
