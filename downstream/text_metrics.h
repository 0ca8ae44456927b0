/* Scores of generated reports against reference reports: the corpus-level definitions that report-generation
 * papers use (coco-caption's), to the last detail, so that values can be compared.
 *
 * Tokens are what stands between white space and are compared byte for byte: lower-casing and setting
 * punctuation apart is the caller's, and decides the values. A text without tokens is allowed. */
#ifndef DOWNSTREAM_TEXT_METRICS_H
#define DOWNSTREAM_TEXT_METRICS_H

#include "base/err.h"

typedef struct text_sample {
    const char *hypothesis;
    const char *const *references;
    int n_references; /* >= 1 */
} text_sample;

/* All of them: NaN if n == 0. ERR_DATA naming the sample if it has no reference, ERR_SYSTEM. */

/* BLEU-1..4 of the corpus (Papineni et al., ACL 2002), 0..1. Matches c_j are clipped by the reference that
 * has most; the reference length is the one closest to the hypothesis, the shorter on ties. As
 * coco-caption computes it, g_j n-grams guessed, T and R the lengths of all hypotheses and references:
 * [prod_{j<=k} (c_j + 1e-15) / (g_j + 1e-9)]^(1/k), times exp(1 - 1/r) if r < 1, with
 * r = (T + 1e-15) / (R + 1e-9). */
err metric_bleu(const text_sample *samples, int n, double bleu[4]);

/* ROUGE-L (Lin, 2004), 0..1: mean over samples of (1 + b^2) P R / (R + b^2 P), b = 1.2, from the longest
 * common subsequence; P and R are each the highest over the references; 0 without a common token. */
err metric_rouge_l(const text_sample *samples, int n, double *out);

/* CIDEr-D (Vedantam et al., CVPR 2015), 0..10, sigma 6, document frequencies from the references given
 * here. 0 for n = 1, where every n-gram occurs in every document and weighs ln 1. */
err metric_cider_d(const text_sample *samples, int n, double *out);

/* How varied texts are among themselves. distinct[j]: distinct (j+1)-grams of all texts / their (j+1)-grams
 * (Li et al., NAACL 2016, who divide 2-grams by the number of tokens), 0..1, NaN if there are none. It falls
 * as texts are added, so only values of equally many compare. mean_tokens: NaN if n == 0. ERR_SYSTEM. */
typedef struct text_diversity {
    double distinct[4];
    double mean_tokens;
} text_diversity;
err metric_diversity(const char *const *texts, int n, text_diversity *out);

#endif
