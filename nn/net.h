/* The engine's public API: a net is a static tape of coarse operators on one backend.
 *
 * Record a forward pass once, at fixed shapes; compile it into steps; run the steps. A model in ten lines:
 *
 *     net *n;                                        TRY(net_open(nn_on(&be_cpu), seed, &n));
 *     nn_t x = nn_input(n, "x", nn_shape(2, 32, 784));
 *     nn_t y = nn_input(n, "y", nn_shape(2, 32, 10));
 *     nn_t h = nn_linear(n, x, (linear_opts){.name = "C/hidden", .out = 128, .bias = true, .act = ACT_RELU});
 *     nn_t o = nn_linear(n, h, (linear_opts){.name = "C/out", .out = 10, .bias = true});
 *     nn_t loss = nn_softmax_cross_entropy(n, o, y);
 *     step *s;                                       TRY(net_compile(n, &loss, 1, "C/", &s));
 *     optimizer *a;                                  TRY(optimizer_open(n, "C/", adam, &a));
 *     for (uint64_t t = 0; t < steps; t++) { fill x, y with nn_set; TRY(step_run(s, t));
 * TRY(optimizer_apply(a)); }
 *
 * Recording never fails at the call: a bad shape or a full memory marks the net, later builders return a
 * harmless node, and net_compile reports the first mistake with the node's name. Shapes are NCHW and
 * row-major in every function of this header; the backend keeps activations in whatever layout it likes. A
 * net and all that hangs on it belongs to one thread. */
#ifndef NN_NET_H
#define NN_NET_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct backend_i backend_i; /* nn/backend.h */
extern const backend_i be_ref;      /* plain loops, double accumulators: the oracle */
extern const backend_i be_cpu;      /* oneDNN and OpenBLAS */

/* How numbers are kept and multiplied. Parameters, their gradients and the optimizers' vectors are fp32 in
 * each. */
typedef enum nn_precision {
    NN_FP32,
    NN_TF32, /* products with 10-bit mantissas, sums in fp32: CUDA only */
    NN_BF16  /* activations kept and multiplied in bfloat16, sums in fp32 */
} nn_precision;

/* Where a net lives.
 *
 * With several replicas each device holds the whole model and computes on a share of every batch, and a step
 * leaves the values, gradients and states that one device would have left, up to rounding. All of this header
 * speaks of the whole batch. What carries a batch, on axis 0, is every nn_input and nn_random and what is
 * computed from them; what is computed from parameters alone is the same on every replica, until nn_repeat
 * gives it to every sample. Sample i lies on replica i mod replicas. So batches, and the bounds of slices of
 * them, must be multiples of the number of replicas (ERR_CONFIG by net_compile); and nothing but batch norm
 * and losses may mix samples, and losses can only be added up (ERR_UNAVAILABLE). */
typedef struct nn_device {
    const backend_i *backend;
    nn_precision precision;
    int index;    /* which GPU; 0 elsewhere */
    int replicas; /* 0 or 1: one device; n: the GPUs index .. index+n-1, elsewhere n threads of a core each */
} nn_device;
enum { NN_MAX_REPLICAS = 16 };

/* The first device of a backend, in fp32. */
static inline nn_device nn_on(const backend_i *backend)
{
    return (nn_device){.backend = backend};
}

typedef struct net net;
typedef struct step step;
typedef struct optimizer optimizer;

typedef struct nn_t {
    int id; /* index of a node of the net it was recorded in; nothing to free */
} nn_t;

enum { NN_MAX_RANK = 4, NN_NAME_BYTES = 96 };

typedef struct nn_shape_t {
    int rank; /* 1..4 */
    int d[NN_MAX_RANK];
} nn_shape_t;

nn_shape_t nn_shape(int rank, ...);       /* nn_shape(4, B, C, H, W) */
size_t nn_count(const nn_shape_t *shape); /* number of elements */

/* ---- nets ------------------------------------------------------------------------------------------------
 */

/* Opens an empty net on a device. `seed` keys initial weights and every nn_random. The net owns all its
 * nodes, parameters and steps; net_close frees them (NULL is fine). ERR_UNAVAILABLE if there is no such
 * device, or it cannot do that precision; ERR_USAGE for more than NN_MAX_REPLICAS; ERR_SYSTEM. */
err net_open(nn_device device, uint64_t seed, net **out);
void net_close(net *n);

/* Names of parameters are prefixed by the scopes entered, joined by '/': enter("D"), enter("block%d", 2),
 * parameter "conv.weight" is "D/block2/conv.weight". The first component is the training scope ("D/"). */
void nn_enter(net *n, const char *format, ...) __attribute__((format(printf, 2, 3)));
void nn_leave(net *n);

nn_shape_t nn_shape_of(const net *n, nn_t x);

/* ---- leaves ----------------------------------------------------------------------------------------------
 */

/* A tensor that nn_set fills; zero until then. Recording the same name again returns the same node (shapes
 * must agree). Never receives a gradient. */
nn_t nn_input(net *n, const char *name, nn_shape_t shape);

typedef enum nn_init {
    INIT_ZEROS,
    INIT_ONES,
    INIT_NORMAL,      /* N(0, scale^2) */
    INIT_HE,          /* N(0, 2/fan_in), He et al. 2015; fan_in = elements / d[0] */
    INIT_GLOROT,      /* U(+-sqrt(6/(fan_in+fan_out))), Glorot & Bengio 2010 */
    INIT_ORTHOGONAL,  /* Saxe et al. 2014, over (d[0], rest); what StudioGAN uses for both networks */
    INIT_UNIT_NORMAL, /* normal, scaled to length 1: the start of spectral norm's vectors */
    INIT_UNIFORM      /* U(+-scale) */
} nn_init;

typedef struct init_opts {
    nn_init kind;
    float scale; /* for INIT_NORMAL and INIT_UNIFORM; 0 means 1 */
} init_opts;

/* A trainable parameter named scope/name. Recording it again returns the same node (shapes must agree). Its
 * initial value depends on the net's seed and its full name only, not on the order of recording. */
nn_t nn_parameter(net *n, const char *name, nn_shape_t shape, init_opts init);

/* As nn_parameter, but saved state that an operator updates (running means, spectral vectors), never trained.
 */
nn_t nn_state(net *n, const char *name, nn_shape_t shape, init_opts init);

typedef enum nn_distribution { DISTRIBUTION_UNIFORM, DISTRIBUTION_NORMAL } nn_distribution;

/* Fresh random numbers at every run: uniform in [0,1) or standard normal, keyed by (net seed, purpose, t of
 * step_run). Rank 1 to 3. */
nn_t nn_random(net *n, const char *purpose, nn_shape_t shape, nn_distribution distribution);

/* ---- operators: what each computes is said in nn/backend.h
 * ---------------------------------------------------- */

typedef enum nn_act {
    ACT_NONE,
    ACT_RELU,
    ACT_LEAKY_RELU, /* slope 0.2 */
    ACT_TANH,
    ACT_SIGMOID,
    ACT_GELU /* Hendrycks & Gimpel 2016, by erf as in PyTorch; of rank 1 to 3, and not within a conv or norm
              */
} nn_act;

typedef struct conv_opts {
    const char *name; /* parameters name.weight (O,C,k,k) and name.bias (O) */
    int out, k;       /* output channels, kernel size */
    int stride;       /* 0 means 1 */
    int pad;          /* zeros on each side; PAD_SAME (0 by default) means k/2, PAD_NONE means 0 */
    bool bias;
    nn_act act;
    bool upsample;        /* convolve nn_upsample(x), without making it: k = 3, stride 1, pad 1 only */
    bool spectral_norm;   /* divide the weight by its largest singular value */
    bool frozen_spectral; /* use the stored singular vectors without updating them (evaluation) */
    init_opts init;       /* of the weight; INIT_ZEROS (the default) means INIT_HE */
} conv_opts;
enum { PAD_SAME = 0, PAD_NONE = -1 };

/* (B,C,H,W) -> (B,out,H',W'), H' = (H + 2 pad - k)/stride + 1; with upsample (B,out,2H,2W). */
nn_t nn_conv(net *n, nn_t x, conv_opts o);

typedef struct linear_opts {
    const char *name; /* parameters name.weight (out, in) and name.bias (out) */
    int out;
    bool bias;
    nn_act act;
    bool spectral_norm, frozen_spectral;
    init_opts init;      /* of the weight; INIT_ZEROS (the default) means INIT_HE */
    init_opts bias_init; /* INIT_ZEROS by default; INIT_ONES for the gain of a conditional batch norm */
} linear_opts;

/* (B,I) -> (B,out), or (B,T,I) -> (B,T,out): y = x W^T + b. */
nn_t nn_linear(net *n, nn_t x, linear_opts o);

/* The same of a weight (out,in) and a bias (out; NULL: none) that are nodes: parameters of other names, or
 * parts of one. */
nn_t nn_linear_with(net *n, nn_t x, nn_t weight, const nn_t *bias, nn_act act);

typedef struct batch_norm_opts {
    const char
        *name;     /* parameters name.weight, name.bias; state name.running_mean, name.running_var, all (C) */
    bool training; /* true: statistics of the batch, and the running ones move; false: the running ones */
    float epsilon; /* 0 means 1e-5 */
    float momentum; /* 0 means 0.1: running = 0.9 running + 0.1 batch (PyTorch's convention) */
    nn_act act;     /* ACT_NONE or ACT_RELU, applied after */
} batch_norm_opts;

/* (B,C,H,W) or (B,C), same shape out. */
nn_t nn_batch_norm(net *n, nn_t x, batch_norm_opts o);

/* nn_batch_norm of nn_conv, where nothing else reads the convolution, which has no activation. Not training,
 * it is one convolution, with the norm in its weights: equal up to rounding, and a pass over the images less.
 */
nn_t nn_conv_norm(net *n, nn_t x, conv_opts conv, batch_norm_opts norm);

/* Conditional batch norm: gain and bias are nodes of shape (B,C); name gives only the running statistics. */
nn_t nn_conditional_batch_norm(net *n, nn_t x, nn_t gain, nn_t bias, batch_norm_opts o);

nn_t nn_activation(net *n, nn_t x, nn_act act);
nn_t nn_add(net *n, nn_t a, nn_t b);
/* sum_i coefficient[i] * x[i], all of one shape, 1 <= count <= 8. */
nn_t nn_weighted_sum(net *n, const nn_t *x, const float *coefficients, int count);
nn_t nn_row_dot(net *n, nn_t a, nn_t b); /* (B,D),(B,D) -> (B,1) */
nn_t nn_upsample(net *n, nn_t x);        /* nearest, (B,C,H,W) -> (B,C,2H,2W) */

typedef enum nn_pool_kind { POOL_MAX, POOL_AVERAGE } nn_pool_kind;
nn_t nn_pool(net *n, nn_t x, nn_pool_kind kind, int k, int stride, int pad);
typedef enum nn_global_pool_kind { GLOBAL_SUM, GLOBAL_AVERAGE } nn_global_pool_kind;
nn_t nn_global_pool(net *n, nn_t x, nn_global_pool_kind kind); /* (B,C,H,W) -> (B,C) */

nn_t nn_concat(net *n, const nn_t *x, int count, int axis); /* axis 0 or 1, or 2 of rank 3; 2 <= count <= 8 */
nn_t nn_slice(net *n, nn_t x, int first, int count);        /* rows first.. of axis 0 */
nn_t nn_reshape(net *n, nn_t x, nn_shape_t shape);          /* same elements in NCHW order */
nn_t nn_detach(net *n, nn_t x);                             /* x as a constant: no gradient goes through */

/* w / sigma(w), w seen as (d[0], rest); state name.u (d[0]) and name.v (rest). Recorded once per (w, frozen).
 */
nn_t nn_spectral_norm(net *n, nn_t w, const char *name, bool frozen);

typedef struct diff_augment_opts {
    bool brightness, contrast, translation, cutout;
} diff_augment_opts;
/* Zhao et al., "Differentiable augmentation", NeurIPS 2020. t is (B,6), uniform in [0,1). */
nn_t nn_diff_augment(net *n, nn_t x, nn_t t, diff_augment_opts o);

nn_t nn_rotate(net *n,
               nn_t x); /* sample b of a square image is turned by (b mod 4) quarter turns, anticlockwise */

typedef enum nn_hinge_kind { HINGE_REAL, HINGE_FAKE, HINGE_GENERATOR } nn_hinge_kind;
nn_t nn_hinge(net *n, nn_t logits, nn_hinge_kind kind);           /* -> (1) */
nn_t nn_softmax_cross_entropy(net *n, nn_t logits, nn_t targets); /* (B,K),(B,K) -> (1) */
nn_t nn_binary_cross_entropy(net *n, nn_t logits, nn_t targets);  /* (B,K),(B,K), NaN = unknown -> (1) */

/* ---- steps
 * -------------------------------------------------------------------------------------------------- */

/* Builds the program that computes keep[0..n_keep). With train_scope ("D/"), keep[0] must be a scalar loss,
 * and running the step also leaves its gradient for every parameter of that scope (and only those). The
 * values in keep can be read after step_run; all others share one arena. Reports the net's first recording
 * mistake with the node's name: ERR_INTERNAL, or one of nn_device's. The net owns the step. */
err net_compile(net *n, const nn_t *keep, int n_keep, const char *train_scope, step **out);

/* Runs the step once. `t` keys nn_random. Gradients replace those of the last run of any step of that scope.
 */
err step_run(step *s, uint64_t t);

/* Copies host values (NCHW) into an input. */
err nn_set(net *n, nn_t input, const float *host);

/* Copies a value kept by `s` into host memory of nn_count elements (NCHW). */
err nn_get(step *s, nn_t x, float *host);

/* The scalar keep[0] of the last run. */
err step_loss(step *s, float *loss);

/* Multiply-adds times two of the operators of one run (forward and, if trained, backward): conv, linear,
 * attention and lstm only. */
double step_flops(const step *s);
size_t step_bytes(const step *s); /* size of the arena, on each device */

/* Every convolution that one run of the step does on one device, so that its cost can be compared with the
 * bare library's. One with upsample counts as what it is run as: the transpose of a 4x4 convolution of stride
 * 2. */
typedef struct convolution {
    int batch, in, out, height, width, k, stride, pad; /* height, width: of the input */
    bool forward, backward_data, backward_weights;
} convolution;
typedef void (*convolution_visitor)(void *context, convolution c);
void step_convolutions(const step *s, convolution_visitor visit, void *context);

/* The operators: OP_CONV, OP_LINEAR, ...; OP_COUNT of them. */
enum {
#define X(name, text) OP_##name,
#include "nn/ops.def"
#undef X
    OP_COUNT
};
typedef int nn_op;
const char *nn_op_name(nn_op op);

/* Seconds spent per operator since the last reset, forward and backward, on the first replica; index by
 * operator. */
typedef struct op_time {
    double forward_s, backward_s;
} op_time;
void step_profile(step *s, bool on);      /* off by default; switching on resets */
const op_time *step_times(const step *s); /* OP_COUNT entries, owned by the step */

/* ---- parameters -------------------------------------------------------------------------------------------
 */

/* Number of parameters and states; name and shape of the i-th in order of recording. */
int net_parameter_count(const net *n);
const char *net_parameter_name(const net *n, int i);
nn_shape_t net_parameter_shape(const net *n, int i);

/* Numbers in all trainable parameters. */
size_t net_trained_count(const net *n);

/* Reads or writes one parameter, state or (read only) gradient by full name. ERR_USAGE if there is none. */
err net_get_parameter(net *n, const char *name, float *host);
err net_set_parameter(net *n, const char *name, const float *host);
err net_get_gradient(net *n, const char *name, float *host);

/* ---- optimizers
 * -------------------------------------------------------------------------------------------- */

typedef struct optimizer_opts {
    enum { OPTIMIZER_ADAM, OPTIMIZER_SGD } kind;
    float learning_rate;
    float beta1, beta2, epsilon; /* Adam (Kingma & Ba 2015, bias-corrected) */
    float momentum;              /* SGD: v = momentum v + g; w -= rate v */
    float weight_decay; /* decoupled: w -= rate * decay * w before the update (Loshchilov & Hutter 2019) */
    float clip_norm;    /* scales the scope's gradient down to this Euclidean norm; 0: off */
    float ema_decay;    /* keeps ema = decay ema + (1-decay) w of trainable parameters; 0: off */
} optimizer_opts;

/* An optimizer of all trainable parameters recorded so far in `scope`. Owned by the caller; close it before
 * the net. */
err optimizer_open(net *n, const char *scope, optimizer_opts o, optimizer **out);
void optimizer_close(optimizer *o);

/* One update from the gradients that the last step of the scope left. ERR_DIVERGED if they are not finite. */
err optimizer_apply(optimizer *o);
void optimizer_set_rate(optimizer *o, float learning_rate);

/* The rate of update t of `updates`, falling along half a cosine from the full one at t = 0 to 0 at
 * t = updates and after it (Loshchilov & Hutter, "SGDR", ICLR 2017, without restarts). updates >= 1. */
float cosine_decay(float full, uint64_t t, uint64_t updates);

/* Exchanges the parameters and their moving averages; calling it twice restores both. */
err optimizer_swap_ema(optimizer *o);

/* ---- saving
 * -------------------------------------------------------------------------------------------------- */

/* Writes every parameter and state, and the optimizers' own vectors ("optimizer/<scope>m/..."), as
 * safetensors with `metadata` (pairs key, value; ended by NULL; may be NULL). Atomic. Loading restores them
 * bit for bit; a missing, surplus or misshapen tensor is ERR_DATA and names the first one; optimizers may be
 * 0 to load the weights alone. */
err net_save(net *n, const char *path, optimizer *const *optimizers, int n_optimizers,
             const char *const *metadata);
err net_load(net *n, const char *path, optimizer *const *optimizers, int n_optimizers);

#endif
