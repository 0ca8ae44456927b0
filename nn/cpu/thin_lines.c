#include "nn/cpu/thin_lines.h"
#include "nn/cpu/cells.h"

#include <omp.h>

void thin_share_lines(int n, int *first, int *end)
{
    int thread = omp_get_thread_num(), threads = omp_get_num_threads();
    *first = (int)((ptrdiff_t)n * thread / threads);
    *end = (int)((ptrdiff_t)n * (thread + 1) / threads);
}

/* ---- weights ---- */

/* Where weight (thin, wide, ky, kx) of the plain tensor lies. */
static size_t plain_weight(const thin_conv *t, int thin, int wide, int ky, int kx)
{
    int row = t->thin_is_out ? thin * t->wide.channels + wide : wide * t->thin.channels + thin;
    int y = t->flip ? t->k - 1 - ky : ky, x = t->flip ? t->k - 1 - kx : kx;
    return (size_t)((row * t->k + y) * t->k + x);
}

size_t thin_packed_floats(const thin_conv *t, int taps)
{
    return (size_t)(groups_of(t) * taps) * LANES;
}

static size_t packed_weight(const thin_conv *t, int taps, int thin, int wide, int ky, int kx)
{
    int tap = (thin * t->k + ky) * t->k + kx;
    return (size_t)((wide / LANES * taps + tap) * LANES + wide % LANES);
}

void thin_pack(const thin_conv *t, float *packed, const float *plain)
{
    int taps = taps_of(t);
    memset(packed, 0, thin_packed_floats(t, taps) * sizeof *packed);
    for (int c = 0; c < t->wide.channels; c++)
        for (int i = 0; i < t->thin.channels; i++)
            for (int ky = 0; ky < t->k; ky++)
                for (int kx = 0; kx < t->k; kx++)
                    packed[packed_weight(t, taps, i, c, ky, kx)] = plain[plain_weight(t, i, c, ky, kx)];
}

void thin_unpack(const thin_conv *t, float *plain, const float *packed, int taps, bool add)
{
    for (int c = 0; c < t->wide.channels; c++)
        for (int i = 0; i < t->thin.channels; i++)
            for (int ky = 0; ky < t->k; ky++)
                for (int kx = 0; kx < t->k; kx++) {
                    float *to = &plain[plain_weight(t, i, c, ky, kx)];
                    *to = (add ? *to : 0) + packed[packed_weight(t, taps, i, c, ky, kx)];
                }
}

/* ---- lines of the wide side ---- */

/* `width` channels of each pixel, which lie `lanes` apart in x and gate, from element `at` on. A line whose
 * pixels touch goes as one long pixel. Both sides of each choice are computed first: a branch would keep the
 * loop from being vectorised. */
CPU_INLINE void load_pixels(float *restrict to, const void *restrict x, const void *restrict gate, size_t at,
                            int pixels, int lanes, float slope, bool gated, int width, bool half)
{
    for (int i = 0; i < pixels; i++, at += (size_t)lanes, to += LANES)
#pragma omp simd
        for (int j = 0; j < width; j++) {
            float value = cell_load(x, at + (size_t)j, half), damped = slope * value;
            to[j] = !gated || cell_load(gate, at + (size_t)j, half) > 0 ? value : damped;
        }
}

/* The reverse, through the activation. */
CPU_INLINE void store_pixels(void *restrict x, const float *restrict from, size_t at, int pixels, int lanes,
                             nn_act act, bool add, int width, bool half)
{
    for (int i = 0; i < pixels; i++, at += (size_t)lanes, from += LANES)
#pragma omp simd
        for (int j = 0; j < width; j++) {
            float value = from[j], damped = act == ACT_RELU ? 0 : 0.2F * value;
            if (act != ACT_NONE) value = value < 0 ? damped : value;
            cell_store(x, at + (size_t)j, add ? cell_load(x, at + (size_t)j, half) + value : value, half);
        }
}

/* Where pixel (y, x) of the padded channels c, c + 1, ... lies. */
static size_t pixel_of(const view *v, size_t c, int y, int x)
{
    size_t lanes = (size_t)v->lanes;
    return c / lanes * view_slab(v) + (size_t)(y * v->width + x) * lanes + c % lanes;
}

/* With a constant element type, and a constant width where that may be. */
#define LOAD(run, pixels_)                                                                                   \
    do {                                                                                                     \
        if (gate)                                                                                            \
            CELL_WIDTH(v->half, load_pixels, run, at, wide, gate, from, pixels_, v->lanes, slope, true);     \
        else                                                                                                 \
            CELL_WIDTH(v->half, load_pixels, run, at, wide, gate, from, pixels_, v->lanes, slope, false);    \
    } while (0)

CPU_KERNEL void thin_load_line(const view *v, float *to, size_t stretch, const void *wide, const void *gate,
                               float slope, int y, int x, int pixels)
{
    for (size_t c = 0; c < view_padded(v); c += v->lanes % LANES ? HALF_LANES : LANES) {
        size_t from = pixel_of(v, c, y, x);
        float *at = to + c / LANES * stretch + c % LANES;
        if (v->lanes % LANES)
            LOAD(HALF_LANES, pixels);
        else if (v->lanes == LANES)
            LOAD(pixels * LANES, 1);
        else
            LOAD(LANES, pixels);
    }
}

#define STORE(run, pixels_)                                                                                  \
    do {                                                                                                     \
        if (add)                                                                                             \
            CELL_WIDTH(v->half, store_pixels, run, wide, from, at, pixels_, v->lanes, act, true);            \
        else                                                                                                 \
            CELL_WIDTH(v->half, store_pixels, run, wide, from, at, pixels_, v->lanes, act, false);           \
    } while (0)

CPU_KERNEL void thin_store_line(const view *v, void *wide, const float *line, size_t stretch, nn_act act,
                                bool add, int y)
{
    for (size_t c = 0; c < view_padded(v); c += v->lanes % LANES ? HALF_LANES : LANES) {
        size_t at = pixel_of(v, c, y, 0);
        const float *from = line + c / LANES * stretch + c % LANES;
        if (v->lanes % LANES)
            STORE(HALF_LANES, v->width);
        else if (v->lanes == LANES)
            STORE(v->width * LANES, 1);
        else
            STORE(LANES, v->width);
    }
}

/* ---- the thin side ---- */

padded thin_padded(const thin_conv *t)
{
    size_t columns = round_up((size_t)t->wide.width, TILE);
    padded p = {.phase = columns + (size_t)((t->k - 1) / t->stride),
                .rows = (t->wide.height - 1) * t->stride + t->k};
    p.row = p.phase * (size_t)t->stride;
    p.plane = p.row * (size_t)p.rows;
    return p;
}

size_t thin_padded_floats(const thin_conv *t)
{
    return thin_padded(t).plane * (size_t)t->thin.channels;
}

void thin_pad_sample(const thin_conv *t, float *to, const float *thin, int n)
{
    padded p = thin_padded(t);
    const view *v = &t->thin;
    int first = t->pad > 0 ? t->pad : 0, end = smaller(v->width + t->pad, (int)p.row);
    for (int c = 0; c < v->channels; c++)
        for (int y = 0; y < p.rows; y++) {
            int from_row = y - t->pad;
            if (from_row < 0 || from_row >= v->height) continue;
            const float *from = thin + ((ptrdiff_t)view_sample(v) * n + (ptrdiff_t)v->area * c +
                                        from_row * v->width - t->pad);
            float *row = to + (size_t)c * p.plane + (size_t)y * p.row;
            if (t->stride == 1)
                memcpy(row + first, from + first, (size_t)(end - first) * sizeof *row);
            else
                for (int x = first; x < end; x++)
                    row[(size_t)(x % t->stride) * p.phase + (size_t)(x / t->stride)] = from[x];
        }
}

void thin_offsets(const thin_conv *t, int *offsets)
{
    padded p = thin_padded(t);
    for (int i = 0; i < taps_of(t); i++) {
        int kx = i % t->k, ky = i / t->k % t->k, c = i / window(t);
        offsets[i] = (int)((size_t)c * p.plane + (size_t)ky * p.row + (size_t)(kx % t->stride) * p.phase) +
                     kx / t->stride;
    }
}
