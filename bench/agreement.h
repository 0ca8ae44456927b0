/* How far raters agree beyond chance. Ratings are (n units, m raters), row-major: a category 0..k-1, or -1
 * where a rater did not rate a unit. */
#ifndef BENCH_AGREEMENT_H
#define BENCH_AGREEMENT_H

/* Cohen's kappa of two raters over the units that both rated ("A coefficient of agreement for nominal
 * scales", 1960): (p_o - p_e) / (1 - p_e), p_e from each rater's own shares. NaN without such units, or where
 * both used one category only. m is 2; k at most 16. */
double kappa_cohen(const int *ratings, int n, int k);

/* Fleiss' kappa over the units that all m >= 2 raters rated ("Measuring nominal scale agreement among many
 * raters", 1971). NaN as above. */
double kappa_fleiss(const int *ratings, int n, int m, int k);

/* Krippendorff's alpha for ordinal categories (Hayes and Krippendorff, "Answering the call for a standard
 * reliability measure for coding data", 2007): 1 - D_o / D_e over the coincidences of units with two ratings
 * or more, with delta^2(c, d) = (n_c/2 + n_(c+1) + ... + n_d/2)^2. NaN without such units, or if they have
 * one category only. */
double alpha_ordinal(const int *ratings, int n, int m, int k);

#endif
