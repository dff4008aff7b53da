/* lower.h - shared by the lower_*.c files: one function per ONNX operator turns the current node into graph operators. */
#ifndef SSG_MODEL_LOWER_H
#define SSG_MODEL_LOWER_H

#include "host/model/graph.h"

/* What an ONNX value is while lowering: a constant, or a tensor of the graph (tensor >= 0), or not yet made. */
typedef struct ssg_lowered {
    ssg_const *constant; /* owned reference */
    int tensor;
} ssg_lowered;

typedef struct ssg_lowering {
    const ssg_model *model;
    ssg_graph *graph;
    const ssg_node *node;   /* the one being lowered */
    ssg_lowered *values;    /* per model value */
    int *uses;              /* per model value: how many node inputs and graph outputs read it */
    unsigned char *kept;    /* per model value: a tap */
    int64_t batch;          /* rows of the input */
    int64_t declared_batch; /* what the model file says, -1 if free */
    size_t folded;          /* elements of all constants computed so far */
} ssg_lowering;

typedef ssgcam_status ssg_lower_function(ssg_lowering *l);

/* ---- reading the current node ------------------------------------------------------------------------------------ */

/* Input i if it is a constant, else NULL (also if absent). */
ssg_const *ssg_lower_constant(const ssg_lowering *l, int i);

/* Whether input i is given at all. */
int ssg_lower_has(const ssg_lowering *l, int i);

/* Input i as a tensor of the graph; a constant becomes a constant tensor. Fails if the input is absent. */
ssgcam_status ssg_lower_input(ssg_lowering *l, int i, int *tensor);

/* Input i as a float constant; fails with a sentence (saying `what` it is) if it is computed at run time or absent. */
ssgcam_status ssg_lower_weights(ssg_lowering *l, int i, const char *what, ssg_const **weights);

/* The shape of a graph tensor, by value: adding tensors moves the array. */
ssg_shape ssg_lower_shape(const ssg_lowering *l, int tensor);

/* ---- making the node's output ------------------------------------------------------------------------------------ */

/* Adds `op` (name and output are filled in) reading `count` tensors and gives the new tensor; it carries no ONNX name yet. */
ssgcam_status ssg_lower_emit(ssg_lowering *l, ssg_op op, const int *inputs, int count, const ssg_shape *shape, int *output);

/* Says that output `i` of the current node is `tensor`. */
ssgcam_status ssg_lower_result(ssg_lowering *l, int i, int tensor);

/* Shorthands for common operators; each gives the new tensor. */
ssgcam_status ssg_lower_unary(ssg_lowering *l, int x, ssg_function function, double alpha, double beta, int *output);
ssgcam_status ssg_lower_binary(ssg_lowering *l, int a, int b, ssg_binary kind, int *output);
ssgcam_status ssg_lower_scale(ssg_lowering *l, int x, double scale, double shift, int *output); /* y = x * scale + shift */
ssgcam_status ssg_lower_affine(ssg_lowering *l, int x, ssg_const *scale, ssg_const *shift, int axis,
                               int *output); /* vectors or NULL; scale and shift stay the caller's */
ssgcam_status ssg_lower_reduce(ssg_lowering *l, int x, const int axes[SSG_MAX_RANK], int mean, int *output);
ssgcam_status ssg_lower_reshape(ssg_lowering *l, int x, const ssg_shape *shape, int *output);

/* The operator that makes `x`, if its function may be fused or its weights rescaled: a CONV or MATMUL without a function whose result nothing else
 * reads. NULL otherwise. */
ssg_op *ssg_lower_open_producer(ssg_lowering *l, int x);

/* After fusing into the operator that makes `tensor`: it no longer carries the ONNX values it carried before. */
void ssg_lower_hide(ssg_lowering *l, int tensor);

/* ---- the operators ------------------------------------------------------------------------------------------------ */

ssg_lower_function ssg_lower_conv, ssg_lower_gemm, ssg_lower_matmul, ssg_lower_batchnorm, ssg_lower_maxpool, ssg_lower_avgpool,
    ssg_lower_global_avgpool, ssg_lower_global_maxpool, ssg_lower_lrn, ssg_lower_softmax, ssg_lower_instancenorm, ssg_lower_layernorm,
    ssg_lower_reduction; /* lower_layers.c */
ssg_lower_function ssg_lower_activation, ssg_lower_clip, ssg_lower_prelu, ssg_lower_arithmetic, ssg_lower_pow, ssg_lower_variadic,
    ssg_lower_gelu; /* lower_elementwise.c */
ssg_lower_function ssg_lower_reshape_node, ssg_lower_transpose, ssg_lower_concat, ssg_lower_slice, ssg_lower_split, ssg_lower_pad, ssg_lower_identity,
    ssg_lower_shape_of, ssg_lower_size_of, ssg_lower_expand, ssg_lower_gather; /* lower_movement.c */
ssg_lower_function ssg_lower_resize;                                           /* lower_resize.c */

#endif
