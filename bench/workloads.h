/* The named workloads of `bench perf`: what the project spends its time on. */
#ifndef BENCH_WORKLOADS_H
#define BENCH_WORKLOADS_H

#include "nn/net.h"

enum {
    WORKLOADS_MAX = 64,
    WORKLOAD_CONVOLUTIONS = 1024,
    WORKLOAD_WARM_UP = 3 /* steps before the timed ones */
};

/* How workloads are run. */
typedef struct perf_setting {
    const char *device_name, *precision_name; /* as given */
    nn_device device;
    double seconds;     /* of each workload, after warming up */
    bool profile;       /* keep the operators' times */
    bool once;          /* instead of timing: make one step and print "done" */
    const char *folder; /* where the data workloads keep their files */
} perf_setting;

/* What one workload took. Figures that it does not have are 0. Plain memory: it goes through a pipe. */
typedef struct measurement {
    int samples;                              /* per step */
    int steps;                                /* that were timed */
    double median_s, mean_s, least_s, most_s; /* of one step */
    double flops;       /* of one step: convolutions and matrix products, a multiply-add is two */
    size_t parameters;  /* numbers that are trained */
    size_t arena_bytes; /* arena and scratch memory of the nets */
    convolution convolutions[WORKLOAD_CONVOLUTIONS]; /* of one step */
    int n_convolutions;
    op_time times[OP_COUNT]; /* of all timed steps; kept only with `profile` */
} measurement;

typedef struct workload {
    const char *name, *help;
    /* Runs it after warming up. ERR_UNAVAILABLE if the device or its precision is not there. */
    err (*measure)(const struct workload *w, const perf_setting *s, measurement *out);
    err (*prepare)(const struct workload *w, const perf_setting *s); /* NULL: makes no files */
    const char *model;            /* of classifiers and report generators */
    int resolution, width, batch; /* width: EMIXER's */
    int pairs;                    /* EMIXER's, with all that learns from reports; 0: the image half alone */
    bool spreads;                 /* into other processes */
} workload;

extern const workload workloads[];
extern const int workload_count;

/* Step t of a workload. One that knows better how long it took than the clock around it says so in *seconds,
 * which is 0 before. */
typedef err (*workload_step)(void *context, uint64_t t, double *seconds);

/* Makes steps 0, 1, ... and times them. */
err workload_run(workload_step make, void *context, const perf_setting *s, measurement *out);

/* A convolution_visitor; its context is the measurement. */
void workload_collect(void *context, convolution c);

/* workload_nets.c */
err measure_emixer(const workload *w, const perf_setting *s, measurement *out);
err measure_training(const workload *w, const perf_setting *s, measurement *out);
err measure_inference(const workload *w, const perf_setting *s, measurement *out);
err measure_start(const workload *w, const perf_setting *s, measurement *out);

/* workload_reports.c */
err measure_report_training(const workload *w, const perf_setting *s, measurement *out);
err measure_reporting(const workload *w, const perf_setting *s, measurement *out);

/* workload_data.c */
err measure_phantom(const workload *w, const perf_setting *s, measurement *out);
err prepare_loading(const workload *w, const perf_setting *s);
err measure_loading(const workload *w, const perf_setting *s, measurement *out);
err prepare_import(const workload *w, const perf_setting *s);
err measure_import(const workload *w, const perf_setting *s, measurement *out);

#endif
