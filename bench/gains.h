/* gains.csv: what each contrast of arms shows, for every metric. */
#ifndef BENCH_GAINS_H
#define BENCH_GAINS_H

#include "bench/results.h"
#include "bench/statistics.h"

typedef struct gain_row {
    char arm[ARM_NAME_BYTES], baseline[ARM_NAME_BYTES];
    int shots;
    double ratio, baseline_ratio;
    int metric; /* index of a score */
    gain g;     /* arm minus baseline, paired by seed; failed trials are left out with their partners */
} gain_row;

typedef struct gains {
    gain_row *rows; /* by contrast, ratio, shots, metric */
    int n;
} gains;

/* Computes all gains of the study's contrasts. Arms that both mix are compared at equal ratios. ERR_SYSTEM.
 */
err gains_open(const study *experiment, const results *r, gains *out);
void gains_close(gains *g);

/* Columns: experiment, arm, baseline, shots, ratio, baseline_ratio, metric, pairs, arm_mean, baseline_mean,
 * gain, low, high, percent, percent_low, percent_high, p_value (see bench/statistics.h); empty where
 * undefined. */
err gains_write(const char *experiment, const gains *g, const char *path);

typedef enum gain_verdict {
    VERDICT_GAIN,
    VERDICT_NONE_SHOWN,
    VERDICT_HARM,
    VERDICT_CANNOT_TELL
} gain_verdict;

/* Gain or harm where the 95% interval leaves out 0, by the metric's better direction; cannot tell with under
 * 3 pairs. */
gain_verdict gain_verdict_of(const gain_row *row);
extern const char *const gain_verdict_names[];

#endif
