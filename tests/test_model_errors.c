/* test_model_errors.c - broken, hostile and unsupported models: each gives one sentence with the right code, never a crash or a leak. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/alloc.h"
#include "host/model/graph.h"
#include "onnx/onnx.pb-c.h"
#include "tests/support/model_builder.h"

static model_builder *small_model(void)
{
    model_builder *b = builder_create(13);
    builder_input(b, "image", -1, 3, -1, -1);
    builder_weights(b, "w", (int64_t[]){4, 3, 3, 3, 0}, -1, 1);
    builder_node(b, "Conv", "image w", "c1");
    builder_node(b, "Relu", "c1", "r1");
    builder_node(b, "GlobalAveragePool", "r1", "gap");
    builder_node(b, "Flatten", "gap", "logits");
    builder_output(b, "logits");
    return b;
}

/* Parses, and if that works lowers at 1x3x8x8. Returns the first failure. */
static ssgcam_status attempt(model_builder *b)
{
    size_t size;
    uint8_t *bytes = builder_pack(b, &size);
    ssg_model *model = NULL;
    ssg_graph *graph = NULL;
    ssgcam_status status = ssg_model_parse(&model, bytes, size, "test.onnx");
    if (status == SSGCAM_OK) status = ssg_graph_lower(&graph, model, &(ssg_shape){4, {1, 3, 8, 8}}, NULL, 0);
    ssg_graph_destroy(&graph);
    ssg_model_destroy(&model);
    free(bytes);
    builder_destroy(b);
    return status;
}

static void expect(model_builder *b, ssgcam_status status, const char *words)
{
    cr_assert_eq(attempt(b), status, "expected %s about '%s', got: %s", ssgcam_status_name(status), words, ssgcam_last_error());
    cr_assert_not_null(strstr(ssgcam_last_error(), words), "the sentence lacks '%s': %s", words, ssgcam_last_error());
    cr_assert_not_null(strstr(ssgcam_last_error(), "test.onnx"), "the sentence does not name the file: %s", ssgcam_last_error());
}

static Onnx__GraphProto *graph_of(model_builder *b)
{
    return ((Onnx__ModelProto *)builder_proto(b))->graph;
}

Test(model_errors, the_model_itself_is_fine)
{
    cr_assert_eq(attempt(small_model()), SSGCAM_OK, "%s", ssgcam_last_error());
}

Test(model_errors, missing_file_and_folder)
{
    ssg_model *model;
    cr_assert_eq(ssg_model_load(&model, "/nonexistent/model.onnx"), SSGCAM_ERR_NOT_FOUND);
    cr_assert_null(model);
    cr_assert_eq(ssg_model_load(&model, "/tmp"), SSGCAM_ERR_INPUT);
}

Test(model_errors, a_file_that_is_too_large)
{
    char path[] = "/tmp/ssgcam-large.XXXXXX";
    ssg_model *model;
    int file = mkstemp(path);
    cr_assert(file >= 0 && ftruncate(file, (off_t)1 << 31) == 0 && close(file) == 0);
    ssgcam_status status = ssg_model_load(&model, path);
    unlink(path);
    cr_expect(status == SSGCAM_ERR_INPUT && !model);
    cr_expect(strstr(ssgcam_last_error(), path) && strstr(ssgcam_last_error(), "larger than 2 GiB; keep the weights in an external data file"), "%s",
              ssgcam_last_error());
}

Test(model_errors, truncation_at_every_byte)
{
    model_builder *b = small_model();
    size_t size;
    uint8_t *bytes = builder_pack(b, &size);
    for (size_t n = 0; n < size; n++) {
        uint8_t *cut = malloc(n ? n : 1); /* exact size, so that a sanitizer sees any read beyond */
        memcpy(cut, bytes, n);
        ssg_model *model;
        ssgcam_status status = ssg_model_parse(&model, cut, n, "test.onnx");
        cr_assert(status == SSGCAM_OK || status == SSGCAM_ERR_INPUT || status == SSGCAM_ERR_UNSUPPORTED, "%zu bytes: %s", n, ssgcam_last_error());
        ssg_model_destroy(&model);
        free(cut);
    }
    free(bytes);
    builder_destroy(b);
}

Test(model_errors, text_instead_of_a_model)
{
    ssg_model *model;
    const char *text = "this is not a model at all";
    cr_assert_eq(ssg_model_parse(&model, text, strlen(text), "notes.txt"), SSGCAM_ERR_INPUT);
    cr_assert_not_null(strstr(ssgcam_last_error(), "notes.txt"));
}

Test(model_errors, two_inputs)
{
    model_builder *b = small_model();
    builder_input(b, "other", 1, 3, 8, 8);
    expect(b, SSGCAM_ERR_UNSUPPORTED, "several inputs");
}

Test(model_errors, missing_initialiser)
{
    model_builder *b = small_model();
    graph_of(b)->initializer[0]->name[0] = 'x';
    expect(b, SSGCAM_ERR_INPUT, "initialiser is missing");
}

Test(model_errors, cycle)
{
    model_builder *b = small_model();
    Onnx__NodeProto *relu = graph_of(b)->node[1];
    free(relu->input[0]);
    relu->input[0] = strdup("gap");
    expect(b, SSGCAM_ERR_INPUT, "cycle");
}

/* A long chain is read in a moment; one longer than any real network is refused. */
Test(model_errors, very_many_nodes)
{
    for (int extra = 0; extra < 2; extra++) {
        model_builder *b = builder_create(13);
        builder_input(b, "image", -1, 3, -1, -1);
        builder_weights(b, "w", (int64_t[]){3, 3, 1, 1, 0}, -1, 1);
        char in[16] = "image", out[16], both[32];
        for (int i = 0; i < (extra ? 20002 : 4000); i += 2) {
            snprintf(both, sizeof both, "%s w", in);
            snprintf(out, sizeof out, "c%d", i);
            builder_node(b, "Conv", both, out);
            snprintf(in, sizeof in, "r%d", i);
            builder_node(b, "Relu", out, in);
        }
        builder_output(b, in);
        if (extra)
            expect(b, SSGCAM_ERR_UNSUPPORTED, "at most 20000");
        else
            cr_assert_eq(attempt(b), SSGCAM_OK, "%s", ssgcam_last_error());
    }
}

Test(model_errors, output_of_two_nodes)
{
    model_builder *b = small_model();
    builder_node(b, "Relu", "c1", "gap");
    expect(b, SSGCAM_ERR_INPUT, "already made");
}

Test(model_errors, output_that_nothing_makes)
{
    model_builder *b = small_model();
    graph_of(b)->output[0]->name[0] = 'x';
    expect(b, SSGCAM_ERR_INPUT, "not made by any node");
}

Test(model_errors, huge_dimensions)
{
    model_builder *b = small_model();
    graph_of(b)->initializer[0]->dims[0] = INT64_C(1) << 60;
    expect(b, SSGCAM_ERR_INPUT, "impossibly large");
    b = small_model();
    graph_of(b)->initializer[0]->dims[0] = 1 << 30; /* plausible, but the data is not there */
    expect(b, SSGCAM_ERR_INPUT, "the file is damaged");
    b = small_model();
    graph_of(b)->initializer[0]->dims[0] = -4;
    expect(b, SSGCAM_ERR_INPUT, "negative dimension");
}

Test(model_errors, wrong_rank_of_weights)
{
    model_builder *b = small_model();
    graph_of(b)->initializer[0]->n_dims = 3;
    graph_of(b)->initializer[0]->dims[0] = 12;
    graph_of(b)->initializer[0]->dims[1] = 3;
    graph_of(b)->initializer[0]->dims[2] = 3;
    expect(b, SSGCAM_ERR_UNSUPPORTED, "not 4 dimensions");
}

Test(model_errors, weights_of_other_channels)
{
    model_builder *b = small_model();
    Onnx__TensorProto *w = graph_of(b)->initializer[0];
    w->dims[0] = 3;
    w->dims[1] = 4;
    expect(b, SSGCAM_ERR_INPUT, "do not fit 3 input channels");
}

static model_builder *conv_with(const char *attribute, const int64_t *values, size_t count)
{
    model_builder *b = builder_create(13);
    builder_input(b, "image", -1, 3, -1, -1);
    builder_weights(b, "w", (int64_t[]){4, 3, 3, 3, 0}, -1, 1);
    builder_node(b, "Conv", "image w", "c1");
    builder_ints(b, attribute, values, count);
    builder_node(b, "GlobalAveragePool", "c1", "logits");
    builder_output(b, "logits");
    return b;
}

Test(model_errors, bad_window_attributes)
{
    expect(conv_with("pads", (int64_t[]){-1, 0, 0, 0}, 4), SSGCAM_ERR_UNSUPPORTED, "must not be negative");
    expect(conv_with("pads", (int64_t[]){INT64_MAX, 0, INT64_MAX, 0}, 4), SSGCAM_ERR_UNSUPPORTED, "pads");
    expect(conv_with("pads", (int64_t[]){1, 1}, 2), SSGCAM_ERR_INPUT, "four numbers");
    expect(conv_with("strides", (int64_t[]){0, 1}, 2), SSGCAM_ERR_INPUT, "strides");
    expect(conv_with("strides", (int64_t[]){1}, 1), SSGCAM_ERR_UNSUPPORTED, "two numbers");
    expect(conv_with("dilations", (int64_t[]){9, 9}, 2), SSGCAM_ERR_INPUT, "too small");
}

Test(model_errors, unsupported_operator_is_named)
{
    model_builder *b = small_model();
    free(graph_of(b)->node[1]->op_type);
    graph_of(b)->node[1]->op_type = strdup("NonMaxSuppression");
    expect(b, SSGCAM_ERR_UNSUPPORTED, "NonMaxSuppression");
    b = small_model();
    graph_of(b)->node[1]->domain = strdup("com.example");
    expect(b, SSGCAM_ERR_UNSUPPORTED, "com.example:Relu");
}

Test(model_errors, mixing_the_batch)
{
    model_builder *b = small_model();
    builder_integers(b, "shape", (int64_t[]){-1, 2}, 2);
    builder_node(b, "Reshape", "logits shape", "mixed");
    free(graph_of(b)->output[0]->name);
    graph_of(b)->output[0]->name = strdup("mixed");
    expect(b, SSGCAM_ERR_UNSUPPORTED, "mixes the images");
}

Test(model_errors, external_data_outside_the_folder)
{
    model_builder *b = small_model();
    Onnx__TensorProto *w = graph_of(b)->initializer[0];
    w->has_data_location = 1;
    w->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    w->external_data = calloc(1, sizeof *w->external_data);
    w->external_data[0] = malloc(sizeof **w->external_data);
    onnx__string_string_entry_proto__init(w->external_data[0]);
    w->external_data[0]->key = strdup("location");
    w->external_data[0]->value = strdup("../../etc/passwd");
    w->n_external_data = 1;
    expect(b, SSGCAM_ERR_INPUT, "outside the model's folder");
}

static void put_outside(Onnx__TensorProto *tensor, const char *key, const char *value)
{
    tensor->external_data = realloc(tensor->external_data, (tensor->n_external_data + 1) * sizeof *tensor->external_data);
    Onnx__StringStringEntryProto *entry = tensor->external_data[tensor->n_external_data++] = malloc(sizeof *entry);
    onnx__string_string_entry_proto__init(entry);
    entry->key = strdup(key);
    entry->value = strdup(value);
}

/* The weights of the small model in a file beside it, at an offset; then that file too short, and gone. */
Test(model_errors, external_data)
{
    char folder[] = "/tmp/ssgcam-external-XXXXXX", path[64], data[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/m.onnx", folder);
    snprintf(data, sizeof data, "%s/m.data", folder);
    model_builder *b = small_model();
    Onnx__TensorProto *w = graph_of(b)->initializer[0];
    const size_t bytes = w->n_float_data * sizeof(float);
    float *weights = w->float_data;
    FILE *file = fopen(data, "wb");
    cr_assert(fwrite("pad.", 1, 4, file) == 4 && fwrite(weights, 1, bytes, file) == bytes && fclose(file) == 0);
    char length[24];
    snprintf(length, sizeof length, "%zu", bytes);
    w->has_data_location = 1;
    w->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    w->n_float_data = 0;
    put_outside(w, "location", "m.data");
    put_outside(w, "offset", "4");
    put_outside(w, "length", length);
    size_t size;
    uint8_t *packed = builder_pack(b, &size);
    file = fopen(path, "wb");
    cr_assert(fwrite(packed, 1, size, file) == size && fclose(file) == 0);
    ssg_model *model;
    cr_assert_eq(ssg_model_load(&model, path), SSGCAM_OK, "%s", ssgcam_last_error());
    const ssg_const *constant = model->values[ssg_model_find_value(model, "w")].constant;
    cr_assert_eq(memcmp(constant->f32, weights, bytes), 0);
    ssg_model_destroy(&model);
    cr_assert_eq(truncate(data, (off_t)bytes), 0);
    cr_assert_eq(ssg_model_load(&model, path), SSGCAM_ERR_INPUT, "%s", ssgcam_last_error());
    unlink(data);
    cr_assert_neq(ssg_model_load(&model, path), SSGCAM_OK);
    cr_assert_not_null(strstr(ssgcam_last_error(), "m.data"), "%s", ssgcam_last_error());
    unlink(path);
    rmdir(folder);
    free(weights);
    w->float_data = NULL;
    free(packed);
    builder_destroy(b);
}

/* Messages nested thousands deep would make an unpacker without a limit run out of stack. */
Test(model_errors, deep_nesting)
{
    enum { DEPTH = 20000 };
    uint8_t *bytes = malloc(DEPTH * 16);
    size_t at = DEPTH * 16, length = 0;
    static const uint8_t path[] = {6 << 3 | 2, 5 << 3 | 2, 1 << 3 | 2}; /* attribute.g, node.attribute, graph.node */
    for (int i = 0; i < DEPTH; i++) {
        uint8_t head[12];
        size_t n = 0;
        head[n++] = i == DEPTH - 1 ? 7 << 3 | 2 : path[i % 3];
        for (size_t l = length;; l >>= 7) {
            head[n++] = (uint8_t)((l & 0x7f) | (l > 0x7f ? 0x80 : 0));
            if (l <= 0x7f) break;
        }
        at -= n;
        length += n;
        memcpy(bytes + at, head, n);
    }
    ssg_model *model;
    cr_assert_eq(ssg_model_parse(&model, bytes + at, length, "test.onnx"), SSGCAM_ERR_INPUT);
    free(bytes);
}

Test(model_errors, input_of_the_wrong_size)
{
    model_builder *b = small_model();
    size_t size;
    uint8_t *bytes = builder_pack(b, &size);
    ssg_model *model;
    ssg_graph *graph;
    cr_assert_eq(ssg_model_parse(&model, bytes, size, "test.onnx"), SSGCAM_OK);
    cr_assert_eq(ssg_graph_lower(&graph, model, &(ssg_shape){4, {1, 1, 8, 8}}, NULL, 0), SSGCAM_ERR_INPUT);
    cr_assert_not_null(strstr(ssgcam_last_error(), "channels"), "%s", ssgcam_last_error());
    cr_assert_eq(ssg_graph_lower(&graph, model, &(ssg_shape){4, {1, 3, 2, 8}}, NULL, 0), SSGCAM_ERR_INPUT);
    cr_assert_not_null(strstr(ssgcam_last_error(), "too small"));
    ssg_model_destroy(&model);
    free(bytes);
    builder_destroy(b);
}

/* Every allocation of import and lowering fails once: always a clean "memory" error, never a crash. */
Test(model_errors, every_allocation_may_fail)
{
    model_builder *b = small_model();
    size_t size;
    uint8_t *bytes = builder_pack(b, &size);
    ssgcam_status status = SSGCAM_ERR_MEMORY;
    int n;
    for (n = 1; status != SSGCAM_OK && n < 1000; n++) {
        ssg_model *model;
        ssg_graph *graph = NULL;
        ssg_alloc_fail_at(n, 0);
        status = ssg_model_parse(&model, bytes, size, "test.onnx");
        if (status == SSGCAM_OK) status = ssg_graph_lower(&graph, model, &(ssg_shape){4, {1, 3, 8, 8}}, NULL, 0);
        ssg_alloc_fail_at(0, 0);
        cr_assert(status == SSGCAM_OK || status == SSGCAM_ERR_MEMORY, "allocation %d: %s", n, ssgcam_last_error());
        ssg_graph_destroy(&graph);
        ssg_model_destroy(&model);
    }
    cr_assert(n > 20 && n < 1000);
    free(bytes);
    builder_destroy(b);
}
