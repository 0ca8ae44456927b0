/* The metrics of one trial, in the order of the columns of results.csv. */
#ifndef BENCH_SCORES_H
#define BENCH_SCORES_H

#include "base/err.h"

#include <stdbool.h>

/* X(name, higher_is_better, help). few: the few-shot class against all others. */
#define SCORES(X)                                                                                            \
    X(balanced_accuracy, true, "mean recall over the classes")                                               \
    X(accuracy, true, "share of the test images that are right")                                             \
    X(macro_f1, true, "mean F1 over the classes")                                                            \
    X(macro_auroc, true, "mean one-against-rest area under the ROC curve")                                   \
    X(macro_auprc, true, "mean one-against-rest average precision")                                          \
    X(few_recall, true, "recall of the few-shot class")                                                      \
    X(few_auroc, true, "area under the ROC curve of the few-shot class")                                     \
    X(few_auprc, true, "average precision of the few-shot class")                                            \
    X(few_recall_at_spec90, true, "its highest recall where the specificity is at least 0.9")                \
    X(calibration_error, false, "expected calibration error, 15 bins")                                       \
    X(brier, false, "multi-class Brier score, 0 to 2")

enum {
#define SCORE_INDEX(name, higher, help) SCORE_##name,
    SCORES(SCORE_INDEX)
#undef SCORE_INDEX
        SCORE_COUNT
};

/* The names as choices of the setting experiment.metric. */
#define SCORE_CHOICE(name, higher, help) "|" #name
#define METRIC_NAMES SCORES(SCORE_CHOICE)

typedef struct score_info {
    const char *name;
    bool higher_is_better;
    const char *help;
} score_info;
extern const score_info score_infos[SCORE_COUNT];

/* Index of a score by name, -1 if there is none. */
int score_find(const char *name);

typedef struct scores {
    double values[SCORE_COUNT]; /* NaN where a metric is undefined */
} scores;

/* Scores class probabilities (n,k) against truth (n, 0..k-1); `few` is the few-shot class;
 * -1: there is none, and its scores are NaN. ERR_SYSTEM. */
err scores_of(const float *probabilities, const int *truth, int n, int k, int few, scores *out);

#endif
