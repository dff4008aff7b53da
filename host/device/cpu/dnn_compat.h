/* dnn_compat.h - where oneDNN 2.x and 3.x differ: memory descriptors are values in one and handles in the other, and 3.x dropped operation
 * descriptors. dnn_compat_v2.c and dnn_compat_v3.c implement this; CMake builds the one that fits the library found. */
#ifndef SSG_DEVICE_CPU_DNN_COMPAT_H
#define SSG_DEVICE_CPU_DNN_COMPAT_H

#include <oneapi/dnnl/dnnl.h>

/* A memory descriptor. {0} is "none"; clear with compat_desc_clear (a no-op for 2.x). */
typedef struct compat_desc {
    dnnl_memory_desc_t desc;
    int present;
} compat_desc;

dnnl_status_t compat_desc_tag(compat_desc *out, int rank, const dnnl_dims_t dims, dnnl_data_type_t type, dnnl_format_tag_t tag);
int compat_desc_equal(const compat_desc *a, const compat_desc *b);
size_t compat_desc_bytes(const compat_desc *desc);
void compat_desc_clear(compat_desc *desc);

/* A copy of the descriptor that a primitive descriptor holds, e.g. dnnl_query_src_md. */
dnnl_status_t compat_query_desc(compat_desc *out, const_dnnl_primitive_desc_t primitive, dnnl_query_t what);

/* A memory object without memory; its address is set before each run. */
dnnl_status_t compat_memory(dnnl_memory_t *out, const compat_desc *desc, dnnl_engine_t engine);

dnnl_status_t compat_append_function(dnnl_post_ops_t ops, dnnl_alg_kind_t function, float alpha, float beta);

typedef struct compat_window {
    dnnl_dims_t kernel, stride, dilation, before, after; /* dilation: 0 is dense, as oneDNN counts */
} compat_window;

/* Primitive descriptors. With `backward`, src and dst are the gradients. `bias` may be none. `algorithm`: dnnl_convolution_direct or _winograd. */
dnnl_status_t compat_convolution(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm, int backward, const compat_desc *src,
                                 const compat_desc *weights, const compat_desc *bias, const compat_desc *dst, const compat_window *window,
                                 dnnl_primitive_attr_t attributes);
dnnl_status_t compat_maxpool(dnnl_primitive_desc_t *out, dnnl_engine_t engine, int backward, int with_positions, const compat_desc *src,
                             const compat_desc *dst, const compat_window *window, dnnl_primitive_attr_t attributes);
dnnl_status_t compat_matmul(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const compat_desc *src, const compat_desc *weights,
                            const compat_desc *bias, const compat_desc *dst, dnnl_primitive_attr_t attributes);
dnnl_status_t compat_reorder(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const compat_desc *from, const compat_desc *to,
                             dnnl_primitive_attr_t attributes);

#endif
