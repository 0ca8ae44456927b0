/* Files of a trial with scores of parts of its test images (label_scores.csv, subgroup_scores.csv), gathered
 * into one table of all trials. */
#ifndef BENCH_SCORE_FILES_H
#define BENCH_SCORE_FILES_H

#include "bench/plan.h"
#include "bench/store.h"

typedef struct score_file {
    const char *name;   /* in a trial's artifact: columns COLUMN, metric, value */
    const char *column; /* what the first is called, and says */
    bool (*wanted)(const settings *s, const char *part); /* which parts are gathered; NULL: all */
} score_file;

/* Writes the rows of all finished trials of the plan, in its order, below columns experiment, arm, shots,
 * ratio, seed, COLUMN, metric, value, labelled, model. ERR_DATA naming a damaged artifact. */
err score_files_collect(const study *experiment, const plan *p, const store *s, const score_file *file,
                        const char *path);

#endif
