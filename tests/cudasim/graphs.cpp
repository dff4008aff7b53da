/* graphs.cpp - work taken down from a stream, to be run again as often as wanted. Waiting and allocation meanwhile are faults (CUDA allows some of it
 * in some modes; the library does none). */
#include "tests/cudasim/queue.h"

namespace cudasim
{

thread_local stream *capturing;
static int breaks_at;

bool breaks_capture(const char *call)
{
    if (!capturing || !capturing->captured) return false;
    fault(CUDASIM_CAPTURE_MISUSE, nullptr, "%s while the work of a stream is taken down", call);
    capturing->capture_broken = true;
    return true;
}

cudaError_t capture(stream *s, task t)
{
    if (breaks_at && s->captured->size() + 1 >= (size_t)breaks_at) s->capture_broken = true;
    if (s->capture_broken) return failed(cudaErrorStreamCaptureInvalidated);
    s->captured->push_back(std::move(t));
    return cudaSuccess;
}

void end_capture(stream *s)
{
    delete s->captured;
    s->captured = nullptr;
}

struct graph {
    std::vector<task> tasks;
    int device;
};

} // namespace cudasim

using namespace cudasim;

void cudasim_break_recordings(int n)
{
    breaks_at = n;
}

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode)
{
    ENTER("cudaStreamBeginCapture");
    stream *s = stream_of(handle, "cudaStreamBeginCapture");
    if (s->captured) return failed(cudaErrorIllegalState);
    s->captured = new std::vector<task>;
    s->capture_broken = false;
    capturing = s;
    return cudaSuccess;
}

/* Ends it in all cases, also where the call is told to fail. */
cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t *g)
{
    cudaError_t refused = enter("cudaStreamEndCapture");
    std::lock_guard<std::recursive_mutex> hold(call_lock);
    stream *s = stream_of(handle, "cudaStreamEndCapture");
    *g = nullptr;
    if (s->captured && capturing != s) return failed(cudaErrorStreamCaptureWrongThread);
    capturing = nullptr;
    if (!s->captured) return refused ? refused : failed(cudaErrorIllegalState);
    if (!refused && s->capture_broken) refused = failed(cudaErrorStreamCaptureInvalidated);
    if (!refused) {
        *g = (cudaGraph_t) new graph{*s->captured, s->device};
        count_handle(1);
    }
    end_capture(s);
    return refused;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *exec, cudaGraph_t g, unsigned long long)
{
    ENTER("cudaGraphInstantiateWithFlags");
    *exec = (cudaGraphExec_t) new graph(*(graph *)g);
    count_handle(1);
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t handle)
{
    ENTER("cudaGraphLaunch");
    stream *s = stream_of(handle, "cudaGraphLaunch");
    const graph *g = (graph *)exec;
    if (g->device != s->device) {
        fault(CUDASIM_WRONG_DEVICE, nullptr, "cudaGraphLaunch: the graph is of device %d, the stream of device %d", g->device, s->device);
        return failed(cudaErrorInvalidValue);
    }
    for (const task &t : g->tasks)
        if (cudaError_t refused = push(s, t)) return refused;
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t g)
{
    ENTER("cudaGraphDestroy");
    delete (graph *)g;
    count_handle(-1);
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec)
{
    ENTER("cudaGraphExecDestroy");
    delete (graph *)exec;
    count_handle(-1);
    return cudaSuccess;
}
}
