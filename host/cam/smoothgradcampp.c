/* Smooth Grad-CAM++ (Omeiza, Speakman, Cintas, Weldemariam 2019): Grad-CAM++ whose gradients and their powers are means over noisy copies of the
 * input,
 *
 *     D_m = mean_s g_s^m,   a = D_2 / (2 D_2 + sum_xy(A) D_3 + 1e-6),   w_k = sum_xy relu(D_1) a,   M = relu(sum_k w_k A_k),
 *
 * with A of the input as it is. The noise is Gaussian; its standard deviation is a fraction of the range of the preprocessed image. It depends on the
 * seed, the sample and the element, not on the batch, so that one image gives the same map alone and in company. */
#include <math.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/parallel.h"
#include "host/base/philox.h"
#include "host/cam/pass.h"

enum { NOISE_DRAWS = 0x4e4f4953, /* "NOIS" */ PIECE = 1 << 12 };

typedef struct smooth {
    ssg_pass pass;
    ssg_plan *noisy; /* `at_once` samples of every image in one batch */
    int at_once;
    float *inputs;      /* host memory, [at once][N][image] */
    float *deviations;  /* per image */
    float **means;      /* per layer, device memory: D_1, D_2, D_3, each in the layout of the gradient of C * N rows */
    ssg_placed *placed; /* of D_1 */
} smooth;

static ssgcam_status create(ssg_pass *pass)
{
    smooth *self = (smooth *)pass;
    const ssg_pass_setup *setup = &pass->setup;
    int images = (int)setup->input.dims[0];
    size_t layers = (size_t)setup->layer_count;
    SSG_TRY(ssg_pass_plan(&pass->plan, setup, images, 0, 0));
    SSG_TRY(ssg_pass_plan(&self->noisy, setup, images, setup->classes, 0));
    self->at_once = ssg_pass_chunk(setup, setup->method.samples, ssg_plan_memory(self->noisy));
    if (self->at_once > 1) {
        ssg_plan_destroy(&self->noisy);
        SSG_TRY(ssg_pass_plan(&self->noisy, setup, images * self->at_once, setup->classes, 0));
    }
    self->inputs = ssg_alloc_aligned((size_t)self->at_once * (size_t)images, ssg_pass_image_floats(setup) * sizeof *self->inputs);
    self->deviations = ssg_calloc((size_t)images, sizeof *self->deviations);
    self->means = ssg_calloc(layers, sizeof *self->means);
    self->placed = ssg_calloc(layers, sizeof *self->placed);
    if (!self->inputs || !self->deviations || !self->means || !self->placed) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < layers; i++) {
        ssg_tap tap;
        ssg_plan_tap(self->noisy, (int)i, &tap);
        self->placed[i] = tap.gradient_placed;
        self->placed[i].shape.dims[0] = (int64_t)images * setup->classes;
        ssg_placed_measure(&self->placed[i]);
        SSG_TRY(ssg_pass_room(pass, 3 * self->placed[i].bytes, &self->means[i]));
    }
    return SSGCAM_OK;
}

/* ---- noise ------------------------------------------------------------------------------------------------------------------------- */

static void find_deviations(smooth *self, const float *images)
{
    size_t floats = ssg_pass_image_floats(&self->pass.setup);
    for (int64_t n = 0; n < self->pass.setup.input.dims[0]; n++) {
        float low = INFINITY, high = -INFINITY;
        for (size_t i = 0; i < floats; i++) {
            float v = images[(size_t)n * floats + i];
            low = v < low ? v : low;
            high = v > high ? v : high;
        }
        self->deviations[n] = (float)self->pass.setup.method.noise * (high - low);
    }
}

typedef struct noise_job {
    const smooth *self;
    const float *images;
    int first; /* the sample in slot 0 */
    size_t pieces;
} noise_job;

/* Two standard normal numbers from two uniform ones (Box and Muller). */
static void normal_pair(ssg_draws *draws, float z[2])
{
    double u = (ssg_draw_u32(draws) + 0.5) * 0x1p-32, angle = 2 * M_PI * 0x1p-32 * ssg_draw_u32(draws), radius = sqrt(-2 * log(u));
    z[0] = (float)(radius * cos(angle));
    z[1] = (float)(radius * sin(angle));
}

/* One piece of one sample, for all images: the same noise, scaled by each image's range. */
static void add_noise(void *context, size_t unit, int thread)
{
    (void)thread;
    const noise_job *j = context;
    const ssg_pass_setup *setup = &j->self->pass.setup;
    size_t slot = unit / j->pieces, piece = unit % j->pieces, floats = ssg_pass_image_floats(setup), images = (size_t)setup->input.dims[0];
    size_t from = piece * PIECE, to = from + PIECE < floats ? from + PIECE : floats;
    ssg_draws draws = ssg_draws_named(setup->method.seed, NOISE_DRAWS, (uint32_t)(j->first + (int)slot), (uint32_t)piece);
    float z[2];
    for (size_t i = from; i < to; i++) {
        if ((i - from) % 2 == 0) normal_pair(&draws, z);
        for (size_t n = 0; n < images; n++)
            j->self->inputs[(slot * images + n) * floats + i] = j->images[n * floats + i] + j->self->deviations[n] * z[(i - from) % 2];
    }
}

/* ---- passes ------------------------------------------------------------------------------------------------------------------------ */

/* Rows of the noisy batch are [class][sample][image]. */
static ssgcam_status run_chunk(smooth *self, const int64_t *chosen, int64_t *rows, int used)
{
    const ssg_pass_setup *setup = &self->pass.setup;
    ssg_device *device = setup->device;
    size_t images = (size_t)setup->input.dims[0];
    for (int c = 0; c < setup->classes; c++)
        for (int s = 0; s < self->at_once; s++)
            memcpy(rows + (size_t)(c * self->at_once + s) * images, chosen + (size_t)c * images, images * sizeof *rows);
    SSG_TRY(ssg_plan_forward(self->noisy, self->inputs));
    SSG_TRY(ssg_plan_backward_classes(self->noisy, rows));
    for (int i = 0; i < setup->layer_count; i++) {
        size_t row = self->placed[i].bytes / sizeof(float) / (size_t)setup->classes;
        ssg_tap tap;
        ssg_plan_tap(self->noisy, i, &tap);
        device->ops->moments(&device->run, self->means[i], tap.gradient, (size_t)setup->classes, (size_t)self->at_once, (size_t)used, row,
                             1.0f / (float)setup->method.samples);
    }
    return SSGCAM_OK;
}

static ssgcam_status run(ssg_pass *pass, const float *images, const int64_t *chosen)
{
    smooth *self = (smooth *)pass;
    const ssg_pass_setup *setup = &pass->setup;
    ssg_device *device = setup->device;
    int64_t *rows = ssg_calloc((size_t)(setup->classes * self->at_once) * (size_t)setup->input.dims[0], sizeof *rows);
    ssgcam_status status = rows ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    for (int i = 0; status == SSGCAM_OK && i < setup->layer_count; i++)
        status = device->interface->clear(device, self->means[i], 3 * self->placed[i].bytes);
    find_deviations(self, images);
    for (int first = 0; status == SSGCAM_OK && first < setup->method.samples; first += self->at_once) {
        int left = setup->method.samples - first;
        noise_job j = {self, images, first, (ssg_pass_image_floats(setup) + PIECE - 1) / PIECE};
        ssg_parallel_for(device->threads, (size_t)self->at_once * j.pieces, add_noise, &j);
        status = run_chunk(self, chosen, rows, left < self->at_once ? left : self->at_once);
    }
    ssg_free(rows);
    return status;
}

static void maps(ssg_pass *pass, int layer, const ssgcam_method_options *const *methods, size_t count, float *const *to, void *scratch)
{
    const smooth *self = (smooth *)pass;
    const ssg_device *device = pass->setup.device;
    ssg_map_spec specs[SSG_MAPS_TOGETHER];
    ssg_tap tap;
    for (size_t i = 0; i < count; i++) specs[i] = ssg_pass_spec(pass, SSG_MAP_SMOOTHGRADCAMPP, methods[i]);
    ssg_plan_tap(pass->plan, layer, &tap);
    ssg_features a = ssg_pass_features(&tap.activation_placed, tap.activation);
    ssg_features first = ssg_pass_features(&self->placed[layer], self->means[layer]);
    device->ops->maps(&device->run, specs, count, &a, &first, self->means[layer] + self->placed[layer].bytes / sizeof(float), to, scratch);
}

/* The gradient shown is the mean over the samples. */
static void tap(const ssg_pass *pass, int layer, ssg_tap *found)
{
    const smooth *self = (const smooth *)pass;
    ssg_plan_tap(pass->plan, layer, found);
    found->gradient_placed = self->placed[layer];
    found->gradient = self->means[layer];
}

static void clear(ssg_pass *pass)
{
    smooth *self = (smooth *)pass;
    ssg_device *device = pass->setup.device;
    for (int i = 0; self->means && i < pass->setup.layer_count; i++) device->interface->memory_destroy(device, self->means[i]);
    ssg_plan_destroy(&self->noisy);
    ssg_free(self->inputs);
    ssg_free(self->deviations);
    ssg_free(self->means);
    ssg_free(self->placed);
}

const ssg_pass_kind ssg_smoothgradcampp_pass = {sizeof(smooth), 1, 0, create, run, maps, tap, clear};
