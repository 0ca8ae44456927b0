/* The standard normal law, for bench/bootstrap.h and bench/power.h. */
#ifndef BENCH_NORMAL_H
#define BENCH_NORMAL_H

/* P(Z <= z). */
double normal_probability(double z);

/* The z with P(Z <= z) = p: -infinity for p = 0, infinity for p = 1; p in [0,1]. Absolute error below 1e-12
 * for p from 1e-300 to 1 - 1e-15. */
double normal_quantile(double p);

#endif
