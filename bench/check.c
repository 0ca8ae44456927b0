/* `bench check`. */
#include "bench/commands.h"
#include "bench/comparison.h"
#include "bench/finished.h"
#include "bench/flags.h"

#include <stdio.h>

typedef struct request {
    const char *results, *experiment, *baseline, *junit;
    bool update;
} request;

static err print_help(const flag *flags, int n)
{
    text t = {0};
    text_printf(
        &t,
        "usage: bench check RESULTS [flags]\n\n"
        "Compares a finished run with a baseline: the mean of each arm, and the gain of each contrast, in\n"
        "every score that has a tolerance in the experiment file's section [gate]. RESULTS is the folder\n"
        "of a run, or a results.csv with settings.ini beside it. docs/statistics.md has an example for "
        "CI.\n\n"
        "Exit status: 0 all is within its tolerance, or better; 1 something regressed; 2 nothing did, but\n"
        "something cannot be compared: too few seeds, other data, or nothing in the baseline. Any other\n"
        "status is an error, as of all commands (`bench help`).\n\n");
    flags_help(flags, n, &t);
    return text_print(&t);
}

static err write_junit(const comparison *c, const char *path)
{
    text t = {0};
    err error = comparison_junit(c, &t);
    if (error == OK) error = text_save(&t, path);
    text_close(&t);
    return error;
}

static err verdict_of(const comparison *c, const char *path)
{
    if (c->counts[CHECK_REGRESSED])
        return err_set(ERR_REGRESSED, "%d of %d values regressed against %s", c->counts[CHECK_REGRESSED],
                       c->n, path);
    if (c->n == 0) return err_set(ERR_CANNOT_TELL, "%s has no value that [gate] has a tolerance for", path);
    if (c->counts[CHECK_CANNOT_TELL])
        return err_set(ERR_CANNOT_TELL, "%d of %d values cannot be compared with %s",
                       c->counts[CHECK_CANNOT_TELL], c->n, path);
    return OK;
}

static err compare(const request *q, const study *experiment, const results *r, const baseline *now,
                   const char *path)
{
    baseline was;
    comparison c = {0};
    text t = {0};
    err found = baseline_read(path, &was);
    if (found == ERR_NO_INPUT) return err_context(found, "no baseline; bench check --update writes one");
    TRY(found);
    err error = comparison_open(experiment, r, &was, now, &c);
    baseline_close(&was);
    if (error == OK) error = comparison_print(&c, &t);
    if (error == OK) error = text_print(&t);
    if (error == OK && q->junit) error = write_junit(&c, q->junit);
    if (error == OK) error = verdict_of(&c, path);
    comparison_close(&c);
    return error;
}

static err update(const baseline *now, const char *path)
{
    text t = {0};
    TRY(baseline_write(now, path));
    text_printf(&t, "%s: %d values\n", path, now->n);
    return text_print(&t);
}

static err check(const request *q, const study *experiment, const results *r)
{
    char path[PATH_BYTES];
    baseline now;
    TRY(path_join(path, "results", "%s/baseline.csv", experiment->s.name));
    const char *chosen = q->baseline ? q->baseline : path;
    TRY(baseline_of_results(experiment, r, &now));
    err error = q->update ? update(&now, chosen) : compare(q, experiment, r, &now, chosen);
    baseline_close(&now);
    return error;
}

err check_main(int argc, char **argv)
{
    static study experiment;
    request q = {0};
    int count;
    bool help;
    const flag flags[] = {
        {"--baseline", "FILE", FLAG_TEXT, &q.baseline, 0, 0,
         "compare with this one (results/NAME/baseline.csv)"},
        {"--update", NULL, FLAG_SWITCH, &q.update, 0, 0, "write the baseline instead, from these results"},
        {"--junit", "FILE", FLAG_TEXT, &q.junit, 0, 0,
         "also write what CI servers read: a test case a value"},
        {"--experiment", "FILE", FLAG_TEXT, &q.experiment, 0, 0,
         "take [gate], arms and seeds from this experiment file, not from the run's settings.ini"},
    };
    enum { FLAGS = sizeof flags / sizeof flags[0] };
    TRY(flags_read("check", argc, argv, flags, FLAGS, &q.results, 1, &count, &help));
    if (help) return print_help(flags, FLAGS);
    if (count < 1) return err_set(ERR_USAGE, "bench check RESULTS; see `bench check --help`");
    if (q.update && q.junit)
        return err_set(ERR_USAGE, "--junit: --update compares nothing; see `bench check --help`");
    results r;
    TRY(finished_open(q.results, q.experiment, &experiment, &r));
    err error = check(&q, &experiment, &r);
    results_close(&r);
    return error;
}
