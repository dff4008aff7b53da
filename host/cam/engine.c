#include "host/cam/engine.h"

#include <string.h>

#include "host/base/alloc.h"
#include "host/cam/pass.h"

static const size_t CHUNK_BYTES = (size_t)512 << 20;

enum { FORWARD_FROM, FORWARD_TO, BACKWARD_FROM, BACKWARD_TO, MAPS_TO, MARKS };

typedef struct row {
    ssgcam_method_options method;
    const char *layer;
    int pass, tap; /* which pass, and which of its layers */
    int group;     /* rows whose maps are made together */
    float *maps;   /* device memory */
    int height, width;
} row;

struct ssg_cam {
    ssg_device *device;
    row *rows;
    int row_count;
    ssg_pass **passes;
    int pass_count, group_count;
    float *images; /* a copy in host memory, if a pass needs it */
    size_t image_bytes;
    void *scratch; /* device memory */
    size_t memory;
    ssg_mark marks[MARKS];
};

/* ---- which rows share a pass -------------------------------------------------------------------------------------------------------- */

static const ssg_pass_kind *kind_of(const ssgcam_method_options *method)
{
    if (method->method == SSGCAM_METHOD_SCORECAM) return &ssg_scorecam_pass;
    if (method->method == SSGCAM_METHOD_SMOOTHGRADCAMPP) return &ssg_smoothgradcampp_pass;
    if (method->method == SSGCAM_METHOD_SSGCAM && method->second_order == SSGCAM_SECOND_ORDER_EXACT) return &ssg_second_order_pass;
    return &ssg_gradient_pass;
}

/* Whether two rows need the same network passes. */
static int same_pass(const ssgcam_method_options *a, const ssgcam_method_options *b)
{
    const ssg_pass_kind *kind = kind_of(a);
    if (kind != kind_of(b) || a->target != b->target) return 0;
    if (kind == &ssg_second_order_pass) return a->probes == b->probes && a->seed == b->seed;
    if (kind == &ssg_smoothgradcampp_pass) return a->samples == b->samples && a->noise == b->noise && a->seed == b->seed;
    return 1;
}

/* Numbers the passes in order of their first row. */
static void assign_passes(ssg_cam *cam)
{
    for (int i = 0; i < cam->row_count; i++) {
        int k = 0;
        while (k < i && !same_pass(&cam->rows[k].method, &cam->rows[i].method)) k++;
        cam->rows[i].pass = k < i ? cam->rows[k].pass : cam->pass_count++;
    }
}

/* The distinct layers of a pass, in order of first use. */
static int collect_layers(ssg_cam *cam, int pass, const char **layers)
{
    int count = 0;
    for (int i = 0; i < cam->row_count; i++) {
        row *r = &cam->rows[i];
        if (r->pass != pass) continue;
        for (r->tap = 0; r->tap < count && strcmp(layers[r->tap], r->layer) != 0;) r->tap++;
        if (r->tap == count) layers[count++] = r->layer;
    }
    return count;
}

static int same_layer(const row *a, const row *b)
{
    return a->pass == b->pass && a->tap == b->tap;
}

/* Rows of one layer and pass are made together, as many as the operation takes. */
static void assign_groups(ssg_cam *cam)
{
    for (int i = 0; i < cam->row_count; i++) {
        int before = 0, last = -1; /* rows of this layer so far, and the last of them */
        for (int k = 0; k < i; k++)
            if (same_layer(&cam->rows[k], &cam->rows[i])) before++, last = k;
        cam->rows[i].group = before % SSG_MAPS_TOGETHER ? cam->rows[last].group : cam->group_count++;
    }
}

/* ---- creation --------------------------------------------------------------------------------------------------------------- */

static ssgcam_status create_pass(ssg_cam *cam, int index, const ssg_model *model, const ssg_cam_options *options, const char **layers)
{
    ssg_pass_setup setup = {.device = cam->device,
                            .model = model,
                            .input = options->input,
                            .nhwc = options->nhwc,
                            .classes = options->classes,
                            .keep_sign = options->keep_sign,
                            .chunk_bytes = options->chunk_bytes ? options->chunk_bytes : CHUNK_BYTES,
                            .precision = options->precision,
                            .layers = layers,
                            .layer_count = collect_layers(cam, index, layers)};
    int first = 0;
    while (cam->rows[first].pass != index) first++;
    setup.method = cam->rows[first].method;
    const ssg_pass_kind *kind = kind_of(&setup.method);
    setup.narrow_taps = kind->narrow_taps;
    ssg_pass *pass = ssg_calloc(1, kind->size);
    if (!pass) return SSG_OUT_OF_MEMORY;
    cam->passes[index] = pass;
    pass->kind = kind;
    pass->setup = setup;
    ssgcam_status status = kind->create(pass);
    pass->setup.layers = NULL; /* only borrowed */
    return status;
}

static size_t group_size(const ssg_cam *cam, int group)
{
    size_t count = 0;
    for (int i = 0; i < cam->row_count; i++) count += cam->rows[i].group == group;
    return count;
}

static ssgcam_status make_room(ssg_cam *cam, const ssg_cam_options *options)
{
    size_t scratch = 0;
    ssg_device *device = cam->device;
    int needs_images = 0;
    for (int i = 0; i < cam->row_count; i++) {
        row *r = &cam->rows[i];
        ssg_tap tap;
        ssg_plan_tap(cam->passes[r->pass]->plan, r->tap, &tap);
        needs_images |= cam->passes[r->pass]->kind->needs_images;
        if (tap.activation_placed.shape.rank != 4)
            return ssg_fail(SSGCAM_ERR_ARGUMENT, "layer '%s' is no image: its values have no height and width", r->layer);
        ssg_features a = ssg_pass_features(&tap.activation_placed, NULL), g = a;
        g.rows *= (size_t)options->classes;
        size_t bytes = g.rows * a.height * a.width * sizeof(float);
        size_t need = device->ops->maps_scratch(&device->run, &a, &g, group_size(cam, r->group));
        r->height = (int)a.height;
        r->width = (int)a.width;
        SSG_TRY(device->interface->memory_create(device, bytes, (void **)&r->maps));
        cam->memory += bytes;
        if (need > scratch) scratch = need;
    }
    cam->memory += scratch;
    cam->image_bytes = ssg_shape_count(&options->input) * sizeof(float);
    if (needs_images && !(cam->images = ssg_alloc_aligned(cam->image_bytes, 1))) return SSG_OUT_OF_MEMORY;
    return device->interface->memory_create(device, scratch, &cam->scratch);
}

static ssgcam_status build(ssg_cam *cam, const ssg_model *model, const ssg_cam_options *options)
{
    size_t rows = (size_t)options->row_count;
    const char **layers = ssg_calloc(rows, sizeof *layers);
    cam->rows = ssg_calloc(rows, sizeof *cam->rows);
    cam->passes = ssg_calloc(rows, sizeof *cam->passes);
    ssgcam_status status = layers && cam->rows && cam->passes ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) {
        cam->row_count = options->row_count;
        for (size_t i = 0; i < rows; i++) cam->rows[i] = (row){.method = options->rows[i].method, .layer = options->rows[i].layer};
        assign_passes(cam);
    }
    for (int i = 0; status == SSGCAM_OK && i < cam->pass_count; i++) status = create_pass(cam, i, model, options, layers);
    ssg_free(layers);
    if (status != SSGCAM_OK) return status;
    assign_groups(cam);
    return make_room(cam, options);
}

ssgcam_status ssg_cam_create(ssg_cam **out, ssg_device *device, const ssg_model *model, const ssg_cam_options *options)
{
    *out = NULL;
    if (options->row_count < 1 || options->classes < 1)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "%d rows and %d classes", options->row_count, options->classes);
    for (int i = 0; i < options->row_count; i++) SSG_TRY(ssgcam_method_check(&options->rows[i].method));
    ssg_cam *cam = ssg_calloc(1, sizeof *cam);
    if (!cam) return SSG_OUT_OF_MEMORY;
    cam->device = device;
    ssgcam_status status = build(cam, model, options);
    if (status != SSGCAM_OK) ssg_cam_destroy(&cam);
    *out = cam;
    return status;
}

void ssg_cam_destroy(ssg_cam **cam)
{
    if (!cam || !*cam) return;
    ssg_device *device = (*cam)->device;
    for (int i = 0; i < (*cam)->row_count; i++) device->interface->memory_destroy(device, (*cam)->rows[i].maps);
    for (int i = 0; i < (*cam)->pass_count; i++) {
        ssg_pass *pass = (*cam)->passes[i];
        if (!pass) continue;
        pass->kind->clear(pass);
        ssg_plan_destroy(&pass->plan);
        ssg_free(pass);
    }
    device->interface->memory_destroy(device, (*cam)->scratch);
    for (int i = 0; i < MARKS; i++) device->interface->mark_clear(device, &(*cam)->marks[i]);
    ssg_free((*cam)->passes);
    ssg_free((*cam)->rows);
    ssg_free((*cam)->images);
    ssg_free(*cam);
    *cam = NULL;
}

/* ---- passes ------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status mark(ssg_cam *cam, int which)
{
    return cam->device->interface->mark(cam->device, &cam->marks[which]);
}

ssgcam_status ssg_cam_forward(ssg_cam *cam, const float *images, float *logits)
{
    SSG_TRY(mark(cam, FORWARD_FROM));
    for (int i = 0; i < cam->pass_count; i++) SSG_TRY(ssg_plan_forward(cam->passes[i]->plan, images));
    if (cam->images) memcpy(cam->images, images, cam->image_bytes);
    SSG_TRY(mark(cam, FORWARD_TO));
    return logits ? ssg_plan_scores(cam->passes[0]->plan, logits) : SSGCAM_OK;
}

ssgcam_status ssg_cam_forward_sent(ssg_cam *cam, ssg_lane *sent, const float *images, void *logits)
{
    SSG_TRY(mark(cam, FORWARD_FROM));
    for (int i = 0; i < cam->pass_count; i++) SSG_TRY(ssg_plan_forward_sent(cam->passes[i]->plan, sent));
    if (cam->images) memcpy(cam->images, images, cam->image_bytes);
    SSG_TRY(mark(cam, FORWARD_TO));
    return ssg_plan_keep_scores(cam->passes[0]->plan, logits);
}

static void make_maps(ssg_cam *cam, int group)
{
    const ssgcam_method_options *methods[SSG_MAPS_TOGETHER];
    float *maps[SSG_MAPS_TOGETHER];
    const row *of = NULL;
    size_t count = 0;
    for (int i = 0; i < cam->row_count; i++) {
        if (cam->rows[i].group != group) continue;
        of = &cam->rows[i];
        methods[count] = &of->method;
        maps[count++] = of->maps;
    }
    if (of) cam->passes[of->pass]->kind->maps(cam->passes[of->pass], of->tap, methods, count, maps, cam->scratch);
}

ssgcam_status ssg_cam_backward(ssg_cam *cam, const int64_t *chosen)
{
    SSG_TRY(mark(cam, BACKWARD_FROM));
    for (int i = 0; i < cam->pass_count; i++) SSG_TRY(cam->passes[i]->kind->run(cam->passes[i], cam->images, chosen));
    SSG_TRY(mark(cam, BACKWARD_TO));
    for (int g = 0; g < cam->group_count; g++) make_maps(cam, g);
    return mark(cam, MAPS_TO);
}

/* ---- looking ------------------------------------------------------------------------------------------------------------------ */

float *ssg_cam_maps(const ssg_cam *cam, int index, int *height, int *width)
{
    *height = cam->rows[index].height;
    *width = cam->rows[index].width;
    return cam->rows[index].maps;
}

void ssg_cam_tap(const ssg_cam *cam, int index, ssg_tap *tap)
{
    const row *r = &cam->rows[index];
    cam->passes[r->pass]->kind->tap(cam->passes[r->pass], r->tap, tap);
}

ssgcam_status ssg_cam_times(const ssg_cam *cam, double ms[3])
{
    static const int from[] = {FORWARD_FROM, BACKWARD_FROM, BACKWARD_TO}, to[] = {FORWARD_TO, BACKWARD_TO, MAPS_TO};
    for (int i = 0; i < 3; i++) SSG_TRY(cam->device->interface->mark_ms(cam->device, &cam->marks[from[i]], &cam->marks[to[i]], &ms[i]));
    return SSGCAM_OK;
}

size_t ssg_cam_memory(const ssg_cam *cam)
{
    size_t total = cam->memory;
    for (int i = 0; i < cam->pass_count; i++) total += cam->passes[i]->memory + ssg_plan_memory(cam->passes[i]->plan);
    return total;
}
