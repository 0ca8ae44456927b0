/* gains.csv: what each contrast of arms shows, for every metric. */
#ifndef BENCH_GAINS_H
#define BENCH_GAINS_H

#include "bench/results.h"
#include "bench/statistics.h"

enum { LABEL_BYTES = 128 };

typedef struct gain_row {
    char arm[ARM_NAME_BYTES], baseline[ARM_NAME_BYTES];
    int shots;
    double labelled;
    char model[MODEL_NAME_BYTES];
    double ratio, baseline_ratio;
    int metric; /* index of a score, or of a label's score */
    const char *metric_name;
    bool higher_is_better;
    char label[LABEL_BYTES]; /* or the subgroup whose score it is; "": all images and labels
                                (bench/label_gains.h) */
    gain g; /* arm minus baseline, paired by seed; failed trials are left out with their partners */

    double bca_low, bca_high; /* 95% BCa interval of the relative gain, in percent (bench/bootstrap.h) */
    int contrasts;            /* in its family: all contrasts of the experiment in this metric, of all
                                 labels */
    double holm_p;            /* g.p_value, corrected for them */
    double detectable;        /* the gain that so many pairs find with a power of 80% (bench/power.h), times
                                 their deviation: in the metric's units; NaN if no gain can be found */
    unsigned allowed;         /* broken guards of any of its trials, as in a trial_row */
} gain_row;

typedef struct gains {
    gain_row *rows; /* by contrast, ratio, shots or labelled, model, metric */
    int n;
} gains;

/* Computes all gains of the study's contrasts. Arms that both mix are compared at equal ratios. ERR_SYSTEM.
 */
err gains_open(const study *experiment, const results *r, gains *out);
/* Marks gains by the broken guards of the trials that they are of, as gains_open does: for those of labels.
 */
void gains_allow(gains *g, const results *r);
void gains_close(gains *g);

/* Columns: experiment, arm, baseline, shots, ratio, baseline_ratio, metric, pairs, arm_mean, baseline_mean,
 * gain, low, high, percent, percent_low, percent_high, p_value (see bench/statistics.h), holm_p_value,
 * bca_low, bca_high, detectable, detectable_percent, verdict, labelled, model, allowed (as in results.csv);
 * empty where undefined. */
err gains_write(const char *experiment, const gains *g, const char *path);

typedef enum gain_verdict {
    VERDICT_GAIN,
    VERDICT_NONE_SHOWN,
    VERDICT_HARM,
    VERDICT_CANNOT_TELL
} gain_verdict;

/* By the sign-flip test, corrected over the family: gain or harm, by the metric's better direction, where
 * holm_p is at most VERDICT_LEVEL; cannot tell where the pairs are too few for that, whatever they say
 * (power_fewest_pairs). */
gain_verdict gain_verdict_of(const gain_row *row);
extern const char *const gain_verdict_names[];

/* row->detectable in percent of the baseline's mean; NaN where undefined. */
double gain_detectable_percent(const gain_row *row);

#endif
