/* Subgroups of test images: who belongs to which, and their scores and gains in whole runs. */
#include "bench/label_gains.h"
#include "bench/subgroups.h"
#include "data/set_writer.h"
#include "data/table.h"
#include "tiny_run.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

TestSuite(subgroups, .init = setup, .fini = teardown);

enum { SAMPLES = 6 };

/* Of one pixel; `source` as sources are written. */
static dataset *make_set(const sample_info *rows, int n, char source[PATH_BYTES + 8])
{
    static const char *const names[] = {"Edema"};
    set_writer *w;
    dataset *set;
    cr_assert_eq(path_join(path, folder, "set"), OK);
    cr_assert_eq(set_writer_open(path, 1, names, 1, &w), OK, "%s", err_message());
    for (int i = 0; i < n; i++)
        cr_assert_eq(set_writer_add(w, &rows[i], (const float[]){1}, (const uint8_t[]){0}), OK);
    cr_assert_eq(set_writer_finish(w), OK, "%s", err_message());
    set_writer_close(w);
    (void)snprintf(source, PATH_BYTES + 8, "packed:%s", path);
    cr_assert_eq(dataset_open(source, 1, 0, 0, &set), OK, "%s", err_message());
    return set;
}

static const sample_info people[SAMPLES] = {
    {"a", "", "", "PA", "", "", "F", "17.5"}, {"b", "", "", "PA", "", "", "M", "18"},
    {"c", "", "", "UNKNOWN", "", "", "", ""}, {"d", "", "", "PA", "", "", "F", "65"},
    {"e", "", "", "PA", "", "", "M", "90+"},  {"f", "", "", "PA", "", "", "M", "64.9"},
};

Test(subgroups, samples_belong_to_what_is_known_of_them)
{
    static const struct {
        const char *name;
        int n, first;
    } wanted[] = {{"sex=F", 1, 1},     {"sex=M", 2, 0},     {"age=0-17", 0, 0},
                  {"age=18-39", 1, 0}, {"age=40-64", 0, 0}, {"age=65+", 1, 1}};
    enum { WANTED = sizeof wanted / sizeof wanted[0] };
    char source[PATH_BYTES + 8];
    int index[] = {1, 3, 4, 2}; /* b, d, e, c */
    const samples list = {.index = index, .n = 4};
    dataset *set = make_set(people, SAMPLES, source);
    subgroups g;
    cr_assert_eq(subgroups_open(set, &list, &g), OK, "%s", err_message());
    cr_assert_eq(g.n, WANTED, "views are all the same, and make none; 90+ is no age");
    for (int i = 0; i < g.n; i++) {
        cr_expect_str_eq(g.items[i].name, wanted[i].name);
        cr_expect_eq(g.items[i].members.n, wanted[i].n, "%s", wanted[i].name);
        if (wanted[i].n > 0) cr_expect_eq(g.items[i].members.index[0], wanted[i].first, "%s", wanted[i].name);
    }
    subgroups_close(&g);
    dataset_close(set);
}

Test(subgroups, a_column_of_many_values_is_no_subgroup)
{
    static char views[SUBGROUP_VALUES_MAX + 1][16], ids[SUBGROUP_VALUES_MAX + 1][16];
    sample_info rows[SUBGROUP_VALUES_MAX + 1];
    char source[PATH_BYTES + 8];
    settings s;
    for (int i = 0; i <= SUBGROUP_VALUES_MAX; i++) {
        (void)snprintf(views[i], sizeof views[i], "v%d", i);
        (void)snprintf(ids[i], sizeof ids[i], "i%d", i);
        rows[i] = (sample_info){ids[i], "", "", views[i], "", "", "", i % 2 ? "20" : "70"};
    }
    dataset *set = make_set(rows, SUBGROUP_VALUES_MAX + 1, source);
    settings_defaults(&s);
    cr_assert_eq(settings_assign(&s, "experiment.subgroups=age"), OK);
    cr_expect_eq(subgroups_check(&s, set), OK, "%s", err_message());
    cr_expect(subgroup_wanted(&s, "age=65+") && !subgroup_wanted(&s, "view=PA") &&
              !subgroup_wanted(&s, "ages=1"));
    cr_assert_eq(settings_assign(&s, "experiment.subgroups=age,view"), OK);
    cr_expect_eq(subgroups_check(&s, set), ERR_CONFIG);
    cr_expect(message_has("--set: experiment.subgroups: the images do not differ by view"));
    dataset_close(set);
}

/* ---- whole runs */

enum { ARM, SEED, SUBGROUP, METRIC, VALUE, CELLS };

static table open_scores(int columns[CELLS])
{
    static const char *const names[CELLS] = {"arm", "seed", "subgroup", "metric", "value"};
    table t;
    cr_assert_eq(path_join(path, folder, "out/subgroup_scores.csv"), OK);
    cr_assert_eq(table_open(path, 1 << 20, &t), OK, "%s", err_message());
    for (int i = 0; i < CELLS; i++) columns[i] = table_column(&t, names[i]);
    return t;
}

/* Over the subgroups of a column in one trial: the images, and the sum of images times accuracy. */
static void sum_up(const char *column, const char *arm_name, const char *seed, double *images, double *right)
{
    int c[CELLS];
    table t = open_scores(c);
    double of_this = 0;
    *images = *right = 0;
    for (int row = 0; row < t.rows; row++) {
        double value = strtod(table_cell(&t, row, c[VALUE]), NULL);
        if (strcmp(table_cell(&t, row, c[ARM]), arm_name) != 0 ||
            strcmp(table_cell(&t, row, c[SEED]), seed) != 0 ||
            strncmp(table_cell(&t, row, c[SUBGROUP]), column, strlen(column)) != 0)
            continue;
        if (strcmp(table_cell(&t, row, c[METRIC]), "images") == 0) *images += of_this = value;
        if (strcmp(table_cell(&t, row, c[METRIC]), "accuracy") == 0) *right += of_this * value;
    }
    table_close(&t);
}

/* The accuracy of all test images is what those of its parts come to. */
static void expect_parts_to_be_the_whole(const char *column)
{
    table t;
    cr_assert_eq(path_join(path, folder, "out/results.csv"), OK);
    cr_assert_eq(table_open(path, 1 << 20, &t), OK, "%s", err_message());
    cr_assert_eq(t.rows, 4);
    for (int row = 0; row < t.rows; row++) {
        double images, right, all = strtod(table_cell(&t, row, table_column(&t, "accuracy")), NULL);
        sum_up(column, table_cell(&t, row, table_column(&t, "arm")),
               table_cell(&t, row, table_column(&t, "seed")), &images, &right);
        cr_assert_gt(images, 2);
        cr_expect_float_eq(right / images, all, 1e-6, "%s, row %d", column, row);
    }
    table_close(&t);
}

Test(subgroups, their_scores_make_up_those_of_all_and_no_trial_is_made_again_for_them)
{
    static const char both[] = "run tiny.ini --out out --set experiment.arms=real,real+classic --set "
                               "experiment.subgroups=sex,view",
                      none[] = "run tiny.ini --out out --set experiment.arms=real,real+classic";
    outcome o = run_line(folder, none);
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
    char *first = read_text(folder, "out/results.csv");
    o = run_line(folder, both);
    cr_assert_eq(o.status, 0, "%s", o.err);
    char *second = read_text(folder, "out/results.csv");
    cr_expect_str_eq(first, second, "not even the seconds change");
    expect_parts_to_be_the_whole("sex=");
    expect_parts_to_be_the_whole("view=");
    outcome again = run_line(folder, "gains out");
    cr_assert_eq(again.status, 0, "%s", again.err);
    const char *shown = strstr(again.out, "Gains in balanced_accuracy on the test images of each subgroup\n");
    cr_assert_not_null(shown, "%s", again.out);
    cr_expect_not_null(strstr(o.out, shown), "what the run printed");
    cr_expect_not_null(strstr(shown, "\nsex=F"));
    outcome_close(&again);
    outcome_close(&o);
    again = run_line(folder, "report out --out page.html");
    cr_assert_eq(again.status, 0, "%s", again.err);
    outcome_close(&again);
    char *page = read_text(folder, "page.html");
    cr_expect_not_null(strstr(page, ">Gains by subgroup</h2>"));
    cr_expect_not_null(strstr(page, ">view=AP</td>"));
    free(page);
    o = run_line(folder, none);
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
    cr_assert_eq(path_join(path, folder, "out/subgroup_gains.csv"), OK);
    cr_expect_not(path_exists(path), "of an earlier run");
    free(first);
    free(second);
}

Test(subgroups, what_cannot_be_compared_is_told_before_anything_is_trained)
{
    static const char *const twice[] = {"run", "tiny.ini", "--set", "experiment.subgroups=sex,sex", NULL};
    static const char *const age[] = {
        "run", "tiny.ini", "--out", "out", "--quiet", "--set", "experiment.subgroups=age", NULL};
    expect_refused(folder, twice, ERR_CONFIG,
                   "bench: --set: experiment.subgroups: a column is given twice\n");
    outcome o = run_bench(folder, age);
    cr_expect_eq(o.status, ERR_CONFIG);
    cr_expect_not_null(strstr(o.err, "experiment.subgroups: the images do not differ by age"), "%s", o.err);
    outcome_close(&o);
}

/* ---- gains */

Test(subgroups, all_subgroups_are_one_family)
{
    enum { SEEDS = 8 };
    static settings s;
    static study experiment;
    gains g;
    text t = {0};
    settings_defaults(&s);
    cr_assert_eq(settings_assign(&s, "experiment.arms=real,real+classic"), OK);
    cr_assert_eq(settings_assign(&s, "experiment.seeds=0,1,2,3,4,5,6,7"), OK);
    cr_assert_eq(study_open(&s, &experiment), OK, "%s", err_message());
    text_printf(&t, "experiment,arm,shots,ratio,seed,subgroup,metric,value,labelled,model\n");
    for (int seed = 0; seed < SEEDS; seed++)
        for (int group = 0; group < 3; group++) {
            const char *names[] = {"sex=F", "sex=M", "view=AP"};
            double rise = group == 1 ? 0 : 0.01 * (seed + 1);
            text_printf(&t, "x,real,10,0,%d,%s,images,9,1,densenet_small\n", seed, names[group]);
            text_printf(&t, "x,real,10,0,%d,%s,accuracy,0.5,1,densenet_small\n", seed, names[group]);
            text_printf(&t, "x,real+classic,10,0,%d,%s,accuracy,%.9g,1,densenet_small\n", seed, names[group],
                        0.5 + rise);
        }
    write_text(folder, "scores.csv", t.data, path);
    text_close(&t);
    cr_assert_eq(subgroup_gains_open(&experiment, path, &g), OK, "%s", err_message());
    int seen = 0;
    for (int i = 0; i < g.n; i++) {
        const gain_row *row = &g.rows[i];
        if (row->metric != SCORE_accuracy) continue;
        seen++;
        cr_expect_eq(row->contrasts, 3);
        if (strcmp(row->label, "sex=M") == 0) continue;
        cr_expect_float_eq(row->g.gain, 0.045, 1e-9);
        cr_expect_float_eq(row->holm_p, 3 * 2.0 / 256.0, 1e-15, "%s", row->label);
        cr_expect_eq(gain_verdict_of(row), VERDICT_GAIN);
    }
    cr_expect_eq(seen, 3);
    gains_close(&g);
}
