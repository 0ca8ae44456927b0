#include "data/augment.h"

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

void augment_image(const float *in, float *out, int size, const augment_opts *o, uint64_t seed, uint64_t draw)
{
    rng r = rng_open(seed, "augment", draw);
    float mean = (float)warp(in, out, size, draw_mapping(&r, size, o));
    float brightness = (float)rng_between(&r, -o->brightness, o->brightness);
    float contrast = expf((float)rng_between(&r, -o->contrast, o->contrast));
    float noise = (float)rng_between(&r, 0, o->noise);
    for (ptrdiff_t p = 0; p < (ptrdiff_t)size * size; p++) {
        float value = out[p];
        if (contrast != 1 || brightness != 0) value = mean + (value - mean) * contrast + brightness;
        if (noise > 0) value += noise * (float)rng_normal(&r);
        out[p] = clamp(value, -1, 1);
    }
}
