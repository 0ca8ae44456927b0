#include "data/images.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* The input pixels that one output pixel is made of: `count` from `first` on; weights sum to 1. */
typedef struct taps {
    int first, count;
    double *weights;
} taps;

/* Shrinking `in` pixels to `out`: in units of 1/out pixel, input j covers [j out, (j+1) out) and output i
 * covers [i in, (i+1) in), so that overlaps are whole numbers and nothing is rounded. */
static void taps_of_area(int i, int in, int out, taps *t)
{
    int64_t begin = (int64_t)i * in, end = begin + in;
    t->first = (int)(begin / out);
    t->count = (int)((end - 1) / out) - t->first + 1;
    for (int k = 0; k < t->count; k++) {
        int64_t low = (int64_t)(t->first + k) * out, high = low + out;
        int64_t overlap = (high < end ? high : end) - (low > begin ? low : begin);
        t->weights[k] = (double)overlap / in;
    }
}

/* Enlarging: linear between the two nearest pixel centres, (i + 1/2) in/out - 1/2, constant beyond the
 * outermost. */
static void taps_of_line(int i, int in, int out, taps *t)
{
    double centre = fmin(fmax((i + 0.5) * in / out - 0.5, 0), in - 1);
    t->first = (int)centre;
    t->count = t->first + 1 < in ? 2 : 1;
    double beyond = centre - t->first;
    t->weights[0] = 1 - beyond;
    if (t->count == 2) t->weights[1] = beyond;
}

static void taps_fill(int i, int in, int out, taps *t)
{
    if (in >= out)
        taps_of_area(i, in, out, t);
    else
        taps_of_line(i, in, out, t);
}

/* Rounded, halves up, and clipped; in this order, and without lround, gcc takes several pixels at once. */
static uint8_t to_byte(double value)
{
    int rounded = (int)(value + 0.5);
    rounded = rounded > 0 ? rounded : 0;
    return (uint8_t)(rounded < 255 ? rounded : 255);
}

/* column[x] = weighted sum of the rows of t, over the width of the square whose top left pixel is `corner`.
 */
static void mix_rows(const float *corner, int stride, int width, const taps *t, double *column)
{
    for (int x = 0; x < width; x++) column[x] = 0;
    for (int k = 0; k < t->count; k++) {
        const float *row = corner + (ptrdiff_t)(t->first + k) * stride;
        for (int x = 0; x < width; x++) column[x] += t->weights[k] * (double)row[x];
    }
}

/* The square of `side` pixels at `corner` to (size,size), with room for its work in `column` (side), `across`
 * (size, with their weights) and `down`. */
static void resize(const float *corner, int stride, int side, int size, double *column, taps *across,
                   taps *down, uint8_t *out)
{
    for (int x = 0; x < size; x++) taps_fill(x, side, size, &across[x]);
    for (int y = 0; y < size; y++) {
        taps_fill(y, side, size, down);
        mix_rows(corner, stride, side, down, column);
        for (int x = 0; x < size; x++) {
            double sum = 0;
            for (int k = 0; k < across[x].count; k++)
                sum += across[x].weights[k] * column[across[x].first + k];
            *out++ = to_byte(sum);
        }
    }
}

/* Nothing to mix: as many pixels as are wanted. */
static void round_square(const float *corner, int stride, int size, uint8_t *out)
{
    for (int y = 0; y < size; y++) {
        const float *row = corner + (ptrdiff_t)y * stride;
        uint8_t *to = out + (ptrdiff_t)y * size;
        for (int x = 0; x < size; x++) to[x] = to_byte((double)row[x]);
    }
}

err image_square(const gray_image *image, int size, uint8_t *out)
{
    if (size < 1) return err_set(ERR_USAGE, "image size %d: must be at least 1", size);
    int side = image->width < image->height ? image->width : image->height;
    int left = (image->width - side) / 2, top = (image->height - side) / 2;
    const float *corner = image->pixels + (ptrdiff_t)top * image->width + left;
    if (side == size) {
        round_square(corner, image->width, size, out);
        return OK;
    }
    size_t longest = (size_t)(side / size) + 2;
    double *column = calloc((size_t)side, sizeof *column);
    double *weights = calloc((size_t)size + 1, longest * sizeof *weights);
    taps *across = calloc((size_t)size, sizeof *across);
    bool enough = column && weights && across;
    if (enough) {
        for (int x = 0; x < size; x++) across[x].weights = weights + (size_t)x * longest;
        taps down = {.weights = weights + (size_t)size * longest};
        resize(corner, image->width, side, size, column, across, &down, out);
    }
    free(column);
    free(weights);
    free(across);
    return enough ? OK : err_set(ERR_SYSTEM, "out of memory for resizing to %d pixels", size);
}
