#include "host/model/tensor.h"

#include <stdio.h>
#include <string.h>

#include "host/base/alloc.h"

size_t ssg_shape_count(const ssg_shape *shape)
{
    size_t count = 1;
    for (int i = 0; i < shape->rank; i++) count *= (size_t)shape->dims[i];
    return count;
}

int ssg_shape_equal(const ssg_shape *a, const ssg_shape *b)
{
    if (a->rank != b->rank) return 0;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i]) return 0;
    return 1;
}

ssgcam_status ssg_shape_check(const ssg_shape *shape, const char *what)
{
    static const size_t most = (size_t)1 << 40;
    if (shape->rank < 0 || shape->rank > SSG_MAX_RANK)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "%s has rank %d; at most %d is supported", what, shape->rank, SSG_MAX_RANK);
    size_t count = 1;
    for (int i = 0; i < shape->rank; i++) {
        int64_t dim = shape->dims[i];
        if (dim < 0) return ssg_fail(SSGCAM_ERR_INPUT, "%s has a negative dimension (%lld)", what, (long long)dim);
        if ((uint64_t)dim > most || __builtin_mul_overflow(count, (size_t)dim, &count) || count > most)
            return ssg_fail(SSGCAM_ERR_INPUT, "%s is impossibly large (dimension %d is %lld)", what, i, (long long)dim);
    }
    return SSGCAM_OK;
}

const char *ssg_shape_format(const ssg_shape *shape, char text[SSG_SHAPE_TEXT])
{
    if (shape->rank == 0) return strcpy(text, "scalar");
    size_t used = 0;
    for (int i = 0; i < shape->rank && used < SSG_SHAPE_TEXT; i++)
        used += (size_t)snprintf(text + used, SSG_SHAPE_TEXT - used, i ? "x%lld" : "%lld", (long long)shape->dims[i]);
    return text;
}

ssgcam_status ssg_shape_broadcast(const ssg_shape *a, const ssg_shape *b, ssg_shape *out)
{
    const ssg_shape *longer = a->rank >= b->rank ? a : b, *shorter = longer == a ? b : a;
    ssg_shape result = *longer;
    int shift = longer->rank - shorter->rank;
    for (int i = shift; i < longer->rank; i++) {
        int64_t x = longer->dims[i], y = shorter->dims[i - shift];
        if (x != y && x != 1 && y != 1) {
            char left[SSG_SHAPE_TEXT], right[SSG_SHAPE_TEXT];
            return ssg_fail(SSGCAM_ERR_INPUT, "shapes %s and %s do not broadcast", ssg_shape_format(a, left), ssg_shape_format(b, right));
        }
        result.dims[i] = x == 1 ? y : x;
    }
    *out = result;
    return SSGCAM_OK;
}

ssg_const *ssg_const_create(ssg_const_type type, const ssg_shape *shape)
{
    ssg_const *constant = ssg_calloc(1, sizeof *constant);
    if (!constant) return NULL;
    constant->type = type;
    constant->shape = *shape;
    constant->references = 1;
    constant->data = ssg_alloc_aligned(ssg_shape_count(shape), type == SSG_CONST_F32 ? sizeof(float) : sizeof(int64_t));
    if (constant->data) return constant;
    ssg_free(constant);
    return NULL;
}

ssg_const *ssg_const_retain(ssg_const *constant)
{
    if (constant) constant->references++;
    return constant;
}

void ssg_const_release(ssg_const *constant)
{
    if (!constant || --constant->references > 0) return;
    ssg_free(constant->data);
    ssg_free(constant);
}

double ssg_const_number(const ssg_const *constant, size_t i)
{
    return constant->type == SSG_CONST_F32 ? (double)constant->f32[i] : (double)constant->i64[i];
}
