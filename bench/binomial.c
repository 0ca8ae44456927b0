#include "bench/binomial.h"

#include <math.h>

/* P(X >= k) for X of Binomial(n, p). */
static double upper_tail(int k, int n, double p)
{
    double sum = 0;
    if (k <= 0 || p >= 1) return 1;
    if (p <= 0) return 0;
    for (int i = k; i <= n; i++)
        sum +=
            exp(lgamma(n + 1.0) - lgamma(i + 1.0) - lgamma(n - i + 1.0) + i * log(p) + (n - i) * log1p(-p));
    return fmin(sum, 1);
}

double binomial_p_value(int k, int n)
{
    int far = k > n - k ? k : n - k;
    return fmin(2 * upper_tail(far, n, 0.5), 1);
}

/* The p at which k or more successes have a probability of `tail`; it grows with p. */
static double solve(int k, int n, double tail)
{
    enum { HALVINGS = 60 };
    double low = 0, high = 1;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (upper_tail(k, n, middle) > tail)
            high = middle;
        else
            low = middle;
    }
    return (low + high) / 2;
}

void binomial_interval(int k, int n, double *low, double *high)
{
    *low = k > 0 ? solve(k, n, 0.025) : 0;
    *high = k < n ? solve(k + 1, n, 0.975) : 1;
}
