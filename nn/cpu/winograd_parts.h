/* What the files nn/cpu/winograd*.c share. */
#ifndef NN_CPU_WINOGRAD_PARTS_H
#define NN_CPU_WINOGRAD_PARTS_H

#include "nn/cpu/winograd.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define WINOGRAD_AVAILABLE 1
/* GNU extensions, for the same reason as CPU_KERNEL and CPU_INLINE. */
#define WINOGRAD_KERNEL __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma,bmi2")))
#define WINOGRAD_INLINE WINOGRAD_KERNEL static inline __attribute__((always_inline))
#else
#define WINOGRAD_AVAILABLE 0
#endif

enum { WINOGRAD_LANES = 16, WINOGRAD_SIDE = 4 /* of a tile's outputs */, WINOGRAD_PANEL = 32 };

#if WINOGRAD_AVAILABLE

/* Matrices, one a point, with the same number of rows and columns each; `apart` floats from a point to the
 * next: a little more than there are, so that the points of a tile do not all fall into one set of a cache.
 */
typedef struct winograd_matrices {
    float *at;
    size_t rows, columns, apart;
} winograd_matrices;

static inline winograd_matrices winograd_matrices_at(void *memory, int rows, int columns)
{
    size_t cells = (size_t)rows * (size_t)columns;
    return (winograd_matrices){memory, (size_t)rows, (size_t)columns, cells + WINOGRAD_LANES};
}

static inline size_t winograd_matrices_bytes(int points, int rows, int columns)
{
    return (size_t)points * winograd_matrices_at(NULL, rows, columns).apart * sizeof(float);
}

/* Where row r of point 0 begins. */
static inline float *winograd_row(const winograd_matrices *m, int r)
{
    return m->at + (size_t)r * m->columns;
}

/* Weights lie as panels of 32 columns, one after another: those of a panel's rows in a row. The last panel
 * may have 16. Where 16 columns from `column` on of `row` begin, in the matrix of point 0. */
static inline float *winograd_panel(const winograd_matrices *m, int row, int column)
{
    size_t first = (size_t)(column / WINOGRAD_PANEL * WINOGRAD_PANEL), left = m->columns - first;
    size_t width = left < WINOGRAD_PANEL ? left : WINOGRAD_PANEL;
    return m->at + first * m->rows + (size_t)row * width + (size_t)(column % WINOGRAD_PANEL);
}

/* winograd_product.c: at one point sums (rows, N) = tiles (rows, K) weights (K, N in panels), rows in
 * eights; and weights (K, N in panels) = or += tiles' (T, K) others (T, N), of T tiles. K is a multiple of
 * 16, as N is. */
void winograd_multiply(int point, int rows, const winograd_matrices *tiles, const winograd_matrices *weights,
                       const winograd_matrices *sums);
void winograd_correlate(int point, int count, const winograd_matrices *tiles, const winograd_matrices *others,
                        const winograd_matrices *weights, bool add);

/* The image that a tile is taken from, or given to: blocks of 16 channels, of which `count` from `first` on
 * take part. The lanes past the last channel are zero, and matrices have rows and columns of zeros for them.
 */
typedef struct winograd_image {
    void *at; /* of one that is only taken from it is not written to */
    bool half;
    int channels, blocks, height, width, first, count;
} winograd_image;

static inline int winograd_padded(int channels)
{
    return (channels + WINOGRAD_LANES - 1) / WINOGRAD_LANES * WINOGRAD_LANES;
}

/* Number `index` of the tiles of an image of (oh, ow) outputs. */
typedef struct winograd_tile {
    int sample, y, x; /* y, x: of its first output */
} winograd_tile;

/* What becomes rows of matrices, and of which rows. `taps`, `phases`: of a kind of convolution, in one
 * dimension; points are (taps + 3)^2. */
typedef struct winograd_kind {
    int taps, phases;
} winograd_kind;

/* Calls function(kind, ...) with a constant kind: of 4x4, stride 2, or of 3x3. */
#define WINOGRAD_KIND(kind, function, ...)                                                                   \
    do {                                                                                                     \
        const winograd_kind halving = {2, 2}, same = {3, 1};                                                 \
        if ((kind).taps == 2)                                                                                \
            function(halving, __VA_ARGS__);                                                                  \
        else                                                                                                 \
            function(same, __VA_ARGS__);                                                                     \
    } while (0)

/* winograd_tiles.c. Row `row` of the matrices from a tile's pixels of x (forward and weights: block by block,
 * 16 columns for each of phases^2), of dy (for the transpose: phases^2 times as many points), of dy (for
 * weights). */
void winograd_take(winograd_kind k, const winograd_image *x, winograd_tile t, const winograd_matrices *to,
                   int row);
void winograd_take_data(winograd_kind k, const winograd_image *dy, winograd_tile t,
                        const winograd_matrices *to, int row);
void winograd_take_outputs(winograd_kind k, const winograd_image *dy, winograd_tile t,
                           const winograd_matrices *to, int row);
/* Asks for square pixels of a tile, from (t.y, t.x) on, to be in the cache soon: to be read, or written. */
void winograd_fetch(const winograd_image *m, winograd_tile t, int side, bool to_write);

/* A tile's pixels of y, or of dx, from its row. */
void winograd_give(winograd_kind k, const winograd_image *y, winograd_tile t, const winograd_matrices *from,
                   int row, const winograd_finish *f);
void winograd_give_data(winograd_kind k, const winograd_image *dx, winograd_tile t,
                        const winograd_matrices *from, int row, const winograd_finish *f);

/* winograd_kernels.c: matrices of weights from w (o,c,k,k), for forward and for the transpose; their columns
 * are channels from `first` on. By the calling thread. */
void winograd_weigh(winograd_kind k, const conv_shape *s, const float *w, int first,
                    const winograd_matrices *to);
void winograd_weigh_data(winograd_kind k, const conv_shape *s, const float *w, int first,
                         const winograd_matrices *to);

/* The gradient of w with respect to channel c, number `row` of the rows' channels, from that of the matrices:
 * the sum of `copies` of them, `apart` floats from one another. */
void winograd_unweigh(winograd_kind k, const conv_shape *s, int c, const winograd_matrices *from, int row,
                      int copies, size_t apart, float *dw, bool add);

#endif
#endif
