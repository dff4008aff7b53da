#include "host/base/alloc.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64 };
static const size_t huge_page = (size_t)2 << 20, large = (size_t)4 << 20;

/* Fault injection for the tests; 0 in normal use, so the cost is one relaxed load. */
static atomic_long fail_countdown;
static atomic_int fail_persistent;

void ssg_alloc_fail_at(long n, int persistent)
{
    atomic_store(&fail_persistent, persistent);
    atomic_store(&fail_countdown, n);
}

static int told_to_fail(void)
{
    if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) <= 0) return 0;
    if (atomic_fetch_sub(&fail_countdown, 1) != 1) return 0;
    if (atomic_load(&fail_persistent)) atomic_store(&fail_countdown, 1);
    return 1;
}

static void *refuse(size_t count, size_t size)
{
    ssg_fail(SSGCAM_ERR_MEMORY, "out of memory: could not allocate %zu x %zu bytes", count, size);
    return NULL;
}

void *ssg_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (told_to_fail() || __builtin_mul_overflow(count, size, &bytes)) return refuse(count, size);
    void *memory = calloc(1, bytes ? bytes : 1);
    return memory ? memory : refuse(count, size);
}

void *ssg_alloc_aligned(size_t count, size_t size)
{
    size_t bytes;
    if (told_to_fail() || __builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - ALIGNMENT) return refuse(count, size);
    size_t alignment = bytes >= large ? huge_page : ALIGNMENT;
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *memory;
    if (posix_memalign(&memory, alignment, bytes ? bytes : ALIGNMENT) != 0) return refuse(count, size);
    if (alignment == huge_page) madvise(memory, bytes / huge_page * huge_page, MADV_HUGEPAGE); /* a wish: nothing depends on it */
    return memory;
}

ssgcam_status ssg_grow(void *array, size_t count, size_t size)
{
    void *old;
    memcpy(&old, array, sizeof old);
    size_t bytes;
    if (told_to_fail() || __builtin_mul_overflow(count, size, &bytes)) {
        refuse(count, size);
        return SSGCAM_ERR_MEMORY;
    }
    void *grown = realloc(old, bytes ? bytes : 1);
    if (!grown) {
        refuse(count, size);
        return SSGCAM_ERR_MEMORY;
    }
    memcpy(array, &grown, sizeof grown);
    return SSGCAM_OK;
}

char *ssg_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = ssg_calloc(bytes, 1);
    if (copy) memcpy(copy, text, bytes);
    return copy;
}

char *ssg_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : ssg_calloc((size_t)length + 1, 1);
    if (!text) return NULL;
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

void ssg_free(void *memory)
{
    free(memory);
}
