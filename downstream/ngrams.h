/* The 1- to 4-grams of texts as numbers. A text's tokens are what stands between white space, compared
 * byte for byte. An n-gram is known by the number of its first n-1 tokens' n-gram and its last token. */
#ifndef DOWNSTREAM_NGRAMS_H
#define DOWNSTREAM_NGRAMS_H

#include "base/err.h"

#include <stdint.h>

enum { NGRAM_ORDERS = 4 };

typedef struct ngram_table ngram_table;

/* The n-grams of one text. Numbers are 1..ngram_table_size(). */
typedef struct ngrams {
    int tokens;              /* length of the text */
    int count[NGRAM_ORDERS]; /* [j]: how many (j+1)-grams, max(0, tokens - j) */
    uint32_t *token;         /* (tokens) numbers of the tokens as 1-grams, in the order of the text; owned */
    uint32_t *sorted[NGRAM_ORDERS]; /* [j]: the (j+1)-grams, rising, repeats kept; inside `token` */
} ngrams;

err ngram_table_open(ngram_table **out); /* ERR_SYSTEM */
void ngram_table_close(ngram_table *t);
uint32_t ngram_table_size(const ngram_table *t);

/* Numbers the n-grams of a text, which must outlive the table. Close with ngrams_close. ERR_SYSTEM. */
err ngrams_open(ngram_table *t, const char *text, ngrams *out);
void ngrams_close(ngrams *g);

/* How often the (order+1)-gram `id` occurs in the text. */
int ngrams_occurrences(const ngrams *g, int order, uint32_t id);

/* How often the n-gram at `at` of sorted[order] occurs: the next other one is that many places on. */
int ngrams_run(const ngrams *g, int order, int at);

#endif
