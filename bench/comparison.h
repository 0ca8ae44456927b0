/* A finished run beside its baseline, value by value. */
#ifndef BENCH_COMPARISON_H
#define BENCH_COMPARISON_H

#include "bench/baseline.h"

typedef enum check_verdict {
    CHECK_HELD, /* within the tolerance */
    CHECK_BETTER,
    CHECK_REGRESSED,
    CHECK_CANNOT_TELL,
    CHECK_VERDICTS
} check_verdict;
extern const char *const check_verdict_names[CHECK_VERDICTS];

typedef struct compared {
    baseline_row was;
    double now;    /* NaN if there is no value */
    double change; /* now - was.value */
    double tolerance;
    int seeds; /* of now */
    check_verdict verdict;
    char reason[160]; /* of what is worse than held; else "" */
} compared;

typedef struct comparison {
    char experiment[128];
    compared *rows; /* those of the baseline whose score has a tolerance */
    int n, counts[CHECK_VERDICTS];
    int fresh; /* values of the run that are not in the baseline */
} comparison;

/* A value cannot be told about if the data differ, if it is not in the results, or if it is of fewer seeds
 * than gate.seeds or the baseline; but where trials failed, it has regressed. ERR_SYSTEM. */
err comparison_open(const study *experiment, const results *r, const baseline *was, const baseline *now,
                    comparison *out);
void comparison_close(comparison *c);

/* A table of the values that moved, and a summary. ERR_SYSTEM. */
err comparison_print(const comparison *c, text *out);

/* JUnit's XML, as CI servers read it: a test case a value; regressed ones are failures, those that cannot be
 * told are errors. ERR_SYSTEM. */
err comparison_junit(const comparison *c, text *out);

/* What a value is called: "real+emixer - real, 10 shots, ratio 0.5". */
enum { COMPARED_NAME_BYTES = 2 * ARM_NAME_BYTES + 64 };
void compared_name(const compared *row, char out[COMPARED_NAME_BYTES]);

#endif
