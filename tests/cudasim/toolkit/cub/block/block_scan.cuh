/* block_scan.cuh - stands in for CUB's header of this name in the simulator's build, for the calls that the library makes. As documented there, and
 * no kinder: the storage may be used again only behind a barrier (a thread reads what its neighbour left there, which is a race with whoever writes
 * too early), and the block has the size that the type names. */
#ifndef CUDASIM_CUB_BLOCK_SCAN_CUH
#define CUDASIM_CUB_BLOCK_SCAN_CUH

extern "C" void cudasim_misuse(const char *what); /* of a library, inside a kernel */

namespace cub
{

template <typename T, int THREADS> class BlockScan
{
  public:
    struct TempStorage {
        T of[THREADS];
    };

    __attribute__((always_inline)) explicit BlockScan(TempStorage &storage) : storage(storage)
    {
        if (blockDim.x != THREADS || blockDim.y != 1 || blockDim.z != 1) cudasim_misuse("a block of another size than its BlockScan");
    }

    __attribute__((always_inline)) void ExclusiveSum(T input, T &output)
    {
        storage.of[threadIdx.x] = input;
        __syncthreads();
        T sum{};
        for (int t = 0; threadIdx.x == 0 && t < THREADS; t++) storage.of[t] = sum = sum + storage.of[t];
        __syncthreads();
        output = threadIdx.x == 0 ? T{} : storage.of[threadIdx.x - 1];
    }

  private:
    TempStorage &storage;
};

} // namespace cub
#endif
