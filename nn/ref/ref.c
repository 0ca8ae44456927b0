/* The reference backend: opening, memory and the table of operators. */
#include "nn/ref/ref.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

static err open_backend(const nn_device *device, backend **out)
{
    *out = NULL;
    if (device->precision != NN_FP32)
        return err_set(ERR_UNAVAILABLE, "the backend ref computes in fp32 only");
    *out = calloc(1, sizeof **out);
    return *out ? OK : err_set(ERR_SYSTEM, "out of memory for the reference backend");
}

static void close_backend(backend *b)
{
    free(b);
}

static err join(backend *b, replica_group *g, int rank)
{
    b->group = g;
    b->rank = rank;
    return OK;
}

err ref_all_reduce(backend *b, float *x, size_t n)
{
    return group_all_reduce(b->group, b->rank, x, n);
}

static err allocate(backend *b, size_t bytes, void **out)
{
    (void)b;
    size_t rounded = (bytes / ALIGNMENT + 1) * ALIGNMENT; /* never zero */
    *out = aligned_alloc(ALIGNMENT, rounded);
    if (!*out) return err_set(ERR_SYSTEM, "out of memory for %zu bytes", bytes);
    memset(*out, 0, rounded);
    return OK;
}

static void release(backend *b, void *memory)
{
    (void)b;
    free(memory);
}

static size_t value_bytes(backend *b, const nn_shape_t *shape, bool plain)
{
    (void)b;
    (void)plain;
    return nn_count(shape) * sizeof(float);
}

static err upload(backend *b, const nn_shape_t *shape, bool plain, const float *host, float *device)
{
    memcpy(device, host, value_bytes(b, shape, plain));
    return OK;
}

static err download(backend *b, const nn_shape_t *shape, bool plain, const float *device, float *host)
{
    memcpy(host, device, value_bytes(b, shape, plain));
    return OK;
}

const backend_i be_ref = {
    .name = "ref",
    .open = open_backend,
    .close = close_backend,
    .join = join,
    .all_reduce = ref_all_reduce,
    .allocate = allocate,
    .release = release,
    .value_bytes = value_bytes,
    .upload = upload,
    .download = download,
    .fill = ref_fill,
    .adam = ref_adam,
    .sgd = ref_sgd,
    .ema = ref_ema,
    .swap = ref_swap,
    .sum_squares = ref_sum_squares,
    .ops =
        {
            [OP_RANDOM] = &ref_random,
            [OP_CONV] = &ref_conv,
            [OP_LINEAR] = &ref_linear,
            [OP_BATCH_NORM] = &ref_batch_norm,
            [OP_FOLD_NORM] = &ref_fold_norm,
            [OP_ACTIVATION] = &ref_activation,
            [OP_SUM] = &ref_sum,
            [OP_ROW_DOT] = &ref_row_dot,
            [OP_UPSAMPLE] = &ref_upsample,
            [OP_POOL] = &ref_pool,
            [OP_GLOBAL_POOL] = &ref_global_pool,
            [OP_CONCAT] = &ref_concat,
            [OP_SLICE] = &ref_slice,
            [OP_RESHAPE] = &ref_reshape,
            [OP_SPECTRAL_NORM] = &ref_spectral_norm,
            [OP_DIFF_AUGMENT] = &ref_diff_augment,
            [OP_ROTATE] = &ref_rotate,
            [OP_HINGE] = &ref_hinge,
            [OP_SOFTMAX_CROSS_ENTROPY] = &ref_softmax_cross_entropy,
            [OP_BINARY_CROSS_ENTROPY] = &ref_binary_cross_entropy,
            [OP_MULTIPLY] = &ref_multiply,
            [OP_REPEAT] = &ref_repeat,
            [OP_EMBEDDING] = &ref_embedding,
            [OP_GATHER] = &ref_gather,
            [OP_LAYER_NORM] = &ref_layer_norm,
            [OP_NORMALIZE] = &ref_normalize,
            [OP_SOFTMAX] = &ref_softmax,
            [OP_TOKEN_CROSS_ENTROPY] = &ref_token_cross_entropy,
            [OP_DROPOUT] = &ref_dropout,
            [OP_GRID_ROWS] = &ref_grid_rows,
            [OP_ATTENTION] = &ref_attention,
            [OP_LSTM] = &ref_lstm,
            [OP_LSTM_CELL] = &ref_lstm_cell,
        },
};
