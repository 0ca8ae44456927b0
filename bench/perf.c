/* `bench perf`: how fast the named workloads run, and how near that is to what the machine can do. */
#include "bench/perf.h"

#include "base/files.h"
#include "bench/commands.h"
#include "bench/device.h"
#include "bench/flags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct perf_arguments {
    perf_setting setting;
    bool help, plain;
    const char *csv;
    bool chosen[WORKLOADS_MAX]; /* by workload; none chosen means all */
    int n_chosen;
} perf_arguments;

static err print_help(const flag *flags, int n)
{
    text t = {0};
    text_printf(
        &t,
        "usage: bench perf [WORKLOAD ...] [flags]\n\n"
        "Times each workload in a process of its own and prints, per step: the median and the range of the\n"
        "time; samples per second; the work of convolutions and matrix products, and its rate; the rate of\n"
        "the fastest convolution that oneDNN does on this machine right after (peak), and the share of it;\n"
        "the time that oneDNN alone needs for the step's convolutions (bare); the most memory that was\n"
        "resident, above the idle process and in all; and how long a word takes from one core to another\n"
        "and back: hundreds of nanoseconds where they do not share a cache (docs/scaling.md).\n\n");
    flags_help(flags, n, &t);
    text_printf(&t, "\nworkloads:\n");
    for (int i = 0; i < workload_count; i++)
        text_printf(&t, "  %-24s %s\n", workloads[i].name, workloads[i].help);
    return text_print(&t);
}

/* ---- arguments ---- */

static err choose(perf_arguments *a, const char *name)
{
    for (int i = 0; i < workload_count; i++) {
        if (strcmp(workloads[i].name, name) != 0) continue;
        a->n_chosen += !a->chosen[i];
        a->chosen[i] = true;
        return OK;
    }
    return err_set(ERR_USAGE, "%.60s: there is no such workload; `bench perf --help` lists them", name);
}

static err read_arguments(int argc, char **argv, perf_arguments *a)
{
    enum { MOST_WORDS = 1000 }; /* a workload may be named more than once */
    const char *words[MOST_WORDS];
    int count;
    *a = (perf_arguments){.setting = {.seconds = 5, .device_name = "cpu", .precision_name = "fp32"}};
    perf_setting *s = &a->setting;
    const flag flags[] = {
        {"--seconds", "S", FLAG_REAL, &s->seconds, 0.001, 3600, "for about how long each is timed (5)"},
        {"--device", "D", FLAG_NAME, &s->device_name, 0, 0, "cpu[:N], cuda[:N], cuda:all or ref (cpu)"},
        {"--precision", "P", FLAG_NAME, &s->precision_name, 0, 0, "fp32, tf32 or bf16 (fp32)"},
        {"--profile", NULL, FLAG_SWITCH, &s->profile, 0, 0, "adds the time per operator"},
        {"--plain", NULL, FLAG_SWITCH, &a->plain, 0, 0, "leaves out peak and bare, which take some seconds"},
        {"--csv", "FILE", FLAG_NAME, &a->csv, 0, 0, "writes the figures to FILE, too"},
        {"--folder", "DIR", FLAG_NAME, &s->folder, 0, 0,
         "keeps the files that the data workloads read there"},
        {"--once", NULL, FLAG_SWITCH, &s->once, 0, 0,
         "makes one step of one workload, prints `done` and ends: what `start` times"}};
    const int n = sizeof flags / sizeof flags[0];
    TRY(flags_read("perf", argc, argv, flags, n, words, MOST_WORDS, &count, &a->help));
    if (a->help) return print_help(flags, n);
    for (int i = 0; i < count; i++) TRY(choose(a, words[i]));
    if (s->once && a->n_chosen != 1) return err_set(ERR_USAGE, "--once wants one workload");
    return device_named(s->device_name, s->precision_name, &s->device);
}

/* ---- measuring ---- */

static err measure_all(const perf_arguments *a, perf_row *rows, int *n)
{
    for (int i = 0; i < workload_count; i++) {
        if (a->n_chosen > 0 && !a->chosen[i]) continue;
        (void)fprintf(stderr, "perf: %s ...\n", workloads[i].name);
        TRY(perf_measure(&workloads[i], &a->setting, a->plain, &rows[*n]));
        ++*n;
    }
    return OK;
}

static err report(const perf_arguments *a, const perf_row *rows, int n)
{
    text table = {0}, csv = {0};
    err error = perf_table(rows, n, &table);
    for (int i = 0; a->setting.profile && i < n; i++) perf_profile(&rows[i], &table);
    if (error == OK)
        error = text_print(&table);
    else
        text_close(&table);
    perf_csv(rows, n, &a->setting, &csv);
    if (error == OK && a->csv) error = text_save(&csv, a->csv);
    text_close(&csv);
    return error;
}

static err measure_and_report(const perf_arguments *a)
{
    int n = 0;
    perf_row *rows = calloc((size_t)workload_count, sizeof *rows);
    err error = rows ? measure_all(a, rows, &n) : err_set(ERR_SYSTEM, "out of memory");
    if (error == OK) error = report(a, rows, n);
    free(rows);
    return error;
}

/* The one chosen workload, in this process. */
static err step_once(const perf_arguments *a)
{
    measurement *m = calloc(1, sizeof *m);
    err error = m ? OK : err_set(ERR_SYSTEM, "out of memory");
    for (int i = 0; error == OK && i < workload_count; i++) {
        const workload *w = &workloads[i];
        if (!a->chosen[i]) continue;
        if (w->prepare) error = w->prepare(w, &a->setting);
        if (error == OK) error = w->measure(w, &a->setting, m);
    }
    free(m);
    return error;
}

/* Without --folder the files lie in a temporary folder, and go. */
static err with_folder(perf_arguments *a)
{
    char path[PATH_BYTES];
    const char *temporary = getenv("TMPDIR");
    if (a->setting.folder) {
        TRY(folder_make(a->setting.folder));
        return a->setting.once ? step_once(a) : measure_and_report(a);
    }
    TRY(path_join(path, temporary && *temporary ? temporary : "/tmp", "bench-perf-XXXXXX"));
    if (!mkdtemp(path)) return err_set_errno(ERR_CANNOT_CREATE, "%s: no temporary folder", path);
    a->setting.folder = path;
    err error = a->setting.once ? step_once(a) : measure_and_report(a);
    (void)folder_remove(path);
    a->setting.folder = NULL;
    return error;
}

err perf_main(int argc, char **argv)
{
    perf_arguments a;
    TRY(read_arguments(argc, argv, &a));
    return a.help ? OK : with_folder(&a);
}
