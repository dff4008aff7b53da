/* memory.cpp - device memory: one range of addresses that the host may not touch, never reused, poisoned when fresh and when freed. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <map>
#include <mutex>
#include <vector>

#include "tests/cudasim/inside.h"

namespace cudasim
{

enum : size_t { ARENA = (size_t)64 << 30, GUARD = 4096, PAGE = 4096 };
enum { POISON = 0xCB };

static char *arena, *top;
static uint8_t *written;
static std::vector<allocation> table; /* ascending */
static std::map<char *, size_t> pinned;
static std::recursive_mutex lock;
enum { MOST_DEVICES = 16 };
static size_t used[MOST_DEVICES], total = (size_t)8 << 30;
static int depth;

static void open_arena()
{
    if (arena) return;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    arena = (char *)mmap(nullptr, ARENA, PROT_NONE, flags, -1, 0);
    written = (uint8_t *)mmap(nullptr, ARENA, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (arena == MAP_FAILED || written == (uint8_t *)MAP_FAILED) abort();
    top = arena;
    if (const char *megabytes = getenv("CUDASIM_MEMORY_MB")) total = (size_t)atol(megabytes) << 20;
}

void set_memory(size_t bytes)
{
    total = bytes;
}

size_t memory_used(int device)
{
    return used[device];
}

size_t memory_total()
{
    open_arena();
    return total;
}

bool in_arena(const void *p)
{
    return arena && (const char *)p >= arena && (const char *)p < arena + ARENA;
}

uint8_t *written_bytes(const void *p)
{
    return written + ((const char *)p - arena);
}

void unlock_arena()
{
    lock.lock();
    if (depth++ == 0 && top > arena) mprotect(arena, (size_t)(top - arena), PROT_READ | PROT_WRITE);
}

void lock_arena()
{
    if (--depth == 0 && top > arena) mprotect(arena, (size_t)(top - arena), PROT_NONE);
    lock.unlock();
}

const allocation *find_allocation(const void *p)
{
    static thread_local size_t last;
    const char *at = (const char *)p;
    if (last < table.size() && at >= table[last].base && at < table[last].base + table[last].size) return &table[last];
    size_t low = 0, high = table.size();
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (table[middle].base <= at)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0) return nullptr;
    last = low - 1;
    return &table[last];
}

void *allocate(size_t bytes, int device)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    open_arena();
    if (bytes > total || used[device] > total - bytes) return nullptr;
    char *base = top;
    top += (bytes + PAGE - 1) / PAGE * PAGE + GUARD;
    if (top > arena + ARENA) abort();
    mprotect(base, (size_t)(top - base), PROT_READ | PROT_WRITE);
    memset(base, POISON, bytes);
    if (depth == 0) mprotect(base, (size_t)(top - base), PROT_NONE);
    table.push_back({base, bytes, true, device, {}, 0, false});
    used[device] += bytes;
    return base;
}

bool release(void *p)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    for (allocation &a : table)
        if (a.base == p && a.live) {
            a.live = false;
            used[a.device] -= a.size;
            a.uses.clear();
            size_t whole = (a.size + PAGE - 1) / PAGE * PAGE;
            madvise(a.base, whole, MADV_DONTNEED);
            madvise(written_bytes(a.base), whole, MADV_DONTNEED);
            return true;
        }
    return false;
}

void *pin(size_t bytes)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    char *p = (char *)malloc(bytes ? bytes : 1);
    if (p) memset(p, POISON, bytes), pinned[p] = bytes;
    return p;
}

bool unpin(void *p)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    if (!pinned.erase((char *)p)) return false;
    free(p);
    return true;
}

bool is_pinned(const void *p, size_t bytes)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    auto next = pinned.upper_bound((char *)p);
    if (next == pinned.begin()) return false;
    --next;
    return (char *)p + bytes <= next->first + next->second;
}

int live_allocations()
{
    int count = (int)pinned.size();
    for (const allocation &a : table) count += a.live;
    return count;
}

bool device_range(const char *who, const void *p, size_t bytes, bool read)
{
    if (bytes == 0) return true;
    if (!in_arena(p)) {
        fault(CUDASIM_POINTER_KIND, nullptr, "%s: %p is not device memory", who, p);
        return false;
    }
    const allocation *a = find_allocation(p);
    if (!a || (const char *)p + bytes > a->base + a->size) {
        fault(CUDASIM_POINTER_KIND, nullptr, "%s: %zu bytes do not fit into the allocation", who, bytes);
        return false;
    }
    if (!a->live) {
        fault(CUDASIM_FREED, nullptr, "%s: the memory was freed", who);
        return false;
    }
    touch(*a, !read, who);
    if (read && tracing && memchr(written_bytes(p), 0, bytes)) { /* untraced kernels leave no marks */
        size_t at = (size_t)((uint8_t *)memchr(written_bytes(p), 0, bytes) - written_bytes(p));
        fault(CUDASIM_UNINITIALISED, nullptr, "%s: byte %zu of %zu was never written", who, at, bytes);
    }
    return true;
}

void mark_written(const void *p, size_t bytes)
{
    memset(written_bytes(p), 1, bytes);
}

} // namespace cudasim
