/* What a study of so many seeds can find. */
#ifndef BENCH_POWER_H
#define BENCH_POWER_H

/* The family-wise level of a verdict, and the power that a detectable gain has. */
#define VERDICT_LEVEL 0.05
#define VERDICT_POWER 0.8

/* The fewest pairs with which the sign-flip test can reach VERDICT_LEVEL for one of so many contrasts (>= 1):
 * its least p-value is 2^(1 - pairs), and Holm's first step wants VERDICT_LEVEL / contrasts. */
int power_fewest_pairs(int contrasts);

/* The true gain, in standard deviations of the paired differences, that the first step of Holm's procedure
 * over so many contrasts finds with probability VERDICT_POWER, in the right direction, if the differences are
 * normal; NaN with fewer than power_fewest_pairs. At most 1000 pairs.
 *
 * The sign-flip test's p-value is one of 2^(pairs - 1) steps. Where one or two of them are low enough, the
 * power is an integral over the smallest difference; beyond, it is that of Student's t test at the level that
 * the steps reach, by the noncentral t law, at most 5% off (tests/bench/test_power.c). */
double power_detectable(int pairs, int contrasts);

/* P(T > t) for the noncentral t law with `degrees` of freedom (>= 1) and noncentrality `shift`. Absolute
 * error below 1e-7. */
double noncentral_t_tail(double t, double shift, int degrees);

#endif
