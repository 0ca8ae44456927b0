/* Free text as sentences of words, for rules that work sentence by sentence. Private to downstream/. */
#ifndef DOWNSTREAM_SENTENCES_H
#define DOWNSTREAM_SENTENCES_H

#include "base/err.h"

#include <stdbool.h>

enum { SENTENCE_WORDS = 192 }; /* a longer sentence is read in parts */

typedef struct sentence {
    const char *words[SENTENCE_WORDS]; /* small ASCII letters; also "," ";" "/" and "?" */
    int n;
} sentence;

typedef struct sentence_reader {
    char *copy, *at; /* `copy` is the reader's own */
    bool (*is_abbreviation)(const void *context, const char *word);
    const void *context;
    bool initials; /* within "e.g." */
} sentence_reader;

/* A word that is_abbreviation says yes to does not end a sentence by its full stop. ERR_SYSTEM. */
err sentences_open(const char *text, bool (*is_abbreviation)(const void *context, const char *word),
                   const void *context, sentence_reader *out);
void sentences_close(sentence_reader *r);

/* The next sentence that has a word, or false. Its words live until the reader is closed. A sentence ends at
 * '.', '!' or '?' (but not at a stop within a number, or behind an abbreviation), and at an empty line. Words
 * consist of letters, digits and bytes beyond ASCII; "2.3" is one; a hyphen parts words; brackets are read as
 * commas. */
bool sentences_next(sentence_reader *r, sentence *out);

#endif
