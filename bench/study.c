#include "bench/lessons.h"
#include "bench/scores.h"
#include "bench/settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PLACE_BYTES = PATH_BYTES + 160 };

static err wrong(const settings *s, int option_index, const char *what)
{
    char place[PLACE_BYTES];
    settings_place(s, option_index, place, sizeof place);
    return err_set(ERR_CONFIG, "%s: %s", place, what);
}

static err check_integers(const settings *s, int option_index, const integers *list)
{
    if (list->n == 0) return wrong(s, option_index, "the list is empty");
    for (int i = 0; i < list->n; i++)
        for (int j = 0; j < i; j++)
            if (list->values[i] == list->values[j]) return wrong(s, option_index, "a value is given twice");
    return OK;
}

bool same_share(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

static err check_shares_list(const settings *s, int option_index, const reals *list)
{
    if (list->n == 0) return wrong(s, option_index, "the list is empty");
    for (int i = 0; i < list->n; i++)
        for (int j = 0; j < i; j++)
            if (same_share(list->values[i], list->values[j]))
                return wrong(s, option_index, "a value is given twice");
    return OK;
}

static err check_models(const settings *s, int option_index, const texts *list)
{
    if (list->n == 0) return wrong(s, option_index, "the list is empty");
    for (int i = 0; i < list->n; i++)
        for (int j = 0; j < i; j++)
            if (strcmp(list->values[i], list->values[j]) == 0)
                return wrong(s, option_index, "a value is given twice");
    return OK;
}

/* A share so small that a batch has no image of it would make two arms the same, and so would one so large
 * that no real image is left. */
static err check_shares(const study *x)
{
    const settings *s = &x->s;
    bool mixes = false, reports = x->task == TASK_REPORTS;
    int batch = reports ? s->report_batch : s->classifier_batch;
    for (int i = 0; i < x->n_arms; i++) mixes = mixes || arm_mixes(&x->arms[i]);
    for (int i = 0; i < s->ratios.n && mixes; i++) {
        long real = lroundf((float)batch * (1.0F - (float)s->ratios.values[i]));
        char what[120];
        if (real > 0 && real < batch) continue;
        (void)snprintf(what, sizeof what, "%g of a batch of %d (%s.batch) leaves no %s image in it",
                       s->ratios.values[i], batch, reports ? "report_generation" : "downstream",
                       real > 0 ? "synthetic" : "real");
        return wrong(s, OPTION_OF_ratios, what);
    }
    return OK;
}

static err read_arms(study *out)
{
    char place[PLACE_BYTES];
    settings_place(&out->s, OPTION_OF_arms, place, sizeof place);
    if (out->s.arms.n == 0) return wrong(&out->s, OPTION_OF_arms, "the list is empty");
    for (int i = 0; i < out->s.arms.n; i++) {
        TRY(arm_parse(out->s.arms.values[i], place, &out->arms[i]));
        if (arm_find(out->arms, i, out->arms[i].name) >= 0)
            return err_set(ERR_CONFIG, "%s: the arm %s is given twice", place, out->arms[i].name);
    }
    out->n_arms = out->s.arms.n;
    return OK;
}

static err read_contrasts(study *out)
{
    char place[PLACE_BYTES];
    settings_place(&out->s, OPTION_OF_contrasts, place, sizeof place);
    const texts *list = &out->s.contrasts;
    for (int i = 0; i < list->n; i++) {
        contrast *c = &out->contrasts[i];
        TRY(contrast_parse(list->values[i], out->arms, out->n_arms, place, c));
        for (int j = 0; j < i; j++)
            if (out->contrasts[j].arm == c->arm && out->contrasts[j].baseline == c->baseline)
                return err_set(ERR_CONFIG, "%s: the contrast %.80s is given twice", place, list->values[i]);
    }
    out->n_contrasts =
        list->n ? list->n : contrasts_default(out->arms, out->n_arms, out->contrasts, CONTRASTS_MAX);
    return OK;
}

bool study_needs_generator(const study *s)
{
    for (int i = 0; i < s->n_arms; i++)
        if (arm_generates(&s->arms[i])) return true;
    return false;
}

/* The name becomes a folder and a CSV field: nothing that a path or a shell would misread. */
static err check_name(const settings *s)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (!s->name[0] || s->name[0] == '.' || s->name[strspn(s->name, allowed)] || strlen(s->name) > 100)
        return wrong(s, OPTION_OF_name, "use 1 to 100 letters, digits, '_', '-' or '.', not '.' first");
    return OK;
}

classifier_opts settings_classifier(const settings *s, int n_classes)
{
    classifier_opts o = classifier_defaults;
    o.model = s->model.values[0];
    o.resolution = s->size;
    o.channels = strcmp(s->channels, "3") == 0 ? 3 : 1;
    o.input_scale = (float)s->input_scale;
    o.input_shift = (float)s->input_shift;
    o.n_classes = n_classes;
    o.growth = s->growth;
    o.layers_per_block = s->layers_per_block;
    o.batch = s->classifier_batch;
    o.steps = s->classifier_steps;
    o.learning_rate = (float)s->learning_rate;
    o.weight_decay = (float)s->weight_decay;
    o.head_only = strcmp(s->trainable, "head") == 0;
    o.prototypes = strcmp(s->head, "prototype") == 0;
    return o;
}

uncertain_policy settings_uncertain(const settings *s)
{
    return strcmp(s->uncertain, "zero") == 0  ? UNCERTAIN_ZERO
           : strcmp(s->uncertain, "one") == 0 ? UNCERTAIN_ONE
                                              : UNCERTAIN_UNKNOWN;
}

/* The size is what options do not check against each other; the number of classes is not known yet. */
static err check_classifier(const study *x)
{
    const settings *s = &x->s;
    char place[PLACE_BYTES];
    if (strcmp(s->trainable, "head") == 0 && !s->weights[0])
        return wrong(s, OPTION_OF_trainable,
                     "a probe of fresh weights says nothing; give downstream.weights");
    if (s->fresh_head && !s->weights[0])
        return wrong(s, OPTION_OF_fresh_head, "there are no downstream.weights to leave the head of");
    TRY(check_models(s, OPTION_OF_model, &s->model));
    if (s->model.n > 1 && s->weights[0])
        return wrong(s, OPTION_OF_weights, "are of one architecture, and downstream.model has several");
    classifier_opts o = settings_classifier(s, 2);
    o.multi_label = x->task == TASK_LABELS;
    if (o.prototypes && o.multi_label)
        return wrong(s, OPTION_OF_head,
                     "prototypes are of classes; of experiment.task = labels there are none");
    for (int i = 0; i < s->model.n; i++) {
        o.model = s->model.values[i];
        err error = classifier_check(&o);
        settings_place(s, OPTION_OF_size, place, sizeof place);
        if (error != OK) return err_context(error, "%s with downstream.model = %.60s", place, o.model);
    }
    return OK;
}

const texts *study_models(const study *s)
{
    return s->task == TASK_REPORTS ? &s->s.report_model : &s->s.model;
}

int study_budgets(const study *s)
{
    return s->s.shots.n * s->s.labelled.n;
}

/* One of the lists has one item: read_draw. */
label_budget study_budget(const study *s, int i)
{
    int n = s->s.labelled.n;
    return (label_budget){s->s.shots.values[i / n], s->s.labelled.values[i % n]};
}

/* Pairs without reports, and those that a classifier would have to label or choose. */
static err check_report_arms(const study *x)
{
    char place[PLACE_BYTES];
    settings_place(&x->s, OPTION_OF_arms, place, sizeof place);
    for (int i = 0; i < x->n_arms; i++) {
        arm_images images = arm_images_of(&x->arms[i]);
        bool taught = images == IMAGES_PSEUDO || x->arms[i].parts[ROLE_FILTER];
        if (taught || images == IMAGES_FOLDER)
            return err_set(ERR_CONFIG, "%s: arm %.80s: %s, and experiment.task = reports needs pairs", place,
                           x->arms[i].name,
                           taught ? "a classifier labels or filters images" : "a folder has no reports");
    }
    return OK;
}

/* As far as they do not depend on the data. */
static err check_report_generators(const study *x)
{
    const settings *s = &x->s;
    char place[PLACE_BYTES];
    TRY(check_models(s, OPTION_OF_report_model, &s->report_model));
    TRY(check_report_arms(x));
    report_generator_opts o = settings_report_generator(s, 2);
    settings_place(s, OPTION_OF_report_model, place, sizeof place);
    for (int i = 0; i < s->report_model.n; i++) {
        o.model = s->report_model.values[i];
        err error = report_generator_check(&o);
        if (error != OK) return err_context(error, "%s = %.60s", place, o.model);
    }
    if (study_needs_generator(x) && s->emixer_pairs == 0)
        return wrong(s, OPTION_OF_emixer_pairs,
                     "at 0 EMIXER writes no reports, and experiment.task = reports has arms that learn from "
                     "them");
    return OK;
}

/* Without a few-shot class there are no shots, which the plan and the tables know as 0 shots. */
static err read_draw(const settings *s, study *out)
{
    if (s->few_shot_class[0])
        return s->labelled.n > 1 || s->labelled.values[0] < 1
                   ? wrong(s, OPTION_OF_labelled,
                           "is for an empty data.few_shot_class: shots are drawn otherwise")
                   : OK;
    if (s->shots.n > 1)
        return wrong(s, OPTION_OF_shots, "with an empty data.few_shot_class there are no shots to vary");
    out->s.shots = (integers){.n = 1, .values = {0}};
    return OK;
}

/* What only a generator of the settings must fit. */
static err check_generator(const settings *s)
{
    char place[PLACE_BYTES];
    emixer_writing how;
    bool power_of_two = (s->size & (s->size - 1)) == 0;
    if (!power_of_two || s->size > 256)
        return wrong(s, OPTION_OF_size, "the generator makes images of 16, 32, 64, 128 or 256 pixels");
    settings_place(s, OPTION_OF_writing, place, sizeof place);
    TRY(writing_named(place, s->writing, &how));
    if (s->emixer_pairs > 0 && how.kind == WRITING_BEAM && s->emixer_batch % how.beams != 0)
        return wrong(s, OPTION_OF_writing, "the beams must divide emixer.batch");
    bool chosen = s->emixer_pairs > 0 && how.kind == WRITING_SAMPLE && how.candidates > 1;
    if (chosen && s->matching_weight <= 0 && s->reading_weight <= 0)
        return wrong(
            s, OPTION_OF_writing,
            "what fits an image is learned with emixer.matching_weight or emixer.reading_weight, and "
            "both are 0");
    return OK;
}

/* Whether the data have them is seen when they are there (subgroups_check). */
static err check_subgroups(const study *x)
{
    const texts *list = &x->s.subgroups;
    if (list->n > 0 && x->task == TASK_REPORTS)
        return wrong(&x->s, OPTION_OF_subgroups, "reports are scored over all test images alone");
    for (int i = 0; i < list->n; i++)
        for (int j = 0; j < i; j++)
            if (strcmp(list->values[i], list->values[j]) == 0)
                return wrong(&x->s, OPTION_OF_subgroups, "a column is given twice");
    return OK;
}

/* Empty: what the task is usually judged by. */
static err read_metric(study *out)
{
    const char *name = out->s.metric;
    out->metric = name[0] ? score_find(name) : task_infos[out->task].metric;
    if (out->metric == SCORE_length_ratio)
        return wrong(&out->s, OPTION_OF_metric, "more of length_ratio is not better; choose another score");
    if (score_belongs(out->metric, out->task)) return OK;
    char place[PLACE_BYTES];
    text names = {0};
    settings_place(&out->s, OPTION_OF_metric, place, sizeof place);
    for (int i = 0; i < SCORE_COUNT; i++)
        if (score_belongs(i, out->task) && i != SCORE_length_ratio)
            text_printf(&names, "%s%s", names.length ? ", " : "", score_infos[i].name);
    err error = err_set(ERR_CONFIG, "%s = %.60s: experiment.task = %s has no such score; it has %s", place,
                        name, task_infos[out->task].name, names.data ? names.data : "none");
    text_close(&names);
    return error;
}

err study_open(const settings *s, study *out)
{
    memset(out, 0, sizeof *out);
    out->s = *s;
    out->task = task_find(s->task);
    TRY(check_name(s));
    TRY(check_integers(s, OPTION_OF_seeds, &s->seeds));
    TRY(check_integers(s, OPTION_OF_shots, &s->shots));
    TRY(check_shares_list(s, OPTION_OF_labelled, &s->labelled));
    TRY(read_draw(s, out));
    TRY(check_shares_list(s, OPTION_OF_ratios, &s->ratios));
    TRY(read_arms(out));
    TRY(check_shares(out));
    TRY(read_contrasts(out));
    TRY(check_subgroups(out));
    if (s->validation + s->test >= 1)
        return wrong(s, OPTION_OF_test, "with data.validation, nothing is left to train on");
    if (study_needs_generator(out)) TRY(check_generator(s));
    TRY(out->task == TASK_REPORTS ? check_report_generators(out) : check_classifier(out));
    return read_metric(out);
}
