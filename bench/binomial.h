/* Counts of successes: against chance, and with an interval. */
#ifndef BENCH_BINOMIAL_H
#define BENCH_BINOMIAL_H

/* Two-sided exact test of a probability of 1/2: the probability of a count at least as far from n/2 as k is.
 * 1 for n = 0. */
double binomial_p_value(int k, int n);

/* The exact 95% interval of the probability (Clopper and Pearson, 1934): where each tail has 2.5%. 0 to 1 for
 * n = 0. */
void binomial_interval(int k, int n, double *low, double *high);

#endif
