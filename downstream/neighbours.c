#include "downstream/neighbours.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

void nearest_begin(nearest r)
{
    for (int i = 0; i < r.k; i++) {
        r.squared[i] = DBL_MAX;
        if (r.index) r.index[i] = -1;
    }
}

void nearest_take(nearest r, double squared, int index)
{
    int at = r.k;
    while (at > 0 && squared < r.squared[at - 1]) at--;
    if (at == r.k) return;
    for (int i = r.k - 1; i > at; i--) {
        r.squared[i] = r.squared[i - 1];
        if (r.index) r.index[i] = r.index[i - 1];
    }
    r.squared[at] = squared;
    if (r.index) r.index[at] = index;
}

bool all_finite(const float *vectors, int n, int d)
{
    for (size_t i = 0; i < (size_t)n * (size_t)d; i++)
        if (!isfinite(vectors[i])) return false;
    return true;
}

/* ---- distances ---- */

static void mean_of(const float *vectors, int n, int d, double *mean)
{
    for (int j = 0; j < d; j++) mean[j] = 0.0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < d; j++) mean[j] += (double)vectors[(size_t)i * (size_t)d + (size_t)j];
    for (int j = 0; j < d; j++) mean[j] /= n;
}

static void norms_of(const float *vectors, int n, int d, const double *centre, double *norms)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++) {
        const float *x = vectors + (size_t)i * (size_t)d;
        double sum = 0.0;
#pragma omp simd reduction(+ : sum)
        for (int j = 0; j < d; j++) {
            double difference = (double)x[j] - centre[j];
            sum += difference * difference;
        }
        norms[i] = sum;
    }
}

err distances_open(const float *a, int n, const float *b, int m, int d, distances *out)
{
    *out = (distances){.a = a, .b = b, .n = n, .m = m, .d = d, .rounding = 4.0 * (d + 4.0) * 0x1p-53};
    out->centre = malloc(((size_t)n + (size_t)m + (size_t)d) * sizeof *out->centre);
    if (!out->centre) return err_set(ERR_SYSTEM, "out of memory for the distances of %d images", n);
    out->norms_a = out->centre + d;
    out->norms_b = out->norms_a + n;
    mean_of(b, m, d, out->centre);
    norms_of(a, n, d, out->centre, out->norms_a);
    norms_of(b, m, d, out->centre, out->norms_b);
    return OK;
}

void distances_close(distances *s)
{
    free(s->centre);
    *s = (distances){0};
}

/* |a - b|^2 = |a|^2 + |b|^2 - 2 a.b, with the centre as the origin. */
void distances_fill(const distances *s, const tile *t)
{
    tile_products(t, s->a, s->b, s->d, s->centre);
    const double *columns = s->norms_b + t->column;
    for (int i = 0; i < t->rows; i++) {
        double *row = t->values + (size_t)i * (size_t)t->columns, norm = s->norms_a[t->row + i];
        for (int j = 0; j < t->columns; j++) row[j] = norm + columns[j] - 2.0 * row[j];
    }
}

double distances_exact(const distances *s, int i, int j)
{
    const float *a = s->a + (size_t)i * (size_t)s->d, *b = s->b + (size_t)j * (size_t)s->d;
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (int k = 0; k < s->d; k++) {
        double difference = (double)a[k] - (double)b[k];
        sum += difference * difference;
    }
    return sum;
}

/* ---- nearest neighbours ---- */

typedef struct search {
    distances s;
    bool same;
    int k, *index;
    double *squared;
} search;

/* Only what may be among the k nearest so far is computed exactly. */
static void search_tile(void *context, const tile *t)
{
    const search *f = context;
    distances_fill(&f->s, t);
    for (int r = 0; r < t->rows; r++) {
        int i = t->row + r;
        size_t first = (size_t)i * (size_t)f->k;
        nearest found = {f->squared + first, f->index ? f->index + first : NULL, f->k};
        const double *row = t->values + (size_t)r * (size_t)t->columns;
        if (t->column == 0) nearest_begin(found);
        for (int c = 0; c < t->columns; c++) {
            int j = t->column + c;
            if (row[c] - distances_slack(&f->s, i, j) >= found.squared[f->k - 1] || (f->same && i == j))
                continue;
            nearest_take(found, distances_exact(&f->s, i, j), j);
        }
    }
}

err nearest_neighbours(const float *a, int n, const float *b, int m, int d, int k, bool same, int *index,
                       double *squared)
{
    search f = {.same = same, .k = k, .index = index, .squared = squared};
    TRY(distances_open(a, n, b, m, d, &f.s));
    err error = tiles_visit(n, m, search_tile, &f);
    distances_close(&f.s);
    return error;
}
