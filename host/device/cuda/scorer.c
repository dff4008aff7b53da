/* A bank on the device, and a population scored on it: in two launches where the bank fits. A larger one streams through two lanes, as many images at
 * a time as a lane holds: while the device scores one lane, the other is filled and copied. */
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
    size_t image_count, rows, most_classes;
    ssg_cuda_tiling tiling;
    ssg_lane *lane[LANES];    /* NULL: the bank is on the device */
    ssg_cuda_mixture *packed; /* host */
    size_t packed_count;
    room chosen, tiles, mixtures, tops, out;
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
    room *rooms[] = {&s->chosen, &s->tiles, &s->mixtures, &s->tops, &s->out};
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

static ssgcam_status take_bank(ssg_scorer *s, const ssg_score_image *images, size_t count)
{
    s->host = ssg_calloc(count, sizeof *s->host);
    s->images = ssg_calloc(count, sizeof *s->images);
    if (!s->host || !s->images) return SSG_OUT_OF_MEMORY;
    s->image_count = count;
    s->rows = count ? images[0].rows : 0;
    memcpy(s->host, images, count * sizeof *images);
    for (size_t i = 0; i < count; i++) SSG_TRY(describe(s, i));
    s->tiling = ssg_cuda_score_tiling(&s->cuda->base.run, s->rows, s->most_classes);
    ssgcam_status status = put_on_device(s);
    if (status != SSGCAM_ERR_MEMORY) return status;
    leave_device(s);
    return open_lanes(s);
}

static ssgcam_status create(ssg_scorer **out, ssg_device *device, const ssg_score_image *images, size_t count)
{
    *out = NULL;
    ssg_scorer *s = ssg_calloc(1, sizeof *s);
    if (!s) return SSG_OUT_OF_MEMORY;
    s->cuda = (ssg_cuda *)device;
    ssgcam_status status = take_bank(s, images, count);
    if (status != SSGCAM_OK) destroy(&s);
    *out = s;
    return status;
}

/* ---- a population ------------------------------------------------------------------------------------------------------------------------------ */

/* Images that are scored together: all that are chosen, or what a lane holds. */
typedef struct group {
    const size_t *chosen;
    size_t count, tiles, tops;
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

/* One group, images from number `done` of those chosen on. */
static ssgcam_status score_group(ssg_scorer *s, group *g, size_t done, size_t count, size_t numbers, ssg_scoring what)
{
    size_t own = what == SSG_SCORING_IMAGE_COUNTS ? numbers : 0;
    SSG_TRY(choose(s, g, done * own, own));
    SSG_TRY(need(s, &s->tops, g->tops * count * sizeof(uint32_t)));
    SSG_TRY(ssg_cuda_clear(&s->cuda->base, s->tops.memory, g->tops * count * sizeof(uint32_t)));
    ssg_cuda_score score = {.images = s->chosen.memory,
                            .tiles = s->tiles.memory,
                            .mixtures = s->mixtures.memory,
                            .tops = s->tops.memory,
                            .counts = s->out.memory,
                            .levels = what == SSG_SCORING_LEVELS ? s->out.memory : NULL,
                            .tile_count = (uint32_t)g->tiles,
                            .count = (uint32_t)count,
                            .rows = (uint32_t)s->rows,
                            .most_classes = (uint32_t)s->most_classes,
                            .tiling = s->tiling};
    ssg_cuda_score_run(&s->cuda->base.run, &score);
    return SSGCAM_OK;
}

static ssgcam_status run(ssg_scorer *s, const size_t *chosen, size_t chosen_count, const ssg_score_mixture *mixtures, size_t count, size_t labels,
                         ssg_scoring what, uint32_t *out)
{
    ssg_device *device = &s->cuda->base;
    size_t numbers = what == SSG_SCORING_LEVELS ? 2 * labels - 1 : 2 * labels, own = what == SSG_SCORING_IMAGE_COUNTS ? chosen_count : 1;
    size_t bytes = own * numbers * count * (what == SSG_SCORING_LEVELS ? SSG_SCORE_LEVELS : 1) * sizeof *out;
    SSG_TRY(pack(s, mixtures, count));
    SSG_TRY(need(s, &s->out, bytes));
    SSG_TRY(ssg_cuda_clear(device, s->out.memory, bytes));
    for (size_t done = 0, turn = 0; done < chosen_count; turn++) {
        group g = {.chosen = chosen + done, .count = chosen_count - done};
        ssg_lane *lane = s->lane[turn % LANES];
        if (lane) SSG_TRY(send(s, &g, lane));
        if (lane) SSG_TRY(ssg_cuda_lane_arrived(s->cuda, lane));
        SSG_TRY(score_group(s, &g, done, count, numbers, what));
        if (lane) SSG_TRY(ssg_cuda_lane_used(s->cuda, lane));
        done += g.count;
    }
    return ssg_cuda_download(device, out, s->out.memory, bytes);
}

const ssg_scoring_interface ssg_cuda_scoring = {create, destroy, run};
