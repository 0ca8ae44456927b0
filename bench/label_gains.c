#include "bench/label_gains.h"

#include "bench/paired.h"
#include "bench/subgroup_scores.h"
#include "data/csv_rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a label, or of a subgroup: what the column of that name says. */
typedef struct part_kind {
    const char *column;
    int (*find)(const char *metric);               /* index of a value, at most VALUES; -1 */
    int (*measures)(const study *s, measure *out); /* the values that are scores; returns how many */
} part_kind;

enum { VALUES = SCORE_COUNT + 1 };
_Static_assert((int)LABEL_SCORE_COUNT <= (int)VALUES, "room for the scores of a label");

/* One part of one trial's test images. */
typedef struct labelled_trial {
    char arm[ARM_NAME_BYTES], model[MODEL_NAME_BYTES];
    int label; /* index of reading.labels */
    int shots, seed;
    double labelled, ratio;
    double values[VALUES];
} labelled_trial;

typedef struct reading {
    const part_kind *kind;
    csv_rows *rows;
    int columns[9];
    char (*labels)[LABEL_BYTES];
    int n_labels;
    labelled_trial *trials;
    int n, capacity;
} reading;

enum { ARM, SHOTS, RATIO, SEED, LABEL, METRIC, VALUE, LABELLED, MODEL, COLUMNS };

static const char *column_name(const reading *r, int column)
{
    static const char *const names[COLUMNS] = {"arm",    "shots", "ratio",    "seed", NULL,
                                               "metric", "value", "labelled", "model"};
    return column == LABEL ? r->kind->column : names[column];
}

static const char *cell(const reading *r, int column)
{
    return csv_rows_cell(r->rows, r->columns[column]);
}

static err bad_cell(const reading *r, int column)
{
    return err_set(ERR_DATA, "%s:%d: %s = %.60s is not what belongs there", csv_rows_path(r->rows),
                   csv_rows_line(r->rows), column_name(r, column), cell(r, column));
}

/* NaN for an empty cell. */
static err get_number(const reading *r, int column, double *out)
{
    const char *content = cell(r, column);
    char *end;
    *out = NAN;
    if (!content[0]) return OK;
    *out = strtod(content, &end);
    return *end || end == content ? bad_cell(r, column) : OK;
}

static err get_integer(const reading *r, int column, int *out)
{
    double value;
    TRY(get_number(r, column, &value));
    if (!(value >= 0 && value <= 2147483647.0) || value != floor(value)) return bad_cell(r, column);
    *out = (int)value;
    return OK;
}

static err find_label(reading *r, int *out)
{
    const char *name = cell(r, LABEL);
    for (*out = 0; *out < r->n_labels; (*out)++)
        if (strcmp(r->labels[*out], name) == 0) return OK;
    if (!name[0] || strlen(name) >= LABEL_BYTES) return bad_cell(r, LABEL);
    void *labels = realloc(r->labels, ((size_t)r->n_labels + 1) * sizeof *r->labels);
    if (!labels) return err_set(ERR_SYSTEM, "out of memory for %d labels", r->n_labels);
    r->labels = labels;
    (void)snprintf(r->labels[r->n_labels++], LABEL_BYTES, "%s", name);
    return OK;
}

static err append(reading *r, const labelled_trial *t)
{
    if (r->n == r->capacity) {
        int capacity = r->capacity ? 2 * r->capacity : 64;
        labelled_trial *trials = realloc(r->trials, (size_t)capacity * sizeof *trials);
        if (!trials) return err_set(ERR_SYSTEM, "out of memory for the scores of labels");
        r->trials = trials;
        r->capacity = capacity;
    }
    r->trials[r->n++] = *t;
    return OK;
}

static bool same_trial(const labelled_trial *a, const labelled_trial *b)
{
    return a->label == b->label && a->shots == b->shots && a->seed == b->seed && a->ratio == b->ratio &&
           a->labelled == b->labelled && strcmp(a->model, b->model) == 0 && strcmp(a->arm, b->arm) == 0;
}

/* Makes the label and trial of the current row the last ones: mostly they are already. */
static err find_trial(reading *r)
{
    labelled_trial t = {0};
    TRY(get_integer(r, SHOTS, &t.shots));
    TRY(get_integer(r, SEED, &t.seed));
    TRY(get_number(r, RATIO, &t.ratio));
    TRY(get_number(r, LABELLED, &t.labelled));
    TRY(find_label(r, &t.label));
    if (strlen(cell(r, ARM)) >= sizeof t.arm) return bad_cell(r, ARM);
    (void)snprintf(t.arm, sizeof t.arm, "%s", cell(r, ARM));
    if (strlen(cell(r, MODEL)) >= sizeof t.model) return bad_cell(r, MODEL);
    (void)snprintf(t.model, sizeof t.model, "%s", cell(r, MODEL));
    for (int i = 0; i < VALUES; i++) t.values[i] = NAN;
    return r->n > 0 && same_trial(&r->trials[r->n - 1], &t) ? OK : append(r, &t);
}

static err read_row(reading *r)
{
    TRY(find_trial(r));
    int metric = r->kind->find(cell(r, METRIC));
    return metric < 0 ? bad_cell(r, METRIC) : get_number(r, VALUE, &r->trials[r->n - 1].values[metric]);
}

static err read_rows(const char *path, reading *r)
{
    TRY(csv_rows_open(path, &r->rows));
    for (int i = 0; i < COLUMNS; i++) TRY(csv_rows_need(r->rows, column_name(r, i), &r->columns[i]));
    for (bool more;;) {
        TRY(csv_rows_next(r->rows, &more));
        if (!more) return OK;
        TRY(read_row(r));
    }
}

static int find_label_metric(const char *name)
{
    for (int i = 0; i < LABEL_SCORE_COUNT; i++)
        if (strcmp(label_score_names[i], name) == 0) return i;
    return -1;
}

static int label_measures(const study *experiment, measure *out)
{
    int n = 0;
    (void)experiment; /* labels have the same scores in every task */
    for (int i = 0; i < LABEL_SCORE_COUNT; i++) {
        if (i == LABEL_SCORE_positives || i == LABEL_SCORE_negatives) continue;
        bool error = i == LABEL_SCORE_calibration_error || i == LABEL_SCORE_brier;
        out[n++] = (measure){i, label_score_names[i], !error};
    }
    return n;
}

static int find_subgroup_metric(const char *name)
{
    return strcmp(name, SUBGROUP_IMAGES) == 0 ? SCORE_COUNT : score_find(name);
}

static int subgroup_measures(const study *experiment, measure *out)
{
    int n = 0;
    for (int i = 0; i < SCORE_COUNT; i++)
        if (score_belongs(i, experiment->task))
            out[n++] = (measure){i, score_infos[i].name, score_infos[i].higher_is_better};
    return n;
}

static const part_kind labels = {"label", find_label_metric, label_measures};
static const part_kind subgroups = {"subgroup", find_subgroup_metric, subgroup_measures};

static err compare(const study *experiment, const reading *r, gains *out)
{
    measure measures[VALUES];
    int n_measures = r->kind->measures(experiment, measures);
    measured *trials = malloc(((size_t)r->n + 1) * sizeof *trials);
    if (!trials) return err_set(ERR_SYSTEM, "out of memory for the scores of labels");
    err error = OK;
    for (int label = 0; label < r->n_labels && error == OK; label++) {
        int n = 0;
        for (int i = 0; i < r->n; i++) {
            const labelled_trial *t = &r->trials[i];
            if (t->label == label)
                trials[n++] =
                    (measured){t->arm, t->model, t->shots, t->seed, t->labelled, t->ratio, t->values};
        }
        error = paired_add(experiment, trials, n, measures, n_measures, r->labels[label], out);
    }
    if (error == OK) error = paired_correct(measures, n_measures, out);
    free(trials);
    return error;
}

static err open_gains(const study *experiment, const part_kind *kind, const char *path, gains *out)
{
    reading r = {.kind = kind};
    *out = (gains){0};
    err error = read_rows(path, &r);
    if (error == OK) error = compare(experiment, &r, out);
    csv_rows_close(r.rows);
    free(r.labels);
    free(r.trials);
    if (error != OK) gains_close(out);
    return error;
}

err label_gains_open(const study *experiment, const char *path, gains *out)
{
    return open_gains(experiment, &labels, path, out);
}

err subgroup_gains_open(const study *experiment, const char *path, gains *out)
{
    return open_gains(experiment, &subgroups, path, out);
}
