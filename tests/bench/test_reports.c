/* Trials of experiment.task = reports: their scores by hand and by the text metrics, whole runs, and what is
 * refused. */
#include "bench/finished.h"
#include "bench/results.h"
#include "bench/scores_reports.h"
#include "data/report_text.h"
#include "data/table.h"
#include "downstream/labeller.h"
#include "downstream/meteor.h"
#include "downstream/text_metrics.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char folder[PATH_BYTES], path[PATH_BYTES];

static const char tiny[] =
    "[experiment]\nname = tiny\ntask = reports\nseeds = 0\nratios = 0.5\narms = real, real+emixer, emixer\n"
    "[data]\nsize = 16\ncount = 60\nfew_shot_class =\nlabelled = 0.5\nminimum_count = 1\n"
    "[emixer]\nwidth = 1\nlatent = 4\nbatch = 4\npairs = 2\nsteps = 40\nembedding = 16\n"
    "[synthetic]\nper_class = 5\nwriting = sample\n"
    "[report_generation]\ngrowth = 2\nlayers_per_block = 1\nwidth = 8\nbatch = 4\nsteps = 8\nbeams = 1\n"
    "sentences = 4\nwords = 8\nlayers = 1\nheads = 2\nkeep_weights = yes\n"
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

TestSuite(reports, .init = setup, .fini = teardown);

/* ---- scores ---- */

static dataset *labelled_set(void)
{
    static const char *const names[] = {"No Finding", "pleural_effusion", "Unheard of"};
    static const float labels[3] = {0};
    static const uint8_t pixel[1] = {0};
    dataset *set;
    cr_assert_eq(dataset_from_arrays(pixel, labels, 1, 1, 3, names, "test", &set), OK, "%s", err_message());
    return set;
}

/* The golden values are those of the COCO caption code (tests/downstream/test_text_metrics.c has more). */
Test(reports, scores_are_those_of_the_metrics_and_of_findings_counted_by_hand)
{
    static const char *const said[] = {"the heart size is normal . lungs are clear .",
                                       "no pneumothorax or pleural effusion . no focal consolidation .",
                                       "heart is enlarged ."};
    static const char *const references[] = {
        "the heart is normal in size . the lungs are clear .", "no pleural effusion or pneumothorax .",
        "there is a small left pleural effusion . heart size is enlarged ."};
    dataset *set = labelled_set();
    const report_comparison compared = {said, references, 3, set};
    scores s;
    label_scores labels[3];
    cr_assert_eq(scores_of_reports(&compared, &s, labels), OK, "%s", err_message());
    cr_expect_float_eq(s.values[SCORE_bleu_1], .622514583540151, 1e-12);
    cr_expect_float_eq(s.values[SCORE_bleu_2], .4208966791263548, 1e-12);
    cr_expect_float_eq(s.values[SCORE_bleu_3], .28044229210107696, 1e-12);
    cr_expect_float_eq(s.values[SCORE_bleu_4], .1820507658509223, 1e-12);
    cr_expect_float_eq(s.values[SCORE_rouge_l], .5860559840822422, 1e-12);
    cr_expect_float_eq(s.values[SCORE_cider_d], 2.1034672104189136, 1e-12);
    cr_expect_float_eq(s.values[SCORE_length_ratio], 24.0 / 31, 1e-15);
    /* Affirmed: twice No Finding and Cardiomegaly in both, the effusion of the third reference in none. */
    cr_expect_float_eq(s.values[SCORE_clinical_micro_f1], 2 * 3 / (2 * 3 + 1.0), 1e-15);
    cr_expect_float_eq(s.values[SCORE_clinical_macro_f1], (1 + 1 + 0) / 3.0, 1e-15);
    cr_expect_eq(labels[0].values[LABEL_SCORE_f1], 1);
    cr_expect_eq(labels[0].values[LABEL_SCORE_positives], 2);
    cr_expect_eq(labels[0].values[LABEL_SCORE_negatives], 1);
    cr_expect_eq(labels[1].values[LABEL_SCORE_recall], 0, "names need not be spelled alike");
    cr_expect(isnan(labels[1].values[LABEL_SCORE_precision]), "an effusion is never said");
    cr_expect(isnan(labels[2].values[LABEL_SCORE_f1]), "the labeller does not know it");
    for (int i = 0; i < SCORE_COUNT; i++)
        cr_expect_eq(isnan(s.values[i]), !score_belongs(i, TASK_REPORTS), "%s", score_infos[i].name);
    dataset_close(set);
}

Test(reports, references_said_again_score_highest_and_silence_lowest)
{
    static const char *const references[] = {"the heart is enlarged .", "small left pleural effusion ."};
    static const char *const silence[] = {"", ""};
    dataset *set = labelled_set();
    scores best, worst;
    label_scores labels[3];
    const report_comparison same = {references, references, 2, set}, nothing = {silence, references, 2, set};
    cr_assert_eq(scores_of_reports(&same, &best, labels), OK, "%s", err_message());
    cr_assert_eq(scores_of_reports(&nothing, &worst, labels), OK, "%s", err_message());
    for (int i = SCORE_bleu_1; i <= SCORE_length_ratio; i++) {
        double highest = i == SCORE_cider_d     ? 10
                         : i == SCORE_meteor_es ? 1 - .6 * pow(2 / 10.0, .2) /* chunks by matches */
                                                : 1;
        cr_expect_float_eq(best.values[i], highest, 1e-9, "%s: %g", score_infos[i].name, best.values[i]);
        cr_expect_lt(worst.values[i], 1e-9, "%s", score_infos[i].name);
    }
    dataset_close(set);
}

/* ---- whole runs ---- */

static outcome run_tiny(const char *out, const char *assignment)
{
    const char *arguments[] = {"run",      "tiny.ini", "--quiet", "--out", out, assignment ? "--set" : NULL,
                               assignment, NULL};
    return run_bench(folder, arguments);
}

static void read_results(const char *out, results *r)
{
    cr_assert_eq(path_join(path, folder, "%s/results.csv", out), OK);
    cr_assert_eq(results_read(path, TASK_REPORTS, r), OK, "%s", err_message());
}

/* The reports of each trial of OUT: at most `room` tables; returns how many. */
static int open_reports(const char *out, table *tables, int room)
{
    char artifacts[PATH_BYTES];
    int n = 0;
    cr_assert_eq(path_join(artifacts, folder, "%s/artifacts", out), OK);
    DIR *listing = opendir(artifacts);
    cr_assert_not_null(listing);
    for (struct dirent *e = readdir(listing); e; e = readdir(listing)) {
        if (strncmp(e->d_name, "trial-", 6) != 0) continue;
        cr_assert_lt(n, room);
        cr_assert_eq(path_join(path, artifacts, "%s/reports.csv", e->d_name), OK);
        cr_assert_eq(table_open(path, 1 << 24, &tables[n++]), OK, "%s", err_message());
        cr_assert_eq(path_join(path, artifacts, "%s/vocabulary.csv", e->d_name), OK);
        cr_expect(path_exists(path));
    }
    (void)closedir(listing);
    return n;
}

/* True if the metrics of the table's reports are those of the row. */
static bool agrees(const table *t, const trial_row *row)
{
    text_sample *pairs = calloc((size_t)t->rows, sizeof *pairs);
    const char **references = calloc((size_t)t->rows, sizeof *references);
    double bleu[4], rouge, cider, meteor;
    for (int i = 0; i < t->rows; i++) {
        references[i] = csv_cell_content(table_cell(t, i, table_column(t, "reference")));
        const char *said = csv_cell_content(table_cell(t, i, table_column(t, "report")));
        pairs[i] = (text_sample){said, &references[i], 1};
    }
    cr_assert_eq(metric_bleu(pairs, t->rows, bleu), OK);
    cr_assert_eq(metric_rouge_l(pairs, t->rows, &rouge), OK);
    cr_assert_eq(metric_cider_d(pairs, t->rows, &cider), OK);
    cr_assert_eq(metric_meteor_es(pairs, t->rows, &meteor), OK);
    free(references);
    free(pairs);
    const double *v = row->values.values;
    const double differences[] = {bleu[0] - v[SCORE_bleu_1], bleu[3] - v[SCORE_bleu_4],
                                  rouge - v[SCORE_rouge_l], cider - v[SCORE_cider_d],
                                  meteor - v[SCORE_meteor_es]};
    for (size_t i = 0; i < sizeof differences / sizeof differences[0]; i++)
        if (fabs(differences[i]) > 1e-8) return false; /* 9 digits are kept */
    return true;
}

/* What the trial was scored on are whole reports of the phantom, cut to no length. */
static void expect_whole_references(const table *t)
{
    dataset *set;
    report_texts all;
    cr_assert_eq(dataset_open("phantom:covid", 16, 60, 1, &set), OK, "%s", err_message());
    cr_assert_eq(report_texts_open(set, REPORT_RULES_IU, &all), OK);
    for (int i = 0; i < t->rows; i++) {
        const char *id = table_cell(t, i, table_column(t, "id"));
        int sample = 0;
        while (sample < set->n && strcmp(set->samples[sample].id, id) != 0) sample++;
        cr_assert_lt(sample, set->n, "%s", id);
        cr_expect_str_eq(table_cell(t, i, table_column(t, "reference")), all.cleaned[sample]);
    }
    report_texts_close(&all);
    dataset_close(set);
}

Test(reports, a_run_scores_what_its_generators_said)
{
    outcome o = run_tiny("out", NULL);
    cr_assert_eq(o.status, 0, "%s", o.err);
    cr_expect_not_null(strstr(o.out, "Gains in bleu_4"), "%s", o.out);
    cr_expect_not_null(strstr(o.out, "+6.9%"), "what the paper gains: %s", o.out);
    outcome_close(&o);
    results r;
    table said[4];
    read_results("out", &r);
    int n = open_reports("out", said, 4);
    cr_assert_eq(r.n, 3);
    cr_assert_eq(n, 3);
    for (int i = 0; i < r.n; i++) {
        int like = 0;
        for (int j = 0; j < n; j++) like += agrees(&said[j], &r.rows[i]);
        cr_expect_geq(like, 1, "no trial's reports have the scores of %s", r.rows[i].arm);
        cr_expect_eq(r.rows[i].steps, 8);
        cr_expect_eq(strncmp(r.rows[i].train_images, "images:", 7), 0, "%s", r.rows[i].train_images);
    }
    expect_whole_references(&said[0]);
    for (int j = 0; j < n; j++) table_close(&said[j]);
    results_close(&r);
    char *gains = read_text(folder, "out/gains.csv");
    cr_expect_not_null(strstr(gains, ",clinical_micro_f1,"), "%s", gains);
    cr_expect_null(strstr(gains, "balanced_accuracy"));
    free(gains);
}

/* All rows but for the seconds. */
static void expect_same_results(const char *a, const char *b)
{
    results x, y;
    read_results(a, &x);
    read_results(b, &y);
    cr_assert_eq(x.n, y.n);
    for (int i = 0; i < x.n; i++) x.rows[i].seconds = y.rows[i].seconds = 0;
    char first[PATH_BYTES], second[PATH_BYTES];
    cr_assert_eq(path_join(first, folder, "first.csv"), OK);
    cr_assert_eq(path_join(second, folder, "second.csv"), OK);
    cr_assert_eq(results_write(&x, first), OK);
    cr_assert_eq(results_write(&y, second), OK);
    char *one = read_text(folder, "first.csv"), *other = read_text(folder, "second.csv");
    cr_expect_str_eq(one, other);
    free(one);
    free(other);
    results_close(&x);
    results_close(&y);
}

Test(reports, a_killed_run_continues_to_the_same_results)
{
    static const char *const arguments[] = {"run", "tiny.ini", "--out", "killed", "--quiet", NULL};
    outcome o = run_tiny("whole", NULL);
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
    for (int i = 0; i < 4; i++) { /* wherever they hit, early or late */
        const struct timespec t = {0, (50 + 100 * i) * 1000000L};
        pid_t pid = start_bench(folder, arguments);
        (void)nanosleep(&t, NULL);
        (void)kill(pid, SIGKILL);
        (void)finish_bench(pid);
    }
    o = run_tiny("killed", NULL);
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
    expect_same_results("whole", "killed");
    char *a = read_text(folder, "whole/gains.csv"), *b = read_text(folder, "killed/gains.csv");
    cr_expect_str_eq(a, b);
    free(a);
    free(b);
}

Test(reports, every_generator_learns_from_data_of_several_labels_an_image)
{
    static const char *const models[] = {"report_generation.model=cnn_lstm_att",
                                         "report_generation.model=hierarchical",
                                         "report_generation.model=transformer"};
    char *scored[3];
    for (int i = 0; i < 3; i++) {
        const char *arguments[] = {"run",     "tiny.ini",
                                   "--out",   "out",
                                   "--set",   models[i],
                                   "--set",   "data.source=phantom:chexpert",
                                   "--set",   "experiment.arms=real+classic",
                                   "--quiet", NULL};
        outcome o = run_bench(folder, arguments);
        cr_assert_eq(o.status, 0, "%s", o.err);
        outcome_close(&o);
        scored[i] = read_text(folder, "out/results.csv");
    }
    cr_expect_str_neq(scored[0], scored[1]);
    cr_expect_str_neq(scored[1], scored[2]);
    for (int i = 0; i < 3; i++) free(scored[i]);
}

/* Second sets that are no generator's have reports, too. */
Test(reports, controls_and_packed_sets_are_pairs)
{
    const char *arguments[] = {"run",     "tiny.ini",
                               "--out",   "out",
                               "--set",   "experiment.arms=real,real+duplicate,real+shuffled,real+oracle",
                               "--set",   "report_generation.model=cnn_lstm,hierarchical",
                               "--quiet", NULL};
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    cr_expect_not_null(strstr(o.out, "hierarchical"), "%s", o.out);
    outcome_close(&o);
    results r;
    read_results("out", &r);
    cr_expect_eq(r.n, 2 * 4);
    for (int i = 0; i < r.n; i++) cr_expect(r.rows[i].done, "%s", r.rows[i].message);
    results_close(&r);

    static study found;
    char alone[PATH_BYTES];
    cr_assert_eq(path_join(alone, folder, "alone.csv"), OK);
    cr_assert_eq(rename(path, alone), 0);
    cr_assert_eq(finished_open(alone, NULL, &found, &r), OK, "%s", err_message());
    cr_expect_eq(found.task, TASK_REPORTS, "the columns say it");
    cr_expect_eq(study_models(&found)->n, 2);
    results_close(&r);
}

Test(reports, the_shipped_experiment_and_its_presets_are_sound)
{
    static const char *const presets[] = {NULL, "quick", "tiny", "mimic"};
    static settings s;
    static study experiment;
    for (int i = 0; i < 4; i++) {
        settings_defaults(&s);
        cr_assert_eq(settings_load(&s, PROJECT_ROOT "/experiments/report_generation.ini", &presets[i], i > 0),
                     OK, "%s", err_message());
        cr_expect_eq(study_open(&s, &experiment), OK, "%s", err_message());
        cr_expect_eq(experiment.task, TASK_REPORTS);
        cr_expect_geq(study_models(&experiment)->n, 3);
    }
}

/* ---- what is refused ---- */

Test(reports, what_makes_no_sense_is_refused)
{
    static const struct {
        const char *assignment, *says;
        int status;
    } cases[] = {
        {"emixer.pairs=0", "--set: emixer.pairs: at 0 EMIXER writes no reports", 78},
        {"experiment.arms=real,real+pseudo", "arm real+pseudo: a classifier labels or filters images", 78},
        {"experiment.arms=emixer+filtered", "arm emixer+filtered: a classifier labels or filters images", 78},
        {"experiment.arms=folder:x", "arm folder:x: a folder has no reports", 78},
        {"report_generation.model=hierarchical,hierarchical", "model: a value is given twice", 78},
        {"report_generation.model=gpt",
         "--set: report_generation.model = gpt: must be texts separated by commas", 78},
        {"report_generation.length=2", "--set: report_generation.length = 2: must be integer, 3 to 512", 78},
        {"report_generation.encoder=vgg", "--set: report_generation.encoder = vgg", 78},
        {"experiment.metric=accuracy", "experiment.task = reports has no such score; it has bleu_1, ", 78},
        {"experiment.metric=length_ratio", "more of length_ratio is not better", 78},
        {"data.source=packed:silent", "no labelled training image has a report", 65},
        {"data.minimum_count=100000", "data.minimum_count = 100000: ", 65},
    };
    dataset *set;
    cr_assert_eq(dataset_open("phantom:covid", 16, 30, 1, &set), OK);
    const char **none = calloc((size_t)set->n, sizeof *none);
    dataset *silent;
    cr_assert_eq(dataset_with_reports(set, none, &silent), OK);
    cr_assert_eq(path_join(path, folder, "silent"), OK);
    cr_assert_eq(folder_make(path), OK);
    cr_assert_eq(dataset_save(silent, path), OK, "%s", err_message());
    free(none);
    dataset_close(silent);
    dataset_close(set);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool generated = strncmp(cases[i].assignment, "emixer", 6) == 0;
        const char *arguments[] = {"run",     "tiny.ini",
                                   "--out",   "out",
                                   "--set",   generated ? "experiment.arms=emixer" : "experiment.arms=real",
                                   "--set",   cases[i].assignment,
                                   "--quiet", NULL};
        outcome o = run_bench(folder, arguments);
        cr_expect_eq(o.status, cases[i].status, "%s: %d %s", cases[i].assignment, o.status, o.err);
        cr_expect_not_null(strstr(o.err, cases[i].says), "%s", o.err);
        outcome_close(&o);
    }
}
