#include "downstream/tiles.h"

#include <cblas.h>
#include <omp.h>
#include <stddef.h>
#include <stdlib.h>

/* A tile's factors are packed in pieces of DEPTH numbers of each vector: all of it fits the caches. */
enum { ROWS = 128, COLUMNS = 256, DEPTH = 256, PACKED = (ROWS + COLUMNS) * DEPTH };

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Within a parallel region OpenBLAS keeps to the calling thread. */
err tiles_visit(int n, int m, tile_visitor visit, void *context)
{
    size_t room = PACKED + ROWS * COLUMNS, threads = (size_t)omp_get_max_threads();
    double *scratch = malloc(threads * room * sizeof *scratch);
    if (!scratch) return err_set(ERR_SYSTEM, "out of memory for the distances of %d images", n);
#pragma omp parallel for schedule(dynamic) num_threads((int)threads)
    for (int row = 0; row < n; row += ROWS) {
        double *packed = scratch + (size_t)omp_get_thread_num() * room;
        for (int column = 0; column < m; column += COLUMNS) {
            tile t = {.row = row,
                      .rows = least(ROWS, n - row),
                      .column = column,
                      .columns = least(COLUMNS, m - column),
                      .values = packed + PACKED,
                      .packed = packed};
            visit(context, &t);
        }
    }
    free(scratch);
    return OK;
}

/* packed (count,depth) = the numbers from `first` on of the vectors, less the centre's. */
static void pack(const float *vectors, int count, int d, int first, int depth, const double *centre,
                 double *packed)
{
    for (int i = 0; i < count; i++) {
        const float *from = vectors + (size_t)i * (size_t)d + first;
        double *to = packed + (size_t)i * (size_t)depth;
        if (centre)
            for (int j = 0; j < depth; j++) to[j] = (double)from[j] - centre[first + j];
        else
            for (int j = 0; j < depth; j++) to[j] = (double)from[j];
    }
}

void tile_products(const tile *t, const float *a, const float *b, int d, const double *centre)
{
    double *rows = t->packed, *columns = t->packed + ROWS * DEPTH;
    for (int first = 0; first < d; first += DEPTH) {
        int depth = least(DEPTH, d - first);
        pack(a + (size_t)t->row * (size_t)d, t->rows, d, first, depth, centre, rows);
        pack(b + (size_t)t->column * (size_t)d, t->columns, d, first, depth, centre, columns);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, t->rows, t->columns, depth, 1.0, rows, depth,
                    columns, depth, first > 0 ? 1.0 : 0.0, t->values, t->columns);
    }
}

void plain_product(const double *a, int rows, const double *b, int columns, int d, double *out)
{
    enum { ROWS_AT_ONCE = 64 };
#pragma omp parallel for schedule(dynamic)
    for (int row = 0; row < rows; row += ROWS_AT_ONCE)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, least(ROWS_AT_ONCE, rows - row), columns, d, 1.0,
                    a + (size_t)row * (size_t)d, d, b, d, 0.0, out + (size_t)row * (size_t)columns, columns);
}
