/* cpu.h - inside the CPU backend: what a step is, and who makes which. */
#ifndef SSG_DEVICE_CPU_CPU_H
#define SSG_DEVICE_CPU_CPU_H

#include "host/device/cpu/dnn.h"
#include "host/device/device.h"

typedef struct ssg_cpu {
    ssg_device base;
    ssg_dnn *dnn;
} ssg_cpu;

typedef struct ssg_step_io {
    const void *const *inputs;
    void *output, *positions, *scratch;
} ssg_step_io;

typedef ssgcam_status ssg_step_function(const ssg_step *step, const ssg_step_io *io);

struct ssg_step {
    ssg_cpu *cpu;
    ssg_step_function *run;
    ssg_op op; /* a shallow copy: the graph outlives its steps */
    ssg_placed inputs[SSG_OP_MAX_INPUTS];
    ssg_placed *more_inputs; /* CONCAT: all of them */
    ssg_placed output;
    ssg_dnn_primitive *primitive;
    ssg_dnn_primitive **per_thread; /* instead: one for each of thread_count threads, for one image; with one thread, the library may use more */
    int thread_count, library_threads;
    size_t scratch_each; /* of each of them */
};

/* One maker per family of operators: fills in `run` (and the primitive) and answers the request. step->op, cpu are set. */
typedef ssgcam_status ssg_step_maker(ssg_step *step, ssg_step_request *request);
ssg_step_maker ssg_step_make_conv, ssg_step_make_reorder;                      /* steps_dnn.c */
ssg_step_maker ssg_step_make_matmul;                                           /* steps_matmul.c */
ssg_step_maker ssg_step_make_maxpool, ssg_step_make_avgpool;                   /* steps_pool.c */
ssg_step_maker ssg_step_make_unary, ssg_step_make_affine;                      /* steps_elementwise.c */
ssg_step_maker ssg_step_make_binary;                                           /* steps_binary.c */
ssg_step_maker ssg_step_make_reduce, ssg_step_make_softmax, ssg_step_make_lrn; /* steps_reduce.c */
ssg_step_maker ssg_step_make_movement;                                         /* steps_movement.c */
ssg_step_maker ssg_step_make_second, ssg_step_make_maxpool_tangent;            /* steps_tangent.c */

/* ---- views ------------------------------------------------------------------------------------------------------------ */

/* An image tensor as [rows][blocks][pixels][block]: what layout-independent loops run over. A tensor of another rank is [rows][1][1][all the rest].
 */
typedef struct ssg_view {
    size_t rows, blocks, pixels, block, channels;
} ssg_view;

ssg_view ssg_view_of(const ssg_placed *placed);

/* Whether a blocked layout of this tensor has padding channels. */
int ssg_placed_padded(const ssg_placed *placed);

/* Runs body over `count` elements in pieces on the device's threads. */
typedef void ssg_piece_body(const void *context, size_t from, size_t to);
void ssg_cpu_pieces(const ssg_cpu *cpu, size_t count, size_t piece, ssg_piece_body *body, const void *context);

#endif
