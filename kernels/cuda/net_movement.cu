/* net_movement.cu - strided copies: concat, slice, scatter, transpose, another layout or type. One thread an element of the walk, in the order of the
 * memory that is written. */
#include "kernels/cuda/element.cuh"
#include "kernels/cuda/net.cuh"

template <typename To, typename From> struct ssg_copy_job {
    To *to;
    const From *from;
    ssg_net_axes axes;
    ssg_net_strides st, sf;
    size_t count;
    float factor;
};

template <typename To, typename From> __global__ void __launch_bounds__(SSG_THREADS) ssg_copy_kernel(ssg_copy_job<To, From> j)
{
    size_t i = ssg_thread_index();
    if (i < j.count) ssg_write(j.to + ssg_strided(i, j.axes, j.st), j.factor * ssg_read(j.from + ssg_strided(i, j.axes, j.sf)));
}

template <typename T> static void ssg_swap(T &a, T &b)
{
    T c = a;
    a = b, b = c;
}

void ssg_net_copy(const ssg_run *run, const ssg_net_side *to, const ssg_net_side *from, const ssg_net_axes *axes, float factor)
{
    ssg_net_axes walk = *axes;
    ssg_net_strides st = to->strides, sf = from->strides;
    for (int i = 1; i < walk.rank; i++) /* the axis that `to` goes along in the smallest steps comes last */
        for (int k = i; k > 0 && st.along[k - 1] < st.along[k]; k--) {
            ssg_swap(walk.dims[k - 1], walk.dims[k]);
            ssg_swap(st.along[k - 1], st.along[k]);
            ssg_swap(sf.along[k - 1], sf.along[k]);
        }
    size_t count = ssg_axes_count(walk);
    ssg_with_element(to->type, [&](auto *typed_to) {
        typedef typename ssg_pointed<decltype(typed_to)>::type To;
        ssg_with_element(from->type, [&](auto *typed_from) {
            typedef typename ssg_pointed<decltype(typed_from)>::type From;
            ssg_copy_job<To, From> j = {(To *)to->data + to->first, (const From *)from->data + from->first, walk, st, sf, count, factor};
            ssg_launch(run, "copy", ssg_copy_kernel<To, From>, j, ssg_blocks_for(count, SSG_THREADS), SSG_THREADS, 0);
        });
    });
}

template <typename T> struct ssg_fill_job {
    T *to;
    float value;
    size_t count;
};

template <typename T> __global__ void __launch_bounds__(SSG_THREADS) ssg_fill_kernel(ssg_fill_job<T> j)
{
    size_t i = ssg_thread_index();
    if (i < j.count) ssg_write(j.to + i, j.value);
}

void ssg_net_fill(const ssg_run *run, ssg_element type, void *to, float value, size_t count)
{
    ssg_with_element(type, [&](auto *typed) {
        typedef typename ssg_pointed<decltype(typed)>::type T;
        ssg_fill_job<T> j = {(T *)to, value, count};
        ssg_launch(run, "fill", ssg_fill_kernel<T>, j, ssg_blocks_for(count, SSG_THREADS), SSG_THREADS, 0);
    });
}
