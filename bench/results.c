#include "bench/results.h"

#include "bench/guards.h"
#include "bench/inifile.h"
#include "bench/version.h"
#include "data/table.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COPY(field, value) (void)snprintf(field, sizeof(field), "%s", value)

/* ---- from the artifacts */

static err read_score_file(const ini_file *f, task_kind task, trial_row *row)
{
    const char *data_hash = ini_file_value(f, "trial", "data_hash");
    const char *train_images = ini_file_value(f, "trial", "train_images");
    if (!data_hash || !train_images) return err_set(ERR_DATA, "%s: is not a trial's scores", f->path);
    COPY(row->data_hash, data_hash);
    COPY(row->train_images, train_images);
    for (int i = 0; i < SCORE_COUNT; i++) {
        if (!score_belongs(i, task)) continue;
        const char *value = ini_file_value(f, "scores", score_infos[i].name);
        if (!value) return err_set(ERR_DATA, "%s: there is no %s", f->path, score_infos[i].name);
        row->values.values[i] = value[0] ? strtod(value, NULL) : NAN;
    }
    return OK;
}

static err read_trial(const study *experiment, const plan *p, const store *s, const artifact *a,
                      trial_row *row)
{
    const char *kind = artifact_kind_names[a->kind];
    char path[PATH_BYTES];
    manifest m;
    TRY(store_manifest(s, kind, &a->key, &m));
    *row = (trial_row){.shots = a->shots,
                       .seed = a->seed,
                       .labelled = a->labelled,
                       .steps = study_trial_steps(experiment),
                       .threads = p->threads,
                       .ratio = a->ratio,
                       .done = !m.failed,
                       .seconds = m.seconds};
    COPY(row->arm, experiment->arms[a->arm].name);
    COPY(row->model, study_models(experiment)->values[a->model]);
    COPY(row->message, m.message);
    COPY(row->settings_hash, a->settings.hex);
    COPY(row->code_hash, version_code);
    for (int i = 0; i < SCORE_COUNT; i++) row->values.values[i] = NAN;
    if (m.failed) return OK;
    TRY(store_path(s, kind, &a->key, "score.ini", path));
    ini_file f;
    err error = ini_file_open(path, &f);
    if (error == OK) error = read_score_file(&f, experiment->task, row);
    ini_file_close(&f);
    return error;
}

err results_collect(const study *experiment, const plan *p, const store *s, results *out)
{
    *out = (results){.task = experiment->task};
    (void)snprintf(out->experiment, sizeof out->experiment, "%.120s", experiment->s.name);
    out->rows = calloc((size_t)p->n, sizeof *out->rows);
    if (!out->rows) return err_set(ERR_SYSTEM, "out of memory for the results");
    for (int i = 0; i < p->n; i++) {
        if (p->items[i].kind != KIND_TRIAL) continue;
        TRY(read_trial(experiment, p, s, &p->items[i], &out->rows[out->n]));
        out->n++;
    }
    return OK;
}

void results_allow(results *r, const plan *p, const unsigned *found)
{
    int row = 0;
    for (int i = 0; i < p->n && row < r->n; i++)
        if (p->items[i].kind == KIND_TRIAL) r->rows[row++].allowed = found[i];
}

void results_close(results *r)
{
    free(r->rows);
    *r = (results){0};
}

/* ---- writing */

static void write_row(const results *r, const trial_row *row, text *out)
{
    text_csv_field(out, r->experiment);
    text_printf(out, ",%s,%d,%.9g,%d,%s", row->arm, row->shots, row->ratio, row->seed,
                row->done ? "done" : "failed");
    for (int i = 0; i < SCORE_COUNT; i++) {
        if (!score_belongs(i, r->task)) continue;
        text_printf(out, ",");
        if (!isnan(row->values.values[i])) text_printf(out, "%.9g", row->values.values[i]);
    }
    text_printf(out, ",");
    text_csv_cell(out, row->train_images);
    text_printf(out, ",%.9g,%s,%d,%d,%.3f,%s,%s,%s,", row->labelled, row->model, row->steps, row->threads,
                row->seconds, row->data_hash, row->settings_hash, row->code_hash);
    char allowed[GUARD_NAMES_BYTES];
    guard_names(row->allowed, allowed);
    text_printf(out, "%s,", allowed);
    text_csv_cell(out, row->message);
    text_printf(out, "\n");
}

err results_write(const results *r, const char *path)
{
    text t = {0};
    text_printf(&t, "experiment,arm,shots,ratio,seed,status");
    for (int i = 0; i < SCORE_COUNT; i++)
        if (score_belongs(i, r->task)) text_printf(&t, ",%s", score_infos[i].name);
    text_printf(&t, ",train_images,labelled,model,steps,threads,seconds,data_hash,settings_hash,code_hash,"
                    "allowed,message\n");
    for (int i = 0; i < r->n; i++) write_row(r, &r->rows[i], &t);
    err error = text_save(&t, path);
    text_close(&t);
    return error;
}

/* ---- reading */

/* A table and the file it came from, for messages. */
typedef struct reading {
    const char *path;
    table t;
} reading;

static err bad_cell(const reading *r, int row, const char *name, const char *value)
{
    return err_set(ERR_DATA, "%s:%d: %s = %.60s is not what belongs there", r->path, r->t.lines[row + 1],
                   name, value);
}

static err get_cell(const reading *r, int row, const char *name, const char **out)
{
    int column = table_column(&r->t, name);
    if (column < 0) return err_set(ERR_DATA, "%s: there is no column %s", r->path, name);
    *out = table_cell(&r->t, row, column);
    return OK;
}

static err get_text(const reading *r, int row, const char *name, char *out, size_t bytes)
{
    const char *value = "";
    TRY(get_cell(r, row, name, &value));
    value = csv_cell_content(value);
    if (strlen(value) >= bytes) return bad_cell(r, row, name, value);
    (void)snprintf(out, bytes, "%s", value);
    return OK;
}

static err get_real(const reading *r, int row, const char *name, double *out)
{
    const char *value = "";
    *out = NAN;
    TRY(get_cell(r, row, name, &value));
    if (!value[0]) return OK;
    char *end;
    *out = strtod(value, &end);
    return *end || end == value ? bad_cell(r, row, name, value) : OK;
}

static err get_integer(const reading *r, int row, const char *name, int *out)
{
    double value = NAN;
    TRY(get_real(r, row, name, &value));
    if (!(value >= INT_MIN && value <= INT_MAX) || value != floor(value))
        return bad_cell(r, row, name, "not an integer");
    *out = (int)value;
    return OK;
}

static err get_row(const reading *r, int i, task_kind task, trial_row *row)
{
    char status[16];
    TRY(get_text(r, i, "arm", row->arm, sizeof row->arm));
    TRY(get_integer(r, i, "shots", &row->shots));
    TRY(get_real(r, i, "ratio", &row->ratio));
    TRY(get_integer(r, i, "seed", &row->seed));
    TRY(get_text(r, i, "status", status, sizeof status));
    row->done = strcmp(status, "done") == 0;
    if (!row->done && strcmp(status, "failed") != 0) return bad_cell(r, i, "status", status);
    for (int j = 0; j < SCORE_COUNT; j++) {
        row->values.values[j] = NAN;
        if (score_belongs(j, task)) TRY(get_real(r, i, score_infos[j].name, &row->values.values[j]));
    }
    TRY(get_text(r, i, "train_images", row->train_images, sizeof row->train_images));
    if (table_column(&r->t, "labelled") >= 0) TRY(get_real(r, i, "labelled", &row->labelled));
    if (table_column(&r->t, "model") >= 0) TRY(get_text(r, i, "model", row->model, sizeof row->model));
    TRY(get_integer(r, i, "steps", &row->steps));
    TRY(get_integer(r, i, "threads", &row->threads));
    TRY(get_real(r, i, "seconds", &row->seconds));
    TRY(get_text(r, i, "data_hash", row->data_hash, sizeof row->data_hash));
    TRY(get_text(r, i, "settings_hash", row->settings_hash, sizeof row->settings_hash));
    TRY(get_text(r, i, "code_hash", row->code_hash, sizeof row->code_hash));
    if (table_column(&r->t, "allowed") >= 0)
        row->allowed = guards_named(table_cell(&r->t, i, table_column(&r->t, "allowed")));
    return get_text(r, i, "message", row->message, sizeof row->message);
}

static err read_rows(const reading *r, results *out)
{
    out->rows = calloc((size_t)r->t.rows + 1, sizeof *out->rows);
    if (!out->rows) return err_set(ERR_SYSTEM, "%s: out of memory", r->path);
    for (int i = 0; i < r->t.rows; i++) {
        TRY(get_text(r, i, "experiment", out->experiment, sizeof out->experiment));
        TRY(get_row(r, i, out->task, &out->rows[i]));
        out->n++;
    }
    return OK;
}

err results_read(const char *path, task_kind task, results *out)
{
    enum { FILE_LIMIT = 1 << 30 };
    *out = (results){.task = task};
    reading r = {.path = path};
    TRY(table_open(path, FILE_LIMIT, &r.t));
    err error = read_rows(&r, out);
    table_close(&r.t);
    if (error != OK) results_close(out);
    return error;
}
