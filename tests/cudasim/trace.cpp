/* trace.cpp - every load and store of a kernel: bounds, initialisation, races.
 *
 * g++ -fsanitize=thread puts a call before each access; the program is linked without the sanitizer, and these are the functions called. A location
 * remembers its last write and its last two readers within the launch. Two accesses, one a write and not both atomic, by different threads race
 * unless a barrier of their block, or a __syncwarp of their warp, lies between them. This is decided by counting barriers, so the verdict does not
 * depend on the order in which the threads ran. */
#include <string.h>
#include <sys/mman.h>

#include <unordered_map>

#include "tests/cudasim/inside.h"

extern char __start_cudasim_builtins[], __stop_cudasim_builtins[];
enum { MOST_SHARED = 227 << 10 };
alignas(128) unsigned char ssg_shared[MOST_SHARED]; /* what kernels declare as extern __shared__ */

namespace cudasim
{

bool tracing = true;
static uint8_t shared_written[MOST_SHARED];
static size_t shared_size;

/* An access, packed: launch 16, block 20, thread 10, barriers passed 10, warp barriers passed 7, atomic 1. Zero: none. */
typedef uint64_t mark;

struct cell {
    mark write, read[2];
};
/* Four bytes; `narrow` names the launch that also touched single bytes of it, which then have cells of their own. */
struct word {
    cell c;
    uint64_t narrow;
    cell bytes[4];
};

/* Words of memory, a page of them at a time. */
struct page {
    word words[1024];
};
static std::unordered_map<uintptr_t, page *> pages;

static word *word_at(uintptr_t address)
{
    static uintptr_t last_key;
    static page *last;
    uintptr_t key = address >> 12;
    if (!last || key != last_key) {
        page *&p = pages[key];
        if (!p) p = (page *)mmap(nullptr, sizeof(page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        last = p;
        last_key = key;
    }
    return &last->words[address >> 2 & 1023];
}

void forget_races()
{
    for (auto &p : pages) madvise(p.second, sizeof(page), MADV_DONTNEED);
}

static mark mark_of(bool atomic)
{
    const position &p = *now;
    return (mark)(p.l->number & 0xffff) << 48 | (mark)(p.block & 0xfffff) << 28 | (mark)(p.thread & 0x3ff) << 18 | (mark)(p.epoch & 0x3ff) << 8 |
           (mark)(p.warp_epoch[p.thread / 32] & 0x7f) << 1 | (mark)atomic;
}

/* Whether an earlier access may happen at the same time as this one. */
static bool concurrent(mark before, mark after, bool shared)
{
    if (before == 0 || (before ^ after) >> 48) return false;     /* none, or of another launch */
    if ((before ^ after) >> 28 & 0xfffff) return !shared;        /* other blocks are never ordered, and have shared memory of their own */
    unsigned a = before >> 18 & 0x3ff, b = after >> 18 & 0x3ff;  /* threads */
    if (a == b || ((before ^ after) >> 8 & 0x3ff)) return false; /* the same thread, or a barrier between */
    return a / 32 != b / 32 || !((before ^ after) >> 1 & 0x7f);  /* the same warp with a __syncwarp between is ordered */
}

static bool conflict(const cell &c, mark m, bool write, bool shared)
{
    bool both_atomic = c.write & m & 1;
    if (!both_atomic && concurrent(c.write, m, shared)) return true;
    if (!write) return false;
    for (mark reader : c.read)
        if (!(reader & m & 1) && concurrent(reader, m, shared)) return true;
    return false;
}

static void remember(cell &c, mark m, bool write)
{
    if (write) {
        c = {m, {0, 0}};
        return;
    }
    mark who = m >> 18;
    if (c.read[0] >> 18 != who) c.read[1] = c.read[0];
    c.read[0] = m;
}

static void check_race(const void *p, unsigned size, bool write, bool atomic, bool shared, const void *place)
{
    mark m = mark_of(atomic);
    uintptr_t from = (uintptr_t)p, to = from + size;
    bool race = false;
    for (uintptr_t at = from & ~(uintptr_t)3; at < to; at += 4) {
        word *w = word_at(at);
        bool narrow = at < from || at + 4 > to, had_narrow = w->narrow == (m >> 48) + 1;
        if (narrow && !had_narrow) memset(w->bytes, 0, sizeof w->bytes), w->narrow = (m >> 48) + 1;
        race |= conflict(w->c, m, write, shared);
        for (unsigned b = 0; b < 4; b++) {
            if (at + b < from || at + b >= to) continue;
            if (narrow || had_narrow) race |= conflict(w->bytes[b], m, write, shared);
            if (narrow) remember(w->bytes[b], m, write);
        }
        if (!narrow) remember(w->c, m, write);
    }
    if (race) fault(CUDASIM_RACE, place, "%s of %u bytes races with another thread", write ? "a write" : "a read", size);
}

void start_block_shadow(size_t bytes)
{
    shared_size = bytes;
    memset(ssg_shared, 0xCB, bytes);
    memset(shared_written, 0, bytes);
}

void end_block_shadow()
{
    if (tracing) count_block_end();
}

/* 1 if the access may be carried out and followed further. */
static int check_device(const void *p, unsigned size, bool write, const void *place)
{
    const allocation *a = find_allocation(p);
    const char *what = write ? "a write" : "a read";
    if (!a || (const char *)p + size > a->base + a->size) {
        fault(CUDASIM_GLOBAL_BOUNDS, place, "%s of %u bytes, %td bytes behind the start of an allocation of %zu", what, size,
              a ? (const char *)p - a->base : -1, a ? a->size : 0);
        return 0;
    }
    if (!a->live) {
        fault(CUDASIM_FREED, place, "%s of %u bytes of freed memory", what, size);
        return 0;
    }
    touch(*a, write, now->l->name.c_str());
    uint8_t *w = written_bytes(p);
    if (write)
        memset(w, 1, size);
    else if (memchr(w, 0, size))
        fault(CUDASIM_UNINITIALISED, place, "a read of %u bytes of global memory that nothing has written", size);
    return 1;
}

static int check_shared(const void *p, unsigned size, bool write, const void *place)
{
    size_t at = (size_t)((const unsigned char *)p - ssg_shared);
    if (at + size > shared_size) {
        fault(CUDASIM_SHARED_BOUNDS, place, "%s of %u bytes at %zu of %zu", write ? "a write" : "a read", size, at, shared_size);
        return 0;
    }
    if (write)
        memset(shared_written + at, 1, size);
    else if (memchr(shared_written + at, 0, size))
        fault(CUDASIM_UNINITIALISED, place, "a read of %u bytes of shared memory that nothing has written", size);
    return 1;
}

/* Of the counters that --coverage puts into kernels: zeroed variables of the program. */
extern "C" char __bss_start[], _end[];
static bool is_counter(const void *p)
{
    return p >= __bss_start && p < _end && !(p >= ssg_shared && p < ssg_shared + MOST_SHARED);
}

void access(const void *p, unsigned size, bool write, bool atomic, const void *place)
{
    if (!now || !tracing || is_counter(p)) return;
    const char *at = (const char *)p;
    if (at >= now->stack && at < now->stack_end) return;
    if (at >= __start_cudasim_builtins && at < __stop_cudasim_builtins) return;
    const std::vector<char> &arguments = now->l->arguments;
    if (at >= arguments.data() && at < arguments.data() + arguments.size()) return;
    bool shared = p >= ssg_shared && p < ssg_shared + MOST_SHARED;
    if (!shared && !in_arena(p)) {
        fault(CUDASIM_HOST_POINTER, place, "%s of %u bytes", write ? "a write" : "a read", size);
        return;
    }
    if ((uintptr_t)p % size) fault(CUDASIM_MISALIGNED, place, "%u bytes at an address that is no multiple of it", size);
    if (!(shared ? check_shared(p, size, write, place) : check_device(p, size, write, place))) return;
    check_race(p, size, write, atomic, shared, place);
    if (!(atomic && write)) count_access(p, size, write, atomic, place, shared);
}

} // namespace cudasim

void cudasim_set_trace(int on)
{
    cudasim::tracing = on != 0;
}

/* ---- what the compiler calls ---------------------------------------------------------------------------------------------------------------- */

#define HOOK(name, size, write)                                              \
    void name(void *p)                                                       \
    {                                                                        \
        cudasim::access(p, size, write, false, __builtin_return_address(0)); \
    }
extern "C" {
HOOK(__tsan_read1, 1, false)
HOOK(__tsan_read2, 2, false)
HOOK(__tsan_read4, 4, false)
HOOK(__tsan_read8, 8, false)
HOOK(__tsan_read16, 16, false)
HOOK(__tsan_write1, 1, true)
HOOK(__tsan_write2, 2, true)
HOOK(__tsan_write4, 4, true)
HOOK(__tsan_write8, 8, true)
HOOK(__tsan_write16, 16, true)
HOOK(__tsan_unaligned_read2, 2, false)
HOOK(__tsan_unaligned_read4, 4, false)
HOOK(__tsan_unaligned_read8, 8, false)
HOOK(__tsan_unaligned_read16, 16, false)
HOOK(__tsan_unaligned_write2, 2, true)
HOOK(__tsan_unaligned_write4, 4, true)
HOOK(__tsan_unaligned_write8, 8, true)
HOOK(__tsan_unaligned_write16, 16, true)
/* Whole structures: a launch's arguments on their way, or a copy that a kernel should not make. */
void __tsan_read_range(void *p, size_t size)
{
    for (size_t i = 0; i < size; i++) cudasim::access((char *)p + i, 1, false, false, __builtin_return_address(0));
}
void __tsan_write_range(void *p, size_t size)
{
    for (size_t i = 0; i < size; i++) cudasim::access((char *)p + i, 1, true, false, __builtin_return_address(0));
}
void __tsan_init(void)
{
}
void __tsan_func_entry(void *)
{
}
void __tsan_func_exit(void)
{
}
void __tsan_vptr_update(void *, void *)
{
}
void __tsan_vptr_read(void *)
{
}
}
