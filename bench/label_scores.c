#include "bench/label_scores.h"

#include "bench/score_files.h"

#include <math.h>

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
    err error = text_save(&t, path);
    text_close(&t);
    return error;
}

err label_scores_collect(const study *experiment, const plan *p, const store *s, const char *path)
{
    static const score_file file = {"label_scores.csv", "label", NULL};
    return score_files_collect(experiment, p, s, &file, path);
}
