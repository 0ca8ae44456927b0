#include "downstream/meteor.h"

#include "base/text.h"
#include "downstream/ngrams.h"

#include <libstemmer.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { BEAM = 40 };

/* Sums over samples that the value is made from. */
typedef struct meteor_counts {
    long long length, reference_length, exact, stem, chunks;
} meteor_counts;

/* A text's tokens and their stems, as numbers of one table. */
typedef struct stemmed {
    ngrams words, stems;
    text stem_text; /* the table refers to it */
} stemmed;

/* A partial alignment of the first tokens of the hypothesis. */
typedef struct path {
    int parent;      /* in the beam before */
    int reference;   /* position that the newest token is matched with, or -1 */
    int half_points; /* 2 for an exact match, 1 for a stem match */
    int exact, stem, chunks, distance;
    int order; /* of creation: the last tie-break, so that the sort is stable */
} path;

/* The search: `beam` holds up to BEAM paths, `used` a row of flags (reference_length) for each, `next`
 * their successors, at most (reference_length + 1) each. */
typedef struct search {
    path beam[BEAM], *next;
    unsigned char *used, *next_used;
    int in_beam;
} search;

static double value_of(const meteor_counts *c)
{
    const double alpha = 0.85, beta = 0.2, gamma = 0.6, stem_weight = 0.6;
    double matches = (double)(c->exact + c->stem);
    if (matches == 0.0) return 0.0;
    double weighted = (double)c->exact + stem_weight * (double)c->stem;
    double precision = weighted / (double)c->length, recall = weighted / (double)c->reference_length;
    double mean = precision * recall / (alpha * precision + (1.0 - alpha) * recall);
    if (c->chunks == 1 && c->exact + c->stem == c->length && c->length == c->reference_length) return mean;
    return mean * (1.0 - gamma * pow((double)c->chunks / matches, beta));
}

/* Fills `out` with the stems of the tokens of `words`, a space after each. */
static err stem_all(struct sb_stemmer *stemmer, const char *words, text *out)
{
    static const char white_space[] = " \t\r\n\v\f";
    for (const char *c = words + strspn(words, white_space); *c; c += strspn(c, white_space)) {
        size_t length = strcspn(c, white_space);
        const sb_symbol *stem = sb_stemmer_stem(stemmer, (const sb_symbol *)c, (int)length);
        if (!stem) return err_set(ERR_SYSTEM, "out of memory for a stem");
        int stem_length = sb_stemmer_length(stemmer);
        if (stem_length > 0)
            text_bytes(out, stem, (size_t)stem_length);
        else
            text_bytes(out, c, length);
        text_bytes(out, " ", 1);
        c += length;
    }
    text_bytes(out, "", 0);
    return text_check(out);
}

static void stemmed_close(stemmed *s)
{
    ngrams_close(&s->words);
    ngrams_close(&s->stems);
    text_close(&s->stem_text);
}

/* On failure, too, `out` is to be closed. */
static err stemmed_open(ngram_table *table, struct sb_stemmer *stemmer, const char *words, stemmed *out)
{
    *out = (stemmed){0};
    TRY(stem_all(stemmer, words, &out->stem_text));
    TRY(ngrams_open(table, words, &out->words));
    TRY(ngrams_open(table, out->stem_text.data, &out->stems));
    return OK;
}

static int by_falling_merit(const void *a, const void *b)
{
    const path *x = a, *y = b;
    if (x->half_points != y->half_points) return x->half_points > y->half_points ? -1 : 1;
    if (x->chunks != y->chunks) return x->chunks < y->chunks ? -1 : 1;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static path matched(const path *from, int at, int reference, bool is_exact)
{
    path next = *from;
    next.reference = reference;
    next.half_points += is_exact ? 2 : 1;
    next.exact += is_exact;
    next.stem += !is_exact;
    next.chunks += from->reference < 0 || from->reference + 1 != reference;
    next.distance += abs(at - reference);
    return next;
}

/* Fills s->next with every way to go on with token `at` of the hypothesis; returns their number. */
static int successors(search *s, const stemmed *h, const stemmed *r, int at)
{
    int n = 0;
    for (int b = 0; b < s->in_beam; b++) {
        const unsigned char *used = s->used + (size_t)b * (size_t)r->words.tokens;
        for (int j = -1; j < r->words.tokens; j++) {
            path next = s->beam[b];
            if (j < 0)
                next.reference = -1;
            else if (h->stems.token[at] == r->stems.token[j] && !used[j])
                next = matched(&s->beam[b], at, j, h->words.token[at] == r->words.token[j]);
            else
                continue;
            next.parent = b;
            next.order = n;
            s->next[n++] = next;
        }
    }
    return n;
}

static void keep_best(search *s, int n, int reference_length)
{
    size_t row = (size_t)reference_length;
    qsort(s->next, (size_t)n, sizeof *s->next, by_falling_merit);
    s->in_beam = n < BEAM ? n : BEAM;
    for (int b = 0; b < s->in_beam; b++) {
        unsigned char *used = s->next_used + (size_t)b * row;
        s->beam[b] = s->next[b];
        memcpy(used, s->used + (size_t)s->next[b].parent * row, row);
        if (s->next[b].reference >= 0) used[s->next[b].reference] = 1;
    }
    unsigned char *swapped = s->used;
    s->used = s->next_used;
    s->next_used = swapped;
}

static err align(const stemmed *h, const stemmed *r, meteor_counts *out)
{
    int reference_length = r->words.tokens;
    size_t width = (size_t)reference_length + 1;
    search s = {.in_beam = 1, .beam = {{.reference = -1}}};
    s.next = malloc(BEAM * width * sizeof *s.next);
    s.used = calloc(BEAM, width);
    s.next_used = calloc(BEAM, width);
    if (s.next && s.used && s.next_used) {
        for (int at = 0; at < h->words.tokens; at++)
            keep_best(&s, successors(&s, h, r, at), reference_length);
        const path *best = &s.beam[0];
        *out = (meteor_counts){h->words.tokens, reference_length, best->exact, best->stem, best->chunks};
    }
    bool done = s.next && s.used && s.next_used;
    free(s.next);
    free(s.used);
    free(s.next_used);
    return done ? OK : err_set(ERR_SYSTEM, "out of memory for a report of %d tokens", reference_length);
}

/* Counts of one hypothesis against one reference. */
static err compare(struct sb_stemmer *stemmer, const char *hypothesis, const char *reference,
                   meteor_counts *out)
{
    ngram_table *table;
    stemmed h = {0}, r = {0};
    TRY(ngram_table_open(&table));
    err error = stemmed_open(table, stemmer, hypothesis, &h);
    if (error == OK) error = stemmed_open(table, stemmer, reference, &r);
    if (error == OK) error = align(&h, &r, out);
    stemmed_close(&h);
    stemmed_close(&r);
    ngram_table_close(table);
    return error;
}

static err add_sample(struct sb_stemmer *stemmer, const text_sample *sample, meteor_counts *sum)
{
    meteor_counts best = {0};
    for (int r = 0; r < sample->n_references; r++) {
        meteor_counts here;
        TRY(compare(stemmer, sample->hypothesis, sample->references[r], &here));
        if (r == 0 || value_of(&here) > value_of(&best)) best = here;
    }
    sum->length += best.length;
    sum->reference_length += best.reference_length;
    sum->exact += best.exact;
    sum->stem += best.stem;
    sum->chunks += best.chunks;
    return OK;
}

err metric_meteor_es(const text_sample *samples, int n, double *out)
{
    meteor_counts sum = {0};
    struct sb_stemmer *stemmer = sb_stemmer_new("english", NULL);
    if (!stemmer)
        return err_set(ERR_SYSTEM, "libstemmer gave no English stemmer: out of memory, or built without it");
    err error = OK;
    for (int i = 0; i < n && error == OK; i++) {
        if (samples[i].n_references < 1)
            error = err_set(ERR_DATA, "sample %d has no reference report; give it one or leave it out", i);
        else
            error = add_sample(stemmer, &samples[i], &sum);
    }
    sb_stemmer_delete(stemmer);
    if (error == OK) *out = n == 0 ? (double)NAN : value_of(&sum);
    return error;
}
