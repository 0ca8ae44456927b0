/* Opening the CUDA backend, its memory, its errors, and the table of operators. */
#include "nn/cuda/internal.h"

#include <stdlib.h>
#include <string.h>

int cuda_device_count(void)
{
    int count = 0;
    if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
    (void)cudaGetLastError(); /* no driver is an answer, not a failure for the next call to find */
    return 0;
}

/* ---- errors ---- */

/* Prints as the name of a call or a kernel without its arguments: "cudaMalloc(&memory, ...)", "(sums<2>)". */
#define NAME(text) (int)strcspn((text) + ((text)[0] == '('), "(<)"), (text) + ((text)[0] == '(')

err cuda_error(cudaError_t status, const char *text)
{
    (void)cudaGetLastError(); /* told now: the next launch must not find it */
    if (status == cudaErrorMemoryAllocation)
        return err_set(ERR_SYSTEM, "the GPU is out of memory (%.*s); use smaller batches or images",
                       NAME(text));
    return err_set(ERR_SYSTEM, "%.*s: %s (%s)", NAME(text), cudaGetErrorName(status),
                   cudaGetErrorString(status));
}

err cudnn_error(cudnnStatus_t status, const char *text)
{
    char reason[400] = "";
    (void)cudaGetLastError();
    dnn.GetLastErrorString(reason, sizeof reason);
    return err_set(ERR_SYSTEM, "%.*s: %s%s%s", NAME(text), dnn.GetErrorString(status), reason[0] ? ": " : "",
                   reason);
}

err blas_error(cublasStatus_t status, const char *text)
{
    (void)cudaGetLastError();
    return err_set(ERR_SYSTEM, "%.*s: %s", NAME(text), lt.GetStatusString(status));
}

err cuda_check_count(size_t n)
{
    if (n <= INT32_MAX) return OK;
    return err_set(ERR_UNAVAILABLE,
                   "a tensor of %zu elements is too large for the CUDA backend; use smaller batches", n);
}

size_t cuda_aligned(size_t bytes)
{
    return (bytes + CUDA_ALIGNMENT - 1) / CUDA_ALIGNMENT * CUDA_ALIGNMENT;
}

char *cuda_workspace(const call *c)
{
    char *start = c->scratch;
    return start + (CUDA_ALIGNMENT - (uintptr_t)start % CUDA_ALIGNMENT) % CUDA_ALIGNMENT;
}

/* ---- opening ---- */

enum { OLDEST_MAJOR = 8 }; /* sm_80: what CMake compiles for, and the first with TF32 */

static err choose_device(int device)
{
    int count = 0, major = 0, minor = 0;
    cudaError_t status = cudaGetDeviceCount(&count);
    (void)cudaGetLastError();
    if (status != cudaSuccess || count == 0)
        return err_set(ERR_UNAVAILABLE, "no CUDA device on this machine (%s); use --device cpu",
                       status == cudaSuccess ? "the driver lists none" : cudaGetErrorString(status));
    if (device >= count)
        return err_set(ERR_UNAVAILABLE, "no CUDA device %d: this machine has %d, numbered from 0", device,
                       count);
    CUDA_TRY(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
    CUDA_TRY(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
    if (major < OLDEST_MAJOR)
        return err_set(ERR_UNAVAILABLE,
                       "CUDA device %d is of generation sm_%d%d; sm_%d0 is the oldest that works", device,
                       major, minor, (int)OLDEST_MAJOR);
    CUDA_TRY(cudaSetDevice(device));
    return OK;
}

static err start(backend *b)
{
    void *memory;
    CUDA_TRY(cudaStreamCreateWithFlags(&b->stream, cudaStreamNonBlocking));
    TRY(libraries_load());
    CUDNN_TRY(dnn.Create(&b->cudnn));
    CUDNN_TRY(dnn.SetStream(b->cudnn, b->stream));
    BLAS_TRY(lt.Create(&b->blas));
    CUDA_TRY(cudaMalloc(&memory, sizeof *b->t));
    b->t = memory;
    CUDA_TRY(cudaMalloc(&memory, (SUM_PARTS + 1) * sizeof *b->sums));
    b->sums = memory;
    CUDA_TRY(cudaMallocHost(&memory, sizeof *b->sum));
    b->sum = memory;
    for (int k = 0; k < STAGING_SLOTS; k++)
        CUDA_TRY(cudaEventCreateWithFlags(&b->slots[k].copied, cudaEventDisableTiming));
    return OK;
}

static void close_backend(backend *b)
{
    if (!b) return;
    if (b->stream) (void)cudaStreamSynchronize(b->stream);
    cuda_leave(b);
    for (int k = 0; k < STAGING_SLOTS; k++) {
        if (b->slots[k].copied) (void)cudaEventDestroy(b->slots[k].copied);
        (void)cudaFreeHost(b->slots[k].memory);
    }
    (void)cudaFreeHost(b->sum);
    (void)cudaFree(b->sums);
    (void)cudaFree(b->staging);
    (void)cudaFree(b->t);
    if (b->blas) (void)lt.Destroy(b->blas);
    if (b->cudnn) (void)dnn.Destroy(b->cudnn);
    if (b->stream) (void)cudaStreamDestroy(b->stream);
    free(b);
}

static err open_backend(const nn_device *device, backend **out)
{
    *out = NULL;
    TRY(choose_device(device->index));
    backend *b = calloc(1, sizeof *b);
    if (!b) return err_set(ERR_SYSTEM, "out of memory for the CUDA backend");
    b->device = device->index;
    b->precision = device->precision;
    err error = start(b);
    if (error != OK) {
        close_backend(b);
        return error;
    }
    *out = b;
    return OK;
}

/* ---- memory ---- */

static err allocate(backend *b, size_t bytes, void **out)
{
    void *memory;
    *out = NULL;
    size_t rounded = cuda_aligned(bytes ? bytes : 1);
    CUDA_TRY(cudaMalloc(&memory, rounded));
    cudaError_t status = cudaMemsetAsync(memory, 0, rounded, b->stream);
    if (status != cudaSuccess) {
        (void)cudaFree(memory);
        return cuda_error(status, "cudaMemsetAsync");
    }
    *out = memory;
    return OK;
}

/* cudaFree waits for the kernels that still use the memory. */
static void release(backend *b, void *memory)
{
    (void)b;
    (void)cudaFree(memory);
}

element cuda_element_of(const backend *b, const nn_shape_t *shape, bool plain)
{
    return b->precision == NN_BF16 && shape->rank == 4 && !plain ? ELEMENT_BFLOAT16 : ELEMENT_FLOAT;
}

static size_t value_bytes(backend *b, const nn_shape_t *shape, bool plain)
{
    return nn_count(shape) * element_bytes(cuda_element_of(b, shape, plain));
}

static err wait_for_stream(backend *b)
{
    CUDA_TRY(cudaStreamSynchronize(b->stream));
    return OK;
}

const backend_i be_cuda = {
    .name = "cuda",
    .open = open_backend,
    .close = close_backend,
    .join = cuda_join,
    .all_reduce = cuda_all_reduce,
    .allocate = allocate,
    .release = release,
    .value_bytes = value_bytes,
    .upload = cuda_upload,
    .download = cuda_download,
    .fill = cuda_fill,
    .adam = cuda_adam,
    .sgd = cuda_sgd,
    .ema = cuda_ema,
    .swap = cuda_swap,
    .sum_squares = cuda_sum_squares,
    .wait = wait_for_stream,
    .capture_begin = cuda_capture_begin,
    .capture_end = cuda_capture_end,
    .capture_replay = cuda_capture_replay,
    .capture_close = cuda_capture_close,
    .ops =
        {
            [OP_RANDOM] = &cuda_random,
            [OP_CONV] = &cuda_conv,
            [OP_LINEAR] = &cuda_linear,
            [OP_BATCH_NORM] = &cuda_batch_norm,
            [OP_FOLD_NORM] = &cuda_fold_norm,
            [OP_ACTIVATION] = &cuda_activation,
            [OP_SUM] = &cuda_sum,
            [OP_ROW_DOT] = &cuda_row_dot,
            [OP_UPSAMPLE] = &cuda_upsample,
            [OP_POOL] = &cuda_pool,
            [OP_GLOBAL_POOL] = &cuda_global_pool,
            [OP_CONCAT] = &cuda_concat,
            [OP_SLICE] = &cuda_slice,
            [OP_RESHAPE] = &cuda_reshape,
            [OP_SPECTRAL_NORM] = &cuda_spectral_norm,
            [OP_DIFF_AUGMENT] = &cuda_diff_augment,
            [OP_ROTATE] = &cuda_rotate,
            [OP_HINGE] = &cuda_hinge,
            [OP_SOFTMAX_CROSS_ENTROPY] = &cuda_softmax_cross_entropy,
            [OP_BINARY_CROSS_ENTROPY] = &cuda_binary_cross_entropy,
            [OP_MULTIPLY] = &cuda_multiply,
            [OP_REPEAT] = &cuda_repeat,
            [OP_EMBEDDING] = &cuda_embedding,
            [OP_GATHER] = &cuda_gather,
            [OP_LAYER_NORM] = &cuda_layer_norm,
            [OP_NORMALIZE] = &cuda_normalize,
            [OP_SOFTMAX] = &cuda_softmax,
            [OP_TOKEN_CROSS_ENTROPY] = &cuda_token_cross_entropy,
            [OP_DROPOUT] = &cuda_dropout,
            [OP_GRID_ROWS] = &cuda_grid_rows,
            [OP_ATTENTION] = &cuda_attention,
            [OP_LSTM] = &cuda_lstm,
            [OP_LSTM_CELL] = &cuda_lstm_cell,
        },
};
