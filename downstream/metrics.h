/* Scores of classifiers. Undefined values are NaN, never a silent 0. They agree with scikit-learn's
 * functions, named below, where those define a value. */
#ifndef DOWNSTREAM_METRICS_H
#define DOWNSTREAM_METRICS_H

#include "base/err.h"

/* Binary metrics over n samples: score[i] any real number, higher = more positive; truth[i] is 1, 0 or NaN
 * (left out). NaN if only one class is left, unless said otherwise, and if a score that counts is NaN.
 * ERR_SYSTEM (out of memory) is the only failure. */

/* Area under the ROC curve, ties counting half: roc_auc_score. */
err metric_auroc(const float *score, const float *truth, int n, double *out);

/* Average precision: average_precision_score. NaN without positives only. */
err metric_auprc(const float *score, const float *truth, int n, double *out);

/* The highest recall among thresholds whose specificity is at least `specificity` (0..1): from the points
 * of roc_curve(drop_intermediate=False). */
err metric_recall_at_specificity(const float *score, const float *truth, int n, double specificity,
                                 double *out);

/* Multi-class metrics: probability is (n,k), truth[i] in 0..k-1. Predictions are the arg max, the first on
 * ties. confusion is (k,k), rows = truth, as confusion_matrix; metric_confusion fills it, the others read
 * it. */
void metric_confusion(const float *probability, const int *truth, int n, int k, int *confusion);

/* Mean recall over the classes that occur in truth: balanced_accuracy_score. NaN without samples. */
double metric_balanced_accuracy(const int *confusion, int k);
double metric_accuracy(const int *confusion, int k);             /* NaN without samples */
double metric_recall(const int *confusion, int k, int label);    /* NaN if the class does not occur */
double metric_precision(const int *confusion, int k, int label); /* NaN if it was never predicted */
double metric_f1(const int *confusion, int k, int label);        /* 2TP/(2TP+FP+FN); NaN if that is 0/0 */

/* Mean F1 over the labels whose F1 is not NaN: f1_score(average="macro"). */
double metric_macro_f1(const int *confusion, int k);

/* Expected calibration error of the arg max's probability over `bins` (>= 1) equal-width bins of (0,1]
 * (Guo et al., ICML 2017). NaN without samples or if a predicted probability is NaN. */
double metric_calibration_error(const float *probability, const int *truth, int n, int k, int bins);

/* Multi-class Brier score, mean_i sum_k (p_ik - t_ik)^2, 0..2. NaN without samples. */
double metric_brier(const float *probability, const int *truth, int n, int k);

#endif
