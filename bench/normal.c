#include "bench/normal.h"

#include <assert.h>
#include <math.h>

double normal_probability(double z)
{
    return 0.5 * erfc(-z / sqrt(2.0));
}

/* By halving: an erfc of full precision decides each step, so that nothing is lost in the lower tail; the
 * upper one is its mirror image. */
double normal_quantile(double p)
{
    assert(p >= 0.0 && p <= 1.0);
    if (p == 0.0 || p == 1.0) return p == 0.0 ? -(double)INFINITY : (double)INFINITY;
    if (p >= 0.5) return p > 0.5 ? -normal_quantile(1.0 - p) : 0.0;
    double low = -40.0, high = 0.0; /* below -38.5 nothing is left of a double */
    for (;;) {
        double middle = 0.5 * (low + high);
        if (middle <= low || middle >= high) return middle;
        if (normal_probability(middle) < p)
            low = middle;
        else
            high = middle;
    }
}
