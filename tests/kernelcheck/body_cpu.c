#include <stdlib.h>
#include <string.h>

#include "tests/kernelcheck/bodies.h"

static void *make(const body *b, const void *from, size_t bytes)
{
    (void)b;
    void *memory = malloc(bytes ? bytes : 1);
    if (memory && from) memcpy(memory, from, bytes);
    return memory;
}

static void fetch(const body *b, void *to, const void *from, size_t bytes)
{
    (void)b;
    memcpy(to, from, bytes);
}

static void drop(const body *b, void *memory)
{
    (void)b;
    free(memory);
}

body body_cpu(ssg_cpu_level level)
{
    const ssg_ops *ops = ssg_ops_cpu_at(level);
    return (body){ops ? ops->name : NULL, ops, {.threads = 2}, make, fetch, drop};
}
