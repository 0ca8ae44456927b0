/* The weights of a convolution as matrices of Winograd's points, and back. Of 16 channels at a time, those
 * that are columns: the output's, or the input's for the transpose. */
#include "nn/cpu/winograd_transforms.h"

#if WINOGRAD_AVAILABLE

enum { MOST_TAPS = 3, MOST_POINTS = 6, LANES = WINOGRAD_LANES };

/* The tap that is number (a, b) of phase (py, px), counted from the other end for the transpose. */
WINOGRAD_INLINE int tap_at(winograd_kind k, bool mirrored, int phase, int a, int b)
{
    int py = phase / k.phases, px = phase % k.phases;
    if (mirrored) a = k.taps - 1 - a, b = k.taps - 1 - b;
    return (k.phases * a + py) * k.taps * k.phases + k.phases * b + px;
}

/* Rows of 16 to columns, within blocks of 4x4 first, then block by block. */
WINOGRAD_INLINE void transpose(__m512 *x)
{
    __m512 y[LANES];
#pragma GCC unroll 4
    for (int i = 0; i < LANES; i += 4) {
        __m512 low = _mm512_unpacklo_ps(x[i], x[i + 1]), high = _mm512_unpackhi_ps(x[i], x[i + 1]);
        __m512 next_low = _mm512_unpacklo_ps(x[i + 2], x[i + 3]),
               next_high = _mm512_unpackhi_ps(x[i + 2], x[i + 3]);
        y[i] = _mm512_shuffle_ps(low, next_low, 0x44);
        y[i + 1] = _mm512_shuffle_ps(low, next_low, 0xEE);
        y[i + 2] = _mm512_shuffle_ps(high, next_high, 0x44);
        y[i + 3] = _mm512_shuffle_ps(high, next_high, 0xEE);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        __m512 even = _mm512_shuffle_f32x4(y[i], y[i + 4], 0x88),
               odd = _mm512_shuffle_f32x4(y[i], y[i + 4], 0xDD);
        __m512 next_even = _mm512_shuffle_f32x4(y[i + 8], y[i + 12], 0x88),
               next_odd = _mm512_shuffle_f32x4(y[i + 8], y[i + 12], 0xDD);
        x[i] = _mm512_shuffle_f32x4(even, next_even, 0x88);
        x[i + 4] = _mm512_shuffle_f32x4(odd, next_odd, 0x88);
        x[i + 8] = _mm512_shuffle_f32x4(even, next_even, 0xDD);
        x[i + 12] = _mm512_shuffle_f32x4(odd, next_odd, 0xDD);
    }
}

WINOGRAD_INLINE __mmask16 kernel_lanes(winograd_kind k)
{
    return (__mmask16)((1U << (k.taps * k.phases * k.taps * k.phases)) - 1);
}

/* Of 16 columns, of which `count` have kernels that begin `apart` floats from one another and the others
 * zeros, the rows of every phase, `phase_apart` floats from one another. */
WINOGRAD_INLINE void weigh_block(winograd_kind k, const float *w, int count, size_t apart, bool mirrored,
                                 float *to, size_t point, size_t phase_apart)
{
    int points = k.taps + WINOGRAD_SIDE - 1;
    __m512 taps[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        taps[i] =
            i < count ? _mm512_maskz_loadu_ps(kernel_lanes(k), w + (size_t)i * apart) : _mm512_setzero_ps();
    transpose(taps);
#pragma GCC unroll 4
    for (int phase = 0; phase < k.phases * k.phases; phase++) {
        __m512 rows[MOST_TAPS * MOST_POINTS];
        float *at = to + (size_t)phase * phase_apart;
#pragma GCC unroll 3
        for (int a = 0; a < k.taps; a++) {
            __m512 g[MOST_TAPS];
#pragma GCC unroll 3
            for (int b = 0; b < k.taps; b++) g[b] = taps[tap_at(k, mirrored, phase, a, b)];
            winograd_taps(k.taps, g, 1, rows + a * points, 1);
        }
#pragma GCC unroll 6
        for (int x = 0; x < points; x++) {
            __m512 u[MOST_POINTS];
            winograd_taps(k.taps, rows + x, points, u, 1);
#pragma GCC unroll 6
            for (int y = 0; y < points; y++) _mm512_storeu_ps(at + (size_t)(y * points + x) * point, u[y]);
        }
    }
}

/* The row of channel c in a phase, of rows that begin with channel 0. */
static int row_of(winograd_kind k, int c, int phase)
{
    return (c / LANES * k.phases * k.phases + phase) * LANES + c % LANES;
}

WINOGRAD_KERNEL void winograd_weigh(winograd_kind k, const conv_shape *s, const float *w, int first,
                                    const winograd_matrices *to)
{
    size_t cells = (size_t)(s->k * s->k), next = (size_t)s->c * cells;
    for (int c = 0; c < winograd_padded(s->c); c++)
        for (int o = 0; o < (int)to->columns; o += LANES) {
            int count = c < s->c ? s->o - first - o : 0;
            const float *from = w + ((size_t)(first + o) * (size_t)s->c + (size_t)c) * cells;
            float *at = winograd_panel(to, row_of(k, c, 0), o);
            size_t phase = (size_t)(winograd_panel(to, row_of(k, c, 1), o) - at);
            WINOGRAD_KIND(k, weigh_block, from, count, next, false, at, to->apart, phase);
        }
}

WINOGRAD_KERNEL void winograd_weigh_data(winograd_kind k, const conv_shape *s, const float *w, int first,
                                         const winograd_matrices *to)
{
    int points = k.taps + WINOGRAD_SIDE - 1;
    size_t cells = (size_t)(s->k * s->k), phase = (size_t)(points * points) * to->apart;
    for (int o = 0; o < winograd_padded(s->o); o++)
        for (int c = 0; c < (int)to->columns; c += LANES) {
            int count = o < s->o ? s->c - first - c : 0;
            const float *from = w + ((size_t)o * (size_t)s->c + (size_t)(first + c)) * cells;
            WINOGRAD_KIND(k, weigh_block, from, count, cells, true, winograd_panel(to, o, c), to->apart,
                          phase);
        }
}

WINOGRAD_INLINE __m512 sum_of_copies(const float *from, int copies, size_t apart)
{
    __m512 sum = _mm512_loadu_ps(from);
    for (int i = 1; i < copies; i++) sum = _mm512_add_ps(sum, _mm512_loadu_ps(from + (size_t)i * apart));
    return sum;
}

/* weigh_block the other way round, from the sum of copies of the rows. */
WINOGRAD_INLINE void unweigh_block(winograd_kind k, const float *from, size_t point, size_t phase_apart,
                                   int copies, size_t copies_apart, float *dw, int count, size_t apart,
                                   bool add)
{
    int points = k.taps + WINOGRAD_SIDE - 1;
    __m512 taps[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) taps[i] = _mm512_setzero_ps();
#pragma GCC unroll 4
    for (int phase = 0; phase < k.phases * k.phases; phase++) {
        __m512 rows[MOST_TAPS * MOST_POINTS];
        const float *at = from + (size_t)phase * phase_apart;
#pragma GCC unroll 6
        for (int x = 0; x < points; x++) {
            __m512 u[MOST_POINTS];
#pragma GCC unroll 6
            for (int y = 0; y < points; y++)
                u[y] = sum_of_copies(at + (size_t)(y * points + x) * point, copies, copies_apart);
            winograd_tap_sums(k.taps, u, 1, rows + x, points);
        }
#pragma GCC unroll 3
        for (int a = 0; a < k.taps; a++) {
            __m512 g[MOST_TAPS];
            winograd_tap_sums(k.taps, rows + a * points, 1, g, 1);
#pragma GCC unroll 3
            for (int b = 0; b < k.taps; b++) taps[tap_at(k, false, phase, a, b)] = g[b];
        }
    }
    transpose(taps);
    for (int i = 0; i < LANES && i < count; i++) {
        float *to = dw + (size_t)i * apart;
        if (add) taps[i] = _mm512_add_ps(taps[i], _mm512_maskz_loadu_ps(kernel_lanes(k), to));
        _mm512_mask_storeu_ps(to, kernel_lanes(k), taps[i]);
    }
}

WINOGRAD_KERNEL void winograd_unweigh(winograd_kind k, const conv_shape *s, int c,
                                      const winograd_matrices *from, int row, int copies, size_t apart,
                                      float *dw, bool add)
{
    size_t cells = (size_t)(s->k * s->k), next = (size_t)s->c * cells;
    for (int o = 0; o < s->o; o += LANES) {
        const float *at = winograd_panel(from, row_of(k, row, 0), o);
        size_t phase = (size_t)(winograd_panel(from, row_of(k, row, 1), o) - at);
        float *to = dw + ((size_t)o * (size_t)s->c + (size_t)c) * cells;
        WINOGRAD_KIND(k, unweigh_block, at, from->apart, phase, copies, apart, to, s->o - o, next, add);
    }
}

#endif
