#include "bench/report.h"

#include "bench/columns.h"
#include "bench/power.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct summary {
    int n;
    double mean, deviation; /* of the sample; NaN where undefined */
} summary;

/* Rows of the same table line differ by their seeds. */
static bool same_line(const trial_row *a, const trial_row *b)
{
    return a->shots == b->shots && same_share(a->labelled, b->labelled) && same_share(a->ratio, b->ratio) &&
           strcmp(a->arm, b->arm) == 0 && strcmp(a->model, b->model) == 0;
}

static summary summarize(const results *r, const trial_row *line, int metric)
{
    double sum = 0, squares = 0;
    int n = 0;
    for (int pass = 0; pass < 2; pass++) {
        double mean = n ? sum / n : NAN;
        for (int i = 0; i < r->n; i++) {
            double value = r->rows[i].values.values[metric];
            if (isnan(value) || !same_line(&r->rows[i], line)) continue;
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

/* What a line is of: shots, or without a few-shot class the share of patients with labels; the model, where
 * there are several. */
static void budget_cells(const study *experiment, int shots, double labelled, const char *model, columns *t)
{
    if (!experiment->s.few_shot_class[0])
        columns_cell(t, "%.4g%%", 100 * labelled);
    else
        columns_cell(t, "%d", shots);
    if (study_models(experiment)->n > 1) columns_cell(t, "%s", model);
}

static void budget_header(const study *experiment, columns *t)
{
    columns_cell(t, experiment->s.few_shot_class[0] ? "shots" : "labelled");
    if (study_models(experiment)->n > 1) columns_cell(t, "model");
}

typedef struct table_layout {
    char letters[COLUMNS_MAX + 1];
} table_layout;

/* `alignment` is of the other columns; `layout` must outlive the table. */
static void open_table(const study *experiment, const char *alignment, table_layout *layout, columns *t)
{
    const char *model = study_models(experiment)->n > 1 ? "l" : "";
    (void)snprintf(layout->letters, sizeof layout->letters, "r%s%s", model, alignment);
    columns_open(t, layout->letters);
    budget_header(experiment, t);
}

static void mean_row(const study *experiment, const results *r, const trial_row *line, columns *t)
{
    const int *others = task_infos[experiment->task].shown;
    summary main_metric = summarize(r, line, experiment->metric);
    budget_cells(experiment, line->shots, line->labelled, line->model, t);
    columns_cell(t, "%s", line->arm);
    columns_cell(t, "%.2g", line->ratio);
    number_cell(t, main_metric.mean);
    number_cell(t, main_metric.deviation);
    for (int i = 0; i < TASK_SHOWN; i++) number_cell(t, summarize(r, line, others[i]).mean);
    columns_cell(t, "%d", main_metric.n);
}

/* The lines of one model and budget of labels. */
static void arm_rows(const study *experiment, const results *r, trial_row line, columns *t)
{
    for (int a = 0; a < experiment->n_arms; a++)
        for (int j = 0; j < arm_ratio_count(experiment, a); j++) {
            (void)snprintf(line.arm, sizeof line.arm, "%s", experiment->arms[a].name);
            line.ratio = arm_ratio(experiment, a, j);
            mean_row(experiment, r, &line, t);
        }
}

static void report_failure(const study *experiment, const trial_row *row, text *out)
{
    text_printf(out, "failed: %s", row->arm);
    if (study_models(experiment)->n > 1) text_printf(out, ", %s", row->model);
    if (row->shots > 0)
        text_printf(out, ", %d shots", row->shots);
    else
        text_printf(out, ", %.4g%% labelled", 100 * row->labelled);
    text_printf(out, ", seed %d: %s\n", row->seed, row->message);
}

static void report_failures(const study *experiment, const results *r, text *out)
{
    for (int i = 0; i < r->n; i++)
        if (!r->rows[i].done) report_failure(experiment, &r->rows[i], out);
}

err report_results(const study *experiment, const results *r, text *out)
{
    const int *shown = task_infos[experiment->task].shown;
    const char *const names[] = {"arm",
                                 "ratio",
                                 score_infos[experiment->metric].name,
                                 "sd",
                                 score_infos[shown[0]].name,
                                 score_infos[shown[1]].name,
                                 score_infos[shown[2]].name,
                                 "seeds",
                                 NULL};
    columns t;
    table_layout layout = {{0}};
    open_table(experiment, "lrrrrrrr", &layout, &t);
    columns_header(&t, names);
    for (int i = 0; i < study_budgets(experiment); i++)
        for (int m = 0; m < study_models(experiment)->n; m++) {
            label_budget budget = study_budget(experiment, i);
            trial_row line = {.shots = budget.shots, .labelled = budget.labelled};
            (void)snprintf(line.model, sizeof line.model, "%.*s", MODEL_NAME_BYTES - 1,
                           study_models(experiment)->values[m]);
            arm_rows(experiment, r, line, &t);
        }
    text_printf(out, "Results, mean over the seeds (");
    if (experiment->s.few_shot_class[0])
        text_printf(out, "%s is the few-shot class", experiment->s.few_shot_class);
    else if (experiment->s.labelled.n > 1)
        text_printf(out, "labelled: share of the training patients that keep their labels");
    else
        text_printf(out, "%.4g%% of the training patients are labelled",
                    100 * experiment->s.labelled.values[0]);
    text_printf(out, "; ratio: synthetic share of a batch)\n\n");
    err error = columns_format(&t, out);
    columns_close(&t);
    report_failures(experiment, r, out);
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

static void gain_line(const study *experiment, const gain_row *row, columns *t)
{
    const gain *g = &row->g;
    double published = row->label[0] ? 0 : task_infos[experiment->task].published; /* over all images */
    if (row->label[0]) columns_cell(t, "%s", row->label);
    budget_cells(experiment, row->shots, row->labelled, row->model, t);
    columns_cell(t, "%s", row->arm);
    columns_cell(t, "%s", row->baseline);
    columns_cell(t, "%.2g", row->ratio);
    percent_cell(t, g->percent);
    interval_cell(t, g->percent_low, g->percent_high);
    interval_cell(t, row->bca_low, row->bca_high);
    if (published > 0) columns_cell(t, "%+.3g%%", published);
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

/* What the numbers of a table mean; `families` is what p is corrected for beside them. */
static void explain(const study *experiment, const gains *g, const char *families, text *out)
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
        "p: exact sign-flip test over paired seeds; corrected (Holm) for all contrasts%s, so that the chance "
        "of any\nfalse gain or harm in this table is at most 5%%. Intervals are of one contrast each: "
        "Fieller's t, and the BCa bootstrap's.\n",
        families);
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
    static const char *const names[] = {"arm",          "baseline",     "ratio", "gain",
                                        "95% interval", "BCa interval", NULL};
    static const char *const rest[] = {"p", "corrected p", "detectable", "pairs", "verdict", NULL};
    bool published = task_infos[experiment->task].published > 0;
    if (g->n == 0) {
        text_printf(
            out,
            "No contrasts: there is no arm `real` to compare with, and experiment.contrasts is empty.\n");
        return text_check(out);
    }
    columns t;
    table_layout layout = {{0}};
    open_table(experiment, published ? "llrrrrrrrrrl" : "llrrrrrrrrl", &layout, &t);
    columns_header(&t, names);
    if (published) columns_cell(&t, "paper");
    columns_header(&t, rest);
    for (int i = 0; i < g->n; i++)
        if (g->rows[i].metric == experiment->metric) gain_line(experiment, &g->rows[i], &t);
    text_printf(out, "Gains in %s (%s)\n\n", score_infos[experiment->metric].name,
                score_infos[experiment->metric].help);
    err error = columns_format(&t, out);
    columns_close(&t);
    text_printf(out, "\n");
    explain(experiment, g, "", out);
    if (published)
        text_printf(
            out,
            "paper: the relative improvement that the EMIXER paper reports, on its own data and models.\n");
    return error;
}

err report_subgroups(const study *experiment, const gains *g, text *out)
{
    static const char *const names[] = {"arm",          "baseline",     "ratio",   "gain",
                                        "95% interval", "BCa interval", "p",       "corrected p",
                                        "detectable",   "pairs",        "verdict", NULL};
    bool models = study_models(experiment)->n > 1;
    columns t;
    if (g->n == 0) return text_check(out);
    columns_open(&t, models ? "lrlllrrrrrrrrl" : "lrllrrrrrrrrl");
    columns_cell(&t, "subgroup");
    budget_header(experiment, &t);
    columns_header(&t, names);
    for (int i = 0; i < g->n; i++)
        if (g->rows[i].metric == experiment->metric) gain_line(experiment, &g->rows[i], &t);
    text_printf(out, "\nGains in %s on the test images of each subgroup\n\n",
                score_infos[experiment->metric].name);
    err error = columns_format(&t, out);
    columns_close(&t);
    text_printf(out, "\n");
    explain(experiment, g, " and subgroups", out);
    return error;
}
