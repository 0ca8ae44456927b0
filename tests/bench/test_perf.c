/* `bench perf` from outside. How fast anything is, is not tested. */
#include "helpers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[PATH_BYTES];

static void setup(void)
{
    make_folder(folder);
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(perf, .init = setup, .fini = teardown);

enum { ARGUMENTS = 10, COLUMNS = 20 };

Test(perf, mistakes_give_one_line_and_their_status)
{
    static const struct {
        const char *arguments[ARGUMENTS];
        int status;
        const char *line; /* all of stderr */
    } cases[] = {
        {{"perf", "emixer-65"},
         64,
         "bench: emixer-65: there is no such workload; `bench perf --help` lists them\n"},
        {{"perf", "--fast"}, 64, "bench: --fast: there is no such flag; see `bench perf --help`\n"},
        {{"perf", "--seconds"}, 64, "bench: --seconds needs a value; see `bench perf --help`\n"},
        {{"perf", "--csv", ""}, 64, "bench: --csv needs a value; see `bench perf --help`\n"},
        {{"perf", "--folder="}, 64, "bench: --folder needs a value; see `bench perf --help`\n"},
        {{"perf", "--seconds", "1s"}, 64, "bench: --seconds 1s: must be a number, 0.001 to 3600\n"},
        {{"perf", "--seconds", "0"}, 64, "bench: --seconds 0: must be a number, 0.001 to 3600\n"},
        {{"perf", "--seconds", "nan"}, 64, "bench: --seconds nan: must be a number, 0.001 to 3600\n"},
        {{"perf", "--precision", "fp16"}, 64, "bench: precision fp16: must be fp32, tf32 or bf16\n"},
        {{"perf", "--once"}, 64, "bench: --once wants one workload\n"},
        {{"perf", "start", "phantom-128", "--once"}, 64, "bench: --once wants one workload\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_refused(folder, cases[i].arguments, cases[i].status, cases[i].line);
}

Test(perf, an_unknown_device_is_refused)
{
    static const char *const arguments[] = {"perf", "phantom-128", "--device", "abacus", NULL};
    outcome o = run_bench(folder, arguments);
    cr_expect_eq(o.status, 64, "%s", o.err);
    cr_expect_not_null(strstr(o.err, "device abacus"), "%s", o.err);
    outcome_close(&o);
}

Test(perf, help_lists_flags_and_workloads)
{
    static const char *const arguments[] = {"perf", "--help", NULL};
    static const char *const says[] = {"--seconds S", "--device ",  "--precision P",  "--csv FILE",
                                       "--profile",   "\n  start ", "\n  emixer-64 ", "\n  loading-64 "};
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    for (size_t i = 0; i < sizeof says / sizeof says[0]; i++)
        cr_expect_not_null(strstr(o.out, says[i]), "no %s in\n%s", says[i], o.out);
    outcome_close(&o);
}

/* The cells of line `index` of a CSV without quotes; cells point into `csv`, which is changed. */
static int cells_of(char *csv, int index, char *cells[COLUMNS])
{
    int n = 0;
    char *line = csv;
    while (index-- > 0) line = strchr(line, '\n') + 1;
    line[strcspn(line, "\n")] = '\0';
    for (char *at = line; at && n < COLUMNS; n++) {
        cells[n] = at;
        at = strchr(at, ',');
        if (at) *at++ = '\0';
    }
    return n;
}

static int column_of(const char *name)
{
    static const char *const names[COLUMNS] = {
        "workload",    "device",      "precision",        "status",       "median_ms",
        "mean_ms",     "least_ms",    "most_ms",          "steps",        "samples",
        "gflop",       "gflop_per_s", "peak_gflop_per_s", "bare_ms",      "parameters",
        "arena_bytes", "idle_bytes",  "peak_bytes",       "others_share", "core_core_ns"};
    for (int i = 0; i < COLUMNS; i++)
        if (strcmp(names[i], name) == 0) return i;
    cr_assert_fail("no column %s", name);
    return -1;
}

static double number_of(char *cells[COLUMNS], const char *name)
{
    return strtod(cells[column_of(name)], NULL);
}

static outcome run_row(const char *const *arguments, char **csv, char *cells[COLUMNS])
{
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    *csv = read_text(folder, "perf.csv");
    char *head = strdup(*csv), *names[COLUMNS];
    cr_assert_eq(cells_of(head, 0, names), COLUMNS, "%s", *csv);
    for (int i = 0; i < COLUMNS; i++) cr_expect_eq(column_of(names[i]), i, "%s", names[i]);
    free(head);
    cr_assert_eq(cells_of(*csv, 1, cells), COLUMNS);
    return o;
}

Test(perf, csv_holds_every_figure_of_a_training_step)
{
    static const char *const arguments[] = {"perf",  "emixer-32", "--seconds", "0.01",
                                            "--csv", "perf.csv",  NULL};
    char *csv, *cells[COLUMNS];
    outcome o = run_row(arguments, &csv, cells);
    cr_expect_str_eq(cells[0], "emixer-32");
    cr_expect_str_eq(cells[1], "cpu");
    cr_expect_str_eq(cells[2], "fp32");
    cr_expect_str_eq(cells[3], "measured");
    for (int i = 4; i < COLUMNS - 2; i++) cr_expect_gt(strtod(cells[i], NULL), 0, "column %d", i + 1);
    cr_expect_leq(number_of(cells, "others_share"), 1.01);
    cr_expect_leq(number_of(cells, "least_ms"), number_of(cells, "median_ms"));
    cr_expect_leq(number_of(cells, "median_ms"), number_of(cells, "most_ms"));
    cr_expect_geq(number_of(cells, "steps"), 3);
    cr_expect_eq(number_of(cells, "samples"), 16);
    cr_expect_gt(number_of(cells, "peak_bytes"), number_of(cells, "arena_bytes"));
    cr_expect_not_null(strstr(o.out, "emixer-32 "));
    free(csv);
    outcome_close(&o);
}

Test(perf, two_threads_have_a_way_between_their_cores_and_one_has_none)
{
    static const char *const arguments[] = {"perf", "emixer-32", "--plain",  "--seconds",
                                            "0.01", "--csv",     "perf.csv", NULL};
    for (int threads = 1; threads <= 2; threads++) {
        char *csv, *cells[COLUMNS];
        cr_assert_eq(setenv("OMP_NUM_THREADS", threads == 1 ? "1" : "2", 1), 0);
        outcome o = run_row(arguments, &csv, cells);
        double ns = number_of(cells, "core_core_ns");
        cr_expect(threads == 1 ? ns == 0 : ns > 1 && ns < 1e9, "%d threads: %g ns", threads, ns);
        free(csv);
        outcome_close(&o);
    }
}

/* All that a step does is done by operators, but for the optimizer and the reading of the loss. */
Test(perf, shares_of_a_profile_sum_to_the_step)
{
    static const struct {
        const char *workload;
        int operators;
    } cases[] = {{"emixer-32", 17},
                 {"densenet_small-32", 7},
                 {"densenet_small-64-infer", 5},
                 {"cnn_lstm-64", 11},
                 {"transformer-64", 12}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *arguments[] = {"perf", cases[i].workload, "--plain", "--profile", "--seconds", "0.05",
                                   NULL};
        outcome o = run_bench(folder, arguments);
        cr_assert_eq(o.status, 0, "%s", o.err);
        const char *line = strstr(o.out, "ms per step by operator");
        cr_assert_not_null(line, "%s", o.out);
        double operators = 0, outside = -1;
        int n = 0;
        while ((line = strchr(line, '\n')) && *++line) {
            const char *percent = strchr(line, '%');
            cr_assert_not_null(percent, "%s", line);
            while (percent[-1] != ' ') percent--;
            bool rest = strncmp(line, "  outside", 9) == 0;
            if (rest)
                outside = strtod(percent, NULL);
            else
                operators += strtod(percent, NULL);
            n += !rest;
        }
        cr_expect_geq(n, cases[i].operators, "%s", o.out);
        cr_expect_gt(operators, 50, "%s", o.out);
        cr_expect_geq(outside, 0, "the operators take longer than the step: %s", o.out);
        cr_expect_float_eq(operators + outside, 100, 0.05 * (n + 1), "%s", o.out); /* of rounding */
        outcome_close(&o);
    }
}

Test(perf, data_workloads_keep_their_files_where_they_are_told)
{
    static const char *const arguments[] = {"perf", "import-128", "loading-64", "--seconds",
                                            "0.01", "--folder",   "data",       NULL};
    static const char *const files[] = {"data/packed-64/samples.csv", "data/png/1/063.png"};
    char path[PATH_BYTES];
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        cr_assert_eq(path_join(path, folder, "%s", files[i]), OK);
        cr_expect(path_exists(path), "%s", path);
    }
    outcome_close(&o);
}

Test(perf, a_precision_that_a_device_lacks_is_not_available)
{
    static const char *const arguments[] = {"perf", "emixer-32", "--device", "ref", "--precision",
                                            "bf16", "--csv",     "perf.csv", NULL};
    char *csv, *cells[COLUMNS];
    outcome o = run_row(arguments, &csv, cells);
    cr_expect_str_eq(cells[3], "not available");
    for (int i = 4; i < COLUMNS; i++) cr_expect_eq(strtod(cells[i], NULL), 0, "column %d", i + 1);
    cr_expect_not_null(strstr(o.out, "not available"), "%s", o.out);
    free(csv);
    outcome_close(&o);
}

Test(perf, once_makes_a_step_and_ends)
{
    static const char *const arguments[] = {"perf", "emixer-32", "--once", NULL};
    outcome o = run_bench(folder, arguments);
    cr_expect_eq(o.status, 0, "%s", o.err);
    cr_expect_str_eq(o.out, "done\n");
    cr_expect_str_eq(o.err, "");
    outcome_close(&o);
}

Test(perf, start_starts_the_program_anew)
{
    static const char *const arguments[] = {"perf", "start", "--seconds", "0.01", "--csv", "perf.csv", NULL};
    char *csv, *cells[COLUMNS];
    outcome o = run_row(arguments, &csv, cells);
    cr_expect_str_eq(cells[3], "measured");
    cr_expect_gt(number_of(cells, "median_ms"), 0);
    cr_expect_str_eq(cells[column_of("peak_bytes")], "0");
    free(csv);
    outcome_close(&o);
}
