/* What the files of nn/cpu share: the layout of activations, and the split of work between threads. Only
 * nn/cpu includes it.
 *
 * Layout. An activation (B,C,H,W) with C >= 8 lies as [B][blocks][H*W][width], channel c in block c / width
 * at lane c % width: oneDNN's nChw8c (nChw16c with AVX-512), the layout of its fastest convolutions. Lanes
 * past C are zero. With C < 8 (images) it is NCHW, which is the same with a width of 1. A plain (N,D) is one
 * block of width D. In bf16 activations with C >= 8 have elements of two bytes (cells.h), and where the
 * processor multiplies tiles (AMX) they lie as NHWC, one block of width C, since oneDNN's tile kernels want
 * that. So one set of loops serves all four. */
#ifndef NN_CPU_CPU_H
#define NN_CPU_CPU_H

#include "base/kernel.h"
#include "nn/backend.h"

#include <dnnl.h>

enum { CPU_MIN_BLOCKED = 8 }; /* fewer channels than this are not worth a padded block */

struct backend {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    int width;            /* channels per block: 16 with AVX-512, else 8 */
    bool half;            /* activations of 8 channels or more are bf16 */
    bool interleaved;     /* and NHWC */
    replica_group *group; /* NULL: no replicas */
    int rank;
};

/* How a tensor lies in memory: [n][blocks][area][lanes]. */
typedef struct view {
    int n, channels, blocks, height, width;
    int lanes;   /* elements per pixel of a block */
    bool half;   /* elements are bf16, else float */
    size_t area; /* height * width */
    /* Elements from a sample to the next, and from a pixel of a block to the next: more than there are where
     * a tensor is the first channels of another (cpu_view_pitched). Only then do they differ from view_sample
     * and lanes, which is all that kernels without `pitched` look at. */
    size_t sample_pitch, pixel_pitch;
} view;

view cpu_view(const backend *b, const nn_shape_t *shape, bool plain);
view cpu_view_of(const backend *b, const node *n);
view cpu_view_pitched(const backend *b, const node *n, int pitch); /* pitch: as in call.pitch */

static inline size_t view_slab(const view *v) /* elements of one block of one sample */
{
    return v->area * (size_t)v->lanes;
}

static inline size_t view_sample(const view *v)
{
    return view_slab(v) * (size_t)v->blocks;
}

static inline size_t view_cells(const view *v)
{
    return view_sample(v) * (size_t)v->n;
}

static inline size_t view_bytes(const view *v)
{
    return view_cells(v) * (v->half ? sizeof(uint16_t) : sizeof(float));
}

static inline int view_slabs(const view *v)
{
    return v->n * v->blocks;
}

/* Element at which slab `s` of view_slabs starts. */
static inline size_t view_slab_at(const view *v, int s)
{
    return (size_t)(s / v->blocks) * v->sample_pitch + (size_t)(s % v->blocks) * view_slab(v);
}

/* Channels with their padding: the length of a table of one value per channel in block order. */
static inline size_t view_padded(const view *v)
{
    return (size_t)v->blocks * (size_t)v->lanes;
}

/* Lanes of block `k` that are real channels. */
static inline int view_used(const view *v, int k)
{
    int left = v->channels - k * v->lanes;
    return left < v->lanes ? left : v->lanes;
}

/* Element `i` of a tensor. oneDNN, and kernels that share a signature, want what they only read as not const.
 */
static inline void *view_at(const view *v, const void *x, size_t i)
{
    return (char *)x + i * (v->half ? sizeof(uint16_t) : sizeof(float));
}

static inline bool view_is_plain(const view *v) /* memory is floats in NCHW order */
{
    return !v->half && (v->lanes == 1 || (v->area == 1 && v->lanes == v->channels));
}

/* The part of n elements that the calling thread of a parallel region works on: whole cache lines, the same
 * for every run with the same number of threads. */
void cpu_share(size_t n, size_t *first, size_t *end);

/* layout.c: between the layout of a view and NCHW order. `add` adds to the destination. */
void cpu_to_plain(const view *v, const void *from, float *to, bool add);
void cpu_from_plain(const view *v, const float *from, void *to, bool add);

/* vector.c: in parallel, over bytes, or over n elements that are all floats or all bf16. */
void cpu_copy(void *y, const void *x, size_t bytes);
void cpu_zero(void *y, size_t bytes);
void cpu_scale(bool half, void *y, const void *x, float a, size_t n, bool add); /* y = a x, or y += a x */
void cpu_store(bool half, void *y, const void *x, size_t n, bool add);          /* y = x, or y += x */
/* y[r] = x[r], or y[r] += x[r], for rows of `width` floats that start every y_stride and x_stride floats. */
void cpu_store_rows(float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows, size_t width,
                    bool add);
void cpu_column_sums(float *y, const float *x, int rows, int columns, bool add); /* (rows, columns) */
double cpu_dot(const float *x, const float *y, size_t n); /* by the calling thread alone, in double */
double cpu_parallel_dot(const float *x, const float *y,
                        size_t n); /* the same bits for any number of threads */

/* global_pool.c: out (C) = sums over samples and pixels of an activation; slab_sums has n * padded floats. */
void cpu_channel_sums(const view *v, const void *x, float *slab_sums, float *out, bool add);

/* activation.c: y += bias (C) per channel; padding stays as it is. */
void cpu_add_bias(const view *v, void *y, const float *bias);

/* activation.c: over n elements, in parallel; y may be x, and dx may be dy. Zeros stay zero except under
 * ACT_SIGMOID; cpu_clear_padding restores them. */
void cpu_activate(nn_act act, bool half, void *y, const void *x, size_t n);
void cpu_activate_backward(nn_act act, bool half, void *dx, const void *y, const void *dy, size_t n,
                           bool add);
void cpu_clear_padding(const view *v, void *y);

/* Row-major c (m,n) = alpha op(a) op(b), or c += that, by oneDNN; 'N' or 'T' for op. False: it could not.
 * Against OpenBLAS it is a fifth faster on large matrices, and two to three times on small ones or few rows.
 */
static inline bool cpu_matmul(char on_a, char on_b, int m, int n, int k, float alpha, const float *a, int lda,
                              const float *b, int ldb, bool add, float *c, int ldc)
{
    return dnnl_sgemm(on_a, on_b, m, n, k, alpha, a, lda, b, ldb, add ? 1 : 0, c, ldc) == dnnl_success;
}

static inline err cpu_matmul_done(bool fine)
{
    return fine ? OK : err_set(ERR_SYSTEM, "oneDNN could not multiply two matrices");
}

/* softmax.c: the largest of a row, and the softmax of a row in place, given that; returns log sum exp. */
float cpu_largest(const float *x, size_t n);
float cpu_softmax_row(float *x, size_t n, float most);

/* A length as an input gives it: 0 to most; NaN is 0. */
static inline int cpu_length(float length, int most)
{
    return !(length > 0) ? 0 : length < (float)most ? (int)length : most;
}

/* gelu.c: over n floats, in parallel. */
void cpu_gelu(float *y, const float *x, size_t n);
void cpu_gelu_backward(float *dx, const float *x, const float *dy, size_t n, bool add);

/* vector.c: the vector functions of backend_i. */
err cpu_fill(backend *b, float *x, size_t n, float value);
err cpu_adam(backend *b, float *w, const float *g, float *m, float *v, size_t n, const adam_update *u);
err cpu_sgd(backend *b, float *w, const float *g, float *velocity, size_t n, float rate, float momentum,
            float weight_decay, float grad_scale);
err cpu_ema(backend *b, float *average, const float *w, size_t n, float decay);
err cpu_swap(backend *b, float *x, float *y, size_t n);
err cpu_sum_squares(backend *b, const float *x, size_t n, double *out);

err cpu_all_reduce(backend *b, float *x, size_t n); /* cpu.c */

/* One file per operator. */
extern const kernel cpu_random, cpu_conv, cpu_linear, cpu_batch_norm, cpu_fold_norm, cpu_activation, cpu_sum,
    cpu_row_dot, cpu_upsample, cpu_pool, cpu_global_pool, cpu_concat, cpu_slice, cpu_reshape,
    cpu_spectral_norm, cpu_diff_augment, cpu_rotate, cpu_hinge, cpu_softmax_cross_entropy,
    cpu_binary_cross_entropy;
extern const kernel cpu_multiply, cpu_repeat, cpu_embedding, cpu_gather, cpu_layer_norm, cpu_normalize,
    cpu_softmax, cpu_token_cross_entropy, cpu_dropout, cpu_grid_rows, cpu_attention, cpu_lstm, cpu_lstm_cell;

#endif
