/* What oneDNN alone reaches on this machine, to compare a training step with (`bench perf`). */
#ifndef NN_CPU_PEAK_H
#define NN_CPU_PEAK_H

#include "base/err.h"

/* The best rate over a handful of 5x5 and 1x1 forward convolutions of 32 to 256 channels, batch 32 (which
 * oneDNN computes directly: Winograd's way for 3x3 does fewer products than are counted), each in the layout
 * that oneDNN likes best, in 10^9 floating-point operations a second (a multiply-add is two). Takes about a
 * second. ERR_UNAVAILABLE, ERR_SYSTEM. */
err cpu_convolution_rate(double *gflops);

/* Seconds that oneDNN takes for one convolution (n,c,h,w) -> (n,o,h',w') with a k x k kernel and nothing
 * around it, every tensor in its favourite layout: the best of several runs. Any of the three results may be
 * NULL and is then not measured. ERR_INTERNAL if it has no such convolution, ERR_UNAVAILABLE, ERR_SYSTEM. */
err cpu_convolution_seconds(int n, int c, int h, int w, int o, int k, int stride, int pad, double *forward_s,
                            double *backward_data_s, double *backward_weights_s);

#endif
