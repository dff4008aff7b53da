/* graph.h - the network as a short list of plain operators with concrete shapes: what the executor plans and the devices run.
 *
 * A graph is made from a model for one input shape (ssg_graph_lower): shape arithmetic is folded away, BatchNorm is folded into convolutions where
 * nothing else looks at the value between, and the many ONNX spellings become the operators below. Backward passes are made of the same operators
 * plus the SSG_OP_*_BACKWARD ones. Dimension 0 is always the batch. A backward tensor may hold several classes of the same images: its rows are
 * class-major, so row r belongs to image r % N. */
#ifndef SSG_MODEL_GRAPH_H
#define SSG_MODEL_GRAPH_H

#include "host/model/model.h"

typedef enum ssg_op_kind {
    SSG_OP_CONV,             /* y = x * weights + bias, then `function` */
    SSG_OP_CONV_BACKWARD,    /* dx from dy: the data gradient of SSG_OP_CONV */
    SSG_OP_MATMUL,           /* y[..., m] = sum_k x[..., k] weights[k][m] + bias[m], then the function; weights[m][k] if `transposed` */
    SSG_OP_MATMUL_BACKWARD,  /* dx from dy */
    SSG_OP_MAXPOOL,          /* optionally a second output: where each maximum stood (device-private) */
    SSG_OP_MAXPOOL_BACKWARD, /* dx from dy and that */
    SSG_OP_MAXPOOL_TANGENT,  /* from t (a tangent of the input) and the input x: t where x has the first maximum of the window */
    SSG_OP_AVGPOOL,          /* */
    SSG_OP_AVGPOOL_BACKWARD, /* dx from dy */
    SSG_OP_UNARY,            /* y = function(x) */
    SSG_OP_UNARY_BACKWARD,   /* dx from dy and x or y (ssg_unary_backward_uses_output) */
    SSG_OP_UNARY_SECOND, /* dy s'(v) t from dy, v and t, where s(v) is the slope that UNARY_BACKWARD takes from its saved tensor v, and t v's tangent
                          */
    SSG_OP_BINARY,       /* y = a op b with broadcasting; along the batch, rows repeat (row % N) */
    SSG_OP_AFFINE,       /* y = x * scale + shift with vectors along one axis */
    SSG_OP_REDUCE,       /* mean or sum over axes that stay as 1 */
    SSG_OP_BROADCAST,    /* y = alpha * x repeated to the output's shape: the gradient of REDUCE */
    SSG_OP_CONCAT,       /* along an axis */
    SSG_OP_SLICE,        /* y[i] = x[start + i * step] per axis, never the batch */
    SSG_OP_SCATTER,      /* the gradient of SLICE: zeros, then y[start + i * step] = x[i]; also constant padding */
    SSG_OP_TRANSPOSE,    /* perm[0] = 0 */
    SSG_OP_RESHAPE,      /* the same elements, batch kept */
    SSG_OP_SOFTMAX,      /* over one axis; log-softmax if `log` */
    SSG_OP_SOFTMAX_BACKWARD, /* dx from dy and y */
    SSG_OP_LRN,              /* local response normalisation across channels */
    SSG_OP_LRN_BACKWARD,     /* dx from dy and x */
    SSG_OP_REORDER           /* the same tensor in another memory layout or precision; put in by the planner */
} ssg_op_kind;

typedef enum ssg_function {
    SSG_FUNCTION_NONE,
    SSG_FUNCTION_RELU,
    SSG_FUNCTION_CLIP,       /* min(max(x, alpha), beta) */
    SSG_FUNCTION_LEAKY_RELU, /* x > 0 ? x : alpha x */
    SSG_FUNCTION_ELU,        /* x > 0 ? x : alpha (e^x - 1) */
    SSG_FUNCTION_SIGMOID,
    SSG_FUNCTION_HARDSIGMOID, /* clip(alpha x + beta, 0, 1) */
    SSG_FUNCTION_HARDSWISH,   /* x clip(x/6 + 1/2, 0, 1) */
    SSG_FUNCTION_SILU,        /* x sigmoid(x) */
    SSG_FUNCTION_TANH,
    SSG_FUNCTION_SOFTPLUS,
    SSG_FUNCTION_ERF,
    SSG_FUNCTION_GELU, /* x (1 + erf(x / sqrt 2)) / 2 */
    SSG_FUNCTION_EXP,
    SSG_FUNCTION_LOG,
    SSG_FUNCTION_SQRT,
    SSG_FUNCTION_RECIPROCAL,
    SSG_FUNCTION_ABS,
    SSG_FUNCTION_POW /* x^alpha */
} ssg_function;

typedef enum ssg_binary { SSG_BINARY_ADD, SSG_BINARY_SUB, SSG_BINARY_MUL, SSG_BINARY_DIV, SSG_BINARY_MAX, SSG_BINARY_MIN } ssg_binary;

/* A window over height and width. pads: top, left, bottom, right. */
typedef struct ssg_window {
    int64_t kernel[2], stride[2], dilation[2], pads[4];
} ssg_window;

enum { SSG_OP_MAX_INPUTS = 3 };

typedef struct ssg_op {
    ssg_op_kind kind;
    const char *name; /* of the ONNX node it comes from, for messages; borrowed from the model */
    int *inputs;      /* tensor indices */
    int input_count;
    int output;                /* tensor index */
    int positions;             /* MAXPOOL: tensor index of its second output, 0 if there is none (tensor 0 is always the input) */
    ssg_const *weights, *bias; /* CONV, MATMUL and their backward; AFFINE: scale and shift (either may be NULL); owned references */
    ssg_function function;     /* UNARY(_BACKWARD); for CONV and MATMUL the fused activation */
    float alpha, beta;         /* of the function; BROADCAST's factor; SCATTER's fill value in alpha; LRN's alpha and beta */
    float bias_k;              /* LRN's k */
    int64_t size;              /* LRN's window in channels */
    ssg_binary binary;
    ssg_window window;                                 /* CONV and pools */
    int64_t groups;                                    /* CONV */
    int count_include_pad;                             /* AVGPOOL */
    int transposed;                                    /* MATMUL */
    int mean;                                          /* REDUCE: mean rather than sum */
    int reduced[SSG_MAX_RANK];                         /* REDUCE: which axes */
    int log;                                           /* SOFTMAX */
    int axis;                                          /* AFFINE, CONCAT, SOFTMAX */
    int64_t starts[SSG_MAX_RANK], steps[SSG_MAX_RANK]; /* SLICE, SCATTER */
    int perm[SSG_MAX_RANK];                            /* TRANSPOSE */
} ssg_op;

typedef struct ssg_graph_tensor {
    ssg_shape shape;
    const char *name;    /* of the ONNX value it carries, NULL for one that only lowering made; borrowed from the model */
    ssg_const *constant; /* owned reference: a constant that an operator takes as a full input */
    int producer;        /* op index; -1 for the input and constants */
} ssg_graph_tensor;

typedef struct ssg_graph {
    ssg_op *ops;
    int op_count;
    ssg_graph_tensor *tensors;
    int tensor_count;
    const ssg_model *model; /* borrowed; must outlive the graph */
    int *carriers;          /* model value -> tensor that carries it, or -1 */
    int input, output;      /* tensor indices; `output` is the model's own */
    int logits;             /* the class score: `output`, or the input of a final Softmax or Sigmoid */
    const char *head;       /* the operator between logits and output, e.g. "Softmax"; NULL if none */
} ssg_graph;

/* Makes the graph for inputs of `input` shape (concrete; as the model declares it, NCHW or NHWC). `keep` names values that must stay visible (taps):
 * no operator is folded or fused across them. Errors name the model's file, the node, the operator, and what is supported. */
ssgcam_status ssg_graph_lower(ssg_graph **out, const ssg_model *model, const ssg_shape *input, const char *const *keep, int keep_count);

void ssg_graph_destroy(ssg_graph **graph);

/* The tensor that carries the ONNX value `name`, or -1 (no such value, constant, or folded away). */
int ssg_graph_find(const ssg_graph *graph, const char *name);

/* ---- building graphs: used by lowering and by the planner's backward pass -------------------------------------------- */

/* Adds a tensor / an operator (its fields are copied; `inputs` is copied, constants are retained) and gives its index. */
ssgcam_status ssg_graph_add_tensor(ssg_graph *graph, const ssg_shape *shape, const char *name, int *index);
ssgcam_status ssg_graph_add_op(ssg_graph *graph, const ssg_op *op, const ssg_shape *output_shape, const char *output_name, int *output);

/* Whether the derivative of `function` is computed from its output y (else from its input x). */
int ssg_unary_backward_uses_output(ssg_function function);

/* Whether that derivative varies along the tensor it is computed from: 0 for the piecewise linear functions. */
int ssg_unary_is_curved(ssg_function function);

#endif
