/* The fast CPU backend: opening, memory and the table of operators.
 *
 * Flush-to-zero is left off: subnormal numbers are rare in these nets, and the mode would leak into the
 * caller's thread. */
#define _DEFAULT_SOURCE /* madvise and MADV_HUGEPAGE: POSIX has no call for huge pages */

#include "nn/cpu/cpu.h"

#include <cblas.h>
#include <omp.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20 };

static bool has_isa(dnnl_cpu_isa_t isa, dnnl_cpu_isa_t wanted)
{
    return (isa & wanted) == wanted;
}

/* oneDNN would emulate bf16 on older processors, at a third of the speed of fp32. */
static err check_precision(nn_precision precision, dnnl_cpu_isa_t isa)
{
    if (precision == NN_TF32)
        return err_set(ERR_UNAVAILABLE, "tf32 is for GPUs; on the CPU use fp32 or bf16");
    if (precision == NN_BF16 && !has_isa(isa, dnnl_cpu_isa_avx512_core_bf16))
        return err_set(ERR_UNAVAILABLE,
                       "this processor has no bf16 arithmetic (AVX512_BF16 or AMX); use fp32");
    return OK;
}

static err open_backend(const nn_device *device, backend **out)
{
    *out = NULL;
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    TRY(check_precision(device->precision, isa));
    backend *b = calloc(1, sizeof *b);
    if (!b) return err_set(ERR_SYSTEM, "out of memory for the CPU backend");
    b->width = has_isa(isa, dnnl_cpu_isa_avx512_core) ? 16 : 8;
    b->half = device->precision == NN_BF16;
    b->interleaved = b->half && has_isa(isa, dnnl_cpu_isa_avx512_core_amx);
    if (dnnl_engine_create(&b->engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&b->stream, b->engine, dnnl_stream_default_flags) != dnnl_success) {
        if (b->engine) (void)dnnl_engine_destroy(b->engine);
        free(b);
        return err_set(ERR_UNAVAILABLE, "oneDNN cannot be started on this processor; use the backend ref");
    }
    openblas_set_num_threads(omp_get_max_threads()); /* one pool for both libraries */
    *out = b;
    return OK;
}

static void close_backend(backend *b)
{
    if (!b) return;
    (void)dnnl_stream_destroy(b->stream);
    (void)dnnl_engine_destroy(b->engine);
    free(b);
}

static err join(backend *b, replica_group *g, int rank)
{
    b->group = g;
    b->rank = rank;
    return OK;
}

err cpu_all_reduce(backend *b, float *x, size_t n)
{
    return group_all_reduce(b->group, b->rank, x, n);
}

static err allocate(backend *b, size_t bytes, void **out)
{
    (void)b;
    *out = NULL;
    size_t alignment = bytes >= HUGE_PAGE ? HUGE_PAGE : 64;
    size_t rounded = (bytes + alignment) / alignment * alignment; /* never zero */
    void *memory = aligned_alloc(alignment, rounded);
    if (!memory) return err_set(ERR_SYSTEM, "out of memory for %zu bytes", bytes);
    /* Huge pages save the time of page faults and address look-ups; without them all works the same. */
    if (alignment == HUGE_PAGE) (void)madvise(memory, rounded, MADV_HUGEPAGE);
    cpu_zero(memory, rounded);
    *out = memory;
    return OK;
}

static void release(backend *b, void *memory)
{
    (void)b;
    free(memory);
}

static size_t value_bytes(backend *b, const nn_shape_t *shape, bool plain)
{
    view v = cpu_view(b, shape, plain);
    return view_bytes(&v);
}

static bool holds_part(backend *b, const nn_shape_t *whole, const nn_shape_t *part)
{
    (void)b;
    return (whole->d[1] < CPU_MIN_BLOCKED) == (part->d[1] < CPU_MIN_BLOCKED);
}

static bool shares_work(backend *b)
{
    (void)b;
    return omp_get_max_threads() > 1;
}

static err upload(backend *b, const nn_shape_t *shape, bool plain, const float *host, float *device)
{
    view v = cpu_view(b, shape, plain);
    cpu_from_plain(&v, host, device, false);
    return OK;
}

static err download(backend *b, const nn_shape_t *shape, bool plain, const float *device, float *host)
{
    view v = cpu_view(b, shape, plain);
    cpu_to_plain(&v, device, host, false);
    return OK;
}

const backend_i be_cpu = {
    .name = "cpu",
    .open = open_backend,
    .close = close_backend,
    .join = join,
    .all_reduce = cpu_all_reduce,
    .allocate = allocate,
    .release = release,
    .value_bytes = value_bytes,
    .holds_part = holds_part,
    .shares_work = shares_work,
    .upload = upload,
    .download = download,
    .fill = cpu_fill,
    .adam = cpu_adam,
    .sgd = cpu_sgd,
    .ema = cpu_ema,
    .swap = cpu_swap,
    .sum_squares = cpu_sum_squares,
    .ops =
        {
            [OP_RANDOM] = &cpu_random,
            [OP_CONV] = &cpu_conv,
            [OP_LINEAR] = &cpu_linear,
            [OP_BATCH_NORM] = &cpu_batch_norm,
            [OP_FOLD_NORM] = &cpu_fold_norm,
            [OP_ACTIVATION] = &cpu_activation,
            [OP_SUM] = &cpu_sum,
            [OP_ROW_DOT] = &cpu_row_dot,
            [OP_UPSAMPLE] = &cpu_upsample,
            [OP_POOL] = &cpu_pool,
            [OP_GLOBAL_POOL] = &cpu_global_pool,
            [OP_CONCAT] = &cpu_concat,
            [OP_SLICE] = &cpu_slice,
            [OP_RESHAPE] = &cpu_reshape,
            [OP_SPECTRAL_NORM] = &cpu_spectral_norm,
            [OP_DIFF_AUGMENT] = &cpu_diff_augment,
            [OP_ROTATE] = &cpu_rotate,
            [OP_HINGE] = &cpu_hinge,
            [OP_SOFTMAX_CROSS_ENTROPY] = &cpu_softmax_cross_entropy,
            [OP_BINARY_CROSS_ENTROPY] = &cpu_binary_cross_entropy,
            [OP_MULTIPLY] = &cpu_multiply,
            [OP_REPEAT] = &cpu_repeat,
            [OP_EMBEDDING] = &cpu_embedding,
            [OP_GATHER] = &cpu_gather,
            [OP_LAYER_NORM] = &cpu_layer_norm,
            [OP_NORMALIZE] = &cpu_normalize,
            [OP_SOFTMAX] = &cpu_softmax,
            [OP_TOKEN_CROSS_ENTROPY] = &cpu_token_cross_entropy,
            [OP_DROPOUT] = &cpu_dropout,
            [OP_GRID_ROWS] = &cpu_grid_rows,
            [OP_ATTENTION] = &cpu_attention,
            [OP_LSTM] = &cpu_lstm,
            [OP_LSTM_CELL] = &cpu_lstm_cell,
        },
};
