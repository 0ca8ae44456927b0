#include "bench/score_files.h"

#include "data/table.h"

typedef struct gathering {
    const study *experiment;
    const store *store;
    const score_file *file;
    text rows;
} gathering;

static err add_rows(gathering *g, const artifact *a, const table *rows, const char *path)
{
    const char *const names[] = {g->file->column, "metric", "value"};
    const study *experiment = g->experiment;
    text *out = &g->rows;
    int columns[3];
    for (int i = 0; i < 3; i++)
        if ((columns[i] = table_column(rows, names[i])) < 0)
            return err_set(ERR_DATA, "%s: there is no column %s", path, names[i]);
    for (int row = 0; row < rows->rows; row++) {
        const char *part = table_cell(rows, row, columns[0]);
        if (g->file->wanted && !g->file->wanted(&experiment->s, part)) continue;
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
static err add_trial(gathering *g, const artifact *a)
{
    enum { FILE_LIMIT = 1 << 26 };
    const char *kind = artifact_kind_names[a->kind];
    char path[PATH_BYTES];
    manifest m;
    table rows;
    TRY(store_manifest(g->store, kind, &a->key, &m));
    if (m.failed) return OK;
    TRY(store_path(g->store, kind, &a->key, g->file->name, path));
    TRY(table_open(path, FILE_LIMIT, &rows));
    err error = add_rows(g, a, &rows, path);
    table_close(&rows);
    return error;
}

err score_files_collect(const study *experiment, const plan *p, const store *s, const score_file *file,
                        const char *path)
{
    gathering g = {experiment, s, file, {0}};
    err error = OK;
    text_printf(&g.rows, "experiment,arm,shots,ratio,seed,%s,metric,value,labelled,model\n", file->column);
    for (int i = 0; i < p->n && error == OK; i++)
        if (p->items[i].kind == KIND_TRIAL) error = add_trial(&g, &p->items[i]);
    if (error == OK) error = text_save(&g.rows, path);
    text_close(&g.rows);
    return error;
}
