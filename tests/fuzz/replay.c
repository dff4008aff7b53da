/* replay.c - runs a fuzz driver without a fuzzer: every file of a corpus folder as it is, cut short at fiftieths, and with pseudo-random damage, the
 * same in every run. Arguments: FOLDER [damaged copies of each file, 40 unless given]. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/philox.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* Hands over a copy of exactly `size` bytes, so that a sanitizer sees any read beyond. */
static void run(const unsigned char *bytes, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);
    if (!copy) abort();
    if (size) memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

/* One to six of: a flipped bit, another byte, a run of bytes replaced by one value, a run doubled, a run taken out. `bytes` has room for twice
 * `size`. */
static size_t damage(unsigned char *bytes, size_t size, ssg_draws *draws)
{
    size_t room = 2 * size;
    for (uint32_t n = 1 + ssg_draw_below(draws, 6); n > 0 && size > 1; n--) {
        size_t at = ssg_draw_below(draws, (uint32_t)size), length = 1 + ssg_draw_below(draws, 16);
        if (length > size - at) length = size - at;
        switch (ssg_draw_below(draws, 5)) {
        case 0: bytes[at] ^= (unsigned char)(1u << ssg_draw_below(draws, 8)); break;
        case 1: bytes[at] = (unsigned char)ssg_draw_u32(draws); break;
        case 2: memset(bytes + at, ssg_draw_below(draws, 2) ? 0xff : 0, length); break;
        case 3:
            if (size + length > room) break;
            memmove(bytes + at + length, bytes + at, size - at);
            size += length;
            break;
        default:
            memmove(bytes + at, bytes + at + length, size - at - length);
            size -= length;
            break;
        }
    }
    return size;
}

static void replay(const char *path, uint32_t copies)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(1);
    }
    size_t size = (size_t)ftell(file);
    unsigned char *whole = calloc(2 * size + 1, 1), *work = calloc(2 * size + 1, 1);
    rewind(file);
    if (!whole || !work || fread(whole, 1, size, file) != size) exit(1);
    fclose(file);
    run(whole, size);
    for (size_t part = 0; part < 50; part++) run(whole, size * part / 50);
    for (uint32_t i = 0; i < copies; i++) {
        ssg_draws draws = ssg_draws_named(i, 0, 0, 0);
        memcpy(work, whole, size);
        run(work, damage(work, size, &draws));
    }
    free(whole);
    free(work);
}

int main(int count, char **arguments)
{
    if (count < 2) {
        fprintf(stderr, "usage: %s FOLDER [COPIES]\n", arguments[0]);
        return 2;
    }
    struct dirent **entries;
    int files = scandir(arguments[1], &entries, NULL, alphasort), run_files = 0;
    for (int i = 0; i < files; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", arguments[1], entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') {
            replay(path, count > 2 ? (uint32_t)atoi(arguments[2]) : 40);
            run_files++;
        }
        free(entries[i]);
    }
    if (files >= 0) free(entries);
    printf("%d files\n", run_files);
    return run_files > 0 ? 0 : 1;
}
