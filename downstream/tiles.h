/* What all pairs of two sets of vectors need: their inner products, by blocked matrix products in double.
 * Private to downstream/. */
#ifndef DOWNSTREAM_TILES_H
#define DOWNSTREAM_TILES_H

#include "base/err.h"

/* Pairs of `rows` vectors of one set, from number `row` on, with `columns` of the other. */
typedef struct tile {
    int row, rows, column, columns;
    double *values; /* (rows,columns), what the visitor likes */
    double *packed; /* private */
} tile;

typedef void (*tile_visitor)(void *context, const tile *t);

/* Visits all pairs of n and m vectors, tile by tile. Tiles of different rows are visited by several threads
 * at once; those of the same rows by one thread, with rising columns. Tiles are the same for any number of
 * threads. ERR_SYSTEM. */
err tiles_visit(int n, int m, tile_visitor visit, void *context);

/* Makes the tile's values the inner products of (a_i - centre) and (b_j - centre). a (n,d), b (m,d); centre
 * (d), NULL: 0. One thread. */
void tile_products(const tile *t, const float *a, const float *b, int d, const double *centre);

/* out (rows,columns) = a b^T, a (rows,d), b (columns,d), by all threads, with the same bits for any number.
 */
void plain_product(const double *a, int rows, const double *b, int columns, int d, double *out);

#endif
