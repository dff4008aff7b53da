/* score.c - which instruction set the objective uses. */
#include "kernels/score.h"
#include "kernels/ops.h"

const ssg_score_ops *ssg_score_at(ssg_score_level level)
{
    if (level == SSG_SCORE_REF) return &ssg_score_ref;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (level == SSG_SCORE_AVX2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt")) return &ssg_score_avx2;
    if (level == SSG_SCORE_AVX512 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("popcnt")) return &ssg_score_avx512;
#endif
    return NULL;
}

const ssg_score_ops *ssg_score_best(void)
{
    int level = (int)ssg_cpu_best(); /* plain C, AVX2 and AVX-512 in the same order */
    while (!ssg_score_at((ssg_score_level)level)) level--;
    return ssg_score_at((ssg_score_level)level);
}
