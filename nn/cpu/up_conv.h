/* A 3x3 convolution of an upsampled image, for conv.c: the kernel's functions for a.upsample. */
#ifndef NN_CPU_UP_CONV_H
#define NN_CPU_UP_CONV_H

#include "nn/cpu/cpu.h"

/* Who computes a direction of a convolution: oneDNN, thin_conv.h, tile.h or winograd.h. */
typedef enum conv_way { BY_ONEDNN, BY_THIN, BY_TILES, BY_WINOGRAD } conv_way;

bool up_conv_adds(const backend *b, const call *c);
err up_conv_plan(backend *b, call *c);
void up_conv_unplan(call *c);
err up_conv_forward(backend *b, const call *c);
err up_conv_backward(backend *b, const call *c);

#endif
