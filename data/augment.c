#include "data/augment.h"

#include "base/kernel.h"
#include "base/rng.h"

#include <math.h>
#include <stddef.h>

const augment_opts augment_classic = {
    .degrees = 15, .translate = 0.15F, .scale = 0.15F, .brightness = 0.2F, .contrast = 0.2F, .noise = 0.05F};

/* From an output pixel (dx,dy), counted from the centre, to the input: (a dx - b dy + x, b dx + a dy + y). */
typedef struct mapping {
    float a, b, x, y;
} mapping;

/* The inverse of: turn by `angle` and zoom about the centre, then shift by (tx,ty) pixels. */
static mapping draw_mapping(rng *r, int size, const augment_opts *o)
{
    double angle = rng_between(r, -o->degrees, o->degrees) * (3.14159265358979323846 / 180);
    double tx = rng_between(r, -o->translate, o->translate) * size;
    double ty = rng_between(r, -o->translate, o->translate) * size;
    double zoom = exp(rng_between(r, -o->scale, o->scale));
    double a = cos(angle) / zoom, b = sin(angle) / zoom, centre = (size - 1) / 2.0;
    return (mapping){(float)a, (float)b, (float)(centre - a * tx + b * ty),
                     (float)(centre - b * tx - a * ty)};
}

CPU_INLINE float clamp(float v, float low, float high)
{
    float above = v < low ? low : v;
    return above > high ? high : above;
}

enum { STRIP = 64 }; /* pixels of a row that are looked for at once */

/* Of the pixels of a strip: the input's pixel up left of where it is fetched from, how far the ones right of
 * and below it lie in memory (0 at the edge), and the parts of the way there. */
typedef struct taps {
    int at[STRIP], right[STRIP], down[STRIP];
    float across[STRIP], along[STRIP];
} taps;

CPU_KERNEL static void find_taps(taps *t, int size, mapping m, float dx, float dy)
{
    float last = (float)(size - 1);
    for (int i = 0; i < STRIP; i++) {
        float d = dx + (float)i;
        float x = clamp(m.x + m.a * d - m.b * dy, 0, last), y = clamp(m.y + m.b * d + m.a * dy, 0, last);
        int column = (int)x, row = (int)y;
        t->at[i] = row * size + column;
        t->right[i] = column + 1 < size ? 1 : 0;
        t->down[i] = row + 1 < size ? size : 0;
        t->across[i] = x - (float)column;
        t->along[i] = y - (float)row;
    }
}

CPU_KERNEL static void interpolate(const taps *restrict t, const float *restrict in, float *restrict out,
                                   int n)
{
    for (int i = 0; i < n; i++) {
        const float *above = in + t->at[i], *below = above + t->down[i];
        float top = above[0] + t->across[i] * (above[t->right[i]] - above[0]);
        float bottom = below[0] + t->across[i] * (below[t->right[i]] - below[0]);
        out[i] = top + t->along[i] * (bottom - top);
    }
}

static void warp(const float *in, float *out, int size, mapping m)
{
    taps t;
    float centre = (float)(size - 1) / 2;
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x += STRIP) {
            find_taps(&t, size, m, (float)x - centre, (float)y - centre);
            interpolate(&t, in, out + (ptrdiff_t)y * size + x, size - x < STRIP ? size - x : STRIP);
        }
}

/* The sum by lanes has one order for vectors of any width. */
CPU_KERNEL static double mean_of(const float *values, ptrdiff_t n)
{
    enum { LANES = 16 };
    double lanes[LANES] = {0}, sum = 0;
    ptrdiff_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int lane = 0; lane < LANES; lane++) lanes[lane] += (double)values[i + lane];
    for (; i < n; i++) sum += (double)values[i];
    for (int lane = 0; lane < LANES; lane++) sum += lanes[lane];
    return sum / (double)n;
}

/* What happens to the values of pixels. */
typedef struct light {
    float mean, contrast, brightness; /* mean: of the image, which contrast leaves */
    float noise;                      /* its standard deviation */
} light;

static light draw_light(rng *r, float mean, const augment_opts *o)
{
    float brightness = (float)rng_between(r, -o->brightness, o->brightness);
    float contrast = expf((float)rng_between(r, -o->contrast, o->contrast));
    return (light){mean, contrast, brightness, (float)rng_between(r, 0, o->noise)};
}

CPU_KERNEL static void relight(float *values, ptrdiff_t n, light l)
{
    for (ptrdiff_t i = 0; i < n; i++) values[i] = l.mean + (values[i] - l.mean) * l.contrast + l.brightness;
}

CPU_KERNEL static void add_noise(float *restrict values, const float *restrict normals, ptrdiff_t n, light l)
{
    for (ptrdiff_t i = 0; i < n; i++) values[i] = clamp(values[i] + l.noise * normals[i], -1, 1);
}

/* In strips, so that the noise stays in the innermost cache. */
static void finish(float *out, ptrdiff_t pixels, light l, uint64_t noise_key, uint64_t draw)
{
    enum { NOISE_STRIP = 1024 };
    float normals[NOISE_STRIP] = {0};
    for (ptrdiff_t start = 0; start < pixels; start += NOISE_STRIP) {
        ptrdiff_t n = pixels - start < NOISE_STRIP ? pixels - start : NOISE_STRIP;
        if (l.contrast != 1 || l.brightness != 0) relight(out + start, n, l);
        if (l.noise > 0) rng_fill_normal_from(noise_key, draw, (size_t)start, normals, (size_t)n);
        add_noise(out + start, normals, n, l);
    }
}

void augment_image(const float *in, float *out, int size, const augment_opts *o, uint64_t seed, uint64_t draw)
{
    rng r = rng_open(seed, "augment", draw);
    ptrdiff_t pixels = (ptrdiff_t)size * size;
    warp(in, out, size, draw_mapping(&r, size, o));
    light l = draw_light(&r, (float)mean_of(out, pixels), o);
    finish(out, pixels, l, rng_key(seed, "augment/noise"), draw);
}
