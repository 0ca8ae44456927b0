/* The gradient of the weight. */
#include "nn/cpu/thin_lines.h"

#include <omp.h>

enum {
    PARTS = 32,    /* thin_weights adds up the samples in at most this many parts */
    FEW_TAPS = 5,  /* and so many taps at a time where registers are few; */
    MANY_TAPS = 10 /* else as many as this: all of a 3x3 window, and the sum of the wide side itself */
};

/* to[i] += sum over x of wide[x] thin[i][x]. */
CPU_INLINE void weights_block(group *to, const group *wide, const float *const *thin, int width, int count)
{
    group a[MANY_TAPS] = {0};
    const float *from[MANY_TAPS];
    for (int i = 0; i < count; i++) from[i] = thin[i];
    for (int x = 0; x < width; x++)
        for (int i = 0; i < count; i++) a[i] += wide[x] * from[i][x];
    for (int i = 0; i < count; i++) to[i] += a[i];
}

/* One line of one group of the wide side with every tap; `taps` is a multiple of FEW_TAPS. */
CPU_KERNEL static void weights_line(float *packed, const float *wide, const float *const *thin, int width,
                                    int taps, int tile)
{
    group *to = (group *)(void *)packed;
    const group *line = (const group *)(const void *)wide;
    int i = 0;
    for (; tile == TILE && i + MANY_TAPS <= taps; i += MANY_TAPS)
        weights_block(to + i, line, thin + i, width, MANY_TAPS);
    for (; i < taps; i += FEW_TAPS) weights_block(to + i, line, thin + i, width, FEW_TAPS);
}

/* The taps, one more that meets nothing but ones (its weight is the sum of the wide side), and some that meet
 * zeros. */
static int weights_taps(const thin_conv *t)
{
    return (int)round_up((size_t)taps_of(t) + 1, FEW_TAPS);
}

/* What a thread needs for itself. */
typedef struct weights_room {
    float *thin, *line;  /* a padded sample; a line of the wide side */
    float *ones, *zeros; /* as long as a line */
    const float **taps;  /* where each begins for the current line */
} weights_room;

static size_t line_floats(const thin_conv *t)
{
    return (size_t)(t->wide.width * groups_of(t)) * LANES;
}

static size_t tap_floats(const thin_conv *t)
{
    return (size_t)weights_taps(t) * sizeof(float *) / sizeof(float);
}

static size_t weights_room_floats(const thin_conv *t)
{
    return round_up(thin_padded_floats(t), LANES) + line_floats(t) +
           2 * round_up((size_t)t->wide.width, LANES) + round_up(tap_floats(t), LANES);
}

static weights_room weights_room_at(const thin_conv *t, float *floats)
{
    memset(floats, 0, weights_room_floats(t) * sizeof *floats);
    size_t width = (size_t)t->wide.width;
    weights_room r = {.thin = take(&floats, thin_padded_floats(t)),
                      .line = take(&floats, line_floats(t)),
                      .ones = take(&floats, width),
                      .zeros = take(&floats, width),
                      .taps = (const float **)(void *)take(&floats, tap_floats(t))};
    for (size_t x = 0; x < width; x++) r.ones[x] = 1;
    return r;
}

static void weights_sample(const thin_conv *t, const void *wide, const void *gate, const int *offsets,
                           const weights_room *r, float *packed)
{
    size_t stretch = (size_t)t->wide.width * LANES, next_line = thin_padded(t).row * (size_t)t->stride;
    int taps = weights_taps(t), real = taps_of(t);
    for (int y = 0; y < t->wide.height; y++) {
        thin_load_line(&t->wide, r->line, stretch, wide, gate, t->slope, y, 0, t->wide.width);
        for (int i = 0; i < taps; i++)
            r->taps[i] = i < real    ? r->thin + (size_t)y * next_line + offsets[i]
                         : i == real ? r->ones
                                     : r->zeros;
        for (int g = 0; g < groups_of(t); g++)
            weights_line(packed + (size_t)(g * taps) * LANES, r->line + (size_t)g * stretch, r->taps,
                         t->wide.width, taps, t->tile);
    }
}

static int parts_of(const thin_conv *t)
{
    return smaller(PARTS, t->thin.n);
}

size_t thin_weights_bytes(const thin_conv *t)
{
    size_t shared =
        thin_packed_floats(t, weights_taps(t)) * (size_t)parts_of(t) + round_up((size_t)taps_of(t), LANES);
    return (shared + weights_room_floats(t) * (size_t)t->threads) * sizeof(float);
}

void thin_weights(const thin_conv *t, const void *wide, const void *gate, const float *thin, float *dweight,
                  bool add_weight, float *sums, bool add_sums, float *scratch)
{
    int taps = weights_taps(t), parts = parts_of(t);
    size_t floats = thin_packed_floats(t, taps);
    float *packed = take(&scratch, floats * (size_t)parts);
    int *offsets = (int *)(void *)take(&scratch, (size_t)taps_of(t));
    thin_offsets(t, offsets);
    memset(packed, 0, floats * (size_t)parts * sizeof *packed);
#pragma omp parallel num_threads(t->threads)
    {
        weights_room r = weights_room_at(t, scratch + weights_room_floats(t) * (size_t)omp_get_thread_num());
#pragma omp for schedule(static)
        for (int part = 0; part < parts; part++)
            for (int n = t->thin.n * part / parts; n < t->thin.n * (part + 1) / parts; n++) {
                thin_pad_sample(t, r.thin, thin, n);
                weights_sample(t, sample_of(&t->wide, wide, n), sample_of(&t->wide, gate, n), offsets, &r,
                               packed + floats * (size_t)part);
            }
    }
    for (int part = 1; part < parts; part++)
        for (size_t i = 0; i < floats; i++) packed[i] += packed[floats * (size_t)part + i];
    if (dweight) thin_unpack(t, dweight, packed, taps, add_weight);
    for (int c = 0; sums && c < t->wide.channels; c++)
        sums[c] = (add_sums ? sums[c] : 0) + packed[(c / LANES * taps + taps_of(t)) * LANES + c % LANES];
}
