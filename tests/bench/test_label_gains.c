/* Gains label by label from label_scores.csv. */
#include "bench/label_gains.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[PATH_BYTES], path[PATH_BYTES];
static study experiment;

enum { SEEDS = 8 };

static void setup(void)
{
    static settings s;
    make_folder(folder);
    settings_defaults(&s);
    cr_assert_eq(settings_assign(&s, "experiment.arms=real,real+emixer"), OK);
    cr_assert_eq(settings_assign(&s, "experiment.seeds=0,1,2,3,4,5,6,7"), OK);
    cr_assert_eq(study_open(&s, &experiment), OK, "%s", err_message());
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(label_gains, .init = setup, .fini = teardown);

static const char header[] = "experiment,arm,shots,ratio,seed,label,metric,value,labelled,model\n";

static void add_cell(text *t, const char *arm_name, double ratio, int seed, const char *label,
                     const char *metric, double value)
{
    text_printf(t, "x,%s,10,%g,%d,\"%s\",%s,", arm_name, ratio, seed, label, metric);
    if (!isnan(value)) text_printf(t, "%.9g", value);
    text_printf(t, ",1,densenet_small\n");
}

/* The AUROC of "Edema, mild" rises by 0.01 to 0.08, that of Fracture does as often rise as fall; its Brier
 * score always falls. In the last seed the arm has no Fracture. */
static void write_scores(void)
{
    text t = {0};
    text_printf(&t, "%s", header);
    for (int seed = 0; seed < SEEDS; seed++) {
        double rise = 0.01 * (seed + 1);
        add_cell(&t, "real", 0, seed, "Edema, mild", "auroc", 0.5);
        add_cell(&t, "real", 0, seed, "Edema, mild", "positives", 5);
        add_cell(&t, "real", 0, seed, "Fracture", "auroc", 0.8);
        add_cell(&t, "real", 0, seed, "Fracture", "brier", 0.2);
        add_cell(&t, "real+emixer", 0.5, seed, "Edema, mild", "auroc", 0.5 + rise);
        add_cell(&t, "real+emixer", 0.5, seed, "Edema, mild", "positives", 5);
        add_cell(&t, "real+emixer", 0.5, seed, "Fracture", "auroc",
                 seed == SEEDS - 1 ? (double)NAN : 0.8 + (seed % 2 ? rise : -rise));
        add_cell(&t, "real+emixer", 0.5, seed, "Fracture", "brier", 0.2 - rise);
    }
    write_text(folder, "label_scores.csv", t.data, path);
    text_close(&t);
}

static const gain_row *find(const gains *g, const char *label, const char *metric)
{
    for (int i = 0; i < g->n; i++)
        if (strcmp(g->rows[i].label, label) == 0 && strcmp(g->rows[i].metric_name, metric) == 0)
            return &g->rows[i];
    cr_assert_fail("no %s of %s", metric, label);
    return NULL;
}

Test(label_gains, labels_are_compared_one_by_one_and_corrected_together)
{
    gains g;
    write_scores();
    cr_assert_eq(label_gains_open(&experiment, path, &g), OK, "%s", err_message());
    cr_expect_eq(g.n, 2 * (LABEL_SCORE_COUNT - 2));
    const gain_row *edema = find(&g, "Edema, mild", "auroc"), *fracture = find(&g, "Fracture", "auroc");
    cr_expect_float_eq(edema->g.gain, 0.045, 1e-9);
    cr_expect_eq(edema->g.pairs, SEEDS);
    cr_expect_float_eq(edema->g.p_value, 2.0 / 256.0, 1e-15);
    cr_expect_eq(edema->contrasts, 2, "two labels have that score");
    cr_expect_float_eq(edema->holm_p, 4.0 / 256.0, 1e-15);
    cr_expect_eq(gain_verdict_of(edema), VERDICT_GAIN);
    cr_expect_eq(fracture->g.pairs, SEEDS - 1);
    cr_expect_eq(gain_verdict_of(fracture), VERDICT_NONE_SHOWN);
    const gain_row *brier = find(&g, "Fracture", "brier");
    cr_expect_eq(brier->contrasts, 1);
    cr_expect_eq(gain_verdict_of(brier), VERDICT_GAIN, "a lower Brier score is better");
    cr_expect_eq(gain_verdict_of(find(&g, "Fracture", "recall")), VERDICT_CANNOT_TELL);
    gains_close(&g);
}

Test(label_gains, they_are_written_with_their_labels)
{
    gains g;
    char out[PATH_BYTES];
    write_scores();
    cr_assert_eq(label_gains_open(&experiment, path, &g), OK, "%s", err_message());
    cr_assert_eq(path_join(out, folder, "label_gains.csv"), OK);
    cr_assert_eq(label_gains_write("x", &g, out), OK);
    char *content = read_text(folder, "label_gains.csv");
    cr_expect_not_null(strstr(content, "shots,ratio,baseline_ratio,label,metric,pairs,"), "%s", content);
    cr_expect_not_null(strstr(content, "\nx,real+emixer,real,10,0.5,0,\"Edema, mild\",auroc,8,0.545,0.5,"),
                       "%s", content);
    free(content);
    gains_close(&g);
}

Test(label_gains, wrong_files_are_told_by_line)
{
    static const struct {
        const char *rows, *says;
    } cases[] = {
        {"x,real,10,0,0,A,auroc,0.5,1,m\nx,real,ten,0,0,A,auroc,0.5,1,m\n", "bad.csv:3: shots = ten"},
        {"x,real,10,0,0,A,auroc,0.5z,1,m\n", "bad.csv:2: value = 0.5z"},
        {"x,real,10,0,0,A,area,0.5,1,m\n", "bad.csv:2: metric = area"},
        {"x,real,10,0,0,,auroc,0.5,1,m\n", "bad.csv:2: label = "}};
    char content[512];
    gains g;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(content, sizeof content, "%s%s", header, cases[i].rows);
        write_text(folder, "bad.csv", content, path);
        cr_expect_eq(label_gains_open(&experiment, path, &g), ERR_DATA, "%zu", i);
        cr_expect(message_has(cases[i].says));
    }
    write_text(folder, "bad.csv", "arm,shots\n", path);
    cr_expect_eq(label_gains_open(&experiment, path, &g), ERR_DATA);
    cr_expect(message_has("ratio"));
    cr_expect_eq(label_gains_open(&experiment, "/no/such.csv", &g), ERR_NO_INPUT);
}
