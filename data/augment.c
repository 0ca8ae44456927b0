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

static float clamp(float v, float low, float high)
{
    return v < low ? low : v > high ? high : v;
}

static float bilinear(const float *in, int size, float x, float y)
{
    float last = (float)(size - 1);
    x = clamp(x, 0, last);
    y = clamp(y, 0, last);
    int x0 = (int)x, y0 = (int)y;
    int x1 = x0 + 1 < size ? x0 + 1 : x0, y1 = y0 + 1 < size ? y0 + 1 : y0;
    float fx = x - (float)x0, fy = y - (float)y0;
    const float *above = in + (ptrdiff_t)y0 * size, *below = in + (ptrdiff_t)y1 * size;
    float top = above[x0] + fx * (above[x1] - above[x0]), bottom = below[x0] + fx * (below[x1] - below[x0]);
    return top + fy * (bottom - top);
}

/* Returns the mean of the result. */
static double warp(const float *in, float *out, int size, mapping m)
{
    float centre = (float)(size - 1) / 2;
    double sum = 0;
    for (int y = 0; y < size; y++) {
        float dy = (float)y - centre;
        for (int x = 0; x < size; x++) {
            float dx = (float)x - centre;
            float value = bilinear(in, size, m.x + m.a * dx - m.b * dy, m.y + m.b * dx + m.a * dy);
            out[(ptrdiff_t)y * size + x] = value;
            sum += (double)value;
        }
    }
    return sum / ((double)size * size);
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
    enum { STRIP = 1024 };
    float normals[STRIP] = {0};
    for (ptrdiff_t start = 0; start < pixels; start += STRIP) {
        ptrdiff_t n = pixels - start < STRIP ? pixels - start : STRIP;
        if (l.contrast != 1 || l.brightness != 0) relight(out + start, n, l);
        if (l.noise > 0) rng_fill_normal_from(noise_key, draw, (size_t)start, normals, (size_t)n);
        add_noise(out + start, normals, n, l);
    }
}

void augment_image(const float *in, float *out, int size, const augment_opts *o, uint64_t seed, uint64_t draw)
{
    rng r = rng_open(seed, "augment", draw);
    float mean = (float)warp(in, out, size, draw_mapping(&r, size, o));
    light l = draw_light(&r, mean, o);
    finish(out, (ptrdiff_t)size * size, l, rng_key(seed, "augment/noise"), draw);
}
