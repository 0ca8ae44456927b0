/* Launching kernels, element types, and sums of a fixed order. Only .cu files include it. */
#ifndef NN_CUDA_LAUNCH_CUH
#define NN_CUDA_LAUNCH_CUH

#include "nn/cuda/internal.h"

#include <cuda_bf16.h>

enum {
    THREADS = 256,
    MOST_BLOCKS = 4096 /* of an element-wise kernel; its threads then take several elements each */
};

/* ---- launching ---- */

#ifndef LAUNCH_KERNEL /* tests/nn/simulated_cuda has its own */
#define LAUNCH_KERNEL(stream, kernel, grid, block, ...) kernel<<<(grid), (block), 0, (stream)>>>(__VA_ARGS__)
#endif

/* Queues kernel<<<grid, block>>>(...) on the backend's stream; leaves the function with an error if it
 * cannot. Never waits, so it can be captured in a graph. */
#define LAUNCH(b, kernel, grid, block, ...)                                                                  \
    do {                                                                                                     \
        LAUNCH_KERNEL((b)->stream, kernel, grid, block, __VA_ARGS__);                                        \
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

/* ---- elements: kernels compute in float, whatever a tensor's elements are ---- */

typedef __nv_bfloat16 bfloat16;

static __device__ inline float to_float(float x)
{
    return x;
}

static __device__ inline float to_float(bfloat16 x)
{
    return __bfloat162float(x);
}

static __device__ inline void set(float *to, float x)
{
    *to = x;
}

static __device__ inline void set(bfloat16 *to, float x)
{
    *to = __float2bfloat16(x); /* to the nearest, ties to even */
}

template <class T> static __device__ inline void put(T *to, float value, bool add)
{
    set(to, add ? to_float(*to) + value : value);
}

/* W neighbours, which one thread reads or writes with one instruction: memory is only kept busy if 16 bytes
 * travel at a time. x is aligned to them. */
template <class T, int W> struct alignas(W * sizeof(T)) pack {
    T element[W];
};

template <int W> struct floats {
    float v[W];
};

template <int W, class T> static __device__ inline floats<W> load(const T *x, uint32_t i)
{
    pack<T, W> p = reinterpret_cast<const pack<T, W> *>(x)[i];
    floats<W> out;
    for (int k = 0; k < W; k++) out.v[k] = to_float(p.element[k]);
    return out;
}

template <int W, class T> static __device__ inline void put(T *to, uint32_t i, const floats<W> &x, bool add)
{
    pack<T, W> *at = reinterpret_cast<pack<T, W> *>(to) + i, p;
    if (add) p = *at;
    for (int k = 0; k < W; k++) put(&p.element[k], x.v[k], add);
    *at = p;
}

/* Returns f.operator()<T, W>(), where T is the type of the elements, and W is how many of them a thread takes
 * at once: what fits 16 bytes if `together`, the length of the runs of neighbours that may be treated alike,
 * is a multiple of it, else 1. */
template <class F> static err by_type(element e, size_t together, F f)
{
    enum { WIDE = 16 };
    if (e == ELEMENT_BFLOAT16)
        return together % (WIDE / sizeof(bfloat16)) == 0
                   ? f.template operator()<bfloat16, WIDE / (int)sizeof(bfloat16)>()
                   : f.template operator()<bfloat16, 1>();
    return together % (WIDE / sizeof(float)) == 0 ? f.template operator()<float, WIDE / (int)sizeof(float)>()
                                                  : f.template operator()<float, 1>();
}

/* The same one at a time: for kernels that see little data, or whose neighbours lie apart. */
template <class F> static err by_element(element e, F f)
{
    return e == ELEMENT_BFLOAT16 ? f.template operator()<bfloat16>() : f.template operator()<float>();
}

/* n if it is a number of neighbours from 16-byte boundaries on, else 1. */
static inline size_t together_at(size_t n, const void *x, const void *y)
{
    enum { WIDE = 16 };
    return ((uintptr_t)x | (uintptr_t)y) % WIDE ? 1 : n;
}

/* ---- sums ---- */

/* The sum of x over a block of THREADS threads, in every thread. `shared` has THREADS elements. */
template <class T> static __device__ inline T block_sum(T x, T *shared)
{
    __syncthreads(); /* the last use of `shared` is over */
    shared[threadIdx.x] = x;
    __syncthreads();
    for (unsigned apart = THREADS / 2; apart > 0; apart /= 2) {
        if (threadIdx.x < apart) shared[threadIdx.x] += shared[threadIdx.x + apart];
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
    for (unsigned apart = THREADS / 2; apart > 0; apart /= 2) {
        float other = threadIdx.x < apart ? shared[threadIdx.x + apart] : x;
        if (threadIdx.x < apart && other > shared[threadIdx.x]) shared[threadIdx.x] = other;
        __syncthreads();
    }
    return shared[0];
}

#endif
