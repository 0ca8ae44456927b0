/* Tests of copies: against scipy (tests/golden/metrics_score_make.py), enumeration and simulation. */
#include "downstream/copies.h"

#include "base/rng.h"
#include "tests/golden_rows.h"

enum { CASES = 7, MOST = 500 };

static void read_cases(double values[2][CASES][MOST], int n[2][CASES])
{
    golden_rows rows = golden_rows_open("metrics_copies.csv", 3);
    for (double row[3]; golden_rows_next(&rows, row);) {
        int c = (int)row[0], side = row[1] == 1.0 ? 0 : 1;
        values[side][c][n[side][c]++] = row[2];
    }
}

Test(copies, agree_with_scipy)
{
    static double values[2][CASES][MOST];
    int n[2][CASES] = {{0}};
    read_cases(values, n);
    golden_rows rows = golden_rows_open("metrics_copies_expected.csv", 7);
    for (double want[7]; golden_rows_next(&rows, want);) {
        int c = (int)want[0];
        copy_test got;
        cr_assert_eq(copy_test_of(values[0][c], n[0][c], values[1][c], n[1][c], want[1], &got), OK);
        cr_expect(got.n_synthetic == n[0][c] && got.n_held_out == n[1][c]);
        CHECK_CLOSE(got.score, want[2], 1e-15, c);
        CHECK_CLOSE(got.low, want[3], 1e-10, c);
        CHECK_CLOSE(got.high, want[4], 1e-10, c);
        cr_expect_eq(got.near, (int)want[5]);
        cr_expect(fabs(got.near_p / want[6] - 1.0) < 1e-9, "%g, want %g", got.near_p, want[6]);
    }
}

/* All orders of 4 synthetic and 3 held-out images are equally likely: how many have at least so many
 * synthetic ones first? */
Test(copies, few_images_are_counted_out)
{
    enum { N = 4, M = 3, ALL = N + M };
    int at_least[N + 1] = {0}, orders = 0;
    for (unsigned set = 0; set < 1U << ALL; set++) {
        int synthetic = 0, first = 0;
        for (int i = 0; i < ALL; i++) synthetic += (int)(set >> i & 1U);
        if (synthetic != N) continue;
        while (set >> first & 1U) first++;
        for (int t = 0; t <= first; t++) at_least[t]++;
        orders++;
    }
    for (int t = 0; t <= N; t++) {
        double nearer[N], held_out[M] = {10, 11, 12};
        copy_test got;
        for (int i = 0; i < N; i++) nearer[i] = i < t ? i : 20 + i;
        cr_assert_eq(copy_test_of(nearer, N, held_out, M, .025, &got), OK);
        cr_expect_eq(got.near, t);
        CHECK_CLOSE(got.near_p, (double)at_least[t] / orders, 1e-12, t);
        CHECK_CLOSE(got.near_expected, 1.0, 1e-15, t);
    }
}

Test(copies, ties_count_half)
{
    const double synthetic[3] = {1, 2, 2}, held_out[2] = {2, 3};
    copy_test got;
    cr_assert_eq(copy_test_of(synthetic, 3, held_out, 2, .025, &got), OK);
    CHECK_CLOSE(got.score, (1 + 1 + .5 + 1 + .5 + 1) / 6.0, 1e-15, 0);
    cr_expect_eq(got.near, 1); /* one alone is nearer than 2 */
    cr_assert_eq(copy_test_of(synthetic, 3, synthetic, 3, .025, &got), OK);
    cr_expect_eq(got.score, .5);
    cr_expect_eq(got.near, 0);
}

/* Near 0.5 the interval is the Mann-Whitney test: score - 0.5 = z sqrt((n + m + 1) / (12 n m)) at its end. */
Test(copies, the_interval_is_the_test)
{
    enum { N = 200, M = 200 };
    double synthetic[N], held_out[M];
    copy_test got;
    const double error = sqrt((N + M + 1) / (12.0 * N * M));
    for (int moved = 0; moved < 20; moved++) {
        for (int i = 0; i < N; i++) {
            synthetic[i] = 2 * i - 1.7 * moved;
            held_out[i] = 2 * i + 1;
        }
        cr_assert_eq(copy_test_of(synthetic, N, held_out, M, .025, &got), OK);
        cr_expect_eq(got.low > .5, got.score - .5 > 1.9599639845400545 * error, "at score %g", got.score);
    }
}

static void fill_uniform(uint64_t index, double *out, int n)
{
    rng r = rng_open(11, "copies", index);
    for (int i = 0; i < n; i++) out[i] = rng_uniform(&r);
}

/* New images are called copies in 5% of the cases or fewer, and not in far fewer: Bonferroni's inequality
 * and the exact test's steps cost some. */
Test(copies, false_alarms_are_as_rare_as_designed)
{
    enum { RUNS = 3000, SPACES = 2 };
    static const int sizes[][2] = {{20, 20}, {300, 60}, {60, 300}, {250, 250}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int alarms = 0, n = sizes[s][0], m = sizes[s][1];
        for (uint64_t i = 0; i < RUNS; i++) {
            double synthetic[300], held_out[300];
            copy_test tests[SPACES];
            for (uint64_t space = 0; space < SPACES; space++) {
                fill_uniform(4 * i + 2 * space, synthetic, n);
                fill_uniform(4 * i + 2 * space + 1, held_out, m);
                cr_assert_eq(copy_test_of(synthetic, n, held_out, m, copies_level(SPACES), &tests[space]),
                             OK);
            }
            alarms += copies_judge(tests, SPACES) == COPIES_FOUND;
        }
        cr_expect(alarms <= 190, "%d of %d false alarms, %d and %d images", alarms, RUNS, n, m);
        cr_expect(alarms >= 50, "%d of %d false alarms, %d and %d images", alarms, RUNS, n, m);
    }
}

/* Where synthetic images are nearer, normal values moved by `shift`: P(nearer) = Phi(shift / sqrt(2)). */
Test(copies, intervals_hold_the_true_score)
{
    enum { RUNS = 2000, N = 80, M = 50 };
    for (int shift = 0; shift < 3; shift++) {
        double truth = .5 * erfc(-shift / 2.0);
        int below = 0, above = 0;
        for (uint64_t i = 0; i < RUNS; i++) {
            double synthetic[N], held_out[M];
            rng r = rng_open(5, "interval", i);
            copy_test got;
            for (int j = 0; j < N; j++) synthetic[j] = rng_normal(&r) - shift;
            for (int j = 0; j < M; j++) held_out[j] = rng_normal(&r);
            cr_assert_eq(copy_test_of(synthetic, N, held_out, M, .025, &got), OK);
            below += truth < got.low;
            above += truth > got.high;
        }
        cr_expect(below <= 90 && above <= 90, "shift %d: %d below, %d above of %d", shift, below, above,
                  RUNS);
        cr_expect(below + above >= 40, "shift %d: %d below, %d above of %d", shift, below, above, RUNS);
    }
}

Test(copies, verdicts)
{
    const copy_test new = {.n_synthetic = 20, .n_held_out = 20, .low = .5, .near_p = .3};
    copy_test nearer = new, few = new, unsure = new;
    nearer.low = .51;
    unsure.near_p = .013; /* enough for one space, not for two */
    few.n_held_out = 19;
    few.near_p = 0;
    cr_expect_eq(copies_judge((copy_test[]){new, new}, 2), COPIES_NONE_FOUND);
    cr_expect_eq(copies_judge((copy_test[]){new, nearer}, 2), COPIES_FOUND);
    cr_expect_eq(copies_judge(&unsure, 1), COPIES_FOUND);
    cr_expect_eq(copies_judge((copy_test[]){unsure, new}, 2), COPIES_NONE_FOUND);
    cr_expect_eq(copies_judge((copy_test[]){nearer, few}, 2), COPIES_TOO_FEW);
    cr_expect_str_eq(copy_verdict_names[COPIES_TOO_FEW], "too few images");
    cr_expect_str_eq(copy_verdict_names[COPIES_FOUND], "copies");
}
