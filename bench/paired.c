#include "bench/paired.h"

#include "bench/bootstrap.h"
#include "bench/power.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- finding trials */

/* Shares that were written with 9 digits. */
static int by_share(double x, double y)
{
    long long p = llround(x * 1e8), q = llround(y * 1e8);
    return (p > q) - (p < q);
}

static int by_trial(const void *a, const void *b)
{
    const measured *x = a, *y = b;
    int order = strcmp(x->arm, y->arm);
    if (order == 0) order = strcmp(x->model, y->model);
    if (order == 0) order = (x->shots > y->shots) - (x->shots < y->shots);
    if (order == 0) order = (x->seed > y->seed) - (x->seed < y->seed);
    if (order == 0) order = by_share(x->labelled, y->labelled);
    return order ? order : by_share(x->ratio, y->ratio);
}

/* The values of a trial, or NULL. */
static const double *find(const measured *trials, int n, measured wanted)
{
    const measured *found = n ? bsearch(&wanted, trials, (size_t)n, sizeof *trials, by_trial) : NULL;
    return found ? found->values : NULL;
}

/* ---- comparing */

/* What paired_add works on. */
typedef struct pairing {
    const study *experiment;
    const measured *trials;
    int n;
    const measure *measures;
    int n_measures;
    resamples
        *draws; /* BOOTSTRAP_PAIRS_MAX + 1, by the number of pairs: contrasts mostly have equally many */
    gains *out;
} pairing;

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
    TRY(resamples_draw(&draws[kept], kept));
    return bootstrap_percent(&draws[kept], x, y, &row->bca_low, &row->bca_high);
}

/* Adds one row a measure. */
static err add(pairing *p, gain_row row)
{
    const integers *seeds = &p->experiment->s.seeds;
    const double *arms[LIST_ITEMS] = {NULL}, *baselines[LIST_ITEMS] = {NULL};
    double x[LIST_ITEMS] = {0}, y[LIST_ITEMS] = {0};
    gains *g = p->out;
    gain_row *rows = realloc(g->rows, ((size_t)g->n + (size_t)p->n_measures) * sizeof *rows);
    if (!rows) return err_set(ERR_SYSTEM, "out of memory for the gains");
    g->rows = rows;
    for (int i = 0; i < seeds->n; i++) {
        measured wanted = {.arm = row.arm,
                           .model = row.model,
                           .shots = row.shots,
                           .seed = seeds->values[i],
                           .labelled = row.labelled,
                           .ratio = row.ratio};
        arms[i] = find(p->trials, p->n, wanted);
        wanted.arm = row.baseline;
        wanted.ratio = row.baseline_ratio;
        baselines[i] = find(p->trials, p->n, wanted);
    }
    for (int k = 0; k < p->n_measures; k++) {
        row.metric = p->measures[k].index;
        row.metric_name = p->measures[k].name;
        row.higher_is_better = p->measures[k].higher_is_better;
        for (int i = 0; i < seeds->n; i++) {
            x[i] = arms[i] ? arms[i][row.metric] : NAN;
            y[i] = baselines[i] ? baselines[i][row.metric] : NAN;
        }
        TRY(compare(x, y, seeds->n, p->draws, &row));
        g->rows[g->n++] = row;
    }
    return OK;
}

static err add_budgets(pairing *p, gain_row row)
{
    const texts *models = study_models(p->experiment);
    for (int i = 0; i < study_budgets(p->experiment); i++)
        for (int j = 0; j < models->n; j++) {
            label_budget budget = study_budget(p->experiment, i);
            row.shots = budget.shots;
            row.labelled = budget.labelled;
            (void)snprintf(row.model, sizeof row.model, "%.*s", MODEL_NAME_BYTES - 1, models->values[j]);
            TRY(add(p, row));
        }
    return OK;
}

static err add_contrast(pairing *p, const contrast *c, const char *label)
{
    const study *experiment = p->experiment;
    const arm *a = &experiment->arms[c->arm], *baseline = &experiment->arms[c->baseline];
    bool both_mix = arm_mixes(a) && arm_mixes(baseline);
    gain_row row = {0};
    (void)snprintf(row.arm, sizeof row.arm, "%s", a->name);
    (void)snprintf(row.baseline, sizeof row.baseline, "%s", baseline->name);
    (void)snprintf(row.label, sizeof row.label, "%s", label);
    for (int i = 0; i < arm_ratio_count(experiment, c->arm); i++)
        for (int j = 0; j < arm_ratio_count(experiment, c->baseline); j++) {
            if (both_mix && i != j) continue;
            row.ratio = arm_ratio(experiment, c->arm, i);
            row.baseline_ratio = arm_ratio(experiment, c->baseline, j);
            TRY(add_budgets(p, row));
        }
    return OK;
}

err paired_add(const study *experiment, measured *trials, int n, const measure *measures, int n_measures,
               const char *label, gains *out)
{
    resamples draws[BOOTSTRAP_PAIRS_MAX + 1] = {{0, NULL}};
    pairing p = {experiment, trials, n, measures, n_measures, draws, out};
    err error = OK;
    if (n > 0) qsort(trials, (size_t)n, sizeof *trials, by_trial);
    for (int i = 0; i < experiment->n_contrasts && error == OK; i++)
        error = add_contrast(&p, &experiment->contrasts[i], label);
    for (int i = 0; i <= BOOTSTRAP_PAIRS_MAX; i++) resamples_close(&draws[i]);
    return error;
}

/* ---- correcting */

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

err paired_correct(const measure *measures, int n_measures, gains *g)
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
    for (int k = 0; k < n_measures; k++) {
        int n = 0;
        for (int i = 0; i < g->n; i++) {
            if (g->rows[i].metric != measures[k].index) continue;
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
