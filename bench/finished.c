#include "bench/finished.h"

#include "data/csv_rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The task whose scores are all among the columns. */
static err find_task(const char *path, task_kind *out)
{
    csv_rows *rows;
    TRY(csv_rows_open(path, &rows));
    err error = err_set(ERR_DATA, "%s: the columns are not those of any task's results", path);
    for (int t = 0; t < TASK_COUNT && error != OK; t++) {
        bool all = true;
        for (int i = 0; i < SCORE_COUNT; i++)
            if (score_belongs(i, (task_kind)t) && csv_rows_column(rows, score_infos[i].name) < 0) all = false;
        if (!all) continue;
        *out = (task_kind)t;
        error = OK;
    }
    csv_rows_close(rows);
    return error;
}

/* ---- a study out of rows */

/* Appends to a list in the text of --set, unless an earlier row had the same. */
static void add_item(text *t, bool seen, const char *item)
{
    if (!seen) text_printf(t, "%s%s", t->data[t->length - 1] == '=' ? "" : ",", item);
}

typedef struct row_lists {
    text arms, shots, ratios, seeds, labelled, models;
} row_lists;

static void add_row(const results *r, int index, row_lists *lists)
{
    const trial_row *row = &r->rows[index];
    bool old_arm = false, old_shots = false, old_ratio = row->ratio <= 0 || row->ratio >= 1, old_seed = false;
    bool old_share = row->labelled <= 0, old_model = !row->model[0];
    char number[32];
    for (int i = 0; i < index; i++) {
        old_arm |= strcmp(r->rows[i].arm, row->arm) == 0;
        old_shots |= r->rows[i].shots == row->shots;
        old_ratio |= same_share(r->rows[i].ratio, row->ratio);
        old_seed |= r->rows[i].seed == row->seed;
        old_share |= same_share(r->rows[i].labelled, row->labelled);
        old_model |= strcmp(r->rows[i].model, row->model) == 0;
    }
    add_item(&lists->arms, old_arm, row->arm);
    (void)snprintf(number, sizeof number, "%d", row->shots);
    add_item(&lists->shots, old_shots, number);
    (void)snprintf(number, sizeof number, "%.9g", row->ratio);
    add_item(&lists->ratios, old_ratio, number);
    (void)snprintf(number, sizeof number, "%d", row->seed);
    add_item(&lists->seeds, old_seed, number);
    (void)snprintf(number, sizeof number, "%.9g", row->labelled);
    add_item(&lists->labelled, old_share, number);
    add_item(&lists->models, old_model, row->model);
}

static err assign(settings *s, const text *t)
{
    TRY(text_check(t));
    return t->data[t->length - 1] == '=' ? OK
                                         : settings_assign(s, t->data); /* an empty list: the default one */
}

static err settings_of_rows(const results *r, settings *s)
{
    row_lists lists = {{0}, {0}, {0}, {0}, {0}, {0}};
    text name = {0};
    text_printf(&name, "experiment.name=%s", r->experiment);
    text_printf(&lists.arms, "experiment.arms=");
    text_printf(&lists.shots, "experiment.shots=");
    text_printf(&lists.ratios, "experiment.ratios=");
    text_printf(&lists.seeds, "experiment.seeds=");
    text_printf(&lists.labelled, "data.labelled=");
    text_printf(&lists.models, "%s.model=", r->task == TASK_REPORTS ? "report_generation" : "downstream");
    for (int i = 0; i < r->n; i++) add_row(r, i, &lists);
    settings_defaults(s);
    err error = assign(s, &name);
    if (error == OK) error = assign(s, &lists.arms);
    if (error == OK) error = assign(s, &lists.ratios);
    if (error == OK) error = assign(s, &lists.seeds);
    bool shots = r->rows[0].shots > 0; /* 0 where there is no few-shot class */
    if (error == OK) error = shots ? assign(s, &lists.shots) : settings_assign(s, "data.few_shot_class=");
    if (error == OK) error = assign(s, &lists.labelled);
    if (error == OK) error = assign(s, &lists.models);
    text *all[] = {&name,        &lists.arms,     &lists.shots, &lists.ratios,
                   &lists.seeds, &lists.labelled, &lists.models};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) text_close(all[i]);
    return error;
}

static err study_of_rows(const char *path, const results *r, study *out)
{
    static settings s;
    char task[64];
    if (r->n == 0) return err_set(ERR_DATA, "%s: there is no trial", path);
    TRY(settings_of_rows(r, &s));
    (void)snprintf(task, sizeof task, "experiment.task=%s", task_infos[r->task].name);
    TRY(settings_assign(&s, task));
    if (r->task == TASK_REPORTS) TRY(settings_assign(&s, "emixer.pairs=1")); /* or there were no such rows */
    return study_open(&s, out);
}

/* ---- opening */

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Which files to read; settings is "" if there are none. */
static err find_files(const char *path, const char *experiment_file, char results_path[PATH_BYTES],
                      char settings_path[PATH_BYTES])
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    settings_path[0] = '\0';
    if (is_folder(path)) {
        TRY(path_join(results_path, path, "results.csv"));
        TRY(path_join(settings_path, path, "settings.ini"));
    } else {
        int length = (int)(base - path);
        int n = snprintf(results_path, PATH_BYTES, "%s", path);
        if (n < 0 || n >= PATH_BYTES - 16) return err_set(ERR_USAGE, "%.60s...: the path is too long", path);
        if (strcmp(base, "results.csv") == 0)
            (void)snprintf(settings_path, PATH_BYTES, "%.*ssettings.ini", length, path);
        if (settings_path[0] && !path_exists(settings_path)) settings_path[0] = '\0';
    }
    if (experiment_file) (void)snprintf(settings_path, PATH_BYTES, "%s", experiment_file);
    return OK;
}

/* Of results that do not say them. */
static void fill_columns(const study *experiment, results *r)
{
    for (int i = 0; i < r->n; i++) {
        trial_row *row = &r->rows[i];
        if (row->labelled <= 0) row->labelled = study_budget(experiment, 0).labelled;
        if (!row->model[0])
            (void)snprintf(row->model, sizeof row->model, "%.*s", MODEL_NAME_BYTES - 1,
                           study_models(experiment)->values[0]);
    }
}

static err open_files(const char *path, const char *experiment_file, study *experiment, results *r)
{
    static settings s;
    char results_path[PATH_BYTES], settings_path[PATH_BYTES];
    task_kind task = TASK_CLASSES;
    TRY(find_files(path, experiment_file, results_path, settings_path));
    if (settings_path[0]) {
        settings_defaults(&s);
        TRY(settings_load(&s, settings_path, NULL, 0));
        TRY(study_open(&s, experiment));
        return results_read(results_path, experiment->task, r);
    }
    TRY(find_task(results_path, &task));
    TRY(results_read(results_path, task, r));
    err error = study_of_rows(results_path, r, experiment);
    if (error != OK) results_close(r);
    return error;
}

err finished_open(const char *path, const char *experiment_file, study *experiment, results *r)
{
    TRY(open_files(path, experiment_file, experiment, r));
    fill_columns(experiment, r);
    return OK;
}
