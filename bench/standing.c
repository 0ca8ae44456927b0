#include "bench/standing.h"

#include "bench/guards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what Slurm knows ---- */

static err index_submission(standings *s)
{
    char name[96];
    bool added;
    const table *tasks = &s->submission.tasks, *jobs = &s->submission.jobs;
    for (int row = 0; row < tasks->rows; row++) {
        (void)snprintf(name, sizeof name, "%.40s-%.40s", table_cell(tasks, row, SLURM_TASK_KIND),
                       table_cell(tasks, row, SLURM_TASK_KEY));
        TRY(key_map_add(&s->task_rows, name, row, &added));
    }
    for (int row = 0; row < jobs->rows; row++)
        TRY(key_map_add(&s->job_rows, table_cell(jobs, row, SLURM_JOB_ARRAY), row, &added));
    return OK;
}

static err index_queue(standings *s)
{
    char name[64];
    bool added;
    for (int i = 0; i < s->queue.n; i++) {
        const slurm_task *t = &s->queue.tasks[i];
        (void)snprintf(name, sizeof name, "%ld:%d", t->job, t->index);
        TRY(key_map_add(&s->in_queue, name, i, &added));
        s->queued += slurm_is_queued(t->state);
    }
    return OK;
}

static err ask_slurm(standings *s)
{
    TRY(slurm_submission_open(s->out, &s->submission, &s->submitted));
    if (!s->submitted) return OK;
    TRY(index_submission(s));
    s->queue_known = slurm_queue_open(&s->submission, &s->queue) == OK;
    if (!s->queue_known)
        (void)fprintf(stderr, "bench: %s; what is running there is not known\n", err_message());
    return index_queue(s);
}

/* The job and index of an artifact's task; false if it was not submitted. */
static bool find_task(const standings *s, const artifact *a, const char **job, int *index)
{
    char name[96];
    int64_t row, job_row;
    (void)snprintf(name, sizeof name, "%s-%s", artifact_kind_names[a->kind], a->key.hex);
    if (!s->submitted || !key_map_find(&s->task_rows, name, &row)) return false;
    const char *array = table_cell(&s->submission.tasks, (int)row, SLURM_TASK_ARRAY);
    if (!key_map_find(&s->job_rows, array, &job_row)) return false;
    *job = table_cell(&s->submission.jobs, (int)job_row, SLURM_JOB_ID);
    *index = (int)strtol(table_cell(&s->submission.tasks, (int)row, SLURM_TASK_INDEX), NULL, 10);
    return true;
}

static const slurm_task *find_in_queue(const standings *s, const char *job, int index)
{
    char name[64];
    int64_t at;
    (void)snprintf(name, sizeof name, "%.30s:%d", job, index);
    return key_map_find(&s->in_queue, name, &at) ? &s->queue.tasks[at] : NULL;
}

/* ---- one artifact ---- */

static standing fail(standings *s, const artifact *a, const char *why)
{
    if (s->failed++ < FAILURES_SHOWN)
        text_printf(&s->failures, "  %s: %s: %s\n", artifact_kind_names[a->kind], a->label, why);
    return STANDING_FAILED;
}

/* The last line of a log, or "". */
static void last_line(const char *path, char *out, size_t bytes)
{
    enum { LIMIT = 1 << 26 };
    char *content;
    size_t n;
    out[0] = '\0';
    if (file_read(path, LIMIT, &content, &n) != OK) return;
    while (n > 0 && content[n - 1] == '\n') content[--n] = '\0';
    const char *line = strrchr(content, '\n');
    (void)snprintf(out, bytes, "%s", line ? line + 1 : content);
    free(content);
}

static bool inputs_done(const standings *s, const artifact *a)
{
    int needs[ARTIFACT_NEEDS], n = artifact_needs(a, needs);
    for (int i = 0; i < n; i++)
        if (!s->done[needs[i]]) return false;
    return true;
}

/* Of a task of Slurm's that left no artifact. */
static standing judge_task(standings *s, const artifact *a, const char *job, int index)
{
    char log[PATH_BYTES], line[400], why[600], name[64];
    const slurm_task *t = find_in_queue(s, job, index);
    if (t && slurm_is_running(t->state)) return STANDING_RUNNING;
    if (!s->queue_known || (t && slurm_is_queued(t->state))) return STANDING_WAITING;
    (void)snprintf(name, sizeof name, "logs/%.30s_%d.txt", job, index);
    bool logged = slurm_path(s->out, name, log) == OK && path_exists(log);
    if (logged) {
        last_line(log, line, sizeof line);
        (void)snprintf(why, sizeof why, "%s%sslurm/%s: %s", t ? t->state : "", t ? ", " : "", name, line);
        return fail(s, a, why);
    }
    /* Cancelled, for the sake of what failed before it. */
    if (!inputs_done(s, a) || (t && strcmp(t->state, "CANCELLED") == 0)) return STANDING_WAITING;
    s->log_missing = true;
    (void)snprintf(why, sizeof why, "%s%s%s%s, and there is no slurm/%s", t ? t->state : "ended",
                   t ? " (" : "", t ? t->reason : "", t ? ")" : "", name);
    return fail(s, a, why);
}

static standing judge(standings *s, int index)
{
    const artifact *a = &s->plan->items[index];
    const char *kind = artifact_kind_names[a->kind], *job;
    int task;
    manifest m;
    if (!store_has(s->store, kind, &a->key)) {
        s->missing++;
        if (store_busy(s->store, &a->key)) return STANDING_RUNNING;
        return find_task(s, a, &job, &task) ? judge_task(s, a, job, task) : STANDING_WAITING;
    }
    if (store_manifest(s->store, kind, &a->key, &m) != OK) return fail(s, a, err_message());
    s->done[index] = true; /* what needs one that failed is made as well, and fails in turn */
    if (m.failed) return fail(s, a, m.message);
    s->done[index] = guard_judge(s->study, s->plan, s->store, index) == OK;
    return s->done[index] ? STANDING_DONE : fail(s, a, err_message());
}

err standings_find(standings *s)
{
    TRY(ask_slurm(s));
    s->done = calloc((size_t)s->plan->n, sizeof *s->done);
    if (!s->done) return err_set(ERR_SYSTEM, "out of memory for %d artifacts", s->plan->n);
    for (int i = 0; i < s->plan->n; i++) s->counts[s->plan->items[i].kind][judge(s, i)]++;
    return text_check(&s->failures);
}

void standings_close(standings *s)
{
    if (s->submitted) slurm_submission_close(&s->submission);
    slurm_queue_close(&s->queue);
    key_map_close(&s->task_rows);
    key_map_close(&s->job_rows);
    key_map_close(&s->in_queue);
    text_close(&s->failures);
    free(s->done);
    *s = (standings){0};
}
