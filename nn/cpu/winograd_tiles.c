/* Between images and the matrices of Winograd's points.
 *
 * A convolution of 3x3 is one of 3 taps. One of 4x4 and stride 2 is, in one dimension, with the odd pixels
 * odd[i] = x[2i - 1] and the even ones even[i] = x[2i],
 *
 *     y[i] = odd[i] w0 + odd[i + 1] w2  +  even[i] w1 + even[i + 1] w3,
 *
 * two convolutions of 2 taps: phases, which count as two inputs of one. Its transpose makes each phase by
 * itself, from a window that begins a pixel earlier for the even one:
 *
 *     dx[2i + 1] = dy[i] w2 + dy[i + 1] w0,  dx[2i] = dy[i - 1] w3 + dy[i] w1. */
#include "nn/cpu/winograd_transforms.h"

#if WINOGRAD_AVAILABLE

enum {
    SIDE = WINOGRAD_SIDE,
    MOST_PHASES = 2,
    MOST_POINTS = 6, /* in one dimension */
    MOST_REACH = 10, /* pixels under a tile */
    MOST_ROWS = MOST_PHASES * MOST_REACH * MOST_POINTS
};

/* Element at which the channels of pixel (y, x) of a block begin. */
WINOGRAD_INLINE size_t pixel_at(const winograd_image *m, int sample, int block, int y, int x)
{
    size_t slab = (size_t)sample * (size_t)m->blocks + (size_t)block;
    return ((slab * (size_t)m->height + (size_t)y) * (size_t)m->width + (size_t)x) * WINOGRAD_LANES;
}

/* Where `lanes` has bits; elsewhere zeros, and nothing is read. */
WINOGRAD_INLINE __m512 load_lanes(const void *at, bool half, ptrdiff_t i, __mmask16 lanes)
{
    if (!half) return _mm512_maskz_loadu_ps(lanes, (const float *)at + i);
    __m256i cells = _mm256_maskz_loadu_epi16(lanes, (const uint16_t *)at + i);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(cells), 16));
}

WINOGRAD_INLINE __m512 load(const void *at, bool half, size_t i)
{
    return load_lanes(at, half, (ptrdiff_t)i, 0xFFFF);
}

/* To the nearest, as cell_store does; sums that are NaN stay so. */
WINOGRAD_INLINE void store(void *at, bool half, size_t i, __m512 value)
{
    if (!half) {
        _mm512_storeu_ps((float *)at + i, value);
        return;
    }
    const __m512i below = _mm512_set1_epi32(0x7FFF), one = _mm512_set1_epi32(1),
                  quiet = _mm512_set1_epi32(0x400000);
    __m512i bits = _mm512_castps_si512(value);
    __m512i tie = _mm512_and_si512(_mm512_srli_epi32(bits, 16), one);
    __m512i nearest = _mm512_add_epi32(bits, _mm512_add_epi32(below, tie));
    __mmask16 nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
    nearest = _mm512_mask_or_epi32(nearest, nan, bits, quiet);
    _mm256_storeu_si256((void *)((uint16_t *)at + i), _mm512_cvtepi32_epi16(_mm512_srli_epi32(nearest, 16)));
}

/* `count` pixels of a row from (y, x) on; zeros outside the image, unless all are `inside`. */
WINOGRAD_INLINE void load_row(const winograd_image *m, bool half, bool inside, size_t slab, int y, int x,
                              int count, __m512 *d)
{
    bool in_image = y >= 0 && y < m->height;
    ptrdiff_t at = (ptrdiff_t)slab + ((ptrdiff_t)y * m->width + x) * WINOGRAD_LANES;
#pragma GCC unroll 10
    for (int i = 0; i < count; i++) {
        bool there = inside || (in_image && x + i >= 0 && x + i < m->width);
        d[i] = load_lanes(m->at, half, at + i * WINOGRAD_LANES, there ? 0xFFFF : 0);
    }
}

/* Every stride-th of rows of points, from `first` on, transformed along the columns: the points of a tile. */
WINOGRAD_INLINE void take_columns(int taps, const __m512 *rows, int first, int stride, float *to,
                                  size_t apart)
{
    int points = taps + SIDE - 1;
#pragma GCC unroll 6
    for (int x = 0; x < points; x++) {
        __m512 v[MOST_POINTS];
        winograd_inputs(taps, rows + first * points + x, stride * points, v, 1);
#pragma GCC unroll 6
        for (int y = 0; y < points; y++) _mm512_storeu_ps(to + (size_t)(y * points + x) * apart, v[y]);
    }
}

/* `window` pixels of as many rows from (top, left) on as rows of points, phase by phase: those of phase p
 * begin `offset[p]` pixels later, and stand `stride` apart. */
WINOGRAD_INLINE void take_rows(int taps, const winograd_image *m, bool half, bool inside, size_t slab,
                               int top, int left, int window, int phases, const int *offset, int stride,
                               __m512 *rows)
{
    int points = taps + SIDE - 1;
    for (int r = 0; r < window; r++) {
        __m512 d[MOST_REACH];
        load_row(m, half, inside, slab, top + r, left, window, d);
        for (int p = 0; p < phases; p++)
            winograd_inputs(taps, d + offset[p], stride, rows + (p * window + r) * points, 1);
    }
}

static bool is_inside(const winograd_image *m, int top, int left, int side)
{
    return top >= 0 && left >= 0 && top + side <= m->height && left + side <= m->width;
}

WINOGRAD_INLINE void take_block(winograd_kind k, bool half, const winograd_image *x, winograd_tile t,
                                int block, float *to, size_t apart)
{
    const int offset[MOST_PHASES] = {0, 1};
    int points = k.taps + SIDE - 1, window = k.phases * points;
    size_t slab = pixel_at(x, t.sample, block, 0, 0);
    __m512 rows[MOST_ROWS];
    int top = k.phases * t.y - 1, left = k.phases * t.x - 1;
    if (is_inside(x, top, left, window))
        take_rows(k.taps, x, half, true, slab, top, left, window, k.phases, offset, k.phases, rows);
    else
        take_rows(k.taps, x, half, false, slab, top, left, window, k.phases, offset, k.phases, rows);
    for (int py = 0; py < k.phases; py++)
        for (int px = 0; px < k.phases; px++)
            take_columns(k.taps, rows + px * window * points, offset[py], k.phases,
                         to + (py * k.phases + px) * WINOGRAD_LANES, apart);
}

WINOGRAD_INLINE void take_data_block(winograd_kind k, bool half, const winograd_image *dy, winograd_tile t,
                                     int block, float *to, size_t apart)
{
    const int offset[MOST_PHASES] = {k.phases - 1, 0};
    int points = k.taps + SIDE - 1, window = points + k.phases - 1;
    size_t slab = pixel_at(dy, t.sample, block, 0, 0);
    __m512 rows[MOST_ROWS];
    if (is_inside(dy, t.y - 1, t.x - 1, window))
        take_rows(k.taps, dy, half, true, slab, t.y - 1, t.x - 1, window, k.phases, offset, 1, rows);
    else
        take_rows(k.taps, dy, half, false, slab, t.y - 1, t.x - 1, window, k.phases, offset, 1, rows);
    for (int py = 0; py < k.phases; py++)
        for (int px = 0; px < k.phases; px++)
            take_columns(k.taps, rows + px * window * points, offset[py], 1,
                         to + (size_t)((py * k.phases + px) * points * points) * apart, apart);
}

WINOGRAD_INLINE void take_outputs_block(winograd_kind k, bool half, const winograd_image *dy, winograd_tile t,
                                        int block, float *to, size_t apart)
{
    int points = k.taps + SIDE - 1;
    __m512 rows[SIDE * MOST_POINTS];
    size_t slab = pixel_at(dy, t.sample, block, 0, 0);
    for (int r = 0; r < SIDE; r++) {
        __m512 d[SIDE];
        load_row(dy, half, false, slab, t.y + r, t.x, SIDE, d);
        winograd_outputs(k.taps, d, 1, rows + r * points, 1);
    }
#pragma GCC unroll 6
    for (int x = 0; x < points; x++) {
        __m512 z[MOST_POINTS];
        winograd_outputs(k.taps, rows + x, points, z, 1);
#pragma GCC unroll 6
        for (int y = 0; y < points; y++) _mm512_storeu_ps(to + (size_t)(y * points + x) * apart, z[y]);
    }
}

WINOGRAD_INLINE __m512 finished(const winograd_finish *f, __m512 sum, __m512 bias)
{
    if (f->bias) sum = _mm512_add_ps(sum, bias);
    if (f->act == ACT_NONE) return sum;
    const __m512 slope = _mm512_set1_ps(f->act == ACT_LEAKY_RELU ? 0.2F : 0);
    __mmask16 negative = _mm512_cmp_ps_mask(sum, _mm512_setzero_ps(), _CMP_LT_OQ);
    return _mm512_mask_mul_ps(sum, negative, sum, slope);
}

/* The outputs of a tile from its points, `stride` pixels apart from the tile's (y, x) on: those that the
 * image has. */
WINOGRAD_INLINE void give_block(winograd_kind k, bool half, const winograd_image *image, winograd_tile t,
                                int block, int stride, const float *from, size_t apart,
                                const winograd_finish *f)
{
    int points = k.taps + SIDE - 1;
    __m512 rows[SIDE * MOST_POINTS];
    int left = image->channels - block * WINOGRAD_LANES;
    __mmask16 lanes = (__mmask16)(left < WINOGRAD_LANES ? (1U << left) - 1 : 0xFFFFU);
    __m512 bias =
        f->bias ? _mm512_maskz_loadu_ps(lanes, f->bias + block * WINOGRAD_LANES) : _mm512_setzero_ps();
#pragma GCC unroll 6
    for (int x = 0; x < points; x++) {
        __m512 m[MOST_POINTS];
#pragma GCC unroll 6
        for (int p = 0; p < points; p++) m[p] = _mm512_loadu_ps(from + (size_t)(p * points + x) * apart);
        winograd_sums(k.taps, m, 1, rows + x, points);
    }
    for (int r = 0, y = t.y; r < SIDE && y < image->height; r++, y += stride) {
        __m512 sums[SIDE];
        winograd_sums(k.taps, rows + r * points, 1, sums, 1);
#pragma GCC unroll 4
        for (int i = 0; i < SIDE; i++) {
            if (t.x + i * stride >= image->width) break;
            size_t at = pixel_at(image, t.sample, block, y, t.x + i * stride);
            __m512 value = finished(f, sums[i], bias);
            if (f->addend) value = _mm512_add_ps(value, load(f->addend, half, at));
            if (f->add) value = _mm512_add_ps(value, load(image->at, half, at));
            store(image->at, half, at, value);
        }
    }
}

WINOGRAD_KERNEL void winograd_fetch(const winograd_image *m, winograd_tile t, int side, bool to_write)
{
    size_t cell = m->half ? sizeof(uint16_t) : sizeof(float);
    int right = t.x + side < m->width ? t.x + side : m->width;
    for (int block = m->first; block < m->first + m->count; block++)
        for (int y = t.y; y < t.y + side && y < m->height; y++) {
            const char *row = (const char *)m->at + pixel_at(m, t.sample, block, y, t.x) * cell;
            const char *end = row + (size_t)(right - t.x) * WINOGRAD_LANES * cell;
            for (; row < end; row += 64) /* a line of the cache */
                if (to_write)
                    __builtin_prefetch(row, 1, 2);
                else
                    __builtin_prefetch(row, 0, 2);
        }
}

/* Calls function(kind, half, ...) with both constant. */
#define SPECIALISE(kind, is_half, function, ...)                                                             \
    do {                                                                                                     \
        if (is_half)                                                                                         \
            WINOGRAD_KIND(kind, function, true, __VA_ARGS__);                                                \
        else                                                                                                 \
            WINOGRAD_KIND(kind, function, false, __VA_ARGS__);                                               \
    } while (0)

WINOGRAD_KERNEL void winograd_take(winograd_kind k, const winograd_image *x, winograd_tile t,
                                   const winograd_matrices *to, int row)
{
    for (int i = 0; i < x->count; i++)
        SPECIALISE(k, x->half, take_block, x, t, x->first + i,
                   winograd_row(to, row) + i * k.phases * k.phases * WINOGRAD_LANES, to->apart);
}

WINOGRAD_KERNEL void winograd_take_data(winograd_kind k, const winograd_image *dy, winograd_tile t,
                                        const winograd_matrices *to, int row)
{
    for (int i = 0; i < dy->count; i++)
        SPECIALISE(k, dy->half, take_data_block, dy, t, dy->first + i,
                   winograd_row(to, row) + i * WINOGRAD_LANES, to->apart);
}

WINOGRAD_KERNEL void winograd_take_outputs(winograd_kind k, const winograd_image *dy, winograd_tile t,
                                           const winograd_matrices *to, int row)
{
    for (int i = 0; i < dy->count; i++)
        SPECIALISE(k, dy->half, take_outputs_block, dy, t, dy->first + i,
                   winograd_row(to, row) + i * WINOGRAD_LANES, to->apart);
}

WINOGRAD_KERNEL void winograd_give(winograd_kind k, const winograd_image *y, winograd_tile t,
                                   const winograd_matrices *from, int row, const winograd_finish *f)
{
    for (int i = 0; i < y->count; i++)
        SPECIALISE(k, y->half, give_block, y, t, y->first + i, 1,
                   winograd_row(from, row) + i * WINOGRAD_LANES, from->apart, f);
}

WINOGRAD_KERNEL void winograd_give_data(winograd_kind k, const winograd_image *dx, winograd_tile t,
                                        const winograd_matrices *from, int row, const winograd_finish *f)
{
    int points = k.taps + SIDE - 1, phases = k.phases, last = phases - 1;
    for (int i = 0; i < dx->count; i++)
        for (int phase = 0; phase < phases * phases; phase++) {
            winograd_tile own = {t.sample, phases * t.y + last - phase / phases,
                                 phases * t.x + last - phase % phases};
            const float *sums = winograd_row(from, row) + i * WINOGRAD_LANES +
                                (size_t)(phase * points * points) * from->apart;
            SPECIALISE(k, dx->half, give_block, dx, own, dx->first + i, phases, sums, from->apart, f);
        }
}

#endif
