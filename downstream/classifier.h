/* Downstream X-ray classifiers: what a synthetic image is worth is measured on them. */
#ifndef DOWNSTREAM_CLASSIFIER_H
#define DOWNSTREAM_CLASSIFIER_H

#include "data/augment.h"
#include "data/dataset.h"
#include "nn/net.h"

typedef struct classifier_opts {
    int resolution;       /* side of the input, 32.. */
    int n_classes;        /* K, softmax */
    int growth;           /* channels that each dense layer adds */
    int layers_per_block; /* three blocks at full, half and quarter resolution after the stem */
    int batch;
    int steps;           /* updates; every arm gets the same number */
    float learning_rate; /* Adam, cosine decay to 0 */
    float weight_decay;
    bool augment;          /* classical augmentation (data/augment.h) of every image, real or synthetic */
    float synthetic_share; /* share of each batch that comes from the synthetic set, 0..1 */
    uint64_t seed;         /* initial weights and draws */
} classifier_opts;

extern const classifier_opts classifier_defaults; /* n_classes and seed are to be set */

typedef struct classifier classifier;

/* A small DenseNet (Huang et al., CVPR 2017). ERR_CONFIG naming the option for a value out of range. */
err classifier_open(nn_device device, const classifier_opts *o, classifier **out);
void classifier_close(classifier *c);

typedef err (*classifier_progress)(void *context, int step, float loss);

/* Trains on class-balanced batches: round(batch * (1 - synthetic_share)) images of `real` (samples of
 * real_set), the rest of `synthetic` (a one-hot set; may be NULL if synthetic_share is 0). real may be empty
 * if synthetic_share is 1. The draw of real image j of step t depends on (seed, t, j) only, so arms of one
 * seed see the same real images. ERR_DIVERGED naming step and seed. progress may be NULL. */
err classifier_train(classifier *c, const dataset *real_set, const samples *real, const dataset *synthetic,
                     classifier_progress progress, void *context);

/* Class probabilities (n,K) of samples of a set, without augmentation, running statistics in batch norm. */
err classifier_predict(classifier *c, const dataset *set, const samples *which, float *probabilities);

err classifier_save(classifier *c, const char *path);
err classifier_load(classifier *c, const char *path);
double classifier_step_flops(const classifier *c);

#endif
