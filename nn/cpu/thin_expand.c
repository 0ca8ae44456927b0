/* Thin to wide. */
#include "nn/cpu/thin_lines.h"

#include <omp.h>

/* One line of one group: pixels x .. x + count - 1. */
CPU_INLINE void expand_pixels(float *to, const float *thin, const int *offsets, const float *packed, int taps,
                              const group *bias, int count)
{
    const group *w = (const group *)(const void *)packed;
    group a[TILE];
    for (int i = 0; i < count; i++) a[i] = *bias;
    for (int tap = 0; tap < taps; tap++) {
        const float *from = thin + offsets[tap];
        for (int i = 0; i < count; i++) a[i] += w[tap] * from[i];
    }
    for (int i = 0; i < count; i++) ((group *)(void *)to)[i] = a[i];
}

/* `to` has room for whole tiles. */
CPU_KERNEL static void expand_line(float *to, const float *thin, const int *offsets, const float *packed,
                                   int taps, const float *bias, int width, int tile)
{
    const group *start = (const group *)(const void *)bias;
    if (tile == TILE)
        for (; width > 0; width -= TILE, thin += TILE, to += TILE * LANES)
            expand_pixels(to, thin, offsets, packed, taps, start, TILE);
    else
        for (; width > 0; width -= TILE / 2, thin += TILE / 2, to += TILE / 2 * LANES)
            expand_pixels(to, thin, offsets, packed, taps, start, TILE / 2);
}

static size_t expand_stretch(const thin_conv *t)
{
    return round_up((size_t)t->wide.width, TILE) * LANES;
}

static size_t expand_room_floats(const thin_conv *t)
{
    return round_up(thin_padded_floats(t), LANES) + expand_stretch(t) * (size_t)groups_of(t);
}

size_t thin_expand_bytes(const thin_conv *t)
{
    size_t shared = thin_packed_floats(t, taps_of(t)) + round_up((size_t)taps_of(t), LANES) +
                    (size_t)groups_of(t) * LANES;
    return (shared + expand_room_floats(t) * (size_t)t->threads) * sizeof(float);
}

/* What stays the same for all lines. */
typedef struct expand_job {
    const float *thin, *packed, *bias; /* bias: of all lanes */
    const int *offsets;
    nn_act act;
    bool add;
} expand_job;

/* Lines first .. end - 1 of all samples. */
static void expand_lines(const thin_conv *t, const expand_job *job, void *wide, float *room, int first,
                         int end)
{
    size_t stretch = expand_stretch(t), next_line = thin_padded(t).row * (size_t)t->stride;
    float *padded_thin = take(&room, thin_padded_floats(t)), *to = room;
    memset(padded_thin, 0, thin_padded_floats(t) * sizeof *padded_thin);
    int taps = taps_of(t);
    for (int line = first; line < end; line++) {
        int y = line % t->wide.height, n = line / t->wide.height;
        if (line == first || y == 0) thin_pad_sample(t, padded_thin, job->thin, n);
        for (int g = 0; g < groups_of(t); g++)
            expand_line(to + (size_t)g * stretch, padded_thin + (size_t)y * next_line, job->offsets,
                        job->packed + (size_t)(g * taps) * LANES, taps, job->bias + (size_t)g * LANES,
                        t->wide.width, t->tile);
        thin_store_line(&t->wide, view_at(&t->wide, wide, (size_t)n * view_sample(&t->wide)), to, stretch,
                        job->act, job->add, y);
    }
}

void thin_expand(const thin_conv *t, const float *thin, const float *weight, const float *bias, nn_act act,
                 void *wide, bool add, float *scratch)
{
    float *packed = take(&scratch, thin_packed_floats(t, taps_of(t)));
    int *offsets = (int *)(void *)take(&scratch, (size_t)taps_of(t));
    float *all_bias = take(&scratch, (size_t)groups_of(t) * LANES);
    thin_pack(t, packed, weight);
    thin_offsets(t, offsets);
    memset(all_bias, 0, (size_t)groups_of(t) * LANES * sizeof *all_bias);
    if (bias) memcpy(all_bias, bias, (size_t)t->wide.channels * sizeof *bias);
    expand_job job = {thin, packed, all_bias, offsets, act, add};
#pragma omp parallel num_threads(t->threads)
    {
        int first, end;
        thin_share_lines(t->wide.n * t->wide.height, &first, &end);
        expand_lines(t, &job, wide, scratch + expand_room_floats(t) * (size_t)omp_get_thread_num(), first,
                     end);
    }
}
