/* net_movement.cu - strided copies: concat, slice, scatter, transpose. One thread an element of the walk, in the order of the last axis. */
#include "kernels/cuda/net.cuh"

struct ssg_copy_job {
    float *to;
    const float *from;
    ssg_net_axes axes;
    ssg_net_strides st, sf;
    size_t count;
};

__global__ void __launch_bounds__(SSG_THREADS) ssg_copy_kernel(ssg_copy_job j)
{
    size_t i = ssg_thread_index();
    if (i < j.count) j.to[ssg_strided(i, j.axes, j.st)] = j.from[ssg_strided(i, j.axes, j.sf)];
}

void ssg_net_copy(const ssg_run *run, float *to, const ssg_net_strides *st, const float *from, const ssg_net_strides *sf, const ssg_net_axes *axes)
{
    ssg_copy_job j = {to, from, *axes, *st, *sf, ssg_axes_count(*axes)};
    ssg_launch(run, "copy", ssg_copy_kernel, j, ssg_blocks_for(j.count, SSG_THREADS), SSG_THREADS, 0);
}

struct ssg_fill_job {
    float *to;
    float value;
    size_t count;
};

__global__ void __launch_bounds__(SSG_THREADS) ssg_fill_kernel(ssg_fill_job j)
{
    size_t i = ssg_thread_index();
    if (i < j.count) j.to[i] = j.value;
}

void ssg_net_fill(const ssg_run *run, float *to, float value, size_t count)
{
    ssg_fill_job j = {to, value, count};
    ssg_launch(run, "fill", ssg_fill_kernel, j, ssg_blocks_for(count, SSG_THREADS), SSG_THREADS, 0);
}
