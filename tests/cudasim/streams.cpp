/* streams.cpp - streams and events. Work given to a stream waits until something waits for it; streams that wait together are interleaved in a seeded
 * order.
 *
 * That order is one of many. What is certain is kept in clocks: a number for each stream, how much of its work is known to be done before. A stream's
 * clock grows with its own work, with the events it waits for and with what the host had waited for when it gave the work; memory remembers who used
 * it when (touch), and a use that the clock does not place after an earlier one, one of them writing, is a fault, whichever came first this time. */
#include <algorithm>
#include <random>
#include <set>

#include "tests/cudasim/queue.h"

namespace cudasim
{

struct event {
    std::shared_ptr<happening> last = std::make_shared<happening>();
    int device;
    bool timed;
};

static std::set<stream *> streams;
static std::vector<unsigned> free_numbers;
static unsigned numbers = 1;
static vclock host; /* of all host threads: how they wait for each other is not seen */
static const task *doing;
static stream *doing_on;
static unsigned tasks_done;

static unsigned at(const vclock &clock, unsigned stream)
{
    return stream < clock.size() ? clock[stream] : 0;
}

static void join(vclock &to, const vclock &from)
{
    if (to.size() < from.size()) to.resize(from.size());
    for (size_t i = 0; i < from.size(); i++) to[i] = std::max(to[i], from[i]);
}

static stream *make_stream(int device)
{
    stream *made = new stream{{}, device, numbers, {}, nullptr, false};
    if (free_numbers.empty())
        numbers++;
    else
        made->number = free_numbers.back(), free_numbers.pop_back();
    /* Numbers are used again and times go on: whoever had this one is done. */
    made->after = host;
    streams.insert(made);
    return made;
}

stream *stream_of(cudaStream_t s, const char *what)
{
    if (streams.count((stream *)s)) return (stream *)s;
    if (s == nullptr || s == cudaStreamLegacy || s == cudaStreamPerThread)
        fault(CUDASIM_DEFAULT_STREAM, nullptr, "%s is given to the default stream", what);
    else
        fault(CUDASIM_POINTER_KIND, nullptr, "%s: no such stream", what);
    static stream *default_stream = make_stream(0);
    return default_stream;
}

int device_of(cudaStream_t s, const char *what)
{
    return stream_of(s, what)->device;
}

cudaError_t push(stream *s, task t)
{
    if (s->captured) return capture(s, std::move(t));
    t.host = host;
    s->tasks.push_back(std::move(t));
    return cudaSuccess;
}

cudaError_t enqueue(cudaStream_t s, const char *what, std::function<void()> work)
{
    std::lock_guard<std::recursive_mutex> hold(call_lock);
    return push(stream_of(s, what), {what, std::move(work), nullptr, {}});
}

static bool ready(const stream *s)
{
    return !s->tasks.empty() && (!s->tasks.front().waits_for || s->tasks.front().waits_for->done);
}

static void run_first(stream *s)
{
    task t = std::move(s->tasks.front());
    s->tasks.pop_front();
    join(s->after, t.host);
    if (t.waits_for) join(s->after, t.waits_for->after);
    if (s->after.size() <= s->number) s->after.resize(s->number + 1);
    s->after[s->number]++;
    tasks_done++;
    doing = &t, doing_on = s;
    if (t.work) t.work();
    doing = nullptr, doing_on = nullptr;
}

/* Runs streams, drawn at random among those that can go on, until `until` says so. */
template <typename Condition> static void run_until(Condition until)
{
    std::lock_guard<std::recursive_mutex> hold(call_lock);
    static std::mt19937 draw(1);
    unlock_arena();
    while (!until()) {
        std::vector<stream *> able;
        for (stream *s : streams)
            if (ready(s)) able.push_back(s);
        if (able.empty()) break;
        std::sort(able.begin(), able.end(), [](const stream *a, const stream *b) { return a->number < b->number; });
        run_first(able[draw() % able.size()]);
    }
    lock_arena();
}

static void finish(stream *s)
{
    run_until([s] { return s->tasks.empty(); });
    join(host, s->after);
}

void finish(cudaStream_t s)
{
    finish(stream_of(s, "waiting"));
}

void finish_all()
{
    run_until([] {
        for (stream *s : streams)
            if (!s->tasks.empty()) return false;
        return true;
    });
}

void drop_lost_work()
{
    for (stream *s : streams)
        if (is_lost(s->device)) end_capture(s);
    for (stream *s : streams)
        for (task &t : s->tasks)
            if (is_lost(s->device) && t.what != "cudaEventRecord" && t.what != "cudaFreeAsync") t.work = nullptr;
}

/* ---- who uses which memory --------------------------------------------------------------------------------------------------------------------- */

void touch(const allocation &a, bool write, const char *who)
{
    if (!doing || is_lost(a.device) || (a.seen_by == tasks_done && (a.seen_writing || !write))) return;
    if (a.device != doing_on->device)
        fault(CUDASIM_WRONG_DEVICE, nullptr, "%s on device %d uses memory of device %d", who, doing_on->device, a.device);
    const vclock &now_after = doing_on->after;
    auto unordered = [&](const use &u) { return at(now_after, u.stream) < u.time; };
    for (const use &u : a.uses)
        if ((write || u.write) && unordered(u))
            fault(CUDASIM_STREAM_RACE, nullptr, "%s and %s, on two streams, use the same memory with no event between them", u.what.c_str(), who);
    if (write) a.uses.clear();
    a.uses.erase(std::remove_if(a.uses.begin(), a.uses.end(), [](const use &u) { return !u.write && u.stream == doing_on->number; }), a.uses.end());
    a.uses.push_back({doing_on->number, now_after[doing_on->number], write, who});
    a.seen_by = tasks_done;
    a.seen_writing = write;
}

} // namespace cudasim

using namespace cudasim;

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned)
{
    ENTER("cudaStreamCreateWithFlags");
    *s = (cudaStream_t)make_stream(current_device());
    count_handle(1);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t handle)
{
    ENTER("cudaStreamDestroy");
    if (breaks_capture("cudaStreamDestroy")) return failed(cudaErrorStreamCaptureUnsupported);
    stream *s = (stream *)handle;
    if (!streams.count(s)) return failed(cudaErrorInvalidResourceHandle);
    finish(s);
    streams.erase(s);
    free_numbers.push_back(s->number);
    delete s;
    count_handle(-1);
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
    ENTER("cudaStreamSynchronize");
    if (breaks_capture("cudaStreamSynchronize")) return failed(cudaErrorStreamCaptureUnsupported);
    finish(s);
    return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize(void)
{
    ENTER("cudaDeviceSynchronize");
    if (breaks_capture("cudaDeviceSynchronize")) return failed(cudaErrorStreamCaptureUnsupported);
    finish_all();
    for (stream *s : streams) join(host, s->after);
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned flags)
{
    ENTER("cudaEventCreateWithFlags");
    event *made = new event;
    made->device = current_device();
    made->timed = !(flags & cudaEventDisableTiming);
    *e = (cudaEvent_t)made;
    count_handle(1);
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t e)
{
    ENTER("cudaEventDestroy");
    delete (event *)e;
    count_handle(-1);
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t handle, cudaStream_t s)
{
    ENTER("cudaEventRecord");
    event *e = (event *)handle;
    stream *on = stream_of(s, "cudaEventRecord");
    if (on->device != e->device) {
        fault(CUDASIM_WRONG_DEVICE, nullptr, "cudaEventRecord: the event is of device %d, the stream of device %d", e->device, on->device);
        return failed(cudaErrorInvalidResourceHandle);
    }
    std::shared_ptr<happening> h = std::make_shared<happening>();
    h->done = false;
    e->last = h;
    return push(on, {"cudaEventRecord", [h, on] { h->done = true, h->after = on->after, h->time = tasks_done; }, nullptr, {}});
}

cudaError_t cudaEventSynchronize(cudaEvent_t e)
{
    ENTER("cudaEventSynchronize");
    if (breaks_capture("cudaEventSynchronize")) return failed(cudaErrorStreamCaptureUnsupported);
    std::shared_ptr<happening> h = ((event *)e)->last;
    run_until([h] { return h->done; });
    join(host, h->after);
    return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to)
{
    ENTER("cudaEventElapsedTime");
    const event *a = (event *)from, *b = (event *)to;
    if (!a->timed || !b->timed) return failed(cudaErrorInvalidResourceHandle);
    if (!a->last->done || !b->last->done) return failed(cudaErrorNotReady);
    *ms = (float)((b->last->time - a->last->time) * 1e-3);
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned)
{
    ENTER("cudaStreamWaitEvent");
    if (breaks_capture("cudaStreamWaitEvent")) return failed(cudaErrorStreamCaptureUnsupported);
    return push(stream_of(s, "cudaStreamWaitEvent"), {"cudaStreamWaitEvent", nullptr, ((event *)e)->last, {}});
}
}
