/* The tables of all contrasts in the experiment's metric: over all test images, and subgroup by subgroup. */
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
    {"subgroup", "subgroup", NULL, NULL, 'l'},
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

/* Where a table stands on the page, and which it is. */
typedef struct gains_table {
    const evidence *e;
    const table *t;
    const char *id, *title, *images; /* "": all test images */
} gains_table;

static bool has_row(const gains_table *g, int row)
{
    if (g->t == &g->e->gains) return evidence_main_gain(g->e, row);
    return strcmp(evidence_text(g->t, row, "metric"), g->e->metric) == 0;
}

static const char *verdict_of(const gains_table *g, int row)
{
    return g->t == &g->e->gains ? html_verdict_of(g->e, row) : evidence_text(g->t, row, "verdict");
}

static void add_cell(const gains_table *g, int row, const gains_column *c, text *out)
{
    const table *t = g->t;
    double value = evidence_number(t, row, c->column);
    if (c == &columns[0]) {
        text_printf(out, "<td>");
        html_badge(verdict_of(g, row), out);
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

static void add_rows(const gains_table *g, const gains_column *const *shown, int n, text *out)
{
    for (int i = 0; i < g->t->rows; i++) {
        if (!has_row(g, i)) continue;
        html_row_begin(out);
        for (int k = 0; k < n; k++) add_cell(g, i, shown[k], out);
        html_row_end(out);
    }
}

static void add_section(const gains_table *g, text *out)
{
    const gains_column *shown[COLUMNS];
    const char *heads[COLUMNS];
    char layout[COLUMNS], caption[256];
    int n = 0, metric_rows = 0;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        if (!is_shown(g->t, columns[i].column)) continue;
        shown[n] = &columns[i];
        heads[n] = columns[i].head;
        layout[n++] = columns[i].side;
    }
    for (int i = 0; i < g->t->rows; i++) metric_rows += has_row(g, i);
    if (metric_rows == 0) return;
    (void)snprintf(
        caption, sizeof caption,
        "Gain of each arm over its baseline in %s%s, relative to the baseline's mean, paired by seed.",
        g->e->metric, g->images);
    text_printf(out, "<section aria-labelledby=\"h-%s\">\n<h2 id=\"h-%s\">%s</h2>\n", g->id, g->id, g->title);
    html_table_begin(out, g->id, caption, heads, n, layout);
    add_rows(g, shown, n, out);
    html_table_end(out);
    text_printf(out, "</section>\n");
}

void html_gains(const evidence *e, text *out)
{
    const gains_table all = {e, &e->gains, "gains", "Gains", ""};
    const gains_table parts = {e, &e->subgroup_gains, "subgroups", "Gains by subgroup",
                               " on the test images of each subgroup"};
    add_section(&all, out);
    add_section(&parts, out);
}
