#include "bench/bootstrap.h"

#include "base/rng.h"
#include "bench/normal.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

err resamples_draw(resamples *r, int pairs)
{
    assert(pairs >= 1 && pairs <= BOOTSTRAP_PAIRS_MAX);
    if (r->picks && r->pairs == pairs) return OK;
    uint8_t *picks = realloc(r->picks, BOOTSTRAP_RESAMPLES * (size_t)pairs);
    if (!picks) return err_set(ERR_SYSTEM, "out of memory for %d bootstrap resamples", BOOTSTRAP_RESAMPLES);
    *r = (resamples){pairs, picks};
    rng random = rng_open(0, "bootstrap", (uint64_t)pairs);
    for (size_t i = 0; i < BOOTSTRAP_RESAMPLES * (size_t)pairs; i++)
        picks[i] = (uint8_t)rng_below(&random, pairs);
    return OK;
}

void resamples_close(resamples *r)
{
    free(r->picks);
    *r = (resamples){0};
}

/* The relative gain of a resample, as a share. False if its baseline is not above 0. */
static bool ratio_of(const uint8_t *picks, int n, const double *x, const double *y, double *out)
{
    double sum_x = 0.0, sum_y = 0.0;
    for (int i = 0; i < n; i++) {
        sum_x += x[picks[i]];
        sum_y += y[picks[i]];
    }
    *out = (sum_x - sum_y) / sum_y;
    return sum_y > 0.0;
}

/* Reorders n values so that values[k] is what sorting would put there, with none larger before it and none
 * smaller behind it (Hoare's selection). */
static void select_value(double *values, int n, int k)
{
    int first = 0, last = n - 1;
    while (first < last) {
        double pivot = values[(first + last) / 2];
        int i = first, j = last;
        while (i <= j) {
            while (values[i] < pivot) i++;
            while (values[j] > pivot) j--;
            if (i > j) break;
            double other = values[i];
            values[i++] = values[j];
            values[j--] = other;
        }
        if (k <= j)
            last = j;
        else if (k >= i)
            first = i;
        else
            return;
    }
}

/* Leaving out one pair at a time: a = sum(d^3) / (6 sum(d^2)^1.5), d = mean - value (Efron 1987, eq. 6.6). */
static double acceleration_of(const double *x, const double *y, int n)
{
    double values[BOOTSTRAP_PAIRS_MAX], sum = 0.0, sum_y = 0.0, mean = 0.0;
    for (int i = 0; i < n; i++) {
        sum += x[i] - y[i];
        sum_y += y[i];
    }
    for (int i = 0; i < n; i++) {
        values[i] = (sum - (x[i] - y[i])) / (sum_y - y[i]);
        mean += values[i] / n;
    }
    double squares = 0.0, cubes = 0.0;
    for (int i = 0; i < n; i++) {
        double d = mean - values[i];
        squares += d * d;
        cubes += d * d * d;
    }
    return squares > 0.0 ? cubes / (6.0 * pow(squares, 1.5)) : 0.0;
}

/* By linear interpolation between neighbours; reorders the values. */
static double quantile_of(double *values, int n, double p)
{
    double at = p * (n - 1);
    int below = (int)at;
    select_value(values, n, below);
    if (below + 1 >= n) return values[below];
    double next = values[below + 1];
    for (int i = below + 2; i < n; i++) next = fmin(next, values[i]);
    return values[below] + (at - below) * (next - values[below]);
}

/* The share of the resamples below the estimate; those that equal it count half. Equal but for rounding is
 * equal: the same pairs in another order. */
static double share_below(const double *values, int n, double estimate)
{
    double below = 0.0, slack = 1e-12 * fabs(estimate) + 1e-300;
    for (int i = 0; i < n; i++)
        below += values[i] < estimate - slack ? 1.0 : values[i] <= estimate + slack ? 0.5 : 0.0;
    return below / n;
}

/* alpha = Phi(z0 + (z0 + z) / (1 - a (z0 + z))) (Efron 1987, eq. 2.3). */
static double adjusted(double bias, double acceleration, double z)
{
    return normal_probability(bias + (bias + z) / (1.0 - acceleration * (bias + z)));
}

/* The interval from all resampled values, which it reorders. */
static void interval_of(double *values, double estimate, double acceleration, double *low, double *high)
{
    double bias = normal_quantile(share_below(values, BOOTSTRAP_RESAMPLES, estimate));
    if (!isfinite(bias)) return; /* the estimate is outside of all resamples */
    double z = normal_quantile(0.025);
    *low = 100.0 * quantile_of(values, BOOTSTRAP_RESAMPLES, adjusted(bias, acceleration, z));
    *high = 100.0 * quantile_of(values, BOOTSTRAP_RESAMPLES, adjusted(bias, acceleration, -z));
}

err bootstrap_percent(const resamples *r, const double *x, const double *y, double *low, double *high)
{
    int n = r->pairs;
    uint8_t all[BOOTSTRAP_PAIRS_MAX];
    double estimate;
    *low = *high = NAN;
    if (n < BOOTSTRAP_PAIRS_MIN) return OK;
    double *values = malloc(BOOTSTRAP_RESAMPLES * sizeof *values);
    if (!values) return err_set(ERR_SYSTEM, "out of memory for the bootstrap");
    bool defined = true;
    for (int i = 0; i < n; i++) all[i] = (uint8_t)i;
    defined = ratio_of(all, n, x, y, &estimate);
    for (int i = 0; i < BOOTSTRAP_RESAMPLES && defined; i++)
        defined = ratio_of(r->picks + (size_t)i * (size_t)n, n, x, y, &values[i]);
    if (defined) interval_of(values, estimate, acceleration_of(x, y, n), low, high);
    free(values);
    return OK;
}
