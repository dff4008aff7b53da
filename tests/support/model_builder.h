/* model_builder.h - writes small ONNX models in memory for tests: valid ones for gradients, broken ones for the importer. */
#ifndef TESTS_SUPPORT_MODEL_BUILDER_H
#define TESTS_SUPPORT_MODEL_BUILDER_H

#include <stddef.h>
#include <stdint.h>

#include "host/model/model.h"

typedef struct model_builder model_builder;

model_builder *builder_create(int64_t opset);
void builder_destroy(model_builder *builder);

/* A graph input of four dimensions; -1 stands for a free one. */
void builder_input(model_builder *builder, const char *name, int64_t n, int64_t c, int64_t h, int64_t w);
void builder_output(model_builder *builder, const char *name);

/* A float initialiser with pseudo-random values in [low, high), different for each name. dims end with 0. */
void builder_weights(model_builder *builder, const char *name, const int64_t *dims, float low, float high);
void builder_integers(model_builder *builder, const char *name, const int64_t *values, size_t count);

/* A node: names separated by spaces. Attributes are added to the last node. */
void builder_node(model_builder *builder, const char *op, const char *inputs, const char *outputs);
void builder_int(model_builder *builder, const char *attribute, int64_t value);
void builder_float(model_builder *builder, const char *attribute, float value);
void builder_ints(model_builder *builder, const char *attribute, const int64_t *values, size_t count);
void builder_text(model_builder *builder, const char *attribute, const char *value);

/* A convolution of 3 x 3 with bias from `in` to `out` channels, its weights in [low, high). pads: top, left, bottom, right. */
void builder_conv3(model_builder *builder, const char *input, const char *output, int64_t in, int64_t out, float low, float high,
                   const int64_t pads[4]);

/* What a classifier ends in: the mean over pixels, and five logits of it, the graph's output. */
void builder_head(model_builder *builder, const char *input, int64_t channels);

/* The model as it is imported, and the builder destroyed; NULL with the last error set. */
ssg_model *builder_model(model_builder *builder);

/* The packed model; the bytes are the caller's to free(). */
uint8_t *builder_pack(model_builder *builder, size_t *size);

/* The unpacked form, to be damaged by hand before packing: an Onnx__ModelProto. */
void *builder_proto(model_builder *builder);

#endif
