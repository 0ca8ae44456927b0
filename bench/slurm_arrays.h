/* What is missing of a plan, as job arrays: which artifacts are one array, and which array waits for which.
 */
#ifndef BENCH_SLURM_ARRAYS_H
#define BENCH_SLURM_ARRAYS_H

#include "bench/plan.h"

#include <stdatomic.h>

/* Artifacts of one kind that do not need each other: members[first .. first + n - 1]. */
typedef struct slurm_array {
    artifact_kind kind;
    int first, n;
} slurm_array;

typedef struct slurm_arrays {
    slurm_array *items; /* those that others need first */
    int n;
    int *members;            /* indices of artifacts of the plan */
    int *array_of, *task_of; /* of each artifact of the plan: where it is; -1: in none */
    int n_members;
} slurm_arrays;

/* The artifacts that are not done, in arrays of at most `longest` tasks. ERR_SYSTEM. */
err slurm_arrays_open(const plan *p, const atomic_uchar *done, int longest, slurm_arrays *out);
void slurm_arrays_close(slurm_arrays *a);

/* What an array needs of an earlier one. */
typedef enum slurm_need {
    SLURM_NOTHING,
    SLURM_SAME, /* each task needs only the task of its own number: Slurm's aftercorr */
    SLURM_ALL   /* afterok */
} slurm_need;

slurm_need slurm_arrays_need(const slurm_arrays *a, const plan *p, int array, int earlier);

#endif
