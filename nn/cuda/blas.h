/* cuBLASLt, loaded when a CUDA backend is opened: the library has 500 MB, and mapping it takes 0.15 s, which
 * no run on the CPU should pay. */
#ifndef NN_CUDA_BLAS_H
#define NN_CUDA_BLAS_H

#include <cublasLt.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "base/err.h"

#define BLAS_FUNCTIONS(X)                                                                                    \
    X(Create)                                                                                                \
    X(Destroy)                                                                                               \
    X(GetStatusString)                                                                                       \
    X(Matmul)                                                                                                \
    X(MatmulAlgoGetHeuristic)                                                                                \
    X(MatmulDescCreate)                                                                                      \
    X(MatmulDescDestroy)                                                                                     \
    X(MatmulDescSetAttribute)                                                                                \
    X(MatmulPreferenceCreate)                                                                                \
    X(MatmulPreferenceDestroy)                                                                               \
    X(MatmulPreferenceSetAttribute)                                                                          \
    X(MatrixLayoutCreate)                                                                                    \
    X(MatrixLayoutDestroy)

/* lt.Matmul is cublasLtMatmul, and so on. typeof is a GNU extension: the types are the header's own. */
typedef struct blas_functions {
#define X(name) __typeof__(&cublasLt##name) name;
    BLAS_FUNCTIONS(X)
#undef X
} blas_functions;

extern blas_functions lt; /* filled by blas_load */

err blas_load(void); /* ERR_UNAVAILABLE; calls after the first that succeeded do nothing */

#ifdef __cplusplus
}
#endif

#endif
