/* Images of a batch go through a device's network together, once for every view; their maps come back on the grid. */
#include <math.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/flow/precision.h"
#include "host/flow/scores.h"
#include "host/flow/stream_parts.h"
#include "kernels/ops.h"

/* ---- memory --------------------------------------------------------------------------------------------------------------------------- */

static size_t class_bytes(const stream *s)
{
    return s->grid_pixels * (s->o->keep_rows ? (size_t)s->row_count * (size_t)s->power_count : s->views.count * sizeof(int16_t));
}

/* A lane with room for that many bytes; NULL before it is made. */
static ssgcam_status widen(ssg_device *device, ssg_lane **lane, size_t bytes)
{
    if (*lane && (*lane)->bytes >= bytes) return SSGCAM_OK;
    device->interface->lane_destroy(device, *lane);
    *lane = NULL;
    return device->interface->lane_create(device, bytes, lane);
}

static ssgcam_status make_slot_room(const stream *s, slot *to, int classes)
{
    if (to->room >= (size_t)classes) return SSGCAM_OK;
    ssg_free(to->maps);
    to->room = 0;
    if (!(to->maps = ssg_alloc_aligned((size_t)classes, class_bytes(s)))) return SSG_OUT_OF_MEMORY;
    to->room = (size_t)classes;
    return SSGCAM_OK;
}

static ssgcam_status make_room(worker *w, part *p)
{
    const stream *s = w->s;
    size_t images = (size_t)w->pass_size, maps = images * (size_t)p->classes;
    for (size_t v = 0; v < s->views.count; v++) {
        SSG_TRY(widen(w->device, &p->passes[v].images, images * s->view_floats[v] * sizeof(float)));
        SSG_TRY(widen(w->device, &p->passes[v].scores, images * s->o->model->class_count * sizeof(float)));
        SSG_TRY(widen(w->device, &p->passes[v].flags, maps * (size_t)s->row_count));
    }
    if (!w->device->interface->host_memory) SSG_TRY(widen(w->device, &p->maps, maps * class_bytes(s)));
    for (size_t i = 0; i < p->count; i++)
        if (p->slots[i].failure.status == SSGCAM_OK) SSG_TRY(make_slot_room(s, &p->slots[i], p->slots[i].class_count ? p->slots[i].class_count : 1));
    return SSGCAM_OK;
}

void ssg_stream_clear_part(worker *w, part *p)
{
    const ssg_device_interface *interface = w->device->interface;
    for (size_t v = 0; v < w->s->views.count; v++) {
        pass *of = &p->passes[v];
        interface->lane_destroy(w->device, of->images);
        interface->lane_destroy(w->device, of->scores);
        interface->lane_destroy(w->device, of->flags);
        interface->mark_clear(w->device, &of->start);
        interface->mark_clear(w->device, &of->network);
        interface->mark_clear(w->device, &of->end);
        *of = (pass){.images = NULL};
    }
    interface->lane_destroy(w->device, p->maps);
    p->maps = NULL;
}

/* ---- classes -------------------------------------------------------------------------------------------------------------------------- */

/* Image i is one that the network works on for its own sake. */
static int counts(const part *p, size_t i)
{
    return i < p->count && p->slots[i].failure.status == SSGCAM_OK;
}

static ssgcam_status check_labels(const ssgcam_item *item, size_t classes)
{
    for (size_t c = 0; c < item->label_count; c++)
        if ((size_t)item->labels[c] >= classes)
            return ssg_fail(SSGCAM_ERR_INPUT, "%s: label %d, but the model has classes 0 to %zu", item->image, item->labels[c], classes - 1);
    return SSGCAM_OK;
}

/* The number of classes is known beforehand, except that an image without labels needs one. Gives whether there are such. */
static int take_labels(const stream *s, part *p)
{
    int unlabelled = 0;
    p->classes = 1;
    for (size_t i = 0; i < p->count; i++) {
        slot *to = &p->slots[i];
        to->class_count = 0;
        if (to->failure.status != SSGCAM_OK) continue;
        ssgcam_status status = check_labels(to->item, s->o->model->class_count);
        if (status != SSGCAM_OK) {
            ssg_failure_take(&to->failure, status);
            continue;
        }
        to->class_count = (int)to->item->label_count;
        for (int c = 0; c < to->class_count; c++) to->classes[c] = to->item->labels[c];
        if (to->class_count > p->classes) p->classes = to->class_count;
        if (to->class_count == 0) unlabelled = 1;
    }
    return unlabelled;
}

static void choose_best(slot *to, const float *scores, size_t classes)
{
    size_t top = 0;
    for (size_t k = 1; k < classes; k++)
        if (scores[k] > scores[top]) top = k;
    to->classes[0] = (int)top;
    to->class_count = 1;
}

/* Images whose scores are not numbers fail. The first view's scores rank the classes of each image, and choose that of one without labels. */
static ssgcam_status read_scores(worker *w, part *p, size_t view)
{
    size_t classes = w->s->o->model->class_count;
    const void *bytes;
    SSG_TRY(w->device->interface->fetched(w->device, p->passes[view].scores, &bytes));
    for (size_t i = 0; i < p->count; i++) {
        slot *to = &p->slots[i];
        const float *scores = (const float *)bytes + i * classes;
        for (size_t k = 0; to->failure.status == SSGCAM_OK && k < classes; k++)
            if (!isfinite(scores[k]))
                ssg_failure_take(&to->failure, ssg_fail(SSGCAM_ERR_INPUT, "%s: the network's score of class %zu is not a number%s", to->item->image,
                                                        k, ssg_precision_hint(w->s->o->precision)));
        if (to->failure.status != SSGCAM_OK || view > 0) continue;
        if (to->class_count == 0) choose_best(to, scores, classes);
        for (int c = 0; c < to->class_count; c++) to->ranks[c] = ssg_scores_rank(scores, classes, (size_t)to->classes[c]);
    }
    return SSGCAM_OK;
}

/* chosen[c * N + n]; class 0 where an image has fewer, or failed. */
static void fill_chosen(worker *w, const part *p)
{
    size_t images = (size_t)w->pass_size;
    for (size_t i = 0; i < images; i++)
        for (int c = 0; c < p->classes; c++)
            w->chosen[(size_t)c * images + i] = counts(p, i) && c < p->slots[i].class_count ? p->slots[i].classes[c] : 0;
}

/* ---- maps on the grid ------------------------------------------------------------------------------------------------------------------- */

/* Where an image's maps go: to its slot, or one after the other into the lane. */
static uint8_t *maps_of(const worker *w, const part *p, size_t image)
{
    if (!p->maps) return p->slots[image].maps;
    size_t before = 0;
    for (size_t i = 0; i < image; i++) before += (size_t)p->slots[i].class_count;
    return (uint8_t *)p->maps->memory + before * class_bytes(w->s);
}

/* A row's maps of the images and classes that are wanted, each with its place among those of its class. */
static size_t find_places(worker *w, const part *p, size_t view, int row, const float *maps, size_t pixels)
{
    const stream *s = w->s;
    size_t found = 0, offset = s->o->keep_rows ? (size_t)row * (size_t)s->power_count * s->grid_pixels : view * s->grid_pixels * sizeof(int16_t);
    for (size_t i = 0; i < p->count; i++) {
        if (!counts(p, i)) continue;
        uint8_t *to = maps_of(w, p, i) + offset;
        for (size_t c = 0; c < (size_t)p->slots[i].class_count; c++)
            w->places[found++] = (ssg_place){maps + (c * (size_t)w->pass_size + i) * pixels, to + c * class_bytes(s)};
    }
    return found;
}

/* On the grid: kept with every power, or mixed with the row's weight. */
static void place_row(worker *w, part *p, size_t view, int row)
{
    const stream *s = w->s;
    const ssg_ops *ops = w->device->ops;
    const ssg_run *run = &w->device->run;
    const pass *of = &p->passes[view];
    int height, width;
    float *maps = ssg_cam_maps(of->engine, row, &height, &width);
    size_t h = (size_t)height, v = (size_t)width, H = (size_t)s->grid_h, W = (size_t)s->grid_w, count = (size_t)w->pass_size * (size_t)p->classes;
    ops->normalise(run, maps, count, h * v, 0, (uint8_t *)of->flags->memory + (size_t)row * count);
    size_t found = find_places(w, p, view, row, maps, h * v);
    if (s->o->keep_rows)
        ops->quantise(run, w->places, found, H, W, h, v, s->powers, (size_t)s->power_count);
    else
        ops->mix(run, w->places, found, H, W, h, v, s->powers[row], s->weights[row]);
}

/* Mixtures add up. */
static ssgcam_status clear_maps(worker *w, part *p)
{
    for (size_t i = 0; i < p->count && !w->s->o->keep_rows; i++)
        if (counts(p, i)) SSG_TRY(w->device->interface->clear(w->device, maps_of(w, p, i), (size_t)p->slots[i].class_count * class_bytes(w->s)));
    return SSGCAM_OK;
}

/* ---- the pass ------------------------------------------------------------------------------------------------------------------------------ */

static ssgcam_status find_engine(worker *w, part *p, size_t view)
{
    const stream *s = w->s;
    const ssgcam_model *m = s->o->model;
    const ssg_view *of = &s->views.items[view];
    size_t first = 0;
    while (s->views.items[first].height != of->height || s->views.items[first].width != of->width) first++;
    ssg_cam **engine = &w->engines[first][p->classes];
    if (!*engine) {
        ssg_cam_options options = {.input = ssg_network_input(m, w->pass_size, of->height, of->width),
                                   .nhwc = m->nhwc,
                                   .rows = s->rows,
                                   .row_count = s->row_count,
                                   .classes = p->classes,
                                   .precision = s->o->precision};
        SSG_TRY(ssg_cam_create(engine, w->device, m->model, &options));
    }
    p->passes[view].engine = *engine;
    return SSGCAM_OK;
}

static size_t maps_bytes(const worker *w, const part *p)
{
    size_t classes = 0;
    for (size_t i = 0; i < p->count; i++) classes += (size_t)p->slots[i].class_count;
    return classes * class_bytes(w->s);
}

static ssgcam_status begin_scores(worker *w, part *p, size_t view)
{
    pass *of = &p->passes[view];
    SSG_TRY(w->device->interface->mark(w->device, &of->start));
    SSG_TRY(ssg_cam_forward_sent(of->engine, of->images, of->tensor, of->scores->memory));
    return w->device->interface->fetch(w->device, of->scores, (size_t)w->pass_size * w->s->o->model->class_count * sizeof(float));
}

/* Once the first view's scores are under way: which classes, and room for their maps. */
static ssgcam_status settle_classes(worker *w, part *p, int unlabelled)
{
    if (unlabelled) SSG_TRY(read_scores(w, p, 0)); /* else they can wait */
    fill_chosen(w, p);
    return clear_maps(w, p);
}

static ssgcam_status begin_maps(worker *w, part *p, size_t view)
{
    ssg_device *device = w->device;
    pass *of = &p->passes[view];
    SSG_TRY(ssg_cam_backward(of->engine, w->chosen));
    SSG_TRY(device->interface->mark(device, &of->network));
    for (int row = 0; row < w->s->row_count; row++) place_row(w, p, view, row);
    SSG_TRY(device->interface->mark(device, &of->end));
    return device->interface->fetch(device, of->flags, (size_t)w->s->row_count * (size_t)w->pass_size * (size_t)p->classes);
}

ssgcam_status ssg_stream_begin(worker *w, part *p)
{
    ssg_device *device = w->device;
    const ssg_device_interface *interface = device->interface;
    size_t images = (size_t)w->pass_size;
    const stream *s = w->s;
    int unlabelled = take_labels(s, p);
    for (size_t v = 0; v < s->views.count; v++) SSG_TRY(find_engine(w, p, v));
    SSG_TRY(make_room(w, p));
    for (size_t v = 0; v < s->views.count; v++)
        SSG_TRY(interface->send(device, p->passes[v].images, p->passes[v].tensor, images * s->view_floats[v] * sizeof(float)));
    for (size_t v = 0; v < s->views.count; v++) {
        SSG_TRY(begin_scores(w, p, v));
        if (v == 0) SSG_TRY(settle_classes(w, p, unlabelled));
        SSG_TRY(begin_maps(w, p, v));
    }
    return p->maps && maps_bytes(w, p) ? interface->fetch(device, p->maps, maps_bytes(w, p)) : SSGCAM_OK;
}

/* Images with a map that is not a number fail. */
static ssgcam_status read_flags(const worker *w, part *p, size_t view)
{
    const void *bytes;
    SSG_TRY(w->device->interface->fetched(w->device, p->passes[view].flags, &bytes));
    const uint8_t *flags = bytes;
    const stream *s = w->s;
    size_t images = (size_t)w->pass_size, count = images * (size_t)p->classes;
    for (size_t i = 0; i < p->count; i++) {
        slot *to = &p->slots[i];
        for (int row = 0; row < s->row_count; row++)
            for (int c = 0; to->failure.status == SSGCAM_OK && c < to->class_count; c++)
                if (flags[(size_t)row * count + (size_t)c * images + i] & SSG_MAP_NAN)
                    ssg_failure_take(&to->failure, ssg_fail(SSGCAM_ERR_INPUT, "%s: the map of layer '%s' is not a number%s", to->item->image,
                                                            s->rows[row].layer, ssg_precision_hint(s->o->precision)));
    }
    return SSGCAM_OK;
}

static void read_maps(const worker *w, part *p, const uint8_t *maps)
{
    for (size_t i = 0; i < p->count; i++) {
        size_t bytes = (size_t)p->slots[i].class_count * class_bytes(w->s);
        if (counts(p, i)) memcpy(p->slots[i].maps, maps, bytes);
        maps += bytes;
    }
}

static ssgcam_status add_times(worker *w, const pass *of)
{
    double network, maps;
    SSG_TRY(w->device->interface->mark_ms(w->device, &of->start, &of->network, &network));
    SSG_TRY(w->device->interface->mark_ms(w->device, &of->network, &of->end, &maps));
    w->times.network += network;
    w->times.maps += maps;
    return SSGCAM_OK;
}

ssgcam_status ssg_stream_finish(worker *w, part *p)
{
    ssg_device *device = w->device;
    const void *bytes;
    for (size_t v = 0; v < w->s->views.count; v++) {
        SSG_TRY(read_flags(w, p, v));
        SSG_TRY(read_scores(w, p, v)); /* labelled images: whether they are numbers */
    }
    if (p->maps && maps_bytes(w, p)) {
        SSG_TRY(device->interface->fetched(device, p->maps, &bytes));
        read_maps(w, p, bytes);
    }
    for (size_t v = 0; v < w->s->views.count; v++) SSG_TRY(add_times(w, &p->passes[v]));
    return SSGCAM_OK;
}
