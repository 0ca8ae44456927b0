/* The words of the reports: templates per finding, and their expansion. */
#ifndef DATA_PHANTOM_PHRASES_H
#define DATA_PHANTOM_PHRASES_H

#include "data/phantom/latents.h"

#include "base/rng.h"

enum { PHRASES = 6 };

/* Templates of one finding; lists end with NULL. In a template
 *   $m is its magnitude ("mild"), $n the same as an adverb ("mildly"), $s its side ("left", "bilateral"),
 *   $d the distribution of COVID-19 ("peripheral"), $w the side after "on" ("on the left", "bilaterally"), $p
 * its place in the lung ("in the left lower lobe"). */
typedef struct phrasing {
    const char *opacity[PHRASES]; /* says opacity or opacities too: for findings that imply Lung Opacity */
    const char *plain[PHRASES];
    const char *hedged[PHRASES]; /* for what can hardly be seen; of implying findings: says opacity too */
    const char *absent[PHRASES];
} phrasing;

extern const phrasing phrasings[PHANTOM_FINDINGS];

/* A report being written. */
typedef struct writer {
    char *out;
    size_t used;
    rng random;
} writer;

/* Appends one sentence: the template expanded, its first letter made a capital, a full stop. */
void say(writer *w, const char *template, const site *s);

/* One of a NULL-ended list. */
const char *choose(writer *w, const char *const list[PHRASES]);

#endif
