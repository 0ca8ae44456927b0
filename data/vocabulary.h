/* The words of reports as numbers. A vocabulary is made from the reports of the training split alone and is
 * kept as a CSV file (header `token,count`, a row a token, in the order of their ids from 0). */
#ifndef DATA_VOCABULARY_H
#define DATA_VOCABULARY_H

#include "base/err.h"
#include "base/hash.h"
#include "base/text.h"
#include "data/dataset.h"

/* The first ids, in every vocabulary. Words follow, rising by code point. */
enum { TOKEN_PAD, TOKEN_BEGIN, TOKEN_END, TOKEN_UNKNOWN, SPECIAL_TOKENS };

typedef struct vocabulary vocabulary;

/* Counts the tokens (what stands between white space) of reports[which->index[i]], cleaned texts
 * (data/report_text.h), and keeps those that occur at least `minimum_count` times; NULL reports are passed
 * over. Pass the training split as `which`: nothing else is looked at. The same reports give the same
 * vocabulary in any order. R2Gen keeps words from 3 occurrences on for IU X-ray, from 10 for MIMIC-CXR.
 * ERR_USAGE if minimum_count < 1; ERR_DATA if no report has a word that often, or for a text that is not
 * UTF-8; ERR_SYSTEM. */
err vocabulary_build(const char *const *reports, const samples *which, int minimum_count, vocabulary **out);

/* Reads a saved vocabulary. ERR_NO_INPUT; ERR_DATA naming file and line for anything that vocabulary_save
 * would not have written, and for more than 1,000,000 tokens. */
err vocabulary_open(const char *path, vocabulary **out);
err vocabulary_save(const vocabulary *v, const char *path); /* ERR_CANNOT_CREATE, ERR_IO */

/* The same from and to the file's text in memory; `name` stands for the file in messages. */
err vocabulary_parse(const char *name, const char *csv, size_t n, vocabulary **out);
void vocabulary_write(const vocabulary *v, text *out); /* appends */
void vocabulary_close(vocabulary *v);

int vocabulary_size(const vocabulary *v);                  /* specials included */
const char *vocabulary_token(const vocabulary *v, int id); /* 0 <= id < size; owned by the vocabulary */
int vocabulary_count(const vocabulary *v, int id); /* in the reports it was made from; 0 for specials */

/* The id of the n bytes at `word`: TOKEN_UNKNOWN if it is not a word of the vocabulary. */
int vocabulary_id(const vocabulary *v, const char *word, size_t n);

/* Of the tokens in their order, not of the counts: what encoding and decoding depend on. */
hash vocabulary_hash(const vocabulary *v);

/* ---- reports as ids --------------------------------------------------------------------------------------
 * `cleaned` is a report as data/report_text.h leaves it: tokens between white space, "." ending sentences.
 */

/* As one sequence: TOKEN_BEGIN, the tokens with their ".", TOKEN_END, cut at `length` (>= 1) ids, so that a
 * report that is cut has no end; TOKEN_PAD follows. Fills ids (length); returns how many are not padding. */
int report_encode(const vocabulary *v, const char *cleaned, int length, int *ids);

/* As sentences of words, without any special token but TOKEN_UNKNOWN and the padding: the first `sentences`
 * sentences that have a word, the first `words` words of each, without the ".". Fills ids (sentences, words)
 * and counts (sentences), 0 where there is no sentence; returns the number of sentences. */
int report_encode_sentences(const vocabulary *v, const char *cleaned, int sentences, int words, int *ids,
                            int *counts);

/* Appends the tokens of ids (n), a blank between, up to the first TOKEN_END; padding and TOKEN_BEGIN are
 * passed over, and an unknown word is "<unk>". ERR_USAGE for an id that the vocabulary lacks. */
err report_decode(const vocabulary *v, const int *ids, int n, text *out);

/* The same of ids (sentences, words), counts[s] words of each; sentences without words are passed over, and
 * every other is ended by ".". ERR_USAGE also for a count that is not 0..words. */
err report_decode_sentences(const vocabulary *v, const int *ids, const int *counts, int sentences, int words,
                            text *out);

#endif
