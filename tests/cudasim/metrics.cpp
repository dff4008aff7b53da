/* metrics.cpp - memory traffic as the hardware would group it: the n-th execution of an access by the lanes of a warp is one request. */
#include <string.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <vector>

#include "tests/cudasim/inside.h"

namespace cudasim
{

struct request {
    uintptr_t address[32];
    uint32_t lanes;
};

/* One access instruction within the running block. */
struct site {
    std::vector<request> requests[32]; /* per warp */
    std::vector<uint32_t> executed;    /* per thread */
    unsigned size;
    bool shared, atomic;
};

static std::unordered_map<const void *, site> sites;
static std::map<const void *, cudasim_traffic> kernels;
static std::map<const void *, std::string> names;
static std::unordered_map<uintptr_t, uint64_t> sector_seen; /* sector and direction -> launch */

static void add_sectors(cudasim_traffic &t, const site &s, const request &r)
{
    std::vector<uintptr_t> sectors, bytes;
    for (unsigned l = 0; l < 32; l++) {
        if (!(r.lanes >> l & 1)) continue;
        bytes.push_back(r.address[l]);
        for (uintptr_t at = r.address[l] / 32; at <= (r.address[l] + s.size - 1) / 32; at++) sectors.push_back(at);
    }
    std::sort(sectors.begin(), sectors.end());
    std::sort(bytes.begin(), bytes.end());
    size_t different = (size_t)(std::unique(bytes.begin(), bytes.end()) - bytes.begin());
    uint64_t touched = (uint64_t)(std::unique(sectors.begin(), sectors.end()) - sectors.begin());
    t.requests++;
    t.sectors += touched;
    if (s.atomic) t.atomics += touched;
    t.ideal += (different * s.size + 31) / 32;
}

/* A pass over shared memory serves each bank once: 32 lanes of 4 bytes, 16 of 8, 8 of 16. */
static void add_waves(cudasim_traffic &t, const site &s, const request &r)
{
    unsigned group = s.size <= 4 ? 32 : s.size == 8 ? 16 : 8;
    for (unsigned first = 0; first < 32; first += group) {
        std::vector<uintptr_t> words;
        for (unsigned l = first; l < first + group; l++)
            if (r.lanes >> l & 1)
                for (uintptr_t w = r.address[l] / 4; w <= (r.address[l] + s.size - 1) / 4; w++) words.push_back(w);
        if (words.empty()) continue;
        std::sort(words.begin(), words.end());
        words.erase(std::unique(words.begin(), words.end()), words.end());
        unsigned banks[32] = {0}, worst = 0;
        for (uintptr_t w : words) worst = std::max(worst, ++banks[w % 32]);
        t.waves += worst;
        t.ideal_waves += (words.size() + 31) / 32;
    }
}

void count_access(const void *p, unsigned size, bool write, bool atomic, const void *place, bool shared)
{
    site &s = sites[place];
    if (s.executed.empty()) s.executed.resize(1024);
    s.size = size;
    s.shared = shared;
    s.atomic = atomic;
    unsigned warp = now->thread / 32, lane = now->thread % 32, n = s.executed[now->thread]++;
    std::vector<request> &list = s.requests[warp];
    if (list.size() <= n) list.resize(n + 1, request{{0}, 0});
    list[n].address[lane] = (uintptr_t)p;
    list[n].lanes |= 1u << lane;
    if (shared) return;
    for (uintptr_t at = (uintptr_t)p / 32; at <= ((uintptr_t)p + size - 1) / 32; at++) {
        uint64_t &launch = sector_seen[at * 2 + write];
        if (launch == now->l->number + 1) continue;
        launch = now->l->number + 1;
        kernels[now->l->function].distinct++;
    }
}

void count_block_end()
{
    cudasim_traffic &t = kernels[now->l->function];
    t.threads += now->threads;
    for (auto &entry : sites) {
        site &s = entry.second;
        for (auto &list : s.requests) {
            for (const request &r : list)
                if (s.shared)
                    add_waves(t, s, r);
                else
                    add_sectors(t, s, r);
            list.clear();
        }
        std::fill(s.executed.begin(), s.executed.end(), 0);
    }
}

void count_launch(const launch &l)
{
    if (!tracing) return;
    kernels[l.function].launches++;
    names[l.function] = l.name;
    sites.clear();
}

} // namespace cudasim

using namespace cudasim;

size_t cudasim_traffic_count(void)
{
    return kernels.size();
}

cudasim_traffic cudasim_traffic_at(size_t i)
{
    auto at = kernels.begin();
    std::advance(at, (long)i);
    cudasim_traffic t = at->second;
    t.kernel = names[at->first].c_str();
    return t;
}

void cudasim_traffic_clear(void)
{
    kernels.clear();
    sector_seen.clear();
}
