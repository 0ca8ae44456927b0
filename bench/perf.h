/* What the files of `bench perf` share. */
#ifndef BENCH_PERF_H
#define BENCH_PERF_H

#include "base/text.h"
#include "bench/workloads.h"

enum { PERF_BUSY_PERCENT = 5 }; /* from which share of the machine's time on others are told of */

/* One workload measured. Plain memory but for `w`, which belongs to the program. */
typedef struct perf_row {
    const workload *w;
    bool available;   /* else the device or its precision is not there, and all below is 0 */
    char reason[256]; /* of not being available */
    measurement m;
    double peak_rate;    /* FLOP/s of oneDNN's fastest convolution; 0: not measured */
    double bare_s;       /* that oneDNN alone needs for the step's convolutions; 0: not measured */
    double round_trip_s; /* of a word between two cores, right after; 0: one thread, or another device */
    size_t idle_bytes;   /* resident before anything was made, */
    size_t peak_bytes;   /* and at most until the last step; 0: the work is done by other processes */
    double others; /* share of the machine's processor time that others took meanwhile; below 0: unknown */
} perf_row;

/* perf_process.c: measures a workload in a process of its own, so that its memory is its own. The calling
 * process must not have used OpenMP: its threads would be missing in the new one. With `plain` the rates of
 * oneDNN are left out. ERR_INTERNAL if that process is killed. */
err perf_measure(const workload *w, const perf_setting *s, bool plain, perf_row *out);

/* perf_report.c */
err perf_table(const perf_row *rows, int n, text *out);
void perf_profile(const perf_row *row, text *out);
void perf_csv(const perf_row *rows, int n, const perf_setting *s, text *out);

#endif
