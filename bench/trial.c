#include "bench/trial.h"

#include "base/text.h"
#include "bench/label_scores.h"

#include <math.h>
#include <stdlib.h>

static trial_task *const trial_tasks[TASK_COUNT] = {
    [TASK_CLASSES] = trial_classifier,
    [TASK_LABELS] = trial_classifier,
    [TASK_REPORTS] = trial_reports,
};

/* "COVID-19:10|No Finding:300": the labelled images of the draw that have each label; where these are not
 * classes, all of them first: "images:500|Edema:31|...". */
static void describe_draw(const trial *t, text *out)
{
    const dataset *set = t->set;
    const samples *labelled = &t->draw->labelled;
    bool classes = t->builder->study->task == TASK_CLASSES;
    if (!classes) text_printf(out, "images:%d", labelled->n);
    for (int k = 0; k < set->n_labels; k++) {
        int count = 0;
        for (int i = 0; i < labelled->n; i++)
            count += set->labels[(size_t)labelled->index[i] * (size_t)set->n_labels + (size_t)k] == 1.0F;
        text_printf(out, "%s%s:%d", k || !classes ? "|" : "", set->label_names[k], count);
    }
}

/* Values keep 9 digits here already, so that the statistics see what results.csv says. */
static err save_score(const trial *t, const trial_scores *s)
{
    char path[PATH_BYTES];
    TRY(path_join(path, t->work, "score.ini"));
    text out = {0};
    text_printf(&out, "[trial]\ndata_hash = %s\ntrain_images = ", t->set->content.hex);
    describe_draw(t, &out);
    if (s->words.hex[0]) text_printf(&out, "\nwords = %s", s->words.hex);
    text_printf(&out, "\n\n[scores]\n");
    for (int i = 0; i < SCORE_COUNT; i++) {
        if (!score_belongs(i, t->builder->study->task)) continue;
        text_printf(&out, "%s = ", score_infos[i].name);
        if (!isnan(s->values.values[i])) text_printf(&out, "%.9g", s->values.values[i]);
        text_printf(&out, "\n");
    }
    err error = text_save(&out, path);
    text_close(&out);
    return error;
}

static err run(const trial *t)
{
    trial_scores s = {.labels = calloc((size_t)t->set->n_labels, sizeof *s.labels)};
    if (!s.labels) return err_set(ERR_SYSTEM, "out of memory for the scores of %d labels", t->set->n_labels);
    err error = trial_tasks[t->builder->study->task](t, &s);
    if (error == OK) error = save_score(t, &s);
    if (error == OK) error = label_scores_save(t->set, s.labels, t->work);
    free(s.labels);
    return error;
}

err trial_build(builder *b, const artifact *a, const char *work)
{
    draw d;
    trial t = {.builder = b, .artifact = a, .draw = &d, .work = work};
    TRY(builder_draw(b, a, &t.set, &d));
    err error = run(&t);
    draw_close(&d);
    return error;
}
