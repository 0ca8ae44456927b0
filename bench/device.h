/* Devices by the names that users give them. */
#ifndef BENCH_DEVICE_H
#define BENCH_DEVICE_H

#include "nn/net.h"

/* name: "cpu", "ref", "cuda" (the first GPU), "cuda:N" (from 0), "cuda:all" (a replica on each GPU), or
 * "cpu:N" (N replicas, each on a core: what several GPUs do, for machines without); precision: "fp32", "tf32"
 * or "bf16". ERR_USAGE naming what there is; ERR_UNAVAILABLE if the program was built without CUDA. That the
 * machine lacks a device or a precision shows when a net is opened. */
err device_named(const char *name, const char *precision, nn_device *out);

#endif
