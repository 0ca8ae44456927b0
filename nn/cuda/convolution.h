/* cuDNN's convolutions, channels last, all three products of one convolution behind one face:
 *
 *     y (n,oh,ow,k) = x (n,h,w,c) * w (k,size,size,c), padded with `pad` zeros, every `stride` pixels,
 *     x = the transpose of that applied to y (the gradient of the input),
 *     w = the products of x and y summed over pixels (the gradient of the weights).
 *
 * Sums are fp32 in every precision. What cuDNN has no algorithm for is done by our own kernels. */
#ifndef NN_CUDA_CONVOLUTION_H
#define NN_CUDA_CONVOLUTION_H

#include "nn/cuda/internal.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum conv_product { PRODUCT_Y, PRODUCT_X, PRODUCT_W, PRODUCTS } conv_product;

typedef struct conv_shape {
    element element; /* of x, w and y */
    int n, c, h, w, k, oh, ow, size, stride, pad;
} conv_shape;

/* What a product reads: two of the three tensors. */
typedef struct conv_operands {
    const void *x, *w, *y;
} conv_operands;

typedef struct dnn_convolution dnn_convolution;

/* Chooses how the wanted products are computed. ERR_SYSTEM. */
err dnn_convolution_open(backend *b, const conv_shape *s, const bool wanted[PRODUCTS], dnn_convolution **out);
void dnn_convolution_close(dnn_convolution *d); /* NULL is fine */

/* Bytes of workspace that a product needs, aligned as cuda_workspace is. */
size_t dnn_convolution_workspace(const dnn_convolution *d, conv_product which);

/* Stores the product at `out`, or adds it to what is there. */
err dnn_convolution_run(backend *b, const dnn_convolution *d, conv_product which, conv_operands o, void *out,
                        bool add, void *workspace);

/* ---- direct_conv.cu: the same without cuDNN, for shapes that it does not do: meant for few channels ---- */

size_t cuda_direct_workspace(const conv_shape *s, conv_product which);
err cuda_direct_run(backend *b, const conv_shape *s, conv_product which, conv_operands o, void *out, bool add,
                    void *workspace);

#ifdef __cplusplus
}
#endif

#endif
