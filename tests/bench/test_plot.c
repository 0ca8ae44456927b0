/* Figures of a results folder, from CSVs written here by hand. */
#include "bench/gnuplot.h"
#include "bench/plot_points.h"
#include "data/dataset.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char folder[PATH_BYTES], path[PATH_BYTES];

/* The columns of this version, and one that a later one may add; a metric that is not looked at; a gain that
 * is not defined; a contrast without an interval. */
static const char gains[] =
    "experiment,arm,baseline,shots,ratio,baseline_ratio,metric,pairs,percent,percent_low,percent_high,later\n"
    "e,real+classic,real,5,0,0,accuracy,3,-4,-8,0.5,x\n"
    "e,real+classic,real,20,0,0,accuracy,3,6,1.25,11,x\n"
    "e,real+emixer,real,5,0.25,0,accuracy,3,2,-1,5,x\n"
    "e,real+emixer,real,20,0.25,0,accuracy,3,3,-2,8,x\n"
    "e,real+emixer,real,5,0.5,0,accuracy,1,1,,,x\n"
    "e,real+emixer,real,20,0.5,0,accuracy,3,,,,x\n"
    "e,real+emixer,real,5,0.5,0,macro_f1,3,99,98,100,x\n";

static void setup(void)
{
    make_folder(folder);
    cr_assert_eq(path_join(path, folder, "r"), OK);
    cr_assert_eq(folder_make(path), OK);
    write_text(folder, "r/gains.csv", gains, path);
    write_text(folder, "r/settings.ini",
               "[experiment]\nmetric = accuracy\n[data]\nfew_shot_class = COVID-19\n", path);
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(plot, .init = setup, .fini = teardown);

static void need_gnuplot(void)
{
    if (system("gnuplot --version > /dev/null 2>&1") != 0) cr_skip_test("gnuplot is not installed");
}

static bool is_there(const char *name)
{
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    return path_exists(path);
}

/* What the program said; free() it. */
static char *plot(const char *out)
{
    const char *arguments[] = {"plot", "r", "--out", out, NULL};
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 0, "%s", o.err);
    free(o.err);
    return o.out;
}

static void expect_same_bytes(const char *a, const char *b)
{
    char *x, *y;
    size_t n, m;
    cr_assert_eq(path_join(path, folder, "%s", a), OK);
    cr_assert_eq(file_read(path, 1 << 26, &x, &n), OK, "%s", err_message());
    cr_assert_eq(path_join(path, folder, "%s", b), OK);
    cr_assert_eq(file_read(path, 1 << 26, &y, &m), OK, "%s", err_message());
    cr_expect(n == m && memcmp(x, y, n) == 0, "%s and %s differ", a, b);
    free(x);
    free(y);
}

Test(plot, what_has_data_is_drawn_and_the_rest_is_said)
{
    need_gnuplot();
    char *said = plot("f");
    cr_expect_str_eq(said, "  f/gain.svg, .pdf  the gain of each contrast with its interval\n"
                           "  f/gain_by_shots.svg, .pdf  gain against the number of shots\n"
                           "  f/gain_by_ratio.svg, .pdf  gain against the share of synthetic images\n"
                           "  gain_by_label: not drawn: there is no label_gains.csv\n"
                           "  losses: not drawn: there is no losses.csv: no generator was trained\n"
                           "  samples: not drawn: there is no samples.csv: no generator was trained\n");
    cr_expect(is_there("f/gain.pdf") && is_there("f/gain_by_ratio.svg") && !is_there("f/losses.svg"));
    cr_expect(!is_there("f/gain.log"));
    free(said);

    char *svg = read_text(folder, "f/gain.svg");
    static const char *const wanted[] = {"+6.0 [+1.2, +11.0]", ">+1.0<",
                                         "real+emixer (0.25)", "5 shots",
                                         "accuracy",           "filled: the interval leaves out 0"};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        cr_expect_not_null(strstr(svg, wanted[i]), "%s", wanted[i]);
    cr_expect_null(strstr(svg, "+99"), "another metric's");
    free(svg);
}

/* Then the axis runs between two whole numbers, which gnuplot divides as such. */
Test(plot, gains_of_nothing_are_drawn)
{
    need_gnuplot();
    write_text(
        folder, "r/gains.csv",
        "experiment,arm,baseline,shots,ratio,baseline_ratio,metric,pairs,percent,percent_low,percent_high\n"
        "e,real+emixer,real,5,0.5,0,accuracy,2,0,0,0\n",
        path);
    free(plot("figures"));
    cr_expect(is_there("figures/gain.svg"));
}

Test(plot, the_same_tables_give_the_same_bytes_at_any_time)
{
    need_gnuplot();
    free(plot("f"));
    const struct timespec second = {1, 100000000};
    (void)nanosleep(&second, NULL);
    free(plot("again"));
    static const char *const names[] = {"gain.svg", "gain.pdf", "gain.gp", "gain_by_shots.svg",
                                        "gain_by_ratio.pdf"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char a[64], b[64];
        (void)snprintf(a, sizeof a, "f/%s", names[i]);
        (void)snprintf(b, sizeof b, "again/%s", names[i]);
        expect_same_bytes(a, b);
    }
}

Test(plot, a_figure_whose_data_are_gone_goes)
{
    need_gnuplot();
    free(plot("f"));
    cr_assert(is_there("f/gain_by_shots.svg"));
    write_text(folder, "r/gains.csv",
               "experiment,arm,baseline,shots,ratio,baseline_ratio,metric,percent,percent_low,percent_high\n"
               "e,a,real,5,0,0,accuracy,0,0,0\n" /* and a range of whole numbers */,
               path);
    free(plot("f"));
    cr_expect(is_there("f/gain.svg") && !is_there("f/gain_by_shots.svg") && !is_there("f/gain_by_shots.gp"));
}

Test(plot, shares_of_labels_and_models_are_told_apart)
{
    need_gnuplot();
    write_text(folder, "r/gains.csv",
               "experiment,arm,baseline,shots,ratio,baseline_ratio,metric,percent,percent_low,percent_high,"
               "verdict,labelled,model\n"
               "e,real+emixer,real,0,0.5,0,accuracy,1,0,2,no gain shown,0.1,densenet_small\n"
               "e,real+emixer,real,0,0.5,0,accuracy,2,0,2,no gain shown,0.1,resnet18\n"
               "e,real+emixer,real,0,0.5,0,accuracy,3,0,4,no gain shown,1,densenet_small\n"
               "e,real+emixer,real,0,0.5,0,accuracy,4,0,5,no gain shown,1,resnet18\n",
               path);
    free(plot("f"));
    char *script = read_text(folder, "f/gain.gp"), *curves = read_text(folder, "f/gain_by_shots.gp");
    cr_expect_not_null(strstr(script, "groups = 2\n"), "%s", script);
    cr_expect_not_null(strstr(script, "real+emixer (0.5), resnet18'"), "%s", script);
    cr_expect_not_null(strstr(script, "10% labelled"), "%s", script);
    cr_expect_null(strstr(script, " shots'"), "%s", script);
    cr_expect_not_null(strstr(curves, "panels = 2\n"), "%s", curves);
    cr_expect_not_null(strstr(curves, "share of the patients with labels"), "%s", curves);
    free(script);
    free(curves);
}

Test(plot, labels_and_losses_are_drawn)
{
    need_gnuplot();
    write_text(folder, "r/label_gains.csv",
               "experiment,arm,baseline,shots,ratio,baseline_ratio,label,metric,gain,low,high,verdict\n"
               "e,real+emixer,real,5,0.5,0,COVID-19,auroc,0.1,0.05,0.15,no gain shown\n"
               "e,real+emixer,real,5,0.5,0,\"a, b <c>\",auroc,-0.1,-0.2,0.1,harm\n",
               path);
    write_text(folder, "r/losses.csv",
               "shots,seed,update,discriminator,generator,writer\n"
               "5,0,10,2,1,0\n5,0,20,1.5,0.5,0\n5,1,10,3,1,0\n5,1,20,1,0,0\n",
               path);
    free(plot("f"));
    char *svg = read_text(folder, "f/gain_by_label.svg"), *script = read_text(folder, "f/losses.gp");
    cr_expect_not_null(strstr(svg, "a, b &lt;c"));
    cr_expect_not_null(strstr(svg, "gain in auroc"));
    cr_expect_not_null(strstr(svg, "filled: gain or harm"), "the table has verdicts");
    cr_expect_not_null(strstr(script, "\n10\t2.5\t2\t3\t1\t1\t1\t0\t0\t0\n20\t1.25\t1\t1.5\t0.25\t0\t0.5\t"));
    cr_expect_not_null(strstr(script, "series = 2\n"), "there is no writer");
    free(svg);
    free(script);
    script = read_text(folder, "f/gain_by_label.gp");
    cr_expect_not_null(strstr(script, "\n0.1\t-1\t0.05\t0.15\t1\t0\t1\n-0.1\t-2\t-0.2\t0.1\t1\t1\t1\n"),
                       "the verdict fills, not the interval: %s", script);
    free(script);
}

/* Two images a row, of which one is not there. */
Test(plot, samples_are_drawn_from_the_sets_that_the_table_names)
{
    need_gnuplot();
    enum { SIDE = 4 };
    uint8_t images[2 * SIDE * SIDE];
    const float labels[2] = {1, 1};
    const char *const names[] = {"A"};
    dataset *set;
    for (size_t i = 0; i < sizeof images; i++) images[i] = (uint8_t)(i < SIDE * SIDE ? 10 : 200);
    cr_assert_eq(dataset_from_arrays(images, labels, 2, SIDE, 1, names, "x", &set), OK);
    cr_assert_eq(path_join(path, folder, "r/artifacts/s"), OK);
    cr_assert_eq(folder_make(path), OK);
    cr_assert_eq(dataset_save(set, path), OK, "%s", err_message());
    dataset_close(set);
    write_text(
        folder, "r/samples.csv",
        "label,kind,set,row,id,labels,report\nA,real,artifacts/s,1,x-1,A,\nA,real,artifacts/s,0,x-0,A,\n"
        "A,synthetic,artifacts/s,0,x-0,A,\n",
        path);
    free(plot("f"));
    cr_expect(is_there("f/samples.svg"));
    char *gray = read_text(folder, "f/samples.gray");
    cr_expect_eq((uint8_t)gray[0], 200);
    cr_expect_eq((uint8_t)gray[SIDE], 255, "the gap");
    cr_expect_eq((uint8_t)gray[SIDE + 2], 10);
    cr_expect_eq((uint8_t)gray[2 * (SIDE + 2)], 255, "nothing is there");
    cr_expect_eq((uint8_t)gray[8 * (SIDE + 2) * (SIDE + 2)], 10, "the second row");
    free(gray);
    write_text(folder, "r/samples.csv", "label,kind,set,row,id,labels,report\nA,real,../x,1,x-1,A,\n", path);
    static const char *const outside[] = {"plot", "r", NULL};
    expect_refused(folder, outside, ERR_DATA, "bench: r/samples.csv:2: the set is not below the folder\n");
}

/* Names come from files: gnuplot must take them for letters. */
Test(plot, names_are_never_executed)
{
    need_gnuplot();
    static const char *const hostile[] = {"`touch one`",
                                          "'; system('touch two') #",
                                          "\"; system \"touch three\" #",
                                          "x'.system('touch four').'",
                                          "END\nsystem 'touch five'",
                                          "\\\"@x {/Bold b}"};
    text csv = {0};
    text_printf(
        &csv, "experiment,arm,baseline,shots,ratio,baseline_ratio,metric,percent,percent_low,percent_high\n");
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        text_printf(&csv, "e,");
        text_csv_field(&csv, hostile[i]);
        text_printf(&csv, ",");
        text_csv_field(&csv, hostile[i]);
        text_printf(&csv, ",5,0.5,0,accuracy,1,0,2\n");
    }
    write_text(folder, "r/gains.csv", csv.data, path);
    text_close(&csv);
    free(plot("f"));
    static const char *const made[] = {"one", "two", "three", "four", "five"};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "f/%s", made[i]);
        cr_expect(!is_there(name) && !is_there(made[i]), "%s", made[i]);
    }
    char *svg = read_text(folder, "f/gain.svg");
    cr_expect_not_null(strstr(svg, "`touch one`"));
    cr_expect_not_null(strstr(svg, "{/Bold b}"));
    free(svg);
}

Test(plot, a_wrong_request_is_refused)
{
    static const char *const nothing[] = {"plot", NULL},
                             *const metric[] = {"plot", "r", "--metric", "mood", NULL},
                             *const missing[] = {"plot", "nowhere", NULL};
    expect_refused(folder, nothing, ERR_USAGE,
                   "bench: plot: the figures of which results? see `bench plot --help`\n");
    expect_refused(folder, metric, ERR_USAGE, "bench: --metric mood: r/gains.csv has no such metric\n");
    outcome o = run_bench(folder, missing);
    cr_expect_eq(o.status, ERR_NO_INPUT, "%s", o.err);
    outcome_close(&o);
}

Test(plot, points_are_sorted_into_classes_in_their_order)
{
    static const char *const columns[3] = {"percent", "percent_low", "percent_high"};
    evidence e;
    plot_points p;
    double low, high;
    cr_assert_eq(path_join(path, folder, "r"), OK);
    cr_assert_eq(evidence_open(path, NULL, &e), OK, "%s", err_message());
    cr_expect_str_eq(e.metric, "accuracy");
    cr_assert_eq(plot_points_open(&e.gains, e.metric, columns, &p), OK);
    cr_assert_eq(p.n, 5, "one is not defined, one is of another metric");
    cr_expect_eq(plot_class(&p, p.n, plot_same_contrast), 2);
    cr_expect_eq(plot_class(&p, p.n, plot_same_series), 3);
    cr_expect_eq(plot_class(&p, 4, plot_same_series), 2);
    cr_expect_eq(plot_first(&p, 1, plot_same_contrast)->ratio, 0.25);
    cr_expect_null(plot_first(&p, 2, plot_same_contrast));
    plot_range(&p, &low, &high);
    cr_expect_float_eq(low, -8 - 0.95, 1e-9);
    cr_expect_float_eq(high, 11 + 0.95, 1e-9);
    plot_values ratios = plot_values_of(&p, plot_ratio);
    cr_expect_eq(ratios.n, 3);
    cr_expect_eq(ratios.values[2], 0.5);
    plot_points_close(&p);
    evidence_close(&e);
}
