/* score_counts.c - counts at each mixture's threshold, as kernels/score_blocks.h says. */
#include <string.h>

#include "kernels/cpu/score_bounds.h"

/* A mixture's cells: background, then the image's classes, each {true positives, predicted}. */
typedef struct tally {
    uint32_t *cells;
} tally;

/* Pixels that class k claims: of its own truth, of background, of all that is not ignored. */
static void claim(tally to, size_t k, uint32_t own, uint32_t none, uint32_t kept)
{
    uint32_t *background = to.cells, *of_class = to.cells + 2 * (k + 1);
    background[0] -= none, background[1] -= kept;
    of_class[0] += own, of_class[1] += kept;
}

/* ---- what bounds say ----------------------------------------------------------------------------------------------------------------- */

/* The class that wins every pixel of a block, or SSG_SCORE_OPEN. */
static size_t sure_winner(const ssg_score_scratch *s, const uint32_t *tops, size_t classes, size_t block)
{
    const uint16_t *low = s->low + block, *high = s->high + block;
    size_t best = 0;
    for (size_t k = 1; k < classes; k++)
        if (tops[best] == 0 || low[k * s->width] * tops[best] > low[best * s->width] * tops[k]) best = k;
    for (size_t k = 0; k < classes; k++)
        if (k != best && low[best * s->width] * tops[k] <= high[k * s->width] * tops[best]) return SSG_SCORE_OPEN;
    return best;
}

/* Counts blocks that a class claims as a whole; what is left in `chosen` has to be looked at. */
static void claim_blocks(const ssg_score_scratch *s, uint64_t *chosen, uint8_t *winners, const ssg_score_mixture *mixture, const uint32_t *tops,
                         size_t classes, tally to)
{
    for (size_t w = 0; w < s->words; w++)
        for (uint64_t left = chosen[w]; left;) {
            size_t block = ssg_score_take_bit(&left, w), k = sure_winner(s, tops, classes, block);
            winners[block] = (uint8_t)k;
            if (k == SSG_SCORE_OPEN || s->low[k * s->width + block] <= ssg_score_limit(mixture->tau, tops[k])) continue;
            const uint32_t *pixels = s->truth[k * s->width + block].pixels;
            claim(to, k, pixels[SSG_TRUTH_OWN], pixels[SSG_TRUTH_NONE], SSG_SCORE_BLOCK - pixels[SSG_TRUTH_IGNORED]);
            chosen[w] &= ~((uint64_t)1 << block % SSG_SCORE_WORD);
        }
}

/* The common case, one class: comparisons many blocks at a time. */
static void claim_blocks_of_one(const ssg_score_ops *ops, const ssg_score_scratch *s, uint64_t *chosen, uint32_t limit, tally to)
{
    uint32_t own = 0, none = 0, kept = 0;
    ops->above(s->above, s->low, limit, s->width);
    for (size_t w = 0; w < s->words; w++) {
        chosen[w] &= ~s->above[w];
        for (uint64_t left = s->above[w]; left;) {
            const uint32_t *pixels = s->truth[ssg_score_take_bit(&left, w)].pixels;
            own += pixels[SSG_TRUTH_OWN], none += pixels[SSG_TRUTH_NONE], kept += SSG_SCORE_BLOCK - pixels[SSG_TRUTH_IGNORED];
        }
    }
    claim(to, 0, own, none, kept);
}

/* ---- pixels -------------------------------------------------------------------------------------------------------------------------- */

static void claim_open(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_scratch *s, const ssg_score_mixture *mixture,
                       const uint32_t *tops, size_t block, tally to)
{
    ssg_score_winners best;
    ssg_score_find_winners(&best, ops, image, mixture, tops, SSG_SCORE_BLOCK * block, SSG_SCORE_BLOCK);
    for (size_t i = 0; i < SSG_SCORE_BLOCK; i++) {
        if (255u * best.f[i] <= mixture->tau * best.top[i]) continue;
        size_t k = best.index[i] - 1u;
        claim(to, k, s->own[k * s->width + block] >> i & 1, s->none[block] >> i & 1, s->kept[block] >> i & 1);
    }
}

static void look(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_scratch *s, const ssg_score_mixture *mixtures, size_t count,
                 const uint32_t *tops, uint32_t *out)
{
    size_t classes = image->class_count;
    const ssg_score_stretch *at;
    ssg_score_tour tour;
    for (ssg_score_begin_tour(&tour, image, s, mixtures, count); (at = ssg_score_next_stretch(&tour));) {
        const ssg_score_mixture *mixture = &mixtures[at->mixture];
        const uint32_t *top = tops + at->mixture * classes;
        tally to = {out + at->mixture * 2 * (1 + classes)};
        size_t first = SSG_SCORE_WORD * at->word;
        if (at->winner == SSG_SCORE_OPEN) {
            for (uint64_t left = at->blocks; left;) claim_open(ops, image, s, mixture, top, ssg_score_take_bit(&left, at->word), to);
            continue;
        }
        uint32_t hits[3] = {0};
        ssg_score_truth_bits truth = {s->own + at->winner * s->width + first, s->none + first, s->kept + first};
        ops->hits_blocks(hits, at->maps, mixture->weight, mixture->terms, SSG_SCORE_BLOCK * first, at->blocks,
                         ssg_score_limit(mixture->tau, top[at->winner]), &truth, ssg_score_after(&tour));
        claim(to, at->winner, hits[0], hits[1], hits[2]);
    }
}

size_t ssg_score_count_blocks(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *s, const ssg_score_mixture *mixtures,
                              size_t count, uint32_t *tops, uint32_t *out)
{
    size_t looked = 0, classes = image->class_count;
    memset(out, 0, count * 2 * (1 + classes) * sizeof *out);
    for (size_t m = 0; m < count; m++) {
        uint32_t *top = tops + m * classes;
        uint64_t *chosen = s->chosen + m * s->words;
        tally to = {out + m * 2 * (1 + classes)};
        to.cells[0] = s->all_none, to.cells[1] = s->all_kept;
        for (size_t k = 0; k < classes; k++) {
            ssg_score_bound(ops, image, s, &mixtures[m], k);
            looked += ssg_score_find_top(ops, image, s, &mixtures[m], k, &top[k]);
        }
        ssg_score_mark_above(ops, s, chosen, top, classes, mixtures[m].tau);
        if (classes == 1)
            claim_blocks_of_one(ops, s, chosen, ssg_score_limit(mixtures[m].tau, top[0]), to);
        else
            claim_blocks(s, chosen, s->winner + m * s->width, &mixtures[m], top, classes, to);
    }
    look(ops, image, s, mixtures, count, tops, out);
    return looked + ssg_score_count_chosen(s, count);
}
