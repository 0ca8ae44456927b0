/* What Slurm says of the jobs that were submitted. */
#include "bench/slurm.h"

#include "bench/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

err slurm_path(const char *out, const char *name, char path[PATH_BYTES])
{
    return path_join(path, out, "slurm/%s", name);
}

static err open_table(const char *out, const char *name, int columns, table *t)
{
    enum { LIMIT = 1 << 30 };
    char path[PATH_BYTES];
    TRY(slurm_path(out, name, path));
    TRY(table_open(path, LIMIT, t));
    if (t->columns == columns) return OK;
    table_close(t);
    return err_set(ERR_DATA, "%s: must have %d columns; submit again", path, columns);
}

err slurm_submission_open(const char *out, slurm_submission *s, bool *there)
{
    char path[PATH_BYTES];
    TRY(slurm_path(out, "jobs.csv", path));
    *there = path_exists(path);
    if (!*there) return OK;
    *there = false;
    TRY(open_table(out, "jobs.csv", SLURM_JOB_COLUMNS, &s->jobs));
    err error = open_table(out, "tasks.csv", SLURM_TASK_ARTIFACT + 1, &s->tasks);
    if (error != OK) table_close(&s->jobs);
    *there = error == OK;
    return error;
}

void slurm_submission_close(slurm_submission *s)
{
    table_close(&s->jobs);
    table_close(&s->tasks);
}

bool slurm_is_running(const char *state)
{
    static const char *const under_way[] = {"RUNNING",   "COMPLETING", "CONFIGURING", "STAGE_OUT",
                                            "SUSPENDED", "STOPPED",    "SIGNALING"};
    for (size_t i = 0; i < sizeof under_way / sizeof *under_way; i++)
        if (strcmp(state, under_way[i]) == 0) return true;
    return false;
}

bool slurm_is_queued(const char *state)
{
    static const char *const ended[] = {"COMPLETED",     "CANCELLED", "FAILED",    "TIMEOUT",  "NODE_FAIL",
                                        "OUT_OF_MEMORY", "BOOT_FAIL", "PREEMPTED", "DEADLINE", "REVOKED"};
    for (size_t i = 0; i < sizeof ended / sizeof *ended; i++)
        if (strcmp(state, ended[i]) == 0) return false;
    return true;
}

err slurm_failed(const char *program, int status, const text *told)
{
    char words[600];
    int n = snprintf(words, sizeof words, "%s", told->data ? told->data : "");
    if (status == PROCESS_NOT_FOUND && n == 0)
        return err_set(ERR_UNAVAILABLE,
                       "%s: not found on PATH; is this a machine that submits to a Slurm cluster? (Debian: "
                       "slurm-client)",
                       program);
    for (char *at = words; *at; at++)
        if (*at == '\n') *at = at[1] ? ';' : '\0';
    return err_set(ERR_UNAVAILABLE, "%s failed (status %d): %s", program, status, words);
}

/* The next word of a line, cut to what fits; the rest of the line if it is the last one. */
static const char *take_word(const char *line, bool last, char *out, size_t bytes)
{
    line += strspn(line, " ");
    size_t length = strcspn(line, last ? "\n" : " \n");
    (void)snprintf(out, bytes, "%.*s", (int)length, line);
    return line + length;
}

/* "17 3 PENDING Dependency", or with N/A for a job that is no array. */
static bool read_task(const char *line, slurm_task *out)
{
    char job[24], index[16];
    line = take_word(line, false, job, sizeof job);
    line = take_word(line, false, index, sizeof index);
    line = take_word(line, false, out->state, sizeof out->state);
    (void)take_word(line, true, out->reason, sizeof out->reason);
    out->job = strtol(job, NULL, 10);
    out->index = index[0] == 'N' ? -1 : (int)strtol(index, NULL, 10);
    return out->job > 0 && out->state[0];
}

static err read_queue(const text *told, slurm_queue *out)
{
    const char *line = told->data ? told->data : "";
    int lines = 0;
    for (const char *at = line; *at; at++) lines += *at == '\n';
    out->tasks = calloc((size_t)lines + 1, sizeof *out->tasks);
    if (!out->tasks) return err_set(ERR_SYSTEM, "out of memory for %d lines of squeue", lines);
    while (*line && out->n <= lines) {
        out->n += read_task(line, &out->tasks[out->n]);
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return OK;
}

err slurm_queue_open(const slurm_submission *s, slurm_queue *out)
{
    text jobs = {0};
    process_result r;
    *out = (slurm_queue){0};
    if (s->jobs.rows == 0) return OK;
    for (int i = 0; i < s->jobs.rows; i++)
        text_printf(&jobs, "%s%s", i ? "," : "--jobs=", table_cell(&s->jobs, i, SLURM_JOB_ID));
    err error = text_check(&jobs);
    const char *argv[] = {"squeue",  "--noheader",           "--array", "--states=all",
                          jobs.data, "--format=%F %K %T %r", NULL};
    if (error == OK) error = process_run(argv, &r);
    text_close(&jobs);
    TRY(error);
    /* What it says where it has forgotten them all. */
    bool forgotten = r.err.data && strstr(r.err.data, "Invalid job id");
    if (r.status == 0)
        error = read_queue(&r.out, out);
    else if (!forgotten)
        error = slurm_failed("squeue", r.status, &r.err);
    process_close(&r);
    return error;
}

void slurm_queue_close(slurm_queue *q)
{
    free(q->tasks);
    *q = (slurm_queue){0};
}
