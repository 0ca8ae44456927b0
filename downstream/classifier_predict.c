/* Using the classifier. */
#include "downstream/internal.h"

#include <math.h>
#include <string.h>

/* Turns k logits into probabilities in place. */
static void softmax(float *x, int k)
{
    float most = x[0];
    double sum = 0;
    for (int i = 1; i < k; i++) most = fmaxf(most, x[i]);
    for (int i = 0; i < k; i++) sum += exp((double)(x[i] - most));
    for (int i = 0; i < k; i++) x[i] = (float)(exp((double)(x[i] - most)) / sum);
}

static void sigmoid(float *x, int k)
{
    for (int i = 0; i < k; i++) x[i] = (float)(1 / (1 + exp(-(double)x[i])));
}

err evaluate(classifier *c, const dataset *set, const int *index, int count)
{
    for (int i = 0; i < count; i++) {
        float *image = c->host_images + (size_t)i * pixels_of(c) * (size_t)c->o.channels;
        dataset_pixels(set, index[i], image);
        source_channels(image, &c->o, image);
    }
    TRY(nn_set(c->n, c->images, c->host_images));
    return step_run(c->evaluation, 0);
}

/* Logits of prototypes: the dot products become cosines, times a scale that makes probabilities of them. */
static err scale_by_length(classifier *c, int count)
{
    static const double scale = 10; /* where Gidaris & Komodakis, CVPR 2018, start theirs */
    int width = classifier_feature_count(c), k = c->o.n_classes;
    TRY(nn_get(c->evaluation, c->features, c->host_features));
    for (int i = 0; i < count; i++) {
        double length = row_length(c->host_features + (size_t)i * (size_t)width, width);
        for (int j = 0; j < k && length > 0; j++)
            c->host_targets[i * k + j] = (float)(scale * c->host_targets[i * k + j] / length);
    }
    return OK;
}

/* Probabilities of the first `count` samples of the batch that was evaluated. */
static err take_probabilities(classifier *c, int count, float *probabilities)
{
    int k = c->o.n_classes;
    TRY(nn_get(c->evaluation, c->logits, c->host_targets));
    if (c->o.prototypes) TRY(scale_by_length(c, count));
    for (int i = 0; i < count; i++) (c->o.multi_label ? sigmoid : softmax)(c->host_targets + i * k, k);
    memcpy(probabilities, c->host_targets, (size_t)count * (size_t)k * sizeof *probabilities);
    return OK;
}

static err take_features(classifier *c, int count, float *features)
{
    TRY(nn_get(c->evaluation, c->features, c->host_features));
    memcpy(features, c->host_features,
           (size_t)count * (size_t)classifier_feature_count(c) * sizeof *features);
    return OK;
}

/* Evaluates all samples, batch by batch, and takes (n,width) values of each. */
static err evaluate_all(classifier *c, const dataset *set, const samples *which, int width,
                        err (*take)(classifier *c, int count, float *out), float *out)
{
    if (set->height != c->o.resolution || set->width != c->o.resolution)
        return err_set(ERR_DATA, "the classifier wants images of %d x %d, and the set has %d x %d",
                       c->o.resolution, c->o.resolution, set->height, set->width);
    for (int first = 0; first < which->n; first += c->o.batch) {
        int left = which->n - first, count = left < c->o.batch ? left : c->o.batch;
        TRY(evaluate(c, set, which->index + first, count));
        TRY(take(c, count, out + (size_t)first * (size_t)width));
    }
    return OK;
}

err classifier_predict(classifier *c, const dataset *set, const samples *which, float *probabilities)
{
    return evaluate_all(c, set, which, c->o.n_classes, take_probabilities, probabilities);
}

err classifier_features(classifier *c, const dataset *set, const samples *which, float *features)
{
    return evaluate_all(c, set, which, classifier_feature_count(c), take_features, features);
}

int classifier_feature_count(const classifier *c)
{
    return nn_shape_of(c->n, c->features).d[1];
}
