#include "kernels/cpu/score_bounds.h"

#include <string.h>

/* ---- scratch and truth --------------------------------------------------------------------------------------------------------------- */

static void *carve(uint8_t *memory, size_t *at, size_t bytes)
{
    void *piece = memory ? memory + *at : NULL;
    *at += (bytes + 63) / 64 * 64;
    return piece;
}

/* Returns the bytes that it takes; memory NULL: only that. */
static size_t lay_out(ssg_score_scratch *s, uint8_t *memory, size_t stride, size_t classes, size_t count)
{
    size_t at = 0, width = ssg_score_bounds_width(stride), words = width / SSG_SCORE_WORD;
    *s = (ssg_score_scratch){.blocks = stride / SSG_SCORE_BLOCK, .width = width, .words = words};
    s->low = carve(memory, &at, classes * width * sizeof *s->low);
    s->high = carve(memory, &at, classes * width * sizeof *s->high);
    s->above = carve(memory, &at, words * sizeof *s->above);
    s->chosen = carve(memory, &at, count * words * sizeof *s->chosen);
    s->winner = carve(memory, &at, classes > 1 ? count * width : 0);
    s->truth = carve(memory, &at, classes * width * sizeof *s->truth);
    s->own = carve(memory, &at, classes * width * sizeof *s->own);
    s->none = carve(memory, &at, width * sizeof *s->none);
    s->kept = carve(memory, &at, width * sizeof *s->kept);
    s->plain = carve(memory, &at, width * sizeof *s->plain);
    s->all = carve(memory, &at, classes * sizeof *s->all);
    s->levels = carve(memory, &at, classes * 5 * SSG_SCORE_LEVELS * sizeof *s->levels);
    return at;
}

size_t ssg_score_scratch_size(size_t stride, size_t classes, size_t count)
{
    ssg_score_scratch unused;
    return lay_out(&unused, NULL, stride, classes, count);
}

void ssg_score_scratch_at(ssg_score_scratch *s, void *memory, size_t stride, size_t classes, size_t count)
{
    lay_out(s, memory, stride, classes, count);
}

static uint32_t ones(uint64_t word)
{
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    return (uint32_t)(((word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u >> 56);
}

/* What all classes see alike. */
static void read_background(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *s)
{
    ops->equal(s->none, image->truth, 0, image->stride);
    ops->equal(s->kept, image->truth, SSG_SCORE_IGNORED, image->stride);
    s->all_none = s->all_kept = 0;
    s->plain_count = s->other_count = 0;
    for (size_t b = 0; b < s->blocks; b++) {
        s->kept[b] = ~s->kept[b];
        uint32_t none = ones(s->none[b]), kept = ones(s->kept[b]);
        s->all_none += none, s->all_kept += kept;
        if (none == SSG_SCORE_BLOCK)
            s->plain[s->plain_count++] = (uint32_t)b;
        else if (kept)
            s->plain[s->width - ++s->other_count] = (uint32_t)b;
    }
}

void ssg_score_read_truth(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *s)
{
    read_background(ops, image, s);
    for (size_t k = 0; k < image->class_count; k++) {
        uint64_t *own = s->own + k * s->width;
        ssg_score_cell *truth = s->truth + k * s->width, all = {{0}};
        ops->equal(own, image->truth, (uint8_t)(image->classes[k] + 1), image->stride);
        for (size_t b = 0; b < s->blocks; b++) {
            uint32_t of_own = ones(own[b]), none = ones(s->none[b]), kept = ones(s->kept[b]);
            truth[b] = (ssg_score_cell){{of_own, none, kept - of_own - none, SSG_SCORE_BLOCK - kept}};
            ssg_score_add_cell(&all, &truth[b]);
        }
        s->all[k] = all;
    }
}

void ssg_score_add_truth(uint64_t truth[256], const ssg_score_image *image, const ssg_score_scratch *s)
{
    uint32_t named = s->all_none;
    for (size_t k = 0; k < image->class_count; k++) named += s->all[k].pixels[SSG_TRUTH_OWN];
    if (named != s->all_kept) { /* labels of classes that the image is not labelled with */
        for (size_t i = 0; i < image->stride; i++) truth[image->truth[i]]++;
        return;
    }
    truth[0] += s->all_none;
    truth[SSG_SCORE_IGNORED] += image->stride - s->all_kept;
    for (size_t k = 0; k < image->class_count; k++) truth[image->classes[k] + 1] += s->all[k].pixels[SSG_TRUTH_OWN];
}

/* ---- bounds and tops ----------------------------------------------------------------------------------------------------------------- */

void ssg_score_bound(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *s, const ssg_score_mixture *mixture, size_t k)
{
    const uint8_t *rows[SSG_SCORE_LAYERS];
    for (size_t t = 0; t < mixture->terms; t++) rows[t] = image->bounds + (k * image->rows + mixture->row[t]) * 2 * s->width;
    ops->fuse(s->low + k * s->width, rows, mixture->weight, mixture->terms, 0, s->width);
    ops->fuse(s->high + k * s->width, rows, mixture->weight, mixture->terms, s->width, s->width);
}

static uint32_t largest(const uint16_t *f, size_t n)
{
    int16_t most = 0; /* signed: every instruction set has that maximum */
    for (size_t i = 0; i < n; i++) most = (int16_t)f[i] > most ? (int16_t)f[i] : most;
    return (uint32_t)most;
}

/* No block reaches less than its least value: those that may exceed the best of these are looked at, the most promising one first. */
size_t ssg_score_find_top(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *s, const ssg_score_mixture *mixture, size_t k,
                          uint32_t *top)
{
    const uint8_t *maps[SSG_SCORE_LAYERS];
    const uint16_t *low = s->low + k * s->width, *high = s->high + k * s->width;
    size_t first = 0, looked = 1;
    uint32_t highest = *top = largest(low, s->width), most;
    ops->above(s->above, high, *top, s->width);
    for (size_t w = 0; w < s->words; w++)
        for (uint64_t left = s->above[w]; left;) {
            size_t block = ssg_score_take_bit(&left, w);
            if (high[block] > highest) first = block, highest = high[block];
        }
    if (highest == *top) return 0;
    ssg_score_point(maps, image, mixture, k);
    if ((most = ops->top(maps, mixture->weight, mixture->terms, SSG_SCORE_BLOCK * first, SSG_SCORE_BLOCK)) > *top) *top = most;
    for (size_t w = 0; w < s->words; w++)
        for (uint64_t left = s->above[w]; left;) {
            size_t block = ssg_score_take_bit(&left, w);
            if (high[block] <= *top || block == first) continue;
            if ((most = ops->top(maps, mixture->weight, mixture->terms, SSG_SCORE_BLOCK * block, SSG_SCORE_BLOCK)) > *top) *top = most;
            looked++;
        }
    return looked;
}

void ssg_score_mark_above(const ssg_score_ops *ops, const ssg_score_scratch *s, uint64_t *bits, const uint32_t *tops, size_t classes, uint32_t level)
{
    memset(bits, 0, s->words * sizeof *bits);
    for (size_t k = 0; k < classes; k++) {
        ops->above(s->above, s->high + k * s->width, ssg_score_limit(level, tops[k]), s->width);
        for (size_t w = 0; w < s->words; w++) bits[w] |= s->above[w];
    }
}

/* ---- a tour of the chosen blocks ----------------------------------------------------------------------------------------------------- */

/* The blocks with the winner of the first one. */
static void take_stretch(ssg_score_tour *tour, ssg_score_stretch *to)
{
    const ssg_score_scratch *s = tour->scratch;
    *to = (ssg_score_stretch){.mixture = tour->mixture, .word = tour->word, .blocks = tour->left};
    if (tour->image->class_count > 1) {
        const uint8_t *winners = s->winner + tour->mixture * s->width;
        uint64_t left = tour->left;
        to->winner = winners[ssg_score_take_bit(&left, tour->word)];
        while (left) {
            size_t block = ssg_score_take_bit(&left, tour->word);
            if (winners[block] != to->winner) to->blocks &= ~((uint64_t)1 << block % SSG_SCORE_WORD);
        }
    }
    tour->left &= ~to->blocks;
}

static void find_next(ssg_score_tour *tour)
{
    const ssg_score_scratch *s = tour->scratch;
    ssg_score_stretch *to = &tour->stretch[tour->next];
    to->blocks = 0;
    while (tour->left == 0) {
        if (++tour->mixture >= tour->count) tour->mixture = 0, tour->word++;
        if (tour->word >= s->words) return;
        tour->left = s->chosen[tour->mixture * s->words + tour->word];
    }
    take_stretch(tour, to);
    if (to->winner != SSG_SCORE_OPEN) ssg_score_point(to->maps, tour->image, &tour->mixtures[to->mixture], to->winner);
}

void ssg_score_begin_tour(ssg_score_tour *tour, const ssg_score_image *image, const ssg_score_scratch *scratch, const ssg_score_mixture *mixtures,
                          size_t count)
{
    tour->image = image, tour->scratch = scratch, tour->mixtures = mixtures, tour->count = count;
    tour->word = tour->mixture = 0, tour->next = 0;
    tour->left = count ? scratch->chosen[0] : 0;
    find_next(tour);
}

const ssg_score_stretch *ssg_score_next_stretch(ssg_score_tour *tour)
{
    const ssg_score_stretch *stretch = &tour->stretch[tour->next];
    if (!stretch->blocks) return NULL;
    tour->next ^= 1;
    find_next(tour);
    return stretch;
}

ssg_score_ahead ssg_score_after(const ssg_score_tour *tour)
{
    const ssg_score_stretch *next = &tour->stretch[tour->next];
    if (!next->blocks || next->winner == SSG_SCORE_OPEN) return (ssg_score_ahead){0};
    return (ssg_score_ahead){next->maps, tour->mixtures[next->mixture].terms, SSG_SCORE_BLOCK * SSG_SCORE_WORD * next->word, next->blocks};
}

size_t ssg_score_count_chosen(const ssg_score_scratch *s, size_t mixtures)
{
    size_t count = 0;
    for (size_t w = 0; w < mixtures * s->words; w++) count += ones(s->chosen[w]);
    return count;
}
