/* The scores of experiment.task = reports. */
#ifndef BENCH_SCORES_REPORTS_H
#define BENCH_SCORES_REPORTS_H

#include "bench/scores.h"
#include "data/dataset.h"

/* Generated reports and the references of the same images, both cleaned (data/report_text.h). */
typedef struct report_comparison {
    const char *const *said, *const *references; /* (n) */
    int n;
    const dataset *set; /* whose labels are scored one by one */
} report_comparison;

/* BLEU, ROUGE-L, CIDEr-D and METEOR-es of the corpus (downstream/text_metrics.h, meteor.h); the clinical F1
 * of the findings that the built-in labeller reads in both texts, a doubted one being there
 * (downstream/label_metrics.h), of all its labels; the tokens of all reports over those of all references.
 * Fills labels (set->n_labels): f1, precision, recall, positives and negatives of those that the labeller
 * knows. What is undefined is NaN. ERR_SYSTEM. */
err scores_of_reports(const report_comparison *r, scores *out, label_scores *labels);

#endif
