/* checkpoint.c - the state as bytes.
 *
 *     0  "SSGEVOLV"   8  u32 version   12  u32 zero   16  u64 length of the whole   24  u64 digest of the configuration
 *     32 counters (u64 each), values (IEEE double each), then u64 FNV-1a of all bytes before it. Everything little-endian. */
#include <math.h>
#include <string.h>

#include "host/base/status.h"
#include "host/evolve/checkpoint.h"
#include "host/evolve/state.h"

enum { VERSION = 1, HEADER_BYTES = 32, TRAILER_BYTES = 8 };
static const char magic[8] = {'S', 'S', 'G', 'E', 'V', 'O', 'L', 'V'};
static const uint64_t fnv_offset = 0xCBF29CE484222325u, fnv_prime = 0x100000001B3u;

static void put(unsigned char **to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) *(*to)++ = (unsigned char)(value >> 8 * i);
}

static uint64_t get(const unsigned char *from, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint64_t)from[i] << 8 * i;
    return value;
}

static uint64_t bits(double value)
{
    uint64_t word;
    memcpy(&word, &value, sizeof word);
    return word;
}

static double get_double(const unsigned char *from)
{
    uint64_t word = get(from, 8);
    double value;
    memcpy(&value, &word, sizeof value);
    return value;
}

uint64_t ssg_evolve_checksum(uint64_t hash, const void *bytes, size_t size)
{
    if (hash == 0) hash = fnv_offset;
    for (size_t i = 0; i < size; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * fnv_prime;
    return hash;
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    unsigned char bytes[8], *to = bytes;
    put(&to, word, 8);
    return ssg_evolve_checksum(hash, bytes, 8);
}

uint64_t ssg_evolve_digest(const ssgcam_evolve *search)
{
    const ssgcam_evolve_config *c = &search->config;
    const uint64_t words[] = {c->dimensions,
                              c->max_evaluations,
                              c->minimise != 0,
                              c->seed,
                              c->tag,
                              c->strategy,
                              c->adaptation,
                              c->bounds,
                              c->population,
                              bits(c->f),
                              bits(c->cr),
                              c->islands,
                              c->migration_count,
                              c->migration_interval,
                              c->max_generations,
                              c->stagnation_generations,
                              c->use_target != 0,
                              c->use_target ? bits(c->target) : 0,
                              search->known,
                              bits(c->spread_absolute),
                              bits(c->spread_relative)};
    uint64_t hash = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) hash = mix(hash, words[i]);
    for (size_t j = 0; j < 2 * c->dimensions; j++) hash = mix(hash, bits(search->bounds[j]));
    hash = ssg_evolve_checksum(hash, search->integer, c->dimensions);
    for (size_t i = 0; i < search->value_count; i++) hash = mix(hash, bits(search->values[i]));
    return hash;
}

size_t ssgcam_evolve_save_size(const ssgcam_evolve *search)
{
    return HEADER_BYTES + 8 * (search->counter_count + search->value_count) + TRAILER_BYTES;
}

ssgcam_status ssgcam_evolve_save(const ssgcam_evolve *search, void *bytes, size_t size)
{
    size_t needed = ssgcam_evolve_save_size(search);
    if (size < needed) return ssg_fail(SSGCAM_ERR_ARGUMENT, "evolve: a checkpoint needs %zu bytes, got room for %zu", needed, size);
    unsigned char *to = bytes;
    memcpy(to, magic, sizeof magic);
    to += sizeof magic;
    put(&to, VERSION, 4);
    put(&to, 0, 4);
    put(&to, needed, 8);
    put(&to, search->digest, 8);
    for (size_t i = 0; i < search->counter_count; i++) put(&to, search->counters[i], 8);
    for (size_t i = 0; i < search->value_count; i++) put(&to, bits(search->values[i]), 8);
    put(&to, ssg_evolve_checksum(0, bytes, needed - TRAILER_BYTES), 8);
    return SSGCAM_OK;
}

static ssgcam_status check_counters(const ssgcam_evolve *search, const unsigned char *from)
{
    uint64_t population = get(from + 8 * SSG_EVOLVE_POPULATION, 8), generation = get(from + 8 * SSG_EVOLVE_GENERATION, 8);
    uint64_t evaluations = get(from + 8 * SSG_EVOLVE_EVALUATIONS, 8), stop = get(from + 8 * SSG_EVOLVE_STOP, 8);
    int fine = population >= SSGCAM_EVOLVE_LEAST_POPULATION && population <= search->population && evaluations <= search->config.max_evaluations;
    fine = fine && (generation > 0 || population == search->population) && stop <= SSGCAM_EVOLVE_SPREAD;
    fine = fine && (evaluations < search->config.max_evaluations || stop != SSGCAM_EVOLVE_RUNNING);
    fine = fine && get(from + 8 * SSG_EVOLVE_IMPROVED, 8) <= generation && get(from + 8 * SSG_EVOLVE_INVALID, 8) <= evaluations;
    for (size_t k = 0; k < search->config.islands; k++) {
        const unsigned char *own = from + 8 * (SSG_EVOLVE_COUNTERS + 2 * k);
        fine = fine && get(own, 8) <= search->archive_max && get(own + 8, 8) < (search->memory ? search->memory : 1);
    }
    return fine ? SSGCAM_OK : ssg_fail(SSGCAM_ERR_INPUT, "evolve: the checkpoint's counters contradict the configuration: start afresh");
}

/* Each value by the kind that its place in `values` gives it. */
static int value_fits(const ssgcam_evolve *search, size_t index, double value)
{
    size_t d = search->config.dimensions, n = search->population, a = search->archive_max, h = search->memory;
    size_t one = n * (d + 3) + a * d + 2 * h, all = one * search->config.islands;
    if (index == all + d) return !isnan(value) && value > -HUGE_VAL;
    if (index >= all) return isfinite(value);
    size_t at = index % one;
    if (at >= n * d && at < n * (d + 1)) return !isnan(value) && value > -HUGE_VAL;
    if (at >= n * (d + 1) && at < n * (d + 3)) return value >= 0 && value <= 2;
    if (at >= one - h) return value == -1 || (value >= 0 && value <= 2);
    if (at >= one - 2 * h) return value > 0 && value <= 2; /* a mean may round past 1 */
    size_t j = (at < n * d ? at : at - n * (d + 3)) % d;
    int unused = at >= n * d && value == 0; /* archive rows not yet filled */
    return unused || (value >= search->bounds[j] && value <= search->bounds[d + j]);
}

ssgcam_status ssgcam_evolve_load(ssgcam_evolve *search, const void *bytes, size_t size)
{
    const unsigned char *from = bytes;
    size_t needed = ssgcam_evolve_save_size(search);
    if (size < HEADER_BYTES + TRAILER_BYTES || memcmp(from, magic, sizeof magic) != 0)
        return ssg_fail(SSGCAM_ERR_INPUT, "evolve: these %zu bytes are not a checkpoint of a search", size);
    if (get(from + 8, 4) != VERSION)
        return ssg_fail(SSGCAM_ERR_INPUT, "evolve: checkpoint version %llu, this build reads %d", (unsigned long long)get(from + 8, 4), VERSION);
    if (get(from + 16, 8) != size)
        return ssg_fail(SSGCAM_ERR_INPUT, "evolve: the checkpoint says %llu bytes, but there are %zu: cut short?",
                        (unsigned long long)get(from + 16, 8), size);
    if (get(from + size - TRAILER_BYTES, 8) != ssg_evolve_checksum(0, from, size - TRAILER_BYTES))
        return ssg_fail(SSGCAM_ERR_INPUT, "evolve: the checkpoint is damaged (wrong checksum)");
    if (size != needed || get(from + 24, 8) != search->digest)
        return ssg_fail(SSGCAM_ERR_INPUT,
                        "evolve: the checkpoint belongs to another problem, seed or option: start afresh or use those it was made with");
    const unsigned char *counters = from + HEADER_BYTES, *values = counters + 8 * search->counter_count;
    SSG_TRY(check_counters(search, counters));
    for (size_t i = 0; i < search->value_count; i++)
        if (!value_fits(search, i, get_double(values + 8 * i)))
            return ssg_fail(SSGCAM_ERR_INPUT, "evolve: value %zu of the checkpoint is out of range", i);

    for (size_t i = 0; i < search->counter_count; i++) search->counters[i] = get(counters + 8 * i, 8);
    for (size_t i = 0; i < search->value_count; i++) search->values[i] = get_double(values + 8 * i);
    search->asked = 0;
    return SSGCAM_OK;
}
