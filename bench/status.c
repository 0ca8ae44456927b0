/* `bench status`: how far a run is. */
#include "bench/commands.h"

#include "bench/columns.h"
#include "bench/run.h"
#include "bench/standing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static err print_help(void)
{
    (void)printf(
        "usage: bench status OUT\n\n"
        "How far the run is that was last started on OUT: how many artifacts of each kind are done, "
        "running,\n"
        "failed and waiting, and why they failed. \"Running\" is what a process has locked. Of a run that "
        "was\n"
        "submitted to Slurm (`bench run --launcher slurm`) squeue tells what is running, and a second table "
        "has\n"
        "its jobs. Changes nothing.\n");
    return OK;
}

static err summarise(const standings *s, text *out)
{
    static const char *const names[] = {"kind", "artifacts", "done", "running", "failed", "waiting", NULL};
    int sums[STANDING_COUNT] = {0};
    columns t;
    columns_open(&t, "lrrrrr");
    columns_header(&t, names);
    for (int k = 0; k < KIND_COUNT; k++) {
        int all = 0;
        for (int i = 0; i < STANDING_COUNT; i++) all += s->counts[k][i];
        if (all == 0) continue;
        columns_cell(&t, "%s", artifact_kind_names[k]);
        columns_cell(&t, "%d", all);
        for (int i = 0; i < STANDING_COUNT; i++) {
            columns_cell(&t, "%d", s->counts[k][i]);
            sums[i] += s->counts[k][i];
        }
    }
    columns_cell(&t, "in all");
    columns_cell(&t, "%d", s->plan->n);
    for (int i = 0; i < STANDING_COUNT; i++) columns_cell(&t, "%d", sums[i]);
    err error = columns_format(&t, out);
    columns_close(&t);
    return error;
}

/* "3 PENDING (Dependency), 1 RUNNING": the tasks of a job, by what squeue says. */
static void count_states(const standings *s, long job, text *out)
{
    enum { MOST = 12 };
    const slurm_task *first[MOST];
    int counts[MOST], n = 0;
    for (int i = 0; i < s->queue.n; i++) {
        const slurm_task *t = &s->queue.tasks[i];
        int at = 0;
        if (t->job != job) continue;
        while (at < n && strcmp(first[at]->state, t->state) != 0) at++;
        if (at == MOST) continue;
        if (at == n) {
            first[n] = t;
            counts[n++] = 0;
        }
        counts[at]++;
    }
    for (int i = 0; i < n; i++) {
        const char *reason = first[i]->reason;
        bool tells = reason[0] != '\0' && strcmp(reason, "None") != 0;
        text_printf(out, "%s%d %s%s%s%s", i ? ", " : "", counts[i], first[i]->state, tells ? " (" : "",
                    tells ? reason : "", tells ? ")" : "");
    }
    if (n == 0) text_printf(out, "%s", s->queue_known ? "ended" : "?");
}

static err list_jobs(const standings *s, text *out)
{
    static const char *const names[] = {"job", "kind", "tasks", "in Slurm's queue", NULL};
    const table *jobs = &s->submission.jobs;
    columns t;
    columns_open(&t, "rlrl");
    columns_header(&t, names);
    for (int row = 0; row < jobs->rows; row++) {
        text states = {0};
        const char *job = table_cell(jobs, row, SLURM_JOB_ID);
        count_states(s, strtol(job, NULL, 10), &states);
        columns_cell(&t, "%s", job);
        columns_cell(&t, "%s", table_cell(jobs, row, SLURM_JOB_KIND));
        columns_cell(&t, "%s", table_cell(jobs, row, SLURM_JOB_TASKS));
        columns_cell(&t, "%s", states.data ? states.data : "");
        text_close(&states);
    }
    text_printf(out, "\n");
    err error = columns_format(&t, out);
    columns_close(&t);
    return error;
}

static void list_failures(const standings *s, text *out)
{
    if (s->failed == 0) return;
    text_printf(out, "\nFailed\n%s", s->failures.data ? s->failures.data : "");
    if (s->failed > FAILURES_SHOWN) text_printf(out, "  and %d more\n", s->failed - FAILURES_SHOWN);
}

/* What to do where Slurm does nothing more. */
static void advise(const standings *s, text *out)
{
    if (!s->submitted || !s->queue_known || s->queued > 0 || s->missing == 0) return;
    if (s->log_missing)
        text_printf(
            out,
            "\nA task without a log was cancelled before it began, or could not write to %s/slurm/logs on "
            "its "
            "node: is that\nfolder on a file system that all nodes share, under the same path, and may you "
            "write there?\n(srun ls -ld %s/slurm/logs)\n",
            s->out, s->out);
    text_printf(out,
                "\nNothing of it is in Slurm's queue any more. The command that submitted it submits what is "
                "missing.\n");
}

static err print_status(const study *experiment, const plan *p, const char *out)
{
    store artifacts;
    text t = {0};
    TRY(store_open(out, &artifacts));
    standings s = {.study = experiment, .plan = p, .store = &artifacts, .out = out};
    err error = standings_find(&s);
    if (error == OK) error = summarise(&s, &t);
    if (error == OK && s.submitted) error = list_jobs(&s, &t);
    if (error == OK) {
        list_failures(&s, &t);
        advise(&s, &t);
        error = text_print(&t);
    }
    text_close(&t);
    standings_close(&s);
    store_close(&artifacts);
    return error;
}

err status_main(int argc, char **argv)
{
    static settings s; /* large */
    static study experiment;
    char path[PATH_BYTES], artifacts[PATH_BYTES];
    plan p = {0};
    if (argc == 1 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) return print_help();
    if (argc != 1 || argv[0][0] == '-')
        return err_set(ERR_USAGE, "bench status OUT, the folder of a run; see `bench status --help`");
    TRY(path_join(path, argv[0], "settings.ini"));
    TRY(path_join(artifacts, argv[0], "artifacts"));
    if (!path_exists(path) || !path_exists(artifacts))
        return err_set(ERR_NO_INPUT, "%.200s: no run was started there: it has no settings.ini and artifacts",
                       argv[0]);
    settings_defaults(&s);
    TRY(settings_load(&s, path, NULL, 0));
    TRY(study_open(&s, &experiment));
    err error = run_plan_open(&experiment, &p);
    if (error == OK) error = print_status(&experiment, &p, argv[0]);
    plan_close(&p);
    return error;
}
