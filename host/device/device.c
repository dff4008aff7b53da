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

void ssg_placed_set(ssg_placed *placed, ssg_layout layout, ssg_precision precision)
{
    placed->layout = placed->shape.rank == 4 ? layout : SSG_LAYOUT_PLAIN;
    placed->precision = precision;
    ssg_placed_measure(placed);
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

/* ---- several devices ------------------------------------------------------------------------------------------------------------------ */

enum { MOST_DEVICES = 64 };

/* Reads "N,M,..." after "cuda:"; 0 if it is something else. */
static int read_indices(const char *text, int *indices, int *count)
{
    for (*count = 0; *count < MOST_DEVICES; text++) {
        char *end;
        if (*text < '0' || *text > '9') return 0;
        long index = strtol(text, &end, 10);
        if (index > 1023 || (*end != '\0' && *end != ',')) return 0;
        indices[(*count)++] = (int)index;
        if (*end == '\0') return 1;
        text = end;
    }
    return 0;
}

/* Which GPUs a name means; fails for a name that means none. */
static ssgcam_status find_gpus(const char *name, int *indices, int *count)
{
    char text[256];
    *indices = 0;
    *count = 1;
    if (strcmp(name, "cuda") == 0) return SSGCAM_OK;
    if (strcmp(name, "cuda:all") == 0) {
        SSG_TRY(ssg_device_gpu_describe(0, text));
        while (*count < MOST_DEVICES && ssg_device_gpu_describe(*count, text) == SSGCAM_OK) indices[*count] = *count, (*count)++;
        return SSGCAM_OK;
    }
    if (strncmp(name, "cuda:", 5) != 0 || !read_indices(name + 5, indices, count))
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "device '%s' is not known; use auto, cpu, cuda, cuda:N, cuda:N,M or cuda:all", name);
    for (int i = 0; i < *count; i++)
        for (int k = 0; k < i; k++)
            if (indices[i] == indices[k]) return ssg_fail(SSGCAM_ERR_ARGUMENT, "device '%s' names GPU %d twice", name, indices[i]);
    return SSGCAM_OK;
}

/* How often "cpu" stands in "cpu,cpu,..."; 0 if there is anything else. */
static int count_cpus(const char *name)
{
    int count = 0;
    for (; strncmp(name, "cpu", 3) == 0; name += 4) {
        count++;
        if (name[3] == '\0') return count;
        if (name[3] != ',') return 0;
    }
    return 0;
}

/* Opens them one after the other: GPUs by their indices, or (indices NULL) the CPU, whose threads are divided. */
static ssgcam_status open_chain(ssg_device **out, const int *indices, int count, int threads)
{
    ssgcam_status status = SSGCAM_OK;
    ssg_device **link = out;
    int each = threads / count > 0 ? threads / count : 1;
    for (int i = 0; i < count && status == SSGCAM_OK; i++) {
        status = indices ? open_gpu(link, indices[i], threads) : ssg_device_cpu_open(link, each);
        if (status == SSGCAM_OK) link = &(*link)->next;
    }
    if (status == SSGCAM_OK) status = (*out)->interface->enter(*out);
    if (status != SSGCAM_OK) ssgcam_device_close(out);
    return status;
}

ssgcam_status ssgcam_device_open(ssg_device **out, const char *name, int threads)
{
    int indices[MOST_DEVICES], count;
    *out = NULL;
    SSG_TRY(ssg_threads_choose(&threads, threads));
    if (!name) name = "auto";
    if (strcmp(name, "auto") == 0) {
        if (open_gpu(out, 0, threads) == SSGCAM_OK) return SSGCAM_OK;
        ssg_log(SSG_LOG_VERBOSE, "%s; working on the CPU", ssgcam_last_error());
        name = "cpu";
    }
    int cpus = count_cpus(name);
    if (cpus > 0) return open_chain(out, NULL, cpus, threads);
    SSG_TRY(find_gpus(name, indices, &count));
    return open_chain(out, indices, count, threads);
}

void ssgcam_device_close(ssg_device **device)
{
    if (!device) return;
    for (ssg_device *d = *device, *next; d; d = next) {
        next = d->next;
        d->interface->destroy(d);
    }
    *device = NULL;
}
