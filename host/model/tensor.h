/* tensor.h - shapes, and constant tensors in host memory (weights, shape arithmetic). */
#ifndef SSG_MODEL_TENSOR_H
#define SSG_MODEL_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "host/base/status.h"

enum { SSG_MAX_RANK = 6 };

/* Row-major extents. Every dimension is at least 0 and the product fits in a size_t (ssg_shape_check). */
typedef struct ssg_shape {
    int rank;
    int64_t dims[SSG_MAX_RANK];
} ssg_shape;

/* The product of the dimensions; 1 for a scalar. */
size_t ssg_shape_count(const ssg_shape *shape);

int ssg_shape_equal(const ssg_shape *a, const ssg_shape *b);

/* Fails unless the rank and all dimensions are in range and the product is at most 2^40 elements. `what` names the tensor in the sentence. */
ssgcam_status ssg_shape_check(const ssg_shape *shape, const char *what);

/* Writes e.g. "2x3x224x224" ("scalar" for rank 0); returns `text`. */
enum { SSG_SHAPE_TEXT = 128 };
const char *ssg_shape_format(const ssg_shape *shape, char text[SSG_SHAPE_TEXT]);

/* NumPy broadcasting of two shapes; fails if they do not match. */
ssgcam_status ssg_shape_broadcast(const ssg_shape *a, const ssg_shape *b, ssg_shape *out);

/* Element type of a constant: everything floating becomes F32 on import, everything integer or boolean I64. */
typedef enum ssg_const_type { SSG_CONST_F32, SSG_CONST_I64 } ssg_const_type;

/* A reference-counted constant. The data is never changed after creation, except by its creator before sharing it. */
typedef struct ssg_const {
    ssg_const_type type;
    ssg_shape shape;
    union {
        float *f32;
        int64_t *i64;
        void *data;
    };
    _Atomic int references;
} ssg_const;

/* A new constant with one reference and uninitialised data, or NULL with the last error set. */
ssg_const *ssg_const_create(ssg_const_type type, const ssg_shape *shape);

/* One more, or one fewer, owner. Several devices may plan the same model at the same time. */
ssg_const *ssg_const_retain(ssg_const *constant);
void ssg_const_release(ssg_const *constant); /* NULL is fine */

/* Element i as a double, whatever the type. */
double ssg_const_number(const ssg_const *constant, size_t i);

#endif
