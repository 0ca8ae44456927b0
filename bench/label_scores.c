#include "bench/label_scores.h"

#include "data/table.h"

#include <math.h>

static err write_text(text *t, const char *path)
{
    err error = text_check(t);
    if (error == OK) error = file_write(path, t->data, t->length);
    text_close(t);
    return error;
}

err label_scores_save(const dataset *set, const label_scores *labels, const char *folder)
{
    char path[PATH_BYTES];
    text t = {0};
    TRY(path_join(path, folder, "label_scores.csv"));
    text_printf(&t, "label,metric,value\n");
    for (int k = 0; k < set->n_labels; k++)
        for (int i = 0; i < LABEL_SCORE_COUNT; i++) {
            text_csv_field(&t, set->label_names[k]);
            text_printf(&t, ",%s,", label_score_names[i]);
            if (!isnan(labels[k].values[i])) text_printf(&t, "%.9g", labels[k].values[i]);
            text_printf(&t, "\n");
        }
    return write_text(&t, path);
}

static err add_rows(const study *experiment, const artifact *a, const table *rows, const char *path,
                    text *out)
{
    static const char *const names[] = {"label", "metric", "value"};
    int columns[3];
    for (int i = 0; i < 3; i++)
        if ((columns[i] = table_column(rows, names[i])) < 0)
            return err_set(ERR_DATA, "%s: there is no column %s", path, names[i]);
    for (int row = 0; row < rows->rows; row++) {
        text_csv_field(out, experiment->s.name);
        text_printf(out, ",%s,%d,%.9g,%d", experiment->arms[a->arm].name, a->shots, a->ratio, a->seed);
        for (int i = 0; i < 3; i++) {
            text_printf(out, ",");
            text_csv_field(out, table_cell(rows, row, columns[i]));
        }
        text_printf(out, ",%.9g,%s\n", a->labelled, study_models(experiment)->values[a->model]);
    }
    return OK;
}

/* Nothing of a trial that failed. */
static err add_trial(const study *experiment, const store *s, const artifact *a, text *out)
{
    enum { FILE_LIMIT = 1 << 26 };
    const char *kind = artifact_kind_names[a->kind];
    char path[PATH_BYTES];
    manifest m;
    table rows;
    TRY(store_manifest(s, kind, &a->key, &m));
    if (m.failed) return OK;
    TRY(store_path(s, kind, &a->key, "label_scores.csv", path));
    TRY(table_open(path, FILE_LIMIT, &rows));
    err error = add_rows(experiment, a, &rows, path, out);
    table_close(&rows);
    return error;
}

err label_scores_collect(const study *experiment, const plan *p, const store *s, const char *path)
{
    text t = {0};
    err error = OK;
    text_printf(&t, "experiment,arm,shots,ratio,seed,label,metric,value,labelled,model\n");
    for (int i = 0; i < p->n && error == OK; i++)
        if (p->items[i].kind == KIND_TRIAL) error = add_trial(experiment, s, &p->items[i], &t);
    if (error == OK) return write_text(&t, path);
    text_close(&t);
    return error;
}
