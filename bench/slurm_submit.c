#define _XOPEN_SOURCE 700 /* realpath */
/* Submits a plan to Slurm. */
#include "bench/slurm.h"

#include "bench/columns.h"
#include "bench/interrupt.h"
#include "bench/process.h"
#include "bench/run.h"
#include "bench/slurm_arrays.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Its arguments are this program, the folder, and which array, or `collect`. */
static const char script[] =
    "#!/bin/sh\n"
    "# Made by `bench run --launcher slurm`: one task of a job array, or the job that collects the results.\n"
    "for needed in \"$1\" \"$2/slurm/settings.ini\"; do\n"
    "    [ -e \"$needed\" ] && continue\n"
    "    echo \"bench: $needed: is not on $(hostname): program, data and results must be on a file system "
    "that\" \\\n"
    "        \"all nodes share, under the same path (docs/slurm.md)\" >&2\n"
    "    exit 66\n"
    "done\n"
    "[ \"$3\" = collect ] && exec \"$1\" task \"$2\" collect\n"
    "exec \"$1\" task \"$2\" \"$3:$SLURM_ARRAY_TASK_ID\"\n";

enum { JOB_BYTES = 24 };

typedef struct submission {
    const study *experiment;
    const plan *plan;
    slurm_arrays arrays;
    char out[PATH_BYTES], program[PATH_BYTES], folder[PATH_BYTES]; /* all from the root */
    char (*jobs)[JOB_BYTES];                                       /* by array; one more for the last */
    int sent;
    text table; /* jobs.csv as far as it is */
    columns told;
} submission;

/* ---- one job ---- */

/* sbatch replaces "%A" and the like in the name of the log, and in nothing else. */
static void add_log(arguments *a, const char *out, const char *name)
{
    char plain[2 * PATH_BYTES];
    size_t n = 0;
    for (const char *at = out; *at && n + 2 < sizeof plain; at++) {
        if (*at == '%') plain[n++] = '%';
        plain[n++] = *at;
    }
    plain[n] = '\0';
    arguments_add(a, "--output=%.*s/slurm/logs/%s", (int)n, plain, name);
}

static void add_if(arguments *a, const char *flag, const char *value)
{
    if (value[0]) arguments_add(a, "%s=%s", flag, value);
}

static void add_resources(arguments *a, const settings *s, bool uses_device)
{
    arguments_add(a, "--cpus-per-task=%d", s->slurm_cpus > 0 ? s->slurm_cpus : run_threads(s));
    add_if(a, "--partition", s->slurm_partition);
    add_if(a, "--time", s->slurm_time);
    add_if(a, "--mem", s->slurm_memory);
    if (uses_device) add_if(a, "--gres", s->slurm_gres);
    arguments_split(a, s->slurm_extra);
}

static void add_script(arguments *a, const submission *q, const char *which)
{
    arguments_add(a, "%s/slurm/task.sh", q->out);
    arguments_add(a, "%s", q->program);
    arguments_add(a, "%s", q->out);
    arguments_add(a, "%s", which);
}

/* "afterok:17,aftercorr:18" */
static void add_needs(const submission *q, int array, text *out)
{
    static const char *const types[] = {[SLURM_SAME] = "aftercorr", [SLURM_ALL] = "afterok"};
    for (int i = 0; i < array; i++) {
        slurm_need need = slurm_arrays_need(&q->arrays, q->plan, array, i);
        if (need != SLURM_NOTHING)
            text_printf(out, "%s%s:%s", out->length ? "," : "", types[need], q->jobs[i]);
    }
}

static void add_dependency(arguments *a, const text *needs)
{
    if (needs->length > 0) arguments_add(a, "--dependency=%s", needs->data);
}

static void add_array(arguments *a, const submission *q, int array, text *needs)
{
    const settings *s = &q->experiment->s;
    const slurm_array *own = &q->arrays.items[array];
    bool uses_device = own->kind == KIND_GENERATOR || own->kind == KIND_TEACHER ||
                       own->kind == KIND_SYNTHETIC || own->kind == KIND_TRIAL;
    char which[16];
    (void)snprintf(which, sizeof which, "%d", array);
    add_needs(q, array, needs);
    add_dependency(a, needs);
    arguments_add(a, "--job-name=bench-%s-%s", s->name, artifact_kind_names[own->kind]);
    if (s->slurm_throttle > 0)
        arguments_add(a, "--array=0-%d%%%d", own->n - 1, s->slurm_throttle);
    else
        arguments_add(a, "--array=0-%d", own->n - 1);
    add_log(a, q->out, "%A_%a.txt");
    add_resources(a, s, uses_device);
    add_script(a, q, which);
}

/* The last job comes after all others, however they ended: it says what is missing. */
static void add_last(arguments *a, const submission *q, int array, text *needs)
{
    for (int i = 0; i < array; i++) text_printf(needs, "%s:%s", i ? "" : "afterany", q->jobs[i]);
    add_dependency(a, needs);
    arguments_add(a, "--job-name=bench-%s-results", q->experiment->s.name);
    add_log(a, q->out, "%j.txt");
    add_resources(a, &q->experiment->s, false);
    add_script(a, q, "collect");
}

/* "17", or "17;cluster" */
static err read_job(const process_result *r, char out[JOB_BYTES])
{
    const char *told = r->out.data ? r->out.data : "";
    size_t digits = strspn(told, "0123456789");
    if (digits == 0 || digits >= JOB_BYTES)
        return err_set(ERR_UNAVAILABLE, "sbatch: says %.80s, which is no number of a job", told);
    (void)snprintf(out, JOB_BYTES, "%.*s", (int)digits, told);
    return OK;
}

static err call_sbatch(const arguments *a, char job[JOB_BYTES])
{
    process_result r;
    TRY(arguments_run(a, &r));
    err error = r.status == 0 ? read_job(&r, job) : slurm_failed("sbatch", r.status, &r.err);
    process_close(&r);
    return error;
}

/* Into what is told, and into jobs.csv: whoever submits next must know of it. */
static err note(submission *q, int array, const char *kind, int tasks, const text *needs)
{
    char path[PATH_BYTES], which[16];
    bool last = array == q->arrays.n;
    (void)snprintf(which, sizeof which, "%d", array);
    q->sent++;
    columns_cell(&q->told, "%s", q->jobs[array]);
    columns_cell(&q->told, "%s", kind);
    columns_cell(&q->told, "%d", tasks);
    columns_cell(&q->told, "%s", needs->data ? needs->data : "");
    text_printf(&q->table, "%s,%s,%s,%d\n", last ? "collect" : which, q->jobs[array], kind, tasks);
    TRY(slurm_path(q->out, "jobs.csv", path));
    return text_save(&q->table, path);
}

/* Submits array `array`, or behind the arrays the last job. */
static err submit(submission *q, int array)
{
    arguments a = {0};
    text needs = {0};
    bool last = array == q->arrays.n;
    const char *kind = last ? "results" : artifact_kind_names[q->arrays.items[array].kind];
    arguments_add(&a, "sbatch");
    arguments_add(&a, "--parsable");
    arguments_add(&a, "--chdir=%s", q->folder);
    arguments_add(&a, "--kill-on-invalid-dep=yes");
    (last ? add_last : add_array)(&a, q, array, &needs);
    err error = text_check(&needs);
    if (error == OK) error = call_sbatch(&a, q->jobs[array]);
    if (error == OK) error = note(q, array, kind, last ? 1 : q->arrays.items[array].n, &needs);
    arguments_close(&a);
    text_close(&needs);
    return error == OK ? OK : err_context(error, "job %d of %d (%s)", array + 1, q->arrays.n + 1, kind);
}

/* Nothing waits for jobs that never come. */
static err cancel_all(submission *q, err error)
{
    char why[1024];
    arguments a = {0};
    process_result r;
    (void)snprintf(why, sizeof why, "%s", err_message());
    if (q->sent == 0) return error;
    arguments_add(&a, "scancel");
    for (int i = 0; i < q->sent; i++) arguments_add(&a, "%s", q->jobs[i]);
    bool cancelled = arguments_run(&a, &r) == OK;
    if (cancelled) {
        cancelled = r.status == 0;
        process_close(&r);
    }
    arguments_close(&a);
    return err_set(error, "%s; %s", why,
                   cancelled ? "the jobs before it were cancelled"
                             : "the jobs before it could not be cancelled: slurm/jobs.csv lists them");
}

static err submit_all(submission *q)
{
    static const char *const names[] = {"job", "kind", "tasks", "after", NULL};
    err error = OK;
    columns_open(&q->told, "rlrl");
    columns_header(&q->told, names);
    for (int i = 0; i <= q->arrays.n && error == OK; i++)
        error = interrupt_count() > 0 ? err_set(ERR_INTERRUPTED, "interrupted") : submit(q, i);
    return error == OK ? OK : cancel_all(q, error);
}

/* ---- before and after ---- */

/* How many tasks an array may have. */
static err longest_array(int *out)
{
    static const char key[] = "MaxArraySize";
    const char *const argv[] = {"scontrol", "show", "config", NULL};
    process_result r;
    TRY(process_run(argv, &r));
    const char *line = r.out.data ? strstr(r.out.data, key) : NULL;
    err error = OK;
    *out = line ? (int)strtol(line + strcspn(line, "=") + (strchr(line, '=') != NULL), NULL, 10) : 0;
    if (r.status != 0)
        error = slurm_failed("scontrol", r.status, &r.err);
    else if (*out < 1)
        error = err_set(ERR_UNAVAILABLE,
                        "scontrol show config: MaxArraySize is %d: without job arrays this "
                        "cluster cannot be used",
                        *out);
    process_close(&r);
    return error;
}

static bool is_queued(const slurm_queue *q, long job)
{
    for (int i = 0; i < q->n; i++)
        if (q->tasks[i].job == job && slurm_is_queued(q->tasks[i].state)) return true;
    return false;
}

static err refuse_queued(const slurm_submission *before, const slurm_queue *q, const char *out)
{
    text left = {0};
    for (int row = 0; row < before->jobs.rows; row++) {
        const char *job = table_cell(&before->jobs, row, SLURM_JOB_ID);
        if (is_queued(q, strtol(job, NULL, 10))) text_printf(&left, " %s", job);
    }
    err error = text_check(&left);
    if (error == OK && left.length > 0)
        error =
            err_set(ERR_USAGE,
                    "%s: jobs of an earlier submission are in Slurm's queue; `bench status %s` follows them, "
                    "and to end them:  scancel%.600s",
                    out, out, left.data);
    text_close(&left);
    return error;
}

/* Two tasks must not make the same artifact: not every shared folder has locks between machines. */
static err check_queue(const char *out)
{
    slurm_submission before;
    slurm_queue queue;
    bool there;
    TRY(slurm_submission_open(out, &before, &there));
    if (!there) return OK;
    err error = slurm_queue_open(&before, &queue);
    if (error == OK) error = refuse_queued(&before, &queue, out);
    slurm_queue_close(&queue);
    slurm_submission_close(&before);
    return error;
}

static err write_text(const submission *q, const char *name, const text *t)
{
    char path[PATH_BYTES];
    TRY(slurm_path(q->out, name, path));
    return text_save(t, path);
}

static err write_tasks(const submission *q)
{
    text t = {0};
    text_printf(&t, "array,index,kind,key,artifact\n");
    for (int i = 0; i < q->arrays.n_members; i++) {
        int index = q->arrays.members[i];
        const artifact *a = &q->plan->items[index];
        text_printf(&t, "%d,%d,%s,%s,", q->arrays.array_of[index], q->arrays.task_of[index],
                    artifact_kind_names[a->kind], a->key.hex);
        text_csv_field(&t, a->label);
        text_printf(&t, "\n");
    }
    err error = write_text(q, "tasks.csv", &t);
    text_close(&t);
    return error;
}

/* What the jobs need, before the first of them. */
static err write_files(submission *q)
{
    char path[PATH_BYTES];
    text batch = {0};
    TRY(slurm_path(q->out, "logs", path));
    TRY(folder_make(path));
    TRY(slurm_path(q->out, "settings.ini", path));
    TRY(settings_save(&q->experiment->s, path));
    TRY(write_tasks(q));
    text_printf(&batch, "%s", script);
    text_printf(&q->table, "array,job,kind,tasks\n");
    err error = write_text(q, "task.sh", &batch);
    if (error == OK) error = write_text(q, "jobs.csv", &q->table);
    text_close(&batch);
    return error;
}

static err find_paths(submission *q, const char *out)
{
    TRY(process_own_path(q->program, sizeof q->program));
    if (!getcwd(q->folder, sizeof q->folder)) return err_set_errno(ERR_SYSTEM, "no current folder");
    if (!realpath(out, q->out)) return err_set_errno(ERR_CANNOT_CREATE, "%s: cannot be found", out);
    return OK;
}

static err tell(submission *q, const char *out)
{
    text t = {0};
    err error = columns_format(&q->told, &t);
    text_printf(
        &t,
        "\nSubmitted to Slurm: %d of %d artifacts, and a job that collects the results in the end.\n"
        "  bench status %s  follows them. What the last job prints goes to %s/slurm/logs/%s.txt; the same\n"
        "command as before prints it, too, or submits what is missing.\n",
        q->arrays.n_members, q->plan->n, out, out, q->jobs[q->arrays.n]);
    if (error == OK) error = text_print(&t);
    text_close(&t);
    return error;
}

static err submit_locked(submission *q, const board *b, const char *out)
{
    int longest = 0;
    TRY(find_paths(q, out));
    TRY(check_queue(out));
    TRY(longest_array(&longest));
    TRY(slurm_arrays_open(q->plan, b->done, longest, &q->arrays));
    q->jobs = calloc((size_t)q->arrays.n + 1, sizeof *q->jobs);
    if (!q->jobs) return err_set(ERR_SYSTEM, "out of memory for %d arrays", q->arrays.n);
    TRY(write_files(q));
    TRY(submit_all(q));
    return tell(q, out);
}

err slurm_submit(const study *experiment, const plan *p, const store *s, const board *b, const char *out)
{
    static submission q; /* large */
    hash own = hash_texts("slurm", (const char *)NULL);
    bool taken;
    q = (submission){.experiment = experiment, .plan = p};
    TRY(store_lock(s, &own, &taken));
    if (!taken) return err_set(ERR_USAGE, "%s: another command is submitting it just now", out);
    err error = submit_locked(&q, b, out);
    store_unlock(s, &own);
    slurm_arrays_close(&q.arrays);
    columns_close(&q.told);
    text_close(&q.table);
    free(q.jobs);
    return error;
}
