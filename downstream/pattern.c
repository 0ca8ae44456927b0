#include "downstream/pattern.h"

#include <stdlib.h>
#include <string.h>

enum { GAP_WORDS = 6, LONG_GAP_WORDS = 16, MOST_GAPS = 3 };

static bool is_phrase_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == ',' || c == ';' || c == '/' ||
           (unsigned char)c >= 0x80;
}

static err parse_choice(const char *from, size_t n, choice *out)
{
    *out = (choice){.word = from, .n = n};
    if (n > 1 && from[n - 1] == '*') {
        out->prefix = true;
        out->n--;
    }
    bool good = out->n > 0;
    for (size_t k = 0; k < out->n && good; k++) good = is_phrase_byte(from[k]);
    if (n == 1 && *from == '?') good = true;
    return good ? OK
                : err_set(ERR_DATA, "\"%.*s\" is no word: small letters and digits, perhaps a '*' at the end",
                          (int)n, from);
}

/* One element, of n bytes. */
static err parse_element(const char *from, size_t n, pattern_element *out)
{
    *out = (pattern_element){.kind = ELEMENT_WORD};
    if (n == 3 && memcmp(from, "...", 3) == 0) {
        out->kind = ELEMENT_GAP;
        return OK;
    }
    if (n == 1 && *from == '~') {
        out->kind = ELEMENT_LONG_GAP;
        return OK;
    }
    if (n > 1 && from[n - 1] == '?') {
        out->optional = true;
        n--;
    }
    int most = 1;
    for (size_t k = 0; k < n; k++) most += from[k] == '|';
    out->choices = malloc((size_t)most * sizeof *out->choices);
    if (!out->choices) return err_set(ERR_SYSTEM, "out of memory for a phrase");
    for (size_t at = 0; at <= n;) {
        const char *bar = at < n ? memchr(from + at, '|', n - at) : NULL;
        size_t length = bar ? (size_t)(bar - from) - at : n - at;
        TRY(parse_choice(from + at, length, &out->choices[out->n++]));
        at += length + 1;
    }
    return OK;
}

static bool is_gap(const pattern_element *e)
{
    return e->kind != ELEMENT_WORD;
}

err pattern_open(const char *phrase, pattern *out)
{
    *out = (pattern){0};
    bool required = false;
    int gaps = 0;
    for (const char *c = phrase + strspn(phrase, " "); *c; c += strspn(c, " ")) {
        size_t n = strcspn(c, " ");
        if (out->n == PATTERN_ELEMENTS)
            return err_set(ERR_DATA, "the phrase \"%s\" has more than %d elements", phrase, PATTERN_ELEMENTS);
        pattern_element *e = &out->elements[out->n++];
        TRY(parse_element(c, n, e));
        required |= !is_gap(e) && !e->optional;
        gaps += is_gap(e);
        c += n;
    }
    if (!required) return err_set(ERR_DATA, "the phrase \"%s\" has no word that must be there", phrase);
    if (is_gap(&out->elements[0]) || is_gap(&out->elements[out->n - 1]) || out->elements[0].optional)
        return err_set(ERR_DATA, "the phrase \"%s\" must begin with a word, and not end in a gap", phrase);
    if (gaps > MOST_GAPS)
        return err_set(ERR_DATA, "the phrase \"%s\" has more than %d gaps", phrase, MOST_GAPS);
    for (int k = 0; k < out->elements[0].n; k++)
        out->first[(unsigned char)*out->elements[0].choices[k].word] = true;
    return OK;
}

void pattern_close(pattern *p)
{
    for (int k = 0; k < p->n; k++) free(p->elements[k].choices);
    *p = (pattern){0};
}

static bool is_word(const pattern_element *e, const char *word)
{
    for (int k = 0; k < e->n; k++) {
        const choice *c = &e->choices[k];
        if (*c->word != *word) continue;
        if (strncmp(c->word, word, c->n) == 0 && (c->prefix || !word[c->n])) return true;
    }
    return false;
}

static int match_from(const pattern *p, int element, const marked_sentence *s, int at);

static int match_gap(const pattern *p, int element, const marked_sentence *s, int at)
{
    bool longer = p->elements[element].kind == ELEMENT_LONG_GAP;
    int verbs = 0;
    for (int skipped = 0;; skipped++) {
        int end = match_from(p, element + 1, s, at + skipped);
        if (end >= 0) return end;
        if (at + skipped >= s->words->n || skipped == (longer ? LONG_GAP_WORDS : GAP_WORDS)) return -1;
        verbs += s->verb[at + skipped];
        if (s->end[at + skipped]) return -1;
        if (!longer && (verbs > 1 || *s->words->words[at + skipped] == ',')) return -1;
    }
}

static int match_from(const pattern *p, int element, const marked_sentence *s, int at)
{
    if (element == p->n) return at;
    const pattern_element *e = &p->elements[element];
    if (is_gap(e)) return match_gap(p, element, s, at);
    if (at < s->words->n && is_word(e, s->words->words[at])) {
        int end = match_from(p, element + 1, s, at + 1);
        if (end >= 0) return end;
    }
    return e->optional ? match_from(p, element + 1, s, at) : -1;
}

int pattern_match(const pattern *p, const marked_sentence *s, int at)
{
    if (!p->first[(unsigned char)*s->words->words[at]]) return -1;
    return match_from(p, 0, s, at);
}

bool pattern_is_word(const pattern *p, const char *word)
{
    return p->n == 1 && is_word(&p->elements[0], word);
}
