/* runtime.cpp - the calls of the CUDA runtime that we make: launches, the machine, memory. Any call can be made to fail. */
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

#include "tests/cudasim/queue.h"

namespace cudasim
{

std::recursive_mutex call_lock;
static std::map<std::pair<const void *, int>, int> shared_limit; /* of a kernel on a device */
static long calls, fail_at, fail_launch_at;
static int lost, lost_device = -1, devices = 1, driver = CUDART_VERSION, handles, capability[2] = {9, 0}, without_pools;
static thread_local cudaError_t last;
static thread_local int device;
static unsigned launches;

/* As the real build has it: kernels for compute capability 7.5 and newer. */
static bool has_code()
{
    return capability[0] * 10 + capability[1] >= 75;
}

/* The environment steers programs. */
static struct steer {
    steer()
    {
        if (const char *n = getenv("CUDASIM_FAIL_CALL")) fail_at = atol(n), lost = getenv("CUDASIM_LOST") ? atoi(getenv("CUDASIM_LOST")) : 0;
        if (const char *n = getenv("CUDASIM_DEVICES")) devices = atoi(n);
        if (const char *n = getenv("CUDASIM_DRIVER")) driver = atoi(n);
        if (const char *n = getenv("CUDASIM_TRACE")) tracing = atoi(n) != 0;
        if (const char *n = getenv("CUDASIM_ORDER")) order = *n == 'r' ? CUDASIM_REVERSE : *n == 's' ? CUDASIM_SHUFFLED : CUDASIM_FORWARD;
        if (const char *n = getenv("CUDASIM_SEED")) seed = (unsigned)atol(n);
    }
} steering;

cudaError_t failed(cudaError_t error)
{
    if (error != cudaSuccess) last = error;
    return error;
}

bool is_lost(int which)
{
    return lost && fail_at && calls >= fail_at && (lost == CUDASIM_LOSE_ALL || which == lost_device);
}

cudaError_t enter(const char *name)
{
    std::lock_guard<std::recursive_mutex> hold(call_lock);
    calls++;
    if (fail_at == 0 || calls < fail_at || (calls > fail_at && !lost)) return cudaSuccess;
    if (!lost) return failed(cudaErrorMemoryAllocation);
    if (calls == fail_at) {
        lost_device = device;
        drop_lost_work();
    }
    bool leaves = lost == CUDASIM_LOSE_ONE && strcmp(name, "cudaSetDevice") == 0;
    bool releases = strstr(name, "Free") || strstr(name, "Destroy"); /* done all the same, so that what nobody releases shows */
    return is_lost(device) && !leaves && !releases ? failed(cudaErrorDevicesUnavailable) : cudaSuccess;
}

int current_device()
{
    return device;
}

void count_handle(int delta)
{
    std::lock_guard<std::recursive_mutex> hold(call_lock);
    handles += delta;
}

int live_handles()
{
    return handles;
}

/* What a copy to the device reads: memory as it will be when the copy runs, or as it was when something else was allowed to change it. */
struct source {
    const char *from;
    size_t bytes;
    std::vector<char> kept;
    void keep()
    {
        if (kept.empty()) kept.assign(from, from + bytes);
    }
    void keep_if_touched(const char *other, size_t size)
    {
        if (other < from + bytes && from < other + size) keep();
    }
};
static std::vector<std::weak_ptr<source>> waiting;

static cudaError_t copy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t s)
{
    bool up = kind == cudaMemcpyHostToDevice, down = kind == cudaMemcpyDeviceToHost, inside = kind == cudaMemcpyDeviceToDevice;
    if (!up && !down && !inside) {
        fault(CUDASIM_POINTER_KIND, nullptr, "cudaMemcpyAsync: kind %d says nothing about its pointers", (int)kind);
        return failed(cudaErrorInvalidMemcpyDirection);
    }
    if ((up && in_arena(from)) || (down && in_arena(to))) {
        fault(CUDASIM_POINTER_KIND, nullptr, "cudaMemcpyAsync: device memory where the kind says host memory");
        return failed(cudaErrorInvalidValue);
    }
    std::shared_ptr<source> read = std::make_shared<source>(source{(const char *)from, bytes, {}});
    if (up && is_pinned(from, bytes)) waiting.push_back(read); /* read when the copy runs */
    if (up && !is_pinned(from, bytes)) read->keep();
    if (down && is_pinned(to, bytes)) {
        for (auto &w : waiting) /* copies before this one still find what was there */
            if (auto other = w.lock()) other->keep_if_touched((char *)to, bytes);
        memset(to, 0xCB, bytes); /* whoever reads it before the copy is done gets this */
    }
    waiting.erase(std::remove_if(waiting.begin(), waiting.end(), [](const std::weak_ptr<source> &w) { return w.expired(); }), waiting.end());
    cudaError_t refused = enqueue(s, "cudaMemcpyAsync", [=] {
        if (!up && !device_range("cudaMemcpyAsync", from, bytes, true)) return;
        if (!down && !device_range("cudaMemcpyAsync", to, bytes, false)) return;
        memmove(to, read->kept.empty() ? from : read->kept.data(), bytes);
        if (!down) mark_written(to, bytes);
    });
    if (down && !is_pinned(to, bytes)) finish(s);
    return refused;
}

} // namespace cudasim

using namespace cudasim;

/* ---- launches ------------------------------------------------------------------------------------------------------------------------------ */

cudaError_t cudasim_launch(const cudaLaunchConfig_t *c, const void *function, void (*thread)(const void *), const void *arguments, size_t size)
{
    ENTER("cudaLaunchKernelEx");
    launch l = {function, function_name(function), c->gridDim, c->blockDim, c->dynamicSmemBytes, thread, {}, ++launches};
    if (!has_code()) return failed(cudaErrorNoKernelImageForDevice);
    if (fail_launch_at && l.number == (unsigned long)fail_launch_at) return failed(cudaErrorMemoryAllocation);
    l.arguments.assign((const char *)arguments, (const char *)arguments + size);
    size_t block = (size_t)l.block.x * l.block.y * l.block.z, grid = (size_t)l.grid.x * l.grid.y * l.grid.z;
    auto raised = shared_limit.find({function, device});
    size_t allowed = raised != shared_limit.end() ? (size_t)raised->second : 48 << 10;
    if (block == 0 || block > 1024 || l.block.z > 64 || grid == 0 || l.grid.y > 65535 || l.grid.z > 65535 || l.grid.x > 0x7fffffff ||
        l.shared > allowed || size > 4096) {
        fault(CUDASIM_BAD_LAUNCH, nullptr, "%s: grid %u %u %u, block %u %u %u, %zu bytes of shared memory (%zu allowed), %zu of arguments",
              l.name.c_str(), l.grid.x, l.grid.y, l.grid.z, l.block.x, l.block.y, l.block.z, l.shared, allowed, size);
        return failed(cudaErrorInvalidConfiguration);
    }
    if (int on = device_of(c->stream, "cudaLaunchKernelEx"); on != device) {
        fault(CUDASIM_WRONG_DEVICE, nullptr, "%s is given to a stream of device %d while device %d is current", l.name.c_str(), on, device);
        return failed(cudaErrorInvalidResourceHandle);
    }
    if ((l.number & 0xffff) == 0) forget_races();
    return enqueue(c->stream, l.name.c_str(), [l] { run_launch(l); });
}

void cudasim_fail_call(long n, int loses)
{
    fail_at = n ? calls + n : 0;
    lost = loses;
    lost_device = -1;
}

long cudasim_call_count(void)
{
    return calls;
}

void cudasim_fail_launch(long n)
{
    fail_launch_at = n ? launches + n : 0;
}

long cudasim_launch_count(void)
{
    return launches;
}

void cudasim_set_machine(int count, int version, size_t memory)
{
    devices = count;
    driver = version;
    set_memory(memory);
}

size_t cudasim_memory_used(void)
{
    return memory_used(0);
}

void cudasim_set_capability(int major, int minor)
{
    capability[0] = major, capability[1] = minor;
}

void cudasim_without_memory_pools(int on)
{
    without_pools = on;
}

extern "C" {

cudaError_t cudaFuncSetAttribute(const void *function, cudaFuncAttribute attribute, int value)
{
    ENTER("cudaFuncSetAttribute");
    if (!has_code()) return failed(cudaErrorNoKernelImageForDevice);
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 || value > 227 << 10) return failed(cudaErrorInvalidValue);
    shared_limit[{function, device}] = value > 48 << 10 ? value : 48 << 10;
    return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *attributes, const void *)
{
    ENTER("cudaFuncGetAttributes");
    if (!has_code()) return failed(cudaErrorNoKernelImageForDevice);
    *attributes = {};
    return cudaSuccess;
}

cudaError_t cudaGetLastError(void)
{
    cudaError_t error = last;
    last = cudaSuccess;
    return error;
}

cudaError_t cudaPeekAtLastError(void)
{
    return last;
}

const char *cudaGetErrorName(cudaError_t error)
{
    return error == cudaSuccess ? "cudaSuccess" : error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : "cudaError";
}

const char *cudaGetErrorString(cudaError_t error)
{
    switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInvalidValue: return "invalid argument";
    case cudaErrorNoDevice: return "no CUDA-capable device is detected";
    case cudaErrorInsufficientDriver: return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorInvalidDevice: return "invalid device ordinal";
    case cudaErrorDevicesUnavailable: return "CUDA-capable device(s) is/are busy or unavailable";
    case cudaErrorNotSupported: return "operation not supported";
    case cudaErrorNoKernelImageForDevice: return "no kernel image is available for execution on the device";
    case cudaErrorStreamCaptureInvalidated: return "operation failed due to a previous error during capture";
    default: return "another error";
    }
}

/* ---- the machine --------------------------------------------------------------------------------------------------------------------------- */

cudaError_t cudaGetDeviceCount(int *count)
{
    ENTER("cudaGetDeviceCount");
    *count = 0;
    if (driver == 0 || driver < CUDART_VERSION / 1000 * 1000) return failed(cudaErrorInsufficientDriver);
    if (devices == 0) return failed(cudaErrorNoDevice);
    *count = devices;
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version)
{
    ENTER("cudaDriverGetVersion");
    *version = driver;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    ENTER("cudaRuntimeGetVersion");
    *version = CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int d)
{
    ENTER("cudaSetDevice");
    if (d < 0 || d >= devices) return failed(cudaErrorInvalidDevice);
    device = d;
    return cudaSuccess;
}

cudaError_t cudaGetDevice(int *d)
{
    *d = device;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int d)
{
    ENTER("cudaGetDeviceProperties");
    if (d < 0 || d >= devices) return failed(cudaErrorInvalidDevice);
    memset(p, 0, sizeof *p);
    strcpy(p->name, "simulated device");
    p->totalGlobalMem = memory_total();
    p->major = capability[0];
    p->minor = capability[1];
    p->multiProcessorCount = 132;
    p->sharedMemPerBlock = 48 << 10;
    p->sharedMemPerBlockOptin = 227 << 10;
    p->maxThreadsPerBlock = 1024;
    p->warpSize = 32;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int d)
{
    ENTER("cudaDeviceGetAttribute");
    if (d < 0 || d >= devices) return failed(cudaErrorInvalidDevice);
    switch (attribute) {
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = 227 << 10; return cudaSuccess;
    case cudaDevAttrMultiProcessorCount: *value = 132; return cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor: *value = capability[0]; return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor: *value = capability[1]; return cudaSuccess;
    case cudaDevAttrMemoryPoolsSupported: *value = !without_pools; return cudaSuccess;
    default: return failed(cudaErrorInvalidValue);
    }
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total)
{
    ENTER("cudaMemGetInfo");
    *total = memory_total();
    *free_bytes = *total - memory_used(device);
    return cudaSuccess;
}

/* ---- memory --------------------------------------------------------------------------------------------------------------------------------- */

cudaError_t cudaMallocAsync(void **p, size_t bytes, cudaStream_t s)
{
    ENTER("cudaMallocAsync");
    if (breaks_capture("cudaMallocAsync")) return failed(cudaErrorStreamCaptureUnsupported);
    int on = device_of(s, "cudaMallocAsync");
    *p = nullptr;
    if (without_pools) return failed(cudaErrorNotSupported);
    if (bytes == 0) return cudaSuccess;
    if (!(*p = allocate(bytes, on))) finish_all(), *p = allocate(bytes, on); /* what was freed on a stream comes back */
    if (!*p) return failed(cudaErrorMemoryAllocation);
    return enqueue(s, "cudaMallocAsync", [p = *p, bytes] { device_range("cudaMallocAsync", p, bytes, false); });
}

static void give_back(void *p, const char *who)
{
    if (const allocation *a = find_allocation(p); a && a->base == p && a->live) touch(*a, true, who);
    if (!release(p)) fault(CUDASIM_DOUBLE_FREE, nullptr, "%s: %p is not, or no longer, allocated", who, p);
}

cudaError_t cudaFreeAsync(void *p, cudaStream_t s)
{
    ENTER("cudaFreeAsync");
    if (breaks_capture("cudaFreeAsync")) return failed(cudaErrorStreamCaptureUnsupported);
    if (!p) return cudaSuccess;
    return enqueue(s, "cudaFreeAsync", [p] { give_back(p, "cudaFreeAsync"); });
}

cudaError_t cudaMallocHost(void **p, size_t bytes)
{
    ENTER("cudaMallocHost");
    if (breaks_capture("cudaMallocHost")) return failed(cudaErrorStreamCaptureUnsupported);
    *p = pin(bytes);
    return *p ? cudaSuccess : failed(cudaErrorMemoryAllocation);
}

cudaError_t cudaFreeHost(void *p)
{
    ENTER("cudaFreeHost");
    if (breaks_capture("cudaFreeHost")) return failed(cudaErrorStreamCaptureUnsupported);
    if (p && !unpin(p)) fault(CUDASIM_DOUBLE_FREE, nullptr, "cudaFreeHost: %p is not, or no longer, allocated", p);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t s)
{
    ENTER("cudaMemcpyAsync");
    return bytes ? copy(to, from, bytes, kind, s) : cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t s)
{
    ENTER("cudaMemsetAsync");
    return enqueue(s, "cudaMemsetAsync", [=] {
        if (!device_range("cudaMemsetAsync", p, bytes, false)) return;
        memset(p, value, bytes);
        mark_written(p, bytes);
    });
}
}
