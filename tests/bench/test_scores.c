/* The scores of a trial, against scikit-learn (tests/golden/metrics_labels_make.py) and by hand. */
#include "bench/scores.h"

#include "tests/label_cases.h"

static double mean_of_defined(const double *values)
{
    double sum = 0;
    int n = 0;
    for (int c = 0; c < LABELS; c++) {
        if (isnan(values[c])) continue;
        sum += values[c];
        n++;
    }
    return n ? sum / n : NAN;
}

Test(scores, of_labels_agree_with_scikit_learn)
{
    static const int in_order[] = {LABEL_SCORE_precision, LABEL_SCORE_recall, LABEL_SCORE_f1};
    static const int of_probabilities[] = {LABEL_SCORE_auroc, LABEL_SCORE_auprc, LABEL_SCORE_brier,
                                           LABEL_SCORE_calibration_error};
    static const int means[] = {SCORE_macro_auroc, SCORE_macro_auprc, SCORE_brier, SCORE_calibration_error};
    golden_rows rows = golden_rows_open("metrics_labels_expected.csv", EXPECTED);
    int cases = 0;
    for (double want[EXPECTED]; golden_rows_next(&rows, want); cases++) {
        float score[MOST_SAMPLES * LABELS], truth[MOST_SAMPLES * LABELS];
        const double *probable = want + 3 + 3 * LABELS;
        scores got;
        label_scores labels[LABELS];
        int n = read_case(cases, score, truth);
        cr_assert_eq(scores_of_labels(score, truth, n, LABELS, &got, labels), OK, "%s", err_message());
        for (int c = 0; c < LABELS; c++) {
            for (int m = 0; m < 3; m++)
                CHECK_CLOSE(labels[c].values[in_order[m]], want[1 + m * LABELS + c], tolerance, cases);
            for (int m = 0; m < 4; m++)
                CHECK_CLOSE(labels[c].values[of_probabilities[m]], probable[m * LABELS + c], tolerance,
                            cases);
        }
        CHECK_CLOSE(got.values[SCORE_micro_f1], want[1 + 3 * LABELS], tolerance, cases);
        CHECK_CLOSE(got.values[SCORE_macro_f1], want[2 + 3 * LABELS], tolerance, cases);
        for (int m = 0; m < 4; m++)
            CHECK_CLOSE(got.values[means[m]], mean_of_defined(probable + m * LABELS), tolerance, cases);
        CHECK_CLOSE(got.values[SCORE_micro_auroc], probable[4 * LABELS], tolerance, cases);
        CHECK_CLOSE(got.values[SCORE_micro_auprc], probable[4 * LABELS + 1], tolerance, cases);
        cr_expect(isnan(got.values[SCORE_balanced_accuracy]) && isnan(got.values[SCORE_few_auroc]),
                  "scores of classes only");
    }
    cr_assert_eq(cases, CASES);
}

Test(scores, of_classes_are_told_for_each_class_against_the_rest)
{
    const float probabilities[4 * 3] = {0.7F, 0.2F, 0.1F, 0.4F, 0.5F, 0.1F,
                                        0.1F, 0.8F, 0.1F, 0.3F, 0.3F, 0.4F};
    const int truth[4] = {0, 0, 1, 1};
    scores got;
    label_scores labels[3];
    cr_assert_eq(scores_of_classes(probabilities, truth, 4, 3, 1, &got, labels), OK, "%s", err_message());
    /* Predicted: 0, 1, 1, 2. */
    cr_expect_float_eq(labels[0].values[LABEL_SCORE_recall], 0.5, 1e-12);
    cr_expect_float_eq(labels[0].values[LABEL_SCORE_precision], 1, 1e-12);
    cr_expect_float_eq(labels[1].values[LABEL_SCORE_f1], 0.5, 1e-12);
    cr_expect_eq(labels[1].values[LABEL_SCORE_positives], 2);
    cr_expect_eq(labels[2].values[LABEL_SCORE_negatives], 4);
    cr_expect(isnan(labels[2].values[LABEL_SCORE_auroc]) && isnan(labels[2].values[LABEL_SCORE_recall]),
              "nobody has it");
    cr_expect_float_eq(labels[0].values[LABEL_SCORE_auroc], 1, 1e-12);
    cr_expect_float_eq(labels[1].values[LABEL_SCORE_auroc], 0.75, 1e-12, "0.8 and 0.3 against 0.2 and 0.5");
    cr_expect_float_eq(got.values[SCORE_macro_auroc], 0.875, 1e-12, "the mean of those that are defined");
    cr_expect_eq(got.values[SCORE_few_auroc], labels[1].values[LABEL_SCORE_auroc]);
    cr_expect_float_eq(got.values[SCORE_balanced_accuracy], 0.5, 1e-12);
    cr_expect(isnan(got.values[SCORE_micro_auroc]), "a score of labels only");
}

Test(scores, every_task_has_its_own_scores_and_shows_none_of_another)
{
    for (int t = 0; t < TASK_COUNT; t++) {
        const task_info *info = &task_infos[t];
        cr_expect_eq(task_find(info->name), (task_kind)t);
        cr_expect(score_belongs(info->metric, (task_kind)t));
        for (int i = 0; i < TASK_SHOWN; i++) cr_expect(score_belongs(info->shown[i], (task_kind)t));
    }
}
