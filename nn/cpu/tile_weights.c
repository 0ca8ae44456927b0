/* Gradients of weights. With stride s, x is s * s images, its phases, each of dz's size, and the weight of a
 * tap is the sum over the places of a string of x's phase times dz, shifted by the tap. Places are the depth
 * of the products: dz lies as rows of places, which any shift leaves rows, and x as pairs of places. Samples
 * are added up in parts that only depend on the shape. */
#include "nn/cpu/tile.h"

#if TILE_AVAILABLE

#include <omp.h>
#include <string.h>

enum {
    MOST_STRIDE = 2,
    MOST_TAPS = 16,
    GROUP = 4,    /* taps at a time: as many sums as hide the latency of a product */
    STRING = 512, /* places worth a string of their own */
    SUMS = TILE_ROWS * TILE_ROWS,
    MOST_PARTS = 16,
    PART_SUMS = 1 << 18 /* of all parts together, if there are more than two */
};

/* The taps of one phase that are added up at the same time. */
typedef struct tap_group {
    int phase, count;
    int taps[GROUP];         /* ky * k + kx */
    ptrdiff_t shifts[GROUP]; /* places from x to dz */
} tap_group;

typedef struct layout {
    tile_string t;
    size_t places, pitch, margin; /* whole tiles of places; of a row of dz, with a margin on both sides */
    size_t string, x, dz, sums;   /* elements: bf16 of a thread's string, x and dz; fp32 of a part's sums */
    int parts;
    tap_group groups[MOST_TAPS];
    int n_groups;
} layout;

static int floored(int a, int b)
{
    return a >= 0 ? a / b : -((b - 1 - a) / b);
}

bool tile_weights_suits(const backend *b, const conv_shape *s)
{
    bool near = floored(-s->pad, s->stride) >= -1 && floored(s->k - 1 - s->pad, s->stride) <= 1;
    return b->interleaved && near && s->k > 1 && s->k * s->k <= MOST_TAPS && s->stride <= MOST_STRIDE &&
           s->h == s->stride * s->oh && s->w == s->stride * s->ow && s->c % TILE_ROWS == 0 &&
           s->o % TILE_ROWS == 0;
}

/* The taps of phase (py, px), in groups of about the same size. */
static void group_taps(const conv_shape *s, int py, int px, layout *l)
{
    int taps[MOST_TAPS], n = 0;
    for (int tap = 0; tap < s->k * s->k; tap++) {
        int y = tap / s->k - s->pad, x = tap % s->k - s->pad;
        if (y - floored(y, s->stride) * s->stride == py && x - floored(x, s->stride) * s->stride == px)
            taps[n++] = tap;
    }
    int groups = (n + GROUP - 1) / GROUP;
    for (int i = 0; i < groups; i++) {
        tap_group *g = &l->groups[l->n_groups++];
        *g = (tap_group){.phase = py * s->stride + px};
        for (int j = n * i / groups; j < n * (i + 1) / groups; j++) {
            int y = floored(taps[j] / s->k - s->pad, s->stride),
                x = floored(taps[j] % s->k - s->pad, s->stride);
            g->taps[g->count] = taps[j];
            g->shifts[g->count++] = y * (ptrdiff_t)tile_row(&l->t) + x;
        }
    }
}

static layout layout_of(const conv_shape *s)
{
    layout l = {.t = {1, s->oh, s->ow}};
    int images = STRING / (int)tile_image(&l.t), weights = s->o * s->c * s->k * s->k;
    l.t.images = images < 1 ? 1 : images > s->n ? s->n : images;
    l.parts = PART_SUMS / weights;
    l.parts = l.parts < 2 ? 2 : l.parts > MOST_PARTS ? MOST_PARTS : l.parts;
    if (l.parts > s->n) l.parts = s->n;
    l.places = (tile_image(&l.t) * (size_t)l.t.images + TILE_DEPTH - 1) / TILE_DEPTH * TILE_DEPTH;
    l.margin = (tile_row(&l.t) + 1 + TILE_DEPTH - 1) / TILE_DEPTH * TILE_DEPTH;
    l.pitch = l.places + 2 * l.margin;
    if (l.pitch / TILE_DEPTH % 2 == 0) l.pitch += TILE_DEPTH; /* rows that do not compete in the cache */
    size_t most = (size_t)(s->c > s->o ? s->c : s->o);
    l.string = l.places * most;
    l.x = l.places * (size_t)(s->c * s->stride * s->stride);
    l.dz = l.pitch * (size_t)s->o;
    l.sums = (size_t)weights;
    for (int phase = 0; phase < s->stride * s->stride; phase++)
        group_taps(s, phase / s->stride, phase % s->stride, &l);
    return l;
}

static size_t thread_bytes(const layout *l)
{
    return stage_align((l->string + l->x + l->dz) * sizeof(uint16_t));
}

size_t tile_weights_bytes(const conv_shape *s, int threads)
{
    layout l = layout_of(s);
    return (size_t)threads * thread_bytes(&l) + stage_align((size_t)l.parts * l.sums * sizeof(float));
}

/* Pixels from every `stride` of x. */
TILE_KERNEL static void lay_row(const uint16_t *x, size_t pixel, int width, int stride, uint16_t *to)
{
    for (int i = 0; i < width; i++, x += (size_t)stride * pixel, to += pixel)
        for (size_t c = 0; c < pixel; c += TILE_ROWS)
            _mm256_storeu_si256((__m256i *)(void *)(to + c),
                                _mm256_loadu_si256((const __m256i *)(const void *)(x + c)));
}

/* The pixels (stride y + py, stride x + px) of images (height * stride, width * stride, channels). */
static void lay_string(const layout *l, const uint16_t *from, int channels, int stride, int py, int px,
                       int images, uint16_t *string)
{
    size_t pixel = (size_t)channels, width = (size_t)(l->t.width * stride);
    memset(string, 0, l->places * pixel * sizeof *string);
    for (int n = 0; n < images; n++)
        for (int y = 0; y < l->t.height; y++) {
            size_t line = (size_t)((n * l->t.height + y) * stride + py) * width + (size_t)px;
            lay_row(from + line * pixel, pixel, l->t.width, stride,
                    string + tile_place(&l->t, n, y, 0) * pixel);
        }
}

/* Two places of 16 channels, channel by channel. */
TILE_KERNEL static inline __m512i paired(const uint16_t *place, size_t pixel)
{
    __m512i low = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)place));
    __m512i high = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)(place + pixel)));
    return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

/* x as tiles: block of channels, places. */
TILE_KERNEL static void pack_x(const layout *l, const uint16_t *string, int channels, uint16_t *to)
{
    size_t pixel = (size_t)channels;
    for (size_t c = 0; c < pixel; c += TILE_ROWS)
        for (size_t place = 0; place < l->places; place += 2, to += TILE_DEPTH)
            _mm512_storeu_si512(to, paired(string + place * pixel + c, pixel));
}

/* dz as rows of places, whose margins are zero. */
TILE_KERNEL static void pack_dz(const layout *l, const uint16_t *string, int channels, uint16_t *to)
{
    _Alignas(64) uint32_t words[TILE_ROWS * TILE_ROWS];
    size_t pixel = (size_t)channels, end = l->margin + l->places;
    for (size_t o = 0; o < pixel; o++) {
        memset(to + o * l->pitch, 0, l->margin * sizeof *to);
        memset(to + o * l->pitch + end, 0, (l->pitch - end) * sizeof *to);
    }
    for (size_t o = 0; o < pixel; o += TILE_ROWS)
        for (size_t place = 0; place < l->places; place += TILE_DEPTH) {
            for (size_t i = 0; i < TILE_ROWS; i++)
                _mm512_store_si512(words + i * TILE_ROWS,
                                   paired(string + (place + 2 * i) * pixel + o, pixel));
            tile_transpose(words, to + o * l->pitch + l->margin + place, l->pitch * sizeof *to);
        }
}

/* sums (tap, 16, 16) of a group's taps and 16 x 16 channels, begun or gone on with. */
TILE_KERNEL static void sum_group(const layout *l, const tap_group *g, const uint16_t *x, const uint16_t *dz,
                                  float *sums, bool begin)
{
    const size_t row = TILE_ROWS * sizeof *sums, pitch = l->pitch * sizeof *dz;
    const uint16_t *from[GROUP];
    float *to[GROUP];
    int n = g->count;
    for (int i = 0; i < GROUP; i++) {
        from[i] = dz + l->margin - g->shifts[i < n ? i : 0];
        to[i] = sums + g->taps[i < n ? i : 0] * SUMS;
    }
    tile_fence();
    if (begin) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    } else {
        _tile_loadd(0, to[0], row);
        _tile_loadd(1, to[1], row);
        _tile_loadd(2, to[2], row);
        _tile_loadd(3, to[3], row);
    }
    for (size_t place = 0; place < l->places; place += TILE_DEPTH) {
        _tile_loadd(7, x + place * TILE_ROWS, TILE_DEPTH * sizeof *x);
        _tile_loadd(4, from[0] + place, pitch);
        _tile_dpbf16ps(0, 4, 7);
        if (n > 1) {
            _tile_loadd(5, from[1] + place, pitch);
            _tile_dpbf16ps(1, 5, 7);
        }
        if (n > 2) {
            _tile_loadd(6, from[2] + place, pitch);
            _tile_dpbf16ps(2, 6, 7);
        }
        if (n > 3) {
            _tile_loadd(4, from[3] + place, pitch);
            _tile_dpbf16ps(3, 4, 7);
        }
    }
    _tile_stored(0, to[0], row);
    if (n > 1) _tile_stored(1, to[1], row);
    if (n > 2) _tile_stored(2, to[2], row);
    if (n > 3) _tile_stored(3, to[3], row);
}

/* The products of one string of images; `memory` is the thread's. */
TILE_KERNEL static void sum_string(const conv_shape *s, const layout *l, const uint16_t *x,
                                   const uint16_t *dz, int images, uint16_t *memory, float *sums, bool begin)
{
    uint16_t *string = memory, *packed_x = string + l->string, *packed_dz = packed_x + l->x;
    size_t phase_cells = l->places * (size_t)s->c;
    for (int phase = 0; phase < s->stride * s->stride; phase++) {
        lay_string(l, x, s->c, s->stride, phase / s->stride, phase % s->stride, images, string);
        pack_x(l, string, s->c, packed_x + (size_t)phase * phase_cells);
    }
    lay_string(l, dz, s->o, 1, 0, 0, images, string);
    pack_dz(l, string, s->o, packed_dz);
    for (int o = 0; o < s->o; o += TILE_ROWS)
        for (int c = 0; c < s->c; c += TILE_ROWS, sums += s->k * s->k * SUMS)
            for (int i = 0; i < l->n_groups; i++) {
                const tap_group *g = &l->groups[i];
                const uint16_t *block = packed_x + (size_t)g->phase * phase_cells + (size_t)c * l->places;
                sum_group(l, g, block, packed_dz + (size_t)o * l->pitch, sums, begin);
            }
}

TILE_KERNEL static void sum_part(const conv_shape *s, const layout *l, const uint16_t *x, const uint16_t *dz,
                                 int part, uint16_t *memory, float *sums)
{
    int first = s->n * part / l->parts, end = s->n * (part + 1) / l->parts;
    tile_begin();
    for (int n = first; n < end; n += l->t.images)
        sum_string(s, l, x + (size_t)n * (size_t)(s->h * s->w * s->c),
                   dz + (size_t)n * (size_t)(s->oh * s->ow * s->o),
                   end - n < l->t.images ? end - n : l->t.images, memory, sums, n == first);
    tile_end();
}

/* The sums of all parts for channel o of dz and 16 of x, as taps of a channel. */
TILE_KERNEL static void join_parts(const conv_shape *s, const layout *l, const float *sums, int o, int c,
                                   float *dw, bool add)
{
    _Alignas(64) float joined[MOST_TAPS * TILE_ROWS], taps[TILE_ROWS * MOST_TAPS];
    int n = s->k * s->k, block = o / TILE_ROWS * (s->c / TILE_ROWS) + c / TILE_ROWS;
    const float *from = sums + (size_t)(block * n * SUMS) + o % TILE_ROWS * TILE_ROWS;
    for (int tap = 0; tap < MOST_TAPS; tap++) {
        __m512 sum = _mm512_setzero_ps();
        for (int part = 0; part < l->parts && tap < n; part++)
            sum = _mm512_add_ps(sum, _mm512_loadu_ps(from + (size_t)part * l->sums + tap * SUMS));
        _mm512_store_ps(joined + tap * TILE_ROWS, sum);
    }
    tile_transpose(joined, taps, MOST_TAPS * sizeof *taps);
    float *to = dw + (size_t)(o * s->c + c) * (size_t)n;
    __mmask16 real = (__mmask16)((1U << n) - 1), old = add ? real : 0;
    for (int i = 0; i < TILE_ROWS; i++, to += n) {
        __m512 row = _mm512_load_ps(taps + i * MOST_TAPS);
        _mm512_mask_storeu_ps(to, real, _mm512_add_ps(_mm512_maskz_loadu_ps(old, to), row));
    }
}

void tile_weights(const conv_shape *s, const void *x, const void *dz, float *dw, bool add, int threads,
                  void *scratch)
{
    layout l = layout_of(s);
    float *sums = scratch;
    char *memory = (char *)scratch + stage_align((size_t)l.parts * l.sums * sizeof *sums);
    int blocks = s->c / TILE_ROWS;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int part = 0; part < l.parts; part++)
        sum_part(s, &l, x, dz, part,
                 (uint16_t *)(void *)(memory + (size_t)omp_get_thread_num() * thread_bytes(&l)),
                 sums + (size_t)part * l.sums);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int i = 0; i < s->o * blocks; i++)
        join_parts(s, &l, sums, i / blocks, i % blocks * TILE_ROWS, dw, add);
}

#else

bool tile_weights_suits(const backend *b, const conv_shape *s)
{
    (void)b, (void)s;
    return false;
}

size_t tile_weights_bytes(const conv_shape *s, int threads)
{
    (void)s, (void)threads;
    return 0;
}

void tile_weights(const conv_shape *s, const void *x, const void *dz, float *dw, bool add, int threads,
                  void *scratch)
{
    (void)s, (void)x, (void)dz, (void)dw, (void)add, (void)threads, (void)scratch;
}

#endif
