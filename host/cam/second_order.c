/* SSG-CAM with exact second order: h is the diagonal of the Hessian of the target with respect to a layer's activation, by Hutchinson's estimator
 * (1990)
 *
 *     diag(H) = E[ v o (H v) ],    v random signs,
 *
 * on Hessian-vector products. All layers are moved at once by signs of their own (host/net/tangent.h), so one forward-mode and one reverse sweep
 * serve them all; what one layer's signs do to another layer averages out with the rest of the estimate's noise. The signs depend on the seed, the
 * layer's name, the probe and the element: not on the batch, the class or the order of layers. */
#include "host/base/alloc.h"
#include "host/base/parallel.h"
#include "host/base/philox.h"
#include "host/cam/pass.h"

enum { PROBE_DRAWS = 0x50524f42 }; /* "PROB": keeps these draws apart from others with the same seed */

typedef struct layer_state {
    uint32_t name;     /* hash */
    size_t row;        /* elements of one image */
    float *directions; /* host memory, [at once * C * N][row] */
    float *second;     /* device memory, in the layout of the gradient */
    size_t bytes;      /* of `second` */
} layer_state;

typedef struct second_order {
    ssg_pass pass;
    int at_once; /* probes in one sweep */
    layer_state *layers;
} second_order;

static uint32_t hash(const char *text)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (; *text; text++) h = (h ^ (uint8_t)*text) * 16777619u;
    return h;
}

static ssgcam_status create(ssg_pass *pass)
{
    second_order *self = (second_order *)pass;
    const ssg_pass_setup *setup = &pass->setup;
    size_t rows = (size_t)setup->input.dims[0] * (size_t)setup->classes;
    SSG_TRY(ssg_pass_plan(&pass->plan, setup, (int)setup->input.dims[0], setup->classes, 1));
    self->at_once = ssg_pass_chunk(setup, setup->method.probes, ssg_plan_memory(pass->plan));
    if (self->at_once > 1) {
        ssg_plan_destroy(&pass->plan);
        SSG_TRY(ssg_pass_plan(&pass->plan, setup, (int)setup->input.dims[0], setup->classes, self->at_once));
    }
    if (!(self->layers = ssg_calloc((size_t)setup->layer_count, sizeof *self->layers))) return SSG_OUT_OF_MEMORY;
    for (int i = 0; i < setup->layer_count; i++) {
        layer_state *l = &self->layers[i];
        ssg_tap tap;
        ssg_plan_tap(pass->plan, i, &tap);
        l->name = hash(setup->layers[i]);
        l->row = ssg_shape_count(&tap.activation_placed.shape) / (size_t)setup->input.dims[0];
        l->bytes = tap.gradient_placed.bytes;
        SSG_TRY(ssg_pass_room(pass, l->bytes, &l->second));
        l->directions = ssg_alloc_aligned((size_t)self->at_once * rows, l->row * sizeof *l->directions);
        if (!l->directions) return SSG_OUT_OF_MEMORY;
    }
    return SSGCAM_OK;
}

/* The signs of one probe and layer, the same for every row. */
typedef struct signs {
    uint64_t seed;
    const layer_state *layer;
    size_t rows;
    int first; /* the probe in slot 0 */
} signs;

static void fill_slot(void *context, size_t slot, int thread)
{
    (void)thread;
    const signs *s = context;
    size_t row = s->layer->row;
    float *to = s->layer->directions + slot * s->rows * row;
    ssg_draws draws = ssg_draws_named(s->seed, PROBE_DRAWS, s->layer->name, (uint32_t)(s->first + (int)slot));
    uint32_t bits = 0;
    for (size_t i = 0; i < row; i++) {
        if (i % 32 == 0) bits = ssg_draw_u32(&draws);
        float sign = bits >> (i % 32) & 1 ? 1.0f : -1.0f;
        for (size_t r = 0; r < s->rows; r++) to[r * row + i] = sign;
    }
}

static ssgcam_status run(ssg_pass *pass, const float *images, const int64_t *chosen)
{
    (void)images;
    second_order *self = (second_order *)pass;
    const ssg_pass_setup *setup = &pass->setup;
    ssg_device *device = setup->device;
    size_t rows = (size_t)setup->input.dims[0] * (size_t)setup->classes;
    const float **directions = ssg_calloc((size_t)setup->layer_count, sizeof *directions);
    ssgcam_status status = directions ? ssg_plan_backward_classes(pass->plan, chosen) : SSG_OUT_OF_MEMORY;
    for (int i = 0; status == SSGCAM_OK && i < setup->layer_count; i++) {
        directions[i] = self->layers[i].directions;
        status = device->interface->clear(device, self->layers[i].second, self->layers[i].bytes);
    }
    for (int first = 0; status == SSGCAM_OK && first < setup->method.probes; first += self->at_once) {
        int left = setup->method.probes - first, used = left < self->at_once ? left : self->at_once;
        for (int i = 0; i < setup->layer_count; i++) {
            signs s = {setup->method.seed, &self->layers[i], rows, first};
            ssg_parallel_for(device->threads, (size_t)self->at_once, fill_slot, &s);
        }
        status = ssg_plan_second(pass->plan, directions);
        for (int i = 0; status == SSGCAM_OK && i < setup->layer_count; i++) {
            layer_state *l = &self->layers[i];
            ssg_tap tap;
            ssg_plan_tap(pass->plan, i, &tap);
            device->ops->products(&device->run, l->second, tap.direction, tap.product, (size_t)used, l->bytes / sizeof(float),
                                  1.0f / (float)setup->method.probes);
        }
    }
    ssg_free(directions);
    return status;
}

static void maps(ssg_pass *pass, int layer, const ssgcam_method_options *const *methods, size_t count, float *const *to, void *scratch)
{
    const second_order *self = (second_order *)pass;
    const ssg_device *device = pass->setup.device;
    ssg_map_spec specs[SSG_MAPS_TOGETHER];
    ssg_tap tap;
    for (size_t i = 0; i < count; i++) specs[i] = ssg_pass_spec(pass, SSG_MAP_SSGCAM, methods[i]);
    ssg_plan_tap(pass->plan, layer, &tap);
    ssg_features a = ssg_pass_features(&tap.activation_placed, tap.activation), g = ssg_pass_features(&tap.gradient_placed, tap.gradient);
    device->ops->maps(&device->run, specs, count, &a, &g, self->layers[layer].second, to, scratch);
}

static void tap(const ssg_pass *pass, int layer, ssg_tap *found)
{
    ssg_plan_tap(pass->plan, layer, found);
    found->second = ((const second_order *)pass)->layers[layer].second;
}

static void clear(ssg_pass *pass)
{
    second_order *self = (second_order *)pass;
    ssg_device *device = pass->setup.device;
    for (int i = 0; self->layers && i < pass->setup.layer_count; i++) {
        device->interface->memory_destroy(device, self->layers[i].second);
        ssg_free(self->layers[i].directions);
    }
    ssg_free(self->layers);
}

const ssg_pass_kind ssg_second_order_pass = {sizeof(second_order), 0, 0, create, run, maps, tap, clear};
