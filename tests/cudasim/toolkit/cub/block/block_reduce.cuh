/* block_reduce.cuh - stands in for CUB's header of this name in the simulator's build, for the calls that the library makes. As documented there, and
 * no kinder: thread 0 alone gets the result (the others get poison), the storage may be used again only behind a barrier (thread 0 reads it to the
 * end, which is a race with whoever writes too early), and the block has the size that the type names. */
#ifndef CUDASIM_CUB_BLOCK_REDUCE_CUH
#define CUDASIM_CUB_BLOCK_REDUCE_CUH

extern "C" void cudasim_misuse(const char *what); /* of a library, inside a kernel */

namespace cub
{

template <typename T, int THREADS> class BlockReduce
{
  public:
    struct TempStorage {
        T of[THREADS];
    };

    __attribute__((always_inline)) explicit BlockReduce(TempStorage &storage) : storage(storage)
    {
        if (blockDim.x != THREADS || blockDim.y != 1 || blockDim.z != 1) cudasim_misuse("a block of another size than its BlockReduce");
    }

    template <typename Op> __attribute__((always_inline)) T Reduce(T input, Op op)
    {
        storage.of[threadIdx.x] = input;
        __syncthreads();
        T result;
        __builtin_memset((void *)&result, 0xCB, sizeof result);
        if (threadIdx.x > 0) return result;
        result = storage.of[0];
        for (int t = 1; t < THREADS; t++) result = op(result, storage.of[t]);
        return result;
    }

  private:
    TempStorage &storage;
};

} // namespace cub
#endif
