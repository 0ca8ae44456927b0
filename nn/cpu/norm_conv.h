/* A 1x1 convolution that normalises its input itself, for conv.c: the kernel's functions where call.norm is
 * there. Forward only. */
#ifndef NN_CPU_NORM_CONV_H
#define NN_CPU_NORM_CONV_H

#include "nn/cpu/cpu.h"

bool norm_conv_absorbs(backend *b, const call *c);
err norm_conv_plan(backend *b, call *c);
void norm_conv_unplan(call *c);
err norm_conv_forward(backend *b, const call *c);

#endif
