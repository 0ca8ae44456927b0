#include "bench/scores.h"

#include "downstream/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const score_info score_infos[SCORE_COUNT] = {
#define SCORE_INFO(name, higher, help) {#name, higher, help},
    SCORES(SCORE_INFO)
#undef SCORE_INFO
};

int score_find(const char *name)
{
    for (int i = 0; i < SCORE_COUNT; i++)
        if (strcmp(score_infos[i].name, name) == 0) return i;
    return -1;
}

typedef struct one_against_rest {
    float *score, *truth; /* (n) */
} one_against_rest;

static void take_class(const float *probabilities, const int *truth, int n, int k, int label,
                       const one_against_rest *out)
{
    for (int i = 0; i < n; i++) {
        out->score[i] = probabilities[(size_t)i * (size_t)k + (size_t)label];
        out->truth[i] = truth[i] == label ? 1.0f : 0.0f;
    }
}

/* The mean over the classes that have a value; NaN if none has. */
static void add_defined(double value, double *sum, int *count)
{
    if (isnan(value)) return;
    *sum += value;
    ++*count;
}

static err ranking_scores(const float *probabilities, const int *truth, int n, int k, int few,
                          const one_against_rest *work, scores *out)
{
    double auroc_sum = 0, auprc_sum = 0;
    out->values[SCORE_few_auroc] = out->values[SCORE_few_auprc] = out->values[SCORE_few_recall_at_spec90] =
        NAN;
    int auroc_count = 0, auprc_count = 0;
    for (int label = 0; label < k; label++) {
        double auroc, auprc;
        take_class(probabilities, truth, n, k, label, work);
        TRY(metric_auroc(work->score, work->truth, n, &auroc));
        TRY(metric_auprc(work->score, work->truth, n, &auprc));
        add_defined(auroc, &auroc_sum, &auroc_count);
        add_defined(auprc, &auprc_sum, &auprc_count);
        if (label != few) continue;
        out->values[SCORE_few_auroc] = auroc;
        out->values[SCORE_few_auprc] = auprc;
        TRY(metric_recall_at_specificity(work->score, work->truth, n, 0.9,
                                         &out->values[SCORE_few_recall_at_spec90]));
    }
    out->values[SCORE_macro_auroc] = auroc_count ? auroc_sum / auroc_count : NAN;
    out->values[SCORE_macro_auprc] = auprc_count ? auprc_sum / auprc_count : NAN;
    return OK;
}

err scores_of(const float *probabilities, const int *truth, int n, int k, int few, scores *out)
{
    enum { CALIBRATION_BINS = 15 };
    size_t room = n > 0 ? (size_t)n : 1;
    one_against_rest work = {malloc(room * sizeof(float)), malloc(room * sizeof(float))};
    int *confusion = malloc((size_t)k * (size_t)k * sizeof *confusion);
    err error = OK;
    if (!work.score || !work.truth || !confusion) {
        error = err_set(ERR_SYSTEM, "out of memory while scoring %d images", n);
        goto done;
    }
    metric_confusion(probabilities, truth, n, k, confusion);
    out->values[SCORE_balanced_accuracy] = metric_balanced_accuracy(confusion, k);
    out->values[SCORE_accuracy] = metric_accuracy(confusion, k);
    out->values[SCORE_macro_f1] = metric_macro_f1(confusion, k);
    out->values[SCORE_few_recall] = few >= 0 ? metric_recall(confusion, k, few) : NAN;
    out->values[SCORE_calibration_error] =
        metric_calibration_error(probabilities, truth, n, k, CALIBRATION_BINS);
    out->values[SCORE_brier] = metric_brier(probabilities, truth, n, k);
    TRY_GOTO(ranking_scores(probabilities, truth, n, k, few, &work, out), done);
done:
    free(work.score);
    free(work.truth);
    free(confusion);
    return error;
}
