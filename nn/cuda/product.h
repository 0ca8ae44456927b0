/* Products of row-major matrices, by cuBLASLt. Its choice of algorithm depends on the shape alone, and the
 * reductions that it may choose from have a fixed order. */
#ifndef NN_CUDA_PRODUCT_H
#define NN_CUDA_PRODUCT_H

#include "nn/cuda/internal.h"

#ifdef __cplusplus
extern "C" {
#endif

/* d (rows, columns) = op(a) op(b) + bias (columns), a sum over `inner`; op(a) is (rows, inner), op(b) is
 * (inner, columns). lda, ldb, ldd: floats from one row to the next as the matrices lie; ldd may be 0 for
 * `columns`. alignment: bytes that every address is a multiple of; 0 for that of the arena's buffers. */
typedef struct product_shape {
    int rows, columns, inner, lda, ldb, ldd, alignment;
    bool transpose_a, transpose_b, bias;
    bool narrow; /* the factors are bfloat16 */
} product_shape;

typedef struct product {
    cublasLtMatmulDesc_t operation;
    cublasLtMatrixLayout_t a, b, d; /* cuBLASLt counts columns first: its a is our b transposed */
    cublasLtMatmulAlgo_t algorithm;
    size_t workspace; /* bytes */
} product;

/* Chooses the algorithm. Close it even after an error. */
err cuda_product_open(backend *b, product_shape s, product *p);
void cuda_product_close(product *p);

err cuda_product_set_bias(const product *p, const float *bias);

/* d = op(x) op(y) + bias, or d += that. workspace: p->workspace bytes, aligned as cuda_workspace does. */
err cuda_product_run(backend *b, const product *p, const void *x, const void *y, float *d, bool add,
                     void *workspace);

#ifdef __cplusplus
}
#endif

#endif
