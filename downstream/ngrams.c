#include "downstream/ngrams.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { FIRST_SLOTS = 1024 }; /* a power of two, as every later size */

typedef struct entry {
    const char *token; /* inside the text that brought it */
    size_t length;
    uint32_t prefix; /* number of the n-gram before the token; 0 for a 1-gram */
} entry;

/* Open addressing with linear probing. entries[id - 1] is the n-gram `id`; a slot holds an id, or 0. */
struct ngram_table {
    entry *entries;
    uint32_t *slots;
    uint32_t size, n_slots;
};

static const char white_space[] = " \t\r\n\v\f";

err ngram_table_open(ngram_table **out)
{
    ngram_table *t = calloc(1, sizeof *t);
    if (t) {
        t->n_slots = FIRST_SLOTS;
        t->slots = calloc(FIRST_SLOTS, sizeof *t->slots);
        t->entries = malloc(FIRST_SLOTS / 2 * sizeof *t->entries);
    }
    if (!t || !t->slots || !t->entries) {
        ngram_table_close(t);
        return err_set(ERR_SYSTEM, "out of memory for a table of n-grams");
    }
    *out = t;
    return OK;
}

void ngram_table_close(ngram_table *t)
{
    if (!t) return;
    free(t->entries);
    free(t->slots);
    free(t);
}

uint32_t ngram_table_size(const ngram_table *t)
{
    return t->size;
}

/* The slot of an n-gram: the one that holds it, or the empty one where it belongs. */
static uint32_t slot_of(const ngram_table *t, const entry *wanted)
{
    uint32_t mask = t->n_slots - 1;
    uint32_t slot = (uint32_t)XXH3_64bits_withSeed(wanted->token, wanted->length, wanted->prefix) & mask;
    for (; t->slots[slot]; slot = (slot + 1) & mask) {
        const entry *e = &t->entries[t->slots[slot] - 1];
        if (e->prefix == wanted->prefix && e->length == wanted->length &&
            memcmp(e->token, wanted->token, e->length) == 0)
            break;
    }
    return slot;
}

/* Doubles the table, which is at most half full. */
static err grow(ngram_table *t)
{
    uint32_t n_slots = t->n_slots * 2;
    entry *entries = realloc(t->entries, n_slots / 2 * sizeof *entries);
    if (entries) t->entries = entries;
    uint32_t *slots = calloc(n_slots, sizeof *slots);
    if (!entries || !slots) {
        free(slots);
        return err_set(ERR_SYSTEM, "out of memory for %u n-grams", (unsigned)n_slots / 2);
    }
    free(t->slots);
    t->slots = slots;
    t->n_slots = n_slots;
    for (uint32_t id = 1; id <= t->size; id++) t->slots[slot_of(t, &t->entries[id - 1])] = id;
    return OK;
}

static err number_of(ngram_table *t, entry wanted, uint32_t *id)
{
    if (t->size >= t->n_slots / 2) TRY(grow(t));
    uint32_t slot = slot_of(t, &wanted);
    if (!t->slots[slot]) {
        t->entries[t->size++] = wanted;
        t->slots[slot] = t->size;
    }
    *id = t->slots[slot];
    return OK;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int count_tokens(const char *text)
{
    int n = 0;
    for (const char *c = text + strspn(text, white_space); *c; c += strspn(c, white_space)) {
        n++;
        c += strcspn(c, white_space);
    }
    return n;
}

/* Fills sorted[0..3], still in the order of the text: the (j+1)-gram at p is the j-gram at p and token p + j.
 * */
static err number_all(ngram_table *t, const char *text, ngrams *g)
{
    const char *c = text;
    for (int p = 0; p < g->tokens; p++) {
        c += strspn(c, white_space);
        size_t length = strcspn(c, white_space);
        for (int j = 0; j < NGRAM_ORDERS && j <= p; j++) {
            uint32_t prefix = j == 0 ? 0 : g->sorted[j - 1][p - j];
            TRY(number_of(t, (entry){c, length, prefix}, &g->sorted[j][p - j]));
        }
        c += length;
    }
    return OK;
}

err ngrams_open(ngram_table *t, const char *text, ngrams *out)
{
    *out = (ngrams){.tokens = count_tokens(text)};
    size_t n = (size_t)out->tokens;
    out->token = malloc((n * (NGRAM_ORDERS + 1) + 1) * sizeof *out->token);
    if (!out->token) return err_set(ERR_SYSTEM, "out of memory for a text of %zu tokens", n);
    for (int j = 0; j < NGRAM_ORDERS; j++) {
        out->count[j] = out->tokens > j ? out->tokens - j : 0;
        out->sorted[j] = out->token + n * (size_t)(j + 1);
    }
    err error = number_all(t, text, out);
    if (error != OK) {
        ngrams_close(out);
        return error;
    }
    memcpy(out->token, out->sorted[0], n * sizeof *out->token);
    for (int j = 0; j < NGRAM_ORDERS; j++)
        qsort(out->sorted[j], (size_t)out->count[j], sizeof *out->sorted[j], by_number);
    return OK;
}

void ngrams_close(ngrams *g)
{
    free(g->token);
    *g = (ngrams){0};
}

int ngrams_run(const ngrams *g, int order, int at)
{
    const uint32_t *ids = g->sorted[order];
    int end = at + 1;
    while (end < g->count[order] && ids[end] == ids[at]) end++;
    return end - at;
}

int ngrams_occurrences(const ngrams *g, int order, uint32_t id)
{
    int low = 0, high = g->count[order];
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (g->sorted[order][middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < g->count[order] && g->sorted[order][low] == id ? ngrams_run(g, order, low) : 0;
}
