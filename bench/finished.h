/* The results of a run that is finished, with the study that they are of. */
#ifndef BENCH_FINISHED_H
#define BENCH_FINISHED_H

#include "bench/results.h"

/* `path` is the folder of a run, with results.csv and settings.ini, or a file of results. The study is that
 * of `experiment_file`, or, if this is NULL, of settings.ini beside a results.csv; or else it is read out of
 * the rows: their arms, shots, shares of labels, models, ratios and seeds in the order in which they come,
 * with the default contrasts. Close the results after success. ERR_NO_INPUT; ERR_DATA naming file and line;
 * ERR_CONFIG. */
err finished_open(const char *path, const char *experiment_file, study *experiment, results *r);

#endif
