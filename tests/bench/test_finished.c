/* Finished runs, and gains computed again from their results. */
#include "bench/finished.h"
#include "bench/gains.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[PATH_BYTES], path[PATH_BYTES];
static study experiment;

static void setup(void)
{
    make_folder(folder);
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(finished, .init = setup, .fini = teardown);

static const char covid3[] = PROJECT_ROOT "/results/covid3_results.csv";

Test(finished, a_study_is_read_out_of_the_rows)
{
    results r;
    cr_assert_eq(finished_open(covid3, NULL, &experiment, &r), OK, "%s", err_message());
    cr_expect_str_eq(experiment.s.name, "covid3_fewshot");
    cr_expect_eq(experiment.n_arms, 5);
    cr_expect_str_eq(experiment.arms[2].name, "real+emixer");
    cr_expect_eq(experiment.n_contrasts, 5);
    cr_expect_eq(experiment.s.seeds.n, 10);
    cr_expect_eq(experiment.s.seeds.values[9], 19);
    cr_expect(experiment.s.ratios.n == 1 && experiment.s.ratios.values[0] == 0.5);
    cr_expect(experiment.s.shots.n == 1 && experiment.s.shots.values[0] == 10);
    results_close(&r);
}

/* The reference results are what the program makes of their trials. */
Test(finished, the_gains_that_are_kept_are_those_of_the_results_that_are_kept)
{
    static const struct {
        const char *trials, *gains, *heading, *verdict;
    } studies[] = {{covid3, "covid3_gains.csv", "Gains in balanced_accuracy", "no gain shown (5 of 5)"},
                   {PROJECT_ROOT "/results/covid3_long_results.csv", "covid3_long_gains.csv",
                    "Gains in balanced_accuracy", "gain (1 of 1)"},
                   {PROJECT_ROOT "/results/classification_long_results.csv", "classification_long_gains.csv",
                    "Gains in macro_auroc", "gain (1 of 1)"}};
    for (size_t i = 0; i < sizeof studies / sizeof studies[0]; i++) {
        const char *arguments[] = {"gains", studies[i].trials, "--out", "gains.csv", NULL};
        outcome o = run_bench(folder, arguments);
        cr_assert_eq(o.status, 0, "%s", o.err);
        cr_expect_not_null(strstr(o.out, studies[i].heading), "%s", o.out);
        cr_expect_not_null(strstr(o.out, studies[i].verdict), "%s", o.out);
        outcome_close(&o);
        char *made = read_text(folder, "gains.csv"),
             *kept = read_text(PROJECT_ROOT "/results", studies[i].gains);
        cr_expect_str_eq(made, kept);
        free(made);
        free(kept);
    }
}

Test(finished, settings_beside_the_results_say_what_is_compared)
{
    char *content = read_text(PROJECT_ROOT "/results", "covid3_results.csv");
    results r;
    write_text(folder, "results.csv", content, path);
    free(content);
    write_text(folder, "settings.ini",
               "[experiment]\nname = mine\nseeds = 10, 11\narms = real, emixer\nmetric = brier\n", path);
    cr_assert_eq(finished_open(folder, NULL, &experiment, &r), OK, "%s", err_message());
    cr_expect_str_eq(experiment.s.name, "mine");
    cr_expect_eq(experiment.n_contrasts, 1);
    results_close(&r);
    cr_assert_eq(path_join(path, folder, "results.csv"), OK);
    cr_assert_eq(finished_open(path, NULL, &experiment, &r), OK, "%s", err_message());
    cr_expect_str_eq(experiment.s.name, "mine");
    results_close(&r);
    char other[PATH_BYTES];
    write_text(folder, "other.ini", "[experiment]\nname = other\nseeds = 12\narms = real, emixer\n", other);
    cr_assert_eq(finished_open(path, other, &experiment, &r), OK, "%s", err_message());
    cr_expect_str_eq(experiment.s.name, "other");
    results_close(&r);
}

Test(finished, what_is_no_run_is_refused)
{
    results r;
    cr_expect_eq(finished_open(folder, NULL, &experiment, &r), ERR_NO_INPUT);
    write_text(folder, "some.csv", "experiment,arm\nx,real\n", path);
    cr_expect_eq(finished_open(path, NULL, &experiment, &r), ERR_DATA);
    cr_expect(message_has("the columns are not those of any task's results"));
}
