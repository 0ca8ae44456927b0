/* From attenuation to a picture: primary beam exp(-mu L) (Beer-Lambert), scatter, blur, quantum noise,
 * logarithm, window.
 *
 * Scatter is the primary beam that the patient stopped, spread over several cm and scaled by the technique's
 * ratio, which veils the mediastinum more than the lungs (Niklason et al., Medical Physics 1981: scatter
 * fractions of 0.3-0.6 in the lungs, 0.6-0.9 in the mediastinum without a grid). Counts are Poisson, taken as
 * normal: over a thousand a pixel wherever it shows. Digital radiography shows the logarithm, windowed to the
 * histogram. */

#include "data/phantom/chest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS = 16, BLUR_MOST = 16, BINS = 1024 };

static inline int32_t bits_of(float f)
{
    int32_t i;
    memcpy(&i, &f, sizeof i);
    return i;
}

static inline float float_of(int32_t i)
{
    float f;
    memcpy(&f, &i, sizeof f);
    return f;
}

/* exp(x) for -80 <= x <= 0, relative error below 3e-6: 2^floor times a polynomial of the rest. Vectorises,
 * and is the same on every machine. */
static inline float fast_exp(float x)
{
    x = x > -80.0F ? x : -80.0F;
    float scaled = x * 1.44269504F;
    int32_t whole = (int32_t)(scaled - 0.5F); /* scaled <= 0: rounds to the nearest */
    float f = (scaled - (float)whole) * 0.693147181F;
    float p = 1.0F + f * (1.0F + f * (0.5F + f * (0.166666667F + f * (0.0416666667F + f * 0.00833333333F))));
    return p * float_of((whole + 127) << 23);
}

/* ln(x) for x > 0, absolute error below 1e-5: exponent plus atanh series of the mantissa in [0.7, 1.4]. */
static inline float fast_log(float x)
{
    int32_t i = bits_of(x), e = (i - 0x3F330000) >> 23;
    float m = float_of(i - e * 0x800000), s = (m - 1.0F) / (m + 1.0F), q = s * s;
    return (float)e * 0.693147181F + 2.0F * s * (1.0F + q * (0.333333333F + q * (0.2F + q * 0.142857143F)));
}

/* Primary beam, and the mean of what the patient took from it in each cell of a coarse grid. */
static void attenuate(const float *attenuation, int n, float *restrict primary, float stopped[CELLS][CELLS])
{
    memset(stopped, 0, CELLS * sizeof stopped[0]);
    for (int y = 0; y < n; y++) {
        const float *restrict a = attenuation + (size_t)y * (size_t)n;
        float *restrict p = primary + (size_t)y * (size_t)n;
        for (int x = 0; x < n; x++) p[x] = fast_exp(-a[x]);
        float *row = stopped[y * CELLS / n];
        for (int g = 0; g < CELLS; g++) {
            float sum = 0.0F;
            for (int x = g * n / CELLS; x < (g + 1) * n / CELLS; x++) sum += p[x] * (1.0F - p[x]);
            row[g] += sum;
        }
    }
    float per_cell = (float)(CELLS * CELLS) / ((float)n * (float)n);
    for (int g = 0; g < CELLS * CELLS; g++) (&stopped[0][0])[g] *= per_cell;
}

/* Twice 1-2-1 both ways: a spread of one and a half cells, some 4 cm. */
static void spread(float g[CELLS][CELLS])
{
    float copy[CELLS][CELLS];
    for (int pass = 0; pass < 4; pass++) {
        memcpy(copy, g, sizeof copy);
        for (int y = 0; y < CELLS; y++)
            for (int x = 0; x < CELLS; x++) {
                int across = pass % 2, y0 = across ? y : y - (y > 0), y1 = across ? y : y + (y < CELLS - 1);
                int x0 = across ? x - (x > 0) : x, x1 = across ? x + (x < CELLS - 1) : x;
                g[y][x] = 0.25F * copy[y0][x0] + 0.5F * copy[y][x] + 0.25F * copy[y1][x1];
            }
    }
}

/* Where pixel i of n lies between cell centres. */
static int cell_of(int i, int n, float *share)
{
    float at = ((float)i + 0.5F) * (float)CELLS / (float)n - 0.5F;
    at = fminf(fmaxf(at, 0.0F), (float)(CELLS - 1) - 1e-3F);
    int cell = (int)at;
    *share = at - (float)cell;
    return cell;
}

/* Adds ratio times the grid, interpolated; wide (CELLS, n) is scratch. */
static void add_scatter(float g[CELLS][CELLS], float ratio, int n, float *restrict wide, float *image)
{
    float share;
    for (int y = 0; y < CELLS; y++)
        for (int x = 0; x < n; x++) {
            int cell = cell_of(x, n, &share);
            wide[y * n + x] = ratio * (g[y][cell] + share * (g[y][cell + 1] - g[y][cell]));
        }
    for (int y = 0; y < n; y++) {
        int cell = cell_of(y, n, &share);
        const float *restrict above = wide + cell * n, *restrict below = above + n;
        float *restrict line = image + (size_t)y * (size_t)n;
        for (int x = 0; x < n; x++) line[x] += above[x] + share * (below[x] - above[x]);
    }
}

/* Half a Gaussian kernel, middle first, sum of the whole 1. The pixel's own box is part of the blur already.
 */
static int blur_kernel(float sigma, float half[BLUR_MOST + 1])
{
    int radius = (int)ceilf(2.5F * sigma);
    radius = radius > BLUR_MOST ? BLUR_MOST : radius;
    float sum = 0.0F;
    for (int k = 0; k <= radius; k++) {
        /* Integrated over each pixel, which also holds for a sigma far below one. */
        float low = ((float)k - 0.5F) / (sigma * 1.41421356F),
              high = ((float)k + 0.5F) / (sigma * 1.41421356F);
        half[k] = 0.5F * (erff(high) - erff(low));
        sum += k ? 2.0F * half[k] : half[k];
    }
    for (int k = 0; k <= radius; k++) half[k] /= sum;
    return radius;
}

/* Separable; edges repeat. scratch (n, n) and a padded row of n + 2 BLUR_MOST. */
static void blur(float *image, int n, float sigma, float *scratch, float *padded)
{
    float half[BLUR_MOST + 1] = {0};
    int radius = blur_kernel(sigma, half);
    for (int y = 0; y < n; y++) {
        const float *line = image + (size_t)y * (size_t)n;
        float *restrict out = scratch + (size_t)y * (size_t)n;
        memcpy(padded + radius, line, (size_t)n * sizeof *line);
        for (int k = 0; k < radius; k++) {
            padded[k] = line[0];
            padded[radius + n + k] = line[n - 1];
        }
        const float *restrict middle = padded + radius;
        for (int x = 0; x < n; x++) out[x] = half[0] * middle[x];
        for (int k = 1; k <= radius; k++)
            for (int x = 0; x < n; x++) out[x] += half[k] * (middle[x - k] + middle[x + k]);
    }
    for (int y = 0; y < n; y++) {
        float *restrict out = image + (size_t)y * (size_t)n;
        const float *restrict middle = scratch + (size_t)y * (size_t)n;
        for (int x = 0; x < n; x++) out[x] = half[0] * middle[x];
        for (int k = 1; k <= radius; k++) {
            const float *restrict up = scratch + (size_t)(y < k ? 0 : y - k) * (size_t)n;
            const float *restrict down = scratch + (size_t)(y + k >= n ? n - 1 : y + k) * (size_t)n;
            for (int x = 0; x < n; x++) out[x] += half[k] * (up[x] + down[x]);
        }
    }
}

/* Means of (factor, factor) blocks, in place: (size factor)^2 pixels to size^2 pixels. */
static void shrink(float *image, int size, int factor)
{
    if (factor == 1) return;
    int n = size * factor;
    float share = 1.0F / (float)(factor * factor);
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            float sum = 0.0F;
            for (int j = 0; j < factor; j++)
                for (int i = 0; i < factor; i++) sum += image[(y * factor + j) * n + x * factor + i];
            image[y * size + x] = sum * share;
        }
}

/* Intensity to -ln(intensity) with noise of variance intensity / photons. The sum of a word's four bytes,
 * scaled, stands for a normal deviate (variance 4 (256^2 - 1) / 12). */
static void detect(float *image, int pixels, float photons, uint64_t key, uint64_t index)
{
    float deviation = 1.0F / sqrtf(photons) / 147.801F;
    for (int at = 0; at < pixels; at += 64) {
        float noise[64];
        int here = pixels - at < 64 ? pixels - at : 64;
        for (int k = 0; k < here; k += 4) {
            uint32_t words[4];
            philox(key, index, (uint64_t)at + (uint64_t)k, words);
            for (int i = 0; i < 4; i++) {
                uint32_t w = words[i];
                noise[k + i] =
                    (float)(int32_t)((w & 255U) + (w >> 8 & 255U) + (w >> 16 & 255U) + (w >> 24)) - 510.0F;
            }
        }
        float *restrict line = image + at;
        for (int k = 0; k < here; k++) {
            float counted = line[k] + deviation * sqrtf(line[k]) * noise[k];
            line[k] = -fast_log(counted > 1e-4F ? counted : 1e-4F);
        }
    }
}

/* The signal below which a share of the patient's pixels lie; the open beam (below 0.4) is left out. */
static void window_of(const float *image, int pixels, const technique *t, float *low, float *high)
{
    static const float open_beam = 0.4F, top = 8.0F;
    uint32_t bins[BINS] = {0}, inside = 0, passed = 0;
    for (int k = 0; k < pixels; k++) {
        if (image[k] < open_beam) continue;
        int bin = (int)(image[k] * ((float)BINS / top));
        bins[bin < BINS ? bin : BINS - 1]++;
        inside++;
    }
    float p_low = 0.5F, p_high = 4.0F;
    bool found_low = false;
    for (int bin = 0; bin < BINS; bin++) {
        passed += bins[bin];
        float value = ((float)bin + 0.5F) * (top / (float)BINS);
        if (!found_low && passed * 20U >= inside) {
            p_low = value;
            found_low = true;
        }
        p_high = value;
        if (passed * 100U >= inside * 98U) break;
    }
    float range = fmaxf(p_high - p_low, 0.5F);
    *low = p_low - (0.34F - t->window_low) * range;
    *high = p_high + (0.03F + t->window_high) * range;
}

static void present(const float *image, int size, const technique *t, float low, float high, uint8_t *pixels)
{
    float scale = 1.0F / (high - low), toe = t->toe;
    int left = (int)(t->collimated[0] * (float)size + 0.5F),
        above = (int)(t->collimated[1] * (float)size + 0.5F);
    int right = size - (int)(t->collimated[2] * (float)size + 0.5F);
    int below = size - (int)(t->collimated[3] * (float)size + 0.5F);
    for (int y = 0; y < size; y++) {
        const float *restrict line = image + (size_t)y * (size_t)size;
        uint8_t *restrict out = pixels + (size_t)y * (size_t)size;
        if (y < above || y >= below) {
            memset(out, 0, (size_t)size);
            continue;
        }
        for (int x = 0; x < size; x++) {
            float v = (line[x] - low) * scale;
            v = v > 0.0F ? v : 0.0F;
            v = v < 1.0F ? v : 1.0F;
            out[x] = (uint8_t)(int32_t)(255.0F * (v + toe * v * (1.0F - v)) + 0.5F);
        }
        memset(out, 0, (size_t)left);
        memset(out + right, 0, (size_t)(size - right));
    }
}

err expose(const latents *l, const float *attenuation, int inner, int size, uint8_t *pixels)
{
    const technique *t = &l->technique;
    size_t area = (size_t)inner * (size_t)inner;
    float *image = malloc((2 * area + (size_t)(inner + 2 * BLUR_MOST)) * sizeof *image);
    if (!image)
        return err_set(ERR_SYSTEM, "phantom: out of memory for an image of %d x %d pixels", size, size);
    float *scratch = image + area, *padded = scratch + area, stopped[CELLS][CELLS];
    attenuate(attenuation, inner, image, stopped);
    spread(stopped);
    add_scatter(stopped, t->scatter, inner, scratch, image);
    float pixel_mm = 10.0F * t->view.field / (float)inner;
    blur(image, inner, t->blur / pixel_mm, scratch, padded);
    shrink(image, size, inner / size);
    float side_mm = 10.0F * t->view.field / (float)size, low, high;
    detect(image, size * size, t->photons * side_mm * side_mm, rng_key(l->seed, "phantom/noise"), l->index);
    window_of(image, size * size, t, &low, &high);
    present(image, size, t, low, high, pixels);
    free(image);
    return OK;
}
