#include "nn/cpu/thin_conv.h"

#include <omp.h>
#include <string.h>

/* Eight channels at a time in one vector. GNU vector types: loops over channels inside loops over taps are
 * beyond what the compiler vectorises by itself with sums kept in registers. */
enum { GROUP = 8, PIXELS = 8 };
typedef float group __attribute__((vector_size(GROUP * sizeof(float)), may_alias));
typedef int32_t order __attribute__((vector_size(GROUP * sizeof(int32_t))));

static int groups_of(const thin_conv *t)
{
    return (int)view_padded(&t->wide) / GROUP;
}

/* Groups of one sample: block, then half of a block of 16. */
static size_t group_offset(const view *wide, int g)
{
    int per_block = wide->lanes / GROUP;
    return (size_t)(g / per_block) * view_slab(wide) + (size_t)(g % per_block * GROUP);
}

/* Where weight (t, c, ky, kx) of the plain tensor lies. */
static size_t plain_weight(const thin_conv *t, int thin, int wide, int ky, int kx)
{
    int row = t->thin_is_out ? thin * t->wide.channels + wide : wide * t->thin.channels + thin;
    int y = t->flip ? t->k - 1 - ky : ky, x = t->flip ? t->k - 1 - kx : kx;
    return (size_t)((row * t->k + y) * t->k + x);
}

/* Packed weights are [thin][groups][k][k][GROUP]. */
static size_t packed_floats(const thin_conv *t)
{
    return (size_t)(t->thin.channels * groups_of(t) * t->k * t->k) * GROUP;
}

/* Visits every packed weight in order; `to_plain` writes the plain tensor, else the packed one. */
static void convert_weights(const thin_conv *t, float *packed, float *plain, const float *source, bool add)
{
    size_t p = 0;
    for (int i = 0; i < t->thin.channels; i++)
        for (int g = 0; g < groups_of(t); g++)
            for (int ky = 0; ky < t->k; ky++)
                for (int kx = 0; kx < t->k; kx++)
                    for (int j = 0; j < GROUP; j++, p++) {
                        int c = g * GROUP + j;
                        bool real = c < t->wide.channels;
                        size_t at = real ? plain_weight(t, i, c, ky, kx) : 0;
                        if (!plain)
                            // cppcheck-suppress nullPointer ; `source` is NULL only where `plain` is given
                            packed[p] = real ? source[at] : 0;
                        else if (real)
                            plain[at] = (add ? plain[at] : 0) + packed[p];
                    }
}

/* ---- wide to thin ---- */

/* The eight sums over the lanes of eight vectors. */
CPU_INLINE void sum_lanes(group *total, const group *a)
{
    static const order even = {0, 8, 2, 10, 4, 12, 6, 14}, odd = {1, 9, 3, 11, 5, 13, 7, 15};
    static const order front = {0, 1, 8, 9, 4, 5, 12, 13}, back = {2, 3, 10, 11, 6, 7, 14, 15};
    static const order low = {0, 1, 2, 3, 8, 9, 10, 11}, high = {4, 5, 6, 7, 12, 13, 14, 15};
    group pairs[4], quads[2];
    for (int i = 0; i < 4; i++)
        pairs[i] =
            __builtin_shuffle(a[2 * i], a[2 * i + 1], even) + __builtin_shuffle(a[2 * i], a[2 * i + 1], odd);
    for (int i = 0; i < 2; i++)
        quads[i] = __builtin_shuffle(pairs[2 * i], pairs[2 * i + 1], front) +
                   __builtin_shuffle(pairs[2 * i], pairs[2 * i + 1], back);
    *total = __builtin_shuffle(quads[0], quads[1], low) + __builtin_shuffle(quads[0], quads[1], high);
}

/* One row of one thin channel: what stays the same for its pixels. */
typedef struct contract_row {
    const float *wide, *weight; /* of the sample; of the thin channel */
    const view *v;
    int groups, k, pad, y;
    int tap_first, tap_end; /* rows of taps inside the image */
} contract_row;

/* Sums of pixels x .. x + count - 1, over the columns of taps first .. end - 1, into sums (lanes apart). */
CPU_INLINE void contract_pixels(const contract_row *r, int x, int count, int first, int end, group *sums)
{
    group a[PIXELS] = {0};
    int lanes = r->v->lanes;
    for (int g = 0; g < r->groups; g++) {
        const float *plane = r->wide + group_offset(r->v, g);
        const float *taps = r->weight + (size_t)(g * r->k * r->k) * GROUP;
        for (int ky = r->tap_first; ky < r->tap_end; ky++) {
            const float *row = plane + (ptrdiff_t)((r->y + ky - r->pad) * r->v->width + x - r->pad) * lanes;
            for (int kx = first; kx < end; kx++) {
                group w = *(const group *)(const void *)(taps + (size_t)((ky * r->k + kx) * GROUP));
                for (int i = 0; i < count; i++)
                    a[i] += w * *(const group *)(const void *)(row + (ptrdiff_t)(kx + i) * lanes);
            }
        }
    }
    for (int i = 0; i < PIXELS; i++) sums[i] = a[i];
}

/* Stores pixels first .. end - 1 of a group of eight. */
CPU_INLINE void store_pixels(float *to, const group *sums, int first, int end, float bias, bool add)
{
    group total;
    sum_lanes(&total, sums);
    for (int i = first; i < end; i++) to[i] = (add ? to[i] : 0) + (total[i] + bias);
}

/* Pixels whose window lies inside the row go eight at a time, the last eight of them shifted to end with the
 * row's last; the others one by one. */
CPU_KERNEL static void contract_line(const contract_row *r, float *to, int width, float bias, bool add)
{
    int inner = r->pad > 0 ? r->pad : 0, outer = r->v->width - r->k + 1 + r->pad; /* inner <= x < outer */
    if (outer > width) outer = width;
    group sums[PIXELS];
    for (int x = 0; x < width;) {
        if (x >= inner && x < outer && outer - inner >= PIXELS) {
            int start = x + PIXELS <= outer ? x : outer - PIXELS;
            contract_pixels(r, start, PIXELS, 0, r->k, sums);
            store_pixels(to + start, sums, x - start, PIXELS, bias, add);
            x = start + PIXELS;
            continue;
        }
        int first = r->pad - x > 0 ? r->pad - x : 0, end = r->v->width + r->pad - x;
        contract_pixels(r, x, 1, first, end < r->k ? end : r->k, sums);
        store_pixels(to + x, sums, 0, 1, bias, add);
        x++;
    }
}

size_t thin_contract_bytes(const thin_conv *t)
{
    return packed_floats(t) * sizeof(float);
}

void thin_contract(const thin_conv *t, const float *wide, const float *weight, const float *bias, float *thin,
                   bool add, float *scratch)
{
    convert_weights(t, scratch, NULL, weight, false);
    int height = t->thin.height, channels = t->thin.channels;
#pragma omp parallel for schedule(static)
    for (int line = 0; line < t->thin.n * channels * height; line++) {
        int y = line % height, i = line / height % channels, n = line / height / channels;
        contract_row r = {.wide = wide + (size_t)n * view_sample(&t->wide),
                          .weight = scratch + (size_t)i * packed_floats(t) / (size_t)channels,
                          .v = &t->wide,
                          .groups = groups_of(t),
                          .k = t->k,
                          .pad = t->pad,
                          .y = y};
        r.tap_first = t->pad - y > 0 ? t->pad - y : 0;
        r.tap_end = t->wide.height + t->pad - y < t->k ? t->wide.height + t->pad - y : t->k;
        contract_line(&r, thin + (size_t)line * (size_t)t->thin.width, t->thin.width, bias ? bias[i] : 0,
                      add);
    }
}

/* ---- gradient of the weight ---- */

/* *acc += sum over x of wide[x] * thin[x * stride], x = 0 .. n - 1; pixels of wide lie `lanes` apart. */
CPU_INLINE void correlate(group *acc, const float *wide, const float *thin, int n, int lanes, int stride)
{
    group a = {0}, b = {0}, c = {0}, d = {0};
    int x = 0;
    for (; x + 4 <= n; x += 4) {
        const float *w = wide + (ptrdiff_t)x * lanes, *s = thin + (ptrdiff_t)x * stride;
        a += *(const group *)(const void *)w * s[0];
        b += *(const group *)(const void *)(w + lanes) * s[stride];
        c += *(const group *)(const void *)(w + 2 * lanes) * s[2 * stride];
        d += *(const group *)(const void *)(w + 3 * lanes) * s[3 * stride];
    }
    for (; x < n; x++)
        a += *(const group *)(const void *)(wide + (ptrdiff_t)x * lanes) * thin[(ptrdiff_t)x * stride];
    *acc += (a + b) + (c + d);
}

/* Adds one row of one group of wide channels to the taps of one thin channel. */
CPU_KERNEL static void weights_row(const thin_conv *t, const float *wide, const float *thin, int y,
                                   float *taps)
{
    int s = t->stride, lanes = t->wide.lanes, columns = t->wide.width;
    for (int ky = 0; ky < t->k; ky++) {
        int from = y * s + ky - t->pad;
        if (from < 0 || from >= t->thin.height) continue;
        for (int kx = 0; kx < t->k; kx++) {
            int shift = kx - t->pad; /* 0 <= x s + shift < width */
            int first = shift < 0 ? (-shift + s - 1) / s : 0, end = (t->thin.width - shift + s - 1) / s;
            if (end > columns) end = columns;
            if (first >= end) continue;
            const float *row = thin + (ptrdiff_t)from * t->thin.width + first * s + shift;
            group *to = (group *)(void *)(taps + (size_t)((ky * t->k + kx) * GROUP));
            correlate(to, wide + (ptrdiff_t)first * lanes, row, end - first, lanes, s);
        }
    }
}

static void weights_sample(const thin_conv *t, const float *wide, const float *thin, float *packed)
{
    int groups = groups_of(t), taps = t->k * t->k * GROUP;
    for (int g = 0; g < groups; g++)
        for (int y = 0; y < t->wide.height; y++)
            for (int i = 0; i < t->thin.channels; i++)
                weights_row(t, wide + group_offset(&t->wide, g) + (size_t)(y * t->wide.width * t->wide.lanes),
                            thin + (size_t)i * t->thin.area, y, packed + (size_t)((i * groups + g) * taps));
}

size_t thin_weights_bytes(const thin_conv *t)
{
    return packed_floats(t) * (size_t)t->threads * sizeof(float);
}

void thin_weights(const thin_conv *t, const float *wide, const float *thin, float *dweight, bool add,
                  float *scratch)
{
    size_t floats = packed_floats(t);
    memset(scratch, 0, thin_weights_bytes(t));
#pragma omp parallel for schedule(static) num_threads(t->threads)
    for (int n = 0; n < t->thin.n; n++)
        weights_sample(t, wide + (size_t)n * view_sample(&t->wide), thin + (size_t)n * view_sample(&t->thin),
                       scratch + floats * (size_t)omp_get_thread_num());
    for (int k = 1; k < t->threads; k++)
        for (size_t i = 0; i < floats; i++) scratch[i] += scratch[floats * (size_t)k + i];
    convert_weights(t, scratch, dweight, NULL, add);
}
