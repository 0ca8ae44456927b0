#include "bench/builder.h"

#include "base/text.h"
#include "bench/device.h"
#include "bench/scores.h"
#include "downstream/classifier.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static classifier_opts trial_options(const settings *s, const arm *which, const artifact *a, int n_classes)
{
    classifier_opts o = settings_classifier(s, n_classes);
    o.augment = which->parts[ROLE_TRANSFORM] != NULL;
    o.synthetic_share = (float)a->ratio;
    o.seed = (uint64_t)a->seed;
    return o;
}

static err on_step(void *context, int t, float loss)
{
    (void)loss;
    builder *b = context;
    return builder_progress(b, (double)t / b->study->s.classifier_steps);
}

static err open_synthetic(const builder *b, const artifact *a, dataset **out)
{
    char path[PATH_BYTES], source[PATH_BYTES + 16];
    *out = NULL;
    if (a->inputs[1] < 0) return OK;
    TRY(builder_path(b, a->inputs[1], NULL, path));
    (void)snprintf(source, sizeof source, "packed:%s", path);
    return dataset_open(source, b->study->s.size, 0, 0, out);
}

static err keep_weights(classifier *c, const char *work)
{
    char path[PATH_BYTES];
    TRY(path_join(path, work, "classifier.safetensors"));
    return classifier_save(c, path);
}

/* Trains the trial's classifier and leaves its class probabilities (test.n, n_labels) in `probabilities`. */
static err train_and_predict(builder *b, const artifact *a, const dataset *set, const draw *d,
                             const char *work, float *probabilities)
{
    const settings *s = &b->study->s;
    const arm *which = &b->study->arms[a->arm];
    const samples none = {NULL, 0};
    dataset *synthetic = NULL;
    classifier *c = NULL;
    nn_device device;
    err error = OK;
    classifier_opts o = trial_options(s, which, a, set->n_labels);
    TRY_GOTO(open_synthetic(b, a, &synthetic), done);
    TRY_GOTO(device_named(s->device, s->classifier_precision, &device), done);
    TRY_GOTO(classifier_open(device, &o, &c), done);
    if (s->weights[0]) TRY_GOTO(classifier_load(c, s->weights, s->fresh_head), done);
    TRY_GOTO(classifier_train(c, set, which->parts[ROLE_REAL] ? &d->labelled : &none, synthetic, on_step, b),
             done);
    TRY_GOTO(classifier_predict(c, set, &d->split.test, probabilities), done);
    if (s->keep_weights) TRY_GOTO(keep_weights(c, work), done);
done:
    classifier_close(c);
    dataset_close(synthetic);
    return error;
}

/* "COVID-19:10|No Finding:300": the labelled images of the draw. */
static void describe_draw(const dataset *set, const draw *d, text *out)
{
    for (int k = 0; k < set->n_labels; k++) {
        int count = 0;
        for (int i = 0; i < d->labelled.n; i++) count += dataset_class(set, d->labelled.index[i]) == k;
        text_printf(out, "%s%s:%d", k ? "|" : "", set->label_names[k], count);
    }
}

/* Values keep 9 digits here already, so that the statistics see what results.csv says. */
static err save_score(const dataset *set, const draw *d, const scores *s, const char *work)
{
    char path[PATH_BYTES];
    TRY(path_join(path, work, "score.ini"));
    text t = {0};
    text_printf(&t, "[trial]\ndata_hash = %s\ntrain_images = ", set->content.hex);
    describe_draw(set, d, &t);
    text_printf(&t, "\n\n[scores]\n");
    for (int i = 0; i < SCORE_COUNT; i++) {
        text_printf(&t, "%s = ", score_infos[i].name);
        if (!isnan(s->values[i])) text_printf(&t, "%.9g", s->values[i]);
        text_printf(&t, "\n");
    }
    err error = text_check(&t);
    if (error == OK) error = file_write(path, t.data, t.length);
    text_close(&t);
    return error;
}

static err score(builder *b, const artifact *a, const dataset *set, const draw *d, const char *work)
{
    int n = d->split.test.n, k = set->n_labels;
    float *probabilities = malloc((size_t)(n ? n : 1) * (size_t)k * sizeof *probabilities);
    int *truth = malloc((size_t)(n ? n : 1) * sizeof *truth);
    scores values;
    err error = OK;
    if (!probabilities || !truth) {
        error = err_set(ERR_SYSTEM, "out of memory for %d test images", n);
        goto done;
    }
    TRY_GOTO(train_and_predict(b, a, set, d, work, probabilities), done);
    for (int i = 0; i < n; i++) truth[i] = dataset_class(set, d->split.test.index[i]);
    TRY_GOTO(scores_of(probabilities, truth, n, k, d->few, &values), done);
    TRY_GOTO(save_score(set, d, &values, work), done);
done:
    free(probabilities);
    free(truth);
    return error;
}

err trial_build(builder *b, const artifact *a, const char *work)
{
    const dataset *set;
    draw d;
    TRY(builder_draw(b, a, &set, &d));
    err error = score(b, a, set, &d, work);
    draw_close(&d);
    return error;
}
