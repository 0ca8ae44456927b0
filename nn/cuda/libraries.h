/* cuBLASLt and cuDNN, loaded when a CUDA backend is opened: together they map more than 500 MB, which no run
 * on the CPU should pay, and a machine that lacks them must still run the program. */
#ifndef NN_CUDA_LIBRARIES_H
#define NN_CUDA_LIBRARIES_H

#include <cublasLt.h>
#include <cudnn.h>
#include <stdbool.h>

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

#define DNN_FUNCTIONS(X)                                                                                     \
    X(Create)                                                                                                \
    X(Destroy)                                                                                               \
    X(SetStream)                                                                                             \
    X(GetErrorString)                                                                                        \
    X(GetLastErrorString)                                                                                    \
    X(CreateTensorDescriptor)                                                                                \
    X(DestroyTensorDescriptor)                                                                               \
    X(SetTensor4dDescriptor)                                                                                 \
    X(CreateFilterDescriptor)                                                                                \
    X(DestroyFilterDescriptor)                                                                               \
    X(SetFilter4dDescriptor)                                                                                 \
    X(CreateConvolutionDescriptor)                                                                           \
    X(DestroyConvolutionDescriptor)                                                                          \
    X(SetConvolution2dDescriptor)                                                                            \
    X(SetConvolutionMathType)                                                                                \
    X(GetConvolutionForwardAlgorithm_v7)                                                                     \
    X(GetConvolutionForwardWorkspaceSize)                                                                    \
    X(ConvolutionForward)                                                                                    \
    X(GetConvolutionBackwardDataAlgorithm_v7)                                                                \
    X(GetConvolutionBackwardDataWorkspaceSize)                                                               \
    X(ConvolutionBackwardData)                                                                               \
    X(GetConvolutionBackwardFilterAlgorithm_v7)                                                              \
    X(GetConvolutionBackwardFilterWorkspaceSize)                                                             \
    X(ConvolutionBackwardFilter)

/* lt.Matmul is cublasLtMatmul, dnn.Create is cudnnCreate, and so on. typeof is a GNU extension: the types are
 * the headers' own. */
typedef struct blas_functions {
#define X(name) __typeof__(&cublasLt##name) name;
    BLAS_FUNCTIONS(X)
#undef X
} blas_functions;

typedef struct dnn_functions {
#define X(name) __typeof__(&cudnn##name) name;
    DNN_FUNCTIONS(X)
#undef X
} dnn_functions;

extern blas_functions lt; /* filled by libraries_load */
extern dnn_functions dnn;

err libraries_load(void); /* ERR_UNAVAILABLE; calls after the first that succeeded do nothing */

/* Opens a library where the loader looks, else at `compiled_with`, and lets find_all fill a table from it. It
 * stays loaded. ERR_UNAVAILABLE. */
err library_open(const char *name, const char *compiled_with, bool (*find_all)(void *library));
/* Puts the address of a function of the library where `function` points; false: it has none of that name. */
bool library_find(void *library, const char *name, void *function);

#ifdef __cplusplus
}
#endif

#endif
