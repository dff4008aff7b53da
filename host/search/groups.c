#include "host/search/groups.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/search/sampling.h"

/* ---- who belongs to whom -------------------------------------------------------------------------------------------------------------- */

static void number(ssg_groups *g, const char **name, const ssgcam_item *const *items, const unsigned char *held, unsigned char value, size_t count)
{
    size_t image = 0;
    g->count = 0;
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        if (held[i] != value) continue;
        while (k < g->count && !(items[i]->group && name[k] && strcmp(items[i]->group, name[k]) == 0)) k++;
        if (k == g->count) name[g->count++] = items[i]->group;
        g->of[image++] = (uint32_t)k;
    }
}

ssgcam_status ssg_groups_number(ssg_groups *groups, const ssgcam_item *const *items, const unsigned char *held, unsigned char value, size_t count)
{
    size_t named = 0;
    *groups = (ssg_groups){0};
    for (size_t i = 0; i < count; i++)
        if (held[i] == value) groups->images++, named += items[i]->group != NULL;
    groups->count = groups->images;
    if (!named) return SSGCAM_OK;
    const char **name = ssg_calloc(groups->images, sizeof *name);
    groups->of = ssg_calloc(groups->images, sizeof *groups->of);
    ssgcam_status status = name && groups->of ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK)
        number(groups, name, items, held, value, count);
    else
        ssg_groups_clear(groups);
    ssg_free(name);
    return status;
}

void ssg_groups_clear(ssg_groups *groups)
{
    ssg_free(groups->of);
    *groups = (ssg_groups){0};
}

static size_t group_of(const ssg_groups *g, size_t image)
{
    return g->of ? g->of[image] : image;
}

/* ---- dealing them out ------------------------------------------------------------------------------------------------------------------- */

typedef struct card {
    size_t group, place, images; /* place: in shuffled order */
} card;

/* The groups in shuffled order. */
static ssgcam_status shuffle(card **deck, const ssg_groups *g, uint64_t seed)
{
    card *cards = *deck = ssg_calloc(g->count, sizeof *cards);
    uint32_t *place = ssg_calloc(g->count, sizeof *place);
    ssgcam_status status = cards && place ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK && g->count > 1) status = ssg_fold_split(place, g->count, g->count, seed); /* folds of one: a shuffle */
    for (size_t k = 0; status == SSGCAM_OK && k < g->count; k++) cards[place[k]] = (card){k, place[k], 0};
    for (size_t i = 0; status == SSGCAM_OK && i < g->images; i++) cards[place[group_of(g, i)]].images++;
    ssg_free(place);
    return status;
}

static int larger_first(const void *a, const void *b)
{
    const card *x = a, *y = b;
    if (x->images != y->images) return x->images > y->images ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

ssgcam_status ssg_groups_split(uint32_t *fold, const ssg_groups *groups, size_t folds, uint64_t seed)
{
    card *deck;
    if (!groups->of) return ssg_fold_split(fold, groups->images, folds, seed);
    if (folds < 2 || folds > groups->count)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "%zu folds of %zu images in %zu group%s, and a group stays whole: give %zu at most (1: no folds)", folds,
                        groups->images, groups->count, groups->count == 1 ? "" : "s", groups->count);
    uint32_t *of_group = ssg_calloc(groups->count, sizeof *of_group);
    size_t *images = ssg_calloc(folds, sizeof *images);
    ssgcam_status status = shuffle(&deck, groups, seed);
    if (!of_group || !images) status = SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) qsort(deck, groups->count, sizeof *deck, larger_first);
    for (size_t k = 0; status == SSGCAM_OK && k < groups->count; k++) {
        size_t least = 0;
        for (size_t f = 1; f < folds; f++)
            if (images[f] < images[least]) least = f;
        of_group[deck[k].group] = (uint32_t)least;
        images[least] += deck[k].images;
    }
    for (size_t i = 0; status == SSGCAM_OK && i < groups->images; i++) fold[i] = of_group[groups->of[i]];
    ssg_free(deck);
    ssg_free(of_group);
    ssg_free(images);
    return status;
}

ssgcam_status ssg_groups_hold_out(unsigned char *held, size_t *held_count, const ssg_groups *groups, size_t wanted, uint64_t seed)
{
    card *deck;
    *held_count = 0;
    unsigned char *taken = ssg_calloc(groups->count, 1);
    ssgcam_status status = shuffle(&deck, groups, seed);
    if (!taken) status = SSG_OUT_OF_MEMORY;
    for (size_t k = 0; status == SSGCAM_OK && k < groups->count && *held_count < wanted; k++) {
        if (deck[k].images >= 2 * (wanted - *held_count)) continue; /* further beyond than it is short now */
        taken[deck[k].group] = 1;
        *held_count += deck[k].images;
    }
    for (size_t i = 0; status == SSGCAM_OK && i < groups->images; i++) held[i] = taken[group_of(groups, i)];
    ssg_free(deck);
    ssg_free(taken);
    return status;
}

/* ---- how sure a figure is ----------------------------------------------------------------------------------------------------------------- */

/* Counts of whole groups: those of their images, added up. */
static ssg_counts *sums(const ssg_groups *g, const ssg_counts *per_image, size_t labels)
{
    ssg_counts *sum = ssg_calloc(g->count * labels, sizeof *sum);
    for (size_t i = 0; sum && i < g->images * labels; i++) ssg_counts_add(&sum[g->of[i / labels] * labels + i % labels], &per_image[i]);
    return sum;
}

/* A measure is one of summed counts, so that a group drawn with all its images is one image that has their sum. */
ssgcam_status ssg_groups_interval(double *low, double *high, const ssg_groups *groups, const ssg_counts *per_image, const ssg_counts *other,
                                  size_t labels, double (*measure)(const ssg_counts *, size_t), double level, size_t samples, uint64_t seed)
{
    if (!groups->of) return ssg_bootstrap_interval(low, high, per_image, other, groups->images, labels, measure, level, samples, seed);
    ssg_counts *own = sums(groups, per_image, labels), *others = other ? sums(groups, other, labels) : NULL;
    ssgcam_status status = own && (others || !other) ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) status = ssg_bootstrap_interval(low, high, own, others, groups->count, labels, measure, level, samples, seed);
    ssg_free(own);
    ssg_free(others);
    return status;
}
