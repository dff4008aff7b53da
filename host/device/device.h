/* device.h - one interface to run graph operators; cpu/ fills it with oneDNN, cuda/ with cuDNN and cuBLAS.
 *
 * The planner (host/net) asks for one step per operator. A step says in which memory layout and precision it wants its inputs and gives its output;
 * the planner puts SSG_OP_REORDER steps where they differ, places all tensors in device memory by their lifetimes, and runs the steps in order. */
#ifndef SSG_DEVICE_DEVICE_H
#define SSG_DEVICE_DEVICE_H

#include <ssgcam/device.h>

#include "host/model/graph.h"
#include "kernels/measure.h"
#include "kernels/ops.h"
#include "kernels/score.h"

/* How the elements of an image tensor (N, C, H, W) lie in memory. Tensors of another rank are always PLAIN. */
typedef enum ssg_layout {
    SSG_LAYOUT_PLAIN,   /* row-major: N C H W */
    SSG_LAYOUT_BLOCK8,  /* N C/8 H W 8, missing channels zero */
    SSG_LAYOUT_BLOCK16, /* N C/16 H W 16, missing channels zero */
    SSG_LAYOUT_NHWC,    /* N H W C */
    SSG_LAYOUT_PRIVATE  /* the device's own bytes (the positions of a max pool) */
} ssg_layout;

typedef enum ssg_precision {
    SSG_PRECISION_F32,
    SSG_PRECISION_BF16,
    SSG_PRECISION_F16,
    SSG_PRECISION_TF32,    /* only asked for: data is F32 */
    SSG_PRECISION_WINOGRAD /* likewise: F32, with 3 x 3 convolutions by Winograd's transform forward too; gradients are made with it in F32 anyway */
} ssg_precision;

/* A tensor as it lies in device memory. */
typedef struct ssg_placed {
    ssg_shape shape;
    ssg_layout layout;
    ssg_precision precision; /* F32, BF16 or F16 */
    size_t bytes;
} ssg_placed;

/* The innermost block of channels of a layout: 1, 8, 16, or all of them for NHWC. */
int64_t ssg_layout_block(ssg_layout layout, int64_t channels);

/* Fills in `bytes` from the other fields (PRIVATE keeps its own). */
void ssg_placed_measure(ssg_placed *placed);

/* Puts a placement into a layout, PLAIN where the rank is not 4, and a precision. */
void ssg_placed_set(ssg_placed *placed, ssg_layout layout, ssg_precision precision);

int ssg_placed_same(const ssg_placed *a, const ssg_placed *b);

typedef struct ssg_device ssg_device;
typedef struct ssg_step ssg_step;

/* A piece of device memory whose contents come from or go to the host beside the steps: one copy at a time, one way or the other. */
typedef struct ssg_lane {
    void *memory; /* device memory */
    size_t bytes; /* room */
} ssg_lane;

/* Steps that were taken down, to be run as one piece of work. */
typedef struct ssg_recording ssg_recording;

/* A point in the device's work. Start with zeros. */
typedef struct ssg_mark {
    double ms;
    void *event;
} ssg_mark;

/* What the planner knows of an operator when it asks for a step, and what the step answers. */
typedef struct ssg_step_request {
    const ssg_op *op;
    ssg_precision precision;              /* that the user asked for; the heavy operators follow it */
    int with_positions;                   /* MAXPOOL: a backward pass will need its second output */
    ssg_placed inputs[SSG_OP_MAX_INPUTS]; /* in: where they lie now. out: how the step wants them */
    ssg_placed *more_inputs;              /* the same for all inputs of CONCAT (input_count entries), else NULL */
    ssg_placed output;                    /* in: shape. out: layout, precision, bytes */
    ssg_placed positions;                 /* MAXPOOL, out: its second output. MAXPOOL_BACKWARD, in: where the forward pass put its output */
    size_t scratch_bytes;                 /* out: working memory for the duration of a run, shared by all steps */
    int in_place;                         /* out: 1 + index of an input whose memory the output may share, 0 if none */
} ssg_step_request;

/* The functions of a backend. Every backend implements all of them. */
typedef struct ssg_device_interface {
    const char *name;
    int batch;       /* images of a network pass that suit it, where nobody says how many */
    int plane_maps;  /* the map stage reads planes (PLAIN), of 16 bits too; else any layout, of float */
    int host_memory; /* device addresses are host addresses: what the device wrote can be read where it lies, without a download */
    /* Memory. Addresses are device addresses. An upload has read `from` on return; a download waits for the work before it. */
    ssgcam_status (*memory_create)(ssg_device *, size_t bytes, void **memory);
    void (*memory_destroy)(ssg_device *, void *memory); /* NULL is fine */
    ssgcam_status (*upload)(ssg_device *, void *to, const void *from, size_t bytes);
    ssgcam_status (*download)(ssg_device *, void *to, const void *from, size_t bytes);
    ssgcam_status (*clear)(ssg_device *, void *memory, size_t bytes);              /* to zeros */
    ssgcam_status (*copy)(ssg_device *, void *to, const void *from, size_t bytes); /* inside the device, in order with the steps */
    /* Lanes. `send` has read `from` on return and moves it into the lane beside the steps. `receive`, as often as wanted: the steps after it find the
     * bytes at `to`. */
    ssgcam_status (*lane_create)(ssg_device *, size_t bytes, ssg_lane **);
    void (*lane_destroy)(ssg_device *, ssg_lane *); /* NULL is fine */
    ssgcam_status (*send)(ssg_device *, ssg_lane *, const void *from, size_t bytes);
    ssgcam_status (*receive)(ssg_device *, ssg_lane *, void *to, size_t bytes);
    /* `fetch` takes lane->memory as the steps so far leave it, beside the later ones, which must not write it before `fetched`. That waits, and gives
     * the bytes in host memory, where they stay until the lane is used again. */
    ssgcam_status (*fetch)(ssg_device *, ssg_lane *, size_t bytes);
    ssgcam_status (*fetched)(ssg_device *, ssg_lane *, const void **bytes);
    /* Steps. */
    ssgcam_status (*step_create)(ssg_device *, ssg_step_request *request, ssg_step **step);
    ssgcam_status (*step_run)(ssg_step *, const void *const *inputs, void *output, void *positions, void *scratch);
    void (*step_destroy)(ssg_step *);
    /* Where the device says so (ssg_device.records; else these are NULL): between record_begin and record_end, which follows it in all cases, steps
     * are taken down instead of being run. Whatever cannot be taken down makes record_end fail. `play` runs them, with the addresses they had. */
    ssgcam_status (*record_begin)(ssg_device *);
    ssgcam_status (*record_end)(ssg_device *, ssg_recording **);
    ssgcam_status (*play)(ssg_device *, ssg_recording *);
    void (*recording_destroy)(ssg_device *, ssg_recording *); /* NULL is fine */
    ssgcam_status (*wait)(ssg_device *);                      /* until all steps so far are done */
    /* Time. `mark` stands after the steps so far; mark_ms waits for both and gives the milliseconds between them (0 if one was never made). */
    ssgcam_status (*mark)(ssg_device *, ssg_mark *);
    ssgcam_status (*mark_ms)(ssg_device *, const ssg_mark *from, const ssg_mark *to, double *ms);
    void (*mark_clear)(ssg_device *, ssg_mark *);
    ssgcam_status (*enter)(ssg_device *); /* before a thread works with the device for the first time, or after it worked with another one */
    void (*destroy)(ssg_device *);
} ssg_device_interface;

/* Scoring of bank images (kernels/score.h) on the device. Used by one thread at a time. */
typedef struct ssg_scorer ssg_scorer;
typedef enum ssg_scoring { SSG_SCORING_COUNTS, SSG_SCORING_IMAGE_COUNTS } ssg_scoring;
typedef struct ssg_scoring_interface {
    /* Takes a copy of the images, which have the same number of rows, or reads them again at each run where they do not fit: they must outlive it.
     * truth: of each image the pixels by truth, 256 numbers, of all together fewer than 2^32; it must outlive it too. SSGCAM_ERR_MEMORY: not even a
     * few images fit. */
    ssgcam_status (*create)(ssg_scorer **, ssg_device *, const ssg_score_image *images, const uint64_t *truth, size_t count);
    void (*destroy)(ssg_scorer **);
    /* Scores mixtures on the chosen images (indices). `labels`: classes of the data set + 1. out, all zero before, by what is asked for:
     * COUNTS: [label][true positives, predicted][mixture], added up over the images; IMAGE_COUNTS: the same for each chosen image. */
    ssgcam_status (*run)(ssg_scorer *, const size_t *chosen, size_t chosen_count, const ssg_score_mixture *mixtures, size_t count, size_t labels,
                         ssg_scoring what, uint32_t *out);
    /* Each mixture's best threshold on the chosen images. */
    ssgcam_status (*best)(ssg_scorer *, const size_t *chosen, size_t chosen_count, const ssg_score_mixture *mixtures, size_t count, size_t labels,
                          ssg_measure measure, ssg_solution *out);
} ssg_scoring_interface;

struct ssg_device {
    const ssg_device_interface *interface;
    const ssg_ops *ops; /* the map stage on this device's memory */
    ssg_run run;        /* what these operations are called with */
    int threads;
    int records;                          /* recording pays, and is wanted */
    const ssg_scoring_interface *scoring; /* NULL: the host scores */
    char label[16];                       /* "cpu", "cuda:1" */
    ssg_device *next;                     /* another one that was opened with it and shares the work of streams (host/flow); NULL at the end */
};

/* Images of a network pass: as many as were asked for, or (0) as suit the device. */
static inline int ssg_device_batch(const ssg_device *device, int asked)
{
    return asked > 0 ? asked : device->interface->batch;
}

/* ssgcam_device_open and ssgcam_device_close (ssgcam/device.h) are defined here: several devices are a chain by `next`. */

/* The CPU backend itself, the version of the library under it, and whether that has Winograd convolutions for this processor. */
void ssg_device_library_version(char text[32]);
int ssg_device_cpu_has_winograd(void);
ssgcam_status ssg_device_cpu_open(ssg_device **out, int threads);

/* What GPU `index` is, e.g. "NVIDIA H100, 80 GB, compute capability 9.0". Fails with the reason where there is none (of that number). */
ssgcam_status ssg_device_gpu_describe(int index, char text[256]);

/* The CUDA backend itself, in builds that have it. */
ssgcam_status ssg_device_cuda_open(ssg_device **out, int index, int threads);
ssgcam_status ssg_device_cuda_describe(int index, char text[256]);

#endif
