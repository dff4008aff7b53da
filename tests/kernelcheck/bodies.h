/* bodies.h - the forms of the operations that the harness drives, each with the memory that it works on. */
#ifndef KERNELCHECK_BODIES_H
#define KERNELCHECK_BODIES_H

#include <stddef.h>

#include "kernels/ops.h"

typedef struct body {
    const char *name;
    const ssg_ops *ops;
    ssg_run run;
    void *(*make)(const struct body *, const void *from, size_t bytes); /* memory of this body with a copy of `from` (NULL: not filled) */
    void (*fetch)(const struct body *, void *to, const void *from, size_t bytes);
    void (*drop)(const struct body *, void *memory);
} body;

/* The vectorised form of an instruction set, on host memory; NULL name: this processor lacks it. */
body body_cpu(ssg_cpu_level level);

/* The device form, on a device (or the simulated one); NULL name: there is none. `shared_limit`: shared memory a block may use, 0: all there is. */
body body_cuda(size_t shared_limit);
void body_cuda_close(body *b);

#endif
