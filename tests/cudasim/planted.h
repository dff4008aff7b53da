/* planted.h - one small program for each kind of fault, and its clean twin. */
#ifndef CUDASIM_PLANTED_H
#define CUDASIM_PLANTED_H

#include "tests/cudasim/sim.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct planted {
    const char *name;
    cudasim_fault_kind kind;
    void (*run)(int faulty);
} planted;

extern const planted planted_faults[];
extern const size_t planted_count;

/* Kernels whose traffic is known: reads 32 x 4 bytes a request, `stride` words apart, from global and from shared memory. */
void planted_traffic(int stride);
/* The sum of 256 numbers by shuffles and a barrier; the right answer is 32640 in every order. */
int planted_sum(void);
/* The sums before 64 numbers, and the sums before those: so many are right. */
int planted_scan(void);
/* A copy back to pinned memory, read before (0) or after (1) waiting for it; the right answer is 7. */
int planted_early_read(int wait);
/* Copies there and back through the same pinned memory, in one stream: legal without waiting between. 7. */
int planted_round_trip(void);
/* Adding one, taken down and then run so many times: that number. */
int planted_replay(int times);
/* Of four pieces of work given to a recording whose n-th breaks it, how many were taken; -1 if a graph came of it, or the stream was of no use after.
 */
int planted_broken_recording(int n);
/* Pinned memory overwritten before (0) or after (1) the copy out of it was waited for; the right answer is 7. */
int planted_early_reuse(int wait);

#ifdef __cplusplus
}
#endif
#endif
