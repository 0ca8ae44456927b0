#include "bench/report.h"

#include "bench/columns.h"
#include "bench/power.h"

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

static void interval_cell(columns *t, double low, double high)
{
    if (isnan(low) || isnan(high))
        columns_cell(t, "-");
    else
        columns_cell(t, "%+.1f%% to %+.1f%%", low, high);
}

static void gain_line(const gain_row *row, columns *t)
{
    const gain *g = &row->g;
    columns_cell(t, "%d", row->shots);
    columns_cell(t, "%s", row->arm);
    columns_cell(t, "%s", row->baseline);
    columns_cell(t, "%.2g", row->ratio);
    percent_cell(t, g->percent);
    interval_cell(t, g->percent_low, g->percent_high);
    interval_cell(t, row->bca_low, row->bca_high);
    number_cell(t, g->p_value);
    number_cell(t, row->holm_p);
    double detectable = gain_detectable_percent(row);
    if (isnan(detectable))
        columns_cell(t, "-");
    else
        columns_cell(t, "%.1f%%", detectable);
    columns_cell(t, "%d", g->pairs);
    columns_cell(t, "%s", gain_verdict_names[gain_verdict_of(row)]);
}

/* The verdicts in words, and what keeps them from being more than they are. */
static void explain_verdicts(const int count[4], int contrasts, text *out)
{
    static const char *const meaning[] = {"better, with a corrected p of at most 0.05",
                                          "the corrected p is above 0.05; `detectable` says how large a gain "
                                          "would be found in 4 of 5 such studies",
                                          "worse, with a corrected p of at most 0.05",
                                          "the seeds are too few for any verdict"};
    for (int i = 0; i < 4; i++)
        if (count[i])
            text_printf(out, "%s (%d of %d): %s.\n", gain_verdict_names[i], count[i], contrasts, meaning[i]);
}

static void explain(const study *experiment, const gains *g, text *out)
{
    int count[4] = {0}, pairs = 0, family = 0, contrasts = 0;
    for (int i = 0; i < g->n; i++) {
        const gain_row *row = &g->rows[i];
        if (row->metric != experiment->metric) continue;
        count[gain_verdict_of(row)]++;
        contrasts++;
        if (row->contrasts > family) family = row->contrasts;
        if (row->g.pairs > pairs) pairs = row->g.pairs;
    }
    text_printf(
        out,
        "p: exact sign-flip test over paired seeds; corrected (Holm) for all contrasts, so that the chance "
        "of any\nfalse gain or harm in this table is at most 5%%. Intervals are of one contrast each: "
        "Fieller's t, and the BCa bootstrap's.\n");
    explain_verdicts(count, contrasts, out);
    int fewest = family > 0 ? power_fewest_pairs(family) : 0;
    if (pairs < fewest)
        text_printf(
            out,
            "For %d contrast%s the exact test needs %d seeds at least, and there are %d: take these numbers "
            "as a first look.\n",
            family, family == 1 ? "" : "s", fewest, pairs);
}

err report_gains(const study *experiment, const gains *g, text *out)
{
    static const char *const names[] = {"shots",       "arm",          "baseline",     "ratio",
                                        "gain",        "95% interval", "BCa interval", "p",
                                        "corrected p", "detectable",   "pairs",        "verdict"};
    if (g->n == 0) {
        text_printf(
            out,
            "No contrasts: there is no arm `real` to compare with, and experiment.contrasts is empty.\n");
        return text_check(out);
    }
    columns t;
    columns_open(&t, "rllrrrrrrrrl");
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
