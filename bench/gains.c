#include "bench/gains.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const gain_verdict_names[] = {"gain", "no gain shown", "harm", "cannot tell"};

/* The trial of an arm, or NULL. */
static const trial_row *find_trial(const results *r, const char *arm_name, int shots, double ratio, int seed)
{
    for (int i = 0; i < r->n; i++) {
        const trial_row *row = &r->rows[i];
        if (row->shots == shots && row->seed == seed && fabs(row->ratio - ratio) < 1e-9 &&
            strcmp(row->arm, arm_name) == 0)
            return row;
    }
    return NULL;
}

static double value_of(const trial_row *row, int metric)
{
    return row ? row->values.values[metric] : NAN;
}

/* Adds one row a metric of the task. */
static err add(const study *experiment, const results *r, gain_row row, gains *out)
{
    const integers *seeds = &experiment->s.seeds;
    const trial_row *arms[LIST_ITEMS], *baselines[LIST_ITEMS];
    double x[LIST_ITEMS], y[LIST_ITEMS];
    gain_row *rows = realloc(out->rows, ((size_t)out->n + SCORE_COUNT) * sizeof *rows);
    if (!rows) return err_set(ERR_SYSTEM, "out of memory for the gains");
    out->rows = rows;
    for (int i = 0; i < seeds->n; i++) {
        arms[i] = find_trial(r, row.arm, row.shots, row.ratio, seeds->values[i]);
        baselines[i] = find_trial(r, row.baseline, row.shots, row.baseline_ratio, seeds->values[i]);
    }
    for (row.metric = 0; row.metric < SCORE_COUNT; row.metric++) {
        if (!score_belongs(row.metric, experiment->task)) continue;
        for (int i = 0; i < seeds->n; i++) {
            x[i] = value_of(arms[i], row.metric);
            y[i] = value_of(baselines[i], row.metric);
        }
        row.g = gain_of(x, y, seeds->n);
        out->rows[out->n++] = row;
    }
    return OK;
}

static err add_contrast(const study *experiment, const results *r, const contrast *c, gains *out)
{
    const arm *a = &experiment->arms[c->arm], *baseline = &experiment->arms[c->baseline];
    bool both_mix = arm_mixes(a) && arm_mixes(baseline);
    gain_row row = {0};
    (void)snprintf(row.arm, sizeof row.arm, "%s", a->name);
    (void)snprintf(row.baseline, sizeof row.baseline, "%s", baseline->name);
    for (int i = 0; i < arm_ratio_count(experiment, c->arm); i++)
        for (int j = 0; j < arm_ratio_count(experiment, c->baseline); j++) {
            if (both_mix && i != j) continue;
            row.ratio = arm_ratio(experiment, c->arm, i);
            row.baseline_ratio = arm_ratio(experiment, c->baseline, j);
            for (int k = 0; k < experiment->s.shots.n; k++) {
                row.shots = experiment->s.shots.values[k];
                TRY(add(experiment, r, row, out));
            }
        }
    return OK;
}

err gains_open(const study *experiment, const results *r, gains *out)
{
    *out = (gains){0};
    for (int i = 0; i < experiment->n_contrasts; i++) {
        err error = add_contrast(experiment, r, &experiment->contrasts[i], out);
        if (error != OK) {
            gains_close(out);
            return error;
        }
    }
    return OK;
}

void gains_close(gains *g)
{
    free(g->rows);
    *g = (gains){0};
}

static void add_numbers(const double *values, int n, text *out)
{
    for (int i = 0; i < n; i++) {
        text_printf(out, ",");
        if (isfinite(values[i])) text_printf(out, "%.9g", values[i]);
    }
}

err gains_write(const char *experiment, const gains *g, const char *path)
{
    text t = {0};
    text_printf(&t, "experiment,arm,baseline,shots,ratio,baseline_ratio,metric,pairs,arm_mean,baseline_mean,"
                    "gain,low,high,percent,percent_low,percent_high,p_value\n");
    for (int i = 0; i < g->n; i++) {
        const gain_row *row = &g->rows[i];
        const gain *v = &row->g;
        const double numbers[] = {v->mean_x,  v->mean_y,      v->gain,         v->low,    v->high,
                                  v->percent, v->percent_low, v->percent_high, v->p_value};
        text_csv_field(&t, experiment);
        text_printf(&t, ",%s,%s,%d,%.9g,%.9g,%s,%d", row->arm, row->baseline, row->shots, row->ratio,
                    row->baseline_ratio, score_infos[row->metric].name, v->pairs);
        add_numbers(numbers, (int)(sizeof numbers / sizeof numbers[0]), &t);
        text_printf(&t, "\n");
    }
    err error = text_check(&t);
    if (error == OK) error = file_write(path, t.data, t.length);
    text_close(&t);
    return error;
}

gain_verdict gain_verdict_of(const gain_row *row)
{
    enum { FEWEST_PAIRS = 3 }; /* two differences that happen to agree make any interval narrow */
    const gain *g = &row->g;
    if (g->pairs < FEWEST_PAIRS || isnan(g->low) || isnan(g->high)) return VERDICT_CANNOT_TELL;
    if (g->low <= 0 && g->high >= 0) return VERDICT_NONE_SHOWN;
    return (g->low > 0) == score_infos[row->metric].higher_is_better ? VERDICT_GAIN : VERDICT_HARM;
}
