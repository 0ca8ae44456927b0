/* What the simulated runtime offers to the simulated libraries. */
#ifndef TESTS_NN_SIMULATED_CUDA_RUNTIME_H
#define TESTS_NN_SIMULATED_CUDA_RUNTIME_H

#include <cuda_runtime_api.h>

#include <functional>

/* Work happens when something waits for the stream, not before; in capture, when the graph is launched. */
void simulated_queue(cudaStream_t stream, std::function<void()> work);

/* Stops the program if these are not all in one allocation of device memory. */
void simulated_expect_device(const void *memory, size_t bytes, const char *what);

/* Stops the program: the caller did what the documentation forbids, and a GPU would be silently wrong. */
[[noreturn]] void simulated_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
