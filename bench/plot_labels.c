/* Gains label by label: a panel for each contrast. */
#include "bench/gnuplot.h"
#include "bench/plot_figures.h"
#include "bench/plot_points.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PANELS_MOST = 24, LABELS_MOST = 40 };

/* The experiment's metric where label_gains.csv has it, else the first that it has. */
static const char *label_metric(const evidence *e)
{
    const table *t = &e->label_gains;
    for (int i = 0; i < t->rows; i++)
        if (strcmp(evidence_text(t, i, "metric"), e->metric) == 0) return e->metric;
    return evidence_text(t, 0, "metric");
}

static void add_panel_names(const plot_points *p, int panels, text *prelude)
{
    const char *names[PANELS_MOST];
    text t[PANELS_MOST] = {{0}};
    for (int k = 0; k < panels; k++) {
        const plot_point *first = plot_first(p, k, plot_same_series);
        plot_add_contrast(p, first, true, &t[k]);
        names[k] = t[k].data ? t[k].data : "";
        prelude->failed |= t[k].failed;
    }
    gnuplot_number(prelude, "panels", panels);
    gnuplot_texts(prelude, "panel_names", names, panels);
    for (int k = 0; k < panels; k++) text_close(&t[k]);
}

static void add_label_names(const plot_points *p, int labels, text *prelude)
{
    const char *names[LABELS_MOST];
    for (int k = 0; k < labels; k++) names[k] = plot_first(p, k, plot_same_label)->label;
    gnuplot_number(prelude, "labels", labels);
    gnuplot_texts(prelude, "label_names", names, labels);
}

static void add_series(const plot_values *shots, bool shares, text *prelude)
{
    text words[PLOT_VALUES] = {{0}};
    const char *names[PLOT_VALUES];
    for (int i = 0; i < shots->n; i++) {
        plot_add_budget(shots->values[i], shares, &words[i]);
        names[i] = words[i].data ? words[i].data : "";
        prelude->failed |= words[i].failed;
    }
    gnuplot_number(prelude, "series", shots->n);
    gnuplot_texts(prelude, "series_names", names, shots->n);
    for (int i = 0; i < shots->n; i++) text_close(&words[i]);
}

static void add_points(const plot_points *p, const plot_values *shots, text *prelude)
{
    double low, high;
    plot_range(p, &low, &high);
    gnuplot_number(prelude, "low", low);
    gnuplot_number(prelude, "high", high);
    text_printf(prelude, "$points <<END\n");
    for (int i = 0; i < p->n; i++) {
        const plot_point *q = &p->points[i];
        int series = plot_values_find(shots, q->shots);
        double y = -plot_class(p, i, plot_same_label) - 1 + 0.2 * ((shots->n - 1) / 2.0 - series);
        text_printf(prelude, "%.9g\t%.9g\t%.9g\t%.9g\t%d\t%d\t%d\n", q->gain, y,
                    isnan(q->low) ? q->gain : q->low, isnan(q->high) ? q->gain : q->high, series + 1,
                    q->clear, plot_class(p, i, plot_same_series) + 1);
    }
    text_printf(prelude, "END\n");
}

err plot_by_label(const evidence *e, const char *out, text *prelude, char *why)
{
    static const char *const gains[3] = {"gain", "low", "high"};
    plot_points p;
    (void)out;
    if (e->label_gains.rows == 0) {
        (void)snprintf(why, PLOT_WHY_BYTES, "there is no label_gains.csv");
        return OK;
    }
    const char *metric = label_metric(e);
    TRY(plot_points_open(&e->label_gains, metric, gains, &p));
    int labels = plot_class(&p, p.n, plot_same_label), panels = plot_class(&p, p.n, plot_same_series);
    plot_values shots = plot_values_of(&p, plot_shots);
    if (p.n == 0) {
        (void)snprintf(why, PLOT_WHY_BYTES, "label_gains.csv has no gain in %.60s", metric);
    } else if (labels > LABELS_MOST || panels > PANELS_MOST) {
        (void)snprintf(why, PLOT_WHY_BYTES, "%d labels and %d contrasts are too many for one figure", labels,
                       panels);
    } else {
        gnuplot_text(prelude, "metric", metric);
        plot_add_filled(&p, prelude);
        add_panel_names(&p, panels, prelude);
        add_label_names(&p, labels, prelude);
        add_series(&shots, p.shares, prelude);
        add_points(&p, &shots, prelude);
    }
    plot_points_close(&p);
    return text_check(prelude);
}
