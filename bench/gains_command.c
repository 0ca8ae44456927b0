/* `bench gains`. */
#include "bench/commands.h"
#include "bench/finished.h"
#include "bench/flags.h"
#include "bench/label_gains.h"
#include "bench/report.h"
#include "bench/subgroup_scores.h"

static err print_help(const flag *flags, int n)
{
    text t = {0};
    text_printf(
        &t,
        "usage: bench gains RESULTS [flags]\n\n"
        "Computes the gains and verdicts of a finished run again and prints them. RESULTS is the folder\n"
        "of a run, or any results.csv: without settings.ini beside it, arms, ratios, seeds and so on are\n"
        "those of its rows. Subgroups are those of experiment.subgroups. docs/statistics.md says what the "
        "numbers mean.\n\n");
    flags_help(flags, n, &t);
    return text_print(&t);
}

static err choose_metric(const char *name, study *experiment)
{
    int metric = score_find(name);
    if (metric < 0 || !score_belongs(metric, experiment->task))
        return err_set(ERR_USAGE, "--metric %.60s: experiment.task = %s has no such score", name,
                       task_infos[experiment->task].name);
    experiment->metric = metric;
    return OK;
}

/* Of the folder of a run that compared subgroups. */
static err add_subgroups(const study *experiment, const results *r, const char *folder, text *out)
{
    char path[PATH_BYTES];
    gains g;
    TRY(path_join(path, folder, SUBGROUP_SCORES_FILE));
    if (experiment->s.subgroups.n == 0 || !path_exists(path)) return OK;
    TRY(subgroup_gains_open(experiment, path, &g));
    gains_allow(&g, r);
    err error = report_subgroups(experiment, &g, out);
    gains_close(&g);
    return error;
}

static err show(const study *experiment, const results *r, const char *path, const char *out)
{
    gains g;
    text t = {0};
    TRY(gains_open(experiment, r, &g));
    err error = out ? gains_write(experiment->s.name, &g, out) : OK;
    if (error == OK) error = report_gains(experiment, &g, &t);
    if (error == OK) error = add_subgroups(experiment, r, path, &t);
    gains_close(&g);
    if (error == OK) return text_print(&t);
    text_close(&t);
    return error;
}

err gains_main(int argc, char **argv)
{
    static study experiment;
    const char *path, *file = NULL, *metric = NULL, *out = NULL;
    int count;
    bool help;
    const flag flags[] = {
        {"--experiment", "FILE", FLAG_TEXT, &file, 0, 0,
         "take arms, seeds and contrasts from this experiment file"},
        {"--metric", "NAME", FLAG_TEXT, &metric, 0, 0, "the score of the table (experiment.metric)"},
        {"--out", "FILE", FLAG_TEXT, &out, 0, 0,
         "also write every contrast and metric, as gains.csv has them"},
    };
    enum { FLAGS = sizeof flags / sizeof flags[0] };
    TRY(flags_read("gains", argc, argv, flags, FLAGS, &path, 1, &count, &help));
    if (help) return print_help(flags, FLAGS);
    if (count < 1) return err_set(ERR_USAGE, "bench gains RESULTS; see `bench gains --help`");
    results r;
    TRY(finished_open(path, file, &experiment, &r));
    err error = metric ? choose_metric(metric, &experiment) : OK;
    if (error == OK) error = show(&experiment, &r, path, out);
    results_close(&r);
    return error;
}
