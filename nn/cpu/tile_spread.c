/* In one dimension big[2i + p] = small[i + p - 1] w[3 - p] + small[i + p] w[1 - p] for the phases p = 0, 1: a
 * phase of big is a convolution of 2x2 taps, whose two taps of a row are 2 o values in a row of memory. Every
 * value is the sum of the same products in the same order, whatever the number of threads. */
#include "nn/cpu/tile.h"

#if TILE_AVAILABLE

#include <omp.h>
#include <string.h>

enum {
    K = 4,
    PHASES = 2, /* in each direction */
    TAPS = 2,   /* the same, of a phase */
    BLOCKS = 4, /* tiles of pixels at a time: as many sums as hide the latency of a product */
    PIXELS = BLOCKS * TILE_ROWS,
    STRING = 512 /* places worth a string of its own */
};

bool tile_spread_suits(const backend *b, const conv_shape *s)
{
    return b->interleaved && s->k == K && s->stride == 2 && s->pad == 1 && s->h == 2 * s->oh &&
           s->w == 2 * s->ow && s->c % TILE_ROWS == 0 && s->o % TILE_ROWS == 0;
}

/* Images that make one string: enough to fill tiles, few enough for every thread to get some. */
static tile_string string_of(const conv_shape *s, int threads)
{
    tile_string t = {1, s->oh, s->ow};
    int fill = STRING / (int)tile_image(&t), share = (s->n + threads - 1) / threads;
    t.images = fill < share ? fill : share;
    if (t.images < 1) t.images = 1;
    return t;
}

static size_t whole_blocks(const tile_string *t)
{
    return ((size_t)t->images * tile_image(t) + PIXELS - 1) / PIXELS * PIXELS;
}

static size_t string_bytes(const conv_shape *s, const tile_string *t)
{
    size_t past = TAPS * tile_row(t) + TAPS; /* the furthest tap of the last place */
    return stage_align((whole_blocks(t) + past) * (size_t)s->o * sizeof(uint16_t));
}

static size_t packed_bytes(const conv_shape *s)
{
    return stage_align((size_t)(s->o * s->c * K * K) * sizeof(uint16_t));
}

size_t tile_spread_bytes(const conv_shape *s, int threads)
{
    tile_string t = string_of(s, threads);
    return packed_bytes(s) + (size_t)threads * string_bytes(s, &t);
}

/* Tiles of the depth of one row of taps. */
static int depth_tiles(const conv_shape *s)
{
    return TAPS * s->o / TILE_DEPTH;
}

/* The first tile of weights for 16 channels, a phase and a row of taps. */
static size_t packed_at(const conv_shape *s, int block, int py, int px, int a)
{
    int row = ((block * PHASES + py) * PHASES + px) * TAPS + a;
    return (size_t)(row * depth_tiles(s)) * TILE_CELLS;
}

/* Channels o and o + 1 of small, 16 of big: a row of pairs for each of the 16 taps. */
TILE_KERNEL static void pack_pair(const conv_shape *s, const float *w, int block, int o, uint16_t *packed)
{
    uint32_t words[TILE_ROWS * K * K], taps[K * K * TILE_ROWS];
    const float *first = w + (size_t)(o * s->c + block * TILE_ROWS) * K * K, *second = first + s->c * K * K;
    for (int i = 0; i < TILE_ROWS; i++) {
        __m512i low = _mm512_cvtepu16_epi32(tile_rounded(_mm512_loadu_ps(first + i * K * K)));
        __m512i high = _mm512_cvtepu16_epi32(tile_rounded(_mm512_loadu_ps(second + i * K * K)));
        _mm512_storeu_si512(words + i * K * K, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    }
    tile_transpose(words, taps, TILE_ROWS * sizeof *taps);
    for (int tap = 0; tap < K * K; tap++) {
        int y = K - 1 - tap / K, x = K - 1 - tap % K; /* = p + 2 a */
        int depth = x / PHASES * s->o + o;
        uint16_t *to = packed + packed_at(s, block, y % PHASES, x % PHASES, y / PHASES) +
                       (size_t)(depth / TILE_DEPTH) * TILE_CELLS + (size_t)(depth % TILE_DEPTH) * TILE_ROWS;
        memcpy(to, taps + tap * TILE_ROWS, TILE_ROWS * sizeof *taps);
    }
}

static void lay_string(const conv_shape *s, const tile_string *t, const uint16_t *small, int images,
                       uint16_t *string)
{
    size_t row = (size_t)(s->ow * s->o);
    memset(string, 0, string_bytes(s, t));
    for (int n = 0; n < images; n++)
        for (int y = 0; y < s->oh; y++)
            memcpy(string + tile_place(t, n, y, 0) * (size_t)s->o, small + (size_t)(n * s->oh + y) * row,
                   row * sizeof *small);
}

/* sums (PIXELS, 16) of one phase from the places that begin at `string`. */
TILE_KERNEL static void sum_phase(const conv_shape *s, const uint16_t *string, size_t row,
                                  const uint16_t *packed, float *sums)
{
    int depth = depth_tiles(s);
    size_t pixel = (size_t)s->o * sizeof *string, apart = (size_t)s->o * TILE_ROWS;
    tile_fence();
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int a = 0; a < TAPS; a++, string += row * (size_t)s->o)
        for (int d = 0; d < depth; d++, packed += TILE_CELLS) {
            const uint16_t *from = string + d * TILE_DEPTH;
            _tile_loadd(7, packed, TILE_DEPTH * sizeof *packed);
            _tile_loadd(4, from, pixel);
            _tile_dpbf16ps(0, 4, 7);
            _tile_loadd(5, from + apart, pixel);
            _tile_dpbf16ps(1, 5, 7);
            _tile_loadd(6, from + 2 * apart, pixel);
            _tile_dpbf16ps(2, 6, 7);
            _tile_loadd(4, from + 3 * apart, pixel);
            _tile_dpbf16ps(3, 4, 7);
        }
    const size_t bytes = TILE_ROWS * sizeof *sums;
    _tile_stored(0, sums, bytes);
    _tile_stored(1, sums + TILE_ROWS * TILE_ROWS, bytes);
    _tile_stored(2, sums + 2 * TILE_ROWS * TILE_ROWS, bytes);
    _tile_stored(3, sums + 3 * TILE_ROWS * TILE_ROWS, bytes);
}

TILE_KERNEL static void store_cells(uint16_t *to, const float *sums, bool add)
{
    __m512 value = _mm512_loadu_ps(sums);
    if (add) {
        __m512i old = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)to));
        value = _mm512_add_ps(value, _mm512_castsi512_ps(_mm512_slli_epi32(old, 16)));
    }
    _mm256_storeu_si256((__m256i *)(void *)to, tile_rounded(value));
}

/* Those of the places first .. that are pixels; `to` is that of the string's first pixel in this phase. */
TILE_KERNEL static void store_phase(const conv_shape *s, const tile_string *t, int images, size_t first,
                                    const float *sums, uint16_t *to, bool add)
{
    size_t row = tile_row(t), rows = (size_t)t->height + 1, pixel = (size_t)s->c;
    size_t y = first / row, x = first % row, end = (size_t)images * rows;
    for (int i = 0; i < PIXELS && y < end; y++, x = 0) {
        size_t n = y / rows, inside = y % rows;
        uint16_t *line = to + (n * (size_t)s->h + 2 * inside) * (size_t)s->w * pixel;
        for (; x < row && i < PIXELS; x++, i++)
            if (inside < (size_t)t->height && x < (size_t)t->width)
                store_cells(line + 2 * x * pixel, sums + i * TILE_ROWS, add);
    }
}

TILE_KERNEL static void spread_string(const conv_shape *s, const tile_string *t, int images,
                                      const uint16_t *string, const uint16_t *packed, uint16_t *big, bool add)
{
    _Alignas(64) float sums[PIXELS * TILE_ROWS];
    size_t row = tile_row(t), end = (size_t)images * tile_image(t), line = (size_t)(s->w * s->c);
    tile_begin();
    for (size_t first = 0; first < end; first += PIXELS)
        for (int block = 0; block < s->c / TILE_ROWS; block++)
            for (int phase = 0; phase < PHASES * PHASES; phase++) {
                int py = phase / PHASES, px = phase % PHASES;
                size_t tap = first + (size_t)py * row + (size_t)px;
                sum_phase(s, string + tap * (size_t)s->o, row, packed + packed_at(s, block, py, px, 0), sums);
                store_phase(s, t, images, first, sums,
                            big + (size_t)py * line + (size_t)(px * s->c + block * TILE_ROWS), add);
            }
    tile_end();
}

void tile_spread(const conv_shape *s, const void *small, const float *w, void *big, bool add, int threads,
                 void *scratch)
{
    tile_string t = string_of(s, threads);
    uint16_t *packed = scratch;
    char *strings = (char *)scratch + packed_bytes(s);
    int pairs = s->o / 2, blocks = s->c / TILE_ROWS;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int i = 0; i < pairs * blocks; i++) pack_pair(s, w, i / pairs, i % pairs * 2, packed);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int first = 0; first < s->n; first += t.images) {
        int images = s->n - first < t.images ? s->n - first : t.images;
        uint16_t *own = (uint16_t *)(void *)(strings + (size_t)omp_get_thread_num() * string_bytes(s, &t));
        lay_string(s, &t, (const uint16_t *)small + (size_t)first * (size_t)(s->oh * s->ow * s->o), images,
                   own);
        spread_string(s, &t, images, own, packed,
                      (uint16_t *)big + (size_t)first * (size_t)(s->h * s->w * s->c), add);
    }
}

#else

bool tile_spread_suits(const backend *b, const conv_shape *s)
{
    (void)b;
    (void)s;
    return false;
}

size_t tile_spread_bytes(const conv_shape *s, int threads)
{
    (void)s;
    (void)threads;
    return 0;
}

void tile_spread(const conv_shape *s, const void *small, const float *w, void *big, bool add, int threads,
                 void *scratch)
{
    (void)s, (void)small, (void)w, (void)big, (void)add, (void)threads, (void)scratch;
}

#endif
