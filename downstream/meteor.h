/* METEOR-es: METEOR with its exact and stem matchers only. METEOR 1.5 (Denkowski & Lavie, WMT 2014) also
 * matches synonyms and paraphrases and discounts function words, from tables that are not shipped here, so
 * that values are comparable with other METEOR-es values only. */
#ifndef DOWNSTREAM_METEOR_H
#define DOWNSTREAM_METEOR_H

#include "downstream/text_metrics.h"

/* Value of a corpus, 0..1, with 1.5's parameters for English: precision P and recall R are exact matches plus
 * 0.6 stem matches, each over its text's length; F = P R / (0.85 P + 0.15 R) and the value is F (1 - 0.6
 * (chunks / matches)^0.2). Counts are summed over samples first, each with its highest-scoring reference. One
 * chunk that covers both texts entirely is not punished. Stems are Snowball's English ones, as in METEOR 1.5.
 * Tokens as in text_metrics.h.
 *
 * Of all alignments of single tokens the one counts that has the highest sum of matches (exact 1, stem 0.5),
 * then the fewest chunks (runs that are contiguous in both texts), then the smallest sum of distances between
 * positions; it is searched with a beam of 40.
 *
 * NaN if n == 0. ERR_DATA naming the sample if it has no reference, ERR_SYSTEM (out of memory). */
err metric_meteor_es(const text_sample *samples, int n, double *out);

#endif
