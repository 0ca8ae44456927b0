#include "bench/paired.h"

#include "bench/guards.h"
#include "bench/power.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const gain_verdict_names[] = {"gain", "no gain shown", "harm", "cannot tell"};

err gains_open(const study *experiment, const results *r, gains *out)
{
    measure measures[SCORE_COUNT];
    int n_measures = 0;
    *out = (gains){0};
    measured *trials = malloc(((size_t)r->n + 1) * sizeof *trials);
    if (!trials) return err_set(ERR_SYSTEM, "out of memory for the gains");
    for (int i = 0; i < r->n; i++) {
        const trial_row *row = &r->rows[i];
        trials[i] = (measured){row->arm,      row->model, row->shots,        row->seed,
                               row->labelled, row->ratio, row->values.values};
    }
    for (int i = 0; i < SCORE_COUNT; i++)
        if (score_belongs(i, experiment->task))
            measures[n_measures++] = (measure){i, score_infos[i].name, score_infos[i].higher_is_better};
    err error = paired_add(experiment, trials, r->n, measures, n_measures, "", out);
    if (error == OK) error = paired_correct(measures, n_measures, out);
    if (error == OK) gains_allow(out, r);
    free(trials);
    if (error != OK) gains_close(out);
    return error;
}

static bool is_of(const trial_row *t, const gain_row *row, bool baseline)
{
    double ratio = baseline ? row->baseline_ratio : row->ratio;
    return t->shots == row->shots && same_share(t->ratio, ratio) && same_share(t->labelled, row->labelled) &&
           strcmp(t->arm, baseline ? row->baseline : row->arm) == 0 && strcmp(t->model, row->model) == 0;
}

void gains_allow(gains *g, const results *r)
{
    unsigned any = 0;
    for (int i = 0; i < r->n; i++) any |= r->rows[i].allowed;
    for (int j = 0; j < g->n && any; j++)
        for (int i = 0; i < r->n; i++)
            if (is_of(&r->rows[i], &g->rows[j], false) || is_of(&r->rows[i], &g->rows[j], true))
                g->rows[j].allowed |= r->rows[i].allowed;
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

static void add_row(const char *experiment, const gain_row *row, const char *part, text *t)
{
    const gain *v = &row->g;
    const double numbers[] = {v->mean_x,       v->mean_y,
                              v->gain,         v->low,
                              v->high,         v->percent,
                              v->percent_low,  v->percent_high,
                              v->p_value,      row->holm_p,
                              row->bca_low,    row->bca_high,
                              row->detectable, gain_detectable_percent(row)};
    text_csv_field(t, experiment);
    text_printf(t, ",%s,%s,%d,%.9g,%.9g,", row->arm, row->baseline, row->shots, row->ratio,
                row->baseline_ratio);
    if (part) {
        text_csv_field(t, row->label);
        text_printf(t, ",");
    }
    text_printf(t, "%s,%d", row->metric_name, v->pairs);
    add_numbers(numbers, (int)(sizeof numbers / sizeof numbers[0]), t);
    char allowed[GUARD_NAMES_BYTES];
    guard_names(row->allowed, allowed);
    text_printf(t, ",%s,%.9g,%s,%s\n", gain_verdict_names[gain_verdict_of(row)], row->labelled, row->model,
                allowed);
}

/* `part` is the column that says of what the scores are, NULL without. */
static err write_all(const char *experiment, const gains *g, const char *part, const char *path)
{
    text t = {0};
    text_printf(&t,
                "experiment,arm,baseline,shots,ratio,baseline_ratio,%s%smetric,pairs,arm_mean,baseline_mean,"
                "gain,low,high,percent,percent_low,percent_high,p_value,holm_p_value,bca_low,bca_high,"
                "detectable,detectable_percent,verdict,labelled,model,allowed\n",
                part ? part : "", part ? "," : "");
    for (int i = 0; i < g->n; i++) add_row(experiment, &g->rows[i], part, &t);
    err error = text_save(&t, path);
    text_close(&t);
    return error;
}

err gains_write(const char *experiment, const gains *g, const char *path)
{
    return write_all(experiment, g, NULL, path);
}

err label_gains_write(const char *experiment, const gains *g, const char *path)
{
    return write_all(experiment, g, "label", path);
}

err subgroup_gains_write(const char *experiment, const gains *g, const char *path)
{
    return write_all(experiment, g, "subgroup", path);
}

double gain_detectable_percent(const gain_row *row)
{
    return row->g.mean_y == 0 ? (double)NAN : 100 * row->detectable / fabs(row->g.mean_y);
}

gain_verdict gain_verdict_of(const gain_row *row)
{
    if (row->holm_p <= VERDICT_LEVEL)
        return (row->g.gain > 0) == row->higher_is_better ? VERDICT_GAIN : VERDICT_HARM;
    bool few = row->contrasts == 0 || row->g.pairs < power_fewest_pairs(row->contrasts);
    return few ? VERDICT_CANNOT_TELL : VERDICT_NONE_SHOWN;
}
