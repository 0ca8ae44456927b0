/* Second sets: what is mixed with the real images of an arm, apart from a generator's images (builder.c).
 * All of them are packed sets with the data's labels, so that trials do not know the difference. */
#ifndef BENCH_SECOND_SETS_H
#define BENCH_SECOND_SETS_H

#include "bench/builder.h"

/* Makes the artifact a, of any arm_images but unfiltered IMAGES_EMIXER, in `work`. ERR_DIVERGED if no
 * image is left, naming what to set; others as the parts report. */
err second_set_build(builder *b, const artifact *a, const char *work);

/* The parts, for tests. `several`: of several labels an image rather than classes. Each makes *out. */

/* The labelled images again: what a batch has of them is drawn like synthetic ones. */
err second_duplicate(const dataset *set, const draw *d, dataset **out);

/* The images of a set, their rows of labels, and with them their reports, permuted under the seed. */
err second_shuffled(const dataset *made, uint64_t seed, dataset **out);

/* The hidden images with their true labels. A class that none of them has is there with its labelled images,
 * so that a second set has all classes and its batches are no other mixture than a generator's. */
err second_oracle(const dataset *set, const draw *d, bool several, dataset **out);

/* The same images with labels from probabilities (d->hidden.n,K): the likeliest class if it has `confidence`
 * (others are left out); of several labels 1 or 0 if that has it, else unknown. A class that none gets is
 * there with its labelled images. */
err second_pseudo(const dataset *set, const draw *d, bool several, const float *probabilities,
                  double confidence, dataset **out);

/* How sure probabilities (K) are of labels (K): of a class, its probability; of several labels, the mean of
 * what those that are there have, and of what those that are not lack, half each. NaN if none is known. */
double second_confidence(const float *labels, const float *probabilities, int k, bool several);

/* Of a set, the images whose confidence is at least `confidence` and whose distance (n) is at most
 * `farthest`. ERR_DIVERGED if there is none. */
err second_filtered(const dataset *made, bool several, const float *probabilities, double confidence,
                    const double *distance, double farthest, dataset **out);

#endif
