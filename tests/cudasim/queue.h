/* queue.h - streams from inside, for streams.cpp and graphs.cpp. */
#ifndef CUDASIM_QUEUE_H
#define CUDASIM_QUEUE_H

#include <deque>
#include <memory>

#include "tests/cudasim/inside.h"

namespace cudasim
{

using vclock = std::vector<unsigned>;

struct happening {
    bool done = true;
    vclock after;
    double time = 0;
};
struct task {
    std::string what;
    std::function<void()> work;
    std::shared_ptr<happening> waits_for; /* must have happened */
    vclock host;                          /* what the host had waited for */
};
struct stream {
    std::deque<task> tasks;
    int device;
    unsigned number;
    vclock after;
    std::vector<task> *captured; /* while work is taken down instead of being run */
    bool capture_broken;
};

stream *stream_of(cudaStream_t s, const char *what); /* faults where there is none */
cudaError_t push(stream *s, task t);                 /* fails in a broken recording only */

/* The stream that this thread takes work down from; NULL if none. */
extern thread_local stream *capturing;

/* Whether the call is one that must not happen while this thread takes work down; then it is a fault, and the end of the recording. */
bool breaks_capture(const char *call);
cudaError_t capture(stream *s, task t); /* takes it down, if nothing has broken the recording */
void end_capture(stream *s);

} // namespace cudasim
#endif
