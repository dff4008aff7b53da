#include "host/base/philox.h"

enum { ROUNDS = 10 };

void ssg_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u; /* the golden ratio and sqrt(3) - 1, as in the paper */
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

ssg_draws ssg_draws_named(uint64_t seed, uint32_t a, uint32_t b, uint32_t c)
{
    return (ssg_draws){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)}, .counter = {0, a, b, c}, .used = 4};
}

uint32_t ssg_draw_u32(ssg_draws *draws)
{
    if (draws->used == 4) {
        ssg_philox(draws->block, draws->counter, draws->key);
        draws->counter[0]++;
        draws->used = 0;
    }
    return draws->block[draws->used++];
}

double ssg_draw_unit(ssg_draws *draws)
{
    uint64_t high = ssg_draw_u32(draws) >> 5, low = ssg_draw_u32(draws) >> 6;
    return (double)(high << 26 | low) * 0x1p-53;
}

uint32_t ssg_draw_below(ssg_draws *draws, uint32_t n)
{
    return (uint32_t)((uint64_t)ssg_draw_u32(draws) * n >> 32);
}

double ssg_draw_normal(ssg_draws *draws)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += ssg_draw_unit(draws);
    return sum;
}

double ssg_draw_cauchy(ssg_draws *draws)
{
    for (;;) {
        double x = 2 * ssg_draw_unit(draws) - 1, y = 2 * ssg_draw_unit(draws) - 1;
        if (x != 0 && x * x + y * y <= 1) return y / x;
    }
}
