/* Whole runs with experiment.task = labels. */
#include "base/rng.h"
#include "data/dataset.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char folder[PATH_BYTES], path[PATH_BYTES];

static const char tiny[] = "[experiment]\nname = tiny\ntask = labels\nseeds = 0, 1\n"
                           "arms = real, real+emixer, emixer\n"
                           "[data]\nsource = phantom:chexpert\nsize = 32\ncount = 60\nfew_shot_class =\n"
                           "labelled = 0.5\n"
                           "[emixer]\nwidth = 1\nlatent = 4\nbatch = 4\nsteps = 12\nema_decay = 0.5\n"
                           "[synthetic]\nper_class = 3\n"
                           "[downstream]\ngrowth = 2\nlayers_per_block = 1\nbatch = 4\nsteps = 8\n"
                           "[run]\nthreads = 1\ncheckpoint_seconds = 0\n";

static void setup(void)
{
    make_folder(folder);
    write_text(folder, "tiny.ini", tiny, path);
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(labels, .init = setup, .fini = teardown);

static outcome run_tiny(const char *out, const char *first, const char *second)
{
    const char *arguments[] = {
        "run",  "tiny.ini", "--out", out, first ? "--set" : NULL, first, second ? "--set" : NULL,
        second, NULL};
    return run_bench(folder, arguments);
}

static void run_well(const char *out, const char *first, const char *second)
{
    outcome o = run_tiny(out, first, second);
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
}

static char *read_of(const char *out, const char *name)
{
    char full[256];
    (void)snprintf(full, sizeof full, "%s/%s", out, name);
    return read_text(folder, full);
}

static int count_lines(const char *content)
{
    int n = 0;
    for (; *content; content++) n += *content == '\n';
    return n;
}

/* The number behind the first occurrence of `before`. */
static double number_after(const char *content, const char *before)
{
    const char *found = strstr(content, before);
    cr_assert_not_null(found, "there is no %s", before);
    return strtod(found + strlen(before), NULL);
}

Test(labels, a_run_scores_every_label_and_their_means)
{
    outcome o = run_tiny("out", NULL, NULL);
    cr_assert_eq(o.status, 0, "%s", o.err);
    cr_expect_not_null(strstr(o.out, "Gains in macro_auroc"), "%s", o.out);
    outcome_close(&o);
    char *results = read_of("out", "results.csv"), *gains = read_of("out", "gains.csv"),
         *labels = read_of("out", "label_scores.csv");
    cr_expect_eq(count_lines(results), 1 + 2 * 3);
    cr_expect_eq(count_lines(gains), 1 + 2 * 8);
    cr_expect_eq(count_lines(labels), 1 + 2 * 3 * 15 * 9);
    cr_expect_not_null(strstr(results, ",status,macro_f1,micro_f1,macro_auroc,micro_auroc,macro_auprc,"));
    cr_expect_null(strstr(results, "balanced_accuracy"));
    /* The mean of the labels' values is what results.csv has. */
    const char *row = strstr(results, "\ntiny,emixer,0,1,1,done,");
    double f1, macro_auroc, sum = 0;
    int defined = 0;
    cr_assert_not_null(row, "%s", results);
    cr_assert_eq(sscanf(row, "\ntiny,emixer,0,1,1,done,%lf,%*f,%lf,", &f1, &macro_auroc), 2);
    for (char *at = labels; (at = strstr(at, "\ntiny,emixer,0,1,1,")); at++) {
        char *end, *value = strchr(at + 1, '\n'), *auroc = strstr(at, ",auroc,");
        if (!auroc || !value || auroc > value || auroc[7] == ',') continue;
        sum += strtod(auroc + 7, &end);
        defined++;
    }
    cr_assert_gt(defined, 4);
    cr_expect_float_eq(macro_auroc, sum / defined, 1e-8);
    free(results);
    free(gains);
    free(labels);
    cr_assert_eq(path_join(path, folder, "out/samples.png"), OK);
    cr_expect(path_exists(path));
}

Test(labels, a_killed_run_continues_to_the_same_label_scores)
{
    static const char *const arguments[] = {"run", "tiny.ini", "--out", "killed", "--quiet", NULL};
    run_well("whole", NULL, NULL);
    for (int i = 0; i < 3; i++) {
        pid_t pid = start_bench(folder, arguments);
        const struct timespec t = {0, (20 + 70 * i) * 1000000L};
        (void)nanosleep(&t, NULL);
        (void)kill(pid, SIGKILL);
        (void)finish_bench(pid);
    }
    run_well("killed", NULL, NULL);
    static const char *const files[] = {"label_scores.csv", "gains.csv"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *a = read_of("whole", files[i]), *b = read_of("killed", files[i]);
        cr_expect_str_eq(a, b, "%s", files[i]);
        free(a);
        free(b);
    }
}

/* Images of noise; label A is known for every image, B for every second one, C for none. */
static void make_partly_known(int n)
{
    enum { SIZE = 32, K = 3 };
    static const char *const names[] = {"A", "B", "C"};
    uint8_t *images = malloc((size_t)n * SIZE * SIZE);
    float *labels = malloc((size_t)n * K * sizeof *labels);
    dataset *set;
    rng draw = rng_open(1, "noise", 0);
    for (int i = 0; i < n * SIZE * SIZE; i++) images[i] = (uint8_t)rng_below(&draw, 256);
    for (int i = 0; i < n; i++) {
        labels[i * K] = i % 3 == 0;
        labels[i * K + 1] = i % 2 ? NAN : (float)(i % 4 == 0);
        labels[i * K + 2] = NAN;
    }
    cr_assert_eq(dataset_from_arrays(images, labels, n, SIZE, K, names, "noise", &set), OK, "%s",
                 err_message());
    cr_assert_eq(path_join(path, folder, "partly"), OK);
    cr_assert_eq(dataset_save(set, path), OK, "%s", err_message());
    dataset_close(set);
    free(images);
    free(labels);
}

Test(labels, unknown_ones_are_left_out_of_training_and_scores)
{
    enum { N = 40, HELD_OUT = 20 };
    make_partly_known(N);
    const char *arguments[] = {"run",   "tiny.ini",
                               "--out", "out",
                               "--set", "data.source=packed:partly",
                               "--set", "experiment.arms=real",
                               "--set", "data.test=0.5",
                               NULL};
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
    char *labels = read_of("out", "label_scores.csv");
    cr_expect_eq(number_after(labels, ",A,positives,") + number_after(labels, ",A,negatives,"), HELD_OUT);
    double known = number_after(labels, ",B,positives,") + number_after(labels, ",B,negatives,");
    cr_expect(known > 0 && known < HELD_OUT, "%g", known);
    cr_expect_not_null(strstr(labels, "\ntiny,real,0,0,0,C,auroc,,0.5,"), "%s", labels);
    cr_expect_not_null(strstr(labels, "\ntiny,real,0,0,0,C,brier,,0.5,"), "%s", labels);
    cr_expect_eq(number_after(labels, ",C,positives,") + number_after(labels, ",C,negatives,"), 0);
    free(labels);
    char *results = read_of("out", "results.csv");
    cr_expect_null(strstr(results, "nan"), "%s", results);
    free(results);
}

Test(labels, shares_and_models_are_varied)
{
    const char *arguments[] = {"run",   "tiny.ini",
                               "--out", "out",
                               "--set", "data.labelled=0.3,1",
                               "--set", "downstream.model=densenet_small,resnet18",
                               "--set", "experiment.arms=real,emixer",
                               "--set", "experiment.seeds=0",
                               NULL};
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    cr_expect_not_null(strstr(o.out, "    100%  resnet18        emixer"), "%s", o.out);
    outcome_close(&o);
    char *results = read_of("out", "results.csv"), *gains = read_of("out", "gains.csv"),
         *labels = read_of("out", "label_scores.csv");
    cr_expect_eq(count_lines(results), 1 + 2 * 2 * 2);
    cr_expect_not_null(strstr(results, ",0.3,densenet_small,8,1,"), "%s", results);
    cr_expect_not_null(strstr(results, ",1,resnet18,8,1,"), "%s", results);
    cr_expect_eq(count_lines(gains), 1 + 2 * 2 * 8);
    cr_expect_not_null(strstr(gains, ",0.3,resnet18,\n"), "%s", gains);
    cr_expect_not_null(strstr(labels, ",0.3,resnet18\n"));
    free(results);
    free(gains);
    free(labels);
}

Test(labels, wrong_settings_give_one_line)
{
    static const struct {
        const char *first, *second, *says;
    } cases[] = {
        {"experiment.metric=few_auroc", NULL,
         "--set: experiment.metric = few_auroc: experiment.task = labels has no such score; it has "
         "macro_f1, "},
        {"downstream.head=prototype", NULL, "prototypes are of classes"},
        {"data.few_shot_class=Edema", "data.labelled=1", "has not exactly one label; leave the key empty"},
        {"experiment.task=classes", NULL, "set experiment.task = labels, or make such a set by"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        outcome o = run_tiny("out", cases[i].first, cases[i].second);
        cr_expect_eq(o.status, 78, "%s: %d %s", cases[i].first, o.status, o.err);
        cr_expect_not_null(strstr(o.err, cases[i].says), "%s", o.err);
        cr_expect_eq(count_lines(o.err), 1, "%s", o.err);
        outcome_close(&o);
    }
}
