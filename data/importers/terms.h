/* Labels out of lists of terms ("Pulmonary Atelectasis/base", "calcified pleural thickening"). Private to
 * data/importers/. */
#ifndef DATA_IMPORTERS_TERMS_H
#define DATA_IMPORTERS_TERMS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct term_rule {
    const char *label;
    const char *words; /* alternatives parted by '|', each of words joined by '+' that must all occur */
    const char *but;   /* a term with one of these words (parted by '|') does not count; NULL: none */
} term_rule;

/* Whether a term says what the rule is about. Whole words count, with or without the ending "s" or "es", case
 * does not; everything but letters and digits parts words. A part of a word does not count: a "pseudonodule"
 * is no nodule. */
bool term_matches(const term_rule *rule, const char *term, size_t n);

#endif
