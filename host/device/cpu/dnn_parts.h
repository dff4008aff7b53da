/* dnn_parts.h - inside the primitives of dnn.h: what they are made of. */
#ifndef SSG_DEVICE_CPU_DNN_PARTS_H
#define SSG_DEVICE_CPU_DNN_PARTS_H

#include "host/device/cpu/dnn.h"
#include "host/device/cpu/dnn_compat.h"

typedef enum ssg_dnn_form {
    SSG_DNN_PLAIN,
    SSG_DNN_TRANSPOSED, /* of a matrix */
    SSG_DNN_TURNED      /* of a convolution: [out][in][y][x] to [in][out][height - 1 - y][width - 1 - x] */
} ssg_dnn_form;

/* Weights in the layout that a primitive wants, shared by all plans of a device: plans for other batch or image sizes mostly want the same. */
typedef struct ssg_dnn_packed {
    ssg_const *source; /* retained: its address is the key */
    ssg_dnn_form form;
    compat_desc desc;
    void *data;
    int users;
    struct ssg_dnn_packed *next;
} ssg_dnn_packed;

struct ssg_dnn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    ssg_dnn_packed *weights;
};

enum { SSG_DNN_ARGUMENTS = 6 };

struct ssg_dnn_primitive {
    ssg_dnn *dnn;
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[SSG_DNN_ARGUMENTS];
    int count, from, to, positions, scratch; /* indices of the arguments whose address changes; -1 if there is none */
    ssg_dnn_packed *weights;
    float *bias;
    int splits_sums;
};

ssgcam_status ssg_dnn_refuse(const char *what, dnnl_status_t status);

/* ---- descriptors ---------------------------------------------------------------------------------------------------- */

dnnl_data_type_t ssg_dnn_data_type(ssg_precision precision);
dnnl_format_tag_t ssg_dnn_plain_tag(int rank);

/* `any`: the layout is left to oneDNN. */
dnnl_status_t ssg_dnn_desc_of(compat_desc *out, const ssg_placed *placed, int any);

/* Finds the layout of a descriptor that oneDNN chose; 0 if it is none of ours. */
int ssg_dnn_recognise(ssg_placed *placed, const compat_desc *desc);

/* The trailing padding makes oneDNN's size formula exact: what a stride leaves over is cut off, what ceil_mode reaches beyond is added. */
compat_window ssg_dnn_window_of(const ssg_op *op, const ssg_shape *in, const ssg_shape *out);

/* Working memory comes from the planner, which shares one piece among all steps. `op`, or NULL: its function runs inside the primitive. */
dnnl_status_t ssg_dnn_attributes_for(dnnl_primitive_attr_t *out, const ssg_op *op);

/* ---- primitives ------------------------------------------------------------------------------------------------------- */

/* Takes over `pd`. from, to: the arguments that the step reads and writes, with the queries that describe them. */
ssgcam_status ssg_dnn_wrap(ssg_dnn_primitive **out, ssg_dnn *dnn, dnnl_primitive_desc_t pd, const char *what, int from, int to,
                           dnnl_query_t from_query, dnnl_query_t to_query, size_t *scratch_bytes);

dnnl_status_t ssg_dnn_add_argument(ssg_dnn_primitive *primitive, int kind, const compat_desc *desc, int *index);

/* ---- weights (dnn_weights.c) -------------------------------------------------------------------------------------------- */

/* Gives a primitive its weights in the layout that `pd` wants, and its bias. `plain`: how they lie in `op`, or do once they are turned. */
ssgcam_status ssg_dnn_bind_weights(ssg_dnn_primitive *primitive, const_dnnl_primitive_desc_t pd, const ssg_op *op, ssg_dnn_form form,
                                   const compat_desc *plain, const compat_desc *bias_desc, size_t bias_count);
void ssg_dnn_unpack_weights(ssg_dnn *dnn, ssg_dnn_packed *weights); /* NULL is fine */

#endif
