/* A CUDA device simulated on the host, so that nn/cuda is tested where there is no GPU: its kernels are
 * compiled as C++ and run thread by thread, and the parts of the CUDA runtime, cuDNN and cuBLASLt that it
 * calls are plain loops that do what the documentation says and no more. What it shows: that indices,
 * layouts, element types, scratch memory, the order of calls and stream capture are right. What it cannot
 * show: what a GPU's own libraries accept, races inside a warp, and speed.
 *
 * The compiler includes this file before every kernel file. */
#ifndef TESTS_NN_SIMULATED_CUDA_DEVICE_H
#define TESTS_NN_SIMULATED_CUDA_DEVICE_H

#include <cuda_runtime_api.h>

#include <cmath>
#include <functional>
#include <tuple>

/* One variable per block: blocks run one after another. */
#undef __shared__
#define __shared__ static thread_local

/* __thread is a GNU extension; thread_local variables of another file are reached through a function whose
 * result UBSan takes for a null pointer. */
extern __thread uint3 threadIdx, blockIdx;
extern __thread dim3 blockDim, gridDim;
void __syncthreads();
int __syncthreads_or(int mine); /* whether any thread of the block gave other than 0 */

static inline float __fmul_rn(float a, float b)
{
    return a * b;
}

static inline float __fsub_rn(float a, float b)
{
    return a - b;
}

static inline float __fmaf_rn(float a, float b, float c)
{
    return std::fma(a, b, c);
}

static inline void sincospi(double x, double *sine, double *cosine)
{
    *sine = std::sin(M_PI * x);
    *cosine = std::cos(M_PI * x);
}

/* Queues a kernel; `kernel` identifies it. */
void simulated_launch(cudaStream_t stream, const void *kernel, dim3 grid, dim3 block,
                      std::function<void()> body);

/* Arguments are copied now, as a launch does. */
template <class... P, class... A>
static inline void simulated_call(cudaStream_t stream, dim3 grid, dim3 block, void (*kernel)(P...),
                                  A &&...given)
{
    std::tuple<P...> arguments(static_cast<P>(given)...);
    simulated_launch(stream, reinterpret_cast<const void *>(kernel), grid, block,
                     [kernel, arguments] { std::apply(kernel, arguments); });
}

#define LAUNCH_KERNEL(stream, kernel, grid, block, ...)                                                      \
    simulated_call((stream), dim3(grid), dim3(block), kernel, __VA_ARGS__)

#endif
