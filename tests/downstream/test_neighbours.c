/* Nearest neighbours and set overlap by matrix products, against double loops over the definition: equal to
 * the bit. */
#include "base/rng.h"
#include "downstream/neighbours.h"
#include "downstream/set_metrics.h"

#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>

/* What the vectors look like: the hard cases are ties, copies, and a spread that is small beside the mean. */
typedef enum look { NORMAL, FEW_INTEGERS, FAR_FROM_ZERO, ALL_EQUAL } look;

static float *make(look kind, uint64_t index, int n, int d)
{
    size_t count = (size_t)n * (size_t)d;
    float *x = malloc(count * sizeof *x);
    rng_fill_normal(7, index, x, count);
    for (size_t i = 0; i < count; i++) {
        if (kind == FEW_INTEGERS) x[i] = x[i] > 0.5F ? 1.0F : 0.0F;
        if (kind == FAR_FROM_ZERO) x[i] = 1e4F + 1e-2F * x[i];
        if (kind == ALL_EQUAL) x[i] = 3.25F;
    }
    return x;
}

static double by_definition(const float *a, const float *b, int d)
{
    distances s = {.a = a, .b = b, .d = d};
    double squared = distances_exact(&s, 0, 0), sum = 0.0;
    for (int j = 0; j < d; j++) sum += ((double)a[j] - (double)b[j]) * ((double)a[j] - (double)b[j]);
    cr_assert_float_eq(squared, sum, 1e-13 * sum); /* it may add in another order, and no more */
    return squared;
}

typedef struct candidate {
    double squared;
    int index;
} candidate;

static int by_distance(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->squared != y->squared) return x->squared < y->squared ? -1 : 1;
    return x->index - y->index;
}

static void expect_nearest(const float *x, const float *b, int m, int d, int own, int k, const int *index,
                           const double *squared)
{
    candidate *all = malloc((size_t)m * sizeof *all);
    int count = 0;
    for (int j = 0; j < m; j++)
        if (j != own) all[count++] = (candidate){by_definition(x, b + (size_t)j * (size_t)d, d), j};
    qsort(all, (size_t)count, sizeof *all, by_distance);
    for (int r = 0; r < k; r++) {
        cr_assert_eq(index[r], all[r].index, "neighbour %d is %d, not %d", r, index[r], all[r].index);
        cr_assert_eq(squared[r], all[r].squared);
    }
    free(all);
}

static void check_neighbours(look kind, int n, int m, int d, int k, bool same)
{
    float *a = make(kind, 0, n, d), *b = same ? a : make(kind, 1, m, d);
    size_t room = (size_t)n * (size_t)k;
    int *index = malloc(room * sizeof *index);
    double *squared = malloc(room * sizeof *squared);
    cr_assert_eq(nearest_neighbours(a, n, b, m, d, k, same, index, squared), OK);
    for (int i = 0; i < n; i++)
        expect_nearest(a + (size_t)i * (size_t)d, b, m, d, same ? i : -1, k, index + i * k, squared + i * k);
    if (!same) free(b);
    free(a);
    free(index);
    free(squared);
}

Test(neighbours, agree_with_double_loops)
{
    static const int shapes[][4] = {{1, 1, 1, 1},     {3, 7, 2, 7},     {128, 256, 5, 3}, {129, 257, 3, 4},
                                    {140, 530, 9, 6}, {20, 40, 300, 2}, {5, 9, 256, 9},   {6, 300, 257, 5}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int kind = NORMAL; kind <= ALL_EQUAL; kind++) {
            const int *s = shapes[i];
            check_neighbours((look)kind, s[0], s[1], s[2], s[3], false);
            if (s[3] < s[0]) check_neighbours((look)kind, s[0], s[0], s[2], s[3], true);
        }
}

static void expect_within_slack(void *context, const tile *t)
{
    const distances *s = context;
    distances_fill(s, t);
    for (int r = 0; r < t->rows; r++)
        for (int c = 0; c < t->columns; c++) {
            int i = t->row + r, j = t->column + c;
            double exact = distances_exact(s, i, j), slack = distances_slack(s, i, j);
            cr_assert_leq(fabs(t->values[r * t->columns + c] - exact), slack);
            cr_assert_lt(slack, 1e-11 * exact);
        }
}

/* Wide enough, and not so wide that everything would be computed exactly. */
Test(neighbours, the_rounding_bound_holds)
{
    enum { N = 60, M = 70, DEEP = 700 };
    float *a = make(FAR_FROM_ZERO, 0, N, DEEP), *b = make(FAR_FROM_ZERO, 1, M, DEEP);
    distances s;
    omp_set_num_threads(1); /* assertions leave by a jump */
    cr_assert_eq(distances_open(a, N, b, M, DEEP, &s), OK);
    cr_assert_eq(tiles_visit(N, M, expect_within_slack, &s), OK);
    distances_close(&s);
    free(a);
    free(b);
}

/* ---- set overlap ---- */

static double radius_of(const float *set, int n, int d, int k, int i)
{
    candidate *all = malloc((size_t)n * sizeof *all);
    int count = 0;
    for (int j = 0; j < n; j++)
        if (j != i)
            all[count++] =
                (candidate){by_definition(set + (size_t)i * (size_t)d, set + (size_t)j * (size_t)d, d), j};
    qsort(all, (size_t)count, sizeof *all, by_distance);
    double radius = all[k - 1].squared;
    free(all);
    return radius;
}

static set_overlap overlap_by_loops(const float *real, int n, const float *fake, int m, int d, int k)
{
    bool *precise = calloc((size_t)m, 1), *recalled = calloc((size_t)n, 1), *covered = calloc((size_t)n, 1);
    double *around = malloc((size_t)m * sizeof *around);
    long long balls = 0, counts[3] = {0, 0, 0};
    for (int j = 0; j < m; j++) around[j] = radius_of(fake, m, d, k, j);
    for (int i = 0; i < n; i++) {
        double radius = radius_of(real, n, d, k, i);
        for (int j = 0; j < m; j++) {
            double squared = by_definition(real + (size_t)i * (size_t)d, fake + (size_t)j * (size_t)d, d);
            balls += squared < radius;
            precise[j] |= squared < radius;
            covered[i] |= squared < radius;
            recalled[i] |= squared < around[j];
        }
    }
    for (int j = 0; j < m; j++) counts[0] += precise[j];
    for (int i = 0; i < n; i++) {
        counts[1] += recalled[i];
        counts[2] += covered[i];
    }
    free(precise);
    free(recalled);
    free(covered);
    free(around);
    return (set_overlap){(double)counts[0] / m, (double)counts[1] / n, (double)balls / k / m,
                         (double)counts[2] / n};
}

Test(neighbours, set_overlap_agrees_with_double_loops)
{
    for (int kind = NORMAL; kind <= ALL_EQUAL; kind++) {
        enum { REAL = 150, FAKE = 270, WIDE = 4, K = 3 };
        float *real = make((look)kind, 2, REAL, WIDE), *fake = make((look)kind, 3, FAKE, WIDE);
        set_overlap got, want = overlap_by_loops(real, REAL, fake, FAKE, WIDE, K);
        cr_assert_eq(metric_set_overlap(real, REAL, fake, FAKE, WIDE, K, &got), OK);
        cr_expect_eq(got.precision, want.precision);
        cr_expect_eq(got.recall, want.recall);
        cr_expect_eq(got.density, want.density);
        cr_expect_eq(got.coverage, want.coverage);
        free(real);
        free(fake);
    }
}
