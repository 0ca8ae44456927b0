/* The gains that a figure shows, and how they are sorted into panels and series. Private to bench/plot*.c. */
#ifndef BENCH_PLOT_POINTS_H
#define BENCH_PLOT_POINTS_H

#include "base/text.h"
#include "bench/evidence.h"

typedef struct plot_point {
    const char *arm, *baseline, *label, *model; /* the table's */
    double shots; /* or, of a table without shots, the share of patients that keep their labels */
    double ratio, baseline_ratio;
    double gain, low, high; /* low and high: NaN without an interval */
    bool clear; /* the verdict is gain or harm; in tables without verdicts, the interval leaves out 0 */
} plot_point;

typedef struct plot_points {
    plot_point *points; /* in the table's order */
    int n;
    bool verdicts; /* the table has them */
    bool shares;   /* it has shares of labels instead of shots */
    bool models;   /* it has several models */
} plot_points;

/* Rows of a table of gains in one metric whose gain is defined. `columns` are the names of gain, low and
 * high. ERR_SYSTEM. */
err plot_points_open(const table *t, const char *metric, const char *const columns[3], plot_points *out);
void plot_points_close(plot_points *p);

typedef bool plot_same(const plot_point *a, const plot_point *b);
plot_same plot_same_contrast; /* arm, baseline and model */
plot_same plot_same_series;   /* and both ratios */
plot_same plot_same_label;

/* The number (from 0) of point i's class among the classes in the order of their first points; i may be n,
 * and then it is the number of classes. */
int plot_class(const plot_points *p, int i, plot_same *same);

/* The first point of a class. */
const plot_point *plot_first(const plot_points *p, int class_number, plot_same *same);

/* Distinct values of `of`, ascending. */
enum { PLOT_VALUES = 256 };
typedef struct plot_values {
    double values[PLOT_VALUES];
    int n;
} plot_values;
double plot_shots(const plot_point *p);
double plot_ratio(const plot_point *p);
plot_values plot_values_of(const plot_points *p, double (*of)(const plot_point *p));
int plot_values_find(const plot_values *v, double value); /* -1: not there */

/* The range of all gains and intervals, 0 included, with a margin. */
void plot_range(const plot_points *p, double *low, double *high);

/* What filled points are: `filled` in a script. */
void plot_add_filled(const plot_points *p, text *prelude);

/* An arm's name; of a long one, which may hold a path, the two ends. */
void plot_add_arm(const char *arm, text *out);

/* "10 shots", "5% labelled". */
void plot_add_budget(double value, bool share, text *out);

/* "ARM (0.5), MODEL\nagainst BASELINE"; the ratio if wanted, the model if there are several. */
void plot_add_contrast(const plot_points *p, const plot_point *first, bool ratio, text *out);

/* " (0.5)" for a share between 0 and 1, else "". */
void plot_add_ratio(const plot_point *p, text *out);

#endif
