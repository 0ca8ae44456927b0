#include "data/importers/terms.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* The length of the word at the start. */
static size_t word_length(const char *at, size_t n)
{
    size_t length = 0;
    while (length < n && isalnum((unsigned char)at[length])) length++;
    return length;
}

static bool is_word(const char *at, size_t length, const char *word, size_t n)
{
    if (length < n || strncasecmp(at, word, n) != 0) return false;
    size_t more = length - n;
    return more == 0 || (more == 1 && tolower((unsigned char)at[n]) == 's') ||
           (more == 2 && strncasecmp(at + n, "es", 2) == 0);
}

static bool has_word(const char *term, size_t n, const char *word, size_t length)
{
    for (size_t i = 0; i < n;) {
        size_t here = word_length(term + i, n - i);
        if (here > 0 && is_word(term + i, here, word, length)) return true;
        i += here > 0 ? here : 1;
    }
    return false;
}

/* Whether the term has all of the words joined by '+' in the first `length` bytes. */
static bool has_all(const char *term, size_t n, const char *words, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t word = 0;
        while (i + word < length && words[i + word] != '+') word++;
        if (!has_word(term, n, words + i, word)) return false;
        i += word + 1;
    }
    return true;
}

static bool has_any(const char *term, size_t n, const char *alternatives)
{
    for (const char *at = alternatives; *at;) {
        size_t length = strcspn(at, "|");
        if (has_all(term, n, at, length)) return true;
        at += length;
        at += *at == '|';
    }
    return false;
}

bool term_matches(const term_rule *rule, const char *term, size_t n)
{
    return has_any(term, n, rule->words) && !(rule->but && has_any(term, n, rule->but));
}
