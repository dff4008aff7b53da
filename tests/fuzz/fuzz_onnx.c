/* fuzz_onnx.c - arbitrary bytes as an ONNX model: imported, lowered at a small size, and if the graph is small, run forward and backward. */
#include "host/base/alloc.h"
#include "host/model/layers.h"
#include "host/net/plan.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

enum { MOST_ELEMENTS = 1 << 18, SIDE = 12 };

static size_t elements_of(const ssg_graph *graph)
{
    size_t total = 0;
    for (int i = 0; i < graph->tensor_count; i++) total += ssg_shape_count(&graph->tensors[i].shape);
    for (int i = 0; i < graph->op_count; i++)
        if (graph->ops[i].weights) total += ssg_shape_count(&graph->ops[i].weights->shape);
    return total;
}

static void run(const ssg_model *model, const ssg_shape *input, const char *tap)
{
    ssg_device *device;
    ssg_plan *plan;
    if (ssgcam_device_open(&device, "cpu", 1) != SSGCAM_OK) return;
    ssg_plan_options options = {.input = *input, .taps = &tap, .tap_count = 1, .classes = 1};
    float *image = ssg_calloc(ssg_shape_count(input), sizeof *image);
    if (image && ssg_plan_create(&plan, device, model, &options) == SSGCAM_OK) {
        if (ssg_plan_forward(plan, image) == SSGCAM_OK && input->dims[0] == 1) ssg_plan_backward_classes(plan, (int64_t[]){0});
        ssg_plan_destroy(&plan);
    }
    ssg_free(image);
    ssgcam_device_close(&device);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ssg_model *model;
    if (ssg_model_parse(&model, data, size, NULL) != SSGCAM_OK) return 0;
    ssg_shape input = model->input_shape;
    for (int i = 0; i < input.rank; i++)
        if (input.dims[i] < 1) input.dims[i] = i == 0 ? 1 : SIDE;
    ssg_graph *graph;
    if (ssg_graph_lower(&graph, model, &input, NULL, 0) == SSGCAM_OK) {
        ssg_layer *layers;
        int count;
        if (ssg_layers_list(&layers, &count, graph) == SSGCAM_OK) {
            if (count > 0 && elements_of(graph) < MOST_ELEMENTS) run(model, &input, layers[0].name);
            ssg_free(layers);
        }
        ssg_graph_destroy(&graph);
    }
    ssg_model_destroy(&model);
    return 0;
}
