/* Convolutions: in which form, layouts and algorithm oneDNN is asked for them. */
#include <string.h>

#include "host/device/cpu/dnn_parts.h"

typedef struct conv_descs {
    compat_desc src, weights, plain_weights, bias, dst;
} conv_descs;

/* A convolution as oneDNN is asked for it. A data gradient may also be a forward pass of its own, from dst to src with the weights turned: those
 * kernels are faster, and Winograd's transform of the weights is made once. */
typedef struct conv_form {
    const ssg_op *op;
    dnnl_alg_kind_t algorithm;
    int backward, turned; /* not both */
} conv_form;

/* What is left to oneDNN. */
enum { ANY_SRC = 1, ANY_DST = 2, ANY = ANY_SRC | ANY_DST };

static dnnl_status_t describe_convolution(conv_descs *d, const conv_form *form, const ssg_placed *src, const ssg_placed *dst, int any)
{
    const ssg_op *op = form->op;
    const ssg_shape *w = &op->weights->shape;
    dnnl_dims_t flat = {w->dims[form->turned], w->dims[!form->turned], w->dims[2], w->dims[3]};
    dnnl_dims_t grouped = {op->groups, w->dims[0] / op->groups, w->dims[1], w->dims[2], w->dims[3]};
    int rank = op->groups > 1 ? 5 : 4;
    const dnnl_dim_t *dims = op->groups > 1 ? grouped : flat;
    dnnl_status_t status = ssg_dnn_desc_of(&d->src, src, any & ANY_SRC);
    if (status == dnnl_success) status = ssg_dnn_desc_of(&d->dst, dst, any & ANY_DST);
    if (status == dnnl_success) status = compat_desc_tag(&d->weights, rank, dims, ssg_dnn_data_type(src->precision), dnnl_format_tag_any);
    if (status == dnnl_success) status = compat_desc_tag(&d->plain_weights, rank, dims, dnnl_f32, ssg_dnn_plain_tag(rank));
    if (status == dnnl_success && op->bias && !form->backward && !form->turned)
        status = compat_desc_tag(&d->bias, 1, (dnnl_dims_t){w->dims[0]}, dnnl_f32, dnnl_a);
    return status;
}

static void clear_convolution(conv_descs *d)
{
    compat_desc_clear(&d->src);
    compat_desc_clear(&d->weights);
    compat_desc_clear(&d->plain_weights);
    compat_desc_clear(&d->bias);
    compat_desc_clear(&d->dst);
}

static compat_window window_for(const conv_form *form, const ssg_shape *src, const ssg_shape *dst)
{
    if (!form->turned) return ssg_dnn_window_of(form->op, src, dst);
    compat_window w = ssg_dnn_window_of(form->op, dst, src); /* dst is what the convolution itself reads */
    for (int i = 0; i < 2; i++) w.before[i] = w.kernel[i] - 1 - w.before[i], w.after[i] = w.kernel[i] - 1 - w.after[i];
    return w;
}

/* Asks oneDNN for its favourite layouts (of `any`) or states them; says in `usable` whether the layouts are among ours. */
static dnnl_status_t choose_convolution(dnnl_primitive_desc_t *pd, ssg_dnn *dnn, const conv_form *form, conv_descs *d, ssg_placed *src,
                                        ssg_placed *dst, int any, int *usable)
{
    dnnl_primitive_attr_t attributes = NULL;
    compat_window window = window_for(form, &src->shape, &dst->shape);
    dnnl_status_t status = describe_convolution(d, form, src, dst, any);
    if (status == dnnl_success) status = ssg_dnn_attributes_for(&attributes, form->backward || form->turned ? NULL : form->op);
    if (status == dnnl_success)
        status = compat_convolution(pd, dnn->engine, form->algorithm, form->backward, &d->src, &d->weights, &d->bias, &d->dst, &window, attributes);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    if (status != dnnl_success) return status;
    compat_desc chosen_src = {0}, chosen_dst = {0};
    status = compat_query_desc(&chosen_src, *pd, form->backward ? dnnl_query_diff_src_md : dnnl_query_src_md);
    if (status == dnnl_success) status = compat_query_desc(&chosen_dst, *pd, form->backward ? dnnl_query_diff_dst_md : dnnl_query_dst_md);
    *usable = status == dnnl_success && ssg_dnn_recognise(src, &chosen_src) && ssg_dnn_recognise(dst, &chosen_dst);
    compat_desc_clear(&chosen_src);
    compat_desc_clear(&chosen_dst);
    return status;
}

/* The name of oneDNN's implementation, "" if it does not say. */
static const char *implementation(const_dnnl_primitive_desc_t pd)
{
    const char *name = NULL;
    return dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name) == dnnl_success && name ? name : "";
}

/* Two implementations choose their order of summation by the number of threads: the one for shapes that no direct one takes, which unfolds the image
 * and multiplies matrices, and 3.x's gradient of strided convolutions. */
static int sums_by_threads(const_dnnl_primitive_desc_t pd)
{
    return strstr(implementation(pd), "gemm") || strstr(implementation(pd), "brgconv_strided");
}

static int is_slow(const_dnnl_primitive_desc_t pd)
{
    return strstr(implementation(pd), "gemm") || strstr(implementation(pd), "ref");
}

static void drop_convolution(dnnl_primitive_desc_t *pd, conv_descs *d)
{
    if (*pd) dnnl_primitive_desc_destroy(*pd);
    *pd = NULL;
    clear_convolution(d);
}

/* Whether the gradient is a convolution of the same kind. */
static int turns(const ssg_op *op)
{
    const ssg_window *w = &op->window;
    for (int i = 0; i < 2; i++)
        if (w->stride[i] != 1 || w->dilation[i] != 1 || w->pads[i] >= w->kernel[i] || w->pads[2 + i] >= w->kernel[i]) return 0;
    return op->groups == 1;
}

/* A forward pass, or a gradient as one, in the layouts that oneDNN's own gradient prefers: else everything that comes back would be turned over twice
 * at each layer. dnnl_unimplemented: there is none, or a slow one. */
static dnnl_status_t choose_forward(dnnl_primitive_desc_t *pd, ssg_dnn *dnn, const conv_form *form, conv_descs *d, ssg_placed *src, ssg_placed *dst,
                                    int *usable)
{
    enum { FEW = 16 }; /* channels of a picture: what is below the first layer rarely wants a gradient */
    const conv_form gradient = {.op = form->op, .algorithm = form->algorithm, .backward = 1};
    dnnl_status_t status = choose_convolution(pd, dnn, &gradient, d, src, dst, ANY, usable);
    drop_convolution(pd, d);
    if (status != dnnl_success || !*usable) return dnnl_unimplemented;
    int few = !form->turned && src->shape.dims[1] < FEW;
    status = choose_convolution(pd, dnn, form, d, form->turned ? dst : src, form->turned ? src : dst, few ? ANY_SRC : 0, usable);
    if (status == dnnl_success && *usable && !is_slow(*pd)) return status;
    drop_convolution(pd, d);
    return dnnl_unimplemented;
}

/* Takes over `pd`. */
static ssgcam_status finish_convolution(ssg_dnn_primitive **out, ssg_dnn *dnn, const conv_form *form, const conv_descs *d, dnnl_primitive_desc_t pd,
                                        size_t *scratch_bytes)
{
    dnnl_primitive_desc_t kept = NULL;
    dnnl_primitive_desc_clone(&kept, pd);
    ssgcam_status status =
        form->backward ? ssg_dnn_wrap(out, dnn, pd, "convolution", DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_SRC, dnnl_query_diff_dst_md,
                                      dnnl_query_diff_src_md, scratch_bytes)
                       : ssg_dnn_wrap(out, dnn, pd, "convolution", DNNL_ARG_SRC, DNNL_ARG_DST, dnnl_query_src_md, dnnl_query_dst_md, scratch_bytes);
    if (status == SSGCAM_OK)
        status = ssg_dnn_bind_weights(*out, kept, form->op, form->turned ? SSG_DNN_TURNED : SSG_DNN_PLAIN, &d->plain_weights, &d->bias,
                                      (size_t)form->op->weights->shape.dims[0]);
    if (status == SSGCAM_OK) (*out)->splits_sums = sums_by_threads(kept);
    if (kept) dnnl_primitive_desc_destroy(kept);
    if (status != SSGCAM_OK) ssg_dnn_primitive_destroy(out);
    return status;
}

ssgcam_status ssg_dnn_convolution(ssg_dnn_primitive **out, ssg_dnn *dnn, const ssg_op *op, int backward, ssg_precision precision, ssg_placed *src,
                                  ssg_placed *dst, size_t *scratch_bytes)
{
    *out = NULL;
    src->precision = dst->precision = precision;
    conv_form form = {.op = op, .algorithm = dnnl_convolution_direct, .turned = backward && turns(op)};
    dnnl_primitive_desc_t pd = NULL;
    conv_descs d = {0};
    int usable = 0;
    dnnl_status_t status = dnnl_unimplemented;
    if (form.turned || !backward) status = choose_forward(&pd, dnn, &form, &d, src, dst, &usable);
    if (status != dnnl_success) {
        form.turned = 0, form.backward = backward;
        status = choose_convolution(&pd, dnn, &form, &d, src, dst, ANY, &usable);
    }
    if (status == dnnl_success && !usable) { /* a layout we do not know: fall back to the plain one */
        dnnl_primitive_desc_destroy(pd);
        clear_convolution(&d);
        src->layout = dst->layout = SSG_LAYOUT_PLAIN;
        status = choose_convolution(&pd, dnn, &form, &d, src, dst, 0, &usable);
    }
    ssgcam_status result;
    if (status == dnnl_unimplemented && precision == SSG_PRECISION_BF16)
        result = ssg_fail(SSGCAM_ERR_DEVICE, "this processor does not compute in bf16; use --precision fp32");
    else if (status != dnnl_success)
        result = ssg_dnn_refuse("convolution", status);
    else
        result = finish_convolution(out, dnn, &form, &d, pd, scratch_bytes);
    clear_convolution(&d);
    return result;
}

/* ---- Winograd's convolution ------------------------------------------------------------------------------------------------ */

ssgcam_status ssg_dnn_winograd(ssg_dnn_primitive **out, ssg_dnn *dnn, const ssg_op *op, int backward, ssg_placed *from, ssg_placed *to,
                               size_t *scratch_bytes)
{
    *out = NULL;
    from->precision = to->precision = SSG_PRECISION_F32;
    const conv_form form = {.op = op, .algorithm = dnnl_convolution_winograd, .turned = backward};
    dnnl_primitive_desc_t pd = NULL;
    conv_descs d = {0};
    int usable = 0;
    ssgcam_status result = SSGCAM_OK;
    dnnl_status_t status = choose_convolution(&pd, dnn, &form, &d, from, to, ANY, &usable);
    if (status == dnnl_success && usable)
        result = finish_convolution(out, dnn, &form, &d, pd, scratch_bytes);
    else if (status == dnnl_success)
        dnnl_primitive_desc_destroy(pd);
    else if (status != dnnl_unimplemented)
        result = ssg_dnn_refuse("Winograd convolution", status);
    clear_convolution(&d);
    return result;
}

/* 2.x has it for AVX-512, 3.x for no processor. */
int ssg_dnn_has_winograd(const ssg_dnn *dnn)
{
    enum { CHANNELS = 64, SIDE = 28 };
    const compat_window window = {{3, 3}, {1, 1}, {0, 0}, {1, 1}, {1, 1}};
    compat_desc image = {0}, weights = {0}, none = {0};
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = compat_desc_tag(&image, 4, (dnnl_dims_t){1, CHANNELS, SIDE, SIDE}, dnnl_f32, dnnl_format_tag_any);
    if (status == dnnl_success) status = compat_desc_tag(&weights, 4, (dnnl_dims_t){CHANNELS, CHANNELS, 3, 3}, dnnl_f32, dnnl_format_tag_any);
    if (status == dnnl_success)
        status = compat_convolution(&pd, dnn->engine, dnnl_convolution_winograd, 0, &image, &weights, &none, &image, &window, NULL);
    if (pd) dnnl_primitive_desc_destroy(pd);
    compat_desc_clear(&image);
    compat_desc_clear(&weights);
    return status == dnnl_success;
}
