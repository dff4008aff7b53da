/* packed.h - reads the gzip'ed fixtures: little-endian numbers, and texts and byte strings as a u32 length and the bytes. Failing to read fails the
 * test. */
#ifndef TESTS_SUPPORT_PACKED_H
#define TESTS_SUPPORT_PACKED_H

#include <stddef.h>
#include <stdint.h>

typedef struct gzFile_s packed_file;

packed_file *packed_open(const char *path);
void packed_close(packed_file *file);

void packed_read(packed_file *file, void *to, size_t bytes);
uint32_t packed_u32(packed_file *file);

/* `bytes` bytes, with a zero behind them; the caller's to free(). */
void *packed_bytes(packed_file *file, size_t bytes);

/* A length and that many bytes. `bytes` may be NULL. */
void *packed_block(packed_file *file, uint32_t *bytes);

#endif
