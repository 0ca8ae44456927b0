/* What `bench run` prints when all is done. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "bench/gains.h"

/* The mean of each arm over the seeds: the experiment's metric with its standard deviation, and what happens
 * to the few-shot class. ERR_SYSTEM. */
err report_results(const study *experiment, const results *r, text *out);

/* The gains in the experiment's metric, and the verdicts in words. ERR_SYSTEM. */
err report_gains(const study *experiment, const gains *g, text *out);

/* The same of gains of subgroups (bench/label_gains.h), below an empty line; nothing where there are none. */
err report_subgroups(const study *experiment, const gains *g, text *out);

#endif
