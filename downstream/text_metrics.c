#include "downstream/text_metrics.h"

#include "downstream/ngrams.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* The n-grams of all texts: sample i's hypothesis is texts[first[i]], its references follow up to first[i
 * + 1]. */
typedef struct corpus {
    ngram_table *table;
    ngrams *texts;
    int *first;
    int n, opened; /* samples; texts that are filled */
} corpus;

static void corpus_close(corpus *c)
{
    for (int i = 0; i < c->opened; i++) ngrams_close(&c->texts[i]);
    free(c->texts);
    free(c->first);
    ngram_table_close(c->table);
}

static err corpus_fill(corpus *c, const text_sample *samples)
{
    for (int i = 0; i < c->n; i++) {
        for (int r = -1; r < samples[i].n_references; r++) {
            const char *text = r < 0 ? samples[i].hypothesis : samples[i].references[r];
            TRY(ngrams_open(c->table, text, &c->texts[c->opened]));
            c->opened++;
        }
    }
    return OK;
}

static err corpus_open(const text_sample *samples, int n, corpus *out)
{
    size_t texts = 0;
    *out = (corpus){.n = n, .first = malloc(((size_t)n + 1) * sizeof(int))};
    if (!out->first) return err_set(ERR_SYSTEM, "out of memory for %d reports", n);
    err error = OK;
    for (int i = 0; i < n && error == OK; i++) {
        if (samples[i].n_references < 1)
            error = err_set(ERR_DATA, "sample %d has no reference report; give it one or leave it out", i);
        out->first[i] = (int)texts;
        texts += 1 + (size_t)samples[i].n_references;
    }
    out->first[n] = (int)texts;
    if (error == OK && !(out->texts = malloc((texts + 1) * sizeof *out->texts)))
        error = err_set(ERR_SYSTEM, "out of memory for %zu reports", texts);
    if (error == OK) error = ngram_table_open(&out->table);
    if (error == OK) error = corpus_fill(out, samples);
    if (error != OK) corpus_close(out);
    return error;
}

/* A view of one sample: a hypothesis and its references. */
typedef struct compared {
    const ngrams *hypothesis, *references;
    int n_references;
} compared;

static compared sample_of(const corpus *c, int i)
{
    const ngrams *texts = c->texts + c->first[i];
    return (compared){texts, texts + 1, c->first[i + 1] - c->first[i] - 1};
}

/* n-grams of the hypothesis that the references have, each counted at most as often as in one of them. */
static int clipped_matches(compared s, int order)
{
    const ngrams *h = s.hypothesis;
    int matches = 0;
    for (int at = 0; at < h->count[order];) {
        int count = ngrams_run(h, order, at), most = 0;
        for (int r = 0; r < s.n_references; r++) {
            int there = ngrams_occurrences(&s.references[r], order, h->sorted[order][at]);
            if (there > most) most = there;
        }
        matches += count < most ? count : most;
        at += count;
    }
    return matches;
}

static int closest_length(compared s)
{
    int best = s.references[0].tokens, length = s.hypothesis->tokens;
    for (int r = 1; r < s.n_references; r++) {
        int other = s.references[r].tokens;
        int nearer = abs(other - length) - abs(best - length);
        if (nearer < 0 || (nearer == 0 && other < best)) best = other;
    }
    return best;
}

static void bleu_of(const corpus *c, double bleu[4])
{
    double matched[4] = {0}, guessed[4] = {0}, length = 0.0, reference_length = 0.0;
    for (int i = 0; i < c->n; i++) {
        compared s = sample_of(c, i);
        length += s.hypothesis->tokens;
        reference_length += closest_length(s);
        for (int j = 0; j < 4; j++) {
            matched[j] += clipped_matches(s, j);
            guessed[j] += s.hypothesis->count[j];
        }
    }
    double r = (length + 1e-15) / (reference_length + 1e-9);
    double penalty = r < 1.0 ? exp(1.0 - 1.0 / r) : 1.0, product = 1.0;
    for (int j = 0; j < 4; j++) {
        product *= (matched[j] + 1e-15) / (guessed[j] + 1e-9);
        bleu[j] = c->n == 0 ? (double)NAN : pow(product, 1.0 / (j + 1.0)) * penalty;
    }
}

err metric_bleu(const text_sample *samples, int n, double bleu[4])
{
    corpus c;
    TRY(corpus_open(samples, n, &c));
    bleu_of(&c, bleu);
    corpus_close(&c);
    return OK;
}

/* Length of the longest common subsequence; `row` has room for b->tokens + 1 numbers. */
static int common_subsequence(const ngrams *a, const ngrams *b, int *row)
{
    for (int j = 0; j <= b->tokens; j++) row[j] = 0;
    for (int i = 0; i < a->tokens; i++) {
        int diagonal = 0; /* the value of the row above, one column before */
        for (int j = 1; j <= b->tokens; j++) {
            int above = row[j];
            if (a->token[i] == b->token[j - 1])
                row[j] = diagonal + 1;
            else if (row[j - 1] > above)
                row[j] = row[j - 1];
            diagonal = above;
        }
    }
    return row[b->tokens];
}

static double rouge_of_sample(compared s, int *row)
{
    const double weight = 1.2 * 1.2;
    double precision = 0.0, recall = 0.0;
    for (int r = 0; r < s.n_references; r++) {
        double common = common_subsequence(s.hypothesis, &s.references[r], row);
        if (common == 0.0) continue;
        precision = fmax(precision, common / s.hypothesis->tokens);
        recall = fmax(recall, common / s.references[r].tokens);
    }
    if (precision == 0.0) return 0.0;
    return (1.0 + weight) * precision * recall / (recall + weight * precision);
}

err metric_rouge_l(const text_sample *samples, int n, double *out)
{
    corpus c;
    TRY(corpus_open(samples, n, &c));
    int longest = 0;
    for (int i = 0; i < c.opened; i++)
        if (c.texts[i].tokens > longest) longest = c.texts[i].tokens;
    int *row = malloc(((size_t)longest + 1) * sizeof *row);
    if (row) {
        double sum = 0.0;
        for (int i = 0; i < n; i++) sum += rouge_of_sample(sample_of(&c, i), row);
        *out = n == 0 ? (double)NAN : sum / n;
    }
    free(row);
    corpus_close(&c);
    return row ? OK : err_set(ERR_SYSTEM, "out of memory for a report of %d tokens", longest);
}

/* weight[id] = ln N - ln max(1, samples with the n-gram `id` in a reference). The caller frees it, after a
 * failure, too.
 */
static err document_weights(const corpus *c, double **weight)
{
    size_t size = (size_t)ngram_table_size(c->table) + 1;
    *weight = calloc(size, sizeof **weight);
    int *last = calloc(size, sizeof *last); /* the last sample, from 1, that was counted for an n-gram */
    if (!*weight || !last) {
        free(last);
        return err_set(ERR_SYSTEM, "out of memory for %zu n-grams", size);
    }
    for (int i = 0; i < c->n; i++)
        for (int t = c->first[i] + 1; t < c->first[i + 1]; t++)
            for (int j = 0; j < NGRAM_ORDERS; j++)
                for (int p = 0; p < c->texts[t].count[j]; p++) {
                    uint32_t id = c->texts[t].sorted[j][p];
                    if (last[id] == i + 1) continue;
                    last[id] = i + 1;
                    (*weight)[id] += 1.0;
                }
    for (size_t id = 0; id < size; id++) (*weight)[id] = log(c->n) - log(fmax(1.0, (*weight)[id]));
    free(last);
    return OK;
}

static double norm_of(const ngrams *g, int order, const double *weight)
{
    double squares = 0.0;
    for (int at = 0, count; at < g->count[order]; at += count) {
        count = ngrams_run(g, order, at);
        double value = count * weight[g->sorted[order][at]];
        squares += value * value;
    }
    return sqrt(squares);
}

/* sum_g min(h_g, r_g) r_g / (|h| |r|) over the n-grams of one order, weighted counts h and r. */
static double clipped_cosine(const ngrams *h, const ngrams *r, int order, const double *weight)
{
    double sum = 0.0, norms = norm_of(h, order, weight) * norm_of(r, order, weight);
    for (int at = 0, count; at < h->count[order]; at += count) {
        count = ngrams_run(h, order, at);
        uint32_t id = h->sorted[order][at];
        int there = ngrams_occurrences(r, order, id);
        sum += (count < there ? count : there) * weight[id] * there * weight[id];
    }
    return norms > 0.0 ? sum / norms : 0.0;
}

static double cider_of_sample(compared s, const double *weight)
{
    double sum = 0.0;
    for (int r = 0; r < s.n_references; r++) {
        /* The difference of the lengths is taken in 2-grams: coco-caption's choice. */
        double difference = s.hypothesis->count[1] - s.references[r].count[1];
        double penalty = exp(-difference * difference / (2.0 * 6.0 * 6.0));
        for (int j = 0; j < NGRAM_ORDERS; j++)
            sum += clipped_cosine(s.hypothesis, &s.references[r], j, weight) * penalty;
    }
    return 10.0 * sum / NGRAM_ORDERS / s.n_references;
}

err metric_cider_d(const text_sample *samples, int n, double *out)
{
    corpus c;
    double *weight = NULL;
    TRY(corpus_open(samples, n, &c));
    err error = document_weights(&c, &weight);
    if (error == OK) {
        double sum = 0.0;
        for (int i = 0; i < n; i++) sum += cider_of_sample(sample_of(&c, i), weight);
        *out = n == 0 ? (double)NAN : sum / n;
    }
    free(weight);
    corpus_close(&c);
    return error;
}
