/* Texts from distributions over the next token: greedy, sampled, or by beam search. Knows no net, only a
 * callback that gives the distributions. */
#ifndef NN_DECODING_H
#define NN_DECODING_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum decoding_kind {
    DECODING_GREEDY, /* the most likely token, every time */
    DECODING_SAMPLE, /* a token drawn from the distribution, sharpened and cut as temperature and top_p say */
    DECODING_BEAM    /* the best text that a beam search finds */
} decoding_kind;

typedef struct decoding_opts {
    decoding_kind kind;
    float temperature; /* SAMPLE: draw from softmax(log p / temperature); 0 means 1 */
    float top_p; /* SAMPLE: only from the nucleus, the fewest most likely tokens whose probability sums to
                    at least top_p (Holtzman et al. 2020), after the temperature; in (0,1], 0 means 1 */
    int beams;   /* BEAM: hypotheses of a text, 1..64; else 0 or 1 */
    float length_penalty; /* alpha in 0..10. A text of n tokens, its end counted, scores
                             log P / ((5 + n) / 6)^alpha (Wu et al. 2016, equation 14 without coverage) */
    bool block_trigrams;  /* no hypothesis says the same three tokens twice (Paulus et al. 2018) */
    int begin, end;       /* token ids; they may be the same one */
    const int *banned;    /* n_banned ids that are never said: padding, begin, perhaps unknown; not end */
    int n_banned;
    int length;          /* tokens at most, the end counted: 1..65536. A longer text is cut, without an end */
    uint64_t seed;       /* SAMPLE: a text's draws depend on seed and on first_text + its index only, */
    uint64_t first_text; /* so that texts may be made in parts */
} decoding_opts;

/* Gives the log-probabilities (rows, V) of the next token of every hypothesis: row i goes on from what was
 * row parents[i] in the last call, by token tokens[i]; at time 0 parents[i] = i and tokens[i] = begin. There
 * are always texts * decoding_beams rows, those of text j from j * decoding_beams on; what is given for a row
 * that has ended (it goes on from itself, by `end`) is not read. */
typedef err (*decoding_next)(void *context, int time, const int *parents, const int *tokens,
                             float *log_probabilities);

/* ERR_CONFIG naming the first option that is out of range; ids are checked against `vocabulary` (V). */
err decoding_check(const decoding_opts *o, int vocabulary);

/* Hypotheses that each text has: `beams` of a beam search, else 1. */
int decoding_beams(const decoding_opts *o);

/* Texts into ids (texts, length), counts[i] tokens of text i, neither begin nor end among them; the rest of a
 * row is `end`. scores (texts), or NULL: of each text, from the log-probabilities as the callback gave them.
 *
 * The beam search takes, at every time, the `beams` likeliest continuations of a text's hypotheses; those
 * that end leave the beam. The text is the one with the best score among those that ended and those that
 * were cut. It stops when no hypothesis can reach the best score any more. Of equals the lower id, or the
 * earlier hypothesis, wins. The best hypothesis is cut where all
 * that any could say is banned, blocked or of probability 0.
 *
 * ERR_CONFIG as decoding_check; ERR_USAGE if texts < 1 or texts * decoding_beams * V > 2^31 - 1; ERR_DIVERGED
 * naming text and time for a log-probability that is NaN or above 0 by more than 1e-3; ERR_SYSTEM; what
 * `next` returns. */
err decode(const decoding_opts *o, int texts, int vocabulary, decoding_next next, void *context, int *ids,
           int *counts, float *scores);

#endif
