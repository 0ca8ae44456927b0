/* Scores of several labels at once, each there or not: of multi-label classifiers, and of reports by the
 * findings that they mention. They agree with scikit-learn's precision_score, recall_score and f1_score with
 * zero_division=nan. Undefined values are NaN, never a silent 0. */
#ifndef DOWNSTREAM_LABEL_METRICS_H
#define DOWNSTREAM_LABEL_METRICS_H

#include "downstream/labeller.h"

#include <stdbool.h>

/* How often one label was found (hit, false alarm) or not (miss, rest) where it is there (hit, miss) or not.
 */
typedef struct label_counts {
    long long hits, false_alarms, misses, rest;
    bool has_nan; /* a score that counts was NaN: whatever is made of these counts is NaN */
} label_counts;

/* Fills counts (K): label c of sample i is found if score[i*K+c] >= threshold; truth is 1, 0 or NaN (left
 * out). score, truth (N,K). */
void metric_label_counts(const float *score, const float *truth, int n, int k, float threshold,
                         label_counts *counts);

double metric_label_precision(label_counts c); /* NaN if the label was never found */
double metric_label_recall(label_counts c);    /* NaN if it is never there */
double metric_label_f1(label_counts c);        /* 2TP/(2TP+FP+FN); NaN if that is 0/0 */

/* Of k labels: F1 of all counts summed; mean of the labels' F1s that are not NaN. A label with has_nan makes
 * both NaN. To leave some labels out, pass a part of the array. */
double metric_label_micro_f1(const label_counts *counts, int k);
double metric_label_macro_f1(const label_counts *counts, int k);

/* Of one label's probabilities (0..1) over n samples, truth as above; NaN without a known truth, and if a
 * score that counts is NaN. Brier score, mean (p - t)^2: brier_score_loss. Expected calibration error of the
 * probability that the label is there, over `bins` (>= 1) equal-width bins of (0,1], 0 in the first: the mean
 * distance of a bin's mean probability from its share of true labels, weighed by its samples. */
double metric_label_brier(const float *score, const float *truth, int n);
double metric_label_calibration_error(const float *score, const float *truth, int n, int bins);

/* Clinical F1: fills counts (K labels of the labeller) with the findings that hypothesis i shares with
 * reference i. A label that a report affirms is there, one that it denies or does not mention is not; what it
 * doubts is there (DOUBT_ONE) or not (DOUBT_ZERO), or, in the reference, leaves the label out (DOUBT_UNKNOWN;
 * then a hypothesis' doubt is not there). Label 0 of the built-in labeller is No Finding. ERR_SYSTEM. */
err metric_clinical(const labeller *l, const char *const *hypotheses, const char *const *references, int n,
                    doubt_policy doubts, label_counts *counts);

#endif
