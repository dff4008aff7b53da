#include "tests/support/packed.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <zlib.h>

packed_file *packed_open(const char *path)
{
    gzFile file = gzopen(path, "rb");
    cr_assert_not_null(file, "%s cannot be opened", path);
    return file;
}

void packed_close(packed_file *file)
{
    gzclose(file);
}

void packed_read(packed_file *file, void *to, size_t bytes)
{
    cr_assert_eq(gzread(file, to, (unsigned)bytes), (int)bytes, "the fixture is cut short");
}

uint32_t packed_u32(packed_file *file)
{
    uint32_t value;
    packed_read(file, &value, sizeof value);
    return value;
}

void *packed_bytes(packed_file *file, size_t bytes)
{
    char *memory = calloc(bytes + 1, 1);
    cr_assert_not_null(memory);
    packed_read(file, memory, bytes);
    return memory;
}

void *packed_block(packed_file *file, uint32_t *bytes)
{
    uint32_t count = packed_u32(file);
    if (bytes) *bytes = count;
    return packed_bytes(file, count);
}
