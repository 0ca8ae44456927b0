#include "bench/gains.h"
#include "bench/report.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASS_SCORES = 11 }; /* of experiment.task = classes */

static char folder[PATH_BYTES], path[PATH_BYTES];
static settings s;
static study experiment;

static void setup(void)
{
    make_folder(folder);
    settings_defaults(&s);
    cr_assert_eq(settings_assign(&s, "experiment.arms=real,real+emixer,emixer"), OK);
    cr_assert_eq(settings_assign(&s, "experiment.name=made-up"), OK);
    cr_assert_eq(study_open(&s, &experiment), OK, "%s", err_message());
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(results, .init = setup, .fini = teardown);

/* balanced_accuracy of the three seeds of each arm; brier is its complement. */
static const struct {
    const char *arm;
    double ratio, values[3];
} made_up[] = {
    {"real", 0, {0.50, 0.60, 0.70}},
    {"real+emixer", 0.5, {0.54, 0.66, 0.75}},
    {"emixer", 1, {0.30, 0.40, NAN}},
};

static results make_results(void)
{
    results r = {.experiment = "made-up", .n = 9};
    r.rows = calloc(9, sizeof *r.rows);
    cr_assert_not_null(r.rows);
    for (int i = 0; i < 9; i++) {
        trial_row *row = &r.rows[i];
        double value = made_up[i % 3].values[i / 3];
        *row = (trial_row){.shots = 10,
                           .seed = i / 3,
                           .labelled = 1,
                           .model = "densenet_small",
                           .steps = 5,
                           .threads = 2,
                           .seconds = 1.5};
        row->ratio = made_up[i % 3].ratio;
        row->done = !isnan(value);
        (void)snprintf(row->arm, sizeof row->arm, "%s", made_up[i % 3].arm);
        (void)snprintf(row->message, sizeof row->message, "%s", row->done ? "" : "lost, \"badly\"");
        (void)snprintf(row->train_images, sizeof row->train_images, "=A, or B:10|C:20");
        (void)snprintf(row->data_hash, sizeof row->data_hash, "d");
        (void)snprintf(row->settings_hash, sizeof row->settings_hash, "s");
        (void)snprintf(row->code_hash, sizeof row->code_hash, "c");
        for (int j = 0; j < SCORE_COUNT; j++) row->values.values[j] = value;
        row->values.values[SCORE_brier] = 1 - value;
        row->values.values[SCORE_few_auprc] = NAN;
    }
    return r;
}

Test(results, written_rows_read_back_the_same)
{
    results r = make_results(), back;
    cr_assert_eq(path_join(path, folder, "results.csv"), OK);
    cr_assert_eq(results_write(&r, path), OK, "%s", err_message());
    char *csv = read_text(folder, "results.csv");
    cr_expect_not_null(strstr(csv, ",\"'=A, or B:10|C:20\","), "a spreadsheet must not run it");
    free(csv);
    cr_assert_eq(results_read(path, TASK_CLASSES, &back), OK, "%s", err_message());
    cr_assert_eq(back.n, 9);
    cr_assert_str_eq(back.experiment, "made-up");
    for (int i = 0; i < 9; i++) {
        const trial_row *a = &r.rows[i], *b = &back.rows[i];
        cr_assert_str_eq(a->arm, b->arm);
        cr_assert_str_eq(a->message, b->message);
        cr_assert_str_eq(a->train_images, b->train_images);
        cr_assert(a->shots == b->shots && a->seed == b->seed && a->done == b->done &&
                  a->threads == b->threads);
        for (int j = 0; j < SCORE_COUNT; j++) {
            if (!score_belongs(j, TASK_CLASSES)) continue;
            double x = a->values.values[j], y = b->values.values[j];
            cr_assert(isnan(x) ? isnan(y) : fabs(x - y) <= 1e-9, "row %d, %s", i, score_infos[j].name);
        }
    }
    results_close(&r);
    results_close(&back);
}

Test(results, bad_files_are_refused_with_their_line)
{
    static const char header[] =
        "experiment,arm,shots,ratio,seed,status,balanced_accuracy,accuracy,macro_f1,macro_auroc,macro_auprc,"
        "few_recall,few_auroc,few_auprc,few_recall_at_spec90,calibration_error,brier,train_images,labelled,"
        "model,steps,"
        "threads,seconds,data_hash,settings_hash,code_hash,message\n";
    static const struct {
        const char *rows, *says;
    } cases[] = {
        {"x,real,ten,0,0,done,1,1,1,1,1,1,1,1,1,1,1,t,1,m,1,1,1,d,s,c,\n", "bad.csv:2: shots = ten"},
        {"x,real,1.5,0,0,done,1,1,1,1,1,1,1,1,1,1,1,t,1,m,1,1,1,d,s,c,\n", "bad.csv:2: shots"},
        {"x,real,1,0,0,perhaps,1,1,1,1,1,1,1,1,1,1,1,t,1,m,1,1,1,d,s,c,\n", "status = perhaps"},
        {"x,real,1,0,0,done,1,1,1,1,1,1,1,1,1,1,1z,t,1,m,1,1,1,d,s,c,\n", "brier = 1z"},
        {"x,real,1,0,0,done,1,1,1,1,1,1,1,1,1,1,1,t,all,m,1,1,1,d,s,c,\n", "labelled = all"},
        {"x,real,1,0\n", "bad.csv:2"},
    };
    char content[2048];
    results r;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(content, sizeof content, "%s%s", header, cases[i].rows);
        write_text(folder, "bad.csv", content, path);
        cr_assert_eq(results_read(path, TASK_CLASSES, &r), ERR_DATA, "%zu", i);
        cr_assert(message_has(cases[i].says));
    }
    write_text(folder, "bad.csv", "experiment,arm\nx,real\n", path);
    cr_assert_eq(results_read(path, TASK_CLASSES, &r), ERR_DATA);
    cr_assert(message_has("there is no column shots"));
    cr_assert_eq(results_read("/no/such.csv", TASK_CLASSES, &r), ERR_NO_INPUT);
}

static const gain_row *find_gain(const gains *g, const char *arm_name, int metric)
{
    for (int i = 0; i < g->n; i++)
        if (strcmp(g->rows[i].arm, arm_name) == 0 && g->rows[i].metric == metric) return &g->rows[i];
    cr_assert_fail("no gain of %s", arm_name);
    return NULL;
}

Test(results, gains_pair_arms_by_seed_and_leave_failed_ones_out)
{
    results r = make_results();
    gains g;
    cr_assert_eq(gains_open(&experiment, &r, &g), OK, "%s", err_message());
    cr_assert_eq(g.n, 2 * CLASS_SCORES);
    const gain_row *mixed = find_gain(&g, "real+emixer", SCORE_balanced_accuracy);
    cr_assert_str_eq(mixed->baseline, "real");
    cr_assert_eq(mixed->g.pairs, 3);
    cr_assert_float_eq(mixed->g.gain, 0.05, 1e-12);
    cr_assert_float_eq(mixed->g.percent, 100 * 0.05 / 0.6, 1e-9);
    /* Differences .04, .06, .05: mean .05, standard error .01/sqrt(3), t(0.975, 2) = 4.302653. */
    cr_assert_float_eq(mixed->g.low, 0.05 - 4.302653 * 0.01 / sqrt(3), 1e-6);
    cr_assert_eq(mixed->contrasts, 2);
    cr_assert_float_eq(mixed->g.p_value, 0.25, 1e-15);
    cr_assert_float_eq(mixed->holm_p, 0.5, 1e-15);
    cr_assert(isnan(mixed->detectable));
    cr_assert_eq(gain_verdict_of(mixed), VERDICT_CANNOT_TELL, "no three seeds can");
    const gain_row *alone = find_gain(&g, "emixer", SCORE_balanced_accuracy);
    cr_assert_eq(alone->g.pairs, 2, "seed 2 of this arm failed");
    cr_assert_float_eq(alone->g.mean_y, 0.55, 1e-12, "its partner is left out too");
    cr_assert_eq(find_gain(&g, "emixer", SCORE_few_auprc)->g.pairs, 0);
    cr_assert_eq(gain_verdict_of(find_gain(&g, "emixer", SCORE_few_auprc)), VERDICT_CANNOT_TELL);
    gains_close(&g);
    results_close(&r);
}

Test(results, gains_are_written_as_a_table_with_empty_cells_where_nothing_is_defined)
{
    results r = make_results();
    gains g;
    cr_assert_eq(gains_open(&experiment, &r, &g), OK);
    cr_assert_eq(path_join(path, folder, "gains.csv"), OK);
    cr_assert_eq(gains_write("made-up", &g, path), OK, "%s", err_message());
    char *content = read_text(folder, "gains.csv");
    cr_assert_not_null(
        strstr(content, "\nmade-up,real+emixer,real,10,0.5,0,balanced_accuracy,3,0.65,0.6,0.05,"));
    cr_assert_not_null(strstr(content, ",0.25,0.5,")); /* p, and corrected for two contrasts */
    cr_assert_not_null(strstr(
        content, "\nmade-up,emixer,real,10,1,0,few_auprc,0,,,,,,,,,,,,,,,cannot tell,1,densenet_small,\n"));
    free(content);
    gains_close(&g);
    results_close(&r);
}

/* Eight pairs of sizes 1, 2, ... 8: only flips of small ones reach the sum that the signs give. */
static gain_verdict verdict_of(int metric, int pairs, int contrasts, int negative)
{
    double x[8], y[8];
    gain_row row = {.higher_is_better = score_infos[metric].higher_is_better, .contrasts = contrasts};
    for (int i = 0; i < pairs; i++) {
        y[i] = 0.5;
        x[i] = 0.5 + (i < negative ? -0.01 : 0.01) * (i + 1);
    }
    row.g = gain_of(x, y, pairs);
    row.holm_p = fmin(1, row.g.p_value * contrasts);
    return gain_verdict_of(&row);
}

Test(results, verdicts_follow_the_corrected_evidence)
{
    cr_expect_eq(verdict_of(SCORE_accuracy, 8, 5, 0), VERDICT_GAIN, "5 * 2/256");
    cr_expect_eq(verdict_of(SCORE_brier, 8, 5, 0), VERDICT_HARM, "a lower Brier score is better");
    cr_expect_eq(verdict_of(SCORE_accuracy, 8, 5, 1), VERDICT_NONE_SHOWN, "5 * 4/256");
    cr_expect_eq(verdict_of(SCORE_accuracy, 8, 1, 1), VERDICT_GAIN);
    cr_expect_eq(verdict_of(SCORE_accuracy, 8, 5, 8), VERDICT_HARM);
    cr_expect_eq(verdict_of(SCORE_brier, 8, 5, 8), VERDICT_GAIN);
    cr_expect_eq(verdict_of(SCORE_accuracy, 7, 5, 0), VERDICT_CANNOT_TELL, "5 * 2/128 at best");
    cr_expect_eq(verdict_of(SCORE_accuracy, 5, 1, 0), VERDICT_CANNOT_TELL, "2/32 at best");
}

Test(results, mixing_arms_are_compared_at_equal_ratios)
{
    cr_assert_eq(settings_assign(&s, "experiment.arms=real+emixer,real+classic+emixer"), OK);
    cr_assert_eq(settings_assign(&s, "experiment.ratios=0.3,0.5"), OK);
    cr_assert_eq(settings_assign(&s, "experiment.contrasts=real+classic+emixer - real+emixer"), OK);
    cr_assert_eq(study_open(&s, &experiment), OK, "%s", err_message());
    results none = {0};
    gains g;
    cr_assert_eq(gains_open(&experiment, &none, &g), OK);
    cr_assert_eq(g.n, 2 * CLASS_SCORES);
    for (int i = 0; i < g.n; i++) cr_assert_float_eq(g.rows[i].ratio, g.rows[i].baseline_ratio, 0);
    gains_close(&g);
}

/* Two shares of labels and two models: 0.1 times the share, more by the arm as the model has letters. */
static results make_sweep(const study *x)
{
    results r = {.experiment = "sweep", .task = TASK_LABELS};
    r.rows = calloc(64, sizeof *r.rows);
    cr_assert_not_null(r.rows);
    for (int i = 0; i < 3 * 2 * 2 * 2; i++) {
        trial_row *row = &r.rows[r.n++];
        const char *model = study_models(x)->values[i / 2 % 2];
        bool mixed = i % 2;
        *row = (trial_row){.seed = i / 8, .labelled = study_budget(x, i / 4 % 2).labelled, .done = true};
        row->ratio = mixed ? 0.5 : 0;
        (void)snprintf(row->arm, sizeof row->arm, "%s", mixed ? "real+emixer" : "real");
        (void)snprintf(row->model, sizeof row->model, "%.60s", model);
        for (int j = 0; j < SCORE_COUNT; j++)
            row->values.values[j] = 0.5 + 0.1 * row->labelled + (mixed ? 0.001 * (double)strlen(model) : 0);
    }
    return r;
}

Test(results, shares_of_labels_and_models_are_compared_each_on_its_own)
{
    static const char *const assignments[] = {"experiment.arms=real,real+emixer", "experiment.task=labels",
                                              "data.few_shot_class=", "data.labelled=0.05,1",
                                              "downstream.model=resnet18,densenet_small"};
    for (size_t i = 0; i < sizeof assignments / sizeof *assignments; i++)
        cr_assert_eq(settings_assign(&s, assignments[i]), OK, "%s", err_message());
    cr_assert_eq(study_open(&s, &experiment), OK, "%s", err_message());
    results r = make_sweep(&experiment);
    gains g;
    text t = {0};
    cr_assert_eq(gains_open(&experiment, &r, &g), OK);
    cr_assert_eq(g.n, 2 * 2 * 8);
    for (int i = 0; i < g.n; i++) {
        const gain_row *row = &g.rows[i];
        cr_expect_eq(row->g.pairs, 3);
        cr_expect_float_eq(row->g.gain, 0.001 * (double)strlen(row->model), 1e-12);
        cr_expect_float_eq(row->g.mean_y, 0.5 + 0.1 * row->labelled, 1e-12);
    }
    cr_assert_eq(report_results(&experiment, &r, &t), OK);
    cr_assert_eq(report_gains(&experiment, &g, &t), OK);
    static const char *const parts[] = {
        "labelled: share of the training patients that keep their labels",
        "labelled  model           arm          ratio  macro_auroc",
        "      5%  resnet18        real             0        0.505",
        "    100%  densenet_small  real+emixer    0.5        0.614",
        "   paper      p  corrected p",
        "+5.94%",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_expect_not_null(strstr(t.data, parts[i]), "%s is not in\n%s", parts[i], t.data);
    text_close(&t);
    gains_close(&g);
    results_close(&r);
}

Test(results, the_report_says_what_the_numbers_say)
{
    results r = make_results();
    gains g;
    text t = {0};
    cr_assert_eq(gains_open(&experiment, &r, &g), OK);
    cr_assert_eq(report_results(&experiment, &r, &t), OK);
    cr_assert_eq(report_gains(&experiment, &g, &t), OK);
    static const char *const lines[] = {
        "   10  real             0              0.600  0.100",
        "failed: emixer, 10 shots, seed 2: lost, \"badly\"",
        "+8.3%",
        "cannot tell (2 of 2): the seeds are too few for any verdict.",
        "For 2 contrasts the exact test needs 7 seeds at least, and there are 3",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        cr_assert_not_null(strstr(t.data, lines[i]), "%s\nis not in\n%s", lines[i], t.data);
    text_close(&t);
    gains_close(&g);
    results_close(&r);
}
