/* The table of all contrasts in the experiment's metric. */
#include "bench/html_parts.h"
#include "bench/html_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 20 };

/* A column of the page that stands for one or two of gains.csv; without the first there is none. */
typedef struct gains_column {
    const char *head, *column, *high, *format;
    char side; /* 'l' or 'r' */
} gains_column;

static const gains_column columns[] = {
    {"verdict", "metric", NULL, NULL, 'l'},
    {"arm", "arm", NULL, NULL, 'l'},
    {"baseline", "baseline", NULL, NULL, 'l'},
    {"shots", "shots", NULL, "%.0f", 'r'},
    {"labelled", "labelled", NULL, "%.4g", 'r'},
    {"model", "model", NULL, NULL, 'l'},
    {"ratio", "ratio", NULL, "%.2g", 'r'},
    {"gain", "percent", NULL, "%+.1f%%", 'r'},
    {"95% interval", "percent_low", "percent_high", NULL, 'r'},
    {"p", "p_value", NULL, "%.3f", 'r'},
    {"corrected p", "holm_p_value", NULL, "%.3f", 'r'},
    {"guards overridden", "allowed", NULL, NULL, 'l'},
    {"seeds", "pairs", NULL, "%.0f", 'r'},
    {"baseline mean", "baseline_mean", NULL, "%.3f", 'r'},
    {"arm mean", "arm_mean", NULL, "%.3f", 'r'},
    {"95% BCa interval", "bca_low", "bca_high", NULL, 'r'},
    {"detectable gain", "detectable_percent", NULL, "%.1f%%", 'r'},
};

/* The number of the low end is what intervals sort by. */
static void add_interval(double low, double high, text *out)
{
    if (isnan(low) || isnan(high)) {
        text_printf(out, "<td class=\"n\" data-v=\"\"></td>");
        return;
    }
    text_printf(out, "<td class=\"n\" data-v=\"%.9g\">%+.1f%% to %+.1f%%</td>", low, low, high);
}

static void add_cell(const evidence *e, int row, const gains_column *c, text *out)
{
    const table *t = &e->gains;
    double value = evidence_number(t, row, c->column);
    if (c == &columns[0]) {
        text_printf(out, "<td>");
        html_badge(html_verdict_of(e, row), out);
        text_printf(out, "</td>");
    } else if (c->high) {
        add_interval(value, evidence_number(t, row, c->high), out);
    } else if (c->format) {
        html_number(out, c->format, value);
    } else {
        html_cell(out, evidence_text(t, row, c->column));
    }
}

/* A share of labels or a model that is the same in all rows the settings tell; a guard that was overridden is
 * told wherever there is one. */
static bool is_shown(const table *t, const char *column)
{
    if (strcmp(column, "labelled") == 0 || strcmp(column, "model") == 0) return html_varies(t, column);
    if (strcmp(column, "allowed") == 0)
        return html_varies(t, column) || (t->rows > 0 && evidence_text(t, 0, column)[0]);
    return html_has(t, column);
}

void html_gains(const evidence *e, text *out)
{
    const gains_column *shown[COLUMNS];
    const char *heads[COLUMNS];
    char layout[COLUMNS], caption[256];
    int n = 0, metric_rows = 0;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        if (!is_shown(&e->gains, columns[i].column)) continue;
        shown[n] = &columns[i];
        heads[n] = columns[i].head;
        layout[n++] = columns[i].side;
    }
    for (int i = 0; i < e->gains.rows; i++) metric_rows += evidence_main_gain(e, i);
    if (metric_rows == 0) return;
    (void)snprintf(
        caption, sizeof caption,
        "Gain of each arm over its baseline in %s, relative to the baseline's mean, paired by seed.",
        e->metric);
    text_printf(out, "<section aria-labelledby=\"h-gains\">\n<h2 id=\"h-gains\">Gains</h2>\n");
    html_table_begin(out, "gains", caption, heads, n, layout);
    for (int i = 0; i < e->gains.rows; i++) {
        if (!evidence_main_gain(e, i)) continue;
        html_row_begin(out);
        for (int k = 0; k < n; k++) add_cell(e, i, shown[k], out);
        html_row_end(out);
    }
    html_table_end(out);
    text_printf(out, "</section>\n");
}
