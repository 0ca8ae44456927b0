/* The mean of each arm over the seeds. */
#include "bench/html_parts.h"
#include "bench/html_table.h"
#include "bench/scores.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { METRICS = 1 + TASK_SHOWN };

typedef struct summary {
    int n;
    double mean, deviation; /* NaN where undefined */
} summary;

static bool same_arm(const table *t, int a, int b)
{
    static const char *const columns[] = {"arm", "shots", "labelled", "model", "ratio"};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        if (strcmp(evidence_text(t, a, columns[i]), evidence_text(t, b, columns[i])) != 0) return false;
    return true;
}

/* Over the trials of the arm of row `first`. */
static summary summarize(const table *t, int first, const char *metric)
{
    double sum = 0, squares = 0;
    int n = 0;
    for (int i = first; i < t->rows; i++) {
        double value = evidence_number(t, i, metric);
        if (isnan(value) || !same_arm(t, i, first)) continue;
        sum += value;
        squares += value * value;
        n++;
    }
    double mean = n ? sum / n : (double)NAN;
    double variance = n > 1 ? fmax(0, squares - n * mean * mean) / (n - 1) : (double)NAN;
    return (summary){n, mean, sqrt(variance)};
}

static bool is_first(const table *t, int row)
{
    for (int i = 0; i < row; i++)
        if (same_arm(t, i, row)) return false;
    return true;
}

static void add_row(const table *t, int row, const char *const metrics[], int n, text *out)
{
    summary s = summarize(t, row, metrics[0]);
    html_row_begin(out);
    html_cell(out, evidence_text(t, row, "arm"));
    html_number(out, "%.0f", evidence_number(t, row, "shots"));
    if (html_has(t, "labelled")) html_number(out, "%.4g", evidence_number(t, row, "labelled"));
    if (html_has(t, "model")) html_cell(out, evidence_text(t, row, "model"));
    html_number(out, "%.2g", evidence_number(t, row, "ratio"));
    html_number(out, "%.3f", s.mean);
    html_number(out, "%.3f", s.deviation);
    for (int k = 1; k < n; k++) html_number(out, "%.3f", summarize(t, row, metrics[k]).mean);
    html_number(out, "%.0f", s.n);
    html_row_end(out);
}

/* The experiment's metric, then what its task shows beside it. */
static int choose_metrics(const evidence *e, const char *metrics[METRICS])
{
    const char *task = evidence_setting(e, "experiment", "task");
    const task_info *info = &task_infos[task_find(task[0] ? task : "classes")];
    int n = 0;
    metrics[n++] = e->metric;
    for (int i = 0; i < TASK_SHOWN; i++) {
        const char *name = score_infos[info->shown[i]].name;
        if (strcmp(name, e->metric) != 0 && html_has(&e->results, name)) metrics[n++] = name;
    }
    return n;
}

void html_arms(const evidence *e, text *out)
{
    const char *metrics[METRICS], *heads[METRICS + 7] = {"arm", "shots"};
    char layout[METRICS + 8] = "lr";
    if (e->results.rows == 0 || !html_has(&e->results, e->metric)) return;
    int n = choose_metrics(e, metrics), column = 2;
    if (html_has(&e->results, "labelled")) heads[column++] = "labelled";
    int model = html_has(&e->results, "model") ? column : -1;
    if (model > 0) heads[column++] = "model";
    heads[column++] = "ratio";
    heads[column++] = metrics[0];
    heads[column++] = "standard deviation";
    for (int k = 1; k < n; k++) heads[column++] = metrics[k];
    heads[column++] = "seeds";
    for (int i = 2; i < column; i++) layout[i] = i == model ? 'l' : 'r';
    text_printf(out, "<section aria-labelledby=\"h-arms\">\n<h2 id=\"h-arms\">Arms</h2>\n");
    html_table_begin(out, "arms",
                     "Mean over the seeds; labelled: share of the patients with labels; ratio: synthetic "
                     "share of a batch.",
                     heads, column, layout);
    for (int i = 0; i < e->results.rows; i++)
        if (is_first(&e->results, i)) add_row(&e->results, i, metrics, n, out);
    html_table_end(out);
    text_printf(out, "</section>\n");
}
