/* device.h - what nvcc knows by itself, declared for the host compiler: force-included into every .cu of the simulator build (g++ -include), so that
 * the sources stay as nvcc sees them. Types, streams and launch configurations come from the real CUDA headers. */
#ifndef CUDASIM_DEVICE_H
#define CUDASIM_DEVICE_H

/* The header's own launch template hands on pointers to arguments without their sizes; ours keeps the arguments themselves, so that a launch can run
 * late. */
#define cudaLaunchKernelEx cudasim_replaced_launch
#include <cuda_runtime.h>
#undef cudaLaunchKernelEx

#include <math.h>
#include <stdint.h>

#include <tuple>
#include <utility>

#undef __launch_bounds__
#define __launch_bounds__(...)

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

/* ---- launches --------------------------------------------------------------------------------------------------------------------- */

/* `arguments` are copied; `thread` runs the kernel for one thread with the copy. */
cudaError_t cudasim_launch(const cudaLaunchConfig_t *config, const void *function, void (*thread)(const void *arguments), const void *arguments,
                           size_t size);

template <typename... Formal> struct cudasim_call {
    void (*kernel)(Formal...);
    std::tuple<Formal...> arguments;
    static void thread(const void *call)
    {
        std::apply(((const cudasim_call *)call)->kernel, ((const cudasim_call *)call)->arguments);
    }
};

template <typename... Formal, typename... Actual>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t *config, void (*kernel)(Formal...), Actual &&...arguments)
{
    cudasim_call<Formal...> call = {kernel, std::tuple<Formal...>(std::forward<Actual>(arguments)...)};
    return cudasim_launch(config, (const void *)kernel, cudasim_call<Formal...>::thread, &call, sizeof call);
}

/* ---- barriers, votes, shuffles ------------------------------------------------------------------------------------------------------ */

extern "C" {
void __syncthreads(void);
void __syncwarp(unsigned mask = 0xffffffffu);
unsigned __ballot_sync(unsigned mask, int predicate);
int __any_sync(unsigned mask, int predicate);
int __all_sync(unsigned mask, int predicate);
uint64_t cudasim_shuffle(int kind, unsigned mask, uint64_t value, int lane, int width);
}

enum { CUDASIM_INDEX, CUDASIM_XOR, CUDASIM_DOWN, CUDASIM_UP };

/* Always inlined: the call of cudasim_shuffle then stands in the kernel, and its place is part of the check. */
template <typename T> __attribute__((always_inline)) inline T cudasim_shuffle_any(int kind, unsigned mask, T value, int lane, int width)
{
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
    uint64_t bits = 0;
    __builtin_memcpy(&bits, &value, sizeof value);
    bits = cudasim_shuffle(kind, mask, bits, lane, width);
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}
template <typename T> __attribute__((always_inline)) inline T __shfl_sync(unsigned mask, T v, int lane, int width = 32)
{
    return cudasim_shuffle_any(CUDASIM_INDEX, mask, v, lane, width);
}
template <typename T> __attribute__((always_inline)) inline T __shfl_xor_sync(unsigned mask, T v, int lane, int width = 32)
{
    return cudasim_shuffle_any(CUDASIM_XOR, mask, v, lane, width);
}
template <typename T> __attribute__((always_inline)) inline T __shfl_down_sync(unsigned mask, T v, unsigned delta, int width = 32)
{
    return cudasim_shuffle_any(CUDASIM_DOWN, mask, v, (int)delta, width);
}
template <typename T> __attribute__((always_inline)) inline T __shfl_up_sync(unsigned mask, T v, unsigned delta, int width = 32)
{
    return cudasim_shuffle_any(CUDASIM_UP, mask, v, (int)delta, width);
}

/* ---- atomics: integers only; a float sum would depend on the order ------------------------------------------------------------------- */

int atomicAdd(int *, int);
unsigned atomicAdd(unsigned *, unsigned);
unsigned long long atomicAdd(unsigned long long *, unsigned long long);
int atomicMax(int *, int);
unsigned atomicMax(unsigned *, unsigned);

/* ---- arithmetic ------------------------------------------------------------------------------------------------------------------------ */

inline int __dp4a(int a, int b, int c)
{
    for (int i = 0; i < 4; i++) c += (int8_t)(a >> 8 * i) * (int8_t)(b >> 8 * i);
    return c;
}
inline unsigned __dp4a(unsigned a, unsigned b, unsigned c)
{
    for (int i = 0; i < 4; i++) c += (a >> 8 * i & 255) * (b >> 8 * i & 255);
    return c;
}
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector)
{
    uint64_t bytes = (uint64_t)y << 32 | x;
    unsigned result = 0;
    for (int i = 0; i < 4; i++) result |= (unsigned)(bytes >> 8 * (selector >> 4 * i & 7) & 255) << 8 * i;
    return result;
}
inline int min(int a, int b)
{
    return a < b ? a : b;
}
inline unsigned min(unsigned a, unsigned b)
{
    return a < b ? a : b;
}
inline int max(int a, int b)
{
    return a > b ? a : b;
}
inline unsigned max(unsigned a, unsigned b)
{
    return a > b ? a : b;
}
inline int __popc(unsigned x)
{
    return __builtin_popcount(x);
}
inline int __clz(int x)
{
    return x ? __builtin_clz((unsigned)x) : 32;
}
inline unsigned __umulhi(unsigned a, unsigned b)
{
    return (unsigned)((uint64_t)a * b >> 32);
}
template <typename T> inline T __ldg(const T *p)
{
    return *p;
}

#endif
