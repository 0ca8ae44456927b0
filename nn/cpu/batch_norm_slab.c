/* Every loop is written once for any number of lanes and specialised for 8 and 16 (blocks), where sums stay
 * in registers, four pixels at a time. */
#include "nn/cpu/batch_norm.h"

#include <string.h>

enum { AHEAD = 4, MOST_LANES = 16 };

/* Sums[lanes] = what `term` gives, over all pixels: in AHEAD independent rows of sums, since an addition
 * takes several cycles. */
CPU_INLINE void fold_sums(float *sums, const float *partial, int lanes)
{
    for (int j = 0; j < lanes; j++)
        sums[j] = (partial[j] + partial[lanes + j]) + (partial[2 * lanes + j] + partial[3 * lanes + j]);
}

CPU_INLINE void block_statistics(const float *restrict x, size_t area, int lanes, float *mean, float *squares)
{
    float sums[AHEAD * MOST_LANES] = {0}, means[MOST_LANES];
    size_t group = (size_t)(AHEAD * lanes), floats = area * (size_t)lanes, even = floats / group * group;
    for (size_t i = 0; i < even; i += group)
        for (int j = 0; j < AHEAD * lanes; j++) sums[j] += x[i + (size_t)j];
    for (size_t i = even; i < floats; i += (size_t)lanes)
        for (int j = 0; j < lanes; j++) sums[j] += x[i + (size_t)j];
    fold_sums(means, sums, lanes);
    for (int j = 0; j < lanes; j++) means[j] /= (float)area;
    memset(sums, 0, sizeof sums);
    float wide[AHEAD * MOST_LANES];
    for (int j = 0; j < AHEAD * lanes; j++) wide[j] = means[j % lanes];
    for (size_t i = 0; i < even; i += group)
        for (int j = 0; j < AHEAD * lanes; j++) {
            float d = x[i + (size_t)j] - wide[j];
            sums[j] += d * d;
        }
    for (size_t i = even; i < floats; i += (size_t)lanes)
        for (int j = 0; j < lanes; j++) {
            float d = x[i + (size_t)j] - means[j];
            sums[j] += d * d;
        }
    fold_sums(squares, sums, lanes);
    memcpy(mean, means, (size_t)lanes * sizeof *mean);
}

static void any_statistics(const float *x, size_t area, int lanes, float *mean, float *squares)
{
    for (int j = 0; j < lanes; j++) {
        double sum = 0, square = 0;
        for (size_t i = 0; i < area; i++) sum += (double)x[i * (size_t)lanes + (size_t)j];
        sum /= (double)area;
        for (size_t i = 0; i < area; i++) {
            double d = (double)x[i * (size_t)lanes + (size_t)j] - sum;
            square += d * d;
        }
        mean[j] = (float)sum;
        squares[j] = (float)square;
    }
}

CPU_KERNEL void norm_slab_statistics(const float *x, size_t area, int lanes, float *mean, float *squares)
{
    if (lanes == 8)
        block_statistics(x, area, 8, mean, squares);
    else if (lanes == 16)
        block_statistics(x, area, 16, mean, squares);
    else
        any_statistics(x, area, lanes, mean, squares);
}

CPU_INLINE void apply_loop(float *restrict out, const float *restrict x, size_t area, int lanes,
                           const float *restrict scale, const float *restrict shift, bool relu)
{
    for (size_t i = 0; i < area; i++)
        for (int j = 0; j < lanes; j++) {
            float y = x[i * (size_t)lanes + (size_t)j] * scale[j] + shift[j];
            out[i * (size_t)lanes + (size_t)j] = relu && y < 0 ? 0 : y;
        }
}

CPU_KERNEL void norm_slab_apply(float *out, const float *x, size_t area, int lanes, const float *scale,
                                const float *shift, bool relu)
{
    if (lanes == 8 && relu)
        apply_loop(out, x, area, 8, scale, shift, true);
    else if (lanes == 8)
        apply_loop(out, x, area, 8, scale, shift, false);
    else if (lanes == 16)
        apply_loop(out, x, area, 16, scale, shift, relu);
    else
        apply_loop(out, x, area, lanes, scale, shift, relu);
}

/* The gradient that relu lets through: the same expression as in apply_loop decides. Everything is loaded
 * before the choice, so that no branch is needed. */
CPU_INLINE float through(float x, float dout, float scale, float shift, bool relu)
{
    return relu && !(x * scale + shift > 0) ? 0 : dout;
}

/* Two pixels of sums at a time. */
CPU_INLINE void sums_loop(const norm_slab *s, int lanes, bool relu, float *first, float *second)
{
    float g[2 * MOST_LANES] = {0}, h[2 * MOST_LANES] = {0};
    float mean[2 * MOST_LANES], scale[2 * MOST_LANES], shift[2 * MOST_LANES];
    const float *restrict x = s->x, *restrict dout = s->dout;
    size_t floats = s->area * (size_t)lanes, group = 2 * (size_t)lanes, even = floats / group * group;
    for (int j = 0; j < 2 * lanes; j++) {
        mean[j] = s->mean[j % lanes];
        scale[j] = s->scale[j % lanes];
        shift[j] = s->shift[j % lanes];
    }
    for (size_t i = 0; i < even; i += group)
        for (int j = 0; j < 2 * lanes; j++) {
            float d = through(x[i + (size_t)j], dout[i + (size_t)j], scale[j], shift[j], relu);
            g[j] += d;
            h[j] += d * (x[i + (size_t)j] - mean[j]);
        }
    for (size_t i = even; i < floats; i += (size_t)lanes)
        for (int j = 0; j < lanes; j++) {
            float d = through(x[i + (size_t)j], dout[i + (size_t)j], scale[j], shift[j], relu);
            g[j] += d;
            h[j] += d * (x[i + (size_t)j] - mean[j]);
        }
    for (int j = 0; j < lanes; j++) first[j] = g[j] + g[lanes + j];
    for (int j = 0; j < lanes; j++) second[j] = h[j] + h[lanes + j];
}

static void any_sums(const norm_slab *s, float *first, float *second)
{
    for (int j = 0; j < s->lanes; j++) {
        double g = 0, h = 0;
        for (size_t i = 0; i < s->area; i++) {
            size_t at = i * (size_t)s->lanes + (size_t)j;
            float d = through(s->x[at], s->dout[at], s->scale[j], s->shift[j], s->relu);
            g += (double)d;
            h += (double)(d * (s->x[at] - s->mean[j]));
        }
        first[j] = (float)g;
        second[j] = (float)h;
    }
}

CPU_KERNEL void norm_slab_sums(const norm_slab *s, float *first, float *second)
{
    if (s->lanes == 8 && s->relu)
        sums_loop(s, 8, true, first, second);
    else if (s->lanes == 8)
        sums_loop(s, 8, false, first, second);
    else if (s->lanes == 16)
        sums_loop(s, 16, s->relu, first, second);
    else
        any_sums(s, first, second);
}

CPU_INLINE void gradient_loop(const norm_slab *s, int lanes, const float *restrict slope,
                              const float *restrict constant, float *restrict dx, bool relu, bool add)
{
    const float *restrict x = s->x, *restrict dout = s->dout;
    const float *restrict mean = s->mean, *restrict scale = s->scale, *restrict shift = s->shift;
    for (size_t i = 0; i < s->area; i++)
        for (int j = 0; j < lanes; j++) {
            size_t at = i * (size_t)lanes + (size_t)j;
            float d = through(x[at], dout[at], scale[j], shift[j], relu);
            d = scale[j] * d + (x[at] - mean[j]) * slope[j] + constant[j];
            dx[at] = add ? dx[at] + d : d;
        }
}

CPU_KERNEL void norm_slab_gradient(const norm_slab *s, const float *slope, const float *constant, float *dx,
                                   bool add)
{
    if (s->lanes == 8 && s->relu && !add)
        gradient_loop(s, 8, slope, constant, dx, true, false);
    else if (s->lanes == 8 && s->relu)
        gradient_loop(s, 8, slope, constant, dx, true, true);
    else if (s->lanes == 8)
        gradient_loop(s, 8, slope, constant, dx, false, add);
    else if (s->lanes == 16)
        gradient_loop(s, 16, slope, constant, dx, s->relu, add);
    else
        gradient_loop(s, s->lanes, slope, constant, dx, s->relu, add);
}
