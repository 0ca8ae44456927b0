/* Paired statistics over seeds. */
#ifndef BENCH_STATISTICS_H
#define BENCH_STATISTICS_H

/* What a contrast of two arms shows. x and y are one metric per seed, paired: x[i] (the arm) and y[i] (its
 * baseline) share split, draw and initial weights. Pairs with a NaN are left out; pairs counts those that
 * remain. */
typedef struct gain {
    int pairs;
    double mean_x, mean_y; /* NaN if pairs == 0 */
    double gain;           /* mean of x - y; NaN if pairs == 0 */
    double low, high;      /* 95% interval of the gain: Student's t over the pairs; NaN if pairs < 2 */
    double percent;        /* 100 * gain / mean_y; NaN if mean_y is 0 */

    /* 100 * low / mean_y and 100 * high / mean_y: the interval of the gain as a share of the baseline's
     * observed mean, which is held fixed. */
    double percent_low, percent_high;

    /* Two-sided sign-flip permutation test of mean(x - y) = 0, NaN if pairs < 1: the share of sign flips
     * whose |mean| reaches the observed one. Exact, over all 2^pairs flips, up to 20 pairs; beyond, over
     * 100000 seeded random flips and the observed signs. */
    double p_value;
} gain;

gain gain_of(const double *x, const double *y, int n);

/* Quantile of Student's t with `degrees` degrees of freedom (>= 1) at probability p in (0,1); relative
 * error below 1e-8. */
double student_t_quantile(double p, int degrees);

#endif
