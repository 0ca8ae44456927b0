/* What the files of the classifier share. */
#ifndef DOWNSTREAM_INTERNAL_H
#define DOWNSTREAM_INTERNAL_H

#include "downstream/classifier.h"

/* densenet.c: images (B,1,R,R) -> logits (B,K). `training` is batch norm's. */
nn_t densenet(net *n, const classifier_opts *o, nn_t images, bool training);

/* batches.c: where the images of a batch come from. */
typedef struct source {
    const dataset *set;
    int *members; /* dataset indices by class; owned */
    int *first;   /* (classes + 1) where each class starts in members; owned; classes without images are left
                     out */
    int *label;   /* (classes) */
    int classes;
} source;

/* All samples of the set if `which` is NULL. ERR_DATA unless the set has n_classes labels and each sample one
 * of them. */
err source_open(const dataset *set, const samples *which, const classifier_opts *o, source *out);
void source_close(source *s);

/* Draws `count` images under (o->seed, purpose, t) into images (count,R*R) and one-hot targets (count,K): the
 * classes in turn, starting with another one at each t. Image j depends on (seed, purpose, t, j) only, for
 * any number of threads. `raw` (count,R*R) is scratch. */
void source_draw(const source *s, const classifier_opts *o, const char *purpose, uint64_t t, int count,
                 float *raw, float *images, float *targets);

#endif
