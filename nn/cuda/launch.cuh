/* Launching kernels, and reductions of a fixed order. Only .cu files include it. */
#ifndef NN_CUDA_LAUNCH_CUH
#define NN_CUDA_LAUNCH_CUH

#include "nn/cuda/internal.h"

enum {
    THREADS = 256,
    MOST_BLOCKS = 4096 /* of an element-wise kernel; its threads then take several elements each */
};

/* Queues kernel<<<grid, block>>>(...) on the backend's stream; leaves the function with an error if it
 * cannot. Never waits, so it can be captured in a graph. */
#define LAUNCH(b, kernel, grid, block, ...)                                                                  \
    do {                                                                                                     \
        kernel<<<(grid), (block), 0, (b)->stream>>>(__VA_ARGS__);                                            \
        cudaError_t status_ = cudaGetLastError();                                                            \
        if (status_ != cudaSuccess) return cuda_error(status_, #kernel);                                     \
    } while (0)

/* The same for a kernel over n elements that loops with FOR_EACH. */
#define LAUNCH_EACH(b, kernel, n, ...)                                                                       \
    do {                                                                                                     \
        TRY(cuda_check_count(n));                                                                            \
        if ((n) > 0) LAUNCH(b, kernel, blocks_for(n), THREADS, __VA_ARGS__);                                 \
    } while (0)

static inline unsigned blocks_for(size_t n)
{
    size_t blocks = (n + THREADS - 1) / THREADS;
    return (unsigned)(blocks < MOST_BLOCKS ? blocks : (size_t)MOST_BLOCKS);
}

/* n < 2^31 and there are at most MOST_BLOCKS * THREADS threads, so i does not wrap. */
#define FOR_EACH(i, n)                                                                                       \
    for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < (n); i += gridDim.x * blockDim.x)

static __device__ inline void put(float *to, float value, bool add)
{
    *to = add ? *to + value : value;
}

/* The sum of x over a block of THREADS threads, in every thread. `shared` has THREADS elements. */
template <class T> static __device__ inline T block_sum(T x, T *shared)
{
    __syncthreads(); /* the last use of `shared` is over */
    shared[threadIdx.x] = x;
    __syncthreads();
    for (unsigned half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
        __syncthreads();
    }
    return shared[0];
}

/* The largest x of a block of THREADS threads, in every thread; NaN is never larger. */
static __device__ inline float block_max(float x, float *shared)
{
    __syncthreads();
    shared[threadIdx.x] = x;
    __syncthreads();
    for (unsigned half = THREADS / 2; half > 0; half /= 2) {
        float other = threadIdx.x < half ? shared[threadIdx.x + half] : x;
        if (threadIdx.x < half && other > shared[threadIdx.x]) shared[threadIdx.x] = other;
        __syncthreads();
    }
    return shared[0];
}

#endif
