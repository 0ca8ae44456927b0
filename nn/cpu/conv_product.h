/* The gradient of a convolution's weight as one matrix product, for bf16 in NHWC: the patches that the kernel
 * saw, times the gradient of what it made of them. oneDNN's own way is several times slower where images are
 * small. */
#ifndef NN_CPU_CONV_PRODUCT_H
#define NN_CPU_CONV_PRODUCT_H

#include "nn/cpu/onednn.h"

typedef struct conv_product conv_product;

/* Whether it is faster: 1x1 kernels, whose patches are the image itself, and small images. */
bool conv_product_suits(const backend *b, const conv_shape *s);

err conv_product_open(const backend *b, const conv_shape *s, conv_product **out);
void conv_product_close(conv_product *p); /* NULL is fine */

/* Bytes of scratch that conv_product_run needs; 0 for NULL. */
size_t conv_product_bytes(const conv_product *p);

/* dw (O,C,k,k), fp32, stored or added, from x (n,c,h,w) and dz (n,o,oh,ow). */
err conv_product_run(conv_product *p, const backend *b, const void *x, const void *dz, float *dw, bool add,
                     void *scratch);

#endif
