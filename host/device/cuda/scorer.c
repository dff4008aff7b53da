/* A bank on the device, and a population scored on it: in two launches where the bank fits, and its thresholds judged in two more. A larger one
 * streams through two lanes, as many images at a time as a lane holds: while the device scores one lane, the other is filled and copied. */
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/log.h"
#include "host/device/cuda/cuda.h"
#include "kernels/cuda/score.h"

enum { LANES = 2 };

/* Device memory that grows. */
typedef struct room {
    void *memory;
    size_t bytes;
} room;

struct ssg_scorer {
    ssg_cuda *cuda;
    ssg_score_image *host;        /* the images as they lie in host memory */
    ssg_cuda_score_image *images; /* and as the kernel reads them, but for `first` and `first_top`; streamed: without maps and truth */
    const uint64_t *truth;        /* per image: pixels by truth, 256 numbers */
    size_t image_count, rows, most_classes;
    ssg_cuda_tiling tiling;
    ssg_lane *lane[LANES];    /* NULL: the bank is on the device */
    size_t left_over;         /* bytes of the device beside the bank */
    ssg_cuda_mixture *packed; /* host */
    size_t packed_count;
    room chosen, tiles, mixtures, tops, out, truth_of, values;
};

static ssgcam_status need(ssg_scorer *s, room *r, size_t bytes)
{
    if (r->bytes >= bytes) return SSGCAM_OK;
    ssg_cuda_memory_destroy(&s->cuda->base, r->memory);
    *r = (room){NULL, 0};
    SSG_TRY(ssg_cuda_memory_create(&s->cuda->base, bytes, &r->memory));
    r->bytes = bytes;
    return SSGCAM_OK;
}

static ssgcam_status put(ssg_scorer *s, room *r, const void *from, size_t bytes)
{
    SSG_TRY(need(s, r, bytes));
    return ssg_cuda_upload(&s->cuda->base, r->memory, from, bytes);
}

/* ---- the bank ------------------------------------------------------------------------------------------------------------------------------- */

static size_t map_bytes(const ssg_score_image *image)
{
    return image->class_count * image->rows * image->stride;
}

/* Truth behind the maps, in one piece. */
static size_t image_bytes(const ssg_score_image *image)
{
    return map_bytes(image) + image->stride;
}

static void place(ssg_cuda_score_image *to, const ssg_score_image *from, void *memory)
{
    to->maps = memory;
    to->truth = to->maps + map_bytes(from);
}

static void leave_device(ssg_scorer *s)
{
    for (size_t i = 0; s->images && i < s->image_count; i++) {
        ssg_cuda_memory_destroy(&s->cuda->base, (void *)s->images[i].maps);
        s->images[i].maps = NULL;
    }
}

static void close_lanes(ssg_scorer *s)
{
    for (int l = 0; l < LANES; l++) {
        ssg_cuda_lane_destroy(&s->cuda->base, s->lane[l]);
        s->lane[l] = NULL;
    }
}

static void destroy(ssg_scorer **scorer)
{
    ssg_scorer *s = *scorer;
    if (!s) return;
    if (s->lane[0])
        close_lanes(s);
    else
        leave_device(s);
    room *rooms[] = {&s->chosen, &s->tiles, &s->mixtures, &s->tops, &s->out, &s->truth_of, &s->values};
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) ssg_cuda_memory_destroy(&s->cuda->base, rooms[i]->memory);
    ssg_free(s->host);
    ssg_free(s->images);
    ssg_free(s->packed);
    ssg_free(s);
    *scorer = NULL;
}

/* What a generation needs beside the bank must be left over: as much is asked for and given back. */
static ssgcam_status leaves_room(ssg_scorer *s, size_t bytes)
{
    void *probe;
    SSG_TRY(ssg_cuda_memory_create(&s->cuda->base, bytes, &probe));
    ssg_cuda_memory_destroy(&s->cuda->base, probe);
    s->left_over = bytes;
    return SSGCAM_OK;
}

static ssgcam_status put_on_device(ssg_scorer *s)
{
    ssg_device *device = &s->cuda->base;
    size_t all = 0;
    for (size_t i = 0; i < s->image_count; i++) {
        const ssg_score_image *from = &s->host[i];
        void *memory;
        SSG_TRY(ssg_cuda_memory_create(device, image_bytes(from), &memory));
        place(&s->images[i], from, memory);
        SSG_TRY(ssg_cuda_upload(device, memory, from->maps, map_bytes(from)));
        SSG_TRY(ssg_cuda_upload(device, (void *)s->images[i].truth, from->truth, from->stride));
        all += image_bytes(from);
    }
    return leaves_room(s, all / 16);
}

/* A quarter of the bank in each lane, or half of that, and so on, down to a single image. */
static ssgcam_status open_lanes(ssg_scorer *s)
{
    size_t all = 0, largest = 1;
    for (size_t i = 0; i < s->image_count; i++) {
        size_t bytes = image_bytes(&s->host[i]);
        all += bytes;
        if (bytes > largest) largest = bytes;
    }
    for (size_t bytes = all / 4;; bytes /= 2) {
        if (bytes < largest) bytes = largest;
        ssgcam_status status = SSGCAM_OK;
        for (int l = 0; l < LANES && status == SSGCAM_OK; l++) status = ssg_cuda_lane_create(&s->cuda->base, bytes, &s->lane[l]);
        if (status == SSGCAM_OK) status = leaves_room(s, bytes / 2);
        if (status == SSGCAM_OK)
            ssg_log(SSG_LOG_NORMAL, "the bank of %zu MB does not fit on the GPU: it streams through %d pieces of %zu MB", all >> 20, LANES,
                    bytes >> 20);
        if (status != SSGCAM_OK) close_lanes(s);
        if (status != SSGCAM_ERR_MEMORY || bytes == largest) return status;
    }
}

static ssgcam_status describe(ssg_scorer *s, size_t i)
{
    const ssg_score_image *from = &s->host[i];
    if (from->rows != s->rows || s->rows > UINT16_MAX) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "a bank of %zu rows", from->rows);
    ssg_cuda_score_image *to = &s->images[i];
    to->class_count = (uint32_t)from->class_count;
    to->stride = (uint32_t)from->stride;
    for (size_t k = 0; k < from->class_count; k++) to->label[k] = (uint8_t)(from->classes[k] + 1);
    if (from->class_count > s->most_classes) s->most_classes = from->class_count;
    return SSGCAM_OK;
}

static ssgcam_status take_bank(ssg_scorer *s, const ssg_score_image *images, const uint64_t *truth, size_t count)
{
    s->host = ssg_calloc(count, sizeof *s->host);
    s->images = ssg_calloc(count, sizeof *s->images);
    if (!s->host || !s->images) return SSG_OUT_OF_MEMORY;
    s->image_count = count;
    s->truth = truth;
    s->rows = count ? images[0].rows : 0;
    memcpy(s->host, images, count * sizeof *images);
    for (size_t i = 0; i < count; i++) SSG_TRY(describe(s, i));
    s->tiling = ssg_cuda_score_tiling(&s->cuda->base.run, s->rows, s->most_classes);
    ssgcam_status status = put_on_device(s);
    if (status != SSGCAM_ERR_MEMORY) return status;
    leave_device(s);
    return open_lanes(s);
}

static ssgcam_status create(ssg_scorer **out, ssg_device *device, const ssg_score_image *images, const uint64_t *truth, size_t count)
{
    *out = NULL;
    ssg_scorer *s = ssg_calloc(1, sizeof *s);
    if (!s) return SSG_OUT_OF_MEMORY;
    s->cuda = (ssg_cuda *)device;
    ssgcam_status status = take_bank(s, images, truth, count);
    if (status != SSGCAM_OK) destroy(&s);
    *out = s;
    return status;
}

/* ---- a population ------------------------------------------------------------------------------------------------------------------------------ */

/* Images that are scored together: all that are chosen, or what a lane holds. Start with all as `left` and none as `count`. */
typedef struct group {
    const size_t *chosen;
    size_t count, left; /* left: with those of the group */
    size_t turn, tiles, tops;
} group;

/* The group's images, as they are now, and their tiles go to the device. Counts of the first begin at number `first`, those of the next `numbers`
 * later (0: all add up). */
static ssgcam_status choose(ssg_scorer *s, group *g, size_t first, size_t numbers)
{
    g->tiles = g->tops = 0;
    for (size_t i = 0; i < g->count; i++) g->tiles += (s->images[g->chosen[i]].stride + s->tiling.pixels - 1) / s->tiling.pixels;
    ssg_cuda_score_image *images = ssg_calloc(g->count, sizeof *images);
    ssg_cuda_tile *tiles = ssg_calloc(g->tiles, sizeof *tiles), *tile = tiles;
    ssgcam_status status = images && tiles ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    for (size_t i = 0; status == SSGCAM_OK && i < g->count; i++) {
        images[i] = s->images[g->chosen[i]];
        images[i].first_top = (uint32_t)g->tops;
        images[i].first = (uint32_t)(first + i * numbers);
        g->tops += images[i].class_count;
        for (uint32_t at = 0; at < images[i].stride; at += s->tiling.pixels) *tile++ = (ssg_cuda_tile){(uint32_t)i, at};
    }
    if (status == SSGCAM_OK) status = put(s, &s->chosen, images, g->count * sizeof *images);
    if (status == SSGCAM_OK) status = put(s, &s->tiles, tiles, g->tiles * sizeof *tiles);
    ssg_free(images);
    ssg_free(tiles);
    return status;
}

static ssgcam_status pack(ssg_scorer *s, const ssg_score_mixture *mixtures, size_t count)
{
    if (s->packed_count < count) {
        SSG_TRY(ssg_grow(&s->packed, count, sizeof *s->packed));
        s->packed_count = count;
    }
    for (size_t p = 0; p < count; p++) ssg_cuda_mixture_pack(&s->packed[p], &mixtures[p]);
    return put(s, &s->mixtures, s->packed, count * sizeof *s->packed);
}

/* Cuts the group to what the lane holds, and sends that. */
static ssgcam_status send(ssg_scorer *s, group *g, ssg_lane *lane)
{
    size_t bytes = 0, count = 0;
    char *pinned;
    SSG_TRY(ssg_cuda_lane_fill(lane, (void **)&pinned));
    for (; count < g->count; count++) {
        const ssg_score_image *from = &s->host[g->chosen[count]];
        if (bytes + image_bytes(from) > lane->bytes) break;
        memcpy(pinned + bytes, from->maps, map_bytes(from));
        memcpy(pinned + bytes + map_bytes(from), from->truth, from->stride);
        place(&s->images[g->chosen[count]], from, (char *)lane->memory + bytes);
        bytes += image_bytes(from);
    }
    g->count = count;
    return ssg_cuda_lane_go(s->cuda, lane, bytes);
}

static ssgcam_status score_group(ssg_scorer *s, const group *g, size_t count, int levels)
{
    SSG_TRY(need(s, &s->tops, g->tops * count * sizeof(uint32_t)));
    SSG_TRY(ssg_cuda_clear(&s->cuda->base, s->tops.memory, g->tops * count * sizeof(uint32_t)));
    ssg_cuda_score score = {.images = s->chosen.memory,
                            .tiles = s->tiles.memory,
                            .mixtures = s->mixtures.memory,
                            .tops = s->tops.memory,
                            .counts = s->out.memory,
                            .levels = levels ? s->out.memory : NULL,
                            .tile_count = (uint32_t)g->tiles,
                            .count = (uint32_t)count,
                            .rows = (uint32_t)s->rows,
                            .most_classes = (uint32_t)s->most_classes,
                            .tiling = s->tiling};
    ssg_cuda_score_tops(&s->cuda->base.run, &score);
    ssg_cuda_score_claims(&s->cuda->base.run, &score);
    return SSGCAM_OK;
}

/* The next images, at most `most`; their counts (or levels) as choose() says. */
static ssgcam_status score_next(ssg_scorer *s, group *g, size_t most, size_t first, size_t numbers, size_t count, int levels)
{
    ssg_lane *lane = s->lane[g->turn++ % LANES];
    g->chosen += g->count;
    g->left -= g->count;
    g->count = g->left < most ? g->left : most;
    if (lane) SSG_TRY(send(s, g, lane));
    if (lane) SSG_TRY(ssg_cuda_lane_arrived(s->cuda, lane));
    SSG_TRY(choose(s, g, first, numbers));
    SSG_TRY(score_group(s, g, count, levels));
    return lane ? ssg_cuda_lane_used(s->cuda, lane) : SSGCAM_OK;
}

static int more(const group *g)
{
    return g->left > g->count;
}

static ssgcam_status run(ssg_scorer *s, const size_t *chosen, size_t chosen_count, const ssg_score_mixture *mixtures, size_t count, size_t labels,
                         ssg_scoring what, uint32_t *out)
{
    ssg_device *device = &s->cuda->base;
    int own = what == SSG_SCORING_IMAGE_COUNTS;
    size_t numbers = 2 * labels, bytes = (own ? chosen_count : 1) * numbers * count * sizeof *out;
    SSG_TRY(pack(s, mixtures, count));
    SSG_TRY(need(s, &s->out, bytes));
    SSG_TRY(ssg_cuda_clear(device, s->out.memory, bytes));
    for (group g = {.chosen = chosen, .left = chosen_count}; more(&g);) {
        size_t done = chosen_count - g.left + g.count;
        SSG_TRY(score_next(s, &g, chosen_count, own ? done * numbers : 0, own ? numbers : 0, count, 0));
    }
    return ssg_cuda_download(device, out, s->out.memory, bytes);
}

/* ---- its thresholds ---------------------------------------------------------------------------------------------------------------------------- */

/* The truth of parts of so many chosen images each, as the kernel reads it. */
static ssgcam_status put_truth(ssg_scorer *s, const size_t *chosen, size_t parts, size_t images, size_t labels)
{
    uint32_t *truth = ssg_calloc(parts, (labels + 1) * sizeof *truth), *of = truth;
    if (!truth) return SSG_OUT_OF_MEMORY;
    for (size_t p = 0; p < parts; p++, of += labels + 1)
        for (size_t i = 0; i < images; i++)
            for (size_t l = 0; l < SSG_SCORE_IGNORED; l++) {
                uint32_t pixels = (uint32_t)s->truth[256 * chosen[p * images + i] + l];
                if (l < labels) of[l] += pixels;
                of[labels] += pixels;
            }
    ssgcam_status status = put(s, &s->truth_of, truth, parts * (labels + 1) * sizeof *truth);
    ssg_free(truth);
    return status;
}

/* Adds to the values what parts of so many chosen images each make of the thresholds; their histograms are there. */
static ssgcam_status judge(ssg_scorer *s, ssg_cuda_thresholds *t, const size_t *chosen, size_t parts, size_t images)
{
    SSG_TRY(put_truth(s, chosen, parts, images, t->labels));
    t->levels = s->out.memory;
    t->truth = s->truth_of.memory;
    t->parts = (uint32_t)parts;
    ssg_cuda_score_values(&s->cuda->base.run, t);
    return SSGCAM_OK;
}

/* Histograms of a part. */
static size_t levels_size(const ssg_cuda_thresholds *t)
{
    return (2 * (size_t)t->labels - 1) * t->count * SSG_SCORE_LEVELS * sizeof(uint32_t);
}

/* All chosen images together. */
static ssgcam_status judge_sum(ssg_scorer *s, ssg_cuda_thresholds *t, const size_t *chosen, size_t count)
{
    t->whole = 1;
    SSG_TRY(need(s, &s->out, levels_size(t)));
    SSG_TRY(ssg_cuda_clear(&s->cuda->base, s->out.memory, levels_size(t)));
    for (group g = {.chosen = chosen, .left = count}; more(&g);) SSG_TRY(score_next(s, &g, count, 0, 0, t->count, 1));
    return judge(s, t, chosen, 1, count);
}

/* Each image alone: as many at a time as have room for their histograms in half of what is left over beside the bank. */
static ssgcam_status judge_images(ssg_scorer *s, ssg_cuda_thresholds *t, const size_t *chosen, size_t count)
{
    size_t most = s->left_over / 2 / levels_size(t);
    if (most > count) most = count;
    if (most == 0) most = 1;
    t->whole = (double)count;
    SSG_TRY(need(s, &s->out, most * levels_size(t)));
    for (group g = {.chosen = chosen, .left = count}; more(&g);) {
        SSG_TRY(ssg_cuda_clear(&s->cuda->base, s->out.memory, most * levels_size(t)));
        SSG_TRY(score_next(s, &g, most, 0, 2 * t->labels - 1, t->count, 1));
        SSG_TRY(judge(s, t, g.chosen, g.count, 1));
    }
    return SSGCAM_OK;
}

static ssgcam_status best(ssg_scorer *s, const size_t *chosen, size_t chosen_count, const ssg_score_mixture *mixtures, size_t count, size_t labels,
                          ssg_measure measure, ssg_solution *out)
{
    size_t values = count * SSG_SCORE_LEVELS, bytes = values * sizeof(double) + count * sizeof *out; /* solutions behind the values */
    SSG_TRY(pack(s, mixtures, count));
    SSG_TRY(need(s, &s->values, bytes));
    SSG_TRY(ssg_cuda_clear(&s->cuda->base, s->values.memory, bytes)); /* what pads a solution comes to the host too */
    ssg_cuda_thresholds t = {.values = s->values.memory, .count = (uint32_t)count, .labels = (uint32_t)labels, .measure = measure};
    SSG_TRY((measure == SSG_MEASURE_IMAGE_IOU ? judge_images : judge_sum)(s, &t, chosen, chosen_count));
    ssg_solution *solved = (ssg_solution *)(t.values + values);
    ssg_cuda_score_best(&s->cuda->base.run, solved, t.values, count);
    return ssg_cuda_download(&s->cuda->base, out, solved, count * sizeof *out);
}

const ssg_scoring_interface ssg_cuda_scoring = {create, destroy, run, best};
