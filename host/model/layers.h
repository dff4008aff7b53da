/* layers.h - which tensors of a network are worth looking at. */
#ifndef SSG_MODEL_LAYERS_H
#define SSG_MODEL_LAYERS_H

#include "host/model/graph.h"

/* An image-shaped tensor with a name. */
typedef struct ssg_layer {
    const char *name; /* the ONNX value; borrowed from the model */
    const char *node; /* the node that makes it; borrowed */
    const char *op;   /* its operator; borrowed */
    ssg_shape shape;  /* N C H W */
    int activation;   /* the output of a nonlinearity: what `--layers all` takes */
    int candidate;    /* the last activation before a change of resolution: the default */
} ssg_layer;

/* Lists the named image tensors of a graph in its order. The list is the caller's to ssg_free. */
ssgcam_status ssg_layers_list(ssg_layer **layers, int *count, const ssg_graph *graph);

/* Picks layers by text: "auto" (candidates), "all" (activations), "last" (the last activation), or names separated by commas, each the name of a
 * value or of a node. The result, indices into `layers` in the graph's order without repeats, is the caller's to ssg_free. An unknown name is an
 * error that suggests the nearest one. */
ssgcam_status ssg_layers_pick(int **picked, int *count, const ssg_layer *layers, int layer_count, const char *text);

#endif
