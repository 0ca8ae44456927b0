/* What a study can find: against scipy (tests/golden/metrics_intervals_make.py), and simulation. */
#include "base/rng.h"
#include "bench/normal.h"
#include "bench/power.h"
#include "bench/statistics.h"
#include "tests/golden_rows.h"

Test(power, noncentral_t_agrees_with_scipy)
{
    golden_rows rows = golden_rows_open("metrics_noncentral_t.csv", 4);
    int cases = 0;
    for (double row[4]; golden_rows_next(&rows, row); cases++)
        cr_expect_float_eq(noncentral_t_tail(row[0], row[1], (int)row[2]), row[3], 1e-7,
                           "t %g, shift %g, %g degrees", row[0], row[1], row[2]);
    cr_assert_eq(cases, 6 * 4 * 4);
}

Test(power, without_a_shift_it_is_students)
{
    for (int degrees = 1; degrees < 60; degrees += 9)
        cr_expect_float_eq(noncentral_t_tail(student_t_quantile(0.9, degrees), 0.0, degrees), 0.1, 1e-7);
}

Test(power, normal_quantiles_are_those_of_tables)
{
    cr_expect_float_eq(normal_quantile(0.975), 1.959963984540054, 1e-13);
    cr_expect_float_eq(normal_quantile(0.0005), -3.290526731491926, 1e-12); /* Abramowitz & Stegun, 26.8 */
    cr_expect_eq(normal_quantile(0.5), 0.0);
    cr_expect_float_eq(normal_probability(normal_quantile(1e-200)) / 1e-200, 1.0, 1e-10);
}

Test(power, fewest_pairs_are_those_that_can_reach_the_level)
{
    for (int contrasts = 1; contrasts <= 100; contrasts++) {
        int n = power_fewest_pairs(contrasts);
        cr_expect_leq(contrasts * pow(0.5, n - 1), VERDICT_LEVEL);
        cr_expect_gt(contrasts * pow(0.5, n - 2), VERDICT_LEVEL);
        cr_expect(isnan(power_detectable(n - 1, contrasts)));
        cr_expect(power_detectable(n, contrasts) > 0.0);
    }
    cr_expect_eq(power_fewest_pairs(1), 6);
    cr_expect_eq(power_fewest_pairs(5), 8);
}

Test(power, more_seeds_find_smaller_gains_and_more_contrasts_only_larger_ones)
{
    for (int n = 13; n <= 100; n++) {
        cr_expect_lt(power_detectable(n, 1), power_detectable(n - 1, 1));
        cr_expect_gt(power_detectable(n, 10), power_detectable(n, 1));
    }
    /* Lehr's rule for large n: (1.96 + 0.84) / sqrt(n) */
    cr_expect_float_eq(power_detectable(1000, 1) * sqrt(1000.0), 2.8016, 0.01);
}

/* How often the sign-flip test finds a true gain of the size that is called detectable. */
static double share_found(int pairs, int contrasts, double effect, int studies)
{
    int found = 0;
    rng random = rng_open(11, "studies", (uint64_t)(pairs * 1000 + contrasts));
    for (int i = 0; i < studies; i++) {
        double x[32], y[32] = {0};
        for (int j = 0; j < pairs; j++) x[j] = effect + rng_normal(&random);
        gain g = gain_of(x, y, pairs);
        found += g.gain > 0 && g.p_value * contrasts <= VERDICT_LEVEL;
    }
    return (double)found / studies;
}

Test(power, a_detectable_gain_is_found_with_the_power_that_is_stated)
{
    static const struct {
        int pairs, contrasts;
    } cases[] = {{6, 1},  {7, 1},   {8, 1},  {8, 5},  {9, 5},  {9, 10},
                 {10, 5}, {10, 10}, {12, 1}, {12, 8}, {16, 20}};
    enum { STUDIES = 1500 };
    double error = sqrt(VERDICT_POWER * (1 - VERDICT_POWER) / STUDIES);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double effect = power_detectable(cases[i].pairs, cases[i].contrasts);
        cr_expect_gt(share_found(cases[i].pairs, cases[i].contrasts, 1.05 * effect, STUDIES),
                     VERDICT_POWER - 3 * error, "%d pairs, %d contrasts", cases[i].pairs, cases[i].contrasts);
        cr_expect_lt(share_found(cases[i].pairs, cases[i].contrasts, 0.95 * effect, STUDIES),
                     VERDICT_POWER + 3 * error, "%d pairs, %d contrasts", cases[i].pairs, cases[i].contrasts);
    }
}
