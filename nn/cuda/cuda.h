/* The CUDA backend's own functions, for those who choose a device; all else goes through nn/net.h.
 *
 * Activations are channels-last (NHWC): in NN_BF16 of bfloat16, in NN_FP32 and NN_TF32 of floats, as all else
 * is in each. Sums are fp32, and every reduction has a fixed order, so a run is repeated bit for bit on the
 * same kind of device. A backend works on one stream of one device. The thread that opens a net on be_cuda
 * makes that device its current one and must be the one that uses the net; nets of one thread lie on one
 * device. */
#ifndef NN_CUDA_CUDA_H
#define NN_CUDA_CUDA_H

#ifdef __cplusplus
extern "C" {
#endif

#include "base/err.h"
#include "nn/net.h"

extern const backend_i be_cuda; /* cuDNN 9, cuBLASLt and own kernels */

/* Devices on this machine; 0 also where there is no driver. */
int cuda_device_count(void);

#ifdef __cplusplus
}
#endif

#endif
