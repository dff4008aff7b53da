/* fuzz_evolve_load.c - arbitrary bytes as a checkpoint; the checksum, length and digest are repaired so that the values behind them are reached too.
 */
#include <stdlib.h>
#include <string.h>

#include "host/evolve/checkpoint.h"
#include "host/evolve/state.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void write_u64(unsigned char *to, uint64_t value)
{
    for (int i = 0; i < 8; i++) to[i] = (unsigned char)(value >> 8 * i);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static const double lower[2] = {-1, 0}, upper[2] = {1, 9};
    static const unsigned char integer[2] = {0, 1};
    ssgcam_evolve_config config = {.dimensions = 2, .lower = lower, .upper = upper, .integer = integer, .max_evaluations = 100, .population = 6};
    ssgcam_evolve *search;
    if (ssgcam_evolve_create(&search, &config)) return 0;
    ssgcam_evolve_load(search, data, size);
    size_t whole = ssgcam_evolve_save_size(search);
    unsigned char *bytes = malloc(whole);
    if (bytes && ssgcam_evolve_save(search, bytes, whole) == SSGCAM_OK) {
        for (size_t i = 0; i + 40 < whole && i < size; i++) bytes[32 + i] ^= data[i];
        write_u64(bytes + whole - 8, ssg_evolve_checksum(0, bytes, whole - 8));
        if (ssgcam_evolve_load(search, bytes, whole) == SSGCAM_OK) {
            double genes[2 * 6], fitness[6];
            size_t count;
            while (ssgcam_evolve_ask(search, genes, &count) == SSGCAM_OK && count) {
                for (size_t i = 0; i < count; i++) fitness[i] = genes[2 * i] - genes[2 * i + 1];
                ssgcam_evolve_tell(search, fitness, count);
            }
        }
    }
    free(bytes);
    ssgcam_evolve_destroy(&search);
    return 0;
}

#ifdef SSG_FUZZ_REPLAY
/* Without a fuzzer: pseudo-random inputs that flip a few bytes of a good checkpoint. */
int main(void)
{
    unsigned char data[2048];
    for (uint32_t seed = 0; seed < 3000; seed++) {
        ssg_draws draws = ssg_draws_named(seed, 0, 0, 0);
        memset(data, 0, sizeof data);
        for (uint32_t i = 1 + ssg_draw_below(&draws, 4); i-- > 0;) data[ssg_draw_below(&draws, sizeof data)] = (unsigned char)ssg_draw_u32(&draws);
        LLVMFuzzerTestOneInput(data, ssg_draw_below(&draws, sizeof data));
    }
    return 0;
}
#endif
