#include <stdio.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/digest.h"
#include "host/base/files.h"
#include "host/flow/network.h"
#include "host/search/bank.h"

static const size_t most_bytes = (size_t)1 << 30;

static void add_text(XXH3_state_t *state, const char *text)
{
    XXH3_128bits_update(state, text, strlen(text) + 1);
}

/* Numbers go in as text: no padding, no byte order. */
#define ADD(state, ...)                              \
    do {                                             \
        char add_text_buffer[256];                   \
        snprintf(add_text_buffer, 256, __VA_ARGS__); \
        add_text(state, add_text_buffer);            \
    } while (0)

static void add_model(XXH3_state_t *state, const ssg_bank_request *r)
{
    const ssgcam_model *m = r->options->model;
    const ssgcam_preprocess *p = &m->preprocess;
    add_text(state, "ssgcam bank 5");
    add_text(state, m->model->digest);
    ADD(state, "%d %d %d %d %.17g", m->height, m->width, p->resize, p->channels, p->scale);
    for (int c = 0; c < 3; c++) ADD(state, "%.17g %.17g", p->mean[c], p->std[c]);
    ADD(state, "%s %d", r->options->device->interface->name, r->options->precision);
}

static void add_grid(XXH3_state_t *state, const ssg_grid *grid)
{
    ADD(state, "%d %d %zu %zu %zu", grid->height, grid->width, grid->layers, grid->methods, grid->powers);
    for (size_t l = 0; l < grid->layers; l++) add_text(state, grid->layer[l]);
    for (size_t m = 0; m < grid->methods; m++) {
        const ssgcam_method_options *o = &grid->method[m];
        ADD(state, "%d %.17g %d %d %d %d %d", o->method, o->sigma, o->combine, o->weighting, o->second_order, o->target, o->probes);
    }
    for (size_t p = 0; p < grid->powers; p++) ADD(state, "%.17g", grid->power[p]);
}

static ssgcam_status add_file(XXH3_state_t *state, const char *path)
{
    char *bytes;
    size_t size;
    SSG_TRY(ssg_file_read(&bytes, &size, path, most_bytes));
    ADD(state, "%zu", size);
    XXH3_128bits_update(state, bytes, size);
    ssg_free(bytes);
    return SSGCAM_OK;
}

static ssgcam_status add_items(XXH3_state_t *state, const ssg_bank_request *r)
{
    ADD(state, "%zu", r->count);
    for (size_t i = 0; i < r->count; i++) {
        const ssgcam_item *item = r->items[i];
        for (size_t l = 0; l < item->label_count; l++) ADD(state, "label %d", item->labels[l]);
        SSG_TRY(add_file(state, item->image));
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_bank_key(char key[33], const ssg_bank_request *request)
{
    XXH3_state_t state;
    ssg_digest_begin(&state);
    add_model(&state, request);
    add_grid(&state, request->grid);
    SSG_TRY(add_items(&state, request));
    ssg_digest_end(key, &state);
    return SSGCAM_OK;
}
