/* The products of matrices at the points of Winograd's tiles: many small ones, whose operands are in a cache.
 * oneDNN's matmul costs as much to call as one of them takes. */
#include "nn/cpu/winograd_parts.h"

#if WINOGRAD_AVAILABLE

enum { ROWS = 8, VECTORS = WINOGRAD_PANEL / WINOGRAD_LANES };

/* c (rows, vectors x 16) = or += sum over k of a(i, k) b(k, .): what lies between the rows and columns of a,
 * and the rows of b and c, is counted in floats. */
typedef struct block {
    const float *a, *b;
    float *c;
    size_t a_row, a_column, b_row, c_row, depth;
} block;

/* `rows` and `vectors` are constants: the sums are registers. */
WINOGRAD_INLINE void multiply_block(const block *m, int rows, int vectors, bool add)
{
    __m512 sums[2 * ROWS][VECTORS];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++)
            sums[i][j] =
                add ? _mm512_loadu_ps(m->c + (size_t)i * m->c_row + j * WINOGRAD_LANES) : _mm512_setzero_ps();
    const float *a = m->a, *b = m->b;
    for (size_t k = 0; k < m->depth; k++, a += m->a_column, b += m->b_row) {
        __m512 row[VECTORS];
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++) row[j] = _mm512_loadu_ps(b + j * WINOGRAD_LANES);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
            __m512 factor = _mm512_set1_ps(a[(size_t)i * m->a_row]);
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++) sums[i][j] = _mm512_fmadd_ps(factor, row[j], sums[i][j]);
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++)
            _mm512_storeu_ps(m->c + (size_t)i * m->c_row + j * WINOGRAD_LANES, sums[i][j]);
}

/* All rows of a panel; their number is a multiple of 8. */
WINOGRAD_INLINE void multiply_panel(block m, int rows, int width, bool add)
{
    while (rows > 0) {
        int done = ROWS;
        if (width == WINOGRAD_PANEL)
            multiply_block(&m, ROWS, VECTORS, add);
        else if (rows >= 2 * ROWS)
            multiply_block(&m, done = 2 * ROWS, 1, add);
        else
            multiply_block(&m, ROWS, 1, add);
        m.a += (size_t)done * m.a_row;
        m.c += (size_t)done * m.c_row;
        rows -= done;
    }
}

static int panel_width(const winograd_matrices *m, int column)
{
    int left = (int)m->columns - column;
    return left < WINOGRAD_PANEL ? left : WINOGRAD_PANEL;
}

WINOGRAD_KERNEL void winograd_multiply(int point, int rows, const winograd_matrices *tiles,
                                       const winograd_matrices *weights, const winograd_matrices *sums)
{
    for (int column = 0; column < (int)weights->columns; column += WINOGRAD_PANEL) {
        int width = panel_width(weights, column);
        block m = {.a = tiles->at + (size_t)point * tiles->apart,
                   .b = winograd_panel(weights, 0, column) + (size_t)point * weights->apart,
                   .c = sums->at + (size_t)point * sums->apart + column,
                   .a_row = tiles->columns,
                   .a_column = 1,
                   .b_row = (size_t)width,
                   .c_row = sums->columns,
                   .depth = weights->rows};
        multiply_panel(m, rows, width, false);
    }
}

WINOGRAD_KERNEL void winograd_correlate(int point, int count, const winograd_matrices *tiles,
                                        const winograd_matrices *others, const winograd_matrices *weights,
                                        bool add)
{
    for (int column = 0; column < (int)weights->columns; column += WINOGRAD_PANEL) {
        int width = panel_width(weights, column);
        block m = {.a = tiles->at + (size_t)point * tiles->apart,
                   .b = others->at + (size_t)point * others->apart + column,
                   .c = winograd_panel(weights, 0, column) + (size_t)point * weights->apart,
                   .a_row = 1,
                   .a_column = tiles->columns,
                   .b_row = others->columns,
                   .c_row = (size_t)width,
                   .depth = (size_t)count};
        if (add)
            multiply_panel(m, (int)weights->rows, width, true);
        else
            multiply_panel(m, (int)weights->rows, width, false);
    }
}

#endif
