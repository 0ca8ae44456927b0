/* What a trial trains on: real and synthetic images, as its arm says. */
#ifndef BENCH_TRIAL_IMAGES_H
#define BENCH_TRIAL_IMAGES_H

#include "bench/builder.h"

typedef struct trial_images {
    const dataset *set;     /* the real images */
    const samples *real;    /* those of them to train on; none for an arm without real images */
    dataset *synthetic;     /* NULL for an arm without; owned */
    double synthetic_share; /* of each batch, 0..1 */
    bool augment;           /* classical augmentation of every image, real or synthetic */
} trial_images;

/* The images of trial `a`, whose data and draw are given (builder_draw) and must outlive them. Errors as
 * dataset_open. */
err trial_images_open(const builder *b, const artifact *a, const dataset *set, const draw *d,
                      trial_images *out);
void trial_images_close(trial_images *images);

#endif
