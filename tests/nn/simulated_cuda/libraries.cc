/* In place of nn/cuda/libraries.c: the functions are linked in. */
#include "nn/cuda/libraries.h"

blas_functions lt;
dnn_functions dnn;

err libraries_load()
{
#define X(name) lt.name = cublasLt##name;
    BLAS_FUNCTIONS(X)
#undef X
#define X(name) dnn.name = cudnn##name;
    DNN_FUNCTIONS(X)
#undef X
    return OK;
}
