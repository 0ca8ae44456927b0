/* `bench task`: what the jobs of `bench run --launcher slurm` run. */
#include "bench/commands.h"

#include "bench/guards.h"
#include "bench/interrupt.h"
#include "bench/privacy.h"
#include "bench/run.h"
#include "bench/slurm.h"
#include "bench/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static err print_help(void)
{
    (void)printf(
        "usage: bench task OUT ARRAY:INDEX\n"
        "       bench task OUT collect\n\n"
        "What the jobs that `bench run --launcher slurm` submits run: makes the one artifact that\n"
        "OUT/slurm/tasks.csv has for that array and index, or, when all are made, the tables and figures of\n"
        "the results. Its inputs must be there; an artifact that is there is not made again. Settings are "
        "those "
        "of\n"
        "OUT/slurm/settings.ini.\n");
    return OK;
}

/* The row of tasks.csv for "ARRAY:INDEX"; -1. */
static int find_row(const table *tasks, const char *which)
{
    char own[64];
    for (int row = 0; row < tasks->rows; row++) {
        (void)snprintf(own, sizeof own, "%.20s:%.20s", table_cell(tasks, row, SLURM_TASK_ARRAY),
                       table_cell(tasks, row, SLURM_TASK_INDEX));
        if (strcmp(own, which) == 0) return row;
    }
    return -1;
}

/* The artifact of the plan that a task makes. */
static err find_artifact(const plan *p, const table *tasks, const char *out, const char *which, int *index)
{
    int row = find_row(tasks, which);
    if (row < 0) return err_set(ERR_USAGE, "%s/slurm/tasks.csv: there is no task %.40s", out, which);
    for (int i = 0; i < p->n; i++)
        if (strcmp(p->items[i].key.hex, table_cell(tasks, row, SLURM_TASK_KEY)) == 0 &&
            strcmp(artifact_kind_names[p->items[i].kind], table_cell(tasks, row, SLURM_TASK_KIND)) == 0) {
            *index = i;
            return OK;
        }
    return err_set(ERR_DATA,
                   "%s: the data, a file of weights or this program changed since it was submitted, or this "
                   "machine sees others: submit it again, or share their folders",
                   table_cell(tasks, row, SLURM_TASK_ARTIFACT));
}

static err check_input(const plan *p, const store *s, const artifact *made, int input)
{
    const artifact *a = &p->items[input];
    const char *kind = artifact_kind_names[a->kind];
    if (store_has(s, kind, &a->key)) return OK;
    return err_set(ERR_NO_INPUT,
                   "%s: its %s (%s) is not in %s: was it made on another machine, and is that folder not "
                   "shared with this one? (df %s, on both)",
                   made->label, kind, a->label, s->folder, s->folder);
}

static err check_inputs(const plan *p, const store *s, int index)
{
    const artifact *a = &p->items[index];
    int needs[ARTIFACT_NEEDS], n = artifact_needs(a, needs);
    for (int i = 0; i < n; i++) TRY(check_input(p, s, a, needs[i]));
    return OK;
}

/* As a worker of `bench run` would, to whom all others are done. */
static err make_one(const study *experiment, const plan *p, const store *s, int index)
{
    board b;
    progress shown;
    manifest m;
    const artifact *a = &p->items[index];
    TRY(check_inputs(p, s, index));
    TRY(board_open(1, p->n, &b));
    for (int i = 0; i < p->n; i++) atomic_store(&b.done[i], i != index);
    progress_start(&shown, p, &b, experiment->s.quiet);
    err error = work_supervise(experiment, p, s, &b, &shown);
    board_close(&b);
    TRY(error);
    TRY(store_manifest(s, artifact_kind_names[a->kind], &a->key, &m));
    (void)printf("%s: %s%s, %.1f s\n", a->label, m.failed ? "failed: " : "done", m.message, m.seconds);
    return OK;
}

static err make_task(const study *experiment, const plan *p, const store *s, const char *out,
                     const char *which)
{
    slurm_submission q;
    bool there;
    int index = -1;
    if (strcmp(which, "collect") == 0) return run_collect(experiment, p, s);
    TRY(slurm_submission_open(out, &q, &there));
    if (!there)
        return err_set(ERR_NO_INPUT, "%s/slurm/jobs.csv: is not there; `bench run --launcher slurm` makes it",
                       out);
    err error = find_artifact(p, &q.tasks, out, which, &index);
    slurm_submission_close(&q);
    return error == OK ? make_one(experiment, p, s, index) : error;
}

err task_main(int argc, char **argv)
{
    static settings s; /* large */
    static study experiment;
    char path[PATH_BYTES];
    plan p = {0};
    store artifacts;
    if (argc == 1 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) return print_help();
    if (argc != 2) return err_set(ERR_USAGE, "bench task OUT ARRAY:INDEX; see `bench task --help`");
    TRY(slurm_path(argv[0], "settings.ini", path));
    settings_defaults(&s);
    TRY(settings_load(&s, path, NULL, 0));
    if (snprintf(s.out, sizeof s.out, "%s", argv[0]) >= (int)sizeof s.out)
        return err_set(ERR_USAGE, "%.60s...: the path is too long", argv[0]);
    TRY(study_open(&s, &experiment));
    interrupt_catch();
    privacy_watch_study(&experiment);
    TRY(run_plan_open(&experiment, &p));
    err error = store_open(argv[0], &artifacts);
    if (error == OK) {
        error = make_task(&experiment, &p, &artifacts, argv[0], argv[1]);
        store_close(&artifacts);
    }
    plan_close(&p);
    return error;
}
