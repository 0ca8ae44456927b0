#include "bench/gains.h"

#include "bench/bootstrap.h"
#include "bench/power.h"

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

/* Fills in what the pairs say. x and y: n values, NaN where a trial failed; they lose those pairs. */
static err compare(double *x, double *y, int n, resamples *draws, gain_row *row)
{
    int kept = 0;
    row->g = gain_of(x, y, n);
    row->bca_low = row->bca_high = NAN;
    for (int i = 0; i < n; i++) {
        if (isnan(x[i]) || isnan(y[i])) continue;
        x[kept] = x[i];
        y[kept++] = y[i];
    }
    if (kept == 0) return OK;
    TRY(resamples_draw(draws, kept));
    return bootstrap_percent(draws, x, y, &row->bca_low, &row->bca_high);
}

/* Adds one row a metric of the task. */
static err add(const study *experiment, const results *r, gain_row row, resamples *draws, gains *out)
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
        TRY(compare(x, y, seeds->n, draws, &row));
        out->rows[out->n++] = row;
    }
    return OK;
}

static err add_contrast(const study *experiment, const results *r, const contrast *c, resamples *draws,
                        gains *out)
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
                TRY(add(experiment, r, row, draws, out));
            }
        }
    return OK;
}

/* power_detectable of the last call: rows of one study mostly ask the same. */
typedef struct detection {
    int pairs, contrasts;
    double effect;
} detection;

static double detectable_effect(detection *last, int pairs, int contrasts)
{
    if (last->pairs != pairs || last->contrasts != contrasts)
        *last = (detection){pairs, contrasts, power_detectable(pairs, contrasts)};
    return last->effect;
}

/* Corrects the rows of one metric: p has their p-values, adjusted room for as many, members their indices. */
static err correct_family(double *p, double *adjusted, const int *members, int n, detection *last, gains *g)
{
    int contrasts;
    TRY(holm_adjust(p, n, adjusted, &contrasts));
    for (int i = 0; i < n; i++) {
        gain_row *row = &g->rows[members[i]];
        row->holm_p = adjusted[i];
        row->contrasts = contrasts;
        row->detectable = detectable_effect(last, row->g.pairs, contrasts) * row->g.deviation;
    }
    return OK;
}

static err correct(gains *g)
{
    size_t room = (size_t)g->n + 1;
    detection last = {.effect = NAN};
    double *p = calloc(2 * room, sizeof *p);
    int *members = malloc(room * sizeof *members);
    err error = OK;
    if (!p || !members) {
        error = err_set(ERR_SYSTEM, "out of memory for the gains");
        goto done;
    }
    for (int metric = 0; metric < SCORE_COUNT; metric++) {
        int n = 0;
        for (int i = 0; i < g->n; i++) {
            if (g->rows[i].metric != metric) continue;
            p[n] = g->rows[i].g.p_value;
            members[n++] = i;
        }
        TRY_GOTO(correct_family(p, p + room, members, n, &last, g), done);
    }
done:
    free(p);
    free(members);
    return error;
}

err gains_open(const study *experiment, const results *r, gains *out)
{
    resamples draws = {0};
    err error = OK;
    *out = (gains){0};
    for (int i = 0; i < experiment->n_contrasts && error == OK; i++)
        error = add_contrast(experiment, r, &experiment->contrasts[i], &draws, out);
    if (error == OK) error = correct(out);
    resamples_close(&draws);
    if (error != OK) gains_close(out);
    return error;
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
                    "gain,low,high,percent,percent_low,percent_high,p_value,holm_p_value,bca_low,bca_high,"
                    "detectable,detectable_percent,verdict\n");
    for (int i = 0; i < g->n; i++) {
        const gain_row *row = &g->rows[i];
        const gain *v = &row->g;
        const double numbers[] = {v->mean_x,       v->mean_y,
                                  v->gain,         v->low,
                                  v->high,         v->percent,
                                  v->percent_low,  v->percent_high,
                                  v->p_value,      row->holm_p,
                                  row->bca_low,    row->bca_high,
                                  row->detectable, gain_detectable_percent(row)};
        text_csv_field(&t, experiment);
        text_printf(&t, ",%s,%s,%d,%.9g,%.9g,%s,%d", row->arm, row->baseline, row->shots, row->ratio,
                    row->baseline_ratio, score_infos[row->metric].name, v->pairs);
        add_numbers(numbers, (int)(sizeof numbers / sizeof numbers[0]), &t);
        text_printf(&t, ",%s\n", gain_verdict_names[gain_verdict_of(row)]);
    }
    err error = text_check(&t);
    if (error == OK) error = file_write(path, t.data, t.length);
    text_close(&t);
    return error;
}

double gain_detectable_percent(const gain_row *row)
{
    return row->g.mean_y == 0 ? (double)NAN : 100 * row->detectable / fabs(row->g.mean_y);
}

gain_verdict gain_verdict_of(const gain_row *row)
{
    if (row->holm_p <= VERDICT_LEVEL)
        return (row->g.gain > 0) == score_infos[row->metric].higher_is_better ? VERDICT_GAIN : VERDICT_HARM;
    bool few = row->contrasts == 0 || row->g.pairs < power_fewest_pairs(row->contrasts);
    return few ? VERDICT_CANNOT_TELL : VERDICT_NONE_SHOWN;
}
