/* What a backend is, and what every operator computes. Included by nn/ only.
 *
 * Layouts. A tensor is either *plain* (NCHW row-major: parameters, states, spectral norms, everything of rank
 * 1-2, 3) or an *activation* of rank 4, whose layout is the backend's: a function of the shape alone, so that
 * no operator has to ask. ref: NCHW. cpu: channel blocks. Padding channels of a blocked activation are zero:
 * every kernel that writes one keeps them so. value_bytes() says how much room a tensor takes. All buffers
 * are 64-byte aligned.
 *
 * Pitch. Where a concat of channels begins with another concat (a DenseNet), the one that it begins with may
 * have no memory of its own: it is the first channels of the longer one, and the two are as far apart from
 * sample to sample (pixel to pixel, with channels last) as the longer one's are. call.pitch says of which
 * tensors that is so; only kernels with `pitched` meet any. Past the channels of such a tensor lie those of
 * the longer one, also in what would be padding: they may be read as anything finite, and must stay what they
 * are.
 *
 * Gradients. A call gets din[i] == NULL where the gradient of input i is not wanted. Where it is wanted, the
 * kernel stores into din[i], or adds to it where add[i] is true. dout is complete when backward is called.
 * Parameters' gradients follow the same rule.
 *
 * Replicas. A call sees its replica's rows of a batch, and what operators compute is said of the whole batch.
 * So those that mix rows (batch norm's moments and its gradient, the number of known targets or tokens) use
 * all_reduce where c->replicas > 1, and those that count rows (random, rotate) use call_row. A loss is that
 * of the rows that are there, scaled so that the mean of the replicas' is the loss. Gradients of parameters
 * are those of this replica's rows: a step adds them up once. A new operator needs a line in nn/placement.c.
 */
#ifndef NN_BACKEND_H
#define NN_BACKEND_H

#include "nn/group.h"
#include "nn/net.h"
#include "nn/sequence.h"

enum { NN_MAX_INPUTS = 8 };

/* Where the value of a node lies when the net has replicas; nn/placement.c. (The terms are those of PyTorch's
 * DTensor.) */
typedef enum placement {
    PLACE_REPLICATED, /* on each, the same: parameters, and what comes from them alone */
    PLACE_SHARDED,    /* sample i on replica i mod replicas */
    PLACE_PARTIAL     /* a scalar on each, whose mean is the value: losses */
} placement;

/* The attributes of a node; which ones an operator reads is said below. */
typedef struct attributes {
    nn_act act;
    int k, stride, pad;                /* conv, pool */
    bool upsample;                     /* conv */
    int kind;                          /* pool, global_pool, hinge, random, softmax: the public enum */
    int axis, first;                   /* concat, slice */
    bool transposed;                   /* linear */
    bool constant;                     /* reshape: no gradient goes through */
    float scale;                       /* softmax, attention */
    int heads;                         /* attention */
    bool causal;                       /* attention */
    bool state, reverse;               /* lstm: the input `state` is there; backwards in time */
    float rate;                        /* dropout */
    bool training;                     /* batch_norm; spectral_norm: update the vectors */
    float epsilon, momentum;           /* batch_norm, spectral_norm, layer_norm, normalize */
    float coefficients[NN_MAX_INPUTS]; /* sum */
    diff_augment_opts augment;
    uint64_t key; /* random */
} attributes;

typedef struct node {
    nn_op op;
    nn_shape_t shape; /* of the output on one replica */
    bool plain;       /* layout of the output; see above */
    placement place;
    int sample_rows; /* of PLACE_SHARDED: rows of axis 0 that one sample has */
    int n_in;
    struct node *in[NN_MAX_INPUTS];
    attributes a;
    char name[NN_NAME_BYTES]; /* for messages; the full name of a parameter or an input */
    int id;
    int parameter; /* index among the net's parameters and states, or -1 */
} node;

/* Whether backward of x may read the value of its input i, or its output. Memory that it may not read is
 * given to others before it runs. */
bool node_reads_input(const node *x, int i);
bool node_reads_output(const node *x);

/* The channels of the activation whose first channels a tensor of a call is; 0: it has memory of its own. */
typedef struct pitches {
    int in, out, din, dout; /* in, din: of input 0 */
} pitches;

/* The moments of one channel over (B,H,W): the squares are summed distances from the mean. */
typedef struct channel_moments {
    double mean, squares;
} channel_moments;

/* A node bound into a step. Kernels read `n` for shapes and attributes. */
typedef struct call {
    const node *n;
    const float *in[NN_MAX_INPUTS];
    float *state[NN_MAX_INPUTS]; /* writable alias of in[i] where in[i] is an nn_state; else NULL */
    float *out;
    const float *dout;
    float *din[NN_MAX_INPUTS];
    bool add[NN_MAX_INPUTS];
    pitches pitch;           /* known at plan time */
    const struct call *norm; /* known at plan time: this call absorbs that one; see kernel.absorbs; or NULL */
    const float *addend;     /* added to what forward stores; see kernel.adds; or NULL */
    bool backward;           /* known at plan time: this call will run backward */
    bool wants[NN_MAX_INPUTS]; /* known at plan time: din[i] will not be NULL */
    size_t saved_bytes;   /* plan asks: lives from this call's forward to its backward, which may change it */
    size_t scratch_bytes; /* plan asks: lives during one forward or one backward */
    void *saved, *scratch;
    channel_moments *moments; /* batch norms in training whose inputs begin alike leave them here, one a
                                 channel; or NULL */
    int known;                /* how many of them an earlier call has left */
    void *plan;               /* plan may allocate; unplan frees */
    uint64_t t;               /* of step_run */
    int replicas;             /* more than 1: rows of the batch are on that many; see call_row, all_reduce */
    int rank;                 /* of this one among them */
    double flops;             /* plan says: forward plus the wanted backward, multiply-adds times two */
} call;

/* Which row of the whole batch row `row` of the output is. */
static inline size_t call_row(const call *c, size_t row)
{
    return c->replicas > 1 ? row * (size_t)c->replicas + (size_t)c->rank : row;
}

typedef struct backend backend; /* a backend's context: its threads, streams, engine */
typedef struct capture capture; /* a backend's record of a run of calls */

typedef struct kernel {
    err (*plan)(backend *b, call *c);    /* NULL: nothing to plan */
    void (*unplan)(backend *b, call *c); /* NULL: nothing to free */
    err (*forward)(backend *b, const call *c);
    err (*backward)(backend *b, const call *c); /* NULL: has no gradient */

    /* The output of the last forward once more, with nothing else changed: between that forward and backward,
     * which does not read the output. NULL: it cannot. */
    err (*again)(backend *b, const call *c);
    bool pitched; /* input 0, its gradient, and of a concat the output and its gradient, may have a pitch */

    /* Whether the call, which will not run backward, can do without input 0 in memory where that is the
     * output of a batch norm that is not training and has one gain per channel. Then call.norm is that one's
     * call: it is neither planned nor run, and what it would have read is there while this one runs; in[0] is
     * NULL. Asked before plan. NULL: never. */
    bool (*absorbs)(backend *b, const call *c);

    /* Whether forward can add another tensor like its output, call.addend, to what it stores. Asked before
     * plan. NULL: never. */
    bool (*adds)(backend *b, const call *c);
} kernel;

/* The constants of one Adam update of step t (from 1): m = b1 m + (1-b1) g; v = b2 v + (1-b2) g^2;
 * w -= rate * (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + epsilon). g is scaled by grad_scale first. */
typedef struct adam_update {
    float rate, beta1, beta2, epsilon, correction1 /* 1-b1^t */, correction2 /* 1-b2^t */;
    float weight_decay, grad_scale;
} adam_update;

struct backend_i {
    const char *name;
    err (*open)(const nn_device *device, backend **out); /* ERR_UNAVAILABLE for a precision that it lacks */
    void (*close)(backend *b);

    /* Makes an opened backend a replica of a group; all of the group's do, each on its own thread, which is
     * the one that uses it from then on. NULL, both, where a backend has no replicas. */
    err (*join)(backend *b, replica_group *g, int rank);

    /* x (n) = the sum of the replicas' x, which have the same n, in the order of the backend's other work. */
    err (*all_reduce)(backend *b, float *x, size_t n);

    /* Device memory, 64-byte aligned, zeroed. */
    err (*allocate)(backend *b, size_t bytes, void **out);
    void (*release)(backend *b, void *memory);

    /* Bytes of a tensor in the backend's layout (plain or activation). */
    size_t (*value_bytes)(backend *b, const nn_shape_t *shape, bool plain);

    /* Whether the first channels of an activation of shape `whole` lie as one of shape `part` does, but for
     * the pitch. NULL: never. */
    bool (*holds_part)(backend *b, const nn_shape_t *whole, const nn_shape_t *part);

    /* Whether several cores share the work of a call, each with a part of every tensor of its own. NULL: no.
     */
    bool (*shares_work)(backend *b);

    /* Host (NCHW) to device layout and back. */
    err (*upload)(backend *b, const nn_shape_t *shape, bool plain, const float *host, float *device);
    err (*download)(backend *b, const nn_shape_t *shape, bool plain, const float *device, float *host);

    /* Vector functions over plain memory of n floats. */
    err (*fill)(backend *b, float *x, size_t n, float value);
    err (*adam)(backend *b, float *w, const float *g, float *m, float *v, size_t n, const adam_update *u);
    err (*sgd)(backend *b, float *w, const float *g, float *velocity, size_t n, float rate, float momentum,
               float weight_decay, float grad_scale);
    err (*ema)(backend *b, float *average, const float *w, size_t n, float decay);
    err (*swap)(backend *b, float *x, float *y, size_t n);
    err (*sum_squares)(backend *b, const float *x, size_t n, double *out); /* accumulated in double */

    /* Returns when all that was called has been done. NULL: calls return when they are done. */
    err (*wait)(backend *b);

    /* Replaying a run of calls as one (nn/capture.c). NULL, all four, where a backend cannot. Between begin
     * and end forward, backward and fill only record; what is called must have run before, and all memory
     * that it uses must stay where it is. end leaves the mode also after a call that failed, with *out NULL.
     * In a replay `t` takes the place of call.t. */
    err (*capture_begin)(backend *b);
    err (*capture_end)(backend *b, capture **out);
    err (*capture_replay)(backend *b, capture *c, uint64_t t);
    void (*capture_close)(capture *c); /* NULL is fine */

    const kernel *const ops[OP_COUNT]; /* [OP_INPUT] and [OP_PARAMETER] are NULL */
};

/* Output derivative of an activation, from the output value y: relu' = y>0, leaky' = y>0 ? 1 : 0.2, tanh' =
 * 1-y^2, sigmoid' = y(1-y). All activations here can be differentiated from their output, but for gelu: it is
 * only in ACTIVATION, whose backward then reads its input. */

/* ---- what the operators compute ---- */

/* In: in[0], in[1], ... Out: the node's output. "act" is a.act, applied last.
 *
 * RANDOM: out = rng_fill_uniform / rng_fill_normal (base/rng.h) with key a.key, index c->t. kind:
 * distribution.
 *
 * CONV: in x (B,C,H,W), w (O,C,k,k) plain, [b (O) plain]; cross-correlation, zero padding a.pad, a.stride.
 * out = act(x * w + b). With a.upsample x is first upsampled as by UPSAMPLE (k 3, stride 1, pad 1).
 *
 * LINEAR: in x (B,I) or (B,T,I), w (O,I), [b (O)]. out (B,O) or (B,T,O) = act(x w^T + b). transposed: w is
 * (I,O), and out = act(x w + b).
 *
 * BATCH_NORM: in x (B,C,H,W) or (B,C), gain, bias, running_mean (C), running_var (C). gain and bias are both
 * (C) or both (B,C). training: mean and biased variance over (B,H,W) of the batch; out = act(gain * (x-mean)
 * / sqrt(var+epsilon) + bias); running_mean, running_var (state[3], state[4]) move by a.momentum towards the
 * batch's mean and *unbiased* variance. Not training: uses the running ones, and backward treats them as
 * constants. Gradients: x, gain, bias.
 *
 * FOLD_NORM: in w (C,..) plain, gain (C), running_var (C). out, plain, = w * gain / sqrt(var+epsilon), row by
 * row: what a batch norm that is not training does to a convolution's weights. Gradients: w, gain.
 *
 * ACTIVATION: out = act(x).
 *
 * SUM: out = sum_i a.coefficients[i] * in[i]. All inputs and the output have one shape and one layout.
 *
 * ROW_DOT: in a, b (B,D). out (B,1) = sum_d a b.
 *
 * UPSAMPLE: nearest, twice: out[y][x] = in[y/2][x/2]. Backward sums the four.
 *
 * POOL: max or average over k x k windows, stride, pad. Max: the first maximum in row-major order gets the
 * gradient; padding is minus infinity. Average: the divisor counts only elements inside the image.
 *
 * GLOBAL_POOL: (B,C,H,W) -> (B,C): sum or mean over H, W.
 *
 * CONCAT: along a.axis 0 (batch), 1 (channels), or 2 of rank 3.
 *
 * SLICE: elements a.first .. a.first + shape.d[a.axis] - 1 of a.axis, which is 0 where rank is 4.
 *
 * RESHAPE: same elements in NCHW order; between all ranks in any direction.
 *
 * SPECTRAL_NORM: in w (any rank, plain), u (d[0]), v (rest) states. With W = w as (d[0], rest): if training,
 * v = W^T u / max(|W^T u|, eps), u = W v / max(|W v|, eps) (stored back; one iteration, as PyTorch and
 * Miyato et al. 2018); sigma = u^T W v; out = w / sigma, plain. Backward, u and v constant: dw = (dout -
 * <dout, out> u v^T) / sigma.
 *
 * DIFF_AUGMENT: in x (B,C,H,W), t (B,6) uniform; per sample: brightness x += t0 - 0.5; contrast x = m +
 * (x-m)(t1+0.5), m the mean of the sample after brightness, differentiated through; translation by dx =
 * floor(t2 (2s+1)) - s to the right and dy (from t3) down, s = round(H/8), zeros come in; cutout: the square
 * of side H/2 whose top left corner is floor(t4 (H+1)) - H/4, floor(t5 (W+1)) - W/4 as (row, column),
 * clipped, becomes 0. Each only if its flag in a.augment is set. Gradient: x only.
 *
 * ROTATE: sample b is turned anticlockwise by (b mod 4) * 90 degrees, H = W: one quarter turn is out[y][x] =
 * in[x][W-1-y].
 *
 * HINGE: in logits (any shape). REAL: mean max(0, 1-x); FAKE: mean max(0, 1+x); GENERATOR: -mean x. out (1).
 *
 * SOFTMAX_CROSS_ENTROPY: in logits, targets (B,K), targets >= 0, rows need not sum to 1: out = -(1/B) sum_b
 * sum_k t log softmax(x)_k. A row of zero targets contributes nothing (an unlabelled sample). Gradient:
 * logits only.
 *
 * BINARY_CROSS_ENTROPY: in logits, targets (B,K) in [0,1] or NaN: mean over the known ones of max(x,0) - x t
 * + log(1+exp(-|x|)); 0 if none is known. Gradient: logits only. */

/* ---- on sequences and rows: all tensors are plain, of rank 1 to 3 ---- */

/* MULTIPLY: in a, b of one shape. out = a b, element by element.
 *
 * REPEAT: in of rank 1 or 2. out has one axis more, a.axis, along which every element is repeated.
 *
 * EMBEDDING: in ids (B) or (B,T), table (V,E). out (B,E) or (B,T,E): row ids[b][t] of the table; zeros for an
 * id that is not in 0 .. V-1 (padding), or NaN. Gradient: table only.
 *
 * GATHER: in x (B,T,D), at (B). out (B,D) = row at[b] of sample b; zeros where that is not in 0 .. T-1, or
 * NaN. Gradient: x only.
 *
 * LAYER_NORM: in x (..,D), gain (D), bias (D). Each row: out = gain (x - mean) / sqrt(var + a.epsilon) +
 * bias, with the biased variance.
 *
 * NORMALIZE: in x (..,D). Each row: out = x / max(|x|, a.epsilon).
 *
 * SOFTMAX: in x (..,K), [u of the same shape, uniform in [0,1)]. Of each row, z = a.scale (x + g), g =
 * -log(-log u), or 0 without u (u = 0 counts as 2^-33). kind PLAIN: out = softmax(z); LOG: its logarithm;
 * HARD: 1 at the first largest z, 0 elsewhere, with the gradient of PLAIN (straight-through). Gradient: x
 * only.
 *
 * TOKEN_CROSS_ENTROPY: in logits (N,V) or (B,T,V), ids (N) or (B,T), [weights (N) or (B), not negative]. out
 * (1) = sum w (log sum exp(x) - x[id]) / sum w over the rows whose id is in 0 .. V-1; other ids, and NaN, do
 * not count; 0 if none does. Gradient: logits only.
 *
 * DROPOUT: in x, u of the same shape, uniform in [0,1). out = x / (1 - a.rate) where u >= a.rate, else 0.
 * Gradient: x only.
 *
 * GRID_ROWS: in (B,C,H,W), out (B,H*W,C): a row for each pixel, in row-major order; or in (B,H*W,C), out
 * (B,C,H,W).
 *
 * ATTENTION: in q (B,Tq,D), k (B,Tk,D), v (B,Tk,V), [lengths (B)]. Head h has the columns h D/heads .. of q
 * and k, and h V/heads .. of v and of out (B,Tq,V). Per sample and head: out = softmax(a.scale q k^T) v, the
 * softmax of each row over the keys that its query sees: those before the sample's length (all, without
 * lengths), and with a.causal (Tq = Tk) none after the query. Lengths are cut to 0 .. Tk, NaN is 0; a query
 * that sees no key gives zeros. Gradient: q, k, v.
 *
 * LSTM: in x (B,T,I), weight_ih (4H,I), weight_hh (4H,H), bias_ih, bias_hh (4H), [state (B,2H) if a.state],
 * [lengths (B)]. Gates in PyTorch's order: i, f, g, o = x weight_ih^T + bias_ih + h weight_hh^T + bias_hh; c'
 * = sigmoid(f) c + sigmoid(i) tanh(g); h' = sigmoid(o) tanh(c'). It starts with h and c, side by side in
 * `state`, or zeros. out (B,T,H) = the h' of every time. A sample has its first length times only (cut to 0
 * .. T, NaN is 0; all, without lengths): after them out is zero and nothing changes. a.reverse: from a
 * sample's last time to its first. Gradients: all but lengths.
 *
 * LSTM_CELL: in x (B,I), the weights of LSTM, state (B,2H). out (B,2H): h' and c' side by side after one
 * time. a.state is true. */

#endif
