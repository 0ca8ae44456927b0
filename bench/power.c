#include "bench/power.h"

#include "bench/normal.h"
#include "bench/statistics.h"

#include <assert.h>
#include <math.h>

enum { INTERVALS = 800 }; /* of Simpson's rule */

static double simpson_weight(int i)
{
    return i == 0 || i == INTERVALS ? 1.0 : i % 2 ? 4.0 : 2.0;
}

/* T = (Z + shift) / S with v S^2 a chi-square of v degrees: the tail is the mean over S of
 * P(Z > t s - shift). ln of S's density: ln 2 + v/2 ln(v/2) - lnGamma(v/2) + (v - 1) ln s - v s^2 / 2. */
double noncentral_t_tail(double t, double shift, int degrees)
{
    double v = degrees, half = 0.5 * v, step = (1.0 + 10.0 / sqrt(2.0 * v)) / INTERVALS, sum = 0.0;
    double constant = log(2.0) + half * log(half) - lgamma(half);
    for (int i = 0; i <= INTERVALS; i++) {
        double s = i * step;
        if (s == 0.0 && degrees > 1) continue; /* the density is 0 there */
        double density = exp(constant + (degrees > 1 ? (v - 1.0) * log(s) : 0.0) - half * s * s);
        sum += simpson_weight(i) * density * normal_probability(shift - t * s);
    }
    return sum * step / 3.0;
}

/* How many of the steps 1 / 2^(pairs - 1), 2 / 2^(pairs - 1), ... of the p-value are low enough. */
static double low_steps(int pairs, int contrasts)
{
    return floor(VERDICT_LEVEL / contrasts * ldexp(1.0, pairs - 1) * (1.0 + 1e-12));
}

int power_fewest_pairs(int contrasts)
{
    int pairs = 1;
    while (low_steps(pairs, contrasts) < 1.0) pairs++;
    return pairs;
}

/* P(all differences are positive, or only the smallest in size is not): then the sum is the largest or the
 * second largest that flips can reach. Of the differences, Z + effect. */
static double power_of_two_steps(double effect, int pairs)
{
    double step = 12.0 / INTERVALS, sum = 0.0;
    for (int i = 0; i <= INTERVALS; i++) {
        double size = i * step;
        double density = exp(-0.5 * (size + effect) * (size + effect)) / sqrt(2.0 * acos(-1.0));
        sum += simpson_weight(i) * density * pow(normal_probability(effect - size), pairs - 1);
    }
    return pow(normal_probability(effect), pairs) + pairs * sum * step / 3.0;
}

static double power_of(double effect, int pairs, double steps)
{
    if (steps == 1.0) return pow(normal_probability(effect), pairs); /* all are positive */
    if (steps == 2.0) return power_of_two_steps(effect, pairs);
    double level = steps / ldexp(1.0, pairs - 1);
    return noncentral_t_tail(student_t_quantile(1.0 - 0.5 * level, pairs - 1), effect * sqrt(pairs),
                             pairs - 1);
}

double power_detectable(int pairs, int contrasts)
{
    assert(pairs <= 1000);
    if (pairs < 1 || contrasts < 1 || pairs < power_fewest_pairs(contrasts)) return NAN;
    double steps = low_steps(pairs, contrasts), low = 0.0, high = 10.0;
    for (int i = 0; i < 34; i++) {
        double middle = 0.5 * (low + high);
        if (power_of(middle, pairs, steps) < VERDICT_POWER)
            low = middle;
        else
            high = middle;
    }
    return high;
}
