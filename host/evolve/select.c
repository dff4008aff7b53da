/* select.c - survival: replacement with archive, shrinking populations, migration between islands. */
#include <math.h>
#include <string.h>

#include "host/evolve/state.h"

static void sift(uint32_t *heap, const double *cost, size_t root, size_t count)
{
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        uint32_t a = heap[child];
        if (child + 1 < count) {
            uint32_t b = heap[child + 1];
            if (cost[b] > cost[a] || (cost[b] == cost[a] && b > a)) a = heap[++child];
        }
        uint32_t r = heap[root];
        if (cost[r] > cost[a] || (cost[r] == cost[a] && r > a)) return;
        heap[child] = r, heap[root] = a;
    }
}

void ssg_evolve_sort(uint32_t *order, const double *cost, size_t count)
{
    for (size_t i = 0; i < count; i++) order[i] = (uint32_t)i;
    for (size_t root = count / 2; root-- > 0;) sift(order, cost, root, count);
    for (size_t end = count; end-- > 1;) {
        uint32_t last = order[end];
        order[end] = order[0], order[0] = last;
        sift(order, cost, 0, end);
    }
}

/* The parent goes in before it is overwritten; a full archive loses a random entry. */
static void archive_parent(ssgcam_evolve *search, size_t island, size_t i)
{
    ssg_evolve_island *own = &search->island[island];
    size_t d = search->config.dimensions, capacity = ssg_evolve_archive(&search->config, ssg_evolve_population_now(search)),
           place = (size_t)*own->archived;
    if (capacity == 0) return;
    if (place >= capacity) {
        ssg_draws draws = ssg_evolve_draws(search, island, i, SSG_DRAW_EVICT);
        place = ssg_draw_below(&draws, (uint32_t)capacity);
    } else {
        ++*own->archived;
    }
    memcpy(own->archive + place * d, own->x + i * d, d * sizeof(double));
}

void ssg_evolve_select(ssgcam_evolve *search, const double *cost)
{
    size_t n = ssg_evolve_population_now(search), d = search->config.dimensions;
    for (size_t k = 0, b = 0; k < search->config.islands; k++) {
        ssg_evolve_island *own = &search->island[k];
        double *improved = own->spare;
        for (size_t i = 0; i < n; i++, b++) {
            improved[i] = 0;
            if (b >= search->asked || cost[b] > own->cost[i]) continue; /* a tie replaces: plateaus can be crossed */
            if (cost[b] < own->cost[i]) {
                double gain = own->cost[i] - cost[b];
                improved[i] = isfinite(gain) ? gain : 0;
                archive_parent(search, k, i);
            }
            memcpy(own->x + i * d, own->trial + i * d, d * sizeof(double));
            own->cost[i] = cost[b], own->f[i] = own->trial_f[i], own->cr[i] = own->trial_cr[i];
        }
        ssg_evolve_adapt(search, k, improved);
    }
}

static void drop_worst(ssgcam_evolve *search, size_t island, size_t keep)
{
    ssg_evolve_island *own = &search->island[island];
    size_t n = ssg_evolve_population_now(search), d = search->config.dimensions, to = 0;
    ssg_evolve_sort(own->order, own->cost, n);
    double *kept = own->spare;
    for (size_t i = 0; i < n; i++) kept[own->order[i]] = i < keep;
    for (size_t i = 0; i < n; i++) {
        if (!(kept[i] > 0)) continue;
        memmove(own->x + to * d, own->x + i * d, d * sizeof(double));
        own->cost[to] = own->cost[i], own->f[to] = own->f[i], own->cr[to] = own->cr[i];
        to++;
    }
}

static void shrink_archive(ssgcam_evolve *search, size_t island)
{
    ssg_evolve_island *own = &search->island[island];
    size_t d = search->config.dimensions, capacity = ssg_evolve_archive(&search->config, ssg_evolve_population_now(search));
    ssg_draws draws = ssg_evolve_draws(search, island, UINT32_MAX, SSG_DRAW_EVICT);
    while (*own->archived > capacity) {
        size_t last = (size_t)-- * own->archived, place = ssg_draw_below(&draws, (uint32_t)last + 1);
        memmove(own->archive + place * d, own->archive + last * d, d * sizeof(double));
    }
}

void ssg_evolve_reduce(ssgcam_evolve *search)
{
    if (!ssg_evolve_has_memory(search)) return;
    double first = (double)search->population, last = SSGCAM_EVOLVE_LEAST_POPULATION;
    size_t next = (size_t)floor((last - first) * ssg_evolve_progress(search) + first + 0.5);
    if (next >= ssg_evolve_population_now(search)) return;
    for (size_t k = 0; k < search->config.islands; k++) drop_worst(search, k, next);
    search->counters[SSG_EVOLVE_POPULATION] = next;
    for (size_t k = 0; k < search->config.islands; k++) shrink_archive(search, k);
}

void ssg_evolve_migrate(ssgcam_evolve *search)
{
    size_t islands = search->config.islands, n = ssg_evolve_population_now(search), d = search->config.dimensions, m = search->config.migration_count;
    if (islands < 2 || search->counters[SSG_EVOLVE_GENERATION] % search->config.migration_interval) return;
    if (m > n / 2) m = n / 2;
    /* All leave before any arrives, so the order of the islands does not matter. The trials are done with: their room carries the migrants. */
    for (size_t k = 0; k < islands; k++) {
        ssg_evolve_island *own = &search->island[k];
        ssg_evolve_sort(own->order, own->cost, n);
        for (size_t i = 0; i < m; i++) {
            size_t from = own->order[i];
            memcpy(own->trial + i * d, own->x + from * d, d * sizeof(double));
            own->trial_f[i] = own->f[from], own->trial_cr[i] = own->cr[from], own->spare[i] = own->cost[from];
        }
    }
    for (size_t k = 0; k < islands; k++) {
        const ssg_evolve_island *from = &search->island[k];
        ssg_evolve_island *to = &search->island[(k + 1) % islands];
        for (size_t i = 0; i < m; i++) {
            size_t worst = to->order[n - 1 - i];
            memcpy(to->x + worst * d, from->trial + i * d, d * sizeof(double));
            to->f[worst] = from->trial_f[i], to->cr[worst] = from->trial_cr[i], to->cost[worst] = from->spare[i];
        }
    }
}
