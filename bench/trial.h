/* A trial under way, by its task. */
#ifndef BENCH_TRIAL_H
#define BENCH_TRIAL_H

#include "bench/builder.h"
#include "bench/scores.h"

typedef struct trial {
    builder *builder;
    const artifact *artifact;
    const dataset *set;
    const draw *draw;
    const char *work; /* folder for what it leaves */
} trial;

typedef struct trial_scores {
    scores values;
    label_scores *labels; /* (set->n_labels) */
    hash words;           /* of the vocabulary (vocabulary_hash); "" without */
} trial_scores;

/* Trains a model on the images of the trial's arm (bench/trial_images.h) and scores it on the test split.
 * ERR_DIVERGED naming step and seed, others as the parts report. */
typedef err trial_task(const trial *t, trial_scores *out);

trial_task trial_classifier; /* trial_classifier.c: of classes and of labels */

/* trial_reports.c. Leaves reports.csv, too: id, reference and report, both cleaned, of every test image that
 * has a report. ERR_DATA if none has, or no labelled one; ERR_DIVERGED for a generator that wrote nothing. */
trial_task trial_reports;

#endif
