/* label_scores.csv: what each label, or each class against the rest, scored in each trial. */
#ifndef BENCH_LABEL_SCORES_H
#define BENCH_LABEL_SCORES_H

#include "bench/plan.h"
#include "bench/scores.h"
#include "bench/store.h"
#include "data/dataset.h"

/* A trial's own file, FOLDER/label_scores.csv: columns label, metric, value (9 digits, empty where
 * undefined), a row for each of LABEL_SCORES of each label of the set. */
err label_scores_save(const dataset *set, const label_scores *labels, const char *folder);

/* All finished trials of the plan, in its order, below columns experiment, arm, shots, ratio, seed, label,
 * metric, value, labelled, model. ERR_DATA naming a damaged artifact. */
err label_scores_collect(const study *experiment, const plan *p, const store *s, const char *path);

#endif
