/* choose.c - which instruction set the maps are made with. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/ops.h"

extern const ssg_ops ssg_cpu_ops_baseline, ssg_cpu_ops_avx2, ssg_cpu_ops_avx512;

ssg_cpu_level ssg_cpu_cap(void)
{
    const char *cap = getenv("SSGCAM_CPU_LEVEL");
    if (cap && (!strcmp(cap, "ref") || !strcmp(cap, "baseline"))) return SSG_CPU_BASELINE;
    return cap && !strcmp(cap, "avx2") ? SSG_CPU_AVX2 : SSG_CPU_AVX512;
}

#if defined(__x86_64__)
/* What kernels/CMakeLists.txt compiles the sets for. */
static int has(ssg_cpu_level level)
{
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    if (level == SSG_CPU_AVX2) return avx2;
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

const ssg_ops *ssg_ops_cpu_at(ssg_cpu_level level)
{
    if (level == SSG_CPU_BASELINE) return &ssg_cpu_ops_baseline;
#if defined(__x86_64__)
    if (has(level)) return level == SSG_CPU_AVX2 ? &ssg_cpu_ops_avx2 : &ssg_cpu_ops_avx512;
#endif
    return NULL;
}

static const ssg_ops *chosen;

static void choose(void)
{
    int level = ssg_cpu_cap();
    while (!(chosen = ssg_ops_cpu_at((ssg_cpu_level)level))) level--;
}

const ssg_ops *ssg_ops_cpu(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose);
    return chosen;
}
