/* alloc.h - allocation with overflow-checked sizes. Every allocation of the library goes through here, so that tests can make the n-th one fail. */
#ifndef SSG_BASE_ALLOC_H
#define SSG_BASE_ALLOC_H

#include <stddef.h>

#include "host/base/status.h"

/* Zeroed memory for `count` items of `size` bytes, or NULL with the last error set. count * size may overflow: that fails cleanly. Free with
 * ssg_free. */
void *ssg_calloc(size_t count, size_t size);

/* As ssg_calloc, aligned to 64 bytes (a cache line, an AVX-512 vector) and not zeroed; large pieces on huge pages where the system has them. Free
 * with ssg_free. */
void *ssg_alloc_aligned(size_t count, size_t size);

/* Grows `*array` to room for `count` items of `size` bytes, keeping its contents; on failure the array is unchanged. The new part is not zeroed. */
ssgcam_status ssg_grow(void *array, size_t count, size_t size);

/* A copy of `text`, or NULL with the last error set. Free with ssg_free. */
char *ssg_strdup(const char *text);

/* printf into fresh memory, or NULL with the last error set. Free with ssg_free. */
char *ssg_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

void ssg_free(void *memory);

/* What a function returns after one of the above gave NULL: the last error already says how much was asked for. After another library's allocator:
 * ssg_out_of_memory. */
#define SSG_OUT_OF_MEMORY SSGCAM_ERR_MEMORY

/* Tests only: the n-th allocation from now (1 = the next) fails, and all later ones if `persistent`; 0 switches it off. */
void ssg_alloc_fail_at(long n, int persistent);

#endif
