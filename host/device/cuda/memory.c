/* Device memory from the stream-ordered pool, copies through pinned memory, constants that all plans share. */
#include <string.h>

#include "host/base/alloc.h"
#include "host/device/cuda/cuda.h"

/* ---- copies ------------------------------------------------------------------------------------------------------------------------------ */

/* Two pieces of pinned memory in turn: while one is on its way the other is filled. */
enum { PIECES = 2 };
static const size_t piece_bytes = (size_t)4 << 20;

struct ssg_cuda_staging {
    char *piece[PIECES];
    cudaEvent_t done[PIECES]; /* the last copy out of the piece */
    int next;
};

ssgcam_status ssg_cuda_staging_create(ssg_cuda_staging **out, cudaStream_t stream)
{
    *out = NULL;
    ssg_cuda_staging *s = ssg_calloc(1, sizeof *s);
    if (!s) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = SSGCAM_OK;
    for (int i = 0; i < PIECES && status == SSGCAM_OK; i++) {
        status = ssg_cuda_check(cudaMallocHost((void **)&s->piece[i], piece_bytes), "pinned memory");
        if (status == SSGCAM_OK) status = ssg_cuda_check(cudaEventCreateWithFlags(&s->done[i], cudaEventDisableTiming), "an event");
        if (status == SSGCAM_OK) status = ssg_cuda_check(cudaEventRecord(s->done[i], stream), "an event");
    }
    if (status != SSGCAM_OK) ssg_cuda_staging_destroy(&s);
    *out = s;
    return status;
}

void ssg_cuda_staging_destroy(ssg_cuda_staging **staging)
{
    if (!*staging) return;
    for (int i = 0; i < PIECES; i++) {
        if ((*staging)->done[i]) cudaEventDestroy((*staging)->done[i]);
        if ((*staging)->piece[i]) cudaFreeHost((*staging)->piece[i]);
    }
    ssg_free(*staging);
    *staging = NULL;
}

ssgcam_status ssg_cuda_upload(ssg_device *device, void *to, const void *from, size_t bytes)
{
    ssg_cuda *cuda = (ssg_cuda *)device;
    ssg_cuda_staging *s = cuda->staging;
    for (size_t at = 0; at < bytes; at += piece_bytes) {
        size_t part = bytes - at < piece_bytes ? bytes - at : piece_bytes;
        int i = s->next;
        s->next = (i + 1) % PIECES;
        SSG_TRY(ssg_cuda_check(cudaEventSynchronize(s->done[i]), "a copy to the device"));
        memcpy(s->piece[i], (const char *)from + at, part);
        SSG_TRY(ssg_cuda_check(cudaMemcpyAsync((char *)to + at, s->piece[i], part, cudaMemcpyHostToDevice, ssg_cuda_handle(cuda)),
                               "a copy to the device"));
        SSG_TRY(ssg_cuda_check(cudaEventRecord(s->done[i], ssg_cuda_handle(cuda)), "a copy to the device"));
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_cuda_download(ssg_device *device, void *to, const void *from, size_t bytes)
{
    ssg_cuda *cuda = (ssg_cuda *)device;
    ssg_cuda_staging *s = cuda->staging;
    SSG_TRY(ssg_cuda_pending(cuda));
    for (size_t at = 0; at < bytes; at += piece_bytes) {
        size_t part = bytes - at < piece_bytes ? bytes - at : piece_bytes;
        SSG_TRY(ssg_cuda_check(cudaMemcpyAsync(s->piece[0], (const char *)from + at, part, cudaMemcpyDeviceToHost, ssg_cuda_handle(cuda)),
                               "a copy from the device"));
        SSG_TRY(ssg_cuda_check(cudaStreamSynchronize(ssg_cuda_handle(cuda)), "the work on the device"));
        memcpy((char *)to + at, s->piece[0], part);
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_cuda_clear(ssg_device *device, void *memory, size_t bytes)
{
    return ssg_cuda_check(cudaMemsetAsync(memory, 0, bytes, ssg_cuda_handle((ssg_cuda *)device)), "clearing memory");
}

ssgcam_status ssg_cuda_copy(ssg_device *device, void *to, const void *from, size_t bytes)
{
    return ssg_cuda_check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, ssg_cuda_handle((ssg_cuda *)device)), "a copy");
}

/* ---- allocation ---------------------------------------------------------------------------------------------------------------------------- */

ssgcam_status ssg_cuda_memory_create(ssg_device *device, size_t bytes, void **memory)
{
    *memory = NULL;
    cudaError_t error = cudaMallocAsync(memory, bytes ? bytes : 1, ssg_cuda_handle((ssg_cuda *)device));
    if (error == cudaSuccess) return SSGCAM_OK;
    if (error == cudaErrorMemoryAllocation) {
        (void)cudaGetLastError();
        return ssg_fail(SSGCAM_ERR_MEMORY, "out of memory on the GPU while asking for %zu bytes", bytes);
    }
    return ssg_cuda_check(error, "an allocation");
}

void ssg_cuda_memory_destroy(ssg_device *device, void *memory)
{
    if (memory) (void)cudaFreeAsync(memory, ssg_cuda_handle((ssg_cuda *)device));
}

/* ---- constants ------------------------------------------------------------------------------------------------------------------------------ */

struct ssg_cuda_weights {
    ssg_const *source; /* retained: its address, the count, layout and precision are the key */
    size_t count;
    ssg_layout layout;
    ssg_precision precision;
    void *data;
    int users;
    ssg_cuda_weights *next;
};

/* The device turns a filter around and rounds it; what it is made from lies in memory of the device for a moment. */
static ssgcam_status upload_as(ssg_cuda_weights *w, ssg_cuda *cuda, const float *from)
{
    ssg_placed plain = {.shape = w->source->shape}, wanted = plain;
    if (ssg_shape_count(&plain.shape) != w->count) plain.shape = wanted.shape = (ssg_shape){1, {(int64_t)w->count}};
    ssg_cuda_place_plain(&plain);
    ssg_placed_set(&wanted, w->layout, w->precision);
    void *upload = NULL;
    SSG_TRY(ssg_cuda_memory_create(&cuda->base, wanted.bytes, &w->data));
    if (ssg_placed_same(&plain, &wanted)) return ssg_cuda_upload(&cuda->base, w->data, from, plain.bytes);
    SSG_TRY(ssg_cuda_memory_create(&cuda->base, plain.bytes, &upload));
    ssgcam_status status = ssg_cuda_upload(&cuda->base, upload, from, plain.bytes);
    ssg_net_side to = ssg_cuda_side(&wanted, w->data), side = ssg_cuda_side(&plain, upload);
    ssg_net_axes axes = ssg_cuda_axes(&plain.shape);
    if (status == SSGCAM_OK) ssg_net_copy(&cuda->base.run, &to, &side, &axes, 1);
    ssg_cuda_memory_destroy(&cuda->base, upload);
    return status;
}

static ssgcam_status upload_constant(ssg_cuda_weights *w, ssg_cuda *cuda)
{
    const float *from = w->source->f32;
    float *repeated = NULL;
    if (ssg_shape_count(&w->source->shape) != w->count) { /* one number for all */
        from = repeated = ssg_alloc_aligned(w->count, sizeof *repeated);
        if (!repeated) return SSG_OUT_OF_MEMORY;
        for (size_t i = 0; i < w->count; i++) repeated[i] = w->source->f32[0];
    }
    ssgcam_status status = upload_as(w, cuda, from);
    ssg_free(repeated);
    return status;
}

ssgcam_status ssg_cuda_weights_get(ssg_cuda_weights **out, ssg_cuda *cuda, ssg_const *constant, size_t count, ssg_layout layout,
                                   ssg_precision precision)
{
    *out = NULL;
    if (!constant) return SSGCAM_OK;
    for (ssg_cuda_weights *w = cuda->weights; w; w = w->next)
        if (w->source == constant && w->count == count && w->layout == layout && w->precision == precision) {
            w->users++;
            *out = w;
            return SSGCAM_OK;
        }
    ssg_cuda_weights *w = ssg_calloc(1, sizeof *w);
    if (!w) return SSG_OUT_OF_MEMORY;
    *w = (ssg_cuda_weights){ssg_const_retain(constant), count, layout, precision, NULL, 1, cuda->weights};
    cuda->weights = w;
    ssgcam_status status = upload_constant(w, cuda);
    if (status != SSGCAM_OK) ssg_cuda_weights_release(cuda, &w);
    *out = w;
    return status;
}

void ssg_cuda_weights_release(ssg_cuda *cuda, ssg_cuda_weights **weights)
{
    ssg_cuda_weights *w = *weights;
    *weights = NULL;
    if (!w || --w->users > 0) return;
    for (ssg_cuda_weights **link = &cuda->weights; *link; link = &(*link)->next)
        if (*link == w) {
            *link = w->next;
            break;
        }
    ssg_cuda_memory_destroy(&cuda->base, w->data);
    ssg_const_release(w->source);
    ssg_free(w);
}

const void *ssg_cuda_weights_data(const ssg_cuda_weights *weights)
{
    return weights ? weights->data : NULL;
}
