#include "host/device/cpu/dnn_compat.h"

dnnl_status_t compat_desc_tag(compat_desc *out, int rank, const dnnl_dims_t dims, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    out->present = 1;
    return dnnl_memory_desc_init_by_tag(&out->desc, rank, dims, type, tag);
}

int compat_desc_equal(const compat_desc *a, const compat_desc *b)
{
    return dnnl_memory_desc_equal(&a->desc, &b->desc);
}

size_t compat_desc_bytes(const compat_desc *desc)
{
    return desc->present ? dnnl_memory_desc_get_size(&desc->desc) : 0;
}

void compat_desc_clear(compat_desc *desc)
{
    desc->present = 0;
}

dnnl_status_t compat_query_desc(compat_desc *out, const_dnnl_primitive_desc_t primitive, dnnl_query_t what)
{
    const dnnl_memory_desc_t *desc = dnnl_primitive_desc_query_md(primitive, what, 0);
    out->present = desc != NULL;
    if (!desc) return dnnl_runtime_error;
    out->desc = *desc;
    return dnnl_success;
}

dnnl_status_t compat_memory(dnnl_memory_t *out, const compat_desc *desc, dnnl_engine_t engine)
{
    return dnnl_memory_create(out, &desc->desc, engine, DNNL_MEMORY_NONE);
}

dnnl_status_t compat_append_function(dnnl_post_ops_t ops, dnnl_alg_kind_t function, float alpha, float beta)
{
    return dnnl_post_ops_append_eltwise(ops, 1, function, alpha, beta);
}

static const dnnl_memory_desc_t *or_none(const compat_desc *desc)
{
    return desc && desc->present ? &desc->desc : NULL;
}

/* Data gradients are described with the forward pass as a hint. */
static dnnl_status_t finish(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const_dnnl_op_desc_t forward, const_dnnl_op_desc_t backward,
                            dnnl_primitive_attr_t attributes)
{
    if (!backward) return dnnl_primitive_desc_create(out, forward, attributes, engine, NULL);
    dnnl_primitive_desc_t hint;
    dnnl_status_t status = dnnl_primitive_desc_create(&hint, forward, NULL, engine, NULL);
    if (status != dnnl_success) return status;
    status = dnnl_primitive_desc_create(out, backward, attributes, engine, hint);
    dnnl_primitive_desc_destroy(hint);
    return status;
}

dnnl_status_t compat_convolution(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm, int backward, const compat_desc *src,
                                 const compat_desc *weights, const compat_desc *bias, const compat_desc *dst, const compat_window *w,
                                 dnnl_primitive_attr_t attributes)
{
    dnnl_convolution_desc_t forward, gradient;
    dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(&forward, backward ? dnnl_forward_training : dnnl_forward_inference, algorithm,
                                                                      &src->desc, &weights->desc, backward ? NULL : or_none(bias), &dst->desc,
                                                                      w->stride, w->dilation, w->before, w->after);
    if (status == dnnl_success && backward)
        status = dnnl_dilated_convolution_backward_data_desc_init(&gradient, algorithm, &src->desc, &weights->desc, &dst->desc, w->stride,
                                                                  w->dilation, w->before, w->after);
    return status == dnnl_success ? finish(out, engine, &forward, backward ? &gradient : NULL, attributes) : status;
}

dnnl_status_t compat_maxpool(dnnl_primitive_desc_t *out, dnnl_engine_t engine, int backward, int with_positions, const compat_desc *src,
                             const compat_desc *dst, const compat_window *w, dnnl_primitive_attr_t attributes)
{
    dnnl_pooling_v2_desc_t forward, gradient;
    dnnl_status_t status =
        dnnl_pooling_v2_forward_desc_init(&forward, backward || with_positions ? dnnl_forward_training : dnnl_forward_inference, dnnl_pooling_max,
                                          &src->desc, &dst->desc, w->stride, w->kernel, w->dilation, w->before, w->after);
    if (status == dnnl_success && backward)
        status = dnnl_pooling_v2_backward_desc_init(&gradient, dnnl_pooling_max, &src->desc, &dst->desc, w->stride, w->kernel, w->dilation, w->before,
                                                    w->after);
    return status == dnnl_success ? finish(out, engine, &forward, backward ? &gradient : NULL, attributes) : status;
}

dnnl_status_t compat_matmul(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const compat_desc *src, const compat_desc *weights,
                            const compat_desc *bias, const compat_desc *dst, dnnl_primitive_attr_t attributes)
{
    dnnl_matmul_desc_t product;
    dnnl_status_t status = dnnl_matmul_desc_init(&product, &src->desc, &weights->desc, or_none(bias), &dst->desc);
    return status == dnnl_success ? finish(out, engine, &product, NULL, attributes) : status;
}

dnnl_status_t compat_reorder(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const compat_desc *from, const compat_desc *to,
                             dnnl_primitive_attr_t attributes)
{
    return dnnl_reorder_primitive_desc_create(out, &from->desc, engine, &to->desc, engine, attributes);
}
