/* Agreement of raters and exact binomial statistics, against published examples and closed forms. */
#include "bench/agreement.h"
#include "bench/binomial.h"

#include <criterion/criterion.h>
#include <math.h>

/* A table of counts (k,k) of two raters as ratings; returns how many. */
static int spread(const int *table, int k, int *ratings)
{
    int n = 0;
    for (int a = 0; a < k; a++)
        for (int b = 0; b < k; b++)
            for (int i = 0; i < table[a * k + b]; i++) {
                ratings[2 * n] = a;
                ratings[2 * n++ + 1] = b;
            }
    return n;
}

/* Cohen (1960), table 1, in percent of 200 patients: p_o = 0.70, p_e = 0.41, kappa = 0.492. */
Test(agreement, cohen_as_in_cohens_paper)
{
    static const int table[] = {88, 10, 2, 14, 40, 6, 18, 10, 12};
    int ratings[400];
    int n = spread(table, 3, ratings);
    cr_assert_eq(n, 200);
    cr_expect_float_eq(kappa_cohen(ratings, n, 3), 0.29 / 0.59, 1e-12);
}

/* Fleiss (1971) has 30 subjects; this is the table of 10 units, 14 raters and 5 categories by which the
 * measure is taught, with kappa 0.210. */
Test(agreement, fleiss_as_in_the_common_example)
{
    enum { UNITS = 10, RATERS = 14, CATEGORIES = 5 };
    static const int counts[UNITS][CATEGORIES] = {
        {0, 0, 0, 0, 14}, {0, 2, 6, 4, 2}, {0, 0, 3, 5, 6}, {0, 3, 9, 2, 0}, {2, 2, 8, 1, 1},
        {7, 7, 0, 0, 0},  {3, 2, 6, 3, 0}, {2, 5, 3, 2, 2}, {6, 5, 2, 1, 0}, {0, 2, 2, 3, 7}};
    int ratings[UNITS * RATERS];
    for (int i = 0; i < UNITS; i++)
        for (int c = 0, j = 0; c < CATEGORIES; c++)
            for (int r = 0; r < counts[i][c]; r++) ratings[i * RATERS + j++] = c;
    cr_expect_float_eq(kappa_fleiss(ratings, UNITS, RATERS, CATEGORIES), 0.210, 5e-4);
    ratings[0] = -1; /* a unit that not all have rated is left out */
    cr_expect_float_eq(kappa_fleiss(ratings, UNITS, RATERS, CATEGORIES),
                       kappa_fleiss(ratings + RATERS, UNITS - 1, RATERS, CATEGORIES), 1e-15);
}

/* Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), section D: four observers, twelve units,
 * missing data; ordinal alpha 0.815. */
Test(agreement, krippendorff_as_in_krippendorffs_example)
{
    enum { UNITS = 12, OBSERVERS = 4 };
    static const int data[OBSERVERS][UNITS] = {{1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0},
                                               {1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3},
                                               {0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0},
                                               {1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0}};
    int ratings[UNITS * OBSERVERS];
    for (int u = 0; u < UNITS; u++)
        for (int o = 0; o < OBSERVERS; o++) ratings[u * OBSERVERS + o] = data[o][u] - 1;
    cr_expect_float_eq(alpha_ordinal(ratings, UNITS, OBSERVERS, 5), 0.815, 5e-4);
}

Test(agreement, full_agreement_is_1_and_what_cannot_be_told_is_not_a_number)
{
    static const int same[] = {0, 0, 1, 1, 2, 2, 1, 1}, one[] = {1, 1, 1, 1}, none[] = {0, -1, -1, 1},
                     opposite[] = {0, 1, 1, 0};
    cr_expect_float_eq(kappa_cohen(same, 4, 3), 1, 1e-15);
    cr_expect_float_eq(kappa_fleiss(same, 4, 2, 3), 1, 1e-15);
    cr_expect_float_eq(alpha_ordinal(same, 4, 2, 3), 1, 1e-15);
    cr_expect_float_eq(kappa_cohen(opposite, 2, 2), -1, 1e-15);
    cr_expect(isnan(kappa_cohen(one, 2, 2)) && isnan(kappa_fleiss(one, 2, 2, 2)) &&
              isnan(alpha_ordinal(one, 2, 2, 2)));
    cr_expect(isnan(kappa_cohen(none, 2, 2)) && isnan(kappa_fleiss(none, 2, 2, 2)) &&
              isnan(alpha_ordinal(none, 2, 2, 2)));
}

/* Sums of binomial coefficients over 2^n; Clopper and Pearson's ends for no and for all successes. */
Test(binomial, p_values_and_intervals_have_their_closed_forms)
{
    double low, high;
    cr_expect_float_eq(binomial_p_value(9, 10), 22.0 / 1024, 1e-12);
    cr_expect_float_eq(binomial_p_value(1, 10), 22.0 / 1024, 1e-12);
    cr_expect_float_eq(binomial_p_value(5, 10), 1, 0);
    cr_expect_float_eq(binomial_p_value(10, 10), 2.0 / 1024, 1e-12);
    cr_expect_float_eq(binomial_p_value(0, 0), 1, 0);
    binomial_interval(0, 10, &low, &high);
    cr_expect_eq(low, 0);
    cr_expect_float_eq(high, 1 - pow(0.025, 0.1), 1e-12);
    binomial_interval(10, 10, &low, &high);
    cr_expect_float_eq(low, pow(0.025, 0.1), 1e-12);
    cr_expect_eq(high, 1);
    binomial_interval(0, 0, &low, &high);
    cr_expect(low == 0 && high == 1);
}

/* R's binom.test(7, 20): 0.1539092 to 0.5921885. */
Test(binomial, interval_as_by_r)
{
    double low, high;
    binomial_interval(7, 20, &low, &high);
    cr_expect_float_eq(low, 0.1539092, 5e-8);
    cr_expect_float_eq(high, 0.5921885, 5e-8);
}
