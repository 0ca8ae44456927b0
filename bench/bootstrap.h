/* The BCa bootstrap interval (bias-corrected and accelerated; Efron, "Better bootstrap confidence intervals",
 * JASA 82, 1987) of a relative gain over paired seeds. It is reported, and does not decide: it assumes more
 * seeds than a study has (docs/statistics.md says how often it covers). */
#ifndef BENCH_BOOTSTRAP_H
#define BENCH_BOOTSTRAP_H

#include "base/err.h"

#include <stdint.h>

enum { BOOTSTRAP_RESAMPLES = 2000, BOOTSTRAP_PAIRS_MAX = 256, BOOTSTRAP_PAIRS_MIN = 3 };

/* Which pairs each resample has: the same draws for all contrasts of so many pairs, from Philox under seed 0.
 * Start from {0}. */
typedef struct resamples {
    int pairs;
    uint8_t *picks; /* (BOOTSTRAP_RESAMPLES, pairs): numbers of pairs, with replacement */
} resamples;

/* Draws for that many pairs, 1 to BOOTSTRAP_PAIRS_MAX; nothing if it holds them already. ERR_SYSTEM. */
err resamples_draw(resamples *r, int pairs);
void resamples_close(resamples *r);

/* The 95% interval of 100 * mean(x - y) / mean(y), in percent. Whole pairs (x[i], y[i]) are resampled, and
 * the ratio is computed anew from each resample, so that the baseline's mean varies, too. No NaN in x and y,
 * whose length is r->pairs. Both ends NaN with fewer than BOOTSTRAP_PAIRS_MIN pairs, or if a resample's mean
 * of y is not above 0. ERR_SYSTEM. */
err bootstrap_percent(const resamples *r, const double *x, const double *y, double *low, double *high);

#endif
