#include "data/windows.h"

#include "base/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FINE_SIDE = 32,
    FINE = FINE_SIDE * FINE_SIDE,
    AROUND = 2,
    BLOCKS_BESIDE = 4,
    BLOCK_SIDE = FINE_SIDE / BLOCKS_BESIDE,
    BLOCKS = BLOCKS_BESIDE * BLOCKS_BESIDE
};

err pixel_sums_open(int size, pixel_sums *out)
{
    size_t side = (size_t)size + 1;
    *out = (pixel_sums){size, calloc(side * side, sizeof *out->sums)};
    return out->sums ? OK : err_set(ERR_SYSTEM, "out of memory for an image of %d pixels", size);
}

void pixel_sums_close(pixel_sums *p)
{
    free(p->sums);
    p->sums = NULL;
}

void pixel_sums_of(pixel_sums *p, const dataset *set, int sample)
{
    size_t size = (size_t)p->size, side = size + 1;
    const uint8_t *pixels = set->images + (size_t)sample * size * size;
    for (size_t y = 0; y < size; y++) {
        const uint32_t *above = p->sums + y * side;
        uint32_t *here = p->sums + (y + 1) * side, row = 0;
        for (size_t x = 0; x < size; x++) {
            row += pixels[y * size + x];
            here[x + 1] = above[x + 1] + row;
        }
    }
}

/* Where an edge of cells lies: between pixel edges `at` and `at` + 1, `beyond` from the first. */
typedef struct edge {
    int at;
    double beyond;
} edge;

static void find_edges(int size, float from, float length, int cells, edge *out)
{
    for (int i = 0; i <= cells; i++) {
        double place = ((double)from + (double)length * i / cells) * size;
        place = fmin(fmax(place, 0), size);
        out[i].at = (int)place < size ? (int)place : size - 1;
        out[i].beyond = place - out[i].at;
    }
}

/* The sum above and left of a place between corners, as if pixels were evenly gray. */
static double sum_until(const pixel_sums *p, edge y, edge x)
{
    size_t side = (size_t)p->size + 1;
    const uint32_t *upper = p->sums + (size_t)y.at * side + (size_t)x.at, *lower = upper + side;
    double top = upper[0] + x.beyond * (double)(upper[1] - upper[0]);
    double bottom = lower[0] + x.beyond * (double)(lower[1] - lower[0]);
    return top + y.beyond * (bottom - top);
}

/* Sums over cells x cells of a part. */
static void sum_cells(const pixel_sums *p, window w, int cells, float *out)
{
    edge rows[FINE_SIDE + 1], columns[FINE_SIDE + 1];
    double sums[2][FINE_SIDE + 1];
    find_edges(p->size, w.top, w.height, cells, rows);
    find_edges(p->size, w.left, w.width, cells, columns);
    for (int y = 0; y <= cells; y++) {
        double *here = sums[y % 2], *above = sums[(y + 1) % 2];
        for (int x = 0; x <= cells; x++) here[x] = sum_until(p, rows[y], columns[x]);
        for (int x = 0; x < cells && y > 0; x++)
            out[(y - 1) * cells + x] = (float)(here[x + 1] - here[x] - above[x + 1] + above[x]);
    }
}

/* Less their mean, and to length 1. What is nothing but rounding of evenly gray cells becomes 0. */
static void standardise(float *values, int n)
{
    static const double rounding = 1e-6;
    double sum = 0, squares = 0, all = 0;
    for (int i = 0; i < n; i++) sum += (double)values[i];
    for (int i = 0; i < n; i++) {
        all += (double)values[i] * (double)values[i];
        values[i] = (float)((double)values[i] - sum / n);
        squares += (double)values[i] * (double)values[i];
    }
    double scale = squares > rounding * rounding * all ? 1 / sqrt(squares) : 0;
    for (int i = 0; i < n; i++) values[i] = (float)(scale * (double)values[i]);
}

void window_look(const pixel_sums *p, window w, float out[LOOK])
{
    sum_cells(p, w, LOOK_SIDE, out);
    standardise(out, LOOK);
}

/* The mean of the cells around one, as far as there are any. */
static double mean_around(const float *cells, int y, int x)
{
    double sum = 0;
    int n = 0;
    for (int v = y - AROUND; v <= y + AROUND; v++)
        for (int u = x - AROUND; u <= x + AROUND; u++) {
            if (v < 0 || u < 0 || v >= FINE_SIDE || u >= FINE_SIDE) continue;
            sum += (double)cells[v * FINE_SIDE + u];
            n++;
        }
    return sum / n;
}

static void find_details(const pixel_sums *p, window w, float out[FINE])
{
    float cells[FINE];
    sum_cells(p, w, FINE_SIDE, cells);
    for (int y = 0; y < FINE_SIDE; y++)
        for (int x = 0; x < FINE_SIDE; x++)
            out[y * FINE_SIDE + x] = (float)((double)cells[y * FINE_SIDE + x] - mean_around(cells, y, x));
    standardise(out, FINE);
}

static double block_agreement(const float *x, const float *y, int block)
{
    double xy = 0, xx = 0, yy = 0;
    int top = block / BLOCKS_BESIDE * BLOCK_SIDE, left = block % BLOCKS_BESIDE * BLOCK_SIDE;
    for (int i = 0; i < BLOCK_SIDE * BLOCK_SIDE; i++) {
        int at = (top + i / BLOCK_SIDE) * FINE_SIDE + left + i % BLOCK_SIDE;
        xy += (double)x[at] * (double)y[at];
        xx += (double)x[at] * (double)x[at];
        yy += (double)y[at] * (double)y[at];
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

double window_agreement(const pixel_sums *a, window wa, const pixel_sums *b, window wb)
{
    float x[FINE], y[FINE];
    double blocks[BLOCKS];
    find_details(a, wa, x);
    find_details(b, wb, y);
    for (int i = 0; i < BLOCKS; i++) blocks[i] = block_agreement(x, y, i);
    qsort(blocks, BLOCKS, sizeof *blocks, order_doubles);
    return (blocks[BLOCKS / 2 - 1] + blocks[BLOCKS / 2]) / 2;
}
