#include "bench/judge.h"

#include "bench/device.h"
#include "downstream/classifier.h"
#include "downstream/set_metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Images at each look: the distance depends on their number, so it is always the same. */
enum { JUDGED = 256 };

struct judge {
    const dataset *set;
    const samples *labelled;
    uint64_t seed;
    classifier *model;
    int d;
    float *real;   /* (labelled->n,d) features */
    float *fake;   /* (JUDGED,d) */
    float *labels; /* (max(labelled->n,JUDGED),K): those of the labelled images, again and again */
    uint8_t *images;
};

/* ---- before training ---- */

/* The first labelled->n are real images' labels, the first JUDGED those that fakes are made from. */
static int label_rows(const judge *j)
{
    return j->labelled->n > JUDGED ? j->labelled->n : JUDGED;
}

static err allocate(judge *j)
{
    size_t k = (size_t)j->set->n_labels, pixels = (size_t)j->set->width * (size_t)j->set->width;
    j->real = malloc((size_t)j->labelled->n * (size_t)j->d * sizeof *j->real);
    j->fake = malloc(JUDGED * (size_t)j->d * sizeof *j->fake);
    j->labels = calloc((size_t)label_rows(j) * k, sizeof *j->labels);
    j->images = malloc(JUDGED * pixels);
    return j->real && j->fake && j->labels && j->images ? OK
                                                        : err_set(ERR_SYSTEM, "out of memory for a judge");
}

/* Unknown labels are drawn as absent, as in training. */
static void take_labels(judge *j)
{
    size_t k = (size_t)j->set->n_labels;
    for (size_t i = 0; i < (size_t)label_rows(j); i++) {
        size_t sample = (size_t)j->labelled->index[i % (size_t)j->labelled->n];
        for (size_t label = 0; label < k; label++)
            j->labels[i * k + label] = j->set->labels[sample * k + label] > 0 ? 1.0F : 0.0F;
    }
}

static bool has_several(const judge *j)
{
    for (int i = 0; i < j->labelled->n; i++)
        if (dataset_class(j->set, j->labelled->index[i]) < 0) return true;
    return false;
}

static err prepare(const settings *s, judge *j)
{
    nn_device device;
    classifier_opts o = settings_classifier(s, j->set->n_labels);
    o.multi_label = has_several(j);
    o.seed = j->seed;
    TRY(device_named(s->device, s->classifier_precision, &device));
    TRY(classifier_open(device, &o, &j->model));
    if (s->weights[0]) TRY(classifier_load(j->model, s->weights, s->fresh_head));
    TRY(classifier_train(j->model, j->set, j->labelled, NULL, NULL, NULL));
    j->d = classifier_feature_count(j->model);
    TRY(allocate(j));
    take_labels(j);
    return classifier_features(j->model, j->set, j->labelled, j->real);
}

/* ---- in training ---- */

static err features_of_made(judge *j)
{
    int index[JUDGED];
    dataset *made;
    for (int i = 0; i < JUDGED; i++) index[i] = i;
    TRY(dataset_from_arrays(j->images, j->labels, JUDGED, j->set->width, j->set->n_labels,
                            j->set->label_names, "judged", &made));
    err error = classifier_features(j->model, made, &(samples){.index = index, .n = JUDGED}, j->fake);
    dataset_close(made);
    return error;
}

static err look(void *context, emixer *e, double *score)
{
    judge *j = context;
    TRY(emixer_synthesize(e, j->labels, JUDGED, j->seed, j->images));
    TRY(features_of_made(j));
    return metric_fjd((labelled_features){j->real, j->labels, j->labelled->n},
                      (labelled_features){j->fake, j->labels, JUDGED}, j->d, j->set->n_labels, score);
}

err judge_open(const settings *s, lesson *l, int seed, judge **out)
{
    *out = NULL;
    if (s->choose_every == 0) return OK;
    if (l->data.labelled->n < 2)
        return err_set(ERR_DATA, "emixer.choose_every: the judge needs two labelled images, and there is %d",
                       l->data.labelled->n);
    judge *j = calloc(1, sizeof *j);
    if (!j) return err_set(ERR_SYSTEM, "out of memory for a judge");
    j->set = l->data.set;
    j->labelled = l->data.labelled;
    j->seed = (uint64_t)seed;
    err error = prepare(s, j);
    if (error != OK) {
        judge_close(j);
        return err_context(error, "emixer.choose_every: the judge");
    }
    l->data.judge = look;
    l->data.judge_context = j;
    *out = j;
    return OK;
}

void judge_close(judge *j)
{
    if (!j) return;
    classifier_close(j->model);
    free(j->real);
    free(j->fake);
    free(j->labels);
    free(j->images);
    free(j);
}

err judge_tell(const settings *s, emixer *e)
{
    int update;
    double score;
    TRY(emixer_choice(e, &update, &score));
    if (update > 0)
        (void)printf("images of update %d: Frechet joint distance %.4g to the labelled training images, the "
                     "least of %d looks\n",
                     update, score, s->emixer_steps / s->choose_every);
    return OK;
}
