/* sim.h - the simulated device, as tests see it: what to break, and what was found.
 *
 * Kernels run on the host, a block at a time, its threads as fibers. Every load and store of a kernel is seen (-fsanitize=thread calls our own
 * functions), so faults are found wherever the threads happen to run in between. Work given to a stream runs as late as it may. Programs are steered
 * by the environment (CUDASIM_...), tests by these functions. A program that ends with faults on record prints them and exits with 97.
 *
 * Not modelled: time, caches, weak memory order, progress between blocks. */
#ifndef CUDASIM_SIM_H
#define CUDASIM_SIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cudasim_fault_kind {
    CUDASIM_GLOBAL_BOUNDS,     /* a kernel outside any allocation */
    CUDASIM_SHARED_BOUNDS,     /* beyond the shared memory asked for at launch */
    CUDASIM_UNINITIALISED,     /* reading what nothing wrote */
    CUDASIM_RACE,              /* two threads, one location, one of them writing, nothing between them */
    CUDASIM_DIVERGENT_BARRIER, /* threads of a block at different barriers */
    CUDASIM_EXITED_AT_BARRIER, /* a barrier that some threads never reach */
    CUDASIM_WARP_MISUSE,       /* a shuffle or vote whose mask does not match who takes part */
    CUDASIM_MISALIGNED,        /* an address that is no multiple of the access */
    CUDASIM_FREED,             /* memory after its release */
    CUDASIM_HOST_POINTER,      /* a kernel touching host memory */
    CUDASIM_POINTER_KIND,      /* a call given memory of the wrong kind or size */
    CUDASIM_BAD_LAUNCH,        /* a grid, block or shared size that no device takes */
    CUDASIM_DOUBLE_FREE,       /* memory released twice, or never allocated */
    CUDASIM_LEAK,              /* memory, streams or handles alive at the end */
    CUDASIM_DEFAULT_STREAM,    /* work on the stream that serialises everything */
    CUDASIM_LIBRARY_MISUSE,    /* a cuDNN or cuBLAS call outside its documentation */
    CUDASIM_WRONG_DEVICE,      /* a stream, event, handle or memory of a device other than the one at work */
    CUDASIM_CAPTURE_MISUSE,    /* waiting or allocating while the work of a stream is taken down */
    CUDASIM_STREAM_RACE,       /* two streams using the same memory, one of them writing, with nothing that puts one before the other */
    CUDASIM_FAULT_KINDS
} cudasim_fault_kind;

const char *cudasim_fault_name(cudasim_fault_kind kind);

/* Faults so far; a fault at the same place is kept once. */
size_t cudasim_fault_count(void);
cudasim_fault_kind cudasim_fault_at(size_t i, const char **text);
void cudasim_faults_clear(void);

/* Records a CUDASIM_LEAK for everything still alive. */
void cudasim_check_leaks(void);

/* The order in which threads and blocks run (results must not depend on it), and whether accesses are looked at (off: faster). */
typedef enum cudasim_order { CUDASIM_FORWARD, CUDASIM_REVERSE, CUDASIM_SHUFFLED } cudasim_order;
void cudasim_set_order(cudasim_order order, unsigned seed);
void cudasim_set_trace(int on);

/* The n-th call from now (1 = the next) to the runtime, cuDNN or cuBLAS fails as out of memory (lost = 0) or as a lost device: with all later ones,
 * or with all later ones of threads at work with the device whose call it was. 0 switches it off. */
enum { CUDASIM_LOSE_ALL = 1, CUDASIM_LOSE_ONE = 2 };
void cudasim_fail_call(long n, int lost);
long cudasim_call_count(void);

/* The n-th launch from now finds no memory to load its kernel into, as the first launch of a kernel may. 0: none. */
void cudasim_fail_launch(long n);
long cudasim_launch_count(void);

/* The n-th piece of work of every recording from now on breaks it, as a library does that allocates meanwhile: it and all later ones are refused
 * until the recording is ended. 0: none. */
void cudasim_break_recordings(int n);

/* What the machine has; each device has so much memory. driver 0: none installed. */
void cudasim_set_machine(int devices, int driver, size_t memory);
size_t cudasim_memory_used(void);                  /* of the first device */
void cudasim_set_capability(int major, int minor); /* 9.0 unless a test says otherwise; below 7.5 there is no code for it */
void cudasim_without_memory_pools(int on);

/* cuDNN then has no algorithm for convolutions on tensor cores, thus none of 16-bit elements. */
void cudasim_without_tensor_cores(int on);
/* And none that adds bias and ReLU: its documentation lists such a refusal where what is not a number is to stay that. */
void cudasim_without_fused_convolutions(int on);
/* And its heuristics name CUDNN_DEFAULT_MATH with every offer, whatever was asked for; whether one can be had the workspace's size says. */
void cudasim_relabel_offers(int on);

/* ---- what kernels moved ------------------------------------------------------------------------------------------------------------------ */

typedef struct cudasim_traffic {
    const char *kernel;
    uint64_t launches, requests; /* of a warp, to global memory */
    uint64_t sectors, ideal;     /* of 32 bytes: touched by the requests, and the least that hold the bytes asked for */
    uint64_t distinct;           /* sectors that differ within a launch: what must come from or go to memory once */
    uint64_t waves, ideal_waves; /* passes over shared memory, and the least; an atomic one serves all lanes of a word at once */
    uint64_t atomics;            /* sectors touched by atomic requests to global memory, counted above too */
    uint64_t threads;
} cudasim_traffic;

size_t cudasim_traffic_count(void);
cudasim_traffic cudasim_traffic_at(size_t i);
void cudasim_traffic_clear(void);

#ifdef __cplusplus
}
#endif
#endif
