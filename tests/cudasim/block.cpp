/* block.cpp - runs a launch: block after block, each thread a fiber that runs to its next barrier or warp function. */
#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <random>
#include <vector>

#include "tests/cudasim/fiber.h"
#include "tests/cudasim/inside.h"

asm(R"(
.text
.globl cudasim_switch
.type cudasim_switch, @function
cudasim_switch:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
.size cudasim_switch, .-cudasim_switch
)");

/* The built-in variables lie together, so that their reads can be told from others. */
#define BUILTIN __attribute__((section("cudasim_builtins")))
uint3 threadIdx BUILTIN, blockIdx BUILTIN;
dim3 blockDim BUILTIN, gridDim BUILTIN;

namespace cudasim
{

enum : size_t { STACK = 128 << 10, MOST_THREADS = 1024 };

thread_local position *now;
cudasim_order order = CUDASIM_FORWARD;
unsigned seed;

enum thread_state { READY, AT_BARRIER, IN_WARP, DONE };
enum { BALLOT = 100, ANY, ALL, SYNC };

struct simulated_thread {
    fiber f;
    thread_state state;
    const void *place; /* of the barrier or warp function */
    int kind, lane, width;
    unsigned mask;
    uint64_t value;
};

static simulated_thread threads[MOST_THREADS];
static void *scheduler;
static position here;
static bool abandoned;

static simulated_thread &current()
{
    return threads[here.thread];
}

static void thread_main()
{
    here.l->thread(here.l->arguments.data());
    current().state = DONE;
    cudasim_switch(&current().f.at, scheduler);
    __builtin_unreachable();
}

static void wait_for_others(thread_state state, const void *place)
{
    current().state = state;
    current().place = place;
    cudasim_switch(&current().f.at, scheduler);
}

static void resume(unsigned t)
{
    const dim3 &b = here.l->block;
    here.thread = t;
    here.stack = threads[t].f.stack;
    here.stack_end = here.stack + STACK;
    threadIdx = {t % b.x, t / b.x % b.y, t / b.x / b.y};
    cudasim_switch(&scheduler, threads[t].f.at);
}

/* ---- warps ------------------------------------------------------------------------------------------------------------------------- */

static unsigned lanes_of(unsigned warp)
{
    unsigned left = here.threads - warp * 32;
    return left >= 32 ? 0xffffffffu : (1u << left) - 1;
}

static void misuse(unsigned t, const char *what)
{
    here.thread = t;
    fault(CUDASIM_WARP_MISUSE, threads[t].place, "%s (mask %08x)", what, threads[t].mask);
}

/* What a shuffle gives to lane l. */
static uint64_t shuffled(const simulated_thread *lanes, unsigned l, unsigned first)
{
    const simulated_thread &t = lanes[l];
    int width = t.width, segment = (int)l / width * width, from = (int)l;
    if (t.kind == 0) from = segment + (t.lane & (width - 1));
    if (t.kind == 1) from = (int)l ^ t.lane;
    if (t.kind == 2) from = (int)l + t.lane < segment + width ? (int)l + t.lane : (int)l;
    if (t.kind == 3) from = (int)l - t.lane >= segment ? (int)l - t.lane : (int)l;
    if (from >= segment + width) from = (int)l;
    if (!(t.mask >> from & 1)) {
        misuse(first + l, "a shuffle reads a lane that takes no part");
        return 0xCBCBCBCBCBCBCBCBu;
    }
    return lanes[from].value;
}

/* Lets the lanes of `mask` go on once all of them have arrived; 1 if they could. */
static int resolve(unsigned warp, unsigned leader)
{
    simulated_thread *lanes = threads + warp * 32;
    unsigned mask = lanes[leader].mask, live = lanes_of(warp), ballot = 0;
    if (!(mask >> leader & 1)) misuse(warp * 32 + leader, "the calling lane is not in its own mask");
    for (unsigned l = 0; l < 32; l++) {
        if (!(mask >> l & 1)) continue;
        if (!(live >> l & 1) || lanes[l].state == DONE) {
            misuse(warp * 32 + leader, "the mask names a lane that has exited or does not exist");
            abandoned = true;
            return 0;
        }
        if (lanes[l].state != IN_WARP) return 0; /* not here yet */
        if (lanes[l].place != lanes[leader].place || lanes[l].mask != mask || lanes[l].kind != lanes[leader].kind) return 0;
        ballot |= (unsigned)(lanes[l].value != 0) << l;
    }
    uint64_t results[32];
    for (unsigned l = 0; l < 32; l++) {
        if (!(mask >> l & 1)) continue;
        switch (lanes[l].kind) {
        case BALLOT: results[l] = ballot; break;
        case ANY: results[l] = ballot != 0; break;
        case ALL: results[l] = ballot == mask; break;
        case SYNC: results[l] = 0; break;
        default: results[l] = shuffled(lanes, l, warp * 32);
        }
    }
    bool whole = true; /* all lanes that still run met: earlier accesses are ordered before later ones */
    for (unsigned l = 0; l < 32; l++)
        if (live >> l & 1 && lanes[l].state != DONE && !(mask >> l & 1)) whole = false;
    if (lanes[leader].kind == SYNC && whole) here.warp_epoch[warp]++;
    for (unsigned l = 0; l < 32; l++)
        if (mask >> l & 1) lanes[l].value = results[l], lanes[l].state = READY;
    return 1;
}

static uint64_t meet(int kind, unsigned mask, uint64_t value, int lane, int width, const void *place)
{
    simulated_thread &t = current();
    t.kind = kind, t.mask = mask, t.value = value, t.lane = lane, t.width = width;
    wait_for_others(IN_WARP, place);
    return current().value;
}

/* ---- blocks -------------------------------------------------------------------------------------------------------------------------- */

static int release_barrier()
{
    unsigned waiting = 0, done = 0, first = 0;
    for (unsigned t = 0; t < here.threads; t++) {
        if (threads[t].state == AT_BARRIER && waiting++ == 0) first = t;
        done += threads[t].state == DONE;
    }
    if (waiting == 0 || waiting + done < here.threads) return 0;
    here.thread = first;
    if (done) fault(CUDASIM_EXITED_AT_BARRIER, threads[first].place, "%u threads wait, %u have exited", waiting, done);
    for (unsigned t = 0; t < here.threads; t++) {
        if (threads[t].state != AT_BARRIER) continue;
        if (threads[t].place != threads[first].place) {
            here.thread = t;
            fault(CUDASIM_DIVERGENT_BARRIER, threads[t].place, "threads %u and %u wait at different barriers", first, t);
        }
        threads[t].state = READY;
    }
    here.epoch++;
    return 1;
}

static void report_deadlock()
{
    for (unsigned t = 0; t < here.threads; t++)
        if (threads[t].state == IN_WARP) {
            misuse(t, "the lanes of the mask do not all come to this call");
            return;
        }
}

static void run_block(const launch &l, unsigned block, const std::vector<unsigned> &in_order)
{
    here.block = block;
    here.epoch = 0;
    memset(here.warp_epoch, 0, sizeof here.warp_epoch);
    blockIdx = {block % l.grid.x, block / l.grid.x % l.grid.y, block / l.grid.x / l.grid.y};
    start_block_shadow(l.shared);
    for (unsigned t = 0; t < here.threads; t++) {
        if (!threads[t].f.stack)
            threads[t].f.stack = (char *)mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        fiber_prepare(&threads[t].f, STACK, thread_main);
        threads[t].state = READY;
    }
    abandoned = false;
    for (unsigned done = 0; done < here.threads && !abandoned;) {
        int progress = 0;
        for (unsigned t : in_order)
            if (threads[t].state == READY) {
                resume(t);
                done += threads[t].state == DONE;
                progress = 1;
            }
        for (unsigned w = 0; w * 32 < here.threads && !abandoned; w++)
            for (unsigned lane = 0; lane < 32 && w * 32 + lane < here.threads && !abandoned; lane++)
                if (threads[w * 32 + lane].state == IN_WARP) progress |= resolve(w, lane);
        if (!progress && !release_barrier()) {
            report_deadlock();
            abandoned = true;
        }
    }
    end_block_shadow();
}

void run_launch(const launch &l)
{
    unsigned blocks = l.grid.x * l.grid.y * l.grid.z;
    here = {};
    here.l = &l;
    here.threads = l.block.x * l.block.y * l.block.z;
    blockDim = l.block;
    gridDim = l.grid;
    std::mt19937 draw(seed + l.number);
    std::vector<unsigned> block_order(blocks), thread_order(here.threads);
    for (unsigned i = 0; i < blocks; i++) block_order[i] = order == CUDASIM_REVERSE ? blocks - 1 - i : i;
    for (unsigned i = 0; i < here.threads; i++) thread_order[i] = order == CUDASIM_REVERSE ? here.threads - 1 - i : i;
    if (order == CUDASIM_SHUFFLED) std::shuffle(block_order.begin(), block_order.end(), draw);
    now = &here;
    for (unsigned block : block_order) {
        if (order == CUDASIM_SHUFFLED) std::shuffle(thread_order.begin(), thread_order.end(), draw);
        run_block(l, block, thread_order);
    }
    now = nullptr;
    count_launch(l);
}

/* ---- atomics --------------------------------------------------------------------------------------------------------------------------- */

template <typename T> static T atomically(T *p, T value, bool largest, const void *place)
{
    access(p, sizeof *p, false, true, place);
    access(p, sizeof *p, true, true, place);
    T before = *p;
    *p = largest ? std::max(before, value) : (T)(before + value);
    return before;
}

} // namespace cudasim

using namespace cudasim;

#define PLACE __builtin_return_address(0)
#define API   __attribute__((noinline))

int API atomicAdd(int *p, int v)
{
    return (int)atomically((unsigned *)p, (unsigned)v, false, PLACE);
}
unsigned API atomicAdd(unsigned *p, unsigned v)
{
    return atomically(p, v, false, PLACE);
}
unsigned long long API atomicAdd(unsigned long long *p, unsigned long long v)
{
    return atomically(p, v, false, PLACE);
}
int API atomicMax(int *p, int v)
{
    return atomically(p, v, true, PLACE);
}
unsigned API atomicMax(unsigned *p, unsigned v)
{
    return atomically(p, v, true, PLACE);
}

extern "C" {

void API cudasim_misuse(const char *what)
{
    fault(CUDASIM_LIBRARY_MISUSE, PLACE, "%s", what);
}

void API __syncthreads(void)
{
    wait_for_others(AT_BARRIER, PLACE);
}

void API __syncwarp(unsigned mask)
{
    meet(SYNC, mask & lanes_of(here.thread / 32), 0, 0, 32, PLACE);
}

unsigned API __ballot_sync(unsigned mask, int predicate)
{
    return (unsigned)meet(BALLOT, mask, predicate != 0, 0, 32, PLACE);
}

int API __any_sync(unsigned mask, int predicate)
{
    return (int)meet(ANY, mask, predicate != 0, 0, 32, PLACE);
}

int API __all_sync(unsigned mask, int predicate)
{
    return (int)meet(ALL, mask, predicate != 0, 0, 32, PLACE);
}

uint64_t API cudasim_shuffle(int kind, unsigned mask, uint64_t value, int lane, int width)
{
    return meet(kind, mask, value, lane, width, PLACE);
}
}

void cudasim_set_order(cudasim_order o, unsigned s)
{
    order = o;
    seed = s;
}
