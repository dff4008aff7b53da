/* philox.h - random numbers without a state: Philox 4x32-10, a counter-based generator.
 *
 * Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3 (SC 2011). A block of four words is a pure function of a key and a counter,
 * so a draw can be named (seed, generation, member, purpose, index) instead of being the next in line: nothing to save, and no order of evaluation
 * can change a result. Everything below uses only integer arithmetic and + - * / on doubles: equal bits from every compiler (contraction off) and
 * every libm. */
#ifndef SSG_BASE_PHILOX_H
#define SSG_BASE_PHILOX_H

#include <stdint.h>

void ssg_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

/* The draws named by (seed, a, b, c): an unbounded sequence, made block by block as it is read. */
typedef struct ssg_draws {
    uint32_t key[2], counter[4], block[4];
    int used;
} ssg_draws;

ssg_draws ssg_draws_named(uint64_t seed, uint32_t a, uint32_t b, uint32_t c);

uint32_t ssg_draw_u32(ssg_draws *draws);

/* Uniform in [0, 1), a multiple of 2^-53. */
double ssg_draw_unit(ssg_draws *draws);

/* Uniform in [0, n), n >= 1; the bias is below n / 2^32. */
uint32_t ssg_draw_below(ssg_draws *draws, uint32_t n);

/* Mean 0, variance 1: the sum of twelve uniforms less six. Tails end at +-6. */
double ssg_draw_normal(ssg_draws *draws);

/* Standard Cauchy: y/x of a point uniform in the unit disc. */
double ssg_draw_cauchy(ssg_draws *draws);

#endif
