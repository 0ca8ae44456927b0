/* Every loop takes the channels of a slab in groups of constant width, whose sums stay in registers; a
 * pixel's channels lie `lanes` apart from the next pixel's. */
#include "nn/cpu/batch_norm.h"
#include "nn/cpu/cells.h"

enum { AHEAD = 4, MOST_WIDTH = 16 };

/* sums[width] = the sum of AHEAD independent rows of sums, since an addition takes several cycles. */
CPU_INLINE void fold_sums(float *sums, const float *partial, int width)
{
    for (int j = 0; j < width; j++)
        sums[j] = (partial[j] + partial[width + j]) + (partial[2 * width + j] + partial[3 * width + j]);
}

/* The pixel of term `i` and the row of partial sums that it goes to. */
CPU_INLINE void add_terms(float *partial, const void *x, size_t pixel, size_t lanes, size_t first, int ahead,
                          const float *mean, int width, bool half)
{
    for (int a = 0; a < ahead; a++)
        for (int j = 0; j < width; j++) {
            float value = cell_load(x, (pixel + (size_t)a) * lanes + first + (size_t)j, half);
            float away = mean ? value - mean[j] : value;
            partial[a * width + j] += mean ? away * away : away;
        }
}

/* Sums over all pixels of x, or of the squares of x - mean. */
CPU_INLINE void group_sums(const void *x, size_t area, size_t lanes, size_t first, const float *mean,
                           float *sums, int width, bool half)
{
    float partial[AHEAD * MOST_WIDTH] = {0};
    size_t i = 0;
    for (; i + AHEAD <= area; i += AHEAD) add_terms(partial, x, i, lanes, first, AHEAD, mean, width, half);
    for (; i < area; i++) add_terms(partial, x, i, lanes, first, 1, mean, width, half);
    fold_sums(sums, partial, width);
}

CPU_INLINE void group_statistics(const void *x, size_t area, size_t lanes, size_t first, float *mean,
                                 float *squares, int width, bool half)
{
    float means[MOST_WIDTH];
    group_sums(x, area, lanes, first, NULL, means, width, half);
    for (int j = 0; j < width; j++) means[j] /= (float)area;
    group_sums(x, area, lanes, first, means, squares + first, width, half);
    memcpy(mean + first, means, (size_t)width * sizeof *mean);
}

/* A single channel is one chain of additions: in double, over all its pixels. */
static void channel_statistics(const void *x, size_t area, size_t lanes, size_t channel, bool half,
                               float *mean, float *squares)
{
    double sum = 0, square = 0;
    for (size_t i = 0; i < area; i++) sum += (double)cell_load(x, i * lanes + channel, half);
    sum /= (double)area;
    for (size_t i = 0; i < area; i++) {
        double d = (double)cell_load(x, i * lanes + channel, half) - sum;
        square += d * d;
    }
    mean[channel] = (float)sum;
    squares[channel] = (float)square;
}

CPU_KERNEL void norm_slab_statistics(const void *x, size_t area, int first, int lanes, size_t x_pitch,
                                     bool half, float *mean, float *squares)
{
    int j = first;
    for (; j + 16 <= lanes; j += 16)
        CELL_WIDTH(half, group_statistics, 16, x, area, x_pitch, (size_t)j, mean, squares);
    for (; j + 8 <= lanes; j += 8)
        CELL_WIDTH(half, group_statistics, 8, x, area, x_pitch, (size_t)j, mean, squares);
    for (; j < lanes; j++) channel_statistics(x, area, x_pitch, (size_t)j, half, mean, squares);
}

CPU_INLINE void apply_group(const norm_slab *s, void *restrict out, size_t first, int width, bool half)
{
    float scale[MOST_WIDTH], shift[MOST_WIDTH];
    size_t lanes = (size_t)s->lanes, x_pitch = s->x_pitch;
    bool relu = s->relu;
    memcpy(scale, s->scale + first, (size_t)width * sizeof *scale);
    memcpy(shift, s->shift + first, (size_t)width * sizeof *shift);
    for (size_t i = 0; i < s->area; i++)
        for (int j = 0; j < width; j++) {
            size_t lane = first + (size_t)j;
            float y = cell_load(s->x, i * x_pitch + lane, half) * scale[j] + shift[j];
            cell_store(out, i * lanes + lane, relu && y < 0 ? 0 : y, half);
        }
}

CPU_KERNEL void norm_slab_apply(const norm_slab *s, void *out)
{
    CELL_GROUPS(s->lanes, s->half, j, apply_group, s, out, (size_t)j);
}

/* The gradient that relu lets through: the same expression as in apply_group decides. Everything is loaded
 * before the choice, so that no branch is needed. */
CPU_INLINE float through(float x, float dout, float scale, float shift, bool relu)
{
    return relu && !(x * scale + shift > 0) ? 0 : dout;
}

/* Two pixels of sums at a time. */
CPU_INLINE void sums_group(const norm_slab *s, size_t start, float *first, float *second, int width,
                           bool half)
{
    enum { PAIR = 2 };
    float g[PAIR * MOST_WIDTH] = {0}, h[PAIR * MOST_WIDTH] = {0};
    float mean[MOST_WIDTH], scale[MOST_WIDTH], shift[MOST_WIDTH];
    size_t lanes = (size_t)s->lanes, x_pitch = s->x_pitch, even = s->area / PAIR * PAIR;
    bool relu = s->relu;
    memcpy(mean, s->mean + start, (size_t)width * sizeof *mean);
    memcpy(scale, s->scale + start, (size_t)width * sizeof *scale);
    memcpy(shift, s->shift + start, (size_t)width * sizeof *shift);
    for (size_t i = 0; i < s->area; i += PAIR)
        for (int a = 0; a < (i < even ? PAIR : 1); a++)
            for (int j = 0; j < width; j++) {
                size_t pixel = i + (size_t)a, lane = start + (size_t)j;
                float x = cell_load(s->x, pixel * x_pitch + lane, half);
                float d =
                    through(x, cell_load(s->dout, pixel * lanes + lane, half), scale[j], shift[j], relu);
                g[a * width + j] += d;
                h[a * width + j] += d * (x - mean[j]);
            }
    for (int j = 0; j < width; j++) first[start + (size_t)j] = g[j] + g[width + j];
    for (int j = 0; j < width; j++) second[start + (size_t)j] = h[j] + h[width + j];
}

static void channel_sums(const norm_slab *s, size_t channel, float *first, float *second)
{
    double g = 0, h = 0;
    for (size_t i = 0; i < s->area; i++) {
        float x = cell_load(s->x, i * s->x_pitch + channel, s->half);
        float dout = cell_load(s->dout, i * (size_t)s->lanes + channel, s->half);
        float d = through(x, dout, s->scale[channel], s->shift[channel], s->relu);
        g += (double)d;
        h += (double)(d * (x - s->mean[channel]));
    }
    first[channel] = (float)g;
    second[channel] = (float)h;
}

CPU_KERNEL void norm_slab_sums(const norm_slab *s, float *first, float *second)
{
    int j = 0;
    for (; j + 16 <= s->lanes; j += 16) CELL_WIDTH(s->half, sums_group, 16, s, (size_t)j, first, second);
    for (; j + 8 <= s->lanes; j += 8) CELL_WIDTH(s->half, sums_group, 8, s, (size_t)j, first, second);
    for (; j < s->lanes; j++) channel_sums(s, (size_t)j, first, second);
}

CPU_INLINE void gradient_group(const norm_slab *s, const float *slope, const float *constant,
                               void *restrict dx, size_t dx_pitch, size_t first, bool add, int width,
                               bool half)
{
    float mean[MOST_WIDTH], scale[MOST_WIDTH], shift[MOST_WIDTH], slopes[MOST_WIDTH], constants[MOST_WIDTH];
    size_t lanes = (size_t)s->lanes, x_pitch = s->x_pitch, bytes = (size_t)width * sizeof *mean;
    bool relu = s->relu;
    memcpy(mean, s->mean + first, bytes);
    memcpy(scale, s->scale + first, bytes);
    memcpy(shift, s->shift + first, bytes);
    memcpy(slopes, slope + first, bytes);
    memcpy(constants, constant + first, bytes);
    for (size_t i = 0; i < s->area; i++)
        for (int j = 0; j < width; j++) {
            size_t lane = first + (size_t)j, at = i * dx_pitch + lane;
            float x = cell_load(s->x, i * x_pitch + lane, half);
            float d = through(x, cell_load(s->dout, i * lanes + lane, half), scale[j], shift[j], relu);
            d = scale[j] * d + (x - mean[j]) * slopes[j] + constants[j];
            cell_store(dx, at, add ? cell_load(dx, at, half) + d : d, half);
        }
}

CPU_KERNEL void norm_slab_gradient(const norm_slab *s, const float *slope, const float *constant, void *dx,
                                   size_t dx_pitch, bool add)
{
    CELL_GROUPS(s->lanes, s->half, j, gradient_group, s, slope, constant, dx, dx_pitch, (size_t)j, add);
}
