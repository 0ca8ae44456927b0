/* label_gains.csv and subgroup_gains.csv: what each contrast of arms shows label by label, and on the test
 * images of each subgroup. */
#ifndef BENCH_LABEL_GAINS_H
#define BENCH_LABEL_GAINS_H

#include "bench/gains.h"

/* The gains of the study's contrasts in each score of each label of label_scores.csv (bench/label_scores.h),
 * by label in the file's order; numbers of images are no scores. All contrasts of all labels in one metric
 * are a family: who looks at every label looks often. ERR_NO_INPUT; ERR_DATA naming file and line;
 * ERR_SYSTEM. */
err label_gains_open(const study *experiment, const char *path, gains *out); /* gains_close */

/* Columns as of gains.csv, with `label` before `metric`. */
err label_gains_write(const char *experiment, const gains *g, const char *path);

/* The same of the subgroups in subgroup_scores.csv (bench/subgroup_scores.h), in the task's scores; a
 * subgroup's name is in a gain's label. All contrasts of all subgroups in one metric are a family. */
err subgroup_gains_open(const study *experiment, const char *path, gains *out); /* gains_close */
err subgroup_gains_write(const char *experiment, const gains *g, const char *path);

#endif
