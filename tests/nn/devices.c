#include "tests/nn/devices.h"

#include "nn/backend.h"

#ifdef HAVE_CUDA
#include "nn/cuda/cuda.h"
#endif

#include <stdio.h>

const char *device_text(nn_device device)
{
    static const char *const precisions[] = {[NN_FP32] = "fp32", [NN_TF32] = "tf32", [NN_BF16] = "bf16"};
    static char text[32];
    (void)snprintf(text, sizeof text, "%s in %s", device.backend->name, precisions[device.precision]);
    return text;
}

/* ERR_UNAVAILABLE, with its reason, where the machine lacks the device. */
static err try_device(nn_device device)
{
    backend *b;
    err error = device.backend->open(&device, &b);
    if (error == OK) device.backend->close(b);
    return error;
}

void run_on_host(device_test test)
{
    const nn_device bf16 = {.backend = &be_cpu, .precision = NN_BF16};
    test(nn_on(&be_ref));
    test(nn_on(&be_cpu));
    if (try_device(bf16) == OK) test(bf16);
}

#ifdef HAVE_CUDA
void run_on_gpu(device_test test)
{
    if (cuda_device_count() == 0) cr_skip_test("skipped: no CUDA device");
    for (nn_precision p = NN_FP32; p <= NN_BF16; p++) {
        nn_device device = {.backend = &be_cuda, .precision = p};
        cr_assert_eq(try_device(device), OK, "%s", err_message());
        test(device);
    }
}
#endif
