/* Wide to thin. */
#include "nn/cpu/thin_lines.h"

#include <omp.h>

typedef float half_group __attribute__((vector_size(HALF_LANES * sizeof(float)), may_alias));

/* A line of the wide side has this many columns, of which the first is column -pad. */
static size_t ring_columns(const thin_conv *t)
{
    return round_up((size_t)t->thin.width, TILE) + (size_t)(t->k - 1);
}

/* The last k lines of the wide side and a line of zeros, [line % k][group][column][LANES]. */
typedef struct ring {
    float *lines;
    size_t stretch, line; /* floats of a group, of all groups */
    int next;             /* the first line of the sample that was not loaded yet */
    int *offsets;         /* of each tap (ky, kx) */
} ring;

static size_t ring_floats(const thin_conv *t)
{
    return (size_t)((t->k + 1) * groups_of(t)) * ring_columns(t) * LANES;
}

static ring ring_at(const thin_conv *t, float *floats, int *offsets)
{
    ring r = {.lines = floats, .stretch = ring_columns(t) * LANES, .offsets = offsets};
    r.line = r.stretch * (size_t)groups_of(t);
    memset(floats, 0, ring_floats(t) * sizeof *floats);
    return r;
}

/* Loads what line y of the thin side wants, and points the taps there. */
static void ring_advance(ring *r, const thin_conv *t, const void *wide, const void *gate, int y)
{
    int last = smaller(y + t->k - 1 - t->pad, t->wide.height - 1);
    int x = t->pad < 0 ? -t->pad : 0;
    int pixels = smaller(t->wide.width - x, (int)ring_columns(t) - x - t->pad);
    if (r->next < y - t->pad) r->next = y - t->pad;
    for (; r->next <= last; r->next++)
        thin_load_line(&t->wide, r->lines + (size_t)(r->next % t->k) * r->line + (x + t->pad) * LANES,
                       r->stretch, wide, gate, t->slope, r->next, x, pixels);
    for (int i = 0; i < window(t); i++) {
        int from = y + i / t->k - t->pad;
        bool inside = from >= 0 && from < t->wide.height;
        r->offsets[i] = (int)((size_t)(inside ? from % t->k : t->k) * r->line) + i % t->k * LANES;
    }
}

/* The eight sums over the lanes of eight vectors. */
CPU_INLINE void sum_lanes(half_group *total, const half_group *a)
{
    half_group pairs[4], quads[2];
    for (int i = 0; i < 4; i++)
        pairs[i] = __builtin_shufflevector(a[2 * i], a[2 * i + 1], 0, 8, 2, 10, 4, 12, 6, 14) +
                   __builtin_shufflevector(a[2 * i], a[2 * i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    for (int i = 0; i < 2; i++)
        quads[i] = __builtin_shufflevector(pairs[2 * i], pairs[2 * i + 1], 0, 1, 8, 9, 4, 5, 12, 13) +
                   __builtin_shufflevector(pairs[2 * i], pairs[2 * i + 1], 2, 3, 10, 11, 6, 7, 14, 15);
    *total = __builtin_shufflevector(quads[0], quads[1], 0, 1, 2, 3, 8, 9, 10, 11) +
             __builtin_shufflevector(quads[0], quads[1], 4, 5, 6, 7, 12, 13, 14, 15);
}

/* One line of one thin channel: what stays the same for its pixels. */
typedef struct contract_row {
    const float *lines, *packed;
    const int *offsets;
    size_t stretch, next_group; /* floats from one group to the next: of the lines, of the weights */
    int groups, taps;
} contract_row;

/* Pixels x .. x + count - 1, lanes folded to eight. */
CPU_INLINE void contract_pixels(const contract_row *r, int x, half_group *sums, int count)
{
    group a[TILE] = {0};
    for (int g = 0; g < r->groups; g++) {
        const float *line = r->lines + (size_t)g * r->stretch + (size_t)x * LANES;
        const group *w = (const group *)(const void *)(r->packed + (size_t)g * r->next_group);
        for (int tap = 0; tap < r->taps; tap++) {
            const group *from = (const group *)(const void *)(line + r->offsets[tap]);
            for (int i = 0; i < count; i++) a[i] += w[tap] * from[i];
        }
    }
    for (int i = 0; i < count; i++)
        sums[i] = __builtin_shufflevector(a[i], a[i], 0, 1, 2, 3, 4, 5, 6, 7) +
                  __builtin_shufflevector(a[i], a[i], 8, 9, 10, 11, 12, 13, 14, 15);
}

CPU_INLINE void contract_loop(const contract_row *r, float *to, int width, float bias, bool add, int tile)
{
    for (int x = 0; x < width; x += TILE) {
        half_group sums[TILE], total;
        for (int i = 0; i < TILE; i += tile) contract_pixels(r, x + i, sums + i, tile);
        sum_lanes(&total, sums);
        for (int i = 0; i < smaller(TILE, width - x); i++)
            to[x + i] = (add ? to[x + i] : 0) + (total[i] + bias);
    }
}

CPU_KERNEL static void contract_line(const contract_row *r, float *to, int width, float bias, bool add,
                                     int tile)
{
    if (tile == TILE)
        contract_loop(r, to, width, bias, add, TILE);
    else
        contract_loop(r, to, width, bias, add, TILE / 2);
}

static size_t contract_room_floats(const thin_conv *t) /* of one thread: ring and offsets */
{
    return round_up(ring_floats(t), LANES) + round_up((size_t)window(t), LANES);
}

size_t thin_contract_bytes(const thin_conv *t)
{
    size_t packed = thin_packed_floats(t, taps_of(t));
    return (packed + contract_room_floats(t) * (size_t)t->threads) * sizeof(float);
}

/* Lines first .. end - 1 of all samples. */
static void contract_lines(const thin_conv *t, const void *wide, const void *gate, const float *packed,
                           const float *bias, float *thin, bool add, ring *r, int first, int end)
{
    const view *v = &t->thin;
    for (int line = first; line < end; line++) {
        int y = line % v->height, n = line / v->height;
        if (y == 0) r->next = 0;
        ring_advance(r, t, sample_of(&t->wide, wide, n), sample_of(&t->wide, gate, n), y);
        for (int c = 0; c < v->channels; c++) {
            contract_row row = {.lines = r->lines,
                                .packed = packed + (size_t)(c * window(t)) * LANES,
                                .offsets = r->offsets,
                                .stretch = r->stretch,
                                .next_group = (size_t)taps_of(t) * LANES,
                                .groups = groups_of(t),
                                .taps = window(t)};
            size_t at = (size_t)n * view_sample(v) + (size_t)c * v->area + (size_t)(y * v->width);
            contract_line(&row, thin + at, v->width, bias ? bias[c] : 0, add, t->tile);
        }
    }
}

void thin_contract(const thin_conv *t, const void *wide, const void *gate, const float *weight,
                   const float *bias, float *thin, bool add, float *scratch)
{
    float *packed = take(&scratch, thin_packed_floats(t, taps_of(t)));
    thin_pack(t, packed, weight);
#pragma omp parallel num_threads(t->threads)
    {
        float *own = scratch + contract_room_floats(t) * (size_t)omp_get_thread_num();
        float *floats = take(&own, ring_floats(t));
        ring r = ring_at(t, floats, (int *)(void *)own);
        int first, end;
        thin_share_lines(t->thin.n * t->thin.height, &first, &end);
        contract_lines(t, wide, gate, packed, bias, thin, add, &r, first, end);
    }
}
