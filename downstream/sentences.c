#include "downstream/sentences.h"

#include <stdlib.h>
#include <string.h>

err sentences_open(const char *text, bool (*is_abbreviation)(const void *context, const char *word),
                   const void *context, sentence_reader *out)
{
    *out = (sentence_reader){.copy = strdup(text), .is_abbreviation = is_abbreviation, .context = context};
    if (!out->copy) return err_set(ERR_SYSTEM, "out of memory for a report of %zu bytes", strlen(text));
    out->at = out->copy;
    return OK;
}

void sentences_close(sentence_reader *r)
{
    free(r->copy);
    *r = (sentence_reader){0};
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || (unsigned char)c >= 0x80;
}

/* A stop or a comma between digits belongs to the number. */
static bool is_in_number(const char *from, const char *c)
{
    return (*c == '.' || *c == ',') && c > from && is_digit(c[-1]) && is_digit(c[1]);
}

/* Moves r->at behind a word, which is left in small letters and without apostrophes at `to`; returns the byte
 * that stood behind it, as the NUL that ends the word may take its place. */
static char take_word(sentence_reader *r)
{
    char *from = r->at, *to = r->at, *c = r->at;
    for (; is_word_byte(*c) || *c == '\'' || is_in_number(from, c); c++) {
        if (*c == '\'') continue;
        *to++ = (char)(*c >= 'A' && *c <= 'Z' ? *c + ('a' - 'A') : *c);
    }
    char behind = *c;
    *to = '\0';
    r->at = c;
    return behind;
}

static bool ends_sentence(sentence_reader *r, const sentence *s)
{
    const char *word = s->n > 0 ? s->words[s->n - 1] : "";
    bool letter = word[0] && !word[1], letter_follows = is_word_byte(r->at[1]);
    if (letter && (letter_follows || r->initials)) { /* "e.g.", "i.e." */
        r->initials = letter_follows;
        return false;
    }
    return !r->is_abbreviation(r->context, word);
}

/* What stands between words; returns whether it ends the sentence. */
static bool take_mark(sentence_reader *r, char mark, sentence *s)
{
    if (mark == '.') return ends_sentence(r, s);
    static const char marks[] = "()[],;/?";
    static const char *const words[] = {",", ",", ",", ",", ",", ";", "/", "?"};
    r->initials = false;
    const char *found = strchr(marks, mark);
    if (found) s->words[s->n++] = words[found - marks];
    if (mark == '\n') return r->at[1 + strspn(r->at + 1, " \t\r")] == '\n';
    return mark == '!' || mark == '?';
}

bool sentences_next(sentence_reader *r, sentence *s)
{
    bool has_word = false;
    s->n = 0;
    while (*r->at && s->n < SENTENCE_WORDS - 1) {
        char mark = *r->at;
        if (is_word_byte(mark)) {
            s->words[s->n++] = r->at;
            mark = take_word(r);
            has_word = true;
            if (!mark) break;
        }
        bool end = take_mark(r, mark, s);
        r->at++;
        if (end && has_word) break;
        if (!has_word) s->n = 0;
    }
    return has_word;
}
