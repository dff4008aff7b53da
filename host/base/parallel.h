/* parallel.h - data-parallel loops. OpenMP underneath, so that our loops and oneDNN's share one pool of threads. */
#ifndef SSG_BASE_PARALLEL_H
#define SSG_BASE_PARALLEL_H

#include <stddef.h>

#include "host/base/status.h"

/* The body of a loop: handles item `index`. `thread` is in [0, threads) and unique among the bodies running at the same time, for per-thread scratch.
 */
typedef void ssg_parallel_body(void *context, size_t index, int thread);

/* Calls body(context, i, thread) for i in [0, count) on up to `threads` threads, in any order, and returns when all are done.
 * Results must not depend on the order: a body writes only to places that belong to its index (or to its thread, merged by the caller in order). */
void ssg_parallel_for(int threads, size_t count, ssg_parallel_body *body, void *context);

/* The number of processors this process may run on, at least 1. */
int ssg_processor_count(void);

/* How many threads a caller means by `asked`, a number up to 1024 or 0 for all processors; SSGCAM_ERR_ARGUMENT for another. */
ssgcam_status ssg_threads_choose(int *threads, int asked);

/* Sets how many threads libraries called from this thread may use (oneDNN reads it at every call). */
void ssg_set_library_threads(int threads);

#endif
