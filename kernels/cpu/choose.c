/* choose.c - which instruction set the maps are made with. */
#include <pthread.h>

#include "kernels/ops.h"

extern const ssg_ops ssg_cpu_ops_baseline, ssg_cpu_ops_avx2, ssg_cpu_ops_avx512;

const ssg_ops *ssg_ops_cpu_at(ssg_cpu_level level)
{
#if defined(__x86_64__) /* what kernels/CMakeLists.txt compiles the sets for */
    if (level != SSG_CPU_BASELINE) return !ssg_cpu_has(level) ? NULL : level == SSG_CPU_AVX2 ? &ssg_cpu_ops_avx2 : &ssg_cpu_ops_avx512;
#endif
    return level == SSG_CPU_BASELINE ? &ssg_cpu_ops_baseline : NULL;
}

static const ssg_ops *chosen;

static void choose(void)
{
    chosen = ssg_ops_cpu_at(ssg_cpu_best());
}

const ssg_ops *ssg_ops_cpu(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose);
    return chosen;
}
