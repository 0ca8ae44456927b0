/* `bench perf`: how fast the named workloads run, and how near that is to what the machine can do. */
#include "bench/perf.h"

#include "base/files.h"
#include "bench/commands.h"
#include "bench/device.h"

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

static err print_help(void)
{
    (void)printf(
        "usage: bench perf [WORKLOAD ...] [flags]\n\n"
        "Times each workload in a process of its own and prints, per step: the median and the range of the\n"
        "time; samples per second; the work of convolutions and matrix products, and its rate; the rate of\n"
        "the fastest convolution that oneDNN does on this machine right after (peak), and the share of it;\n"
        "the time that oneDNN alone needs for the step's convolutions (bare); and the most memory that was\n"
        "resident, above the idle process and in all.\n\n"
        "  --seconds S      for about how long each is timed (5)\n"
        "  --device D       cpu, cuda[:N] or ref (cpu)\n"
        "  --precision P    fp32, tf32 or bf16 (fp32)\n"
        "  --profile        adds the time per operator\n"
        "  --plain          leaves out peak and bare, which take some seconds\n"
        "  --csv FILE       writes the figures to FILE, too\n"
        "  --folder DIR     keeps the files that the data workloads read there\n"
        "  --once           makes one step of one workload, prints `done` and ends: what `start` times\n\n"
        "workloads:\n");
    for (int i = 0; i < workload_count; i++)
        (void)printf("  %-24s %s\n", workloads[i].name, workloads[i].help);
    return OK;
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

static err read_seconds(const char *value, double *out)
{
    char *end;
    *out = strtod(value, &end);
    if (end == value || *end || !(*out > 0 && *out <= 3600))
        return err_set(ERR_USAGE, "--seconds wants a number above 0 and up to 3600, not \"%.40s\"", value);
    return OK;
}

static err read_flag(perf_arguments *a, const char *flag, const char *value, bool *took_value)
{
    const struct {
        const char *name;
        bool *truth;
        const char **text;
    } flags[] = {
        {"--help", &a->help, NULL},
        {"-h", &a->help, NULL},
        {"--profile", &a->setting.profile, NULL},
        {"--plain", &a->plain, NULL},
        {"--once", &a->setting.once, NULL},
        {"--device", NULL, &a->setting.device_name},
        {"--precision", NULL, &a->setting.precision_name},
        {"--csv", NULL, &a->csv},
        {"--folder", NULL, &a->setting.folder},
        {"--seconds", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(flag, flags[i].name) != 0) continue;
        if (flags[i].truth) {
            *flags[i].truth = true;
            return OK;
        }
        if (!value || !*value) return err_set(ERR_USAGE, "%s needs a value; see `bench perf --help`", flag);
        *took_value = true;
        if (!flags[i].text) return read_seconds(value, &a->setting.seconds);
        *flags[i].text = value;
        return OK;
    }
    return err_set(ERR_USAGE, "%.60s: there is no such flag; see `bench perf --help`", flag);
}

static err read_arguments(int argc, char **argv, perf_arguments *a)
{
    *a = (perf_arguments){.setting = {.seconds = 5, .device_name = "cpu", .precision_name = "fp32"}};
    for (int i = 0; i < argc; i++) {
        bool took_value = false;
        if (argv[i][0] != '-')
            TRY(choose(a, argv[i]));
        else
            TRY(read_flag(a, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &took_value));
        i += took_value;
    }
    if (a->setting.once && a->n_chosen != 1 && !a->help)
        return err_set(ERR_USAGE, "--once wants one workload");
    return device_named(a->setting.device_name, a->setting.precision_name, &a->setting.device);
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

static err print(text *out)
{
    TRY(text_check(out));
    if (fputs(out->data ? out->data : "", stdout) == EOF || fflush(stdout) == EOF)
        return err_set_errno(ERR_IO, "standard output: writing failed");
    return OK;
}

static err report(const perf_arguments *a, const perf_row *rows, int n)
{
    text table = {0}, csv = {0};
    err error = perf_table(rows, n, &table);
    for (int i = 0; a->setting.profile && i < n; i++) perf_profile(&rows[i], &table);
    if (error == OK) error = print(&table);
    perf_csv(rows, n, &a->setting, &csv);
    if (error == OK && a->csv) error = text_save(&csv, a->csv);
    text_close(&table);
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
    return a.help ? print_help() : with_folder(&a);
}
