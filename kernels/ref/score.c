/* score.c - the objective in plain C: the specification of kernels/score.h, and the parts that need no instruction set. */
#include "kernels/score.h"

#include <string.h>

static void fuse(uint16_t *out, const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t f = 0;
        for (size_t t = 0; t < terms; t++) f += (uint32_t)weight[t] * maps[t][at + i];
        out[i] = (uint16_t)f;
    }
}

static uint32_t top(const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, size_t n)
{
    uint16_t f[SSG_SCORE_TILE];
    uint32_t most = 0;
    fuse(f, maps, weight, terms, at, n);
    for (size_t i = 0; i < n; i++)
        if (f[i] > most) most = f[i];
    return most;
}

static void hits(uint32_t out[2], const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, size_t n, uint32_t limit,
                 const uint64_t *truth, const uint64_t *kept)
{
    uint16_t f[SSG_SCORE_TILE];
    fuse(f, maps, weight, terms, at, n);
    for (size_t i = 0; i < n; i++) {
        uint32_t claimed = f[i] > limit;
        out[0] += claimed & (uint32_t)(truth[i / 64] >> i % 64 & 1);
        out[1] += claimed & (uint32_t)(kept[i / 64] >> i % 64 & 1);
    }
}

static void hits_blocks(uint32_t out[3], const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, uint64_t blocks, uint32_t limit,
                        const ssg_score_truth_bits *truth, ssg_score_ahead ahead)
{
    (void)ahead;
    uint16_t f[64];
    for (size_t b = 0; b < 64; b++) {
        if (!(blocks >> b & 1)) continue;
        fuse(f, maps, weight, terms, at + 64 * b, 64);
        for (size_t i = 0; i < 64; i++) {
            if (f[i] <= limit) continue;
            out[0] += (uint32_t)(truth->own[b] >> i & 1);
            out[1] += (uint32_t)(truth->none[b] >> i & 1);
            out[2] += (uint32_t)(truth->kept[b] >> i & 1);
        }
    }
}

static void levels_block(uint16_t *q, const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, ssg_score_divisor by)
{
    fuse(q, maps, weight, terms, at, 64);
    ssg_score_quantise_ref(q, by, 64);
}

static void level(uint8_t *q, const uint16_t *f, uint32_t most, size_t n)
{
    for (size_t i = 0; i < n; i++) q[i] = (uint8_t)((255u * f[i] + most - 1) / most);
}

const ssg_score_ops ssg_score_ref = {
    "ref", fuse, top, hits, level, hits_blocks, ssg_score_quantise_ref, levels_block, ssg_score_above_ref, ssg_score_equal_ref};

static size_t tile_at(const ssg_score_image *image, size_t at)
{
    size_t left = image->stride - at;
    return left < SSG_SCORE_TILE ? left : SSG_SCORE_TILE;
}

static void find_tops(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_mixture *mixtures, size_t count, uint32_t *tops)
{
    const uint8_t *maps[SSG_SCORE_LAYERS];
    memset(tops, 0, count * image->class_count * sizeof *tops);
    for (size_t k = 0; k < image->class_count; k++)
        for (size_t at = 0; at < image->stride; at += SSG_SCORE_TILE)
            for (size_t p = 0; p < count; p++) {
                ssg_score_point(maps, image, &mixtures[p], k);
                uint32_t most = ops->top(maps, mixtures[p].weight, mixtures[p].terms, at, tile_at(image, at)),
                         *best = &tops[p * image->class_count + k];
                if (most > *best) *best = most;
            }
}

static void mark(uint64_t *words, const uint8_t *truth, size_t n, uint8_t label)
{
    for (size_t w = 0; w < n / 64; w++) {
        uint64_t word = 0;
        for (size_t i = 0; i < 64; i++) word |= (uint64_t)(truth[64 * w + i] == label) << i;
        words[w] = word;
    }
}

/* One class in the image, the common case: a claim is a comparison with one number. Background follows from what is claimed of its truth. */
static void count_single(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_mixture *mixtures, size_t count,
                         const uint32_t *tops, uint32_t *out)
{
    enum { WORDS = SSG_SCORE_TILE / 64 };
    uint64_t own[WORDS], none[WORDS], kept[WORDS];
    uint32_t all_none = 0, all_kept = 0;
    const uint8_t *maps[SSG_SCORE_LAYERS];
    for (size_t i = 0; i < image->stride; i++) all_none += image->truth[i] == 0, all_kept += image->truth[i] != SSG_SCORE_IGNORED;
    memset(out, 0, count * 4 * sizeof *out);
    for (size_t at = 0; at < image->stride; at += SSG_SCORE_TILE) {
        size_t n = tile_at(image, at);
        mark(own, image->truth + at, n, (uint8_t)(image->classes[0] + 1));
        mark(none, image->truth + at, n, 0);
        mark(kept, image->truth + at, n, SSG_SCORE_IGNORED);
        uint64_t differs = 0; /* any truth that is neither this class, nor background, nor ignored: a label of an absent class */
        for (size_t w = 0; w < n / 64; w++) differs |= ~(own[w] | none[w] | kept[w]), kept[w] = ~kept[w];
        for (size_t p = 0; p < count; p++) {
            if (tops[p] == 0) continue;
            uint32_t limit = mixtures[p].tau * tops[p] / 255, hit[2] = {0, 0}, *cell = out + 4 * p;
            ssg_score_point(maps, image, &mixtures[p], 0);
            ops->hits(hit, maps, mixtures[p].weight, mixtures[p].terms, at, n, limit, own, kept);
            uint32_t of_none = hit[1] - hit[0], unused[2] = {0, 0};
            cell[2] += hit[0];
            cell[3] += hit[1];
            if (differs) {
                ops->hits(unused, maps, mixtures[p].weight, mixtures[p].terms, at, n, limit, none, kept);
                of_none = unused[0];
            }
            cell[0] += of_none; /* claimed background for now */
        }
    }
    for (size_t p = 0; p < count; p++) {
        out[4 * p] = all_none - out[4 * p];
        out[4 * p + 1] = all_kept - out[4 * p + 3];
    }
}

void ssg_score_find_winners(ssg_score_winners *best, const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_mixture *mixture,
                            const uint32_t *tops, size_t at, size_t n)
{
    const uint8_t *maps[SSG_SCORE_LAYERS];
    uint16_t f[SSG_SCORE_TILE];
    memset(best->index, 0, n);
    memset(best->f, 0, n * sizeof *best->f);
    for (size_t i = 0; i < n; i++) best->top[i] = 1;
    for (size_t k = 0; k < image->class_count; k++) {
        if (tops[k] == 0) continue;
        ssg_score_point(maps, image, mixture, k);
        ops->fuse(f, maps, mixture->weight, mixture->terms, at, n);
        for (size_t i = 0; i < n; i++) {
            if ((uint32_t)f[i] * best->top[i] <= (uint32_t)best->f[i] * tops[k]) continue; /* products stay below 2^30 */
            best->index[i] = (uint8_t)(k + 1), best->f[i] = f[i], best->top[i] = tops[k];
        }
    }
}

static void count_several(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_mixture *mixtures, size_t count,
                          const uint32_t *tops, uint32_t *out)
{
    ssg_score_winners best;
    size_t classes = image->class_count;
    memset(out, 0, count * 2 * (1 + classes) * sizeof *out);
    for (size_t at = 0; at < image->stride; at += SSG_SCORE_TILE)
        for (size_t p = 0; p < count; p++) {
            size_t n = tile_at(image, at);
            uint32_t *cell = out + 2 * (1 + classes) * p;
            ssg_score_find_winners(&best, ops, image, &mixtures[p], tops + p * classes, at, n);
            for (size_t i = 0; i < n; i++) {
                uint8_t truth = image->truth[at + i];
                if (truth == SSG_SCORE_IGNORED) continue;
                size_t k = 255u * best.f[i] > mixtures[p].tau * best.top[i] ? best.index[i] : 0;
                cell[2 * k] += truth == (k ? image->classes[k - 1] + 1 : 0);
                cell[2 * k + 1]++;
            }
        }
}

void ssg_score_count(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_mixture *mixtures, size_t count, uint32_t *tops,
                     uint32_t *out)
{
    find_tops(ops, image, mixtures, count, tops);
    if (image->class_count == 1)
        count_single(ops, image, mixtures, count, tops, out);
    else
        count_several(ops, image, mixtures, count, tops, out);
}

/* One class in the image: a level and what the truth says of the pixel make one bin; four tables in turn, so that pixels in a row that hit the same
 * bin do not wait for each other. */
static void levels_single(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_mixture *mixtures, size_t count,
                          const uint32_t *tops, uint32_t *out)
{
    enum { NONE, OWN, OTHER, IGNORED, KINDS, ROW = KINDS * SSG_SCORE_LEVELS };
    uint16_t f[SSG_SCORE_TILE], kind[SSG_SCORE_TILE];
    uint8_t q[SSG_SCORE_TILE];
    const uint8_t *maps[SSG_SCORE_LAYERS];
    memset(out, 0, count * 3 * SSG_SCORE_LEVELS * sizeof *out);
    for (size_t at = 0; at < image->stride; at += SSG_SCORE_TILE) {
        size_t n = tile_at(image, at);
        for (size_t i = 0; i < n; i++) {
            uint8_t truth = image->truth[at + i];
            size_t what = truth == 0 ? NONE : truth == image->classes[0] + 1 ? OWN : truth == SSG_SCORE_IGNORED ? IGNORED : OTHER;
            kind[i] = (uint16_t)(what * SSG_SCORE_LEVELS);
        }
        for (size_t p = 0; p < count; p++) {
            uint32_t bins[4][ROW] = {{0}}, *histogram = out + p * 3 * SSG_SCORE_LEVELS;
            if (tops[p] == 0) continue;
            ssg_score_point(maps, image, &mixtures[p], 0);
            ops->fuse(f, maps, mixtures[p].weight, mixtures[p].terms, at, n);
            ops->level(q, f, tops[p], n);
            for (size_t i = 0; i < n; i += 4) {
                bins[0][kind[i] + q[i]]++;
                bins[1][kind[i + 1] + q[i + 1]]++;
                bins[2][kind[i + 2] + q[i + 2]]++;
                bins[3][kind[i + 3] + q[i + 3]]++;
            }
            for (size_t b = 0; b < OTHER * SSG_SCORE_LEVELS; b++) histogram[b] += bins[0][b] + bins[1][b] + bins[2][b] + bins[3][b];
            const uint32_t *other = &bins[0][OTHER * SSG_SCORE_LEVELS];
            uint32_t *won = histogram + 2 * SSG_SCORE_LEVELS;
            for (size_t b = 0; b < SSG_SCORE_LEVELS; b++) won[b] += other[b] + other[b + ROW] + other[b + 2 * ROW] + other[b + 3 * ROW];
        }
    }
    for (size_t p = 0; p < count; p++) {
        uint32_t *none = out + p * 3 * SSG_SCORE_LEVELS, *own = none + SSG_SCORE_LEVELS, *won = own + SSG_SCORE_LEVELS;
        for (size_t b = 0; b < SSG_SCORE_LEVELS; b++) won[b] += none[b] + own[b];
        none[0] = own[0] = won[0] = 0; /* level 0: nobody wins */
    }
}

static void levels_several(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_mixture *mixtures, size_t count,
                           const uint32_t *tops, uint32_t *out)
{
    ssg_score_winners best;
    size_t classes = image->class_count, one = (1 + 2 * classes) * SSG_SCORE_LEVELS;
    memset(out, 0, count * one * sizeof *out);
    for (size_t at = 0; at < image->stride; at += SSG_SCORE_TILE)
        for (size_t p = 0; p < count; p++) {
            size_t n = tile_at(image, at);
            uint32_t *histogram = out + p * one;
            uint64_t reciprocal[1 + SSG_SCORE_CLASSES] = {0};
            /* x * ceil(2^40 / top) >> 40 = floor(x / top) for x < 2^24, top < 2^15: the error stays below x top / 2^40 < 1 / top. */
            for (size_t k = 0; k < classes; k++) {
                uint64_t top_k = tops[p * classes + k];
                if (top_k) reciprocal[k + 1] = (((uint64_t)1 << 40) + top_k - 1) / top_k;
            }
            ssg_score_find_winners(&best, ops, image, &mixtures[p], tops + p * classes, at, n);
            for (size_t i = 0; i < n; i++) {
                size_t k = best.index[i];
                uint8_t truth = image->truth[at + i];
                if (k == 0 || truth == SSG_SCORE_IGNORED) continue;
                size_t q = (size_t)((255u * best.f[i] + best.top[i] - 1) * reciprocal[k] >> 40);
                histogram[q] += truth == 0;
                histogram[(2 * k - 1) * SSG_SCORE_LEVELS + q] += truth == image->classes[k - 1] + 1;
                histogram[2 * k * SSG_SCORE_LEVELS + q]++;
            }
        }
}

void ssg_score_levels(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_mixture *mixtures, size_t count, uint32_t *tops,
                      uint32_t *out)
{
    find_tops(ops, image, mixtures, count, tops);
    if (image->class_count == 1)
        levels_single(ops, image, mixtures, count, tops, out);
    else
        levels_several(ops, image, mixtures, count, tops, out);
}
