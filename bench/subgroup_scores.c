#include "bench/subgroup_scores.h"

#include "bench/score_files.h"
#include "bench/subgroups.h"

#include <math.h>

void subgroup_scores_add(subgroup_scores *s, const char *name, int images, task_kind task,
                         const scores *values)
{
    text_csv_cell(&s->rows, name);
    text_printf(&s->rows, "," SUBGROUP_IMAGES ",%d\n", images);
    for (int i = 0; i < SCORE_COUNT; i++) {
        if (!score_belongs(i, task)) continue;
        text_csv_cell(&s->rows, name);
        text_printf(&s->rows, ",%s,", score_infos[i].name);
        if (!isnan(values->values[i])) text_printf(&s->rows, "%.9g", values->values[i]);
        text_printf(&s->rows, "\n");
    }
}

err subgroup_scores_save(const subgroup_scores *s, const char *folder)
{
    char path[PATH_BYTES];
    text t = {0};
    TRY(text_check(&s->rows));
    TRY(path_join(path, folder, SUBGROUP_SCORES_FILE));
    text_printf(&t, "subgroup,metric,value\n");
    text_bytes(&t, s->rows.data ? s->rows.data : "", s->rows.length);
    err error = text_save(&t, path);
    text_close(&t);
    return error;
}

void subgroup_scores_close(subgroup_scores *s)
{
    text_close(&s->rows);
}

err subgroup_scores_collect(const study *experiment, const plan *p, const store *s, const char *path)
{
    static const score_file file = {SUBGROUP_SCORES_FILE, "subgroup", subgroup_wanted};
    if (experiment->s.subgroups.n == 0) return folder_remove(path); /* of an earlier run */
    return score_files_collect(experiment, p, s, &file, path);
}
