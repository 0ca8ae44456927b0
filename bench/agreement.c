#include "bench/agreement.h"

#include <assert.h>
#include <math.h>

enum { CATEGORIES = 16 };

double kappa_cohen(const int *ratings, int n, int k)
{
    double first[CATEGORIES] = {0}, second[CATEGORIES] = {0}, same = 0, expected = 0;
    int units = 0;
    assert(k <= CATEGORIES);
    for (int i = 0; i < n; i++) {
        int a = ratings[2 * i], b = ratings[2 * i + 1];
        if (a < 0 || b < 0) continue;
        units++;
        first[a]++;
        second[b]++;
        same += a == b;
    }
    if (units == 0) return NAN;
    for (int c = 0; c < k; c++) expected += first[c] / units * (second[c] / units);
    return expected >= 1 ? (double)NAN : (same / units - expected) / (1 - expected);
}

/* Ratings of a unit by category; returns how many there are. */
static int count_ratings(const int *unit, int m, int k, double counts[CATEGORIES])
{
    int ratings = 0;
    for (int c = 0; c < k; c++) counts[c] = 0;
    for (int j = 0; j < m; j++) {
        if (unit[j] < 0) continue;
        counts[unit[j]]++;
        ratings++;
    }
    return ratings;
}

double kappa_fleiss(const int *ratings, int n, int m, int k)
{
    double totals[CATEGORIES] = {0}, agreement = 0, expected = 0;
    int units = 0;
    assert(k <= CATEGORIES && m >= 2);
    for (int i = 0; i < n; i++) {
        double counts[CATEGORIES], squares = 0;
        if (count_ratings(ratings + i * m, m, k, counts) < m) continue;
        units++;
        for (int c = 0; c < k; c++) {
            totals[c] += counts[c];
            squares += counts[c] * counts[c];
        }
        agreement += (squares - m) / ((double)m * (m - 1));
    }
    if (units == 0) return NAN;
    for (int c = 0; c < k; c++) expected += pow(totals[c] / ((double)units * m), 2);
    return expected >= 1 ? (double)NAN : (agreement / units - expected) / (1 - expected);
}

/* delta^2 of two categories c < d. */
static double ordinal_distance(const double totals[CATEGORIES], int c, int d)
{
    double between = (totals[c] + totals[d]) / 2;
    for (int g = c + 1; g < d; g++) between += totals[g];
    return between * between;
}

double alpha_ordinal(const int *ratings, int n, int m, int k)
{
    double coincidences[CATEGORIES][CATEGORIES] = {{0}}, totals[CATEGORIES] = {0};
    double all = 0, observed = 0, expected = 0;
    assert(k <= CATEGORIES);
    for (int i = 0; i < n; i++) {
        double counts[CATEGORIES];
        int rated = count_ratings(ratings + i * m, m, k, counts);
        if (rated < 2) continue;
        for (int c = 0; c < k; c++)
            for (int d = 0; d < k; d++)
                coincidences[c][d] += counts[c] * (counts[d] - (c == d)) / (rated - 1);
    }
    for (int c = 0; c < k; c++)
        for (int d = 0; d < k; d++) {
            totals[c] += coincidences[c][d];
            all += coincidences[c][d];
        }
    for (int c = 0; c < k; c++)
        for (int d = c + 1; d < k; d++) {
            double distance = ordinal_distance(totals, c, d);
            observed += coincidences[c][d] * distance;
            expected += totals[c] * totals[d] * distance;
        }
    return expected > 0 ? 1 - (all - 1) * observed / expected : (double)NAN;
}
