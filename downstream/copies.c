#include "downstream/copies.h"

#include "base/order.h"

#include <math.h>
#include <stdlib.h>

const char *const copy_verdict_names[] = {"too few images", "none found", "copies"};

/* The share of pairs in which the synthetic value is lower, ties counting half, in halves of pairs, which are
 * exact. Both rising. */
static double mann_whitney(const double *synthetic, int n, const double *held_out, int m)
{
    long long halves = 0;
    int below = 0, up_to = 0; /* held-out values below the synthetic one, and not above it */
    for (int i = 0; i < n; i++) {
        while (below < m && held_out[below] < synthetic[i]) below++;
        while (up_to < m && held_out[up_to] <= synthetic[i]) up_to++;
        halves += 2 * (long long)m - below - up_to;
    }
    return (double)halves / (2.0 * n * m);
}

/* z with P(a standard normal number > z) = level, 0 < level < 0.5, by halving. */
static double normal_quantile(double level)
{
    double low = 0.0, high = 40.0;
    for (int i = 0; i < 100; i++) {
        double middle = 0.5 * (low + high);
        *(0.5 * erfc(middle / sqrt(2.0)) > level ? &low : &high) = middle;
    }
    return low;
}

/* The end of the interval between `score` and `limit` (0 or 1), by halving: the end is where |score - t| is
 * z times the error at t. */
static double interval_end(double score, double limit, int n, int m, double z)
{
    double inside = score, outside = limit, half = ((double)n + m) / 2.0 - 1.0;
    if (score == limit) return limit;
    for (int i = 0; i < 100; i++) {
        double t = 0.5 * (inside + outside), away = score - t;
        double variance =
            t * (1.0 - t) * (1.0 + half * ((1.0 - t) / (2.0 - t) + t / (1.0 + t))) / ((double)n * m);
        *(away * away > z * z * variance ? &outside : &inside) = t;
    }
    return inside;
}

static double log_choose(int n, int k)
{
    return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
}

/* P(at most `spared` of `draws` images are held-out), drawn without replacement from n synthetic and m
 * held-out ones. */
static double hypergeometric(int n, int m, int draws, int spared)
{
    double sum = 0.0, all = log_choose(n + m, draws);
    for (int held_out = draws > n ? draws - n : 0; held_out <= spared && held_out <= draws; held_out++)
        sum += exp(log_choose(m, held_out) + log_choose(n, draws - held_out) - all);
    return fmin(sum, 1.0);
}

/* Both rising. */
static copy_test test_sorted(const double *synthetic, int n, const double *held_out, int m, double level)
{
    copy_test t = {.n_synthetic = n, .n_held_out = m, .spared = m / 100};
    double z = normal_quantile(level);
    t.score = mann_whitney(synthetic, n, held_out, m);
    t.low = interval_end(t.score, 0.0, n, m, z);
    t.high = interval_end(t.score, 1.0, n, m, z);
    while (t.near < n && synthetic[t.near] < held_out[t.spared]) t.near++;
    t.near_expected = n * (t.spared + 1.0) / (m + 1.0);
    t.near_p = hypergeometric(n, m, t.near + t.spared, t.spared);
    return t;
}

err copy_test_of(const double *synthetic, int n, const double *held_out, int m, double level, copy_test *out)
{
    size_t first = (size_t)n, second = (size_t)m;
    double *sorted = malloc((first + second) * sizeof *sorted);
    if (!sorted) return err_set(ERR_SYSTEM, "out of memory for the distances of %d images", n);
    for (size_t i = 0; i < first; i++) sorted[i] = synthetic[i];
    for (size_t i = 0; i < second; i++) sorted[first + i] = held_out[i];
    qsort(sorted, first, sizeof *sorted, order_doubles);
    qsort(sorted + first, second, sizeof *sorted, order_doubles);
    *out = test_sorted(sorted, n, sorted + first, m, level);
    free(sorted);
    return OK;
}

double copies_level(int count)
{
    return 0.05 / (2.0 * count);
}

copy_verdict copies_judge(const copy_test *tests, int count)
{
    copy_verdict verdict = COPIES_NONE_FOUND;
    for (int i = 0; i < count; i++) {
        if (tests[i].n_synthetic < COPY_LEAST || tests[i].n_held_out < COPY_LEAST) return COPIES_TOO_FEW;
        if (tests[i].low > 0.5 || tests[i].near_p <= copies_level(count)) verdict = COPIES_FOUND;
    }
    return verdict;
}
