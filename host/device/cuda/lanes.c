/* Copies that run beside the steps, each direction on a stream of its own, and points in the work whose times are asked for later.
 *
 *     send      up: after `used`, pinned -> memory, then `moved`
 *     receive   steps: after `moved`, memory -> where it is wanted, then `used`
 *     fetch     steps: `used`; down: after it, memory -> pinned, then `moved` */
#include <string.h>

#include "host/base/alloc.h"
#include "host/device/cuda/cuda.h"

typedef struct lane {
    ssg_lane base;
    void *pinned;
    cudaEvent_t used, moved; /* after the steps' last use of the memory; after the last copy from or to the host */
} lane;

static ssgcam_status record(cudaEvent_t event, cudaStream_t stream)
{
    return ssg_cuda_check(cudaEventRecord(event, stream), "an event");
}

static ssgcam_status follow(cudaStream_t stream, cudaEvent_t event)
{
    return ssg_cuda_check(cudaStreamWaitEvent(stream, event, 0), "an event");
}

static ssgcam_status make_event(cudaEvent_t *event, unsigned flags)
{
    return ssg_cuda_check(cudaEventCreateWithFlags(event, flags), "an event");
}

void ssg_cuda_lane_destroy(ssg_device *device, ssg_lane *of)
{
    ssg_cuda *cuda = (ssg_cuda *)device;
    lane *l = (lane *)of;
    if (!l) return;
    if (l->moved) (void)cudaEventSynchronize(l->moved);
    (void)cudaStreamSynchronize(cuda->up); /* a copy whose event could not be recorded */
    (void)cudaStreamSynchronize(cuda->down);
    ssg_cuda_memory_destroy(device, l->base.memory);
    if (l->pinned) (void)cudaFreeHost(l->pinned);
    if (l->moved) (void)cudaEventDestroy(l->moved);
    if (l->used) (void)cudaEventDestroy(l->used);
    ssg_free(l);
}

static ssgcam_status build(ssg_cuda *cuda, lane *l)
{
    size_t bytes = l->base.bytes ? l->base.bytes : 1;
    SSG_TRY(ssg_cuda_memory_create(&cuda->base, bytes, &l->base.memory));
    SSG_TRY(ssg_cuda_check(cudaMallocHost(&l->pinned, bytes), "pinned memory"));
    SSG_TRY(make_event(&l->used, cudaEventDisableTiming));
    SSG_TRY(make_event(&l->moved, cudaEventDisableTiming));
    return record(l->used, ssg_cuda_handle(cuda)); /* the allocation is work of the steps' stream as well */
}

ssgcam_status ssg_cuda_lane_create(ssg_device *device, size_t bytes, ssg_lane **out)
{
    *out = NULL;
    lane *l = ssg_calloc(1, sizeof *l);
    if (!l) return SSG_OUT_OF_MEMORY;
    l->base.bytes = bytes;
    ssgcam_status status = build((ssg_cuda *)device, l);
    if (status != SSGCAM_OK) {
        ssg_cuda_lane_destroy(device, &l->base);
        return status;
    }
    *out = &l->base;
    return SSGCAM_OK;
}

ssgcam_status ssg_cuda_lane_fill(ssg_lane *by, void **pinned)
{
    lane *l = (lane *)by;
    *pinned = l->pinned;
    return ssg_cuda_check(cudaEventSynchronize(l->moved), "a copy to the device");
}

ssgcam_status ssg_cuda_lane_go(ssg_cuda *cuda, ssg_lane *by, size_t bytes)
{
    lane *l = (lane *)by;
    SSG_TRY(follow(cuda->up, l->used));
    SSG_TRY(ssg_cuda_check(cudaMemcpyAsync(l->base.memory, l->pinned, bytes, cudaMemcpyHostToDevice, cuda->up), "a copy to the device"));
    return record(l->moved, cuda->up);
}

ssgcam_status ssg_cuda_lane_arrived(ssg_cuda *cuda, ssg_lane *by)
{
    return follow(ssg_cuda_handle(cuda), ((lane *)by)->moved);
}

ssgcam_status ssg_cuda_lane_used(ssg_cuda *cuda, ssg_lane *by)
{
    return record(((lane *)by)->used, ssg_cuda_handle(cuda));
}

ssgcam_status ssg_cuda_send(ssg_device *device, ssg_lane *by, const void *from, size_t bytes)
{
    void *pinned;
    SSG_TRY(ssg_cuda_lane_fill(by, &pinned));
    memcpy(pinned, from, bytes);
    return ssg_cuda_lane_go((ssg_cuda *)device, by, bytes);
}

ssgcam_status ssg_cuda_receive(ssg_device *device, ssg_lane *by, void *to, size_t bytes)
{
    ssg_cuda *cuda = (ssg_cuda *)device;
    SSG_TRY(ssg_cuda_lane_arrived(cuda, by));
    SSG_TRY(ssg_cuda_copy(device, to, by->memory, bytes));
    return ssg_cuda_lane_used(cuda, by);
}

ssgcam_status ssg_cuda_fetch(ssg_device *device, ssg_lane *by, size_t bytes)
{
    ssg_cuda *cuda = (ssg_cuda *)device;
    lane *l = (lane *)by;
    SSG_TRY(ssg_cuda_pending(cuda)); /* now, while whoever asks can still do the same in smaller parts */
    SSG_TRY(record(l->used, ssg_cuda_handle(cuda)));
    SSG_TRY(follow(cuda->down, l->used));
    SSG_TRY(ssg_cuda_check(cudaMemcpyAsync(l->pinned, l->base.memory, bytes, cudaMemcpyDeviceToHost, cuda->down), "a copy from the device"));
    return record(l->moved, cuda->down);
}

ssgcam_status ssg_cuda_fetched(ssg_device *device, ssg_lane *by, const void **bytes)
{
    lane *l = (lane *)by;
    *bytes = l->pinned;
    SSG_TRY(ssg_cuda_pending((ssg_cuda *)device));
    return ssg_cuda_check(cudaEventSynchronize(l->moved), "the work on the device");
}

/* ---- marks --------------------------------------------------------------------------------------------------------------------------------- */

ssgcam_status ssg_cuda_mark(ssg_device *device, ssg_mark *here)
{
    if (!here->event) SSG_TRY(make_event((cudaEvent_t *)&here->event, cudaEventDefault));
    return record(here->event, ssg_cuda_handle((ssg_cuda *)device));
}

ssgcam_status ssg_cuda_mark_ms(ssg_device *device, const ssg_mark *from, const ssg_mark *to, double *ms)
{
    float between = 0;
    *ms = 0;
    SSG_TRY(ssg_cuda_pending((ssg_cuda *)device));
    if (!from->event || !to->event) return SSGCAM_OK;
    SSG_TRY(ssg_cuda_check(cudaEventSynchronize(to->event), "the work on the device"));
    SSG_TRY(ssg_cuda_check(cudaEventElapsedTime(&between, from->event, to->event), "a time"));
    *ms = (double)between;
    return SSGCAM_OK;
}

void ssg_cuda_mark_clear(ssg_device *device, ssg_mark *here)
{
    (void)device;
    if (here->event) (void)cudaEventDestroy(here->event);
    here->event = NULL;
}
