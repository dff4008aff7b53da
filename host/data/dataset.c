#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/base/alloc.h"
#include "host/base/digest.h"
#include "host/base/files.h"
#include "host/base/nearest_name.h"
#include "host/base/utf8.h"
#include "host/data/dataset_build.h"
#include "host/data/names_file.h"

/* ---- building ------------------------------------------------------------------------------------------------------------------- */

ssgcam_status ssg_dataset_add(ssg_dataset_builder *b, const char *image_path, const char *where, ssgcam_item **item)
{
    ssgcam_dataset *d = b->dataset;
    if (d->count == b->capacity) {
        size_t capacity = b->capacity ? 2 * b->capacity : 64;
        SSG_TRY(ssg_grow(&d->items, capacity, sizeof *d->items));
        b->capacity = capacity;
    }
    *item = &d->items[d->count++];
    **item = (ssgcam_item){0};
    size_t length;
    const char *stem = ssg_path_stem(image_path, &length);
    (*item)->image = ssg_strdup(image_path);
    (*item)->id = ssg_format("%.*s", (int)length, stem);
    if (!(*item)->image || !(*item)->id) return SSG_OUT_OF_MEMORY;
    if (ssg_utf8_is_valid((*item)->id)) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_INPUT, "%s: this image's name is not UTF-8, which journals and results need; rename it (and save tables as UTF-8)",
                    where);
}

ssgcam_status ssg_dataset_class(const ssg_dataset_builder *b, const char *text, const char *where, int *label)
{
    const ssgcam_dataset *d = b->dataset;
    for (size_t i = 0; i < d->class_count; i++)
        if (d->classes && strcmp(d->classes[i], text) == 0) {
            *label = (int)i;
            return SSGCAM_OK;
        }
    char *end;
    long number = strtol(text, &end, 10);
    size_t most = d->class_count ? d->class_count : b->options->class_count;
    if (end != text && *end == '\0' && number >= 0 && number < 1 << 20 && (most == 0 || (size_t)number < most)) {
        *label = (int)number;
        return SSGCAM_OK;
    }
    const char *nearest = d->classes ? ssg_nearest_name(text, (const char *const *)d->classes, d->class_count) : NULL;
    if (nearest) return ssg_fail(SSGCAM_ERR_INPUT, "%s: label '%s' is not a class; the nearest is '%s'", where, text, nearest);
    if (d->classes) return ssg_fail(SSGCAM_ERR_INPUT, "%s: label '%s' is not one of the %zu classes", where, text, d->class_count);
    return ssg_fail(SSGCAM_ERR_INPUT, "%s: label '%s' is not a class number; there are no class names (classes.txt or MODEL.json)", where, text);
}

ssgcam_status ssg_item_add_label(ssgcam_item *item, int label)
{
    size_t at = 0;
    while (at < item->label_count && item->labels[at] < label) at++;
    if (at < item->label_count && item->labels[at] == label) return SSGCAM_OK;
    SSG_TRY(ssg_grow(&item->labels, item->label_count + 1, sizeof *item->labels));
    memmove(item->labels + at + 1, item->labels + at, (item->label_count - at) * sizeof *item->labels);
    item->labels[at] = label;
    item->label_count++;
    return SSGCAM_OK;
}

ssgcam_status ssg_item_add_box(ssgcam_item *item, const ssgcam_box *box)
{
    SSG_TRY(ssg_grow(&item->boxes, item->box_count + 1, sizeof *item->boxes));
    item->boxes[item->box_count++] = *box;
    return SSGCAM_OK;
}

/* ---- a bare folder ---------------------------------------------------------------------------------------------------------------- */

static int is_image_name(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && entry->d_name[0] != '.' && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0 || strcasecmp(dot, ".png") == 0);
}

static ssgcam_status read_folder(ssg_dataset_builder *b, const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_image_name, alphasort);
    if (count < 0) return ssg_fail(SSGCAM_ERR_NOT_FOUND, "%s: the folder cannot be read: %s", folder, strerror(errno));
    ssgcam_status status = SSGCAM_OK;
    for (int i = 0; i < count; i++) {
        ssgcam_item *item;
        char *path = status == SSGCAM_OK ? ssg_path_join(folder, entries[i]->d_name) : NULL;
        if (status == SSGCAM_OK) status = path ? ssg_dataset_add(b, path, path, &item) : SSG_OUT_OF_MEMORY;
        ssg_free(path);
        free(entries[i]);
    }
    free(entries);
    return status;
}

/* ---- finishing ---------------------------------------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    return strcmp((*(const ssgcam_item *const *)a)->id, (*(const ssgcam_item *const *)b)->id);
}

/* Outputs are named by id, so two images of one id would overwrite each other. */
static ssgcam_status check_unique(const ssgcam_dataset *d)
{
    const ssgcam_item **sorted = ssg_calloc(d->count, sizeof *sorted);
    if (!sorted) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < d->count; i++) sorted[i] = &d->items[i];
    qsort(sorted, d->count, sizeof *sorted, by_id);
    ssgcam_status status = SSGCAM_OK;
    for (size_t i = 1; i < d->count && status == SSGCAM_OK; i++)
        if (strcmp(sorted[i - 1]->id, sorted[i]->id) == 0)
            status = ssg_fail(SSGCAM_ERR_INPUT, "two images have the name '%s' (%s and %s): their outputs would overwrite each other; rename one",
                              sorted[i]->id, sorted[i - 1]->image, sorted[i]->image);
    ssg_free(sorted);
    return status;
}

/* Only where there are groups: a table without them keeps the digest that recipes and journals know. */
static void add_groups(XXH3_state_t *state, const ssgcam_dataset *d)
{
    size_t named = 0;
    for (size_t i = 0; i < d->count; i++) named += d->items[i].group != NULL;
    if (!named) return;
    XXH3_128bits_update(state, "groups", sizeof "groups");
    for (size_t i = 0; i < d->count; i++) {
        const char *group = d->items[i].group ? d->items[i].group : "";
        XXH3_128bits_update(state, group, strlen(group) + 1);
    }
}

static void digest(ssgcam_dataset *d)
{
    XXH3_state_t state;
    ssg_digest_begin(&state);
    for (size_t i = 0; i < d->class_count && d->classes; i++) XXH3_128bits_update(&state, d->classes[i], strlen(d->classes[i]) + 1);
    for (size_t i = 0; i < d->count; i++) {
        const ssgcam_item *item = &d->items[i];
        const char *mask = item->mask ? ssg_path_name(item->mask) : "";
        XXH3_128bits_update(&state, item->id, strlen(item->id) + 1);
        XXH3_128bits_update(&state, mask, strlen(mask) + 1);
        XXH3_128bits_update(&state, item->labels, item->label_count * sizeof *item->labels);
        XXH3_128bits_update(&state, item->boxes, item->box_count * sizeof *item->boxes);
    }
    add_groups(&state, d);
    ssg_digest_end(d->digest, &state);
}

/* classes.txt in the data's folder, or beside its csv file. */
static char *classes_path(const char *data)
{
    const char *slash = strrchr(data, '/');
    if (ssg_path_is_folder(data)) return ssg_path_join(data, "classes.txt");
    return slash ? ssg_format("%.*s/classes.txt", (int)(slash - data), data) : ssg_strdup("classes.txt");
}

/* Class names: the caller's, else classes.txt of the data. */
static ssgcam_status take_classes(ssgcam_dataset *d, const ssgcam_dataset_options *o)
{
    if (o->classes) {
        if (!(d->classes = ssg_calloc(o->class_count, sizeof *d->classes))) return SSG_OUT_OF_MEMORY;
        for (; d->class_count < o->class_count; d->class_count++)
            if (!(d->classes[d->class_count] = ssg_strdup(o->classes[d->class_count]))) return SSG_OUT_OF_MEMORY;
        return SSGCAM_OK;
    }
    if (!o->data) return SSGCAM_OK;
    char *path = classes_path(o->data);
    if (!path) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = ssg_names_read(&d->classes, &d->class_count, path);
    ssg_free(path);
    return status == SSGCAM_ERR_NOT_FOUND ? SSGCAM_OK : status;
}

static ssgcam_status read_any(ssg_dataset_builder *b)
{
    const ssgcam_dataset_options *o = b->options;
    if (!!o->data + !!o->images + !!o->voc != 1) return ssg_fail(SSGCAM_ERR_ARGUMENT, "give exactly one of --data, --images and --voc");
    if (o->voc) return ssg_dataset_read_voc(b, o->voc, o->split);
    if (o->images && o->labels) return ssg_dataset_read_csv(b, o->labels, o->images);
    if (o->images) return read_folder(b, o->images);
    if (!ssg_path_is_folder(o->data)) return ssg_dataset_read_csv(b, o->data, NULL);
    char *path = ssg_path_join(o->data, "data.csv");
    if (!path) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = ssg_dataset_read_csv(b, path, NULL);
    ssg_free(path);
    return status;
}

ssgcam_status ssgcam_dataset_load(ssgcam_dataset **out, const ssgcam_dataset_options *options)
{
    *out = NULL;
    ssgcam_dataset *d = ssg_calloc(1, sizeof *d);
    if (!d) return SSG_OUT_OF_MEMORY;
    ssg_dataset_builder b = {.dataset = d, .options = options};
    ssgcam_status status = take_classes(d, options);
    if (status == SSGCAM_OK) status = read_any(&b);
    if (status == SSGCAM_OK && d->count == 0)
        status = ssg_fail(SSGCAM_ERR_INPUT, "%s: no images%s%s%s",
                          options->data     ? options->data
                          : options->images ? options->images
                                            : options->voc,
                          options->split ? " in split '" : "", options->split ? options->split : "", options->split ? "'" : "");
    if (status == SSGCAM_OK) status = check_unique(d);
    if (status == SSGCAM_OK) digest(d);
    if (status != SSGCAM_OK) ssgcam_dataset_destroy(&d);
    *out = d;
    return status;
}

static void clear_item(ssgcam_item *item)
{
    ssg_free(item->id);
    ssg_free(item->image);
    ssg_free(item->mask);
    ssg_free(item->labels);
    ssg_free(item->boxes);
    ssg_free(item->group);
}

void ssgcam_dataset_truncate(ssgcam_dataset *dataset, size_t count)
{
    while (dataset->count > count) clear_item(&dataset->items[--dataset->count]);
    digest(dataset);
}

void ssgcam_dataset_destroy(ssgcam_dataset **dataset)
{
    if (!dataset || !*dataset) return;
    ssgcam_dataset *d = *dataset;
    for (size_t i = 0; i < d->count; i++) clear_item(&d->items[i]);
    ssg_free(d->items);
    ssg_names_free(d->classes, d->class_count);
    ssg_free(d);
    *dataset = NULL;
}
