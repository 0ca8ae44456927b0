/* What the files of nn/cuda share. Host code that only calls libraries is C; files with kernels are .cu,
 * which nvcc compiles as C++, hence the extern "C". */
#ifndef NN_CUDA_INTERNAL_H
#define NN_CUDA_INTERNAL_H

#include "nn/cuda/libraries.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "base/err.h"
#include "nn/backend.h"
#include "nn/cuda/cuda.h"
#include "nn/cuda/index.h"

enum {
    CUDA_ALIGNMENT = 256, /* of parts of scratch; what cudaMalloc gives */
    STAGING_SLOTS = 8,    /* uploads that may be under way before the host waits */
    SUM_PARTS = 512       /* partial sums of sum_squares */
};

/* Pinned memory of one upload; free again when `copied` has happened. */
typedef struct staging_slot {
    void *memory;
    size_t bytes;
    cudaEvent_t copied;
} staging_slot;

struct backend {
    int device;
    nn_precision precision;
    replica_group *group;          /* NULL: no replicas */
    struct ncclComm *communicator; /* of this replica */
    cudaStream_t stream;
    cudnnHandle_t cudnn;
    cublasLtHandle_t blas;
    uint64_t *t; /* device: what the random kernels read, so that a replayed graph can be given another t */
    uint64_t t_value;
    bool t_known, capturing;
    float *staging; /* device: NCHW copies of activations on their way */
    size_t staging_bytes;
    staging_slot slots[STAGING_SLOTS];
    int next_slot;
    double *sums, *sum; /* device, SUM_PARTS + 1; pinned, 1 */
};

/* ---- errors: the message names the call that failed (the text of its expression) and the reason ---- */

err cuda_error(cudaError_t status, const char *text);
err cudnn_error(cudnnStatus_t status, const char *text);
err blas_error(cublasStatus_t status, const char *text);

#define CUDA_TRY(expression)                                                                                 \
    do {                                                                                                     \
        cudaError_t status_ = (expression);                                                                  \
        if (status_ != cudaSuccess) return cuda_error(status_, #expression);                                 \
    } while (0)
#define CUDNN_TRY(expression)                                                                                \
    do {                                                                                                     \
        cudnnStatus_t status_ = (expression);                                                                \
        if (status_ != CUDNN_STATUS_SUCCESS) return cudnn_error(status_, #expression);                       \
    } while (0)
#define BLAS_TRY(expression)                                                                                 \
    do {                                                                                                     \
        cublasStatus_t status_ = (expression);                                                               \
        if (status_ != CUBLAS_STATUS_SUCCESS) return blas_error(status_, #expression);                       \
    } while (0)

/* ERR_UNAVAILABLE if a tensor has more elements than the kernels' 32-bit indices reach (2^31 - 1). */
err cuda_check_count(size_t n);

/* A size rounded up so that what follows in a scratch buffer is aligned. */
size_t cuda_aligned(size_t bytes);

/* Scratch for a library's workspace, which wants 256-byte alignment where backend.h promises 64: ask for
 * CUDA_ALIGNMENT bytes more than needed, and start here. */
char *cuda_workspace(const call *c);

/* ---- elements ---- */

/* The type of a tensor's elements: activations are bfloat16 in NN_BF16, all else is always float. */
typedef enum element { ELEMENT_FLOAT, ELEMENT_BFLOAT16 } element;

element cuda_element_of(const backend *b, const nn_shape_t *shape, bool plain);

static inline element cuda_element(const backend *b, const node *n)
{
    return cuda_element_of(b, &n->shape, n->plain);
}

static inline size_t element_bytes(element e)
{
    return e == ELEMENT_BFLOAT16 ? sizeof(float) / 2 : sizeof(float);
}

/* ---- collective.c: join and all_reduce of backend_i; leave: before the backend is closed ---- */

err cuda_join(backend *b, replica_group *g, int rank);
err cuda_all_reduce(backend *b, float *x, size_t n);
void cuda_leave(backend *b);

/* ---- layout.cu ---- */

cuda_view cuda_view_of(const nn_shape_t *shape, bool plain);

/* Where a tensor lies, how, and of what. */
typedef struct cuda_tensor {
    void *data; /* not written where the tensor is a source */
    cuda_view view;
    element element;
} cuda_tensor;

/* Of a node's value or gradient. */
cuda_tensor cuda_tensor_of(const backend *b, const node *n, const void *data);

/* Copies between layouts and types of the same elements in NCHW order; `add` adds to the destination. */
err cuda_relayout(backend *b, cuda_tensor from, cuda_tensor to, bool add);

err cuda_upload(backend *b, const nn_shape_t *shape, bool plain, const float *host, float *device);
err cuda_download(backend *b, const nn_shape_t *shape, bool plain, const float *device, float *host);

/* ---- vector.cu: over n elements ---- */

err cuda_zero(backend *b, void *y, size_t bytes);
err cuda_scale(backend *b, element e, void *y, const void *x, float a, size_t n,
               bool add);                                                          /* y = a x, or y += a x */
err cuda_store(backend *b, element e, void *y, const void *x, size_t n, bool add); /* y = x, or y += x */
err cuda_narrow(backend *b, void *y, const float *x, size_t n);                    /* y = x in bfloat16 */
err cuda_fill(backend *b, float *x, size_t n, float value);
err cuda_adam(backend *b, float *w, const float *g, float *m, float *v, size_t n, const adam_update *u);
err cuda_sgd(backend *b, float *w, const float *g, float *velocity, size_t n, float rate, float momentum,
             float weight_decay, float grad_scale);
err cuda_ema(backend *b, float *average, const float *w, size_t n, float decay);
err cuda_swap(backend *b, float *x, float *y, size_t n);
err cuda_sum_squares(backend *b, const float *x, size_t n, double *out);

/* ---- concat.cu: a dense array into part of wider rows, and back ---- */

err cuda_put_band(backend *b, float *whole, const float *x, cuda_band s, bool add);
err cuda_take_band(backend *b, float *x, const float *whole, cuda_band s, bool add);

/* ---- activation.cu ---- */

/* y = act(y + bias) in place, y (rows, columns), bias (columns) or NULL. */
err cuda_bias_activate(backend *b, nn_act act, element e, void *y, const float *bias, size_t rows,
                       size_t columns);
/* dx = dy act'(y), or dx += that. */
err cuda_activate_backward(backend *b, nn_act act, element e, void *dx, const void *y, const void *dy,
                           size_t n, bool add);
/* y (columns) = the sums of the columns of x (rows, columns), or y += them; scratch of that many bytes. */
size_t cuda_column_sums_bytes(size_t rows, size_t columns);
err cuda_column_sums(backend *b, float *y, element e, const void *x, size_t rows, size_t columns, bool add,
                     void *scratch);

/* ---- conv_weights.cu: the weights (O,I,k,k) of a convolution as cuDNN wants them ---- */

size_t cuda_weights_count(const nn_shape_t *shape, bool upsample); /* elements */
err cuda_lay_weights(backend *b, const nn_shape_t *shape, bool upsample, const float *w, element e,
                     void *laid);
/* The way back, of a gradient: dw = it, or dw += it. */
err cuda_take_weights(backend *b, const nn_shape_t *shape, bool upsample, element e, const void *laid,
                      float *dw, bool add);

/* ---- random.cu ---- */

err cuda_set_t(backend *b, uint64_t t);

/* ---- graph.c: as nn/backend.h says ---- */

err cuda_capture_begin(backend *b);
err cuda_capture_end(backend *b, capture **out);
err cuda_capture_replay(backend *b, capture *c, uint64_t t);
void cuda_capture_close(capture *c);

/* ---- one file per operator ---- */

extern const kernel cuda_random, cuda_conv, cuda_linear, cuda_batch_norm, cuda_fold_norm, cuda_activation,
    cuda_sum, cuda_row_dot, cuda_upsample, cuda_pool, cuda_global_pool, cuda_concat, cuda_slice, cuda_reshape,
    cuda_spectral_norm, cuda_diff_augment, cuda_rotate, cuda_hinge, cuda_softmax_cross_entropy,
    cuda_binary_cross_entropy;
extern const kernel cuda_multiply, cuda_repeat, cuda_embedding, cuda_gather, cuda_layer_norm, cuda_normalize,
    cuda_softmax, cuda_token_cross_entropy, cuda_dropout, cuda_grid_rows, cuda_attention, cuda_lstm,
    cuda_lstm_cell;

#ifdef __cplusplus
}
#endif

#endif
