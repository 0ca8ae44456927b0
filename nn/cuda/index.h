/* Index arithmetic of the kernels: compiled for the device by nvcc, and for the host by any C compiler, so
 * that tests can check it on machines without a GPU. No tensor has 2^31 elements or more (the launches check
 * it), so 32 bits are enough. */
#ifndef NN_CUDA_INDEX_H
#define NN_CUDA_INDEX_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __CUDACC__
#define CUDA_BOTH static __host__ __device__ inline
#else
#define CUDA_BOTH static inline
#endif

#define NORMAL_FUNCTION CUDA_BOTH
#include "base/normal.h"

/* ---- functions of one number ---- */

CUDA_BOTH float normal_distribution(float x)
{
    return 0.5F * (1 + erff(x * 0.707106781F));
}

/* Phi(x) + x phi(x), the normal distribution and its density. */
CUDA_BOTH float gelu_slope(float x)
{
    return normal_distribution(x) + x * 0.398942280F * expf(-0.5F * x * x);
}

/* ---- layouts ---- */

/* A tensor (n, channels, area) in memory: [n][area][channels] if interleaved, else [n][channels][area]. */
typedef struct cuda_view {
    uint32_t n, channels, height, width, area;
    bool interleaved;
} cuda_view;

/* Where the element of NCHW index i lies. */
CUDA_BOTH uint32_t view_offset(cuda_view v, uint32_t i)
{
    if (!v.interleaved) return i;
    uint32_t plane = i / v.area, pixel = i % v.area;
    return (plane / v.channels * v.area + pixel) * v.channels + plane % v.channels;
}

/* The NCHW index of what lies at an offset. */
CUDA_BOTH uint32_t view_index(cuda_view v, uint32_t offset)
{
    if (!v.interleaved) return offset;
    uint32_t pixel = offset / v.channels, channel = offset % v.channels;
    return (pixel / v.area * v.channels + channel) * v.area + pixel % v.area;
}

/* ---- parts of rows ---- */

/* Rows of `width` floats between a dense array and part of a wider one. */
typedef struct cuda_band {
    uint32_t rows, width, whole, first; /* first: where the band starts in a row of `whole` floats */
} cuda_band;

/* Where element i of the dense array lies in the wider one. */
CUDA_BOTH uint32_t band_offset(cuda_band s, uint32_t i)
{
    return i / s.width * s.whole + s.first + i % s.width;
}

/* Where element i of (outer, times, inner) comes from in (outer, inner). */
CUDA_BOTH uint32_t repeated_from(uint32_t i, uint32_t times, uint32_t inner)
{
    return i / (times * inner) * inner + i % inner;
}

/* The row that an id names in a table of `rows` rows; `rows` where there is none. */
CUDA_BOTH uint32_t row_of_id(float id, uint32_t rows)
{
    return id >= 0 && id < (float)rows ? (uint32_t)id : rows;
}

/* A length as an input gives it: 0 to most; NaN is 0. */
CUDA_BOTH uint32_t known_length(float length, uint32_t most)
{
    return !(length > 0) ? 0 : length < (float)most ? (uint32_t)length : most;
}

/* ---- attention ---- */

typedef struct attention_sizes {
    uint32_t batch, heads, queries, keys, width, value_width; /* widths: of one head */
} attention_sizes;

/* Row t of head h of sample b, in order of (B,heads,rows). */
typedef struct attention_row {
    uint32_t b, h, t;
} attention_row;

CUDA_BOTH attention_row attention_row_of(uint32_t rows, uint32_t heads, uint32_t i)
{
    attention_row r = {i / rows / heads, i / rows % heads, i % rows};
    return r;
}

/* Where the head's columns start in a (B,rows,heads*width). */
CUDA_BOTH uint32_t attention_offset(uint32_t heads, uint32_t rows, uint32_t width, attention_row r)
{
    return ((r.b * rows + r.t) * heads + r.h) * width;
}

/* How many of the first keys a query sees. */
CUDA_BOTH uint32_t keys_seen(uint32_t known, bool causal, uint32_t query)
{
    return causal && query + 1 < known ? query + 1 : known;
}

/* ---- LSTM: the formulas of nn/ref/lstm.c for one element ---- */

typedef struct lstm_sizes {
    uint32_t batch, times, in, hidden;
} lstm_sizes;

typedef struct lstm_gates {
    float i, f, g, o; /* activated, or their gradients before activation */
} lstm_gates;

typedef struct lstm_states {
    float h, c;
} lstm_states;

/* Sample b and time t in a (B,T,..). */
CUDA_BOTH uint32_t lstm_row(lstm_sizes s, uint32_t b, uint32_t t)
{
    return b * s.times + t;
}

/* The k-th time that runs; `times` after the last. */
CUDA_BOTH uint32_t lstm_time(lstm_sizes s, bool reverse, uint32_t k)
{
    return reverse && k < s.times ? s.times - 1 - k : k;
}

/* Bytes that t * hidden floats from an aligned start are a multiple of, for any t; at most 64. */
CUDA_BOTH int lstm_alignment(uint32_t hidden)
{
    int bytes = 4;
    for (; bytes < 64 && hidden % 2 == 0; hidden /= 2) bytes *= 2;
    return bytes;
}

CUDA_BOTH float sigmoid_of(float x)
{
    return 1 / (1 + expf(-x));
}

/* z, b_ih and b_hh point to one element of gate i; the other gates follow every `hidden` floats. */
CUDA_BOTH lstm_gates lstm_gates_of(const float *z, const float *b_ih, const float *b_hh, uint32_t hidden)
{
    float sums[4];
    for (uint32_t k = 0; k < 4; k++) sums[k] = z[k * hidden] + (b_ih[k * hidden] + b_hh[k * hidden]);
    lstm_gates g = {sigmoid_of(sums[0]), sigmoid_of(sums[1]), tanhf(sums[2]), sigmoid_of(sums[3])};
    return g;
}

CUDA_BOTH void lstm_put(float *z, lstm_gates g, uint32_t hidden)
{
    z[0] = g.i;
    z[hidden] = g.f;
    z[2 * hidden] = g.g;
    z[3 * hidden] = g.o;
}

CUDA_BOTH lstm_states lstm_step(lstm_gates g, float c)
{
    float next = g.f * c + g.i * g.g;
    lstm_states s = {g.o * tanhf(next), next};
    return s;
}

/* `down` is what comes down to h and c after the step, c is from before it; *dc gets what goes on to that. */
CUDA_BOTH lstm_gates lstm_step_back(lstm_gates g, float c, lstm_states down, float *dc)
{
    float squashed = tanhf(g.f * c + g.i * g.g), cell = down.c + down.h * g.o * (1 - squashed * squashed);
    lstm_gates d = {cell * g.g * g.i * (1 - g.i), cell * c * g.f * (1 - g.f), cell * g.i * (1 - g.g * g.g),
                    down.h * squashed * g.o * (1 - g.o)};
    *dc = cell * g.f;
    return d;
}

/* ---- random numbers: base/rng.c on the device ---- */

typedef struct philox_words {
    uint32_t word[4];
} philox_words;

CUDA_BOTH philox_words philox_block(uint64_t key, uint64_t high, uint64_t low)
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = (uint32_t)low, c1 = (uint32_t)(low >> 32);
    uint32_t c2 = (uint32_t)high, c3 = (uint32_t)(high >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53U * c0;
        uint64_t p1 = (uint64_t)0xCD9E8D57U * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9U;
        k1 += 0xBB67AE85U;
    }
    philox_words out = {{c0, c1, c2, c3}};
    return out;
}

/* 32 bits to [0, 1): 2^-32 word, and the largest float below 1 where that rounds to 1. */
CUDA_BOTH float uniform_of(uint32_t word)
{
    float x = (float)word * 2.3283064365386963e-10F;
    return x < 0.99999994F ? x : 0.99999994F;
}

/* Gumbel noise from a uniform number, a multiple of 2^-32; 0 is taken for half of that. */
CUDA_BOTH float gumbel_of(float u)
{
    return -logf(-logf(u > 0 ? u : 0x1p-33F));
}

/* The first of the largest: of equals, the one with the lower index. NaN is never larger. */
typedef struct largest_logit {
    float value;
    uint32_t at;
} largest_logit;

CUDA_BOTH largest_logit larger_logit(largest_logit a, largest_logit b)
{
    return b.value > a.value || (b.value == a.value && b.at < a.at) ? b : a;
}

/* ---- pooling ---- */

typedef struct pool_window {
    int k, stride, pad, height, width, out_height, out_width; /* height, width: of the input */
} pool_window;

/* The taps first .. end - 1 of output row (or column) o that lie inside an image of that size. */
CUDA_BOTH void taps_inside(int k, int stride, int pad, int size, int o, int *first, int *end)
{
    int start = o * stride - pad;
    *first = start < 0 ? -start : 0;
    *end = start + k > size ? size - start : k;
}

/* The outputs first .. end - 1 whose window holds row (or column) i; at most `outputs` there are. */
CUDA_BOTH void outputs_over(int k, int stride, int pad, int outputs, int i, int *first, int *end)
{
    int low = i + pad - k + 1, high = (i + pad) / stride + 1;
    *first = low > 0 ? (low + stride - 1) / stride : 0;
    *end = high < outputs ? high : outputs;
}

/* ---- merged upsampling: conv_weights.cu says what for ---- */

/* The taps first .. end - 1 of three that go into tap t of four: k = 2 - t and 3 - t, as far as there are. */
CUDA_BOTH void small_taps(int t, int *first, int *end)
{
    *first = t < 2 ? 2 - t : 0;
    *end = t > 0 ? 4 - t : 3;
}

/* ---- rotation ---- */

/* The pixel of a side x side image that (y, x) shows after `quarters` quarter turns anticlockwise. */
CUDA_BOTH uint32_t turned_from(uint32_t quarters, uint32_t side, uint32_t y, uint32_t x)
{
    uint32_t last = side - 1;
    switch (quarters) {
    case 1:
        return x * side + last - y;
    case 2:
        return (last - y) * side + last - x;
    case 3:
        return (last - x) * side + y;
    default:
        return y * side + x;
    }
}

/* ---- DiffAugment ---- */

enum { AUGMENT_DRAWS = 6 };

/* What one sample's six draws mean. */
typedef struct augment_draw {
    float brightness, contrast;
    int down, right;                              /* translation in pixels */
    int cut_top, cut_left, cut_bottom, cut_right; /* bottom and right not included; empty without cutout */
} augment_draw;

typedef struct augment_flags {
    bool brightness, contrast, translation, cutout;
} augment_flags;

CUDA_BOTH augment_draw augment_draw_of(const float *t, augment_flags o, int height, int width)
{
    augment_draw d = {0, 1, 0, 0, 0, 0, 0, 0};
    if (o.brightness) d.brightness = t[0] - 0.5F;
    if (o.contrast) d.contrast = t[1] + 0.5F;
    if (o.translation) {
        int most = (height + 4) / 8;
        d.right = (int)floor((double)t[2] * (2 * most + 1)) - most;
        d.down = (int)floor((double)t[3] * (2 * most + 1)) - most;
    }
    if (o.cutout) {
        d.cut_top = (int)floor((double)t[4] * (height + 1)) - height / 4;
        d.cut_left = (int)floor((double)t[5] * (width + 1)) - width / 4;
        d.cut_bottom = d.cut_top + height / 2;
        d.cut_right = d.cut_left + height / 2;
    }
    return d;
}

/* Whether pixel (y, x) of the output shows pixel (y - down, x - right) of the input. */
CUDA_BOTH bool augment_shown(augment_draw d, int height, int width, int y, int x)
{
    int from_y = y - d.down, from_x = x - d.right;
    bool cut = y >= d.cut_top && y < d.cut_bottom && x >= d.cut_left && x < d.cut_right;
    bool here = y >= 0 && y < height && x >= 0 && x < width;
    return here && !cut && from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
}

#endif
