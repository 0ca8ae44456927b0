/* Against mpmath and scipy (tests/golden/metrics_make.py), and closed forms. */
#include "bench/statistics.h"

#include "base/rng.h"
#include "bench/bootstrap.h"

#include "tests/golden_rows.h"

enum { MOST_PAIRS = 40 };

Test(statistics, t_quantile_agrees_with_forty_digits)
{
    golden_rows rows = golden_rows_open("metrics_student_t.csv", 3);
    int cases = 0;
    for (double row[3]; golden_rows_next(&rows, row); cases++) {
        double got = student_t_quantile(row[1], (int)row[0]);
        cr_expect(fabs(got - row[2]) <= 1e-12 * fabs(row[2]), "df %g, p %.17g: %.17g, want %.17g", row[0],
                  row[1], got, row[2]);
    }
    cr_assert_eq(cases, 19 * 12);
}

Test(statistics, t_quantile_is_symmetric_and_rises)
{
    for (int degrees = 1; degrees <= 200; degrees += 7) {
        cr_expect_eq(student_t_quantile(0.5, degrees), 0.0);
        double before = -INFINITY;
        for (int i = 1; i < 64; i++) {
            double p = i / 64.0, t = student_t_quantile(p, degrees);
            cr_expect_gt(t, before);
            cr_expect_eq(t, -student_t_quantile(1.0 - p, degrees));
            before = t;
        }
    }
}

Test(statistics, t_quantile_tends_to_the_normal_one)
{
    const double normal = 1.959963984540054; /* the 97.5% point */
    const double cube = normal * normal * normal;
    /* First term of the Cornish-Fisher expansion (Abramowitz & Stegun 26.7.5). */
    cr_expect_float_eq(student_t_quantile(0.975, 1000000), normal + (cube + normal) / 4e6, 1e-10);
}

Test(statistics, t_quantile_reaches_far_tails)
{
    /* P(T > t) for 3 degrees tends to 2 sqrt(3) / (pi t^3) */
    double t = student_t_quantile(1e-60, 3);
    cr_expect_float_eq(2.0 * sqrt(3.0) / (acos(-1.0) * -t * t * t) * 1e60, 1.0, 1e-9);
    cr_expect_float_eq(student_t_quantile(1e-200, 1) / (-1e200 / acos(-1.0)), 1.0, 1e-12);
}

static int read_pairs(int wanted, double *x, double *y)
{
    golden_rows rows = golden_rows_open("metrics_gains.csv", 3);
    int n = 0;
    for (double row[3]; golden_rows_next(&rows, row);) {
        if ((int)row[0] != wanted) continue;
        cr_assert(n < MOST_PAIRS);
        x[n] = row[1];
        y[n++] = row[2];
    }
    return n;
}

Test(statistics, gains_agree_with_scipy)
{
    golden_rows rows = golden_rows_open("metrics_gains_expected.csv", 8);
    int cases = 0;
    for (double want[8]; golden_rows_next(&rows, want); cases++) {
        double x[MOST_PAIRS], y[MOST_PAIRS];
        int n = read_pairs(cases, x, y);
        gain got = gain_of(x, y, n);
        cr_expect_eq(got.pairs, n);
        CHECK_CLOSE(got.mean_x, want[1], 1e-12, cases);
        CHECK_CLOSE(got.mean_y, want[2], 1e-12, cases);
        CHECK_CLOSE(got.gain, want[3], 1e-12, cases);
        CHECK_CLOSE(got.low, want[4], 1e-9, cases);
        CHECK_CLOSE(got.high, want[5], 1e-9, cases);
        CHECK_CLOSE(got.percent, want[6], 1e-9, cases);
        CHECK_CLOSE(got.p_value, want[7], 1e-12, cases);
    }
    cr_assert_eq(cases, 8);
}

Test(statistics, relative_intervals_agree_with_a_search_for_their_ends)
{
    golden_rows rows = golden_rows_open("metrics_intervals_expected.csv", 5);
    int cases = 0;
    for (double want[5]; golden_rows_next(&rows, want); cases++) {
        double x[MOST_PAIRS], y[MOST_PAIRS];
        gain got = gain_of(x, y, read_pairs(cases, x, y));
        CHECK_CLOSE(got.percent_low, want[1], 1e-9, cases);
        CHECK_CLOSE(got.percent_high, want[2], 1e-9, cases);
    }
    cr_assert_eq(cases, 8);
}

/* Within the error of 2000 resamples: the ends of 40 such sets of resamples scatter by 1 to 3% of the width.
 */
Test(statistics, bootstrap_intervals_agree_with_scipys_of_many_more_resamples)
{
    golden_rows rows = golden_rows_open("metrics_intervals_expected.csv", 5);
    resamples draws = {0};
    for (double want[5]; golden_rows_next(&rows, want);) {
        double x[MOST_PAIRS], y[MOST_PAIRS], low, high, width = want[4] - want[3];
        int n = read_pairs((int)want[0], x, y);
        cr_assert_eq(resamples_draw(&draws, n), OK);
        cr_assert_eq(bootstrap_percent(&draws, x, y, &low, &high), OK);
        if (isnan(width)) {
            cr_expect(isnan(low) && isnan(high), "%d pairs", n);
            continue;
        }
        double slack = (n > 4 ? 0.08 : 0.15) * width; /* 4 pairs have 35 different resamples */
        cr_expect_float_eq(low, want[3], slack, "%d pairs: %g, want %g", n, low, want[3]);
        cr_expect_float_eq(high, want[4], slack, "%d pairs: %g, want %g", n, high, want[4]);
    }
    resamples_close(&draws);
}

Test(statistics, a_bootstrap_whose_baseline_may_be_zero_has_no_interval)
{
    const double x[4] = {0.5, 0.4, 0.6, 0.5}, y[4] = {0.1, 0.0, 0.0, 0.0};
    double low, high;
    resamples draws = {0};
    cr_assert_eq(resamples_draw(&draws, 4), OK);
    cr_assert_eq(bootstrap_percent(&draws, x, y, &low, &high), OK);
    cr_expect(isnan(low) && isnan(high));
    resamples_close(&draws);
}

/* Holm's procedure is the closed test of Bonferroni's (Marcus, Peritz and Gabriel, Biometrika 63, 1976): the
 * corrected p of one is the largest, over all sets of hypotheses with it, of their number times their least
 * p. */
Test(statistics, holm_corrects_as_the_closed_test_does)
{
    enum { N = 6 };
    rng random = rng_open(3, "p-values", 0);
    for (int round = 0; round < 200; round++) {
        double p[N], got[N];
        int count;
        for (int i = 0; i < N; i++) p[i] = round % 2 ? rng_uniform(&random) : 0.01 * rng_below(&random, 6);
        cr_assert_eq(holm_adjust(p, N, got, &count), OK);
        cr_assert_eq(count, N);
        for (int i = 0; i < N; i++) {
            double want = 0.0;
            for (int set = 1; set < 1 << N; set++) {
                double least = 1.0, members = 0.0;
                for (int j = 0; j < N; j++) {
                    if (!(set >> j & 1)) continue;
                    members++;
                    least = fmin(least, p[j]);
                }
                if (set >> i & 1) want = fmax(want, fmin(1.0, members * least));
            }
            cr_assert_float_eq(got[i], want, 1e-15, "round %d", round);
        }
    }
}

Test(statistics, holm_leaves_out_what_is_not_defined)
{
    const double p[4] = {0.02, NAN, 0.5, 0.01};
    double got[4];
    int count;
    cr_assert_eq(holm_adjust(p, 4, got, &count), OK);
    cr_expect_eq(count, 3);
    cr_expect_float_eq(got[0], 0.04, 1e-15);
    cr_expect(isnan(got[1]));
    cr_expect_float_eq(got[2], 0.5, 1e-15);
    cr_expect_float_eq(got[3], 0.03, 1e-15);
}

Test(statistics, all_gains_of_one_sign_have_the_least_p_value)
{
    double x[20], y[20];
    for (int n = 1; n <= 20; n++) {
        for (int i = 0; i < n; i++) {
            x[i] = 0.5 + 0.01 * i;
            y[i] = x[i] - 0.003 * (i % 4 + 1);
        }
        cr_expect_eq(gain_of(x, y, n).p_value, ldexp(1.0, 1 - n), "%d pairs", n);
        cr_expect_eq(gain_of(y, x, n).p_value, ldexp(1.0, 1 - n), "%d pairs", n);
    }
}

/* How many flips of d[0..n-1], added to `sum`, reach the threshold: one by one. */
static int flips_reaching(const double *d, int n, double sum, double threshold)
{
    if (n == 0) return fabs(sum) >= threshold;
    return flips_reaching(d + 1, n - 1, sum + d[0], threshold) +
           flips_reaching(d + 1, n - 1, sum - d[0], threshold);
}

Test(statistics, flips_that_are_paired_by_halves_are_all_flips)
{
    rng random = rng_open(4, "flips", 0);
    for (int round = 0; round < 300; round++) {
        int n = 1 + round % 12;
        double d[12], zero[12] = {0}, sum = 0.0, sizes = 0.0;
        for (int i = 0; i < n; i++) {
            d[i] =
                round % 3 ? rng_normal(&random) : rng_below(&random, 5) - 2.0; /* some with ties and zeros */
            sum += d[i];
            sizes += fabs(d[i]);
        }
        double want = flips_reaching(d, n, 0.0, fabs(sum) - 1e-12 * sizes) * ldexp(1.0, -n);
        cr_assert_eq(gain_of(d, zero, n).p_value, want, "%d pairs", n);
    }
}

Test(statistics, equal_differences_follow_the_binomial_law)
{
    /* 10 differences of size 0.1, two of them negative: P(|sum of signs| >= 6) = 2 (1 + 10 + 45) / 2^10 */
    double x[10], y[10];
    for (int i = 0; i < 10; i++) {
        x[i] = i < 2 ? 0.6 : 0.7;
        y[i] = i < 2 ? 0.7 : 0.6;
    }
    cr_expect_float_eq(gain_of(x, y, 10).p_value, 112.0 / 1024.0, 1e-15);
}

Test(statistics, beyond_twenty_pairs_random_flips_estimate_the_same_p_value)
{
    /* 30 differences of one size, ten of them negative: P(|sum of signs| >= 10), binomial */
    double x[30], y[30], ways = 1.0, share = 0.0;
    for (int i = 0; i < 30; i++) {
        x[i] = i % 3 == 0 ? 0.6 : 0.7;
        y[i] = i % 3 == 0 ? 0.7 : 0.6;
    }
    for (int negative = 0; negative <= 10; negative++) {
        share += 2.0 * ldexp(ways, -30);
        ways *= (30.0 - negative) / (negative + 1.0);
    }
    double got = gain_of(x, y, 30).p_value;
    /* five standard errors of 100000 draws */
    cr_expect_float_eq(got, share, 5.0 * sqrt(share * (1.0 - share) / 1e5));
    cr_expect_eq(got, gain_of(x, y, 30).p_value);
}

Test(statistics, random_flips_never_give_zero)
{
    double x[40], y[40];
    for (int i = 0; i < 40; i++) {
        x[i] = 1.0 + 0.001 * i;
        y[i] = 0.5;
    }
    cr_expect_float_eq(gain_of(x, y, 40).p_value, 1.0 / 100001.0, 1e-18);
}

/* Eight large differences after 32 small ones: only flips that leave those eight signs equal reach the sum.
 * */
Test(statistics, random_flips_reach_every_pair)
{
    double x[40], y[40] = {0};
    for (int i = 0; i < 40; i++) x[i] = i < 32 ? 1e-14 : 1.0;
    const double share = ldexp(1.0, -7);
    cr_expect_float_eq(gain_of(x, y, 40).p_value, share, 5.0 * sqrt(share / 1e5));
}

/* One sign at a time, from the same stream: a new word for each flip, and after 32 pairs. */
static double slow_p_value(const double *d, int n)
{
    rng random = rng_open(0, "sign flips", 0);
    double observed = 0.0;
    int reaching = 1;
    for (int i = 0; i < n; i++) observed += d[i];
    for (int flip = 0; flip < 100000; flip++) {
        double sum = 0.0;
        uint32_t signs = 0;
        for (int i = 0; i < n; i++) {
            if (i % 32 == 0) signs = rng_u32(&random);
            sum += signs >> i % 32 & 1U ? d[i] : -d[i];
        }
        reaching += fabs(sum) >= fabs(observed) - 1e-9;
    }
    return reaching / 100001.0;
}

Test(statistics, random_flips_are_those_of_the_stream)
{
    static const int sizes[] = {21, 24, 33, 69};
    double x[70], y[70] = {0};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        int n = sizes[k];
        for (int i = 0; i < n; i++) x[i] = sin(7.0 * i + n) + 0.2;
        cr_expect_eq(gain_of(x, y, n).p_value, slow_p_value(x, n), "%d pairs", n);
        memmove(x + 9, x + 8, (size_t)(n - 8) * sizeof *x);
        x[8] = NAN; /* the others take the same signs */
        cr_expect_eq(gain_of(x, y, n + 1).pairs, n);
        double p = gain_of(x, y, n + 1).p_value;
        memmove(x + 8, x + 9, (size_t)(n - 8) * sizeof *x);
        cr_expect_eq(p, slow_p_value(x, n), "%d pairs and one without a value", n);
    }
}

Test(statistics, pairs_with_nan_are_left_out)
{
    const double x[6] = {0.7, NAN, 0.8, 0.9, NAN, 0.6}, y[6] = {0.6, 0.1, NAN, 0.6, NAN, 0.7};
    const double kept_x[3] = {0.7, 0.9, 0.6}, kept_y[3] = {0.6, 0.6, 0.7};
    gain got = gain_of(x, y, 6), want = gain_of(kept_x, kept_y, 3);
    cr_expect_eq(got.pairs, 3);
    cr_expect_eq(got.gain, want.gain);
    cr_expect_eq(got.low, want.low);
    cr_expect_eq(got.high, want.high);
    cr_expect_eq(got.p_value, want.p_value);
    cr_expect_eq(got.mean_y, want.mean_y);
}

Test(statistics, without_pairs_all_is_undefined)
{
    const double x[2] = {NAN, 0.5}, y[2] = {0.5, NAN};
    for (int n = 0; n <= 2; n += 2) {
        gain g = gain_of(x, y, n);
        cr_expect_eq(g.pairs, 0);
        cr_expect(isnan(g.mean_x) && isnan(g.mean_y) && isnan(g.gain) && isnan(g.low) && isnan(g.high));
        cr_expect(isnan(g.percent) && isnan(g.percent_low) && isnan(g.percent_high) && isnan(g.p_value));
    }
}

Test(statistics, one_pair_has_a_gain_but_no_interval)
{
    const double x[1] = {0.75}, y[1] = {0.5};
    gain g = gain_of(x, y, 1);
    cr_expect_eq(g.gain, 0.25);
    cr_expect_eq(g.percent, 50.0);
    cr_expect_eq(g.p_value, 1.0);
    cr_expect(isnan(g.low) && isnan(g.high) && isnan(g.percent_low) && isnan(g.percent_high));
}

Test(statistics, a_baseline_of_zero_has_no_relative_gain)
{
    const double x[2] = {0.5, 0.25}, y[2] = {0.0, 0.0};
    gain g = gain_of(x, y, 2);
    cr_expect_eq(g.gain, 0.375);
    cr_expect(isnan(g.percent) && isnan(g.percent_low) && isnan(g.percent_high));
    cr_expect(!isnan(g.low));
}
