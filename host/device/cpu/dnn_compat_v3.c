#include "host/device/cpu/dnn_compat.h"

dnnl_status_t compat_desc_tag(compat_desc *out, int rank, const dnnl_dims_t dims, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_status_t status = dnnl_memory_desc_create_with_tag(&out->desc, rank, dims, type, tag);
    out->present = status == dnnl_success;
    return status;
}

int compat_desc_equal(const compat_desc *a, const compat_desc *b)
{
    return dnnl_memory_desc_equal(a->desc, b->desc);
}

size_t compat_desc_bytes(const compat_desc *desc)
{
    return desc->present ? dnnl_memory_desc_get_size(desc->desc) : 0;
}

void compat_desc_clear(compat_desc *desc)
{
    if (desc->present) dnnl_memory_desc_destroy(desc->desc);
    desc->present = 0;
}

dnnl_status_t compat_query_desc(compat_desc *out, const_dnnl_primitive_desc_t primitive, dnnl_query_t what)
{
    const_dnnl_memory_desc_t desc = dnnl_primitive_desc_query_md(primitive, what, 0);
    dnnl_status_t status = desc ? dnnl_memory_desc_clone(&out->desc, desc) : dnnl_runtime_error;
    out->present = status == dnnl_success;
    return status;
}

dnnl_status_t compat_memory(dnnl_memory_t *out, const compat_desc *desc, dnnl_engine_t engine)
{
    return dnnl_memory_create(out, desc->desc, engine, DNNL_MEMORY_NONE);
}

dnnl_status_t compat_append_function(dnnl_post_ops_t ops, dnnl_alg_kind_t function, float alpha, float beta)
{
    return dnnl_post_ops_append_eltwise(ops, function, alpha, beta);
}

static const_dnnl_memory_desc_t or_none(const compat_desc *desc)
{
    return desc && desc->present ? desc->desc : NULL;
}

dnnl_status_t compat_convolution(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm, int backward, const compat_desc *src,
                                 const compat_desc *weights, const compat_desc *bias, const compat_desc *dst, const compat_window *w,
                                 dnnl_primitive_attr_t attributes)
{
    if (!backward)
        return dnnl_convolution_forward_primitive_desc_create(out, engine, dnnl_forward_inference, algorithm, src->desc, weights->desc, or_none(bias),
                                                              dst->desc, w->stride, w->dilation, w->before, w->after, attributes);
    dnnl_primitive_desc_t hint;
    dnnl_status_t status = dnnl_convolution_forward_primitive_desc_create(&hint, engine, dnnl_forward_training, algorithm, src->desc, weights->desc,
                                                                          NULL, dst->desc, w->stride, w->dilation, w->before, w->after, NULL);
    if (status != dnnl_success) return status;
    status = dnnl_convolution_backward_data_primitive_desc_create(out, engine, algorithm, src->desc, weights->desc, dst->desc, w->stride, w->dilation,
                                                                  w->before, w->after, hint, attributes);
    dnnl_primitive_desc_destroy(hint);
    return status;
}

dnnl_status_t compat_maxpool(dnnl_primitive_desc_t *out, dnnl_engine_t engine, int backward, int with_positions, const compat_desc *src,
                             const compat_desc *dst, const compat_window *w, dnnl_primitive_attr_t attributes)
{
    dnnl_prop_kind_t kind = backward || with_positions ? dnnl_forward_training : dnnl_forward_inference;
    dnnl_primitive_desc_t forward;
    dnnl_status_t status = dnnl_pooling_forward_primitive_desc_create(&forward, engine, kind, dnnl_pooling_max, src->desc, dst->desc, w->stride,
                                                                      w->kernel, w->dilation, w->before, w->after, backward ? NULL : attributes);
    if (status != dnnl_success || !backward) {
        *out = forward;
        return status;
    }
    status = dnnl_pooling_backward_primitive_desc_create(out, engine, dnnl_pooling_max, src->desc, dst->desc, w->stride, w->kernel, w->dilation,
                                                         w->before, w->after, forward, attributes);
    dnnl_primitive_desc_destroy(forward);
    return status;
}

dnnl_status_t compat_matmul(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const compat_desc *src, const compat_desc *weights,
                            const compat_desc *bias, const compat_desc *dst, dnnl_primitive_attr_t attributes)
{
    return dnnl_matmul_primitive_desc_create(out, engine, src->desc, weights->desc, or_none(bias), dst->desc, attributes);
}

dnnl_status_t compat_reorder(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const compat_desc *from, const compat_desc *to,
                             dnnl_primitive_attr_t attributes)
{
    return dnnl_reorder_primitive_desc_create(out, from->desc, engine, to->desc, engine, attributes);
}
