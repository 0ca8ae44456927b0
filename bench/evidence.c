#include "bench/evidence.h"

#include "bench/scores.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *evidence_text(const table *t, int row, const char *column)
{
    int c = table_column(t, column);
    return c < 0 ? "" : table_cell(t, row, c);
}

double evidence_number(const table *t, int row, const char *column)
{
    const char *cell = evidence_text(t, row, column);
    char *end;
    double value = strtod(cell, &end);
    return end == cell || *end ? (double)NAN : value;
}

bool evidence_main_gain(const evidence *e, int row)
{
    return strcmp(evidence_text(&e->gains, row, "metric"), e->metric) == 0 &&
           !evidence_text(&e->gains, row, "label")[0] && !evidence_text(&e->gains, row, "subgroup")[0];
}

const char *evidence_setting(const evidence *e, const char *section, const char *key)
{
    const char *value = ini_file_value(&e->settings, section, key);
    return value ? value : "";
}

static err read_table(const char *folder, const char *name, bool needed, table *out)
{
    enum { LIMIT = 1 << 30 };
    char path[PATH_BYTES];
    TRY(path_join(path, folder, "%s", name));
    if (!path_exists(path) && !needed) return OK;
    return table_open(path, LIMIT, out);
}

static err read_settings(evidence *e)
{
    char path[PATH_BYTES];
    TRY(path_join(path, e->folder, "settings.ini"));
    return path_exists(path) ? ini_file_open(path, &e->settings) : OK;
}

static bool has_metric(const evidence *e, const char *metric)
{
    for (int i = 0; i < e->gains.rows; i++)
        if (strcmp(evidence_text(&e->gains, i, "metric"), metric) == 0) return true;
    return false;
}

/* What an empty experiment.metric means, or the table's first without settings. */
static const char *default_metric(const evidence *e)
{
    const char *task = evidence_setting(e, "experiment", "task");
    const char *metric = score_infos[task_infos[task_find(task[0] ? task : "classes")].metric].name;
    return has_metric(e, metric) || e->gains.rows == 0 ? metric : evidence_text(&e->gains, 0, "metric");
}

static err choose_metric(evidence *e, const char *wanted)
{
    const char *set = evidence_setting(e, "experiment", "metric");
    if (wanted && !has_metric(e, wanted))
        return err_set(ERR_USAGE, "--metric %.60s: %.200s/gains.csv has no such metric", wanted, e->folder);
    (void)snprintf(e->metric, sizeof e->metric, "%s", wanted ? wanted : set[0] ? set : default_metric(e));
    return OK;
}

static err read_all(evidence *e, const char *metric)
{
    TRY(read_table(e->folder, "gains.csv", true, &e->gains));
    TRY(read_table(e->folder, "results.csv", false, &e->results));
    TRY(read_table(e->folder, "label_gains.csv", false, &e->label_gains));
    TRY(read_table(e->folder, "subgroup_gains.csv", false, &e->subgroup_gains));
    TRY(read_table(e->folder, "losses.csv", false, &e->losses));
    TRY(read_table(e->folder, "samples.csv", false, &e->samples));
    TRY(read_settings(e));
    const table *named = e->gains.rows > 0 ? &e->gains : &e->results;
    if (named->rows > 0)
        (void)snprintf(e->experiment, sizeof e->experiment, "%s", evidence_text(named, 0, "experiment"));
    return choose_metric(e, metric);
}

err evidence_open(const char *folder, const char *metric, evidence *out)
{
    memset(out, 0, sizeof *out);
    int n = snprintf(out->folder, sizeof out->folder, "%s", folder);
    if (n < 0 || n >= PATH_BYTES) return err_set(ERR_USAGE, "the path of the results is too long");
    return read_all(out, metric);
}

void evidence_close(evidence *e)
{
    table *tables[] = {&e->gains, &e->results, &e->label_gains, &e->subgroup_gains, &e->losses, &e->samples};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) table_close(tables[i]);
    ini_file_close(&e->settings);
}
