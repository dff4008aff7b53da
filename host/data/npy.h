/* npy.h - NumPy's .npy files, C order, little endian. */
#ifndef SSG_DATA_NPY_H
#define SSG_DATA_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "host/base/status.h"

enum { SSG_NPY_MOST_DIMS = 8 };

typedef struct ssg_array {
    int rank;
    size_t dims[SSG_NPY_MOST_DIMS];
    float *values; /* owned */
    int whole;     /* the file holds integers or booleans */
} ssg_array;

/* Reads f4, f8, f2, integers up to 8 bytes and bool as float32. Object arrays (pickles), Fortran order, big endian and headers that do not fit the
 * file's size are refused with a sentence. */
ssgcam_status ssg_npy_read(ssg_array *array, const char *path);
ssgcam_status ssg_npy_parse(ssg_array *array, const uint8_t *bytes, size_t size, const char *name);

/* The bytes of a .npy file (version 1.0) of float32 or, with `type` "|u1", of bytes. Owned by the caller (ssg_free). */
ssgcam_status ssg_npy_encode(uint8_t **bytes, size_t *size, const void *values, const char *type, int rank, const size_t *dims);

/* Encodes and writes atomically. */
ssgcam_status ssg_npy_write(const char *path, const float *values, int rank, const size_t *dims);

void ssg_array_clear(ssg_array *array);

#endif
