/* Devices by their names. */
#include "bench/device.h"

#ifdef HAVE_CUDA
#include "nn/cuda/cuda.h"
#endif

#include <criterion/criterion.h>
#include <string.h>

Test(device, names_mean_backends_and_precisions)
{
    nn_device d;
    cr_assert_eq(device_named("cpu", "bf16", &d), OK);
    cr_expect(d.backend == &be_cpu && d.precision == NN_BF16 && d.index == 0);
    cr_assert_eq(device_named("ref", "fp32", &d), OK);
    cr_expect(d.backend == &be_ref && d.precision == NN_FP32 && d.replicas <= 1);
}

Test(device, a_number_behind_cpu_is_that_of_replicas)
{
    nn_device d;
    cr_assert_eq(device_named("cpu", "fp32", &d), OK);
    cr_expect_leq(d.replicas, 1);
    cr_assert_eq(device_named("cpu:4", "fp32", &d), OK);
    cr_expect(d.backend == &be_cpu && d.replicas == 4 && d.index == 0);
    cr_expect_eq(device_named("cpu:0", "fp32", &d), ERR_USAGE);
    cr_expect_eq(device_named("cpu:17", "fp32", &d), ERR_USAGE);
    cr_expect(strstr(err_message(), "from 1 to 16 replicas"), "%s", err_message());
}

Test(device, unknown_names_are_refused)
{
    static const char *const wrong[] = {"",        "cud",      "cudas",     "cuda:",     "cuda:x", "cuda:-1",
                                        "cuda:1 ", "cuda:0x1", "cpu:all",   "cpu:",      "cpu:1,", "cpus",
                                        "ref:2",   "cuda:al",  "cuda:alle", "cuda:12345"};
    nn_device d;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_expect_eq(device_named(wrong[i], "fp32", &d), ERR_USAGE, "%s", wrong[i]);
        cr_expect(strstr(err_message(), "must be cpu, cpu:N, ref, cuda, cuda:N or cuda:all"), "%s",
                  err_message());
    }
    cr_expect_eq(device_named("cpu", "fp16", &d), ERR_USAGE);
    cr_expect(strstr(err_message(), "precision fp16: must be fp32, tf32 or bf16"), "%s", err_message());
}

#ifdef HAVE_CUDA
Test(device, a_gpu_is_named_by_its_number)
{
    nn_device d;
    cr_assert_eq(device_named("cuda", "tf32", &d), OK, "%s", err_message());
    cr_expect(d.backend == &be_cuda && d.precision == NN_TF32 && d.index == 0);
    cr_assert_eq(device_named("cuda:3", "fp32", &d), OK, "%s", err_message());
    cr_expect(d.backend == &be_cuda && d.index == 3 && d.replicas <= 1);
}

Test(device, all_gpus_are_as_many_replicas)
{
    nn_device d;
    cr_assert_eq(device_named("cuda:all", "fp32", &d), OK, "%s", err_message());
    cr_expect(d.backend == &be_cuda && d.index == 0 && d.replicas == cuda_device_count());
}

Test(device, a_gpu_that_is_not_there_is_told)
{
    nn_device d;
    net *n;
    cr_assert_eq(device_named("cuda:9999", "fp32", &d), OK);
    cr_expect_eq(net_open(d, 1, &n), ERR_UNAVAILABLE);
    cr_expect(strstr(err_message(), "no CUDA device"), "%s", err_message());
}
#else
Test(device, without_cuda_a_gpu_is_told_to_be_missing)
{
    nn_device d;
    cr_expect_eq(device_named("cuda", "fp32", &d), ERR_UNAVAILABLE);
    cr_expect(strstr(err_message(), "built without the CUDA backend"), "%s", err_message());
}
#endif
