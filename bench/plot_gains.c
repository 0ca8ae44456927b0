/* Forest plot of all contrasts, and their curves over shots and over ratios. */
#include "bench/gnuplot.h"
#include "bench/plot_figures.h"
#include "bench/plot_points.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const percents[3] = {"percent", "percent_low", "percent_high"};

static void add_range(const plot_points *p, text *prelude)
{
    double low, high;
    plot_range(p, &low, &high);
    gnuplot_number(prelude, "low", low);
    gnuplot_number(prelude, "high", high);
}

/* Texts for gnuplot_texts. */
typedef struct names {
    text texts[PLOT_VALUES];
    int n;
} names;

static text *next_name(names *list)
{
    return &list->texts[list->n < PLOT_VALUES - 1 ? list->n++ : list->n];
}

static void add_names(const char *name, names *list, text *prelude)
{
    const char *values[PLOT_VALUES];
    for (int i = 0; i < list->n; i++) {
        values[i] = list->texts[i].data ? list->texts[i].data : "";
        prelude->failed |= list->texts[i].failed;
    }
    gnuplot_texts(prelude, name, values, list->n);
    for (int i = 0; i < PLOT_VALUES; i++) text_close(&list->texts[i]);
    list->n = 0;
}

/* An interval that is not there is drawn as its point. */
static double or_gain(double bound, const plot_point *p)
{
    return isnan(bound) ? p->gain : bound;
}

/* ---- gain ---- */

/* Lengths in em. */
static const double line_height = 1.5, group_height = 3.0, group_gap = 0.7;

typedef struct forest {
    const plot_points *p;
    plot_values shots;
    names group_names, line_numbers;
    double group_places[PLOT_VALUES], rules[PLOT_VALUES], line_places[PLOT_VALUES];
    text points;
    double y; /* how far down the page is used */
} forest;

static void add_line(forest *f, const plot_point *p, double y)
{
    text *number = next_name(&f->line_numbers);
    f->line_places[f->line_numbers.n - 1] = y;
    text_printf(number, "%+.1f", p->gain);
    if (!isnan(p->low)) text_printf(number, " [%+.1f, %+.1f]", p->low, p->high);
    text_printf(&f->points, "%.9g\t%.9g\t%.9g\t%.9g\t%d\t%d\n", p->gain, y, or_gain(p->low, p),
                or_gain(p->high, p), plot_values_find(&f->shots, p->shots) + 1, p->clear);
}

/* The lines of one contrast, by shots. */
static void add_group(forest *f, int group)
{
    const plot_point *first = plot_first(f->p, group, plot_same_series);
    int lines = 0;
    for (int i = 0; i < f->p->n; i++) lines += plot_same_series(&f->p->points[i], first);
    double height = lines * line_height > group_height ? lines * line_height : group_height;
    double y = f->y - (height - (lines - 1) * line_height) / 2;
    for (int k = 0; k < f->shots.n; k++)
        for (int i = 0; i < f->p->n; i++) {
            const plot_point *p = &f->p->points[i];
            if (!plot_same_series(p, first) || p->shots != f->shots.values[k]) continue;
            add_line(f, p, y);
            y -= line_height;
        }
    text *name = next_name(&f->group_names);
    plot_add_contrast(f->p, first, true, name);
    f->group_places[group] = f->y - height / 2;
    f->y -= height + group_gap;
    f->rules[group] = f->y + group_gap / 2;
}

static void add_shots(const plot_values *shots, bool shares, text *prelude)
{
    names list = {.n = 0};
    for (int i = 0; i < shots->n; i++) plot_add_budget(shots->values[i], shares, next_name(&list));
    gnuplot_number(prelude, "series", list.n);
    add_names("series_names", &list, prelude);
}

static void add_forest(const evidence *e, const plot_points *p, int groups, text *prelude)
{
    forest f = {.p = p, .shots = plot_values_of(p, plot_shots)};
    for (int k = 0; k < groups; k++) add_group(&f, k);
    gnuplot_text(prelude, "metric", e->metric);
    gnuplot_number(prelude, "groups", groups);
    gnuplot_number(prelude, "lines", f.line_numbers.n);
    gnuplot_number(prelude, "top", -f.y - group_gap / 2);
    add_range(p, prelude);
    plot_add_filled(p, prelude);
    add_names("group_names", &f.group_names, prelude);
    add_names("line_numbers", &f.line_numbers, prelude);
    gnuplot_numbers(prelude, "group_places", f.group_places, groups);
    gnuplot_numbers(prelude, "rules", f.rules, groups);
    gnuplot_numbers(prelude, "line_places", f.line_places, f.points.length ? p->n : 0);
    add_shots(&f.shots, p->shares, prelude);
    text_printf(prelude, "$points <<END\n%sEND\n", f.points.data ? f.points.data : "");
    prelude->failed |= f.points.failed;
    text_close(&f.points);
}

err plot_gain(const evidence *e, const char *out, text *prelude, char *why)
{
    (void)out;
    plot_points p;
    TRY(plot_points_open(&e->gains, e->metric, percents, &p));
    int groups = plot_class(&p, p.n, plot_same_series);
    if (p.n == 0)
        (void)snprintf(why, PLOT_WHY_BYTES, "gains.csv has no gain in %s", e->metric);
    else if (p.n >= PLOT_VALUES)
        (void)snprintf(why, PLOT_WHY_BYTES, "%d contrasts are too many for one figure (%d)", p.n,
                       PLOT_VALUES - 1);
    else
        add_forest(e, &p, groups, prelude);
    plot_points_close(&p);
    return text_check(prelude);
}

/* ---- gain_by_shots, gain_by_ratio ---- */

typedef struct curves {
    double (*x)(const plot_point *p), (*series)(const plot_point *p);
    bool logarithmic; /* where x spans more than a factor of 4 */
    const char *axis;
} curves;

static void name_ratio(double value, text *out)
{
    if (value == 0)
        text_printf(out, "none synthetic");
    else if (value == 1)
        text_printf(out, "synthetic alone");
    else
        text_printf(out, "ratio %.3g", value);
}

/* In series whose values are shares of labels, `shares` of the points is true. */
static void name_series(const plot_points *p, const curves *c, double value, text *out)
{
    if (c->series == plot_ratio)
        name_ratio(value, out);
    else
        plot_add_budget(value, p->shares, out);
}

/* Contrasts whose gains are known at two places at least. */
static int curve_panels(const plot_points *p, const curves *c, int panel_of[])
{
    int panels = 0, contrasts = plot_class(p, p->n, plot_same_contrast);
    for (int k = 0; k < contrasts && k < PLOT_VALUES; k++) {
        const plot_point *first = plot_first(p, k, plot_same_contrast);
        bool several = false;
        for (int i = 0; i < p->n; i++)
            several |= plot_same_contrast(&p->points[i], first) && c->x(&p->points[i]) != c->x(first);
        panel_of[k] = several ? ++panels : 0;
    }
    return panels;
}

/* Where values lie on the axis, 0 to 1. */
static void place(const plot_values *v, bool logarithmic, double places[])
{
    double first = v->values[0], last = v->values[v->n - 1];
    bool by_factor = logarithmic && first > 0 && last / first >= 4;
    for (int i = 0; i < v->n; i++)
        places[i] = by_factor ? log(v->values[i] / first) / log(last / first)
                              : (v->values[i] - first) / (last - first);
}

static double narrowest(const double places[], int n)
{
    double gap = 1;
    for (int i = 1; i < n; i++)
        if (places[i] - places[i - 1] < gap) gap = places[i] - places[i - 1];
    return gap;
}

/* How many points of a panel lie at each value of the series. */
static void count_series(const plot_points *p, const curves *c, const plot_values *s, int panel,
                         int counts[PLOT_VALUES])
{
    const plot_point *first = plot_first(p, panel, plot_same_contrast);
    memset(counts, 0, PLOT_VALUES * sizeof *counts);
    for (int i = 0; i < p->n; i++) {
        int j = plot_values_find(s, c->series(&p->points[i]));
        if (j >= 0 && plot_same_contrast(&p->points[i], first)) counts[j]++;
    }
}

/* The series of a panel one after the other, by x, so that a line joins their points; they stand side by
 * side. */
static void add_panel(const plot_points *p, const curves *c, const plot_values *x, const plot_values *s,
                      int panel, const double places[], text *prelude)
{
    const plot_point *first = plot_first(p, panel, plot_same_contrast);
    int counts[PLOT_VALUES], present = 0, number = 0;
    count_series(p, c, s, panel, counts);
    for (int j = 0; j < s->n; j++) present += counts[j] > 0;
    double step = 0.5 * narrowest(places, x->n) / (present > 4 ? present : 4);
    for (int j = 0; j < s->n; j++) {
        for (int cell = 0; cell < x->n * p->n; cell++) {
            const plot_point *q = &p->points[cell % p->n];
            int k = cell / p->n;
            if (!plot_same_contrast(q, first) || c->series(q) != s->values[j] || c->x(q) != x->values[k])
                continue;
            text_printf(prelude, "%.9g\t%.9g\t%.9g\t%.9g\t%d\t%d\n",
                        places[k] + step * (number - (present - 1) / 2.0), q->gain, or_gain(q->low, q),
                        or_gain(q->high, q), panel + 1, j + 1);
        }
        number += counts[j] > 0;
    }
}

static void add_curve_points(const plot_points *p, const curves *c, const plot_values *x,
                             const plot_values *s, int panels, text *prelude)
{
    double places[PLOT_VALUES] = {0};
    place(x, c->logarithmic, places);
    text_printf(prelude, "$points <<END\n");
    for (int panel = 0; panel < panels; panel++) add_panel(p, c, x, s, panel, places, prelude);
    text_printf(prelude, "END\n");
    gnuplot_number(prelude, "ticks", x->n);
    gnuplot_numbers(prelude, "tick_places", places, x->n);
}

/* The points of the panels alone. */
static err keep_panels(const plot_points *p, const int panel_of[], plot_points *out)
{
    *out = (plot_points){.points = calloc((size_t)p->n + 1, sizeof *out->points),
                         .verdicts = p->verdicts,
                         .shares = p->shares,
                         .models = p->models};
    if (!out->points) return err_set(ERR_SYSTEM, "out of memory for a figure");
    for (int i = 0; i < p->n; i++) {
        int contrast = plot_class(p, i, plot_same_contrast);
        if (contrast < PLOT_VALUES && panel_of[contrast] > 0) out->points[out->n++] = p->points[i];
    }
    return OK;
}

static err add_curves(const evidence *e, const plot_points *all, const curves *c, const int panel_of[],
                      int panels, text *prelude)
{
    plot_points p;
    names list = {.n = 0};
    TRY(keep_panels(all, panel_of, &p));
    plot_values x = plot_values_of(&p, c->x), s = plot_values_of(&p, c->series);
    gnuplot_text(prelude, "metric", e->metric);
    gnuplot_text(prelude, "axis", c->axis);
    add_range(&p, prelude);
    for (int k = 0; k < panels; k++) {
        const plot_point *first = plot_first(&p, k, plot_same_contrast);
        plot_add_contrast(&p, first, false, next_name(&list));
    }
    gnuplot_number(prelude, "panels", panels);
    add_names("panel_names", &list, prelude);
    for (int j = 0; j < s.n; j++) name_series(&p, c, s.values[j], next_name(&list));
    gnuplot_number(prelude, "series", s.n);
    add_names("series_names", &list, prelude);
    for (int k = 0; k < x.n; k++) text_printf(next_name(&list), "%.3g", x.values[k]);
    add_names("tick_names", &list, prelude);
    add_curve_points(&p, c, &x, &s, panels, prelude);
    plot_points_close(&p);
    return text_check(prelude);
}

static err plot_curves(const evidence *e, const curves *c, const char *missing, text *prelude, char *why)
{
    plot_points p;
    int panel_of[PLOT_VALUES];
    TRY(plot_points_open(&e->gains, e->metric, percents, &p));
    int panels = curve_panels(&p, c, panel_of);
    err error = OK;
    if (panels == 0)
        (void)snprintf(why, PLOT_WHY_BYTES, "%s", missing);
    else
        error = add_curves(e, &p, c, panel_of, panels, prelude);
    plot_points_close(&p);
    return error;
}

err plot_by_shots(const evidence *e, const char *out, text *prelude, char *why)
{
    char axis[160];
    const char *class = evidence_setting(e, "data", "few_shot_class");
    (void)out;
    bool shares = e->gains.rows > 0 && evidence_number(&e->gains, 0, "shots") <= 0;
    (void)snprintf(axis, sizeof axis,
                   shares ? "share of the patients with labels%.0s" : "labelled images of %.100s (shots)",
                   class[0] ? class : "the few-shot class");
    const curves c = {plot_shots, plot_ratio, true, axis};
    return plot_curves(
        e, &c, shares ? "no contrast has two shares of labels" : "no contrast has two numbers of shots",
        prelude, why);
}

err plot_by_ratio(const evidence *e, const char *out, text *prelude, char *why)
{
    (void)out;
    const curves c = {plot_ratio, plot_shots, false, "share of synthetic images in a batch (ratio)"};
    return plot_curves(e, &c, "no contrast has two ratios", prelude, why);
}
