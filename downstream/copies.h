/* Does a generator copy its training images? Synthetic images are compared with held-out real ones, which
 * nobody can have copied: if synthetic images were as new as those, they would lie as near to training
 * images.
 *
 * What is compared is relative: the distance to the nearest training image, divided by the mean distance to
 * the five next ones (as Carlini et al., USENIX Security 2023, divide by the distances to neighbours). The
 * distance alone also falls where images are merely smooth or typical, and rises where a copy is noisy; a
 * copy has one neighbour that is much nearer than the others. */
#ifndef DOWNSTREAM_COPIES_H
#define DOWNSTREAM_COPIES_H

#include "data/dataset.h"

enum {
    COPY_NEIGHBOURS = 6, /* training images that an image is compared with; fewer are ERR_DATA */
    COPY_LEAST = 20      /* images on each side that a verdict needs: a choice; with them, 6 copies show */
};

/* What is nearest to an image among the training images. */
typedef struct nearest_training {
    int index; /* number in the list of training images; of equal distances the lowest */
    double distance;
    double relative; /* distance / mean distance to the five next; 1 if that mean is 0 */
} nearest_training;

/* Fills out (n) by Euclidean distances of features (n,d), training (m,d), finite. ERR_DATA, ERR_SYSTEM. */
err copies_by_features(const float *features, int n, const float *training, int m, int d,
                       nearest_training *out);

/* Fills out (which->n) by distances of pixels that see through noise, other brightness and contrast,
 * inversion, reflection and small shifts: images are resized to 32x32 (data/images.h); the training image's
 * middle 28x28 pixels are compared with each 28x28 window of the image and of its mirror image, 50 in all;
 * both are averaged over 2x2 pixels, and r is their correlation over those 14x14 values (0 if one of them is
 * constant). The distance is the least sqrt(2 - 2 |r|), 0 to sqrt(2). ERR_DATA, ERR_SYSTEM. */
err copies_by_pixels(const dataset *set, const samples *which, const dataset *training_set,
                     const samples *training, nearest_training *out);

/* Two tests of whether synthetic images are nearer, each one-sided. They want independent images: at most one
 * of each patient.
 *
 * `score` is the Mann-Whitney estimate of P(a synthetic image is nearer than a held-out one) + P(equal) / 2:
 * 0.5 if synthetic images are new, 1 if all are copies. Its interval is Newcombe's method 5 (Stat. Med. 25,
 * 2006): the values t with |score - t| <= z sqrt(V(t)), V(t) = t (1 - t) (1 + (N - 1) ((1 - t)/(2 - t) +
 * t/(1 + t))) / (n m), N = (n + m)/2, z the normal quantile of 1 - level. At t = 0.5, V is the Mann-Whitney
 * test's own variance; it never is empty, not even at score 1.
 *
 * `near` finds a few copies among many new images: it counts synthetic images nearer than all held-out ones
 * but the m/100 (rounded down) nearest, whose own copies may have leaked into the training images. If
 * synthetic images are new, the count is at least t with the probability that among t + spared images drawn
 * from all n + m without replacement at most `spared` are held-out (hypergeometric; exact without ties, and
 * ties make `near_p` larger). */
typedef struct copy_test {
    int n_synthetic, n_held_out;
    double score, low, high;
    int near, spared;
    double near_expected; /* n (spared + 1) / (m + 1) */
    double near_p;
} copy_test;

/* From values, lower = nearer: synthetic (n), held_out (m). n, m >= 1, no NaN; 0 < level < 0.5. ERR_SYSTEM.
 */
err copy_test_of(const double *synthetic, int n, const double *held_out, int m, double level, copy_test *out);

/* The verdict of `count` copy tests (of features, of pixels): copies if any says so. With the level that
 * copies_level gives, new images are called copies in at most 5% of the cases (Bonferroni's inequality). */
typedef enum copy_verdict { COPIES_TOO_FEW, COPIES_NONE_FOUND, COPIES_FOUND } copy_verdict;
extern const char *const copy_verdict_names[]; /* "too few images", "none found", "copies" */
double copies_level(int count);                /* 0.05 / (2 count): two tests each */
copy_verdict copies_judge(const copy_test *tests, int count);

#endif
