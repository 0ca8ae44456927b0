/* The devices that tests of whole nets run on. */
#ifndef TESTS_NN_DEVICES_H
#define TESTS_NN_DEVICES_H

#include "nn/net.h"

#include <criterion/criterion.h>

typedef void (*device_test)(nn_device device);

/* Calls the test on ref and cpu, the latter in each precision that the processor has. */
void run_on_host(device_test test);

/* Calls it on the first GPU in each precision; without one the test that this is called from is skipped. */
void run_on_gpu(device_test test);

/* "cpu in bf16", for messages; valid until the next call. */
const char *device_text(nn_device device);

/* TEST_ON_DEVICES(suite, name) { body } defines Test(suite, name), which runs the body on the host's devices,
 * and Test(cuda_suite, name), which runs it on a GPU. The body has `device`. */
#ifdef HAVE_CUDA
#define TEST_ON_GPU(suite, name)                                                                             \
    Test(cuda_##suite, name)                                                                                 \
    {                                                                                                        \
        run_on_gpu(suite##_##name);                                                                          \
    }
#else
#define TEST_ON_GPU(suite, name)
#endif
#define TEST_ON_DEVICES(suite, name)                                                                         \
    static void suite##_##name(nn_device device);                                                            \
    Test(suite, name)                                                                                        \
    {                                                                                                        \
        run_on_host(suite##_##name);                                                                         \
    }                                                                                                        \
    TEST_ON_GPU(suite, name)                                                                                 \
    static void suite##_##name(nn_device device)

#endif
