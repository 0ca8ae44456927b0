#include "bench/plot_points.h"

#include "bench/gnuplot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_shown(const table *t, int row, const char *metric, const char *gain_column)
{
    return strcmp(evidence_text(t, row, "metric"), metric) == 0 && !evidence_text(t, row, "subgroup")[0] &&
           isfinite(evidence_number(t, row, gain_column));
}

/* Whether a row shows a gain or a harm. */
static bool is_clear(const table *t, int row, double low, double high)
{
    if (table_column(t, "verdict") < 0) return low > 0 || high < 0;
    const char *verdict = evidence_text(t, row, "verdict");
    return strcmp(verdict, "gain") == 0 || strcmp(verdict, "harm") == 0;
}

err plot_points_open(const table *t, const char *metric, const char *const columns[3], plot_points *out)
{
    *out = (plot_points){.points = calloc((size_t)t->rows + 1, sizeof *out->points),
                         .verdicts = table_column(t, "verdict") >= 0};
    if (!out->points) return err_set(ERR_SYSTEM, "out of memory for a figure");
    for (int i = 0; i < t->rows; i++) {
        if (!is_shown(t, i, metric, columns[0])) continue;
        double low = evidence_number(t, i, columns[1]), high = evidence_number(t, i, columns[2]);
        double shots = evidence_number(t, i, "shots");
        out->shares |= shots <= 0 && table_column(t, "labelled") >= 0;
        if (out->shares) shots = evidence_number(t, i, "labelled");
        const char *model = evidence_text(t, i, "model");
        out->models |= out->n > 0 && strcmp(out->points[0].model, model) != 0;
        out->points[out->n++] = (plot_point){.arm = evidence_text(t, i, "arm"),
                                             .baseline = evidence_text(t, i, "baseline"),
                                             .label = evidence_text(t, i, "label"),
                                             .model = model,
                                             .shots = shots,
                                             .ratio = evidence_number(t, i, "ratio"),
                                             .baseline_ratio = evidence_number(t, i, "baseline_ratio"),
                                             .gain = evidence_number(t, i, columns[0]),
                                             .low = low,
                                             .high = high,
                                             .clear = is_clear(t, i, low, high)};
    }
    return OK;
}

void plot_points_close(plot_points *p)
{
    free(p->points);
    *p = (plot_points){0};
}

bool plot_same_contrast(const plot_point *a, const plot_point *b)
{
    return strcmp(a->arm, b->arm) == 0 && strcmp(a->baseline, b->baseline) == 0 &&
           strcmp(a->model, b->model) == 0;
}

bool plot_same_series(const plot_point *a, const plot_point *b)
{
    return plot_same_contrast(a, b) && a->ratio == b->ratio && a->baseline_ratio == b->baseline_ratio;
}

bool plot_same_label(const plot_point *a, const plot_point *b)
{
    return strcmp(a->label, b->label) == 0;
}

static bool is_first(const plot_points *p, int i, plot_same *same)
{
    for (int j = 0; j < i; j++)
        if (same(&p->points[i], &p->points[j])) return false;
    return true;
}

int plot_class(const plot_points *p, int i, plot_same *same)
{
    int classes = 0;
    for (int j = 0; j < p->n; j++) {
        if (!is_first(p, j, same)) continue;
        if (i < p->n && same(&p->points[i], &p->points[j])) return classes;
        classes++;
    }
    return classes;
}

const plot_point *plot_first(const plot_points *p, int class_number, plot_same *same)
{
    for (int j = 0, classes = 0; j < p->n; j++)
        if (is_first(p, j, same) && classes++ == class_number) return &p->points[j];
    return NULL;
}

double plot_shots(const plot_point *p)
{
    return p->shots;
}

double plot_ratio(const plot_point *p)
{
    return p->ratio;
}

int plot_values_find(const plot_values *v, double value)
{
    for (int i = 0; i < v->n; i++)
        if (v->values[i] == value) return i;
    return -1;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

plot_values plot_values_of(const plot_points *p, double (*of)(const plot_point *p))
{
    plot_values v = {.n = 0};
    for (int i = 0; i < p->n && v.n < PLOT_VALUES; i++) {
        double value = of(&p->points[i]);
        if (isfinite(value) && plot_values_find(&v, value) < 0) v.values[v.n++] = value;
    }
    qsort(v.values, (size_t)v.n, sizeof v.values[0], ascending);
    return v;
}

void plot_range(const plot_points *p, double *low, double *high)
{
    enum { VALUES = 3 };
    *low = *high = 0;
    for (int i = 0; i < p->n; i++) {
        const double values[VALUES] = {p->points[i].gain, p->points[i].low, p->points[i].high};
        for (int k = 0; k < VALUES; k++) {
            if (values[k] < *low) *low = values[k];
            if (values[k] > *high) *high = values[k];
        }
    }
    double margin = *high > *low ? 0.05 * (*high - *low) : 1;
    *low -= margin;
    *high += margin;
}

void plot_add_filled(const plot_points *p, text *prelude)
{
    gnuplot_text(prelude, "filled_means",
                 p->verdicts ? "filled: gain or harm, corrected for all contrasts"
                             : "filled: the interval leaves out 0");
}

void plot_add_arm(const char *arm, text *out)
{
    enum { MOST = 22, FRONT = 8, BACK = 12 };
    size_t n = strlen(arm);
    if (n <= MOST)
        text_printf(out, "%s", arm);
    else
        text_printf(out, "%.*s...%s", (int)FRONT, arm, arm + n - BACK);
}

void plot_add_ratio(const plot_point *p, text *out)
{
    if (p->ratio > 0 && p->ratio < 1) text_printf(out, " (%.3g)", p->ratio);
}

void plot_add_budget(double value, bool share, text *out)
{
    if (share)
        text_printf(out, "%.4g%% labelled", 100 * value);
    else
        text_printf(out, "%g shots", value);
}

void plot_add_contrast(const plot_points *p, const plot_point *first, bool ratio, text *out)
{
    plot_add_arm(first->arm, out);
    if (ratio) plot_add_ratio(first, out);
    if (p->models) text_printf(out, ", %s", first->model);
    text_printf(out, "\nagainst ");
    plot_add_arm(first->baseline, out);
}
