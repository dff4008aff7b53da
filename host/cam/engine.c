#include "host/cam/engine.h"

#include <string.h>

#include "host/base/alloc.h"
#include "host/base/clock.h"
#include "kernels/ops.h"

typedef struct row {
    ssg_cam_row spec;
    int tap;     /* index into the plan's taps */
    float *maps; /* device memory */
    int height, width;
} row;

struct ssg_cam {
    ssg_device *device;
    const ssg_ops *ops;
    ssg_plan *plan;
    row *rows;
    int row_count, keep_sign;
    size_t images, classes;
    void *scratch; /* device memory */
    size_t memory;
    double ms[3];
};

static ssg_map_kind kind_of(ssgcam_method method)
{
    switch (method) {
    case SSGCAM_METHOD_GRADCAM: return SSG_MAP_GRADCAM;
    case SSGCAM_METHOD_GRADCAMPP: return SSG_MAP_GRADCAMPP;
    case SSGCAM_METHOD_XGRADCAM: return SSG_MAP_XGRADCAM;
    case SSGCAM_METHOD_LAYERCAM: return SSG_MAP_LAYERCAM;
    case SSGCAM_METHOD_HIRESCAM: return SSG_MAP_HIRESCAM;
    case SSGCAM_METHOD_GRADCAM_ELEMENTWISE: return SSG_MAP_GRADCAM_ELEMENTWISE;
    default: return SSG_MAP_SSGCAM;
    }
}

static ssg_features features_of(const ssg_placed *placed, const void *data)
{
    const int64_t *dims = placed->shape.dims;
    return (ssg_features){
        data, (size_t)dims[0], (size_t)dims[1], (size_t)dims[2], (size_t)dims[3], (size_t)ssg_layout_block(placed->layout, dims[1])};
}

/* ---- creation --------------------------------------------------------------------------------------------------------------- */

/* The distinct layers of the rows, in order of first use. */
static int collect_taps(const ssg_cam_options *options, const char **taps, row *rows)
{
    int count = 0;
    for (int i = 0; i < options->row_count; i++) {
        int tap = 0;
        while (tap < count && strcmp(taps[tap], options->rows[i].layer) != 0) tap++;
        if (tap == count) taps[count++] = options->rows[i].layer;
        rows[i] = (row){.spec = options->rows[i], .tap = tap};
    }
    return count;
}

static ssgcam_status make_room(ssg_cam *cam)
{
    size_t scratch = 0;
    ssg_device *device = cam->device;
    for (int i = 0; i < cam->row_count; i++) {
        ssg_tap tap;
        ssg_plan_tap(cam->plan, cam->rows[i].tap, &tap);
        if (tap.activation_placed.shape.rank != 4)
            return ssg_fail(SSGCAM_ERR_ARGUMENT, "layer '%s' is no image: its values have no height and width", cam->rows[i].spec.layer);
        ssg_features a = features_of(&tap.activation_placed, NULL), g = features_of(&tap.gradient_placed, NULL);
        size_t bytes = g.rows * a.height * a.width * sizeof(float), need = cam->ops->maps_scratch(&device->run, &a, &g);
        cam->rows[i].height = (int)a.height;
        cam->rows[i].width = (int)a.width;
        SSG_TRY(device->interface->memory_create(device, bytes, (void **)&cam->rows[i].maps));
        cam->memory += bytes;
        if (need > scratch) scratch = need;
    }
    cam->memory += scratch;
    return device->interface->memory_create(device, scratch, &cam->scratch);
}

static ssgcam_status build(ssg_cam *cam, const ssg_model *model, const ssg_cam_options *options)
{
    const char **taps = ssg_calloc((size_t)options->row_count, sizeof *taps);
    cam->rows = ssg_calloc((size_t)options->row_count, sizeof *cam->rows);
    if (!taps || !cam->rows) {
        ssg_free(taps);
        return SSG_OUT_OF_MEMORY;
    }
    cam->row_count = options->row_count;
    ssg_plan_options plan = {.input = options->input, .taps = taps, .classes = options->classes, .precision = options->precision};
    plan.tap_count = collect_taps(options, taps, cam->rows);
    ssgcam_status status = ssg_plan_create(&cam->plan, cam->device, model, &plan);
    ssg_free(taps);
    return status == SSGCAM_OK ? make_room(cam) : status;
}

ssgcam_status ssg_cam_create(ssg_cam **out, ssg_device *device, const ssg_model *model, const ssg_cam_options *options)
{
    *out = NULL;
    if (options->row_count < 1 || options->classes < 1)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "%d rows and %d classes", options->row_count, options->classes);
    ssg_cam *cam = ssg_calloc(1, sizeof *cam);
    if (!cam) return SSG_OUT_OF_MEMORY;
    cam->device = device;
    cam->ops = device->ops;
    cam->keep_sign = options->keep_sign;
    cam->images = (size_t)options->input.dims[0];
    cam->classes = (size_t)options->classes;
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
    device->interface->memory_destroy(device, (*cam)->scratch);
    ssg_plan_destroy(&(*cam)->plan);
    ssg_free((*cam)->rows);
    ssg_free(*cam);
    *cam = NULL;
}

/* ---- passes ------------------------------------------------------------------------------------------------------------------- */

ssgcam_status ssg_cam_forward(ssg_cam *cam, const float *images, float *logits)
{
    double start = ssg_clock_ms();
    SSG_TRY(ssg_plan_forward(cam->plan, images));
    if (logits) SSG_TRY(ssg_plan_scores(cam->plan, logits));
    cam->ms[0] = ssg_clock_ms() - start;
    return SSGCAM_OK;
}

static void compute_row(ssg_cam *cam, row *r)
{
    const ssgcam_method_options *m = &r->spec.method;
    ssg_map_spec spec = {.kind = kind_of(m->method),
                         .sigma = m->sigma,
                         .coherence = m->combine == SSGCAM_COMBINE_COHERENCE,
                         .channelwise = m->weighting == SSGCAM_WEIGHTING_CHANNEL,
                         .keep_sign = cam->keep_sign};
    ssg_tap tap;
    ssg_plan_tap(cam->plan, r->tap, &tap);
    ssg_features a = features_of(&tap.activation_placed, tap.activation), g = features_of(&tap.gradient_placed, tap.gradient);
    cam->ops->maps(&cam->device->run, &spec, &a, &g, NULL, r->maps, cam->scratch);
}

ssgcam_status ssg_cam_backward(ssg_cam *cam, const int64_t *chosen)
{
    double start = ssg_clock_ms();
    SSG_TRY(ssg_plan_backward_classes(cam->plan, chosen));
    double middle = ssg_clock_ms();
    for (int i = 0; i < cam->row_count; i++) compute_row(cam, &cam->rows[i]);
    cam->ms[1] = middle - start;
    cam->ms[2] = ssg_clock_ms() - middle;
    return SSGCAM_OK;
}

/* ---- looking ------------------------------------------------------------------------------------------------------------------ */

int64_t ssg_cam_class_count(const ssg_cam *cam)
{
    return ssg_plan_class_count(cam->plan);
}

float *ssg_cam_maps(const ssg_cam *cam, int index, int *height, int *width)
{
    *height = cam->rows[index].height;
    *width = cam->rows[index].width;
    return cam->rows[index].maps;
}

void ssg_cam_tap(const ssg_cam *cam, int index, ssg_tap *tap)
{
    ssg_plan_tap(cam->plan, cam->rows[index].tap, tap);
}

void ssg_cam_times(const ssg_cam *cam, double ms[3])
{
    memcpy(ms, cam->ms, sizeof cam->ms);
}

size_t ssg_cam_memory(const ssg_cam *cam)
{
    return cam->memory + ssg_plan_memory(cam->plan);
}
