/* What each method costs beside one forward pass: bench_methods MODEL.onnx [LAYERS [REPEATS]] > results/methods.md
 *
 * One image, one thread, processor time (so that other work on the machine does not count), the least of the repeats. Score-CAM's passes are compared
 * with as many plain forward passes in batches of the same size. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/base/alloc.h"
#include "host/flow/network.h"

enum { BATCH = 32 };

typedef struct subject {
    ssg_device *device;
    ssgcam_model *model;
    const char **layers;
    int layer_count, repeats;
    float *images; /* BATCH of them */
} subject;

static void need(ssgcam_status status)
{
    if (status == SSGCAM_OK) return;
    fprintf(stderr, "bench_methods: %s\n", ssgcam_last_error());
    exit(1);
}

static double processor_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

/* Times of the forward pass and of all the rest. */
static void measure(const subject *s, const ssgcam_method_options *method, int layers, int classes, double ms[2])
{
    ssg_cam_row *rows = ssg_calloc((size_t)layers, sizeof *rows);
    int64_t *chosen = ssg_calloc((size_t)classes, sizeof *chosen);
    ssg_cam *cam;
    for (int i = 0; i < layers; i++) rows[i] = (ssg_cam_row){s->layers[s->layer_count - layers + i], *method};
    for (int c = 0; c < classes; c++) chosen[c] = c % (int)s->model->class_count;
    ssg_cam_options options = {.input = ssg_network_input(s->model, 1, s->model->height, s->model->width),
                               .nhwc = s->model->nhwc,
                               .rows = rows,
                               .row_count = layers,
                               .classes = classes};
    need(ssg_cam_create(&cam, s->device, s->model->model, &options));
    for (int r = 0; r <= s->repeats; r++) { /* the first run warms up */
        double start = processor_ms();
        need(ssg_cam_forward(cam, s->images, NULL));
        double middle = processor_ms();
        need(ssg_cam_backward(cam, chosen));
        double times[2] = {middle - start, processor_ms() - middle};
        for (int i = 0; i < 2; i++)
            if (r == 1 || (r > 1 && times[i] < ms[i])) ms[i] = times[i];
    }
    ssg_cam_destroy(&cam);
    ssg_free(rows);
    ssg_free(chosen);
}

/* One plain forward pass of an image in a batch. */
static double plain_forward(const subject *s)
{
    ssg_plan *plan;
    ssg_plan_options options = {.input = ssg_network_input(s->model, BATCH, s->model->height, s->model->width)};
    double least = 0;
    need(ssg_plan_create(&plan, s->device, s->model->model, &options));
    for (int r = 0; r <= s->repeats; r++) {
        double start = processor_ms();
        need(ssg_plan_forward(plan, s->images));
        double taken = processor_ms() - start;
        if (r == 1 || (r > 1 && taken < least)) least = taken;
    }
    ssg_plan_destroy(&plan);
    return least / BATCH;
}

static void row(const char *what, const char *passes, const double ms[2])
{
    printf("| %s | %s | %.2f | %.2f | %.2f |\n", what, passes, ms[0], ms[1], ms[1] / ms[0]);
    fflush(stdout);
}

/* As many passes as the layer has channels: left out where that takes minutes. */
static void compare_scorecam(const subject *s)
{
    ssgcam_method_options method = ssgcam_method_defaults(SSGCAM_METHOD_SCORECAM);
    int channels = 0;
    for (size_t i = 0; i < s->model->layer_count; i++)
        if (strcmp(s->model->layers[i].name, s->layers[s->layer_count - 1]) == 0) channels = s->model->layers[i].channels;
    double plain = plain_forward(s), score[2];
    if (plain * channels * (s->repeats + 1) > 6e4) {
        printf("Score-CAM's %d forward passes of %.0f ms were not timed.\n", channels, plain);
        return;
    }
    measure(s, &method, 1, 1, score);
    printf("Score-CAM of the last layer takes %.1f ms, %.2f times %d plain forward passes in batches of %d (goal: at most 1.1).\n", score[1],
           score[1] / (plain * channels), channels, BATCH);
}

static void compare_methods(const subject *s)
{
    double ms[2], backward[2], exact[2];
    char what[128];
    printf("| method | passes after the first forward | forward, ms | the rest, ms | the rest / forward |\n| --- | --- | --- | --- | --- |\n");
    for (int m = SSGCAM_METHOD_SSGCAM; m <= SSGCAM_METHOD_GRADCAM_ELEMENTWISE; m++) {
        ssgcam_method_options method = ssgcam_method_defaults((ssgcam_method)m);
        for (int all = 0; all < 2; all++) {
            measure(s, &method, all ? s->layer_count : 1, 1, ms);
            snprintf(what, sizeof what, "%s, %s", ssgcam_method_name((ssgcam_method)m), all ? "all layers" : "last layer");
            row(what, "1 backward", ms);
            if (m == SSGCAM_METHOD_GRADCAM && all) memcpy(backward, ms, sizeof ms);
        }
    }
    ssgcam_method_options method = ssgcam_method_defaults(SSGCAM_METHOD_GRADCAM);
    measure(s, &method, 1, 5, ms);
    row("gradcam, last layer, 5 classes", "1 backward of 5 rows", ms);
    method = ssgcam_method_defaults(SSGCAM_METHOD_SMOOTHGRADCAMPP);
    measure(s, &method, s->layer_count, 1, ms);
    row("smoothgradcampp, all layers, 8 samples", "8 forward, 8 backward", ms);
    method = ssgcam_method_defaults(SSGCAM_METHOD_SSGCAM);
    method.second_order = SSGCAM_SECOND_ORDER_EXACT;
    method.target = SSGCAM_TARGET_LOGSOFTMAX;
    measure(s, &method, s->layer_count, 1, exact);
    row("ssgcam exact, all layers, 8 probes", "1 backward, 8 tangent, 8 backward", exact);
    printf("\nExact second order over %d layers with 8 probes takes %.1f times one backward pass over the same layers (goal: at most 32).\n",
           s->layer_count, exact[1] / backward[1]);
    compare_scorecam(s);
}

int main(int count, char **arguments)
{
    subject s = {.repeats = count > 3 ? atoi(arguments[3]) : 5};
    if (count < 2) {
        fprintf(stderr, "usage: bench_methods MODEL.onnx [LAYERS [REPEATS]]\n");
        return 2;
    }
    need(ssgcam_device_open(&s.device, "cpu", 1));
    need(ssgcam_model_load(&s.model, arguments[1], NULL));
    size_t picked_count, *picked = ssg_calloc(s.model->layer_count, sizeof *picked);
    need(ssg_network_pick(s.model, count > 2 ? arguments[2] : "auto", picked, &picked_count));
    s.layers = ssg_calloc(picked_count, sizeof *s.layers);
    s.layer_count = (int)picked_count;
    for (size_t i = 0; i < picked_count; i++) s.layers[i] = s.model->layers[picked[i]].name;
    ssg_shape input = ssg_network_input(s.model, BATCH, s.model->height, s.model->width);
    s.images = ssg_calloc(ssg_shape_count(&input), sizeof *s.images);
    for (size_t i = 0; i < ssg_shape_count(&input); i++) s.images[i] = (float)(i * 2654435761u % 1000) / 500 - 1;
    const char *slash = strrchr(arguments[1], '/');
    printf("### %s, %d x %d, %d layers\n\n", slash ? slash + 1 : arguments[1], s.model->height, s.model->width, s.layer_count);
    compare_methods(&s);
    printf("\n");
    ssg_free(s.images);
    ssg_free(s.layers);
    ssg_free(picked);
    ssgcam_model_destroy(&s.model);
    ssgcam_device_close(&s.device);
    return 0;
}
