/* net_movement.cu - strided copies: concat, slice, scatter, transpose, another layout or type. One thread an element of the walk, in the order of the
 * memory that is written.
 *
 * Moved: every element read once and written once. Between channels first and channels last (ssg_net_turn) through shared memory, so that both sides
 * are whole sectors; other copies ask for a sector as often as their strides have it. */
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
    if (i >= j.count) return;
    size_t at[2];
    ssg_strided_in_two(at, i, j.axes, j.st, j.sf);
    ssg_write(j.to + at[0], j.factor * ssg_read(j.from + at[1]));
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
    ssg_net_strides *const operands[] = {&st, &sf};
    ssg_merge_axes(&walk, operands, 2);
    ssg_with_element(to->type, [&](auto *typed_to) {
        typedef typename ssg_pointed<decltype(typed_to)>::type To;
        ssg_with_element(from->type, [&](auto *typed_from) {
            typedef typename ssg_pointed<decltype(typed_from)>::type From;
            ssg_copy_job<To, From> j = {(To *)to->data + to->first, (const From *)from->data + from->first, walk, st, sf, count, factor};
            ssg_launch(run, "copy", ssg_copy_kernel<To, From>, j, ssg_blocks_for(count, SSG_THREADS), SSG_THREADS, 0);
        });
    });
}

/* ---- turning over ------------------------------------------------------------------------------------------------------------------------- */

enum : unsigned { SSG_TURN = 32, SSG_TURN_PITCH = SSG_TURN + 1 }; /* a side of the tile; a column of it meets all banks */

/* A block turns a tile over in shared memory, so that a warp reads and writes neighbours. */
template <typename To, typename From> __global__ void __launch_bounds__(SSG_THREADS) ssg_turn_kernel(ssg_net_turn j)
{
    size_t across = (j.columns + SSG_TURN - 1) / SSG_TURN, down = (j.rows + SSG_TURN - 1) / SSG_TURN, batch = blockIdx.x / across / down;
    size_t row = blockIdx.x / across % down * SSG_TURN, column = blockIdx.x % across * SSG_TURN, size = j.rows * j.columns;
    const From *from = (const From *)j.from + batch * size;
    To *to = (To *)j.to + batch * size;
    float *tile = (float *)ssg_shared;
    unsigned lane = threadIdx.x % SSG_WARP, first = threadIdx.x / SSG_WARP;
    for (unsigned r = first; r < SSG_TURN; r += SSG_THREADS / SSG_WARP)
        if (row + r < j.rows && column + lane < j.columns) tile[r * SSG_TURN_PITCH + lane] = ssg_read(from + (row + r) * j.columns + column + lane);
    __syncthreads();
    for (unsigned c = first; c < SSG_TURN; c += SSG_THREADS / SSG_WARP)
        if (column + c < j.columns && row + lane < j.rows)
            ssg_write(to + (column + c) * j.rows + row + lane, j.factor * tile[lane * SSG_TURN_PITCH + c]);
}

void ssg_net_turn_run(const ssg_run *run, const ssg_net_turn *turn)
{
    size_t blocks = turn->batch * ssg_blocks_for(turn->rows, SSG_TURN) * ssg_blocks_for(turn->columns, SSG_TURN);
    ssg_with_element(turn->to_type, [&](auto *typed_to) {
        typedef typename ssg_pointed<decltype(typed_to)>::type To;
        ssg_with_element(turn->from_type, [&](auto *typed_from) {
            typedef typename ssg_pointed<decltype(typed_from)>::type From;
            ssg_launch(run, "turn", ssg_turn_kernel<To, From>, *turn, blocks, SSG_THREADS, SSG_TURN * SSG_TURN_PITCH * sizeof(float));
        });
    });
}

/* ---- filling ------------------------------------------------------------------------------------------------------------------------------ */

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
