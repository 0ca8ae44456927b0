/* The phrases of the labeller's table: small patterns over the words of a sentence. Private to downstream/.
 *
 * A phrase is made of elements with blanks between them:
 *   word        this word; "," ";" "/" and "?" count as words
 *   wor*        any word that begins so
 *   one|two*    any of several
 *   one|two?    the same, or nothing
 *   ...         up to six words, without a comma among them and with one verb at most
 *   ~           up to sixteen words, commas included
 * No gap reaches over the end of a clause, and a phrase has three gaps at most. */
#ifndef DOWNSTREAM_PATTERN_H
#define DOWNSTREAM_PATTERN_H

#include "base/err.h"
#include "downstream/sentences.h"

#include <stdbool.h>
#include <stddef.h>

enum { PATTERN_ELEMENTS = 12 };

typedef struct choice {
    const char *word; /* not ended by a NUL */
    size_t n;
    bool prefix;
} choice;

typedef struct pattern_element {
    enum { ELEMENT_WORD, ELEMENT_GAP, ELEMENT_LONG_GAP } kind;
    bool optional;
    choice *choices; /* (n) owned */
    int n;
} pattern_element;

typedef struct pattern {
    pattern_element elements[PATTERN_ELEMENTS];
    int n;
    bool first[256]; /* the first bytes of words that a match can begin with */
} pattern;

/* `phrase` must outlive the pattern. ERR_DATA with a message that begins with the reason (the caller names
 * file and line); ERR_SYSTEM. On failure, too, the pattern is to be closed. */
err pattern_open(const char *phrase, pattern *out);
void pattern_close(pattern *p);

/* What gaps need to know of a sentence: whether each word is a verb; whether it ends a clause. */
typedef struct marked_sentence {
    const sentence *words;
    bool verb[SENTENCE_WORDS], end[SENTENCE_WORDS];
} marked_sentence;

/* Where a match from word `at` on ends (the word behind it), gaps being as short as they can; -1 if there is
 * none.
 */
int pattern_match(const pattern *p, const marked_sentence *s, int at);

/* Whether the pattern is a single element that the word fits. */
bool pattern_is_word(const pattern *p, const char *word);

#endif
