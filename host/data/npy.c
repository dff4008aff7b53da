#include "host/data/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/data/atomic_file.h"

static const char magic[6] = "\x93NUMPY";
static const size_t most_bytes = (size_t)4 << 30;

/* ---- reading ------------------------------------------------------------------------------------------------------------------ */

static float half(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = (bits >> 10) & 31, mantissa = bits & 0x3ff, word;
    if (exponent == 0) return (sign ? -1.0f : 1.0f) * (float)mantissa * 0x1p-24f;
    word = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | mantissa << 13;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

#define CONVERT(type)                       \
    (__extension__({                        \
        type loaded;                        \
        memcpy(&loaded, at, sizeof loaded); \
        (float)loaded;                      \
    }))

/* Converts element by element; 0 if the type is not known. */
static int convert(float *to, const uint8_t *at, size_t count, const char *type)
{
    static const struct {
        const char *name;
        int width, code;
    } types[] = {{"<f4", 4, 0}, {"<f8", 8, 1}, {"<f2", 2, 2}, {"|u1", 1, 3}, {"|i1", 1, 4},  {"<u2", 2, 5},
                 {"<i2", 2, 6}, {"<i4", 4, 7}, {"<u4", 4, 8}, {"<i8", 8, 9}, {"<u8", 8, 10}, {"|b1", 1, 3}};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        if (strcmp(types[t].name, type) != 0) continue;
        for (size_t i = 0; to && i < count; i++, at += types[t].width) switch (types[t].code) {
            case 0: memcpy(&to[i], at, 4); break;
            case 1: to[i] = CONVERT(double); break;
            case 2: to[i] = half((uint16_t)(at[0] | at[1] << 8)); break;
            case 3: to[i] = (float)*at; break;
            case 4: to[i] = (float)(int8_t)*at; break;
            case 5: to[i] = CONVERT(uint16_t); break;
            case 6: to[i] = CONVERT(int16_t); break;
            case 7: to[i] = CONVERT(int32_t); break;
            case 8: to[i] = CONVERT(uint32_t); break;
            case 9: to[i] = CONVERT(int64_t); break;
            default: to[i] = CONVERT(uint64_t); break;
            }
        return types[t].width;
    }
    return 0;
}

/* The text behind 'key': in the header's dictionary, or NULL. */
static const char *entry(const char *header, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s'", key);
    const char *at = strstr(header, quoted);
    if (!at) return NULL;
    at += strlen(quoted);
    while (*at == ' ' || *at == ':') at++;
    return at;
}

static ssgcam_status parse_shape(ssg_array *array, const char *at, const char *name, size_t *count)
{
    *count = 1;
    if (!at || *at++ != '(') return ssg_fail(SSGCAM_ERR_INPUT, "%s: the .npy header has no shape", name);
    for (;;) {
        while (*at == ' ' || *at == ',') at++;
        if (*at == ')') return SSGCAM_OK;
        char *end;
        unsigned long long dim = strtoull(at, &end, 10);
        if (end == at || *at == '-') return ssg_fail(SSGCAM_ERR_INPUT, "%s: the .npy header's shape cannot be read", name);
        if (array->rank == SSG_NPY_MOST_DIMS) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "%s: more than %d dimensions", name, SSG_NPY_MOST_DIMS);
        if (__builtin_mul_overflow(*count, (size_t)dim, count) || *count > most_bytes)
            return ssg_fail(SSGCAM_ERR_INPUT, "%s: an impossibly large array", name);
        array->dims[array->rank++] = (size_t)dim;
        at = end;
    }
}

static ssgcam_status parse_header(ssg_array *array, const char *header, const char *name, char type[8], size_t *count)
{
    const char *descr = entry(header, "descr"), *order = entry(header, "fortran_order");
    if (!descr || !order) return ssg_fail(SSGCAM_ERR_INPUT, "%s: the .npy header cannot be read", name);
    if (strncmp(order, "True", 4) == 0) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "%s: Fortran order; save numpy.ascontiguousarray(x)", name);
    size_t length = *descr == '\'' ? strcspn(descr + 1, "'") : 0;
    if (length == 0 || length > 7) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "%s: a structured array; save plain numbers", name);
    memcpy(type, descr + 1, length);
    type[length] = '\0';
    if (type[1] == 'O')
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "%s: Python objects (a pickle) are not read, since they could run code; save plain numbers", name);
    if (!convert(NULL, NULL, 0, type)) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "%s: element type '%s'; save float32", name, type);
    return parse_shape(array, entry(header, "shape"), name, count);
}

ssgcam_status ssg_npy_parse(ssg_array *array, const uint8_t *bytes, size_t size, const char *name)
{
    *array = (ssg_array){0};
    if (size < 10 || memcmp(bytes, magic, sizeof magic) != 0) return ssg_fail(SSGCAM_ERR_INPUT, "%s: not a .npy file", name);
    size_t start = bytes[6] == 1 ? 10 : 12;
    if (bytes[6] < 1 || bytes[6] > 3 || size < start) return ssg_fail(SSGCAM_ERR_INPUT, "%s: .npy version %d is not known", name, bytes[6]);
    size_t length = bytes[6] == 1 ? (size_t)(bytes[8] | bytes[9] << 8)
                                  : (size_t)bytes[8] | (size_t)bytes[9] << 8 | (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (length > size - start || length > 1 << 16) return ssg_fail(SSGCAM_ERR_INPUT, "%s: a truncated .npy file", name);
    char *header = ssg_calloc(length + 1, 1), type[8] = "";
    if (!header) return SSG_OUT_OF_MEMORY;
    memcpy(header, bytes + start, length);
    size_t count = 0;
    ssgcam_status status = parse_header(array, header, name, type, &count);
    ssg_free(header);
    if (status == SSGCAM_OK && (size - start - length) / (size_t)convert(NULL, NULL, 0, type) < count)
        status = ssg_fail(SSGCAM_ERR_INPUT, "%s: a truncated .npy file: its header promises %zu values", name, count);
    if (status == SSGCAM_OK && !(array->values = ssg_alloc_aligned(count, sizeof *array->values))) status = SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) convert(array->values, bytes + start + length, count, type);
    array->whole = type[1] != 'f';
    if (status != SSGCAM_OK) ssg_array_clear(array);
    return status;
}

ssgcam_status ssg_npy_read(ssg_array *array, const char *path)
{
    char *bytes;
    size_t size;
    *array = (ssg_array){0};
    SSG_TRY(ssg_file_read(&bytes, &size, path, most_bytes));
    ssgcam_status status = ssg_npy_parse(array, (const uint8_t *)bytes, size, path);
    ssg_free(bytes);
    return status;
}

void ssg_array_clear(ssg_array *array)
{
    ssg_free(array->values);
    *array = (ssg_array){0};
}

/* ---- writing -------------------------------------------------------------------------------------------------------------------- */

ssgcam_status ssg_npy_encode(uint8_t **bytes, size_t *size, const void *values, const char *type, int rank, const size_t *dims)
{
    char shape[160] = "", header[256];
    size_t count = strcmp(type, "|u1") == 0 ? 1 : 4;
    *bytes = NULL;
    for (int i = 0; i < rank; i++) {
        size_t used = strlen(shape);
        snprintf(shape + used, sizeof shape - used, i + 1 < rank ? "%zu, " : rank == 1 ? "%zu," : "%zu", dims[i]);
        if (__builtin_mul_overflow(count, dims[i], &count)) return ssg_fail(SSGCAM_ERR_ARGUMENT, "an array too large to save");
    }
    int length = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type, shape);
    size_t padded = (10 + (size_t)length + 1 + 63) / 64 * 64 - 10; /* data starts at a multiple of 64, a newline ends the header */
    *size = 10 + padded + count;
    uint8_t *out = *bytes = ssg_calloc(*size, 1);
    if (!out) return SSG_OUT_OF_MEMORY;
    memcpy(out, magic, sizeof magic);
    out[6] = 1;
    out[8] = (uint8_t)padded;
    out[9] = (uint8_t)(padded >> 8);
    memset(out + 10, ' ', padded);
    memcpy(out + 10, header, (size_t)length);
    out[10 + padded - 1] = '\n';
    memcpy(out + 10 + padded, values, count);
    return SSGCAM_OK;
}

ssgcam_status ssg_npy_write(const char *path, const float *values, int rank, const size_t *dims)
{
    uint8_t *bytes;
    size_t size;
    SSG_TRY(ssg_npy_encode(&bytes, &size, values, "<f4", rank, dims));
    ssgcam_status status = ssg_file_write(path, bytes, size);
    ssg_free(bytes);
    return status;
}
