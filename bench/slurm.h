/* Runs a plan as job arrays of Slurm. Slurm does all of the work: what waits for what is said by sbatch's
 * --dependency, each task is `bench task OUT ARRAY:INDEX`, and a last job is `bench task OUT collect`.
 *
 * OUT/slurm has
 *   settings.ini   what the tasks run
 *   tasks.csv      array, index, kind, key, artifact: what each task makes
 *   jobs.csv       array, job, kind, tasks: what was submitted, as Slurm numbers it
 *   task.sh        the batch script
 *   logs/          what each task said: JOB_INDEX.txt; JOB.txt of the last one
 */
#ifndef BENCH_SLURM_H
#define BENCH_SLURM_H

#include "base/text.h"
#include "bench/board.h"
#include "bench/plan.h"
#include "bench/store.h"
#include "data/table.h"

/* OUT/slurm/NAME. */
err slurm_path(const char *out, const char *name, char path[PATH_BYTES]);

/* Submits what is not done on the board, and the job that collects the results in the end; tells on stdout
 * what it submitted. If a job is refused, those before it are cancelled. ERR_UNAVAILABLE with Slurm's own
 * words, or if Slurm is not there; ERR_USAGE while jobs of an earlier submission are in the queue. */
err slurm_submit(const study *experiment, const plan *p, const store *s, const board *b, const char *out);

/* What was submitted last. *there is false, and nothing to close, if nothing was. ERR_DATA. */
typedef struct slurm_submission {
    table jobs, tasks;
} slurm_submission;
enum { SLURM_JOB_ARRAY, SLURM_JOB_ID, SLURM_JOB_KIND, SLURM_JOB_TASKS, SLURM_JOB_COLUMNS };
enum { SLURM_TASK_ARRAY, SLURM_TASK_INDEX, SLURM_TASK_KIND, SLURM_TASK_KEY, SLURM_TASK_ARTIFACT };
err slurm_submission_open(const char *out, slurm_submission *s, bool *there);
void slurm_submission_close(slurm_submission *s);

/* A task, or a job that is no array (index -1), as squeue shows it. */
typedef struct slurm_task {
    long job;
    int index;
    char state[24], reason[64]; /* "PENDING", "Dependency" */
} slurm_task;

typedef struct slurm_queue {
    slurm_task *tasks;
    int n;
} slurm_queue;

/* What Slurm knows of the submitted jobs; ended ones are known for some minutes. ERR_UNAVAILABLE. */
err slurm_queue_open(const slurm_submission *s, slurm_queue *out);
void slurm_queue_close(slurm_queue *q);

/* Whether a task in this state is still to come, or under way; whether it is under way. */
bool slurm_is_queued(const char *state);
bool slurm_is_running(const char *state);

/* Fails with the message of a program that ended badly, in one line. */
err slurm_failed(const char *program, int status, const text *told);

#endif
