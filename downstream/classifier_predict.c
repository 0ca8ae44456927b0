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

/* Samples first..first+count of `which`, count <= batch; the rest of the batch is whatever was there. */
static err predict_batch(classifier *c, const dataset *set, const samples *which, int first, int count,
                         float *probabilities)
{
    size_t pixels = pixels_of(c), k = (size_t)c->o.n_classes;
    for (int i = 0; i < count; i++) {
        float *image = c->host_images + (size_t)i * pixels * (size_t)c->o.channels;
        dataset_pixels(set, which->index[first + i], image);
        source_channels(image, &c->o, image);
    }
    TRY(nn_set(c->n, c->images, c->host_images));
    TRY(step_run(c->evaluation, 0));
    TRY(nn_get(c->evaluation, c->logits, c->host_targets));
    for (size_t i = 0; i < (size_t)count; i++) softmax(c->host_targets + i * k, c->o.n_classes);
    memcpy(probabilities + (size_t)first * k, c->host_targets, (size_t)count * k * sizeof *probabilities);
    return OK;
}

err classifier_predict(classifier *c, const dataset *set, const samples *which, float *probabilities)
{
    if (set->height != c->o.resolution || set->width != c->o.resolution)
        return err_set(ERR_DATA, "the classifier wants images of %d x %d, and the set has %d x %d",
                       c->o.resolution, c->o.resolution, set->height, set->width);
    for (int first = 0; first < which->n; first += c->o.batch) {
        int left = which->n - first;
        TRY(predict_batch(c, set, which, first, left < c->o.batch ? left : c->o.batch, probabilities));
    }
    return OK;
}
