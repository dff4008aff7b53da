/* A bank on the device, and a population scored on it in two launches. */
#include <string.h>

#include "host/base/alloc.h"
#include "host/device/cuda/cuda.h"
#include "kernels/cuda/score.h"

/* Device memory that grows. */
typedef struct room {
    void *memory;
    size_t bytes;
} room;

struct ssg_scorer {
    ssg_cuda *cuda;
    ssg_cuda_score_image *images; /* all of them, as the kernel reads them but for `first` and `first_top` */
    size_t image_count, rows, most_classes;
    ssg_cuda_tiling tiling;
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

static void destroy(ssg_scorer **scorer)
{
    ssg_scorer *s = *scorer;
    if (!s) return;
    ssg_device *device = &s->cuda->base;
    for (size_t i = 0; s->images && i < s->image_count; i++) ssg_cuda_memory_destroy(device, (void *)s->images[i].maps);
    room *rooms[] = {&s->chosen, &s->tiles, &s->mixtures, &s->tops, &s->out};
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) ssg_cuda_memory_destroy(device, rooms[i]->memory);
    ssg_free(s->images);
    ssg_free(s->packed);
    ssg_free(s);
    *scorer = NULL;
}

/* Truth behind the maps, in one piece. */
static ssgcam_status place_image(ssg_scorer *s, ssg_cuda_score_image *to, const ssg_score_image *from)
{
    size_t maps = from->class_count * from->rows * from->stride;
    char *memory;
    SSG_TRY(ssg_cuda_memory_create(&s->cuda->base, maps + from->stride, (void **)&memory));
    to->maps = (uint8_t *)memory;
    to->truth = to->maps + maps;
    to->class_count = (uint32_t)from->class_count;
    to->stride = (uint32_t)from->stride;
    for (size_t k = 0; k < from->class_count; k++) to->label[k] = (uint8_t)(from->classes[k] + 1);
    SSG_TRY(ssg_cuda_upload(&s->cuda->base, memory, from->maps, maps));
    return ssg_cuda_upload(&s->cuda->base, memory + maps, from->truth, from->stride);
}

static ssgcam_status create(ssg_scorer **out, ssg_device *device, const ssg_score_image *images, size_t count)
{
    *out = NULL;
    ssg_scorer *s = ssg_calloc(1, sizeof *s);
    if (!s) return SSG_OUT_OF_MEMORY;
    s->cuda = (ssg_cuda *)device;
    s->images = ssg_calloc(count, sizeof *s->images);
    s->image_count = count;
    s->rows = count ? images[0].rows : 0;
    ssgcam_status status = s->images ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < count && status == SSGCAM_OK; i++) {
        if (images[i].class_count > s->most_classes) s->most_classes = images[i].class_count;
        status = images[i].rows == s->rows && s->rows <= UINT16_MAX ? place_image(s, &s->images[i], &images[i])
                                                                    : ssg_fail(SSGCAM_ERR_UNSUPPORTED, "a bank of %zu rows", images[i].rows);
    }
    if (status == SSGCAM_OK) s->tiling = ssg_cuda_score_tiling(&device->run, s->rows, s->most_classes);
    if (status != SSGCAM_OK) destroy(&s);
    *out = s;
    return status;
}

/* ---- a population ------------------------------------------------------------------------------------------------------------------------------ */

/* The chosen images and their tiles go to the device; gives the number of tiles and of maxima. */
static ssgcam_status choose(ssg_scorer *s, const size_t *chosen, size_t count, size_t numbers, size_t *tile_count, size_t *top_count)
{
    *tile_count = *top_count = 0;
    for (size_t i = 0; i < count; i++) *tile_count += (s->images[chosen[i]].stride + s->tiling.pixels - 1) / s->tiling.pixels;
    ssg_cuda_score_image *images = ssg_calloc(count, sizeof *images);
    ssg_cuda_tile *tiles = ssg_calloc(*tile_count, sizeof *tiles), *tile = tiles;
    ssgcam_status status = images && tiles ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    for (size_t i = 0; status == SSGCAM_OK && i < count; i++) {
        images[i] = s->images[chosen[i]];
        images[i].first_top = (uint32_t)*top_count;
        images[i].first = (uint32_t)(i * numbers); /* numbers 0: all add up */
        *top_count += images[i].class_count;
        for (uint32_t at = 0; at < images[i].stride; at += s->tiling.pixels) *tile++ = (ssg_cuda_tile){(uint32_t)i, at};
    }
    if (status == SSGCAM_OK) status = put(s, &s->chosen, images, count * sizeof *images);
    if (status == SSGCAM_OK) status = put(s, &s->tiles, tiles, *tile_count * sizeof *tiles);
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

static ssgcam_status run(ssg_scorer *s, const size_t *chosen, size_t chosen_count, const ssg_score_mixture *mixtures, size_t count, size_t labels,
                         ssg_scoring what, uint32_t *out)
{
    ssg_device *device = &s->cuda->base;
    size_t numbers = what == SSG_SCORING_LEVELS ? 2 * labels - 1 : 2 * labels, own = what == SSG_SCORING_IMAGE_COUNTS ? chosen_count : 1;
    size_t bytes = own * numbers * count * (what == SSG_SCORING_LEVELS ? SSG_SCORE_LEVELS : 1) * sizeof *out, tiles, tops;
    SSG_TRY(choose(s, chosen, chosen_count, what == SSG_SCORING_IMAGE_COUNTS ? numbers : 0, &tiles, &tops));
    SSG_TRY(pack(s, mixtures, count));
    SSG_TRY(need(s, &s->tops, tops * count * sizeof(uint32_t)));
    SSG_TRY(need(s, &s->out, bytes));
    SSG_TRY(ssg_cuda_clear(device, s->tops.memory, tops * count * sizeof(uint32_t)));
    SSG_TRY(ssg_cuda_clear(device, s->out.memory, bytes));
    ssg_cuda_score score = {.images = s->chosen.memory,
                            .tiles = s->tiles.memory,
                            .mixtures = s->mixtures.memory,
                            .tops = s->tops.memory,
                            .counts = s->out.memory,
                            .levels = what == SSG_SCORING_LEVELS ? s->out.memory : NULL,
                            .tile_count = (uint32_t)tiles,
                            .count = (uint32_t)count,
                            .rows = (uint32_t)s->rows,
                            .most_classes = (uint32_t)s->most_classes,
                            .tiling = s->tiling};
    ssg_cuda_score_run(&device->run, &score);
    return ssg_cuda_download(device, out, s->out.memory, bytes);
}

const ssg_scoring_interface ssg_cuda_scoring = {create, destroy, run};
