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

/* Rows (K,F) of length 1; rows of zeros stay. */
static void normalise_rows(const double *means, int k, int width, float *out)
{
    for (int i = 0; i < k; i++) {
        const double *mean = means + (size_t)i * (size_t)width;
        double squares = 0;
        for (int j = 0; j < width; j++) squares += mean[j] * mean[j];
        double factor = squares > 0 ? 1 / sqrt(squares) : 0;
        for (int j = 0; j < width; j++)
            out[(size_t)i * (size_t)width + (size_t)j] = (float)(mean[j] * factor);
    }
}

static err set_head(classifier *c, const float *weight, const float *bias)
{
    const char *head = architecture_find(c->o.model)->head;
    TRY(net_set_parameter(c->n, name_of("C/%s.weight", head).text, weight));
    return net_set_parameter(c->n, name_of("C/%s.bias", head).text, bias);
}

/* The last layer becomes the normalised means, without bias. */
static err set_means(classifier *c, const double *means)
{
    size_t k = (size_t)c->o.n_classes, width = (size_t)classifier_feature_count(c);
    float *weight = malloc(k * width * sizeof *weight), *bias = calloc(k, sizeof *bias);
    if (weight) normalise_rows(means, (int)k, (int)width, weight);
    err error =
        weight && bias ? set_head(c, weight, bias) : err_set(ERR_SYSTEM, "out of memory for prototypes");
    free(weight);
    free(bias);
    return error;
}

static err imprint_with(classifier *c, const source *real, const source *synthetic, double share,
                        double *means, float *features)
{
    TRY(add_means(c, real, share, means, features));
    TRY(add_means(c, synthetic, 1 - share, means, features));
    return set_means(c, means);
}

err imprint(classifier *c, const source *real, const source *synthetic, int n_real)
{
    size_t width = (size_t)classifier_feature_count(c);
    double *means = calloc((size_t)c->o.n_classes * width, sizeof *means);
    float *features = malloc((size_t)c->o.batch * width * sizeof *features);
    err error = means && features
                    ? imprint_with(c, real, synthetic, (double)n_real / c->o.batch, means, features)
                    : err_set(ERR_SYSTEM, "out of memory for prototypes");
    free(means);
    free(features);
    return error;
}
