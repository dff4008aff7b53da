/* Weights in the layouts that primitives want. */
#include "host/base/alloc.h"
#include "host/device/cpu/dnn_parts.h"

static ssgcam_status run_reorder(ssg_dnn *dnn, const compat_desc *from_desc, const void *from, const compat_desc *to_desc, void *to)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_memory_t a = NULL, b = NULL;
    dnnl_status_t status = compat_reorder(&pd, dnn->engine, from_desc, to_desc, NULL);
    if (status == dnnl_success) status = dnnl_primitive_create(&primitive, pd);
    if (status == dnnl_success) status = compat_memory(&a, from_desc, dnn->engine);
    if (status == dnnl_success) status = compat_memory(&b, to_desc, dnn->engine);
    if (status == dnnl_success) status = dnnl_memory_set_data_handle(a, (void *)from);
    if (status == dnnl_success) status = dnnl_memory_set_data_handle(b, to);
    if (status == dnnl_success) status = dnnl_primitive_execute(primitive, dnn->stream, 2, (dnnl_exec_arg_t[]){{DNNL_ARG_FROM, a}, {DNNL_ARG_TO, b}});
    if (status == dnnl_success) status = dnnl_stream_wait(dnn->stream);
    if (a) dnnl_memory_destroy(a);
    if (b) dnnl_memory_destroy(b);
    if (primitive) dnnl_primitive_destroy(primitive);
    if (pd) dnnl_primitive_desc_destroy(pd);
    return status == dnnl_success ? SSGCAM_OK : ssg_dnn_refuse("reorder of weights", status);
}

/* NULL: out of memory. */
static float *turn(const ssg_const *weights)
{
    const int64_t *dims = weights->shape.dims, taps = dims[2] * dims[3];
    float *turned = ssg_calloc((size_t)ssg_shape_count(&weights->shape), sizeof *turned);
    for (int64_t o = 0; turned && o < dims[0]; o++)
        for (int64_t i = 0; i < dims[1]; i++)
            for (int64_t t = 0; t < taps; t++) turned[(i * dims[0] + o) * taps + taps - 1 - t] = weights->f32[(o * dims[1] + i) * taps + t];
    return turned;
}

static ssgcam_status fill_weights(void *to, ssg_dnn *dnn, const ssg_const *source, ssg_dnn_form form, const compat_desc *plain,
                                  const compat_desc *wanted)
{
    if (form != SSG_DNN_TURNED) return run_reorder(dnn, plain, source->f32, wanted, to);
    float *turned = turn(source);
    ssgcam_status status = turned ? run_reorder(dnn, plain, turned, wanted, to) : SSG_OUT_OF_MEMORY;
    ssg_free(turned);
    return status;
}

static ssgcam_status pack_weights(ssg_dnn_packed **out, ssg_dnn *dnn, ssg_const *source, ssg_dnn_form form, const compat_desc *plain,
                                  const compat_desc *wanted)
{
    for (ssg_dnn_packed *p = dnn->weights; p; p = p->next)
        if (p->source == source && p->form == form && compat_desc_equal(&p->desc, wanted)) {
            p->users++;
            *out = p;
            return SSGCAM_OK;
        }
    ssg_dnn_packed *p = ssg_calloc(1, sizeof *p);
    if (!p) return SSG_OUT_OF_MEMORY;
    p->data = ssg_alloc_aligned(compat_desc_bytes(wanted), 1);
    ssgcam_status status = p->data ? fill_weights(p->data, dnn, source, form, plain, wanted) : SSG_OUT_OF_MEMORY;
    if (status != SSGCAM_OK) {
        ssg_free(p->data);
        ssg_free(p);
        return status;
    }
    p->source = ssg_const_retain(source);
    p->form = form;
    p->desc = *wanted; /* takes the handle over: the caller's copy is a fresh query */
    p->users = 1;
    p->next = dnn->weights;
    dnn->weights = p;
    *out = p;
    return SSGCAM_OK;
}

void ssg_dnn_unpack_weights(ssg_dnn *dnn, ssg_dnn_packed *weights)
{
    if (!weights || --weights->users > 0) return;
    for (ssg_dnn_packed **link = &dnn->weights; *link; link = &(*link)->next)
        if (*link == weights) {
            *link = weights->next;
            break;
        }
    compat_desc_clear(&weights->desc);
    ssg_const_release(weights->source);
    ssg_free(weights->data);
    ssg_free(weights);
}

ssgcam_status ssg_dnn_bind_weights(ssg_dnn_primitive *p, const_dnnl_primitive_desc_t pd, const ssg_op *op, ssg_dnn_form form,
                                   const compat_desc *plain, const compat_desc *bias_desc, size_t bias_count)
{
    compat_desc wanted = {0};
    int index;
    dnnl_status_t status = compat_query_desc(&wanted, pd, dnnl_query_weights_md);
    if (status == dnnl_success) status = ssg_dnn_add_argument(p, DNNL_ARG_WEIGHTS, &wanted, &index);
    if (status != dnnl_success) {
        compat_desc_clear(&wanted);
        return ssg_dnn_refuse("weights layout", status);
    }
    ssgcam_status packing = pack_weights(&p->weights, p->dnn, op->weights, form, plain, &wanted);
    if (packing != SSGCAM_OK || p->weights->users > 1) compat_desc_clear(&wanted);
    SSG_TRY(packing);
    dnnl_memory_set_data_handle(p->arguments[index].memory, p->weights->data);
    if (!bias_desc->present) return SSGCAM_OK;
    p->bias = ssg_alloc_aligned(bias_count, sizeof *p->bias);
    if (!p->bias) return SSG_OUT_OF_MEMORY;
    int single = ssg_shape_count(&op->bias->shape) == 1;
    for (size_t i = 0; i < bias_count; i++) p->bias[i] = op->bias->f32[single ? 0 : i];
    status = ssg_dnn_add_argument(p, DNNL_ARG_BIAS, bias_desc, &index);
    if (status != dnnl_success) return ssg_dnn_refuse("bias", status);
    dnnl_memory_set_data_handle(p->arguments[index].memory, p->bias);
    return SSGCAM_OK;
}
