/* What the files of the classifier share. */
#ifndef DOWNSTREAM_INTERNAL_H
#define DOWNSTREAM_INTERNAL_H

#include "downstream/classifier.h"

/* An architecture records images (B,C,R,R) -> maps (B,F,h,w), whose means are the features (B,F); one linear
 * layer makes logits of them. `training` is batch norm's. */
typedef struct architecture {
    const char *name;
    nn_t (*maps)(net *n, const classifier_opts *o, nn_t images, bool training);
    const char *head;    /* the linear layer's name */
    int least, multiple; /* R must be at least the one, and divisible by the other */
    double (*pixel_flops_of)(
        const classifier_opts *o); /* of a forward pass, per pixel of the image; or NULL */
    double pixel_flops;            /* then this */
} architecture;

nn_t densenet_small(net *n, const classifier_opts *o, nn_t images, bool training);
double densenet_small_pixel_flops(const classifier_opts *o);
nn_t densenet121(net *n, const classifier_opts *o, nn_t images, bool training);
nn_t resnet18(net *n, const classifier_opts *o, nn_t images, bool training);
nn_t resnet50(net *n, const classifier_opts *o, nn_t images, bool training);
nn_t vit_tiny(net *n, const classifier_opts *o, nn_t images, bool training);
double vit_tiny_pixel_flops(const classifier_opts *o);

/* architectures.c: by name, or NULL. */
const architecture *architecture_find(const char *name);

/* Images (B,C,R,R) -> logits (B,K) of o->model; *features (B,F), if not NULL. What is trained has its
 * parameters in scope "C", the rest in "B"; behind the '/' come the names that the architecture gives them.
 */
nn_t network(net *n, const classifier_opts *o, nn_t images, bool training, nn_t *features);

/* The name of a layer, as printf makes it. */
typedef struct layer_name {
    char text[NN_NAME_BYTES];
} layer_name;
layer_name name_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* classifier_weights.c: hash of the model's name and of all tensors of its net, names and values. */
err weights_hash(net *n, const char *model, hash *out);

struct classifier {
    classifier_opts o;
    net *n;
    nn_t images, targets;  /* inputs (B,C,R,R), (B,K) */
    nn_t loss;             /* (1), kept by `training` */
    nn_t logits, features; /* (B,K), (B,F), kept by `evaluation` */
    step *evaluation;
    step *training;  /* NULL until the first update, */
    optimizer *adam; /* and so is its optimizer: predicting needs the memory of neither */
    bool profile;
    /* A batch on the host: (B,R*R) scratch, (B,C,R,R), (B,K), (B,F). */
    float *raw, *host_images, *host_targets, *host_features;
};

/* R*R */
static inline size_t pixels_of(const classifier *c)
{
    return (size_t)c->o.resolution * (size_t)c->o.resolution;
}

/* classifier_predict.c: samples index[0..count) of the set, count <= B, become the first of the batch, and
 * `evaluation` runs. */
err evaluate(classifier *c, const dataset *set, const int *index, int count);

/* classifier_prototypes.c: Euclidean length. */
double row_length(const float *row, int n);

/* batches.c: where the images of a batch come from. With o->multi_label all are one class. */
typedef struct source {
    const dataset *set;
    int *members; /* dataset indices by class; owned */
    int *first;   /* (classes + 1) where each class starts in members; owned; classes without images are left
                     out */
    int *label;   /* (classes); owned */
    int classes;
} source;

/* All samples of the set if `which` is NULL; with multi_label those that have a known label. ERR_DATA unless
 * the set has n_classes labels and (but with multi_label) each sample one of them. */
err source_open(const dataset *set, const samples *which, const classifier_opts *o, source *out);
void source_close(source *s);

/* Draws `count` images under (o->seed, purpose, t) into images (count,C,R,R) and targets (count,K):
 * the classes in turn, starting with another one at each t. Image j depends on (seed, purpose, t, j) only,
 * for any number of threads. `raw` (count,R*R) is scratch. */
void source_draw(const source *s, const classifier_opts *o, const char *purpose, uint64_t t, int count,
                 float *raw, float *images, float *targets);

/* One gray image (R*R), scaled and shifted, into every channel of (C,R,R); `image` may be where the first one
 * goes. */
void source_channels(const float *image, const classifier_opts *o, float *channels);

/* classifier_prototypes.c: makes the last layer of the class means of both sources; real ones weigh n_real /
 * B. A class without images gets zeros. */
err imprint(classifier *c, const source *real, const source *synthetic, int n_real);

#endif
