/* What a trial measures, by its task: the columns of results.csv and the values of label_scores.csv. */
#ifndef BENCH_SCORES_H
#define BENCH_SCORES_H

#include "base/err.h"

#include <stdbool.h>

/* What is asked of the models that trials train (experiment.task). */
typedef enum task_kind {
    TASK_CLASSES, /* one class an image (softmax) */
    TASK_LABELS,  /* any of the labels an image, unknown ones left out (sigmoid) */
    TASK_REPORTS, /* a report of the image */
    TASK_COUNT
} task_kind;

#define TASK_NAMES "classes|labels|reports"

enum {
    FOR_CLASSES = 1 << TASK_CLASSES,
    FOR_LABELS = 1 << TASK_LABELS,
    FOR_BOTH = FOR_CLASSES | FOR_LABELS,
    FOR_REPORTS = 1 << TASK_REPORTS
};

/* X(name, tasks, higher_is_better, help), in the order of the columns. few: the few-shot class against all
 * others. Means over labels are over those that have a value. Labels count as found at a probability of 0.5.
 */
#define SCORES(X)                                                                                            \
    X(balanced_accuracy, FOR_CLASSES, true, "mean recall over the classes")                                  \
    X(accuracy, FOR_CLASSES, true, "share of the test images that are right")                                \
    X(macro_f1, FOR_BOTH, true, "mean F1 over the classes, or over the labels at a threshold of 0.5")        \
    X(micro_f1, FOR_LABELS, true, "F1 of all labels together at a threshold of 0.5")                         \
    X(macro_auroc, FOR_BOTH, true,                                                                           \
      "mean area under the ROC curve of the labels, or of each class against the rest")                      \
    X(micro_auroc, FOR_LABELS, true, "area under the ROC curve of all labels together")                      \
    X(macro_auprc, FOR_BOTH, true,                                                                           \
      "mean average precision of the labels, or of each class against the rest")                             \
    X(micro_auprc, FOR_LABELS, true, "average precision of all labels together")                             \
    X(few_recall, FOR_CLASSES, true, "recall of the few-shot class")                                         \
    X(few_auroc, FOR_CLASSES, true, "area under the ROC curve of the few-shot class")                        \
    X(few_auprc, FOR_CLASSES, true, "average precision of the few-shot class")                               \
    X(few_recall_at_spec90, FOR_CLASSES, true, "its highest recall where the specificity is at least 0.9")   \
    X(calibration_error, FOR_BOTH, false, "expected calibration error, 15 bins; of labels their mean")       \
    X(brier, FOR_BOTH, false, "multi-class Brier score, 0 to 2; of labels their mean, 0 to 1")               \
    X(bleu_1, FOR_REPORTS, true, "BLEU-1 of all reports")                                                    \
    X(bleu_2, FOR_REPORTS, true, "BLEU-2 of all reports")                                                    \
    X(bleu_3, FOR_REPORTS, true, "BLEU-3 of all reports")                                                    \
    X(bleu_4, FOR_REPORTS, true, "BLEU-4 of all reports")                                                    \
    X(rouge_l, FOR_REPORTS, true, "mean ROUGE-L")                                                            \
    X(cider_d, FOR_REPORTS, true, "CIDEr-D, 0 to 10")                                                        \
    X(meteor_es, FOR_REPORTS, true, "METEOR with exact and stem matches only")                               \
    X(clinical_micro_f1, FOR_REPORTS, true, "F1 of all findings that the labeller reads in the reports")     \
    X(clinical_macro_f1, FOR_REPORTS, true, "mean F1 over those findings")                                   \
    X(length_ratio, FOR_REPORTS, true, "tokens of all reports over those of their references; 1 is right")

enum {
#define SCORE_INDEX(name, tasks, higher, help) SCORE_##name,
    SCORES(SCORE_INDEX)
#undef SCORE_INDEX
        SCORE_COUNT
};

/* The names as choices of the setting experiment.metric; the empty one is the task's own. */
#define SCORE_CHOICE(name, tasks, higher, help) "|" #name
#define METRIC_NAMES SCORES(SCORE_CHOICE)

typedef struct score_info {
    const char *name;
    int tasks; /* bits FOR_... */
    bool higher_is_better;
    const char *help;
} score_info;
extern const score_info score_infos[SCORE_COUNT];

/* Index of a score by name, -1 if there is none. */
int score_find(const char *name);

/* True if trials of the task have this score. */
bool score_belongs(int score, task_kind t);

enum { TASK_SHOWN = 3 };
typedef struct task_info {
    const char *name;
    int metric;            /* what an empty experiment.metric means */
    int shown[TASK_SHOWN]; /* scores that the printed table has beside it */
    double published; /* percent that the EMIXER paper gains in the task as a whole; 0: none to compare */
} task_info;
extern const task_info task_infos[TASK_COUNT];

/* Index of a task by a name of TASK_NAMES. */
task_kind task_find(const char *name);

typedef struct scores {
    double values[SCORE_COUNT]; /* NaN where a metric is undefined or not of the task */
} scores;

/* Of one label, or one class against the rest: X(name). positives, negatives: test images that have it or
 * not; f1, precision, recall: of the class with the highest probability, or of labels at 0.5. */
#define LABEL_SCORES(X)                                                                                      \
    X(auroc) X(auprc) X(f1) X(precision) X(recall) X(calibration_error) X(brier) X(positives) X(negatives)

enum {
#define LABEL_SCORE_INDEX(name) LABEL_SCORE_##name,
    LABEL_SCORES(LABEL_SCORE_INDEX)
#undef LABEL_SCORE_INDEX
        LABEL_SCORE_COUNT
};
extern const char *const label_score_names[LABEL_SCORE_COUNT];

typedef struct label_scores {
    double values[LABEL_SCORE_COUNT]; /* NaN where undefined */
} label_scores;

/* Scores class probabilities (n,k) against truth (n, 0..k-1); `few` is the few-shot class;
 * -1: there is none, and its scores are NaN. Fills labels (k). ERR_SYSTEM. */
err scores_of_classes(const float *probabilities, const int *truth, int n, int k, int few, scores *out,
                      label_scores *labels);

/* Scores label probabilities (n,k) against truth (n,k): 1, 0 or NaN, which is left out. Fills labels (k).
 * ERR_SYSTEM. */
err scores_of_labels(const float *probabilities, const float *truth, int n, int k, scores *out,
                     label_scores *labels);

#endif
