/* subgroup_scores.csv: what each trial scored on the test images of each subgroup (bench/subgroups.h). */
#ifndef BENCH_SUBGROUP_SCORES_H
#define BENCH_SUBGROUP_SCORES_H

#include "base/text.h"
#include "bench/plan.h"
#include "bench/scores.h"
#include "bench/store.h"

#define SUBGROUP_SCORES_FILE "subgroup_scores.csv"

/* The metric that is no score: how many test images the subgroup has. */
#define SUBGROUP_IMAGES "images"

/* A trial's own file, FOLDER/subgroup_scores.csv: columns subgroup, metric, value (9 digits, empty where
 * undefined), a row for the number of images and for each score of the task. Start from {0}; ERR_SYSTEM,
 * ERR_IO. */
typedef struct subgroup_scores {
    text rows;
} subgroup_scores;
void subgroup_scores_add(subgroup_scores *s, const char *name, int images, task_kind task,
                         const scores *values);
err subgroup_scores_save(const subgroup_scores *s, const char *folder);
void subgroup_scores_close(subgroup_scores *s);

/* Those of experiment.subgroups of all finished trials of the plan, in its order, below columns experiment,
 * arm, shots, ratio, seed, subgroup, metric, value, labelled, model. Without experiment.subgroups an older
 * file is removed. ERR_DATA naming a damaged artifact. */
err subgroup_scores_collect(const study *experiment, const plan *p, const store *s, const char *path);

#endif
