#include "host/model/onnx_tensor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"

typedef Onnx__TensorProto proto;

enum {
    TYPE_FLOAT = 1,
    TYPE_UINT8 = 2,
    TYPE_INT8 = 3,
    TYPE_UINT16 = 4,
    TYPE_INT16 = 5,
    TYPE_INT32 = 6,
    TYPE_INT64 = 7,
    TYPE_BOOL = 9,
    TYPE_FLOAT16 = 10,
    TYPE_DOUBLE = 11,
    TYPE_UINT32 = 12,
    TYPE_UINT64 = 13,
    TYPE_BFLOAT16 = 16
};

static size_t element_bytes(int type)
{
    switch (type) {
    case TYPE_UINT8:
    case TYPE_INT8:
    case TYPE_BOOL: return 1;
    case TYPE_UINT16:
    case TYPE_INT16:
    case TYPE_FLOAT16:
    case TYPE_BFLOAT16: return 2;
    case TYPE_FLOAT:
    case TYPE_INT32:
    case TYPE_UINT32: return 4;
    case TYPE_INT64:
    case TYPE_UINT64:
    case TYPE_DOUBLE: return 8;
    default: return 0;
    }
}

static int is_floating(int type)
{
    return type == TYPE_FLOAT || type == TYPE_DOUBLE || type == TYPE_FLOAT16 || type == TYPE_BFLOAT16;
}

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = (half >> 10) & 31, mantissa = half & 0x3ff;
    if (exponent == 31) return from_bits(sign | 0x7f800000u | mantissa << 13);
    if (exponent) return from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
    float magnitude = (float)mantissa * 0x1p-24f; /* subnormal */
    return sign ? -magnitude : magnitude;
}

/* One element of little-endian raw data. */
static void decode_raw(ssg_const *constant, size_t i, int type, const uint8_t *bytes)
{
#define LOAD(ctype)                                                \
    (__extension__({                                               \
        ctype loaded;                                              \
        memcpy(&loaded, bytes + i * sizeof loaded, sizeof loaded); \
        loaded;                                                    \
    }))
    switch (type) {
    case TYPE_FLOAT: constant->f32[i] = LOAD(float); break;
    case TYPE_DOUBLE: constant->f32[i] = (float)LOAD(double); break;
    case TYPE_FLOAT16: constant->f32[i] = half_to_float(LOAD(uint16_t)); break;
    case TYPE_BFLOAT16: constant->f32[i] = from_bits((uint32_t)LOAD(uint16_t) << 16); break;
    case TYPE_UINT8:
    case TYPE_BOOL: constant->i64[i] = bytes[i]; break;
    case TYPE_INT8: constant->i64[i] = (int8_t)bytes[i]; break;
    case TYPE_UINT16: constant->i64[i] = LOAD(uint16_t); break;
    case TYPE_INT16: constant->i64[i] = LOAD(int16_t); break;
    case TYPE_INT32: constant->i64[i] = LOAD(int32_t); break;
    case TYPE_UINT32: constant->i64[i] = LOAD(uint32_t); break;
    default: constant->i64[i] = LOAD(int64_t); break; /* INT64, UINT64 */
    }
#undef LOAD
}

static ssgcam_status wrong_length(const proto *tensor, size_t have, size_t want)
{
    return ssg_fail(SSGCAM_ERR_INPUT, "tensor '%s' holds %zu bytes or elements where its shape needs %zu; the file is damaged",
                    tensor->name ? tensor->name : "", have, want);
}

/* The typed fields, as proto.h documents them: small types ride in int32_data. */
static ssgcam_status decode_typed(ssg_const *constant, const proto *tensor, int type, size_t count)
{
    size_t have;
    switch (type) {
    case TYPE_FLOAT: have = tensor->n_float_data; break;
    case TYPE_DOUBLE: have = tensor->n_double_data; break;
    case TYPE_INT64: have = tensor->n_int64_data; break;
    case TYPE_UINT32:
    case TYPE_UINT64: have = tensor->n_uint64_data; break;
    default: have = tensor->n_int32_data; break;
    }
    if (have != count) return wrong_length(tensor, have, count);
    for (size_t i = 0; i < count; i++) switch (type) {
        case TYPE_FLOAT: constant->f32[i] = tensor->float_data[i]; break;
        case TYPE_DOUBLE: constant->f32[i] = (float)tensor->double_data[i]; break;
        case TYPE_FLOAT16: constant->f32[i] = half_to_float((uint16_t)tensor->int32_data[i]); break;
        case TYPE_BFLOAT16: constant->f32[i] = from_bits((uint32_t)tensor->int32_data[i] << 16); break;
        case TYPE_INT64: constant->i64[i] = tensor->int64_data[i]; break;
        case TYPE_UINT32:
        case TYPE_UINT64: constant->i64[i] = (int64_t)tensor->uint64_data[i]; break;
        default: constant->i64[i] = tensor->int32_data[i]; break;
        }
    return SSGCAM_OK;
}

static const char *external_entry(const proto *tensor, const char *key)
{
    for (size_t i = 0; i < tensor->n_external_data; i++)
        if (tensor->external_data[i]->key && strcmp(tensor->external_data[i]->key, key) == 0) return tensor->external_data[i]->value;
    return NULL;
}

/* A path that stays inside the model's folder: relative, and never climbing out of it. */
static int stays_inside(const char *location)
{
    if (location[0] == '\0' || location[0] == '/') return 0;
    for (const char *part = location; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) return 0;
    return 1;
}

static ssgcam_status read_external(uint8_t **out, const proto *tensor, size_t bytes, const char *model_path)
{
    const char *location = external_entry(tensor, "location"), *offset_text = external_entry(tensor, "offset");
    if (!model_path || !location) return ssg_fail(SSGCAM_ERR_INPUT, "tensor '%s' keeps its data in another file, which is not given", tensor->name);
    if (!stays_inside(location))
        return ssg_fail(SSGCAM_ERR_INPUT, "tensor '%s' keeps its data in '%s', which is outside the model's folder", tensor->name, location);
    const char *slash = strrchr(model_path, '/');
    char *path = ssg_format("%.*s%s", slash ? (int)(slash + 1 - model_path) : 0, model_path, location);
    if (!path) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = SSGCAM_OK;
    uint8_t *data = NULL;
    long offset = offset_text ? strtol(offset_text, NULL, 10) : 0;
    FILE *file = fopen(path, "rb");
    if (!file) {
        status = ssg_fail(SSGCAM_ERR_NOT_FOUND, "external data file '%s' cannot be opened: %s; put it beside the model", path, strerror(errno));
        goto done;
    }
    /* Look at the file's length before asking for memory: the shape is the file's word only. */
    if (fseek(file, 0, SEEK_END) != 0 || offset < 0 || ftell(file) < offset || (size_t)(ftell(file) - offset) < bytes) {
        status =
            ssg_fail(SSGCAM_ERR_INPUT, "external data file '%s' is too short for tensor '%s' (%zu bytes at %ld)", path, tensor->name, bytes, offset);
        goto done;
    }
    data = ssg_alloc_aligned(bytes, 1);
    if (!data) {
        status = SSG_OUT_OF_MEMORY;
        goto done;
    }
    if (fseek(file, offset, SEEK_SET) != 0 || fread(data, 1, bytes, file) != bytes)
        status = ssg_fail(SSGCAM_ERR_INPUT, "external data file '%s' cannot be read: %s", path, strerror(errno));
done:
    if (file) fclose(file);
    ssg_free(path);
    if (status != SSGCAM_OK) {
        ssg_free(data);
        data = NULL;
    }
    *out = data;
    return status;
}

ssgcam_status ssg_onnx_tensor_decode(ssg_const **out, const proto *tensor, const char *model_path)
{
    *out = NULL;
    int type = tensor->data_type;
    const char *name = tensor->name ? tensor->name : "";
    size_t width = element_bytes(type);
    if (!width)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "tensor '%s' has element type %d; supported are float, double, float16, bfloat16, integers and bool",
                        name, type);
    ssg_shape shape = {.rank = (int)(tensor->n_dims > SSG_MAX_RANK ? SSG_MAX_RANK + 1 : tensor->n_dims)};
    for (int i = 0; i < shape.rank && i < SSG_MAX_RANK; i++) shape.dims[i] = tensor->dims[i];
    SSG_TRY(ssg_shape_check(&shape, name[0] ? name : "a tensor"));
    size_t count = ssg_shape_count(&shape);

    /* Every element stands in the file, so a shape larger than the data is refused before memory is asked for. */
    int external = tensor->has_data_location && tensor->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    uint8_t *from_file = NULL;
    const uint8_t *raw = NULL;
    if (external) {
        SSG_TRY(read_external(&from_file, tensor, count * width, model_path));
        raw = from_file;
    } else if (tensor->has_raw_data) {
        if (tensor->raw_data.len != count * width) return wrong_length(tensor, tensor->raw_data.len, count * width);
        raw = tensor->raw_data.data;
    } else if (count > tensor->n_float_data + tensor->n_int32_data + tensor->n_int64_data + tensor->n_double_data + tensor->n_uint64_data) {
        return wrong_length(tensor, 0, count);
    }

    ssgcam_status status = SSGCAM_OK;
    ssg_const *constant = ssg_const_create(is_floating(type) ? SSG_CONST_F32 : SSG_CONST_I64, &shape);
    if (!constant) {
        status = SSG_OUT_OF_MEMORY;
    } else if (raw && type == TYPE_FLOAT) {
        memcpy(constant->f32, raw, count * sizeof(float));
    } else if (raw) {
        for (size_t i = 0; i < count; i++) decode_raw(constant, i, type, raw);
    } else {
        status = decode_typed(constant, tensor, type, count);
    }
    ssg_free(from_file);
    if (status != SSGCAM_OK) {
        ssg_const_release(constant);
        return status;
    }
    *out = constant;
    return SSGCAM_OK;
}
