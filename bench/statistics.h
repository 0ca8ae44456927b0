/* Paired statistics over seeds. */
#ifndef BENCH_STATISTICS_H
#define BENCH_STATISTICS_H

#include "base/err.h"

/* What a contrast of two arms shows. x and y are one metric per seed, paired: x[i] (the arm) and y[i] (its
 * baseline) share split, draw and initial weights. Pairs with a NaN are left out; pairs counts those that
 * remain. */
typedef struct gain {
    int pairs;
    double mean_x, mean_y; /* NaN if pairs == 0 */
    double gain;           /* mean of x - y; NaN if pairs == 0 */
    double deviation;      /* standard deviation of x - y (divisor pairs - 1); NaN if pairs < 2 */
    double low, high;      /* 95% interval of the gain: Student's t over the pairs; NaN if pairs < 2 */
    double percent;        /* 100 * gain / mean_y; NaN if mean_y is 0 */

    /* 95% interval of the relative gain, in percent: Fieller's ("Some problems in interval estimation", JRSS
     * B 16, 1954), the ratios r that Student's t test of mean(x - y - r y) = 0 keeps. The baseline's mean
     * varies in it as the gain does, and it contains 0 exactly where low to high does. NaN if that has no
     * ends: with pairs < 2, or if mean_y could be 0. */
    double percent_low, percent_high;

    /* Two-sided sign-flip permutation test of mean(x - y) = 0, NaN if pairs < 1: the share of sign flips
     * whose |mean| reaches the observed one. Exact, over all 2^pairs flips, up to 20 pairs; beyond, over
     * 100000 seeded random flips and the observed signs. */
    double p_value;
} gain;

enum { STATISTICS_PAIRS_MAX = 256 };

/* Of n values each, at most STATISTICS_PAIRS_MAX. */
gain gain_of(const double *x, const double *y, int n);

/* Holm's step-down correction ("A simple sequentially rejective multiple test procedure", Scand. J. Statist.
 * 6, 1979) of n p-values, into adjusted: rejecting what is at most alpha there is wrong about any of them
 * with a probability of at most alpha, however they depend on each other. NaNs stay NaN and do not count;
 * returns how many count. ERR_SYSTEM. */
err holm_adjust(const double *p, int n, double *adjusted, int *count);

/* Quantile of Student's t with `degrees` degrees of freedom (>= 1) at probability p in (0,1); relative
 * error below 1e-8. */
double student_t_quantile(double p, int degrees);

#endif
