#include "host/device/device.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/log.h"
#include "host/base/parallel.h"

int64_t ssg_layout_block(ssg_layout layout, int64_t channels)
{
    switch (layout) {
    case SSG_LAYOUT_BLOCK8: return 8;
    case SSG_LAYOUT_BLOCK16: return 16;
    case SSG_LAYOUT_NHWC: return channels;
    default: return 1;
    }
}

void ssg_placed_measure(ssg_placed *placed)
{
    if (placed->layout == SSG_LAYOUT_PRIVATE) return;
    size_t count = ssg_shape_count(&placed->shape);
    if (placed->shape.rank == 4 && placed->layout != SSG_LAYOUT_PLAIN) {
        int64_t channels = placed->shape.dims[1], block = ssg_layout_block(placed->layout, channels);
        count = count / (size_t)channels * (size_t)((channels + block - 1) / block * block);
    }
    placed->bytes = count * (placed->precision == SSG_PRECISION_BF16 || placed->precision == SSG_PRECISION_F16 ? 2 : 4);
}

int ssg_placed_same(const ssg_placed *a, const ssg_placed *b)
{
    return a->layout == b->layout && a->precision == b->precision && ssg_shape_equal(&a->shape, &b->shape);
}

/* The one place that knows which backends this build has. */
#ifdef SSGCAM_CUDA
ssgcam_status ssg_device_gpu_describe(int index, char text[256])
{
    return ssg_device_cuda_describe(index, text);
}

static ssgcam_status open_gpu(ssg_device **out, int index, int threads)
{
    return ssg_device_cuda_open(out, index, threads);
}
#else
static const char *const no_backend = "this build has no CUDA backend; use cpu, or configure with -DSSGCAM_CUDA=ON";

ssgcam_status ssg_device_gpu_describe(int index, char text[256])
{
    (void)index, (void)text;
    return ssg_fail(SSGCAM_ERR_DEVICE, "%s", no_backend);
}

static ssgcam_status open_gpu(ssg_device **out, int index, int threads)
{
    (void)index, (void)threads;
    *out = NULL;
    return ssg_fail(SSGCAM_ERR_DEVICE, "device 'cuda': %s", no_backend);
}
#endif

/* N of "cuda:N", 0 of "cuda", -1 of anything else. */
static int gpu_index(const char *name)
{
    if (strncmp(name, "cuda", 4) != 0) return -1;
    if (name[4] == '\0') return 0;
    char *end;
    long index = name[4] == ':' && name[5] >= '0' && name[5] <= '9' ? strtol(name + 5, &end, 10) : -1;
    return index >= 0 && index < 1024 && *end == '\0' ? (int)index : -1;
}

ssgcam_status ssg_device_open(ssg_device **out, const char *name, int threads)
{
    *out = NULL;
    if (threads < 0) return ssg_fail(SSGCAM_ERR_ARGUMENT, "%d threads; give a positive number, or 0 for all processors", threads);
    if (threads == 0) threads = ssg_processor_count();
    if (!name) name = "auto";
    if (strcmp(name, "auto") == 0) {
        if (open_gpu(out, 0, threads) == SSGCAM_OK) return SSGCAM_OK;
        ssg_log(SSG_LOG_VERBOSE, "%s; working on the CPU", ssgcam_last_error());
    }
    if (strcmp(name, "auto") == 0 || strcmp(name, "cpu") == 0) return ssg_device_cpu_open(out, threads);
    int index = gpu_index(name);
    if (index >= 0) return open_gpu(out, index, threads);
    return ssg_fail(SSGCAM_ERR_ARGUMENT, "device '%s' is not known; use auto, cpu, cuda or cuda:N", name);
}

void ssg_device_close(ssg_device **device)
{
    if (!device || !*device) return;
    (*device)->interface->destroy(*device);
    *device = NULL;
}
