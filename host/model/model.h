/* model.h - an ONNX file as a checked graph: nodes in topological order, constants decoded, one image input, one class-score output.
 *
 * Nothing here depends on the size of the input; ssg_graph_lower() (graph.h) turns a model into operators with concrete shapes. */
#ifndef SSG_MODEL_MODEL_H
#define SSG_MODEL_MODEL_H

#include "host/model/tensor.h"

typedef enum ssg_attribute_type {
    SSG_ATTRIBUTE_INT,
    SSG_ATTRIBUTE_FLOAT,
    SSG_ATTRIBUTE_STRING,
    SSG_ATTRIBUTE_INTS,
    SSG_ATTRIBUTE_FLOATS,
    SSG_ATTRIBUTE_TENSOR,
    SSG_ATTRIBUTE_OTHER /* present in the file, of a type that no supported operator reads */
} ssg_attribute_type;

typedef struct ssg_attribute {
    char *name;
    ssg_attribute_type type;
    int64_t i;
    float f;
    char *s;
    int64_t *ints;
    float *floats;
    size_t count; /* of ints or floats */
    ssg_const *tensor;
} ssg_attribute;

/* An operator of the file. Inputs and outputs are indices into ssg_model.values; an input left out is -1. */
typedef struct ssg_node {
    char *name; /* never empty: "Conv_17" (operator and position) where the file gives none */
    char *op;
    int *inputs, *outputs;
    int input_count, output_count;
    ssg_attribute *attributes;
    int attribute_count;
} ssg_node;

/* A named tensor of the file: a constant, the graph's input, or the output of one node. */
typedef struct ssg_value {
    char *name;
    ssg_const *constant; /* of an initialiser, else NULL */
    int producer;        /* index of the node that makes it, -1 for constants and the input */
} ssg_value;

typedef struct ssg_model {
    char *path; /* as given, for messages */
    int64_t opset;
    ssg_node *nodes;
    int node_count;        /* those that the output needs, producers before consumers */
    int unused_node_count; /* further ones behind them */
    ssg_value *values;
    int value_count;
    int input, output;     /* value indices */
    ssg_shape input_shape; /* as declared; -1 where the size is free */
    char digest[33];       /* of the file's bytes (XXH3, 128 bits, hexadecimal); external data counts in */
} ssg_model;

/* Reads and checks `path`. Errors (SSGCAM_ERR_INPUT, _NOT_FOUND, _UNSUPPORTED) name the file and, where there is one, the node. */
ssgcam_status ssg_model_load(ssg_model **out, const char *path);

/* The same from memory. `path` is used in messages and to find external data beside it (NULL: external data is refused). The bytes may be freed
 * afterwards. */
ssgcam_status ssg_model_parse(ssg_model **out, const void *bytes, size_t size, const char *path);

void ssg_model_destroy(ssg_model **model);

/* The attribute of that name, or NULL. */
const ssg_attribute *ssg_node_attribute(const ssg_node *node, const char *name);

/* An integer or float attribute, or the default if it is absent or of another type. */
int64_t ssg_node_int(const ssg_node *node, const char *name, int64_t otherwise);
double ssg_node_float(const ssg_node *node, const char *name, double otherwise);

/* The index of the value called `name`, or -1. */
int ssg_model_find_value(const ssg_model *model, const char *name);

#endif
