#include "bench/baseline.h"

#include "data/csv_rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int tolerance_options[SCORE_COUNT] = {
#define TOLERANCE_OPTION(name, tasks, higher, help) OPTION_OF_gate_##name,
    SCORES(TOLERANCE_OPTION)
#undef TOLERANCE_OPTION
};

double baseline_tolerance(const study *experiment, int metric)
{
    double value;
    memcpy(&value, (const char *)&experiment->s + options[tolerance_options[metric]].offset, sizeof value);
    return score_belongs(metric, experiment->task) ? value : 0.0;
}

static err append(baseline *b, const baseline_row *row)
{
    if ((b->n & (b->n - 1)) == 0) { /* room doubles at powers of two */
        baseline_row *rows = realloc(b->rows, (b->n ? 2 * (size_t)b->n : 1) * sizeof *rows);
        if (!rows) return err_set(ERR_SYSTEM, "out of memory for a baseline of %d rows", b->n);
        b->rows = rows;
    }
    b->rows[b->n++] = *row;
    return OK;
}

void baseline_close(baseline *b)
{
    free(b->rows);
    *b = (baseline){0};
}

/* ---- from results */

static err add_mean(const study *experiment, const results *r, baseline_row row, baseline *out)
{
    double sum = 0.0;
    for (int i = 0; i < r->n; i++) {
        const trial_row *trial = &r->rows[i];
        double value = trial->values.values[row.metric];
        if (trial->shots != row.shots || !same_share(trial->ratio, row.ratio) ||
            strcmp(trial->arm, row.arm) != 0 || isnan(value))
            continue;
        bool wanted = false;
        for (int k = 0; k < experiment->s.seeds.n; k++)
            wanted |= experiment->s.seeds.values[k] == trial->seed;
        if (!wanted) continue;
        sum += value;
        row.seeds++;
    }
    row.value = row.seeds ? sum / row.seeds : (double)NAN;
    return append(out, &row);
}

static err add_means(const study *experiment, const results *r, int metric, baseline *out)
{
    for (int a = 0; a < experiment->n_arms; a++)
        for (int j = 0; j < arm_ratio_count(experiment, a); j++)
            for (int k = 0; k < experiment->s.shots.n; k++) {
                baseline_row row = {.shots = experiment->s.shots.values[k],
                                    .ratio = arm_ratio(experiment, a, j),
                                    .metric = metric};
                (void)snprintf(row.arm, sizeof row.arm, "%s", experiment->arms[a].name);
                TRY(add_mean(experiment, r, row, out));
            }
    return OK;
}

static err add_gains(const gains *g, int metric, baseline *out)
{
    for (int i = 0; i < g->n; i++) {
        const gain_row *from = &g->rows[i];
        if (from->metric != metric) continue;
        baseline_row row = {.shots = from->shots,
                            .ratio = from->ratio,
                            .baseline_ratio = from->baseline_ratio,
                            .metric = metric,
                            .seeds = from->g.pairs,
                            .value = from->g.gain};
        (void)snprintf(row.arm, sizeof row.arm, "%s", from->arm);
        (void)snprintf(row.baseline, sizeof row.baseline, "%s", from->baseline);
        TRY(append(out, &row));
    }
    return OK;
}

static err add_all(const study *experiment, const results *r, const gains *g, baseline *out)
{
    for (int pass = 0; pass < 2; pass++)
        for (int metric = 0; metric < SCORE_COUNT; metric++) {
            if (baseline_tolerance(experiment, metric) <= 0) continue;
            TRY(pass == 0 ? add_means(experiment, r, metric, out) : add_gains(g, metric, out));
        }
    if (out->n > 0) return OK;
    return err_set(ERR_CONFIG,
                   "%s: the section [gate] has no tolerance: say how much worse a score may get, such as "
                   "%s = 0.05",
                   experiment->s.file, score_infos[experiment->metric].name);
}

/* The hash that all finished trials have. */
static err find_data(const results *r, baseline *out)
{
    (void)snprintf(out->experiment, sizeof out->experiment, "%s", r->experiment);
    for (int i = 0; i < r->n; i++) {
        const char *hash_text = r->rows[i].data_hash;
        if (!out->data_hash[0]) (void)snprintf(out->data_hash, sizeof out->data_hash, "%s", hash_text);
        if (hash_text[0] && strcmp(hash_text, out->data_hash) != 0)
            return err_set(ERR_DATA, "the trials of %s are of different data: %s and %s", r->experiment,
                           out->data_hash, hash_text);
    }
    return OK;
}

err baseline_of_results(const study *experiment, const results *r, baseline *out)
{
    gains g;
    *out = (baseline){0};
    if (study_models(experiment)->n > 1 || experiment->s.labelled.n > 1)
        return err_set(ERR_CONFIG,
                       "%s: a baseline is of one classifier and one share of labels, not of several",
                       experiment->s.name);
    TRY(find_data(r, out));
    TRY(gains_open(experiment, r, &g));
    err error = add_all(experiment, r, &g, out);
    gains_close(&g);
    if (error != OK) baseline_close(out);
    return error;
}

/* ---- files */

static err make_parent(const char *path)
{
    char folder[PATH_BYTES];
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path || slash - path >= PATH_BYTES) return OK;
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    return folder_make(folder);
}

err baseline_write(const baseline *b, const char *path)
{
    text t = {0};
    err error = OK;
    text_printf(&t, "experiment,data_hash,arm,baseline,shots,ratio,baseline_ratio,metric,seeds,value\n");
    for (int i = 0; i < b->n && error == OK; i++) {
        const baseline_row *row = &b->rows[i];
        if (isnan(row->value))
            error = err_set(ERR_DATA, "%s: there is no %s of %s: a baseline must be whole", path,
                            score_infos[row->metric].name, row->arm);
        text_csv_field(&t, b->experiment);
        text_printf(&t, ",%s,%s,%s,%d,%.9g,%.9g,%s,%d,%.9g\n", b->data_hash, row->arm, row->baseline,
                    row->shots, row->ratio, row->baseline_ratio, score_infos[row->metric].name, row->seeds,
                    row->value);
    }
    if (error == OK) error = make_parent(path);
    if (error == OK) error = text_save(&t, path);
    text_close(&t);
    return error;
}

enum { EXPERIMENT, DATA_HASH, ARM, BASELINE, SHOTS, RATIO, BASELINE_RATIO, METRIC, SEEDS, VALUE, COLUMNS };
static const char *const column_names[COLUMNS] = {
    "experiment", "data_hash",      "arm",    "baseline", "shots",
    "ratio",      "baseline_ratio", "metric", "seeds",    "value"};

static err bad_cell(const csv_rows *rows, int column, const char *value)
{
    return err_set(ERR_DATA, "%s:%d: %s = %.60s is not what belongs there", csv_rows_path(rows),
                   csv_rows_line(rows), column_names[column], value);
}

static err get_text(const csv_rows *rows, const int *columns, int column, char *out, size_t bytes)
{
    const char *value = csv_rows_cell(rows, columns[column]);
    if (strlen(value) >= bytes) return bad_cell(rows, column, value);
    (void)snprintf(out, bytes, "%s", value);
    return OK;
}

static err get_number(const csv_rows *rows, const int *columns, int column, double *out)
{
    const char *value = csv_rows_cell(rows, columns[column]);
    char *end;
    *out = strtod(value, &end);
    return *end || end == value || !isfinite(*out) ? bad_cell(rows, column, value) : OK;
}

static err get_integer(const csv_rows *rows, const int *columns, int column, int *out)
{
    double value = 0.0;
    TRY(get_number(rows, columns, column, &value));
    if (value < 0 || value > 2147483647.0 || value != floor(value))
        return bad_cell(rows, column, csv_rows_cell(rows, columns[column]));
    *out = (int)value;
    return OK;
}

static err read_row(const csv_rows *rows, const int *columns, baseline *out)
{
    baseline_row row = {0};
    char name[64];
    TRY(get_text(rows, columns, EXPERIMENT, out->experiment, sizeof out->experiment));
    TRY(get_text(rows, columns, DATA_HASH, out->data_hash, sizeof out->data_hash));
    TRY(get_text(rows, columns, ARM, row.arm, sizeof row.arm));
    TRY(get_text(rows, columns, BASELINE, row.baseline, sizeof row.baseline));
    TRY(get_integer(rows, columns, SHOTS, &row.shots));
    TRY(get_number(rows, columns, RATIO, &row.ratio));
    TRY(get_number(rows, columns, BASELINE_RATIO, &row.baseline_ratio));
    TRY(get_text(rows, columns, METRIC, name, sizeof name));
    row.metric = score_find(name);
    if (row.metric < 0) return bad_cell(rows, METRIC, name);
    TRY(get_integer(rows, columns, SEEDS, &row.seeds));
    TRY(get_number(rows, columns, VALUE, &row.value));
    return append(out, &row);
}

static err read_rows(csv_rows *rows, baseline *out)
{
    int columns[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) TRY(csv_rows_need(rows, column_names[i], &columns[i]));
    for (bool more;;) {
        TRY(csv_rows_next(rows, &more));
        if (!more) return OK;
        TRY(read_row(rows, columns, out));
    }
}

err baseline_read(const char *path, baseline *out)
{
    csv_rows *rows;
    *out = (baseline){0};
    TRY(csv_rows_open(path, &rows));
    err error = read_rows(rows, out);
    csv_rows_close(rows);
    if (error != OK) baseline_close(out);
    return error;
}

const baseline_row *baseline_find(const baseline *b, const baseline_row *like)
{
    for (int i = 0; i < b->n; i++) {
        const baseline_row *row = &b->rows[i];
        if (row->metric == like->metric && row->shots == like->shots && same_share(row->ratio, like->ratio) &&
            same_share(row->baseline_ratio, like->baseline_ratio) && strcmp(row->arm, like->arm) == 0 &&
            strcmp(row->baseline, like->baseline) == 0)
            return row;
    }
    return NULL;
}
