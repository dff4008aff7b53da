#include "host/search/bank_device.h"

#include <pthread.h>
#include <stdlib.h>

#include "host/base/alloc.h"
#include "host/base/log.h"

/* Images are known by where their maps lie in host memory. */
typedef struct known {
    const uint8_t *maps;
    size_t index;
} known;

struct ssg_bank_device {
    ssg_device *device;
    ssg_scorer *scorer;
    known *images; /* ascending by address */
    size_t count;
    uint64_t *truth;      /* per image: 256 */
    pthread_mutex_t lock; /* a scorer is used by one thread at a time */
};

static int by_address(const void *a, const void *b)
{
    const uint8_t *x = ((const known *)a)->maps, *y = ((const known *)b)->maps;
    return x < y ? -1 : x > y;
}

static size_t index_of(const ssg_bank_device *d, const ssg_score_image *image)
{
    known key = {image->maps, 0};
    const known *found = bsearch(&key, d->images, d->count, sizeof *d->images, by_address);
    return found->index;
}

static ssgcam_status build(ssg_bank_device *d, const ssg_bank *bank)
{
    d->count = bank->image_count;
    d->images = ssg_calloc(d->count, sizeof *d->images);
    d->truth = ssg_calloc(d->count, 256 * sizeof *d->truth);
    if (!d->images || !d->truth) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < d->count; i++) {
        d->images[i] = (known){bank->images[i].maps, i};
        for (size_t p = 0; p < bank->images[i].stride; p++) d->truth[256 * i + bank->images[i].truth[p]]++;
    }
    qsort(d->images, d->count, sizeof *d->images, by_address);
    return d->device->scoring->create(&d->scorer, d->device, bank->images, d->truth, bank->image_count);
}

/* The device adds up in 32 bits. */
static int countable(const ssg_bank *bank)
{
    uint64_t pixels = 0;
    for (size_t i = 0; i < bank->image_count; i++) pixels += bank->images[i].stride;
    return pixels <= UINT32_MAX;
}

ssgcam_status ssg_bank_device_create(ssg_bank_device **out, ssg_device *device, const ssg_bank *bank)
{
    *out = NULL;
    if (!device->scoring || bank->image_count == 0 || !countable(bank)) return SSGCAM_OK;
    ssg_bank_device *d = ssg_calloc(1, sizeof *d);
    if (!d) return SSG_OUT_OF_MEMORY;
    d->device = device;
    pthread_mutex_init(&d->lock, NULL);
    ssgcam_status status = build(d, bank);
    if (status != SSGCAM_OK) ssg_bank_device_destroy(&d);
    if (status == SSGCAM_ERR_MEMORY || status == SSGCAM_ERR_UNSUPPORTED) {
        ssg_log(SSG_LOG_NORMAL, "the bank stays in host memory and is scored there (%s)", ssgcam_last_error());
        return SSGCAM_OK;
    }
    *out = d;
    return status;
}

void ssg_bank_device_destroy(ssg_bank_device **device)
{
    if (!*device) return;
    if ((*device)->scorer) (*device)->device->scoring->destroy(&(*device)->scorer);
    ssg_free((*device)->images);
    ssg_free((*device)->truth);
    ssg_free(*device);
    *device = NULL;
}

/* The scorer is this thread's until leave(). */
static ssgcam_status enter(ssg_bank_device *d, const ssg_bank *selection, size_t **chosen)
{
    pthread_mutex_lock(&d->lock);
    *chosen = ssg_calloc(selection->image_count, sizeof **chosen);
    if (!*chosen) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < selection->image_count; i++) (*chosen)[i] = index_of(d, &selection->images[i]);
    return d->device->interface->enter(d->device);
}

static void leave(ssg_bank_device *d, size_t *chosen)
{
    ssg_free(chosen);
    pthread_mutex_unlock(&d->lock);
}

ssgcam_status ssg_bank_device_run(ssg_bank_device *d, const ssg_bank *selection, const ssg_score_mixture *mixtures, size_t count, ssg_scoring what,
                                  uint32_t *out)
{
    size_t *chosen, images = selection->image_count, labels = selection->class_count + 1;
    ssgcam_status status = enter(d, selection, &chosen);
    if (status == SSGCAM_OK) status = d->device->scoring->run(d->scorer, chosen, images, mixtures, count, labels, what, out);
    leave(d, chosen);
    return status;
}

ssgcam_status ssg_bank_device_best(ssg_bank_device *d, const ssg_bank *selection, const ssg_score_mixture *mixtures, size_t count,
                                   ssg_measure measure, ssg_solution *out)
{
    size_t *chosen, images = selection->image_count, labels = selection->class_count + 1;
    ssgcam_status status = enter(d, selection, &chosen);
    if (status == SSGCAM_OK) status = d->device->scoring->best(d->scorer, chosen, images, mixtures, count, labels, measure, out);
    leave(d, chosen);
    return status;
}

const uint64_t *ssg_bank_device_truth(const ssg_bank_device *d, const ssg_score_image *image)
{
    return d->truth + 256 * index_of(d, image);
}
