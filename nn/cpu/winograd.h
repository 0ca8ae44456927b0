/* Convolutions by Winograd's minimal filtering (Winograd, "Arithmetic Complexity of Computations", 1980;
 * Lavin & Gray, "Fast algorithms for convolutional neural networks", CVPR 2016) where oneDNN has none: those
 * of 4x4, stride 2, pad 1, which make D's images smaller and, transposed, G's larger; and those of 3x3 in
 * bf16 or with few channels. Products are what holds a step of EMIXER up, and there are 25 here for every 64.
 *
 * Tiles. In one dimension four outputs y of r taps g see r + 3 inputs d, and
 *
 *     y = A' [(G g) * (B' d)],  dg = G' [(A dy) * (B' d)]    (*: point by point)
 *
 * need a product per point, r + 3 of them, where the literal way needs 4 r. In two dimensions both are done
 * to rows and columns. At each point the sum over channels is a product of matrices of its own: of tiles x
 * channels and channels x channels. Sums are fp32 whatever the activations are.
 *
 * For processors with AVX-512: activations lie in blocks of 16 channels, a vector each (cpu.h); a last block
 * that is not full is computed whole. */
#ifndef NN_CPU_WINOGRAD_H
#define NN_CPU_WINOGRAD_H

#include "nn/cpu/onednn.h"

/* What is done to a sum before it is stored, or added to what is there: act(sum + bias) + addend; bias
 * (channels) and addend, which lies as the result does, may be NULL; act: none, relu or leaky relu. */
typedef struct winograd_finish {
    const float *bias;
    const void *addend;
    nn_act act;
    bool add;
} winograd_finish;

/* Whether one direction (CONV_FORWARD, ...) is done here. A rule, as in oneDNN's case: equal runs are equal.
 */
bool winograd_suits(const backend *b, const conv_shape *s, int direction);

size_t winograd_bytes(const conv_shape *s, int direction, int threads);

/* y (n,o,oh,ow) from x (n,c,h,w), w (o,c,k,k) in fp32; `half`: x and y are bf16. */
void winograd_forward(const conv_shape *s, bool half, const void *x, const float *w, const winograd_finish *f,
                      void *y, int threads, void *scratch);

/* The transpose: dx from dy. */
void winograd_data(const conv_shape *s, bool half, const void *dy, const float *w, const winograd_finish *f,
                   void *dx, int threads, void *scratch);

/* dw, stored or added, from x and dy. Its last bits depend on the number of threads, as with oneDNN. */
void winograd_weights(const conv_shape *s, bool half, const void *x, const void *dy, float *dw, bool add,
                      int threads, void *scratch);

#endif
