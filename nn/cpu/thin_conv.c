#include "nn/cpu/thin_conv.h"
#include "nn/cpu/cells.h"

#include <omp.h>

/* Eight channels at a time in one vector. GNU vector types: loops over channels inside loops over taps are
 * beyond what the compiler vectorises by itself with sums kept in registers. */
enum { GROUP = 8, PIXELS = 8 };
typedef float group __attribute__((vector_size(GROUP * sizeof(float)), may_alias));
typedef int32_t order __attribute__((vector_size(GROUP * sizeof(int32_t))));
typedef uint32_t bits __attribute__((vector_size(GROUP * sizeof(uint32_t)), may_alias));
typedef uint16_t halves __attribute__((vector_size(GROUP * sizeof(uint16_t)), may_alias));

/* Eight elements from `at` on. */
CPU_INLINE void load_group(group *to, const void *x, ptrdiff_t at, bool half)
{
    if (half)
        *to = (group)(__builtin_convertvector(*(const halves *)(const void *)((const uint16_t *)x + at), bits)
                      << 16);
    else
        *to = *(const group *)(const void *)((const float *)x + at);
}

/* acc += w * the eight elements from `at` on. */
CPU_INLINE void add_product(group *acc, const group *w, const void *x, ptrdiff_t at, bool half)
{
    group loaded;
    load_group(&loaded, x, at, half);
    *acc += *w * loaded;
}

/* acc += factor * the eight elements from `at` on. */
CPU_INLINE void add_scaled(group *acc, float factor, const void *x, ptrdiff_t at, bool half)
{
    group loaded;
    load_group(&loaded, x, at, half);
    *acc += loaded * factor;
}

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
    const void *wide;    /* of the sample */
    const float *weight; /* of the thin channel */
    const view *v;
    int groups, k, pad, y;
    int tap_first, tap_end; /* rows of taps inside the image */
} contract_row;

/* Sums of pixels x .. x + count - 1, over the columns of taps first .. end - 1, into sums (lanes apart). */
CPU_INLINE void contract_pixels(const contract_row *r, int x, int count, int first, int end, group *sums,
                                bool half)
{
    group a[PIXELS] = {0};
    int lanes = r->v->lanes;
    for (int g = 0; g < r->groups; g++) {
        ptrdiff_t plane = (ptrdiff_t)group_offset(r->v, g);
        const float *taps = r->weight + (size_t)(g * r->k * r->k) * GROUP;
        for (int ky = r->tap_first; ky < r->tap_end; ky++) {
            ptrdiff_t row = plane + (ptrdiff_t)((r->y + ky - r->pad) * r->v->width + x - r->pad) * lanes;
            for (int kx = first; kx < end; kx++) {
                group w = *(const group *)(const void *)(taps + (size_t)((ky * r->k + kx) * GROUP));
                for (int i = 0; i < count; i++)
                    add_product(&a[i], &w, r->wide, row + (ptrdiff_t)(kx + i) * lanes, half);
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
CPU_INLINE void contract_loop(const contract_row *r, float *to, int width, float bias, bool add, bool half)
{
    int inner = r->pad > 0 ? r->pad : 0, outer = r->v->width - r->k + 1 + r->pad; /* inner <= x < outer */
    if (outer > width) outer = width;
    group sums[PIXELS];
    for (int x = 0; x < width;) {
        if (x >= inner && x < outer && outer - inner >= PIXELS) {
            int start = x + PIXELS <= outer ? x : outer - PIXELS;
            contract_pixels(r, start, PIXELS, 0, r->k, sums, half);
            store_pixels(to + start, sums, x - start, PIXELS, bias, add);
            x = start + PIXELS;
            continue;
        }
        int first = r->pad - x > 0 ? r->pad - x : 0, end = r->v->width + r->pad - x;
        contract_pixels(r, x, 1, first, end < r->k ? end : r->k, sums, half);
        store_pixels(to + x, sums, 0, 1, bias, add);
        x++;
    }
}

CPU_KERNEL static void contract_line(const contract_row *r, float *to, int width, float bias, bool add)
{
    if (r->v->half)
        contract_loop(r, to, width, bias, add, true);
    else
        contract_loop(r, to, width, bias, add, false);
}

size_t thin_contract_bytes(const thin_conv *t)
{
    return packed_floats(t) * sizeof(float);
}

void thin_contract(const thin_conv *t, const void *wide, const float *weight, const float *bias, float *thin,
                   bool add, float *scratch)
{
    convert_weights(t, scratch, NULL, weight, false);
    int height = t->thin.height, channels = t->thin.channels;
#pragma omp parallel for schedule(static)
    for (int line = 0; line < t->thin.n * channels * height; line++) {
        int y = line % height, i = line / height % channels, n = line / height / channels;
        contract_row r = {.wide = view_at(&t->wide, wide, (size_t)n * view_sample(&t->wide)),
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
CPU_INLINE void correlate(group *acc, const void *wide, ptrdiff_t at, const float *thin, int n, int lanes,
                          int stride, bool half)
{
    group a = {0}, b = {0}, c = {0}, d = {0};
    int x = 0;
    for (; x + 4 <= n; x += 4) {
        ptrdiff_t w = at + (ptrdiff_t)x * lanes;
        const float *s = thin + (ptrdiff_t)x * stride;
        add_scaled(&a, s[0], wide, w, half);
        add_scaled(&b, s[stride], wide, w + lanes, half);
        add_scaled(&c, s[2 * stride], wide, w + 2 * lanes, half);
        add_scaled(&d, s[3 * stride], wide, w + 3 * lanes, half);
    }
    for (; x < n; x++) add_scaled(&a, thin[(ptrdiff_t)x * stride], wide, at + (ptrdiff_t)x * lanes, half);
    *acc += (a + b) + (c + d);
}

/* Adds one row of one group of wide channels to the taps of one thin channel. */
CPU_INLINE void weights_loop(const thin_conv *t, const void *wide, size_t start, const float *thin, int y,
                             float *taps, bool half)
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
            correlate(to, wide, (ptrdiff_t)start + (ptrdiff_t)first * lanes, row, end - first, lanes, s,
                      half);
        }
    }
}

CPU_KERNEL static void weights_row(const thin_conv *t, const void *wide, size_t start, const float *thin,
                                   int y, float *taps)
{
    if (t->wide.half)
        weights_loop(t, wide, start, thin, y, taps, true);
    else
        weights_loop(t, wide, start, thin, y, taps, false);
}

static void weights_sample(const thin_conv *t, const void *wide, const float *thin, float *packed)
{
    int groups = groups_of(t), taps = t->k * t->k * GROUP;
    for (int g = 0; g < groups; g++)
        for (int y = 0; y < t->wide.height; y++)
            for (int i = 0; i < t->thin.channels; i++)
                weights_row(t, wide, group_offset(&t->wide, g) + (size_t)(y * t->wide.width * t->wide.lanes),
                            thin + (size_t)i * t->thin.area, y, packed + (size_t)((i * groups + g) * taps));
}

size_t thin_weights_bytes(const thin_conv *t)
{
    return packed_floats(t) * (size_t)t->threads * sizeof(float);
}

void thin_weights(const thin_conv *t, const void *wide, const float *thin, float *dweight, bool add,
                  float *scratch)
{
    size_t floats = packed_floats(t);
    memset(scratch, 0, thin_weights_bytes(t));
#pragma omp parallel for schedule(static) num_threads(t->threads)
    for (int n = 0; n < t->thin.n; n++)
        weights_sample(t, view_at(&t->wide, wide, (size_t)n * view_sample(&t->wide)),
                       thin + (size_t)n * view_sample(&t->thin),
                       scratch + floats * (size_t)omp_get_thread_num());
    for (int k = 1; k < t->threads; k++)
        for (size_t i = 0; i < floats; i++) scratch[i] += scratch[floats * (size_t)k + i];
    convert_weights(t, scratch, dweight, NULL, add);
}

/* ---- thin to wide ---- */

/* One row of one group of wide channels: what stays the same for its pixels. */
typedef struct expand_row {
    const thin_conv *t;
    const float *thin, *packed; /* of the sample; of the group: tap (0, 0) of thin channel 0 */
    group bias;
    int y;
    nn_act act;
    bool add;
} expand_row;

/* Columns of taps first .. end - 1 lie inside the image for all of the pixels x .. x + count - 1. */
CPU_INLINE void expand_pixels(const expand_row *r, int x, int count, int first, int end, group *sums)
{
    const thin_conv *t = r->t;
    size_t taps = (size_t)(t->k * t->k) * GROUP, channel = taps * (size_t)groups_of(t);
    for (int i = 0; i < count; i++) sums[i] = r->bias;
    for (int c = 0; c < t->thin.channels; c++)
        for (int ky = 0; ky < t->k; ky++) {
            int from = r->y * t->stride + ky - t->pad;
            if (from < 0 || from >= t->thin.height) continue;
            const float *row = r->thin + (size_t)c * t->thin.area + (ptrdiff_t)from * t->thin.width - t->pad;
            for (int kx = first; kx < end; kx++) {
                const float *tap = r->packed + (size_t)c * channel + (size_t)((ky * t->k + kx) * GROUP);
                group w = *(const group *)(const void *)tap;
                for (int i = 0; i < count; i++) sums[i] += w * row[(ptrdiff_t)(x + i) * t->stride + kx];
            }
        }
}

CPU_INLINE void expand_store(const expand_row *r, void *to, size_t at, const group *sums, int count,
                             bool half)
{
    for (int i = 0; i < count; i++, at += (size_t)r->t->wide.lanes)
        for (int j = 0; j < GROUP; j++) {
            float x = sums[i][j], leaked = 0.2F * x;
            if (r->act != ACT_NONE) x = x < 0 ? (r->act == ACT_RELU ? 0 : leaked) : x;
            cell_store(to, at + (size_t)j, r->add ? cell_load(to, at + (size_t)j, half) + x : x, half);
        }
}

CPU_INLINE void expand_loop(const expand_row *r, void *to, size_t at, bool half)
{
    const thin_conv *t = r->t;
    group sums[PIXELS];
    int inner =
        (t->pad > 0 ? t->pad + t->stride - 1 : 0) / t->stride; /* inner <= x < outer: all taps inside */
    int outer = (t->thin.width + t->pad - t->k) / t->stride + 1;
    for (int x = 0; x < t->wide.width;) {
        int count = x >= inner && x + PIXELS <= outer ? PIXELS : 1;
        int left = t->pad - x * t->stride, right = t->thin.width + left;
        int first = count == 1 && left > 0 ? left : 0, end = count == 1 && right < t->k ? right : t->k;
        if (count == PIXELS)
            expand_pixels(r, x, PIXELS, 0, t->k, sums);
        else
            expand_pixels(r, x, 1, first, end, sums);
        expand_store(r, to, at + (size_t)x * (size_t)t->wide.lanes, sums, count, half);
        x += count;
    }
}

CPU_KERNEL static void expand_line(const expand_row *r, void *to, size_t at)
{
    if (r->t->wide.half)
        expand_loop(r, to, at, true);
    else
        expand_loop(r, to, at, false);
}

size_t thin_expand_bytes(const thin_conv *t)
{
    return packed_floats(t) * sizeof(float);
}

/* The bias of a group; zero in the padding. */
static void set_bias(expand_row *r, const float *bias, int g)
{
    r->bias = (group){0};
    for (int j = 0; bias && j < GROUP && g * GROUP + j < r->t->wide.channels; j++)
        r->bias[j] = bias[g * GROUP + j];
}

void thin_expand(const thin_conv *t, const float *thin, const float *weight, const float *bias, nn_act act,
                 void *wide, bool add, float *scratch)
{
    convert_weights(t, scratch, NULL, weight, false);
    int height = t->wide.height, groups = groups_of(t);
#pragma omp parallel for schedule(static)
    for (int line = 0; line < t->wide.n * height; line++) {
        int y = line % height, n = line / height;
        for (int g = 0; g < groups; g++) {
            expand_row r = {.t = t,
                            .thin = thin + (size_t)n * view_sample(&t->thin),
                            .packed = scratch + (size_t)(g * t->k * t->k) * GROUP,
                            .y = y,
                            .act = act,
                            .add = add};
            size_t at = (size_t)n * view_sample(&t->wide) + group_offset(&t->wide, g) +
                        (size_t)(y * t->wide.width) * (size_t)t->wide.lanes;
            set_bias(&r, bias, g);
            expand_line(&r, wide, at);
        }
    }
}
