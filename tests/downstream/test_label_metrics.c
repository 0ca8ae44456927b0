/* Against scikit-learn (tests/golden/metrics_labels_make.py), and by hand for reports. */
#include "downstream/label_metrics.h"

#include "tests/label_cases.h"

#include <string.h>

enum { BINS = 15 };

Test(label_metrics, agree_with_scikit_learn)
{
    golden_rows rows = golden_rows_open("metrics_labels_expected.csv", EXPECTED);
    int cases = 0;
    for (double want[EXPECTED]; golden_rows_next(&rows, want); cases++) {
        float score[MOST_SAMPLES * LABELS], truth[MOST_SAMPLES * LABELS];
        label_counts counts[LABELS];
        int n = read_case(cases, score, truth);
        metric_label_counts(score, truth, n, LABELS, 0.5F, counts);
        for (int c = 0; c < LABELS; c++) {
            CHECK_CLOSE(metric_label_precision(counts[c]), want[1 + c], tolerance, cases);
            CHECK_CLOSE(metric_label_recall(counts[c]), want[1 + LABELS + c], tolerance, cases);
            CHECK_CLOSE(metric_label_f1(counts[c]), want[1 + 2 * LABELS + c], tolerance, cases);
        }
        for (int c = 0; c < LABELS; c++) {
            float own_score[MOST_SAMPLES], own_truth[MOST_SAMPLES];
            const double *own = want + 3 + 3 * LABELS + c;
            for (int i = 0; i < n; i++) {
                own_score[i] = score[i * LABELS + c];
                own_truth[i] = truth[i * LABELS + c];
            }
            CHECK_CLOSE(metric_label_brier(own_score, own_truth, n), own[2 * LABELS], tolerance, cases);
            CHECK_CLOSE(metric_label_calibration_error(own_score, own_truth, n, BINS), own[3 * LABELS],
                        tolerance, cases);
        }
        CHECK_CLOSE(metric_label_micro_f1(counts, LABELS), want[1 + 3 * LABELS], tolerance, cases);
        CHECK_CLOSE(metric_label_macro_f1(counts, LABELS), want[2 + 3 * LABELS], tolerance, cases);
    }
    cr_assert_eq(cases, CASES);
}

Test(label_metrics, of_nothing_are_undefined)
{
    label_counts counts[2];
    metric_label_counts(NULL, NULL, 0, 2, 0.5F, counts);
    cr_expect(isnan(metric_label_micro_f1(counts, 2)));
    cr_expect(isnan(metric_label_macro_f1(counts, 2)));
    cr_expect(isnan(metric_label_f1(counts[0])));
    const float unknown[1] = {NAN}, score[1] = {0.5F};
    cr_expect(isnan(metric_label_brier(score, unknown, 1)));
    cr_expect(isnan(metric_label_calibration_error(score, unknown, 1, BINS)));
}

Test(label_metrics, a_score_that_is_nan_makes_them_undefined)
{
    const float score[4] = {NAN, 1, 0, 1}, counted[4] = {1, 1, 0, 1}, left_out[4] = {NAN, 1, 0, 1};
    label_counts counts[2];
    metric_label_counts(score, counted, 2, 2, 0.5F, counts);
    cr_expect(isnan(metric_label_f1(counts[0])));
    cr_expect_eq(metric_label_f1(counts[1]), 1.0);
    cr_expect(isnan(metric_label_micro_f1(counts, 2)));
    cr_expect(isnan(metric_label_macro_f1(counts, 2)));
    cr_expect(isnan(metric_label_brier(score, counted, 4)));
    cr_expect(isnan(metric_label_calibration_error(score, counted, 4, BINS)));
    cr_expect_eq(metric_label_brier(score, left_out, 4), 0);
    cr_expect_eq(metric_label_calibration_error(score, left_out, 4, BINS), 0);
    metric_label_counts(score, left_out, 2, 2, 0.5F, counts);
    cr_expect_eq(metric_label_micro_f1(counts, 2), 1.0);
}

/* ---- clinical F1 ---- */

static const char *const references[4] = {"No acute disease.", "The heart is enlarged. Small left effusion.",
                                          "Patchy opacity, possibly pneumonia. No effusion.",
                                          "Right pneumothorax. Chest tube in place."};
static const char *const hypotheses[4] = {"Normal chest.", "Cardiomegaly. No effusion.",
                                          "Opacity suspicious for pneumonia. Small effusion.", ""};

typedef struct clinical {
    labeller *l;
    label_counts counts[64];
} clinical;

static label_counts of(const clinical *c, const char *label)
{
    int k = labeller_find(c->l, label);
    cr_assert_geq(k, 0);
    return c->counts[k];
}

static void expect_counts(const clinical *c, const char *label, int hits, int false_alarms, int misses)
{
    label_counts got = of(c, label);
    cr_expect(got.hits == hits && got.false_alarms == false_alarms && got.misses == misses,
              "%s: %lld hits, %lld false alarms, %lld misses", label, got.hits, got.false_alarms, got.misses);
}

static void compare(clinical *c, doubt_policy doubts)
{
    cr_assert_eq(labeller_open(NULL, &c->l), OK);
    cr_assert_eq(metric_clinical(c->l, hypotheses, references, 4, doubts, c->counts), OK);
}

Test(clinical, findings_are_compared_label_by_label)
{
    clinical c;
    compare(&c, DOUBT_ONE);
    expect_counts(&c, "No Finding", 1, 0, 0);
    expect_counts(&c, "Cardiomegaly", 1, 0, 0);
    expect_counts(&c, "Pleural Effusion", 0, 1, 1);
    expect_counts(&c, "Lung Opacity", 1, 0, 0);
    expect_counts(&c, "Pneumonia", 1, 0, 0);
    expect_counts(&c, "Pneumothorax", 0, 0, 1);
    expect_counts(&c, "Support Devices", 0, 0, 1);
    expect_counts(&c, "Fracture", 0, 0, 0);
    /* 4 hits, 1 false alarm, 3 misses; the F1s of 7 labels are 1, 1, 0, 1, 1, 0, 0. */
    cr_expect_float_eq(metric_label_micro_f1(c.counts, labeller_labels(c.l)), 8.0 / 12.0, 1e-15);
    cr_expect_float_eq(metric_label_macro_f1(c.counts, labeller_labels(c.l)), 4.0 / 7.0, 1e-15);
    labeller_close(c.l);
}

Test(clinical, doubts_count_by_policy)
{
    clinical c;
    compare(&c, DOUBT_ZERO);
    expect_counts(&c, "Pneumonia", 0, 0, 0);
    cr_expect_eq(of(&c, "Pneumonia").rest, 4);
    labeller_close(c.l);
    compare(&c, DOUBT_UNKNOWN);
    expect_counts(&c, "Pneumonia", 0, 0, 0);
    cr_expect_eq(of(&c, "Pneumonia").rest, 3, "what the reference doubts is left out");
    labeller_close(c.l);
}

Test(clinical, equal_reports_agree_and_no_reports_are_undefined)
{
    labeller *l;
    label_counts counts[64];
    cr_assert_eq(labeller_open(NULL, &l), OK);
    cr_assert_eq(metric_clinical(l, references, references, 4, DOUBT_ONE, counts), OK);
    cr_expect_eq(metric_label_micro_f1(counts, labeller_labels(l)), 1.0);
    cr_expect_eq(metric_label_macro_f1(counts, labeller_labels(l)), 1.0);
    cr_assert_eq(metric_clinical(l, NULL, NULL, 0, DOUBT_ONE, counts), OK);
    cr_expect(isnan(metric_label_micro_f1(counts, labeller_labels(l))));
    labeller_close(l);
}
