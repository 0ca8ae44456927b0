/* The contrasts of a study over measured trials: what bench/gains.h and bench/label_gains.h have in common.
 */
#ifndef BENCH_PAIRED_H
#define BENCH_PAIRED_H

#include "bench/gains.h"

/* Where the values of one trial are; by index of a measure, NaN where there is none. */
typedef struct measured {
    const char *arm, *model;
    int shots, seed;
    double labelled, ratio;
    const double *values;
} measured;

/* What is compared. */
typedef struct measure {
    int index; /* into values */
    const char *name;
    bool higher_is_better;
} measure;

/* Appends a row for each contrast, ratio, budget of labels, model and measure. Sorts the trials. ERR_SYSTEM.
 */
err paired_add(const study *experiment, measured *trials, int n, const measure *measures, int n_measures,
               const char *label, gains *out);

/* Corrects all rows, with those of the same measure as one family, whatever their labels. ERR_SYSTEM. */
err paired_correct(const measure *measures, int n_measures, gains *g);

#endif
