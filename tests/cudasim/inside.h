/* inside.h - shared by the simulator's files. */
#ifndef CUDASIM_INSIDE_H
#define CUDASIM_INSIDE_H

#include <cuda_runtime.h>

#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "tests/cudasim/sim.h"

namespace cudasim
{

/* ---- faults.cpp ------------------------------------------------------------------------------------------------------------------------- */

/* `place`: a code address inside a kernel, or NULL; the same kind at the same place is kept once. */
void fault(cudasim_fault_kind kind, const void *place, const char *format, ...) __attribute__((format(printf, 3, 4)));
std::string function_name(const void *function);

/* ---- memory.cpp ------------------------------------------------------------------------------------------------------------------------- */

/* What used an allocation since its last write, and that write. */
struct use {
    unsigned stream, time;
    bool write;
    std::string what;
};
struct allocation {
    char *base;
    size_t size;
    bool live;
    int device;
    mutable std::vector<use> uses;
    mutable unsigned seen_by;  /* the last task that used it */
    mutable bool seen_writing; /* and wrote it */
};

bool in_arena(const void *p);
const allocation *find_allocation(const void *p); /* the one at or below p whose guarded range holds p; may be freed; NULL if none */
void *allocate(size_t bytes, int device);         /* NULL: the device's memory is used up */
bool release(void *p);
size_t memory_used(int device), memory_total(); /* of each device */
bool is_pinned(const void *p, size_t bytes);
void *pin(size_t bytes);
bool unpin(void *p);
int live_allocations();
void set_memory(size_t bytes);
void unlock_arena(), lock_arena();     /* device memory can be touched only while the device works */
uint8_t *written_bytes(const void *p); /* per byte of device memory: nonzero once written */

/* Whether [p, p + bytes) lies in one live allocation (and, if `read`, is all written); faults otherwise, naming `who`. */
bool device_range(const char *who, const void *p, size_t bytes, bool read);
void mark_written(const void *p, size_t bytes);

/* ---- block.cpp -------------------------------------------------------------------------------------------------------------------------- */

struct launch {
    const void *function;
    std::string name;
    dim3 grid, block;
    size_t shared;
    void (*thread)(const void *);
    std::vector<char> arguments; /* read by every thread; no one else's memory */
    unsigned number;
};
void run_launch(const launch &l);

/* Where execution is now; NULL outside kernels. */
struct position {
    const launch *l;
    unsigned block, thread, threads, epoch;
    unsigned warp_epoch[32];
    char *stack, *stack_end;
};
extern thread_local position *now;
extern cudasim_order order;
extern unsigned seed;

/* ---- trace.cpp -------------------------------------------------------------------------------------------------------------------------- */

void access(const void *p, unsigned size, bool write, bool atomic, const void *place);
void start_block_shadow(size_t shared_bytes);
void end_block_shadow();
void forget_races();
extern bool tracing;

/* ---- metrics.cpp ------------------------------------------------------------------------------------------------------------------------ */

void count_access(const void *p, unsigned size, bool write, bool atomic, const void *place, bool shared);
void count_block_end();
void count_launch(const launch &l);

/* ---- runtime.cpp ------------------------------------------------------------------------------------------------------------------------ */

/* At the start of every call: nonzero if this one is to fail. */
cudaError_t enter(const char *name);
cudaError_t failed(cudaError_t error); /* remembers it for cudaGetLastError */
int current_device();                  /* of this thread */
bool is_lost(int device);
void count_handle(int delta);
int live_handles();
extern std::recursive_mutex call_lock;
#define ENTER(name)                                                                \
    if (cudaError_t refused = enter(name); refused != cudaSuccess) return refused; \
    std::lock_guard<std::recursive_mutex> hold(call_lock)

/* Handles and descriptors that exist; several threads may ask at once. */
class registry
{
    std::mutex lock;
    std::set<const void *> alive;

  public:
    void insert(const void *p)
    {
        std::lock_guard<std::mutex> hold(lock);
        alive.insert(p);
    }
    size_t erase(const void *p)
    {
        std::lock_guard<std::mutex> hold(lock);
        return alive.erase(p);
    }
    size_t count(const void *p)
    {
        std::lock_guard<std::mutex> hold(lock);
        return alive.count(p);
    }
};

/* ---- streams.cpp ------------------------------------------------------------------------------------------------------------------------ */

cudaError_t enqueue(cudaStream_t stream, const char *what, std::function<void()> work); /* fails in a broken recording only */
int device_of(cudaStream_t stream, const char *what);
void finish(cudaStream_t stream); /* and the host has waited for it */
void finish_all();
void drop_lost_work(); /* what a lost device had still to do */

/* The work that runs now uses the allocation: on its device, and after all uses by other streams that it could collide with? */
void touch(const allocation &a, bool write, const char *who);

} // namespace cudasim
#endif
