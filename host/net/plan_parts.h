/* plan_parts.h - inside of a plan: what plan.c, plan_run.c, plan_steps.c and plan_memory.c share. */
#ifndef SSG_NET_PLAN_PARTS_H
#define SSG_NET_PLAN_PARTS_H

#include "host/net/plan.h"

/* A tensor of the graph in one placement. The first version is what its producer gave; others come from reorders. */
typedef struct version {
    int tensor;
    ssg_placed placed;
    int storage;
    int next; /* another version of the same tensor, -1 at the end */
} version;

/* Memory shared by versions that follow each other in place. */
typedef struct storage {
    size_t bytes, offset;
    int first, last; /* steps during which it must hold */
} storage;

typedef struct planned_step {
    ssg_step *step;
    int *inputs;                        /* versions */
    int input_count, output, positions; /* versions; positions -1 if none */
    int in_place;
} planned_step;

/* Steps that run together. */
typedef enum sweep_kind { SWEEP_FORWARD, SWEEP_BACKWARD, SWEEP_SECOND, SWEEPS } sweep_kind;
typedef struct sweep {
    int ran, refused;
    ssg_recording *recording; /* from its second run on, where the device records and has not refused */
} sweep;

struct ssg_plan {
    ssg_device *device;
    ssg_graph *graph;
    ssg_precision precision;
    planned_step *steps;
    int step_count, step_capacity, forward_steps, backward_steps; /* all; room; up to the end of the first and second pass */
    sweep sweeps[SWEEPS];
    version *versions;
    int version_count, version_capacity;
    int *first_version; /* per tensor, -1 before it is made */
    storage *storages;
    int storage_count;
    void *memory, *scratch;
    void **constants; /* per tensor: device memory of a constant */
    size_t memory_bytes, scratch_bytes;
    int seeds, score; /* tensors; seeds -1 in a forward-only plan */
    int classes, direction_count;
    int tap_count;
    int *taps, *gradients, *directions, *products; /* tensors, then (after planning) versions */
    int *direction_inputs;                         /* versions that take the directions from host memory */
    float *seed_buffer;
    int narrow_taps;
    float gradient_scale; /* seeds are multiplied by it on their way in, gradients divided on their way out; a power of two */
};

/* plan_steps.c: settles layouts and makes the steps of the graph, of which the first forward_ops belong to the forward pass, those up to backward_ops
 * to the backward pass and the rest to the second-order sweep. */
ssgcam_status ssg_plan_make_steps(ssg_plan *plan, int forward_ops, int backward_ops);

/* The version of `tensor` in the wanted placement; a reorder is planned if there is none yet. */
ssgcam_status ssg_plan_version(ssg_plan *plan, int tensor, const ssg_placed *wanted, int *index);

/* Row-major float32. */
ssg_placed ssg_plan_plain(const ssg_shape *shape);

/* plan_run.c */
ssgcam_status ssg_plan_run(ssg_plan *plan, sweep_kind kind);

/* plan_memory.c: places all tensors by their lifetimes and gets the memory. */
ssgcam_status ssg_plan_place(ssg_plan *plan);

/* Where a version lies; NULL for -1. */
void *ssg_plan_address(const ssg_plan *plan, int version);

#endif
