/* Trials whose model is a classifier: of classes or of labels. */
#include "bench/device.h"
#include "bench/provenance.h"
#include "bench/subgroup_scores.h"
#include "bench/subgroups.h"
#include "bench/trial.h"
#include "bench/trial_images.h"
#include "downstream/classifier.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static classifier_opts trial_options(const trial *t, const trial_images *images)
{
    const study *experiment = t->builder->study;
    classifier_opts o = settings_classifier(&experiment->s, t->set->n_labels);
    o.model = study_models(experiment)->values[t->artifact->model];
    o.multi_label = experiment->task == TASK_LABELS;
    o.augment = images->augment;
    o.synthetic_share = (float)images->synthetic_share;
    o.seed = (uint64_t)t->artifact->seed;
    return o;
}

static err on_step(void *context, int t, float loss)
{
    (void)loss;
    builder *b = context;
    return builder_progress(b, (double)t / b->study->s.classifier_steps);
}

static err keep_weights(const trial *t, const trial_images *images, classifier *c)
{
    char path[PATH_BYTES], seen[PATH_BYTES];
    TRY(path_join(path, t->work, "classifier.safetensors"));
    TRY(provenance_beside(path, seen));
    TRY(provenance_write(images->set, images->real, NULL, seen));
    return classifier_save(c, path);
}

/* Trains the trial's classifier and leaves its probabilities (test.n, n_labels). */
static err train_and_predict(const trial *t, const trial_images *images, float *probabilities)
{
    const settings *s = &t->builder->study->s;
    classifier *c = NULL;
    nn_device device;
    err error = OK;
    classifier_opts o = trial_options(t, images);
    TRY_GOTO(device_named(s->device, s->classifier_precision, &device), done);
    TRY_GOTO(classifier_open(device, &o, &c), done);
    if (s->weights[0]) TRY_GOTO(classifier_load(c, s->weights, s->fresh_head), done);
    TRY_GOTO(classifier_train(c, images->set, images->real, images->synthetic, on_step, t->builder), done);
    TRY_GOTO(classifier_predict(c, t->set, &t->draw->split.test, probabilities), done);
    if (s->keep_weights) TRY_GOTO(keep_weights(t, images, c), done);
done:
    classifier_close(c);
    return error;
}

static err score_classes(const trial *t, const float *probabilities, const samples *test, scores *values,
                         label_scores *labels)
{
    int *truth = malloc((size_t)(test->n ? test->n : 1) * sizeof *truth);
    if (!truth) return err_set(ERR_SYSTEM, "out of memory for %d test images", test->n);
    for (int i = 0; i < test->n; i++) truth[i] = dataset_class(t->set, test->index[i]);
    err error =
        scores_of_classes(probabilities, truth, test->n, t->set->n_labels, t->draw->few, values, labels);
    free(truth);
    return error;
}

static err score_labels(const trial *t, const float *probabilities, const samples *test, scores *values,
                        label_scores *labels)
{
    size_t k = (size_t)t->set->n_labels;
    float *truth = malloc((size_t)(test->n ? test->n : 1) * k * sizeof *truth);
    if (!truth) return err_set(ERR_SYSTEM, "out of memory for %d test images", test->n);
    for (int i = 0; i < test->n; i++)
        memcpy(truth + (size_t)i * k, t->set->labels + (size_t)test->index[i] * k, k * sizeof *truth);
    err error = scores_of_labels(probabilities, truth, test->n, (int)k, values, labels);
    free(truth);
    return error;
}

/* Probabilities (test->n, n_labels) of test images against their labels. */
static err score(const trial *t, const float *probabilities, const samples *test, scores *values,
                 label_scores *labels)
{
    bool several = t->builder->study->task == TASK_LABELS;
    return (several ? score_labels : score_classes)(t, probabilities, test, values, labels);
}

/* The same of a subgroup, whose members are positions in the test split. `work`: room for as many
 * probabilities, `test` for as many samples. */
static err score_subgroup(const trial *t, const float *probabilities, const samples *members, float *work,
                          samples *test, label_scores *labels, scores *out)
{
    size_t k = (size_t)t->set->n_labels;
    for (int i = 0; i < SCORE_COUNT; i++) out->values[i] = NAN;
    if (members->n == 0) return OK;
    for (test->n = 0; test->n < members->n; test->n++) {
        int position = members->index[test->n];
        test->index[test->n] = t->draw->split.test.index[position];
        memcpy(work + (size_t)test->n * k, probabilities + (size_t)position * k, k * sizeof *work);
    }
    return score(t, work, test, out, labels);
}

/* Of all subgroups that the data have, whichever the study compares: so it may change its mind without
 * another training. */
static err score_subgroups(const trial *t, const float *probabilities)
{
    size_t n = (size_t)t->draw->split.test.n + 1, k = (size_t)t->set->n_labels;
    subgroups groups;
    err error = OK;
    samples test = {.index = malloc(n * sizeof *test.index)};
    float *work = malloc(n * k * sizeof *work);
    label_scores *labels = malloc(k * sizeof *labels);
    subgroup_scores all = {0};
    TRY_GOTO(subgroups_open(t->set, &t->draw->split.test, &groups), done);
    if (!test.index || !work || !labels) error = err_set(ERR_SYSTEM, "out of memory for %zu test images", n);
    for (int i = 0; i < groups.n && error == OK; i++) {
        scores values;
        error = score_subgroup(t, probabilities, &groups.items[i].members, work, &test, labels, &values);
        if (error == OK)
            subgroup_scores_add(&all, groups.items[i].name, test.n, t->builder->study->task, &values);
    }
    if (error == OK && groups.n > 0) error = subgroup_scores_save(&all, t->work);
    subgroups_close(&groups);
done:
    subgroup_scores_close(&all);
    samples_close(&test);
    free(work);
    free(labels);
    return error;
}

err trial_classifier(const trial *t, trial_scores *out)
{
    int n = t->draw->split.test.n, k = t->set->n_labels;
    trial_images images = {0};
    float *probabilities = malloc((size_t)(n ? n : 1) * (size_t)k * sizeof *probabilities);
    err error = probabilities ? OK : err_set(ERR_SYSTEM, "out of memory for %d test images", n);
    if (error == OK) error = trial_images_open(t->builder, t->artifact, t->set, t->draw, &images);
    if (error == OK) error = train_and_predict(t, &images, probabilities);
    if (error == OK) error = score(t, probabilities, &t->draw->split.test, &out->values, out->labels);
    if (error == OK) error = score_subgroups(t, probabilities);
    trial_images_close(&images);
    free(probabilities);
    return error;
}
