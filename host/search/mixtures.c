#include "host/search/mixtures.h"

#include <string.h>

#include "host/base/alloc.h"

static size_t least_rows(const ssg_bank *bank)
{
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < bank->image_count; i++) least = bank->images[i].rows < least ? bank->images[i].rows : least;
    return least;
}

/* Layers that are on, an even number of them. */
static ssgcam_status to_mixture(ssg_score_mixture *mixture, const ssg_candidate *candidate, size_t layers, size_t rows, int with_tau)
{
    unsigned sum = 0;
    memset(mixture, 0, sizeof *mixture);
    mixture->tau = with_tau ? candidate->tau : 0;
    for (size_t l = 0; l < layers; l++) {
        if (!candidate->weight[l]) continue;
        sum += candidate->weight[l];
        if (candidate->row[l] >= rows) return ssg_fail(SSGCAM_ERR_ARGUMENT, "objective: layer %zu asks for bank row %u", l, candidate->row[l]);
        mixture->row[mixture->terms] = candidate->row[l];
        mixture->weight[mixture->terms++] = candidate->weight[l];
    }
    if (sum > 127) return ssg_fail(SSGCAM_ERR_ARGUMENT, "objective: weights sum to %u, at most 127", sum);
    if (mixture->terms % 2 || mixture->terms == 0) mixture->row[mixture->terms] = mixture->row[0], mixture->terms++;
    if (mixture->terms % 2) mixture->terms++;
    return SSGCAM_OK;
}

ssgcam_status ssg_mixtures_make(ssg_mixtures *m, const ssg_bank *bank, const ssg_candidate *candidates, size_t count, size_t layers, int with_tau)
{
    size_t rows = least_rows(bank);
    *m = (ssg_mixtures){ssg_calloc(count, sizeof *m->items), ssg_calloc(count, sizeof *m->of), 0};
    if (!m->items || !m->of) return SSG_OUT_OF_MEMORY;
    for (size_t p = 0; p < count; p++) {
        ssg_score_mixture *next = &m->items[m->count];
        SSG_TRY(to_mixture(next, &candidates[p], layers, rows, with_tau));
        size_t u = 0;
        while (memcmp(&m->items[u], next, sizeof *next) != 0) u++;
        m->of[p] = u;
        if (u == m->count) m->count++;
    }
    return SSGCAM_OK;
}

void ssg_mixtures_clear(ssg_mixtures *m)
{
    ssg_free(m->items);
    ssg_free(m->of);
    *m = (ssg_mixtures){0};
}
