/* What a gate compares: the means and gains of a finished run, and the same of an earlier one. */
#ifndef BENCH_BASELINE_H
#define BENCH_BASELINE_H

#include "bench/gains.h"

typedef struct baseline_row {
    char arm[ARM_NAME_BYTES];
    char baseline[ARM_NAME_BYTES]; /* "": the value is the arm's mean, else the gain over this arm */
    int shots;
    double ratio, baseline_ratio; /* baseline_ratio is 0 of a mean */
    int metric;                   /* index of a score */
    int seeds;                    /* that the value is of */
    double value;                 /* NaN if there is none */
} baseline_row;

typedef struct baseline {
    char experiment[128], data_hash[33];
    baseline_row *rows;
    int n;
} baseline;

/* How much worse a score may get by the study's [gate]; 0: it is not compared. */
double baseline_tolerance(const study *experiment, int metric);

/* The scores with a tolerance: every arm's mean, then every contrast's gain. ERR_CONFIG if no score has one,
 * and for a study of several classifiers or shares of labels; ERR_DATA for results of several data sets;
 * ERR_SYSTEM. */
err baseline_of_results(const study *experiment, const results *r, baseline *out);

/* Columns: experiment, data_hash, arm, baseline, shots, ratio, baseline_ratio, metric, seeds, value (9
 * digits). The folder is made if it is not there. ERR_DATA if a value is missing. */
err baseline_write(const baseline *b, const char *path);

/* ERR_NO_INPUT; ERR_DATA naming file and line. */
err baseline_read(const char *path, baseline *out);
void baseline_close(baseline *b);

/* The row of the same arms, shots, ratios and metric, or NULL. */
const baseline_row *baseline_find(const baseline *b, const baseline_row *like);

#endif
