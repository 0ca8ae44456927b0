#include "bench/scores.h"

#include "downstream/label_metrics.h"
#include "downstream/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CALIBRATION_BINS = 15 };
static const float threshold = 0.5F;

const score_info score_infos[SCORE_COUNT] = {
#define SCORE_INFO(name, tasks, higher, help) {#name, tasks, higher, help},
    SCORES(SCORE_INFO)
#undef SCORE_INFO
};

const char *const label_score_names[LABEL_SCORE_COUNT] = {
#define LABEL_SCORE_NAME(name) #name,
    LABEL_SCORES(LABEL_SCORE_NAME)
#undef LABEL_SCORE_NAME
};

const task_info task_infos[TASK_COUNT] = {
    [TASK_CLASSES] = {"classes",
                      SCORE_balanced_accuracy,
                      {SCORE_few_recall, SCORE_few_auroc, SCORE_macro_auroc}},
    [TASK_LABELS] = {"labels",
                     SCORE_macro_auroc,
                     {SCORE_macro_auprc, SCORE_macro_f1, SCORE_micro_auroc},
                     5.94},
    [TASK_REPORTS] = {"reports",
                      SCORE_bleu_4,
                      {SCORE_cider_d, SCORE_meteor_es, SCORE_clinical_micro_f1},
                      6.9},
};

int score_find(const char *name)
{
    for (int i = 0; i < SCORE_COUNT; i++)
        if (strcmp(score_infos[i].name, name) == 0) return i;
    return -1;
}

bool score_belongs(int score, task_kind t)
{
    return score_infos[score].tasks >> t & 1;
}

task_kind task_find(const char *name)
{
    int t = 0;
    while (t + 1 < TASK_COUNT && strcmp(task_infos[t].name, name) != 0) t++;
    return (task_kind)t;
}

/* ---- one label ---- */

typedef struct column {
    float *score, *truth; /* (n) */
} column;

static err column_open(int n, column *out)
{
    size_t room = n > 0 ? (size_t)n : 1;
    *out = (column){malloc(room * sizeof(float)), malloc(room * sizeof(float))};
    if (out->score && out->truth) return OK;
    return err_set(ERR_SYSTEM, "out of memory while scoring %d images", n);
}

static void column_close(column *c)
{
    free(c->score);
    free(c->truth);
}

/* All but f1, precision and recall. */
static err probability_scores(const column *c, int n, label_scores *out)
{
    double positives = 0, negatives = 0;
    for (int i = 0; i < n; i++) {
        positives += c->truth[i] == 1.0F; /* false for NaN */
        negatives += c->truth[i] == 0.0F;
    }
    out->values[LABEL_SCORE_positives] = positives;
    out->values[LABEL_SCORE_negatives] = negatives;
    out->values[LABEL_SCORE_brier] = metric_label_brier(c->score, c->truth, n);
    out->values[LABEL_SCORE_calibration_error] =
        metric_label_calibration_error(c->score, c->truth, n, CALIBRATION_BINS);
    TRY(metric_auroc(c->score, c->truth, n, &out->values[LABEL_SCORE_auroc]));
    return metric_auprc(c->score, c->truth, n, &out->values[LABEL_SCORE_auprc]);
}

/* The mean over the labels that have a value; NaN if none has. */
static double mean_of(const label_scores *labels, int k, int score)
{
    double sum = 0;
    int count = 0;
    for (int c = 0; c < k; c++) {
        double value = labels[c].values[score];
        if (isnan(value)) continue;
        sum += value;
        count++;
    }
    return count ? sum / count : NAN;
}

static void nothing_defined(scores *out)
{
    for (int i = 0; i < SCORE_COUNT; i++) out->values[i] = NAN;
}

/* ---- classes ---- */

static void take_class(const float *probabilities, const int *truth, int n, int k, int label,
                       const column *out)
{
    for (int i = 0; i < n; i++) {
        out->score[i] = probabilities[(size_t)i * (size_t)k + (size_t)label];
        out->truth[i] = truth[i] == label ? 1.0F : 0.0F;
    }
}

static err class_scores(const float *probabilities, const int *truth, int n, int k, int few,
                        const int *confusion, const column *work, scores *out, label_scores *labels)
{
    for (int label = 0; label < k; label++) {
        label_scores *own = &labels[label];
        take_class(probabilities, truth, n, k, label, work);
        TRY(probability_scores(work, n, own));
        own->values[LABEL_SCORE_f1] = metric_f1(confusion, k, label);
        own->values[LABEL_SCORE_precision] = metric_precision(confusion, k, label);
        own->values[LABEL_SCORE_recall] = metric_recall(confusion, k, label);
        if (label != few) continue;
        out->values[SCORE_few_recall] = own->values[LABEL_SCORE_recall];
        out->values[SCORE_few_auroc] = own->values[LABEL_SCORE_auroc];
        out->values[SCORE_few_auprc] = own->values[LABEL_SCORE_auprc];
        TRY(metric_recall_at_specificity(work->score, work->truth, n, 0.9,
                                         &out->values[SCORE_few_recall_at_spec90]));
    }
    out->values[SCORE_macro_auroc] = mean_of(labels, k, LABEL_SCORE_auroc);
    out->values[SCORE_macro_auprc] = mean_of(labels, k, LABEL_SCORE_auprc);
    return OK;
}

err scores_of_classes(const float *probabilities, const int *truth, int n, int k, int few, scores *out,
                      label_scores *labels)
{
    column work;
    int *confusion = malloc((size_t)k * (size_t)k * sizeof *confusion);
    err error = column_open(n, &work);
    if (error == OK && !confusion) error = err_set(ERR_SYSTEM, "out of memory for %d classes", k);
    if (error == OK) {
        nothing_defined(out);
        metric_confusion(probabilities, truth, n, k, confusion);
        out->values[SCORE_balanced_accuracy] = metric_balanced_accuracy(confusion, k);
        out->values[SCORE_accuracy] = metric_accuracy(confusion, k);
        out->values[SCORE_macro_f1] = metric_macro_f1(confusion, k);
        out->values[SCORE_calibration_error] =
            metric_calibration_error(probabilities, truth, n, k, CALIBRATION_BINS);
        out->values[SCORE_brier] = metric_brier(probabilities, truth, n, k);
        error = class_scores(probabilities, truth, n, k, few, confusion, &work, out, labels);
    }
    column_close(&work);
    free(confusion);
    return error;
}

/* ---- labels ---- */

static err label_columns(const float *probabilities, const float *truth, int n, int k, const column *work,
                         label_scores *labels)
{
    for (int c = 0; c < k; c++) {
        for (int i = 0; i < n; i++) {
            size_t at = (size_t)i * (size_t)k + (size_t)c;
            work->score[i] = probabilities[at];
            work->truth[i] = truth[at];
        }
        TRY(probability_scores(work, n, &labels[c]));
    }
    return OK;
}

/* F1, precision and recall, of each label and together. */
static void threshold_scores(const label_counts *counts, int k, scores *out, label_scores *labels)
{
    for (int c = 0; c < k; c++) {
        labels[c].values[LABEL_SCORE_f1] = metric_label_f1(counts[c]);
        labels[c].values[LABEL_SCORE_precision] = metric_label_precision(counts[c]);
        labels[c].values[LABEL_SCORE_recall] = metric_label_recall(counts[c]);
    }
    out->values[SCORE_macro_f1] = metric_label_macro_f1(counts, k);
    out->values[SCORE_micro_f1] = metric_label_micro_f1(counts, k);
}

err scores_of_labels(const float *probabilities, const float *truth, int n, int k, scores *out,
                     label_scores *labels)
{
    column work;
    label_counts *counts = malloc((size_t)k * sizeof *counts);
    err error = column_open(n, &work);
    if (error == OK && !counts) error = err_set(ERR_SYSTEM, "out of memory for %d labels", k);
    nothing_defined(out);
    if (error == OK) error = label_columns(probabilities, truth, n, k, &work, labels);
    if (error == OK) error = metric_auroc(probabilities, truth, n * k, &out->values[SCORE_micro_auroc]);
    if (error == OK) error = metric_auprc(probabilities, truth, n * k, &out->values[SCORE_micro_auprc]);
    if (error == OK) {
        metric_label_counts(probabilities, truth, n, k, threshold, counts);
        threshold_scores(counts, k, out, labels);
        out->values[SCORE_macro_auroc] = mean_of(labels, k, LABEL_SCORE_auroc);
        out->values[SCORE_macro_auprc] = mean_of(labels, k, LABEL_SCORE_auprc);
        out->values[SCORE_calibration_error] = mean_of(labels, k, LABEL_SCORE_calibration_error);
        out->values[SCORE_brier] = mean_of(labels, k, LABEL_SCORE_brier);
    }
    column_close(&work);
    free(counts);
    return error;
}
