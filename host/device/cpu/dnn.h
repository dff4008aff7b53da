/* dnn.h - the few oneDNN primitives that the CPU backend uses, free of oneDNN's own types: its C interface changed between 2.x and 3.x, and
 * dnn_compat.h is the only place that knows. */
#ifndef SSG_DEVICE_CPU_DNN_H
#define SSG_DEVICE_CPU_DNN_H

#include "host/device/device.h"

typedef struct ssg_dnn ssg_dnn;                     /* engine, stream, packed weights */
typedef struct ssg_dnn_primitive ssg_dnn_primitive; /* something to run */

ssgcam_status ssg_dnn_create(ssg_dnn **out);
void ssg_dnn_destroy(ssg_dnn **dnn);

/* "2.6.3" and the like, of the library in use. */
const char *ssg_dnn_version(char text[32]);

/* A convolution described by `op` (window, groups, weights, bias, function) from shape src to shape dst; `backward` gives the data gradient (src and
 * dst swap their part: the step reads dst-shaped and writes src-shaped memory). oneDNN picks the layouts; they come back in src and dst, and the
 * bytes of working memory in scratch_bytes. */
ssgcam_status ssg_dnn_convolution(ssg_dnn_primitive **out, ssg_dnn *dnn, const ssg_op *op, int backward, ssg_precision precision, ssg_placed *src,
                                  ssg_placed *dst, size_t *scratch_bytes);

/* The same in float32 by Winograd's transform, of one image. `from` is what the step reads, `to` what it writes. *out stays NULL where oneDNN has no
 * such convolution. Its bits do not depend on the number of threads, but they would on that of the images. */
ssgcam_status ssg_dnn_winograd(ssg_dnn_primitive **out, ssg_dnn *dnn, const ssg_op *op, int backward, ssg_placed *from, ssg_placed *to,
                               size_t *scratch_bytes);

/* Whether there are any for this processor. */
int ssg_dnn_has_winograd(const ssg_dnn *dnn);

/* Whether this convolution is one whose sums oneDNN splits between threads, so that its bits depend on their number. */
int ssg_dnn_splits_sums(const ssg_dnn_primitive *primitive);

/* y[rows][m] = x[rows][k] W + bias, or with `backward` x = y W^T; plain float32. */
ssgcam_status ssg_dnn_matmul(ssg_dnn_primitive **out, ssg_dnn *dnn, const ssg_op *op, int backward, int64_t rows, size_t *scratch_bytes);

/* Max pool in the layout of src (dst gets the same). positions->bytes says how much memory the positions take (0 if with_positions is 0). */
ssgcam_status ssg_dnn_maxpool(ssg_dnn_primitive **out, ssg_dnn *dnn, const ssg_op *op, int with_positions, const ssg_placed *src, ssg_placed *dst,
                              ssg_placed *positions);

/* Its gradient for one batch of positions; src is the (large) gradient written, dst the (small) one read. */
ssgcam_status ssg_dnn_maxpool_backward(ssg_dnn_primitive **out, ssg_dnn *dnn, const ssg_op *op, const ssg_placed *src, const ssg_placed *dst);

/* A copy between layouts and precisions. */
ssgcam_status ssg_dnn_reorder(ssg_dnn_primitive **out, ssg_dnn *dnn, const ssg_placed *from, const ssg_placed *to);

/* Runs it: `from` is read, `to` written; positions and scratch as the primitive needs, else NULL. */
ssgcam_status ssg_dnn_run(ssg_dnn_primitive *primitive, const void *from, void *to, void *positions, void *scratch);

void ssg_dnn_primitive_destroy(ssg_dnn_primitive **primitive);

#endif
