#include "host/device/cpu/dnn.h"

#include <stdio.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/device/cpu/dnn_compat.h"

/* Weights in the layout that a primitive wants, shared by all plans of a device: plans for other batch or image sizes mostly want the same. */
typedef enum weights_form {
    WEIGHTS_PLAIN,
    WEIGHTS_TRANSPOSED, /* of a matrix */
    WEIGHTS_TURNED      /* of a convolution: [out][in][y][x] to [in][out][height - 1 - y][width - 1 - x] */
} weights_form;

typedef struct packed {
    ssg_const *source; /* retained: its address is the key */
    weights_form form;
    compat_desc desc;
    void *data;
    int users;
    struct packed *next;
} packed;

struct ssg_dnn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    packed *weights;
};

enum { MOST_ARGUMENTS = 6 };

struct ssg_dnn_primitive {
    ssg_dnn *dnn;
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[MOST_ARGUMENTS];
    int count, from, to, positions, scratch; /* indices of the arguments whose address changes; -1 if there is none */
    packed *weights;
    float *bias;
    int splits_sums;
};

static ssgcam_status refuse(const char *what, dnnl_status_t status)
{
    if (status == dnnl_out_of_memory) return ssg_fail(SSGCAM_ERR_MEMORY, "out of memory in oneDNN (%s)", what);
    return ssg_fail(SSGCAM_ERR_DEVICE, "oneDNN refused a %s (status %d)", what, (int)status);
}

/* ---- descriptors ---------------------------------------------------------------------------------------------------- */

static dnnl_data_type_t data_type(ssg_precision precision)
{
    return precision == SSG_PRECISION_BF16 ? dnnl_bf16 : dnnl_f32;
}

static const struct {
    ssg_layout layout;
    dnnl_format_tag_t tag;
} layouts[] = {{SSG_LAYOUT_PLAIN, dnnl_nchw}, {SSG_LAYOUT_BLOCK16, dnnl_nChw16c}, {SSG_LAYOUT_BLOCK8, dnnl_nChw8c}, {SSG_LAYOUT_NHWC, dnnl_nhwc}};

static dnnl_format_tag_t plain_tag(int rank)
{
    static const dnnl_format_tag_t tags[] = {dnnl_format_tag_undef, dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd, dnnl_abcde, dnnl_abcdef};
    return tags[rank];
}

static dnnl_status_t desc_of(compat_desc *out, const ssg_placed *placed, int any)
{
    dnnl_dims_t dims = {0};
    for (int i = 0; i < placed->shape.rank; i++) dims[i] = placed->shape.dims[i];
    dnnl_format_tag_t tag = plain_tag(placed->shape.rank);
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (placed->shape.rank == 4 && layouts[i].layout == placed->layout) tag = layouts[i].tag;
    return compat_desc_tag(out, placed->shape.rank, dims, data_type(placed->precision), any ? dnnl_format_tag_any : tag);
}

/* Finds the layout of a descriptor that oneDNN chose; 0 if it is none of ours. */
static int recognise(ssg_placed *placed, const compat_desc *desc)
{
    int found = 0;
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts && !found; i++) {
        placed->layout = layouts[i].layout;
        compat_desc candidate = {0};
        found = desc_of(&candidate, placed, 0) == dnnl_success && compat_desc_equal(&candidate, desc);
        compat_desc_clear(&candidate);
    }
    ssg_placed_measure(placed);
    return found;
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
        return refuse("CPU engine", status);
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

static dnnl_status_t add_argument(ssg_dnn_primitive *p, int kind, const compat_desc *desc, int *index)
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
    if (size) status = add_argument(p, kind, &desc, index);
    compat_desc_clear(&desc);
    return bytes ? dnnl_success : status; /* with `bytes` the argument is optional */
}

/* Takes over `pd`. */
static ssgcam_status wrap(ssg_dnn_primitive **out, ssg_dnn *dnn, dnnl_primitive_desc_t pd, const char *what, int from, int to,
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
    return refuse(what, status);
}

/* Working memory comes from the planner, which shares one piece among all steps. `op`: its function runs inside the primitive. */
static dnnl_status_t attributes_for(dnnl_primitive_attr_t *out, const ssg_op *op)
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

/* ---- weights ------------------------------------------------------------------------------------------------------------ */

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
    return status == dnnl_success ? SSGCAM_OK : refuse("reorder of weights", status);
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

static ssgcam_status fill_weights(void *to, ssg_dnn *dnn, const ssg_const *source, weights_form form, const compat_desc *plain,
                                  const compat_desc *wanted)
{
    if (form != WEIGHTS_TURNED) return run_reorder(dnn, plain, source->f32, wanted, to);
    float *turned = turn(source);
    ssgcam_status status = turned ? run_reorder(dnn, plain, turned, wanted, to) : SSG_OUT_OF_MEMORY;
    ssg_free(turned);
    return status;
}

static ssgcam_status pack_weights(packed **out, ssg_dnn *dnn, ssg_const *source, weights_form form, const compat_desc *plain,
                                  const compat_desc *wanted)
{
    for (packed *p = dnn->weights; p; p = p->next)
        if (p->source == source && p->form == form && compat_desc_equal(&p->desc, wanted)) {
            p->users++;
            *out = p;
            return SSGCAM_OK;
        }
    packed *p = ssg_calloc(1, sizeof *p);
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

static void unpack_weights(ssg_dnn *dnn, packed *weights)
{
    if (!weights || --weights->users > 0) return;
    for (packed **link = &dnn->weights; *link; link = &(*link)->next)
        if (*link == weights) {
            *link = weights->next;
            break;
        }
    compat_desc_clear(&weights->desc);
    ssg_const_release(weights->source);
    ssg_free(weights->data);
    ssg_free(weights);
}

/* Gives primitive `p` its weights in the layout that `pd` wants, and its bias. */
static ssgcam_status bind_weights(ssg_dnn_primitive *p, const_dnnl_primitive_desc_t pd, const ssg_op *op, weights_form form, const compat_desc *plain,
                                  const compat_desc *bias_desc, size_t bias_count)
{
    compat_desc wanted = {0};
    int index;
    dnnl_status_t status = compat_query_desc(&wanted, pd, dnnl_query_weights_md);
    if (status == dnnl_success) status = add_argument(p, DNNL_ARG_WEIGHTS, &wanted, &index);
    if (status != dnnl_success) {
        compat_desc_clear(&wanted);
        return refuse("weights layout", status);
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
    status = add_argument(p, DNNL_ARG_BIAS, bias_desc, &index);
    if (status != dnnl_success) return refuse("bias", status);
    dnnl_memory_set_data_handle(p->arguments[index].memory, p->bias);
    return SSGCAM_OK;
}

/* ---- convolution ---------------------------------------------------------------------------------------------------------- */

/* The trailing padding that makes oneDNN's size formula exact: what a stride leaves over is cut off, what ceil_mode reaches beyond is added. */
static compat_window window_of(const ssg_op *op, const ssg_shape *in, const ssg_shape *out)
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

typedef struct conv_descs {
    compat_desc src, weights, plain_weights, bias, dst;
} conv_descs;

/* A convolution as oneDNN is asked for it. A data gradient may also be a convolution of its own, from dst to src with the weights turned: Winograd's
 * transform of the weights is then made once, as for any other forward pass. */
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
    dnnl_status_t status = desc_of(&d->src, src, any & ANY_SRC);
    if (status == dnnl_success) status = desc_of(&d->dst, dst, any & ANY_DST);
    if (status == dnnl_success) status = compat_desc_tag(&d->weights, rank, dims, data_type(src->precision), dnnl_format_tag_any);
    if (status == dnnl_success) status = compat_desc_tag(&d->plain_weights, rank, dims, dnnl_f32, plain_tag(rank));
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
    if (!form->turned) return window_of(form->op, src, dst);
    compat_window w = window_of(form->op, dst, src); /* dst is what the convolution itself reads */
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
    if (status == dnnl_success) status = attributes_for(&attributes, form->backward || form->turned ? NULL : form->op);
    if (status == dnnl_success)
        status = compat_convolution(pd, dnn->engine, form->algorithm, form->backward, &d->src, &d->weights, &d->bias, &d->dst, &window, attributes);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    if (status != dnnl_success) return status;
    compat_desc chosen_src = {0}, chosen_dst = {0};
    status = compat_query_desc(&chosen_src, *pd, form->backward ? dnnl_query_diff_src_md : dnnl_query_src_md);
    if (status == dnnl_success) status = compat_query_desc(&chosen_dst, *pd, form->backward ? dnnl_query_diff_dst_md : dnnl_query_dst_md);
    *usable = status == dnnl_success && recognise(src, &chosen_src) && recognise(dst, &chosen_dst);
    compat_desc_clear(&chosen_src);
    compat_desc_clear(&chosen_dst);
    return status;
}

/* Two implementations of oneDNN choose their order of summation by the number of threads: the one for shapes that no direct one takes, which unfolds
 * the image and multiplies matrices, and 3.x's gradient of strided convolutions. */
static int sums_by_threads(const_dnnl_primitive_desc_t pd)
{
    const char *name = NULL;
    if (dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name) != dnnl_success || !name) return 0;
    return strstr(name, "gemm") || strstr(name, "brgconv_strided");
}

static int is_slow(const_dnnl_primitive_desc_t pd)
{
    const char *name = NULL;
    if (dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name) != dnnl_success || !name) return 1;
    return strstr(name, "gemm") || strstr(name, "ref");
}

int ssg_dnn_splits_sums(const ssg_dnn_primitive *primitive)
{
    return primitive->splits_sums;
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
        form->backward
            ? wrap(out, dnn, pd, "convolution", DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_SRC, dnnl_query_diff_dst_md, dnnl_query_diff_src_md, scratch_bytes)
            : wrap(out, dnn, pd, "convolution", DNNL_ARG_SRC, DNNL_ARG_DST, dnnl_query_src_md, dnnl_query_dst_md, scratch_bytes);
    if (status == SSGCAM_OK)
        status = bind_weights(*out, kept, form->op, form->turned ? WEIGHTS_TURNED : WEIGHTS_PLAIN, &d->plain_weights, &d->bias,
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
        result = refuse("convolution", status);
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
        result = refuse("Winograd convolution", status);
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
    if (status == dnnl_success) status = attributes_for(&attributes, backward ? NULL : op);
    if (status == dnnl_success) status = compat_matmul(&pd, dnn->engine, &src, &weights, &bias, &dst, attributes);
    if (status == dnnl_success) status = dnnl_primitive_desc_clone(&kept, pd);
    ssgcam_status result = status == dnnl_success
                               ? wrap(out, dnn, pd, "matrix product", DNNL_ARG_SRC, DNNL_ARG_DST, dnnl_query_src_md, dnnl_query_dst_md, scratch_bytes)
                               : refuse("matrix product", status);
    if (result == SSGCAM_OK) result = bind_weights(*out, kept, op, transposed ? WEIGHTS_TRANSPOSED : WEIGHTS_PLAIN, &plain, &bias, (size_t)outer);
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
    compat_window window = window_of(op, &src->shape, &dst->shape);
    dnnl_primitive_desc_t pd = NULL, kept = NULL;
    dnnl_status_t status = desc_of(&large, src, 0);
    if (status == dnnl_success) status = desc_of(&small, dst, 0);
    if (status == dnnl_success) status = compat_maxpool(&pd, dnn->engine, backward, with_positions, &large, &small, &window, NULL);
    if (status == dnnl_success) status = dnnl_primitive_desc_clone(&kept, pd);
    ssgcam_status result =
        status != dnnl_success ? refuse("max pool", status)
        : backward ? wrap(out, dnn, pd, "max pool", DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_SRC, dnnl_query_diff_dst_md, dnnl_query_diff_src_md, NULL)
                   : wrap(out, dnn, pd, "max pool", DNNL_ARG_SRC, DNNL_ARG_DST, dnnl_query_src_md, dnnl_query_dst_md, NULL);
    if (result == SSGCAM_OK && (backward || with_positions)) {
        size_t bytes;
        status = add_queried(*out, DNNL_ARG_WORKSPACE, kept, dnnl_query_workspace_md, &(*out)->positions, &bytes);
        if (status != dnnl_success) result = refuse("max pool", status);
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
    dnnl_status_t status = desc_of(&a, from, 0);
    if (status == dnnl_success) status = desc_of(&b, to, 0);
    if (status == dnnl_success) status = compat_reorder(&pd, dnn->engine, &a, &b, NULL);
    ssgcam_status result = status == dnnl_success
                               ? wrap(out, dnn, pd, "reorder", DNNL_ARG_FROM, DNNL_ARG_TO, dnnl_query_src_md, dnnl_query_dst_md, NULL)
                               : refuse("reorder", status);
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
    return status == dnnl_success ? SSGCAM_OK : refuse("run of a primitive", status);
}

void ssg_dnn_primitive_destroy(ssg_dnn_primitive **primitive)
{
    if (!primitive || !*primitive) return;
    ssg_dnn_primitive *p = *primitive;
    if (p->primitive) dnnl_primitive_destroy(p->primitive);
    for (int i = 0; i < p->count; i++) dnnl_memory_destroy(p->arguments[i].memory);
    unpack_weights(p->dnn, p->weights);
    ssg_free(p->bias);
    ssg_free(p);
    *primitive = NULL;
}
