/* Distances between vectors, and nearest neighbours: found by matrix products, and yet exactly those of the
 * definition, sum_j (a_j - b_j)^2 in double. Products decide only where their rounding cannot matter; where
 * it might, the definition does. */
#ifndef DOWNSTREAM_NEIGHBOURS_H
#define DOWNSTREAM_NEIGHBOURS_H

#include "downstream/tiles.h"

#include <stdbool.h>

/* For each of the n vectors of a (n,d) its k nearest among b (m,d): `squared` (n,k) their squared distances,
 * rising, and `index` (n,k) which they are; of equal distances the lower index comes first. With `same`, a
 * and b are one set, and a vector is not its own neighbour. 1 <= k <= m, with `same` k < m; values finite.
 * index may be NULL. The same bits for any number of threads. ERR_SYSTEM. */
err nearest_neighbours(const float *a, int n, const float *b, int m, int d, int k, bool same, int *index,
                       double *squared);

/* The k smallest values met so far, rising, and what they belong to: a row of squared and index above. */
typedef struct nearest {
    double *squared;
    int *index; /* or NULL */
    int k;
} nearest;

void nearest_begin(nearest r);
void nearest_take(nearest r, double squared, int index); /* of equal values the first stays first */

/* All distances between two sets, tile by tile. */
typedef struct distances {
    const float *a, *b;
    int n, m, d;
    double *centre;            /* (d) the mean of b: near it, products lose least */
    double *norms_a, *norms_b; /* (n), (m): squared lengths from the centre */
    double rounding;           /* of a squared distance, in units of the two norms */
} distances;

err distances_open(const float *a, int n, const float *b, int m, int d, distances *out); /* ERR_SYSTEM */
void distances_close(distances *s);

/* Makes the tile's values squared distances, wrong by less than distances_slack. */
void distances_fill(const distances *s, const tile *t);

/* More than rounding can change in the squared distance of a_i and b_j. With u = 2^-53, computing the two
 * norms and twice the product, each of d terms, is wrong by at most (d + 1) u times the sum of the norms in
 * each of the two parts, centring by 4 u, and the definition itself by 2 (d + 2) u: 4 (d + 4) u bounds it. */
static inline double distances_slack(const distances *s, int i, int j)
{
    return s->rounding * (s->norms_a[i] + s->norms_b[j]);
}

bool all_finite(const float *vectors, int n, int d);

/* The squared distance by its definition. */
double distances_exact(const distances *s, int i, int j);

#endif
