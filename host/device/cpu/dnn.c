#include "host/device/cpu/dnn_parts.h"

#include <stdio.h>
#include <string.h>

#include "host/base/alloc.h"

ssgcam_status ssg_dnn_refuse(const char *what, dnnl_status_t status)
{
    if (status == dnnl_out_of_memory) return ssg_fail(SSGCAM_ERR_MEMORY, "out of memory in oneDNN (%s)", what);
    return ssg_fail(SSGCAM_ERR_DEVICE, "oneDNN refused a %s (status %d)", what, (int)status);
}

/* ---- descriptors ---------------------------------------------------------------------------------------------------- */

dnnl_data_type_t ssg_dnn_data_type(ssg_precision precision)
{
    return precision == SSG_PRECISION_BF16 ? dnnl_bf16 : dnnl_f32;
}

static const struct {
    ssg_layout layout;
    dnnl_format_tag_t tag;
} layouts[] = {{SSG_LAYOUT_PLAIN, dnnl_nchw}, {SSG_LAYOUT_BLOCK16, dnnl_nChw16c}, {SSG_LAYOUT_BLOCK8, dnnl_nChw8c}, {SSG_LAYOUT_NHWC, dnnl_nhwc}};

dnnl_format_tag_t ssg_dnn_plain_tag(int rank)
{
    static const dnnl_format_tag_t tags[] = {dnnl_format_tag_undef, dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd, dnnl_abcde, dnnl_abcdef};
    return tags[rank];
}

dnnl_status_t ssg_dnn_desc_of(compat_desc *out, const ssg_placed *placed, int any)
{
    dnnl_dims_t dims = {0};
    for (int i = 0; i < placed->shape.rank; i++) dims[i] = placed->shape.dims[i];
    dnnl_format_tag_t tag = ssg_dnn_plain_tag(placed->shape.rank);
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (placed->shape.rank == 4 && layouts[i].layout == placed->layout) tag = layouts[i].tag;
    return compat_desc_tag(out, placed->shape.rank, dims, ssg_dnn_data_type(placed->precision), any ? dnnl_format_tag_any : tag);
}

int ssg_dnn_recognise(ssg_placed *placed, const compat_desc *desc)
{
    int found = 0;
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts && !found; i++) {
        placed->layout = layouts[i].layout;
        compat_desc candidate = {0};
        found = ssg_dnn_desc_of(&candidate, placed, 0) == dnnl_success && compat_desc_equal(&candidate, desc);
        compat_desc_clear(&candidate);
    }
    ssg_placed_measure(placed);
    return found;
}

compat_window ssg_dnn_window_of(const ssg_op *op, const ssg_shape *in, const ssg_shape *out)
{
    compat_window w = {{0}, {0}, {0}, {0}, {0}};
    for (int i = 0; i < 2; i++) {
        w.kernel[i] = op->window.kernel[i];
        w.stride[i] = op->window.stride[i];
        w.dilation[i] = op->window.dilation[i] - 1;
        w.before[i] = op->window.pads[i];
        w.after[i] = (out->dims[2 + i] - 1) * w.stride[i] + (w.kernel[i] - 1) * (w.dilation[i] + 1) + 1 - in->dims[2 + i] - w.before[i];
    }
    return w;
}

/* ---- engine ----------------------------------------------------------------------------------------------------------- */

ssgcam_status ssg_dnn_create(ssg_dnn **out)
{
    *out = NULL;
    ssg_dnn *dnn = ssg_calloc(1, sizeof *dnn);
    if (!dnn) return SSG_OUT_OF_MEMORY;
    dnnl_status_t status = dnnl_engine_create(&dnn->engine, dnnl_cpu, 0);
    if (status == dnnl_success) status = dnnl_stream_create(&dnn->stream, dnn->engine, dnnl_stream_default_flags);
    if (status != dnnl_success) {
        ssg_dnn_destroy(&dnn);
        return ssg_dnn_refuse("CPU engine", status);
    }
    *out = dnn;
    return SSGCAM_OK;
}

void ssg_dnn_destroy(ssg_dnn **dnn)
{
    if (!dnn || !*dnn) return;
    if ((*dnn)->stream) dnnl_stream_destroy((*dnn)->stream);
    if ((*dnn)->engine) dnnl_engine_destroy((*dnn)->engine);
    ssg_free(*dnn);
    *dnn = NULL;
}

const char *ssg_dnn_version(char text[32])
{
    const dnnl_version_t *version = dnnl_version();
    snprintf(text, 32, "%d.%d.%d", version->major, version->minor, version->patch);
    return text;
}

/* ---- primitives ------------------------------------------------------------------------------------------------------- */

dnnl_status_t ssg_dnn_add_argument(ssg_dnn_primitive *p, int kind, const compat_desc *desc, int *index)
{
    dnnl_memory_t memory;
    dnnl_status_t status = compat_memory(&memory, desc, p->dnn->engine);
    if (status != dnnl_success) return status;
    p->arguments[p->count] = (dnnl_exec_arg_t){kind, memory};
    *index = p->count++;
    return dnnl_success;
}

static dnnl_status_t add_queried(ssg_dnn_primitive *p, int kind, const_dnnl_primitive_desc_t pd, dnnl_query_t what, int *index, size_t *bytes)
{
    compat_desc desc = {0};
    dnnl_status_t status = compat_query_desc(&desc, pd, what);
    size_t size = status == dnnl_success ? compat_desc_bytes(&desc) : 0;
    if (bytes) *bytes = size;
    if (size) status = ssg_dnn_add_argument(p, kind, &desc, index);
    compat_desc_clear(&desc);
    return bytes ? dnnl_success : status; /* with `bytes` the argument is optional */
}

ssgcam_status ssg_dnn_wrap(ssg_dnn_primitive **out, ssg_dnn *dnn, dnnl_primitive_desc_t pd, const char *what, int from, int to,
                           dnnl_query_t from_query, dnnl_query_t to_query, size_t *scratch_bytes)
{
    ssg_dnn_primitive *p = ssg_calloc(1, sizeof *p);
    if (!p) {
        dnnl_primitive_desc_destroy(pd);
        return SSG_OUT_OF_MEMORY;
    }
    p->dnn = dnn;
    p->positions = p->scratch = -1;
    dnnl_status_t status = add_queried(p, from, pd, from_query, &p->from, NULL);
    if (status == dnnl_success) status = add_queried(p, to, pd, to_query, &p->to, NULL);
    if (status == dnnl_success && scratch_bytes)
        status = add_queried(p, DNNL_ARG_SCRATCHPAD, pd, dnnl_query_scratchpad_md, &p->scratch, scratch_bytes);
    if (status == dnnl_success) status = dnnl_primitive_create(&p->primitive, pd);
    dnnl_primitive_desc_destroy(pd);
    *out = p;
    if (status == dnnl_success) return SSGCAM_OK;
    ssg_dnn_primitive_destroy(out);
    return ssg_dnn_refuse(what, status);
}

dnnl_status_t ssg_dnn_attributes_for(dnnl_primitive_attr_t *out, const ssg_op *op)
{
    dnnl_status_t status = dnnl_primitive_attr_create(out);
    if (status == dnnl_success) status = dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user);
    if (status != dnnl_success || !op || op->function == SSG_FUNCTION_NONE) return status;
    dnnl_post_ops_t functions;
    status = dnnl_post_ops_create(&functions);
    if (status != dnnl_success) return status;
    if (op->function == SSG_FUNCTION_RELU)
        status = compat_append_function(functions, dnnl_eltwise_relu, 0, 0);
    else
        status = compat_append_function(functions, dnnl_eltwise_clip, op->alpha, op->beta);
    if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(*out, functions);
    dnnl_post_ops_destroy(functions);
    return status;
}

int ssg_dnn_splits_sums(const ssg_dnn_primitive *primitive)
{
    return primitive->splits_sums;
}

/* ---- matrix product ------------------------------------------------------------------------------------------------------ */

ssgcam_status ssg_dnn_matmul(ssg_dnn_primitive **out, ssg_dnn *dnn, const ssg_op *op, int backward, int64_t rows, size_t *scratch_bytes)
{
    *out = NULL;
    const ssg_shape *w = &op->weights->shape;
    /* The matrix as this product uses it: [inner][outer]; in memory it may be the other way round. */
    int transposed = op->transposed != backward;
    int64_t inner = w->dims[transposed], outer = w->dims[!transposed];
    compat_desc src = {0}, dst = {0}, weights = {0}, plain = {0}, bias = {0};
    dnnl_primitive_desc_t pd = NULL, kept = NULL;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_dims_t matrix = {inner, outer};
    dnnl_status_t status = compat_desc_tag(&src, 2, (dnnl_dims_t){rows, inner}, dnnl_f32, dnnl_ab);
    if (status == dnnl_success) status = compat_desc_tag(&dst, 2, (dnnl_dims_t){rows, outer}, dnnl_f32, dnnl_ab);
    if (status == dnnl_success) status = compat_desc_tag(&weights, 2, matrix, dnnl_f32, dnnl_format_tag_any);
    if (status == dnnl_success) status = compat_desc_tag(&plain, 2, matrix, dnnl_f32, transposed ? dnnl_ba : dnnl_ab);
    if (status == dnnl_success && op->bias && !backward) status = compat_desc_tag(&bias, 2, (dnnl_dims_t){1, outer}, dnnl_f32, dnnl_ab);
    if (status == dnnl_success) status = ssg_dnn_attributes_for(&attributes, backward ? NULL : op);
    if (status == dnnl_success) status = compat_matmul(&pd, dnn->engine, &src, &weights, &bias, &dst, attributes);
    if (status == dnnl_success) status = dnnl_primitive_desc_clone(&kept, pd);
    ssgcam_status result = status == dnnl_success ? ssg_dnn_wrap(out, dnn, pd, "matrix product", DNNL_ARG_SRC, DNNL_ARG_DST, dnnl_query_src_md,
                                                                 dnnl_query_dst_md, scratch_bytes)
                                                  : ssg_dnn_refuse("matrix product", status);
    if (result == SSGCAM_OK)
        result = ssg_dnn_bind_weights(*out, kept, op, transposed ? SSG_DNN_TRANSPOSED : SSG_DNN_PLAIN, &plain, &bias, (size_t)outer);
    if (result != SSGCAM_OK) ssg_dnn_primitive_destroy(out);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    if (kept) dnnl_primitive_desc_destroy(kept);
    compat_desc_clear(&src);
    compat_desc_clear(&dst);
    compat_desc_clear(&weights);
    compat_desc_clear(&plain);
    compat_desc_clear(&bias);
    return result;
}

/* ---- max pool ------------------------------------------------------------------------------------------------------------- */

static ssgcam_status pool(ssg_dnn_primitive **out, ssg_dnn *dnn, const ssg_op *op, int backward, int with_positions, const ssg_placed *src,
                          const ssg_placed *dst, size_t *position_bytes)
{
    *out = NULL;
    compat_desc large = {0}, small = {0};
    compat_window window = ssg_dnn_window_of(op, &src->shape, &dst->shape);
    dnnl_primitive_desc_t pd = NULL, kept = NULL;
    dnnl_status_t status = ssg_dnn_desc_of(&large, src, 0);
    if (status == dnnl_success) status = ssg_dnn_desc_of(&small, dst, 0);
    if (status == dnnl_success) status = compat_maxpool(&pd, dnn->engine, backward, with_positions, &large, &small, &window, NULL);
    if (status == dnnl_success) status = dnnl_primitive_desc_clone(&kept, pd);
    ssgcam_status result =
        status != dnnl_success ? ssg_dnn_refuse("max pool", status)
        : backward
            ? ssg_dnn_wrap(out, dnn, pd, "max pool", DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_SRC, dnnl_query_diff_dst_md, dnnl_query_diff_src_md, NULL)
            : ssg_dnn_wrap(out, dnn, pd, "max pool", DNNL_ARG_SRC, DNNL_ARG_DST, dnnl_query_src_md, dnnl_query_dst_md, NULL);
    if (result == SSGCAM_OK && (backward || with_positions)) {
        size_t bytes;
        status = add_queried(*out, DNNL_ARG_WORKSPACE, kept, dnnl_query_workspace_md, &(*out)->positions, &bytes);
        if (status != dnnl_success) result = ssg_dnn_refuse("max pool", status);
        if (position_bytes) *position_bytes = bytes;
    }
    if (result != SSGCAM_OK) ssg_dnn_primitive_destroy(out);
    if (kept) dnnl_primitive_desc_destroy(kept);
    compat_desc_clear(&large);
    compat_desc_clear(&small);
    return result;
}

ssgcam_status ssg_dnn_maxpool(ssg_dnn_primitive **out, ssg_dnn *dnn, const ssg_op *op, int with_positions, const ssg_placed *src, ssg_placed *dst,
                              ssg_placed *positions)
{
    dst->layout = src->layout;
    dst->precision = src->precision;
    ssg_placed_measure(dst);
    *positions = (ssg_placed){.layout = SSG_LAYOUT_PRIVATE};
    return pool(out, dnn, op, 0, with_positions, src, dst, &positions->bytes);
}

ssgcam_status ssg_dnn_maxpool_backward(ssg_dnn_primitive **out, ssg_dnn *dnn, const ssg_op *op, const ssg_placed *src, const ssg_placed *dst)
{
    return pool(out, dnn, op, 1, 1, src, dst, NULL);
}

/* ---- reorder, run ---------------------------------------------------------------------------------------------------------- */

ssgcam_status ssg_dnn_reorder(ssg_dnn_primitive **out, ssg_dnn *dnn, const ssg_placed *from, const ssg_placed *to)
{
    *out = NULL;
    compat_desc a = {0}, b = {0};
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = ssg_dnn_desc_of(&a, from, 0);
    if (status == dnnl_success) status = ssg_dnn_desc_of(&b, to, 0);
    if (status == dnnl_success) status = compat_reorder(&pd, dnn->engine, &a, &b, NULL);
    ssgcam_status result = status == dnnl_success
                               ? ssg_dnn_wrap(out, dnn, pd, "reorder", DNNL_ARG_FROM, DNNL_ARG_TO, dnnl_query_src_md, dnnl_query_dst_md, NULL)
                               : ssg_dnn_refuse("reorder", status);
    compat_desc_clear(&a);
    compat_desc_clear(&b);
    return result;
}

ssgcam_status ssg_dnn_run(ssg_dnn_primitive *p, const void *from, void *to, void *positions, void *scratch)
{
    dnnl_memory_set_data_handle(p->arguments[p->from].memory, (void *)from);
    dnnl_memory_set_data_handle(p->arguments[p->to].memory, to);
    if (p->positions >= 0) dnnl_memory_set_data_handle(p->arguments[p->positions].memory, positions);
    if (p->scratch >= 0) dnnl_memory_set_data_handle(p->arguments[p->scratch].memory, scratch);
    dnnl_status_t status = dnnl_primitive_execute(p->primitive, p->dnn->stream, p->count, p->arguments);
    return status == dnnl_success ? SSGCAM_OK : ssg_dnn_refuse("run of a primitive", status);
}

void ssg_dnn_primitive_destroy(ssg_dnn_primitive **primitive)
{
    if (!primitive || !*primitive) return;
    ssg_dnn_primitive *p = *primitive;
    if (p->primitive) dnnl_primitive_destroy(p->primitive);
    for (int i = 0; i < p->count; i++) dnnl_memory_destroy(p->arguments[i].memory);
    ssg_dnn_unpack_weights(p->dnn, p->weights);
    ssg_free(p->bias);
    ssg_free(p);
    *primitive = NULL;
}
