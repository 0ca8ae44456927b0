#include "data/vocabulary.h"

#include "base/utf8.h"
#include "data/table.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TOKENS = 1000000 };

static const size_t file_limit = (size_t)1 << 28;

/* Cleaned text has no '<', so no word of a report is one of these. */
static const char *const special_tokens[SPECIAL_TOKENS] = {"<pad>", "<begin>", "<end>", "<unk>"};

struct vocabulary {
    int size;
    const char **tokens; /* (size) */
    int *counts;         /* (size) */
    char *bytes;         /* the tokens behind the specials, a NUL after each */
    size_t n_bytes;
};

/* A token of a report, while they are counted. */
typedef struct word {
    const char *start;
    size_t n;
    long long count;
} word;

static const char white_space[] = " \t\r\n\v\f";

/* The next token at or after *at, which moves behind it; false at the end. */
static bool next_word(const char **at, word *out)
{
    *at += strspn(*at, white_space);
    *out = (word){*at, strcspn(*at, white_space), 1};
    *at += out->n;
    return out->n > 0;
}

/* UTF-8 keeps the order of code points in the order of bytes. */
static int compare_words(const void *a, const void *b)
{
    const word *x = a, *y = b;
    int order = memcmp(x->start, y->start, x->n < y->n ? x->n : y->n);
    return order ? order : (x->n > y->n) - (x->n < y->n);
}

static int special_of(word w)
{
    for (int k = 0; k < SPECIAL_TOKENS; k++)
        if (strlen(special_tokens[k]) == w.n && memcmp(special_tokens[k], w.start, w.n) == 0) return k;
    return -1;
}

/* Room for the specials and for words of so many bytes, their NULs included; NULL when out of memory. */
static vocabulary *allocate(int size, size_t bytes)
{
    vocabulary *v = calloc(1, sizeof *v);
    if (!v) return NULL;
    v->size = size;
    v->tokens = malloc((size_t)size * sizeof *v->tokens);
    v->counts = calloc((size_t)size, sizeof *v->counts);
    v->bytes = malloc(bytes + 1);
    if (!v->tokens || !v->counts || !v->bytes) {
        vocabulary_close(v);
        return NULL;
    }
    for (int k = 0; k < SPECIAL_TOKENS; k++) v->tokens[k] = special_tokens[k];
    return v;
}

/* Gives token `id` its word; ids come one after the other. */
static void append(vocabulary *v, int id, word w)
{
    char *to = v->bytes + v->n_bytes;
    memcpy(to, w.start, w.n);
    to[w.n] = '\0';
    v->n_bytes += w.n + 1;
    v->tokens[id] = to;
    v->counts[id] = w.count > INT_MAX ? INT_MAX : (int)w.count;
}

/* The words that were met, in `word`s; equal ones are merged whenever they have become twice as many. */
typedef struct tally {
    text words;
    size_t limit;
} tally;

static word *words_of(const tally *t, size_t *n)
{
    *n = t->words.length / sizeof(word);
    return (word *)(void *)t->words.data; /* from malloc: aligned for any type */
}

/* Sorts the words and merges equal ones. */
static void merge(tally *t)
{
    size_t n, kept = 0;
    word *words = words_of(t, &n);
    if (n > 0) qsort(words, n, sizeof *words, compare_words);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && compare_words(&words[kept - 1], &words[i]) == 0)
            words[kept - 1].count += words[i].count;
        else
            words[kept++] = words[i];
    }
    t->words.length = kept * sizeof *words;
    t->limit = 2 * t->words.length;
    if (t->limit < ((size_t)1 << 16) * sizeof(word)) t->limit = ((size_t)1 << 16) * sizeof(word);
}

static err count_words(const char *report, tally *t)
{
    size_t offset;
    if (!utf8_check(report, &offset)) return err_set(ERR_DATA, "is not UTF-8 at byte %zu", offset);
    word w;
    for (const char *at = report; next_word(&at, &w);)
        if (special_of(w) < 0) text_bytes(&t->words, &w, sizeof w);
    TRY(text_check(&t->words));
    if (t->words.length > t->limit) merge(t);
    return OK;
}

/* Makes the vocabulary of the words that occur often enough, merged. */
static err settle(const tally *t, int minimum_count, vocabulary **out)
{
    size_t n, kept = 0, bytes = 0;
    const word *words = words_of(t, &n);
    for (size_t i = 0; i < n; i++) {
        if (words[i].count < minimum_count) continue;
        kept++;
        bytes += words[i].n + 1;
    }
    if (kept == 0)
        return err_set(ERR_DATA, "none of the %zu words of the training reports occurs %d times or more", n,
                       minimum_count);
    if (kept > MOST_TOKENS - SPECIAL_TOKENS)
        return err_set(ERR_DATA, "%zu different words in the training reports; at most %d are kept", kept,
                       MOST_TOKENS - SPECIAL_TOKENS);
    vocabulary *v = allocate(SPECIAL_TOKENS + (int)kept, bytes);
    if (!v) return err_set(ERR_SYSTEM, "out of memory for a vocabulary of %zu words", kept);
    int id = SPECIAL_TOKENS;
    for (size_t i = 0; i < n; i++)
        if (words[i].count >= minimum_count) append(v, id++, words[i]);
    *out = v;
    return OK;
}

err vocabulary_build(const char *const *reports, const samples *which, int minimum_count, vocabulary **out)
{
    if (minimum_count < 1)
        return err_set(ERR_USAGE, "a word cannot be asked to occur %d times; at least 1", minimum_count);
    tally t = {0};
    err error = OK;
    for (int i = 0; i < which->n && error == OK; i++) {
        const char *report = reports[which->index[i]];
        if (report) error = count_words(report, &t);
        if (error != OK) (void)err_context(error, "report %d", which->index[i]);
    }
    merge(&t);
    if (error == OK) error = settle(&t, minimum_count, out);
    text_close(&t.words);
    return error;
}

void vocabulary_close(vocabulary *v)
{
    if (!v) return;
    free(v->tokens);
    free(v->counts);
    free(v->bytes);
    free(v);
}

int vocabulary_size(const vocabulary *v)
{
    return v->size;
}

const char *vocabulary_token(const vocabulary *v, int id)
{
    assert(id >= 0 && id < v->size);
    return v->tokens[id];
}

int vocabulary_count(const vocabulary *v, int id)
{
    assert(id >= 0 && id < v->size);
    return v->counts[id];
}

int vocabulary_id(const vocabulary *v, const char *bytes, size_t n)
{
    const word wanted = {bytes, n, 1};
    int low = SPECIAL_TOKENS, high = v->size;
    while (low < high) {
        int middle = low + (high - low) / 2;
        const word here = {v->tokens[middle], strlen(v->tokens[middle]), 1};
        int order = compare_words(&wanted, &here);
        if (order == 0) return middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return TOKEN_UNKNOWN;
}

hash vocabulary_hash(const vocabulary *v)
{
    return hash_bytes(v->bytes, v->n_bytes);
}

void vocabulary_write(const vocabulary *v, text *out)
{
    text_printf(out, "token,count\n");
    for (int id = 0; id < v->size; id++) {
        text_csv_field(out, v->tokens[id]);
        text_printf(out, ",%d\n", v->counts[id]);
    }
}

err vocabulary_save(const vocabulary *v, const char *path)
{
    text csv = {0};
    vocabulary_write(v, &csv);
    err error = text_save(&csv, path);
    text_close(&csv);
    return error;
}

static bool read_count(const char *cell, int *out)
{
    if (cell[0] < '0' || cell[0] > '9') return false; /* strtol would take blanks and signs */
    char *end;
    errno = 0;
    long value = strtol(cell, &end, 10);
    if (*end || errno || value > INT_MAX) return false;
    *out = (int)value;
    return true;
}

/* Checks row `id` of the file and takes it over. */
static err take_row(const char *path, const table *t, int id, vocabulary *v)
{
    const char *token = table_cell(t, id, 0), *at = token;
    int line = t->lines[id + 1], count;
    size_t offset;
    word w;
    if (!read_count(table_cell(t, id, 1), &count))
        return err_set(ERR_DATA, "%s:%d: the count \"%s\" is not a whole number", path, line,
                       table_cell(t, id, 1));
    if (id < SPECIAL_TOKENS) {
        if (strcmp(token, special_tokens[id]) == 0 && count == 0) return OK;
        return err_set(ERR_DATA, "%s:%d: must be \"%s,0\"", path, line, special_tokens[id]);
    }
    if (!utf8_check(token, &offset)) return err_set(ERR_DATA, "%s:%d: is not UTF-8", path, line);
    if (!next_word(&at, &w) || w.start != token || *at || special_of(w) >= 0)
        return err_set(ERR_DATA, "%s:%d: \"%s\" is not one word", path, line, token);
    if (count == 0) return err_set(ERR_DATA, "%s:%d: the word \"%s\" has count 0", path, line, token);
    if (id > SPECIAL_TOKENS && strcmp(v->tokens[id - 1], token) >= 0)
        return err_set(ERR_DATA, "%s:%d: \"%s\" does not come behind \"%s\" in the order of code points",
                       path, line, token, v->tokens[id - 1]);
    w.count = count;
    append(v, id, w);
    return OK;
}

static err take_table(const char *path, const table *t, vocabulary **out)
{
    if (t->columns != 2 || table_column(t, "token") != 0 || table_column(t, "count") != 1)
        return err_set(ERR_DATA, "%s:%d: the header must be \"token,count\"", path, t->lines[0]);
    if (t->rows <= SPECIAL_TOKENS || t->rows > MOST_TOKENS)
        return err_set(ERR_DATA,
                       "%s: has %d tokens; a vocabulary has %d special ones, some words, and at most %d",
                       path, t->rows, SPECIAL_TOKENS, MOST_TOKENS);
    size_t bytes = 0;
    for (int id = SPECIAL_TOKENS; id < t->rows; id++) bytes += strlen(table_cell(t, id, 0)) + 1;
    vocabulary *v = allocate(t->rows, bytes);
    if (!v) return err_set(ERR_SYSTEM, "%s: out of memory for %d tokens", path, t->rows);
    err error = OK;
    for (int id = 0; id < v->size && error == OK; id++) error = take_row(path, t, id, v);
    if (error != OK)
        vocabulary_close(v);
    else
        *out = v;
    return error;
}

err vocabulary_parse(const char *name, const char *csv, size_t n, vocabulary **out)
{
    table t;
    TRY(table_parse(name, csv, n, &t));
    err error = take_table(name, &t, out);
    table_close(&t);
    return error;
}

err vocabulary_open(const char *path, vocabulary **out)
{
    table t;
    TRY(table_open(path, file_limit, &t));
    err error = take_table(path, &t, out);
    table_close(&t);
    return error;
}
