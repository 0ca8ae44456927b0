/* What the three directions of thin_conv.h share. All work line by line on floats: lines of the wide side are
 * converted to and from [group][column][LANES] in the first-level cache, the thin side is copied once with
 * zeros around it, and so no loop over taps has to ask what lies outside the image. A tap is an offset into
 * such a copy. */
#ifndef NN_CPU_THIN_LINES_H
#define NN_CPU_THIN_LINES_H

#include "nn/cpu/thin_conv.h"

#include <string.h>

/* Sixteen channels at a time in one vector, or in two of the processor's. GNU vector types: loops over
 * channels inside loops over taps are beyond what the compiler vectorises by itself with sums kept in
 * registers. */
enum { LANES = 16, HALF_LANES = 8, TILE = 8 };
typedef float group __attribute__((vector_size(LANES * sizeof(float)), may_alias));

static inline size_t round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static inline int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* The next `floats` of scratch, 64-byte aligned; `scratch` moves behind them. */
static inline float *take(float **scratch, size_t floats)
{
    float *taken = *scratch;
    *scratch += round_up(floats, LANES);
    return taken;
}

static inline int groups_of(const thin_conv *t)
{
    return (int)round_up(view_padded(&t->wide), LANES) / LANES;
}

static inline int window(const thin_conv *t)
{
    return t->k * t->k;
}

static inline int taps_of(const thin_conv *t) /* (thin, ky, kx) */
{
    return t->thin.channels * window(t);
}

static inline const void *sample_of(const view *v, const void *x, int n) /* NULL stays NULL */
{
    return x ? view_at(v, x, (size_t)n * view_sample(v)) : NULL;
}

/* The part of n lines that the calling thread of a parallel region works on. */
void thin_share_lines(int n, int *first, int *end);

/* Packed weights are [group][thin][k][k][LANES], with room for `taps` taps in a group. */
size_t thin_packed_floats(const thin_conv *t, int taps);
void thin_pack(const thin_conv *t, float *packed, const float *plain); /* with taps_of(t) taps */
void thin_unpack(const thin_conv *t, float *plain, const float *packed, int taps, bool add);

/* Pixels (y, x) .. (y, x + pixels - 1) of a sample; `stretch` floats from one group to the next. */
void thin_load_line(const view *v, float *to, size_t stretch, const void *wide, const void *gate, float slope,
                    int y, int x, int pixels);

/* Line y of a sample = act(line), or += line. */
void thin_store_line(const view *v, void *wide, const float *line, size_t stretch, nn_act act, bool add,
                     int y);

/* A sample of the thin side with zeros around it: [thin][row][column % stride][column / stride], so that the
 * pixels that a tap meets along a line of the wide side are neighbours. */
typedef struct padded {
    size_t phase, row, plane; /* floats; a row has `stride` phases */
    int rows;
} padded;

padded thin_padded(const thin_conv *t);
size_t thin_padded_floats(const thin_conv *t);

/* Only writes what lies inside the image: the caller has set `to` to zero once. */
void thin_pad_sample(const thin_conv *t, float *to, const float *thin, int n);

/* Where each tap of pixel (0, 0) of the wide side lies in the padded sample. */
void thin_offsets(const thin_conv *t, int *offsets);

#endif
