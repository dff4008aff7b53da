/* score_levels.c - what mixtures claim by level, as kernels/score_blocks.h says. */
#include <string.h>

#include "kernels/cpu/score_bounds.h"

/* ---- bounds by level ----------------------------------------------------------------------------------------------------------------- */

/* f of all classes to levels, in place. A class whose top is 0 has level 0 everywhere: it wins nothing. */
static void quantise(const ssg_score_ops *ops, const ssg_score_scratch *s, const uint32_t *tops, size_t classes)
{
    for (size_t k = 0; k < classes; k++) {
        if (tops[k] == 0) continue;
        ssg_score_divisor by = ssg_score_divide_by(tops[k]);
        ops->quantise(s->low + k * s->width, by, s->width);
        ops->quantise(s->high + k * s->width, by, s->width);
    }
}

/* The level rises with f / top: a class whose lowest level is above the others' highest ones wins the block. Otherwise those win some of it, perhaps,
 * whose highest level reaches `least`, the largest of the lowest ones. */
static size_t sure_winner(const ssg_score_scratch *s, size_t classes, size_t block, uint32_t *least)
{
    const uint16_t *low = s->low + block, *high = s->high + block;
    size_t best = 0;
    for (size_t k = 1; k < classes; k++)
        if (low[k * s->width] > low[best * s->width]) best = k;
    *least = low[best * s->width];
    for (size_t k = 0; k < classes; k++)
        if (k != best && high[k * s->width] >= *least) return SSG_SCORE_OPEN;
    return best;
}

/* Adds the block to what each class surely or possibly has; winner and least: what sure_winner gives. */
static void add_block(const ssg_score_scratch *s, size_t classes, size_t block, size_t winner, uint32_t least, ssg_score_cell *const *low,
                      ssg_score_cell *const *high)
{
    if (winner != SSG_SCORE_OPEN) ssg_score_add_cell(&low[winner][s->low[winner * s->width + block]], &s->truth[winner * s->width + block]);
    for (size_t k = 0; k < classes; k++) {
        uint32_t most = s->high[k * s->width + block];
        if (k == winner || (winner == SSG_SCORE_OPEN && most >= least)) ssg_score_add_cell(&high[k][most], &s->truth[k * s->width + block]);
    }
}

static void add_all_blocks(const ssg_score_scratch *s, size_t classes, const ssg_score_curves *curves)
{
    ssg_score_cell *low[SSG_SCORE_CLASSES], *high[SSG_SCORE_CLASSES];
    for (size_t k = 0; k < classes; k++) low[k] = curves[k].low, high[k] = curves[k].high;
    for (size_t b = 0; b < s->blocks; b++) {
        uint32_t least;
        size_t winner = sure_winner(s, classes, b, &least);
        add_block(s, classes, b, winner, least, low, high);
    }
}

/* The common case, one class: most blocks are nothing but background. */
static void add_all_of_one(const ssg_score_scratch *s, const ssg_score_curves *c)
{
    size_t half = (s->plain_count + 1) / 2;
    for (size_t i = 0; i < half; i++) /* far apart, so that neighbours of one level do not wait for each other */
        for (size_t at = i; at < s->plain_count; at += half) {
            c->low[s->low[s->plain[at]]].pixels[SSG_TRUTH_NONE] += SSG_SCORE_BLOCK;
            c->high[s->high[s->plain[at]]].pixels[SSG_TRUTH_NONE] += SSG_SCORE_BLOCK;
        }
    for (size_t i = s->width - s->other_count; i < s->width; i++) {
        uint32_t b = s->plain[i];
        ssg_score_add_cell(&c->low[s->low[b]], &s->truth[b]);
        ssg_score_add_cell(&c->high[s->high[b]], &s->truth[b]);
    }
}

size_t ssg_score_bound_levels(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *s, const ssg_score_mixture *mixtures,
                              size_t count, uint32_t *tops, const ssg_score_curves *curves)
{
    size_t looked = 0, classes = image->class_count;
    for (size_t m = 0; m < count; m++) {
        for (size_t k = 0; k < classes; k++) {
            ssg_score_bound(ops, image, s, &mixtures[m], k);
            looked += ssg_score_find_top(ops, image, s, &mixtures[m], k, &tops[m * classes + k]);
        }
        quantise(ops, s, tops + m * classes, classes);
        if (classes == 1)
            add_all_of_one(s, &curves[m]);
        else if (classes > 1)
            add_all_blocks(s, classes, curves + m * classes);
    }
    return looked;
}

/* ---- blocks to look at --------------------------------------------------------------------------------------------------------------- */

/* A threshold from `low` to below `high` parts the block: it may claim some of its pixels and not others. */
static int parts(uint32_t from, uint32_t to, uint32_t low, uint32_t high)
{
    uint32_t first = low > from ? low : from, end = high < to ? high : to;
    return first < end;
}

/* The largest level that any class may have. */
static uint32_t highest(const ssg_score_scratch *s, size_t classes, size_t block)
{
    uint32_t most = s->high[block];
    for (size_t k = 1; k < classes; k++) most = s->high[k * s->width + block] > most ? s->high[k * s->width + block] : most;
    return most;
}

/* Chosen are the blocks of the range; they are added to what has been seen. */
static void choose_blocks(const ssg_score_ops *ops, const ssg_score_scratch *s, uint64_t *chosen, uint8_t *winners, const uint32_t *tops,
                          size_t classes, const ssg_score_curves *curves, ssg_score_range range)
{
    ssg_score_cell *low[SSG_SCORE_CLASSES], *high[SSG_SCORE_CLASSES];
    for (size_t k = 0; k < classes; k++) low[k] = curves[k].seen_low, high[k] = curves[k].seen_high;
    ssg_score_mark_above(ops, s, chosen, tops, classes, range.from);
    quantise(ops, s, tops, classes);
    for (size_t w = 0; w < s->words; w++)
        for (uint64_t left = chosen[w]; left;) {
            uint32_t least;
            size_t block = ssg_score_take_bit(&left, w), k = sure_winner(s, classes, block, &least);
            uint32_t surely = k == SSG_SCORE_OPEN ? 0 : least, most = highest(s, classes, block);
            if (!parts(range.from, range.to, surely, most) || parts(range.exact_from, range.exact_to, surely, most)) {
                chosen[w] &= ~((uint64_t)1 << block % SSG_SCORE_WORD);
                continue;
            }
            add_block(s, classes, block, k, least, low, high);
            if (classes > 1) winners[block] = (uint8_t)k;
        }
}

/* ---- pixels -------------------------------------------------------------------------------------------------------------------------- */

static size_t kind_of(uint8_t truth, uint8_t label)
{
    return (size_t)((truth != label) + ((truth != label) & (truth != 0)) + (truth == SSG_SCORE_IGNORED)); /* own 0, none 1, other 2, ignored 3 */
}

/* A level and what the truth says of the pixel make one bin. Few blocks hold pixels of more than one kind. */
static void number_bins(uint16_t *bin, const uint8_t *truth, const ssg_score_cell *cell, uint8_t label)
{
    for (uint16_t kind = 0; kind < SSG_TRUTH_KINDS; kind++) {
        if (cell->pixels[kind] != SSG_SCORE_BLOCK) continue;
        for (size_t i = 0; i < SSG_SCORE_BLOCK; i++) bin[i] = (uint16_t)(bin[i] * SSG_TRUTH_KINDS + kind);
        return;
    }
    for (size_t i = 0; i < SSG_SCORE_BLOCK; i++) bin[i] = (uint16_t)(bin[i] * SSG_TRUTH_KINDS + kind_of(truth[i], label));
}

static void add_pixels(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_scratch *s, const uint8_t *const *maps,
                       const ssg_score_mixture *mixture, size_t k, ssg_score_divisor by, size_t block, ssg_score_cell *exact)
{
    enum { PART = SSG_SCORE_BLOCK / 4 };
    uint16_t bin[SSG_SCORE_BLOCK];
    uint32_t *bins = exact->pixels;
    ops->levels_block(bin, maps, mixture->weight, mixture->terms, SSG_SCORE_BLOCK * block, by);
    number_bins(bin, image->truth + SSG_SCORE_BLOCK * block, &s->truth[k * s->width + block], (uint8_t)(image->classes[k] + 1));
    for (size_t i = 0; i < PART; i++) /* far apart, so that neighbours of one bin do not wait for each other */
        bins[bin[i]]++, bins[bin[i + PART]]++, bins[bin[i + 2 * PART]]++, bins[bin[i + 3 * PART]]++;
}

static void add_open(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_mixture *mixture, const uint32_t *tops, size_t block,
                     const ssg_score_curves *curves)
{
    ssg_score_winners best;
    const uint8_t *truth = image->truth + SSG_SCORE_BLOCK * block;
    ssg_score_find_winners(&best, ops, image, mixture, tops, SSG_SCORE_BLOCK * block, SSG_SCORE_BLOCK);
    for (size_t i = 0; i < SSG_SCORE_BLOCK; i++) {
        if (best.index[i] == 0) continue;
        size_t k = best.index[i] - 1u, level = (255u * best.f[i] + best.top[i] - 1) / best.top[i];
        curves[k].exact[level].pixels[kind_of(truth[i], (uint8_t)(image->classes[k] + 1))]++;
    }
}

static void look(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_scratch *s, const ssg_score_mixture *mixtures, size_t count,
                 const uint32_t *tops, const ssg_score_curves *curves)
{
    size_t classes = image->class_count;
    const ssg_score_stretch *at;
    ssg_score_tour tour;
    for (ssg_score_begin_tour(&tour, image, s, mixtures, count); (at = ssg_score_next_stretch(&tour));) {
        const ssg_score_mixture *mixture = &mixtures[at->mixture];
        const uint32_t *top = tops + at->mixture * classes;
        const ssg_score_curves *to = curves + at->mixture * classes;
        size_t k = at->winner;
        ssg_score_divisor by = {0};
        ssg_score_ahead ahead = ssg_score_after(&tour);
        if (k != SSG_SCORE_OPEN) by = ssg_score_divide_by(top[k]);
        for (uint64_t left = at->blocks; left;) {
            size_t block = ssg_score_take_bit(&left, at->word);
            ssg_score_load(&ahead);
            if (k == SSG_SCORE_OPEN)
                add_open(ops, image, mixture, top, block, to);
            else
                add_pixels(ops, image, s, at->maps, mixture, k, by, block, to[k].exact);
        }
        ssg_score_load_rest(&ahead);
    }
}

static int any(const uint32_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (numbers[i]) return 1;
    return 0;
}

size_t ssg_score_levels_between(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *s, const ssg_score_mixture *mixtures,
                                size_t count, const uint32_t *tops, const ssg_score_curves *curves, const ssg_score_range *ranges)
{
    size_t classes = image->class_count;
    memset(s->chosen, 0, count * s->words * sizeof *s->chosen);
    for (size_t m = 0; m < count; m++) {
        if (ssg_score_range_is_exact(&ranges[m]) || !any(tops + m * classes, classes)) continue;
        for (size_t k = 0; k < classes; k++) ssg_score_bound(ops, image, s, &mixtures[m], k);
        choose_blocks(ops, s, s->chosen + m * s->words, s->winner + m * s->width, tops + m * classes, classes, curves + m * classes, ranges[m]);
    }
    look(ops, image, s, mixtures, count, tops, curves);
    return ssg_score_count_chosen(s, count);
}

size_t ssg_score_levels_blocks(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *s, const ssg_score_mixture *mixture,
                               uint32_t *tops, uint32_t *out)
{
    ssg_score_curves curves[SSG_SCORE_CLASSES];
    ssg_score_range range = {.from = 0, .to = SSG_SCORE_LEVELS};
    size_t classes = image->class_count, looked;
    memset(out, 0, (1 + 2 * classes) * SSG_SCORE_LEVELS * sizeof *out);
    if (classes == 0) return 0;
    memset(s->levels, 0, classes * 5 * SSG_SCORE_LEVELS * sizeof *s->levels);
    for (size_t k = 0; k < classes; k++) {
        ssg_score_cell *at = s->levels + k * 5 * SSG_SCORE_LEVELS;
        curves[k] = (ssg_score_curves){at, at + SSG_SCORE_LEVELS, at + 2 * SSG_SCORE_LEVELS, at + 3 * SSG_SCORE_LEVELS, at + 4 * SSG_SCORE_LEVELS};
    }
    looked = ssg_score_bound_levels(ops, image, s, mixture, 1, tops, curves);
    looked += ssg_score_levels_between(ops, image, s, mixture, 1, tops, curves, &range);
    for (size_t k = 0; k < classes; k++)
        for (size_t q = 1; q < SSG_SCORE_LEVELS; q++) {
            uint32_t pixels[SSG_TRUTH_KINDS]; /* of the blocks that have been looked at, and of those that no threshold parts */
            for (size_t i = 0; i < SSG_TRUTH_KINDS; i++)
                pixels[i] = curves[k].exact[q].pixels[i] + curves[k].low[q].pixels[i] - curves[k].seen_low[q].pixels[i];
            out[q] += pixels[SSG_TRUTH_NONE];
            out[(2 * k + 1) * SSG_SCORE_LEVELS + q] = pixels[SSG_TRUTH_OWN];
            out[(2 * k + 2) * SSG_SCORE_LEVELS + q] = pixels[SSG_TRUTH_OWN] + pixels[SSG_TRUTH_NONE] + pixels[SSG_TRUTH_OTHER];
        }
    return looked;
}
