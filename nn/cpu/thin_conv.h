/* Convolutions with fewer channels on one side than a block (the first and last layers of an image net), for
 * which oneDNN has no fast kernel between our layouts. The *thin* side is NCHW with up to 7 channels, the
 * *wide* side has a multiple of eight lanes and may be bf16. No result depends on the number of threads. */
#ifndef NN_CPU_THIN_CONV_H
#define NN_CPU_THIN_CONV_H

#include "nn/cpu/cpu.h"

typedef struct thin_conv {
    view thin, wide;
    int k, pad;       /* of the sums below: pad may be negative */
    int stride;       /* of thin_weights and thin_expand */
    bool thin_is_out; /* the weight is (thin, wide, k, k), else (wide, thin, k, k) */
    bool flip;        /* the taps of the weight run backwards in the sums below */
    float slope;      /* of the gate */
    int tile;         /* vectors of 16 lanes that the registers have room for: 8 with AVX-512, else 4 */
    int threads;
} thin_conv;

/* Where a function takes a `gate`, the wide side is a gradient with respect to the output of a relu or leaky
 * relu, and `gate` is that output: wide counts as gate > 0 ? wide : slope * wide. NULL: wide as it is. */

/* Bytes of scratch for each function. */
size_t thin_contract_bytes(const thin_conv *t);
size_t thin_weights_bytes(const thin_conv *t);
size_t thin_expand_bytes(const thin_conv *t);

/* thin[t](y,x) = bias[t] + sum over wide channels c and taps of wide[c](y + ky - pad, x + kx - pad) w, stored
 * or added; bias may be NULL. */
void thin_contract(const thin_conv *t, const void *wide, const void *gate, const float *weight,
                   const float *bias, float *thin, bool add, float *scratch);

/* dw = sum over samples and (y, x) of wide[c](y,x) thin[t](y stride + ky - pad, x stride + kx - pad);
 * sums[c] = sum over samples and (y, x) of wide[c](y,x). Each is stored or added, and may be NULL. */
void thin_weights(const thin_conv *t, const void *wide, const void *gate, const float *thin, float *dweight,
                  bool add_weight, float *sums, bool add_sums, float *scratch);

/* wide[c](y,x) = act(bias[c] + sum over thin channels t and taps of thin[t](y stride + ky - pad,
 * x stride + kx - pad) w), stored or added; bias may be NULL; act: none, relu or leaky relu. */
void thin_expand(const thin_conv *t, const float *thin, const float *weight, const float *bias, nn_act act,
                 void *wide, bool add, float *scratch);

#endif
