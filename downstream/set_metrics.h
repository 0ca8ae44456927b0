/* How near a set of generated images is to a set of real ones, from their features in some network. real is
 * (n_real,d) and fake (n_fake,d), row by row; which network gave the features decides the values, so only
 * values of the same network compare. Arithmetic is in double and gives the same bits for any number of
 * threads.
 *
 * All of them: NaN where the value is undefined (said per function) and if a feature is NaN or infinite.
 * ERR_SYSTEM (out of memory). */
#ifndef DOWNSTREAM_SET_METRICS_H
#define DOWNSTREAM_SET_METRICS_H

#include "base/err.h"

/* Frechet distance of the normal laws fitted to the two sets (Heusel et al., NIPS 2017), >= 0: |mu_r -
 * mu_f|^2 + tr(S_r + S_f - 2 (S_r S_f)^(1/2)), covariances divided by n - 1. NaN with fewer than two
 * images in a set. Biased upwards for few images: compare at equal n_fake. ERR_INTERNAL if LAPACK fails. */
err metric_fid(const float *real, int n_real, const float *fake, int n_fake, int d, double *out);

/* Images beside the labels (n,k) that they show or were made from. */
typedef struct labelled_features {
    const float *features; /* (n,d) */
    const float *labels;   /* (n,k) */
    int n;
} labelled_features;

/* Frechet joint distance (DeVries et al., 2019, section 3): metric_fid of features with labels appended,
 * these times the mean length of a real feature vector over that of a real label vector (1 if that is 0).
 * Unlike FID, it grows when images do not show the labels that they were made from. NaN and errors as there.
 */
err metric_fjd(labelled_features real, labelled_features fake, int d, int k, double *out);

/* Kernel distance (Binkowski et al., ICLR 2018): `value` is the unbiased estimate, over all pairs, of the
 * squared maximum mean discrepancy for the kernel (x.y / d + 1)^3. May be below 0. NaN with fewer than two
 * images in a set.
 *
 * Its standard error is the jackknife's over `blocks` groups (Kott, J. Off. Stat. 17, 2001): image i of each
 * set is in group i mod blocks, so the images must come in random order; with K_b the estimate without group
 * b of both sets, sqrt((B - 1) / B sum_b (K_b - mean K)^2). Where both sets follow one law, the estimate's
 * distribution is not normal, and the error comes out about 1.4 times too large. NaN for blocks < 2, and
 * unless two images of each set remain. 1 <= blocks. */
typedef struct kid_estimate {
    double value, standard_error;
} kid_estimate;
err metric_kid(const float *real, int n_real, const float *fake, int n_fake, int d, int blocks,
               kid_estimate *out);

/* Precision and recall (Kynkaanniemi et al., NeurIPS 2019), density and coverage (Naeem et al., ICML
 * 2020). Around each image lies an open ball that reaches to its k-th nearest other image of the same set. */
typedef struct set_overlap {
    double precision; /* share of fake images inside a ball of a real one */
    double recall;    /* share of real images inside a ball of a fake one */
    double density;   /* balls of real images that hold a fake image, mean over fake images, / k */
    double coverage;  /* share of real images whose ball holds a fake one */
} set_overlap;

/* k >= 1; 5 is usual. All NaN unless both sets have more than k images. */
err metric_set_overlap(const float *real, int n_real, const float *fake, int n_fake, int d, int k,
                       set_overlap *out);

/* Inception score (Salimans et al., NIPS 2016) of class probabilities (n,k), of whatever classifier made
 * them: exp(mean_i sum_c p_ic ln(p_ic / q_c)), q_c the mean of p_ic; 1 to k, higher where images are
 * classified surely and classes occur evenly. Computed, as they did, for each of `splits` runs of images [s n
 * / splits, (s + 1) n / splits): the images must come in random order. `value` is the mean over the splits,
 * `deviation` their standard deviation (divisor: splits). NaN if a split is empty or a probability is NaN or
 * below 0. 0 ln 0 is 0. Biased upwards for few images in a split. */
typedef struct inception_score {
    double value, deviation;
} inception_score;
inception_score metric_inception_score(const float *probabilities, int n, int k, int splits);

#endif
