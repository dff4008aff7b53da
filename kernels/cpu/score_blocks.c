#include "kernels/score_blocks.h"

#include <string.h>

enum { AHEAD = 8 }; /* blocks */
enum { WORD = 64 }; /* blocks of a word of bits: the stretch that all mixtures look at before the next one */

/* ---- scratch and truth --------------------------------------------------------------------------------------------------------------- */

static void *carve(uint8_t **memory, size_t bytes)
{
    void *piece = *memory;
    *memory += (bytes + 63) / 64 * 64;
    return piece;
}

size_t ssg_score_scratch_size(size_t stride, size_t count)
{
    size_t width = ssg_score_bounds_width(stride), words = width / WORD;
    size_t per_block = 2 * sizeof(uint16_t) + sizeof(ssg_score_cell) + 3 * sizeof(uint64_t) + sizeof(uint32_t);
    return width * per_block + (count + 1) * words * sizeof(uint64_t) + 128;
}

void ssg_score_scratch_at(ssg_score_scratch *s, void *memory, size_t stride, size_t count)
{
    uint8_t *next = memory;
    size_t width = ssg_score_bounds_width(stride), words = width / WORD;
    *s = (ssg_score_scratch){.blocks = stride / SSG_SCORE_BLOCK, .width = width, .words = words};
    s->low = carve(&next, width * sizeof *s->low);
    s->high = carve(&next, width * sizeof *s->high);
    s->above = carve(&next, words * sizeof *s->above);
    s->chosen = carve(&next, count * words * sizeof *s->chosen);
    s->truth = carve(&next, width * sizeof *s->truth);
    for (size_t k = 0; k < 3; k++) s->bits[k] = carve(&next, width * sizeof *s->bits[k]);
    s->plain = carve(&next, width * sizeof *s->plain);
}

static uint32_t ones(uint64_t word)
{
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    return (uint32_t)(((word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u >> 56);
}

void ssg_score_read_truth(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *s)
{
    uint8_t label = (uint8_t)(image->classes[0] + 1);
    uint64_t *own = s->bits[0], *none = s->bits[1], *kept = s->bits[2];
    ops->equal(own, image->truth, label, image->stride);
    ops->equal(none, image->truth, 0, image->stride);
    ops->equal(kept, image->truth, SSG_SCORE_IGNORED, image->stride);
    s->all = (ssg_score_cell){{0}};
    s->plain_count = s->other_count = 0;
    for (size_t b = 0; b < s->blocks; b++) {
        kept[b] = ~kept[b];
        uint32_t counts[] = {ones(own[b]), ones(none[b]), ones(kept[b])};
        s->truth[b] = (ssg_score_cell){{counts[0], counts[1], counts[2] - counts[0] - counts[1], SSG_SCORE_BLOCK - counts[2]}};
        for (size_t k = 0; k < SSG_TRUTH_KINDS; k++) s->all.pixels[k] += s->truth[b].pixels[k];
        if (counts[1] == SSG_SCORE_BLOCK)
            s->plain[s->plain_count++] = (uint32_t)b;
        else if (counts[2])
            s->plain[s->width - ++s->other_count] = (uint32_t)b;
    }
}

void ssg_score_add_truth(uint64_t truth[256], const ssg_score_image *image, const ssg_score_scratch *s)
{
    truth[image->classes[0] + 1] += s->all.pixels[SSG_TRUTH_OWN];
    truth[0] += s->all.pixels[SSG_TRUTH_NONE];
    truth[SSG_SCORE_IGNORED] += s->all.pixels[SSG_TRUTH_IGNORED];
    for (size_t i = 0; s->all.pixels[SSG_TRUTH_OTHER] && i < image->stride; i++)
        if (image->truth[i] != 0 && image->truth[i] != image->classes[0] + 1 && image->truth[i] != SSG_SCORE_IGNORED) truth[image->truth[i]]++;
}

/* ---- bounds -------------------------------------------------------------------------------------------------------------------------- */

static void point(const uint8_t **maps, const ssg_score_image *image, const ssg_score_mixture *mixture)
{
    size_t t = 0;
    do maps[t] = image->maps + mixture->row[t] * image->stride;
    while (++t < mixture->terms);
}

static void bound(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *s, const ssg_score_mixture *mixture)
{
    const uint8_t *rows[SSG_SCORE_LAYERS];
    for (size_t t = 0; t < mixture->terms; t++) rows[t] = image->bounds + mixture->row[t] * 2 * s->width;
    ops->fuse(s->low, rows, mixture->weight, mixture->terms, s->width);
    for (size_t t = 0; t < mixture->terms; t++) rows[t] += s->width;
    ops->fuse(s->high, rows, mixture->weight, mixture->terms, s->width);
}

/* The next block of a set bit. */
static inline uint32_t take_bit(uint64_t *bits, size_t word)
{
    uint32_t block = (uint32_t)(WORD * word + (size_t)__builtin_ctzll(*bits));
    *bits &= *bits - 1;
    return block;
}

static uint32_t largest(const uint16_t *f, size_t n)
{
    int16_t most = 0; /* signed: every instruction set has that maximum */
    for (size_t i = 0; i < n; i++) most = (int16_t)f[i] > most ? (int16_t)f[i] : most;
    return (uint32_t)most;
}

static uint32_t top_of_block(const ssg_score_ops *ops, const ssg_score_mixture *mixture, const uint8_t *const *maps, uint32_t block)
{
    uint16_t f[SSG_SCORE_BLOCK];
    ops->fuse_blocks(f, maps, mixture->weight, mixture->terms, &block, 1);
    return largest(f, SSG_SCORE_BLOCK);
}

/* No block reaches less than its least value: those that may exceed the best of these are looked at, the most promising one first. */
static size_t find_top(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *s, const ssg_score_mixture *mixture, uint32_t *top)
{
    const uint8_t *maps[SSG_SCORE_LAYERS];
    uint32_t first = 0, highest = *top = largest(s->low, s->width), most;
    ops->above(s->above, s->high, *top, s->width);
    for (size_t w = 0; w < s->words; w++)
        for (uint64_t left = s->above[w]; left;) {
            uint32_t block = take_bit(&left, w);
            if (s->high[block] > highest) first = block, highest = s->high[block];
        }
    if (highest == *top) return 0;
    point(maps, image, mixture);
    if ((most = top_of_block(ops, mixture, maps, first)) > *top) *top = most;
    size_t looked = 1;
    for (size_t w = 0; w < s->words; w++)
        for (uint64_t left = s->above[w]; left;) {
            uint32_t block = take_bit(&left, w);
            if (s->high[block] <= *top || block == first) continue;
            if ((most = top_of_block(ops, mixture, maps, block)) > *top) *top = most;
            looked++;
        }
    return looked;
}

static size_t count_chosen(const ssg_score_scratch *s, size_t mixtures)
{
    size_t count = 0;
    for (size_t w = 0; w < mixtures * s->words; w++) count += ones(s->chosen[w]);
    return count;
}

/* Walks over all chosen blocks in the order in which they are looked at, some blocks ahead, and starts to load each: no processor foresees that
 * order. */
typedef struct scout {
    const ssg_score_image *image;
    const ssg_score_scratch *scratch;
    const ssg_score_mixture *mixtures;
    size_t count, word, m;
    uint64_t left;
    const uint8_t *maps[SSG_SCORE_LAYERS];
} scout;

static void fetch_one(scout *s)
{
    while (s->left == 0) {
        if (++s->m == s->count) s->m = 0, s->word++;
        if (s->word >= s->scratch->words) return;
        s->left = s->scratch->chosen[s->m * s->scratch->words + s->word];
        if (s->left) point(s->maps, s->image, &s->mixtures[s->m]);
    }
    size_t at = SSG_SCORE_BLOCK * (size_t)take_bit(&s->left, s->word);
    for (size_t t = 0; t < s->mixtures[s->m].terms; t++) __builtin_prefetch(s->maps[t] + at);
}

static scout send_scout(const ssg_score_image *image, const ssg_score_scratch *scratch, const ssg_score_mixture *mixtures, size_t count)
{
    scout s = {.image = image, .scratch = scratch, .mixtures = mixtures, .count = count};
    s.left = scratch->chosen[0];
    point(s.maps, image, &mixtures[0]);
    for (size_t i = 0; i < AHEAD; i++) fetch_one(&s);
    return s;
}

/* The blocks of a word's bits, at least one. */
static size_t list_word(uint32_t blocks[WORD], uint64_t bits, size_t word)
{
    size_t count = 0;
    do blocks[count++] = take_bit(&bits, word);
    while (bits);
    return count;
}

/* ---- counts at one threshold --------------------------------------------------------------------------------------------------------- */

typedef struct claim {
    uint32_t own, none, kept; /* claimed of the image's class, of background, of all that is not ignored */
} claim;

/* What bounds say: claimed blocks are counted, blocks to look at are chosen. */
static claim claim_blocks(const ssg_score_ops *ops, ssg_score_scratch *s, uint64_t *chosen, uint32_t limit)
{
    claim c = {0};
    ops->above(chosen, s->high, limit, s->width);
    ops->above(s->above, s->low, limit, s->width);
    for (size_t w = 0; w < s->words; w++) {
        chosen[w] &= ~s->above[w];
        for (uint64_t left = s->above[w]; left;) {
            const uint32_t *pixels = s->truth[take_bit(&left, w)].pixels;
            c.own += pixels[SSG_TRUTH_OWN], c.none += pixels[SSG_TRUTH_NONE], c.kept += SSG_SCORE_BLOCK - pixels[SSG_TRUTH_IGNORED];
        }
    }
    return c;
}

static void claim_pixels(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_scratch *s, scout *ahead,
                         const ssg_score_mixture *mixture, size_t word, uint64_t bits, uint32_t limit, uint32_t out[4])
{
    const uint8_t *maps[SSG_SCORE_LAYERS];
    const uint64_t *truth[] = {s->bits[0], s->bits[1], s->bits[2]};
    uint32_t blocks[WORD], hits[3] = {0};
    size_t count = list_word(blocks, bits, word);
    point(maps, image, mixture);
    for (size_t i = 0; i < count; i++) {
        fetch_one(ahead);
        ops->hits_blocks(hits, maps, mixture->weight, mixture->terms, &blocks[i], 1, limit, truth);
    }
    out[0] -= hits[1], out[1] -= hits[2], out[2] += hits[0], out[3] += hits[2];
}

size_t ssg_score_count_blocks(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *s, const ssg_score_mixture *mixtures,
                              size_t count, uint32_t *tops, uint32_t *out)
{
    uint32_t kept = (uint32_t)image->stride - s->all.pixels[SSG_TRUTH_IGNORED];
    size_t looked = 0;
    memset(s->chosen, 0, count * s->words * sizeof *s->chosen);
    for (size_t m = 0; m < count; m++) {
        claim c = {0};
        bound(ops, image, s, &mixtures[m]);
        looked += find_top(ops, image, s, &mixtures[m], &tops[m]);
        if (tops[m]) c = claim_blocks(ops, s, s->chosen + m * s->words, mixtures[m].tau * tops[m] / 255);
        memcpy(out + 4 * m, (uint32_t[]){s->all.pixels[SSG_TRUTH_NONE] - c.none, kept - c.kept, c.own, c.kept}, 4 * sizeof *out);
    }
    scout ahead = send_scout(image, s, mixtures, count);
    for (size_t w = 0; w < s->words; w++)
        for (size_t m = 0; m < count; m++) {
            uint64_t bits = s->chosen[m * s->words + w];
            if (bits) claim_pixels(ops, image, s, &ahead, &mixtures[m], w, bits, mixtures[m].tau * tops[m] / 255, out + 4 * m);
        }
    return looked + count_chosen(s, count);
}

/* ---- levels -------------------------------------------------------------------------------------------------------------------------- */

static inline void add_cell(ssg_score_cell *to, const ssg_score_cell *from)
{
    for (size_t k = 0; k < SSG_TRUTH_KINDS; k++) to->pixels[k] += from->pixels[k];
}

static void add_bounds(const ssg_score_scratch *s, const ssg_score_curves *c)
{
    size_t half = (s->plain_count + 1) / 2;
    for (size_t i = 0; i < half; i++) /* far apart, so that neighbours of one level do not wait for each other */
        for (size_t at = i; at < s->plain_count; at += half) {
            c->low[s->low[s->plain[at]]].pixels[SSG_TRUTH_NONE] += SSG_SCORE_BLOCK;
            c->high[s->high[s->plain[at]]].pixels[SSG_TRUTH_NONE] += SSG_SCORE_BLOCK;
        }
    for (size_t i = s->width - s->other_count; i < s->width; i++) {
        uint32_t b = s->plain[i];
        add_cell(&c->low[s->low[b]], &s->truth[b]);
        add_cell(&c->high[s->high[b]], &s->truth[b]);
    }
}

size_t ssg_score_bound_levels(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *s, const ssg_score_mixture *mixtures,
                              size_t count, uint32_t *tops, const ssg_score_curves *curves)
{
    size_t looked = 0;
    for (size_t m = 0; m < count; m++) {
        bound(ops, image, s, &mixtures[m]);
        looked += find_top(ops, image, s, &mixtures[m], &tops[m]);
        if (tops[m] == 0) continue;
        ops->quantise(s->low, tops[m], s->width);
        ops->quantise(s->high, tops[m], s->width);
        add_bounds(s, &curves[m]);
    }
    return looked;
}

/* What bounds say: blocks of one value are counted, the others in question are chosen. */
static void choose_blocks(const ssg_score_ops *ops, ssg_score_scratch *s, uint64_t *chosen, uint32_t top, const ssg_score_curves *c)
{
    ops->above(chosen, s->high, c->from * top / 255, s->width);
    memset(s->above, 0, s->words * sizeof *s->above);
    if (c->to < SSG_SCORE_LEVELS) ops->above(s->above, s->high, c->to * top / 255, s->width);
    for (size_t w = 0; w < s->words; w++) {
        chosen[w] &= ~s->above[w];
        s->above[w] = chosen[w];
        for (uint64_t left = chosen[w]; left;) {
            uint32_t b = take_bit(&left, w);
            if (s->low[b] == s->high[b]) chosen[w] &= ~((uint64_t)1 << b % WORD);
        }
    }
    ops->quantise(s->low, top, s->width);
    for (size_t w = 0; w < s->words; w++)
        for (uint64_t left = s->above[w]; left;) {
            uint32_t b = take_bit(&left, w);
            add_cell(&c->seen[s->low[b]], &s->truth[b]);
            if (!(chosen[w] >> b % WORD & 1)) add_cell(&c->exact[s->low[b]], &s->truth[b]);
        }
}

/* A level and what the truth says of the pixel make one bin. Few blocks hold pixels of more than one kind. */
static void number_bins(uint16_t *bin, const ssg_score_image *image, const ssg_score_scratch *s, size_t block)
{
    uint8_t label = (uint8_t)(image->classes[0] + 1), kind[SSG_SCORE_BLOCK];
    const uint8_t *truth = image->truth + SSG_SCORE_BLOCK * block;
    for (uint16_t k = 0; k < SSG_TRUTH_KINDS; k++) {
        if (s->truth[block].pixels[k] != SSG_SCORE_BLOCK) continue;
        for (size_t x = 0; x < SSG_SCORE_BLOCK; x++) bin[x] = (uint16_t)(bin[x] * SSG_TRUTH_KINDS + k);
        return;
    }
    for (size_t x = 0; x < SSG_SCORE_BLOCK; x++) /* own 0, none 1, other 2, ignored 3 */
        kind[x] = (uint8_t)((truth[x] != label) + ((truth[x] != label) & (truth[x] != 0)) + (truth[x] == SSG_SCORE_IGNORED));
    for (size_t x = 0; x < SSG_SCORE_BLOCK; x++) bin[x] = (uint16_t)(bin[x] * SSG_TRUTH_KINDS + kind[x]);
}

static void add_pixels(const ssg_score_ops *ops, const ssg_score_image *image, const ssg_score_scratch *s, scout *ahead,
                       const ssg_score_mixture *mixture, size_t word, uint64_t bits, uint32_t top, ssg_score_cell *exact)
{
    enum { PART = SSG_SCORE_BLOCK / 4 };
    uint16_t f[WORD * SSG_SCORE_BLOCK];
    const uint8_t *maps[SSG_SCORE_LAYERS];
    uint32_t blocks[WORD], *bins = exact->pixels;
    size_t count = list_word(blocks, bits, word);
    point(maps, image, mixture);
    for (size_t i = 0; i < count; i++) {
        fetch_one(ahead);
        ops->fuse_blocks(f + SSG_SCORE_BLOCK * i, maps, mixture->weight, mixture->terms, &blocks[i], 1);
    }
    ops->quantise(f, top, count * SSG_SCORE_BLOCK);
    for (size_t i = 0; i < count; i++) {
        uint16_t *bin = f + SSG_SCORE_BLOCK * i;
        number_bins(bin, image, s, blocks[i]);
        for (size_t x = 0; x < PART; x++) /* far apart, so that neighbours of one bin do not wait for each other */
            bins[bin[x]]++, bins[bin[x + PART]]++, bins[bin[x + 2 * PART]]++, bins[bin[x + 3 * PART]]++;
    }
}

size_t ssg_score_levels_between(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *s, const ssg_score_mixture *mixtures,
                                size_t count, const uint32_t *tops, const ssg_score_curves *curves)
{
    memset(s->chosen, 0, count * s->words * sizeof *s->chosen);
    for (size_t m = 0; m < count; m++) {
        if (tops[m] == 0 || curves[m].from == curves[m].to) continue;
        bound(ops, image, s, &mixtures[m]);
        choose_blocks(ops, s, s->chosen + m * s->words, tops[m], &curves[m]);
    }
    scout ahead = send_scout(image, s, mixtures, count);
    for (size_t w = 0; w < s->words; w++)
        for (size_t m = 0; m < count; m++) {
            uint64_t bits = s->chosen[m * s->words + w];
            if (bits) add_pixels(ops, image, s, &ahead, &mixtures[m], w, bits, tops[m], curves[m].exact);
        }
    return count_chosen(s, count);
}

size_t ssg_score_levels_blocks(const ssg_score_ops *ops, const ssg_score_image *image, ssg_score_scratch *s, const ssg_score_mixture *mixture,
                               uint32_t out[3 * SSG_SCORE_LEVELS])
{
    ssg_score_cell exact[SSG_SCORE_LEVELS], seen[SSG_SCORE_LEVELS];
    ssg_score_curves curves = {.exact = exact, .seen = seen, .from = 0, .to = SSG_SCORE_LEVELS};
    uint32_t top;
    memset(exact, 0, sizeof exact);
    memset(seen, 0, sizeof seen);
    bound(ops, image, s, mixture);
    size_t looked = find_top(ops, image, s, mixture, &top);
    looked += ssg_score_levels_between(ops, image, s, mixture, 1, &top, &curves);
    memset(out, 0, 3 * SSG_SCORE_LEVELS * sizeof *out);
    for (size_t q = 1; q < SSG_SCORE_LEVELS; q++) {
        const uint32_t *pixels = exact[q].pixels;
        out[q] = pixels[SSG_TRUTH_NONE];
        out[SSG_SCORE_LEVELS + q] = pixels[SSG_TRUTH_OWN];
        out[2 * SSG_SCORE_LEVELS + q] = pixels[SSG_TRUTH_OWN] + pixels[SSG_TRUTH_NONE] + pixels[SSG_TRUTH_OTHER];
    }
    return looked;
}
