/* What oneDNN alone reaches on this machine, to compare a training step with (`bench perf`). */
#ifndef NN_CPU_PEAK_H
#define NN_CPU_PEAK_H

#include "nn/net.h"

/* The best rate over a handful of 5x5 and 1x1 forward convolutions of 32 to 256 channels, batch 32 (which
 * oneDNN computes directly: Winograd's way for 3x3 does fewer products than are counted), each in the layout
 * that oneDNN likes best, in 10^9 floating-point operations a second (a multiply-add is two). Each takes the
 * median of its runs, as a step does that it is compared with. Takes about a second. ERR_UNAVAILABLE,
 * ERR_SYSTEM. */
err cpu_convolution_rate(nn_precision precision, double *gflops);

/* Seconds that oneDNN takes for one convolution in the directions that it is done in, and nothing around it,
 * every tensor in its favourite layout: the median of several runs. ERR_INTERNAL if it has no such
 * convolution, ERR_UNAVAILABLE, ERR_SYSTEM. */
err cpu_convolution_seconds(nn_precision precision, const convolution *c, double *seconds);

/* Seconds that a word takes from the first core to another and back, the least of five tries of 4 ms, on
 * average over the others: tens of ns where they share a cache, hundreds where they do not (parts of an AMD
 * EPYC, sockets). Then data that one thread wrote and another reads or overwrites are slow. 0 if there is one
 * thread only. */
double cpu_round_trip_seconds(void);

#endif
