/* The inner loops of batch norm, over one slab: area pixels of `lanes` channels. What may have a pitch lies
 * `..._pitch` elements apart from pixel to pixel, the rest `lanes`. */
#ifndef NN_CPU_BATCH_NORM_H
#define NN_CPU_BATCH_NORM_H

#include "nn/cpu/cpu.h"

/* mean[lanes], and squares[lanes]: the sum of squared distances from it, of lanes first.. (a multiple of 16).
 * Two passes; the second finds the slab in the cache. */
void norm_slab_statistics(const void *x, size_t area, int first, int lanes, size_t x_pitch, bool half,
                          float *mean, float *squares);

typedef struct norm_slab {
    const void *x, *dout; /* dout: in backward */
    size_t area;
    int lanes;
    size_t x_pitch;
    bool half;
    const float *mean, *scale, *shift; /* lanes; mean: in backward */
    bool relu;
} norm_slab;

/* out = act(x * scale + shift). */
void norm_slab_apply(const norm_slab *s, void *out);

/* With g = dout where relu lets it through: sum g and sum g (x - mean). */
void norm_slab_sums(const norm_slab *s, float *first, float *second);

/* dx = scale g + (x - mean) slope + constant, stored or added. */
void norm_slab_gradient(const norm_slab *s, const float *slope, const float *constant, void *dx,
                        size_t dx_pitch, bool add);

/* A batch norm that another call has absorbed (call.norm). */
typedef struct known_norm {
    view x;         /* of its input, which may have a pitch */
    const void *in; /* that input */
    const float *scale, *shift;
    bool relu;
} known_norm;

/* Floats of scratch that it needs. */
size_t known_norm_floats(const backend *b, const call *norm);
known_norm known_norm_of(const backend *b, const call *norm, float *scratch);

/* The output for one sample, or for one slab (of view_slabs), by the calling thread. */
void known_norm_sample(const known_norm *k, int sample, void *out);
void known_norm_slab(const known_norm *k, int slab, void *out);

#endif
