/* The GPUs of the machine: which there are, what they are called, and whether one can do the work. */
#include <stdio.h>

#include "host/device/cuda/cuda.h"

ssgcam_status ssg_cuda_find(int index)
{
    int count = 0, driver = 0, runtime = 0;
    cudaError_t error = cudaGetDeviceCount(&count);
    if (error == cudaErrorInsufficientDriver && cudaDriverGetVersion(&driver) == cudaSuccess && cudaRuntimeGetVersion(&runtime) == cudaSuccess) {
        (void)cudaGetLastError();
        if (driver == 0) return ssg_fail(SSGCAM_ERR_DEVICE, "device 'cuda': no NVIDIA driver is installed; install one, or use --device cpu");
        return ssg_fail(SSGCAM_ERR_DEVICE, "device 'cuda': the driver supports CUDA %d.%d, this build needs %d.%d; update the driver", driver / 1000,
                        driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
    }
    if (error == cudaErrorNoDevice || (error == cudaSuccess && count == 0)) {
        (void)cudaGetLastError();
        return ssg_fail(SSGCAM_ERR_DEVICE, "device 'cuda': no NVIDIA GPU was found (is one hidden by CUDA_VISIBLE_DEVICES?)");
    }
    SSG_TRY(ssg_cuda_check(error, "the list of devices"));
    if (index < count) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_DEVICE, "device 'cuda:%d' does not exist: there %s %d GPU%s, cuda:0%s", index, count == 1 ? "is" : "are", count,
                    count == 1 ? "" : "s", count == 1 ? "" : " and so on");
}

ssgcam_status ssg_device_cuda_describe(int index, char text[256])
{
    struct cudaDeviceProp p;
    SSG_TRY(ssg_cuda_find(index));
    SSG_TRY(ssg_cuda_check(cudaGetDeviceProperties(&p, index), "the device's properties"));
    snprintf(text, 256, "%s, %.0f GB, compute capability %d.%d, cuDNN %zu", p.name, (double)p.totalGlobalMem / 1e9, p.major, p.minor,
             cudnnGetVersion());
    return SSGCAM_OK;
}

/* Errors that mean that a kernel has no code for the GPU, or only PTX that its driver cannot compile. */
static int lacks_code(cudaError_t error)
{
    return error == cudaErrorNoKernelImageForDevice || error == cudaErrorInvalidDeviceFunction || error == cudaErrorInvalidKernelImage ||
           error == cudaErrorInvalidPtx || error == cudaErrorJitCompilerNotFound || error == cudaErrorUnsupportedPtxVersion;
}

ssgcam_status ssg_cuda_check_fitness(const ssg_cuda *cuda)
{
    int pools = 0, major = cuda->capability[0], minor = cuda->capability[1];
    struct cudaDeviceProp p;
    cudaError_t code = (cudaError_t)ssg_cuda_ask_for_code();
    if (code != cudaSuccess && !lacks_code(code)) return ssg_cuda_check(code, "the code of a kernel");
    (void)cudaGetLastError();
    SSG_TRY(ssg_cuda_check(cudaDeviceGetAttribute(&pools, cudaDevAttrMemoryPoolsSupported, cuda->index), "the device's abilities"));
    if (code == cudaSuccess && pools) return SSGCAM_OK;
    SSG_TRY(ssg_cuda_check(cudaGetDeviceProperties(&p, cuda->index), "the device's properties"));
    if (code != cudaSuccess)
        return ssg_fail(SSGCAM_ERR_DEVICE,
                        "device '%s': %s has compute capability %d.%d, for which this build has no code (it has %s): %s; configure with "
                        "-DSSGCAM_CUDA_ARCHITECTURES=%d%d, or use --device cpu",
                        cuda->base.label, p.name, major, minor, SSGCAM_CUDA_ARCHITECTURES, cudaGetErrorString(code), major, minor);
    return ssg_fail(SSGCAM_ERR_DEVICE, "device '%s': %s has no memory pools (cudaMallocAsync); use another GPU, or --device cpu", cuda->base.label,
                    p.name);
}
