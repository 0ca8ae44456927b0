/* Prototypes: the few-shot baseline that classifies by the nearest class mean (Snell et al., "Prototypical
 * networks for few-shot learning", NeurIPS 2017), with embeddings normalised to length 1 (Wang et al.,
 * "SimpleShot", 2019). The means become the weights of the last layer (Qi et al., "Low-shot learning with
 * imprinted weights", CVPR 2018), so that they are saved and loaded like any other. */
#include "downstream/internal.h"

#include <math.h>
#include <stdlib.h>

double row_length(const float *row, int n)
{
    double squares = 0;
    for (int i = 0; i < n; i++) squares += (double)row[i] * row[i];
    return sqrt(squares);
}

/* Adds weight * row / |row| to sum; a row of zeros has no direction and adds nothing. */
static void add_direction(double *sum, const float *row, int n, double weight)
{
    double length = row_length(row, n);
    for (int i = 0; i < n && length > 0; i++) sum[i] += weight * row[i] / length;
}

/* Adds share * (mean direction of the features) of every class to its row of means (K,F). */
static err add_means(classifier *c, const source *s, double share, double *means, float *features)
{
    int width = classifier_feature_count(c);
    for (int k = 0; k < s->classes; k++) {
        double *mean = means + (size_t)s->label[k] * (size_t)width;
        double weight = share / (s->first[k + 1] - s->first[k]);
        for (int at = s->first[k]; at < s->first[k + 1]; at += c->o.batch) {
            int left = s->first[k + 1] - at, count = left < c->o.batch ? left : c->o.batch;
            TRY(evaluate(c, s->set, s->members + at, count));
            TRY(nn_get(c->evaluation, c->features, features));
            for (int i = 0; i < count; i++)
                add_direction(mean, features + (size_t)i * (size_t)width, width, weight);
        }
    }
    return OK;
}

/* Means (K,F), normalised, into the last layer's weight, and zeros into its bias. */
static err set_head(classifier *c, const double *means)
{
    const char *head = architecture_find(c->o.model)->head;
    int width = classifier_feature_count(c), k = c->o.n_classes;
    float *weight = calloc((size_t)k * (size_t)width, sizeof *weight),
          *bias = calloc((size_t)k, sizeof *bias);
    err error = weight && bias ? OK : err_set(ERR_SYSTEM, "out of memory for prototypes");
    for (int i = 0; i < k && error == OK; i++) {
        const double *mean = means + (size_t)i * (size_t)width;
        double squares = 0;
        for (int j = 0; j < width; j++) squares += mean[j] * mean[j];
        for (int j = 0; j < width && squares > 0; j++)
            weight[i * width + j] = (float)(mean[j] / sqrt(squares));
    }
    if (error == OK) error = net_set_parameter(c->n, name_of("C/%s.weight", head).text, weight);
    if (error == OK) error = net_set_parameter(c->n, name_of("C/%s.bias", head).text, bias);
    free(weight);
    free(bias);
    return error;
}

err imprint(classifier *c, const source *real, const source *synthetic, int n_real)
{
    int width = classifier_feature_count(c);
    double share = (double)n_real / c->o.batch;
    double *means = calloc((size_t)c->o.n_classes * (size_t)width, sizeof *means);
    float *features = malloc((size_t)c->o.batch * (size_t)width * sizeof *features);
    err error = means && features ? OK : err_set(ERR_SYSTEM, "out of memory for prototypes");
    if (error == OK) error = add_means(c, real, share, means, features);
    if (error == OK) error = add_means(c, synthetic, 1 - share, means, features);
    if (error == OK) error = set_head(c, means);
    free(means);
    free(features);
    return error;
}
