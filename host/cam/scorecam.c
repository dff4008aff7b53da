/* Score-CAM (Wang et al. 2020), as pytorch-grad-cam defines it: every channel, scaled up and normalised, masks the image; the scores of the masked
 * images, through a softmax over the channels, weigh the channels:
 *
 *     V_k = U_k scaled to [0, 1], U_k = A_k resized to the input (bilinear, corner to corner),
 *     w = softmax_k( target(f(X o V_k)) ),   M = relu(sum_k w_k A_k).
 *
 * One forward pass per channel, in batches; all classes are read off the same passes. */
#include <math.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/parallel.h"
#include "host/cam/pass.h"

enum { MOST_AT_ONCE = 32 }; /* larger batches gain nothing */

/* Where an output column lies between the columns of an activation. */
typedef struct column {
    size_t low;
    float fraction;
} column;

typedef struct scorecam {
    ssg_pass pass;
    ssg_plan *masked; /* forward only, `at_once` masked images in one batch */
    int at_once;
    float *inputs, *planes; /* host memory: the masked images; one activation row as it lies on the device */
    column *columns;        /* of the layer at hand, one per input column */
    float *lines;           /* host memory: line_floats for each masked image at work */
    size_t line_floats;
    float *logits;   /* of one batch */
    float **weights; /* per layer, device memory: [C * N][K] */
    float *scores;   /* host memory: the same for one layer */
} scorecam;

static ssgcam_status create(ssg_pass *pass)
{
    scorecam *self = (scorecam *)pass;
    const ssg_pass_setup *setup = &pass->setup;
    ssg_pass_setup without_layers = *setup;
    without_layers.layer_count = 0;
    SSG_TRY(ssg_pass_plan(&pass->plan, setup, (int)setup->input.dims[0], 0, 0));
    if (setup->method.target != SSGCAM_TARGET_LOGIT && ssg_plan_class_count(pass->plan) < 2)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "target %s needs at least two classes; use target logit", ssgcam_target_name(setup->method.target));
    self->at_once = ssg_pass_chunk(setup, MOST_AT_ONCE, ssg_plan_memory(pass->plan) / (size_t)setup->input.dims[0]);
    SSG_TRY(ssg_pass_plan(&self->masked, &without_layers, self->at_once, 0, 0));
    size_t width = (size_t)setup->input.dims[setup->nhwc ? 2 : 3], most = 0, channels = 0,
           rows = (size_t)setup->classes * (size_t)setup->input.dims[0];
    if (!(self->weights = ssg_calloc((size_t)setup->layer_count, sizeof *self->weights))) return SSG_OUT_OF_MEMORY;
    for (int i = 0; i < setup->layer_count; i++) {
        ssg_tap tap;
        ssg_plan_tap(pass->plan, i, &tap);
        size_t bytes = tap.activation_placed.bytes / (size_t)setup->input.dims[0], K = (size_t)tap.activation_placed.shape.dims[1];
        most = bytes > most ? bytes : most;
        channels = K > channels ? K : channels;
        size_t lines = (size_t)tap.activation_placed.shape.dims[2] * width;
        self->line_floats = lines > self->line_floats ? lines : self->line_floats;
        SSG_TRY(ssg_pass_room(pass, rows * K * sizeof(float), &self->weights[i]));
    }
    self->inputs = ssg_alloc_aligned((size_t)self->at_once, ssg_pass_image_floats(setup) * sizeof *self->inputs);
    self->planes = ssg_alloc_aligned(most, 1);
    self->logits = ssg_calloc((size_t)self->at_once, (size_t)ssg_plan_class_count(pass->plan) * sizeof *self->logits);
    self->scores = ssg_calloc(rows * channels, sizeof *self->scores);
    self->columns = ssg_calloc(width, sizeof *self->columns);
    self->lines = ssg_alloc_aligned((size_t)self->at_once, self->line_floats * sizeof *self->lines);
    return self->inputs && self->planes && self->columns && self->lines && self->logits && self->scores ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
}

/* ---- masks -------------------------------------------------------------------------------------------------------------------------- */

typedef struct mask_job {
    const scorecam *self;
    const float *image;
    ssg_features a; /* one row, in host memory */
    size_t first;   /* the channel in slot 0 */
} mask_job;

/* Where output i of N lies between the n values of an axis, both ends meeting. */
static column between(size_t i, size_t N, size_t n)
{
    double at = N > 1 ? (double)i * (double)(n - 1) / (double)(N - 1) : 0;
    size_t low = (size_t)at < n - 1 ? (size_t)at : n > 1 ? n - 2 : 0;
    return (column){low, n > 1 ? (float)(at - (double)low) : 0};
}

/* One channel, resized: first along its own lines, into `lines` [height][W], then between them. */
static void resize_channel(const ssg_features *a, size_t k, const column *columns, float *lines, float *out, size_t H, size_t W)
{
    const float *from = (const float *)a->data + k / a->block * a->height * a->width * a->block + k % a->block;
    size_t right = a->width > 1 ? a->block : 0, below = a->height > 1 ? W : 0;
    for (size_t y = 0; y < a->height; y++, from += a->width * a->block)
        for (size_t x = 0; x < W; x++) {
            const float *at = from + columns[x].low * a->block;
            lines[y * W + x] = at[0] * (1 - columns[x].fraction) + at[right] * columns[x].fraction;
        }
    for (size_t y = 0; y < H; y++) {
        column row = between(y, H, a->height);
        const float *top = lines + row.low * W;
        float v = row.fraction;
        for (size_t x = 0; x < W; x++) out[y * W + x] = top[x] * (1 - v) + top[below + x] * v;
    }
}

static void scale_to_one(float *plane, size_t count)
{
    float low = plane[0], high = plane[0];
#pragma omp simd reduction(min : low) reduction(max : high)
    for (size_t i = 0; i < count; i++) {
        low = plane[i] < low ? plane[i] : low;
        high = plane[i] > high ? plane[i] : high;
    }
    float divisor = high - low + 1e-8f;
    for (size_t i = 0; i < count; i++) plane[i] = (plane[i] - low) / divisor;
}

static void mask_image(void *context, size_t slot, int thread)
{
    (void)thread;
    const mask_job *j = context;
    const ssg_pass_setup *setup = &j->self->pass.setup;
    const int64_t *dims = setup->input.dims;
    size_t H = (size_t)dims[setup->nhwc ? 1 : 2], W = (size_t)dims[setup->nhwc ? 2 : 3], channels = (size_t)dims[setup->nhwc ? 3 : 1];
    float *out = j->self->inputs + slot * ssg_pass_image_floats(setup);
    /* The mask first lies in the last plane of the masked image, which is multiplied last and, with interleaved channels, from the front. */
    float *mask = out + (channels - 1) * H * W;
    resize_channel(&j->a, j->first + slot, j->self->columns, j->self->lines + slot * j->self->line_floats, mask, H, W);
    scale_to_one(mask, H * W);
    if (setup->nhwc) {
        for (size_t i = 0; i < H * W; i++) {
            float m = mask[i];
            for (size_t c = 0; c < channels; c++) out[i * channels + c] = j->image[i * channels + c] * m;
        }
        return;
    }
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < H * W; i++) out[c * H * W + i] = j->image[c * H * W + i] * mask[i];
}

/* ---- scores ------------------------------------------------------------------------------------------------------------------------- */

static double target_of(const float *logits, size_t count, size_t class, ssgcam_target target)
{
    double top = logits[0], sum = 0, score = logits[class];
    if (target == SSGCAM_TARGET_LOGIT) return score;
    for (size_t i = 1; i < count; i++) top = fmax(top, logits[i]);
    for (size_t i = 0; i < count; i++) sum += exp(logits[i] - top);
    double log_softmax = score - top - log(sum);
    if (target == SSGCAM_TARGET_SOFTMAX) return exp(log_softmax);
    return target == SSGCAM_TARGET_REST ? score + log_softmax : log_softmax;
}

static void softmax(float *values, size_t count)
{
    double top = values[0], sum = 0;
    for (size_t i = 1; i < count; i++) top = fmax(top, values[i]);
    for (size_t i = 0; i < count; i++) sum += exp(values[i] - top);
    for (size_t i = 0; i < count; i++) values[i] = (float)(exp(values[i] - top) / sum);
}

/* The weights of one image and layer, for all its classes. */
static ssgcam_status score_image(scorecam *self, const ssg_features *a, const float *image, size_t n, const int64_t *chosen)
{
    const ssg_pass_setup *setup = &self->pass.setup;
    size_t classes = (size_t)ssg_plan_class_count(self->masked), images = (size_t)setup->input.dims[0], K = a->channels;
    for (size_t first = 0; first < K; first += (size_t)self->at_once) {
        size_t used = K - first < (size_t)self->at_once ? K - first : (size_t)self->at_once;
        mask_job j = {self, image, *a, first};
        ssg_parallel_for(setup->device->threads, used, mask_image, &j);
        SSG_TRY(ssg_plan_forward(self->masked, self->inputs));
        SSG_TRY(ssg_plan_scores(self->masked, self->logits));
        for (int c = 0; c < setup->classes; c++) {
            size_t row = (size_t)c * images + n;
            for (size_t s = 0; s < used; s++)
                self->scores[row * K + first + s] = (float)target_of(self->logits + s * classes, classes, (size_t)chosen[row], setup->method.target);
        }
    }
    for (int c = 0; c < setup->classes; c++) softmax(self->scores + ((size_t)c * images + n) * K, K);
    return SSGCAM_OK;
}

static ssgcam_status run(ssg_pass *pass, const float *images, const int64_t *chosen)
{
    scorecam *self = (scorecam *)pass;
    const ssg_pass_setup *setup = &pass->setup;
    ssg_device *device = setup->device;
    size_t count = (size_t)setup->input.dims[0], rows = count * (size_t)setup->classes, width = (size_t)setup->input.dims[setup->nhwc ? 2 : 3];
    SSG_TRY(ssg_plan_check_classes(pass->plan, chosen, rows));
    for (int i = 0; i < setup->layer_count; i++) {
        ssg_tap tap;
        ssg_plan_tap(pass->plan, i, &tap);
        ssg_features a = ssg_pass_features(&tap.activation_placed, self->planes);
        size_t row_bytes = tap.activation_placed.bytes / count;
        a.rows = 1;
        for (size_t x = 0; x < width; x++) self->columns[x] = between(x, width, a.width);
        for (size_t n = 0; n < count; n++) {
            SSG_TRY(device->interface->download(device, self->planes, (const char *)tap.activation + n * row_bytes, row_bytes));
            SSG_TRY(score_image(self, &a, images + n * ssg_pass_image_floats(setup), n, chosen));
        }
        SSG_TRY(device->interface->upload(device, self->weights[i], self->scores, rows * a.channels * sizeof(float)));
    }
    return SSGCAM_OK;
}

static void maps(ssg_pass *pass, int layer, const ssgcam_method_options *const *methods, size_t count, float *const *to, void *scratch)
{
    (void)methods, (void)scratch;
    const scorecam *self = (scorecam *)pass;
    const ssg_pass_setup *setup = &pass->setup;
    ssg_tap tap;
    ssg_plan_tap(pass->plan, layer, &tap);
    ssg_features a = ssg_pass_features(&tap.activation_placed, tap.activation);
    for (size_t i = 0; i < count; i++)
        setup->device->ops->weighted(&setup->device->run, &a, self->weights[layer], a.rows * (size_t)setup->classes, setup->keep_sign, to[i]);
}

static void tap(const ssg_pass *pass, int layer, ssg_tap *found)
{
    ssg_plan_tap(pass->plan, layer, found);
}

static void clear(ssg_pass *pass)
{
    scorecam *self = (scorecam *)pass;
    ssg_device *device = pass->setup.device;
    for (int i = 0; self->weights && i < pass->setup.layer_count; i++) device->interface->memory_destroy(device, self->weights[i]);
    ssg_plan_destroy(&self->masked);
    ssg_free(self->inputs);
    ssg_free(self->planes);
    ssg_free(self->columns);
    ssg_free(self->lines);
    ssg_free(self->logits);
    ssg_free(self->weights);
    ssg_free(self->scores);
}

const ssg_pass_kind ssg_scorecam_pass = {sizeof(scorecam), 1, 0, create, run, maps, tap, clear};
