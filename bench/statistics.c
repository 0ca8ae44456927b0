#include "bench/statistics.h"

#include "base/order.h"
#include "base/rng.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { EXACT_PAIRS = 20, RANDOM_FLIPS = 100000 };
_Static_assert(STATISTICS_PAIRS_MAX % 32 == 0, "whole words of signs");

/* ln of Gamma(a + 1/2) / Gamma(a). From lgamma while its value is small; for large a, where the difference
 * would cancel, from the asymptotic series of the ratio (DLMF 5.11.13), whose first term left out is below
 * 1e-13 there. */
static double log_gamma_ratio(double a)
{
    if (a < 50.0) return lgamma(a + 0.5) - lgamma(a);
    double r = 1.0 / a;
    double series =
        1.0 +
        r * (-1.0 / 8 + r * (1.0 / 128 + r * (5.0 / 1024 + r * (-21.0 / 32768 + r * (-399.0 / 262144)))));
    return 0.5 * log(a) + log(series);
}

/* The continued fraction of the incomplete beta function (DLMF 8.17.22) by the modified Lentz method.
 * Converges in O(sqrt(max(a, b))) steps for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    double c = 1.0;
    double d = 1.0 / (1.0 - (a + b) * x / (a + 1.0));
    double value = d;
    for (int step_number = 1;; step_number++) {
        double m = step_number;
        double even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / (1.0 + even * d);
        c = 1.0 + even / c;
        value *= c * d;
        d = 1.0 / (1.0 + odd * d);
        c = 1.0 + odd / c;
        double step = c * d;
        value *= step;
        if (fabs(step - 1.0) <= DBL_EPSILON || m > 1e6) return value;
    }
}

/* Whether P(T > t) > q, t >= 0: that tail is half of I_x(v/2, 1/2) at x = v / (v + t^2) (Abramowitz &
 * Stegun 26.7.1). Near the middle the part between 0 and t is compared instead, which keeps its digits as
 * t tends to 0. */
static bool tail_exceeds(double t, double degrees, double q)
{
    double a = 0.5 * degrees, square = t * t;
    double x = degrees / (degrees + square), y = square / (degrees + square);
    /* x^a y^(1/2) / Beta(a, 1/2), with Beta(a, 1/2) = sqrt(pi) Gamma(a) / Gamma(a + 1/2) */
    double front = exp(log_gamma_ratio(a) - a * log1p(square / degrees)) * sqrt(y / acos(-1.0));
    if (x < (a + 1.0) / (a + 2.5)) return 0.5 * front * beta_fraction(a, 0.5, x) / a > q;
    return front * beta_fraction(0.5, a, y) < 0.5 - q;
}

/* The t >= 0 with P(T > t) = q, 0 < q <= 1/2. */
static double upper_quantile(double q, double degrees)
{
    /* Closed forms for the two heaviest tails, in which t^2 may overflow. */
    if (degrees == 1.0) return q < 0.25 ? 1.0 / tan(q * acos(-1.0)) : tan((0.5 - q) * acos(-1.0));
    if (degrees == 2.0) return (1.0 - 2.0 * q) / sqrt(2.0 * q * (1.0 - q));
    double low = 0.0, high = 1.0;
    while (tail_exceeds(high, degrees, q)) {
        low = high;
        high *= 2.0;
    }
    for (;;) {
        double middle = 0.5 * (low + high);
        if (middle <= low || middle >= high) return middle; /* neighbouring doubles */
        if (tail_exceeds(middle, degrees, q))
            low = middle;
        else
            high = middle;
    }
}

double student_t_quantile(double p, int degrees)
{
    assert(p > 0.0 && p < 1.0 && degrees >= 1);
    if (p == 0.5) return 0.0;
    /* 1 - p is exact for p >= 1/2, and the law is symmetric: no digits of either tail are lost. */
    return p < 0.5 ? -upper_quantile(p, degrees) : upper_quantile(1.0 - p, degrees);
}

static bool is_pair(const double *x, const double *y, int i)
{
    return !isnan(x[i]) && !isnan(y[i]);
}

/* The sums of all 2^n ways to flip the signs of d[0..n-1], added to `start`, in sums; returns their number.
 */
static int flipped_sums(const double *d, int n, double start, double *sums)
{
    int count = 1;
    sums[0] = start;
    for (int i = 0; i < n; i++, count *= 2)
        for (int j = 0; j < count; j++) {
            sums[count + j] = sums[j] - d[i];
            sums[j] += d[i];
        }
    return count;
}

/* How many pairs of one of n sums a and one of m sums b, both sorted, reach |a + b| >= threshold > 0. */
static double pairs_reaching(const double *a, int n, const double *b, int m, double threshold)
{
    double reaching = 0.0;
    int above = m, below = m; /* as a rises: b[above..] reach the threshold, b[0..below-1] its negative */
    for (int i = 0; i < n; i++) {
        while (above > 0 && a[i] + b[above - 1] >= threshold) above--;
        while (below > 0 && a[i] + b[below - 1] > -threshold) below--;
        reaching += m - above + below;
    }
    return reaching;
}

/* Flips of the two halves are listed one by one, and paired in one pass over both sorted lists. A flip of all
 * signs leaves |sum| as it is: the first sign is fixed. */
static double exact_p_value(const double *x, const double *y, int n, int pairs, double threshold)
{
    double d[EXACT_PAIRS] = {0}, a[1 << EXACT_PAIRS / 2], b[1 << EXACT_PAIRS / 2];
    int used = 0, half = pairs > 1 ? pairs / 2 : 1;
    if (threshold <= 0.0) return 1.0;
    for (int i = 0; i < n; i++)
        if (is_pair(x, y, i)) d[used++] = x[i] - y[i];
    int n_a = flipped_sums(d + 1, half - 1, d[0], a);
    int n_b = flipped_sums(d + half, pairs - half, 0.0, b);
    qsort(a, (size_t)n_a, sizeof *a, order_doubles);
    qsort(b, (size_t)n_b, sizeof *b, order_doubles);
    return pairs_reaching(a, n_a, b, n_b, threshold) / ldexp(1.0, pairs - 1);
}

/* Eight pairs: the sum of their differences under each of the 256 ways to choose their signs. */
typedef double byte_sums[256];

/* Fills as many as the pairs need, and returns how many those are. */
static int tabulate_sums(const double *x, const double *y, int n, byte_sums *sums)
{
    int used = 0;
    for (int i = 0; i < n; i++) {
        if (!is_pair(x, y, i)) continue;
        double *of = sums[used / 8], d = x[i] - y[i];
        int count = 1 << used % 8; /* as bit used % 8 of a byte says: set is as observed */
        if (count == 1) of[0] = 0.0;
        for (int j = 0; j < count; j++) {
            of[j + count] = of[j] + d;
            of[j] -= d;
        }
        used++;
    }
    /* Bits beyond the last pair say nothing. */
    for (int count = 1 << used % 8; used % 8 && count < 256; count *= 2)
        memcpy(sums[used / 8] + count, sums[used / 8], (size_t)count * sizeof(double));
    return (used + 7) / 8;
}

/* Flips are drawn as words of 32 signs. */
static double random_p_value(const double *x, const double *y, int n, double threshold)
{
    byte_sums sums[STATISTICS_PAIRS_MAX / 8];
    int bytes = tabulate_sums(x, y, n, sums);
    rng random = rng_open(0, "sign flips", 0);
    int reaching = 1; /* the observed signs */
    for (int flip = 0; flip < RANDOM_FLIPS; flip++) {
        double sum = 0.0;
        uint32_t signs = 0;
        for (int i = 0; i < bytes; i++) {
            signs = i % 4 ? signs >> 8 : rng_u32(&random);
            sum += sums[i][signs & 255];
        }
        reaching += fabs(sum) >= threshold;
    }
    return reaching / (RANDOM_FLIPS + 1.0);
}

/* Sums of squares and products of the pairs' deviations from their means: d = x - y, and y. */
typedef struct products {
    double dd, dy, yy;
} products;

static products products_of(const double *x, const double *y, int n, const gain *g)
{
    products s = {0};
    for (int i = 0; i < n; i++) {
        if (!is_pair(x, y, i)) continue;
        double d = x[i] - y[i] - g->gain, e = y[i] - g->mean_y;
        s.dd += d * d;
        s.dy += d * e;
        s.yy += e * e;
    }
    return s;
}

/* The r with (gain - r mean_y)^2 <= t^2 var(x - y - r y) / pairs lie between the roots of
 * a r^2 - 2 b r + c, if a > 0. `scale` is t^2 / (pairs (pairs - 1)). */
static void add_percent_interval(const products *s, double scale, gain *g)
{
    double a = g->mean_y * g->mean_y - scale * s->yy;
    double b = g->gain * g->mean_y - scale * s->dy;
    double c = g->gain * g->gain - scale * s->dd;
    if (!(a > 0.0)) return;
    double root = sqrt(fmax(b * b - a * c, 0.0));
    g->percent_low = 100.0 * (b - root) / a;
    g->percent_high = 100.0 * (b + root) / a;
}

static void add_intervals(const double *x, const double *y, int n, gain *g)
{
    g->deviation = g->low = g->high = g->percent_low = g->percent_high = NAN;
    if (g->pairs < 2) return;
    products s = products_of(x, y, n, g);
    double t = student_t_quantile(0.975, g->pairs - 1);
    g->deviation = sqrt(s.dd / (g->pairs - 1.0));
    double margin = t * g->deviation / sqrt(g->pairs);
    g->low = g->gain - margin;
    g->high = g->gain + margin;
    add_percent_interval(&s, t * t / (g->pairs * (g->pairs - 1.0)), g);
}

gain gain_of(const double *x, const double *y, int n)
{
    assert(n <= STATISTICS_PAIRS_MAX);
    gain g = {.p_value = NAN};
    double sum_x = 0.0, sum_y = 0.0, sum = 0.0, sum_of_sizes = 0.0;
    for (int i = 0; i < n; i++) {
        if (!is_pair(x, y, i)) continue;
        g.pairs++;
        sum_x += x[i];
        sum_y += y[i];
        sum += x[i] - y[i];
        sum_of_sizes += fabs(x[i] - y[i]);
    }
    g.mean_x = g.pairs ? sum_x / g.pairs : (double)NAN;
    g.mean_y = g.pairs ? sum_y / g.pairs : (double)NAN;
    g.gain = g.pairs ? sum / g.pairs : (double)NAN;
    if (g.pairs) {
        /* Flips whose sum equals the observed one must count, however their terms were rounded. */
        double threshold = fabs(sum) - 1e-12 * sum_of_sizes;
        g.p_value = g.pairs <= EXACT_PAIRS ? exact_p_value(x, y, n, g.pairs, threshold)
                                           : random_p_value(x, y, n, threshold);
    }
    g.percent = g.mean_y == 0.0 ? (double)NAN : 100.0 * g.gain / g.mean_y;
    add_intervals(x, y, n, &g);
    return g;
}

typedef struct ranked {
    double p;
    int index;
} ranked;

static int by_p(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return x->p != y->p ? (x->p > y->p) - (x->p < y->p) : x->index - y->index;
}

err holm_adjust(const double *p, int n, double *adjusted, int *count)
{
    ranked *order = malloc(((size_t)n + 1) * sizeof *order);
    if (!order) return err_set(ERR_SYSTEM, "out of memory for %d contrasts", n);
    int m = 0;
    for (int i = 0; i < n; i++) {
        adjusted[i] = NAN;
        if (!isnan(p[i])) order[m++] = (ranked){p[i], i};
    }
    qsort(order, (size_t)m, sizeof *order, by_p);
    double least = 0.0; /* no step is easier than those before it */
    for (int i = 0; i < m; i++) {
        least = fmax(least, fmin(1.0, (m - i) * order[i].p));
        adjusted[order[i].index] = least;
    }
    free(order);
    *count = m;
    return OK;
}
