/* The gate: what holds, what moved, what cannot be told, and its words for CI servers. */
#include "bench/comparison.h"
#include "bench/finished.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[PATH_BYTES], path[PATH_BYTES];
static study experiment;

enum { SEEDS = 4, ARMS = 2 };
static trial_row rows[SEEDS * ARMS];

/* Real scores 0.6, real+classic 0.7 (Brier scores 0.3 and 0.2), with as much scatter over seeds. */
static void setup(void)
{
    static settings s;
    make_folder(folder);
    settings_defaults(&s);
    cr_assert_eq(settings_assign(&s, "experiment.arms=real,real+classic"), OK);
    cr_assert_eq(settings_assign(&s, "experiment.seeds=0,1,2,3"), OK);
    cr_assert_eq(settings_assign(&s, "experiment.name=made-up"), OK);
    cr_assert_eq(settings_assign(&s, "gate.balanced_accuracy=0.05"), OK);
    cr_assert_eq(settings_assign(&s, "gate.brier=0.02"), OK);
    cr_assert_eq(study_open(&s, &experiment), OK, "%s", err_message());
    for (int i = 0; i < SEEDS * ARMS; i++) {
        trial_row *row = &rows[i];
        *row = (trial_row){.shots = 10,
                           .labelled = 1,
                           .model = "densenet_small",
                           .seed = i / ARMS,
                           .steps = 5,
                           .threads = 1,
                           .done = true};
        (void)snprintf(row->arm, sizeof row->arm, "%s", i % ARMS ? "real+classic" : "real");
        (void)snprintf(row->data_hash, sizeof row->data_hash, "d");
        (void)snprintf(row->settings_hash, sizeof row->settings_hash, "s");
        (void)snprintf(row->code_hash, sizeof row->code_hash, "c");
        for (int j = 0; j < SCORE_COUNT; j++) row->values.values[j] = 0.5;
        row->values.values[SCORE_balanced_accuracy] = 0.6 + 0.1 * (i % ARMS) + 0.01 * row->seed;
        row->values.values[SCORE_brier] = 0.3 - 0.1 * (i % ARMS) + 0.01 * row->seed;
    }
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(check, .init = setup, .fini = teardown);

static results made_up(int n)
{
    results r = {.experiment = "made-up", .rows = rows, .n = n};
    return r;
}

/* The rows as they are now, beside what they were before. */
static comparison compare_with(const baseline *was, int n)
{
    baseline now;
    comparison c;
    results r = made_up(n);
    cr_assert_eq(baseline_of_results(&experiment, &r, &now), OK, "%s", err_message());
    cr_assert_eq(comparison_open(&experiment, &r, was, &now, &c), OK, "%s", err_message());
    baseline_close(&now);
    return c;
}

static baseline take_baseline(void)
{
    baseline b;
    results r = made_up(SEEDS * ARMS);
    cr_assert_eq(baseline_of_results(&experiment, &r, &b), OK, "%s", err_message());
    return b;
}

static const compared *find(const comparison *c, const char *arm_name, bool gain_row_wanted, int metric)
{
    for (int i = 0; i < c->n; i++)
        if (strcmp(c->rows[i].was.arm, arm_name) == 0 && c->rows[i].was.metric == metric &&
            (c->rows[i].was.baseline[0] != '\0') == gain_row_wanted)
            return &c->rows[i];
    cr_assert_fail("there is no such value of %s", arm_name);
    return NULL;
}

/* Adds to a score of one arm in all seeds. */
static void shift(int arm_index, int metric, double by)
{
    for (int i = arm_index; i < SEEDS * ARMS; i += ARMS) rows[i].values.values[metric] += by;
}

Test(check, a_baseline_has_means_and_gains_and_reads_back_the_same)
{
    baseline b = take_baseline(), back;
    cr_expect_eq(b.n, 2 * (2 + 1), "two scores of two means and a gain");
    cr_expect_float_eq(b.rows[0].value, 0.615, 1e-12);
    cr_assert_eq(path_join(path, folder, "deep/er/baseline.csv"), OK);
    cr_assert_eq(baseline_write(&b, path), OK, "%s", err_message());
    cr_assert_eq(baseline_read(path, &back), OK, "%s", err_message());
    cr_assert_eq(back.n, b.n);
    cr_expect_str_eq(back.data_hash, "d");
    for (int i = 0; i < b.n; i++) {
        const baseline_row *row = baseline_find(&back, &b.rows[i]);
        cr_assert_not_null(row);
        cr_expect_eq(row->seeds, SEEDS);
        cr_expect_float_eq(row->value, b.rows[i].value, 1e-9);
    }
    comparison c = compare_with(&back, SEEDS * ARMS);
    cr_expect_eq(c.counts[CHECK_HELD], 6);
    comparison_close(&c);
    baseline_close(&b);
    baseline_close(&back);
}

Test(check, what_gets_worse_than_its_tolerance_has_regressed_in_either_direction)
{
    baseline b = take_baseline();
    shift(1, SCORE_balanced_accuracy, -0.06);
    shift(1, SCORE_brier, -0.03); /* a lower Brier score is better */
    comparison c = compare_with(&b, SEEDS * ARMS);
    cr_expect_eq(find(&c, "real", false, SCORE_balanced_accuracy)->verdict, CHECK_HELD);
    cr_expect_eq(find(&c, "real+classic", false, SCORE_balanced_accuracy)->verdict, CHECK_REGRESSED);
    cr_expect_eq(find(&c, "real+classic", true, SCORE_balanced_accuracy)->verdict, CHECK_REGRESSED);
    cr_expect_eq(find(&c, "real+classic", false, SCORE_brier)->verdict, CHECK_BETTER);
    comparison_close(&c);
    shift(1, SCORE_balanced_accuracy, 0.0101); /* now 0.0499 worse, where 0.05 is allowed */
    shift(1, SCORE_brier, 0.06);
    c = compare_with(&b, SEEDS * ARMS);
    cr_expect_eq(find(&c, "real+classic", false, SCORE_balanced_accuracy)->verdict, CHECK_HELD);
    cr_expect_eq(find(&c, "real+classic", false, SCORE_brier)->verdict, CHECK_REGRESSED);
    comparison_close(&c);
    /* Both arms lose as much: the gain holds, the means do not. */
    shift(0, SCORE_balanced_accuracy, -0.1);
    shift(1, SCORE_balanced_accuracy, -0.0501);
    c = compare_with(&b, SEEDS * ARMS);
    cr_expect_eq(find(&c, "real", false, SCORE_balanced_accuracy)->verdict, CHECK_REGRESSED);
    cr_expect_eq(find(&c, "real+classic", true, SCORE_balanced_accuracy)->verdict, CHECK_HELD);
    comparison_close(&c);
    baseline_close(&b);
}

static void expect_all(const baseline *was, int n, check_verdict verdict, const char *reason)
{
    comparison c = compare_with(was, n);
    cr_expect_eq(c.counts[verdict], c.n);
    for (int i = 0; i < c.n; i++) cr_expect_str_eq(c.rows[i].reason, reason);
    comparison_close(&c);
}

Test(check, what_cannot_be_compared_is_told_with_its_reason)
{
    baseline b = take_baseline();
    expect_all(&b, (SEEDS - 1) * ARMS, CHECK_CANNOT_TELL, "3 seeds, where 4 are needed");
    experiment.s.gate_seeds = 5;
    expect_all(&b, SEEDS * ARMS, CHECK_CANNOT_TELL, "4 seeds, where 5 are needed");
    experiment.s.gate_seeds = 3;
    for (int i = 0; i < SEEDS * ARMS; i++) (void)snprintf(rows[i].data_hash, sizeof rows[i].data_hash, "e");
    expect_all(&b, SEEDS * ARMS, CHECK_CANNOT_TELL, "the baseline is of other data");
    baseline_close(&b);
}

Test(check, failed_trials_are_a_regression)
{
    baseline b = take_baseline();
    rows[1].done = false;
    for (int j = 0; j < SCORE_COUNT; j++) rows[1].values.values[j] = NAN;
    comparison c = compare_with(&b, SEEDS * ARMS);
    cr_expect_eq(find(&c, "real", false, SCORE_brier)->verdict, CHECK_HELD);
    cr_expect_eq(find(&c, "real+classic", false, SCORE_brier)->verdict, CHECK_REGRESSED);
    cr_expect_str_eq(find(&c, "real+classic", true, SCORE_brier)->reason, "1 trial failed");
    comparison_close(&c);
    baseline_close(&b);
}

Test(check, new_and_missing_values_are_told)
{
    baseline b = take_baseline();
    b.n--; /* the Brier score's gain is new, */
    (void)snprintf(b.rows[0].arm, sizeof b.rows[0].arm,
                   "emixer"); /* and there is an arm that is not there now */
    comparison c = compare_with(&b, SEEDS * ARMS);
    cr_expect_eq(c.fresh, 2);
    cr_expect_eq(c.counts[CHECK_CANNOT_TELL], 1);
    cr_expect_str_eq(c.rows[0].reason, "it is not in the results");
    comparison_close(&c);
    baseline_close(&b);
}

Test(check, results_without_tolerances_or_of_several_data_sets_are_refused)
{
    baseline b;
    results r = made_up(SEEDS * ARMS);
    (void)snprintf(rows[3].data_hash, sizeof rows[3].data_hash, "e");
    cr_expect_eq(baseline_of_results(&experiment, &r, &b), ERR_DATA);
    cr_expect(message_has("are of different data: d and e"));
    (void)snprintf(rows[3].data_hash, sizeof rows[3].data_hash, "d");
    experiment.s.gate_balanced_accuracy = experiment.s.gate_brier = 0;
    cr_expect_eq(baseline_of_results(&experiment, &r, &b), ERR_CONFIG);
    cr_expect(message_has("the section [gate] has no tolerance"));
}

Test(check, wrong_baselines_are_told_by_line)
{
    static const char header[] =
        "experiment,data_hash,arm,baseline,shots,ratio,baseline_ratio,metric,seeds,value\n";
    static const struct {
        const char *row, *says;
    } cases[] = {{"x,d,real,,10,0,0,brier,4,\n", "bad.csv:2: value = "},
                 {"x,d,real,,10,0,0,brier,4,nan\n", "bad.csv:2: value = nan"},
                 {"x,d,real,,10,0,0,bier,4,1\n", "bad.csv:2: metric = bier"},
                 {"x,d,real,,-1,0,0,brier,4,1\n", "bad.csv:2: shots = -1"},
                 {"x,d,real,,10,0,0,brier,2.5,1\n", "bad.csv:2: seeds = 2.5"}};
    baseline b;
    char content[512];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(content, sizeof content, "%s%s", header, cases[i].row);
        write_text(folder, "bad.csv", content, path);
        cr_expect_eq(baseline_read(path, &b), ERR_DATA, "%zu", i);
        cr_expect(message_has(cases[i].says));
    }
}

static double count_nodes(xmlDoc *document, const char *expression)
{
    xmlXPathContext *context = xmlXPathNewContext(document);
    xmlXPathObject *found = xmlXPathEvalExpression((const xmlChar *)expression, context);
    cr_assert_not_null(found, "%s", expression);
    double value = found->floatval;
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(context);
    return value;
}

/* What has names like these never comes from a study, whose names are checked; a baseline is a file of
 * anybody. */
Test(check, junit_is_well_formed_whatever_the_names_are)
{
    baseline b = take_baseline();
    shift(1, SCORE_balanced_accuracy, -0.06);
    (void)snprintf(b.rows[0].arm, sizeof b.rows[0].arm, "<&\"'>]]>\x01\xff\xc3\xa9");
    comparison c = compare_with(&b, SEEDS * ARMS);
    text t = {0};
    cr_assert_eq(comparison_junit(&c, &t), OK);
    xmlDoc *document = xmlReadMemory(t.data, (int)t.length, "junit.xml", NULL, XML_PARSE_NONET);
    cr_assert_not_null(document, "%s", t.data);
    cr_expect_eq(count_nodes(document, "count(/testsuites/testsuite[@name='made-up'])"), 1);
    cr_expect_eq(count_nodes(document, "number(//testsuite/@tests)"), 6);
    cr_expect_eq(count_nodes(document, "count(//testcase)"), 6);
    cr_expect_eq(count_nodes(document, "number(//testsuite/@failures)"), 2);
    cr_expect_eq(count_nodes(document, "count(//testcase/failure[@type='regressed' and @message])"), 2);
    cr_expect_eq(count_nodes(document, "number(//testsuite/@errors)"), 1);
    cr_expect_eq(count_nodes(document, "count(//testcase/error[@type='cannot tell'])"), 1);
    cr_expect_eq(count_nodes(document, "count(//testcase[starts-with(@name, '<&\"')][contains(@name, \"'>]]> "
                                       "\xef\xbf\xbd\xc3\xa9, 10 shots\")])"),
                 1, "%s", t.data);
    xmlFreeDoc(document);
    xmlCleanupParser();
    text_close(&t);
    comparison_close(&c);
    baseline_close(&b);
}

/* ---- the program */

static int check_status(const char *out, const char *says)
{
    const char *arguments[] = {"check", out, "--baseline", "baseline.csv", "--junit", "junit.xml", NULL};
    outcome o = run_bench(folder, arguments);
    cr_expect(strstr(o.out, says) || strstr(o.err, says), "%s%s", o.out, o.err);
    int status = o.status;
    outcome_close(&o);
    return status;
}

/* A small classifier that learns the phantom's classes a little, or, with a rate of nothing, does not. */
static void run_small(const char *out, const char *assignment)
{
    static const char small[] = "[experiment]\nname = small\nseeds = 0, 1, 2\nshots = 20\narms = real\n"
                                "[data]\nsize = 32\ncount = 120\nothers = 20\n"
                                "[downstream]\ngrowth = 4\nlayers_per_block = 1\nbatch = 16\nsteps = 40\n"
                                "[gate]\nmacro_auroc = 0.08\n[run]\nthreads = 1\n";
    const char *arguments[] = {"run", "small.ini", "--out", out, "--quiet", "--set", assignment, NULL};
    write_text(folder, "small.ini", small, path);
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    outcome_close(&o);
}

Test(check, a_planted_regression_of_the_trainer_fails_the_gate)
{
    static const char *const update[] = {"check", "good", "--baseline", "baseline.csv", "--update", NULL};
    run_small("good", "downstream.batch=16");
    cr_expect_eq(check_status("good", "no baseline; bench check --update writes one"), 66);
    outcome o = run_bench(folder, update);
    cr_expect_eq(o.status, 0, "%s", o.err);
    cr_expect_str_eq(o.out, "baseline.csv: 1 values\n");
    outcome_close(&o);
    cr_expect_eq(check_status("good", "none has moved"), 0);
    run_small("bad", "downstream.learning_rate=1e-9");
    cr_expect_eq(check_status("bad", "1 of 1 values regressed against baseline.csv"), 1);
    run_small("few", "experiment.seeds=0, 1");
    cr_expect_eq(check_status("few", "2 seeds, where 3 are needed"), 2);
    run_small("other", "data.seed=9");
    cr_expect_eq(check_status("other", "the baseline is of other data"), 2);
    char *junit = read_text(folder, "junit.xml");
    cr_expect_not_null(strstr(junit, "errors=\"1\""), "%s", junit);
    free(junit);
}

Test(check, a_baseline_of_several_classifiers_is_refused)
{
    static settings s;
    static study several;
    baseline b;
    results r = made_up(SEEDS * ARMS);
    s = experiment.s;
    cr_assert_eq(settings_assign(&s, "downstream.model=densenet_small,resnet18"), OK);
    cr_assert_eq(study_open(&s, &several), OK, "%s", err_message());
    cr_expect_eq(baseline_of_results(&several, &r, &b), ERR_CONFIG);
    cr_expect(message_has("a baseline is of one classifier and one share of labels"));
}
