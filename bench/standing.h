/* How far a run is, artifact by artifact: by what is in its folder, which locks are held, and, if it was
 * submitted to Slurm, by what squeue says. */
#ifndef BENCH_STANDING_H
#define BENCH_STANDING_H

#include "bench/slurm.h"
#include "data/key_map.h"

typedef enum standing {
    STANDING_DONE,
    STANDING_RUNNING,
    STANDING_FAILED,
    STANDING_WAITING,
    STANDING_COUNT
} standing;

enum { FAILURES_SHOWN = 20 };

/* What is known of a run. Start with study, plan, store and out set, the rest 0; standings_close. */
typedef struct standings {
    const study *study;
    const plan *plan;
    const store *store;
    const char *out; /* OUT */

    int counts[KIND_COUNT][STANDING_COUNT];
    int missing; /* artifacts that are not there */
    int failed;
    text failures;    /* a line for each of the first FAILURES_SHOWN */
    bool submitted;   /* to Slurm; then: */
    bool queue_known; /* squeue answered */
    int queued;       /* tasks that are in its queue, waiting or running */
    bool log_missing; /* a task should have begun, and left no log */
    slurm_submission submission;
    slurm_queue queue;

    bool *done;                            /* private, as the rest: by artifact */
    key_map task_rows, job_rows, in_queue; /* by KIND-KEY, by array, by JOB:INDEX */
} standings;

/* Looks at each artifact. ERR_DATA, ERR_SYSTEM; a squeue that does not answer is told on stderr. */
err standings_find(standings *s);
void standings_close(standings *s);

#endif
