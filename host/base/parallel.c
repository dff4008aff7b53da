#include "host/base/parallel.h"

#include <omp.h>
#include <sched.h>

void ssg_parallel_for(int threads, size_t count, ssg_parallel_body *body, void *context)
{
    if (threads <= 1 || count <= 1) {
        for (size_t i = 0; i < count; i++) body(context, i, 0);
        return;
    }
    int used = (size_t)threads < count ? threads : (int)count;
#pragma omp parallel for num_threads(used) schedule(dynamic)
    for (size_t i = 0; i < count; i++) body(context, i, omp_get_thread_num());
}

int ssg_processor_count(void)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
    int count = CPU_COUNT(&allowed);
    return count > 0 ? count : 1;
}

enum { MOST_THREADS = 1024 }; /* far more, and threads cannot be started or their stacks run out, which ends the process inside OpenMP */

ssgcam_status ssg_threads_choose(int *threads, int asked)
{
    if (asked < 0) return ssg_fail(SSGCAM_ERR_ARGUMENT, "%d threads; give a positive number, or 0 for all processors", asked);
    if (asked > MOST_THREADS)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "%d threads; give at most %d, or 0 for all processors (%d)", asked, MOST_THREADS, ssg_processor_count());
    *threads = asked ? asked : ssg_processor_count();
    return SSGCAM_OK;
}

void ssg_set_library_threads(int threads)
{
    omp_set_num_threads(threads);
}
