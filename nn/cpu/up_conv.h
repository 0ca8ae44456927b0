/* A 3x3 convolution of an upsampled image, for conv.c: the kernel's functions for a.upsample. */
#ifndef NN_CPU_UP_CONV_H
#define NN_CPU_UP_CONV_H

#include "nn/cpu/cpu.h"

err up_conv_plan(backend *b, call *c);
void up_conv_unplan(call *c);
err up_conv_forward(backend *b, const call *c);
err up_conv_backward(backend *b, const call *c);

#endif
