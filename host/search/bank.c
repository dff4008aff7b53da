#include "host/search/bank.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/base/alloc.h"
#include "host/base/digest.h"
#include "host/base/files.h"
#include "host/base/log.h"
#include "host/search/bank_order.h"
#include "kernels/score_blocks.h"

typedef struct header {
    char magic[8], key[32];
    uint64_t images, rows, stride, bytes;
    uint8_t reserved[56];
} header;

static const size_t default_memory = (size_t)2 << 30;

/* ---- layout -------------------------------------------------------------------------------------------------------------------------- */

size_t ssg_bank_record_size(const ssg_bank_store *s, size_t class_count)
{
    return class_count * s->rows * (s->stride + ssg_score_bounds_size(s->stride));
}

static size_t record_size(const ssg_bank_store *s, size_t image)
{
    return ssg_bank_record_size(s, s->table[image].class_count);
}

/* Sizes and offsets, and each image's labels as places in the list of classes. */
static ssgcam_status lay_out(ssg_bank_store *s, const ssg_bank_request *r)
{
    size_t labels = 0;
    s->rows = r->grid->layers * r->grid->choices;
    s->stride = ssg_bank_stride(r->grid->height, r->grid->width);
    for (size_t i = 0; i < r->count; i++) labels += r->items[i]->label_count;
    s->table = ssg_calloc(r->count, sizeof *s->table);
    s->images = ssg_calloc(r->count, sizeof *s->images);
    s->classes = ssg_calloc(labels, 1);
    s->truth = ssg_alloc_aligned(r->count, s->stride);
    if (!s->table || !s->images || !s->classes || !s->truth) return SSG_OUT_OF_MEMORY;
    uint8_t *next = s->classes;
    s->bytes = (sizeof(header) + r->count * sizeof *s->table + 63) / 64 * 64;
    for (size_t i = 0; i < r->count; i++) {
        s->table[i] = (ssg_bank_table_entry){.offset = s->bytes, .class_count = r->items[i]->label_count};
        s->images[i].classes = next;
        for (size_t l = 0; l < r->items[i]->label_count; l++)
            for (size_t k = 0; k < r->class_count; k++)
                if (r->classes[k] == r->items[i]->labels[l]) *next++ = (uint8_t)k;
        s->bytes += record_size(s, i);
    }
    return SSGCAM_OK;
}

static header header_of(const ssg_bank_store *s, const ssg_bank_request *r, const char *key)
{
    header h = {.magic = "SSGBAN4", .images = r->count, .rows = s->rows, .stride = s->stride, .bytes = s->bytes};
    memcpy(h.key, key, sizeof h.key);
    return h;
}

static void point_images(ssg_bank_store *s, const ssg_bank_request *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const uint8_t *maps = s->base + s->table[i].offset;
        size_t classes = s->table[i].class_count;
        s->images[i] = (ssg_score_image){
            maps, s->truth + i * s->stride, s->images[i].classes, classes, s->rows, s->stride, maps + classes * s->rows * s->stride};
    }
    s->bank = (ssg_bank){.images = s->images, .image_count = r->count, .class_count = r->class_count};
    XXH128_hash_t truth = XXH3_128bits(s->truth, r->count * s->stride);
    XXH128_hash_t hash = XXH3_128bits_withSeed(s->table, r->count * sizeof *s->table, truth.low64);
    ssg_digest_text(s->digest, hash);
}

/* ---- files --------------------------------------------------------------------------------------------------------------------------- */

typedef struct bank_file {
    int descriptor;
    const char *path; /* for messages */
} bank_file;

static ssgcam_status read_at(const bank_file *file, void *to, size_t size, size_t at)
{
    for (char *bytes = to; size > 0;) {
        ssize_t got = pread(file->descriptor, bytes, size < 1 << 30 ? size : 1 << 30, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return ssg_fail(SSGCAM_ERR_INPUT, "%s: cannot be read: %s", file->path, strerror(errno));
        if (got == 0) return ssg_fail(SSGCAM_ERR_INPUT, "%s: ends early; run the same command again", file->path);
        bytes += got, at += (size_t)got, size -= (size_t)got;
    }
    return SSGCAM_OK;
}

static ssgcam_status cannot_write(const bank_file *file)
{
    return ssg_fail(SSGCAM_ERR_IO, "%s: cannot be written: %s; free some space or choose another folder with --cache", file->path, strerror(errno));
}

static ssgcam_status write_at(const bank_file *file, const void *from, size_t size, size_t at)
{
    for (const char *bytes = from; size > 0;) {
        ssize_t put = pwrite(file->descriptor, bytes, size, (off_t)at);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return cannot_write(file);
        bytes += put, at += (size_t)put, size -= (size_t)put;
    }
    return SSGCAM_OK;
}

/* Takes over the checksums of a file of the same key; 0 if it is none. */
static int same_file(ssg_bank_store *s, const ssg_bank_request *r, const char *key, const bank_file *file)
{
    header found, wanted = header_of(s, r, key);
    if (read_at(file, &found, sizeof found, 0) != SSGCAM_OK || memcmp(&found, &wanted, sizeof found) != 0) return 0;
    for (size_t i = 0; i < r->count; i++) {
        ssg_bank_table_entry e;
        if (read_at(file, &e, sizeof e, sizeof found + i * sizeof e) != SSGCAM_OK) return 0;
        s->table[i].checksum = e.checksum;
    }
    return 1;
}

/* Records that do not have their checksum count as missing. */
static ssgcam_status verify_file(ssg_bank_store *s, const ssg_bank_request *r, const bank_file *file)
{
    size_t most = 0;
    for (size_t i = 0; i < r->count; i++) most = record_size(s, i) > most ? record_size(s, i) : most;
    uint8_t *record = ssg_alloc_aligned(most, 1);
    if (!record) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < r->count; i++) {
        size_t size = record_size(s, i);
        if (!s->table[i].checksum || read_at(file, record, size, s->table[i].offset) != SSGCAM_OK) s->table[i].checksum = 0;
        uint64_t checksum = s->table[i].checksum ? XXH3_64bits(record, size) : 0;
        if (s->table[i].checksum && s->table[i].checksum != (checksum ? checksum : 1)) s->table[i].checksum = 0;
    }
    ssg_free(record);
    return SSGCAM_OK;
}

typedef struct file_place {
    ssg_bank_store *store;
    const bank_file *file;
} file_place;

static ssgcam_status place_in_file(void *context, size_t image, const void *record, size_t size, const ssg_bank_table_entry *entry)
{
    file_place *p = context;
    SSG_TRY(write_at(p->file, record, size, entry->offset));
    p->store->table[image] = *entry;
    return write_at(p->file, entry, sizeof *entry, sizeof(header) + image * sizeof *entry);
}

static ssgcam_status place_in_memory(void *context, size_t image, const void *record, size_t size, const ssg_bank_table_entry *entry)
{
    ssg_bank_store *s = context;
    memcpy(s->base + entry->offset, record, size);
    s->table[image] = *entry;
    return SSGCAM_OK;
}

/* The finished file in memory, or mapped where it is larger than the budget. */
static ssgcam_status take_file(ssg_bank_store *s, const ssg_bank_request *r, const bank_file *file)
{
    size_t budget = r->options->bank_memory ? r->options->bank_memory : default_memory;
    s->mapped = s->bytes > budget;
    if (s->mapped) {
        void *at = mmap(NULL, s->bytes, PROT_READ, MAP_SHARED, file->descriptor, 0);
        if (at == MAP_FAILED) return ssg_fail(SSGCAM_ERR_MEMORY, "%s: %zu bytes cannot be mapped: %s", file->path, s->bytes, strerror(errno));
        s->base = at;
        return SSGCAM_OK;
    }
    if (!(s->base = ssg_alloc_aligned(s->bytes, 1))) return SSG_OUT_OF_MEMORY;
    return read_at(file, s->base, s->bytes, 0);
}

static ssgcam_status fill_file(ssg_bank_store *s, const ssg_bank_request *r, const char *key, const bank_file *file)
{
    header h = header_of(s, r, key);
    file_place context = {s, file};
    if (same_file(s, r, key, file)) {
        SSG_TRY(verify_file(s, r, file));
    } else {
        for (size_t i = 0; i < r->count; i++) s->table[i].checksum = 0;
        if (ftruncate(file->descriptor, 0) != 0) return cannot_write(file);
        SSG_TRY(write_at(file, &h, sizeof h, 0));
        SSG_TRY(write_at(file, s->table, r->count * sizeof *s->table, sizeof h));
    }
    return ssg_bank_build(s, r, place_in_file, &context);
}

/* ---- with and without a cache ---------------------------------------------------------------------------------------------------------- */

static int complete(const ssg_bank_store *s, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!s->table[i].checksum) return 0;
    return 1;
}

static ssgcam_status build_cached(ssg_bank_store *s, const ssg_bank_request *r, const char *key, const char *path, const char *part)
{
    bank_file file = {open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0644), part};
    if (file.descriptor < 0)
        return ssg_fail(SSGCAM_ERR_IO, "%s: cannot be written: %s; choose another folder with --cache, or --cache none", part, strerror(errno));
    ssgcam_status status = SSGCAM_OK;
    if (flock(file.descriptor, LOCK_EX | LOCK_NB) != 0)
        status = ssg_fail(SSGCAM_ERR_IO, "%s: another process is building this bank; run the command again when it has finished", part);
    if (status == SSGCAM_OK) status = fill_file(s, r, key, &file);
    if (status == SSGCAM_OK && fsync(file.descriptor) != 0) status = cannot_write(&file);
    if (status == SSGCAM_OK && rename(part, path) != 0) status = ssg_fail(SSGCAM_ERR_IO, "%s: cannot be renamed: %s", part, strerror(errno));
    file.path = path;
    if (status == SSGCAM_OK) status = take_file(s, r, &file);
    close(file.descriptor);
    return status;
}

/* A finished bank whose bytes are what they were; otherwise it goes back to being built. */
static ssgcam_status open_cached(ssg_bank_store *s, const ssg_bank_request *r, const char *key, const char *path, const char *part)
{
    bank_file file = {open(path, O_RDONLY | O_CLOEXEC), path};
    if (file.descriptor < 0) return build_cached(s, r, key, path, part);
    ssgcam_status status = SSGCAM_OK;
    s->cached = same_file(s, r, key, &file);
    if (s->cached) status = verify_file(s, r, &file);
    s->cached = s->cached && complete(s, r->count);
    if (status == SSGCAM_OK && s->cached) status = take_file(s, r, &file);
    close(file.descriptor);
    if (status != SSGCAM_OK || s->cached) return status;
    ssg_log(SSG_LOG_NORMAL, "%s is damaged; what is wrong in it is made again", path);
    if (rename(path, part) != 0) return ssg_fail(SSGCAM_ERR_IO, "%s: cannot be renamed: %s", path, strerror(errno));
    return build_cached(s, r, key, path, part);
}

static ssgcam_status use_cache(ssg_bank_store *s, const ssg_bank_request *r, const char *key)
{
    char *name = ssg_format("%s.bank", key), *path = name ? ssg_path_join(r->options->cache, name) : NULL;
    char *part = path ? ssg_format("%s.part", path) : NULL;
    ssgcam_status status = part ? ssg_folder_make(r->options->cache) : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) status = open_cached(s, r, key, path, part);
    ssg_free(name);
    ssg_free(path);
    ssg_free(part);
    return status;
}

static ssgcam_status use_none(ssg_bank_store *s, const ssg_bank_request *r, const char *key)
{
    if (s->bytes <= (r->options->bank_memory ? r->options->bank_memory : default_memory)) {
        if (!(s->base = ssg_alloc_aligned(s->bytes, 1))) return SSG_OUT_OF_MEMORY;
        return ssg_bank_build(s, r, place_in_memory, s);
    }
    FILE *file = tmpfile(); /* has no name: gone when the program ends, however it ends */
    if (!file) return ssg_fail(SSGCAM_ERR_IO, "a temporary file for the bank of maps cannot be made: %s", strerror(errno));
    const bank_file unnamed = {fileno(file), "a temporary file in " P_tmpdir};
    ssgcam_status status = fill_file(s, r, key, &unnamed);
    if (status == SSGCAM_OK) status = take_file(s, r, &unnamed);
    fclose(file);
    return status;
}

ssgcam_status ssg_bank_open(ssg_bank_store *store, const ssg_bank_request *request)
{
    char own[33];
    const char *key = request->key[0] ? request->key : own;
    *store = (ssg_bank_store){0};
    ssgcam_status status = key == own ? ssg_bank_key(own, request) : SSGCAM_OK;
    if (status == SSGCAM_OK) status = lay_out(store, request);
    if (status == SSGCAM_OK) status = ssg_bank_read_truth(store, request); /* before the network works for nothing */
    if (status == SSGCAM_OK) status = request->options->cache ? use_cache(store, request, key) : use_none(store, request, key);
    if (status == SSGCAM_OK)
        point_images(store, request);
    else
        ssg_bank_close(store);
    return status;
}

void ssg_bank_close(ssg_bank_store *store)
{
    if (store->mapped && store->base)
        munmap(store->base, store->bytes);
    else
        ssg_free(store->base);
    ssg_free(store->images);
    ssg_free(store->table);
    ssg_free(store->truth);
    ssg_free(store->classes);
    *store = (ssg_bank_store){0};
}
