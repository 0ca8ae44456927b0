/* `bench run`. */
#include "bench/run.h"

#include "base/private.h"
#include "bench/commands.h"
#include "bench/conclusion.h"
#include "bench/figure.h"
#include "bench/gains.h"
#include "bench/guards.h"
#include "bench/interrupt.h"
#include "bench/label_gains.h"
#include "bench/label_scores.h"
#include "bench/losses.h"
#include "bench/privacy.h"
#include "bench/report.h"
#include "bench/slurm.h"
#include "bench/subgroup_scores.h"
#include "bench/work.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct outputs {
    char folder[PATH_BYTES], settings[PATH_BYTES], results[PATH_BYTES], label_scores[PATH_BYTES],
        label_gains[PATH_BYTES], subgroup_scores[PATH_BYTES], subgroup_gains[PATH_BYTES], gains[PATH_BYTES],
        samples[PATH_BYTES], samples_table[PATH_BYTES], losses[PATH_BYTES], figure[PATH_BYTES],
        summary[PATH_BYTES];
} outputs;

static err print_help(void)
{
    text t = {0};
    text_printf(
        &t,
        "usage: bench run FILE.ini [--preset NAME] [--set section.key=value]... [flags]\n\n"
        "Runs the experiment of FILE.ini: renders or reads the data, trains generators and classifiers,\n"
        "compares the arms, and leaves results.csv, gains.csv, the same label by label (label_scores.csv,\n"
        "label_gains.csv), gain.svg and samples.png in the results folder. What is already there is not\n"
        "computed again; a run that was stopped continues when started again with the same settings, and\n"
        "several runs on one folder share the work. `bench status OUT` tells how far they are.\n\n"
        "  --preset NAME            use the values of the section [preset:NAME]; repeatable\n"
        "  --set section.key=value  change a setting; repeatable, the last one wins\n");
    for (int i = 0; i < OPTION_COUNT; i++) {
        const option *o = &options[i];
        if (!o->flag) continue;
        char flag[48];
        (void)snprintf(flag, sizeof flag, "--%s %s", o->flag,
                       o->type == OPTION_TRUTH     ? ""
                       : o->type == OPTION_INTEGER ? "N"
                       : o->type == OPTION_TEXTS   ? "NAME"
                       : o->range[0]               ? o->range
                                                   : "PATH");
        text_printf(&t, "  %-24s %s (%s.%s)\n", flag, o->help, o->section, o->key);
    }
    text_printf(
        &t, "  --help                   this text\n\n"
            "Results depend on the number of threads of a process in their last digits: they are kept\n"
            "apart, so go on with the same --jobs, or set run.threads.\n\nSettings of an experiment file, "
            "with their defaults:\n\n");
    options_help(&t);
    return text_print(&t);
}

static err name_outputs(const settings *s, outputs *o)
{
    TRY(run_folder(s, o->folder));
    TRY(path_join(o->settings, o->folder, "settings.ini"));
    TRY(path_join(o->results, o->folder, "results.csv"));
    TRY(path_join(o->label_scores, o->folder, "label_scores.csv"));
    TRY(path_join(o->gains, o->folder, "gains.csv"));
    TRY(path_join(o->label_gains, o->folder, "label_gains.csv"));
    TRY(path_join(o->subgroup_scores, o->folder, SUBGROUP_SCORES_FILE));
    TRY(path_join(o->subgroup_gains, o->folder, "subgroup_gains.csv"));
    TRY(path_join(o->samples, o->folder, "samples.png"));
    TRY(path_join(o->samples_table, o->folder, "samples.csv"));
    TRY(path_join(o->losses, o->folder, "losses.csv"));
    TRY(path_join(o->figure, o->folder, "gain.svg"));
    return path_join(o->summary, o->folder, SUMMARY_FILE);
}

static bool by_slurm(const settings *s)
{
    return strcmp(s->launcher, "slurm") == 0;
}

/* Those of Slurm's tasks are the same wherever it is asked. */
int run_threads(const settings *s)
{
    if (s->threads > 0) return s->threads;
    if (by_slurm(s)) return s->slurm_cpus > 0 ? s->slurm_cpus : 1;
    int share = omp_get_num_procs() / s->jobs;
    return share > 0 ? share : 1;
}

err run_plan_open(const study *experiment, plan *out)
{
    TRY(plan_open(experiment, run_threads(&experiment->s), out));
    if (experiment->s.limit > 0) TRY(plan_limit(out, experiment->s.limit));
    return OK;
}

err run_folder(const settings *s, char out[PATH_BYTES])
{
    int n = s->out[0] ? snprintf(out, PATH_BYTES, "%s", s->out)
                      : snprintf(out, PATH_BYTES, "results/%s", s->name);
    return n < 0 || n >= PATH_BYTES ? err_set(ERR_USAGE, "--out: the path is too long") : OK;
}

/* Who makes what is missing. */
typedef enum maker { MAKER_WORKERS, MAKER_SLURM, MAKER_NONE } maker;

static err make_here(const study *experiment, const plan *p, const store *s, board *b)
{
    progress shown;
    progress_start(&shown, p, b, experiment->s.quiet);
    return work_supervise(experiment, p, s, b, &shown);
}

/* Sees to it that every artifact of the plan is made; *left is how many are not yet there after that. */
static err make_all(const study *experiment, const plan *p, const store *s, const outputs *o, maker by,
                    int *left)
{
    board b;
    *left = 0;
    TRY(board_open(experiment->s.jobs, p->n, &b));
    err error = work_check(p, s, &b);
    for (int i = 0; i < p->n; i++) *left += !atomic_load(&b.done[i]);
    for (int i = 0; i < p->n && error == OK; i++)
        if (atomic_load(&b.done[i])) error = guard_judge(experiment, p, s, i);
    if (error == OK && *left > 0 && by == MAKER_SLURM) error = slurm_submit(experiment, p, s, &b, o->folder);
    if (error == OK && *left > 0 && by == MAKER_WORKERS) {
        error = make_here(experiment, p, s, &b);
        *left = 0;
    }
    board_close(&b);
    return error;
}

/* The sheet and the figure. A missing gnuplot is said, and is no failure; then *drawn is false. */
static err draw_figures(const study *experiment, const plan *p, const store *s, const outputs *o, text *paths,
                        bool *drawn)
{
    bool made;
    builder b = {.study = experiment, .plan = p, .store = s};
    err error = figure_samples(&b, o->samples, o->samples_table, &made);
    builder_close(&b);
    TRY(error);
    if (made) text_printf(paths, "  %s  per class a row of real and a row of synthetic images\n", o->samples);
    error = figure_gain(o->folder, &made);
    *drawn = error == OK;
    if (error == ERR_UNAVAILABLE) {
        (void)fprintf(stderr, "bench: %s\n", err_message());
        return OK;
    }
    if (error == OK && made) text_printf(paths, "  %s  the gains with their intervals\n", o->figure);
    return error;
}

/* `parts`: the gains of subgroups, none without experiment.subgroups. */
static err print_report(const study *experiment, const results *r, const gains *g, const gains *parts,
                        const outputs *o, const text *figures)
{
    text t = {0};
    err error = report_results(experiment, r, &t);
    text_printf(&t, "\n");
    if (error == OK) error = report_gains(experiment, g, &t);
    if (error == OK) error = report_subgroups(experiment, parts, &t);
    text_printf(
        &t,
        "\nFiles\n  %s  every trial\n  %s  its scores label by label\n  %s  every contrast and metric\n"
        "  %s  the same label by label\n",
        o->results, o->label_scores, o->gains, o->label_gains);
    if (experiment->s.subgroups.n > 0)
        text_printf(&t, "  %s  the same subgroup by subgroup\n", o->subgroup_gains);
    text_printf(&t, "%s", figures->data ? figures->data : "");
    text_printf(&t, "  %s  this text\n", o->summary);
    if (error == OK) error = text_save(&t, o->summary);
    if (error == OK) error = text_print(&t);
    text_close(&t);
    return error;
}

static err print_summary(const char *path)
{
    enum { LIMIT = 1 << 28 };
    char *bytes;
    size_t n;
    TRY(file_read(path, LIMIT, &bytes, &n));
    text t = {0};
    text_bytes(&t, bytes, n);
    free(bytes);
    return text_print(&t);
}

static err check_failures(const results *r)
{
    int failed = 0;
    for (int i = 0; i < r->n; i++) failed += !r->rows[i].done;
    if (failed == 0) return OK;
    return err_set(ERR_DIVERGED, "%d of %d trials failed; the table and results.csv name them", failed, r->n);
}

static err compare_labels(const study *experiment, const results *r, const outputs *o)
{
    gains g;
    TRY(label_gains_open(experiment, o->label_scores, &g));
    gains_allow(&g, r);
    err error = label_gains_write(experiment->s.name, &g, o->label_gains);
    gains_close(&g);
    return error;
}

static err compare_subgroups(const study *experiment, const plan *p, const store *s, const results *r,
                             const outputs *o, gains *g)
{
    TRY(subgroup_scores_collect(experiment, p, s, o->subgroup_scores));
    if (experiment->s.subgroups.n == 0) return folder_remove(o->subgroup_gains); /* of an earlier run */
    TRY(subgroup_gains_open(experiment, o->subgroup_scores, g));
    gains_allow(g, r);
    return subgroup_gains_write(experiment->s.name, g, o->subgroup_gains);
}

/* Tables and figures; the gains are computed from results.csv as it was written, so that both always agree.
 * *whole is true if a repetition could make no more of it.
 */
static err tabulate(const study *experiment, const plan *p, const store *s, const unsigned *found,
                    const outputs *o, bool *whole)
{
    results r = {0};
    gains g = {0}, parts = {0};
    text figures = {0};
    err error = results_collect(experiment, p, s, &r);
    if (error == OK) results_allow(&r, p, found);
    if (error == OK) error = results_write(&r, o->results);
    results_close(&r);
    if (error == OK) error = label_scores_collect(experiment, p, s, o->label_scores);
    if (error == OK) error = results_read(o->results, experiment->task, &r);
    if (error == OK) error = gains_open(experiment, &r, &g);
    if (error == OK) error = gains_write(experiment->s.name, &g, o->gains);
    if (error == OK) error = compare_labels(experiment, &r, o);
    if (error == OK) error = compare_subgroups(experiment, p, s, &r, o, &parts);
    if (error == OK) error = losses_collect(p, s, o->losses);
    if (error == OK) error = draw_figures(experiment, p, s, o, &figures, whole);
    if (error == OK) error = print_report(experiment, &r, &g, &parts, o, &figures);
    if (error == OK) error = guard_selection_note(experiment, p, o->folder);
    if (error == OK) error = check_failures(&r);
    text_close(&figures);
    gains_close(&parts);
    gains_close(&g);
    results_close(&r);
    return error;
}

/* A sweep that is there already is not computed again; see bench/conclusion.h. */
static err conclude(const study *experiment, const plan *p, const store *s, const unsigned *found,
                    const outputs *o)
{
    hash made_of;
    bool same, whole = false;
    TRY(conclusion_hash(experiment, p, s, found, &made_of));
    TRY(conclusion_check(o->folder, &made_of, &same));
    if (same) {
        TRY(print_summary(o->summary));
        return guard_selection_note(experiment, p, o->folder);
    }
    TRY(tabulate(experiment, p, s, found, o, &whole));
    return whole ? conclusion_note(o->folder, &made_of) : OK;
}

/* What follows when all is made, or a guard stopped it (`made`). Runs that share a folder do it one after the
 * other: they write the same files, and gnuplot not at once. */
static err finish(const study *experiment, const plan *p, const store *s, const outputs *o, err made,
                  int left, bool changed, unsigned *found)
{
    TRY(guards_collect(experiment, p, s, o->folder, found));
    TRY(made);
    if (left > 0)
        return err_set(
            ERR_UNAVAILABLE,
            "%d of %d artifacts were not made: `bench status %s` tells why; the command that submitted "
            "them submits them again",
            left, p->n, o->folder);
    for (int i = 0; i < p->n && changed; i++) found[i] |= 1U << GUARD_selection;
    return conclude(experiment, p, s, found, o);
}

/* Makes what is missing, and then what follows. found[i] gets what guards found of artifact i, as a set of
 * bits, also where one of them stopped the run. */
static err run_plan(const study *experiment, const plan *p, const store *s, const outputs *o, maker by,
                    unsigned *found)
{
    bool changed;
    int left;
    TRY(guard_selection_check(experiment, p, o->folder, &changed));
    err error = make_all(experiment, p, s, o, by, &left);
    if (error != OK && error != ERR_GUARD) return error;
    if (error == OK && left > 0 && by == MAKER_SLURM) return OK; /* they come later */
    hash turn = hash_bytes("conclusion", strlen("conclusion"));
    TRY(store_wait(s, &turn));
    error = finish(experiment, p, s, o, error, left, changed, found);
    store_unlock(s, &turn);
    return error;
}

static err run_by(const study *experiment, const plan *p, const store *s, const outputs *o, maker by)
{
    unsigned *found = calloc((size_t)p->n, sizeof *found);
    if (!found) return err_set(ERR_SYSTEM, "out of memory for %d artifacts", p->n);
    err error = run_plan(experiment, p, s, o, by, found);
    free(found);
    return error;
}

err run_collect(const study *experiment, const plan *p, const store *s)
{
    outputs o;
    TRY(name_outputs(&experiment->s, &o));
    return run_by(experiment, p, s, &o, MAKER_NONE);
}

err run_main(int argc, char **argv)
{
    static settings s; /* large, and one a process */
    static study experiment;
    bool help;
    outputs o;
    store artifacts;
    plan p = {0};
    TRY(run_arguments("run", argc, argv, &s, &help));
    if (help) return print_help();
    TRY(study_open(&s, &experiment));
    TRY(name_outputs(&s, &o));
    interrupt_catch();
    privacy_watch_study(&experiment);
    TRY(run_plan_open(&experiment, &p));
    err error = folder_make(o.folder);
    if (error == OK) error = private_mark(o.folder);
    if (error == OK) error = store_open(o.folder, &artifacts);
    if (error == OK) {
        error = settings_save(&s, o.settings);
        if (error == OK)
            error = run_by(&experiment, &p, &artifacts, &o, by_slurm(&s) ? MAKER_SLURM : MAKER_WORKERS);
        store_close(&artifacts);
    }
    plan_close(&p);
    return error;
}
