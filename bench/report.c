#include "bench/report.h"

#include "bench/columns.h"

#include <math.h>
#include <string.h>

typedef struct summary {
    int n;
    double mean, deviation; /* of the sample; NaN where undefined */
} summary;

static summary summarize(const results *r, const char *arm_name, int shots, double ratio, int metric)
{
    double sum = 0, squares = 0;
    int n = 0;
    for (int pass = 0; pass < 2; pass++) {
        double mean = n ? sum / n : NAN;
        for (int i = 0; i < r->n; i++) {
            const trial_row *row = &r->rows[i];
            double value = row->values.values[metric];
            if (row->shots != shots || fabs(row->ratio - ratio) > 1e-9 || strcmp(row->arm, arm_name) != 0 ||
                isnan(value))
                continue;
            if (pass == 0) {
                sum += value;
                n++;
            } else {
                squares += (value - mean) * (value - mean);
            }
        }
    }
    return (summary){n, n ? sum / n : NAN, n > 1 ? sqrt(squares / (n - 1)) : NAN};
}

static void number_cell(columns *t, double value)
{
    if (isnan(value))
        columns_cell(t, "-");
    else
        columns_cell(t, "%.3f", value);
}

static void mean_row(const study *experiment, const results *r, int arm_index, int shots, double ratio,
                     columns *t)
{
    const int *others = task_infos[experiment->task].shown;
    const char *name = experiment->arms[arm_index].name;
    summary main_metric = summarize(r, name, shots, ratio, experiment->metric);
    columns_cell(t, "%d", shots);
    columns_cell(t, "%s", name);
    columns_cell(t, "%.2g", ratio);
    number_cell(t, main_metric.mean);
    number_cell(t, main_metric.deviation);
    for (int i = 0; i < TASK_SHOWN; i++) number_cell(t, summarize(r, name, shots, ratio, others[i]).mean);
    columns_cell(t, "%d", main_metric.n);
}

static void header(columns *t, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) columns_cell(t, "%s", names[i]);
}

static void report_failures(const results *r, text *out)
{
    for (int i = 0; i < r->n; i++)
        if (!r->rows[i].done)
            text_printf(out, "failed: %s, %d shots, seed %d: %s\n", r->rows[i].arm, r->rows[i].shots,
                        r->rows[i].seed, r->rows[i].message);
}

err report_results(const study *experiment, const results *r, text *out)
{
    const int *shown = task_infos[experiment->task].shown;
    const char *const names[] = {"shots",
                                 "arm",
                                 "ratio",
                                 score_infos[experiment->metric].name,
                                 "sd",
                                 score_infos[shown[0]].name,
                                 score_infos[shown[1]].name,
                                 score_infos[shown[2]].name,
                                 "seeds"};
    columns t;
    columns_open(&t, "rlrrrrrrr");
    header(&t, names, sizeof names / sizeof names[0]);
    for (int i = 0; i < experiment->s.shots.n; i++)
        for (int a = 0; a < experiment->n_arms; a++)
            for (int j = 0; j < arm_ratio_count(experiment, a); j++)
                mean_row(experiment, r, a, experiment->s.shots.values[i], arm_ratio(experiment, a, j), &t);
    text_printf(out, "Results, mean over the seeds (");
    if (experiment->s.few_shot_class[0])
        text_printf(out, "%s is the few-shot class", experiment->s.few_shot_class);
    else
        text_printf(out, "%.4g%% of the training patients are labelled", 100 * experiment->s.labelled);
    text_printf(out, "; ratio: synthetic share of a batch)\n\n");
    err error = columns_format(&t, out);
    columns_close(&t);
    report_failures(r, out);
    return error;
}

static void percent_cell(columns *t, double value)
{
    if (isnan(value))
        columns_cell(t, "-");
    else
        columns_cell(t, "%+.1f%%", value);
}

static void gain_line(const gain_row *row, columns *t)
{
    const gain *g = &row->g;
    columns_cell(t, "%d", row->shots);
    columns_cell(t, "%s", row->arm);
    columns_cell(t, "%s", row->baseline);
    columns_cell(t, "%.2g", row->ratio);
    number_cell(t, g->mean_y);
    number_cell(t, g->mean_x);
    percent_cell(t, g->percent);
    if (isnan(g->percent_low))
        columns_cell(t, "-");
    else
        columns_cell(t, "%+.1f%% to %+.1f%%", g->percent_low, g->percent_high);
    number_cell(t, g->p_value);
    columns_cell(t, "%d", g->pairs);
    columns_cell(t, "%s", gain_verdict_names[gain_verdict_of(row)]);
}

/* The verdicts in words, and what keeps them from being more than they are. */
static void explain(const study *experiment, const gains *g, text *out)
{
    static const char *const meaning[] = {"its 95% interval leaves out 0", "its 95% interval contains 0",
                                          "the arm is worse, and its 95% interval leaves out 0",
                                          "that needs three seeds at least"};
    int count[4] = {0}, pairs = 0;
    for (int i = 0; i < g->n; i++) {
        if (g->rows[i].metric != experiment->metric) continue;
        count[gain_verdict_of(&g->rows[i])]++;
        if (g->rows[i].g.pairs > pairs) pairs = g->rows[i].g.pairs;
    }
    int contrasts = count[0] + count[1] + count[2] + count[3];
    for (int i = 0; i < 4; i++)
        if (count[i])
            text_printf(out, "%s (%d of %d): %s.\n", gain_verdict_names[i], count[i], contrasts, meaning[i]);
    if (contrasts > 1)
        text_printf(out, "Of %d contrasts, one in twenty leaves out 0 by chance alone.\n", contrasts);
    if (pairs > 0 && pairs < 6) /* 2 / 2^5 = 0.0625 */
        text_printf(
            out,
            "With %d seed%s the exact test's p cannot fall below %.3g: take these numbers as a first look.\n",
            pairs, pairs == 1 ? "" : "s", 2 / pow(2, pairs));
}

err report_gains(const study *experiment, const gains *g, text *out)
{
    static const char *const names[] = {"shots",    "arm",  "baseline",     "ratio", "baseline mean",
                                        "arm mean", "gain", "95% interval", "p",     "pairs",
                                        "verdict"};
    if (g->n == 0) {
        text_printf(
            out,
            "No contrasts: there is no arm `real` to compare with, and experiment.contrasts is empty.\n");
        return text_check(out);
    }
    columns t;
    columns_open(&t, "rllrrrrrrrl");
    header(&t, names, sizeof names / sizeof names[0]);
    for (int i = 0; i < g->n; i++)
        if (g->rows[i].metric == experiment->metric) gain_line(&g->rows[i], &t);
    text_printf(out, "Gains in %s (%s)\n\n", score_infos[experiment->metric].name,
                score_infos[experiment->metric].help);
    err error = columns_format(&t, out);
    columns_close(&t);
    text_printf(out, "\n");
    explain(experiment, g, out);
    return error;
}
