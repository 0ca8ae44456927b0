/* The named workloads of `bench perf`: what the project spends its time on, each measured alone. */
#ifndef BENCH_WORKLOADS_H
#define BENCH_WORKLOADS_H

#include "emixer/emixer.h"

enum { WORKLOAD_CONVOLUTIONS = 256 };

/* What one workload took. Figures that it does not have are 0. */
typedef struct measurement {
    int samples;                      /* per step */
    int steps;                        /* that were timed */
    double median_s, least_s, most_s; /* of one step */
    double flops; /* of one step: convolutions and matrix products, a multiply-add is two */
    size_t bytes; /* arena and scratch memory of the nets */
    convolution convolutions[WORKLOAD_CONVOLUTIONS]; /* of one step */
    int n_convolutions;
    op_time times[OP_COUNT]; /* of all timed steps; kept only with `profile` */
} measurement;

typedef struct workload {
    const char *name, *help;
    /* Runs for about `seconds` after warming up. */
    err (*measure)(const struct workload *w, double seconds, bool profile, measurement *out);
    int resolution;
    int width, batch; /* of EMIXER */
} workload;

extern const workload workloads[];
extern const int workload_count;

#endif
