/* Steps taken down as a CUDA graph. Only this thread's work on the device's stream is captured; what may not happen meanwhile (waiting, allocation)
 * makes CUDA refuse the graph, and the caller runs the steps one by one. */
#include "host/base/alloc.h"
#include "host/device/cuda/cuda.h"

struct ssg_recording {
    cudaGraphExec_t exec;
};

ssgcam_status ssg_cuda_record_begin(ssg_device *device)
{
    const ssg_cuda_stream *stream = &((ssg_cuda *)device)->stream;
    /* Work before the recording has failed: that stays to be reported by whoever waits for it. */
    if (stream->failed) return ssg_fail(SSGCAM_ERR_DEVICE, "CUDA could not start the kernel '%s'", stream->failed_kernel);
    return ssg_cuda_check(cudaStreamBeginCapture(ssg_cuda_handle((ssg_cuda *)device), cudaStreamCaptureModeThreadLocal), "a recording");
}

ssgcam_status ssg_cuda_record_end(ssg_device *device, ssg_recording **out)
{
    ssg_cuda *cuda = (ssg_cuda *)device;
    cudaGraph_t graph = NULL;
    ssg_recording *recording = *out = NULL;
    ssgcam_status status = ssg_cuda_check(cudaStreamEndCapture(ssg_cuda_handle(cuda), &graph), "a recording");
    if (status == SSGCAM_OK) status = ssg_cuda_pending(cuda);
    if (status == SSGCAM_OK && !(recording = ssg_calloc(1, sizeof *recording))) status = SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) status = ssg_cuda_check(cudaGraphInstantiateWithFlags(&recording->exec, graph, 0), "a recording");
    if (graph) (void)cudaGraphDestroy(graph);
    if (status != SSGCAM_OK) {
        /* Kernels that a broken recording refused are no failure of the stream, which had none before: without the recording they run. */
        cuda->stream.failed = 0;
        (void)cudaGetLastError();
        ssg_free(recording);
        return status;
    }
    *out = recording;
    return SSGCAM_OK;
}

ssgcam_status ssg_cuda_play(ssg_device *device, ssg_recording *recording)
{
    return ssg_cuda_check(cudaGraphLaunch(recording->exec, ssg_cuda_handle((ssg_cuda *)device)), "recorded steps");
}

void ssg_cuda_recording_destroy(ssg_device *device, ssg_recording *recording)
{
    if (!recording) return;
    (void)cudaStreamSynchronize(ssg_cuda_handle((ssg_cuda *)device));
    (void)cudaGraphExecDestroy(recording->exec);
    ssg_free(recording);
}
