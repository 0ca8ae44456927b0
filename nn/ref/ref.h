/* What the files of nn/ref share. Only nn/ref includes it.
 *
 * The oracle: one plain loop per formula of nn/backend.h, every sum in double, every result rounded once.
 * Activations are NCHW, so layouts are copies. Loops run in parallel only where each result belongs to one
 * iteration, so the number of threads cannot change a bit. */
#ifndef NN_REF_REF_H
#define NN_REF_REF_H

#include "nn/backend.h"

struct backend {
    replica_group *group; /* NULL: no replicas */
    int rank;
};

/* activation.c: act(x), and its derivative from the output value y. NaN stays NaN. */
double ref_activate(nn_act act, double x);
double ref_slope(nn_act act, double y);

/* The derivative by what enters the call's activation: dout[i] * act'(out[i]). */
static inline double ref_before_activation(const call *c, size_t i)
{
    return c->n->a.act == ACT_NONE ? c->dout[i] : c->dout[i] * ref_slope(c->n->a.act, c->out[i]);
}

/* Stores a gradient, or adds to it. */
static inline void ref_store(float *at, double value, bool add)
{
    *at = (float)(add ? *at + value : value);
}

/* A tensor seen as (B,C,area): area is H*W of a rank 4, 1 of a rank 2. */
typedef struct ref_planes {
    size_t batch, channels, area;
} ref_planes;

static inline ref_planes ref_planes_of(const nn_shape_t *s)
{
    size_t area = s->rank == 4 ? (size_t)s->d[2] * (size_t)s->d[3] : 1;
    return (ref_planes){(size_t)s->d[0], (size_t)s->d[1], area};
}

/* A length as an input gives it: 0 to most; NaN is 0. */
static inline size_t ref_length(float length, size_t most)
{
    return !(length > 0) ? 0 : length < (float)most ? (size_t)length : most;
}

/* vector.c: the vector functions of backend_i. */
err ref_fill(backend *b, float *x, size_t n, float value);
err ref_adam(backend *b, float *w, const float *g, float *m, float *v, size_t n, const adam_update *u);
err ref_sgd(backend *b, float *w, const float *g, float *velocity, size_t n, float rate, float momentum,
            float weight_decay, float grad_scale);
err ref_ema(backend *b, float *average, const float *w, size_t n, float decay);
err ref_swap(backend *b, float *x, float *y, size_t n);
err ref_sum_squares(backend *b, const float *x, size_t n, double *out);
err ref_all_reduce(backend *b, float *x, size_t n);

extern const kernel ref_random, ref_conv, ref_linear, ref_batch_norm, ref_fold_norm, ref_activation, ref_sum,
    ref_row_dot, ref_upsample, ref_pool, ref_global_pool, ref_concat, ref_slice, ref_reshape,
    ref_spectral_norm, ref_diff_augment, ref_rotate, ref_hinge, ref_softmax_cross_entropy,
    ref_binary_cross_entropy;
extern const kernel ref_multiply, ref_repeat, ref_embedding, ref_gather, ref_layer_norm, ref_normalize,
    ref_softmax, ref_token_cross_entropy, ref_dropout, ref_grid_rows, ref_attention, ref_lstm, ref_lstm_cell;

#endif
