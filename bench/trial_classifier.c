/* Trials whose model is a classifier: of classes or of labels. */
#include "bench/device.h"
#include "bench/provenance.h"
#include "bench/trial.h"
#include "bench/trial_images.h"
#include "downstream/classifier.h"

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

static err score_classes(const trial *t, const float *probabilities, trial_scores *out)
{
    const samples *test = &t->draw->split.test;
    int *truth = malloc((size_t)(test->n ? test->n : 1) * sizeof *truth);
    if (!truth) return err_set(ERR_SYSTEM, "out of memory for %d test images", test->n);
    for (int i = 0; i < test->n; i++) truth[i] = dataset_class(t->set, test->index[i]);
    err error = scores_of_classes(probabilities, truth, test->n, t->set->n_labels, t->draw->few, &out->values,
                                  out->labels);
    free(truth);
    return error;
}

static err score_labels(const trial *t, const float *probabilities, trial_scores *out)
{
    const samples *test = &t->draw->split.test;
    size_t k = (size_t)t->set->n_labels;
    float *truth = malloc((size_t)(test->n ? test->n : 1) * k * sizeof *truth);
    if (!truth) return err_set(ERR_SYSTEM, "out of memory for %d test images", test->n);
    for (int i = 0; i < test->n; i++)
        memcpy(truth + (size_t)i * k, t->set->labels + (size_t)test->index[i] * k, k * sizeof *truth);
    err error = scores_of_labels(probabilities, truth, test->n, (int)k, &out->values, out->labels);
    free(truth);
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
    if (error == OK)
        error =
            (t->builder->study->task == TASK_LABELS ? score_labels : score_classes)(t, probabilities, out);
    trial_images_close(&images);
    free(probabilities);
    return error;
}
