#include "host/base/cpu_level.h"

#include <stdlib.h>
#include <string.h>

int ssg_cpu_has(ssg_cpu_level level)
{
    if (level == SSG_CPU_BASELINE) return 1;
#if defined(__x86_64__)
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    if (level == SSG_CPU_AVX2) return avx2;
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    return 0;
#endif
}

static ssg_cpu_level allowed(void)
{
    const char *cap = getenv("SSGCAM_CPU_LEVEL");
    if (cap && (!strcmp(cap, "ref") || !strcmp(cap, "baseline"))) return SSG_CPU_BASELINE;
    return cap && !strcmp(cap, "avx2") ? SSG_CPU_AVX2 : SSG_CPU_AVX512;
}

ssg_cpu_level ssg_cpu_best(void)
{
    int level = allowed();
    while (!ssg_cpu_has((ssg_cpu_level)level)) level--;
    return (ssg_cpu_level)level;
}
