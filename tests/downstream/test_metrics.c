/* Against scikit-learn (tests/golden/metrics_make.py), and by hand where the value is plain. */
#include "downstream/metrics.h"

#include "base/rng.h"
#include "tests/golden_rows.h"

enum { MOST_SAMPLES = 64, CLASSES = 4 };

static const double tolerance = 1e-9;

/* The samples of one case of metrics_binary.csv; returns their number. */
static int read_binary(int wanted, float *score, float *truth)
{
    golden_rows rows = golden_rows_open("metrics_binary.csv", 3);
    int n = 0;
    for (double row[3]; golden_rows_next(&rows, row);) {
        if ((int)row[0] != wanted) continue;
        cr_assert(n < MOST_SAMPLES);
        score[n] = (float)row[1];
        truth[n++] = (float)row[2];
    }
    return n;
}

Test(metrics, binary_agrees_with_scikit_learn)
{
    static const double specificities[4] = {0.5, 0.9, 0.95, 1.0};
    golden_rows rows = golden_rows_open("metrics_binary_expected.csv", 7);
    int cases = 0;
    for (double want[7]; golden_rows_next(&rows, want); cases++) {
        float score[MOST_SAMPLES], truth[MOST_SAMPLES];
        int n = read_binary(cases, score, truth);
        double got;
        cr_assert_eq(metric_auroc(score, truth, n, &got), OK);
        CHECK_CLOSE(got, want[1], tolerance, cases);
        cr_assert_eq(metric_auprc(score, truth, n, &got), OK);
        CHECK_CLOSE(got, want[2], tolerance, cases);
        for (int s = 0; s < 4; s++) {
            cr_assert_eq(metric_recall_at_specificity(score, truth, n, specificities[s], &got), OK);
            CHECK_CLOSE(got, want[3 + s], tolerance, cases);
        }
    }
    cr_assert_eq(cases, 12);
}

Test(metrics, binary_of_nothing_is_undefined)
{
    double got = 0.0;
    cr_assert_eq(metric_auroc(NULL, NULL, 0, &got), OK);
    cr_expect(isnan(got));
    cr_assert_eq(metric_auprc(NULL, NULL, 0, &got), OK);
    cr_expect(isnan(got));
    cr_assert_eq(metric_recall_at_specificity(NULL, NULL, 0, 0.9, &got), OK);
    cr_expect(isnan(got));
}

Test(metrics, a_score_that_is_nan_makes_binary_metrics_undefined)
{
    const float score[3] = {0.1F, NAN, 0.9F}, counted[3] = {0, 1, 1}, left_out[3] = {0, NAN, 1};
    double got = 0.0;
    cr_assert_eq(metric_auroc(score, counted, 3, &got), OK);
    cr_expect(isnan(got));
    cr_assert_eq(metric_auprc(score, counted, 3, &got), OK);
    cr_expect(isnan(got));
    cr_assert_eq(metric_recall_at_specificity(score, counted, 3, 0.5, &got), OK);
    cr_expect(isnan(got));
    cr_assert_eq(metric_auroc(score, left_out, 3, &got), OK);
    cr_expect_eq(got, 1.0);
}

Test(metrics, infinite_scores_are_ranked)
{
    const float score[4] = {-INFINITY, 0.0F, 1.0F, INFINITY}, truth[4] = {0, 1, 0, 1};
    double got;
    cr_assert_eq(metric_auroc(score, truth, 4, &got), OK);
    cr_expect_eq(got, 0.75);
}

/* AUROC by its definition over all pairs, on more samples than the golden cases have. */
Test(metrics, auroc_is_the_share_of_ordered_pairs)
{
    enum { N = 2000 };
    static float score[N], truth[N];
    rng r = rng_open(1, "auroc", 0);
    for (int i = 0; i < N; i++) {
        score[i] = (float)rng_below(&r, 300);
        truth[i] = (float)rng_below(&r, 2);
    }
    double sum = 0.0, pairs = 0.0, got;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            if (truth[i] <= truth[j]) continue;
            sum += score[i] > score[j] ? 1.0 : score[i] == score[j] ? 0.5 : 0.0;
            pairs += 1.0;
        }
    cr_assert_eq(metric_auroc(score, truth, N, &got), OK);
    cr_expect_float_eq(got, sum / pairs, 1e-14);
}

static int read_multi(int wanted, float *probability, int *truth)
{
    golden_rows rows = golden_rows_open("metrics_multi.csv", 2 + CLASSES);
    int n = 0;
    for (double row[2 + CLASSES]; golden_rows_next(&rows, row);) {
        if ((int)row[0] != wanted) continue;
        cr_assert(n < MOST_SAMPLES);
        truth[n] = (int)row[1];
        for (int c = 0; c < CLASSES; c++) probability[n * CLASSES + c] = (float)row[2 + c];
        n++;
    }
    return n;
}

Test(metrics, multi_class_agrees_with_scikit_learn)
{
    enum { COLUMNS = 1 + CLASSES * CLASSES + 2 + 3 * CLASSES + 2 + 3 };
    static const int bins[3] = {1, 10, 15};
    golden_rows rows = golden_rows_open("metrics_multi_expected.csv", COLUMNS);
    int cases = 0;
    for (double row[COLUMNS]; golden_rows_next(&rows, row); cases++) {
        float probability[MOST_SAMPLES * CLASSES];
        int truth[MOST_SAMPLES], confusion[CLASSES * CLASSES];
        int n = read_multi(cases, probability, truth);
        metric_confusion(probability, truth, n, CLASSES, confusion);
        const double *want = row + 1;
        for (int i = 0; i < CLASSES * CLASSES; i++) cr_expect_eq(confusion[i], (int)*want++);
        CHECK_CLOSE(metric_balanced_accuracy(confusion, CLASSES), *want++, tolerance, cases);
        CHECK_CLOSE(metric_accuracy(confusion, CLASSES), *want++, tolerance, cases);
        for (int c = 0; c < CLASSES; c++)
            CHECK_CLOSE(metric_recall(confusion, CLASSES, c), *want++, tolerance, cases);
        for (int c = 0; c < CLASSES; c++)
            CHECK_CLOSE(metric_precision(confusion, CLASSES, c), *want++, tolerance, cases);
        for (int c = 0; c < CLASSES; c++)
            CHECK_CLOSE(metric_f1(confusion, CLASSES, c), *want++, tolerance, cases);
        CHECK_CLOSE(metric_macro_f1(confusion, CLASSES), *want++, tolerance, cases);
        CHECK_CLOSE(metric_brier(probability, truth, n, CLASSES), *want++, tolerance, cases);
        for (int b = 0; b < 3; b++)
            CHECK_CLOSE(metric_calibration_error(probability, truth, n, CLASSES, bins[b]), *want++, tolerance,
                        cases);
    }
    cr_assert_eq(cases, 6);
}

Test(metrics, multi_class_of_nothing_is_undefined)
{
    int confusion[4];
    metric_confusion(NULL, NULL, 0, 2, confusion);
    for (int i = 0; i < 4; i++) cr_expect_eq(confusion[i], 0);
    cr_expect(isnan(metric_balanced_accuracy(confusion, 2)));
    cr_expect(isnan(metric_accuracy(confusion, 2)));
    cr_expect(isnan(metric_macro_f1(confusion, 2)));
    cr_expect(isnan(metric_calibration_error(NULL, NULL, 0, 2, 10)));
    cr_expect(isnan(metric_brier(NULL, NULL, 0, 2)));
}

Test(metrics, a_probability_that_is_nan_makes_calibration_undefined)
{
    const float probability[4] = {NAN, NAN, 0.2F, 0.8F};
    const int truth[2] = {0, 1};
    cr_expect(isnan(metric_calibration_error(probability, truth, 2, 2, 10)));
    cr_expect(isnan(metric_brier(probability, truth, 2, 2)));
}

/* One right and one wrong prediction in neighbouring bins: in one bin their excesses would cancel. */
Test(metrics, calibration_bins_hold_their_upper_edge)
{
    static const struct {
        float right, wrong;
        int bins;
    } cases[4] = {{0.5F, 0.75F, 2}, {0.5F, 0.5625F, 10}, {0.875F, 0.9375F, 10}, {0.75F, 1.0F, 4}};
    const int truth[2] = {0, 1};
    for (int c = 0; c < 4; c++) {
        float right = cases[c].right, wrong = cases[c].wrong;
        const float probability[4] = {right, 1.0F - right, wrong, 1.0F - wrong};
        double want = ((1.0 - (double)right) + (double)wrong) / 2.0;
        CHECK_CLOSE(metric_calibration_error(probability, truth, 2, 2, cases[c].bins), want, 1e-12, c);
    }
}
