/* The cases of tests/golden/metrics_labels.csv, for tests against scikit-learn (metrics_labels_make.py). */
#ifndef TESTS_LABEL_CASES_H
#define TESTS_LABEL_CASES_H

#include "tests/golden_rows.h"

enum { MOST_SAMPLES = 64, LABELS = 4, CASES = 8, EXPECTED = 7 * LABELS + 5 };

static const double tolerance = 1e-12;

/* Scores and truth (n,LABELS) of a case; returns n. */
static inline int read_case(int wanted, float *score, float *truth)
{
    golden_rows rows = golden_rows_open("metrics_labels.csv", 1 + 2 * LABELS);
    int n = 0;
    for (double row[1 + 2 * LABELS]; golden_rows_next(&rows, row);) {
        if ((int)row[0] != wanted) continue;
        cr_assert_lt(n, MOST_SAMPLES);
        for (int c = 0; c < LABELS; c++) {
            score[n * LABELS + c] = (float)row[1 + c];
            truth[n * LABELS + c] = (float)row[1 + LABELS + c];
        }
        n++;
    }
    return n;
}

#endif
